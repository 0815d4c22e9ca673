"""A page with a style and a link, and what takes a request apart."""

from django.http import HttpResponse
from django.templatetags.static import static
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt


def page(request):
    links = static("shop.css"), reverse("echo"), request.META["QUERY_STRING"]
    return HttpResponse('<link rel="stylesheet" href="%s"><a href="%s">%s</a>' % links)


@csrf_exempt
def echo(request):
    return HttpResponse(request.body, content_type=request.content_type, status=201)


urlpatterns = [path("", page), path("echo", echo, name="echo")]

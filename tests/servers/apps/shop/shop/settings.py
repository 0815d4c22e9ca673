"""A small project whose pages have styles. What it needs to live below a prefix are WhiteNoise and
the last line."""

import os

SECRET_KEY = "of a test"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
]
STATICFILES_DIRS = [os.path.join(os.path.dirname(__file__), "static")]
STATIC_URL = "static/"
FORCE_SCRIPT_NAME = os.environ.get("UVICORN_ROOT_PATH")

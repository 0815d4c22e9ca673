"""The WSGI app on gevent's server, with all that gevent replaces."""

from gevent import monkey

monkey.patch_all()

from gevent.pywsgi import WSGIServer  # noqa: E402
from wsgi import app  # noqa: E402

if __name__ == "__main__":
    WSGIServer(("127.0.0.1", 8000), app).serve_forever()

"""wsgi.py's app, after the time that a model takes to load."""

import time

from wsgi import app

time.sleep(2)
__all__ = ["app"]

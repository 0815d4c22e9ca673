"""An app that would have Python's threads replaced as it is imported."""

import threading

from gevent import monkey

monkey.patch_all()


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [threading.current_thread().__class__.__module__.encode("ascii")]

"""One request, one answer: touches the network, at the addresses that it is given."""

import base64
import http.client
import ssl
import time
from typing import Optional
from urllib.parse import urlsplit

from acceptance.messages import Answer, Question

PATIENCE = 120  # seconds
LARGEST = 64 << 20  # bytes of an answer


class Place:
    """Where requests go: scheme, host, port and a path before all others."""

    def __init__(self, url: str, auth: str = "", insecure: bool = False) -> None:
        parts = urlsplit(url if "://" in url else "https://" + url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("%r is no address like https://openwhisk.example.com" % url)
        self.url = "%s://%s" % (parts.scheme, parts.netloc)
        self.prefix = parts.path.rstrip("/")
        self._parts = parts
        self._auth = auth
        self._insecure = insecure

    def ask(self, question: Question) -> Answer:
        connection = self._connection()
        headers = dict(question.headers)
        if self._auth:
            key = base64.b64encode(self._auth.encode()).decode()
            headers["Authorization"] = "Basic " + key
        began = time.monotonic()
        try:
            path = self.prefix + question.path
            connection.request(question.method, path, question.body or None, headers)
            response = connection.getresponse()
            body = response.read(LARGEST)
            seconds = time.monotonic() - began
            return Answer(response.status, response.getheaders(), body, seconds)
        finally:
            connection.close()

    def below(self, path: str) -> "Place":
        """Without the key: that is for the REST API alone."""
        return Place(self.url + self.prefix + path, insecure=self._insecure)

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=PATIENCE)
        context: Optional[ssl.SSLContext] = None
        if self._insecure:
            context = ssl._create_unverified_context()
        return http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)

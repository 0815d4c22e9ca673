"""One request, one answer: touches the network, at the addresses that it is given."""

import base64
import http.client
import socket
import ssl
import time
from typing import List, Optional, Tuple
from urllib.parse import urlsplit

from acceptance.messages import Answer, Question

PATIENCE = 120  # seconds
LARGEST = 64 << 20  # bytes of an answer


class Unreachable(OSError):
    """No answer came, or none that is HTTP: says from where, and the likely cause."""


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
            status, lines, body = answered(connection)
            return Answer(status, lines, body, time.monotonic() - began)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(reason_from_error(self.url, error)) from error
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


def answered(connection: http.client.HTTPConnection) -> Tuple[int, List[Tuple[str, str]], bytes]:
    response = connection.getresponse()
    body = response.read(LARGEST)
    if response.length:  # what is still missing of the Content-Length
        raise http.client.IncompleteRead(body, response.length)
    return response.status, response.getheaders(), body


def reason_from_error(url: str, error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message
        return "%s isn't trusted: %s (--insecure believes any certificate)" % (url, reason)
    if isinstance(error, ssl.SSLError):
        return "%s doesn't speak TLS (%s): is it http://?" % (url, error.reason)
    if isinstance(error, http.client.IncompleteRead):
        return "%s broke off within an answer" % url
    if isinstance(error, http.client.HTTPException):
        return "%s doesn't answer as a web server does" % url
    if isinstance(error, socket.gaierror):
        return "%s: there is no such host" % url
    if isinstance(error, socket.timeout):
        return "%s hasn't answered for %d seconds" % (url, PATIENCE)
    return "%s can't be reached: %s" % (url, getattr(error, "strerror", None) or error)

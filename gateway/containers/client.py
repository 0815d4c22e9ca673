"""The platform's HTTP client for containers: one POST on a connection of its own, one answer or
none.

Touches the network: the container's address alone. Where an answer sends it elsewhere the platform
would go; here that would be this machine's other servers, at the container's choice."""

import asyncio
import re
import socket
from typing import Any, List, NamedTuple, Optional, Tuple
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from gateway.containers.outcome import REPLY_LIMIT, Reply
from gateway.http import jsontext
from gateway.http.mediatypes import codec_from_charset

USER_AGENT = "Apache-HttpClient/4.5.13 (Java/17.0.15)"
RETRY_SECONDS = 0.05
MOST_REDIRECTS = 50
MOST_ANNOUNCED = 50
WITHOUT_BODY = (204, 205, 304)
# The platform's client unpacks these by itself, and then no longer knows a length.
UNPACKED = ("gzip", "x-gzip", "deflate")

CHARSET = re.compile(r';[ \t]*charset[ \t]*=[ \t]*"?([^\s";]+)', re.IGNORECASE)

Headers = List[Tuple[str, str]]


class Head(NamedTuple):
    status: int
    headers: Headers

    def get(self, name: str) -> Optional[str]:
        return next((value for key, value in self.headers if key == name), None)


class NoReply(Exception):
    """The container gave no answer that the platform would take."""


class NotListening(Exception):
    """Nothing was sent, because nobody listens at the address (yet)."""


async def post(
    host: str,
    port: int,
    path: str,
    body: bytes,
) -> Reply:
    """Raises NoReply or NotListening; time limits are the caller's."""
    place = (host, port)
    url = f"http://{authority(host, port)}{path}"
    reply, location = await exchange(place, url, "POST", body)
    for _ in range(MOST_REDIRECTS):
        if location is None:
            return reply
        try:
            url = urljoin(url, location)
            reply, location = await exchange(place, url, "GET", None)
        except (ValueError, NotListening) as error:
            raise NoReply(f"redirected to where nobody is: {error}") from error
    raise NoReply(f"more than {MOST_REDIRECTS} redirects")


async def post_when_listening(
    host: str,
    port: int,
    path: str,
    body: bytes,
) -> Reply:
    while True:
        try:
            return await post(host, port, path, body)
        except NotListening:
            await asyncio.sleep(RETRY_SECONDS)


async def exchange(
    place: Tuple[str, int],
    url: str,
    method: str,
    body: Optional[bytes],
) -> Tuple[Reply, Optional[str]]:
    parts = urlsplit(url)
    if parts.scheme != "http" or (parts.hostname, parts.port or 80) != place:
        raise NoReply("redirected to another place")
    reader, writer = await connect(*place)
    try:
        writer.write(request_bytes(parts, method, body))
        return await read_reply(reader, method)
    except OSError as error:
        raise NoReply(str(error)) from error
    finally:
        # An answer that is not read to its end must not hold the container up.
        writer.transport.abort()


Streams = Tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(host: str, port: int) -> Streams:
    try:
        return await asyncio.open_connection(host, port)
    except socket.gaierror as error:
        raise NoReply(f"no such host: {host}") from error
    except OSError as error:
        raise NotListening(str(error)) from error


def request_bytes(parts: SplitResult, method: str, body: Optional[bytes]) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", "Accept: application/json"]
    if body is not None:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    lines += [f"Host: {parts.netloc}", "Connection: Keep-Alive", f"User-Agent: {USER_AGENT}"]
    lines += ["Accept-Encoding: gzip,deflate", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace") + (body or b"")


async def read_reply(
    reader: asyncio.StreamReader,
    method: str,
) -> Tuple[Reply, Optional[str]]:
    answer = Answer(method)
    while not answer.complete:
        answer.feed(await reader.read(65536))
    return answer.reply(), answer.redirect()


class Answer:
    """Collects a container's answer from the bytes as they come; does no reading itself."""

    def __init__(self, method: str = "POST"):
        self.method = method
        self.head: Optional[Head] = None
        self.length = 0
        self.body = bytearray()
        self.complete = False
        self._announced = 0
        self._parser = h11.Connection(h11.CLIENT)
        headers = [("Host", "container")]
        self._parser.send(h11.Request(method=method, target="/", headers=headers))
        self._parser.send(h11.EndOfMessage())

    def feed(self, data: bytes) -> None:
        """No data means that the container closed the connection."""
        try:
            self._parser.receive_data(data)
            while not self.complete:
                event = self._parser.next_event()
                if event is h11.NEED_DATA:
                    break
                self._take(event)
        except h11.RemoteProtocolError as error:
            raise NoReply(str(error)) from error

    def _take(self, event: Any) -> None:
        if isinstance(event, h11.Response):
            self.head = head_from_event(event)
            self.length = known_length(self.head)
        elif isinstance(event, h11.InformationalResponse):
            self._announced += 1
            if self._announced > MOST_ANNOUNCED:
                raise NoReply("an answer that is announced for ever")
        elif isinstance(event, h11.Data):
            self.body += event.data
            self.complete = len(self.body) >= min(self.length, REPLY_LIMIT)
        elif isinstance(event, h11.EndOfMessage):
            self.complete = True
        elif isinstance(event, h11.ConnectionClosed):
            raise NoReply("the connection was closed before an answer")

    def reply(self) -> Reply:
        """Of a complete answer."""
        assert self.head is not None
        kept = bytes(self.body[:REPLY_LIMIT])
        text = kept.decode(charset_of(self.head), "replace")
        return Reply(self.head.status, jsontext.whole_characters(text), self.length)

    def redirect(self) -> Optional[str]:
        """The platform's client follows a 303, and from then on, being a GET, other redirects
        too."""
        assert self.head is not None
        followed = (303,) if self.method == "POST" else (301, 302, 303, 307)
        return self.head.get("location") if self.head.status in followed else None


def charset_of(head: Head) -> str:
    found = CHARSET.search(head.get("content-type") or "")
    return codec_from_charset(found.group(1) if found else "utf-8")


def head_from_event(event: h11.Response) -> Head:
    pairs = []
    for name, value in event.headers:
        pairs.append((name.decode("ascii"), value.decode("latin-1")))
    return Head(event.status_code, pairs)


def known_length(head: Head) -> int:
    length = head.get("content-length")
    if head.status in WITHOUT_BODY or length is None or head.get("transfer-encoding"):
        raise NoReply("an answer without a length")
    encoding = head.get("content-encoding") or ""
    if int(length) and encoding.lower() in UNPACKED:
        raise NoReply("a compressed answer")
    return int(length)


def authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

"""HTTP to one host at a time: connections that are kept, answers that are read bit by bit.

Talks to the network.
"""

import base64
import contextlib
import http.client
import os
import socket
import ssl
import time
from typing import BinaryIO, Callable, Dict, List, Optional, Set, Tuple, Union
from urllib.parse import unquote, urlsplit
from urllib.request import (  # type: ignore[attr-defined]
    getproxies_environment,
    proxy_bypass_environment,
)

from images.registry.addresses import Place, is_loopback_name, places_of
from images.words import Absent, Broken, RegistryError

CONNECT_SECONDS, READ_SECONDS = 10, 60
DOCUMENT_SECONDS = 120  # for all of a manifest, a config or a refusal
REASON_LENGTH = 100
# What OpenSSL says of a certificate that only lacks somebody to vouch for it.
SIGNER_UNKNOWN = (18, 19, 20, 21)
MOST_AT_ONCE = 1 << 20
SHORT = 1 << 14  # bytes of an answer that are read so that its connection can be kept

Body = Union[bytes, BinaryIO, None]
Check = Callable[[List[Place]], None]
Key = Tuple[str, str, int]


class Answer:
    """Being read; closed, or read to its end, it gives its connection back."""

    def __init__(self, method: str, url: str, raw: http.client.HTTPResponse, done: "Done") -> None:
        self.method, self.url, self.raw, self.done = method, url, raw, done
        self.status = raw.status
        self.headers: Dict[str, str] = {}
        for name, value in raw.getheaders():
            self.headers.setdefault(name.lower(), value)

    @property
    def reason(self) -> str:
        return self.raw.reason[:REASON_LENGTH]

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def read(self, size: int) -> bytes:
        """Raises Broken where the answer ends early."""
        try:
            data = self.raw.read1(size)  # what there is: a slow sender is noticed
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise Broken(f"{self.method} {bare(self.url)}: {error!r}")
        if size and not data and self.raw.length:
            raise Broken(f"{self.method} {bare(self.url)}: ended {self.raw.length} bytes early")
        return data

    def read_up_to(self, limit: int) -> bytes:
        """All of it; at most a byte more than `limit`."""
        pieces: List[bytes] = []
        size = 0
        until = time.monotonic() + DOCUMENT_SECONDS
        while size <= limit:
            if time.monotonic() > until:
                raise Broken(
                    f"{self.method} {bare(self.url)}: {size} bytes in {DOCUMENT_SECONDS} s"
                )
            piece = self.read(limit + 1 - size)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        with contextlib.suppress(http.client.HTTPException, OSError, ValueError):
            if self.raw.length and self.raw.length <= SHORT:
                self.raw.read1(self.raw.length)  # what has arrived; nobody waits for more
            if self.raw.length == 0:
                self.raw.read()
        whole = self.raw.isclosed()
        self.raw.close()
        self.done(whole and not self.raw.will_close)


Done = Callable[[bool], None]


class AsFile:
    """An answer, as tarfile reads it: as much of it as was promised."""

    def __init__(self, answer: Answer, size: int) -> None:
        self.answer, self.left = answer, size

    def read(self, size: int = -1) -> bytes:
        wanted = MOST_AT_ONCE if size < 0 else size
        data = self.answer.read(min(wanted, self.left))
        self.left -= len(data)
        return data


class Connections:
    """The idle ones by host; each is used by one question at a time."""

    def __init__(self) -> None:
        self.idle: Dict[Key, http.client.HTTPConnection] = {}
        self.answered: Set[Key] = set()
        self.proxies: Dict[str, str] = getproxies_environment()
        self.tls = ssl.create_default_context()
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        if bundle:
            self.tls.load_verify_locations(bundle)

    def ask(
        self, method: str, url: str, headers: Dict[str, str], body: Body, check: Check
    ) -> Answer:
        """`check` sees the addresses before anything is sent to one.

        Raises Broken, or RegistryError.
        """
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        key = (parts.scheme, parts.hostname or "", port)
        path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        try:
            kept = self.idle.pop(key, None)
            raw = self.try_again(kept, method, path, headers, body) if kept else None
            if kept and raw:
                return self.answer(key, kept, method, url, raw)
            connection = self.connected(key, check)
            raw = exchanged(connection, method, path, headers, body)
            return self.answer(key, connection, method, url, raw)
        except ssl.SSLCertVerificationError as error:
            raise RegistryError(f"{method} {bare(url)}: {distrust_text(error)}")
        except ssl.SSLError as error:
            hint = f"no TLS ({error}); --insecure if {parts.netloc} speaks plain HTTP"
            told = f"{method} {bare(url)}: {repr(error) if key in self.answered else hint}"
            is_broken = key in self.answered or isinstance(error, ssl.SSLEOFError)
            raise Broken(told) if is_broken else RegistryError(told)
        except (http.client.HTTPException, OSError, ValueError) as error:
            told = f"{method} {bare(url)}: {self.cause(key, error)}"
            raise Absent(told) if self.is_nobody_here(key, error) else Broken(told)

    def is_nobody_here(self, key: Key, error: Exception) -> bool:
        """A registry that is being started anew is waited for, but not on this machine."""
        refused = isinstance(error, ConnectionRefusedError)
        return refused and is_loopback_name(key[1]) and not self.proxy_for(*key)

    def cause(self, key: Key, error: Exception) -> str:
        """A proxy that is down is easily taken for a registry that is."""
        told = getattr(error, "strerror", None) or repr(error)
        proxy = self.proxy_for(*key)
        if not proxy:
            return told + self.hint(key, error)
        place = proxy.rpartition("@")[2].rpartition("//")[2]
        return f"{told}, through the proxy {place} (HTTPS_PROXY, HTTP_PROXY, NO_PROXY)"

    def hint(self, key: Key, error: Exception) -> str:
        """What is likely, as long as nobody has ever answered there."""
        if key in self.answered:
            return ""
        if isinstance(error, ConnectionRefusedError):
            place = f"{key[1]}:{key[2]}"
            return f": nothing listens at {place}: is the registry running, is the port right?"
        if isinstance(error, (http.client.HTTPException, ConnectionError)):
            return "; is that a registry's port?"
        return ""

    def try_again(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        headers: Dict[str, str],
        body: Body,
    ) -> Optional[http.client.HTTPResponse]:
        """A kept connection may have been closed meanwhile: then nothing has been executed."""
        if body is not None and not isinstance(body, bytes):
            connection.close()
            return None
        try:
            return exchanged(connection, method, path, headers, body)
        except (ConnectionError, ssl.SSLEOFError):
            return None

    def connected(self, key: Key, check: Check) -> http.client.HTTPConnection:
        scheme, host, port = key
        proxy = self.proxy_for(scheme, host, port)
        if proxy:
            with contextlib.suppress(Broken):  # only the proxy may be able to find it
                check(places_of(host, port))
            return self.through(proxy, key)
        places = places_of(host, port)
        check(places)
        connection = self.new(scheme, host, port)
        plain = socket_to(places)
        tls = scheme == "https"
        connection.sock = self.tls.wrap_socket(plain, server_hostname=host) if tls else plain
        return connection

    def new(self, scheme: str, host: str, port: int) -> http.client.HTTPConnection:
        if scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=READ_SECONDS, context=self.tls)
        return http.client.HTTPConnection(host, port, timeout=READ_SECONDS)

    def proxy_for(self, scheme: str, host: str, port: int) -> str:
        proxy = self.proxies.get(scheme, "")
        bypassed = proxy and proxy_bypass_environment(f"{host}:{port}", self.proxies)
        return "" if bypassed or host in ("localhost", "127.0.0.1", "::1") else proxy

    def through(self, proxy: str, key: Key) -> http.client.HTTPConnection:
        scheme, host, port = key
        parts = urlsplit(proxy if "://" in proxy else "http://" + proxy)
        connection = self.new(scheme, parts.hostname or "", parts.port or 3128)
        connection.set_tunnel(host, port, headers=proxy_headers(parts.username, parts.password))
        return connection

    def answer(
        self,
        key: Key,
        connection: http.client.HTTPConnection,
        method: str,
        url: str,
        raw: http.client.HTTPResponse,
    ) -> Answer:
        self.answered.add(key)

        def done(reusable: bool) -> None:
            if reusable and key not in self.idle:
                self.idle[key] = connection
            elif self.idle.get(key) is not connection:
                connection.close()

        return Answer(method, url, raw, done)

    def close(self) -> None:
        for connection in self.idle.values():
            connection.close()
        self.idle.clear()


def exchanged(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Dict[str, str],
    body: Body,
) -> http.client.HTTPResponse:
    try:
        try:
            send(connection, method, path, headers, body)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            # A server that refuses a body says so before it has read it.
            return connection.getresponse()
        return connection.getresponse()
    except BaseException:
        connection.close()
        raise


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Dict[str, str],
    body: Body,
) -> None:
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    if isinstance(body, bytes):
        if body:
            connection.send(body)
    elif body is not None:
        for piece in iter(lambda: body.read(1 << 16), b""):
            connection.send(piece)


def distrust_text(error: ssl.SSLCertVerificationError) -> str:
    told = f"its TLS certificate isn't trusted ({error.verify_message.rstrip('.')})"
    cure = "; SSL_CERT_FILE names a file with the certificate of whoever has signed it"
    return told + (cure if error.verify_code in SIGNER_UNKNOWN else "")


def socket_to(places: List[Place]) -> socket.socket:
    """To the first address that answers, of those that were checked."""
    failure: Optional[OSError] = None
    for place in places:
        plain = socket.socket(place.family, socket.SOCK_STREAM)
        plain.settimeout(CONNECT_SECONDS)
        try:
            plain.connect(place.sockaddr)
        except OSError as error:
            plain.close()
            failure = error
        else:
            plain.settimeout(READ_SECONDS)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return plain
    raise failure or OSError("no address")


def proxy_headers(username: Optional[str], password: Optional[str]) -> Dict[str, str]:
    if not username:
        return {}
    pair = f"{unquote(username)}:{unquote(password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def bare(url: str) -> str:
    """Without its query, which may hold a signature, and without a name and password."""
    return url.partition("?")[0]

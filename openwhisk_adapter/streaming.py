"""An answer handed on as it comes, to the relay of OPENWHISK_STREAM: touches one connection to it.

OpenServerless has such a relay: it adds STREAM_HOST and STREAM_PORT to the JSON of a request, waits
for one connection at that port, and hands its client whatever comes over it until it is closed.
"""

import re
import socket
from typing import Any, Callable, NamedTuple, Optional

from openwhisk_adapter.envelope import json_from_value, value_from_json
from openwhisk_adapter.mediatypes import media_from_text
from openwhisk_adapter.messages import Request, Response
from openwhisk_adapter.sinks import Kept, Sink

Tell = Callable[[str], None]

HOST = "STREAM_HOST"
PORT = "STREAM_PORT"
PORT_NUMBER = re.compile(r"[0-9]{1,5}\Z")
PATIENCE = 10  # seconds in which the relay takes a connection, or some of what it is sent


class Relayed(NamedTuple):
    """A request without what the relay has added to it."""

    request: Request
    host: str
    port: int


def relayed_from_request(request: Request) -> Optional[Relayed]:
    """None for a request that came without a relay."""
    values = json_object_of(request)
    if values is None or HOST not in values or PORT not in values:
        return None
    host = str(values.pop(HOST))
    port = str(values.pop(PORT))
    if not PORT_NUMBER.match(port) or not 0 < int(port) < 65536:
        return None
    without_relay = with_body(request, json_from_value(values))
    return Relayed(without_relay, host, int(port))


def json_object_of(request: Request) -> Optional[Any]:
    if PORT.encode() not in request.body:
        return None
    if not media_from_text(content_type_of(request)).is_json:
        return None
    try:
        values = value_from_json(request.body)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def content_type_of(request: Request) -> str:
    for name, value in request.headers:
        if name == "content-type":
            return value
    return ""


def with_body(request: Request, body: bytes) -> Request:
    headers = []
    for name, value in request.headers:
        if name == "content-length":
            value = str(len(body))
        headers.append((name, value))
    return request._replace(headers=headers, body=body)


class Stream(Sink):
    """All is kept as well: should the relay fail, the answer is as it would be without one."""

    def __init__(self, connection: socket.socket, log: Tell) -> None:
        self.kept = Kept()
        self.is_whole = True
        self._connection = connection
        self._log = log

    def add(self, piece: bytes) -> None:
        self.kept.add(piece)
        if not self.is_whole:
            return
        try:
            self._connection.sendall(piece)
        except OSError as error:
            self.is_whole = False
            self._log("the relay has gone: %s" % error)

    def body(self) -> bytes:
        return self.kept.body()

    def close(self) -> None:
        self._connection.close()


def stream_to(relayed: Relayed, relay: str, log: Tell) -> Optional[Stream]:
    """A client could name any host: nothing but the relay of the setting is ever connected to."""
    if relayed.host != relay:
        log(
            "STREAM_HOST isn't the relay that OPENWHISK_STREAM names: the answer goes the usual way"
        )
        return None
    try:
        connection = socket.create_connection((relay, relayed.port), PATIENCE)
    except OSError as error:
        log("the relay %s can't be reached: %s" % (relay, error))
        return None
    return Stream(connection, log)


def what_was_streamed(response: Response) -> Response:
    """In the place of an answer that its client has already."""
    told = json_from_value({"status": response.status, "bytes": len(response.body)})
    return Response(response.status, [("Content-Type", "application/json")], told)

"""The container's port: reads the platform's two calls, hands on all else. Touches that socket."""

import contextlib
import errno
import socket
import struct
import threading
from select import POLLIN, poll
from time import monotonic, sleep
from typing import Any, Callable, Dict, NamedTuple, Optional, Set

from openwhisk_adapter.action import Action
from openwhisk_adapter.contract import (
    CONTINUE,
    END_OF_HEAD,
    INIT,
    LONGEST_HEAD,
    RUN,
    SILENCE,
    bytes_from_reply,
    size_from_head,
    waits_for_continue,
)
from openwhisk_adapter.log import Log
from openwhisk_adapter.messages import Refused
from openwhisk_adapter.model import Model
from openwhisk_adapter.servers import Unreachable
from openwhisk_adapter.wire import Pace, hang_up
from openwhisk_adapter.workers import Workers

SWEEP = 5  # seconds between two looks for connections that have been silent for too long
PAUSED = 0.25  # seconds between two looks whether connections are to be taken again
BACKLOG = 1024
NOT_OURS = (errno.EBADF, errno.ENOTSOCK, errno.EINVAL)
CLOSED = "the model has closed the port of its container, which ends: the next request gets another"


class Silent(NamedTuple):
    """A connection over which nothing has come yet."""

    connection: socket.socket
    since: float


class Listener:
    def __init__(
        self,
        listening: socket.socket,
        action: Action,
        model: Model,
        platform: bool,
        log: Log,
    ) -> None:
        self.socket = listening
        self.action = action
        self.platform = platform
        self._model = model
        self._log = log
        self._workers = Workers(self._handle, self._at_once)
        self._ready = poll()
        self._silent: Dict[int, Silent] = {}
        self._open: Set[socket.socket] = set()
        self._may_accept = False
        self._give_up: Callable[[str], None] = log.error
        self.resume()

    def when_closed(self, give_up: Callable[[str], None]) -> None:
        """What ends this process: nobody reaches it any more."""
        self._give_up = give_up

    def is_idle(self) -> bool:
        server = self._model.server
        if server is not None and server.is_busy():
            return False
        return not self._open and not self.action.is_answering()

    def pause(self) -> None:
        """Somebody else takes the connections for a while; those that are here stay."""
        self._may_accept = False
        self._ready.unregister(self.socket)

    def resume(self) -> None:
        self._may_accept = True
        self._ready.register(self.socket, POLLIN)

    def accept_for_ever(self) -> None:
        """A connection costs a thread only once something has come over it."""
        self.socket.setblocking(False)
        while True:
            try:
                self._take_connections()
            except BaseException as error:  # a model may do anything to the threads that there are
                self._log.error("a connection was lost: %s" % error)
                sleep(0.01)

    def _take_connections(self) -> None:
        for descriptor, _ in self._ready.poll(self._patience()):
            if descriptor in self._silent:
                self._give(self._no_longer_silent(descriptor))
            elif self._may_accept:
                self._accept()
        self._sweep(monotonic() - SILENCE)

    def _patience(self) -> Optional[float]:
        if not self._may_accept:
            return PAUSED * 1000
        return SWEEP * 1000 if self._silent else None

    def _accept(self) -> None:
        try:
            connection, _ = self.socket.accept()
        except BlockingIOError:  # whoever it was has gone
            return
        except OSError as error:
            if error.errno in NOT_OURS:
                self._give_up(CLOSED)
            self._log.error("a connection can't be taken: %s" % error)
            self._sweep(monotonic())
            sleep(0.01)  # not all of the time is for saying so
            return
        if has_said_something(connection):
            self._give(connection)
        else:
            self._silent[connection.fileno()] = Silent(connection, monotonic())
            self._ready.register(connection, POLLIN)

    def _no_longer_silent(self, descriptor: int) -> socket.socket:
        self._ready.unregister(descriptor)
        return self._silent.pop(descriptor).connection

    def _sweep(self, before: float) -> None:
        """Ends the connections that have said nothing since then."""
        for descriptor, silent in list(self._silent.items()):
            if silent.since < before:
                self._no_longer_silent(descriptor).close()

    def _give(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            self._workers.give(connection)
        except RuntimeError as error:  # at the limit of threads those that are there go on
            self._log.error("a connection is turned away: %s" % error)
            self._open.discard(connection)
            connection.close()

    def _at_once(self) -> int:
        server = self._model.server
        return server.at_once if server is not None else 1000

    def _handle(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._serve(connection)
        except BaseException as error:  # a model's code may have raised SystemExit
            self._log.error("a connection ended early: %s" % error)
        finally:
            self._open.discard(connection)

    def _serve(self, connection: socket.socket) -> None:
        set_patience(connection)
        call = self._call_of(connection)
        try:
            if call is not None:
                call(body_from_connection(connection), self._reply_to(connection))
            elif connection.recv(1, socket.MSG_PEEK):
                self._pass_on(connection)
        except Refused as refusal:
            send(connection, refusal.response.status, refusal.response.body)

    def _pass_on(self, connection: socket.socket) -> None:
        server = self._model.server or self._model.load()
        try:
            server.pass_on(connection)
        except Unreachable as failure:  # this client's head has been read; the next one is served
            self._model.look_again(server, failure)
            raise Refused(502, str(failure))

    def _reply_to(
        self,
        connection: socket.socket,
    ) -> Callable[[int, bytes], None]:
        this_thread = threading.get_ident()

        def reply(status: int, body: bytes) -> None:
            if threading.get_ident() == this_thread:  # and not the one that watches deadlines
                self._workers.finishing()
            send(connection, status, body)

        return reply

    def _call_of(
        self,
        connection: socket.socket,
    ) -> Optional[Callable[[bytes, Any], None]]:
        """/init and /run where the platform is; everywhere else these paths too are the model's."""
        if not self.platform:
            return None
        start = connection.recv(len(INIT), socket.MSG_PEEK | socket.MSG_WAITALL)
        if start.startswith(RUN):
            return self.action.run
        if start.startswith(INIT):
            return self.action.init
        return None


def has_said_something(connection: socket.socket) -> bool:
    """Or has gone, which is soon dealt with."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def set_patience(connection: socket.socket) -> None:
    connection.setblocking(True)  # a model may have called socket.setdefaulttimeout
    limit = struct.pack("ll", SILENCE, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def body_from_connection(connection: socket.socket) -> bytes:
    """Of a POST as the platform's clients send it: with a Content-Length."""
    data = b""
    pace = Pace()
    while END_OF_HEAD not in data and len(data) <= LONGEST_HEAD:
        received = connection.recv(LONGEST_HEAD)
        if not received:
            break
        data += received
        pace.has_come(len(received))
    head, _, body = data.partition(END_OF_HEAD)
    size = size_from_head(head)
    if waits_for_continue(head):
        connection.sendall(CONTINUE)
    body = body[:size]
    pace.end_head()
    while len(body) < size:  # MSG_WAITALL or not, a pause of the container ends a recv
        received = connection.recv(size - len(body), socket.MSG_WAITALL)
        if not received:
            break
        body += received
        pace.has_come(len(received))
    return body


def send(connection: socket.socket, status: int, body: bytes) -> None:
    with contextlib.suppress(OSError):  # whoever asked may have gone
        connection.sendall(bytes_from_reply(status, body))
        hang_up(connection)

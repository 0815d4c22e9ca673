"""A Python program in this process: touches the main thread, the script's two streams and /proc."""

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Optional

from openwhisk_adapter.log import Log, without_sentinel
from openwhisk_adapter.servers import Server
from openwhisk_adapter.starting import GRACE, TARGET_IS_OURS, Started
from openwhisk_adapter.starting.asgi import UvicornCapture
from openwhisk_adapter.starting.capture import (
    NeedsOwnProcess,
    Places,
    patching_places,
    wait_for_ever,
    wsgi_places,
)
from openwhisk_adapter.starting.commands import Program
from openwhisk_adapter.starting.family import MARK, Family
from openwhisk_adapter.starting.program import (
    Runnable,
    runnable_from_app,
    runnable_from_program,
)
from openwhisk_adapter.starting.signals import Signals
from openwhisk_adapter.starting.sockets import sockets_of
from openwhisk_adapter.starting.wanted import Wanted

if TYPE_CHECKING:
    from openwhisk_adapter.servers.asgi import Asgi

SERVED_NOTHING = "%s came to its end without serving an app or opening a port"
SERVES_NO_MORE = "%s came to its end"


class Script(Started):
    """`taken` is told the server that the program would be; or `ended`, how it came to its end; or
    `elsewhere`, that it needs a process of its own."""

    shortest_pause = 0.1  # a look takes its time from the script that is loading

    def __init__(
        self,
        program: Optional[Program],
        app_name: str,
        wanted: Wanted,
        own_port: int,
        log: Log,
        taken: Callable[[Server], None],
        ended: Callable[[str], None],
        elsewhere: Callable[[], None],
        signals: Signals,
    ) -> None:
        self.name = program.name if program is not None and not app_name else app_name
        self._program = program
        self._app_name = app_name
        self.has_ended = threading.Event()
        self._app_is_taken = False
        self._log = log
        self._taken = taken
        self._ended = ended
        self._elsewhere = elsewhere
        self._signals = signals
        self._pid = os.getpid()
        self._uvicorn = UvicornCapture(self._is_wanted, self._take_server, self._lose_server)
        places = wsgi_places(self.take, self._is_wanted)
        places.update(self._uvicorn.places())
        places.update(patching_places(bool(app_name)))
        self._places = Places(places)
        self._asgi: Optional[Asgi] = None
        self._answered = 0
        signals.share()
        mark = os.urandom(8).hex()
        os.environ[MARK] = mark
        self._family = Family(mark)
        self._known_sockets = set(sockets_of([os.getpid()]))
        self._wanted = wanted._replace(is_here=True)
        self._own_port = own_port

    # -- in the main thread ------------------------------------------------------------------------

    def runnable(self) -> Runnable:
        watch_streams(self._log)
        if self._app_name or self._program is None:
            return runnable_from_app(self._app_name, self.take)
        return runnable_from_program(self._program)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Around exec; whatever happens there is told as python would tell it."""
        how = ""
        code = 0
        tell = self._ended
        self._places.watch()
        try:
            yield
            wait_for_threads()
            how = (SERVED_NOTHING if self._asgi is None else SERVES_NO_MORE) % self.name
        except NeedsOwnProcess:
            tell = self._go_elsewhere
        except SystemExit as leaving:
            wait_for_threads()
            code = self._exit_code(leaving)
            how = "%s ended with exit code %d" % (self.name, code)
        except BaseException as error:
            self._log.tail.add(self._log.exception())
            how = "%s ended with %s" % (self.name, type(error).__name__)
            error.__traceback__ = None  # its frames hold what the script had: sockets, a model
            code = 1
        finally:
            self._places.undo.close()
            if os.getpid() != self._pid:  # a process that the script has forked
                sys.exit(code)
        self.has_ended.set()
        if self._asgi is not None:  # its loop may have stopped without uvicorn
            self._asgi.lose_port()
            self._lose_server()
        if not self._app_is_taken:
            tell(how)

    def _go_elsewhere(self, _: str) -> None:
        self._elsewhere()

    def take(self, app: Any) -> None:
        """In the place of a server that would serve it for ever: its thread waits here."""
        from openwhisk_adapter.servers.wsgi import Wsgi

        self._app_is_taken = True
        self._places.undo.close()
        self._taken(Wsgi(app, self._log.exception))
        wait_for_ever()

    # -- in the thread of uvicorn's loop -----------------------------------------------------------

    def _is_wanted(self, port: int) -> bool:
        """Not a second one, and not that of a process which the script has forked."""
        if self._app_is_taken or os.getpid() != self._pid:
            return False
        return self._wanted.target in (0, port)

    def _take_server(self, server: "Asgi") -> None:
        self._app_is_taken = True
        self._asgi = server
        if not self._path_of_readiness():
            self._taken(server)

    def _lose_server(self) -> None:
        """uvicorn has shut it down; the script goes on, to its end most often."""
        self._app_is_taken = False

    def _exit_code(self, leaving: SystemExit) -> int:
        """As python: a number is the exit status, anything else a last word."""
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        self._log.error(str(leaving.code))
        self._log.tail.add("%s\n" % (leaving.code,))
        return 1

    # -- for who loads the model -------------------------------------------------------------------

    def look(self) -> Optional[Server]:
        """The tables of ports are read only if there is a socket that could be in one."""
        if self._asgi is not None and self._app_is_taken:
            return self._asgi if self._is_ready(self._asgi) else None
        if self._is_target_ours():
            return None
        if self.ports is None and (self._wanted.target or self._has_new_sockets()):
            from openwhisk_adapter.starting.ports import Ports  # an app that is taken does without

            self.ports = Ports(self._wanted, self._own_port, self._pids, self._known_sockets)
        return super().look()

    def what_is_missing(self) -> str:
        if self._asgi is not None:
            return "%d at %s" % (self._answered, self._path_of_readiness())
        if self._is_target_ours():
            return TARGET_IS_OURS % self._own_port
        return super().what_is_missing()

    def _is_target_ours(self) -> bool:
        """Right for an app that is taken as it is about to be served there, and for no other."""
        return self._wanted.target == self._own_port

    def has_ended_within(self, seconds: float) -> bool:
        return self.has_ended.wait(seconds)

    def stop(self) -> None:
        """By itself, if it has a handler that was called; without one python would end at once."""
        if self._signals.is_told_to_script:
            self.has_ended.wait(GRACE)
        self._family.end(GRACE)

    def _path_of_readiness(self) -> str:
        return self._wanted.ready or self._wanted.health

    def _is_ready(self, server: "Asgi") -> bool:
        """A server that has started up may still load its model, and say so."""
        path = self._path_of_readiness()
        if path:
            self._answered = server.status_at(path)
        return not path or self._answered // 100 == 2

    def _has_new_sockets(self) -> bool:
        return bool(set(sockets_of(self._pids())) - self._known_sockets)

    def _pids(self) -> List[int]:
        return [os.getpid()] + self._family.pids()


def wait_for_threads() -> None:
    """As python does before it ends; not for ever in one wait, so that signals are heard."""
    end_pools()
    for thread in threading.enumerate():
        if thread is threading.main_thread() or thread.daemon:
            continue
        while thread.is_alive():
            thread.join(0.1)


def end_pools() -> None:
    """The threads of a pool never end by themselves; what they have to do yet is done."""
    futures: Any = sys.modules.get("concurrent.futures.thread")
    if futures is not None:
        futures._python_exit()
        futures._shutdown = False  # the script may be run once more


def watch_streams(log: Log) -> None:
    """What a script prints is kept for an error that tells why it couldn't be loaded."""
    streams = {1: sys.stdout, 2: sys.stderr}
    for descriptor, stream in streams.items():
        if hasattr(stream, "write"):
            watch_stream(descriptor, stream, log)


class TellingWrite:
    """In the place of a stream's method."""

    def __init__(
        self,
        write: Callable[[str], Any],
        descriptor: int,
        log: Log,
    ) -> None:
        self._write = write
        self._descriptor = descriptor
        self._log = log

    def __call__(self, text: str) -> Any:
        written = self._write(without_sentinel(text))
        self._log.seen(self._descriptor, text)
        return written


def watch_stream(
    descriptor: int,
    stream: Any,
    log: Log,
) -> None:
    if not isinstance(stream.write, TellingWrite):  # as it is when a script is run once more
        stream.write = TellingWrite(stream.write, descriptor, log)

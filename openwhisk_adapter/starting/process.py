"""Any start command as a process of its own: touches its output, its end and its family."""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from typing import IO, Callable, Dict, List

from openwhisk_adapter.log import Log
from openwhisk_adapter.messages import Refused
from openwhisk_adapter.starting import GRACE, TARGET_IS_OURS, Started
from openwhisk_adapter.starting.family import MARK, Family, adopt_orphans
from openwhisk_adapter.starting.ports import Ports
from openwhisk_adapter.starting.wanted import Wanted

LONGEST_LINE = 1 << 20  # bytes that are kept while its end may still come
BUSY_PRINTING = 0.1  # seconds: a server that never stops printing doesn't hold up an activation


class Child(Started):
    """`ended` is told once, when nothing of it is left, and how that came."""

    def __init__(
        self,
        command: List[str],
        environ: Dict[str, str],
        wanted: Wanted,
        own_port: int,
        log: Log,
        ended: Callable[[str], None],
    ) -> None:
        if os.getpid() != 1:
            adopt_orphans()
        mark = os.urandom(8).hex()
        self._family = Family(mark)
        if wanted.target == own_port:
            raise Refused(502, TARGET_IS_OURS % own_port)
        self.ports = Ports(wanted, own_port, self._family.pids)
        self._name = command[0]
        self._log = log
        self._ended = ended
        self._gone = threading.Event()
        self._log_lock = threading.Lock()
        self._half_line = b""
        try:
            self._process = subprocess.Popen(
                command,
                env=dict(environ, **{MARK: mark}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            log.error("the start command %s can't be run" % command)
            raise Refused(502, "the start command can't be run: %s" % error)
        self._family.lead(self._process.pid)
        os.set_blocking(self._output.fileno(), False)
        self._watch()

    def _watch(self) -> None:
        try:
            for work in (self._read_log, self._wait):
                threading.Thread(target=work, daemon=True).start()
        except RuntimeError as error:  # no thread to be had
            self._family.kill(signal.SIGKILL)
            self._process.wait()
            self._output.close()
            raise Refused(502, "the start command can't be watched: %s" % error)

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def settle_log(self) -> None:
        """What the server has printed so far belongs to this activation, a half line too."""
        self._copy_log(is_end=True)

    def has_ended_within(self, seconds: float) -> bool:
        return self._gone.wait(seconds)

    def stop(self) -> None:
        self._family.kill(signal.SIGTERM)
        self._gone.wait(GRACE)
        self._family.kill(signal.SIGKILL)

    def _read_log(self) -> None:
        ready = select.poll()
        ready.register(self._output)
        while self._copy_log():
            ready.poll()

    def _copy_log(self, is_end: bool = False) -> bool:
        """What has been printed so far, in whole lines; False when no more can come."""
        until = time.monotonic() + BUSY_PRINTING
        with self._log_lock:
            more = True
            while more and time.monotonic() < until:
                data = self._output.read(65536)
                if data is None:
                    break
                more = bool(data)
                self._take(data, is_end or not more)
            if is_end and self._half_line:
                self._take(b"", True)
        return more

    def _take(self, data: bytes, is_end: bool) -> None:
        text = self._half_line + data
        end = text.rfind(b"\n") + 1
        if end < len(text) and (is_end or len(text) - end > LONGEST_LINE):
            text += b"\n"
            end = len(text)
        self._half_line = text[end:]
        self._log.printed(text[:end].decode("utf-8", "replace"))

    def _wait(self) -> None:
        """Until it ends. Its orphans are ours as well; a daemon may outlive its starter."""
        status = _status_of(self._process.pid)
        self._process.returncode = status
        with contextlib.suppress(OSError):  # too many open files: who is left can't be found
            if status == 0:
                while self._is_anybody_left():
                    time.sleep(0.25)
            self._family.end_at_once(GRACE)
        self._ended("%s ended with %s" % (self._name, how_from_status(status)))
        self._gone.set()

    def _is_anybody_left(self) -> bool:
        """A process that goes from one to the next is missed by a look, but not by its parent."""
        return _has_children() or bool(self._family.pids())


def _status_of(leader: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == leader:
            return status


def _has_children() -> bool:
    """That live; those that have died, orphans that became ours among them, are buried."""
    with contextlib.suppress(ChildProcessError):
        buried = 1
        while buried:
            buried, _ = os.waitpid(-1, os.WNOHANG)
        return True
    return False


def how_from_status(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return "exit code %d" % os.WEXITSTATUS(status)
    name = signal.Signals(os.WTERMSIG(status)).name
    return name + " (out of memory? raise -m)" if name == "SIGKILL" else name

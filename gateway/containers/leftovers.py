"""Finds and ends what an earlier gateway started and could not stop, because it was killed itself.

Touches a folder of its own with one locked file for each living gateway, and the processes marked
by it."""

import fcntl
import os
import stat
import tempfile
import time
import uuid
from contextlib import suppress
from typing import Any, Callable, List, Optional

import psutil

#: The environment variable that a process inherits however it was started; its value names the
#: container.
MARK = "GATEWAY_CONTAINER"


NOT_PRIVATE = "{} must be a folder that nobody but you can write to: remove it."


class Marker:
    """Names for containers by which they can be told from all others, in this gateway's life and
    after it."""

    def __init__(self, folder: Optional[str] = None):
        self.folder = folder or default_folder()
        self.token = uuid.uuid4().hex
        self._count = 0
        self._kept = False
        self._file = os.path.join(self.folder, self.token)
        make_private(self.folder)
        # Locked first and named after: to others, a file without a lock is that of a dead gateway.
        nameless = f"{self._file}.new"
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
        self._lock = os.open(nameless, flags, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.rename(nameless, self._file)

    def new_mark(self) -> str:
        self._count += 1
        return f"{self.token}.{self._count}"

    def note(self, text: str) -> None:
        """For whoever cleans up: that there is more to look for than processes."""
        os.write(self._lock, text.encode())

    def dead(self) -> List[str]:
        """The tokens of gateways that have ended without `close`."""
        found = []
        for name in os.listdir(self.folder):
            is_other = "." not in name and name != self.token
            if is_other and not is_locked(os.path.join(self.folder, name)):
                found.append(name)
        return found

    def note_of(self, token: str) -> str:
        """Nothing where another gateway, which starts now as well, has been quicker."""
        path = os.path.join(self.folder, token)
        with suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
            return file.read()
        return ""

    def forget(self, token: str) -> None:
        with_no_complaint(os.unlink, os.path.join(self.folder, token))

    def keep(self) -> None:
        """Something of this gateway may outlive it: the next one is to look for it."""
        self._kept = True

    def close(self) -> None:
        if self._lock >= 0:
            if not self._kept:
                self.forget(self.token)
            os.close(self._lock)
            self._lock = -1


def default_folder() -> str:
    return os.path.join(tempfile.gettempdir(), f"openwhisk-gateway-{os.getuid()}")


def make_private(folder: str) -> None:
    """Raises PermissionError."""
    with suppress(FileExistsError):
        os.makedirs(folder, mode=0o700)
    found = os.lstat(folder)
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    others_may_write = stat.S_IMODE(found.st_mode) & 0o022
    if not is_own or others_may_write:
        raise PermissionError(NOT_PRIVATE.format(folder))


def is_locked(path: str) -> bool:
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(file)


def marked_processes(mark: str) -> List[psutil.Process]:
    """Those whose mark is `mark` or begins with `mark` and a dot."""
    found = []
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if f"{process.environ().get(MARK, '')}.".startswith(f"{mark}."):
                found.append(process)
    return found


def family_of(pid: int) -> List[psutil.Process]:
    """The process and its descendants; nobody where it's gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except (psutil.Error, OSError):
        return []


def kill(processes: List[psutil.Process]) -> None:
    for process in processes:
        with_no_complaint(process.kill)


def kill_marked(mark: str) -> None:
    """Looks again until none is left: one that is being killed may just have started another."""
    found = marked_processes(mark)
    while found:
        kill(found)
        # Looked at, not waited for: an exit status belongs to whoever started the process.
        time.sleep(0.01)
        found = marked_processes(mark)


def with_no_complaint(action: Callable[..., Any], *arguments: Any) -> None:
    with suppress(psutil.Error, OSError):
        action(*arguments)

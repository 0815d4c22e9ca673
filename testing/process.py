"""Real processes for tests: started in a folder, watched until ready, ended with all their
children."""

import fcntl
import functools
import itertools
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing, suppress


@functools.lru_cache(maxsize=None)
def _own_ports():
    """Ports that no other process of tests draws from while this one lives: they start thousands of
    servers, several at a time. All are below those of outgoing connections: who asks one of these
    again and again until somebody listens can end up connected to himself."""
    for number in range(30):  # the gateway draws from those above
        lock = os.open(
            os.path.join(tempfile.gettempdir(), "ports-of-tests-%d.lock" % number),
            os.O_RDWR | os.O_CREAT,
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until the process ends
        except OSError:
            os.close(lock)
        else:
            return itertools.cycle(range(20000 + 199 * number, 20000 + 199 * (number + 1)))
    raise AssertionError("30 processes have locked ports for tests")


def free_port():
    """One that nobody has used for a minute, else one that nobody listens at: a fast machine uses
    all of them within that minute."""
    for reuse in (0, 1):
        for port in itertools.islice(_own_ports(), 199):
            with closing(socket.socket()) as probe, suppress(OSError):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("199 ports were tried, somebody listens at all of them")


def until(condition, what, seconds=20):
    """The first true value of `condition()`; an assertion that says what never happened
    otherwise."""
    deadline = time.time() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.time() < deadline, "not within %s s: %s" % (
            seconds,
            what() if callable(what) else what,
        )
        time.sleep(0.01)


def accepts(port):
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def status_of(pid):
    """The fields of /proc/PID/status; empty when there is no such process."""
    try:
        with open("/proc/%d/status" % pid) as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except (OSError, ValueError):
        return {}


def heed_ctrl_c():
    """For `preexec_fn`: what a shell starts in the background doesn't, these tests included."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def alive(pid):
    """Until its last thread has ended: as long as one is there, so are its sockets."""
    status = status_of(pid)
    has_ended = status.get("State", "Z")[0] in "ZX"
    return not has_ended or int(status.get("Threads", 1)) > 1


def descendants(pid):
    """The children of a process, theirs included."""
    parents = {
        int(name): int(status_of(int(name)).get("PPid", 0))
        for name in os.listdir("/proc")
        if name.isdigit()
    }
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        children = [child for child, its_parent in parents.items() if its_parent == parent]
        found, waiting = found + children, waiting + children
    return found


class Process:
    """A command with its two output streams in files; leaving the `with` block ends it and its
    children."""

    def __init__(self, command, folder, environ, logs, **options):
        self.stdout_file, self.stderr_file = (
            os.path.join(logs, "stdout"),
            os.path.join(logs, "stderr"),
        )
        with open(self.stdout_file, "ab") as out, open(self.stderr_file, "ab") as err:
            self.popen = subprocess.Popen(
                [str(word) for word in command],
                cwd=str(folder),
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                **options,
            )
        self.pid = self.popen.pid

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.stop()

    def stop(self):
        """Ask first: a process that is killed writes no coverage."""
        family = descendants(self.pid)
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        self.popen.wait()
        for pid in family:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)

    def terminate(self, signum=signal.SIGTERM):
        os.kill(self.pid, signum)

    def wait(self, seconds=20):
        return self.popen.wait(seconds)

    @property
    def stdout(self):
        return _text(self.stdout_file)

    @property
    def stderr(self):
        return _text(self.stderr_file)

    @property
    def log(self):
        return self.stdout + self.stderr


def _text(name):
    with open(name, "rb") as file:
        return file.read().decode("utf-8", "replace")

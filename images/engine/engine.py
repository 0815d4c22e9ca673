"""Docker's or Podman's command, started and listened to.

All that it prints goes to whoever is told.
"""

import collections
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Callable, Deque, Iterator, List, Mapping, NamedTuple, Optional, Set

from images.engine.archive import Local, archive_pieces, hex_of, write_layout
from images.words import Told

NAMES = ("docker", "podman")
NOT_FOUND = 127  # what a shell says of a program that isn't there

ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
LINES, LONGEST_LINE = 1000, 1 << 16  # of what is printed, the last ones, in bytes
DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64})")

# Docker's newer store, which `docker info` tells by its driver.
CONTAINERD_STORE = "io.containerd.snapshotter."
WHOLE_IMAGES_ONLY = (
    "its images are in containerd's store, which takes in no image without all of its layers"
)

# What users can do about what engines say.
HINTS = {
    "permission denied": "your user may not be in the group docker",
    "server gave HTTP response to HTTPS client": "a registry without TLS has to be named among"
    " Docker's insecure-registries, or in Podman's registries.conf",
    "no basic auth credentials": "log in to that registry first",
    "unauthorized": "log in to that registry first, or the name is wrong",
    "manifest unknown": "is the name right, and its tag? without one it is latest",
}

Tell = Callable[[str], None]


class EngineError(Told):
    """What the engine was asked, and what it said last."""


class Done(NamedTuple):
    """`output`: the last lines of it."""

    status: int
    output: str


class Engine:
    """`end_all` may be called from another thread: it ends what this one has started."""

    def __init__(self, name: str, environ: Optional[Mapping[str, str]] = None) -> None:
        self.name, self.environ = name, environ
        self.scratch: Optional[Path] = None  # where folders for a moment are; None: the usual place
        self.running: Set["subprocess.Popen[bytes]"] = set()
        self.containers: Set[str] = set()
        self.lock = threading.Lock()
        self.ended = False

    @property
    def program(self) -> str:
        """Where it is: this process may be given another PATH than it has itself."""
        path = (self.environ or os.environ).get("PATH")
        found = shutil.which(self.name, path=path)
        if not found:
            raise EngineError(f"{self.name} isn't installed, or not on the PATH")
        return found

    def run(
        self,
        words: List[str],
        tell: Optional[Tell] = None,
        pieces: Optional[Iterator[bytes]] = None,
        folder: Optional[str] = None,
        seconds: float = 0,
    ) -> Done:
        """Its two streams together; each line is told when it comes.

        After `seconds`, if there are any, it is ended.
        """
        process = self.start(words, pieces is not None, folder)
        lines: Deque[str] = collections.deque(maxlen=LINES)
        try:
            with ended_after(seconds, process) as is_late:
                feeding = self.feed(process, pieces)
                for text in texts_from(process):
                    lines.append(text)
                    if tell and text:
                        tell(text)
                feeding.join()
                status = process.wait()
            if is_late.is_set():
                lines.append(f"it didn't end within {seconds:g} s")
            return Done(status, "\n".join(lines))
        finally:
            self.forget(process)

    def start(
        self,
        words: List[str],
        fed: bool,
        folder: Optional[str] = None,
        errors: int = subprocess.STDOUT,
    ) -> "subprocess.Popen[bytes]":
        with self.lock:
            if self.ended:
                raise EngineError("interrupted")
            process = subprocess.Popen(
                [self.program, *words],
                env=self.environ,
                cwd=folder,
                stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            self.running.add(process)
            return process

    def forget(self, process: "subprocess.Popen[bytes]") -> None:
        with self.lock:
            self.running.discard(process)
        for stream in (process.stdin, process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
        end(process)
        process.wait()

    def feed(
        self, process: "subprocess.Popen[bytes]", pieces: Optional[Iterator[bytes]]
    ) -> threading.Thread:
        def write() -> None:
            with contextlib.suppress(OSError), contextlib.closing(process.stdin):  # type: ignore[type-var]
                for piece in pieces or ():
                    process.stdin.write(piece)  # type: ignore[union-attr]

        thread = threading.Thread(target=write if process.stdin else str, daemon=True)
        thread.start()
        return thread

    def must(
        self,
        words: List[str],
        tell: Optional[Tell] = None,
        pieces: Optional[Iterator[bytes]] = None,
        folder: Optional[str] = None,
    ) -> str:
        done = self.run(words, tell, pieces, folder)
        if done.status:
            raise EngineError(self.complaint(words, done.output))
        return done.output

    def complaint(self, words: List[str], output: str) -> str:
        """What it said last, of which step, and what helps where that is known."""
        said = last_line(output) or "nothing"
        hints = [hint for sign, hint in HINTS.items() if sign in said]
        return "; ".join([f"`{self.name} {words[0]}` said: {said}", *hints[:1]])

    def end_all(self) -> None:
        with self.lock:
            self.ended = True
            containers = set(self.containers)
            for process in self.running:
                end(process)
        for name in containers:
            self.remove_container(name)

    # -- images

    def problem(self) -> str:
        """Why it can't be used; nothing if it can."""
        try:
            done = self.run(["info"])
        except EngineError as error:
            return str(error)
        return last_line(done.output) or "it says nothing" if done.status else ""

    def problem_with_parts(self) -> str:
        """Why it can't take in an image of which it has a part already."""
        problem = self.problem()
        if problem or self.name != "docker":
            return problem
        told = self.run(["info", "--format", "{{json .DriverStatus}}"]).output
        return WHOLE_IMAGES_ONLY if CONTAINERD_STORE in told else ""

    def has(self, image: str) -> bool:
        return self.run(["image", "inspect", "--format", "{{.Id}}", image]).status == 0

    def has_made(self, image: str) -> bool:
        """Whether it was built here and never in a registry. Podman doesn't tell."""
        done = self.run(["image", "inspect", "--format", "{{len .RepoDigests}}", image])
        return self.name == "docker" and done.status == 0 and last_line(done.output) == "0"

    def diff_ids(self, image: str) -> List[str]:
        """Of its layers: which of an index's images the engine has taken is known by them."""
        text = self.must(["image", "inspect", "--format", "{{json .RootFS.Layers}}", image])
        return list(json.loads(text.splitlines()[-1]) or [])

    def architecture(self) -> str:
        """As images name it."""
        machine = platform.machine().lower()
        template = "{{.Architecture}}" if self.name == "docker" else "{{.Host.Arch}}"
        told = last_line(self.run(["info", "--format", template]).output)
        return ARCHITECTURES.get(told) or ARCHITECTURES.get(machine, "amd64")

    def load(self, local: Local, tell: Tell) -> None:
        if self.name == "podman":
            self.load_layout(local, tell)
        else:
            self.must(["load", "--quiet"], tell, archive_pieces(local))

    def load_layout(self, local: Local, tell: Tell) -> None:
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            # Podman makes a name for the image of the path, as it is given.
            layout = f"layout-{uuid.uuid4().hex}"
            write_layout(local, Path(folder) / layout)
            self.must(["pull", "--quiet", f"oci:{layout}"], tell, folder=folder)
            self.must(["tag", hex_of(local.image_id), local.name], tell)
            self.run(["untag", hex_of(local.image_id), f"localhost/{layout}:latest"])

    def push(self, name: str, tell: Tell) -> str:
        """The digest that the registry then has."""
        if self.name == "podman":
            with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
                file = Path(folder) / "digest"
                self.must(["push", "--digestfile", str(file), name], tell)
                return file.read_text().strip()
        found = DIGEST.findall(self.must(["push", name], tell))
        if not found:
            raise EngineError(f"docker push {name} named no digest")
        return str(found[-1])

    @contextlib.contextmanager
    def container(self) -> Iterator[str]:
        """A name for one, which is gone in the end."""
        name = f"trial-{uuid.uuid4().hex[:12]}"
        with self.lock:
            self.containers.add(name)
        try:
            yield name
        finally:
            self.remove_container(name)
            with self.lock:
                self.containers.discard(name)

    def remove_container(self, name: str) -> None:
        subprocess.run(
            [self.program, "rm", "--force", name],
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def end(process: "subprocess.Popen[bytes]", by: int = signal.SIGTERM) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, by)


@contextlib.contextmanager
def ended_after(seconds: float, process: "subprocess.Popen[bytes]") -> Iterator[threading.Event]:
    """Says whether it had to be. An engine hands other signals on to its container."""
    is_late = threading.Event()

    def kill() -> None:
        is_late.set()
        end(process, signal.SIGKILL)

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    if seconds:
        timer.start()
    try:
        yield is_late
    finally:
        timer.cancel()


def texts_from(process: "subprocess.Popen[bytes]") -> Iterator[str]:
    """The lines that it prints; one without end in pieces."""
    assert process.stdout is not None
    for line in iter(lambda: process.stdout.readline(LONGEST_LINE), b""):  # type: ignore[union-attr]
        yield line.decode("utf-8", "replace").rstrip()


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def working_engine() -> Optional[Engine]:
    """The first that works on this machine."""
    return engine_without(Engine.problem)


def engine_for_parts() -> Optional[Engine]:
    """The first that takes in an action's image when it has the base's."""
    return engine_without(Engine.problem_with_parts)


def engine_without(problem: Callable[[Engine], str]) -> Optional[Engine]:
    for name in NAMES:
        engine = Engine(name)
        if not problem(engine):
            return engine
    return None

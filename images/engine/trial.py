"""An image tried before it is pushed, with the platform's questions and limits."""

import json
import threading
import uuid
from pathlib import Path
from typing import List, NamedTuple, Optional, Set

from images.engine.engine import NOT_FOUND, Engine, Tell, last_line

FOLDER = Path(__file__).resolve().parent
CHECK_BASE, CHECK_ACTION = FOLDER / "check_base.py", FOLDER / "check_action.py"
NOT_STARTED = 125  # what an engine ends with that couldn't start the container
UNSUITED = 3  # what check_base.py ends with
PLATFORM_LIMITS = ["--cap-drop", "NET_RAW", "--cap-drop", "NET_ADMIN", "--pids-limit", "1024"]
# What OpenWhisk sets on every container that it starts: without it the adapter is an ordinary
# server.
PLATFORM_ENV = ["--env", "__OW_API_HOST=http://localhost"]


class Checked(NamedTuple):
    """What a base's Python said; `word` is empty where none can run the adapter."""

    word: str
    complaint: str = ""  # the model can't work in this image
    too_old: str = ""
    not_checked: str = ""  # the engine can't start containers here


class Figures(NamedTuple):
    """Seconds: `cold` from the container's start to the first answer, `warm` the median of more."""

    asked: str
    cold: float
    warm: float


class Tried(NamedTuple):
    """`complaint`: what it said instead of working."""

    figures: Optional[Figures]
    complaint: str = ""


class Trials:
    """Containers that are being tried, so that none is left behind."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.names: Set[str] = set()
        self.lock = threading.Lock()

    def check_base(self, base: str, words: List[str], script: str, tell: Tell) -> Checked:
        """`words` are the Pythons to try, in their order."""
        source = CHECK_BASE.read_bytes()
        too_old = ""
        for word in words:
            command = ["run", "--rm", "--interactive", "--network", "none", "--entrypoint", word]
            done = self.engine.run([*command, base, "-", script], tell, iter([source]))
            said = last_line(done.output)
            if done.status == 0:
                return Checked(word)
            if done.status == UNSUITED:
                if not said.startswith("too old: "):
                    return Checked(word, complaint=said)
                too_old = said.partition(": ")[2]
            elif not is_missing(done.status, done.output):
                return Checked(word, not_checked=said)
        return Checked("", too_old=too_old)

    def try_action(
        self, image: str, python: List[str], memory: int, seconds: int, tell: Tell
    ) -> Tried:
        name = f"trial-{uuid.uuid4().hex[:12]}"
        with self.lock:
            self.names.add(name)
        try:
            limits = [*PLATFORM_LIMITS, "--memory", f"{memory}m", *PLATFORM_ENV]
            self.engine.must(["run", "--detach", "--name", name, *limits, image], tell)
            ask = ["exec", "--interactive", name, *python, "-", str(seconds)]
            done = self.engine.run(ask, tell, iter([CHECK_ACTION.read_bytes()]))
            if done.status == 0:
                return Tried(figures_from_text(last_line(done.output)))
            self.engine.run(["logs", "--tail", "20", name], tell)
            return Tried(None, done.output or "it said nothing")
        finally:
            self.engine.remove_container(name)
            with self.lock:
                self.names.discard(name)

    def end_all(self) -> None:
        with self.lock:
            names = set(self.names)
        for name in names:
            self.engine.remove_container(name)


def figures_from_text(text: str) -> Optional[Figures]:
    """None where a model, which may print there too, has said something else."""
    try:
        told = json.loads(text)
        return Figures(str(told["asked"])[:100], float(told["cold"]), float(told["warm"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def is_missing(status: int, output: str) -> bool:
    """Whether there is no such program in the image, as docker and podman say it."""
    if status == NOT_FOUND:
        return True
    return status == NOT_STARTED and "executable file" in output and "not found" in output

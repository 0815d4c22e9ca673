"""An image tried before it is pushed, with the platform's questions and limits."""

import json
from pathlib import Path
from typing import List, NamedTuple, Optional

from images.engine.engine import NOT_FOUND, Engine, Tell, last_line

FOLDER = Path(__file__).resolve().parent
CHECK_BASE, CHECK_ACTION = FOLDER / "check_base.py", FOLDER / "check_action.py"
NOT_STARTED = 125  # what an engine ends with that couldn't start the container
TOO_OLD, DOUBTFUL = 3, 4  # what check_base.py ends with
KILLED = "137"  # the exit code of a container that was killed with SIGKILL
KILLED_TEXT = "its container was killed, most likely because the model needs more than the"
CHECK_SECONDS, CHECK_MEMORY = 120, "512m"  # for a Python that only looks for modules
PLATFORM_LIMITS = ["--cap-drop", "NET_RAW", "--cap-drop", "NET_ADMIN", "--pids-limit", "1024"]
# What OpenWhisk sets on every container that it starts: without it the adapter is an ordinary
# server.
PLATFORM_ENV = ["--env", "__OW_API_HOST=http://localhost"]


class Checked(NamedTuple):
    """What a base's Python said; `word` is empty where none can run the adapter."""

    word: str
    doubt: str = ""  # why the model may not work in this image
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
    """Containers that are tried; none is left behind."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def check_base(self, base: str, words: List[str], script: str, tell: Tell) -> Checked:
        """`words` are the Pythons to try, in their order."""
        source = CHECK_BASE.read_bytes()
        too_old = ""
        for word in words:
            with self.engine.container() as name:
                command = ["run", "--name", name, "--interactive", "--network", "none"]
                command += [*PLATFORM_LIMITS, "--memory", CHECK_MEMORY]
                command += ["--entrypoint", word, base, "-", script]
                done = self.engine.run(command, tell, iter([source]), seconds=CHECK_SECONDS)
            said = last_line(done.output)
            if done.status == 0:
                return Checked(word)
            if done.status == DOUBTFUL:
                return Checked(word, doubt=said)
            if done.status == TOO_OLD:
                too_old = said
            elif not is_missing(done.status, done.output):
                return Checked(word, not_checked=said)
        return Checked("", too_old=too_old)

    def try_action(
        self, image: str, python: List[str], memory: int, seconds: int, tell: Tell
    ) -> Tried:
        with self.engine.container() as name:
            limits = [*PLATFORM_LIMITS, "--memory", f"{memory}m", *PLATFORM_ENV]
            self.engine.must(["run", "--detach", "--name", name, *limits, image], tell)
            ask = ["exec", "--interactive", name, *python, "-", str(seconds)]
            # For /init, the first /run, and one that begins when enough of them have been timed.
            most = 3 * seconds + 60
            done = self.engine.run(ask, tell, iter([CHECK_ACTION.read_bytes()]), seconds=most)
            if done.status == 0:
                return Tried(figures_from_text(last_line(done.output)))
            self.engine.run(["logs", "--tail", "20", name], tell)
            if self.was_killed(name):
                return Tried(None, f"{KILLED_TEXT} {memory} MB; MEMORY={2 * memory} gives it more")
            complaint = done.output or "it said nothing"
            if "within the time limit" in complaint:
                complaint += f" of {seconds} s; TIME={2000 * seconds} gives it more"
            return Tried(None, complaint)

    def was_killed(self, name: str) -> bool:
        template = "{{.State.ExitCode}}"
        return last_line(self.engine.run(["inspect", "--format", template, name]).output) == KILLED


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

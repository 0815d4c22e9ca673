"""The start command that an image's config holds, and the program that it comes down to. Pure."""

import itertools
import re
import shlex
from typing import Any, Dict, List, NamedTuple, Tuple

from images.image.settings import listed

# Programs that start another one: which of their options take a value, and how many words come
# before the program.
WRAPPERS: Dict[str, Tuple[Tuple[str, ...], int]] = {
    "tini": (("-e", "-p"), 0),
    "dumb-init": (("-r", "--rewrite"), 0),
    "docker-init": (("-e", "-p"), 0),
    "catatonit": ((), 0),
    "env": (("-u", "-C", "--unset", "--chdir"), 0),
    "exec": (("-a",), 0),
    "nohup": ((), 0),
    "setsid": ((), 0),
    "stdbuf": (("-i", "-o", "-e"), 0),
    "nice": (("-n",), 0),
    "timeout": (("-k", "-s"), 1),
    "gosu": ((), 1),
    "su-exec": ((), 1),
}
SHELLS = ("sh", "bash", "dash", "ash", "zsh")
PYTHON = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?\Z")
EXPANDED = re.compile(r"[$`]")  # a shell puts something else there
VALUED_PYTHON_OPTIONS = ("-W", "-X", "--check-hash-based-pycs")
SEPARATORS = (";", "&&", "&", ";;")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
# Servers that are Python programs, and scripts: whoever has them has a Python as well.
PYTHON_PROGRAMS = [
    "gunicorn",
    "uvicorn",
    "hypercorn",
    "daphne",
    "waitress-serve",
    "granian",
    "flask",
    "fastapi",
    "bentoml",
    "mlflow",
    "mlserver",
    "streamlit",
    "gradio",
    "litserve",
    "jupyter",
    "ray",
    "torchserve",
    "tritonserver-python",
    "conda",
]


class Start(NamedTuple):
    """`words` is all that the engine runs, `program` what remains behind inits and shells."""

    words: List[str]
    program: List[str]

    @property
    def python(self) -> str:
        """The Python that it names; empty where it names none, or one that only a shell finds."""
        first = self.program[0] if self.program else ""
        if not PYTHON.match(first) or EXPANDED.search(first):
            return ""
        is_relative = "/" in first and not first.startswith("/")
        # The shell may have gone to another folder first.
        return "" if is_relative and first not in self.words else first

    @property
    def script(self) -> str:
        """The file of `python [OPTION]... FILE`; empty for anything else."""
        words = self.program[1:] if self.python else []
        while words and words[0].startswith("-"):
            if re.match(r"-[a-zA-Z]*[cm]|-\Z", words[0]):
                return ""
            words = words[2 if words[0] in VALUED_PYTHON_OPTIONS else 1 :]
        return words[0] if words else ""

    @property
    def is_python_program(self) -> bool:
        name = basename(self.program[0]) if self.program else ""
        return bool(PYTHON.match(name)) or name in PYTHON_PROGRAMS or name.endswith(".py")

    @property
    def text(self) -> str:
        return " ".join(self.words) or "none"


def start_from_settings(settings: Dict[str, Any]) -> Start:
    """ENTRYPOINT and CMD, as the engine joins them; the shell form is a list already."""
    words = listed(settings, "Entrypoint") + listed(settings, "Cmd")
    return Start(words, program_from_words(words))


def program_from_words(words: List[str]) -> List[str]:
    """What `tini -- env A=1 sh -c "cd /srv && exec python app.py"` comes down to: python app.py."""
    while words:
        name = basename(words[0])
        if ASSIGNMENT.match(words[0]):
            words = words[1:]
        elif name in WRAPPERS:
            words = behind_wrapper(words[1:], *WRAPPERS[name])
        elif name in SHELLS and command_of_shell(words):
            words = last_command(command_of_shell(words))
        else:
            return words
    return []


def behind_wrapper(words: List[str], valued: Tuple[str, ...], positional: int) -> List[str]:
    while words and words[0].startswith("-"):
        if words[0] == "--":
            words = words[1:]
            break
        words = words[2 if words[0] in valued else 1 :]
    return words[positional:]


def command_of_shell(words: List[str]) -> str:
    """The text of `sh -c TEXT`; empty for a shell that runs a file."""
    for position, word in enumerate(words[1:-1], 1):
        if re.match(r"-[a-z]*c[a-z]*\Z", word):
            return words[position + 1]
    return ""


def last_command(text: str) -> List[str]:
    """Of `cd /srv; make && python app.py | tee log`: python app.py."""
    lexer = shlex.shlex(text.replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        tokens = list(lexer)
    except ValueError:  # a quotation without an end
        return []
    commands: List[List[str]] = [[]]
    for token in tokens:
        if token in SEPARATORS:
            commands.append([])
        else:
            commands[-1].append(token)
    last = [command for command in commands if command][-1:] or [[]]
    return before(last[0], ("|", "||"))


def before(words: List[str], ends: Tuple[str, ...]) -> List[str]:
    return list(itertools.takewhile(lambda word: word not in ends, words))


def basename(word: str) -> str:
    return word.rpartition("/")[2]

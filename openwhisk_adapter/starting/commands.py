"""Which start commands are Python programs that can run in this process: pure but at its end.

A command is what an image says after ENTRYPOINT and CMD, as a list of words. One that runs with
the very interpreter that runs the adapter needs no process of its own, and the app that it would
serve can be taken. Everything else, and what isn't understood here to the last word, is started as
it is.
"""

import os
import re
import sys
from enum import Enum
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Set, Tuple

Words = List[str]
Environ = Mapping[str, str]
Which = Callable[[str], Optional[str]]


class Kind(Enum):
    SCRIPT = "script"  # python PATH ...
    MODULE = "module"  # python -m NAME ...


class Program(NamedTuple):
    """What to run in this process, with `argv` as its sys.argv and `environ` set before."""

    kind: Kind
    name: str
    argv: Words
    environ: Dict[str, str] = {}


class Interpreter(NamedTuple):
    """What is asked of the machine: which python is ours, where a command is, how a file begins."""

    is_own: Callable[[str], bool]
    which: Which
    beginning: Callable[[str], str]


class Server(NamedTuple):
    """The word that makes it serve, and the options with which it isn't one app at one port."""

    word: str
    elsewhere: Tuple[str, ...]
    variables: str = ""  # how the environment variables begin that stand for its options


SERVERS = {
    "uvicorn": Server(
        "", ("fd", "limit-max-requests", "reload", "ssl", "uds", "workers"), "UVICORN_"
    ),
    "fastapi": Server("run", ("reload", "workers")),
    "flask": Server("run", ("cert",), "FLASK_RUN_"),
    "waitress": Server("", ("unix-socket",)),
    "waitress-serve": Server("", ("unix-socket",)),
}

# They fork, patch, or nobody could take their app: `python -m` of these is a process of its own.
STARTED_AS_THEY_ARE = {
    "celery",
    "circus",
    "daphne",
    "gevent",
    "granian",
    "gunicorn",
    "hypercorn",
    "streamlit",
    "torch",
}

# Programs that only start another one, with those of their options that are followed by a value.
INITS = {
    "tini": {"-e", "-p"},
    "docker-init": {"-e", "-p"},
    "dumb-init": {"-r", "--rewrite"},
}
SHELLS = {"sh", "bash", "dash", "ash"}
SHELL_OPTIONS = {"-c", "-ec", "-lc"}

PYTHON = re.compile(r"python[\d.]*\Z")
PYTHON_OPTIONS = {"-u", "-B"}  # any other one changes how the interpreter works
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)\Z", re.S)
# Read when a process starts, so that they would come too late.
FOR_THE_START = re.compile(r"PATH\Z|PYTHON(?!UNBUFFERED\Z)|LD_|MALLOC_|LANG\Z|LC_")
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([\w./:@%+,=-]*))?\})")
PLAIN_VALUE = re.compile(r"[\w./:@%+,=-]+\Z")
PLAIN_LINE = re.compile(r"[\w./:@%+,=\"' \t-]*\Z")
# pip's way around a path that is too long for a script's first line.
DETOUR = re.compile(r"#!/bin/sh\n'''exec' \"?([^\"\n]+?)\"? \"\$0\" ")
OFF = {"", "0", "f", "false", "n", "no", "off"}
ONE = {"", "0", "1"}


def program_from_command(
    command: Words,
    here: Interpreter,
    environ: Environ,
) -> Optional[Program]:
    """The program that a command runs, if this process can run it just as well; else None.

    `environ` is what the command would find: shells take variables from it, servers their options.
    """
    if not command:
        return None
    name = os.path.basename(command[0])
    arguments = command[1:]
    if name in INITS:
        return program_from_command(after_options(arguments, INITS[name]), here, environ)
    if name in ("env", "exec"):
        return program_after_variables(arguments, here, environ)
    if name in SHELLS:
        return program_after_variables(words_from_shell(arguments, environ), here, environ)
    if PYTHON.match(name):
        return program_of_python(command, here, environ)
    return program_of_script(command, here, environ)


def after_options(arguments: Words, with_value: Set[str]) -> Words:
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        if option in with_value:
            del rest[:1]
    return rest


def words_from_shell(arguments: Words, environ: Environ) -> Words:
    """The words of a line that needs no shell: one command, its variables put in."""
    if len(arguments) != 2 or arguments[0] not in SHELL_OPTIONS:
        return []
    line = line_with_variables(arguments[1].strip(), environ)
    if line is None or not PLAIN_LINE.match(line):
        return []
    import shlex  # most images start without a shell

    try:
        return shlex.split(line)
    except ValueError:  # a quote that isn't closed
        return []


def line_with_variables(line: str, environ: Environ) -> Optional[str]:
    """None where only a shell knows what comes out."""
    if "'" in line and "$" in line:
        return None
    text = ""
    end = 0
    for match in VARIABLE.finditer(line):
        plain, in_braces, default = match.groups()
        value = environ.get(plain or in_braces) or default or ""
        if not PLAIN_VALUE.match(value):
            return None
        text += line[end : match.start()] + value
        end = match.end()
    return text + line[end:]


def program_after_variables(
    words: Words,
    here: Interpreter,
    environ: Environ,
) -> Optional[Program]:
    """Of `NAME=VALUE ... COMMAND`, as a shell and env take it."""
    added = {}
    rest = list(words)
    while rest and ASSIGNMENT.match(rest[0]):
        name, _, value = rest.pop(0).partition("=")
        added[name] = value
    if any(FOR_THE_START.match(name) for name in added):
        return None
    program = program_from_command(rest, here, {**environ, **added})
    if program is None:
        return None
    return program._replace(environ={**added, **program.environ})


def program_of_python(
    command: Words,
    here: Interpreter,
    environ: Environ,
) -> Optional[Program]:
    python = here.which(command[0])
    if python is None or not here.is_own(python):
        return None
    arguments = command[1:]
    while arguments and arguments[0] in PYTHON_OPTIONS:
        arguments = arguments[1:]
    if arguments[:1] == ["-m"]:
        return program_of_module(arguments[1:], environ)
    if not arguments or arguments[0].startswith("-"):
        return None
    return Program(Kind.SCRIPT, arguments[0], arguments)


def program_of_module(arguments: Words, environ: Environ) -> Optional[Program]:
    if not arguments:
        return None
    package, _, _ = arguments[0].partition(".")
    if package in STARTED_AS_THEY_ARE:
        return None
    server = SERVERS.get(arguments[0])
    if server and not serves_one_app(server, arguments[1:], environ):
        return None
    return Program(Kind.MODULE, arguments[0], arguments)


def program_of_script(
    command: Words,
    here: Interpreter,
    environ: Environ,
) -> Optional[Program]:
    """Of a server's command that pip has made for this interpreter, or of an executable script."""
    server = SERVERS.get(os.path.basename(command[0]))
    if server is None and not command[0].endswith(".py"):
        return None
    path = here.which(command[0])
    if path is None:
        return None
    python = python_from_script(here.beginning(path), here.which)
    if python is None or not here.is_own(python):
        return None
    if server and not serves_one_app(server, command[1:], environ):
        return None
    return Program(Kind.SCRIPT, path, [path] + command[1:])


def python_from_script(text: str, which: Which) -> Optional[str]:
    """The interpreter that a script's first line names."""
    detour = DETOUR.match(text)
    if detour:
        return detour.group(1)
    first, _, _ = text.partition("\n")
    if not first.startswith("#!"):
        return None
    python, *options = first[2:].split() or [""]
    if not options:
        return python or None
    is_by_env = os.path.basename(python) == "env"
    return which(options[0]) if is_by_env and len(options) == 1 else None


def serves_one_app(server: Server, arguments: Words, environ: Environ) -> bool:
    """In one process, without TLS, at an address: what can be taken in place of a port."""
    if server.word and server.word not in arguments:
        return False
    given = options_from_arguments(arguments)
    for name, value in options_from_environ(server, environ).items():
        given.setdefault(name, value)
    for name, value in given.items():
        off = ONE if name == "workers" else OFF
        if name.startswith(server.elsewhere) and value.lower() not in off:
            return False
    return True


def options_from_arguments(arguments: Words) -> Dict[str, str]:
    """{name: value}; a switch has the word that follows for its value, which tells nothing."""
    given = {}
    followed_by = arguments[1:] + ["at the end"]
    for word, following in zip(arguments, followed_by):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            given[name] = value if equals else following
    return given


def options_from_environ(
    server: Server,
    environ: Environ,
) -> Dict[str, str]:
    given = {}
    if server.variables:
        for name, value in environ.items():
            if name.startswith(server.variables):
                option = name[len(server.variables) :]
                given[option.lower().replace("_", "-")] = value
    if "workers" in server.elsewhere:
        given.setdefault("workers", environ.get("WEB_CONCURRENCY", ""))
    return given


def this_interpreter() -> Interpreter:
    """The machine's own answers."""
    return Interpreter(is_this_python, which, beginning_of)


def which(name: str) -> Optional[str]:
    """As shutil.which, which costs a megabyte of memory."""
    if os.path.dirname(name):
        return name if is_executable(name) else None
    for folder in os.get_exec_path():
        path = os.path.join(folder, name)
        if is_executable(path):
            return path
    return None


def is_executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def is_this_python(path: str) -> bool:
    """In the same folder, too: a virtual environment's python is a link, with other packages."""
    real = os.path.realpath
    if real(path) != real(sys.executable):
        return False
    folder = os.path.dirname(path)
    return real(folder) == real(os.path.dirname(sys.executable))


def beginning_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(1024).decode("utf-8", "replace")
    except OSError:
        return ""

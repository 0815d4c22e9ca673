"""The command and environment with which a folder's Dockerfile starts its server. Touches
nothing."""

import json
import re
from typing import Dict, List, Match, NamedTuple, Tuple

DEFAULT = ("python", "app.py")
SHELL = ("/bin/sh", "-c")
QUOTES = "'\""
PART = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|(?:\\.|[^'"\\])+""", re.S)
PAIR = re.compile(r"""([^\s=]+)(?:=((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])*))?""", re.S)
CONTINUED = re.compile(r"\\[ \t]*\n(?:[ \t]*\n)*")
OLD_PAIR = re.compile(r"([^\s=]*)\s+(.*)", re.S)
PLAIN = r"\\(?P<escaped>.)|\$(?P<plain>\w+)"
BRACED = r"\$\{(?P<braced>\w+)(?:(?P<operator>:[-+])(?P<other>[^}]*))?\}"
VARIABLE = re.compile(f"{PLAIN}|{BRACED}", re.S)
WITHOUT_BRACES = re.compile(PLAIN, re.S)
INTERPRETER = re.compile(r"(?:.*/)?python[\d.]*\Z")
PORT = re.compile(r"[0-9]{1,5}\Z")
ADAPTER = re.compile(r"(?:.*/)?openwhisk\.py\Z")


class Start(NamedTuple):
    command: Tuple[str, ...]
    environ: Dict[str, str]
    exposed: Tuple[str, ...] = ()
    "The TCP ports that it names, in their order."


def start_from_dockerfile(text: str, environ: Dict[str, str]) -> Start:
    """What the last stage says; `environ` is what a variable in an ENV line may refer to."""
    arguments: Dict[str, str] = {}
    found: Dict[str, str] = {}
    entrypoint: Tuple[str, ...] = ()
    command: Tuple[str, ...] = ()
    exposed: Tuple[str, ...] = ()
    takes_command = True
    for name, rest in instructions_from_dockerfile(text):
        known = {**environ, **arguments, **found}
        if name == "FROM":
            found, entrypoint, command, takes_command = {}, (), (), True
            exposed = ()
        elif name == "ARG":
            arguments.update(pairs_from_words(rest, known))
        elif name == "ENV":
            found.update(pairs_from_words(rest, known))
        elif name == "EXPOSE":
            exposed += ports_from_words(rest, known)
        elif name == "CMD":
            command = words_from_instruction(rest)
        elif name == "ENTRYPOINT":
            entrypoint = words_from_instruction(rest)
            takes_command = entrypoint[:2] != SHELL
    whole = entrypoint + command if takes_command else entrypoint
    return Start(without_adapter(whole) or DEFAULT, found, exposed)


def instructions_from_dockerfile(text: str) -> List[Tuple[str, str]]:
    lines = text.replace("\r\n", "\n").split("\n")
    kept = [line for line in lines if not line.lstrip().startswith("#")]
    joined = CONTINUED.sub(" ", "\n".join(kept))
    found = []
    for line in joined.split("\n"):
        name, *rest = line.split(None, 1) or [""]
        if name:
            arguments = "".join(rest).strip()
            found.append((name.upper(), arguments))
    return found


def words_from_instruction(rest: str) -> Tuple[str, ...]:
    """The exec form is JSON; whatever isn't, is a line for the shell."""
    try:
        words = json.loads(rest)
    except (ValueError, RecursionError):
        words = None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return tuple(words)
    return (*SHELL, rest) if rest else ()


def pairs_from_words(
    rest: str,
    known: Dict[str, str],
) -> Dict[str, str]:
    """KEY=value KEY="two words", and the old KEY the rest of the line."""
    old_form = OLD_PAIR.match(rest)
    if old_form:
        return {old_form.group(1): value_from_text(old_form.group(2), known)}
    pairs = {}
    for match in PAIR.finditer(rest):
        key, value = match.groups()
        # A word without an equals sign is none.
        if value is not None:
            pairs[key] = value_from_text(value, known)
    return pairs


def ports_from_words(
    rest: str,
    known: Dict[str, str],
) -> Tuple[str, ...]:
    """Of `8000 8001/tcp 53/udp`, those of TCP; a range stands for no port in particular."""
    ports = []
    for word in value_from_text(rest, known).split():
        port, _, protocol = word.partition("/")
        if PORT.match(port) and protocol.lower() in ("", "tcp"):
            ports.append(port)
    return tuple(ports)


def value_from_text(text: str, known: Dict[str, str]) -> str:
    """Quotes and variables are undone as a shell would do it."""
    found = []
    for part in PART.findall(text):
        plain = part[1:-1] if part[0] in QUOTES else part
        if part[0] != "'":
            plain = expanded(plain, known)
        found.append(plain)
    return "".join(found)


def expanded(text: str, known: Dict[str, str]) -> str:
    """Behind the last brace that closes there is none to look for again and again."""
    end = text.rfind("}") + 1

    def value(match: Match[str]) -> str:
        return replacement(match, known)

    return VARIABLE.sub(value, text[:end]) + WITHOUT_BRACES.sub(value, text[end:])


def replacement(match: Match[str], known: Dict[str, str]) -> str:
    found: Dict[str, str] = match.groupdict(default="")
    if found["escaped"]:
        return found["escaped"]
    current = known.get(found["plain"] or found.get("braced", ""), "")
    operator = found.get("operator")
    if operator == ":-":
        return current or found["other"]
    if operator == ":+":
        return found["other"] if current else ""
    return current


def without_adapter(command: Tuple[str, ...]) -> Tuple[str, ...]:
    """An image's own start command, also where its Dockerfile has the adapter in front of it
    already."""
    if len(command) < 2:
        return command
    has_adapter = INTERPRETER.match(command[0]) and ADAPTER.match(command[1])
    return command[2:] if has_adapter else command


def with_interpreter(
    command: Tuple[str, ...],
    python: str,
) -> Tuple[str, ...]:
    if INTERPRETER.match(command[0]):
        return (python, *command[1:])
    return command

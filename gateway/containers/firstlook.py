"""What keeps a folder from being served, as far as it shows before it is started. Touches the
folder: asks which files are there."""

import os
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import List, Optional, Tuple

from gateway.containers.dockerfile import dockerfile_of
from gateway.containers.startcommand import (
    DEFAULT,
    INTERPRETER,
    SHELL,
    instructions_from_dockerfile,
    start_from_dockerfile,
)

NOTHING_TO_START = (
    "{} has no Dockerfile with a CMD or ENTRYPOINT, and no app.py: expected one of them"
    " (what a FROM image would start isn't known here)."
)
NO_SCRIPT = "{} has no {}, which its start command runs{}."
NOT_CARRIED_OUT = (
    ": {} in the Dockerfile isn't carried out, the command runs in the folder itself, so give the"
    " folder that has the script, with the Dockerfile in it"
)
BRACKETS = (
    "In the Dockerfile of {}, {} looks like JSON and isn't, so a shell runs it:"
    " is a bracket or a quotation mark missing?"
)
PLACING = ("ADD", "COPY", "WORKDIR")
SCRIPT = re.compile(r"[\w./-]{1,200}\.py\Z")
ASSIGNMENT = re.compile(r"\w+=")
# `[ -f x ] && ...` is a shell's own.
LIKE_JSON = re.compile(r"\[(?!\s)|\[.*[\"'],")
WITH_VALUE = ("-W", "-X")
# The standard library's reader of a shell's words takes quadratic time.
LONGEST_LINE = 2000
LONGEST_QUOTE = 40


def obstacle(folder: str) -> Optional[str]:
    """Why it can't be served at all."""
    text = readable_dockerfile(folder)
    says_something = text is not None and start_from_dockerfile(text, {}).command is not DEFAULT
    if says_something or os.path.exists(os.path.join(folder, DEFAULT[-1])):
        return None
    return NOTHING_TO_START.format(folder)


def doubts(folder: str) -> List[str]:
    """What makes it unlikely that it can be served."""
    text = readable_dockerfile(folder)
    if text is None:
        return []
    command = start_from_dockerfile(text, {}).command
    found = []
    if command[-3:-1] == SHELL and LIKE_JSON.match(command[-1]):
        line = " ".join(command[-1].split())
        found.append(BRACKETS.format(folder, line[:LONGEST_QUOTE]))
    script = script_of(command)
    if script and not os.path.exists(os.path.join(folder, script)):
        found.append(NO_SCRIPT.format(folder, script, advice_from_dockerfile(text)))
    return found


def readable_dockerfile(folder: str) -> Optional[str]:
    """What can't be read is told when it is started."""
    with suppress(OSError):
        return dockerfile_of(Path(folder))
    return None


def advice_from_dockerfile(text: str) -> str:
    used = {name for name, _ in instructions_from_dockerfile(text)}
    placing = [name for name in PLACING if name in used]
    return NOT_CARRIED_OUT.format(" or ".join(placing)) if placing else ""


def script_of(command: Tuple[str, ...]) -> Optional[str]:
    """The file that Python is told to run, where that is plain to see."""
    words = command
    if command[:2] == SHELL:
        words = words_of_shell(command[-1])
    for place, word in enumerate(words):
        if INTERPRETER.match(word):
            return script_from_arguments(words[place + 1 :])
    return None


def words_of_shell(line: str) -> Tuple[str, ...]:
    """Of its first command, where nothing before that could have changed the folder."""
    try:
        words = shlex.split(line[:LONGEST_LINE])
    except ValueError:
        return ()
    while words and (words[0] == "exec" or ASSIGNMENT.match(words[0])):
        del words[0]
    return tuple(words) if words and INTERPRETER.match(words[0]) else ()


def script_from_arguments(arguments: Tuple[str, ...]) -> Optional[str]:
    """None for -c and -m, behind which there is no file."""
    left = list(arguments)
    while left and left[0].startswith("-"):
        option = left.pop(0)
        if option[:2] in ("-c", "-m"):
            return None
        if option in WITH_VALUE:
            del left[:1]
    return left[0] if left and SCRIPT.match(left[0]) else None

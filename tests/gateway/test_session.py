"""A recorded session with wsk on the real platform: what the same commands print here, word for
word, but for ids and times."""

import re
import subprocess

import pytest

from testing.clients import wsk_words
from testing.gateway import Gateway
from testing.recordings import FOLDER, GUEST_KEY
from testing.replay import ReplayAction
from tests.gateway.test_compose import Recorder

COMMAND = re.compile(r"^\$ wsk (.*)$", re.MULTILINE)
# The words of what is left out: code of other kinds, files and folders, wsk's own business, what
# an earlier session left, the API gateway, and feeds, which are refused with a word more.
LEFT_OUT = re.compile(
    r"\bfoo\b|--feed|-P |--save|--summary|--web|web\d|\bpar\b|abc|^action create$|list /"
    r"|activation (poll|logs)|activation list( nope| -l [05])?$|^(api|property|project|sdk|-v)\b"
)
MASKS = {
    "<ms>": r"\d{13}",
    "<n>": r"\d+",
    "<n>ms": r"[0-9.]+m?s",
    "<c>": "(cold|warm)",
    "<id>": "[0-9a-f]{32}",
    "<code>": r"\w{32}",
    "<b64>": "[A-Za-z0-9+/=]+",
    "<time>": r"[0-9-]{10} [0-9:]{8}",
}


def blocks(text):
    """Each command with what follows it."""
    starts = [match.start() for match in COMMAND.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)]):
        block = text[start:end]
        yield COMMAND.match(block).group(1), " ".join(block.split())


def chosen():
    with open(f"{FOLDER}/session.txt", encoding="utf-8") as file:
        return [each for each in blocks(file.read()) if not LEFT_OUT.search(each[0])]


CHOSEN = chosen()


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What all of the commands print, one after another."""
    with ReplayAction() as action:
        action.reply = Recorder(action).reply
        folder = tmp_path_factory.mktemp("session")
        with Gateway(folder, "--image", f"recorder:2={action.url}") as gateway:
            done = subprocess.run(
                [str(wsk_words()), f"http://localhost:{gateway.port}", GUEST_KEY],
                input="\n".join(command for command, _ in CHOSEN),
                capture_output=True,
                text=True,
                timeout=120,
            )
    assert done.returncode == 0, done.stderr
    return list(blocks(done.stdout))


def test_most_of_the_session_is_replayed():
    assert len(CHOSEN) == 76


def numbered():
    return [
        pytest.param(number, id=f"{number} {command}") for number, (command, _) in enumerate(CHOSEN)
    ]


@pytest.mark.parametrize("number", numbered())
def test_command(number, printed):
    command, expected = CHOSEN[number]
    pattern = re.escape(expected)
    for mask in sorted(MASKS, key=len, reverse=True):
        pattern = pattern.replace(re.escape(mask), MASKS[mask])
    assert printed[number][0] == command
    assert re.fullmatch(pattern, printed[number][1]), f"{printed[number][1]}\n\n{expected}"

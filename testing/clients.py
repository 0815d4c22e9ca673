"""The clients that people use, as they are published: each is made below .envs/ on its first
use."""

import os
import shutil
import subprocess
from pathlib import Path

from testing.prerequisites import need
from testing.virtualenv import ENVS, locked

SOURCES = Path(__file__).resolve().parents[1] / "tests" / "gateway" / "clients"
WSKDEPLOY = "github.com/apache/openwhisk-wskdeploy"


def output_of(*command, folder=None, **variables):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=str(folder) if folder else None,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wskdeploy():
    """The path of the program."""
    return made("wskdeploy", ["go.mod"], "wskdeploy", *go_build("wskdeploy", WSKDEPLOY))


def wsk():
    """The path of a session with the library that the wsk command consists of."""
    return made("wsk", ["go.mod", "wsk.go"], "wsk", *go_build("wsk", "wsk.go"))


def wsk_words():
    """The path of a program that answers commands of wsk with that library, and prints as wsk
    does."""
    return made("words", ["go.mod", "words.go"], "words", *go_build("words", "words.go"))


def npm_session():
    """The path of a session with the npm client."""
    npm = (need("npm"), "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund")
    made("node-client", ["package.json", "session.js"], "node_modules/openwhisk", *npm)
    return ENVS / "node-client" / "session.js"


def go_build(program, package):
    # Whichever release of the language is there will do: none is to be fetched.
    variables = ["GOFLAGS=-mod=mod", "GOTOOLCHAIN=local"]
    return [need("env"), *variables, need("go"), "build", "-o", program, package]


def made(name, sources, result, *command):
    """`result` in .envs/NAME, where `command` makes it beside copies of the sources."""
    folder = ENVS / name
    with locked(ENVS / f"{name}.lock"):
        if not (folder / result).exists() or not all(
            same(folder / each, SOURCES / each) for each in sources
        ):
            shutil.rmtree(str(folder), ignore_errors=True)
            folder.mkdir(parents=True)
            for source in sources:
                shutil.copy(str(SOURCES / source), str(folder))
            output_of(*command, folder=folder)
    return folder / result


def same(copy, source):
    # The Go command adds to its file what the requirements require.
    return copy.exists() and copy.read_bytes().startswith(source.read_bytes())

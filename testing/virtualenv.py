"""Virtual environments for programs under test: made once below .envs/, from a file of pins, on
first use."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

ENVS = Path(__file__).resolve().parents[1] / ".envs"


def virtualenv(name, pins, python):
    """The path of the python in .envs/NAME; `python()` gives the interpreter for making it."""
    folder = ENVS / name
    with locked(ENVS / (name + ".lock")):
        if not fresh(folder, pins):
            make(folder, [python(), "-m", "venv"], pins)
    return str(folder / "bin" / "python")


@contextmanager
def locked(path):
    """One process at a time; the others wait and then find the work done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fresh(folder, pins):
    marker = folder / ".pins"
    return marker.exists() and marker.read_text() == fingerprint(pins)


def fingerprint(pins):
    return hashlib.sha256(b"".join(file.read_bytes() for file in with_included(pins))).hexdigest()


def with_included(pins):
    """The file and those that it names with -r, and so on."""
    names = re.findall(r"(?m)^(?:-r|--requirement)[ =]*(\S+)", pins.read_text())
    return [pins] + [file for name in names for file in with_included(pins.parent / name)]


def make(folder, command, pins):
    """`command` makes an environment in the folder that it is given."""
    shutil.rmtree(str(folder), ignore_errors=True)
    run(*command, str(folder))
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    # First its own version: the one that came with an old interpreter doesn't know today's wheel
    # names.
    for pin in pins.read_text().splitlines():
        if pin.startswith("pip=="):
            run(*pip, "install", pin)
    run(*pip, "install", "--requirement", str(pins))
    if (
        "--system-site-packages" not in command
    ):  # what a distribution has put there isn't ours to judge
        run(*pip, "check")
    (folder / ".pins").write_text(fingerprint(pins))


def run(*command):
    done = subprocess.run(
        command,
        env=clean_environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, "%s ended with %d: %s" % (
        " ".join(command),
        done.returncode,
        done.stdout,
    )


def clean_environ():
    """Without what would lead another interpreter to this one's packages."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }


def interpreter(version):
    """The path of a python of this version that can make virtual environments; None where there is
    none."""
    name = "python" + version
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(name)] + [
        str(found) for found in sorted(pyenv.glob(version + ".*/bin/" + name))
    ]
    return next(
        (python for python in candidates if python and makes_environments(python, version)), None
    )


def makes_environments(python, version):
    # pyenv's shims are on PATH for versions that aren't active, and Debian leaves ensurepip out.
    question = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run(
        [python, "-c", question],
        env=clean_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return answer.stdout.decode().strip() == version

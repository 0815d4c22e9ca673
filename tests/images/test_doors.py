"""build.sh, layer.py and `python3 -m images` as programs: from where and by whom they may be
called, and how they end when they are interrupted.
"""

import os
import signal
import socket
import subprocess
import sys

import pytest

from testing.interpreter import prefix_of_python
from testing.prerequisites import need
from testing.process import heed_ctrl_c
from tests.images.samples import ROOT

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
NO_MODELS = (
    "build.sh: MODELS is empty: name models, or say MODELS=all (--help lists all settings)\n"
)


def outcome(*command, cwd=ROOT):
    done = subprocess.run(command, cwd=cwd, env=ENVIRON, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_build_is_run_by_any_shell_from_any_folder(shell, tmp_path):
    (tmp_path / "build.sh").symlink_to(ROOT / "build.sh")
    (tmp_path / "again").symlink_to("build.sh")
    program = need(shell)
    for path, folder in [
        ("build.sh", ROOT),
        (ROOT / "build.sh", tmp_path),
        (tmp_path / "again", ROOT.parent),
        ("again", tmp_path),
    ]:
        assert outcome(program, str(path), cwd=folder) == (2, "", NO_MODELS)


def test_build_is_called_by_its_name_alone_where_it_is_on_the_path(tmp_path):
    (tmp_path / "build").symlink_to(ROOT / "build.sh")
    path = f"{tmp_path}{os.pathsep}{ENVIRON['PATH']}"
    command = ["env", f"PATH={path}", "CDPATH=/usr", "build"]
    assert outcome(*command, cwd="/") == (2, "", NO_MODELS)


@pytest.mark.parametrize("version", ["2.7", "3.8"])
def test_a_python_that_is_too_old_is_told_so(version):
    python = os.path.join(prefix_of_python(version), "bin", "python")
    expected = f"layer.py: Python 3.9 or newer was expected, this is {version}\n"
    assert outcome(python, "layer.py") == (1, "", expected)


def test_a_python_that_is_too_old_for_the_module_is_told_so():
    python = os.path.join(prefix_of_python("3.8"), "bin", "python")
    expected = "images: Python 3.9 or newer was expected, this is 3.8\n"
    assert outcome(python, "-m", "images", "action") == (1, "", expected)


# Ctrl-C at a moment that nobody hits twice: while this module is being imported.
SITE = """
import os, signal, sys


class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "images.commands.action":
            os.kill(os.getpid(), signal.SIGINT)


sys.meta_path.insert(0, Interrupting())
"""


@pytest.mark.parametrize("door", ["layer.py", "images/__main__.py"])
def test_ctrl_c_while_it_is_being_loaded_is_no_traceback(door, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SITE)
    environ = dict(ENVIRON, PYTHONPATH=str(tmp_path))
    done = subprocess.run(
        [sys.executable, door],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        preexec_fn=heed_ctrl_c,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_ctrl_c_ends_it_with_the_status_that_shells_give_it():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "127.0.0.1:%d" % server.getsockname()[1]
        command = [sys.executable, "layer.py", f"{address}/a/b", f"{address}/a/c:1"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=ENVIRON, stderr=subprocess.PIPE, preexec_fn=heed_ctrl_c
        )
        with server.accept()[0] as asked:
            asked.recv(1)
            process.send_signal(signal.SIGINT)
            told = process.communicate(timeout=30)[1]
    expected = b"layer.py: interrupted; nothing that looks finished has been left\n"
    assert (process.returncode, told) == (130, expected)

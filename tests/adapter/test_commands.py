"""Which start commands run in the adapter's own process, and as what."""

import os
import stat
import subprocess
import sys

import pytest

from openwhisk_adapter.starting import packages
from openwhisk_adapter.starting.commands import (
    Interpreter,
    Kind,
    Program,
    program_from_command,
    this_interpreter,
)

HERE = "/opt/venv/bin/"
FILES = {
    HERE + "python": "",
    HERE + "python3.9": "",
    HERE + "uvicorn": "#!/opt/venv/bin/python3.9\n# -*- coding: utf-8 -*-\n",
    HERE + "fastapi": "#!/opt/venv/bin/python\n",
    HERE + "flask": "#!/usr/bin/env python\n",
    HERE + "waitress-serve": "#!/bin/sh\n'''exec' \"/opt/venv/bin/python\" \"$0\" \"$@\"\n' '''\n",
    HERE + "gunicorn": "#!/opt/venv/bin/python\n",
    "/usr/bin/uvicorn": "#!/usr/bin/python3\n",
    "/usr/bin/python3": "",
    "./serve.py": "#!/usr/bin/env python\n",
    "./other.py": "#!/usr/bin/python3\n",
    "./options.py": "#!/usr/bin/env -S python -O\n",
    "./serve": "#!/opt/venv/bin/python\n",
    "./data.py": "import this\n",
    "./empty.py": "",
}
OWN = {HERE + "python", HERE + "python3.9"}
ENVIRON = {"PORT": "9000", "MODULE": "app:app", "ODD": "a b; c"}


def which(name):
    path = name if "/" in name else HERE + name
    return path if path in FILES else None


IMAGE = Interpreter(OWN.__contains__, which, FILES.__getitem__)


def script(name, *arguments, **environ):
    return Program(Kind.SCRIPT, name, [name, *arguments], environ)


def module(name, *arguments, **environ):
    return Program(Kind.MODULE, name, [name, *arguments], environ)


UVICORN = script(HERE + "uvicorn", "app:app")

RUN_HERE = {
    "a script": (["python", "app.py"], script("app.py")),
    "with arguments": (["python3.9", "-u", "app.py", "--w", "a b"], script("app.py", "--w", "a b")),
    "options that change nothing": (["python", "-B", "-u", "app.py"], script("app.py")),
    "by the interpreter's path": ([HERE + "python", "src/app.py"], script("src/app.py")),
    "a module": (["python", "-m", "project.serve", "-x"], module("project.serve", "-x")),
    "uvicorn as a module": (["python", "-m", "uvicorn", "app:app"], module("uvicorn", "app:app")),
    "flask as a module": (["python", "-m", "flask", "run"], module("flask", "run")),
    "uvicorn": (["uvicorn", "app:app"], UVICORN),
    "uvicorn by its path": ([HERE + "uvicorn", "app:app"], UVICORN),
    "one worker": (
        ["uvicorn", "app:app", "--workers", "1"],
        script(HERE + "uvicorn", "app:app", "--workers", "1"),
    ),
    "one worker, by =": (
        ["uvicorn", "--workers=1", "app:app"],
        script(HERE + "uvicorn", "--workers=1", "app:app"),
    ),
    "fastapi run": (["fastapi", "run", "main.py"], script(HERE + "fastapi", "run", "main.py")),
    "flask run": (["flask", "--app", "x", "run"], script(HERE + "flask", "--app", "x", "run")),
    "waitress": (["waitress-serve", "a:b"], script(HERE + "waitress-serve", "a:b")),
    "an executable script": (["./serve.py", "-v"], script("./serve.py", "-v")),
    "tini": (["tini", "--", "python", "app.py"], script("app.py")),
    "tini with options": (
        ["/sbin/tini", "-g", "-e", "143", "--", "python", "app.py"],
        script("app.py"),
    ),
    "dumb-init": (["dumb-init", "-r", "15:2", "python", "app.py"], script("app.py")),
    "env": (["/usr/bin/env", "python", "app.py"], script("app.py")),
    "env with variables": (
        ["env", "A=1", "B=x=y", "python", "app.py"],
        script("app.py", A="1", B="x=y"),
    ),
    "a shell": (["sh", "-c", "python app.py"], script("app.py")),
    "a shell that sets variables": (
        ["/bin/bash", "-lc", "A=1 exec env B=2 python app.py"],
        script("app.py", A="1", B="2"),
    ),
    "a shell with quotes": (["sh", "-c", "python 'my app.py' \"a b\""], script("my app.py", "a b")),
    "a shell with variables": (
        ["sh", "-c", "exec uvicorn $MODULE --port ${PORT} --host ${HOST:-0.0.0.0}"],
        script(HERE + "uvicorn", "app:app", "--port", "9000", "--host", "0.0.0.0"),
    ),
    "an init, a shell and a server": (["tini", "--", "sh", "-c", "uvicorn app:app"], UVICORN),
}

STARTED_AS_THEY_ARE = {
    "nothing": [],
    "an init of nothing": ["tini", "--"],
    "env of nothing": ["env"],
    "another program": ["tensorflow_model_server"],
    "another interpreter": ["/usr/bin/python3", "app.py"],
    "an interpreter that isn't there": ["python2", "app.py"],
    "no script": ["python"],
    "a text": ["python", "-c", "pass"],
    "an option of the interpreter": ["python", "-O", "app.py"],
    "from standard input": ["python", "-"],
    "a module that forks": ["python", "-m", "gunicorn", "app:app"],
    "a part of one": ["python", "-m", "torch.distributed.run", "app.py"],
    "no module": ["python", "-m"],
    "gunicorn": ["gunicorn", "app:app"],
    "uvicorn of another interpreter": ["/usr/bin/uvicorn", "app:app"],
    "uvicorn that isn't there": ["./uvicorn", "app:app"],
    "workers": ["uvicorn", "app:app", "--workers", "4"],
    "workers, by =": ["uvicorn", "app:app", "--workers=4"],
    "workers of a module": ["python", "-m", "uvicorn", "app:app", "--workers", "4"],
    "reload": ["uvicorn", "app:app", "--reload"],
    "reload in the middle": ["uvicorn", "--reload", "app:app"],
    "TLS": ["uvicorn", "app:app", "--ssl-keyfile", "key.pem"],
    "a socket": ["uvicorn", "app:app", "--uds", "/tmp/socket"],
    "a descriptor": ["uvicorn", "app:app", "--fd", "3"],
    "no server": ["fastapi", "dev", "main.py"],
    "a server's other command": ["flask", "--app", "x", "shell"],
    "TLS of flask": ["flask", "run", "--cert", "adhoc"],
    "a script of another interpreter": ["./other.py"],
    "a script with options of the interpreter": ["./options.py"],
    "any other command in Python": ["./serve"],
    "a text file": ["./data.py"],
    "an empty file": ["./empty.py"],
    "several commands": ["sh", "-c", "cd . && exec python app.py"],
    "a pipe": ["sh", "-c", "python app.py | tee log"],
    "a redirection": ["sh", "-c", "python app.py 2>&1"],
    "a pattern": ["sh", "-c", "python app.py *.txt"],
    "a variable that isn't set": ["sh", "-c", "python app.py $NOTHING"],
    "a variable of several words": ["sh", "-c", "python app.py $ODD"],
    "a dollar in quotes": ["sh", "-c", "python app.py '$PORT'"],
    "an open quote": ["sh", "-c", "python app.py 'a"],
    "a shell's script": ["sh", "start.sh"],
    "a shell's options": ["bash", "--norc", "-c", "python app.py"],
    "arguments of a shell's command": ["sh", "-c", "python app.py", "sh", "1"],
    "an option of env": ["env", "-i", "python", "app.py"],
    "a variable for the interpreter": ["env", "PYTHONPATH=/src", "python", "app.py"],
    "a variable for the C library": ["sh", "-c", "MALLOC_ARENA_MAX=2 python app.py"],
    "variables of nothing": ["env", "A=1"],
    "an own program with variables": ["env", "A=1", "server"],
}

BY_VARIABLES = {
    "no worker too many": ({"UVICORN_WORKERS": "1", "UVICORN_RELOAD": "false"}, UVICORN),
    "an address": ({"UVICORN_HOST": "0.0.0.0"}, UVICORN),
    "workers": ({"UVICORN_WORKERS": "2"}, None),
    "workers of the platform": ({"WEB_CONCURRENCY": "2"}, None),
    "one worker of the platform": ({"WEB_CONCURRENCY": "1"}, UVICORN),
    "TLS": ({"UVICORN_SSL_KEYFILE": "key.pem"}, None),
    "reload": ({"UVICORN_RELOAD": "true"}, None),
}


@pytest.mark.parametrize("command, program", RUN_HERE.values(), ids=RUN_HERE)
def test_a_program_of_this_interpreter_runs_in_this_process(command, program):
    assert program_from_command(command, IMAGE, ENVIRON) == program


@pytest.mark.parametrize("command", STARTED_AS_THEY_ARE.values(), ids=STARTED_AS_THEY_ARE)
def test_any_other_command_is_started_as_it_is(command):
    assert program_from_command(command, IMAGE, ENVIRON) is None


@pytest.mark.parametrize("environ, program", BY_VARIABLES.values(), ids=BY_VARIABLES)
def test_a_server_is_told_by_variables_too(environ, program):
    assert program_from_command(["uvicorn", "app:app"], IMAGE, environ) == program


def test_the_options_given_outweigh_the_variables():
    command = ["uvicorn", "app:app", "--workers", "1"]
    assert program_from_command(command, IMAGE, {"WEB_CONCURRENCY": "4"}) is not None


# -- on this very machine --------------------------------------------------------------------------


def executable(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_this_interpreter_knows_itself():
    here = this_interpreter()
    assert here.is_own(sys.executable)
    assert not here.is_own("/bin/sh")
    assert not here.is_own(os.path.realpath(sys.executable) + "-config")


def test_a_link_to_this_interpreter_in_another_folder_is_another_one(tmp_path):
    """That is how a virtual environment looks, which has packages of its own."""
    (tmp_path / "python").symlink_to(os.path.realpath(sys.executable))
    assert not this_interpreter().is_own(str(tmp_path / "python"))


def test_an_executable_script_is_recognised_by_its_first_line(tmp_path):
    path = executable(tmp_path / "serve.py", "#!%s\nprint(1)\n" % sys.executable)
    assert subprocess.check_output([path]) == b"1\n"
    assert program_from_command([path], this_interpreter(), {}) == script(path)
    assert program_from_command([str(tmp_path / "nothing.py")], this_interpreter(), {}) is None


def test_a_command_that_cannot_be_read_is_started_as_it_is(tmp_path):
    assert this_interpreter().beginning(str(tmp_path)) == ""


# -- the packages that it finds --------------------------------------------------------------------


def installed(folder, *names):
    """An environment with a `uvicorn` and what pip leaves of the packages of these names."""
    packages = folder / "lib" / "python3.9" / "site-packages"
    packages.mkdir(parents=True)
    for name in names:
        (packages / (name + ".dist-info")).mkdir()
    program = folder / "bin" / "uvicorn"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return [str(program), "app:app", "--workers", "2"]


@pytest.mark.parametrize(
    "names, loses",
    [
        (["uvicorn-0.30.0", "starlette-0.27.0"], True),
        (["uvicorn-0.30.0", "starlette-0.27.0", "starlette_testing-1.0.0"], True),
        (["uvicorn-0.25.0", "starlette-0.27.0"], False),
        (["uvicorn-0.30.0", "starlette-0.35.0"], False),
        (["uvicorn-0.54.0", "starlette-1.10.0"], False),
    ],
)
def test_an_older_starlette_finds_no_route_when_a_newer_uvicorn_is_told_a_prefix(
    tmp_path, monkeypatch, names, loses
):
    monkeypatch.setattr(sys, "path", [str(tmp_path / "nowhere")])
    assert packages.loses_its_routes(installed(tmp_path, *names)) == loses


def test_only_uvicorn_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    assert not packages.loses_its_routes(["gunicorn", "app:app"])
    assert not packages.loses_its_routes(["uvicorn-of-nobody", "app:app"])

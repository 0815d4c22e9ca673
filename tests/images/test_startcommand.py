"""What a start command comes down to, and what a config tells of the model's server."""

import pytest

from images.image.hints import exposed_ports, health_path
from images.image.startcommand import start_from_settings

PROGRAMS = {
    "exec form": (["python", "app.py"], ["python", "app.py"]),
    "shell form": (["/bin/sh", "-c", "python app.py"], ["python", "app.py"]),
    "a variable first": (["sh", "-c", "A=1 B='2 3' python app.py"], ["python", "app.py"]),
    "env": (["env", "A=1", "python3", "app.py"], ["python3", "app.py"]),
    "env with options": (["/usr/bin/env", "-i", "-u", "A", "B=1", "python", "x"], ["python", "x"]),
    "tini": (["tini", "--", "python", "app.py"], ["python", "app.py"]),
    "tini with options": (["/sbin/tini", "-g", "-e", "143", "--", "python"], ["python"]),
    "tini without dashes": (
        ["tini", "python", "app.py", "--", "x"],
        ["python", "app.py", "--", "x"],
    ),
    "one in another": (
        ["tini", "--", "env", "A=1", "sh", "-c", "cd /srv && exec python app.py"],
        ["python", "app.py"],
    ),
    "the last of several": (
        ["sh", "-c", "make; nginx & gunicorn app:app"],
        ["gunicorn", "app:app"],
    ),
    "lines": (["bash", "-c", "set -e\ncd /srv\nexec gunicorn app:app\n"], ["gunicorn", "app:app"]),
    "the first of a pipe": (["sh", "-c", "python app.py | tee log"], ["python", "app.py"]),
    "in spite of everything": (["sh", "-c", "python app.py || exit 1"], ["python", "app.py"]),
    "a login shell": (["bash", "-lc", "python app.py"], ["python", "app.py"]),
    "options of bash": (["bash", "-o", "pipefail", "-c", "python app.py"], ["python", "app.py"]),
    "a shell that runs a file": (["/bin/sh", "start.sh"], ["/bin/sh", "start.sh"]),
    "quoted words": (["sh", "-c", "python 'my app.py'"], ["python", "my app.py"]),
    "a quotation without an end": (["sh", "-c", "python 'app.py"], []),
    "a user": (["gosu", "max", "python", "app.py"], ["python", "app.py"]),
    "time": (["timeout", "-k", "5", "60", "python", "app.py"], ["python", "app.py"]),
    "nothing": ([], []),
}


@pytest.mark.parametrize("words, program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_start_command_comes_down_to_a_program(words, program):
    for split in range(len(words) + 1):
        start = start_from_settings({"Entrypoint": words[:split], "Cmd": words[split:]})
        assert (start.words, start.program) == (words, program)


SCRIPTS = {
    "python app.py": "app.py",
    "python3.8 -u -W ignore -X dev serve.py --debug": "serve.py",
    "python -m flask run": "",
    "python -c pass": "",
    "python -": "",
    "python": "",
    "perl app.py": "",
}


@pytest.mark.parametrize("command, script", SCRIPTS.items(), ids=SCRIPTS)
def test_the_script_is_what_python_is_given(command, script):
    assert start_from_settings({"Cmd": command.split()}).script == script


PYTHONS = {
    "python": "python",
    "/opt/conda/bin/python3.7": "/opt/conda/bin/python3.7",
    "python2": "",
    "python2.7": "",
    "pythonic": "",
    "gunicorn": "",
}


@pytest.mark.parametrize("word, python", PYTHONS.items(), ids=PYTHONS)
def test_python_3_is_recognised_by_its_name(word, python):
    assert start_from_settings({"Cmd": [word]}).python == python


ONLY_A_SHELL = {
    "a variable": ["sh", "-c", "$VENV/bin/python app.py"],
    "a command": ["sh", "-c", "exec `pwd`/python app.py"],
    "a folder that it has gone to": ["sh", "-c", "cd /srv && exec venv/bin/python app.py"],
}


@pytest.mark.parametrize("words", ONLY_A_SHELL.values(), ids=ONLY_A_SHELL)
def test_a_python_that_only_a_shell_finds_is_none_that_could_be_started(words):
    start = start_from_settings({"Cmd": words})
    assert (start.python, start.is_python_program) == ("", True)


def test_a_python_below_the_working_directory_can_be_started_there():
    assert start_from_settings({"Cmd": ["venv/bin/python", "app.py"]}).python == "venv/bin/python"


def test_ports_are_those_of_expose_in_its_order():
    ports = ["9000/tcp", "8000/tcp", "53/udp", "8080/tcp", "x", "70000000/tcp", "80"]
    assert exposed_ports({"ExposedPorts": dict.fromkeys(ports, {})}) == [9000, 8000, 8080, 80]
    assert exposed_ports({}) == exposed_ports({"ExposedPorts": None}) == []


CHECKS = {
    "/health": ["CMD-SHELL", "curl -f http://localhost:5000/health || exit 1"],
    "/ping": ["CMD", "curl", "--fail", "http://127.0.0.1:8080/ping"],
    "/v2/health/ready": ["CMD-SHELL", "wget -qO- 'http://0.0.0.0:8000/v2/health/ready'"],
    "/a?b=c": ["CMD", "/usr/bin/curl", "localhost:5000/a?b=c"],
    "/six": ["CMD-SHELL", "curl http://[::1]/six"],
}


@pytest.mark.parametrize("path, test", CHECKS.items(), ids=CHECKS)
def test_the_path_of_a_health_check_is_read(path, test):
    assert health_path({"Healthcheck": {"Test": test}}) == path


NO_PATHS = {
    "none": ["NONE"],
    "another program": ["CMD", "python", "check.py"],
    "another machine": ["CMD-SHELL", "curl http://example.org/health"],
    "a POST": ["CMD-SHELL", "curl -X POST http://localhost/health"],
    "data": ["CMD-SHELL", "curl --data x http://localhost/health"],
    "a variable": ["CMD-SHELL", "curl http://localhost:5000/$NAME"],
    "no path": ["CMD-SHELL", "curl http://localhost:5000"],
    "a line break": ["CMD", "curl", "http://localhost/a\nb"],
    "no words": ["CMD", 1],
    "no address": ["CMD-SHELL", "curl 'http://[' "],
    "a quotation without an end": ["CMD-SHELL", "curl 'http://localhost/a"],
}


@pytest.mark.parametrize("test", NO_PATHS.values(), ids=NO_PATHS)
def test_a_health_check_that_asks_for_no_path_of_the_server_says_nothing(test):
    assert health_path({"Healthcheck": {"Test": test}}) == ""

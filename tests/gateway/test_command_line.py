"""python -m gateway as people start it: what it says, and what it says when it can't."""

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from gateway.commandline import default_data, parser, plan_from_arguments, start_lines
from gateway.settings import Plan
from gateway.version import PROJECT, version
from testing.adapter import ROOT, environment
from testing.gateway import WEB, Gateway
from testing.process import descendants, until
from testing.recordings import GUEST_KEY
from testing.replay import ReplayAction, json_reply

APP = """
from flask import Flask
app = Flask(__name__)
app.add_url_rule("/", "hi", lambda: "hi")
app.run()
"""


def ended(*arguments, folder=None, **variables):
    """The exit code and what was said, of a start that doesn't get far."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env=environment(PYTHONPATH=ROOT, **variables),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    return folder


def test_a_folder_is_served_within_a_second_and_said_to_be(model, tmp_path):
    begun = time.monotonic()
    with Gateway(tmp_path, str(model)) as gateway:
        reply = gateway.request("GET", WEB + "hello/")
        seconds = time.monotonic() - begun
        assert (reply.status, reply.body) == (200, b"hi")
        url = f"http://localhost:{gateway.port}{WEB}hello"
        assert f"  hello  {url}\n" in gateway.stdout and f"  try:  curl {url}\n" in gateway.stdout
        # The figure itself is measured where nothing else runs; here it keeps its order of
        # magnitude.
        assert seconds < 10


def test_a_folder_is_an_action_like_others_after_a_restart_too(model, tmp_path):
    for expected in ("0.0.1", "0.0.2"):
        with Gateway(tmp_path, str(model), "--memory-max", "2048") as gateway:
            action = gateway.rest("GET", "actions/hello").json
            assert (action["version"], action["exec"]["image"]) == (expected, "hello")
            assert action["limits"] == {
                "concurrency": 1,
                "logs": 10,
                "memory": 2048,
                "timeout": 300000,
            }


def test_who_started_it_is_told_the_option_that_allows_more(tmp_path):
    content = {"exec": {"kind": "blackbox", "image": "a/b"}, "limits": {"memory": 2048}}
    with Gateway(tmp_path) as gateway:
        assert gateway.rest("PUT", "actions/large", content).status == 400
        until(lambda: "--memory-max 2048 to allow it" in gateway.stderr, lambda: gateway.stderr)


def test_the_address_of_a_folder_with_a_space_can_be_used(model, tmp_path):
    spaced = model.rename(tmp_path / "My Model & more")
    with Gateway(tmp_path, str(spaced)) as gateway:
        path = WEB + "My%20Model%20%26%20more"
        url = f"http://localhost:{gateway.port}{path}"
        assert f"  My Model & more  {url}\n" in gateway.stdout
        assert f"  try:  curl {url}\n" in gateway.stdout
        assert gateway.request("GET", path + "/").body == b"hi"


def test_why_a_model_does_not_start_is_told_in_one_line(tmp_path):
    folder = tmp_path / "nopkg"
    folder.mkdir()
    (folder / "app.py").write_text("import no_such_package\n")
    with Gateway(tmp_path, str(folder)) as gateway:
        assert [gateway.request("GET", WEB + "nopkg/").status for _ in range(3)] == [400] * 3
        until(lambda: gateway.stderr, "it is told")
        assert gateway.stderr == (
            "nopkg: the model couldn't be loaded: app.py ended with ModuleNotFoundError:"
            " No module named 'no_such_package'"
            f"  (more: http://localhost:{gateway.port})\n"
        )


def test_what_a_model_says_of_its_failure_moves_no_cursor_and_fills_no_terminal(tmp_path):
    errors = iter(
        f"\x1b[2J\u202e\r{number}\n{letter * 100000}"
        for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz")
    )
    with ReplayAction() as action, Gateway(tmp_path, "--image", f"replay={action.url}") as gateway:
        action.reply = lambda body: json_reply(json.dumps({"error": next(errors)}))
        gateway.create("loud")
        for _ in range(26):
            assert gateway.rest("POST", "actions/loud?blocking=true").status == 502
        until(lambda: "More activations fail" in gateway.stderr, lambda: gateway.stderr)
        lines = gateway.stderr.split("\n")
    assert len(lines) == 20 + 1 + 1 and max(map(len, lines)) < 400
    assert lines[0].startswith("loud: \\x1b[2J\\u202e ... aaa")
    assert all(map(str.isprintable, lines))


def test_a_folder_with_nothing_to_start_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    for words in ([str(tmp_path / "empty")], ["--image", f"a={tmp_path}/empty"]):
        code, out, err = ended("--data", str(tmp_path / "data"), "--port", "0", *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"{tmp_path}/empty has no Dockerfile with a CMD or ENTRYPOINT, and no app.py" in err


def test_what_will_not_start_is_said_at_the_start(tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM x\nCMD [python, \x1b]2;title\x07app.py]\n")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "Dockerfile").write_text("FROM x\nCOPY . .\nCMD python serve.py\n")
    with Gateway(tmp_path, str(folder), "--image", f"a={tmp_path}/gone") as gateway:
        assert "  Warning: In the Dockerfile of" in gateway.stdout
        assert f"  Warning: {tmp_path}/gone has no serve.py, which" in gateway.stdout
        assert "\\x1b]2;title\\x07" in gateway.stdout and "\x1b" not in gateway.stdout


REFUSED = [
    ("folder missing", ["/nowhere/at/all"], "There is no folder /nowhere/at/all"),
    ("image without place", ["--image", "name"], "--image name is not understood"),
    (
        "image of Docker's for a folder",
        ["me/my-model:1"],
        "with a model server in it; an image of Docker's runs after"
        " `wsk action create NAME --docker me/my-model:1`.",
    ),
    (
        "image of Docker's",
        ["--image", "me/my-model:1"],
        "NAME=http://host:port; an image of Docker's runs after"
        " `wsk action create NAME --docker me/my-model:1`.",
    ),
    ("image with a bad name", ["--image", "A B=/tmp"], "--image A B=/tmp is not understood"),
    (
        "image in a missing folder",
        ["--image", "a=/nowhere/at/all"],
        "There is no folder /nowhere/at/all",
    ),
    (
        "image at an address with a path",
        ["--image", "a=http://h:1/x"],
        "is not the address of an action",
    ),
    ("key without a colon", ["--auth", "abc"], "--auth is not a key"),
    (
        "port that is no number",
        ["--port", "abc"],
        "--port: 'abc' is no whole number (--help lists the options).",
    ),
    ("number that is none", ["--containers", "many"], "--containers: 'many' is no whole number"),
    ("option without its value", ["--host"], "--host: expected one argument"),
    ("unknown option", ["--foo"], "There is no option --foo: --help lists those that there are."),
    ("mistyped option", ["--pyton", "x"], "no option --pyton: did you mean --python?"),
    ("folders apart", ["a", "--idle", "1", "b"], "b is apart from the other folders"),
    ("what a terminal would obey", ["--f\x1b[2J"], r"There is no option --f\x1b[2J: "),
    ("port out of range", ["--port", "70000"], "--port 70000 is not a port"),
    (
        "interpreter missing",
        ["--python", "/nowhere/python"],
        "--python /nowhere/python is no program: there is no such file",
    ),
    ("interpreter not executable", ["--python", "/etc/passwd"], "it may not be executed: give"),
    ("interpreter of another kind", ["--python", "/bin/ls"], "/bin/ls is no Python interpreter: "),
    (
        "interpreter that is a folder",
        ["--python", "/etc"],
        "--python /etc is no program: it is a folder, and has no bin/python",
    ),
    ("memory below the least", ["--memory-max", "1"], "--memory-max 1 is below"),
    (
        "no container",
        ["--containers", "0"],
        "--containers 0 is out of range: give a number from 1 to 1000000000.",
    ),
    ("no room to wait", ["--waiting", "0"], "--waiting 0 is out of range: give a number from 1"),
    (
        "idle for less than no time",
        ["--idle", "-1"],
        "--idle -1 is out of range: give a number from 0",
    ),
    ("nothing kept", ["--keep", "0"], "--keep 0 is out of range: give a number from 1"),
    ("more kept than can be counted", ["--keep", "9" * 30], "is out of range"),
    (
        "address of another machine",
        ["--host", "192.0.2.1", "--port", "0"],
        "192.0.2.1 is not an address of this machine",
    ),
]


@pytest.mark.parametrize("arguments, words", [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_what_is_wrong_is_said_in_one_sentence(arguments, words, tmp_path):
    code, out, err = ended("--data", str(tmp_path / "data"), *arguments)
    assert (code, out) == (2, "")
    assert words in err and err.count("\n") == 1, err


@pytest.mark.parametrize(
    "script, words",
    [
        ("echo 2 7", "is Python 2.7: 3.6 is the oldest"),
        ("printf '\\033[2J'; exit 1", r"it said '\x1b[2J'"),
        ("yes", "it said 'y"),
    ],
)
def test_what_an_interpreter_says_is_looked_at(tmp_path, script, words):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    code, out, err = ended("--data", str(tmp_path / "data"), "--python", str(python))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err and len(err) < 400


def test_a_virtual_environment_instead_of_its_interpreter(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    code, out, err = ended("--data", str(tmp_path / "data"), "--python", str(tmp_path))
    asked = f"did you mean {tmp_path}/bin/python?"
    assert (code, out, err) == (2, "", f"--python {tmp_path} is no program: {asked}\n")


def test_a_key_behind_a_mistyped_option_is_not_printed():
    for words in (["--auht=me:secret"], ["--auht", "me:secret"]):
        _, out, err = ended(*words)
        assert (out, err) == ("", "There is no option --auht: did you mean --auth?\n")


def test_an_empty_name_of_a_data_file_is_not_the_usual_one():
    code, out, err = ended("--data", "", "--port", "0")
    assert (code, out) == (2, "")
    assert err == "--data is empty: give the path of a file, or leave it out.\n"


def test_a_folder_for_marks_that_is_not_ones_own(tmp_path):
    (tmp_path / f"openwhisk-gateway-{os.getuid()}").write_text("somebody was here first")
    code, out, err = ended("--data", str(tmp_path / "data"), "--port", "0", TMPDIR=str(tmp_path))
    assert (code, out) == (2, "")
    assert "must be a folder that nobody but you can write to" in err and err.count("\n") == 1


def test_a_lock_that_leads_elsewhere(tmp_path):
    (tmp_path / "data.lock").symlink_to(tmp_path / "made")
    code, out, err = ended("--data", str(tmp_path / "data"), "--port", "0")
    assert (code, out) == (2, "") and "can't be used" in err
    assert not (tmp_path / "made").exists()


def test_port_in_use(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        code, _, err = ended("--data", str(tmp_path / "data"), "--port", str(port))
    assert (code, err) == (
        2,
        f"Port {port} is in use: stop what listens there, or choose another with --port"
        " (make run: PORT=).\n",
    )


def test_data_in_use(tmp_path):
    with Gateway(tmp_path) as gateway:
        code, _, err = ended("--data", gateway.data, "--port", "0")
    assert code == 2 and err.startswith(f"Another gateway works with {gateway.data}: stop it")


def test_data_that_is_something_else(tmp_path):
    file = tmp_path / "picture.png"
    file.write_bytes(b"\x89PNG" * 1000)
    code, _, err = ended("--data", str(file), "--port", "0")
    assert code == 2 and "is not a gateway's data file" in err and err.count("\n") == 1
    assert file.read_bytes() == b"\x89PNG" * 1000


@pytest.mark.parametrize("content", ["print(1)\n", "S", "SQLite format 4\0"])
def test_a_file_that_is_something_else_stays_as_it_is(tmp_path, content):
    (tmp_path / "app.py").write_text(content)
    (tmp_path / "app.py").chmod(0o644)
    code, _, err = ended("--data", str(tmp_path / "app.py"), "--port", "0")
    assert code == 2 and "app.py is not a gateway's data file (" in err
    assert os.listdir(tmp_path) == ["app.py"]
    assert os.stat(tmp_path / "app.py").st_mode & 0o777 == 0o644


def test_what_is_no_file_is_no_data_file(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o644)
    for name in ("folder", "pipe"):
        code, _, err = ended("--data", str(tmp_path / name), "--port", "0")
        assert code == 2 and f"{name} is not a gateway's data file (" in err
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe"]


def test_an_empty_data_file_is_as_good_as_none(tmp_path):
    (tmp_path / "gateway.sqlite3").write_text("")
    with Gateway(tmp_path) as gateway:
        assert os.stat(gateway.data).st_mode & 0o777 == 0o600


CORRUPT = {
    "half a file": lambda data: data[: len(data) // 2],
    "its first page": lambda data: data[:4096],
    "zeros in the middle": lambda data: data[:4096] + bytes(8192) + data[12288:],
    "a record of another shape": lambda data: data.replace(
        b'"limits":{"concurrency"', b'"limits":["concurrency"'
    ),
    "a name that is a number": lambda data: data.replace(
        b'"namespace":"guest"', b'"namespace":1234567'
    ),
}


@pytest.mark.parametrize("case", CORRUPT)
def test_data_that_was_damaged(case, tmp_path):
    with Gateway(tmp_path) as gateway:
        for number in range(30):
            gateway.create(f"action{number}")
    with open(gateway.data, "rb") as file:
        damaged = CORRUPT[case](file.read())
    for name in os.listdir(tmp_path):
        if name.startswith("gateway.sqlite3-"):
            os.unlink(tmp_path / name)
    with open(gateway.data, "wb") as file:
        file.write(damaged)
    code, out, err = ended("--data", gateway.data, "--port", "0")
    assert (code, out) == (2, "")
    assert err.startswith(f"{gateway.data} is not a gateway's data file (")
    assert err.endswith("): choose another with --data.\n") and err.count("\n") == 1


def test_data_that_takes_nothing_more(tmp_path, model):
    with Gateway(tmp_path, str(model)) as gateway:
        pass
    with closing(sqlite3.connect(gateway.data)) as other:
        other.execute("BEGIN IMMEDIATE")
        code, out, err = ended("--data", gateway.data, "--port", "0", str(model))
    cause = "The data file can't be written to: database is locked."
    assert (code, out, err) == (
        2,
        "",
        f"{cause} Make that possible, or choose another with --data.\n",
    )


def test_a_folder_whose_name_is_a_packages_already(tmp_path, model):
    with Gateway(tmp_path) as gateway:
        assert gateway.rest("PUT", "packages/hello", {}).status == 200
    assert ended("--data", gateway.data, "--port", "0", str(model)) == (
        2,
        "",
        f"The folder hello can't name an action: {gateway.data} has a package of that name:"
        " rename one of them, or choose another file with --data.\n",
    )


def test_data_that_nobody_else_may_read(tmp_path):
    with Gateway(tmp_path) as gateway:
        assert os.stat(gateway.data).st_mode & 0o777 == 0o600


def test_help_names_every_option():
    code, out, _ = ended("--help")
    assert code == 0
    for option in parser()._actions:
        for word in option.option_strings:
            assert word in out


def test_two_folders_with_one_name(tmp_path):
    for parent in ("a", "b"):
        (tmp_path / parent / "model").mkdir(parents=True)
    code, _, err = ended(str(tmp_path / "a" / "model"), str(tmp_path / "b" / "model"))
    assert code == 2
    assert err.startswith(f"{tmp_path}/a/model and {tmp_path}/b/model have the same name, and so")


def test_one_folder_twice(model):
    code, _, err = ended(str(model), f"{model}/")
    assert (code, err) == (2, f"The folder {model} is given twice: leave one out.\n")


@pytest.mark.parametrize(
    "host, warned", [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True)]
)
def test_a_warning_where_others_can_call(host, warned):
    lines = start_lines(plan_from_arguments(["--host", host]), 3233)
    assert any("others on the network" in line for line in lines) == warned


@pytest.mark.parametrize(
    "host, shown",
    [
        ("127.0.0.1", "localhost"),
        ("::", "localhost"),
        ("127.0.0.2", "127.0.0.2"),
        ("2001:db8::1", "[2001:db8::1]"),
    ],
)
def test_the_address_that_it_names_is_one_that_answers(host, shown):
    lines = start_lines(plan_from_arguments(["--host", host]), 3233)
    assert lines[0].startswith(f"OpenWhisk gateway at http://{shown}:3233 ")


def test_a_warning_where_the_public_key_is_reachable():
    def about_key(*arguments):
        plan = plan_from_arguments(["--host", "0.0.0.0", *arguments])
        return any("the key in use is public" in line for line in start_lines(plan, 1))

    assert about_key() and not about_key("--auth", "a:b")


def test_an_own_key_is_asked_for_and_never_printed(tmp_path):
    with Gateway(tmp_path, key="user-1:very-secret") as gateway:
        assert gateway.rest("GET", "actions").json == []
        assert gateway.rest("GET", "actions", key=GUEST_KEY).status == 401
        assert "very-secret" not in gateway.log


def test_defaults():
    plan = plan_from_arguments([])
    assert plan == Plan(3233, default_data(), {}, (), None, plan.settings)
    assert (plan.settings.host, plan.settings.key) == ("127.0.0.1", GUEST_KEY)


def test_the_containers_keep_to_what_was_asked_for(tmp_path):
    let_go = threading.Event()
    limits = ("--containers", "1", "--waiting", "1")
    with ReplayAction() as action, Gateway(
        tmp_path, "--image", f"replay={action.url}", *limits
    ) as gateway:
        action.reply = lambda body: let_go.wait(30) and json_reply("{}")
        gateway.create("slow")
        try:
            assert gateway.rest("POST", "actions/slow").status == 202
            until(lambda: action.runs, "the first is served")
            assert [gateway.rest("POST", "actions/slow").status for _ in range(3)] == [
                202,
                429,
                429,
            ]
        finally:
            let_go.set()
        until(lambda: len(gateway.rest("GET", "activations").json) == 2, "both are recorded")
    assert [len(action.inits), len(action.runs)] == [1, 2]


def test_an_idle_container_ends_when_it_was_asked_for(tmp_path, model):
    with Gateway(tmp_path, str(model), "--idle", "0") as gateway:
        assert gateway.request("GET", WEB + "hello/").status == 200
        until(lambda: not descendants(gateway.pid), "its process has ended")


def test_as_many_activations_are_kept_as_were_asked_for(tmp_path):
    with ReplayAction() as action:
        images = ("--image", f"replay={action.url}")
        with Gateway(tmp_path, *images) as gateway:
            gateway.create("quick")
            ids = [
                gateway.rest("POST", "actions/quick?blocking=true").json["activationId"]
                for _ in range(5)
            ]
        with Gateway(tmp_path, *images, "--keep", "2") as gateway:
            assert [
                each["activationId"] for each in gateway.rest("GET", "activations").json
            ] == ids[:2:-1]


def test_it_is_small_in_memory(tmp_path):
    with ReplayAction() as action, Gateway(tmp_path, "--image", f"replay={action.url}") as gateway:
        gateway.create_web("hello")
        for _ in range(50):
            gateway.request("GET", WEB + "hello")
        with open(f"/proc/{gateway.pid}/status") as file:
            kilobytes = int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))
    assert kilobytes < 80_000


# Python without the packages that the gateway needs.
BARE = """
import sys
for name in ("docker", "h11", "psutil", "requests"):
    sys.modules[name] = None
from gateway.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def without_packages(*arguments):
    command = [sys.executable, "-c", BARE, *arguments]
    environ = environment(PYTHONPATH=ROOT)
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)


def test_help_needs_nothing_to_be_installed():
    done = without_packages("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m gateway")


def test_a_missing_package_is_named_with_what_installs_it():
    done = without_packages("--port", "0")
    advice = (
        "is missing: `make run` installs it in .venv, and .venv/bin/python -m gateway finds it"
        " there\n"
    )
    assert done.returncode == 2 and done.stderr.startswith("The package ")
    assert done.stderr.endswith(advice) and done.stderr.count("\n") == 1


def test_the_version_is_the_projects(tmp_path):
    file = tmp_path / "__init__.py"
    file.write_text('"""The adapter."""\n\nVERSION: str = "12.3.4"\n')
    assert version(file) == "12.3.4"


def test_the_version_of_what_is_installed_where_there_is_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", {PROJECT: "2.0.0"}.__getitem__)
    assert version(tmp_path / "none.py") == "2.0.0"


def test_the_version_is_printed():
    assert ended("--version") == (0, version() + "\n", "")

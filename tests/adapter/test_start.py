"""How a model is found and loaded: the image's own start command, unchanged."""

import base64
import json
import os
import re
import subprocess
import sys
import time

import pytest

from testing.adapter import ADAPTER, SENTINEL, environment
from testing.process import accepts, descendants, free_port, until
from tests.adapter.conftest import COMMANDS

COULD_NOT = "the model couldn't be loaded: app.py ended with RuntimeError"


def page(adapter):
    answer = adapter.web("GET", "/")
    assert answer.status == 200, (answer, adapter.log)
    return json.loads(answer.body.decode("utf-8"))


def loaded(adapter, **env):
    reply = adapter.init(env)
    assert reply.status == 200, (reply, adapter.log)
    return adapter


@pytest.mark.parametrize(
    "app",
    ["unguarded", "guarded", "factory", "debugging", "by_werkzeug", "by_wsgiref", "by_waitress"],
)
def test_a_script_is_loaded_in_this_process(start, app):
    if app == "by_waitress":
        pytest.importorskip("waitress", reason="the project's own environment has it, images don't")
    adapter = loaded(start(app))
    assert page(adapter)["name"] == "__main__"
    assert descendants(adapter.pid) == []


def put_gevent_into(folder, patching):
    package = os.path.join(folder, "gevent")
    os.mkdir(package)
    open(os.path.join(package, "__init__.py"), "w").close()
    with open(os.path.join(package, "monkey.py"), "w") as file:
        file.write("def patch_all():\n    %s\n" % patching)


def test_an_app_that_is_named_has_our_threads_whatever_it_would_replace(start):
    adapter = start("patched", OPENWHISK_APP="app:app")
    put_gevent_into(adapter.folder, "raise SystemExit('ours are replaced')")
    assert loaded(adapter).web("GET", "/").body == b"threading"


def test_a_program_that_replaces_threads_and_sockets_gets_a_process_of_its_own(start):
    adapter = start("patching")
    put_gevent_into(adapter.folder, "pass")
    loaded(adapter)
    first = int(adapter.web("GET", "/").body)
    assert first in descendants(adapter.pid)
    assert adapter.web("GET", "/die").status == 502
    second = int(adapter.web("GET", "/").body)
    assert second in descendants(adapter.pid) and second != first
    assert adapter.stdout.count("it gets a process of its own") == 1


def test_an_app_that_is_served_from_a_thread_outlives_its_script(start):
    adapter = loaded(start("threaded"))
    assert page(adapter)["name"] == "__main__"
    until(lambda: "the last line" in adapter.log, "the script has come to its end")
    assert page(adapter)["name"] == "__main__"


@pytest.mark.parametrize("app", ["unguarded", "guarded", "debugging"])
def test_no_banner_gets_into_the_log(start, app):
    adapter = loaded(start(app))
    page(adapter)
    assert not re.search(
        "(?i)development server|running on|serving flask|debugger|restarting", adapter.log
    )


def test_the_reloader_starts_nothing(start):
    adapter = loaded(start("debugging"))
    pid = page(adapter)["pid"]
    with open(os.path.join(adapter.folder, "starts")) as starts:
        assert starts.read().split() == [str(pid)] == [str(adapter.pid)]


def test_the_debuggers_page_is_not_shown(start):
    adapter = loaded(start("debugging"))
    answer = adapter.web("POST", "/model/predict", "", [("Content-Type", "text/plain")], b"x")
    assert answer.status == 500
    assert b"Werkzeug Debugger" not in answer.body
    assert (
        b"__debugger__"
        not in adapter.web("GET", "/", "__debugger__=yes&cmd=resource&f=debugger.js").body
    )


@pytest.mark.parametrize(
    "command, expected",
    [
        ([], ["app.py"]),
        (["python", "app.py"], ["app.py"]),
        (["python3", "-u", "app.py", "--weights", "a b"], ["app.py", "--weights", "a b"]),
        (["python", "./app.py"], ["./app.py"]),
        (["/usr/bin/env", "python", "app.py"], ["app.py"]),
    ],
    ids=["default", "script", "options", "path", "env"],
)
def test_a_script_finds_what_python_script_gives_it(start, command, expected):
    adapter = loaded(start("model", *command))
    here = json.loads(adapter.web("GET", "/process").body.decode("utf-8"))
    assert (here["argv"], here["name"], here["cwd"]) == (
        expected,
        "__main__",
        os.path.realpath(adapter.folder),
    )
    assert os.path.realpath(here["path"]) == os.path.realpath(adapter.folder)


def test_a_script_in_a_folder_imports_what_lies_beside_it(start):
    adapter = start(None, "python", "src/serve.py")
    os.mkdir(os.path.join(adapter.folder, "src"))
    serving = "from werkzeug.serving import run_simple\nrun_simple('', 5000, app)\n"
    texts = {
        "serve.py": "from beside import app\n" + serving,
        "beside.py": "def app(environ, respond):\n    respond('200 OK', [])\n    return [b'\"beside\"']\n",  # noqa: E501
    }
    for name, text in texts.items():
        with open(os.path.join(adapter.folder, "src", name), "w") as file:
            file.write(text)
    assert page(loaded(adapter)) == "beside"


@pytest.mark.parametrize("command", [[], ["gunicorn", "app:app"]], ids=["script", "gunicorn"])
@pytest.mark.parametrize("name", ["app:app", "app:holder.wsgi"])
def test_an_app_can_be_named_outright(start, name, command):
    adapter = loaded(start("named", *command, OPENWHISK_APP=name))
    assert page(adapter)["name"] == "app"
    assert "run as a script" not in adapter.log and "Traceback" not in adapter.log


@pytest.mark.parametrize(
    "name, said",
    [
        ("app:nothing", ["app:nothing", "nothing"]),
        ("nowhere:app", ["nowhere"]),
        ("app:number", ["app:number"]),
    ],
    ids=["no such attribute", "no such module", "not callable"],
)
def test_a_wrong_name_is_reported_as_such(start, name, said):
    adapter = start("named", OPENWHISK_APP=name)
    reply = adapter.init()
    assert reply.status == 502
    assert [words for words in said if words not in reply.json["error"]] == []


def test_what_a_named_app_cannot_import_is_reported_as_itself(start):
    reply = start("missing_import", OPENWHISK_APP="app:app").init()
    assert reply.status == 502
    assert "No module named 'no_such_library'" in reply.json["error"]
    assert "there is no module" not in reply.json["error"]


@pytest.mark.parametrize(
    "app, said",
    [
        ("missing_import", ["no_such_library"]),
        (
            "broken",
            [
                "RuntimeError",
                "cannot read weights: no such file",
                "the weights are not here",
                "loading layer 39",
            ],
        ),
        ("leaving", ["3", "the C++ module is missing"]),
        ("finished", ["nothing to do"]),
        (None, ["app.py"]),
    ],
    ids=["its own import", "its own failure", "gives up", "serves nothing", "no script"],
)
def test_a_model_that_cannot_load_says_why(start, app, said):
    adapter = start(app)
    reply = adapter.init()
    assert (reply.status, set(reply.json), reply.header("content-type")) == (
        502,
        {"error"},
        ["application/json"],
    )
    assert [words for words in said if words not in reply.json["error"]] == []
    assert "OPENWHISK_APP" not in reply.json["error"] or app in ("finished", None)


def test_a_failed_load_ends_the_log_of_its_activation(start):
    adapter = start("broken")
    adapter.init()
    assert (adapter.stdout.count(SENTINEL), adapter.stderr.count(SENTINEL)) == (1, 1)


def test_a_failed_load_may_be_tried_again(start):
    adapter = start("broken")
    assert adapter.init().status == 502
    assert adapter.init().status == 502
    with open(os.path.join(adapter.folder, "weights"), "w"):
        pass
    assert adapter.init().status == 200
    assert adapter.web("GET", "/").body == b"loaded"


def test_a_refused_setting_is_forgotten(start):
    adapter = start("settings")
    refused = adapter.init({"OPENWHISK_LIMIT": "a megabyte", "CORS_ENABLE": "true"})
    assert (refused.status, set(refused.json)) == (502, {"error"})
    assert "OPENWHISK_LIMIT" in refused.json["error"] and "a megabyte" in refused.json["error"]
    assert page(loaded(adapter))["CORS_ENABLE"] is None


def test_a_run_whose_model_cannot_load_gets_an_error(start):
    adapter = start("broken")
    answer = adapter.web("GET", "/")
    assert answer.status == 502
    assert json.loads(answer.body.decode("utf-8")) == {"error": COULD_NOT}
    assert "cannot read weights" in adapter.stderr, "its owner sees why"


def test_the_environment_of_init_is_there_before_the_model(start):
    """So that a model's own settings can be bound to its action."""
    adapter = loaded(start("settings"), CORS_ENABLE="true", MODEL_TYPE="\u00e9", NUMBER="1")
    assert page(adapter) == {
        "CORS_ENABLE": "true",
        "MODEL_TYPE": "\u00e9",
        "NUMBER": "1",
        "__OW_ACTION_NAME": "/guest/model",
        "pickled": True,
    }


def test_the_environment_stays_the_images(start):
    adapter = loaded(start("model", IMAGE_SIZE="256", HOME="/nowhere"))
    environ = json.loads(adapter.web("GET", "/process").body.decode("utf-8"))["environ"]
    # The C library and coverage set some of their own.
    others = ("__OW_", "COV", "OPENWHISK_", "LC_", "KMP_")
    added = {name for name in environ if not name.startswith(others)}
    ours = {"PORT", "GRADIO_ROOT_PATH", "GRANIAN_URL_PATH_PREFIX", "UVICORN_ROOT_PATH"}
    assert added == {"PATH", "HOME", "IMAGE_SIZE"} | ours
    assert (environ["IMAGE_SIZE"], environ["HOME"]) == ("256", "/nowhere")


def test_init_answers_when_the_model_is_ready(start):
    adapter = start("settings")
    assert "loaded" not in adapter.log
    assert adapter.init().status == 200
    assert adapter.log.count("loaded") == 1


def test_init_that_comes_to_nothing_is_answered_before_its_time_is_over(start):
    adapter = start("", "sleep", "60")
    deadline = time.time() + 3
    reply = adapter.init({"__OW_DEADLINE": str(int(deadline * 1000))})
    assert time.time() < deadline
    assert "the model wasn't ready in time" in reply.json["error"]


def test_a_second_init_is_refused(start):
    adapter = loaded(start("named", OPENWHISK_APP="app:app"))
    reply = adapter.init()
    assert (reply.status, reply.json) == (
        403,
        {"error": "Cannot initialize the action more than once."},
    )
    assert page(adapter)["name"] == "app"


@pytest.mark.parametrize(
    "members",
    [
        {"code": "def main(args): return args", "binary": False},
        {"code": base64.b64encode(b"PK\x03\x04").decode("ascii"), "binary": True},
    ],
    ids=["source", "archive"],
)
def test_code_that_comes_with_the_action_is_ignored_and_told(start, members):
    """OpenServerless sends the text that names the image."""
    adapter = start("model")
    assert adapter.init(**members).status == 200
    assert "takes no code" in adapter.stdout
    assert adapter.web("GET", "/p").status == 200


def test_empty_code_counts_as_none(start):
    assert start("named", OPENWHISK_APP="app:app").init(code="", binary=False).status == 200


def test_a_run_before_any_init_loads_the_model(start):
    adapter = start("settings")
    assert page(adapter)["pickled"] is True
    assert page(adapter)["pickled"] is True
    assert adapter.log.count("loaded") == 1


def test_a_model_can_be_loaded_at_start(start):
    adapter = start("settings", OPENWHISK_PRELOAD=1)
    until(lambda: "loaded" in adapter.log, "the model has been loaded without being asked for")
    assert adapter.init({"NUMBER": "2"}).status == 200
    assert page(adapter)["NUMBER"] is None
    assert adapter.log.count("loaded") == 1


def test_an_early_init_waits_for_the_model_that_is_being_loaded(start):
    adapter = start("settings", OPENWHISK_PRELOAD=1)
    assert adapter.init().status == 200
    assert adapter.log.count("loaded") == 1


def test_a_model_that_cannot_be_loaded_at_start_says_so_to_init(start):
    reply = start("broken", OPENWHISK_PRELOAD=1).init()
    assert reply.status == 502
    assert "cannot read weights" in reply.json["error"]


@pytest.mark.parametrize(
    "name, value",
    [
        ("LIMIT", "1MB"),
        ("ERRORS", "bad"),
        ("CORS", "maybe"),
        ("PRELOAD", "soon"),
        ("TARGET", "http"),
        ("TARGET", "65536"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(start, name, value):
    """At start, or to /init: wherever it is said, it says what was given."""
    try:
        adapter = start("named", OPENWHISK_APP="app:app", **{"OPENWHISK_" + name: value})
        said = adapter.init().json.get("error", "")
    except (AssertionError, ValueError) as failure:
        said = str(failure)
    assert "OPENWHISK_" + name in said and value in said


@pytest.mark.parametrize("server", ["werkzeug", "wsgiref", "waitress"])
def test_of_several_apps_the_one_at_the_target_is_the_models(start, server):
    pytest.importorskip(server)
    aside, model = free_port(), free_port()
    options = {"ASIDE": aside, "MODEL": model, "OPENWHISK_TARGET": model}
    adapter = start("aside", "python", "app.py", server, **options)
    assert adapter.init().status == 200, adapter.log
    assert adapter.web("GET", "/").body == b"the model"
    until(lambda: accepts(aside), "the other one listens by itself")


@pytest.mark.parametrize("first", ["its own port", "its metrics"])
def test_what_a_program_opens_before_it_serves_its_app_is_not_taken_for_that(start, first):
    port = free_port()
    options = {"OPENWHISK_TARGET": port} if first == "its own port" else {}
    adapter = loaded(start("bound", "python", "app.py", FIRST=first, MODEL=port, **options))
    assert adapter.web("GET", "/").body == b"the model"


def test_an_app_that_is_served_after_a_port_was_found_is_the_model_from_then_on(start):
    adapter = loaded(start("bound", "python", "app.py", FIRST="a page", MODEL=free_port()))
    assert adapter.web("GET", "/").body == b"not yet"
    until(lambda: adapter.web("GET", "/").body == b"the model", "the app has been taken")


TARGET_IS_OURS = "OPENWHISK_TARGET is %d, where openwhisk.py itself listens"


@pytest.mark.parametrize(
    "command", [["sh", "-c", "exec sleep 60"], ["python", "app.py"]], ids=["process", "script"]
)
def test_a_target_that_is_the_adapters_own_port_is_refused(start, command):
    """It would ask itself, and that one itself, as long as there are descriptors."""
    port = free_port()
    adapter = start("hasty", *command, OPENWHISK_PORT=port, OPENWHISK_TARGET=port)
    reply = adapter.init({"__OW_DEADLINE": str(int((time.time() + 2) * 1000))})
    assert reply.status == 502
    assert TARGET_IS_OURS % port in reply.json["error"]


def test_an_app_that_is_served_at_the_adapters_own_port_is_taken_there(start):
    port = free_port()
    options = {"ASIDE": free_port(), "MODEL": port}
    options.update(OPENWHISK_PORT=port, OPENWHISK_TARGET=port)
    adapter = start("aside", "python", "app.py", "werkzeug", **options)
    assert adapter.init().status == 200, adapter.log
    assert adapter.web("GET", "/").body == b"the model"


def test_a_port_that_is_none_is_named(tmp_path):
    environ = environment(OPENWHISK_PORT="many")
    command = [sys.executable, ADAPTER]
    done = subprocess.Popen(command, env=environ, cwd=str(tmp_path), stderr=subprocess.PIPE)
    said = done.communicate()[1].decode("utf-8")
    assert done.returncode not in (0, None)
    assert "OPENWHISK_PORT" in said and "many" in said and "Traceback" not in said


def test_a_port_that_is_taken_is_named(start):
    taken = start("named", OPENWHISK_APP="app:app")
    environ = environment(OPENWHISK_PORT=taken.port)
    command = [sys.executable, "openwhisk.py"]
    done = subprocess.Popen(command, env=environ, cwd=taken.folder, stderr=subprocess.PIPE)
    said = done.communicate()[1].decode("utf-8")
    assert done.returncode not in (0, None)
    assert str(taken.port) in said


def test_the_port_that_a_host_gives_the_container_is_not_the_models(start):
    """Knative sets PORT to where the container is asked, which is the adapter's."""
    port = free_port()
    adapter = start("model", *COMMANDS["http"], PORT=port, OPENWHISK_PORT=port)
    environ = json.loads(adapter.request("GET", "/process").body.decode("utf-8"))["environ"]
    assert environ["PORT"].isdigit() and environ["PORT"] != str(port)


def test_a_plain_request_whose_model_cannot_load_gets_an_error(start):
    adapter = start("broken", OPENWHISK_PRELOAD=1)
    reply = adapter.request("GET", "/")
    assert (reply.status, set(reply.json)) == (502, {"error"})
    assert reply.json == {"error": COULD_NOT} and "Exception in thread" not in adapter.log


@pytest.mark.parametrize("option, code", [("--help", 0), ("-h", 0), ("--port", 1)])
def test_an_option_shows_what_it_is_for(option, code):
    done = subprocess.run(
        [sys.executable, ADAPTER, option], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    shown, said = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    assert "OPENWHISK_PORT=8080" in shown and "POST /run" in shown
    assert (done.returncode, option in said) == (code, code == 1)

"""build.sh with a real engine and a real registry; what comes of it is pulled, started, asked as
the platform asks.
"""

import contextlib
import functools
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from images.action.adapter import version
from images.commands.making import Trying, WithEngine, workshop
from images.commands.models import known_models
from images.commands.settings import SETTINGS, help_text
from images.engine.engine import Engine, EngineError
from images.engine.trial import Trials
from testing.controller import params_from_request
from testing.engine import PYTHON3
from testing.images import EXAMPLE, FLASK_APP
from testing.prerequisites import need, needed
from testing.process import until
from testing.registry import Odd
from tests.images.samples import BASE, config_of, order_for, put_image, put_index

ROOT = Path(__file__).resolve().parents[2]
BUILD = str(ROOT / "build.sh")
VERSION = version()
MODELS = known_models()
ADAPTER = "/openwhisk/openwhisk.py"
SAMPLE = EXAMPLE / "samples" / "seven.png"
PLATFORM = [
    "--cap-drop",
    "NET_RAW",
    "--cap-drop",
    "NET_ADMIN",
    "--ulimit",
    "nofile=1024:1024",
    "--pids-limit",
    "1024",
]
BROKEN = "import nothing_like_this_anywhere\n".replace(
    "import", "try:\n    1 / 0\nfinally:\n    import"
)


class Built:
    """What build.sh said."""

    def __init__(self, done):
        self.status, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr
        self.digests = re.findall(r"sha256:[0-9a-f]{64}", done.stdout)


@pytest.fixture(scope="session")
def bases(engine, images, registry):
    """Where models' images are: the first is a MAX image in all but name."""
    for name, image in {
        "max-ocr": images.max_shape(),
        "small": images.flask_3(),
        "with-tini": images.flask_3(
            "test/tini:1", 'ENTRYPOINT ["tini", "--"]\nCMD ["python3", "-u", "app.py"]'
        ),
        "no-flask": images.no_flask(),
        "no-python": images.no_python(),
        "broken": images.flask_3("test/broken:1", app=BROKEN),
    }.items():
        pushed = f"{registry}/codait/{name}:latest"
        engine.docker("tag", image, pushed)
        engine.docker("push", "--quiet", pushed)
    return f"{registry}/codait"


class Builder:
    """build.sh, for a user of the registry."""

    def __init__(self, engine, registry, bases, user):
        self.user = f"{registry}/{user}"
        self.environ = dict(
            engine.environ, BASE=bases, REGISTRY=registry, USERNAME=user, ENGINE="docker"
        )

    def __call__(self, models, **settings):
        environ = {
            name: value
            for name, value in dict(self.environ, **settings).items()
            if value is not None
        }
        environ["MODELS"] = models
        return Built(
            subprocess.run([BUILD], env=environ, capture_output=True, text=True, timeout=300)
        )


@pytest.fixture
def build(engine, registry, bases, request):
    """For a user of the test's own."""
    user = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")
    return Builder(engine, registry, bases, user)


@pytest.fixture
def build_environ(engine):
    def environ(models, **settings):
        return dict(
            engine.environ, MODELS=models, USERNAME="interrupted", ENGINE="docker", **settings
        )

    return environ


class Action:
    """A container, started as the platform starts it, asked over its network as the platform asks
    it.
    """

    def __init__(self, engine, image):
        environ = [
            "--env",
            "__OW_API_HOST=http://localhost",
        ]  # as on every container of the platform
        self.engine, self.name = (
            engine,
            engine.docker("run", "--detach", *PLATFORM, *environ, image),
        )
        self.address = engine.docker(
            "inspect", "--format", "{{.NetworkSettings.IPAddress}}", self.name
        )

    def post(self, path, body, seconds=60):
        until = time.time() + seconds
        while True:
            connection = HTTPConnection(self.address, 8080, timeout=seconds)
            try:
                connection.request(
                    "POST", path, json.dumps(body), {"Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
            except ConnectionRefusedError:
                assert time.time() < until, self.engine.docker("logs", self.name)
                time.sleep(0.05)
            finally:
                connection.close()

    def web(self, *request, **parts):
        return self.post("/run", {"value": params_from_request(*request, **parts)})


@contextmanager
def action(engine, image):
    """Pulled anew, then started and initialized."""
    engine.attempt("rmi", "--force", image)
    engine.docker("pull", "--quiet", image)
    running = Action(engine, image)
    try:
        assert running.post("/init", {"value": {"name": "a", "env": {}}})[0] == 200
        yield running
    finally:
        engine.docker("rm", "--force", running.name)


def pulled(engine, image):
    engine.docker("pull", "--quiet", image)
    return inspected(engine, image)


def inspected(engine, image):
    return json.loads(engine.docker("image", "inspect", image))[0]


def form_of(path):
    boundary = "b0undary"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{path.name}"\r\n'
    )
    body = (
        (head + "Content-Type: image/png\r\n\r\n").encode()
        + path.read_bytes()
        + f"\r\n--{boundary}--\r\n".encode()
    )
    return {
        "headers": [("Content-Type", f"multipart/form-data; boundary={boundary}")],
        "body": body,
    }


def assert_recognises_a_digit(running):
    status, result = running.web("POST", "/model/predict", **form_of(SAMPLE))
    assert (status, result["statusCode"]) == (200, 200), result
    answer = json.loads(result["body"])
    assert (answer["status"], answer["predictions"][0]["label"]) == ("ok", "seven"), answer


def assert_plausible(cold, warm, asked, expected):
    """Loading the model takes longer than its page."""
    assert asked == expected
    seconds, milliseconds = re.fullmatch(r"(\d+\.\d) s (\d+) ms", f"{cold} {warm}").groups()
    assert 1000 * float(seconds) > int(milliseconds) and float(seconds) > 0


# -- from a MAX image to an action, by each engine -----------------------


@pytest.fixture(scope="session")
def max_action(engine, registry, bases):
    """What build.sh said of the MAX image, and the image's name, by engine; made on first use."""

    @functools.lru_cache(maxsize=None)
    def make(kind):
        build = Builder(engine, registry, bases, "max-by-" + kind)
        return build("max-ocr", ENGINE=kind), f"{build.user}/max-ocr:{VERSION}"

    return make


@pytest.mark.parametrize("kind", ["docker", "registry"])
def test_a_max_image_becomes_an_action(engine, max_action, kind):
    built, image = max_action(kind)
    assert built.status == 0, built.stdout + built.stderr
    _, _, sent, *took = built.stdout.splitlines()[1].split("  ")
    if kind == "docker":
        assert_plausible(*took, "GET /")
    else:
        assert took == ["-", "-", "not tried"]  # nothing was started
    assert built.stdout.splitlines() == [
        "IMAGE  DIGEST  BYTES SENT  COLD  WARM  ASKED",
        "  ".join([image, built.digests[0], sent, *took]),
        "",
        f"wsk action update max-ocr --docker {image} --web raw -m 2048 -t 60000",
    ]
    assert built.stderr == ""
    assert 5_000 < int(sent) < 100_000
    with action(engine, image) as running:
        assert_recognises_a_digit(running)
        assert running.web("GET", "/model/metadata")[1]["statusCode"] == 200
        assert engine.docker("exec", running.name, "id", "--user", "--name") == "max"
        file = engine.docker("exec", running.name, "stat", "--format", "%U %G %a %Y", ADAPTER)
        assert file == "root root 644 0"
    name = f"{image.rpartition(':')[0]}@{built.digests[0]}"
    assert name in inspected(engine, image)["RepoDigests"]


def test_it_is_tried_with_the_sample_that_warms_it_up(build):
    sample = "'OPENWHISK_WARMUP=POST /model/predict image=@/samples/%s'"
    settings = {"PUSH": "0", "ADD": f"'{EXAMPLE / 'samples'}=/samples'"}
    tried = build("max-ocr", ENV=sample % "seven.png", **settings)
    assert (tried.status, tried.stderr) == (0, "")
    assert_plausible(*tried.stdout.splitlines()[1].split("  ")[3:], "POST /model/predict")
    failed = build("max-ocr", ENV=sample % "eight.png", **settings)
    assert (failed.status, failed.stderr.count("the file can't be read: No such file")) == (1, 1)


def test_the_image_is_the_base_the_adapter_and_what_the_config_tells(engine, bases, max_action):
    base, made = (
        inspected(engine, f"{bases}/max-ocr:latest"),
        pulled(engine, max_action("docker")[1]),
    )
    assert made["RootFS"]["Layers"][:-1] == base["RootFS"]["Layers"]
    same = ("User", "WorkingDir")
    assert {name: made["Config"][name] for name in same} == {
        name: base["Config"][name] for name in same
    }
    assert made["Config"]["Env"] == [*base["Config"]["Env"], "OPENWHISK_EXPOSED=5000"]
    assert made["Config"]["ExposedPorts"] == {"5000/tcp": {}, "8080/tcp": {}}
    assert made["Config"]["Entrypoint"] == ["python", ADAPTER]
    assert made["Config"]["Cmd"] == ["/bin/sh", "-c", "python app.py"]
    assert made["Config"]["Labels"] == {
        "org.opencontainers.image.base.name": f"{bases}/max-ocr:latest",
        "org.opencontainers.image.base.digest": base["RepoDigests"][0].split("@")[1],
        "openwhisk-adapter.version": VERSION,
        "openwhisk-adapter.changes": '{"layers":1,"python":["python"]}',
    }


def test_docker_podman_and_the_registry_make_the_same_image_digest_for_digest(
    build, engine, tmp_path
):
    need("podman")
    environ = podman_environ(tmp_path)
    digests = {}
    for kind in ("docker", "podman", "registry"):
        built = build(
            "small", ENGINE=kind, SMOKE="0", TAG=kind, **(environ if kind == "podman" else {})
        )
        assert built.status == 0, built.stdout + built.stderr
        digests[kind] = built.digests
    assert digests["docker"] == digests["podman"] == digests["registry"]
    image_id = inspected(engine, f"{build.user}/small:docker")["Id"]
    assert pulled(engine, f"{build.user}/small:registry")["Id"] == image_id
    told = subprocess.run(
        ["podman", "image", "inspect", "--format", "{{.Id}}", f"{build.user}/small:podman"],
        env=dict(engine.environ, **environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "sha256:" + told.stdout.strip() == image_id


def test_with_podman_it_is_tried_and_pushed_too(engine, build, bases, registry, tmp_path):
    need("podman")
    environ = podman_environ(tmp_path)
    pulled = subprocess.run(
        ["podman", "pull", f"{bases}/small"], env=environ, capture_output=True, text=True
    )
    needed(pulled.returncode == 0, "podman can't pull here: " + pulled.stderr[-300:])
    built = build("small", ENGINE="podman", **environ)
    assert built.status == 0, built.stdout + built.stderr
    assert len(built.digests) == 1
    with action(engine, f"{build.user}/small:{VERSION}") as running:
        assert running.web("GET", "/")[1]["body"] == "a small model"


def test_an_engine_that_cannot_start_containers_still_builds(engine, build, bases, tmp_path):
    need("podman")
    environ = podman_environ(tmp_path)
    (tmp_path / "containers.conf").write_text('[engine]\nruntime = "/bin/false"\n')
    tried = build("small", ENGINE="podman", **environ)
    assert (tried.status, "SMOKE=0 goes without" in tried.stderr) == (1, True), tried.stderr
    built = build("small", ENGINE="podman", SMOKE="0", **environ)
    assert built.status == 0, built.stdout + built.stderr
    with action(engine, f"{build.user}/small:{VERSION}") as running:
        assert running.web("GET", "/")[1]["body"] == "a small model"


def test_an_image_that_is_in_the_engine_alone_is_pushed_by_it(engine, images, build):
    local = images.flask_3("test/never-pushed:1")
    built = build(local)
    assert built.status == 0, built.stdout + built.stderr
    assert built.stdout.splitlines()[1].split()[2] == "-"
    with action(engine, f"{build.user}/never-pushed:{VERSION}") as running:
        assert running.web("GET", "/")[1]["body"] == "a small model"


def test_podman_takes_an_image_that_is_in_no_registry(engine, images, build, tmp_path):
    need("podman")
    archive = tmp_path / "model.tar"
    engine.docker("save", "--output", str(archive), images.flask_3())
    temporary = tmp_path / "Temporary_"  # a name that no image could have
    temporary.mkdir()
    environ = dict(podman_environ(tmp_path), TMPDIR=str(temporary))
    loaded = subprocess.run(
        ["podman", "load", "--input", str(archive)], env=environ, capture_output=True, text=True
    )
    needed(loaded.returncode == 0, "podman can't load here: " + loaded.stderr[-300:])
    built = build("localhost/test/flask:1", ENGINE="podman", SMOKE="0", **environ)
    assert built.status == 0, built.stdout + built.stderr
    with action(engine, f"{build.user}/flask:{VERSION}") as running:
        assert running.web("GET", "/")[1]["body"] == "a small model"


def podman_environ(folder):
    """Storage of the test's own, plain HTTP to the registry on loopback, limits that any root may
    set.
    """
    storage, registries, containers = (
        folder / f"{name}.conf" for name in ("storage", "registries", "containers")
    )
    containers.write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
    )
    storage.write_text(
        f'[storage]\ndriver = "overlay"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n',
        encoding="utf-8",
    )
    registries.write_text(
        '[[registry]]\nprefix = "127.0.0.1"\nlocation = "127.0.0.1"\ninsecure = true\n'
    )
    return dict(
        os.environ,
        CONTAINERS_STORAGE_CONF=str(storage),
        CONTAINERS_REGISTRIES_CONF=str(registries),
        CONTAINERS_CONF=str(containers),
    )


def test_an_image_that_was_built_here_is_taken_though_a_registry_has_an_older_one(
    engine, images, registry, build
):
    name = f"{registry}/codait/rebuilt:1"
    engine.docker("tag", images.flask_3(), name)
    engine.docker("push", "--quiet", name)
    engine.docker("rmi", name)
    newer = FLASK_APP.replace("a small model", "a newer model")
    images.flask_3(name, app=newer)
    built = build(name)
    assert built.status == 0, built.stdout + built.stderr
    with action(engine, f"{build.user}/rebuilt:{VERSION}") as running:
        assert running.web("GET", "/")[1]["body"] == "a newer model"


@pytest.mark.parametrize(
    "model, entrypoint, command",
    [
        ("small", ["python3", ADAPTER], ["python3", "app.py"]),
        ("with-tini", ["python3", ADAPTER], ["tini", "--", "python3", "-u", "app.py"]),
    ],
)
@pytest.mark.parametrize("kind", ["docker", "registry"])
def test_every_start_command_still_starts_its_model(
    engine, build, bases, kind, model, entrypoint, command
):
    built = build(model, ENGINE=kind)
    assert built.status == 0, built.stdout + built.stderr
    image = f"{build.user}/{model}:{VERSION}"
    with action(engine, image) as running:
        assert running.web("GET", "/")[1]["body"] == "a small model"
        body = json.loads(running.web("POST", "/model/predict", body=b"12345")[1]["body"])
        assert body == {"size": 5}
    config = inspected(engine, image)["Config"]
    assert (config["Entrypoint"], config["Cmd"]) == (entrypoint, command)
    assert (config["Labels"]["maintainer"], config["WorkingDir"]) == ("somebody", "/srv")
    assert "MODEL_TYPE=small" in config["Env"]


@pytest.mark.parametrize("kind", ["docker", "registry"])
def test_two_builds_of_the_same_input_have_the_same_digest(build, kind):
    first, second = build("small", ENGINE=kind, SMOKE="0"), build("small", ENGINE=kind, SMOKE="0")
    assert first.status == 0 and first.digests == second.digests
    assert kind == "docker" or int(second.stdout.splitlines()[1].split()[2]) < 3000


def test_the_dockerfile_alone_makes_an_action_too(engine, bases):
    image = "test/by-dockerfile:1"
    arguments = ["--build-arg", f"BASE={bases}", "--build-arg", "MODEL=max-ocr"]
    engine.docker("build", "--quiet", "--tag", image, *arguments, str(ROOT))
    running = Action(engine, image)
    try:
        assert running.post("/init", {"value": {"env": {}}})[0] == 200
        assert_recognises_a_digit(running)
        base = inspected(engine, f"{bases}/max-ocr")["RootFS"]["Layers"]
        layers = inspected(engine, image)["RootFS"]["Layers"]
        assert layers[: len(base)] == base
    finally:
        engine.docker("rm", "--force", running.name)


# -- a Python of its own, folders, variables ------------------------------


@pytest.fixture(scope="session")
def python_image(engine, registry):
    """An image that has a Python, where a user would have python:3.13-slim."""
    name = f"{registry}/library/python3:1"
    engine.docker("tag", engine.image(PYTHON3), name)
    engine.docker("push", "--quiet", name)
    return name


@pytest.fixture
def cache(tmp_path):
    """Where a Python that was made is kept: nowhere that another test looks."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.mark.parametrize("kind", ["docker", "registry"])
def test_an_image_without_python_gets_one_of_the_adapters_own(
    engine, build, python_image, cache, kind
):
    built = build("no-python", ENGINE=kind, PYTHON_IMAGE=python_image, **cache)
    assert built.status == 0, built.stdout + built.stderr
    image = f"{build.user}/no-python:{VERSION}"
    with action(engine, image) as running:
        assert running.web("POST", "/a", body=b"12345")[1]["body"] == "POST /a 5"
    config = inspected(engine, image)["Config"]
    assert config["Entrypoint"][0] == "/openwhisk/python/ld.so"
    assert config["Entrypoint"][-1] == ADAPTER
    assert config["Cmd"] == ["/usr/bin/perl", "app.py"]


def test_all_engines_put_in_the_same_python_and_it_is_made_and_sent_once(
    engine, build, python_image, cache, tmp_path
):
    settings = dict(PYTHON_IMAGE=python_image, SMOKE="0", **cache)
    built = [
        build("no-python", ENGINE="registry", TAG="1", **settings),
        build("no-python", ENGINE="docker", TAG="2", **settings),
        build("no-python", ENGINE="podman", TAG="3", **settings, **podman_environ(tmp_path)),
        build("no-python", ENGINE="registry", USERNAME="somebody-else", **settings),
    ]
    assert [one.status for one in built] == [0, 0, 0, 0], [one.stderr for one in built]
    assert len({one.digests[0] for one in built}) == 1
    first, *others = (int(one.stdout.splitlines()[1].split()[2]) for one in built)
    assert 5_000_000 < first < 10_500_000
    assert max(others) < 100_000  # into another repository, too, where it is mounted


@pytest.mark.parametrize("kind", ["docker", "registry"])
def test_a_python_of_its_own_can_be_wished_for(engine, build, python_image, cache, kind):
    built = build("small", ENGINE=kind, PYTHON="own", PYTHON_IMAGE=python_image, **cache)
    assert built.status == 0, built.stdout + built.stderr
    with action(engine, f"{build.user}/small:{VERSION}") as running:
        assert running.web("GET", "/")[1]["body"] == "a small model"


def test_an_image_of_which_no_python_can_be_made_is_told(build, bases, cache):
    image = f"{bases}/no-python"
    built = build("no-python", ENGINE="registry", PYTHON_IMAGE=image, **cache)
    assert (built.status, built.stderr) == (
        1,
        f"no-python failed: no Python can be made of {image}: it has no Python; one of 3.6 or"
        f" newer, "
        "with its standard library, was expected; PYTHON_IMAGE names another\n",
    )


GREETER = """
import os
from flask import Flask

app = Flask(__name__)


@app.route("/")
def greet():
    with open(os.environ["MODEL_PATH"] + "/greeting with a space.txt", encoding="utf-8") as file:
        return file.read()


app.run("0.0.0.0", 5000)
"""


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "mödel"
    folder.mkdir()
    (folder / "greeting with a space.txt").write_text("grüß Gott", encoding="utf-8")
    (folder / "latest").symlink_to("greeting with a space.txt")
    (folder / "start").write_text("#!/bin/sh\n")
    (folder / "start").chmod(0o750)
    return folder


def test_a_folder_and_a_variable_become_part_of_the_image_the_same_by_every_engine(
    engine, registry, images, build, model, tmp_path
):
    base = images.flask_3("test/greeter:1", app=GREETER)
    pushed = f"{registry}/codait/greeter:1"
    engine.docker("tag", base, pushed)
    engine.docker("push", "--quiet", pushed)
    settings = {"ADD": f"'{model}=/models/m'", "ENV": "MODEL_PATH=/models/m GREETING='a b'"}
    built = [
        build(pushed, ENGINE="registry", TAG="1", **settings),
        build(pushed, ENGINE="docker", TAG="2", **settings),
        build(pushed, ENGINE="podman", TAG="3", SMOKE="0", **settings, **podman_environ(tmp_path)),
    ]
    assert [one.status for one in built] == [0, 0, 0], [one.stderr for one in built]
    assert len({one.digests[0] for one in built}) == 1
    with action(engine, f"{build.user}/greeter:1") as running:
        assert running.web("GET", "/")[1]["body"] == "grüß Gott"
        told = engine.docker(
            "exec", running.name, "sh", "-c", "cd /models && stat -c '%n %U %a' . m m/*"
        )
    assert told.splitlines() == [
        ". root 755",
        "m root 755",
        "m/greeting with a space.txt root 644",
        "m/latest root 777",
        "m/start root 750",
    ]
    assert "GREETING=a b" in inspected(engine, f"{build.user}/greeter:1")["Config"]["Env"]


def test_folders_that_every_image_has_stay_as_they_are(engine, images, build, model):
    places = ["/tmp", "/var/tmp", "/root", "/opt", "/usr/bin", "/usr/local"]
    base = images.flask_3()
    built = build(base, ADD=" ".join(f"'{model}={place}/m'" for place in places), PUSH="0")
    assert built.status == 0, built.stderr
    asked = ["run", "--rm", "--entrypoint", "/usr/bin/stat"]
    one, other = (
        engine.docker(*asked, image, "--format", "%A %U %n", *places)
        for image in (base, f"{build.user}/{base.rpartition('/')[2].split(':')[0]}:{VERSION}")
    )
    assert one == other


# -- what is refused, and how it is told ---------------------------------

NO_PYTHON = (
    "the base has no Python (its start command: /usr/bin/perl app.py), and PYTHON=image"
    " forbids to add one: "
    "make the base from an image with Python 3.6 or newer, or go without PYTHON=image"
)


def test_one_that_fails_does_not_stop_the_others_and_is_named(engine, build, registry):
    built = build("no-python no-flask small broken", SMOKE="1", JOBS="4", PYTHON="image")
    lines = built.stderr.splitlines()
    assert built.status == 1
    assert lines[0] == f"no-python failed: {NO_PYTHON}"
    assert lines[1].startswith("no-flask failed: it doesn't work, so it wasn't pushed: /"), lines
    assert lines[1].endswith(
        "ModuleNotFoundError: No module named 'flask'\"}; app.py imports flask, which the base"
        " doesn't have: add `RUN python -m pip install flask` to the model's Dockerfile"
    ), lines
    assert lines[2].startswith("broken failed: it doesn't work, so it wasn't pushed: /"), lines
    assert "ZeroDivisionError" in lines[2]
    assert not engine.has(f"{build.user}/broken:{VERSION}")
    assert [line.split()[0] for line in built.stdout.splitlines() if line.startswith(registry)] == [
        f"{build.user}/small:{VERSION}"
    ]
    for name in ("no-python", "no-flask", "broken"):
        assert engine.attempt("pull", f"{build.user}/{name}:{VERSION}").returncode != 0


HELPED = "import sys\n\nsys.path.append('/srv/helpers')\nimport answering\n" + FLASK_APP


def test_a_module_that_is_found_when_the_model_runs_is_no_obstacle(engine, images, build):
    rest = "RUN mkdir helpers && touch helpers/answering.py\nCMD python3 app.py"
    model = images.flask_3("test/helped:1", rest, HELPED)
    built = build(model)
    assert (built.status, built.stderr) == (0, "")
    untried = build(model, SMOKE="0", TAG="untried")
    assert (untried.status, untried.stderr) == (
        0,
        f"{model}: app.py imports answering, which the base doesn't have: add `RUN python -m pip"
        " install answering` to the model's Dockerfile\n",
    )


def test_a_model_that_needs_more_than_its_limits_is_told_what_gives_it_more(images, build):
    grown = "held = bytearray(b'x') * (300 << 20)\n" + FLASK_APP
    greedy = images.flask_3("test/greedy:1", app=grown)
    slow = images.flask_3("test/slow:1", app="import time\n\ntime.sleep(4)\n" + FLASK_APP)
    told = build(greedy, MEMORY="200").stderr
    assert told == (
        f"{greedy} failed: it doesn't work, so it wasn't pushed: its container was killed, most"
        " likely because the model needs more than the 200 MB; MEMORY=400 gives it more\n"
    )
    told = build(slow, TIME="2000").stderr
    assert "within the time limit of 2 s; TIME=4000 gives it more\n" in told, told
    enough = build(f"{greedy} {slow}", MEMORY="400", TIME="30000")
    assert (enough.status, enough.stderr) == (0, "")
    assert enough.stdout.count(" -m 400 -t 30000\n") == 2


def test_the_models_own_image_is_not_replaced(build, bases):
    own = f"{bases}/small:kept"
    for kind in ("docker", "registry"):
        one = build(own, USERNAME="codait", TAG="kept", ENGINE=kind)
        assert (one.status, one.stderr) == (
            1,
            f"{own} failed: {own} is the model's own image, which the action's would replace:"
            " give the action another tag\n",
        )


def test_a_base_without_a_start_command_is_refused(engine, images, build, registry):
    base = f"{registry}/nothing/starts:1"
    engine.docker("tag", images.flask_3("test/no-command:1", rest=""), base)
    engine.docker("push", "--quiet", base)
    for kind in ("docker", "registry"):
        built = build(base, ENGINE=kind)
        assert (built.status, built.stderr) == (
            1,
            f"{base} failed: the base has no start command: give it a CMD in its Dockerfile, or"
            " name one by layer.py's --cmd or --entry\n",
        )


def test_without_an_engine_a_base_without_python_is_refused_too(build):
    built = build("no-python small", ENGINE="registry", PYTHON="image")
    assert (built.status, built.stderr) == (1, f"no-python failed: {NO_PYTHON}\n")
    assert f"{build.user}/small:{VERSION}" in built.stdout


def test_an_action_image_is_refused_as_a_model(build, engine):
    assert build("small", SMOKE="0").status == 0
    again = build(f"{build.user}/small:{VERSION}", USERNAME="again")
    assert (again.status, again.stderr) == (
        1,
        f"{build.user}/small:{VERSION} failed: the base is an action's image already: name the"
        f" model's own image\n",
    )


def user_told(user, *cause):
    return ": ".join([f"USERNAME={user}: a name like me was expected", *cause])


def registry_told(host, *cause):
    return ": ".join(
        [f"REGISTRY={host}: a host like quay.io or localhost:5000 was expected", *cause]
    )


WRONG = {
    "no models": (
        {"MODELS": ""},
        "MODELS is empty: name models, or say MODELS=all (--help lists all settings)",
    ),
    "no user": (
        {"USERNAME": None},
        "USERNAME is empty: whose images will they be? (PUSH=0 builds without pushing)",
    ),
    "latest": (
        {"TAG": "latest"},
        "TAG=latest: OpenWhisk pulls latest again for every container; name a version",
    ),
    "engine": ({"ENGINE": "rkt"}, "ENGINE=rkt: docker, podman or registry was expected"),
    "jobs": ({"JOBS": "many"}, "JOBS=many: a number from 1 to 32 was expected"),
    "no jobs": ({"JOBS": "0"}, "JOBS=0: a number from 1 to 32 was expected"),
    "jobs without end": (
        {"JOBS": "99999999999999999999"},
        "JOBS=99999999999999999999: a number from 1 to 32 was expected",
    ),
    "dry run": ({"DRY_RUN": "yes"}, "DRY_RUN=yes: 0 or 1 was expected"),
    "push": ({"PUSH": "no"}, "PUSH=no: 0 or 1 was expected"),
    "smoke": ({"SMOKE": "false"}, "SMOKE=false: 0 or 1 was expected"),
    "memory": ({"MEMORY": "1G"}, "MEMORY=1G: a number like 1024 was expected"),
    "time": ({"TIME": "2m"}, "TIME=2m: a number like 120000 was expected"),
    "platform": ({"PLATFORM": "arm64"}, "PLATFORM=arm64: one like linux/arm64 was expected"),
    "python": ({"PYTHON": "3.8"}, "PYTHON=3.8: own or image was expected"),
    "no push into a registry": (
        {"ENGINE": "registry", "PUSH": "0"},
        "PUSH=0 leaves nothing to do for ENGINE=registry; DRY_RUN=1 shows its plan",
    ),
    "two models of one name": (
        {"MODELS": "max-ocr other.io/me/max-ocr"},
        f"MODELS: max-ocr and other.io/me/max-ocr would both become me/max-ocr:{VERSION}: "
        "build them one after the other, each with a TAG of its own",
    ),
    "two tags of one model": (
        {"MODELS": "max-ocr:a max-ocr:b"},
        f"MODELS: max-ocr:a and max-ocr:b would both become me/max-ocr:{VERSION}: "
        "build them one after the other, each with a TAG of its own",
    ),
    "a user that is none": ({"USERNAME": "Me"}, user_told("Me", "it has a capital M")),
    "a user of two words": ({"USERNAME": "m e"}, user_told("m e", "it has a space in it")),
    "a user with a colon": ({"USERNAME": "m:e"}, user_told("m:e")),
    "an address for a registry": (
        {"REGISTRY": "http://localhost:5001"},
        registry_told("http://localhost:5001", "leave out http://"),
    ),
    "a registry with a / behind it": (
        {"REGISTRY": "localhost:5001/"},
        registry_told("localhost:5001/", "it ends with /"),
    ),
    "a tag of two words": (
        {"TAG": "a b"},
        "TAG=a b: a version like 1.0.0 was expected: it has a space in it",
    ),
    "an image for Python that is none": (
        {"PYTHON_IMAGE": "Python:3"},
        "PYTHON_IMAGE: 'Python:3' isn't an image's name, one like quay.io/codait/max-ocr:1.0.0 was"
        " expected: it has a capital P",
    ),
    "a model that is none": (
        {"MODELS": "max-ocr +x"},
        "MODELS: '+x': a name like max-ocr was expected",
    ),
    "a model that is almost one of the list": (
        {"MODELS": "max-orc"},
        "MODELS: there is no max-orc in images/models.txt, is it max-ocr? An image of that name is"
        " taken as quay.io/codait/max-orc",
    ),
    "a base that is none": (
        {"BASE": "quay.io/X"},
        "MODELS and BASE: 'quay.io/X/small' isn't an image's name, "
        "one like quay.io/codait/max-ocr:1.0.0 was expected: it has a capital X",
    ),
    "a folder that isn't there": (
        {"ADD": "nowhere=/x"},
        "ADD: 'nowhere=/x': there is no folder nowhere here",
    ),
    "a folder without a place": (
        {"ADD": "docs"},
        "ADD: 'docs': FOLDER=/PATH was expected, like model=/models/m",
    ),
    "a variable without a value": ({"ENV": "A"}, "ENV: 'A': NAME=VALUE was expected"),
    "a quotation without an end": ({"ENV": "A='b"}, 'ENV: "A=\'b": no closing quotation'),
}


@pytest.mark.parametrize("settings, reason", WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_told_before_anything_is_done(settings, reason):
    environ = {
        "PATH": os.environ["PATH"],
        "MODELS": "small",
        "USERNAME": "me",
        "ENGINE": "docker",
        **settings,
    }
    environ = {name: value for name, value in environ.items() if value is not None}
    done = subprocess.run([BUILD], env=environ, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"build.sh: {reason}\n")


def test_an_interrupted_build_leaves_no_container_running(engine, images, build_environ):
    sleepy = images.flask_3("test/sleepy:1", app="import time\n\ntime.sleep(600)\n")
    environ = build_environ(sleepy, PUSH="0")
    process = subprocess.Popen([BUILD], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    built = ["ps", "--quiet", "--filter", f"ancestor=interrupted/sleepy:{VERSION}"]
    until(lambda: engine.docker(*built), "a container that is being tried", 60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"build.sh: interrupted\n")
    until(lambda: not engine.docker(*built), "its end", 20)


def test_an_engine_that_does_not_answer_is_told_once(build):
    built = build("small max-ocr", DOCKER_HOST="unix:///nonexistent")
    assert (built.status, built.stdout, built.stderr.count("\n")) == (1, "", 1)
    assert built.stderr.startswith("build.sh: docker can't be used (")
    assert built.stderr.endswith("): ENGINE=registry goes without it\n")


def test_on_a_terminal_it_shows_how_far_each_model_is(build_environ, bases):
    shown = on_a_terminal([BUILD], build_environ(f"{bases}/small", SMOKE="0", PUSH="0"))
    assert "0/1 done" in shown and "small: " in shown


def on_a_terminal(command, environ):
    """What a command writes to its standard error when that is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, env=dict(environ, TERM="xterm"), stdout=subprocess.DEVNULL, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
            for data in iter(lambda: os.read(ours, 4096), b""):
                shown += data
        os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


# -- settings ------------------------------------------------------------


def test_without_push_nothing_leaves_the_machine(engine, build):
    built = build("small", PUSH="0", USERNAME=None, TAG="2.1")
    assert (built.status, built.stderr) == (0, "")
    _, line, *others = built.stdout.splitlines()
    image, digest, sent, *took = line.split("  ")
    assert (image, digest, sent) == ("small:2.1", "-", "-")
    assert_plausible(*took, "GET /")
    assert others == [
        "",
        "docker push small:2.1",
        "wsk action update small --docker small:2.1 --web raw -m 512 -t 60000",
    ]
    assert engine.has("small:2.1")


def test_a_name_with_a_slash_is_taken_whole(build, bases):
    built = build(f"{bases}/small:latest", BASE="nowhere.invalid/x", SMOKE="0")
    assert built.status == 0, built.stderr
    assert f"wsk action update small --docker {build.user}/small:{VERSION}" in built.stdout


@pytest.mark.parametrize("kind", ["docker", "registry"])
def test_a_dry_run_changes_nothing(engine, build, bases, kind):
    built = build("small", ENGINE=kind, DRY_RUN="1")
    image = f"{build.user}/small:{VERSION}"
    assert (built.status, built.stderr) == (0, "")
    if kind == "docker":
        assert built.stdout == f"docker: pull {bases}/small, add /openwhisk, try it, push {image}\n"
    else:
        assert built.stdout.startswith(f"{image}@sha256:")
        assert "layers of the base: mounted where missing, no bytes" in built.stdout
    assert engine.attempt("pull", image).returncode != 0


def test_all_models_are_those_of_the_list(build, bases):
    built = build("all", DRY_RUN="1", JOBS="8", SMOKE="0")
    assert (built.status, built.stderr) == (0, "")
    assert re.findall(r"pull (\S+),", built.stdout) == [f"{bases}/{model.name}" for model in MODELS]


def test_each_model_is_where_the_list_says_unless_base_is_given():
    environ = {
        "PATH": os.environ["PATH"],
        "MODELS": "max-facial-age-estimator max-ocr",
        "USERNAME": "me",
    }
    pulled = []
    for base in ({}, {"BASE": "mirror.example/max"}):
        done = subprocess.run(
            [BUILD],
            env={**environ, **base, "ENGINE": "docker", "DRY_RUN": "1"},
            capture_output=True,
            text=True,
        )
        pulled += re.findall(r"pull (\S+),", done.stdout)
    assert pulled == [
        "docker.io/codait/max-facial-age-estimator",
        "quay.io/codait/max-ocr",
        "mirror.example/max/max-facial-age-estimator",
        "mirror.example/max/max-ocr",
    ]


def test_without_an_engine_the_registry_is_used(build, tmp_path):
    path = path_without("podman", tmp_path)
    built = build("small", ENGINE=None, DRY_RUN="1", DOCKER_HOST="unix:///nonexistent", PATH=path)
    assert built.status == 0
    assert built.stderr.startswith("build.sh: docker can't be used (")
    assert built.stderr.endswith("): the images are made in the registry, untried\n")
    assert "layers of the base: mounted where missing, no bytes" in built.stdout


def path_without(program, folder):
    """All the programs that there are, but one."""
    for name in reversed(os.environ["PATH"].split(os.pathsep)):
        for path in Path(name).glob("*"):
            link = Path(folder, path.name)
            link.unlink(missing_ok=True)
            link.symlink_to(path)
    Path(folder, program).unlink(missing_ok=True)
    return str(folder)


DRY_RUNS = {
    "as it is": ({}, "pull {base}, add /openwhisk, try it, push me/small:{version}"),
    "without a push": (
        {"PUSH": "0"},
        "pull {base}, add /openwhisk, try it, keep it as me/small:{version}",
    ),
    "without either": (
        {"PUSH": "0", "SMOKE": "0"},
        "pull {base}, add /openwhisk, keep it as me/small:{version}",
    ),
    "of one platform": (
        {"PLATFORM": "linux/arm64", "SMOKE": "0"},
        "pull {base} for linux/arm64, add /openwhisk, push me/small:{version}",
    ),
    "with a folder": (
        {"ADD": "docs=/srv/docs", "ENV": "A=1 B='2 3'", "SMOKE": "0"},
        "pull {base}, add /openwhisk and /srv/docs, set A, B, push me/small:{version}",
    ),
}


@pytest.mark.parametrize("settings, steps", DRY_RUNS.values(), ids=DRY_RUNS)
def test_a_dry_run_says_what_the_other_settings_make_of_it(settings, steps):
    environ = {
        "PATH": os.environ["PATH"],
        "MODELS": "small",
        "USERNAME": "me",
        "ENGINE": "docker",
        **settings,
    }
    done = subprocess.run(
        [BUILD], env=dict(environ, DRY_RUN="1"), cwd=ROOT, capture_output=True, text=True
    )
    told = steps.format(base="quay.io/codait/small", version=VERSION)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"docker: {told}\n", "")


def test_a_models_tag_is_taken_and_the_action_is_called_as_without_it():
    environ = {
        "PATH": os.environ["PATH"],
        "MODELS": "max-ocr:v1.2",
        "USERNAME": "me",
        "ENGINE": "docker",
    }
    done = subprocess.run([BUILD], env=dict(environ, DRY_RUN="1"), capture_output=True, text=True)
    assert (
        done.stdout == f"docker: pull quay.io/codait/max-ocr:v1.2, add /openwhisk, try it, push"
        f" me/max-ocr:{VERSION}\n"
    )


def test_without_a_new_enough_python_it_says_so(tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        ["bash", BUILD], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (
        2,
        "build.sh: there is no Python 3.9 or newer here, neither as python3 nor as python:"
        " install one\n",
    )


def test_a_push_that_fails_is_a_failure_whatever_was_said_before(tmp_path):
    fake = tmp_path / "docker"
    digest = "sha256:" + "0" * 64
    fake.write_text(
        f"#!/bin/sh\necho 'latest: digest: {digest} size: 1'\necho 'denied: no'\nexit 1\n"
    )
    fake.chmod(0o755)
    engine = Engine("docker", {"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    with pytest.raises(EngineError, match="denied: no"):
        engine.push("me/small:1", print)


FAKE_DOCKER = """#!/bin/sh
case "$1 $2" in
    "image inspect") echo '{diff_ids}' ;;
    "run --rm" | "load --quiet") cat >/dev/null ;;
    "push "*) echo "{pushed}"; exit {status} ;;
esac
"""


@pytest.mark.parametrize("status", [0, 1], ids=["taken", "refused"])
def test_where_only_the_engine_may_push_it_pushes(tmp_path, status):
    digest = "sha256:" + "0" * 64
    with Odd().served() as source, Odd().served() as target:
        sample = put_image(source, BASE, "latest")
        target.error = {"errors": [{"code": "DENIED", "message": "not you"}]}
        text = FAKE_DOCKER.format(
            diff_ids=json.dumps(sample.config["rootfs"]["diff_ids"]),
            pushed="denied: nor you" if status else f"1: digest: {digest} size: 1",
            status=status,
        )
        (tmp_path / "docker").write_text(text)
        (tmp_path / "docker").chmod(0o755)
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
        engine, told = Engine("docker", environ), []
        with workshop(environ) as shop:
            maker = WithEngine(engine, Trials(engine), shop, told.append, told.append)
            order, trying = order_for(source, target), Trying(False, 512, 60)
            if status:
                with pytest.raises(
                    EngineError, match="403 Forbidden.*docker: `docker push` said: denied: nor you"
                ):
                    maker.make(order, "base", trying, True)
            else:
                made = maker.make(order, "base", trying, True)
                assert (made.digest, made.sent) == (digest, None)
        assert any("docker pushes" in line and "403" in line for line in told)


def test_without_an_engine_one_platform_of_a_base_can_be_taken(odd, home):
    names = ("amd64", "s390x")
    samples = {name: put_image(odd, "a/small", name, "oci", architecture=name) for name in names}
    put_index(odd, "a/small", "latest", "oci", samples)
    wanted = {"MODELS": f"{odd.address}/a/small", "USERNAME": "me", "REGISTRY": odd.address}
    environ = dict(home, ENGINE="registry", PLATFORM="linux/s390x", TAG="1", **wanted)
    done = subprocess.run([BUILD], env=environ, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    config = config_of(odd, "me/small", odd.json_manifest("me/small", "1"))
    assert config["architecture"] == "s390x"


def test_help_tells_every_setting_and_its_default():
    done = subprocess.run([BUILD, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout == help_text()
    assert re.findall(r"^  ([A-Z_]+) ", done.stdout, re.MULTILINE) == [one.name for one in SETTINGS]
    assert "as in max-ocr:v1.2, that one is taken" in " ".join(done.stdout.split())


def test_the_documented_settings_are_those_of_the_help():
    told = re.findall(
        r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "images.md").read_text(), re.MULTILINE
    )
    assert told == [one.name for one in SETTINGS]


def test_shellcheck_has_nothing_to_say():
    done = subprocess.run([need("shellcheck"), BUILD], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")

"""Actions of images without a Python: one is put in, started, and asked as the platform asks."""

import contextlib
import gzip
import io
import json
import re
import shutil
import subprocess
import tarfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import pytest

from images.interpreter import NoInterpreter, compiling, files_from_folder, files_from_layers
from testing.controller import params_from_request
from testing.engine import NO_PYTHON, PYTHON3, root_file_system, scratch
from testing.interpreter import (
    SERVERS,
    build,
    debian,
    debian_arm64,
    docker_python,
    docker_python_layers,
    go_server,
    made,
    musl_loader,
    prefix_of_python,
)
from testing.prerequisites import need
from testing.process import until

PLATFORM = ["--env", "__OW_API_HOST=http://platform", "--pids-limit", "1024"]
LARGEST = 10 << 20  # bytes of the layer, as it is sent


@pytest.fixture(scope="session", params=["debian", "docker"])
def interpreter(request):
    with {"debian": debian, "docker": docker_python}[request.param]() as files:
        return request.param, made(files)


@pytest.fixture(scope="session")
def own():
    with debian() as files:
        return made(files)


@pytest.fixture(scope="session")
def server():
    with scratch("go-") as folder:
        yield go_server(folder)


class Action:
    """A container as the platform starts it."""

    def __init__(self, engine, name):
        self.engine, self.name = engine, name
        address = "{{.NetworkSettings.IPAddress}}"
        self.address = engine.docker("inspect", "--format", address, name)

    def post(self, path, value, seconds=60):
        latest = time.monotonic() + seconds
        while True:
            connection = HTTPConnection(self.address, 8080, timeout=seconds)
            try:
                connection.request("POST", path, json.dumps({"value": value}))
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
            except ConnectionRefusedError:
                assert time.monotonic() < latest, self.engine.docker("logs", self.name)
                time.sleep(0.01)
            finally:
                connection.close()

    def init(self):
        assert self.post("/init", {"name": "a", "env": {}}) == (200, {"ok": True})

    def text(self, *request, **parts):
        status, result = self.post("/run", params_from_request(*request, **parts))
        assert (status, result["statusCode"]) == (200, 200)
        return result["body"]


@contextlib.contextmanager
def running(engine, image, *options):
    name = engine.docker("run", "--detach", *PLATFORM, *options, image)
    try:
        yield Action(engine, name)
    finally:
        engine.docker("rm", "--force", name)


def test_a_static_server_in_an_otherwise_empty_image(engine, interpreter, server):
    layout, python = interpreter
    image = build(engine, f"test/scratch-{layout}:1", python, {"server": server})
    options = ["--user", "65534", "--read-only", "--cap-drop", "ALL"]
    with running(engine, image, *options) as action:
        action.init()
        assert action.text("POST", "/model/predict", body=b"12345") == "POST /model/predict 5"


def test_charsets_are_understood_as_by_any_python(engine, interpreter, server):
    layout, python = interpreter
    image = build(engine, f"test/scratch-{layout}:1", python, {"server": server})
    with running(engine, image) as action:
        action.init()
        assert action.text("GET", "/gb18030") == "\u4f60\u597d"


def test_a_server_of_another_c_library(engine, own):
    with scratch("go-") as folder:
        model = {
            "server": go_server(folder, libc="musl-gcc"),
            "lib/ld-musl-x86_64.so.1": musl_loader(),
        }
        image = build(engine, "test/musl:1", own, model)
    with running(engine, image) as action:
        action.init()
        assert action.text("POST", "/model/predict", body=b"12345") == "POST /model/predict 5"


def test_a_server_of_an_older_c_library(engine, own):
    base = "test/debian-bullseye:1"
    if not engine.has(base):
        with open(root_file_system(NO_PYTHON, "bullseye"), "rb") as file:
            engine.docker("import", "-", base, stdin=file)
    model = {"server.pl": SERVERS / "server.pl"}
    command = ["/usr/bin/perl", "/server.pl"]
    image = build(engine, "test/older:1", own, model, base=base, command=command)
    with running(engine, image) as action:
        action.init()
        assert action.text("POST", "/model/predict", body=b"12345") == "POST /model/predict 5"


def test_a_server_of_python_2(engine, own):
    base = python2_image(engine)
    model = {"server.py": SERVERS / "server_python2.py"}
    command = ["python", "/server.py"]
    image = build(engine, "test/python2:1", own, model, base=base, command=command)
    with running(engine, image) as action:
        action.init()
        assert action.text("POST", "/model/predict", body=b"12345") == "POST /model/predict 5"


# Whichever Python runs it.
SET_BY_ADAPTER = ("OPENWHISK_CHILD=", "PORT=", "UVICORN_ROOT_PATH=")
ENVIRONMENT = "ENV LD_LIBRARY_PATH=/usr/local/nvidia/lib PYTHONPATH=/srv PYTHONHOME=/nothing"


def test_the_models_own_process_is_started_with_the_environment_of_its_image(engine, own, server):
    model = {"server": server}
    image = build(engine, "test/environ:1", own, model, settings=ENVIRONMENT)
    with running(engine, image, "--hostname", "a", "--entrypoint", "/server") as alone:
        until(lambda: environ_of(alone.address), lambda: engine.docker("logs", alone.name))
        by_itself = environ_of(alone.address)
    assert environ_behind_adapter(engine, image) == by_itself


def test_it_adds_no_variable_that_the_images_own_python_does_not(engine, own, server):
    model, base = {"server": server}, engine.image(PYTHON3)
    settings = ENVIRONMENT.rpartition(" ")[0]
    its = own._replace(start=["/usr/bin/python3"])
    image = build(engine, "test/environ-own:1", own, model, base=base, settings=settings)
    same = build(engine, "test/environ-its:1", its, model, base=base, settings=settings)
    assert environ_behind_adapter(engine, image) == environ_behind_adapter(engine, same)


def environ_behind_adapter(engine, image):
    with running(engine, image, "--hostname", "a") as action:
        action.init()
        lines = action.text("GET", "/environ").split("\n")
    return [line for line in lines if not line.startswith(SET_BY_ADAPTER)]


def environ_of(address):
    try:
        with urlopen(f"http://{address}:5000/environ", timeout=5) as answer:
            return answer.read().decode().split("\n")
    except OSError:
        return []


def test_the_first_answer_and_the_memory_are_those_of_the_images_own_python(engine, own, server):
    """The best of some, one beside the other: the machine may be busy."""
    base = engine.image(PYTHON3)
    model = {"server": server}
    images = {"own": build(engine, "test/start-own:1", own, model, base=base)}
    its = own._replace(start=["/usr/bin/python3"])
    images["its"] = build(engine, "test/start-its:1", its, model, base=base)
    found = {"own": [], "its": []}
    while len(found["its"]) < 5 or (not is_as_good(**found) and len(found["its"]) < 20):
        for name, image in images.items():
            found[name].append(start_of(engine, image))
    assert is_as_good(**found), found


class Start(NamedTuple):
    """`resident` in kB, of the adapter's process."""

    seconds: float
    resident: int


#: More than with the image's own Python.
MOST = Start(0.06, 3000)


def start_of(engine, image):
    with running(engine, image) as action:
        began = time.monotonic()
        action.init()
        seconds = time.monotonic() - began
        pid = engine.docker("inspect", "--format", "{{.State.Pid}}", action.name)
        status = Path("/proc", pid, "status").read_text()
        return Start(seconds, int(re.search(r"VmRSS:\s+(\d+)", status).group(1)))


def is_as_good(own, its):
    return all(ours < theirs + most for ours, theirs, most in zip(best(own), best(its), MOST))


def best(starts):
    return Start(*map(min, zip(*starts)))


def test_the_layer_takes_less_than_ten_megabytes(interpreter):
    _, python = interpreter
    assert len(gzip.compress(python.tar, 9)) < LARGEST


def test_an_image_read_again_or_in_another_way_gives_the_same_bytes(own):
    with debian() as files:
        assert made(files) == own
    with scratch("root-") as folder:
        subprocess.check_call(["tar", "-xf", root_file_system(PYTHON3), "-C", folder])
        assert made(files_from_folder(folder)) == own


def test_modules_that_are_compiled_here_are_the_same_each_time():
    with docker_python() as files:
        first, second = made(files), made(files)
    assert first == second
    assert first.remarks == []
    assert modules_of(first, ".py") == set()


def test_without_a_python_of_its_version_sources_go_in_and_this_is_said(
    engine, server, monkeypatch
):
    monkeypatch.setattr(compiling, "python_of_version", lambda version: "")
    with docker_python() as files:
        python = made(files)
    assert [remark.partition(":")[0] for remark in python.remarks] == [
        "its standard library is put in as source, which each start compiles (about 0.2 s)"
    ]
    assert modules_of(python, ".pyc") == set()
    image = build(engine, "test/sources:1", python, {"server": server})
    with running(engine, image) as action:
        action.init()
        assert action.text("GET", "/a") == "GET /a 0"


def modules_of(python, ending):
    with tarfile.open(fileobj=io.BytesIO(python.tar)) as archive:
        return {name for name in archive.getnames() if name.endswith(ending)}


def test_a_python_that_pyenv_has_made_can_be_taken(own):
    prefix = prefix_of_python(None)
    with docker_python(place=prefix[1:]) as files:
        there = made(files)
    with docker_python() as files:
        assert there == made(files)


def test_every_module_in_the_layer_can_be_imported(interpreter):
    _, python = interpreter
    with scratch("python-") as folder:
        assert run_on_this_machine(python, folder, IMPORT_ALL) == {
            "encodings.bz2_codec": "No module named 'bz2'",
            "encodings.mbcs": "cannot import name 'mbcs_encode' from 'codecs'",
            "encodings.oem": "cannot import name 'oem_encode' from 'codecs'",
        }


def test_it_runs_on_arm64():
    emulator = need("qemu-aarch64-static")
    with debian_arm64() as files:
        python = made(files)
    assert python.machine == "aarch64"
    with scratch("python-") as folder:
        found = run_on_this_machine(python, folder, IMPORT_ALL, emulator)
    assert set(found) == {"encodings.bz2_codec", "encodings.mbcs", "encodings.oem"}


# Of each module that can't be imported, why.
IMPORT_ALL = """
import importlib, json, os, sys
folder = os.path.dirname(os.__file__)
failed = {}
for path, _, files in os.walk(folder):
    inner = os.path.relpath(path, folder).replace("/", ".").replace("lib-dynload", "").strip(".")
    for name in sorted(file.partition(".")[0] for file in files):
        module = ".".join(part for part in (inner, name) if part and name != "__init__") or inner
        try:
            importlib.import_module(module)
        except ImportError as error:
            failed[module] = str(error).partition(" (")[0]
foreign = [module for module in sys.modules.values() if hasattr(module, "__file__")]
assert all(module.__file__.startswith((folder, sys.argv[0])) for module in foreign), foreign
print(json.dumps(failed))
"""


def run_on_this_machine(python, folder, script, *emulator):
    """From another folder than its own: it finds its parts from where it is started."""
    subprocess.run(["tar", "-x", "-C", folder], input=python.tar, check=True)
    Path(folder, "script.py").write_text(script)
    start = [word.replace("/openwhisk", folder + "/openwhisk") for word in python.start]
    command = [*emulator, *start, folder + "/script.py"]
    return json.loads(subprocess.check_output(command, env={}))


def test_everything_in_the_layer_is_roots_and_lies_in_one_place(own):
    with tarfile.open(fileobj=io.BytesIO(own.tar)) as archive:
        entries = archive.getmembers()
    owners = {(entry.uid, entry.gid, entry.mtime, entry.mode & 0o022) for entry in entries}
    assert owners == {(0, 0, 0, 0)}
    outside = [entry.name for entry in entries if not entry.name.startswith("openwhisk/python/")]
    assert outside == ["openwhisk", "openwhisk/python"]
    assert all(entry.isdir() or entry.isreg() for entry in entries)
    names = [entry.name for entry in entries]
    assert not [name for name in names if re.search("libcrypto|libssl|_ssl|_hashlib", name)]


def test_an_image_without_python_is_refused_with_the_reason():
    with open(root_file_system(NO_PYTHON), "rb") as layer, files_from_layers([layer]) as files:
        with pytest.raises(NoInterpreter) as refusal:
            made(files)
    assert str(refusal.value) == (
        "it has no Python; one of 3.6 or newer, with its standard library, was expected"
    )


def test_an_image_with_an_old_python_is_refused_with_the_reason():
    with docker_python("2.7") as files, pytest.raises(NoInterpreter) as refusal:
        made(files)
    assert str(refusal.value) == (
        "it has only Python 2.7 (/usr/local/bin/python2.7); "
        "one of 3.6 or newer, with its standard library, was expected"
    )


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.10", "3.12", "3.13"])
def test_each_python_that_runs_the_adapter_can_be_taken(engine, server, version):
    with docker_python(version) as files:
        python = made(files)
    assert python.version == version
    image = build(engine, f"test/python{version}:1", python, {"server": server})
    with running(engine, image) as action:
        action.init()
        assert action.text("GET", "/gb18030") == "\u4f60\u597d"


def python2_image(engine):
    """Debian, and no Python but 2.7."""
    with docker_python_layers("2.7") as layers, scratch("image-") as folder:
        with open(folder + "/python.tar.gz", "wb") as file:
            shutil.copyfileobj(layers[-1], file)
        text = f"FROM {engine.image(NO_PYTHON)}\nADD python.tar.gz /\nRUN ldconfig\n"
        Path(folder, "Dockerfile").write_text(text)
        return engine.build("test/only-python2:1", folder)

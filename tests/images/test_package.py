"""What is handed out without an image of ours: the adapter as a wheel and as an image for COPY
--from, and all three parts as commands.
"""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from http.client import HTTPConnection
from urllib.request import urlopen

import pytest

from images.action.adapter import layer_from_project, names_of_files, version
from testing.interpreter import prefix_of_python
from testing.process import Process, accepts, free_port, until
from tests.docs.walkthrough import clone_of_head
from tests.images.samples import ROOT
from tests.images.test_build import action

APP = """
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")


HTTPServer(("127.0.0.1", 5000), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Made from a copy: a build leaves files beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    names = [*names_of_files(ROOT), "adapter-wheel/pyproject.toml", "adapter-wheel/LICENSE"]
    for name in names:
        (folder / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "project" / name).write_bytes((ROOT / name).read_bytes())
    return built(folder / "project" / "adapter-wheel", folder)


def built(project, folder):
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*command, str(project)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_the_files_of_the_layer_and_nothing_else(wheel):
    assert wheel.name == f"openwhisk_adapter-{version()}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as opened:
        files = {name: opened.read(name) for name in opened.namelist() if ".dist-info/" not in name}
        (metadata,) = [name for name in opened.namelist() if name.endswith("/METADATA")]
        told = opened.read(metadata).decode()
    assert files == {name: (ROOT / name).read_bytes() for name in names_of_files(ROOT)}
    assert "\nRequires-Python: >=3.6\n" in told
    assert "Requires-Dist" not in told


@pytest.mark.parametrize("number", ["3.6", "3.13"])
def test_installed_it_is_a_command_that_answers_the_platform(wheel, tmp_path, number):
    python = os.path.join(prefix_of_python(number), "bin", "python3")
    folder = tmp_path / "env"
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-index"]
    subprocess.run([*install, "--disable-pip-version-check", str(wheel)], check=True)
    (tmp_path / "app.py").write_text(APP.replace("5000", str(free_port())))
    port = free_port()
    environ = dict(os.environ, OPENWHISK_PORT=str(port), __OW_API_HOST="http://localhost")
    command = [str(folder / "bin" / "openwhisk-adapter"), "python", "app.py"]
    environ["PATH"] = f"{folder / 'bin'}:{environ['PATH']}"
    with Process(command, tmp_path, environ, str(tmp_path)) as process:
        until(lambda: accepts(port), lambda: process.log)
        assert post(port, "/init", {"value": {"env": {}}})[0] == 200
        web = {"__ow_method": "get", "__ow_path": "/", "__ow_headers": {}, "__ow_body": ""}
        status, result = post(port, "/run", {"value": dict(web, __ow_query="")})
        assert (status, result["body"]) == (200, "hello"), process.log


def post(port, path, value):
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, json.dumps(value), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """Where all three are, installed from a clone as `pip install .[gateway]` does."""
    folder = tmp_path_factory.mktemp("everything")
    wheel = built(clone_of_head(folder), folder)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
    install = [str(folder / "env" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "--disable-pip-version-check", f"{wheel}[gateway]"], check=True)
    return folder / "env" / "bin"


@pytest.mark.parametrize(
    "words, said",
    [
        (["openwhisk-adapter", "--version"], f"openwhisk.py {version()}\n"),
        (["openwhisk-gateway", "--help"], "usage: "),
        (["openwhisk-layer", "--help"], "usage: "),
    ],
)
def test_an_installed_command_says_what_it_is(commands, tmp_path, words, said):
    command = [str(commands / words[0]), *words[1:]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(said)


def test_an_installed_gateway_finds_the_adapter_that_came_with_it(commands, tmp_path):
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "app.py").write_text(APP.replace("5000", str(free_port())))
    (folder / "Dockerfile").write_text('FROM python\nCMD ["python", "app.py"]\n')
    port = free_port()
    data = str(tmp_path / "data")
    command = [str(commands / "openwhisk-gateway"), "--port", str(port), "--data", data]
    with Process([*command, str(folder)], tmp_path, dict(os.environ), str(tmp_path)) as process:
        until(lambda: "stop: Ctrl-C" in process.stdout, lambda: process.log)
        with urlopen(f"http://127.0.0.1:{port}/api/v1/web/guest/default/hello/") as answer:
            assert answer.read() == b"hello", process.log


def test_all_distributions_take_their_version_from_one_place(commands, wheel):
    installed = commands.parent.glob("lib/python*/site-packages/*-*.dist-info")
    names = [path.name.partition("-")[2] for path in installed if "serverless" in path.name]
    assert names == [f"{version()}.dist-info"]
    assert wheel.name.split("-")[1] == version()


DOCKERFILE = """
FROM {base}
COPY --from={adapter} /openwhisk /openwhisk
ENTRYPOINT ["python3", "/openwhisk/openwhisk.py"]
CMD ["python3", "app.py"]
"""


def test_the_adapters_image_holds_its_folder_alone(engine, tmp_path):
    name = "test/openwhisk-adapter:1"
    adapter_image(engine.environ, name, "docker")
    container = engine.docker("create", name, "/none")
    engine.docker("export", "--output", str(tmp_path / "files.tar"), container)
    engine.docker("rm", container)
    with tarfile.open(tmp_path / "files.tar") as tar:
        files = {
            one.name: tar.extractfile(one).read()
            for one in tar
            if one.isfile() and one.name.startswith("openwhisk/")
        }
    assert files == {
        f"openwhisk/{name}": (ROOT / name).read_bytes() for name in names_of_files(ROOT)
    }


@pytest.mark.parametrize("kind", ["docker", "registry"])
def test_one_line_of_a_dockerfile_makes_an_action_of_ones_own_image(
    engine, registry, images, tmp_path, kind
):
    adapter = f"{registry}/test/openwhisk-adapter:{kind}"
    adapter_image(engine.environ, adapter, kind)
    text = DOCKERFILE.format(base=images.flask_3(), adapter=adapter)
    (tmp_path / "Dockerfile").write_text(text)
    image = f"{registry}/test/of-ones-own:{kind}"
    engine.docker("build", "--quiet", "--tag", image, str(tmp_path))
    engine.docker("push", "--quiet", image)
    with action(engine, image) as running:
        assert running.web("GET", "/")[1]["body"] == "a small model"


def adapter_image(environ, name, kind):
    command = [sys.executable, "-m", "images", "adapter", name, "--engine", kind]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


NAMES = {
    "me/ad": f"me/ad is tagged latest: name the version, as in me/ad:{version()}",
    "me/ad:latest": f"me/ad:latest is tagged latest: name the version, as in me/ad:{version()}",
    "me/ad@sha256:" + 64 * "a": "a tag was expected, a digest is what comes of it",
}


@pytest.mark.parametrize("name, reason", NAMES.items(), ids=NAMES)
def test_the_adapters_image_has_a_version(name, reason):
    command = [sys.executable, "-m", "images", "adapter", name, "--engine", "registry"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.rstrip().endswith(reason)) == (2, True), done.stderr


def test_make_builds_the_adapters_image(engine):
    done = subprocess.run(
        ["make", "--no-print-directory", "adapter-image"],
        cwd=ROOT,
        env=engine.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"openwhisk-adapter:{version()}  sha256:")
    assert engine.has(f"openwhisk-adapter:{version()}")
    layers = json.loads(
        engine.docker(
            "image",
            "inspect",
            "--format",
            "{{json .RootFS.Layers}}",
            f"openwhisk-adapter:{version()}",
        )
    )
    assert layers == [layer_from_project().diff_id]


def test_the_projects_version_is_said_in_one_place():
    """Of the programs; CHANGES.md and manifest.yaml are compared with it by other tests."""
    folders = [ROOT / name for name in ("openwhisk_adapter", "images", "gateway")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    files += [ROOT / name for name in ("openwhisk.py", "layer.py", "build.sh", "pyproject.toml")]
    said = f'"{version()}"'
    names = [str(path.relative_to(ROOT)) for path in files if said in path.read_text("utf-8")]
    assert names == ["openwhisk_adapter/__init__.py"]

"""A Docker engine of the tests' own, and images made on this machine: no other engine, firewall or
registry is touched.

`engine` lives as long as the test session. Root file systems are kept in ~/.cache/serverless-max-
models.
"""

import hashlib
import os
import random
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from testing.prerequisites import need, needed
from testing.process import Process, until
from testing.virtualenv import locked

CACHE = os.path.join(os.path.expanduser("~"), ".cache", "serverless-max-models")
SUITE = "bookworm"
NO_PYTHON, PYTHON3 = "test/debian:1", "test/debian-python3:1"
PACKAGES = {
    NO_PYTHON: [],
    PYTHON3: ["python3-flask", "tini"],
}  # one has no Python, one only /usr/bin/python3
SUPERFLUOUS = ["usr/share/" + name for name in ("doc", "info", "locale", "man")] + [
    "var/cache",
    "var/lib/apt/lists",
]


class Engine:
    """How to reach it: `host` for clients, `environ` for programs that call the docker command."""

    def __init__(self, folder):
        self.folder = folder
        self.host = "unix://" + os.path.join(folder, "docker.sock")
        self.environ = dict(
            os.environ, DOCKER_HOST=self.host, DOCKER_CONFIG=os.path.join(folder, "config")
        )
        self.environ.pop("DOCKER_CONTEXT", None)

    def docker(self, *words, **options):
        """What `docker WORDS` prints, without the last line end; an assertion with all it said
        when it fails."""
        done = self.attempt(*words, **options)
        assert done.returncode == 0, "docker %s: %s%s" % (
            " ".join(words),
            text(done.stdout),
            text(done.stderr),
        )
        return text(done.stdout).strip()

    def attempt(self, *words, **options):
        options = dict(
            {"env": self.environ, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}, **options
        )
        return subprocess.run(("docker",) + words, **options)

    def has(self, image):
        return self.attempt("image", "inspect", image).returncode == 0

    def image(self, name):
        """NO_PYTHON or PYTHON3, made on first use."""
        if not self.has(name):
            with open(root_file_system(name), "rb") as file:
                self.docker("import", "-", name, stdin=file)
        return name

    def build(self, name, folder, *options):
        """The image that a folder's Dockerfile makes, if there isn't one yet."""
        if not self.has(name):
            self.docker("build", "--quiet", "--tag", name, *(options + (str(folder),)))
        return name


@pytest.fixture(scope="session")
def engine():
    with running_engine() as running:
        yield running


@contextmanager
def running_engine():
    for program in ("dockerd", "docker", "ip", "debootstrap"):
        need(program)
    needed(os.geteuid() == 0, "only root can start a Docker engine")
    with scratch("engine-") as folder, bridge() as name:
        with started(Engine(folder), name) as running:
            yield running


@contextmanager
def started(engine, bridge_name):
    os.makedirs(engine.environ["DOCKER_CONFIG"])
    with open(os.path.join(engine.environ["DOCKER_CONFIG"], "config.json"), "w") as file:
        file.write("{}")  # which podman reads as well, and wants to be there
    command = [
        "dockerd",
        "--host",
        engine.host,
        "--bridge",
        bridge_name,
        "--pidfile",
        engine.folder + "/pid",
    ]
    command += ["--data-root", engine.folder + "/data", "--exec-root", engine.folder + "/exec"]
    command += ["--iptables=false", "--ip-masq=false", "--ip-forward=false"]
    with Process(command, engine.folder, os.environ, engine.folder) as daemon:
        until(
            lambda: daemon.popen.poll() is not None or answers(engine),
            lambda: "an engine: " + daemon.log,
            60,
        )
        needed(daemon.popen.poll() is None, "dockerd can't run here: " + daemon.log[-500:])
        try:
            yield engine
        finally:
            containers = engine.docker("ps", "--all", "--quiet").split()
            engine.attempt("rm", "--force", "--volumes", *containers)


def answers(engine):
    return engine.attempt("version").returncode == 0


@contextmanager
def bridge():
    """A network of its own: two engines on one bridge would give out the same addresses."""
    name = "test%08x" % random.getrandbits(32)
    taken = text(run("ip", "-4", "-oneline", "address"))
    free = ["10.%d.%d" % (high, low) for high in range(200, 255) for low in range(1, 255)]
    network = random.choice([candidate for candidate in free if candidate + "." not in taken])
    # An address of its own: else it has that of a container, and another one when that ends, and
    # what was on its way to the old one is lost.
    own = "02:00:%s:%s:%s:%s" % tuple(name[4 + at : 6 + at] for at in (0, 2, 4, 6))
    run("ip", "link", "add", name, "address", own, "type", "bridge")
    try:
        run("ip", "address", "add", network + ".1/24", "dev", name)
        run("ip", "link", "set", name, "up")
        yield name
    finally:
        run("ip", "link", "delete", name)


@contextmanager
def scratch(prefix):
    # Directly below the temporary directory: a socket's path has to fit into 108 bytes.
    folder = tempfile.mkdtemp(prefix=prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def root_file_system(name, suite=SUITE):
    """A tar file for `docker import`, made once per machine."""
    recipe = repr((suite, PACKAGES[name], SUPERFLUOUS))
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    path = os.path.join(CACHE, "%s-%s.tar" % (name.split("/")[1].split(":")[0], digest))
    with locked(Path(path + ".lock")):
        if not os.path.exists(path):
            with scratch("root-") as folder:
                make_root_file_system(folder, PACKAGES[name], path, suite)
    return path


def make_root_file_system(folder, packages, path, suite):
    run("debootstrap", "--variant=minbase", suite, folder)
    if packages:
        install = (
            "apt-get update -qq && apt-get install -qq --yes --no-install-recommends "
            + " ".join(packages)
        )
        run("chroot", folder, "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", install)
    for superfluous in SUPERFLUOUS:
        shutil.rmtree(os.path.join(folder, superfluous), ignore_errors=True)
    # proc and dev are what debootstrap needed; a container brings its own.
    run(
        "tar",
        "--create",
        "--file",
        path + ".part",
        "--directory",
        folder,
        "--exclude=./proc/*",
        "--exclude=./dev/*",
        ".",
    )
    os.rename(path + ".part", path)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, "%s: %s" % (" ".join(command), text(done.stdout)[-2000:])
    return done.stdout


def text(data):
    return data.decode("utf-8", "replace")

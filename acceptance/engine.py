"""Images by the docker command: builds, runs the model's own server, removes it again."""

import json
import os
import subprocess
import time
import uuid
from pathlib import Path
from typing import List

from acceptance.http import Place
from acceptance.messages import Question

ROOT = Path(__file__).resolve().parents[1]
# What `make` and whoever runs this have set for other purposes.
SETTINGS_OF_BUILD = ("ADD", "BASE", "DRY_RUN", "ENV", "PYTHON", "REGISTRY", "SMOKE", "TAG")
STARTING = 120  # seconds that a model's own server may take


class Failed(Exception):
    """A command that is needed to go on has failed."""


def docker(*words: str) -> str:
    try:
        done = subprocess.run(["docker", *words], capture_output=True, text=True)
    except FileNotFoundError:
        raise Failed("the docker command isn't installed, or not on the PATH") from None
    if done.returncode != 0:
        raise Failed("docker %s: %s" % (words[0], done.stderr.strip()[-1000:]))
    return done.stdout.strip()


def base_of(registry: str, name: str) -> str:
    return "%s/%s-base:1" % (registry, name)


def build_base(registry: str, name: str, folder: Path) -> str:
    """The model's own image, as its Dockerfile says."""
    base = base_of(registry, name)
    docker("build", "--quiet", "--tag", base, str(folder))
    return base


def build_action(registry: str, base: str, push: bool) -> str:
    """The action's image, by build.sh as its users run it; smoke test included."""
    settings = {"MODELS": base, "USERNAME": registry, "ENGINE": "docker", "PUSH": str(int(push))}
    command = [str(ROOT / "build.sh")]
    kept = {name: os.environ[name] for name in os.environ if name not in SETTINGS_OF_BUILD}
    environ = dict(kept, **settings)
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed("build.sh: %s" % done.stderr.strip()[-1000:])
    return action_name(registry, base)


def action_name(registry: str, base: str) -> str:
    from_base = base.rsplit("/", 1)[-1].split(":")[0]
    return "%s/%s:%s" % (registry, from_base, version())


def version() -> str:
    for line in (ROOT / "openwhisk_adapter" / "__init__.py").read_text().splitlines():
        if line.startswith("VERSION = "):
            return line.split('"')[1]
    raise Failed("openwhisk_adapter/__init__.py names no VERSION")


class OwnServer:
    """The base's own start command, on this machine."""

    def __init__(self, base: str) -> None:
        self.name = "acceptance-own-" + uuid.uuid4().hex[:12]
        try:
            docker("run", "--detach", "--name", self.name, base)
            self.place = Place(self._url(base))
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _url(self, base: str) -> str:
        image = json.loads(docker("image", "inspect", base))[0]
        ports: List[str] = sorted((image["Config"].get("ExposedPorts") or {"5000/tcp": {}}))
        networks = json.loads(docker("inspect", self.name))[0]["NetworkSettings"]["Networks"]
        address = [network["IPAddress"] for network in networks.values()][0]
        return "http://%s:%s" % (address, ports[0].split("/")[0])

    def _wait(self) -> None:
        until = time.monotonic() + STARTING
        while True:
            try:
                self.place.ask(Question("ready", "GET", "/"))
                return
            except OSError as error:
                if time.monotonic() > until:
                    raise Failed(
                        "its own server doesn't answer at %s: %s" % (self.place.url, error)
                    )
                time.sleep(0.2)

    def stop(self) -> None:
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True)

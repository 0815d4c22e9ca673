"""cosign, as it is published: made below .envs/ where CI=true, as that takes minutes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testing.prerequisites import need
from testing.virtualenv import ENVS, locked

SOURCE = Path(__file__).resolve().parents[1] / "tests" / "images" / "cosign" / "go.mod"
COMMAND = "github.com/sigstore/cosign/v2/cmd/cosign"


class Cosign:
    """With a key of its own, no log of the world's, and a registry without TLS."""

    def __init__(self, folder):
        self.folder = folder
        self.run("generate-key-pair")

    def run(self, *words):
        environ = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "COSIGN_PASSWORD": ""}
        command = [str(program()), *words]
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sign(self, name, *words):
        options = ["--key", "cosign.key", "--tlog-upload=false", "--allow-http-registry", "--yes"]
        return self.run(*words, *options, name)

    def verify(self, name, *words):
        options = ["--key", "cosign.pub", "--insecure-ignore-tlog=true", "--allow-http-registry"]
        return self.run(*words, *options, name)


def program():
    folder = ENVS / "cosign"
    with locked(ENVS / "cosign.lock"):
        found = folder / "cosign"
        if not found.exists():
            if os.environ.get("CI") != "true":
                pytest.skip("cosign isn't there: CI=true makes it, in some minutes")
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(SOURCE), str(folder))
            variables = dict(os.environ, GOFLAGS="-mod=mod -buildvcs=false", GOTOOLCHAIN="local")
            command = [need("go"), "build", "-o", "cosign", COMMAND]
            subprocess.run(command, cwd=folder, env=variables, check=True)
    return found

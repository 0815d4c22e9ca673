"""manifest.yaml is what the list of models says, and wskdeploy, which is strict, reads it so."""

import os
import re
import subprocess
from pathlib import Path

from images.action.adapter import version
from images.commands.manifest import manifest
from images.commands.models import known_models
from testing.clients import wskdeploy
from testing.gateway import Gateway
from testing.recordings import GUEST_KEY

ROOT = Path(__file__).resolve().parents[2]
MODELS = known_models()
VERSION = version()


def run(*words, home):
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "USERNAME": "me"}
    return subprocess.run(
        [str(wskdeploy()), *words],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_manifest_is_up_to_date():
    assert (ROOT / "manifest.yaml").read_text() == manifest(), (
        "python3 -m images manifest > manifest.yaml"
    )


def test_names_are_sorted_and_limits_are_what_clients_accept():
    names = [model.name for model in MODELS]
    assert names == sorted(set(names)) and len(names) == 33
    assert all(model.memory >= 128 and 100 <= model.timeout <= 300_000 for model in MODELS)


def test_wskdeploy_reads_every_model_from_it(tmp_path):
    done = run(
        "-m",
        "manifest.yaml",
        "--preview",
        "--apihost",
        "localhost",
        "--auth",
        GUEST_KEY,
        home=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(re.findall(r"action: (\S+)", done.stdout)) == [model.name for model in MODELS]
    assert done.stdout.count("raw-http : true") == len(MODELS)


def test_wskdeploy_deploys_every_model_and_takes_all_of_them_away(tmp_path):
    with Gateway(tmp_path, "--memory-max", str(max(model.memory for model in MODELS))) as gateway:
        server = [
            "-m",
            "manifest.yaml",
            "--apihost",
            f"http://127.0.0.1:{gateway.port}",
            "--auth",
            GUEST_KEY,
        ]
        deployed = run(*server, "--namespace", "_", home=tmp_path)
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        found = [action_of(gateway, model.name) for model in MODELS]
        assert found == [
            {
                "image": f"me/{model.name}:{VERSION}",
                "limits": (model.memory, model.timeout),
                "web": (True, True, True),
                "description": model.description,
            }
            for model in MODELS
        ]
        undeployed = run("undeploy", *server, "--namespace", "_", home=tmp_path)
        assert undeployed.returncode == 0, undeployed.stdout + undeployed.stderr
        assert [gateway.rest("GET", kind).json for kind in ("actions", "packages")] == [[], []]


def action_of(gateway, name):
    value = gateway.rest("GET", f"actions/max/{name}").json
    annotations = {entry["key"]: entry["value"] for entry in value["annotations"]}
    return {
        "image": value["exec"]["image"],
        "limits": (value["limits"]["memory"], value["limits"]["timeout"]),
        "web": tuple(annotations[key] for key in ("web-export", "raw-http", "final")),
        "description": annotations["description"],
    }

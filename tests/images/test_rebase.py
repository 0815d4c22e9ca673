"""An action that is there already: whether its base has moved, and the same action on the base as
it is now.
"""

import gzip
import json
import subprocess
import sys

import pytest

from images.action.changes import Wishes
from images.action.folder import addition_from_text
from tests.images.samples import (
    BASE,
    ROOT,
    TARGET,
    config_of,
    made,
    order_for,
    put_image,
    put_index,
)

ACTION = TARGET + ":1.0.0"


@pytest.fixture
def order(odd, tmp_path):
    (tmp_path / "weights").write_text("0.5")
    additions = (addition_from_text(f"{tmp_path / 'weights'}=/models/weights"),)
    wishes = Wishes(env={"MODEL_NAME": "m"}, labels={"team": "a"}, cmd=["python", "serve.py"])
    return order_for(odd, additions=additions, wishes=wishes)


def layer(home, *words):
    command = [sys.executable, str(ROOT / "layer.py"), *words]
    return subprocess.run(command, env=home, capture_output=True, text=True, timeout=60)


def newer_base(odd, **settings):
    """The same tag, other content."""
    files = {"home/max/app.py": b"print('mended')\n"}
    return put_image(odd, BASE, "latest", files=files, **settings)


def test_a_base_that_has_not_moved_needs_nothing(odd, home, order):
    sample = put_image(odd, BASE, "latest")
    made(order, home)
    name, digest = f"{odd.address}/{ACTION}", sample.descriptor["digest"]
    still = f"{name}: its base {odd.address}/{BASE}:latest is still {digest}"
    checked = layer(home, "--check", name)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, still + "\n", "")
    del odd.log[:]
    rebased = layer(home, "--rebase", name)
    assert (rebased.returncode, rebased.stdout) == (0, still + ": nothing to do\n")
    assert not {line.split()[0] for line in odd.log} - {"GET", "HEAD"}


def test_a_base_that_has_moved_is_told_by_a_status_of_its_own(odd, home, order):
    old = put_image(odd, BASE, "latest").descriptor["digest"]
    made(order, home)
    new = newer_base(odd).descriptor["digest"]
    name = f"{odd.address}/{ACTION}"
    checked = layer(home, "--check", name)
    told = f"{name}: its base {odd.address}/{BASE}:latest was {old} and is {new} now\n"
    assert (checked.returncode, checked.stdout, checked.stderr) == (3, told, "")


def test_rebased_is_as_if_it_had_been_made_of_the_newer_base(odd, home, order):
    put_image(odd, BASE, "latest")
    _, first = made(order, home)
    newer_base(odd)
    name = f"{odd.address}/{ACTION}"
    rebased = layer(home, "--rebase", name, "--json")
    assert rebased.returncode == 0, rebased.stderr
    outcome = json.loads(rebased.stdout)
    anew, _ = made(order._replace(target=order.target._replace(version="2.0.0")), home)
    assert outcome["digest"] == anew.digest != first.digest
    assert odd.manifests[TARGET, "1.0.0"] == odd.manifests[TARGET, "2.0.0"]


def test_only_manifests_move(odd, home, order):
    put_image(odd, BASE, "latest")
    made(order, home)
    newer_base(odd)
    del odd.log[:]
    outcome = json.loads(layer(home, "--rebase", f"{odd.address}/{ACTION}", "--json").stdout)
    assert outcome["sent"] < 12_000
    assert outcome["copied"] == 0
    uploads = [line for line in odd.asked("PUT") if "/blobs/" in line]
    assert len(uploads) == 2  # the config, and the statement on what the image is made of


@pytest.mark.parametrize("place", ["me/elsewhere:2", "me/max-ocr:2"])
def test_it_can_get_another_name(odd, home, order, place):
    put_image(odd, BASE, "latest")
    made(order, home)
    newer_base(odd)
    target = f"{odd.address}/{place}"
    rebased = layer(home, "--rebase", f"{odd.address}/{ACTION}", target)
    assert rebased.returncode == 0, rebased.stderr
    repository, tag = place.split(":")
    manifest = odd.json_manifest(repository, tag)
    assert all((repository, one["digest"]) in odd.blobs for one in manifest["layers"])
    config = config_of(odd, repository, manifest)["config"]
    assert config["Cmd"] == ["python", "serve.py"]


def test_the_models_own_image_is_not_replaced(odd, home):
    put_image(odd, BASE, "1.0.0")
    made(order_for(odd, base=BASE + ":1.0.0"), home)
    before = odd.manifests[BASE, "1.0.0"]
    name, target = f"{odd.address}/{ACTION}", f"{odd.address}/{BASE}:1.0.0"
    refused = layer(home, "--rebase", name, target)
    assert refused.returncode == 1
    assert f"{target} is the model's own image, which the action's would replace" in refused.stderr
    assert odd.manifests[BASE, "1.0.0"] == before


def test_into_another_registry_all_layers_are_copied(odd, other, home, order):
    put_image(odd, BASE, "latest")
    made(order, home)
    newer_base(odd)
    target = f"{other.address}/me/max-ocr:2"
    rebased = layer(home, "--rebase", f"{odd.address}/{ACTION}", target)
    assert rebased.returncode == 0, rebased.stderr
    manifest = other.json_manifest(TARGET, "2")
    assert all((TARGET, one["digest"]) in other.blobs for one in manifest["layers"])


def test_a_private_action_is_read_with_the_name_and_password_of_the_environment(odd, home, order):
    put_image(odd, BASE, "latest")
    made(order, home)
    odd.token_server, odd.users = "all", {"me:secret": 1}
    known = dict(home, REGISTRY_USERNAME="me", REGISTRY_PASSWORD="secret")
    name = f"{odd.address}/{ACTION}"
    assert layer(known, "--check", name).returncode == 0
    newer_base(odd)
    rebased = layer(known, "--rebase", name)
    assert rebased.returncode == 0, rebased.stderr


def test_they_are_not_told_to_the_registry_of_a_base(odd, other, home):
    """Its address is a label's word."""
    put_image(odd, BASE, "latest")
    made(order_for(odd, other), home)
    odd.token_server, odd.public, odd.users = "all", {BASE}, {":": 1}
    other.token_server, other.users = "all", {"me:secret": 1}
    known = dict(home, REGISTRY_USERNAME="me", REGISTRY_PASSWORD="secret")
    checked = layer(known, "--check", f"{other.address}/{ACTION}")
    assert checked.returncode == 0, checked.stderr


def test_every_platform_is_rebased(odd, home, order):
    names = ("amd64", "arm64")
    old = {name: put_image(odd, BASE, name, "oci", architecture=name) for name in names}
    put_index(odd, BASE, "latest", "oci", old)
    made(order, home)
    new = {}
    for name in (*names, "s390x"):
        files = {"app.py": name.encode()}
        new[name] = put_image(odd, BASE, name, "oci", architecture=name, files=files)
    put_index(odd, BASE, "latest", "oci", new)
    rebased = layer(home, "--rebase", f"{odd.address}/{ACTION}")
    assert rebased.returncode == 0, rebased.stderr
    index = odd.json_manifest(TARGET, "1.0.0")
    assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["amd64", "arm64"]
    for entry in index["manifests"]:
        manifest = odd.json_manifest(TARGET, entry["digest"])
        assert len(manifest["layers"]) == 4
        added = odd.blobs[TARGET, manifest["layers"][-1]["digest"]]
        assert b"models/weights" in gzip.decompress(added)


def test_an_image_of_arm64_is_rebased_whether_its_variant_is_named_or_not(odd, home):
    arm = {"architecture": "arm64"}
    put_image(odd, BASE, "latest", variant="v8", **arm)
    made(order_for(odd), home)
    put_index(odd, BASE, "latest", "docker", {"arm64": newer_base(odd, **arm)})
    name = f"{odd.address}/{ACTION}"
    rebased = layer(home, "--rebase", name)
    assert rebased.returncode == 0, rebased.stderr
    assert layer(home, "--check", name).returncode == 0


def test_an_image_that_says_nothing_of_its_base_is_refused(odd, home):
    put_image(odd, TARGET, "1.0.0")
    for option in ("--check", "--rebase"):
        refused = layer(home, option, f"{odd.address}/{ACTION}")
        assert refused.returncode == 1
        assert refused.stderr == (
            f"layer.py: {odd.address}/{ACTION}: its labels don't say what it was made of "
            "(org.opencontainers.image.base.name, openwhisk-adapter.changes): make the action's"
            " image anew\n"
        )


LABELS = {
    "no JSON": "{",
    "no object": "[]",
    "more layers than there are": '{"layers": 99, "python": ["python"]}',
    "no layers": '{"layers": 0, "python": ["python"]}',
    "variables that are none": '{"layers": 1, "python": ["python"], "env": {"A": 1}}',
}


@pytest.mark.parametrize("option", ["--check", "--rebase"])
def test_a_label_writes_nothing_to_the_terminal(odd, home, option):
    put_image(odd, BASE, "latest")
    labels = {
        "org.opencontainers.image.base.name": f"{odd.address}/{BASE}:latest",
        "org.opencontainers.image.base.digest": "sha256:\x1b[2Jcleared\nlayer.py: all is well",
        "openwhisk-adapter.changes": '{"layers": 1, "python": ["python"]}',
    }
    put_image(odd, TARGET, "1.0.0", settings={"Cmd": ["x"], "Labels": labels})
    refused = layer(home, option, f"{odd.address}/{ACTION}")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "its labels don't say what it was made of" in refused.stderr
    assert refused.stderr.count("\n") == 1 and refused.stderr.strip().isprintable()


def test_the_registry_of_a_base_writes_nothing_to_the_terminal(odd, other, home):
    digest = put_image(odd, BASE, "latest").descriptor["digest"]
    made(order_for(odd, other), home)
    odd.says_digest = "\x1b[2Jcleared"
    checked = layer(home, "--check", f"{other.address}/{ACTION}")
    still = f"{other.address}/{ACTION}: its base {odd.address}/{BASE}:latest is still {digest}\n"
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, still, "")


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
def test_a_label_that_somebody_has_changed_is_refused(odd, home, label):
    put_image(odd, BASE, "latest")
    labels = {
        "org.opencontainers.image.base.name": f"{odd.address}/{BASE}:latest",
        "org.opencontainers.image.base.digest": "sha256:" + "0" * 64,
        "openwhisk-adapter.changes": label,
    }
    put_image(odd, TARGET, "1.0.0", settings={"Cmd": ["x"], "Labels": labels})
    refused = layer(home, "--rebase", f"{odd.address}/{ACTION}")
    assert (refused.returncode, "openwhisk-adapter.changes" in refused.stderr) == (1, True)
    assert len(refused.stderr.splitlines()) == 1


WORDS = {
    "neither": [],
    "one name": ["a/b"],
    "both": ["--check", "a/b:1", "--rebase", "a/b:1"],
    "a target to check": ["--check", "a/b:1", "c/d:1"],
    "latest": ["--rebase", "a/b:1", "c/d:latest"],
    "a digest": ["a/b", "c/d@sha256:" + "0" * 64],
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_what_makes_no_sense_together_is_refused(home, words):
    refused = layer(home, *words)
    assert refused.returncode == 2
    assert refused.stderr.startswith("layer.py: ") and refused.stderr.count("\n") == 1


CHANGES = {
    "--env": "A=B",
    "--add": "nothing=/x",
    "--label": "a=b",
    "--entry": "x",
    "--cmd": "",
    "--python": "own",
    "--python-image": "python:3",
    "--platform": "linux/arm64",
}


@pytest.mark.parametrize("option", ["--rebase", "--check"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_would_change_the_action_is_refused(home, option, change):
    refused = layer(home, option, "a/b:1", change, CHANGES[change])
    assert (refused.returncode, refused.stdout, refused.stderr) == (
        2,
        "",
        f"layer.py: {change} doesn't go with {option}, which leaves an action as it is: to change"
        " it, make it anew of BASE\n",
    )


@pytest.mark.parametrize("option", ["--rebase", "--check"])
def test_other_options_may_stand_before_the_action(odd, home, order, option):
    put_image(odd, BASE, "latest")
    made(order, home)
    done = layer(home, option, "--dry-run", f"{odd.address}/{ACTION}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{odd.address}/{ACTION}: its base ")
    refused = layer(home, option, "--dry-run")
    assert (refused.returncode, refused.stderr) == (
        2,
        f"layer.py: {option} takes an action's name\n",
    )


@pytest.mark.parametrize("option", ["--rebase", "--check"])
def test_json_tells_how_the_base_stands(odd, home, order, option):
    digest = put_image(odd, BASE, "latest").descriptor["digest"]
    made(order, home)
    name = f"{odd.address}/{ACTION}"
    told = json.loads(layer(home, option, name, "--json").stdout)
    base = f"{odd.address}/{BASE}:latest"
    assert told == {"image": name, "base": base, "was": digest, "now": digest, "moved": False}


def test_json_tells_a_plan_that_is_not_carried_out(odd, home, order):
    put_image(odd, BASE, "latest")
    made(order, home)
    newer_base(odd)
    name = f"{odd.address}/{ACTION}"
    before = odd.manifests[TARGET, "1.0.0"]
    told = json.loads(layer(home, "--rebase", name, "--dry-run", "--json").stdout)
    assert (told["image"], told["base"]) == (name, f"{odd.address}/{BASE}:latest")
    assert odd.manifests[TARGET, "1.0.0"] == before
    outcome = json.loads(layer(home, "--rebase", name, "--json").stdout)
    assert told["digest"] == outcome["digest"]


def test_json_tells_a_failure_too(odd, home):
    failed = layer(home, "--check", f"{odd.address}/{ACTION}", "--json")
    reason = json.loads(failed.stdout)["error"]
    assert (failed.returncode, failed.stderr) == (1, f"layer.py: {reason}\n")
    assert "404 MANIFEST_UNKNOWN" in reason


OPTIONS = {
    "--env": ("FOO", "'FOO': NAME=VALUE was expected"),
    "--label": ("FOO", "'FOO': NAME=VALUE was expected"),
    "--add": ("docs", "'docs': FOLDER=/PATH was expected, like model=/models/m"),
    "--cmd": ("a 'b", '"a \'b": no closing quotation'),
    "--entry": ("[1]", "'[1]': a JSON list of words was expected"),
    "--python": ("a b", "'a b': own, image, or the name of a program was expected"),
    "--python-image": (
        "Python:3",
        "'Python:3' isn't an image's name, one like quay.io/codait/max-ocr:1.0.0 was expected: it"
        " has a capital P",
    ),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_a_complaint_names_its_option_and_stands_alone(home, option):
    value, complaint = OPTIONS[option]
    refused = layer(home, "a/b", "c/d:1", option, value)
    expected = f"layer.py: {option} {complaint}\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", expected)

"""Folders, variables and commands that are added to an image: the same bytes each time, or a
sentence.
"""

import gzip
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading

import pytest

from images.action.changes import Wishes
from images.action.folder import addition_from_text, layer_from_addition
from images.commands.making import workshop
from images.words import Unsuitable
from testing.registry import digest_of
from tests.images.samples import (
    BASE,
    MAX_SETTINGS,
    ROOT,
    TARGET,
    config_of,
    made,
    order_for,
    put_image,
)


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "the model"
    (folder / "1" / "variables").mkdir(parents=True)
    (folder / "1" / "saved_model.pb").write_bytes(bytes(range(256)) * 10)
    (folder / "1" / "variables" / "größe.index").write_bytes(b"")
    (folder / "1" / "run").write_text("#!/bin/sh\n")
    (folder / "1" / "run").chmod(0o755)
    (folder / "latest").symlink_to("1")
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink() and path.name != "run":
            path.chmod(0o755 if path.is_dir() else 0o640)
    return folder


def layer_of(folder, tmp_path, target="/models/m", inside=""):
    file = tmp_path / "layer"
    addition = addition_from_text(f"{folder}={target}")
    return layer_from_addition(addition, inside, file, lambda size: None), file


def entries(data):
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        return [
            (one.name, oct(one.mode), one.uid, one.gid, one.mtime, one.size, one.linkname)
            for one in tar
        ]


def test_a_folder_is_a_layer_that_keeps_modes_and_belongs_to_root(model, tmp_path):
    layer, file = layer_of(model, tmp_path)
    data = file.read_bytes()
    assert entries(data) == [
        ("models", "0o755", 0, 0, 0, 0, ""),
        ("models/m", "0o755", 0, 0, 0, 0, ""),
        ("models/m/1", "0o755", 0, 0, 0, 0, ""),
        ("models/m/1/run", "0o755", 0, 0, 0, 10, ""),
        ("models/m/1/saved_model.pb", "0o640", 0, 0, 0, 2560, ""),
        ("models/m/1/variables", "0o755", 0, 0, 0, 0, ""),
        ("models/m/1/variables/größe.index", "0o640", 0, 0, 0, 0, ""),
        ("models/m/latest", "0o777", 0, 0, 0, 0, "1"),
    ]
    assert layer.descriptor == (digest_of(data), len(data))
    assert layer.diff_id == digest_of(gzip.decompress(data))
    assert layer.created_by == "ADD the model /models/m"


def test_it_is_the_same_layer_whenever_and_wherever_it_is_made(model, tmp_path):
    first, _ = layer_of(model, tmp_path)
    copy = tmp_path / "elsewhere" / "the model"
    subprocess.run(["cp", "-r", model, copy.parent / "x"], check=False)
    copy.parent.mkdir()
    subprocess.run(["cp", "-rd", "--preserve=mode,links", model, copy], check=True)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    second, _ = layer_of(copy, tmp_path)
    assert second.descriptor == first.descriptor


PARENTS = {
    "/models/m": ("", [("models", "0o755")]),
    "/a/b/c/d": ("", [("a", "0o755"), ("a/b", "0o755"), ("a/b/c", "0o755")]),
    "/opt/x/m": ("", [("opt", "0o755"), ("opt/x", "0o755")]),
    "/tmp/m": ("", [("tmp", "0o1777")]),
    "/var/tmp/m": ("", [("var", "0o755"), ("var/tmp", "0o1777")]),
    "/root/m": ("", [("root", "0o700")]),
    "/home/max/assets/m": ("/home/max", [("home/max/assets", "0o755")]),
}


@pytest.mark.parametrize("target", PARENTS)
def test_folders_on_the_way_are_as_images_have_them_and_the_working_directory_as_it_is(
    model, tmp_path, target
):
    inside, parents = PARENTS[target]
    _, file = layer_of(model, tmp_path, target, inside)
    found = [entry[:2] for entry in entries(file.read_bytes())]
    names = [name for name, _ in found]
    assert found[: names.index(target[1:])] == parents


HIDDEN = {
    "/bin/serve": "/usr/bin",
    "/lib": "/usr/lib",
    "/lib64/a/b": "/usr/lib64",
    "/var/run/x": "/run",
}


@pytest.mark.parametrize("target", HIDDEN)
def test_what_is_a_link_in_most_images_is_not_hidden(model, target):
    with pytest.raises(
        ValueError, match=f"would no longer be one: name a place below {HIDDEN[target]}$"
    ):
        addition_from_text(f"{model}={target}")


def test_one_file_can_be_added_too(model, tmp_path):
    _, file = layer_of(model / "1" / "run", tmp_path, "/usr/bin/serve")
    serve = ("usr/bin/serve", "0o755", 0, 0, 0, 10, "")
    assert entries(file.read_bytes())[2:] == [serve]


LINKS = {"../outside": "out of", "/etc/passwd": "out of", "1/../../outside": "out of"}


@pytest.mark.parametrize("target", LINKS)
def test_a_link_that_leaves_the_folder_is_refused(model, tmp_path, target):
    (model / "away").symlink_to(target)
    with pytest.raises(Unsuitable) as refusal:
        layer_of(model, tmp_path)
    told = f"{model}/away is a link to {target}, out of the folder that is added"
    assert str(refusal.value) == told


def test_a_link_through_another_link_that_leaves_is_refused(model, tmp_path):
    (tmp_path / "outside").mkdir()
    (model / "b").symlink_to("a/x")
    (model / "a").mkdir()
    (model / "a" / "x").symlink_to(os.path.join("..", "..", "outside"))
    with pytest.raises(Unsuitable, match="out of the folder"):
        layer_of(model, tmp_path)


def test_what_is_no_file_is_refused(model, tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(model)
        try:
            server.bind("door")
        finally:
            os.chdir(ROOT)
    with pytest.raises(Unsuitable, match="door is neither a file, a folder nor a link"):
        layer_of(model, tmp_path)


def test_a_full_disk_is_told_by_its_place_and_what_is_needed(model, tmp_path):
    (tmp_path / "layer").symlink_to("/dev/full")
    with pytest.raises(Unsuitable) as refusal:
        layer_of(model, tmp_path)
    assert str(refusal.value) == (
        f"{model} can't be added: no space is left in {tempfile.gettempdir()}, where it is packed,"
        " which takes up to 2.57 kB; TMPDIR names another place"
    )
    assert not (tmp_path / "layer").is_symlink()


def changing(model, change):
    """A progress that changes the folder once something of it was read."""
    done = []

    def told(_):
        if not done:
            done.append(change(model))

    return told


def grow(model):
    with open(model / "1" / "saved_model.pb", "ab") as file:
        file.write(b"x")


CHANGES = {
    "a file that grows": grow,
    "a file that shrinks": lambda model: os.truncate(model / "1" / "saved_model.pb", 5),
    "a file that comes": lambda model: (model / "new").write_text("x"),
    "a file that goes": lambda model: (model / "1" / "saved_model.pb").unlink(),
    "other content of the same size": lambda model: (model / "1" / "run").write_text("#!/bin/ab\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_folder_that_changes_while_it_is_read_is_refused(model, tmp_path, change):
    file = tmp_path / "layer"
    addition = addition_from_text(f"{model}=/m")
    with pytest.raises(Unsuitable, match="changed while it was read|can't be added"):
        layer_from_addition(addition, "", file, changing(model, change))


NOT_PLACES = ["docs", "docs=", "docs=relative", "docs=/", "docs=/a/../b", "docs=/openwhisk/x"]
NOT_PLACES += ["docs=/proc/x", "nowhere=/x", "=/x", "docs=/a//b"]


@pytest.mark.parametrize("text", NOT_PLACES)
def test_what_names_no_folder_and_place_is_refused(text, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError, match=text):
        addition_from_text(text)


# -- in an image ---------------------------------------------------------


def test_wishes_change_the_image_as_a_dockerfile_would(odd, home, model):
    put_image(odd, BASE, "latest")
    wishes = Wishes(
        env={"MODEL_NAME": "half plus two", "LC_ALL": "C"},
        labels={"team": "a"},
        cmd=["python", "serve.py"],
    )
    addition = addition_from_text(f"{model}=/models/m")
    _, pushed = made(order_for(odd, additions=(addition,), wishes=wishes), home)
    manifest = odd.json_manifest(TARGET, "1.0.0")
    settings = config_of(odd, TARGET, manifest)["config"]
    assert settings["Env"] == [
        MAX_SETTINGS["Env"][0],
        "LC_ALL=C",
        "MODEL_NAME=half plus two",
        "OPENWHISK_EXPOSED=5000",
    ]
    assert settings["Cmd"] == ["python", "serve.py"]
    assert (settings["Labels"]["team"], settings["Labels"]["maintainer"]) == ("a", "somebody")
    assert json.loads(settings["Labels"]["openwhisk-adapter.changes"]) == {
        "layers": 2,
        "python": ["python"],
        "env": {"MODEL_NAME": "half plus two", "LC_ALL": "C"},
        "labels": {"team": "a"},
        "cmd": ["python", "serve.py"],
    }
    data = odd.blobs[TARGET, manifest["layers"][-1]["digest"]]
    assert ("models/m/latest", "0o777", 0, 0, 0, 0, "1") in entries(data)
    assert pushed.digest == digest_of(odd.manifests[TARGET, "1.0.0"][1])


def test_an_entry_takes_the_place_of_both_words_of_the_image(odd, home):
    put_image(odd, BASE, "latest", settings={"Entrypoint": ["tini", "--"], "Cmd": ["a.py"]})
    wishes = Wishes(entry=["python3", "serve.py"])
    made(order_for(odd, wishes=wishes), home)
    settings = config_of(odd, TARGET, odd.json_manifest(TARGET, "1.0.0"))["config"]
    assert settings["Entrypoint"] == ["python3", "/openwhisk/openwhisk.py"]
    assert settings["Cmd"] == ["python3", "serve.py"]


HINTED = {
    "ports": ({"ExposedPorts": {"9000/tcp": {}, "8000/tcp": {}}}, ["OPENWHISK_EXPOSED=9000 8000"]),
    "none but the adapter's": ({"ExposedPorts": {"8080/tcp": {}}}, []),
    "the image's own": (
        {"ExposedPorts": {"9000/tcp": {}}, "Env": ["OPENWHISK_EXPOSED=1"]},
        ["OPENWHISK_EXPOSED=1"],
    ),
    "health": (
        {"Healthcheck": {"Test": ["CMD-SHELL", "curl -f http://localhost/health"]}},
        ["OPENWHISK_HEALTH=/health"],
    ),
}


@pytest.mark.parametrize("settings, env", HINTED.values(), ids=HINTED)
def test_what_the_config_says_of_the_server_is_handed_on(odd, home, settings, env):
    put_image(odd, BASE, "latest", settings={"Cmd": ["python", "app.py"], **settings})
    made(order_for(odd), home)
    config = config_of(odd, TARGET, odd.json_manifest(TARGET, "1.0.0"))["config"]
    assert (config.get("Env") or []) == env


def test_a_base_that_exposes_the_adapters_port_is_warned_of(odd, home):
    exposed = {"Cmd": ["python", "app.py"], "ExposedPorts": {"8080/tcp": {}}}
    put_image(odd, BASE, "latest", settings=exposed)
    plan, _ = made(order_for(odd), home)
    assert plan.remarks == [
        "the base exposes 8080, which in an action is the adapter's own port: if the model's server"
        " (python app.py) listens there, give it another, by --env, --cmd or its own settings"
    ]


def test_a_second_try_sends_only_the_rest(odd, home, model):
    put_image(odd, BASE, "latest")
    odd.refuses_tags = True
    addition = addition_from_text(f"{model}=/models/m")
    order = order_for(odd, additions=(addition,))
    with pytest.raises(Exception, match="503"):
        made(order, home)
    odd.refuses_tags = False
    del odd.log[:]
    made(order, home)
    assert not [line for line in odd.asked("PUT") + odd.asked("PATCH") if "blobs" in line]
    assert odd.asked("PUT")[-1] == f"PUT /v2/{TARGET}/manifests/1.0.0"


@pytest.mark.parametrize("after", ["goes on", "forgets", "refuses the rest"])
def test_an_upload_of_weights_survives_a_broken_connection(odd, home, tmp_path, after):
    (tmp_path / "weights").write_bytes(os.urandom(300_000))
    put_image(odd, BASE, "latest")
    odd.break_uploads_after = 100_000
    odd.forgets_uploads, odd.refuses_the_rest = after == "forgets", after != "goes on"
    addition = addition_from_text(f"{tmp_path / 'weights'}=/models/weights")
    made(order_for(odd, additions=(addition,)), home)
    layer = odd.json_manifest(TARGET, "1.0.0")["layers"][-1]
    assert digest_of(odd.blobs[TARGET, layer["digest"]]) == layer["digest"]


def test_an_upload_that_gets_on_may_break_as_often_as_it_likes(odd, home, tmp_path):
    (tmp_path / "weights").write_bytes(os.urandom(300_000))
    put_image(odd, BASE, "latest")
    odd.break_uploads_after, odd.keeps_breaking = 30_000, True
    addition = addition_from_text(f"{tmp_path / 'weights'}=/models/weights")
    made(order_for(odd, additions=(addition,)), home)
    layer = odd.json_manifest(TARGET, "1.0.0")["layers"][-1]
    assert digest_of(odd.blobs[TARGET, layer["digest"]]) == layer["digest"]


MEASURED = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from images.action.folder import addition_from_text, layer_from_addition
addition = addition_from_text(sys.argv[2] + "=/m")
layer = layer_from_addition(addition, "", Path(sys.argv[3]), lambda size: None)
status = Path("/proc/self/status").read_text().split()
print(layer.descriptor.digest, status[status.index("VmHWM:") + 1])
"""


def measured(folder, file):
    """The layer's digest, and how much memory it took, in bytes."""
    command = [sys.executable, "-c", MEASURED, str(ROOT), str(folder), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    digest, resident = done.stdout.split()
    return digest, int(resident) * 1024


def test_a_hundred_thousand_files_take_little_memory(tmp_path):
    folder = tmp_path / "many"
    for number in range(100):
        (folder / f"{number:03}").mkdir(parents=True)
        for inner in range(1000):
            os.close(os.open(folder / f"{number:03}" / f"{inner:04}", os.O_CREAT | os.O_WRONLY))
    digest, resident = measured(folder, tmp_path / "layer")
    assert resident < 100_000_000
    assert digest == "sha256:" + hashlib.sha256((tmp_path / "layer").read_bytes()).hexdigest()


def test_gigabytes_of_weights_take_little_memory(tmp_path):
    """Of nothing, as a disk shows them: the memory that they take is the same."""
    with open(tmp_path / "weights", "wb") as file:
        file.truncate(1_000_000_000)
    _, resident = measured(tmp_path / "weights", tmp_path / "layer")
    assert resident < 100_000_000


def test_two_threads_that_want_the_same_folder_get_one_layer(odd, home, model):
    addition = addition_from_text(f"{model}=/m")
    order = order_for(odd, additions=(addition,))
    found = []
    with workshop(home) as shop:
        threads = [
            threading.Thread(target=lambda: found.append(shop.layers(order, "", print)[-1]))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1 and len(os.listdir(shop.folder)) == 1


@pytest.fixture
def weights(tmp_path):
    (tmp_path / "weights").write_bytes(os.urandom(2 << 20))
    return (addition_from_text(f"{tmp_path / 'weights'}=/models/weights"),)


def test_what_was_sent_to_a_registry_once_is_mounted_from_then_on(odd, home, weights):
    put_image(odd, BASE, "latest")
    made(order_for(odd, additions=weights), home)
    del odd.log[:]
    _, pushed = made(order_for(odd, target="you/other:1", additions=weights), home)
    assert pushed.sent < 100_000
    (mounted,) = [
        line for line in odd.asked("POST") if f"from={TARGET.replace('/', '%2F')}" in line
    ]
    layer = odd.json_manifest("you/other", "1")["layers"][-1]
    assert layer["digest"].replace(":", "%3A") in mounted
    assert digest_of(odd.blobs["you/other", layer["digest"]]) == layer["digest"]


@pytest.mark.parametrize("forgotten", ["the blob", "how to mount", "the file"])
def test_what_is_not_there_any_more_is_sent_again(odd, home, weights, tmp_path, forgotten):
    put_image(odd, BASE, "latest")
    made(order_for(odd, additions=weights), home)
    digest = odd.json_manifest(TARGET, "1.0.0")["layers"][-1]["digest"]
    if forgotten == "the blob":
        del odd.blobs[TARGET, digest]
    elif forgotten == "how to mount":
        odd.mount_status = 405
    else:
        (tmp_path / ".cache" / "serverless-max-models" / "sent.json").write_text("{")
    made(order_for(odd, target="you/other:1", additions=weights), home)
    assert digest_of(odd.blobs["you/other", digest]) == digest

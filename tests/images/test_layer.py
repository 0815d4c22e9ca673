"""layer.py against a registry that can play what registries in the wild do; as a process where it
matters.
"""

import base64
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import time
import tracemalloc
from urllib.parse import parse_qs, urlsplit

import pytest

from images.commands.making import made_in_registry
from images.words import RegistryError, Unsuitable
from testing.process import until
from testing.registry import digest_of, tar_gz
from tests.images.samples import (
    ADAPTER,
    BASE,
    FAMILIES,
    MAX_SETTINGS,
    ROOT,
    TARGET,
    VERSION,
    config_of,
    made,
    order_for,
    planned,
    put_image,
    put_index,
    quiet,
)


@pytest.fixture
def home(tmp_path):
    """Environment variables of somebody who has never logged in anywhere."""
    return {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}


def run(odd, home, *registries, **wanted):
    return made(order_for(odd, *registries, **wanted), home)


def program(home, *words):
    command = [sys.executable, str(ROOT / "layer.py"), *words]
    return subprocess.run(command, env=home, capture_output=True, text=True, timeout=60)


def result(odd, tag="1.0.0", repository=TARGET):
    manifest = odd.json_manifest(repository, tag)
    return manifest, config_of(odd, repository, manifest)


def whole(odd, repository=TARGET, tag="1.0.0"):
    """Whether all that the tag names is there, the way an engine pulls it."""
    manifest = odd.json_manifest(repository, tag)
    blobs = [manifest["config"]] + manifest["layers"]
    return all(digest_of(odd.blobs[repository, blob["digest"]]) == blob["digest"] for blob in blobs)


# -- what comes out ------------------------------------------------------


@pytest.mark.parametrize("family", ["docker", "oci"])
def test_the_image_is_the_base_with_one_layer_and_another_start_command(odd, home, family):
    sample = put_image(odd, BASE, "latest", family)
    plan, pushed = run(odd, home)
    manifest, config = result(odd)
    labels = {
        "org.opencontainers.image.base.name": f"{odd.address}/{BASE}:latest",
        "org.opencontainers.image.base.digest": sample.descriptor["digest"],
        "openwhisk-adapter.version": VERSION,
    }
    changes = {"openwhisk-adapter.changes": '{"layers":1,"python":["python"]}'}
    one = manifest["layers"][-1]
    data = odd.blobs[TARGET, one["digest"]]
    tar = gzip.decompress(data)
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        entries = [
            (m.name, m.mode, m.uid, m.gid, m.uname, m.gname, m.mtime, m.isfile()) for m in opened
        ]
    assert entries == entries_of_the_project()
    assert config == dict(
        sample.config,
        config=dict(
            MAX_SETTINGS,
            Entrypoint=["python", ADAPTER],
            ExposedPorts={"5000/tcp": {}, "8080/tcp": {}},
            Labels=dict(MAX_SETTINGS["Labels"], **labels, **changes),
            Env=[*MAX_SETTINGS["Env"], "OPENWHISK_EXPOSED=5000"],
        ),
        rootfs={
            "type": "layers",
            "diff_ids": sample.config["rootfs"]["diff_ids"] + [digest_of(tar)],
        },
        history=sample.config["history"]
        + [
            {
                "created": "2021-03-04T05:06:07Z",
                "created_by": "COPY openwhisk.py openwhisk_adapter /openwhisk/",
            }
        ],
    )
    added = {"mediaType": FAMILIES[family]["layer"], "digest": digest_of(data), "size": len(data)}
    described = dict(
        sample.manifest["config"],
        digest=manifest["config"]["digest"],
        size=manifest["config"]["size"],
    )
    expected = dict(sample.manifest, config=described, layers=sample.layers + [added])
    assert manifest == (dict(expected, annotations=labels) if family == "oci" else expected)
    assert odd.manifests[TARGET, "1.0.0"][0] == FAMILIES[family]["manifest"]
    assert (pushed.digest, pushed.mounted, pushed.copied) == (plan.digest, 2, 0)
    assert whole(odd)


def entries_of_the_project():
    """Name, mode, owner, group, time, kind: what `tar tvf` would say of the layer."""
    names = {"openwhisk", "openwhisk/openwhisk.py", "openwhisk/openwhisk_adapter"}
    for path in (ROOT / "openwhisk_adapter").rglob("*.py"):
        name = "openwhisk/" + path.relative_to(ROOT).as_posix()
        names |= {name, name.rpartition("/")[0]}
    return [
        (
            name,
            *((0o644,) if name.endswith(".py") else (0o755,)),
            0,
            0,
            "root",
            "root",
            0,
            name.endswith(".py"),
        )
        for name in sorted(names)
    ]


COMMANDS = {
    "shell form": (
        {"Cmd": ["/bin/sh", "-c", "python app.py"]},
        "python",
        ["/bin/sh", "-c", "python app.py"],
    ),
    "exec form": ({"Cmd": ["python3", "-u", "app.py"]}, "python3", ["python3", "-u", "app.py"]),
    "tini": (
        {"Entrypoint": ["/usr/bin/tini", "--"], "Cmd": ["python3.8", "app.py"]},
        "python3.8",
        ["/usr/bin/tini", "--", "python3.8", "app.py"],
    ),
    "tini and shell form": (
        {
            "Entrypoint": ["tini", "-g", "--"],
            "Cmd": ["/bin/sh", "-c", "exec python app.py --debug"],
        },
        "python",
        ["tini", "-g", "--", "/bin/sh", "-c", "exec python app.py --debug"],
    ),
    "a path": (
        {"Entrypoint": ["/opt/conda/bin/python"], "Cmd": ["serve.py"]},
        "/opt/conda/bin/python",
        ["/opt/conda/bin/python", "serve.py"],
    ),
    "a server in Docker's Python image": (
        {"Cmd": ["uvicorn", "app:app"], "Env": ["PYTHON_VERSION=3.11.4"]},
        "python",
        ["uvicorn", "app:app"],
    ),
    "null": (
        {"Cmd": ["python", "app.py"], "Entrypoint": None, "ExposedPorts": None, "Labels": None},
        "python",
        None,
    ),
}


@pytest.mark.parametrize("settings, python, command", COMMANDS.values(), ids=COMMANDS)
def test_the_start_command_stays_as_what_the_adapter_runs(odd, home, settings, python, command):
    put_image(odd, BASE, "latest", settings=settings)
    run(odd, home)
    changed = result(odd)[1]["config"]
    assert (changed["Entrypoint"], changed["Cmd"]) == (
        [python, ADAPTER],
        command or ["python", "app.py"],
    )
    assert changed["ExposedPorts"] == {"8080/tcp": {}}


PYTHONS = {
    "python": ({"usr/local/bin/python": b"", "usr/bin/python3": b""}, "python", []),
    "python3": ({"usr/bin/python3": b""}, "python3", []),
    "in a folder that PATH doesn't name": (
        {"opt/conda/bin/python": b"", "usr/bin/python3": b""},
        "/opt/conda/bin/python",
        [],
    ),
    "uv's": ({"app/.venv/bin/python": b""}, "/app/.venv/bin/python", []),
    "a folder that PATH names": ({"opt/venv/bin/python": b""}, "python", ["PATH=/opt/venv/bin/:x"]),
}


@pytest.mark.parametrize("files, python, env", PYTHONS.values(), ids=PYTHONS)
def test_a_small_base_is_searched_for_the_python_that_its_command_does_not_name(
    odd, home, files, python, env
):
    settings = {"Cmd": ["gunicorn", "app:app"], "Env": env}
    put_image(odd, BASE, "latest", settings=settings, files=files)
    plan, _ = run(odd, home)
    assert result(odd)[1]["config"]["Entrypoint"] == [python, ADAPTER]
    assert plan.remarks == []


LATER = {
    "the file": ({"usr/bin/.wh.python3": b""}, False),
    "its folder": ({"usr/.wh.bin": b""}, False),
    "all that its folder held": ({"usr/.wh..wh..opq": b""}, False),
    "another one": ({"usr/bin/.wh.python": b"", "opt/.wh..wh..opq": b""}, True),
    "what was there before it is put there again": (
        {"usr/bin/.wh.python3": b"", "usr/bin/python3": b""},
        True,
    ),
}


@pytest.mark.parametrize("files, there", LATER.values(), ids=LATER)
def test_a_python_that_a_later_layer_takes_away_does_not_count(odd, home, files, there):
    settings = {"Cmd": ["gunicorn", "app:app"]}
    sample = put_image(odd, BASE, "latest", settings=settings, files=files)
    below = odd.add_blob(BASE, tar_gz({"usr/bin/python3": os.urandom(9000)})[0])
    manifest = dict(sample.manifest, layers=[dict(sample.layers[0], **below), sample.layers[1]])
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    if there:
        run(odd, home, python="image")
        assert result(odd)[1]["config"]["Entrypoint"] == ["python3", ADAPTER]
    else:
        with pytest.raises(Unsuitable, match="the base has no Python"):
            run(odd, home, python="image")


NAMED = {
    "not there": ("python3.99", ["no python3.99 was found in the base's layers; python3 is there"]),
    "in a larger layer": ("python3.11", []),
    "on the image's own PATH": ("pypy3", []),
    "a path": ("/usr/bin/python3", []),
    "a path through a link": ("/bin/python3", []),
    "a path that leads nowhere": (
        "/opt/python",
        ["no /opt/python was found in the base's layers; python3 is there"],
    ),
}


@pytest.mark.parametrize("word, remarks", NAMED.values(), ids=NAMED)
def test_a_python_that_is_named_and_not_there_is_told(odd, home, word, remarks):
    """Two layers, the smaller one with a Python: at which a search ends that looks for any."""
    files = {"opt/mine/bin/pypy3": b"", "usr/local/bin/python3.11": os.urandom(1000)}
    settings = {"Cmd": ["gunicorn", "app:app"], "Env": ["PATH=/opt/mine/bin:/usr/bin"]}
    sample = put_image(odd, BASE, "latest", settings=settings, files=files)
    small = odd.add_blob(BASE, tar_gz({"usr/bin/python3": b""})[0])
    manifest = dict(sample.manifest, layers=[dict(sample.layers[0], **small), sample.layers[1]])
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    plan, _ = run(odd, home, python=word)
    assert plan.remarks == [one + ": without it the action can't start" for one in remarks]
    assert result(odd)[1]["config"]["Entrypoint"] == [word, ADAPTER]


def test_a_large_base_is_not_read_but_the_guess_is_told(odd, home, monkeypatch):
    monkeypatch.setattr("images.registry.searching.CHEAP", 100)
    put_image(odd, BASE, "latest", settings={"Cmd": ["gunicorn", "app:app"]})
    plan, _ = run(odd, home)
    assert plan.remarks == [
        "whether there is a Python couldn't be seen from the start command (gunicorn app:app); "
        "`python` is assumed, --python names another"
    ]
    assert result(odd)[1]["config"]["Entrypoint"] == ["python", ADAPTER]
    run(odd, home, python="python3")
    assert result(odd)[1]["config"]["Entrypoint"] == ["python3", ADAPTER]


def header(kind, size):
    """An entry that says to be as long as this."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def long_name(number):
    """One that takes four times as much memory as it has letters."""
    info = tarfile.TarInfo("\U0001f40d%05d" % number + "n" * 60_000)
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8")


def holes():
    """An entry whose list of holes goes on as long as there are bytes."""
    sparse = bytearray(header(tarfile.GNUTYPE_SPARSE, 0))
    sparse[482] = 1
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    more = (b"%011o\0" % 1) * 42 + b"\1" + bytes(7)
    return bytes(sparse) + more * 50_000


def numbered_holes():
    info = tarfile.TarInfo("x")
    info.size = 1 << 30
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    return info.tobuf(tarfile.PAX_FORMAT) + b"999999999\n" + b"1000\n" * 5_000_000


def for_all(number):
    """A header that is meant for all entries behind it, and an entry."""
    text = b"%d=" % number + b"v" * 60_000 + b"\n"
    text = b"%d %s" % (len(text) + 6, text)
    padded = text + bytes(-len(text) % 512)
    return header(tarfile.XGLTYPE, len(text)) + padded + header(tarfile.REGTYPE, 0)


BOMBS = {
    "a name of gigabytes": header(tarfile.GNUTYPE_LONGNAME, 4 << 30),
    "a header of gigabytes": header(tarfile.XHDTYPE, 4 << 30),
    "a file of gigabytes": header(tarfile.REGTYPE, 4 << 30),
    "names without end": header(tarfile.REGTYPE, 0) * 100_000,
    "long names": b"".join(long_name(number) for number in range(900)),
    "holes without end": holes(),
    "holes that are numbers": numbered_holes(),
    "headers that stay": b"".join(for_all(number) for number in range(1100)),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_layer_that_would_fill_the_memory_is_not_searched(odd, home, monkeypatch, bomb):
    monkeypatch.setattr("images.registry.searching.MOST_ENTRIES", 1000)
    monkeypatch.setattr("images.registry.searching.MOST_HELD", 10 << 20)
    data = gzip.compress(bomb + bytes(64 << 20))
    sample = put_image(odd, BASE, "latest", settings={"Cmd": ["gunicorn", "app:app"]})
    layer = dict(sample.layers[0], **odd.add_blob(BASE, data))
    manifest = dict(sample.manifest, layers=[layer, sample.layers[1]])
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    tracemalloc.start()
    plan, _ = run(odd, home)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 << 20
    assert "couldn't be seen from the start command" in plan.remarks[0]


def deep_name(number):
    info = tarfile.TarInfo("%05d" % number + "/a" * 30_000)
    return info.tobuf(tarfile.GNU_FORMAT)


def test_names_of_many_folders_cost_no_time(odd, home):
    """Each of them would be looked for in all of its folders, where a layer takes one away."""
    whiteout = tarfile.TarInfo(".wh.gone").tobuf(tarfile.GNU_FORMAT)
    deep = b"".join(deep_name(number) for number in range(200))
    sample = put_image(odd, BASE, "latest", settings={"Cmd": ["gunicorn", "app:app"]})
    layer = dict(sample.layers[0], **odd.add_blob(BASE, gzip.compress(whiteout + deep)))
    manifest = dict(sample.manifest, layers=[layer, sample.layers[1]])
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    began = time.monotonic()
    plan, _ = run(odd, home, python="/opt/python")
    assert time.monotonic() - began < 20
    assert plan.remarks[0].startswith("no /opt/python was found in the base's layers")


DAMAGED = {
    "a long name of a long name": header(tarfile.GNUTYPE_LONGNAME, 1) * 2400,
    "a list of holes that is cut": holes()[:700],
}


@pytest.mark.parametrize("tar", DAMAGED.values(), ids=DAMAGED)
def test_a_layer_that_nobody_can_unpack_is_no_reason_to_fail(odd, home, tar):
    sample = put_image(odd, BASE, "latest", settings={"Cmd": ["gunicorn", "app:app"]})
    layer = dict(sample.layers[0], **odd.add_blob(BASE, gzip.compress(tar)))
    manifest = dict(sample.manifest, layers=[layer, sample.layers[1]])
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    plan, _ = run(odd, home)
    assert "couldn't be seen from the start command" in plan.remarks[0]


def test_a_layer_that_is_larger_than_it_says_is_not_read_on(odd, home, monkeypatch):
    monkeypatch.setattr("images.registry.searching.CHEAP", 10_000)
    settings = {"Cmd": ["gunicorn", "app:app"]}
    sample = put_image(odd, BASE, "latest", settings=settings)
    data, _ = tar_gz({"srv/noise": os.urandom(1 << 20), "usr/bin/python3": b""})
    layer = dict(sample.layers[0], digest=odd.add_blob(BASE, data)["digest"], size=1000)
    manifest = dict(sample.manifest, layers=[layer, sample.layers[1]])
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    with planned(order_for(odd), home) as ready:
        assert "couldn't be seen from the start command" in ready.plan.remarks[0]


def test_an_index_of_more_images_than_there_are_platforms_is_refused(odd, home):
    sample = put_image(odd, BASE, "amd64", "oci")
    put_index(odd, BASE, "latest", "oci", {f"machine{number}": sample for number in range(51)})
    with pytest.raises(Unsuitable, match="has 51 images, 50 at most were expected"):
        run(odd, home)
    assert not [line for line in odd.log if "/blobs/" in line]


HISTORIES = {"none": None, "empty": [], "one row for two layers": [{"created_by": "import"}]}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_history_that_does_not_count_the_layers_stays_as_it_is(odd, home, history):
    put_image(odd, BASE, "latest", history=history)
    run(odd, home)
    assert result(odd)[1].get("history") == history


@pytest.mark.parametrize("family", ["docker", "oci"])
def test_every_platform_of_an_index_gets_the_same_layer_and_attestations_are_dropped(
    odd, home, family
):
    samples = {
        name: put_image(odd, BASE, name, family, architecture=name) for name in ("amd64", "arm64")
    }
    put_index(odd, BASE, "latest", family, samples, attested=2)
    plan, pushed = run(odd, home)
    index = odd.json_manifest(TARGET, "1.0.0")
    assert [entry["platform"] for entry in index["manifests"]] == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64"},
    ]
    for entry in index["manifests"]:
        data = odd.manifests[TARGET, entry["digest"]][1]
        assert (len(data), digest_of(data)) == (entry["size"], entry["digest"])
        assert whole(odd, tag=entry["digest"])
        assert (
            config_of(odd, TARGET, json.loads(data))["architecture"]
            == entry["platform"]["architecture"]
        )
    last = {
        odd.json_manifest(TARGET, entry["digest"])["layers"][-1]["digest"]
        for entry in index["manifests"]
    }
    assert len(last) == 1
    assert odd.manifests[TARGET, "1.0.0"][0] == FAMILIES[family]["index"]


def test_one_platform_of_an_index_becomes_an_image_of_that_platform(odd, home):
    samples = {
        name: put_image(odd, BASE, name, "oci", architecture=name) for name in ("amd64", "arm64")
    }
    put_index(odd, BASE, "latest", "oci", samples)
    run(odd, home, platform="linux/arm64")
    assert result(odd)[1]["architecture"] == "arm64"


VARIANTS = {
    "named in the index": ("linux/arm64", "v8"),
    "named by whoever asks": ("linux/arm64/v8", None),
}


@pytest.mark.parametrize("asked, variant", VARIANTS.values(), ids=VARIANTS)
def test_the_variant_of_arm64_may_be_named_or_not(odd, home, asked, variant):
    name = {"os": "linux", "architecture": "arm64", **({"variant": variant} if variant else {})}
    sample = put_image(odd, BASE, "one", "oci", **name)
    put_index(odd, BASE, "latest", "oci", {"arm64": sample})
    index = odd.json_manifest(BASE, "latest")
    index["manifests"][0]["platform"] = name
    odd.add_manifest(BASE, "latest", FAMILIES["oci"]["index"], index)
    run(odd, home, platform=asked)
    assert result(odd)[1]["architecture"] == "arm64"
    run(odd, home, platform=asked, base=BASE + ":one", target=TARGET + ":2.0.0")
    assert result(odd, "2.0.0")[1]["architecture"] == "arm64"


def test_what_openwhisk_does_not_run_is_left_out_of_an_index(odd, home):
    linux = put_image(odd, BASE, "linux")
    windows = put_image(odd, BASE, "windows", os="windows")
    put_index(odd, BASE, "latest", "docker", {"amd64": linux, "x": windows})
    index = odd.json_manifest(BASE, "latest")
    index["manifests"][1]["platform"] = {"os": "windows", "architecture": "amd64"}
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["index"], index)
    run(odd, home)
    there = [entry["platform"] for entry in odd.json_manifest(TARGET, "1.0.0")["manifests"]]
    assert there == [{"os": "linux", "architecture": "amd64"}]
    index["manifests"] = index["manifests"][1:]
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["index"], index)
    with pytest.raises(Unsuitable, match="has windows/amd64: an image for Linux was asked for"):
        run(odd, home)


def test_a_platform_for_which_there_is_no_python_is_told_with_what_leaves_it_out(odd, home):
    settings = {"Cmd": ["model_server"]}
    put_image(odd, BASE, "latest", settings=settings, architecture="s390x")
    with pytest.raises(Unsuitable) as refusal:
        run(odd, home)
    assert str(refusal.value) == (
        "no Python can be added to an image for linux/s390x, only for amd64 and arm64:"
        " --platform linux/amd64 (build.sh: PLATFORM) takes one image of several"
    )


def test_layers_that_are_fetched_from_elsewhere_are_neither_mounted_nor_copied(odd, home):
    sample = put_image(odd, BASE, "latest")
    foreign = dict(
        sample.layers[0], urls=["https://example.org/layer"], digest="sha256:" + "0" * 64
    )
    manifest = dict(sample.manifest, layers=[foreign, sample.layers[1]])
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    _, pushed = run(odd, home)
    assert pushed.mounted == 1
    assert odd.json_manifest(TARGET, "1.0.0")["layers"][0] == foreign


# -- refused bases -------------------------------------------------------


def test_a_base_without_python_is_refused_where_none_may_be_added(odd, home):
    put_image(odd, BASE, "latest", settings={"Cmd": ["tensorflow_model_server"]})
    with pytest.raises(Unsuitable) as refusal:
        run(odd, home, python="image")
    assert str(refusal.value) == (
        "the base has no Python (its start command: tensorflow_model_server), and"
        " PYTHON=image forbids"
        " to add one: make the base from an image with Python 3.6 or newer, or go without"
        " PYTHON=image"
    )


def test_an_action_image_is_refused_as_a_base(odd, home):
    put_image(odd, BASE, "latest")
    run(odd, home)
    with pytest.raises(Unsuitable, match="an action's image already: name the model's own image"):
        run(odd, home, base=TARGET + ":1.0.0", target="me/again:1.0.0")


def test_a_base_of_schema_1_is_refused_clearly(odd, home):
    odd.add_manifest(
        BASE,
        "latest",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        {"schemaVersion": 1, "fsLayers": []},
    )
    with pytest.raises(Unsuitable, match="schema 1, which engines no longer pull"):
        run(odd, home)


def test_a_base_for_another_system_is_refused(odd, home):
    put_image(odd, BASE, "latest", os="windows")
    with pytest.raises(Unsuitable, match="is for windows, OpenWhisk runs Linux containers"):
        run(odd, home)


def test_a_config_without_a_root_file_system_is_refused(odd, home):
    put_image(odd, BASE, "latest", rootfs=None)
    with pytest.raises(Unsuitable) as refusal:
        run(odd, home)
    told = "the config.rootfs should be dict and is NoneType: not an image's?"
    assert str(refusal.value) == told


def test_a_manifest_and_a_config_that_disagree_are_refused(odd, home):
    put_image(odd, BASE, "latest", rootfs={"type": "layers", "diff_ids": []})
    with pytest.raises(Unsuitable, match="has 2 layers, its config 0: no engine runs that"):
        run(odd, home)


def test_an_index_of_attestations_alone_is_refused(odd, home):
    sample = put_image(odd, BASE, "amd64", "oci")
    put_index(odd, BASE, "latest", "oci", {"amd64": sample}, attested=1)
    index = odd.json_manifest(BASE, "latest")
    index["manifests"] = index["manifests"][1:]
    odd.add_manifest(BASE, "latest", FAMILIES["oci"]["index"], index)
    with pytest.raises(Unsuitable, match="has attestations only: an image for Linux was asked for"):
        run(odd, home)


def test_a_digest_that_is_a_way_to_another_place_is_refused(odd, home):
    sample = put_image(odd, BASE, "latest")
    layers = [dict(sample.layers[0], digest="../../../token?x="), sample.layers[1]]
    manifest = dict(sample.manifest, layers=layers)
    odd.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    with pytest.raises(Unsuitable, match=r"layers\[0\].digest should be a digest"):
        run(odd, home)


@pytest.mark.parametrize("command", ["python app.py", "gunicorn app:app"])
def test_layers_that_this_python_cannot_unpack_are_mounted_as_they_are(odd, home, command):
    """zstd: what is in them isn't known, nor needed where the config tells."""
    sample = put_image(odd, BASE, "latest", "oci", settings={"Cmd": command.split()})
    zstd = odd.add_blob(BASE, b"\x28\xb5\x2f\xfd" + b"x" * 100)
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd", **zstd}
    manifest = dict(sample.manifest, layers=[layer, sample.layers[1]])
    odd.add_manifest(BASE, "latest", FAMILIES["oci"]["manifest"], manifest)
    plan, pushed = run(odd, home)
    assert (pushed.mounted, pushed.copied) == (2, 0)
    assert odd.json_manifest(TARGET, "1.0.0")["layers"][0] == layer
    assert bool(plan.remarks) == (command != "python app.py")


def test_an_artifact_that_is_no_image_is_refused(odd, home):
    sample = put_image(odd, BASE, "latest", "oci")
    config = dict(sample.manifest["config"], mediaType="application/vnd.oci.empty.v1+json")
    odd.add_manifest(
        BASE, "latest", FAMILIES["oci"]["manifest"], dict(sample.manifest, config=config)
    )
    with pytest.raises(Unsuitable, match="isn't a container image's manifest"):
        run(odd, home)


def test_a_platform_that_is_not_there_is_refused_with_those_that_are(odd, home):
    put_index(odd, BASE, "latest", "oci", {"amd64": put_image(odd, BASE, "amd64", "oci")})
    with pytest.raises(Unsuitable, match="has linux/amd64: linux/s390x was asked for"):
        run(odd, home, platform="linux/s390x")


@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
def test_content_that_does_not_have_its_digest_is_refused(odd, other, home, what):
    sample = put_image(odd, BASE, "latest")
    wrong = {
        "manifest": sample.descriptor,
        "config": sample.manifest["config"],
        "layer": sample.layers[1],
    }[what]
    odd.corrupt.add(wrong["digest"])
    with pytest.raises(RegistryError, match=wrong["digest"]):
        run(odd, home, other)
    assert other.manifests == {} and other.uploads == {}
    assert (TARGET, wrong["digest"]) not in other.blobs


def test_a_missing_base_is_told_by_name_and_likely_cause(odd, home):
    done = program(home, f"{odd.address}/{BASE}", f"{odd.address}/{TARGET}:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"layer.py: GET http://{odd.address}/v2/{BASE}/manifests/latest: 404"
        f" MANIFEST_UNKNOWN: manifest unknown; "
        "is the name right? latest is asked for where no tag is given. "
        "A private image's existence is hidden from those who may not read it\n"
    )


def test_latest_is_not_spoken_of_where_a_tag_was_given(odd, home):
    done = program(home, f"{odd.address}/{BASE}:2", f"{odd.address}/{TARGET}:1")
    assert "is the name right? A private image's" in done.stderr


# -- ways into the target repository -------------------------------------


def test_in_the_same_repository_base_layers_are_only_named(odd, home):
    put_image(odd, BASE, "latest")
    _, pushed = run(odd, home, target=BASE + ":action")
    assert (pushed.mounted, pushed.copied) == (0, 0)
    assert not [line for line in odd.log if "mount=" in line]
    assert whole(odd, BASE, "action")


@pytest.mark.parametrize("status", [202, 401, 403, 404, 405])
def test_layers_that_a_registry_does_not_mount_are_copied(odd, home, status):
    odd.mount_status = status
    put_image(odd, BASE, "latest")
    _, pushed = run(odd, home)
    assert (pushed.mounted, pushed.copied) == (0, 2)
    assert whole(odd)
    assert odd.uploads == {}


@pytest.mark.parametrize("kind", ["absolute", "absolute path", "relative path"])
@pytest.mark.parametrize("query", [False, True], ids=["plain", "with a query"])
def test_upload_locations_are_taken_as_they_come(odd, other, home, kind, query):
    other.locations, other.locations_with_query = kind, query
    put_image(odd, BASE, "latest")
    _, pushed = run(odd, home, other)
    assert pushed.copied == 2
    assert whole(other)


def test_blobs_behind_a_redirect_are_fetched_without_the_token(odd, other, home):
    odd.token_server = "all"
    odd.cdn = other.address  # fails its request when it sees a token
    put_image(odd, BASE, "latest")
    other.blobs.update(odd.blobs)
    odd.mount_status = 202
    run(odd, home)
    assert len(other.asked("GET")) == 3
    assert whole(odd)


def test_copying_goes_on_where_a_download_broke(odd, other, home):
    sample = put_image(odd, BASE, "latest", files={"weights": bytes(range(256)) * 4000})
    with planned(order_for(odd, other), home) as ready:
        odd.break_downloads_after = 100
        made_in_registry(ready, quiet)
    assert whole(other)
    gets = [
        line
        for line in odd.asked("GET")
        if "/blobs/" in line and sample.layers[0]["digest"] in line
    ]
    assert len(gets) == 2


@pytest.mark.parametrize("after", ["goes on", "forgets", "refuses the rest"])
def test_copying_survives_a_broken_upload(odd, other, home, after):
    put_image(odd, BASE, "latest")
    other.break_uploads_after = 50
    other.forgets_uploads, other.refuses_the_rest = (
        after == "forgets",
        after == "refuses the rest",
    )
    counted = []
    plan, _ = made(order_for(odd, other), home, counted.append)
    assert whole(other)
    assert sum(counted) == plan.base_size
    assert len(other.asked("POST")) == 6 + (after != "goes on")


def test_a_push_that_fails_leaves_no_tag_and_the_next_one_sends_only_the_rest(odd, other, home):
    put_image(odd, BASE, "latest")
    other.refuses_tags = True
    with pytest.raises(RegistryError, match="503"):
        run(odd, home, other)
    assert not [tag for _, tag in other.manifests if not tag.startswith("sha256:")]
    other.refuses_tags = False
    _, pushed = run(odd, home, other)
    assert pushed.copied == 0
    assert whole(other)


def test_a_second_run_sends_nothing_and_has_the_same_digest(odd, home):
    samples = {
        name: put_image(odd, BASE, name, "oci", architecture=name) for name in ("amd64", "arm64")
    }
    put_index(odd, BASE, "latest", "oci", samples)
    _, first = run(odd, home)
    del odd.log[:]
    _, second = run(odd, home)
    assert second == first._replace(mounted=0, sent=second.sent, attached=0)
    assert {line.split(" ")[0] for line in odd.log} == {"GET", "HEAD"}
    assert second.sent < 3000


# -- tokens --------------------------------------------------------------


def login(home, odd, user="me:secret"):
    folder = os.path.join(home["HOME"], ".docker")
    os.makedirs(folder, exist_ok=True)
    entry = {"auth": base64.b64encode(user.encode()).decode()}
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"auths": {odd.address: entry}}, file)


TOKEN_SERVERS = {"all": (2, 0), "first scope only": (0, 2), "refuses sources": (0, 2)}


@pytest.mark.parametrize("behaviour, moved", TOKEN_SERVERS.items(), ids=TOKEN_SERVERS)
def test_token_servers_grant_what_they_like_and_the_image_gets_there(odd, home, behaviour, moved):
    odd.token_server, odd.users = behaviour, {"me:secret": 1}
    put_image(odd, BASE, "latest")
    login(home, odd)
    _, pushed = run(odd, home)
    assert (pushed.mounted, pushed.copied) == moved
    assert whole(odd)


def test_the_target_is_the_first_scope_that_is_asked_for(odd, home):
    odd.token_server, odd.users = "all", {"me:secret": 1}
    put_image(odd, BASE, "latest")
    login(home, odd)
    run(odd, home)
    asked = [
        parse_qs(urlsplit(line).query)["scope"] for line in odd.asked("GET") if " /token" in line
    ]
    assert [f"repository:{TARGET}:pull,push", f"repository:{BASE}:pull"] in asked


def test_a_public_base_in_another_registry_is_read_without_credentials(odd, other, home):
    odd.token_server, odd.public, odd.users = "all", {BASE}, {"somebody:else": 1}
    other.token_server, other.users = "all", {"me:secret": 1}
    put_image(odd, BASE, "latest")
    login(home, other)
    _, pushed = run(odd, home, other)
    assert pushed.copied == 2
    assert whole(other)


def test_credentials_in_the_environment_go_to_the_target_alone(odd, other, home):
    odd.token_server, odd.public, odd.users = "all", {BASE}, {":": 1}
    other.token_server, other.users = "all", {"me:secret": 1}
    put_image(odd, BASE, "latest")
    run(odd, dict(home, REGISTRY_USERNAME="me", REGISTRY_PASSWORD="secret"), other)
    assert whole(other)


def test_without_the_right_to_push_the_refusal_says_where_to_log_in(odd, home):
    odd.token_server, odd.public, odd.users = "all", {BASE}, {"me:secret": 1}
    put_image(odd, BASE, "latest")
    done = program(home, f"{odd.address}/{BASE}", f"{odd.address}/{TARGET}:1")
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"(without credentials); `docker login {odd.address}` with an account that may do this\n"
    )


def test_variables_that_are_refused_are_named_and_the_password_is_not(odd, home):
    odd.token_server, odd.users = "all", {"me:right": 1}
    wrong = dict(home, REGISTRY_USERNAME="me", REGISTRY_PASSWORD="secret")
    done = program(wrong, f"{odd.address}/{BASE}", f"{odd.address}/{TARGET}:1")
    assert (done.returncode, "secret" in done.stderr) == (1, False)
    assert done.stderr.endswith(
        "(as me); REGISTRY_USERNAME and REGISTRY_PASSWORD are wrong or not enough for this; they"
        " go before what `docker login` has left\n"
    )


def test_a_helper_that_is_not_installed_is_missed_where_a_login_is_needed_alone(odd, home):
    folder = os.path.join(home["HOME"], ".docker")
    os.makedirs(folder)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"credsStore": "desktop"}, file)
    put_image(odd, BASE, "latest")
    words = (f"{odd.address}/{BASE}", f"{odd.address}/{TARGET}:1")
    assert program(home, *words).returncode == 0
    odd.token_server, odd.users = "all", {"me:right": 1}
    done = program(home, *words)
    assert (done.returncode, done.stderr.partition(" (")[2]) == (
        1,
        "without credentials: docker-credential-desktop, which docker's config.json names, is not"
        " installed); install it, or take it out of there and"
        f" `docker login {odd.address}` with an account that may do this\n",
    )


def test_a_registry_that_takes_nothing_is_told_as_likely(odd, home):
    put_image(odd, BASE, "latest")
    odd.read_only = True
    with pytest.raises(RegistryError) as refusal:
        run(odd, home)
    address = f"http://{odd.address}/v2/{TARGET}/blobs/uploads/"
    cause = "can this registry be written to, or is it for reading only?"
    assert str(refusal.value) == f"POST {address}: 405 Method Not Allowed; {cause}"


# -- the command ---------------------------------------------------------


def test_a_dry_run_prints_the_plan_in_bytes_and_sends_nothing(odd, home):
    put_image(odd, BASE, "latest")
    done = program(home, f"{odd.address}/{BASE}", f"{odd.address}/{TARGET}:1", "--dry-run")
    assert {line.split(" ")[0] for line in odd.log} == {"GET"}
    plan, pushed = run(odd, home, target=TARGET + ":1")
    sizes = [blob.descriptor.size for blob in plan.blobs] + [
        len(one.data) for one in plan.manifests
    ]
    lines = done.stdout.splitlines()
    assert lines[0] == f"{odd.address}/{TARGET}:1@{pushed.digest}"
    assert lines[2] == "  2 layers of the base: mounted where missing, no bytes"
    assert [int(line.split()[0].replace(",", "")) for line in lines[3:]] == sizes + [sum(sizes)]
    assert lines[-1].endswith(" bytes of our own to send, at most")
    assert done.stderr == ""


def test_the_outcome_is_one_line_or_json(odd, home):
    put_image(odd, BASE, "latest")
    words = (f"{odd.address}/{BASE}", f"{odd.address}/{TARGET}:1")
    outcome = json.loads(program(home, *words, "--json").stdout)
    assert outcome == {
        "image": words[1],
        "digest": digest_of(odd.manifests[TARGET, "1"][1]),
        "mounted": 2,
        "copied": 0,
        "sent": outcome["sent"],
        "attached": 1,
        "remarks": [],
    }
    line = program(home, *words).stdout
    assert line.startswith(
        f"{odd.address}/{TARGET}@{outcome['digest']}  0 layers mounted, 0 copied, "
    )


def test_sigterm_ends_it_as_ctrl_c_does_and_leaves_no_folder(odd, home, tmp_path):
    put_image(odd, BASE, "latest")
    odd.dripping = True
    (tmp_path / "place").mkdir()
    command = [sys.executable, str(ROOT / "layer.py"), f"{odd.address}/{BASE}", f"{TARGET}:1"]
    process = subprocess.Popen(
        command, env=dict(home, TMPDIR=str(tmp_path / "place")), stderr=subprocess.PIPE, text=True
    )
    until(odd.asked, "a question")
    process.terminate()
    told = process.communicate(timeout=30)[1]
    assert (process.returncode, told.count("\n")) == (130, 1)
    assert told.startswith("layer.py: interrupted")
    assert os.listdir(tmp_path / "place") == []


def test_the_tag_latest_is_refused_with_the_reason(home):
    done = program(home, "me/base", "me/action")
    assert done.returncode == 2
    assert (
        "tagged latest, which OpenWhisk pulls again for every container: name a version"
        in done.stderr
    )

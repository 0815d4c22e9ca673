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
import tracemalloc
from urllib.parse import parse_qs, urlsplit

import pytest

from images.commands.making import made_in_registry
from images.words import RegistryError, Unsuitable
from testing.registry import Odd, digest_of, tar_gz
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
def registry():
    with Odd().served() as odd:
        yield odd


@pytest.fixture
def other_registry():
    with Odd().served() as odd:
        yield odd


@pytest.fixture
def home(tmp_path):
    """Environment variables of somebody who has never logged in anywhere."""
    return {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}


def run(registry, home, *registries, **wanted):
    return made(order_for(registry, *registries, **wanted), home)


def program(home, *words):
    command = [sys.executable, str(ROOT / "layer.py"), *words]
    return subprocess.run(command, env=home, capture_output=True, text=True, timeout=60)


def result(registry, tag="1.0.0", repository=TARGET):
    manifest = registry.json_manifest(repository, tag)
    return manifest, config_of(registry, repository, manifest)


def whole(registry, repository=TARGET, tag="1.0.0"):
    """Whether all that the tag names is there, the way an engine pulls it."""
    manifest = registry.json_manifest(repository, tag)
    blobs = [manifest["config"]] + manifest["layers"]
    return all(
        digest_of(registry.blobs[repository, blob["digest"]]) == blob["digest"] for blob in blobs
    )


# -- what comes out ------------------------------------------------------


@pytest.mark.parametrize("family", ["docker", "oci"])
def test_the_image_is_the_base_with_one_layer_and_another_start_command(registry, home, family):
    sample = put_image(registry, BASE, "latest", family)
    plan, pushed = run(registry, home)
    manifest, config = result(registry)
    labels = {
        "org.opencontainers.image.base.name": f"{registry.address}/{BASE}:latest",
        "org.opencontainers.image.base.digest": sample.descriptor["digest"],
        "openwhisk-adapter.version": VERSION,
    }
    changes = {"openwhisk-adapter.changes": '{"layers":1,"python":["python"]}'}
    one = manifest["layers"][-1]
    data = registry.blobs[TARGET, one["digest"]]
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
    assert registry.manifests[TARGET, "1.0.0"][0] == FAMILIES[family]["manifest"]
    assert (pushed.digest, pushed.mounted, pushed.copied) == (plan.digest, 2, 0)
    assert whole(registry)


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
def test_the_start_command_stays_as_what_the_adapter_runs(
    registry, home, settings, python, command
):
    put_image(registry, BASE, "latest", settings=settings)
    run(registry, home)
    changed = result(registry)[1]["config"]
    assert (changed["Entrypoint"], changed["Cmd"]) == (
        [python, ADAPTER],
        command or ["python", "app.py"],
    )
    assert changed["ExposedPorts"] == {"8080/tcp": {}}


PYTHONS = {
    "python": ({"opt/conda/bin/python": b"", "usr/bin/python3": b""}, "python"),
    "python3": ({"usr/bin/python3": b""}, "python3"),
}


@pytest.mark.parametrize("files, python", PYTHONS.values(), ids=PYTHONS)
def test_a_small_base_is_searched_for_the_python_that_its_command_does_not_name(
    registry, home, files, python
):
    put_image(registry, BASE, "latest", settings={"Cmd": ["gunicorn", "app:app"]}, files=files)
    plan, _ = run(registry, home)
    assert result(registry)[1]["config"]["Entrypoint"] == [python, ADAPTER]
    assert plan.remarks == []


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
def test_a_python_that_is_named_and_not_there_is_told(registry, home, word, remarks):
    """Two layers, the smaller one with a Python: at which a search ends that looks for any."""
    files = {"opt/mine/bin/pypy3": b"", "usr/local/bin/python3.11": os.urandom(1000)}
    settings = {"Cmd": ["gunicorn", "app:app"], "Env": ["PATH=/opt/mine/bin:/usr/bin"]}
    sample = put_image(registry, BASE, "latest", settings=settings, files=files)
    small = registry.add_blob(BASE, tar_gz({"usr/bin/python3": b""})[0])
    manifest = dict(sample.manifest, layers=[dict(sample.layers[0], **small), sample.layers[1]])
    registry.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    plan, _ = run(registry, home, python=word)
    assert plan.remarks == [one + ": without it the action can't start" for one in remarks]
    assert result(registry)[1]["config"]["Entrypoint"] == [word, ADAPTER]


def test_a_large_base_is_not_read_but_the_guess_is_told(registry, home, monkeypatch):
    monkeypatch.setattr("images.registry.searching.CHEAP", 100)
    put_image(registry, BASE, "latest", settings={"Cmd": ["gunicorn", "app:app"]})
    plan, _ = run(registry, home)
    assert plan.remarks == [
        "whether there is a Python couldn't be seen from the start command (gunicorn app:app); "
        "`python` is assumed, --python names another"
    ]
    assert result(registry)[1]["config"]["Entrypoint"] == ["python", ADAPTER]
    run(registry, home, python="python3")
    assert result(registry)[1]["config"]["Entrypoint"] == ["python3", ADAPTER]


def header(kind, size):
    """An entry that says to be as long as this."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


BOMBS = {
    "a name of gigabytes": header(tarfile.GNUTYPE_LONGNAME, 4 << 30),
    "a header of gigabytes": header(tarfile.XHDTYPE, 4 << 30),
    "a file of gigabytes": header(tarfile.REGTYPE, 4 << 30),
    "names without end": header(tarfile.REGTYPE, 0) * 100_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_layer_that_would_fill_the_memory_is_not_searched(registry, home, monkeypatch, bomb):
    monkeypatch.setattr("images.registry.searching.MOST_ENTRIES", 1000)
    data = gzip.compress(bomb + bytes(64 << 20))
    sample = put_image(registry, BASE, "latest", settings={"Cmd": ["gunicorn", "app:app"]})
    layer = dict(sample.layers[0], **registry.add_blob(BASE, data))
    manifest = dict(sample.manifest, layers=[layer, sample.layers[1]])
    registry.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    tracemalloc.start()
    plan, _ = run(registry, home)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 << 20
    assert "couldn't be seen from the start command" in plan.remarks[0]


HISTORIES = {"none": None, "empty": [], "one row for two layers": [{"created_by": "import"}]}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_history_that_does_not_count_the_layers_stays_as_it_is(registry, home, history):
    put_image(registry, BASE, "latest", history=history)
    run(registry, home)
    assert result(registry)[1].get("history") == history


@pytest.mark.parametrize("family", ["docker", "oci"])
def test_every_platform_of_an_index_gets_the_same_layer_and_attestations_are_dropped(
    registry, home, family
):
    samples = {
        name: put_image(registry, BASE, name, family, architecture=name)
        for name in ("amd64", "arm64")
    }
    put_index(registry, BASE, "latest", family, samples, attested=2)
    plan, pushed = run(registry, home)
    index = registry.json_manifest(TARGET, "1.0.0")
    assert [entry["platform"] for entry in index["manifests"]] == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64"},
    ]
    for entry in index["manifests"]:
        data = registry.manifests[TARGET, entry["digest"]][1]
        assert (len(data), digest_of(data)) == (entry["size"], entry["digest"])
        assert whole(registry, tag=entry["digest"])
        assert (
            config_of(registry, TARGET, json.loads(data))["architecture"]
            == entry["platform"]["architecture"]
        )
    last = {
        registry.json_manifest(TARGET, entry["digest"])["layers"][-1]["digest"]
        for entry in index["manifests"]
    }
    assert len(last) == 1
    assert registry.manifests[TARGET, "1.0.0"][0] == FAMILIES[family]["index"]


def test_one_platform_of_an_index_becomes_an_image_of_that_platform(registry, home):
    samples = {
        name: put_image(registry, BASE, name, "oci", architecture=name)
        for name in ("amd64", "arm64")
    }
    put_index(registry, BASE, "latest", "oci", samples)
    run(registry, home, platform="linux/arm64")
    assert result(registry)[1]["architecture"] == "arm64"


def test_layers_that_are_fetched_from_elsewhere_are_neither_mounted_nor_copied(registry, home):
    sample = put_image(registry, BASE, "latest")
    foreign = dict(
        sample.layers[0], urls=["https://example.org/layer"], digest="sha256:" + "0" * 64
    )
    manifest = dict(sample.manifest, layers=[foreign, sample.layers[1]])
    registry.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    _, pushed = run(registry, home)
    assert pushed.mounted == 1
    assert registry.json_manifest(TARGET, "1.0.0")["layers"][0] == foreign


# -- refused bases -------------------------------------------------------


def test_a_base_without_python_is_refused_where_none_may_be_added(registry, home):
    put_image(registry, BASE, "latest", settings={"Cmd": ["tensorflow_model_server"]})
    with pytest.raises(Unsuitable) as refusal:
        run(registry, home, python="image")
    assert str(refusal.value) == (
        "the base has no Python (its start command: tensorflow_model_server), and"
        " PYTHON=image forbids"
        " to add one: make the base from an image with Python 3.6 or newer, or go without"
        " PYTHON=image"
    )


def test_an_action_image_is_refused_as_a_base(registry, home):
    put_image(registry, BASE, "latest")
    run(registry, home)
    with pytest.raises(Unsuitable, match="an action's image already: name the model's own image"):
        run(registry, home, base=TARGET + ":1.0.0", target="me/again:1.0.0")


def test_a_base_of_schema_1_is_refused_clearly(registry, home):
    registry.add_manifest(
        BASE,
        "latest",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        {"schemaVersion": 1, "fsLayers": []},
    )
    with pytest.raises(Unsuitable, match="schema 1, which engines no longer pull"):
        run(registry, home)


def test_a_base_for_another_system_is_refused(registry, home):
    put_image(registry, BASE, "latest", os="windows")
    with pytest.raises(Unsuitable, match="is for windows, OpenWhisk runs Linux containers"):
        run(registry, home)


def test_a_config_without_a_root_file_system_is_refused(registry, home):
    put_image(registry, BASE, "latest", rootfs=None)
    with pytest.raises(Unsuitable) as refusal:
        run(registry, home)
    told = "the config.rootfs should be dict and is NoneType: not an image's?"
    assert str(refusal.value) == told


def test_a_manifest_and_a_config_that_disagree_are_refused(registry, home):
    put_image(registry, BASE, "latest", rootfs={"type": "layers", "diff_ids": []})
    with pytest.raises(Unsuitable, match="has 2 layers, its config 0: no engine runs that"):
        run(registry, home)


def test_an_index_of_attestations_alone_is_refused(registry, home):
    sample = put_image(registry, BASE, "amd64", "oci")
    put_index(registry, BASE, "latest", "oci", {"amd64": sample}, attested=1)
    index = registry.json_manifest(BASE, "latest")
    index["manifests"] = index["manifests"][1:]
    registry.add_manifest(BASE, "latest", FAMILIES["oci"]["index"], index)
    with pytest.raises(Unsuitable, match="has attestations only: an image was asked for"):
        run(registry, home)


def test_a_digest_that_is_a_way_to_another_place_is_refused(registry, home):
    sample = put_image(registry, BASE, "latest")
    layers = [dict(sample.layers[0], digest="../../../token?x="), sample.layers[1]]
    manifest = dict(sample.manifest, layers=layers)
    registry.add_manifest(BASE, "latest", FAMILIES["docker"]["manifest"], manifest)
    with pytest.raises(Unsuitable, match=r"layers\[0\].digest should be a digest"):
        run(registry, home)


@pytest.mark.parametrize("command", ["python app.py", "gunicorn app:app"])
def test_layers_that_this_python_cannot_unpack_are_mounted_as_they_are(registry, home, command):
    """zstd: what is in them isn't known, nor needed where the config tells."""
    sample = put_image(registry, BASE, "latest", "oci", settings={"Cmd": command.split()})
    zstd = registry.add_blob(BASE, b"\x28\xb5\x2f\xfd" + b"x" * 100)
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd", **zstd}
    manifest = dict(sample.manifest, layers=[layer, sample.layers[1]])
    registry.add_manifest(BASE, "latest", FAMILIES["oci"]["manifest"], manifest)
    plan, pushed = run(registry, home)
    assert (pushed.mounted, pushed.copied) == (2, 0)
    assert registry.json_manifest(TARGET, "1.0.0")["layers"][0] == layer
    assert bool(plan.remarks) == (command != "python app.py")


def test_an_artifact_that_is_no_image_is_refused(registry, home):
    sample = put_image(registry, BASE, "latest", "oci")
    config = dict(sample.manifest["config"], mediaType="application/vnd.oci.empty.v1+json")
    registry.add_manifest(
        BASE, "latest", FAMILIES["oci"]["manifest"], dict(sample.manifest, config=config)
    )
    with pytest.raises(Unsuitable, match="isn't a container image's manifest"):
        run(registry, home)


def test_a_platform_that_is_not_there_is_refused_with_those_that_are(registry, home):
    put_index(registry, BASE, "latest", "oci", {"amd64": put_image(registry, BASE, "amd64", "oci")})
    with pytest.raises(Unsuitable, match="has linux/amd64: linux/s390x was asked for"):
        run(registry, home, platform="linux/s390x")


@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
def test_content_that_does_not_have_its_digest_is_refused(registry, other_registry, home, what):
    sample = put_image(registry, BASE, "latest")
    wrong = {
        "manifest": sample.descriptor,
        "config": sample.manifest["config"],
        "layer": sample.layers[1],
    }[what]
    registry.corrupt.add(wrong["digest"])
    with pytest.raises(RegistryError, match=wrong["digest"]):
        run(registry, home, other_registry)
    assert other_registry.manifests == {} and other_registry.uploads == {}
    assert (TARGET, wrong["digest"]) not in other_registry.blobs


def test_a_missing_base_is_told_by_name_and_likely_cause(registry, home):
    done = program(home, f"{registry.address}/{BASE}", f"{registry.address}/{TARGET}:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"layer.py: GET http://{registry.address}/v2/{BASE}/manifests/latest: 404"
        f" MANIFEST_UNKNOWN: manifest unknown; "
        "is the name right? latest is asked for where no tag is given. "
        "A private image's existence is hidden from those who may not read it\n"
    )


def test_latest_is_not_spoken_of_where_a_tag_was_given(registry, home):
    done = program(home, f"{registry.address}/{BASE}:2", f"{registry.address}/{TARGET}:1")
    assert "is the name right? A private image's" in done.stderr


# -- ways into the target repository -------------------------------------


def test_in_the_same_repository_base_layers_are_only_named(registry, home):
    put_image(registry, BASE, "latest")
    _, pushed = run(registry, home, target=BASE + ":action")
    assert (pushed.mounted, pushed.copied) == (0, 0)
    assert not [line for line in registry.log if "mount=" in line]
    assert whole(registry, BASE, "action")


@pytest.mark.parametrize("status", [202, 401, 403, 404, 405])
def test_layers_that_a_registry_does_not_mount_are_copied(registry, home, status):
    registry.mount_status = status
    put_image(registry, BASE, "latest")
    _, pushed = run(registry, home)
    assert (pushed.mounted, pushed.copied) == (0, 2)
    assert whole(registry)
    assert registry.uploads == {}


@pytest.mark.parametrize("kind", ["absolute", "absolute path", "relative path"])
@pytest.mark.parametrize("query", [False, True], ids=["plain", "with a query"])
def test_upload_locations_are_taken_as_they_come(registry, other_registry, home, kind, query):
    other_registry.locations, other_registry.locations_with_query = kind, query
    put_image(registry, BASE, "latest")
    _, pushed = run(registry, home, other_registry)
    assert pushed.copied == 2
    assert whole(other_registry)


def test_blobs_behind_a_redirect_are_fetched_without_the_token(registry, other_registry, home):
    registry.token_server = "all"
    registry.cdn = other_registry.address  # fails its request when it sees a token
    put_image(registry, BASE, "latest")
    other_registry.blobs.update(registry.blobs)
    registry.mount_status = 202
    run(registry, home)
    assert len(other_registry.asked("GET")) == 3
    assert whole(registry)


def test_copying_goes_on_where_a_download_broke(registry, other_registry, home):
    sample = put_image(registry, BASE, "latest", files={"weights": bytes(range(256)) * 4000})
    with planned(order_for(registry, other_registry), home) as ready:
        registry.break_downloads_after = 100
        made_in_registry(ready, quiet)
    assert whole(other_registry)
    gets = [
        line
        for line in registry.asked("GET")
        if "/blobs/" in line and sample.layers[0]["digest"] in line
    ]
    assert len(gets) == 2


@pytest.mark.parametrize("after", ["goes on", "forgets", "refuses the rest"])
def test_copying_survives_a_broken_upload(registry, other_registry, home, after):
    put_image(registry, BASE, "latest")
    other_registry.break_uploads_after = 50
    other_registry.forgets_uploads, other_registry.refuses_the_rest = (
        after == "forgets",
        after == "refuses the rest",
    )
    counted = []
    plan, _ = made(order_for(registry, other_registry), home, counted.append)
    assert whole(other_registry)
    assert sum(counted) == plan.base_size
    assert len(other_registry.asked("POST")) == 6 + (after != "goes on")


def test_a_push_that_fails_leaves_no_tag_and_the_next_one_sends_only_the_rest(
    registry, other_registry, home
):
    put_image(registry, BASE, "latest")
    other_registry.refuses_tags = True
    with pytest.raises(RegistryError, match="503"):
        run(registry, home, other_registry)
    assert not [tag for _, tag in other_registry.manifests if not tag.startswith("sha256:")]
    other_registry.refuses_tags = False
    _, pushed = run(registry, home, other_registry)
    assert pushed.copied == 0
    assert whole(other_registry)


def test_a_second_run_sends_nothing_and_has_the_same_digest(registry, home):
    samples = {
        name: put_image(registry, BASE, name, "oci", architecture=name)
        for name in ("amd64", "arm64")
    }
    put_index(registry, BASE, "latest", "oci", samples)
    _, first = run(registry, home)
    del registry.log[:]
    _, second = run(registry, home)
    assert second == first._replace(mounted=0, sent=second.sent, attached=0)
    assert {line.split(" ")[0] for line in registry.log} == {"GET", "HEAD"}
    assert second.sent < 3000


# -- tokens --------------------------------------------------------------


def login(home, registry, user="me:secret"):
    folder = os.path.join(home["HOME"], ".docker")
    os.makedirs(folder, exist_ok=True)
    entry = {"auth": base64.b64encode(user.encode()).decode()}
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"auths": {registry.address: entry}}, file)


TOKEN_SERVERS = {"all": (2, 0), "first scope only": (0, 2), "refuses sources": (0, 2)}


@pytest.mark.parametrize("behaviour, moved", TOKEN_SERVERS.items(), ids=TOKEN_SERVERS)
def test_token_servers_grant_what_they_like_and_the_image_gets_there(
    registry, home, behaviour, moved
):
    registry.token_server, registry.users = behaviour, {"me:secret": 1}
    put_image(registry, BASE, "latest")
    login(home, registry)
    _, pushed = run(registry, home)
    assert (pushed.mounted, pushed.copied) == moved
    assert whole(registry)


def test_the_target_is_the_first_scope_that_is_asked_for(registry, home):
    registry.token_server, registry.users = "all", {"me:secret": 1}
    put_image(registry, BASE, "latest")
    login(home, registry)
    run(registry, home)
    asked = [
        parse_qs(urlsplit(line).query)["scope"]
        for line in registry.asked("GET")
        if " /token" in line
    ]
    assert [f"repository:{TARGET}:pull,push", f"repository:{BASE}:pull"] in asked


def test_a_public_base_in_another_registry_is_read_without_credentials(
    registry, other_registry, home
):
    registry.token_server, registry.public, registry.users = "all", {BASE}, {"somebody:else": 1}
    other_registry.token_server, other_registry.users = "all", {"me:secret": 1}
    put_image(registry, BASE, "latest")
    login(home, other_registry)
    _, pushed = run(registry, home, other_registry)
    assert pushed.copied == 2
    assert whole(other_registry)


def test_credentials_in_the_environment_go_to_the_target_alone(registry, other_registry, home):
    registry.token_server, registry.public, registry.users = "all", {BASE}, {":": 1}
    other_registry.token_server, other_registry.users = "all", {"me:secret": 1}
    put_image(registry, BASE, "latest")
    run(registry, dict(home, REGISTRY_USERNAME="me", REGISTRY_PASSWORD="secret"), other_registry)
    assert whole(other_registry)


def test_without_the_right_to_push_the_refusal_says_where_to_log_in(registry, home):
    registry.token_server, registry.public, registry.users = "all", {BASE}, {"me:secret": 1}
    put_image(registry, BASE, "latest")
    done = program(home, f"{registry.address}/{BASE}", f"{registry.address}/{TARGET}:1")
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"(without credentials); `docker login {registry.address}` with an account that may do"
        f" this\n"
    )


def test_variables_that_are_refused_are_named_and_the_password_is_not(registry, home):
    registry.token_server, registry.users = "all", {"me:right": 1}
    wrong = dict(home, REGISTRY_USERNAME="me", REGISTRY_PASSWORD="secret")
    done = program(wrong, f"{registry.address}/{BASE}", f"{registry.address}/{TARGET}:1")
    assert (done.returncode, "secret" in done.stderr) == (1, False)
    assert done.stderr.endswith(
        "(as me); REGISTRY_USERNAME and REGISTRY_PASSWORD are wrong or not enough for this; they"
        " go before what `docker login` has left\n"
    )


def test_a_helper_that_is_not_installed_is_missed_where_a_login_is_needed_alone(registry, home):
    folder = os.path.join(home["HOME"], ".docker")
    os.makedirs(folder)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"credsStore": "desktop"}, file)
    put_image(registry, BASE, "latest")
    words = (f"{registry.address}/{BASE}", f"{registry.address}/{TARGET}:1")
    assert program(home, *words).returncode == 0
    registry.token_server, registry.users = "all", {"me:right": 1}
    done = program(home, *words)
    assert (done.returncode, done.stderr.partition(" (")[2]) == (
        1,
        "without credentials: docker-credential-desktop, which docker's config.json names, is not"
        " installed); install it, or take it out of there and"
        f" `docker login {registry.address}` with an account that may do this\n",
    )


def test_a_registry_that_takes_nothing_is_told_as_likely(registry, home):
    put_image(registry, BASE, "latest")
    registry.read_only = True
    with pytest.raises(RegistryError) as refusal:
        run(registry, home)
    address = f"http://{registry.address}/v2/{TARGET}/blobs/uploads/"
    cause = "can this registry be written to, or is it for reading only?"
    assert str(refusal.value) == f"POST {address}: 405 Method Not Allowed; {cause}"


# -- the command ---------------------------------------------------------


def test_a_dry_run_prints_the_plan_in_bytes_and_sends_nothing(registry, home):
    put_image(registry, BASE, "latest")
    done = program(
        home, f"{registry.address}/{BASE}", f"{registry.address}/{TARGET}:1", "--dry-run"
    )
    assert {line.split(" ")[0] for line in registry.log} == {"GET"}
    plan, pushed = run(registry, home, target=TARGET + ":1")
    sizes = [blob.descriptor.size for blob in plan.blobs] + [
        len(one.data) for one in plan.manifests
    ]
    lines = done.stdout.splitlines()
    assert lines[0] == f"{registry.address}/{TARGET}:1@{pushed.digest}"
    assert lines[2] == "  2 layers of the base: mounted where missing, no bytes"
    assert [int(line.split()[0].replace(",", "")) for line in lines[3:]] == sizes + [sum(sizes)]
    assert lines[-1].endswith(" bytes of our own to send, at most")
    assert done.stderr == ""


def test_the_outcome_is_one_line_or_json(registry, home):
    put_image(registry, BASE, "latest")
    words = (f"{registry.address}/{BASE}", f"{registry.address}/{TARGET}:1")
    outcome = json.loads(program(home, *words, "--json").stdout)
    assert outcome == {
        "image": words[1],
        "digest": digest_of(registry.manifests[TARGET, "1"][1]),
        "mounted": 2,
        "copied": 0,
        "sent": outcome["sent"],
        "attached": 1,
        "remarks": [],
    }
    line = program(home, *words).stdout
    assert line.startswith(
        f"{registry.address}/{TARGET}@{outcome['digest']}  0 layers mounted, 0 copied, "
    )


def test_the_tag_latest_is_refused_with_the_reason(home):
    done = program(home, "me/base", "me/action")
    assert done.returncode == 2
    assert (
        "tagged latest, which OpenWhisk pulls again for every container: name a version"
        in done.stderr
    )

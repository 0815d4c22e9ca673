"""layer.py and registries that answer anything or hang up: an image, or a refusal in words and
nothing half done."""

import copy
import json
import random
import socket
import threading
from contextlib import closing, contextmanager

import pytest
from hypothesis import Phase, given
from hypothesis import strategies as st

from images.commands import action
from images.registry import transport
from images.words import RegistryError, Unsuitable
from testing.registry import Odd, digest_of
from tests.images.samples import FAMILIES, config_of, put_image, put_index
from tests.stress.scale import tried

BASE, TARGET = "codait/max-ocr", "me/max-ocr"
CLEAR = (RegistryError, Unsuitable, ValueError)  # what layer.py tells in one line
HOME = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}
JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["sha256:", "sha256:" + "0" * 64, "x" * 70])
)
JUNK |= st.lists(st.none() | st.text(max_size=3), max_size=2) | st.dictionaries(
    st.text(max_size=3), st.none(), max_size=2
)


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    """The same second tries without the pauses between them."""
    monkeypatch.setattr(transport, "PAUSE", 0)


def run(source, target):
    words = [f"{source.address}/{BASE}:latest", f"{target.address}/{TARGET}:1.0.0", "--json"]
    # Of another registry's image a Python would be made where the base has lost its own.
    action.main([*words, "--python-image", f"{source.address}/none"], HOME)


def whole(registry):
    """Whatever the tag leads to is there."""
    manifest = registry.json_manifest(TARGET, "1.0.0")
    assert all(
        (TARGET, blob["digest"]) in registry.blobs
        for blob in [manifest["config"], *manifest["layers"]]
    )
    return config_of(registry, TARGET, manifest)


class Cut(list):
    """A log that cuts the connection of one call, the last of `calls` that it lets through but
    one."""

    cut_at = -1

    def append(self, line):
        super().append(line)
        if len(self) - 1 == self.cut_at:
            raise ConnectionAbortedError


@contextmanager
def registries(cut=None, at=-1):
    """Two, as copying is what takes the most calls; one of them hangs up once."""
    source, target = Odd(), Odd()
    put_image(source, BASE, "latest")
    for name, odd in (("source", source), ("target", target)):
        odd.log = Cut()
        odd.log.cut_at = at if name == cut else -1
    with source.served(), target.served():
        yield source, target


def calls_of(which):
    with registries() as (source, target):
        run(source, target)
        return len({"source": source, "target": target}[which].log)


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_registry_that_hangs_up_at_any_call_costs_a_second_run_at_most(which, capsys):
    outcomes = set()
    for at in range(calls_of(which)):
        with registries(which, at) as (source, target):
            try:
                run(source, target)
                outcomes.add("done")
            except RegistryError as error:
                outcomes.add("told")
                asked = target.log if which == "target" else source.log
                path = asked[at].split(" ")[1].partition("?")[0]
                assert path in str(error), (at, error)
                assert (TARGET, "1.0.0") not in target.manifests or asked[at].endswith(
                    "/manifests/1.0.0"
                )
                run(source, target)
            assert whole(target)["config"]["Entrypoint"]
            assert target.uploads == {} or which == "target", (at, target.log)
    assert "done" in outcomes


def somewhere(value, junk, chance):
    """The same value, but for one place in it."""
    value = copy.deepcopy(value)
    holder, places = value, list(value)
    while True:
        place = chance.choice(places)
        inner = holder[place]
        places = (
            list(inner)
            if isinstance(inner, dict)
            else list(range(len(inner)))
            if isinstance(inner, list)
            else []
        )
        if not places or chance.random() < 0.4:
            if chance.random() < 0.3 and isinstance(holder, dict):
                del holder[place]
            else:
                holder[place] = junk
            return value
        holder = inner


@tried(150, [Phase.generate])
@given(
    st.sampled_from(["manifest", "config", "index"]),
    st.sampled_from(sorted(FAMILIES)),
    JUNK,
    st.integers(),
)
def test_a_base_that_is_wrong_anywhere_is_refused_or_made_an_action(which, family, junk, seed):
    chance, odd = random.Random(seed), Odd()
    sample = put_image(odd, BASE, "latest", family)
    types = FAMILIES[family]
    if which == "config":
        config = odd.add_blob(BASE, json.dumps(somewhere(sample.config, junk, chance)).encode())
        manifest = dict(sample.manifest, config=dict(mediaType=types["config"], **config))
        odd.add_manifest(BASE, "latest", types["manifest"], manifest)
    elif which == "manifest":
        odd.add_manifest(
            BASE, "latest", types["manifest"], somewhere(sample.manifest, junk, chance)
        )
    else:
        put_index(odd, BASE, "latest", family, {"amd64": sample}, attested=1)
        index = somewhere(odd.json_manifest(BASE, "latest"), junk, chance)
        odd.add_manifest(BASE, "latest", types["index"], index)
    with odd.served():
        try:
            run(odd, odd)
        except CLEAR as error:
            assert str(error)


STATUSES = st.sampled_from(
    [200, 200, 201, 202, 204, 206, 301, 303, 307, 400, 401, 403, 404, 416, 418, 500, 999]
)
HEADER_LINES = st.sampled_from(
    [
        "Location: /v2/x",
        "Location: http://127.0.0.1:1/v2/",
        "Location: ftp://a/",
        "Location: //[",
        "Location: file:///etc/passwd",
        "Location:",
        "Docker-Content-Digest: sha256:0",
        "Content-Type: application/vnd.docker.distribution.manifest.v2+json",
        "Content-Type: application/vnd.oci.image.index.v1+json",
        "Content-Encoding: gzip",
        "Content-Length: 100000",
        "Content-Length: x",
        "Transfer-Encoding: chunked",
        "Range: 0-x",
        'WWW-Authenticate: Bearer realm="http://127.0.0.1:1/token"',
        'WWW-Authenticate: Bearer realm="http://["',
        'WWW-Authenticate: Bearer realm=""',
        "WWW-Authenticate: Basic",
        "nonsense",
    ]
)
ANSWER_BODIES = st.sampled_from(
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"1",
        b'{"errors": 1}',
        b'{"errors": [1]}',
        b'{"token": 1}',
        b"[" * 9999,
    ]
)
ANSWER_BODIES |= st.binary(max_size=20) | JUNK.map(
    lambda value: json.dumps({"manifests": value, "layers": value}).encode()
)


def bytes_of(answer):
    status, lines, body, closes = answer
    length = (
        []
        if any(line.startswith(("Content-Length", "Transfer")) for line in lines)
        else [f"Content-Length: {len(body)}"]
    )
    return "\r\n".join([f"HTTP/1.1 {status} x", *lines, *length, "", ""]).encode() + (
        body[:-1] if closes else body
    )


ANSWERS = st.tuples(
    STATUSES, st.lists(HEADER_LINES, max_size=3, unique=True), ANSWER_BODIES, st.booleans()
).map(bytes_of)


@contextmanager
def answering(answers):
    """Each connection gets the next of these answers, whatever it asks, and the last one for
    ever."""
    listener, waiting = socket.create_server(("127.0.0.1", 0)), list(answers)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with closing(connection):
                connection.settimeout(5)
                try:
                    connection.recv(1 << 16)
                    connection.sendall(waiting.pop(0) if len(waiting) > 1 else waiting[0])
                except OSError:
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield "127.0.0.1:%d" % listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@tried(100, [Phase.generate])
@given(st.lists(ANSWERS | st.binary(max_size=30), min_size=1, max_size=4))
def test_whatever_a_registry_answers_is_told_in_words(answers):
    with answering(answers) as address:
        try:
            action.main([f"{address}/{BASE}:latest", f"{address}/{TARGET}:1.0.0"], HOME)
        except CLEAR as error:
            assert str(error)


def test_a_manifest_that_is_no_text_is_told():
    odd = Odd()
    odd.add_manifest(BASE, "latest", FAMILIES["oci"]["manifest"], b"\xff" * 10)
    with odd.served(), pytest.raises(CLEAR, match="isn't JSON"):
        run(odd, odd)
    assert digest_of(b"\xff" * 10)

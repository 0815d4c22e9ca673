"""Whose credentials are taken for a registry, from the files and programs that `docker login`
leaves.
"""

import base64
import json
import os
import stat

import pytest

from images.image.reference import reference_from_name
from images.registry import credentials
from images.registry.credentials import Credentials, credentials_for, credentials_from_environ

HUB = "https://index.docker.io/v1/"
HELPER = """#!/usr/bin/env python3
import json, sys
secrets = {}
key = sys.stdin.read()
if sys.argv[1:] != ["get"] or key not in secrets:
    print("credentials not found in native keychain")
    sys.exit(1)
print(json.dumps(secrets[key]))
"""


@pytest.fixture
def login(tmp_path):
    """Environment variables of a home where docker's configuration is this."""

    def write(config, **secrets):
        (tmp_path / ".docker").mkdir()
        (tmp_path / ".docker" / "config.json").write_text(
            config if isinstance(config, str) else json.dumps(config)
        )
        for name, known in secrets.items():
            helper = tmp_path / f"docker-credential-{name}"
            helper.write_text(HELPER.replace("secrets = {}", f"secrets = {known!r}"))
            helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
        return {"HOME": str(tmp_path), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}

    return write


def auth(text):
    return {"auth": base64.b64encode(text.encode()).decode()}


AUTHS = {
    "a registry": ("quay.io", {"quay.io": auth("me:pass:word")}, Credentials("me", "pass:word")),
    "an address": ("quay.io", {"https://quay.io": auth("me:pass")}, Credentials("me", "pass")),
    "Docker Hub": ("docker.io", {HUB: auth("me:pass")}, Credentials("me", "pass")),
    "an identity token": (
        "quay.io",
        {"quay.io": {"identitytoken": "t"}},
        Credentials(identity_token="t"),
    ),
    "another registry": ("quay.io", {"ghcr.io": auth("me:pass")}, None),
    "an empty entry": ("quay.io", {"quay.io": {}}, None),
}


@pytest.mark.parametrize("registry, auths, expected", AUTHS.values(), ids=AUTHS)
def test_auths_by_registry(login, registry, auths, expected):
    assert credentials_for(registry, login({"auths": auths})) == expected


def test_a_helper_of_the_registry_goes_before_the_store_of_all(login):
    known = {"quay.io": {"Username": "one", "Secret": "1"}}
    others = {
        "quay.io": {"Username": "two", "Secret": "2"},
        HUB: {"Username": "<token>", "Secret": "t"},
    }
    home = login(
        {"credHelpers": {"quay.io": "own"}, "credsStore": "all", "auths": {HUB: {}}},
        own=known,
        all=others,
    )
    assert credentials_for("quay.io", home) == Credentials("one", "1")
    assert credentials_for("docker.io", home) == Credentials(identity_token="t")
    assert credentials_for("ghcr.io", home) is None


def test_where_a_helper_is_not_installed_it_is_asked_anonymously_or_as_the_file_says(login):
    auths = {"quay.io": auth("me:pass")}
    home = login({"credsStore": "desktop", "auths": auths})
    assert credentials_for("quay.io", home) == Credentials("me", "pass")
    assert credentials_for("ghcr.io", home) == Credentials(lacking="docker-credential-desktop")


HELPERS = {
    "no program": ("data", "Exec format error"),
    "no JSON": ("#!/bin/sh\necho secret\n", "its answer isn't JSON"),
}


@pytest.mark.parametrize("script, reason", HELPERS.values(), ids=HELPERS)
def test_a_helper_that_does_not_work_is_told_by_name(login, tmp_path, script, reason):
    home = login({"credsStore": "broken"})
    helper = tmp_path / "docker-credential-broken"
    helper.write_text(script)
    helper.chmod(0o755)
    with pytest.raises(ValueError) as refusal:
        credentials_for("quay.io", home)
    asked = "which `docker login` has set up, can't be asked for quay.io"
    assert str(refusal.value) == f"docker-credential-broken, {asked}: {reason}"


BROKEN = {"no JSON": "{", "no base64": json.dumps({"auths": {"quay.io": {"auth": "é"}}})}


@pytest.mark.parametrize("config", BROKEN.values(), ids=BROKEN)
def test_a_broken_configuration_is_told_and_shows_no_secret(login, config):
    with pytest.raises(ValueError, match="docker login"):
        credentials_for("quay.io", login(config))


def test_nobody_is_logged_in_where_there_is_no_file(tmp_path):
    assert credentials_for("quay.io", {"HOME": str(tmp_path)}) is None


HALVES = {"REGISTRY_USERNAME": "REGISTRY_PASSWORD", "REGISTRY_PASSWORD": "REGISTRY_USERNAME"}


@pytest.mark.parametrize("there, missing", HALVES.items(), ids=HALVES)
def test_of_the_two_variables_one_alone_is_refused(there, missing):
    with pytest.raises(ValueError, match=f"{there} is set and {missing} isn't: set both") as told:
        credentials_from_environ({there: "secret", missing: ""})
    assert "secret" not in str(told.value)


def test_the_two_variables_are_credentials():
    found = credentials_from_environ({"REGISTRY_USERNAME": "me", "REGISTRY_PASSWORD": "p"})
    assert found == Credentials("me", "p", from_variables=True)
    assert credentials_from_environ({}) is None


def test_a_password_is_not_in_what_is_printed():
    assert "secret" not in repr(Credentials("me", "secret", "secret"))


NAMES = {
    "python": "docker.io/library/python:latest",
    "me/max-ocr:1.0.0": "docker.io/me/max-ocr:1.0.0",
    "quay.io/codait/max-ocr": "quay.io/codait/max-ocr:latest",
    "localhost/a": "localhost/a:latest",
    "localhost:5000/a/b:x": "localhost:5000/a/b:x",
    "index.docker.io/me/a": "docker.io/me/a:latest",
    "quay.io/a/b:1@sha256:" + "a" * 64: "quay.io/a/b@sha256:" + "a" * 64,
}


@pytest.mark.parametrize("name, expected", NAMES.items(), ids=NAMES)
def test_names_are_read_as_docker_reads_them(name, expected):
    assert str(reference_from_name(name)) == expected


NO_NAMES = {
    "": "",
    "Me/Ocr": ": it has a capital M",
    "me/Flask:1": ": it has a capital F",
    "a//b": ": it has // in it",
    "a/b:": ": its tag is empty",
    "a/b:-x": "",
    "a/b@sha256:12": "",
    "a/b c": ": it has a space in it",
    "../a": "",
    "https://quay.io/a/b": ": leave out https://",
    "localhost:5000/a/": ": it ends with /",
}


@pytest.mark.parametrize("name, cause", NO_NAMES.items(), ids=NO_NAMES)
def test_what_is_no_name_is_refused_with_the_likely_cause(name, cause):
    with pytest.raises(ValueError) as refusal:
        reference_from_name(name)
    expected = "one like quay.io/codait/max-ocr:1.0.0 was expected"
    assert str(refusal.value) == f"{name!r} isn't an image's name, {expected}{cause}"


def test_what_root_has_closed_is_nobody_elses_login(tmp_path, monkeypatch):
    monkeypatch.setattr(credentials, "PODMANS", tmp_path / "run")
    monkeypatch.setattr(credentials.os, "access", lambda path, mode: False)
    assert credentials_for("quay.io", {"HOME": str(tmp_path)}) is None
    assert str(tmp_path / "run") not in str(list(credentials.config_files({})))


def test_a_login_without_a_session_is_found_where_podman_leaves_it(tmp_path, monkeypatch):
    monkeypatch.setattr(credentials, "PODMANS", tmp_path / "run")
    folder = tmp_path / "run" / str(os.getuid())
    folder.mkdir(parents=True)
    (folder / "auth.json").write_text(json.dumps({"auths": {"quay.io": auth("me:pass")}}))
    home = {"HOME": str(tmp_path)}
    assert credentials_for("quay.io", home) == Credentials("me", "pass")
    in_a_session = dict(home, XDG_RUNTIME_DIR=str(tmp_path / "session"))
    assert credentials_for("quay.io", in_a_session) is None

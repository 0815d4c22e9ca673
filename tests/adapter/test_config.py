"""A server's own configuration, put in a copy that makes it listen to its variables."""

import os
import tempfile

import pytest

from openwhisk_adapter.starting.config import variables_for_config
from openwhisk_adapter.starting.wanted import TORCHSERVE

COMMAND = ["torchserve", "--start", "--ts-config", "config.properties"]
OWN = "inference_address=http://0.0.0.0:8080\nmodel_store=/models"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def copied(command, environ):
    names = variables_for_config(TORCHSERVE.config, command, environ)
    assert list(names) == ["TS_CONFIG_FILE"]
    with open(names["TS_CONFIG_FILE"]) as file:
        return file.read()


@pytest.mark.parametrize(
    "command, environ, place",
    [
        (COMMAND, {}, "config.properties"),
        (["sh", "-c", " ".join(COMMAND)], {}, "config.properties"),
        (COMMAND, {"TS_CONFIG_FILE": "other"}, "other"),
        (["torchserve", "--start"], {}, "config.properties"),
    ],
    ids=["its option", "in a shell", "its variable", "where it looks by itself"],
)
def test_the_copy_is_of_the_file_that_the_server_would_take(folder, command, environ, place):
    (folder / place).write_text(OWN)
    assert copied(command, environ) == OWN + "\nenable_envvars_config=true\n"


def test_a_server_without_a_file_gets_one():
    assert copied(["torchserve", "--start"], {}) == "\nenable_envvars_config=true\n"


def test_a_file_that_is_no_text_is_not_copied(folder):
    (folder / "config.properties").write_bytes(b"\xff\xfe")
    assert copied(COMMAND, {}) == "\nenable_envvars_config=true\n"


def test_where_nothing_can_be_written_the_server_has_its_own_file(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", os.devnull)
    assert variables_for_config(TORCHSERVE.config, COMMAND, {}) == {}

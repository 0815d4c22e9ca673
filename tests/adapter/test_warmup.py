"""The first request may be ours: what a model loads lazily is there before a client asks."""

import json
import os
import time

import pytest

from tests.adapter.conftest import COMMANDS


def warmed(start, backend, setting, **files):
    adapter = start("model", *COMMANDS[backend], OPENWHISK_WARMUP=setting)
    for name, text in files.items():
        with open(os.path.join(adapter.folder, name.replace("_", ".")), "w") as file:
            file.write(text)
    reply = adapter.init()
    assert reply.status == 200, (reply, adapter.log)
    return adapter


def test_the_model_is_asked_once_within_init(start, backend):
    adapter = warmed(start, backend, "GET /speak?warm")
    assert "to stdout warm" in adapter.stdout
    assert "warmed up: GET /speak?warm 200" in adapter.stdout
    adapter.web("GET", "/p")
    assert adapter.stdout.count("warmed up") == 1


def test_a_file_is_the_body_under_the_type_that_its_name_tells(start, backend):
    adapter = warmed(start, backend, "POST /echo sample.json", sample_json='{"a": 1}')
    assert "echo application/json 8" in adapter.stdout


def test_a_file_can_be_a_field_of_a_form(start, backend):
    adapter = warmed(start, backend, "POST /echo image=@dog.png", dog_png="png")
    assert "echo multipart/form-data; boundary=" in adapter.stdout


@pytest.mark.parametrize(
    "setting, said",
    [
        ("POST /echo nowhere.json", "the file can't be read: No such file or directory"),
        ("GET /fail", "GET /fail"),
    ],
    ids=["no file", "a failure"],
)
def test_a_warm_up_that_fails_is_told_and_nothing_else(start, backend, setting, said):
    adapter = warmed(start, backend, setting)
    assert said in adapter.stdout
    assert json.loads(adapter.web("GET", "/p").body.decode("utf-8"))["path"] == "/p"


def test_a_warm_up_that_takes_too_long_holds_nobody_up(start, backend):
    adapter = start("model", *COMMANDS[backend], OPENWHISK_WARMUP="GET /slow?30")
    deadline = time.time() + 5
    assert adapter.init({"__OW_DEADLINE": str(int(deadline * 1000))}).status == 200
    assert time.time() < deadline
    if backend != "asgi":  # whose handler keeps its loop to itself
        assert adapter.web("GET", "/p").status == 200


def test_a_setting_that_is_no_request_is_refused(start):
    adapter = start("model", *COMMANDS["http"])
    reply = adapter.init({"OPENWHISK_WARMUP": "predict"})
    assert reply.status == 502 and "OPENWHISK_WARMUP" in reply.json["error"]

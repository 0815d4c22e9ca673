"""An engine's command, and containers that are tried, which may be anybody's: a script plays both."""

import io
import json
import os
import tarfile
import time

import pytest

from images.engine import trial
from images.engine.engine import LINES, LONGEST_LINE, Engine
from images.engine.local import documents_from_engine
from images.engine.trial import Trials
from tests.images.samples import quiet

HALF = 0.5  # seconds


@pytest.fixture
def docker(tmp_path):
    """An engine whose command is a script of the test's."""

    def made(script):
        (tmp_path / "docker").write_text("#!/bin/sh\n" + script)
        (tmp_path / "docker").chmod(0o755)
        return Engine("docker", {"PATH": f"{tmp_path}:{os.environ['PATH']}"})

    return made


ENDLESS = {
    "silence": "trap '' TERM; sleep 600",
    "lines": "yes",
    "a line": "tr '\\0' x </dev/zero",
}


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS)
def test_what_does_not_end_is_ended_and_its_last_words_are_kept(docker, script):
    began = time.monotonic()
    done = docker(script).run(["exec"], seconds=HALF)
    assert time.monotonic() - began < 10
    assert done.status < 0
    assert done.output.splitlines()[-1] == "it didn't end within 0.5 s"
    assert len(done.output) <= LINES * (LONGEST_LINE + 1)


def test_what_ends_in_time_is_not_spoken_of(docker):
    done = docker("seq 5000; exit 3").run(["exec"], seconds=60)
    assert done.status == 3
    assert done.output.splitlines() == [str(number) for number in range(4001, 5001)]


def test_a_base_whose_python_does_not_answer_is_not_waited_for(docker, monkeypatch):
    monkeypatch.setattr(trial, "CHECK_SECONDS", HALF)
    engine = docker("[ $1 = rm ] || exec sleep 600")
    said = Trials(engine).check_base("me/hostile", ["python"], "", quiet)
    assert said.not_checked == "it didn't end within 0.5 s"


def test_a_base_is_asked_within_limits(docker, tmp_path):
    engine = docker(f'[ $1 = rm ] || echo "$@" >{tmp_path}/words')
    Trials(engine).check_base("me/hostile", ["python"], "", quiet)
    words = (tmp_path / "words").read_text()
    assert "--memory 512m" in words and "--pids-limit 1024" in words
    assert "--network none" in words


def test_a_warning_of_the_engine_is_no_part_of_an_image(docker, tmp_path):
    with tarfile.open(tmp_path / "saved.tar", "w") as tar:
        data = json.dumps([]).encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    engine = docker(f"echo 'WARNING: something' >&2; cat {tmp_path}/saved.tar")
    assert documents_from_engine(engine, "me/small:1") == {"manifest.json": b"[]"}

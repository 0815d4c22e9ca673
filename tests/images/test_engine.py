"""An engine's command, and containers that are tried, which may be anybody's: a script is both."""

import io
import json
import os
import subprocess
import tarfile
import threading
import time

import pytest

from images.action.content import Held
from images.commands.making import workshop
from images.commands.own import files_of_engine
from images.engine import trial
from images.engine.archive import Local
from images.engine.engine import LINES, LONGEST_LINE, Engine
from images.engine.local import documents_from_engine
from images.engine.trial import Trials
from images.interpreter import NoInterpreter
from testing.process import until
from tests.images.samples import ROOT, quiet

HALF = 0.5  # seconds


@pytest.fixture
def docker(tmp_path):
    """An engine whose command is a script of the test's."""

    def made(script, name="docker"):
        (tmp_path / name).write_text("#!/bin/sh\n" + script)
        (tmp_path / name).chmod(0o755)
        return Engine(name, {"PATH": f"{tmp_path}:{os.environ['PATH']}"})

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


def test_a_container_that_is_only_read_is_removed_too(docker, tmp_path):
    log = tmp_path / "log"
    engine = docker(f'echo "$@" >>{log}; [ $1 != export ] || exec sleep 600')
    reading = threading.Thread(target=read_and_fail, args=(engine,))
    reading.start()
    until(lambda: log.exists() and "export" in log.read_text(), "its files being read")
    name = log.read_text().split()[2]
    engine.end_all()
    reading.join(30)
    assert log.read_text().splitlines()[:2] == [
        f"create --name {name} me/python:3 /bin/true",
        f"export {name}",
    ]
    assert f"rm --force {name}" in log.read_text()


def read_and_fail(engine):
    with pytest.raises(NoInterpreter), files_of_engine(engine, "me/python:3"):
        pass


def test_an_image_for_podman_is_written_where_all_is_removed_in_the_end(docker, tmp_path):
    engine = docker(f"pwd >>{tmp_path}/log", "podman")
    with workshop({"HOME": str(tmp_path)}, engine=engine) as shop:
        engine.load(Local("me/a:1", Held(b"{}"), [], []), quiet)
        assert (tmp_path / "log").read_text().startswith(f"{shop.folder}/")
    assert not shop.folder.exists()


CONTAINERD = """[ "$*" = "info --format {{json .DriverStatus}}" ] || exit 0
echo '[["driver-type","io.containerd.snapshotter.v1"]]'
"""


def test_a_docker_that_takes_in_whole_images_only_is_told_what_goes_without(docker, tmp_path):
    engine = docker(CONTAINERD)
    environ = dict(engine.environ, ENGINE="docker", USERNAME="me", MODELS="me/small:1")
    done = subprocess.run([ROOT / "build.sh"], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "build.sh: docker can't be used (its images are in containerd's store, which takes in no"
        " image without all of its layers): ENGINE=registry goes without it\n"
    )


def test_without_an_engine_that_can_be_used_nothing_is_built(docker):
    docker("exit 1", "podman")
    engine = docker(CONTAINERD)
    environ = dict(engine.environ, USERNAME="me", MODELS="me/small:1", PUSH="0")
    done = subprocess.run([ROOT / "build.sh"], env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "build.sh: PUSH=0 builds in an engine, and none can be used here (docker: its images are in"
        " containerd's store"
    )


def test_a_docker_with_a_store_of_its_own_is_used(docker):
    overlay = docker("""echo '[["Backing Filesystem","extfs"],["Supports d_type","true"]]'""")
    assert overlay.problem_with_parts() == ""


def test_a_warning_of_the_engine_is_no_part_of_an_image(docker, tmp_path):
    with tarfile.open(tmp_path / "saved.tar", "w") as tar:
        data = json.dumps([]).encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    engine = docker(f"echo 'WARNING: something' >&2; cat {tmp_path}/saved.tar")
    assert documents_from_engine(engine, "me/small:1") == {"manifest.json": b"[]"}

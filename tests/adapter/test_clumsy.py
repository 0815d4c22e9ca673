"""Whatever a model does to its own process, each activation has one answer and its own log."""

import time

import pytest

from testing.adapter import SENTINEL


def soon(seconds):
    return str(int((time.time() + seconds) * 1000))


@pytest.fixture
def clumsy(start):
    adapter = start("clumsy")
    assert adapter.init().status == 200, adapter.log
    return adapter


def test_a_server_in_a_process_that_the_script_forks_is_found(start):
    adapter = start("clumsy", FORKED="yes")
    assert adapter.init().status == 200, adapter.log
    assert adapter.web("GET", "/unclosable").body == b"whole"


@pytest.mark.parametrize(
    "path, status, body",
    [
        ("/written", 200, b"one two three"),
        ("/unclosable", 200, b"whole"),
        ("/twice", 500, None),
        ("/too_late", 500, None),
    ],
)
def test_the_old_ways_to_answer_are_as_on_any_server(clumsy, path, status, body):
    answer = clumsy.web("GET", path)
    assert answer.status == status
    assert body is None or answer.body == body
    assert b"half" not in answer.body


@pytest.mark.parametrize("path", ["/fork", "/fork_and_exit"])
def test_a_copy_of_the_process_answers_nothing(clumsy, path):
    for _ in range(5):
        assert clumsy.web("GET", path).body == b"parent"
    assert clumsy.stdout.count(SENTINEL) == clumsy.stderr.count(SENTINEL) == 5


@pytest.mark.parametrize("path", ["/without_time", "/without_log"])
def test_functions_that_a_model_takes_away_are_still_ours(clumsy, path):
    assert clumsy.web("GET", path).body == b"fine"
    assert clumsy.web("GET", "/hurried", deadline=soon(1)).status == 504
    assert clumsy.stdout.count(SENTINEL) == 2


def test_a_model_that_closes_our_port_ends_its_container(clumsy):
    for path in ("/without_descriptors", "/written"):  # who comes next finds the port closed
        with pytest.raises(OSError):
            clumsy.web("GET", path)
    assert clumsy.wait(10) == 1


def test_a_path_that_is_a_sentinel_ends_no_log(clumsy):
    clumsy.web("GET", "/" + SENTINEL)
    assert clumsy.stdout.count(SENTINEL) == 1

"""Which lines an activation's log gets, and when it is complete."""

import asyncio
import re

import pytest

from gateway.containers import logs
from gateway.containers.logs import SENTINEL, LineSplitter, Log
from testing.actions import eventually, in_loop

END = f"{SENTINEL}\n".encode()


def said(lines):
    """Without the time; all lines must have one of the platform's form."""
    pattern = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (std(?:out|err): .*)\Z", re.S)
    return [pattern.match(line).group(1) for line in lines]


def logged(*steps, limit=1000):
    """Plays bytes for stdout, (stream, bytes), "begin" and "finish"; gives the finished pages."""

    async def play():
        log, pages, page = Log(sentinel_seconds=0.05), [], None
        for step in steps:
            if step == "begin":
                page = log.begin(limit)
            elif step == "finish":
                await log.finish(page)
                pages.append(page)
            else:
                log.feed(*(step if isinstance(step, tuple) else ("stdout", step)))
        return pages

    return in_loop(play())


def lines_of(*steps, **options):
    return [said(page.lines) for page in logged(*steps, **options)]


def test_what_is_printed_before_the_first_activation_and_by_init_is_in_its_log():
    assert lines_of(b"starting\n", "begin", b"init\n", b"run\n", "finish") == [
        ["stdout: starting", "stdout: init", "stdout: run"]
    ]


def test_both_streams_in_the_order_in_which_they_came():
    assert lines_of("begin", b"a\n", ("stderr", b"b\n"), b"c\n", "finish") == [
        ["stdout: a", "stderr: b", "stdout: c"]
    ]


def test_what_is_printed_before_the_first_activation_is_bounded_in_lines_too(monkeypatch):
    monkeypatch.setattr(logs, "MOST_LINES", 1000)

    async def play():
        log = Log()
        for _ in range(10):
            log.feed("stdout", b"\n" * 500)
        await eventually(lambda: not log._waiting, "it is taken")
        return len(log._early), len(log.begin(10**6).lines)

    assert in_loop(play()) == (1000, 1000)


def test_sentinels_are_cut_and_what_comes_after_them_is_lost():
    assert lines_of(
        "begin", b"a\n" + END + b"late\n", ("stderr", END), "finish", "begin", b"b\n", "finish"
    ) == [
        ["stdout: a"],
        ["stdout: b"],
    ]


def test_what_is_printed_between_two_activations_is_lost():
    assert lines_of("begin", "finish", b"between\n", "begin", b"b\n", "finish") == [
        [],
        ["stdout: b"],
    ]


def test_a_log_that_is_too_long_is_cut_with_the_platforms_words():
    (page,) = logged("begin", b"12345\n67890\n", b"abc\nmore\n", "finish", limit=12)
    assert said(page.lines) == [
        "stdout: 12345",
        "stdout: 67890",
        "stderr: Logs were truncated because the total bytes size exceeds the limit of 12 bytes.",
    ]
    assert page.truncated


def test_a_log_that_nobody_wants_is_not_too_long():
    (page,) = logged("begin", b"12345\n", "finish", limit=0)
    assert (page.lines, page.truncated) == ([], False)


def test_activations_at_the_same_time_share_the_lines():
    async def play():
        log = Log()
        one = log.begin(1000)
        log.feed("stdout", b"a\n")
        two = log.begin(1000)
        log.feed("stdout", b"b\n")
        return said(one.lines), said(two.lines)

    assert in_loop(play()) == (["stdout: a", "stdout: b"], ["stdout: b"])


def test_finish_waits_for_a_sentinel_that_is_on_its_way():
    async def play():
        log = Log(sentinel_seconds=20)
        page = log.begin(1000)
        log.feed("stdout", END)
        finished = asyncio.ensure_future(log.finish(page))
        await asyncio.sleep(0.02)
        assert not finished.done()
        log.feed("stderr", b"last words\n" + END)
        await finished
        return said(page.lines), page.complete

    assert in_loop(play()) == (["stderr: last words"], True)


def test_a_container_that_is_gone_is_not_waited_for():
    async def play():
        log = Log(sentinel_seconds=20)
        page = log.begin(1000)
        log.sentinelled = True
        log.feed("stdout", b"no line end")
        for stream in ("stdout", "stderr"):
            log.feed(stream, b"")
        await asyncio.wait_for(log.finish(page), 1)
        return said(page.lines), page.complete

    assert in_loop(play()) == (["stdout: no line end"], False)


def test_a_missing_sentinel_is_waited_for_only_so_long():
    (page,) = logged("begin", END, "finish")
    assert not page.complete


def test_without_sentinels_a_silence_ends_the_log():
    async def play():
        log = Log(silence_seconds=0.05, sentinel_seconds=5)
        page = log.begin(1000)
        finished = asyncio.ensure_future(log.finish(page))
        for _ in range(5):
            await asyncio.sleep(0.02)
            log.feed("stdout", b"word\n")
            assert not finished.done()
        await asyncio.wait_for(finished, 1)
        return len(page.lines)

    assert in_loop(play()) == 5


@pytest.mark.parametrize(
    "pieces, lines",
    [
        pytest.param([b"a", b"b\nc", b"\n"], ["ab", "c"], id="lines in pieces"),
        pytest.param([b"a\r\nb\n"], ["a", "b"], id="line ends of Windows"),
        pytest.param([b"\xc3", b"\xa9\n"], ["é"], id="a character in two pieces"),
        pytest.param([b"\xff\n"], ["\ufffd"], id="what is not UTF-8"),
        pytest.param([b"no end", b""], ["no end"], id="the last line has no end"),
        pytest.param([b"\n\n"], ["", ""], id="empty lines"),
        pytest.param([b"x" * 70000, b"y\n"], ["x" * 70000, "y"], id="an endless line is cut"),
    ],
)
def test_lines(pieces, lines):
    splitter = LineSplitter()
    assert [line for piece in pieces for line in splitter.lines_from(piece)] == lines

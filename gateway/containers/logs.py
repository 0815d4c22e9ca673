"""Sorts what a container prints into the logs of its activations. Touches the clock alone."""

import asyncio
import codecs
import functools
import time
from collections import deque
from datetime import datetime, timezone
from typing import Callable, Deque, List, Optional, Tuple

SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
TRUNCATED = "Logs were truncated because the total bytes size exceeds the limit of {} bytes."
MAY_BE_MISSING = "The action did not initialize or run as expected. Log data might be missing."
STREAMS = ("stdout", "stderr")

LONGEST_LINE = 65536
MOST_EARLY_BYTES = 10485760
# An activation's log is counted in bytes; that many empty lines would take far more memory.
MOST_LINES = 200000
# A flood is taken in small pieces, for a few milliseconds at a time.
PIECE = 2048
SECONDS_AT_ONCE = 0.002
SECONDS_BETWEEN = 0.004
#: Whoever reads what a container prints had better stop for a while when so much waits.
CROWDED = 262144


class Page:
    """The log of one activation while it is being written; `limit` in bytes."""

    def __init__(self, limit: int):
        self.limit = limit
        self.size = 0
        self.lines: List[str] = []
        self.truncated = False
        self.open_streams = set(STREAMS)
        self.sentinels = 0
        self.ended: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()

    @property
    def complete(self) -> bool:
        return self.sentinels == len(STREAMS)

    @property
    def takes_lines(self) -> bool:
        # A log that nobody wants is not one that had to be cut.
        return self.limit > 0 and not self.truncated

    def add(self, stream: str, text: str) -> None:
        if not self.takes_lines:
            return
        self.size += len(text.encode("utf-8", "replace")) + 1
        if self.size <= self.limit and len(self.lines) < MOST_LINES:
            self.lines.append(line_from_text(stream, text))
        else:
            self.truncated = True
            self.lines.append(line_from_text("stderr", TRUNCATED.format(self.limit)))

    def end_stream(self, stream: str) -> None:
        self.open_streams.discard(stream)
        if not self.open_streams and not self.ended.done():
            self.ended.set_result(None)


class Log:
    """One container's output. What it says before the first activation is that one's; between two,
    it is lost."""

    def __init__(
        self,
        silence_seconds: float = 0.0,
        sentinel_seconds: float = 0.5,
        on_room: Optional[Callable[[], None]] = None,
    ):
        """`on_room` is called when a log that was crowded has taken everything."""
        self.silence_seconds = silence_seconds
        self.sentinel_seconds = sentinel_seconds
        self.sentinelled = False
        self._on_room = on_room
        self._waiting: Deque[Tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._early: List[Tuple[str, str]] = []
        self._early_bytes = 0
        self._begun = False
        self._pages: List[Page] = []
        self._heard = time.monotonic()
        self._splitters = {stream: LineSplitter() for stream in STREAMS}

    def feed(self, stream: str, data: bytes) -> None:
        """No data means that the stream has ended."""
        self._heard = time.monotonic()
        self._waiting.append((stream, data))
        self._waiting_bytes += len(data)
        if len(self._waiting) == 1:
            self._take_some()

    @property
    def crowded(self) -> bool:
        return self._waiting_bytes > CROWDED

    def _take_some(self) -> None:
        was_crowded = self.crowded
        enough = time.monotonic() + SECONDS_AT_ONCE
        while self._waiting and time.monotonic() < enough:
            stream, data = self._waiting[0]
            self._waiting_bytes -= len(data[:PIECE])
            if len(data) > PIECE:
                self._waiting[0] = stream, data[PIECE:]
            else:
                self._waiting.popleft()
            self._take_piece(stream, data[:PIECE])
        if self._waiting:
            asyncio.get_running_loop().call_later(SECONDS_BETWEEN, self._take_some)
        if was_crowded and not self.crowded and self._on_room:
            self._on_room()

    def _take_piece(self, stream: str, data: bytes) -> None:
        lines = self._splitters[stream].lines_from(data)
        if not self._wants(stream):
            lines = [line for line in lines if SENTINEL in line]
        for line in lines:
            self._take(stream, line)
        if not data:
            for page in self._pages:
                page.end_stream(stream)

    def _wants(self, stream: str) -> bool:
        """Whether any line would be kept."""
        if not self._begun:
            return self._takes_early_lines
        return any(stream in page.open_streams and page.takes_lines for page in self._pages)

    @property
    def _takes_early_lines(self) -> bool:
        return self._early_bytes < MOST_EARLY_BYTES and len(self._early) < MOST_LINES

    def _take(self, stream: str, line: str) -> None:
        if line.strip() == SENTINEL:
            self.sentinelled = True
            for page in self._pages:
                page.sentinels += stream in page.open_streams
                page.end_stream(stream)
        elif self._begun:
            for page in self._pages:
                if stream in page.open_streams:
                    page.add(stream, line)
        elif self._takes_early_lines:
            self._early_bytes += len(line) + 1
            self._early.append((stream, line))

    def begin(self, limit: int) -> Page:
        """With a concurrency above one nobody can tell whose line it is: each of the activations
        gets it."""
        page = Page(limit)
        for stream, line in self._early:
            page.add(stream, line)
        self._early.clear()
        self._begun = True
        self._pages.append(page)
        return page

    async def finish(self, page: Page) -> None:
        """Waits for the sentinel where the container writes one, otherwise for a short silence."""
        if page.limit:
            await self._settle()
        if page.limit and self.sentinelled and not page.ended.done():
            await asyncio.wait([page.ended], timeout=self.sentinel_seconds)
        self._pages.remove(page)

    async def _settle(self) -> None:
        # What was written to a pipe before the answer was sent can be read now, in a few turns of
        # the loop.
        for _ in range(3):
            await asyncio.sleep(0)
        asked = time.monotonic()
        while self._waiting and time.monotonic() - asked < self.sentinel_seconds:
            await asyncio.sleep(SECONDS_BETWEEN)
        while not self.sentinelled:
            if time.monotonic() - max(self._heard, asked) >= self.silence_seconds:
                return
            await asyncio.sleep(self.silence_seconds / 4)
            if time.monotonic() - asked > self.sentinel_seconds:
                return


class LineSplitter:
    """Lines of text from pieces of bytes; an endless line is cut into long ones."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def lines_from(self, data: bytes) -> List[str]:
        text = self._rest + self._decoder.decode(data, final=not data)
        *lines, self._rest = text.split("\n")
        if len(self._rest) > LONGEST_LINE or (self._rest and not data):
            lines, self._rest = [*lines, self._rest], ""
        return [line.rstrip("\r") for line in lines]


def line_from_text(stream: str, text: str) -> str:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{text_from_second(seconds)}.{nanoseconds:09d}Z {stream}: {text}"


@functools.lru_cache(maxsize=1)
def text_from_second(second: int) -> str:
    return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")

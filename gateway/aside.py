"""What takes long enough for others to notice is done aside, in a thread, and the loop goes on.

Touches threads. Python's threads take turns: a turn is short enough (see `SHORT_TURN`) for the loop
to answer others in between, as long as no single call into C is long."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, TypeVar

#: In bytes: reading or writing more than this takes more than a millisecond or two.
LARGE = 8192
#: In seconds. Python's own 5 ms add up to more than a client notices.
SHORT_TURN = 0.0005
THREADS = 2

Made = TypeVar("Made")

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="aside")


def extent(value: Any) -> int:
    """About how long a value is as JSON, or anything above `LARGE`."""
    waiting = [value]
    size = 0
    while waiting and size <= LARGE:
        each = waiting.pop()
        size += len(each) if isinstance(each, str) else 1
        if isinstance(each, dict):
            waiting += each.values()
            size += sum(map(len, each))
        elif isinstance(each, (list, tuple)):
            waiting += each
    return size


async def made(make: Callable[[], Made], size: int) -> Made:
    """What `make` gives; `size` is that of what it has to read or write."""
    if size <= LARGE:
        return make()
    return await asyncio.get_running_loop().run_in_executor(_threads, make)

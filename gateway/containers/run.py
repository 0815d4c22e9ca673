"""Runs one order in one container: /init when the container is new, /run, the log.

Touches the container over HTTP, and the clock."""

import asyncio
import time
from typing import Any, Callable, Coroutine, List, NamedTuple, Optional, Set

from gateway.aside import extent, made
from gateway.containers.client import NoReply, NotListening, post, post_when_listening
from gateway.containers.container import Container
from gateway.containers.envelope import init_body_from_order, run_body_from_order
from gateway.containers.logs import MAY_BE_MISSING, Page, line_from_text
from gateway.containers.outcome import (
    EXITED_IN_RUN,
    OUT_OF_MEMORY,
    Outcome,
    Reply,
    developer_error,
    failure_from_init_reply,
    out_of_time,
    outcome_from_reply,
    whisk_error,
)
from gateway.entities import DEVELOPER_ERROR, Order
from gateway.settings import MEGABYTE

EXIT_GRACE_SECONDS = 0.2


class NotTaken(Exception):
    """A warm container was gone before it took the request: another one may run it."""


class Run(NamedTuple):
    """What happened in a container. Times are epoch milliseconds."""

    outcome: Outcome
    start: int
    end: int
    init_time: Optional[int] = None
    logs: List[str] = []
    container_usable: bool = False


async def run_order(
    order: Order,
    container: Container,
    warm: bool,
    on_init: Callable[[], None],
    api_key: Optional[str] = None,
) -> Run:
    """`on_init` is called as soon as /init has succeeded; `warm` says that it did so earlier."""
    log = container.log
    page = log.begin(order.action.limits.logs * MEGABYTE) if log else None
    start = now()
    try:
        failed, init_time = None, None
        if not warm:
            failed = await init(order, container, api_key)
            init_time = now() - start
        if failed is None and not warm:
            on_init()
        outcome = failed or await run(order, container, warm, api_key)
        end = now()
    finally:
        if log and page:
            await log.finish(page)
    lines = lines_from_page(page, outcome)
    usable = still_usable(container, page, outcome)
    return Run(outcome, start, end, init_time, lines, usable)


async def init(
    order: Order,
    container: Container,
    api_key: Optional[str],
) -> Optional[Outcome]:
    """None when it succeeded."""
    limit = order.action.limits.timeout
    deadline = now() + limit
    size = extent([order.action.code, order.init_env])
    body = await made(lambda: init_body_from_order(order, deadline, api_key), size)
    request = post_when_listening(container.host, container.port, "/init", body)
    try:
        reply = await answer(container, request, limit)
    except asyncio.TimeoutError:
        return out_of_time(limit, in_init=True)
    if reply is None and await container.ran_out_of_memory():
        return developer_error(OUT_OF_MEMORY)
    if reply and reply.status == 503:
        return whisk_error(EXITED_IN_RUN)
    if reply and reply.status == 403 and container.shared:
        return None
    return await made(lambda: failure_from_init_reply(reply), reply.length if reply else 0)


async def run(
    order: Order,
    container: Container,
    warm: bool,
    api_key: Optional[str],
) -> Outcome:
    limit = order.action.limits.timeout
    deadline = now() + limit
    body = await made(lambda: run_body_from_order(order, deadline, api_key), extent(order.value))
    try:
        request = post(container.host, container.port, "/run", body)
        reply = await answer(container, request, limit)
    except asyncio.TimeoutError:
        return out_of_time(limit, in_init=False)
    except NotListening:
        if warm:
            raise NotTaken() from None
        reply = None
    if reply is None and await container.ran_out_of_memory():
        return developer_error(OUT_OF_MEMORY)
    if reply and reply.status == 503:
        # The platform takes 503 as "not me": if the container was a warm one, the order is run
        # elsewhere.
        if warm:
            raise NotTaken()
        return whisk_error(EXITED_IN_RUN)
    return await made(lambda: outcome_from_reply(reply), reply.length if reply else 0)


async def answer(
    container: Container, request: Coroutine[Any, Any, Reply], milliseconds: int
) -> Optional[Reply]:
    """None when the container went away or said nothing that the platform would take for an
    answer."""
    task = asyncio.ensure_future(request)
    try:
        ends: Set["asyncio.Future[Any]"] = {task, container.exited}
        await asyncio.wait(
            ends,
            timeout=milliseconds / 1000,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not task.done() and container.exited.done():
            # What it said last may still be on its way.
            await asyncio.wait({task}, timeout=EXIT_GRACE_SECONDS)
            return await task if task.done() else None
        if not task.done():
            raise asyncio.TimeoutError()
        return await task
    except NoReply:
        return None
    finally:
        task.cancel()


def lines_from_page(page: Optional[Page], outcome: Outcome) -> List[str]:
    if page is None or page.limit == 0:
        return []
    if outcome.status == DEVELOPER_ERROR and not page.complete:
        return [*page.lines, line_from_text("stderr", MAY_BE_MISSING)]
    return page.lines


def still_usable(container: Container, page: Optional[Page], outcome: Outcome) -> bool:
    # The platform takes a log that had to be cut for a failure of the container, too.
    cut = page is not None and page.truncated
    return outcome.container_usable and not cut and not container.exited.done()


def now() -> int:
    return time.time_ns() // 1_000_000

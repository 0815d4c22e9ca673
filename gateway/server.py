"""Puts the parts of one gateway together, and takes them apart again.

Touches what its parts touch: the store's file, the port, containers."""

import errno
import json
import resource
import socket
import sqlite3
from contextlib import suppress
from typing import List, NamedTuple

from gateway.access import Access
from gateway.clock import now
from gateway.containers.invoker import Invoker
from gateway.controller import Controller
from gateway.entities import Action, Limits, next_version, path_of
from gateway.failures import Failures
from gateway.http.front import MOST_CONNECTIONS, Front, bound_sockets, port_of
from gateway.loopback import base_url
from gateway.page.page import Page
from gateway.refusal import Refusal
from gateway.rest.api import Api
from gateway.router import Router
from gateway.settings import NAMESPACE, Plan, Settings
from gateway.store import Foreign, InUse, Selection, Store
from gateway.tally import HOUR, MOST_REMEMBERED, ran_from_summary
from gateway.web.route import WebRoute

FOLDER_ANNOTATIONS = (
    ("web-export", True),
    ("raw-http", True),
    ("final", True),
    ("provide-api-key", False),
    ("exec", "blackbox"),
)

FILE_IN_USE = (
    "Another gateway works with {}: stop it, or give this one a file of its own with --data."
)
FILE_UNUSABLE = "The data file {} can't be used ({}): choose another with --data."
NO_DATA_FILE = "{} is not a gateway's data file ({}): choose another with --data."
NO_DATABASE = "file is not a database"
DISK_FULL = "The disk of {} is full: make room there, or choose another file with --data."
#: SQLite's words; the number behind them is told only by Pythons newer than some.
FULL = "database or disk is full"
FILE_FULL = "{} Make that possible, or choose another with --data."
NAME_TAKEN = (
    "The folder {} can't name an action: {} has a {} of that name:"
    " rename one of them, or choose another file with --data."
)
NO_RUN_FOLDER = "What runs can't be noted: {} Or choose another place for it: TMPDIR=FOLDER."
PORT_IN_USE = (
    "Port {} is in use: stop what listens there, or choose another with --port (make run: PORT=)."
)
PORT_FORBIDDEN = "Port {} needs special rights: choose one above 1023 with --port."
FOREIGN_HOST = "{} is not an address of this machine ({}): choose another with --host."


class CannotStart(Exception):
    """Says in one sentence why, and what to do."""


class Running(NamedTuple):
    port: int
    front: Front
    controller: Controller

    async def close(self) -> None:
        """Nobody new comes in, then what runs is stopped, then its records are written."""
        await self.front.close()
        await self.controller.close()


async def start(plan: Plan) -> Running:
    """Raises CannotStart."""
    allow_many_descriptors()
    store = opened_store(plan.data, plan.settings)
    try:
        sockets = sockets_of(plan)
        try:
            return await started(plan, store, sockets)
        except BaseException:
            for each in sockets:
                each.close()
            raise
    except BaseException:
        store.close()
        raise


async def started(
    plan: Plan,
    store: Store,
    sockets: List[socket.socket],
) -> Running:
    port = port_of(sockets[0])
    try:
        invoker = invoker_from_plan(plan, port, store)
    except OSError as error:
        raise CannotStart(NO_RUN_FOLDER.format(error)) from error
    try:
        failures = Failures(base_url(plan.settings.host, port))
        controller = Controller(store, invoker, plan.settings, failures)
        await remember_last_hour(controller)
        routes = router(controller)
        front = Front(sockets, routes.answer, routes.body_limits, most_connections())
        for name in plan.served:
            await serve_folder(store, name, plan)
        await front.listen()
        return Running(port, front, controller)
    except BaseException:
        await invoker.close()
        raise


async def remember_last_hour(controller: Controller) -> None:
    """So that the page's graphs don't begin anew with each start."""
    selection = Selection(NAMESPACE, since=now() - HOUR, limit=MOST_REMEMBERED)
    for text in reversed(await controller.store.activations(selection, whole=False)):
        ran = ran_from_summary(json.loads(text))
        if ran is not None:
            controller.tally.remember(ran)


def router(controller: Controller) -> Router:
    settings = controller.settings
    access = Access(settings)
    page = Page(controller, access)
    return Router(access, WebRoute(controller), Api(controller), page.answer, settings)


def invoker_from_plan(plan: Plan, port: int, store: Store) -> Invoker:
    """Containers reach the gateway under the address that it listens on."""
    settings = plan.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return Invoker(
        plan.images,
        api_host=f"http://{host}:{port}",
        api_key=settings.key,
        python=plan.python,
        most_containers=settings.containers,
        most_waiting=settings.waiting,
        idle_seconds=settings.idle_seconds,
        reload=plan.reload,
        is_current=store.is_current,
    )


def allow_many_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def most_connections() -> int:
    """Half of the descriptors are left to containers, files and whoever is asked."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if most < 0 else min(MOST_CONNECTIONS, most // 2)


def opened_store(path: str, settings: Settings) -> Store:
    """Raises CannotStart."""
    try:
        return Store(path, settings.kept_activations, settings.kept_bytes)
    except InUse:
        raise CannotStart(FILE_IN_USE.format(path)) from None
    except Foreign:
        raise CannotStart(NO_DATA_FILE.format(path, NO_DATABASE)) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CannotStart(DISK_FULL.format(path)) from None
        raise CannotStart(FILE_UNUSABLE.format(path, error.strerror)) from None
    except (sqlite3.Error, ValueError, KeyError) as error:
        full = str(error) == FULL
        raise CannotStart((DISK_FULL if full else NO_DATA_FILE).format(path, error)) from None


def sockets_of(plan: Plan) -> List[socket.socket]:
    """At the port that was chosen, for 0 at any free one. Raises CannotStart."""
    host = plan.settings.host
    try:
        return bound_sockets(host, plan.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = PORT_IN_USE.format(plan.port)
        elif error.errno == errno.EACCES:
            message = PORT_FORBIDDEN.format(plan.port)
        else:
            message = FOREIGN_HOST.format(host, error.strerror)
        raise CannotStart(message) from None


async def serve_folder(store: Store, name: str, plan: Plan) -> None:
    """The action that FOLDER stands for, new at each start: the folder may have changed. Raises
    CannotStart."""
    path = path_of(NAMESPACE, name)
    collection = store.collection_of(path) or "actions"
    if collection != "actions":
        raise CannotStart(NAME_TAKEN.format(name, plan.data, collection[:-1]))
    old = store.actions.get(path)
    bounds = plan.settings.bounds
    limits = Limits(
        timeout=bounds.timeout[1],
        memory=bounds.memory[1],
        logs=bounds.logs[1],
        concurrency=bounds.concurrency[0],
    )
    action = Action(
        namespace=NAMESPACE,
        package="",
        name=name,
        version=next_version("0.0.0" if old is None else old.version),
        image=name,
        limits=limits,
        annotations=FOLDER_ANNOTATIONS,
        updated=now(),
    )
    try:
        await store.put_action(action)
    except Refusal as refusal:
        raise CannotStart(FILE_FULL.format(refusal)) from refusal

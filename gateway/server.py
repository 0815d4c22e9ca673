"""Puts the parts of one gateway together, and takes them apart again.

Touches what its parts touch: the store's file, the port, containers."""

import errno
import resource
import sqlite3
from contextlib import suppress
from typing import NamedTuple

from gateway import api
from gateway.app import App, body_limits
from gateway.entities import Action, Limits
from gateway.front import Front
from gateway.invoker import Invoker
from gateway.loopback import is_loopback
from gateway.page import Page
from gateway.service import Service
from gateway.settings import NAMESPACE, Bounds
from gateway.store import InUse, NotKept, Store

FOLDER_ANNOTATIONS = (
    ("web-export", True),
    ("raw-http", True),
    ("final", True),
    ("provide-api-key", False),
    ("exec", "blackbox"),
)


class CannotStart(Exception):
    """Says in one sentence why, and what to do."""


class Running(NamedTuple):
    port: int
    front: Front
    service: Service

    async def close(self) -> None:
        """Nobody new comes in, then what runs is stopped, then its records are written."""
        await self.front.close()
        await self.service.close()


async def start(plan) -> Running:
    """Raises CannotStart."""
    allow_many_connections()
    settings = plan.settings
    host = settings.host
    store = opened_store(plan.data, settings.kept_activations)
    invoker = None
    try:
        # Containers reach the gateway under the address that it listens on; the port is known by then.
        service = Service(store, None, settings)
        front = Front(App(service, Page(service, is_loopback(host))), body_limits)
        port = await bound(front, plan)
        api_host = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        invoker = Invoker(
            plan.images,
            api_host=api_host,
            api_key=settings.key,
            python=plan.python,
            most_containers=settings.containers,
            most_waiting=settings.waiting,
            idle_seconds=settings.idle_seconds,
        )
        service.invoker = invoker
        for name in plan.served:
            await serve_folder(store, name, settings.bounds)
        await front.listen()
        return Running(port, front, service)
    except BaseException:
        if invoker is not None:
            await invoker.close()
        store.close()
        raise


def allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def opened_store(path: str, keep: int) -> Store:
    try:
        return Store(path, keep)
    except InUse:
        raise CannotStart(
            f"Another gateway works with {path}: stop it, or give this one a file of its own with --data."
        ) from None
    except OSError as error:
        raise CannotStart(
            f"The data file {path} can't be used ({error.strerror}): choose another with --data."
        ) from None
    except (sqlite3.Error, ValueError, KeyError) as error:
        raise CannotStart(f"{path} is not a gateway's data file ({error}): choose another with --data.") from None


async def bound(front: Front, plan) -> int:
    try:
        return await front.bind(plan.settings.host, plan.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"Port {plan.port} is in use: stop what listens there, or choose another with --port."
        elif error.errno == errno.EACCES:
            message = f"Port {plan.port} needs special rights: choose one above 1023 with --port."
        else:
            host = plan.settings.host
            message = f"{host} is not an address of this machine ({error.strerror}): choose another with --host."
        raise CannotStart(message) from None


async def serve_folder(store: Store, name: str, bounds: Bounds) -> None:
    """The action that FOLDER stands for, new at each start: the folder may have changed."""
    old = store.actions.get(f"{NAMESPACE}/{name}")
    limits = Limits(bounds.timeout[1], bounds.memory[1], bounds.logs[1], bounds.concurrency[0])
    version = "0.0.1" if old is None else f"0.0.{int(old.version.rpartition('.')[2]) + 1}"
    action = Action(
        namespace=NAMESPACE,
        package="",
        name=name,
        version=version,
        image=name,
        limits=limits,
        annotations=FOLDER_ANNOTATIONS,
        updated=api.now(),
    )
    try:
        await store.put_action(action)
    except NotKept as error:
        raise CannotStart(f"{error} Make that possible, or choose another with --data.") from error

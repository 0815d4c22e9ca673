"""Runs an image with Docker, as the platform's invoker does.

Touches the Docker engine, over its socket; the container itself over the network."""

import asyncio
import re
import socket
import struct
import sys
import time
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple, Type, TypeVar

from gateway.containers.container import (
    NO_RESOURCES,
    Container,
    Exit,
    Runner,
    StartError,
    platform_environ,
)
from gateway.containers.leftovers import Marker
from gateway.containers.logs import STREAMS, Log
from gateway.entities import WHISK_ERROR, Action

#: What the marker notes when an engine was used.
DOCKER = "docker"
#: By which a container can be found again.
LABEL = "openwhisk-gateway"

PORT = 8080
FRAME = struct.Struct(">BxxxL")
STDERR = 2
#: Who says nothing for that long when it is first asked isn't there.
ANSWER_SECONDS = 10
LONGEST_SECONDS = 600
REMOVE_SECONDS = 10
STOP_SECONDS = 5
SILENCE_SECONDS = 0.05
OUT_OF_MEMORY_SECONDS = 2.0

PULL_FAILED = "Failed to pull container image '{}'."
NO_COMMAND = "executable file not found in image '{}'."
NO_ENGINE = (
    "Docker doesn't answer ({}): start it, or say with --image {}=WHERE"
    " in which folder or at which URL the action is."
)
NOT_RUNNING = (
    "Docker isn't running here, and no folder is called {0} now: start Docker, or the gateway with"
    " that folder again, or with --image {0}=WHERE."
)


Address = Tuple[str, int]
Made = TypeVar("Made")


class Connection(NamedTuple):
    """`publishes`: this machine reaches containers at published ports alone."""

    client: Any
    publishes: bool


class Engine:
    """The one engine that all runners ask, once a container is needed."""

    def __init__(self, marker: Marker):
        self.marker = marker
        self._connection: Optional["asyncio.Future[Connection]"] = None

    def connection(self) -> "asyncio.Future[Connection]":
        """Those who need it at the same time wait for one and the same. OSError when no engine
        answers."""
        found = self._connection
        if found is None or has_failed(found):
            found = self._connection = in_thread_of_its_own(self._connect)
        return found

    def close(self) -> None:
        found = self._connection
        if found is None or found.cancel() or has_failed(found):
            return
        found.result().client.close()

    def _connect(self) -> Connection:
        connection = connected()
        self.marker.note(DOCKER)
        return connection


class DockerContainer(Container):
    """`container` is Docker's own, `address` where it listens."""

    def __init__(self, container: Any, address: Address, marker: Marker):
        host, port = address
        self._printed = Log(silence_seconds=SILENCE_SECONDS)
        super().__init__(host, port, self._printed)
        self._container = container
        self._marker = marker
        self._following: Optional["asyncio.Task[None]"] = None

    async def stop(self) -> None:
        removal = in_thread_of_its_own(lambda: remove(self._container))
        removed = await at_most(REMOVE_SECONDS, removal)
        if not removed:
            self._marker.keep()
        await asyncio.wait([self.exited], timeout=STOP_SECONDS)
        self.gone()

    async def ran_out_of_memory(self) -> bool:
        look = in_thread_of_its_own(lambda: killed_for_memory(self._container))
        found = await at_most(REMOVE_SECONDS, look)
        return found is True

    def follow(self, output: socket.socket) -> None:
        """Reads what the container prints, for as long as it lives."""
        self._following = asyncio.ensure_future(self._follow(output))

    async def _follow(self, output: socket.socket) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=output)
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._read(reader)
            writer.close()
        finally:
            self._ended()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Pieces of output, each behind the number of its stream and its length."""
        while True:
            head = await reader.readexactly(FRAME.size)
            number, length = FRAME.unpack(head)
            while length:
                data = await reader.read(length)
                if not data:
                    return
                length -= len(data)
                self._printed.feed(STREAMS[number == STDERR], data)
                while self._printed.crowded:
                    await asyncio.sleep(SILENCE_SECONDS)

    def _ended(self) -> None:
        for stream in STREAMS:
            self._printed.feed(stream, b"")
        self.gone()


class DockerRunner(Runner):
    """Containers of one image."""

    def __init__(self, image: str, api_host: str, engine: Engine):
        self.image = image
        self.api_host = api_host
        self._engine = engine
        self._pull: Optional["asyncio.Future[None]"] = None
        self._closing = Exit()

    async def start(self, action: Action) -> Container:
        connection = await self._connected()
        await self._pulled(connection.client)
        container, output, address = await self._started(connection, action)
        running = DockerContainer(container, address, self._engine.marker)
        running.follow(output)
        return running

    def start_no_more(self) -> None:
        self._closing.happened()

    async def close(self) -> None:
        if self._pull is not None:
            self._pull.cancel()

    async def _connected(self) -> Connection:
        try:
            return await self._unless_closing(self._engine.connection())
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise StartError(NOT_RUNNING.format(self.image), WHISK_ERROR) from error
        except OSError as error:
            raise StartError(NO_ENGINE.format(error, self.image), WHISK_ERROR) from error

    async def _pulled(self, client: Any) -> None:
        """Those who ask for the same image at the same time wait for one and the same pull."""
        pull = self._pull
        if pull is None or pull.done():
            pull = self._pull = in_thread_of_its_own(lambda: self._pull_image(client))
        await self._unless_closing(pull)

    async def _done_or_closing(self, work: "asyncio.Future[Any]") -> None:
        ends = [work, self._closing.future]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)

    async def _unless_closing(self, work: "asyncio.Future[Made]") -> Made:
        await self._done_or_closing(work)
        if self._closing.future.done():
            raise StartError(NO_RESOURCES, WHISK_ERROR)
        return work.result()

    async def _started(
        self, connection: Connection, action: Action
    ) -> Tuple[Any, socket.socket, Address]:
        """A container that is on its way when nobody waits any more has a moment to come, so that
        it can be removed."""
        work = in_thread_of_its_own(lambda: self._create_and_start(connection, action))
        await self._done_or_closing(work)
        found = await at_most(STOP_SECONDS, work)
        if found is None:
            self._engine.marker.keep()
            raise StartError(NO_RESOURCES, WHISK_ERROR)
        return found

    def _pull_image(self, client: Any) -> None:
        name, tag = docker_package().utils.parse_repository_tag(self.image)
        try:
            client.images.pull(name, tag=tag or "latest")
        except (docker_package().errors.DockerException, OSError) as error:
            # The platform's rule: without a tag, or with this one, a copy that is here may be out
            # of date.
            if tag in (None, "latest"):
                raise StartError(PULL_FAILED.format(self.image)) from error

    def _create_and_start(
        self, connection: Connection, action: Action
    ) -> Tuple[Any, socket.socket, Address]:
        errors = docker_package().errors
        arguments = self._arguments(action, connection.publishes)
        try:
            container = connection.client.containers.create(self.image, **arguments)
        except errors.ImageNotFound as error:
            raise StartError(PULL_FAILED.format(self.image)) from error
        except (errors.DockerException, OSError) as error:
            raise StartError(NO_RESOURCES, WHISK_ERROR) from error
        try:
            return (container, *started(container, connection.publishes))
        except (errors.DockerException, OSError, LookupError) as error:
            raise start_error(self.image, error) from error

    def _arguments(self, action: Action, publishes: bool) -> Dict[str, Any]:
        """Those of the platform's own `docker run`: no command, no user, no published port without
        need."""
        types = docker_package().types
        marker = self._engine.marker
        mark = marker.new_mark()
        ports = {f"{PORT}/tcp": ("127.0.0.1", None)} if publishes else None
        return {
            "name": container_name(mark, action),
            "labels": {LABEL: marker.token},
            "environment": platform_environ(action, self.api_host),
            "cpu_shares": max(2, action.limits.memory),
            "mem_limit": f"{action.limits.memory}m",
            "memswap_limit": f"{action.limits.memory}m",
            "network": "bridge",
            "cap_drop": ["NET_RAW", "NET_ADMIN"],
            "ulimits": [types.Ulimit(name="nofile", soft=1024, hard=1024)],
            "pids_limit": 1024,
            # What is printed is read as it comes: nobody needs the engine's own copy.
            "log_config": types.LogConfig(type="json-file", config={"max-size": "1m"}),
            "ports": ports,
        }


def docker_package() -> Any:
    """Imported late: it costs a gateway without Docker 25 MB and a quarter of a second."""
    import docker

    return docker


def connected() -> Connection:
    """OSError when no engine answers: FileNotFoundError or ConnectionRefusedError where nobody
    listens."""
    docker = docker_package()
    client = None
    try:
        client = docker.from_env(timeout=ANSWER_SECONDS)
        facts = client.info()
    except (docker.errors.DockerException, OSError) as error:
        if client is not None:
            client.close()
        raise kind_of(error)(str(error).splitlines()[0]) from error
    client.api.timeout = LONGEST_SECONDS
    return Connection(client, is_apart(facts))


def kind_of(error: BaseException) -> Type[OSError]:
    """Docker's client wraps what the socket said several times over."""
    within: Optional[BaseException] = error
    while within is not None:
        if isinstance(within, (FileNotFoundError, ConnectionRefusedError)):
            return type(within)
        within = within.__cause__ or within.__context__
    return ConnectionError


def in_thread_of_its_own(work: Callable[[], Made]) -> "asyncio.Future[Made]":
    """Nobody waits for it when the program ends: an engine, or a registry, may need minutes to
    answer, or never do. The engine gives a pull up that nobody waits for."""
    done: "Future[Made]" = Future()
    # From now on nobody can cancel it, and the thread can tell its end in any case.
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            made = work()
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(made)

    Thread(target=run, name="docker", daemon=True).start()
    return asyncio.wrap_future(done)


async def at_most(seconds: float, work: "asyncio.Future[Made]") -> Optional[Made]:
    """What comes of it, or None where that takes longer."""
    await asyncio.wait([work], timeout=seconds)
    if work.done():
        return work.result()
    work.cancel()
    return None


def has_failed(work: "asyncio.Future[Any]") -> bool:
    return work.done() and (work.cancelled() or work.exception() is not None)


def is_apart(facts: Dict[str, Any]) -> bool:
    """`facts` are what the engine says of itself. In a virtual machine, or without root's rights,
    its containers have no address that this machine could reach."""
    options = facts.get("SecurityOptions") or ()
    is_rootless = any("name=rootless" in option for option in options)
    is_desktop = facts.get("OperatingSystem") == "Docker Desktop"
    return sys.platform == "darwin" or is_desktop or is_rootless


def address_of(container: Any, publishes: bool) -> Address:
    container.reload()
    network = container.attrs["NetworkSettings"]
    if publishes:
        return "127.0.0.1", int(network["Ports"][f"{PORT}/tcp"][0]["HostPort"])
    return network["Networks"]["bridge"]["IPAddress"], PORT


def container_name(mark: str, action: Action) -> str:
    token, number = mark.split(".")
    return re.sub(
        r"[^a-zA-Z0-9_.-]", "", f"wsk{token[:8]}_{number}_{action.namespace}_{action.name}"
    )


def started(container: Any, publishes: bool) -> Tuple[socket.socket, Address]:
    """Its output and where it listens. One that can't be used doesn't stay."""
    output = None
    try:
        output = attached(container)
        container.start()
        return output, address_of(container, publishes)
    except BaseException:
        remove(container)
        if output is not None:
            output.close()
        raise


def start_error(image: str, error: Exception) -> StartError:
    if "executable file not found" in str(error) or "no such file or directory" in str(error):
        return StartError(NO_COMMAND.format(image))
    return StartError(NO_RESOURCES, WHISK_ERROR)


def killed_for_memory(container: Any) -> bool:
    """The engine knows it a moment after the connection is lost."""
    until = time.monotonic() + OUT_OF_MEMORY_SECONDS
    with suppress(docker_package().errors.DockerException, OSError):
        while time.monotonic() < until:
            container.reload()
            state = container.attrs["State"]
            if state["OOMKilled"] or not state["Running"]:
                return bool(state["OOMKilled"])
            time.sleep(0.05)
    return False


def attached(container: Any) -> socket.socket:
    """What the container prints, from its start on."""
    streams = {"stdout": 1, "stderr": 1, "stream": 1, "logs": 1}
    output = container.attach_socket(params=streams)
    own: socket.socket = output._sock.dup()
    # It isn't read ahead by anybody, and closed by its owner alone.
    with suppress(OSError, ValueError):
        output._response.close()
    return own


def remove(container: Any) -> bool:
    """At once and without asking, as on the platform. True when the engine has answered."""
    with suppress(docker_package().errors.DockerException, OSError):
        container.remove(force=True, v=True)
    return True


def remove_leftovers(token: str, then: Callable[[], None]) -> None:
    """The containers that a gateway of that token has left. Nobody waits for it, as an engine may
    never answer; `then` is called when there are none any more."""

    def work() -> None:
        with suppress(OSError):
            remove_containers(token)
            then()

    Thread(target=work, name="docker leftovers", daemon=True).start()


def remove_containers(token: str) -> None:
    """Without an engine there are none. OSError where one doesn't answer."""
    try:
        client = connected().client
    except (FileNotFoundError, ConnectionRefusedError):
        return
    try:
        for container in client.containers.list(all=True, filters={"label": f"{LABEL}={token}"}):
            remove(container)
    finally:
        client.close()

"""Runs an image with Docker, as the platform's invoker does.

Touches the Docker engine, over its socket; the container itself over the network."""

import asyncio
import re
import socket
import struct
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import Any, Callable, Dict, Optional, Tuple, Type

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
PULL_SECONDS = 600
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


class DockerContainer(Container):
    """`container` is Docker's own, `address` where it listens."""

    def __init__(self, container: Any, address: Address, runner: "DockerRunner"):
        host, port = address
        self._printed = Log(silence_seconds=SILENCE_SECONDS)
        super().__init__(host, port, self._printed)
        self._container = container
        self._runner = runner
        self._following: Optional["asyncio.Task[None]"] = None

    async def stop(self) -> None:
        await self._runner.in_thread(remove, self._container)
        await asyncio.wait([self.exited], timeout=STOP_SECONDS)
        self.gone()

    async def ran_out_of_memory(self) -> bool:
        return bool(await self._runner.in_thread(killed_for_memory, self._container))

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

    def __init__(self, image: str, api_host: str, marker: Marker):
        self.image = image
        self.api_host = api_host
        self._marker = marker
        self._engine: Any = None
        self._pull: Optional["asyncio.Future[None]"] = None
        self._closing = Exit()
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="docker")

    async def start(self, action: Action) -> Container:
        if self._engine is None:
            self._engine = await self.in_thread(self._connect)
        await self._pulled()
        container, output, address = await self.in_thread(self._create_and_start, action)
        running = DockerContainer(container, address, self)
        running.follow(output)
        return running

    async def in_thread(
        self,
        work: Callable[..., Any],
        *arguments: Any,
    ) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, work, *arguments)

    def start_no_more(self) -> None:
        self._closing.happened()

    async def close(self) -> None:
        if self._pull is not None:
            self._pull.cancel()
        if self._engine is not None:
            self._engine.close()
        self._threads.shutdown()

    def _connect(self) -> Any:
        try:
            engine = connected()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise StartError(NOT_RUNNING.format(self.image), WHISK_ERROR) from error
        except OSError as error:
            raise StartError(NO_ENGINE.format(error, self.image), WHISK_ERROR) from error
        self._marker.note(DOCKER)
        return engine

    async def _pulled(self) -> None:
        """Those who ask for the same image at the same time wait for one and the same pull."""
        if self._pull is None or self._pull.done():
            self._pull = in_thread_of_its_own(self._pull_image)
        ends = [self._pull, self._closing.future]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self._closing.future.done():
            raise StartError(NO_RESOURCES, WHISK_ERROR)
        self._pull.result()

    def _pull_image(self) -> None:
        name, tag = docker_package().utils.parse_repository_tag(self.image)
        try:
            self._engine.images.pull(name, tag=tag or "latest")
        except (docker_package().errors.DockerException, OSError) as error:
            # The platform's rule: without a tag, or with this one, a copy that is here may be out
            # of date.
            if tag in (None, "latest"):
                raise StartError(PULL_FAILED.format(self.image)) from error

    def _create_and_start(self, action: Action) -> Tuple[Any, socket.socket, Address]:
        errors = docker_package().errors
        try:
            container = self._engine.containers.create(self.image, **self._arguments(action))
        except errors.ImageNotFound as error:
            raise StartError(PULL_FAILED.format(self.image)) from error
        except (errors.DockerException, OSError) as error:
            raise StartError(NO_RESOURCES, WHISK_ERROR) from error
        try:
            return (container, *started(container))
        except (errors.DockerException, OSError, LookupError) as error:
            raise start_error(self.image, error) from error

    def _arguments(self, action: Action) -> Dict[str, Any]:
        """Those of the platform's own `docker run`: no command, no user, no published port without
        need."""
        types = docker_package().types
        mark = self._marker.new_mark()
        ports = {f"{PORT}/tcp": ("127.0.0.1", None)} if in_virtual_machine() else None
        return {
            "name": container_name(mark, action),
            "labels": {LABEL: self._marker.token},
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


def connected() -> Any:
    """OSError when no engine answers: FileNotFoundError or ConnectionRefusedError where nobody
    listens."""
    docker = docker_package()
    try:
        engine = docker.from_env(timeout=PULL_SECONDS)
        engine.ping()
    except docker.errors.DockerException as error:
        raise kind_of(error)(str(error).splitlines()[0]) from error
    return engine


def kind_of(error: BaseException) -> Type[OSError]:
    """Docker's client wraps what the socket said several times over."""
    within: Optional[BaseException] = error
    while within is not None:
        if isinstance(within, (FileNotFoundError, ConnectionRefusedError)):
            return type(within)
        within = within.__cause__ or within.__context__
    return ConnectionError


def in_thread_of_its_own(work: Callable[[], None]) -> "asyncio.Future[None]":
    """Nobody waits for it when the program ends: a registry may need minutes to answer, or never
    do. The engine gives a pull up that nobody waits for."""
    done: "Future[None]" = Future()
    # From now on nobody can cancel it, and the thread can tell its end in any case.
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            work()
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    Thread(target=run, name="docker pull", daemon=True).start()
    return asyncio.wrap_future(done)


def in_virtual_machine() -> bool:
    """Where the engine's containers have no address of their own that this machine could reach."""
    return sys.platform == "darwin"


def address_of(container: Any) -> Address:
    container.reload()
    network = container.attrs["NetworkSettings"]
    if in_virtual_machine():
        return "127.0.0.1", int(network["Ports"][f"{PORT}/tcp"][0]["HostPort"])
    return network["Networks"]["bridge"]["IPAddress"], PORT


def container_name(mark: str, action: Action) -> str:
    token, number = mark.split(".")
    return re.sub(
        r"[^a-zA-Z0-9_.-]", "", f"wsk{token[:8]}_{number}_{action.namespace}_{action.name}"
    )


def started(container: Any) -> Tuple[socket.socket, Address]:
    """Its output and where it listens. One that can't be used doesn't stay."""
    output = None
    try:
        output = attached(container)
        container.start()
        return output, address_of(container)
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


def remove(container: Any) -> None:
    """At once and without asking, as on the platform."""
    with suppress(docker_package().errors.DockerException, OSError):
        container.remove(force=True, v=True)


def remove_containers(token: str) -> None:
    """Those that a gateway of that token has left; without an engine there are none."""
    with suppress(OSError):
        engine = connected()
        for container in engine.containers.list(all=True, filters={"label": f"{LABEL}={token}"}):
            remove(container)
        engine.close()

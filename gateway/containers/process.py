"""Runs a folder as a container: its own start command behind the adapter, a process on a port of
its own.

Touches the folder's Dockerfile (reads it), processes and ports of this machine."""

import asyncio
import os
import random
import shutil
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Dict, List, Optional, Set

import psutil

from gateway.containers.container import Container, Exit, Runner, StartError, platform_environ
from gateway.containers.dockerfile import dockerfile_of
from gateway.containers.leftovers import (
    MARK,
    Marker,
    family_of,
    kill,
    kill_marked,
    marked_processes,
)
from gateway.containers.logs import STREAMS, Log
from gateway.containers.startcommand import DEFAULT, Start, start_from_dockerfile, with_interpreter
from gateway.entities import Action

ADAPTER = Path(__file__).resolve().parents[2] / "openwhisk.py"
LOCALHOST = "127.0.0.1"
CANNOT_RUN = "The folder {} can't be run with {}: {}."
NO_FOLDER = "There is no folder {}: an image can be given another with --image NAME=WHERE."
# What a program needs to know of the machine; anything else in the gateway's environment is its
# own business.
HANDED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TZ",
    "TMPDIR",
    "LANG",
    "LANGUAGE",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
# Below the ports that outgoing connections use: whoever asks a port from among those again and
# again until somebody listens can end up connected to himself.
PORTS = range(26000, 32768)


class Output(asyncio.SubprocessProtocol):
    """What a process prints goes into `log`; its end is told."""

    def __init__(self) -> None:
        self.log = Log(on_room=self._listen_again)
        self.end = Exit()
        self._paused: List[asyncio.ReadTransport] = []
        self._process: Optional[asyncio.SubprocessTransport] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._process = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.log.feed(STREAMS[fd - 1], data)
        pipe = self._process.get_pipe_transport(fd) if self._process else None
        if self.log.crowded and isinstance(pipe, asyncio.ReadTransport):
            pipe.pause_reading()
            self._paused.append(pipe)

    def _listen_again(self) -> None:
        for pipe in self._paused:
            pipe.resume_reading()
        self._paused.clear()

    def pipe_connection_lost(self, fd: int, error: Optional[Exception]) -> None:
        self.log.feed(STREAMS[fd - 1], b"")

    def process_exited(self) -> None:
        self.end.happened()


class ProcessContainer(Container):
    """The process is the adapter; the model's server may be a child of it, in a session of its
    own."""

    stop_seconds = 2.0

    def __init__(
        self,
        port: int,
        mark: str,
        transport: asyncio.SubprocessTransport,
        output: Output,
        threads: ThreadPoolExecutor,
    ):
        super().__init__(LOCALHOST, port, output.log, output.end)
        self.mark = mark
        self._transport = transport
        self._threads = threads

    async def stop(self) -> None:
        """Asks first, so that a server can clean up; then ends whatever carries the mark, and what
        has lost it: a program that changes its title writes over it."""
        loop = asyncio.get_running_loop()
        family: List[psutil.Process] = []
        if not self.exited.done():
            pid = self._transport.get_pid()
            family = await loop.run_in_executor(self._threads, family_of, pid)
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
            await asyncio.wait([self.exited], timeout=self.stop_seconds)
        await loop.run_in_executor(self._threads, kill_marked, self.mark)
        kill(family)
        await self.exited
        self._transport.close()


class ProcessRunner(Runner):
    """Containers of one folder.

    A server that opens a port of its own can be there once, as a machine has that port once.
    Whether it does shows when the first one is ready; until then that one is all there is."""

    def __init__(
        self,
        folder: str,
        api_host: str,
        marker: Marker,
        python: Optional[str] = None,
    ):
        self.folder = Path(folder).resolve()
        self.api_host = api_host
        self.python = absolute_program(python or sys.executable)
        self.limit: Optional[int] = 1
        self._marker = marker
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="processes")

    async def start(self, action: Action) -> Container:
        start = self._start()
        port, mark = free_port(), self._marker.new_mark()
        command = with_interpreter(start.command, self.python)
        try:
            transport, output = await asyncio.get_running_loop().subprocess_exec(
                Output,
                self.python,
                str(ADAPTER),
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                cwd=self.folder,
                env=self._environ(start, port, mark, action),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise StartError(CANNOT_RUN.format(self.folder, self.python, error)) from error
        return ProcessContainer(port, mark, transport, output, self._threads)

    async def learn(self, container: Container) -> None:
        assert isinstance(container, ProcessContainer)
        loop = asyncio.get_running_loop()
        ports = await loop.run_in_executor(self._threads, listening_ports, container.mark)
        # Without its first port it was stopped meanwhile, and tells nothing.
        if container.port in ports:
            self.limit = 1 if len(ports) > 1 else None

    async def close(self) -> None:
        self._threads.shutdown()

    def _start(self) -> Start:
        if not self.folder.is_dir():
            raise StartError(NO_FOLDER.format(self.folder))
        text = dockerfile_of(self.folder)
        if text is None:
            return Start(DEFAULT, {})
        return start_from_dockerfile(text, machine_environ(self.python))

    def _environ(
        self,
        start: Start,
        port: int,
        mark: str,
        action: Action,
    ) -> Dict[str, str]:
        """Of the machine, of the image, of the platform, in this order."""
        return {
            **machine_environ(self.python),
            # What is printed belongs to the request that is being served, not to a later one.
            "PYTHONUNBUFFERED": "1",
            "OPENWHISK_EXPOSED": " ".join(start.exposed),  # as build.sh writes it into an image
            **start.environ,
            **platform_environ(action, self.api_host),
            "OPENWHISK_HOST": LOCALHOST,
            "OPENWHISK_PORT": str(port),
            MARK: mark,
        }


def machine_environ(python: str) -> Dict[str, str]:
    environ = {}
    for key, value in os.environ.items():
        if key in HANDED_ON or key.startswith("LC_"):
            environ[key] = value
    # Commands like uvicorn are to come from the interpreter's own environment.
    others = environ.get("PATH", os.defpath)
    environ["PATH"] = os.path.dirname(python) + os.pathsep + others
    return environ


def absolute_program(name: str) -> str:
    """Made absolute, not resolved: a virtual environment is known by the link's own place."""
    return os.path.abspath(shutil.which(name) or name)


def free_port() -> int:
    for port in [*random.sample(PORTS, 50), 0]:
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOCALHOST, port))
            return int(probe.getsockname()[1])
    raise StartError("There is no free port on this machine.")


def listening_ports(mark: str) -> Set[int]:
    ports: Set[int] = set()
    for process in marked_processes(mark):
        with suppress(psutil.Error, OSError):
            found = process.net_connections("tcp")
            ports |= {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}
    return ports

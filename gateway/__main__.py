"""The command line: python -m gateway. Touches arguments, the folders that they name, signals and the terminal."""

import argparse
import asyncio
import os
import re
import shutil
import signal
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

from gateway import server
from gateway.containers.url import address_from_url
from gateway.loopback import is_loopback
from gateway.puts import IMAGE
from gateway.settings import GUEST_KEY, NAMESPACE, Bounds, Settings
from gateway.web import NAME

EPILOG = """
FOLDER is short for an image of that folder's name and a web action on it:

  python -m gateway examples/max-digits
  curl http://localhost:3233/api/v1/web/guest/default/max-digits/model/metadata

wsk, wskdeploy and the npm client `openwhisk` work with --apihost http://localhost:3233 and the key of --auth;
without --auth it is the one that OpenWhisk documents for its standalone server.
An action's image is run by Docker unless --image says where else it is.
"""
# Where a gateway that listens on one of these is found from this machine.
LOCALHOST = ("127.0.0.1", "::1", "0.0.0.0", "::")
MOST = 1000000000
KEY = re.compile(r"[0-9A-Za-z-]+:\S+\Z")


class Usage(Exception):
    """What was wrong with the arguments, and what to do, in one sentence."""


class Plan(NamedTuple):
    """What the arguments ask for."""

    port: int
    data: str
    images: Dict[str, str]
    served: Tuple[str, ...]
    python: Optional[str]
    settings: Settings


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m gateway",
        description="A local OpenWhisk for Docker actions: the same URLs and commands, without a cluster.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("folders", nargs="*", metavar="FOLDER", help="a model server to run and serve as a web action")
    add("--port", type=int, default=3233, help="port to listen on; 0 for any free one (default: %(default)s)")
    add("--host", default=Settings().host, help="address to listen on (default: %(default)s, this machine alone)")
    add("--data", metavar="FILE", help=f"where actions and activations are kept (default: {default_data()})")
    add(
        "--image",
        action="append",
        default=[],
        metavar="NAME=WHERE",
        help="where the image NAME is: a folder, or http://host:port of an action that is already listening",
    )
    add("--auth", metavar="UUID:KEY", default=GUEST_KEY, help="credentials of the namespace guest")
    add("--python", metavar="INTERPRETER", help="Python that runs the folders (default: the gateway's own)")
    add_container_options(made, Settings())
    add_limit_options(made, Bounds())
    return made


def add_container_options(made: argparse.ArgumentParser, settings: Settings) -> None:
    add = made.add_argument_group("containers and what is left of them").add_argument
    helps = {
        "containers": ("N", settings.containers, "how many there may be at once"),
        "waiting": ("N", settings.waiting, "how many requests may wait for one; the next is refused with 429"),
        "idle": ("SECONDS", settings.idle_seconds, "when one that nobody asks is stopped"),
        "keep": ("N", settings.kept_activations, "how many activations are kept, the newest"),
    }
    for name, (unit, default, text) in helps.items():
        add(f"--{name}", type=int, metavar=unit, default=default, help=f"{text} (default: %(default)s)")


def add_limit_options(made: argparse.ArgumentParser, bounds: Bounds) -> None:
    group = made.add_argument_group("limits that an action may ask for")
    asked = {
        "memory": ("MB", bounds.memory, "the most that -m may ask for"),
        "timeout": ("MS", bounds.timeout, "the most that -t may ask for"),
        "concurrency": ("N", bounds.concurrency, "the most that -c may ask for"),
    }
    for name, (unit, (_, most), text) in asked.items():
        group.add_argument(f"--{name}-max", type=int, metavar=unit, default=most, help=f"{text} (default: %(default)s)")


def default_data() -> str:
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "serverless-max-models", "gateway.sqlite3")


def plan_from_arguments(arguments: List[str]) -> Plan:
    """Raises Usage; ends the program for --help and what argparse refuses."""
    given = parser().parse_args(arguments)
    if not 0 <= given.port <= 65535:
        raise Usage(f"--port {given.port} is not a port: give one from 1 to 65535, or 0 for any free one.")
    if not KEY.match(given.auth):
        raise Usage("--auth is not a key: expected UUID:KEY, both parts without spaces.")
    images = dict(image_from_text(text) for text in given.image)
    folders = dict(image_from_folder(folder) for folder in given.folders)
    if len(folders) < len(given.folders):
        raise Usage("Two of the folders have the same name, and so would their actions: rename one.")
    if given.python and not shutil.which(given.python):
        raise Usage(f"--python {given.python} is no program: give the path of a Python interpreter.")
    settings = Settings(
        given.host,
        key=given.auth,
        bounds=bounds_from_arguments(given),
        containers=number_from("--containers", given.containers, 1),
        waiting=number_from("--waiting", given.waiting, 1),
        idle_seconds=number_from("--idle", given.idle, 0),
        kept_activations=number_from("--keep", given.keep, 1),
    )
    data = given.data or default_data()
    return Plan(given.port, data, {**images, **folders}, tuple(folders), given.python, settings)


def bounds_from_arguments(given: argparse.Namespace) -> Bounds:
    bounds = Bounds()
    asked = {"memory": given.memory_max, "timeout": given.timeout_max, "concurrency": given.concurrency_max}
    for name, most in asked.items():
        least = getattr(bounds, name)[0]
        if most < least:
            raise Usage(f"--{name}-max {most} is below what every action may have: give at least {least}.")
        bounds = bounds._replace(**{name: (least, most)})
    return bounds


def number_from(option: str, given: int, least: int) -> int:
    if not least <= given <= MOST:
        raise Usage(f"{option} {given} is out of range: give a number from {least} to {MOST}.")
    return given


def image_from_text(text: str) -> Tuple[str, str]:
    name, equals, where = text.partition("=")
    if not equals or not IMAGE.match(name) or not where:
        raise Usage(f"--image {text} is not understood: expected NAME=FOLDER or NAME=http://host:port.")
    if "://" not in where:
        return name, existing_folder(where)
    try:
        address_from_url(where)
    except ValueError as error:
        raise Usage(f"--image {text}: {error}") from error
    return name, where


def image_from_folder(folder: str) -> Tuple[str, str]:
    path = existing_folder(folder)
    name = os.path.basename(path)
    if not NAME.match(name):
        raise Usage(f"The folder {name!r} can't name an action: rename it, or give it a name with --image.")
    return name, path


def existing_folder(folder: str) -> str:
    path = os.path.abspath(folder)
    if not os.path.isdir(path):
        raise Usage(f"There is no folder {path}: expected one with a model server in it.")
    return path


def start_lines(plan: Plan, port: int, served: List[str]) -> List[str]:
    """What is served, and what to type next."""
    host = plan.settings.host
    shown = f"[{host}]" if ":" in host else host
    shown = "localhost" if host in LOCALHOST else shown
    base = f"http://{shown}:{port}"
    lines = [f"OpenWhisk gateway at {base} (namespace {NAMESPACE}), data in {plan.data}"]
    lines += [f"  {name}  {base}/api/v1/web/{NAMESPACE}/default/{name}" for name in served]
    if not is_loopback(host):
        lines.append(f"  Warning: it listens on {host}, so others on the network can call these actions.")
        if plan.settings.key == GUEST_KEY:
            lines.append("  Warning: the key in use is public; give one of your own with --auth.")
    first = served[0] if served else None
    following = f"curl {base}/api/v1/web/{NAMESPACE}/default/{first}" if first else "wsk action list"
    setup = f"wsk property set --apihost {base} --auth {'UUID:KEY' if plan.settings.key != GUEST_KEY else GUEST_KEY}"
    lines += [f"  try:  {following}" if first else f"  set up wsk:  {setup}", "  stop: Ctrl-C"]
    return lines


async def run(plan: Plan) -> None:
    """Serves until a signal says that it's enough."""
    loop = asyncio.get_running_loop()
    enough = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, enough.set)
    running = await server.start(plan)
    try:
        print("\n".join(start_lines(plan, running.port, list(plan.served))), flush=True)
        await enough.wait()
    finally:
        await running.close()


def main(arguments: Optional[List[str]] = None) -> int:
    # JSON may be nested a thousand deep, which is as deep as the interpreter goes unless asked.
    sys.setrecursionlimit(5000)
    try:
        asyncio.run(run(plan_from_arguments(sys.argv[1:] if arguments is None else arguments)))
    except (Usage, server.CannotStart) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the arguments of `python -m gateway` ask for. Touches the folders that they name, and
tries the interpreter.

Imports nothing that isn't Python's own: --help works before anything is installed."""

import argparse
import difflib
import os
import re
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from typing import Dict, List, NoReturn, Tuple
from urllib.parse import quote

from gateway.containers.firstlook import doubts, obstacle
from gateway.containers.url import address_from_url, is_url
from gateway.loopback import base_url, is_loopback
from gateway.names import IMAGE, NAME
from gateway.settings import GUEST_KEY, MEGABYTE, NAMESPACE, Bounds, Plan, Settings
from gateway.version import version

DESCRIPTION = "A local OpenWhisk for Docker actions: the same URLs and commands, without a cluster."
EPILOG = """
FOLDER is short for an image of that folder's name and a web action on it:

  python -m gateway examples/max-digits
  curl http://localhost:3233/api/v1/web/guest/default/max-digits/model/metadata

wsk, wskdeploy and the npm client `openwhisk` work with --apihost http://localhost:3233 and the key
of --auth; without --auth it is the one that OpenWhisk documents for its standalone server.
An action's image is run by Docker unless --image says where else it is.
"""
MOST = 1000000000
KEY_VARIABLE = "OPENWHISK_GATEWAY_AUTH"
LONGEST_KEY = 10000
ASK_VERSION = "import sys; print('%d %d' % sys.version_info[:2])"
VERSION_SAID = re.compile(r"^(\d{1,3}) (\d{1,3})\Z", re.MULTILINE)
# Of the adapter, which runs with it.
OLDEST = (3, 6)
TRIAL_SECONDS = 5.0
MOST_SAID = 10000
LONGEST_SAID = 100
KEY = re.compile(r"[0-9A-Za-z-]+:\S+\Z")


class Usage(Exception):
    """What was wrong with the arguments, and what to do, in one sentence."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message.replace('argument --', '--', 1)} (--help lists the options).")


def parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="python -m gateway",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument(
        "folders",
        nargs="*",
        metavar="FOLDER",
        help="a model server to run and serve as a web action",
    )
    add_address_options(made)
    add_image_options(made)
    add_container_options(made, Settings())
    add_limit_options(made, Bounds())
    return made


def add_address_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--version", action="version", version=version())
    made.add_argument(
        "--port",
        type=whole_number,
        default=3233,
        help="port to listen on; 0 for any free one (default: %(default)s)",
    )
    made.add_argument(
        "--host",
        default=Settings().host,
        help="address to listen on (default: %(default)s, this machine alone)",
    )
    made.add_argument(
        "--data",
        metavar="FILE",
        help=f"where actions and activations are kept (default: {default_data()})",
    )


def add_image_options(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="NAME=WHERE",
        help="where the image NAME is: a folder, or http://host:port of an action that is already"
        " listening",
    )
    made.add_argument(
        "--auth",
        metavar="UUID:KEY",
        help="credentials of the namespace guest; others on this machine can read them here,"
        f" but not in a file or in the variable {KEY_VARIABLE}",
    )
    made.add_argument(
        "--auth-file",
        metavar="FILE",
        help="file with those credentials and nothing else",
    )
    made.add_argument(
        "--python",
        metavar="INTERPRETER",
        help="Python that runs the folders (default: the gateway's own)",
    )
    made.add_argument(
        "--reload",
        action="store_true",
        help="start a folder's containers anew when a file in it has changed",
    )


def add_container_options(made: argparse.ArgumentParser, settings: Settings) -> None:
    group = made.add_argument_group("containers and what is left of them")
    add_number(group, "containers", "N", settings.containers, "how many there may be at once")
    add_number(
        group,
        "waiting",
        "N",
        settings.waiting,
        "how many requests may wait for one; the next is refused with 429",
    )
    add_number(
        group, "idle", "SECONDS", settings.idle_seconds, "when one that nobody asks is stopped"
    )
    add_number(
        group,
        "keep",
        "N",
        settings.kept_activations,
        "how many activations are kept, the newest that fit into a data file of"
        f" {settings.kept_bytes // MEGABYTE} MB",
    )


def add_limit_options(made: argparse.ArgumentParser, bounds: Bounds) -> None:
    group = made.add_argument_group("limits that an action may ask for")
    add_number(group, "memory-max", "MB", bounds.memory[1], "the most that -m may ask for")
    add_number(group, "timeout-max", "MS", bounds.timeout[1], "the most that -t may ask for")
    add_number(group, "concurrency-max", "N", bounds.concurrency[1], "the most that -c may ask for")


def add_number(
    group: "argparse._ArgumentGroup", name: str, unit: str, default: int, text: str
) -> None:
    group.add_argument(
        f"--{name}",
        type=whole_number,
        metavar=unit,
        default=default,
        help=f"{text} (default: %(default)s)",
    )


def default_data() -> str:
    home = os.path.join(os.path.expanduser("~"), ".local", "state")
    state = os.environ.get("XDG_STATE_HOME") or home
    return os.path.join(state, "serverless-max-models", "gateway.sqlite3")


def plan_from_arguments(arguments: List[str]) -> Plan:
    """Raises Usage; ends the program for --help and --version."""
    known = parser()
    given, others = known.parse_known_args(arguments)
    if others:
        raise Usage(reason_of_unknown(others[0], known))
    if not 0 <= given.port <= 65535:
        raise Usage(
            f"--port {given.port} is not a port: give one from 1 to 65535, or 0 for any free one."
        )
    if given.data == "":
        raise Usage("--data is empty: give the path of a file, or leave it out.")
    images = dict(image_from_text(text) for text in given.image)
    folders = images_from_folders(given.folders)
    for where in {**images, **folders}.values():
        refuse_if_hopeless(where)
    if given.python:
        try_interpreter(given.python)
    return Plan(
        port=given.port,
        data=given.data or default_data(),
        images={**images, **folders},
        served=tuple(folders),
        python=given.python,
        settings=settings_from_arguments(given),
        reload=given.reload,
    )


def reason_of_unknown(argument: str, known: argparse.ArgumentParser) -> str:
    """What follows an equals sign may be a key: it isn't repeated."""
    if not argument.startswith("-"):
        return f"{argument} is apart from the other folders: name all of them in a row."
    name = argument.partition("=")[0]
    options = [option for action in known._actions for option in action.option_strings]
    close = difflib.get_close_matches(name[:LONGEST_SAID], options, 1)
    advice = f"did you mean {close[0]}?" if close else "--help lists those that there are."
    return f"There is no option {name}: {advice}"


def whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def key_from_arguments(given: argparse.Namespace) -> str:
    """Of the option, of a file, of the environment, else the public one. Raises Usage, which never
    tells a key."""
    if given.auth is not None and given.auth_file is not None:
        raise Usage("--auth and --auth-file are two keys for one namespace: leave one out.")
    where, key = "--auth", given.auth
    if given.auth_file is not None:
        where, key = f"--auth-file {given.auth_file}", key_from_file(given.auth_file)
    elif key is None and KEY_VARIABLE in os.environ:
        where, key = KEY_VARIABLE, os.environ[KEY_VARIABLE].strip()
    if key is None:
        return GUEST_KEY
    if not KEY.match(key):
        raise Usage(f"{where} is not a key: expected UUID:KEY, both parts without spaces.")
    return str(key)


def key_from_file(path: str) -> str:
    """Raises Usage."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(LONGEST_KEY).strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it isn't text"
        raise Usage(f"--auth-file {path} can't be read ({reason}).") from error


def settings_from_arguments(given: argparse.Namespace) -> Settings:
    """Raises Usage."""
    return Settings(
        given.host,
        key=key_from_arguments(given),
        bounds=bounds_from_arguments(given),
        containers=number_from("--containers", given.containers, 1),
        waiting=number_from("--waiting", given.waiting, 1),
        idle_seconds=number_from("--idle", given.idle, 0),
        kept_activations=number_from("--keep", given.keep, 1),
    )


def bounds_from_arguments(given: argparse.Namespace) -> Bounds:
    """Raises Usage."""
    asked = {
        "memory": given.memory_max,
        "timeout": given.timeout_max,
        "concurrency": given.concurrency_max,
    }
    bounds = Bounds()
    for name, most in asked.items():
        least = getattr(bounds, name)[0]
        if most < least:
            raise Usage(
                f"--{name}-max {most} is below what every action may have: give at least {least}."
            )
        bounds = bounds._replace(**{name: (least, most)})
    return bounds


def number_from(option: str, given: int, least: int) -> int:
    """Raises Usage."""
    if not least <= given <= MOST:
        raise Usage(f"{option} {given} is out of range: give a number from {least} to {MOST}.")
    return given


def image_from_text(text: str) -> Tuple[str, str]:
    """Raises Usage."""
    name, equals, where = text.partition("=")
    if not equals or not IMAGE.match(name) or not where:
        expected = "expected NAME=FOLDER or NAME=http://host:port"
        raise Usage(f"--image {text} is not understood: {expected}{hint_for_image(text)}.")
    if "://" not in where:
        return name, existing_folder(where)
    try:
        address_from_url(where)
    except ValueError as error:
        raise Usage(f"--image {text}: {error}") from error
    return name, where


def images_from_folders(folders: List[str]) -> Dict[str, str]:
    """Raises Usage."""
    found: Dict[str, str] = {}
    for folder in folders:
        name, path = image_from_folder(folder)
        other = found.get(name)
        if other == path:
            raise Usage(f"The folder {path} is given twice: leave one out.")
        if other is not None:
            raise Usage(
                f"{other} and {path} have the same name, and so would their actions: rename one."
            )
        found[name] = path
    return found


def image_from_folder(folder: str) -> Tuple[str, str]:
    """Raises Usage."""
    path = existing_folder(folder)
    name = os.path.basename(path)
    if not NAME.match(name):
        raise Usage(
            f"The folder {name!r} can't name an action: rename it, or give it a name with --image."
        )
    return name, path


def existing_folder(folder: str) -> str:
    """Raises Usage."""
    path = os.path.abspath(folder)
    if not os.path.isdir(path):
        expected = "expected one with a model server in it"
        raise Usage(f"There is no folder {path}: {expected}{hint_for_image(folder)}.")
    return path


def hint_for_image(text: str) -> str:
    """For what has a tag, and so is meant for an image of Docker's."""
    if ":" not in text or not IMAGE.match(text):
        return ""
    return f"; an image of Docker's runs after `wsk action create NAME --docker {text}`"


def try_interpreter(name: str) -> None:
    """Raises Usage for what isn't a Python that runs."""
    if not shutil.which(name):
        reason = reason_of_no_program(name)
        raise Usage(f"--python {name} is no program: {reason}")
    try:
        said = said_by([name, "-E", "-S", "-c", ASK_VERSION])
    except OSError as error:
        raise Usage(f"--python {name} can't be run ({error.strerror}).") from error
    version = VERSION_SAID.search(said)
    if version is None:
        raise Usage(
            f"--python {name} is no Python interpreter: asked for its version,"
            f" it said {said[:LONGEST_SAID]!r}."
        )
    if tuple(map(int, version.groups())) < OLDEST:
        raise Usage(f"--python {name} is Python {'.'.join(version.groups())}: 3.6 is the oldest.")


def said_by(command: List[str]) -> str:
    """What it prints, within a moment and a bounded length. Raises OSError."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        end = threading.Timer(TRIAL_SECONDS, kill_family, (process.pid,))
        end.start()
        try:
            assert process.stdout is not None
            return process.stdout.read(MOST_SAID).decode("utf-8", "replace").strip()
        finally:
            end.cancel()
            kill_family(process.pid)


def kill_family(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def reason_of_no_program(name: str) -> str:
    within = os.path.join(name, "bin", "python")
    if shutil.which(within):
        return f"did you mean {within}?"
    if os.path.isdir(name):
        return "it is a folder, and has no bin/python: give the path of a Python interpreter."
    if os.path.exists(name):
        return "it may not be executed: give the path of a Python interpreter."
    return "there is no such file: give the path of a Python interpreter."


def refuse_if_hopeless(where: str) -> None:
    """Raises Usage for a folder in which there is nothing to start."""
    reason = None if is_url(where) else obstacle(where)
    if reason is not None:
        raise Usage(reason)


def start_lines(plan: Plan, port: int) -> List[str]:
    """What is served, and what to type next."""
    base = base_url(plan.settings.host, port)
    web = f"{base}/api/v1/web/{NAMESPACE}/default/"
    lines = [f"OpenWhisk gateway at {base} (namespace {NAMESPACE}), data in {plan.data}"]
    lines += [f"  {name}  {web}{quote(name)}" for name in plan.served]
    lines += warnings(plan.settings) + warnings_of_folders(plan)
    if plan.served:
        lines.append(f"  try:  curl {web}{quote(plan.served[0])}")
    else:
        key = GUEST_KEY if plan.settings.key == GUEST_KEY else "UUID:KEY"
        lines.append(f"  set up wsk:  wsk property set --apihost {base} --auth {key}")
    return [*lines, "  stop: Ctrl-C"]


def warnings(settings: Settings) -> List[str]:
    if is_loopback(settings.host):
        return []
    lines = [
        f"  Warning: it listens on {settings.host},"
        " so others on the network can call these actions."
    ]
    if settings.key == GUEST_KEY:
        lines.append("  Warning: the key in use is public; give one of your own with --auth-file.")
    return lines


def warnings_of_folders(plan: Plan) -> List[str]:
    folders = [where for where in plan.images.values() if not is_url(where)]
    return [f"  Warning: {doubt}" for folder in folders for doubt in doubts(folder)]

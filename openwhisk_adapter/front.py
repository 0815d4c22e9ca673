"""The parts put together: touches the environment, the container's port and the signals."""

import os
import signal
import socket
import sys
import threading
from typing import Callable, List, Optional

from openwhisk_adapter import VERSION
from openwhisk_adapter.action import Action
from openwhisk_adapter.ending import Ending
from openwhisk_adapter.listener import BACKLOG, Listener
from openwhisk_adapter.log import Log
from openwhisk_adapter.messages import Refused
from openwhisk_adapter.model import Model
from openwhisk_adapter.settings import (
    SETTINGS,
    Settings,
    is_platform,
    settings_from_environ,
    variable,
)
from openwhisk_adapter.starting.signals import Signals

DEFAULT_COMMAND = ["python", "app.py"]


def model_from_arguments(arguments: List[str], explanation: str) -> Model:
    """Its port is open and answered from now on. A script of its own is left to the main thread."""
    if arguments and arguments[0].startswith("-"):
        sys.exit(answer_to_option(arguments[0], explanation))
    log = Log()  # before a socket could get the number of a stream that is closed
    try:
        settings = settings_from_environ(os.environ)
        listening = listening_socket(settings)
    except Refused as refusal:
        sys.exit(str(refusal))
    return started(arguments or DEFAULT_COMMAND, settings, listening, log)


def answer_to_option(option: str, explanation: str) -> Optional[str]:
    """What is to be said on stderr, if the option is none."""
    if option == "--version":
        print("openwhisk.py", VERSION)
        return None
    print(explanation)
    for name, value in Settings()._asdict().items():
        meaning = SETTINGS[name].meaning
        print("%s=%s\n    %s" % (variable(name), value, meaning))
    if option in ("-h", "--help"):
        return None
    return "\n%r is no start command: openwhisk.py has settings, not options" % option


def listening_socket(settings: Settings) -> socket.socket:
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        where = "%s, OPENWHISK_PORT=%d" % (settings.host, settings.port)
        raise Refused(502, "openwhisk.py can't listen on %s: %s" % (where, error))
    return listening


def started(
    command: List[str],
    settings: Settings,
    listening: socket.socket,
    log: Log,
) -> Model:
    platform = is_platform(settings, os.environ)
    signals = Signals()
    model = Model(command, settings, log, signals)
    action = Action(model, settings, log)
    listener = Listener(listening, action, model, platform, log)
    ending = Ending(listener.is_idle, model.stop, log)
    model.when_ready(lambda server: server.listen(listener))
    action.when_burning(ending.give_up)
    listener.when_closed(ending.give_up)
    signal.signal(
        signal.SIGCHLD, signal.SIG_DFL
    )  # ignored by whoever started us, ends would go unseen
    signals.install(ending.begin)
    log.line("openwhisk.py %s: %s" % (VERSION, whom_it_serves(platform)))
    for work in (listener.accept_for_ever, action.watch_deadlines):
        start_thread(work)
    if settings.preload:
        start_thread(model.preload)
    load_what_the_end_of_a_thread_needs()
    return model


def whom_it_serves(platform: bool) -> str:
    if platform:
        return "/init and /run are OpenWhisk's"
    return "a plain HTTP server; __OW_API_HOST or OPENWHISK_PLATFORM=yes would make it an action"


def start_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


def load_what_the_end_of_a_thread_needs() -> None:
    """The first end of a thread loads a library: while there is a file for it."""
    thread = threading.Thread(target=bool)
    thread.start()
    thread.join()

"""The model: started when it is needed, and again when it has died. Knows how it is started."""

import contextlib
import enum
import os
import threading
import time
from typing import TYPE_CHECKING, Callable, Dict, List, Optional

from openwhisk_adapter.addresses import prefix_from_name
from openwhisk_adapter.log import Log
from openwhisk_adapter.messages import Refused
from openwhisk_adapter.servers import Server, Unreachable
from openwhisk_adapter.settings import Settings
from openwhisk_adapter.starting import Started
from openwhisk_adapter.starting.commands import Program, program_from_command, this_interpreter
from openwhisk_adapter.starting.signals import Signals
from openwhisk_adapter.starting.sockets import free_ports
from openwhisk_adapter.starting.wanted import TELLING, Config, Plan, Spare, plan_from_command

if TYPE_CHECKING:
    from openwhisk_adapter.starting.script import (
        Script,  # each way to start is loaded when it is taken
    )

LONGEST_PAUSE = 0.25  # seconds between two looks for a port
DYING = 0.5  # seconds that a server may take to end after it has given no answer
NO_LIMIT = 86400.0
NOT_IN_TIME = "the model wasn't ready in time"
MORE_TIME = "; it needs more time (a higher limit, -t)"
OWN_PROCESS = "the program replaces Python's threads or sockets: it gets a process of its own"
NO_PREFIX = "its pages don't know where they live: told so, a Starlette before 0.35 finds no route"
ANOTHER_PORT = (
    "; none of them is the model's, as far as can be told: OPENWHISK_TARGET says which is"
)


class State(enum.Enum):
    """The life of a model; each arrow is one method, and nobody else changes anything.

    ASLEEP  -- _begin -->       LOADING   somebody needs it
    LOADING -- _be_ready -->    READY     its app was taken, or its port found
    READY   -- _be_taken -->    READY     its app was taken after a port had been found
    LOADING -- _end -->         ENDED     it came to its end before that
    READY   -- look_again -->   LOADING   its server isn't where it was, though its process lives
    READY   -- _end -->         ENDED     it has died
    ENDED   -- _begin -->       LOADING   somebody needs it again
    """

    ASLEEP = "asleep"
    LOADING = "loading"
    READY = "ready"
    ENDED = "ended"


class NotLoaded(Refused):
    """Why there is no model to ask, in a sentence; its last words are for its owner."""

    def __init__(self, reason: str, last_words: List[str]) -> None:
        super().__init__(502, reason)
        self.last_words = "\n".join(last_words)


class Model:
    def __init__(
        self,
        command: List[str],
        settings: Settings,
        log: Log,
        signals: Signals,
    ) -> None:
        self.command = command
        self._settings = settings
        self._log = log
        self._signals = signals
        self._when_ready: Optional[Callable[[Server], None]] = None
        self._changed = threading.Condition()
        self._loading = threading.Lock()
        self._state = State.ASLEEP
        self._started: Optional[Started] = None
        self._server: Optional[Server] = None
        self._script: Optional[Script] = None
        self._script_is_due = threading.Event()
        self._plan: Optional[Plan] = None
        self._needs_own_process = False
        self._how_it_ended = ""
        self._load_seconds = 0.0

    # -- what others may ask ---------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._state

    @property
    def server(self) -> Optional[Server]:
        """The one to ask, if it is ready."""
        return self._server

    def when_ready(self, tell: Callable[[Server], None]) -> None:
        self._when_ready = tell

    def use(self, settings: Settings) -> None:
        """For a model that isn't started yet."""
        self._settings = settings

    def load_seconds(self) -> float:
        """How long loading has taken, told once."""
        seconds, self._load_seconds = self._load_seconds, 0.0
        return seconds

    def load(self, seconds: float = NO_LIMIT) -> Server:
        """The server, once it is ready; NotLoaded when it can't be, or not within this time."""
        began = time.monotonic()
        if not self._loading.acquire(timeout=seconds):
            raise self._not_loaded("the model is still being loaded for another request")
        try:
            return self._wait_until_ready(began, seconds)
        finally:
            self._loading.release()
            self._load_seconds += time.monotonic() - began

    def stop(self) -> None:
        if self._started is not None:
            self._started.stop()

    def preload(self) -> None:
        with contextlib.suppress(Exception):  # /init tries again, and tells
            self.load()

    # -- the arrows ------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._log.tail.clear()
        self._log.tail.telling = TELLING
        self._how_it_ended = ""
        self._state = State.LOADING
        try:
            self._started = self._start()
        except BaseException as error:
            self._end(str(error))
            raise

    def _be_taken(self, app: Server) -> None:
        """Better than any port that the program has opened before it came to serve its app."""
        with self._changed:
            if self._server is app:  # a look was faster
                return
            if self._state is State.READY:
                self._state = State.LOADING
            self._be_ready(app)

    def _be_ready(self, server: Server) -> None:
        with self._changed:
            if self._state is not State.LOADING:
                return
            self._server = server
            self._state = State.READY
            self._log.tail.telling = ()
            self._changed.notify_all()
        if self._when_ready is not None:
            self._when_ready(server)

    def _end(self, how: str) -> None:
        with self._changed:
            self._how_it_ended = how
            self._server = None
            self._state = State.ENDED
            self._changed.notify_all()

    def look_again(self, server: Server, failure: Unreachable) -> None:
        with self._changed:
            if self._server is not server or self._started is None:
                return
            self._started.mistaken(server, failure)
            self._server = None
            self._state = State.LOADING
            self._changed.notify_all()

    # -- being loaded ------------------------------------------------------------------------------

    def _wait_until_ready(self, began: float, seconds: float) -> Server:
        """Started at most once: whose end may be known only after its port was missed."""
        has_begun = False
        while True:
            if self._state in (State.ASLEEP, State.ENDED):
                if has_begun:
                    raise self._not_loaded("the model couldn't be loaded")
                has_begun = True
                self._begin()
            looked = time.monotonic()
            if self._state is State.LOADING:
                self._look()
            if self._server is not None:
                return self._server
            now = time.monotonic()
            if self._state is State.LOADING and now - began > seconds:
                raise self.not_in_time()
            self._wait_for_change(self._pause(now - looked, now - began))

    def _pause(self, look: float, waited: float) -> float:
        """Longer where a look or the start takes long, never so long that somebody would notice."""
        shortest = self._started.shortest_pause if self._started else 0.0
        return min(max(shortest, 2 * look, waited / 100), LONGEST_PAUSE)

    def _wait_for_change(self, seconds: float) -> None:
        with self._changed:
            if self._state is State.LOADING:
                self._changed.wait(seconds)

    def _look(self) -> None:
        started = self._started
        server = started.look() if started is not None else None
        if started is not None and server is not None:
            self._be_ready(server)
            where = started.where(server)
            if where:
                self._log.once(where)

    def _start(self) -> Started:
        self._take_variables_back()
        prefix = prefix_from_name(os.environ.get("__OW_ACTION_NAME", ""))
        spare = Spare(*free_ports(len(Spare._fields)))
        plan = plan_from_command(self.command, os.environ, self._settings, prefix, spare)
        self._plan = plan
        if plan.config is not None:
            plan.variables.update(self._variables_for_config(plan.config))
        environ = dict(os.environ, **plan.variables)
        program = program_from_command(self.command, this_interpreter(), environ)
        if self._needs_own_process:
            program = None
        if program is None and not self._settings.app:
            return self._start_child(plan, environ)
        os.environ.update(plan.variables)
        return self._start_script(plan, program)

    def _take_variables_back(self) -> None:
        """Else those of a script that has died would look like the image's own."""
        if self._plan is not None:
            for name, value in self._plan.variables.items():
                if os.environ.get(name) == value:
                    del os.environ[name]

    def _variables_for_config(self, config: Config) -> Dict[str, str]:
        from openwhisk_adapter.starting.config import variables_for_config

        return variables_for_config(config, self.command, os.environ)

    def _start_child(self, plan: Plan, environ: Dict[str, str]) -> Started:
        from openwhisk_adapter.starting.packages import loses_its_routes
        from openwhisk_adapter.starting.process import Child

        if "UVICORN_ROOT_PATH" in plan.variables and loses_its_routes(self.command):
            self._log.once(NO_PREFIX)
            del environ["UVICORN_ROOT_PATH"]
        command = self.command + list(plan.arguments)
        return Child(
            command,
            environ,
            plan.wanted,
            self._settings.port,
            self._log,
            self._end,
        )

    def _start_script(self, plan: Plan, program: Optional[Program]) -> Started:
        from openwhisk_adapter.starting.script import Script

        script = Script(
            program,
            self._settings.app,
            plan.wanted,
            self._settings.port,
            self._log,
            self._be_taken,
            self._end,
            self._go_elsewhere,
            self._signals,
        )
        self._script = script
        self._script_is_due.set()
        return script

    def _go_elsewhere(self) -> None:
        """By a program that is about to do to this process what the adapter wouldn't survive."""
        self._needs_own_process = True
        assert self._plan is not None
        self._log.line(OWN_PROCESS)
        try:
            self._started = self._start_child(self._plan, dict(os.environ))
        except Exception as error:
            self._end(str(error))

    def script(self) -> "Script":
        """For the main thread, where a script runs: the next one that is due."""
        while not self._script_is_due.wait(
            0.1
        ):  # a longer wait would keep signals from this thread
            pass
        self._script_is_due.clear()
        assert self._script is not None
        return self._script

    # -- what is told when it isn't ----------------------------------------------------------------

    def settle_log(self) -> None:
        """What it has printed so far belongs to this activation."""
        if self._started is not None:
            self._started.settle_log()

    def unanswered(self, failure: Exception) -> NotLoaded:
        """What became of a server that gave no answer: it may have died of the question."""
        if self._started is not None and self._started.has_ended_within(DYING):
            return self._not_loaded("the model's server died during this request")
        return self._not_loaded("the model's server gave no whole answer: %s" % failure)

    def not_in_time(self) -> NotLoaded:
        return self._not_loaded(self.why_not_ready() or NOT_IN_TIME)

    def why_not_ready(self) -> str:
        """For one whose time is over; nothing if the model isn't being loaded."""
        if self._state is not State.LOADING or self._started is None:
            return ""
        missing = self._started.what_is_missing()
        is_time_missing = self._started.is_time_missing()
        cause = self._cause(self._log.tail.lines())
        reason = NOT_IN_TIME + ": " + (missing or "it is still being loaded and has opened no port")
        if cause:
            return "%s. %s" % (reason, cause)
        return reason + (MORE_TIME if is_time_missing else ANOTHER_PORT)

    def _not_loaded(self, reason: str) -> NotLoaded:
        if self._started is not None:
            self._started.settle_log()
        last_words = self._log.tail.lines()
        if self._how_it_ended:
            reason += ": %s" % self._how_it_ended
            cause = self._cause(last_words)
            reason += ". " + cause if cause else ""
        return NotLoaded(reason, last_words)

    def _cause(self, last_words: List[str]) -> str:
        from openwhisk_adapter.starting.causes import cause_from_lines

        if self._plan is None:
            return ""
        return cause_from_lines(last_words, self._plan, self._settings.port)

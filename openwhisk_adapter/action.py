"""/init and /run, answered by one model: touches the model, the clock and the log."""

import contextlib
import os
import threading
from time import monotonic, sleep, time
from typing import Any, Callable, Dict, Iterator, Optional, Set

from openwhisk_adapter.ending import end_copy
from openwhisk_adapter.envelope import (
    activation_from_json,
    checked,
    object_from_json,
    text_from_value,
)
from openwhisk_adapter.log import Log, flush
from openwhisk_adapter.messages import Refused, Request, Response
from openwhisk_adapter.model import Model, NotLoaded, State
from openwhisk_adapter.request import request_from_params, wants_websocket
from openwhisk_adapter.result import redirected_to_slash, result_and_json
from openwhisk_adapter.servers import Call, Server, Unanswered, Unreachable
from openwhisk_adapter.settings import Settings, settings_from_environ
from openwhisk_adapter.sinks import Sink

Reply = Callable[[int, bytes], None]

NO_LIMIT = 86400.0  # seconds: of an activation without a deadline, or after a clock has jumped
LONGEST_LIMIT = 300  # seconds: a platform allows no more, unless its operator does
LOOK = 0.05  # seconds between two looks for deadlines
MOST_TRIES = 8  # of a request that nobody has begun to answer
LINGER = 5.0  # seconds that a prediction may go on after its time was over
STILL_RUNS = (
    "%s %s still runs %d s after its time was over, and would slow down all that comes:"
    " this container ends, the next request gets a fresh one"
)
STILL_BUSY = "the model was still busy shortly before its limit, %s: `%s` gives it more time"
CANT_BE_CARRIED = "this request or its answer can't be carried: the activation's log says why"
NEVER_THERE = "the model's server was found %d times, and was gone when it was asked: %s"
NO_WEBSOCKETS = (
    "this page needs a WebSocket, and OpenWhisk carries none: it answers one request at a time"
    " (Streamlit and the like don't work as actions)"
)
MORE_THAN_ONCE = "Cannot initialize the action more than once."
CODE_IS_IGNORED = "This image is a model and takes no code: what came with the action is ignored"
NOT_RAW = "This web action isn't raw: what the platform merges, sorts or drops is lost (--web raw)"
TOO_LATE_FOR_VARIABLES = (
    "The model runs since before /init: the action's own variables came too late for it"
)


class Limits:
    """How long an activation may take: all of it, and the part of it that is the model's."""

    def __init__(self, deadline: Any) -> None:
        self.seconds = seconds_until(deadline)
        self.patience = self.seconds - min(1.0, self.seconds / 10)


def seconds_until(deadline: Any) -> float:
    """Epoch milliseconds, as a string."""
    try:
        seconds = float(deadline) / 1000 - time()
    except (TypeError, ValueError, OverflowError):
        return NO_LIMIT
    return seconds if 0 < seconds < NO_LIMIT else NO_LIMIT


class Question:
    """One call of the platform's, answered exactly once: by whoever comes first."""

    def __init__(self, reply: Reply) -> None:
        self.is_answered = threading.Event()
        self._reply = reply
        self._claim = threading.Lock()

    def wait_for_answer(self) -> None:
        """Another thread's may just be on its way."""
        self.is_answered.wait(60)

    def _is_first(self) -> bool:
        return self._claim.acquire(blocking=False)  # and never released

    def _say(self, status: int, written: bytes) -> None:
        try:
            self._reply(status, written)
        finally:
            self.is_answered.set()


class Activation(Question):
    """One /run, answered by the model, the deadline or a failure."""

    def __init__(
        self,
        reply: Reply,
        settings: Settings,
        log: Log,
        settle_log: Callable[[], None],
    ) -> None:
        super().__init__(reply)
        self.request = Request("POST", "/run", plain=True)
        self.call: Optional[Call] = None
        self.began = monotonic()
        self.due = float("inf")
        self.limits = Limits(None)
        self.reason = ""
        self._settings = settings
        self._log = log
        self._settle_log = settle_log
        self._pid = os.getpid()

    def is_for(self, activation: Dict[str, Any]) -> None:
        self.limits = Limits(activation.get("deadline"))
        self.due = self.began + self.limits.patience
        self.reason = too_late(self.limits.seconds, activation.get("action_name"))

    def answer(self, response: Response) -> None:
        response = redirected_to_slash(response, self.request)
        _, written = result_and_json(response, self.request, self._settings)
        flush()  # before the claim: if it never ends, the deadline still answers
        if self._is_first():
            self._send(response, written)

    def expire(self, why_not_ready: str) -> None:
        """By the one who watches deadlines: no line of the model's code may keep that thread."""
        refusal = Refused(504, why_not_ready or self.reason).response
        _, written = result_and_json(refusal, self.request, self._settings)
        if self._is_first():
            try:
                self._send(refusal, written)
            finally:
                if self.call is not None:
                    self.call.abandon()

    @contextlib.contextmanager
    def failures_answered(self) -> Iterator[None]:
        try:
            yield
        except Refused as refusal:
            self.answer(refusal.response)
        except BaseException:
            self._log.exception()
            self.answer(Refused(500, CANT_BE_CARRIED).response)

    def _is_first(self) -> bool:
        end_copy(self._pid)
        return super()._is_first()

    def _send(self, response: Response, written: bytes) -> None:
        with contextlib.suppress(BaseException):  # nobody else can answer any more
            self._end_log(response)
        self._say(200, written)

    def _end_log(self, response: Response) -> None:
        self._settle_log()
        milliseconds = (monotonic() - self.began) * 1000
        words = (
            self.request.method,
            self.request.path,
            response.status,
            milliseconds,
            len(response.body),
        )
        self._log.end_activation("%s %s %d %.0f ms %d bytes" % words)


class Initialization(Question):
    """One /init, answered by who loads the model and warms it up, or when it is due."""

    def __init__(
        self,
        reply: Reply,
        log: Log,
        settle_log: Callable[[], None],
        allow_another: Callable[[], None],
    ) -> None:
        super().__init__(reply)
        self.warm_up: Optional[Call] = None
        self._log = log
        self._settle_log = settle_log
        self._allow_another = allow_another

    def succeed(self) -> None:
        if self._is_first():
            self._say(200, b'{"ok":true}')

    def fail(self, error: Exception) -> None:
        if self._is_first():
            self._allow_another()
            flush()
            self._settle_log()
            self._log.end_activation()
            response = Refused(502, for_the_owner(error)).response
            self._say(response.status, response.body)


def too_late(seconds: float, action_name: Any) -> str:
    more = min(int(seconds * 2 + 1), LONGEST_LIMIT)
    limit = "%.1f s" % seconds
    if more <= seconds:
        return "the model was still busy shortly before its limit, %s" % limit
    name = action_name or "ACTION"
    command = "wsk action update %s -t %d" % (name, more * 1000)
    return STILL_BUSY % (limit, command)


class Action:
    def __init__(
        self,
        model: Model,
        settings: Settings,
        log: Log,
    ) -> None:
        self.settings = settings
        self._model = model
        self._log = log
        self._is_initialized = threading.Lock()
        self._running: Set[Activation] = set()
        self._give_up: Optional[Callable[[str], None]] = None

    def when_burning(self, give_up: Callable[[str], None]) -> None:
        """What ends this process: a prediction that nobody waits for slows down every later one."""
        self._give_up = give_up

    # -- /init -------------------------------------------------------------------------------------

    def init(self, body: bytes, reply: Reply) -> None:
        if not self._is_initialized.acquire(blocking=False):
            raise Refused(403, MORE_THAN_ONCE)
        init = Initialization(
            reply,
            self._log,
            self._model.settle_log,
            self._is_initialized.release,
        )
        try:
            patience = self._configured(body)
            with called_after(patience, lambda: self._end_init(init)):
                self._load(init, patience)
        except Exception as error:
            init.fail(error)
        else:
            init.succeed()
        init.wait_for_answer()

    def _end_init(self, init: Initialization) -> None:
        """Its time is over. What goes on in this process goes on by itself."""
        if init.warm_up is None:
            init.fail(self._model.not_in_time())
            return
        init.succeed()
        init.warm_up.abandon()

    def _load(self, init: Initialization, patience: float) -> None:
        server = self._model.load(patience)
        if self.settings.warmup and not init.is_answered.is_set():
            with contextlib.closing(server.call()) as call:
                init.warm_up = call
                self._warm_up(call)

    def _warm_up(self, call: Call) -> None:
        from openwhisk_adapter.warmup import warm_up

        said = warm_up(call, self.settings.warmup)
        self._model.settle_log()
        self._log.line(said)

    def _configured(self, body: bytes) -> float:
        """How long it may take."""
        value = checked(object_from_json(body), "value", dict, {})
        if value.get("code"):
            self._log.once(CODE_IS_IGNORED)
        sent = checked(value, "env", dict, {})
        environ = {}
        for name, member in sent.items():
            if name != "__OW_API_KEY":
                environ[name] = text_from_value(member)
        deadline = environ.get("__OW_DEADLINE")
        if self._model.state in (State.ASLEEP, State.ENDED):
            settings = settings_from_environ(dict(os.environ, **environ))
            os.environ.update(environ)
            self.settings = settings
            self._model.use(settings)
        else:
            self._take_names(environ)
        return Limits(deadline).patience

    def _take_names(self, environ: Dict[str, str]) -> None:
        """A model that runs already isn't told other settings than it was started with."""
        for name, text in environ.items():
            if name.startswith("__OW_"):
                os.environ[name] = text
            else:
                self._log.once(TOO_LATE_FOR_VARIABLES)

    # -- /run --------------------------------------------------------------------------------------

    def run(self, body: bytes, reply: Reply) -> None:
        server = self._model.server
        call = server.call() if server is not None else None
        try:
            activation = self.begin(reply)
            activation.call = call
            with activation.failures_answered():
                self.read(body, activation)
                activation.answer(self._answer(activation, server))
            self.end(activation)
        finally:
            if call is not None:
                call.close()

    def begin(self, reply: Reply) -> Activation:
        activation = Activation(
            reply,
            self.settings,
            self._log,
            self._model.settle_log,
        )
        self._running.add(activation)
        return activation

    def end(self, activation: Activation) -> None:
        """Nothing of it runs any more."""
        activation.wait_for_answer()
        self._running.discard(activation)

    def read(self, body: bytes, activation: Activation) -> None:
        sent = activation_from_json(body)
        activation.is_for(sent)
        params = checked(sent, "value", dict, {})
        if wants_websocket(params):
            self._log.once(NO_WEBSOCKETS)
            raise Refused(501, NO_WEBSOCKETS)
        is_web_request = "__ow_headers" in params and "__ow_method" in params
        if is_web_request and "__ow_query" not in params:
            self._log.once(NOT_RAW)
        sent["api_host"] = os.environ.get("__OW_API_HOST")
        activation.request = request_from_params(params, sent, self.settings)

    def timed(self, response: Response, seconds: float) -> Response:
        """The client learns where the time went."""
        timing = "model;dur=%.1f" % (seconds * 1000)
        load_seconds = self._model.load_seconds()
        if load_seconds:
            timing += ", load;dur=%.1f" % (load_seconds * 1000)
        headers = response.headers + [("Server-Timing", timing)]
        return response._replace(headers=headers)

    def _answer(self, activation: Activation, server: Optional[Server]) -> Response:
        if not self.settings.stream:
            return self._asked(activation, server, None)
        return self._streamed(activation, server)

    def _streamed(self, activation: Activation, server: Optional[Server]) -> Response:
        from openwhisk_adapter import streaming

        relayed = streaming.relayed_from_request(activation.request)
        if relayed is None:
            return self._asked(activation, server, None)
        activation.request = relayed.request
        stream = streaming.stream_to(relayed, self.settings.stream, self._log.line)
        if stream is None:
            return self._asked(activation, server, None)
        try:
            response = self._asked(activation, server, stream)
        except Refused as refusal:
            stream.add(refusal.response.body)  # the relay's client sees nothing else
            raise
        finally:
            stream.close()
        return streaming.what_was_streamed(response) if stream.is_whole else response

    def _asked(
        self,
        activation: Activation,
        server: Optional[Server],
        sink: Optional[Sink],
    ) -> Response:
        reason = ""
        for _ in range(MOST_TRIES):
            if server is None:
                server = self._model.load(activation.limits.seconds)
                if activation.is_answered.is_set():
                    raise Refused(504, activation.reason)  # nobody waits for what it would do
            if activation.call is None:
                activation.call = server.call()
            began = monotonic()
            try:
                response = activation.call.answer(activation.request, sink)
                return self.timed(response, monotonic() - began)
            except Unreachable as failure:
                self._model.look_again(server, failure)
                activation.call.close()
                activation.call = server = None
                reason = str(failure)
            except Unanswered as failure:
                raise self._model.unanswered(failure)
        raise Refused(502, NEVER_THERE % (MOST_TRIES, reason))

    # -- deadlines ---------------------------------------------------------------------------------

    def is_answering(self) -> bool:
        running = list(self._running)
        return any(not activation.is_answered.is_set() for activation in running)

    def watch_deadlines(self) -> None:
        """One thread that looks now and then: a timer for each run would cost each run a thread."""
        while True:
            try:
                sleep(LOOK)
                self._look_at_deadlines(monotonic())
            except BaseException as error:  # a library that a model has patched, say
                self._log.error("a deadline was missed: %s" % error)

    def _look_at_deadlines(self, now: float) -> None:
        running = list(self._running)
        for activation in running:
            if now > activation.due and not activation.is_answered.is_set():
                activation.expire(self._model.why_not_ready())
        asked = [activation for activation in running if activation.call is not None]
        late = [activation for activation in asked if now > activation.due + LINGER]
        if late and not self.is_answering() and self._give_up is not None:
            request = late[0].request
            words = (request.method, request.path, LINGER)
            self._give_up(STILL_RUNS % words)


@contextlib.contextmanager
def called_after(
    seconds: float,
    step: Callable[[], None],
) -> Iterator[None]:
    """Unless what is done meanwhile comes to its end."""
    timer = threading.Timer(seconds, step)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def for_the_owner(error: Exception) -> str:
    """/init's error is seen by whoever owns the action alone."""
    if isinstance(error, NotLoaded) and error.last_words:
        return "%s\n%s" % (error, error.last_words)
    return str(error)

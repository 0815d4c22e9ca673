"""Judges what a container answered to /init and /run as the platform does. Touches nothing."""

from typing import Any, NamedTuple, Optional

from gateway.entities import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS, WHISK_ERROR
from gateway.http import jsontext

REPLY_LIMIT = 1048576

EXITED_IN_INIT = "The action did not initialize and exited unexpectedly."
EXITED_IN_RUN = "The action did not produce a valid response and exited unexpectedly."
OUT_OF_MEMORY = "The action exhausted its memory and was aborted."
OVER_TIME = "The action exceeded its time limits of {} milliseconds."
OVER_TIME_IN_INIT = "The action exceeded its time limits of {} milliseconds during initialization."
INVALID_INIT = "The action failed during initialization"
INVALID_RUN = "The action did not produce a valid JSON or JSON Array response"
TOO_LONG = (
    "The action produced a response that exceeded the allowed length: {} > {} bytes."
    " The truncated response was: {}"
)


class Reply(NamedTuple):
    """A container's answer. `text` is cut at the limit; `length` is the Content-Length it came
    with."""

    status: int
    text: str
    length: int

    @property
    def truncated(self) -> bool:
        return self.length > REPLY_LIMIT


class Outcome(NamedTuple):
    status: str
    result: Any
    size: int = 0
    timed_out: bool = False

    @property
    def container_usable(self) -> bool:
        return self.status in (SUCCESS, APPLICATION_ERROR)


def outcome_from_reply(reply: Optional[Reply]) -> Outcome:
    """`reply` is what came from /run; None when there was none that the platform would take."""
    if reply is None:
        return developer_error(EXITED_IN_RUN)
    if reply.truncated:
        return failure(APPLICATION_ERROR, too_long(reply), reply.length)
    value = json_from_text(reply.text)
    size = size_of(reply.text)
    if reply.status != 200:
        return developer_error(error_in(value, reply.text, INVALID_RUN), size)
    if isinstance(value, dict) and "error" in value:
        return failure(APPLICATION_ERROR, value["error"], size)
    if isinstance(value, (dict, list)):
        return Outcome(SUCCESS, value, size)
    return developer_error(with_text(INVALID_RUN, reply.text), size)


def failure_from_init_reply(reply: Optional[Reply]) -> Optional[Outcome]:
    """None when /init succeeded: the platform looks at the status alone, not at the body."""
    if reply is None:
        return developer_error(EXITED_IN_INIT)
    if reply.truncated:
        return developer_error(too_long(reply), reply.length)
    if reply.status == 200:
        return None
    error = error_in(json_from_text(reply.text), reply.text, INVALID_INIT)
    return developer_error(error, size_of(reply.text))


def out_of_time(milliseconds: int, in_init: bool) -> Outcome:
    text = OVER_TIME_IN_INIT if in_init else OVER_TIME
    return developer_error(text.format(milliseconds))._replace(timed_out=True)


def developer_error(error: Any, size: int = 0) -> Outcome:
    return failure(DEVELOPER_ERROR, error, size)


def whisk_error(error: Any) -> Outcome:
    return failure(WHISK_ERROR, error)


def failure(status: str, error: Any, size: int = 0) -> Outcome:
    return Outcome(status, {"error": error}, size)


def error_in(value: Any, text: str, otherwise: str) -> Any:
    if isinstance(value, dict) and "error" in value:
        return value["error"]
    return with_text(otherwise, text)


def with_text(message: str, text: str) -> str:
    return f"{message}: {text}" if text else f"{message}."


def too_long(reply: Reply) -> str:
    return TOO_LONG.format(reply.length, REPLY_LIMIT, reply.text)


def size_of(text: str) -> int:
    """The platform counts what Java calls characters."""
    return len(text.encode("utf-16-le")) // 2


def json_from_text(text: str) -> Any:
    """None for what is not JSON, which no caller needs to tell from `null`."""
    try:
        return jsontext.value_from_text(text)
    except (ValueError, RecursionError):
        return None

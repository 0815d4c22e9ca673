"""The JSON of /init and /run; base64 is carried past json both ways. Touches nothing."""

import binascii
import math
from json import dumps, loads  # as they are now: a model may put others in their place
from typing import Any, Dict, Mapping, Type, TypeVar

from openwhisk_adapter.messages import Refused

LONGEST_NUMBER = 100  # characters; the platform reads no longer one
ALL_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
BODY_MEMBER = b'"__ow_body":"'  # as the platform writes it

Kind = TypeVar("Kind")


class Base64(str):
    """Text in which no character needs an escape."""


def value_from_json(data: bytes) -> Any:
    """ValueError where there is none; RecursionError where it is nested too deeply."""
    text = data.decode()
    if b"0" * LONGEST_NUMBER in data.translate(ALL_DIGITS_ALIKE):
        # Before Python 3.7.14 reading a number took the square of its length.
        return loads(text, parse_int=integer_from_text)
    return loads(text)


def integer_from_text(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters, and {LONGEST_NUMBER} are allowed")
    return int(text)


def portable_value_from_json(data: bytes) -> Any:
    """ValueError where the platform can't read what json writes: NaN, 1e400, 101 digits."""
    return loads(
        data.decode(),
        parse_int=integer_from_text,
        parse_float=finite_from_text,
        parse_constant=finite_from_text,
    )


def finite_from_text(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number that JSON has")
    return number


def object_from_json(body: bytes) -> Dict[str, Any]:
    """The body of /init."""
    try:
        value = value_from_json(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body should be JSON of the platform and isn't: {error}")
    return checked({"the body": value}, "the body", dict, {})


def activation_from_json(body: bytes) -> Dict[str, Any]:
    """The body of /run. Of a megabyte of base64 json would look at each character: it has no
    escapes to look for, so it is cut out before and put back after."""
    found = body.find(BODY_MEMBER)
    if found < 0:
        return object_from_json(body)
    start = found + len(BODY_MEMBER)
    end = body.find(b'"', start)
    others = body[:start] + body[end:]
    is_simple = body.find(b"\\", start, end) < 0
    is_only_one = others.count(b'__ow_body"') == 1
    if is_simple and is_only_one:
        activation = object_from_json(others)
        params = checked(activation, "value", dict, {})
        if params.get("__ow_body") == "":
            sent = memoryview(body)[start:end]
            params["__ow_body"] = str(sent, "utf-8", "replace")
            return activation
    return object_from_json(body)


def checked(
    members: Mapping[str, Any],
    name: str,
    kind: Type[Kind],
    default: Kind,
) -> Kind:
    """The member of this name, which is of this kind or refused."""
    value = members.get(name, default)
    if not isinstance(value, kind):
        given = type(value).__name__
        reason = f"{name} should be {kind.__name__} and is {given}: not from the platform?"
        raise Refused(400, reason)
    return value


def bytes_from_base64(text: str, what: str) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except ValueError as error:
        raise Refused(400, f"{what} should be base64 and isn't: {error}")


def text_from_value(value: Any) -> str:
    """As a query or a form has it: text as it is, all else as JSON."""
    if isinstance(value, str):
        return value
    return dumps(value, ensure_ascii=False)


def json_from_value(value: Any) -> bytes:
    text = dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def json_from_result(result: Dict[str, Any]) -> bytes:
    """The body of an answer to /run."""
    answer = result.get("error", result)
    body = answer.get("body")
    if not isinstance(body, Base64):
        return json_from_value(result)
    others = {**answer, "body": ""}
    if answer is not result:
        others = {"error": others}
    written = json_from_value(others)
    before, _, after = written.rpartition(b'""')
    return b"".join((before, b'"', body.encode(), b'"', after))

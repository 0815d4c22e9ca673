"""The JSON of /init and /run, and base64 carried past json both ways: touches nothing."""

import binascii
import json

from openwhisk_adapter.messages import Refused

BODY_MEMBER = b'"__ow_body":"'  # as the platform writes it


class Base64(str):
    """Text in which no character needs an escape."""


def object_from_json(body):
    try:
        return checked({"the body": json.loads(body.decode())}, "the body", dict, {})
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body should be JSON of the platform and isn't: {error}")


def activation_from_json(body):
    """json looks at each character of a string, which can be a megabyte of base64: that has no escapes to look for."""
    found = body.find(BODY_MEMBER)
    start = found + len(BODY_MEMBER)
    end = body.find(b'"', start)
    others = body[:start] + body[end:]
    if found >= 0 and body.find(b"\\", start, end) < 0 and others.count(b'__ow_body"') == 1:
        activation = object_from_json(others)
        params = checked(activation, "value", dict, {})
        if params.get("__ow_body") == "":
            sent = str(memoryview(body)[start:end], "utf-8", "replace")
            return {**activation, "value": {**params, "__ow_body": sent}}
    return object_from_json(body)


def checked(members, name, kind, default):
    value = members.get(name, default)
    if not isinstance(value, kind):
        raise Refused(400, f"{name} should be {kind.__name__} and is {type(value).__name__}: not from the platform?")
    return value


def bytes_from_base64(text, what):
    try:
        return binascii.a2b_base64(text)
    except ValueError as error:
        raise Refused(400, f"{what} should be base64 and isn't: {error}")


def text_from_value(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def json_from_value(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def json_from_result(result):
    """Base64, which comes last, is put in as it is: json would look at each of its characters, a million perhaps."""
    answer = result.get("error", result)
    body = answer.get("body")
    if not isinstance(body, Base64):
        return json_from_value(result)
    others = {**answer, "body": ""}
    before, after = json_from_value(others if answer is result else {"error": others}).rsplit(b'""', 1)
    return b"".join((before, b'"', body.encode(), b'"', after))

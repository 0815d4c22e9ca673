"""The recordings of a real controller, for the tests of the gateway: cases as they are, and how to
compare."""

import base64
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "tests", "vectors")
GUEST_KEY = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"  # noqa: E501
WHISK_AUTH = "Basic " + base64.b64encode(GUEST_KEY.encode()).decode()
# Differ from one answer to the next, or are named in a message of the HTTP parser, whose wording is
# free.
ADDED_HEADERS = ("date", "server", "x-request-id")


def recorded(name):
    with open(os.path.join(FOLDER, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def body_of(case):
    """The bytes that the client sent."""
    if "body_repeat" in case:
        character, count = case["body_repeat"]
        return character.encode() * count
    if "body_length" in case and not case.get("body_b64"):
        return b'{"a":"' + b"a" * (case["body_length"] - 8) + b'"}'
    return base64.b64decode(case.get("body_b64", ""))


def headers_of(case):
    """The lines as the recorder sent them: latin-1 where the case is about it."""
    given = [(name, WHISK_AUTH if value == "<whisk>" else value) for name, value in case["headers"]]
    names = {name.lower() for name, _ in given}
    lines = [
        (name, value) for name, value in (("Host", "api.example.com"), ("Connection", "close"))
    ]
    return [line for line in lines if line[0].lower() not in names] + given


def header_bytes(case):
    encoding = "latin-1" if "latin1" in case["name"] else "utf-8"
    return b"".join(
        b"%s: %s\r\n" % (name.encode(encoding), value.encode(encoding))
        for name, value in headers_of(case)
    )


def text_of_result(case):
    """What the action answered to /run."""
    if "fill" in case:
        fill = case["fill"]
        return fill["prefix"] + fill["char"] * fill["count"] + fill["suffix"]
    return case["result"]


def expected_body(response):
    return (
        base64.b64decode(response["body_b64"])
        if "body_b64" in response
        else response.get("body", "").encode("utf-8")
    )


def plain_body(body, transaction_id):
    """With the recordings' word for the transaction id."""
    return body.replace(transaction_id.encode(), b"<code>")


def shortened(value):
    """Long strings as the recordings keep them."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, str) and len(value) > 100000:
        return {"<length>": len(value), "<start>": value[:32]}
    return value.replace(WHISK_AUTH, "<whisk>") if isinstance(value, str) else value


def plain_pairs(headers, activation_id):
    """A response's headers as the recordings hold them."""
    # An action's own header of that name was noted as an id, too.
    ids = (
        (activation_id, "mine")
        if any(value == "mine" for _, value in headers)
        else (activation_id,)
    )
    pairs = [(name, "<id>" if value in ids else value) for name, value in headers]
    return [list(pair) for pair in pairs if pair[0].lower() not in ADDED_HEADERS]


def has_own_message(response):
    """Whether the words are the platform's own; those of its HTTP parser may differ."""
    content_type = dict(response["headers"]).get("Content-Type", "")
    return not content_type.startswith("text/plain") or response["status"] < 400


def with_ids(cases):
    """Names that occur more than once get a number."""
    seen = {}
    for case in cases:
        name = re.sub(r"[^ -~]", "?", case["name"])
        seen[name] = seen.get(name, 0) + 1
        yield case, name if seen[name] == 1 else f"{name} #{seen[name]}"

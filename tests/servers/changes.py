"""What the platform itself changes of a request or an answer, whoever serves: these differences
are nobody's fault."""

import re
from typing import Dict, List, NamedTuple, Tuple
from urllib.parse import urlsplit

BOTH = ("adapter", "gateway")
EVERY = ""

# Headers that say who sent an answer, when, and how it travelled over one connection, and what the
# platform and the adapter (how long it took) add to each.
NOT_COMPARED = {
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "server",
    "server-timing",
    "transfer-encoding",
}
NOT_COMPARED |= {"x-openwhisk-activation-id", "x-request-id"}
NOT_COMPARED |= {"access-control-allow-" + it for it in ("origin", "methods", "headers")}


# Only an app that has been told its prefix says this, and rightly.
WHERE_FASTAPI_LIVES = r',"servers":\[\{"url":""\}\](?=[,}])'


class Answer(NamedTuple):
    status: int
    kind: str
    headers: List[Tuple[str, str]]
    body: str


class Change(NamedTuple):
    """In these ways, of this question or of every one: what matches in this part of the answer
    becomes another."""

    ways: Tuple[str, ...]
    question: str
    part: str
    pattern: str
    becomes: str


CHANGES = [
    # The platform would call it HTML: bytes are what nothing is said of.
    Change(BOTH, EVERY, "kind", r"^$", "application/octet-stream"),
    Change(BOTH, EVERY, "kind", r"^(text/\w+)(; *charset=[^;]+)?$", r"\1; charset=UTF-8"),
    Change(BOTH, EVERY, "kind", r"^(application/json); *charset=[\w-]+$", r"\1"),
    Change(("gateway",), "query", "body", "%20", "+"),
    Change(("gateway",), "text", "body", "charset=utf-8", "charset=UTF-8"),
]
# What the controller answers itself, because the model's answer isn't of a type that the request
# accepts. It lets errors and empty answers pass.
REFUSED_BY_THE_PLATFORM: Dict[str, int] = {"unwanted type": 406}


def changed(name: str, answer: Answer, way: str) -> Answer:
    """What the server's own answer becomes on its way through the platform."""
    for change in CHANGES:
        if way in change.ways and change.question in (name, EVERY) and answer.body:
            part = re.sub(change.pattern, change.becomes, getattr(answer, change.part))
            answer = answer._replace(**{change.part: part})
    return answer


def differences(
    own: Dict[str, Answer], here: Dict[str, Answer], way: str
) -> Dict[str, Tuple[Answer, Answer]]:
    """Of each question that isn't answered as it should be: the answer, and what was expected."""
    found = {}
    for name, answer in own.items():
        expected = changed(name, answer, way)
        is_refused = name in REFUSED_BY_THE_PLATFORM and answer.status < 400 and answer.body
        if way == "gateway" and is_refused:
            same = here[name].status == REFUSED_BY_THE_PLATFORM[name]
        else:
            same = here[name] == expected
        if not same:
            found[name] = here[name], expected
    return found


def compared(reply, address: str, masks: Tuple[str, ...]) -> Answer:
    """An answer as it is compared: without what says where and when it was given."""
    pairs = [(name.lower(), without(value, address)) for name, value in reply.headers]
    # A set of methods comes in the order of the process's hash seed.
    pairs = [
        (name, ", ".join(sorted(value.split(", "))) if name == "allow" else value)
        for name, value in pairs
    ]
    headers = sorted(pair for pair in pairs if pair[0] not in NOT_COMPARED | {"content-type"})
    # An empty body has no type on the platform.
    kind = dict(pairs).get("content-type", "") if reply.body else ""
    body = without(reply.body.decode("latin-1"), address)
    for mask in (*masks, WHERE_FASTAPI_LIVES):
        body = re.sub(mask, "", body)
    return Answer(reply.status, kind, headers, body)


def without(text: str, address: str) -> str:
    """Without the place that the server has been told it lives at."""
    prefix = urlsplit(address).path
    text = text.replace(address, "")
    return text.replace(prefix, "") if prefix else text

"""What the platform itself changes of a request or an answer, whoever serves: these differences are nobody's fault."""

import re
from typing import List, NamedTuple, Set, Tuple
from urllib.parse import urlsplit

# Of the web action alone: the answer comes from the controller, and the model never sees the question.
NOT_ASKED_THROUGH_THE_GATEWAY: Set[str] = set()

# Headers that say who sent an answer, when, and how it travelled, and what the platform adds to each.
NOT_COMPARED = {"connection", "content-length", "date", "keep-alive", "server", "server-timing", "transfer-encoding"}
NOT_COMPARED |= {"x-openwhisk-activation-id", "x-request-id"}
NOT_COMPARED |= {"access-control-allow-" + it for it in ("origin", "methods", "headers")}


class Answer(NamedTuple):
    status: int
    kind: str
    headers: List[Tuple[str, str]]
    body: str


def compared(reply, address: str, masks: Tuple[str, ...]) -> Answer:
    """An answer as it is compared: without what says where and when it was given."""
    pairs = [(name.lower(), without(value, address)) for name, value in reply.headers]
    headers = sorted(pair for pair in pairs if pair[0] not in NOT_COMPARED | {"content-type"})
    # The platform says charset=UTF-8 of all text, and nothing of the type of an empty body.
    kind = dict(pairs).get("content-type", "").split(";")[0] if reply.body else ""
    body = without(reply.body.decode("latin-1"), address)
    for mask in masks:
        body = re.sub(mask, "...", body)
    return Answer(reply.status, kind, headers, body)


def without(text: str, address: str) -> str:
    """Without the place that the server has been told it lives at."""
    prefix = urlsplit(address).path
    text = text.replace(address, "")
    return text.replace(prefix, "") if prefix else text

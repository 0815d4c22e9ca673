"""What the platform changes of an answer on its way, and what is left when that is known: pure."""

import re
from typing import List, NamedTuple, Optional

from acceptance.messages import Answer, Question

# Who sent an answer, when and how it travelled; what the platform and the adapter add to each.
NOT_COMPARED = frozenset(
    (
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "server-timing",
        "transfer-encoding",
        "x-openwhisk-activation-id",
        "x-request-id",
    )
)


# Moments, and the place that FastAPI names only where it has been told of one.
NEVER_THE_SAME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(\+00:00|Z)?",
    r'"servers":\[\{"url":""\}\],',
    r'"basePath": "/?"',
)


class Difference(NamedTuple):
    question: str
    what: str
    own: str
    here: str
    cause: str
    "The platform, or empty: then it is the product's."


OPTIONS = "OPTIONS is answered by the controller"
ACCEPT = "an Accept that excludes the answer's type is 406"
NO_TYPE = "a body without a type is octet-stream"
CHARSET = "text is carried as UTF-8"


def differences(
    question: Question, own: Answer, here: Answer, own_url: str, url: str
) -> List[Difference]:
    found = []
    for what, left, right in compared(own, here, own_url, url):
        cause = cause_of(question, own, here, what, left, right)
        found.append(Difference(question.name, what, shown(left), shown(right), cause or ""))
    return found


def compared(own: Answer, here: Answer, own_url: str, url: str) -> List[tuple[str, str, str]]:
    pairs = [
        ("status", str(own.status), str(here.status)),
        ("content-type", type_of(own), type_of(here)),
        ("headers", headers_of(own, own_url), headers_of(here, url)),
        ("body", body_of(own, own_url), body_of(here, url)),
    ]
    return [pair for pair in pairs if pair[1] != pair[2]]


def type_of(answer: Answer) -> str:
    return answer.header("content-type").lower().replace(" ", "") if answer.body else ""


def headers_of(answer: Answer, url: str) -> str:
    lines = []
    for name, value in answer.headers:
        if name.lower() not in NOT_COMPARED and name.lower() != "content-type":
            if name.lower() == "allow":
                value = ", ".join(sorted(value.split(", ")))  # a set, in no order
            lines.append("%s: %s" % (name.lower(), without_place(value, url)))
    return "\n".join(sorted(lines))


def body_of(answer: Answer, url: str) -> str:
    text = without_place(answer.body.decode("latin-1"), url)
    for pattern in NEVER_THE_SAME:
        text = re.sub(pattern, "", text)
    return text


def without_place(text: str, url: str) -> str:
    """The same page says another address of itself wherever it is served."""
    path = re.sub(r"\Ahttps?://[^/]+", "", url)
    text = text.replace(url, "")
    return text.replace(path, "") if path else text


def cause_of(
    question: Question, own: Answer, here: Answer, what: str, left: str, right: str
) -> Optional[str]:
    if question.method == "OPTIONS":
        return OPTIONS
    if here.status == 406:
        return ACCEPT
    if what == "content-type" and not left and right == "application/octet-stream":
        return NO_TYPE
    if what == "content-type" and without_charset(left) == without_charset(right):
        return CHARSET
    if what == "body" and own.body.decode("latin-1") == decoded(here.body):
        return CHARSET
    return None


def without_charset(content_type: str) -> str:
    return re.sub(r";charset=[^;]*", "", content_type)


def decoded(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def shown(text: str) -> str:
    return text if len(text) <= 120 else text[:100] + "... (%d)" % len(text)

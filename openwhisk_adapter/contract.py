"""How the platform's two calls and their answers look on the wire: touches nothing."""

import re

from openwhisk_adapter.messages import LARGEST, Refused

INIT = b"POST /init "
RUN = b"POST /run "
END_OF_HEAD = b"\r\n\r\n"
LONGEST_HEAD = 65536  # bytes
SILENCE = 60  # seconds in which the platform should go on
SLOWEST = 1000  # bytes a second of a body, on the whole
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?:\r\n|\Z)")
TOO_SLOW = "a request was expected faster: its head within %d s, then %d bytes/s" % (
    SILENCE,
    SLOWEST,
)
TOO_LARGE = "a whole request with a Content-Length of at most %d was expected" % LARGEST


def size_from_head(head: bytes) -> int:
    """Of the body: the platform's clients always tell it."""
    found = LENGTH.search(head)
    size = int(found.group(1)) if found else LARGEST + 1
    if size > LARGEST:
        raise Refused(400, TOO_LARGE)
    return size


def waits_for_continue(head: bytes) -> bool:
    return b"\r\nexpect:" in head.lower()


def bytes_from_reply(status: int, body: bytes) -> bytes:
    lines = (
        "HTTP/1.1 %d " % status,
        "Content-Type: application/json",
        "Content-Length: %d" % len(body),
        "Connection: close",
    )
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode() + body

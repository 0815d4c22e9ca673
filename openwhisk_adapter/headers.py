"""What a header's name and value may be made of, in either direction: touches nothing."""

import re

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
IS_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


def latin1_from_text(text: str) -> str:
    """Servers want the bytes of a header as characters; the platform has read them as UTF-8."""
    return text.encode("utf-8", "replace").decode("latin-1")


def first_line(value: str) -> str:
    """The platform, given a stray byte, takes the line end and the next line into the value."""
    control = CONTROL.search(value)
    line = value[: control.start()] if control else value
    return latin1_from_text(line)

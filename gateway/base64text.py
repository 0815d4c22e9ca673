"""Base64 as the platform recognises and reads it. Touches nothing."""

import base64
import binascii
import re

DIGITS_AND_PADDING = re.compile(r"[A-Za-z0-9+/]*={0,2}\Z")
JAVA_SPACE = "".join(map(chr, range(0x21)))


def is_like_base64(text: str) -> bool:
    digits = text.strip(JAVA_SPACE)
    return digits != "" and len(digits) % 4 == 0 and bool(DIGITS_AND_PADDING.match(digits))


def bytes_from_base64(text: str) -> bytes:
    """As Java decodes it: no line breaks, padding may be absent but not wrong. Raises
    ValueError."""
    if not DIGITS_AND_PADDING.match(text) or ("=" in text and len(text) % 4):
        raise ValueError("This is not base64.")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def base64_from_bytes(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

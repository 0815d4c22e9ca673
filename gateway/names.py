"""What entities and images may be called. Touches nothing."""

import re

NAME = re.compile(r"(?:\w|\w[\w@ .&-]{0,254}[\w@.&-])\Z", re.ASCII)

_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9.\-]*[a-zA-Z0-9])?(?::[0-9]+)?"
_WORD = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r":\w[\w.\-]{0,127}"
_ALGORITHM = r"[A-Za-z][A-Za-z0-9]*(?:[+.\-_][A-Za-z][A-Za-z0-9]*)*"
_DIGEST = rf"@{_ALGORITHM}:[0-9a-fA-F]{{32,}}"
IMAGE = re.compile(
    rf"(?:(?:{_HOST})/)?{_WORD}(?:/{_WORD})*(?:{_TAG})?(?:{_DIGEST})?\Z",
    re.ASCII,
)

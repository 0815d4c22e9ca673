"""Multipart forms: the names in a client's, and the one that carries the files of an invocation.

Touches nothing. Only a request that has a form needs this room."""

import hashlib
import re
from typing import Any, Dict, Mapping, NamedTuple, Set

from openwhisk_adapter.envelope import bytes_from_base64, text_from_value
from openwhisk_adapter.mediatypes import OCTETS

NAME_OF_TYPE = ("content_type", "type", "mimetype")
FILE_MEMBERS = frozenset(("b64", "filename", *NAME_OF_TYPE))

# What curl and browsers say of a file of this name, where that is more than octet-stream.
TYPES = {
    "avi": "video/x-msvideo",
    "bmp": "image/bmp",
    "csv": "text/csv",
    "flac": "audio/flac",
    "gif": "image/gif",
    "htm": "text/html",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "m4a": "audio/mp4",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "xml": "application/xml",
    "zip": "application/zip",
}

LONGEST_BOUNDARY = 70  # RFC 2046, 5.1.1; bytes.split takes its time with a long one
DISPOSITION = re.compile(rb"(?i)content-disposition[ \t]*:")
DISPOSITION_PARAMETER = re.compile(rb';[ \t]*([^=;"\s]+)[ \t]*=[ \t]*("[^"]*"|[^;"\s]*)')
# As browsers write a name between quotes.
ESCAPES = {code: f"%{code:02X}" for code in [*range(32), ord('"')]}


class Form(NamedTuple):
    content_type: str
    body: bytes


def names_in_multipart(body: bytes, boundary: str) -> Set[str]:
    """The names of its fields. The contents aren't looked at: only the heads of the parts say."""
    names: Set[str] = set()
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        return names
    for part in body.split(b"--" + boundary.encode()):
        head, _, _ = part.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if DISPOSITION.match(line):
                names.add(name_in_disposition(line).decode())
    return names


def name_in_disposition(line: bytes) -> bytes:
    for key, value in DISPOSITION_PARAMETER.findall(line):
        if key.lower() == b"name":
            return bytes(value.strip(b'"'))
    return b""


def is_file(value: Any) -> bool:
    """Like {"b64": "...", "filename": "cat.png"}, and nothing else in it."""
    if not isinstance(value, dict) or "b64" not in value:
        return False
    for name, member in value.items():
        if name not in FILE_MEMBERS or not isinstance(member, str):
            return False
    return True


def form_from_values(values: Mapping[str, Any]) -> Form:
    """A multipart form in which each {"b64": ...} is a file: so an invocation sends an image."""
    parts = []
    for name, value in values.items():
        if is_file(value):
            parts.append(file_part(name, value))
        elif value is not None:
            parts.append(field_part(name, value))
    # No part can contain a hash of itself.
    boundary = hashlib.sha256(b"".join(parts)).hexdigest()[:32]
    written = bytearray()
    for part in parts:
        written += f"--{boundary}\r\n".encode() + part + b"\r\n"
    written += f"--{boundary}--\r\n".encode()
    return Form(f"multipart/form-data; boundary={boundary}", bytes(written))


def field_part(name: str, value: Any) -> bytes:
    head = f'Content-Disposition: form-data; name="{name.translate(ESCAPES)}"\r\n\r\n'
    return (head + text_from_value(value)).encode("utf-8", "replace")


def file_part(name: str, file: Dict[str, str]) -> bytes:
    filename = file.get("filename", name)
    content_type = type_of_file(file)
    head = (
        f'Content-Disposition: form-data; name="{name.translate(ESCAPES)}"; '
        f'filename="{filename.translate(ESCAPES)}"\r\n'
        f"Content-Type: {content_type.translate(ESCAPES)}\r\n\r\n"
    )
    return head.encode("utf-8", "replace") + bytes_from_base64(file["b64"], name + ".b64")


def type_of_file(file: Mapping[str, str]) -> str:
    """As the caller says; else as its name ends."""
    for name in NAME_OF_TYPE:
        if name in file:
            return file[name]
    return type_from_name(file.get("filename", ""))


def type_from_name(filename: str) -> str:
    _, dot, ending = filename.rpartition(".")
    if not dot:
        return OCTETS
    return TYPES.get(ending.lower(), OCTETS)

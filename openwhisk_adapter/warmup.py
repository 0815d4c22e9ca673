"""One request within /init, so that no client waits for what is loaded lazily: touches one file."""

import base64
import os
import time
from typing import NamedTuple

from openwhisk_adapter.forms import form_from_values, type_from_name
from openwhisk_adapter.messages import Refused, Request
from openwhisk_adapter.servers import Call, Unanswered, Unreachable


class WarmUp(NamedTuple):
    """`POST /predict`, `POST /predict sample.json` or `POST /model/predict image=@dog.jpg`."""

    method: str
    path: str
    field: str
    file: str


def warm_up_from_text(text: str) -> WarmUp:
    method, _, target_and_file = text.partition(" ")
    target, _, what = target_and_file.partition(" ")
    field, at, file = what.partition("=@")
    if not at:
        field = ""
        file = what
    return WarmUp(method, target, field, file)


def request_from_warm_up(wanted: WarmUp, content: bytes) -> Request:
    """As curl sends it: the file as the body, or as a field of a form."""
    content_type = type_from_name(wanted.file)
    body = content
    if wanted.field:
        file = {
            "b64": base64.b64encode(content).decode("ascii"),
            "filename": os.path.basename(wanted.file),
        }
        content_type, body = form_from_values({wanted.field: file})
    headers = [("host", "localhost")]
    if wanted.file:
        headers.append(("content-type", content_type))
    if body or wanted.method != "GET":
        headers.append(("content-length", str(len(body))))
    path, _, query = wanted.path.partition("?")
    return Request(wanted.method, path, query, headers, body)


def warm_up(call: Call, text: str) -> str:
    """What is to be said of it in the log. A model that can't do it is asked all the same."""
    wanted = warm_up_from_text(text)
    began = time.monotonic()
    try:
        content = content_of(wanted.file)
        response = call.answer(request_from_warm_up(wanted, content))
    except OSError as error:
        return "OPENWHISK_WARMUP=%r: the file can't be read: %s" % (text, error.strerror)
    except (Refused, Unanswered, Unreachable) as error:
        return "OPENWHISK_WARMUP=%r: no answer came: %s" % (text, error)
    milliseconds = (time.monotonic() - began) * 1000
    words = (wanted.method, wanted.path, response.status, milliseconds)
    return "warmed up: %s %s %d %.0f ms" % words


def content_of(file: str) -> bytes:
    if not file:
        return b""
    with open(file, "rb") as opened:
        return opened.read()

"""Run in an action's container by its own Python: asks /init and some /run, as the platform does.
Argument: seconds that each may take. Prints what was asked and how long it took, as JSON.

Only what the adapter itself needs is imported: a Python that came with it has little more.
"""

import base64
import json
import os
import socket
import sys
import time
from typing import Any, Dict, List, Tuple

Json = Dict[str, Any]

ADAPTER = "/openwhisk"
PORT = 8080
PAGE = {
    "__ow_method": "get",
    "__ow_path": "/",
    "__ow_query": "",
    "__ow_headers": {"accept": "*/*"},
    "__ow_body": "",
}
INIT = {"name": "check", "main": "main", "binary": False, "code": "", "env": {}}
LARGEST = 64 << 20
WARM = 5  # answers after the first one
ENOUGH = 10  # seconds, after which fewer do


def ask(path: str, body: Json, until: float) -> Json:
    """The answer of a POST, as JSON; a refused connection is tried again until it is too late."""
    while True:
        try:
            status, text = answer_of(path, json.dumps(body).encode(), until)
            if status != 200:
                sys.exit("%s answered %d: %s" % (path, status, text[:2000]))
            answer: Json = json.loads(text or "{}")
            return answer
        except ConnectionRefusedError:
            if time.time() > until:
                sys.exit("%s: nobody listens on port %d within the time limit" % (path, PORT))
            time.sleep(0.05)
        except socket.timeout:
            sys.exit("%s wasn't answered within the time limit" % path)
        except (OSError, ValueError) as error:
            sys.exit("%s: %r" % (path, error))


def answer_of(path: str, body: bytes, until: float) -> Tuple[int, str]:
    head = "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" % path
    head += "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    connection = socket.create_connection(("127.0.0.1", PORT), timeout=max(1, until - time.time()))
    try:
        connection.sendall(head.encode() + body)
        data = b""
        while len(data) < LARGEST:
            connection.settimeout(max(1, until - time.time()))
            piece = connection.recv(1 << 16)
            if not piece:
                break
            data += piece
    finally:
        connection.close()
    first, _, text = data.partition(b"\r\n\r\n")
    return int(first.split(b" ")[1][:3]), text.decode("utf-8", "replace")


def run(params: Json, seconds: float) -> float:
    """How long an activation took."""
    start = time.time()
    deadline = "%d" % ((start + seconds) * 1000)
    body = {"value": params, "activation_id": "0" * 32, "deadline": deadline}
    result = ask("/run", body, start + seconds)
    status = result.get("statusCode", 200) if "error" not in result else 500
    if not isinstance(status, int) or status >= 500:
        words = (name_of(params), json.dumps(result)[:2000])
        sys.exit("/run: the model answered %s with %s" % words)
    return time.time() - start


def name_of(params: Json) -> str:
    return "%s %s" % (params["__ow_method"].upper(), params["__ow_path"])


def params_from_warm_up(text: str) -> Json:
    """What the image is warmed up with is what its model is for."""
    sys.path.insert(0, ADAPTER)
    from openwhisk_adapter.mediatypes import media_from_text
    from openwhisk_adapter.warmup import content_of, request_from_warm_up, warm_up_from_text

    wanted = warm_up_from_text(text)
    try:
        request = request_from_warm_up(wanted, content_of(wanted.file))
    except OSError as error:
        sys.exit("OPENWHISK_WARMUP=%r: the file can't be read: %s" % (text, error.strerror))
    headers = dict(request.headers, accept="*/*")
    headers.pop("content-length", None)
    media = media_from_text(headers.get("content-type", ""))
    body = base64.b64encode(request.body).decode("ascii")
    if media.is_text and media.name != "application/json":
        body = request.body.decode("utf-8", "replace")
    return {
        "__ow_method": request.method.lower(),
        "__ow_path": request.path,
        "__ow_query": request.query,
        "__ow_headers": headers,
        "__ow_body": body,
    }


def age_of_container() -> float:
    """Seconds since its first process began, as far as the system tells."""
    try:
        with open("/proc/1/stat") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        with open("/proc/uptime") as file:
            up = float(file.read().split()[0])
        return max(0.0, up - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0


def main(seconds: float) -> None:
    start = time.time()
    before = age_of_container()
    setting = os.environ.get("OPENWHISK_WARMUP", "")
    params = params_from_warm_up(setting) if setting else PAGE
    ask("/init", {"value": INIT}, start + seconds)
    run(params, seconds)
    cold = before + time.time() - start
    warm: List[float] = []
    until = time.time() + ENOUGH
    while len(warm) < WARM and (not warm or time.time() < until):
        warm.append(run(params, seconds))
    middle = sorted(warm)[len(warm) // 2]
    print(json.dumps({"asked": name_of(params), "cold": cold, "warm": middle}))


if __name__ == "__main__":
    main(float(sys.argv[1]))

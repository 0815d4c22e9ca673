"""Run in an action's container by its own Python: asks /init and some /run, as the platform does.
Argument: seconds that each may take. Prints how long they took, in seconds, as JSON.

Only what the adapter itself needs is imported: a Python that came with it has little more.
"""

import json
import socket
import sys
import time
from typing import Any, Dict, Tuple

Json = Dict[str, Any]

PORT = 8080
WEB = {
    "__ow_method": "get",
    "__ow_path": "/",
    "__ow_query": "",
    "__ow_headers": {"accept": "*/*"},
    "__ow_body": "",
}
INIT = {"name": "check", "main": "main", "binary": False, "code": "", "env": {}}
LARGEST = 64 << 20
WARM = 5  # answers after the first one


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
        except (OSError, ValueError) as error:
            sys.exit("%s: %r within the time limit" % (path, error))


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


def run(seconds: float) -> float:
    """How long an activation took."""
    start = time.time()
    deadline = "%d" % ((start + seconds) * 1000)
    body = {"value": WEB, "activation_id": "0" * 32, "deadline": deadline}
    result = ask("/run", body, start + seconds)
    status = result.get("statusCode", 200) if "error" not in result else 500
    if not isinstance(status, int) or status >= 500:
        sys.exit("/run: the model answered GET / with %s" % json.dumps(result)[:2000])
    return time.time() - start


def main(seconds: float) -> None:
    start = time.time()
    ask("/init", {"value": INIT}, start + seconds)
    run(seconds)
    cold = time.time() - start
    warm = sorted(run(seconds) for _ in range(WARM))[WARM // 2]
    print(json.dumps({"cold": cold, "warm": warm}))


if __name__ == "__main__":
    main(float(sys.argv[1]))

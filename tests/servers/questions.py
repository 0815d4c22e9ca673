"""What each kind of server is asked: name, then method, path, query, headers, body."""

import json
import struct
from typing import Dict, List, NamedTuple, Tuple

from testing.example import EXAMPLES
from testing.max_server import multipart

JSON = ("Content-Type", "application/json")


class Question(NamedTuple):
    method: str = "GET"
    path: str = ""
    query: str = ""
    headers: Tuple[Tuple[str, str], ...] = ()
    body: bytes = b""


Questions = Dict[str, Question]


def get(path, query="", *headers) -> Question:
    return Question("GET", path, query, headers)


def post(path, content, *headers) -> Question:
    """`content` as JSON, unless it is bytes already."""
    if isinstance(content, bytes):
        return Question("POST", path, "", headers, content)
    return Question("POST", path, "", (JSON, *headers), json.dumps(content).encode())


def sent(path, kind, body, method="POST") -> Question:
    return Question(method, path, "", (("Content-Type", kind),), body)


def uploaded(path, field, name, data, kind) -> Question:
    headers, body = multipart(field, name, data, kind)
    return Question("POST", path, "", tuple(headers), body)


EVERY_BYTE = bytes(range(256))
FORM = "application/x-www-form-urlencoded"

# Of the apps in apps/web, which say what has come.
WEB: Questions = {
    "hello": get("/"),
    "query": get("/echo", "a=1&a=2&empty=&b=%20x+y&c=%C3%A9"),
    "path": get("/echo/a%20b/c%C3%A9/d"),
    "slash": get("/echo/"),
    "own header": get("/echo", "", ("X-Own", "mine"), ("Accept", "application/json")),
    "unwanted type": get("/echo", "", ("Accept", "image/png")),
    "cookies sent": get("/echo", "", ("Cookie", "one=1; two=2")),
    "form": sent("/echo", FORM, b"a=1&b=%26&a=2"),
    "json": sent("/echo", "application/json", b'{ "b": [1.50, "\xc3\xa9"], "a": null }'),
    "text": sent("/echo", "text/plain; charset=utf-8", "grüße\r\n".encode()),
    "bytes": sent("/echo", "application/octet-stream", EVERY_BYTE),
    "put": sent("/echo", "application/json", b"{}", "PUT"),
    "patch": sent("/echo", "application/json", b"{}", "PATCH"),
    "delete": Question("DELETE", "/echo"),
    "head": Question("HEAD", "/"),
    "upload": uploaded("/upload", "file", "bytes.bin", EVERY_BYTE, "application/octet-stream"),
    "created": get("/status/201"),
    "nothing": get("/status/204"),
    "teapot": get("/status/418"),
    "busy": get("/status/503"),
    "redirect": get("/redirect"),
    "cookies set": get("/cookies"),
    "image": get("/image"),
    "stream": get("/stream"),
    "large": get("/large"),
    "no such page": get("/nowhere"),
    "no such method": Question("DELETE", "/image"),
    "failure": get("/fails"),
}
PAGES: Questions = {
    "docs": get("/docs"),
    "redoc": get("/redoc"),
    "description": get("/openapi.json"),
}
ASGI = {**WEB, **PAGES}

# Of the apps in apps/more and apps/shop.
MORE: Questions = {
    "hello": get("/", "a=1"),
    "json": post("/echo", {"a": [1.5, None]}),
    "text": sent("/echo", "text/plain", "grüße\r\n".encode()),
    "bytes": sent("/echo", "application/octet-stream", EVERY_BYTE),
    "no such page": get("/nowhere", "", ("Accept", "application/json")),
    "no such method": Question("DELETE", "/"),
}
STYLED = {**MORE, "style": get("/static/shop.css")}

SUMS = "/v2/models/sums"
ROWS = {"name": "rows", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4]}
MLSERVER: Questions = {
    "server": get("/v2"),
    "live": get("/v2/health/live"),
    "ready": get("/v2/health/ready"),
    "model": get(SUMS),
    "model ready": get(SUMS + "/ready"),
    "infer": post(SUMS + "/infer", {"id": "one", "inputs": [ROWS]}),
    "nothing to infer": post(SUMS + "/infer", {}),
    "cut off": sent(SUMS + "/infer", "application/json", b"{"),
    "no such model": post("/v2/models/products/infer", {"id": "one", "inputs": [ROWS]}),
    "repository": post("/v2/repository/index", {}),
    "docs": get("/v2/docs"),
    "description": get("/v2/docs/dataplane.json"),
    "its metrics are elsewhere": get("/metrics"),
    "no such page": get("/nowhere"),
    "wrong method": Question("DELETE", SUMS + "/infer"),
}
KSERVE: Questions = {
    "alive": get("/"),
    "models": get("/v1/models"),
    "model": get("/v1/models/sums"),
    "predict": post("/v1/models/sums:predict", {"instances": [[1, 2], [3, 4]]}),
    "failure": post("/v1/models/sums:predict", {}),
    "cut off": sent("/v1/models/sums:predict", "application/json", b"{"),
    "no such model": post("/v1/models/products:predict", {"instances": [[1, 2]]}),
    "server": get("/v2"),
    "ready": get("/v2/health/ready"),
    "model ready": get(SUMS + "/ready"),
    "no such page": get("/nowhere"),
}
LITSERVE: Questions = {
    "running": get("/"),
    "health": get("/health"),
    "info": get("/info"),
    "predict": post("/predict", {"row": [1, 2, 3]}),
    "failure": post("/predict", {}),
    "no such page": get("/nowhere"),
    "wrong method": get("/predict"),
    **PAGES,
}
GRADIO: Questions = {
    "page": get("/"),
    "config": get("/config"),
    "info": get("/gradio_api/info"),
    "shout": post("/gradio_api/call/shout", {"data": ["hello"]}),
    "theme": get("/theme.css"),
    "no such page": get("/nowhere"),
}
MLFLOW_WINES = (EXAMPLES / "mlflow" / "samples" / "wines.json").read_bytes()
MLFLOW: Questions = {
    "ping": get("/ping"),
    "health": get("/health"),
    "version": get("/version"),
    "json": sent("/invocations", "application/json", MLFLOW_WINES),
    "csv": sent(
        "/invocations", "text/csv", (EXAMPLES / "mlflow" / "samples" / "wines.csv").read_bytes()
    ),
    "form": sent("/invocations", FORM, b"x=1"),
    "cut off": sent("/invocations", "application/json", b"{"),
    "nothing": sent("/invocations", "application/json", b""),
    "no such page": get("/nowhere"),
    **PAGES,
}
SEVEN = (EXAMPLES / "torchserve" / "samples" / "seven.png").read_bytes()
TORCHSERVE: Questions = {
    "ping": get("/ping"),
    "description": get("/api-description"),
    "image": sent("/predictions/digits", "image/png", SEVEN),
    "put": sent("/predictions/digits", "image/png", SEVEN, "PUT"),
    "form": uploaded("/predictions/digits", "data", "seven.png", SEVEN, "image/png"),
    "version": sent("/predictions/digits/1.0", "image/png", SEVEN),
    "not an image": sent("/predictions/digits", "application/octet-stream", EVERY_BYTE),
    "no such model": sent("/predictions/letters", "image/png", SEVEN),
    "no such version": sent("/predictions/digits/7.0", "image/png", SEVEN),
    "nothing at all": get("/"),
    "its management is elsewhere": get("/models"),
    "its metrics are elsewhere": get("/metrics"),
    "no such page": get("/nowhere"),
}
DIGITS = "/v2/models/digits"
IMAGES = json.loads((EXAMPLES / "triton" / "samples" / "two-and-seven.json").read_text())
PIXELS = struct.pack("<64f", *IMAGES["inputs"][0]["data"][0])
TENSOR = {
    "name": "image",
    "shape": [1, 64],
    "datatype": "FP32",
    "parameters": {"binary_data_size": len(PIXELS)},
}
HEAD = json.dumps(
    {"inputs": [TENSOR], "outputs": [{"name": "digit", "parameters": {"binary_data": True}}]}
).encode()
TRITON: Questions = {
    "server": get("/v2"),
    "live": get("/v2/health/live"),
    "ready": get("/v2/health/ready"),
    "model": get(DIGITS),
    "model ready": get(DIGITS + "/ready"),
    "configuration": get(DIGITS + "/config"),
    "infer": post(DIGITS + "/infer", IMAGES),
    "infer in bytes": Question(
        "POST",
        DIGITS + "/infer",
        "",
        (
            ("Inference-Header-Content-Length", str(len(HEAD))),
            ("Content-Type", "application/octet-stream"),
        ),
        HEAD + PIXELS,
    ),
    "nothing to infer": post(DIGITS + "/infer", {}),
    "cut off": sent(DIGITS + "/infer", "application/json", b"{"),
    "no such model": post("/v2/models/letters/infer", IMAGES),
    "its metrics are elsewhere": get("/metrics"),
    "no such page": get("/nowhere"),
    "wrong method": Question("DELETE", DIGITS + "/infer"),
}
ALL: List[Questions] = [
    ASGI,
    STYLED,
    MLSERVER,
    KSERVE,
    LITSERVE,
    GRADIO,
    MLFLOW,
    TORCHSERVE,
    TRITON,
]

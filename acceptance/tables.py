"""What each example is asked: touches the examples' samples."""

import json
from pathlib import Path
from typing import Dict, List

from acceptance.messages import Question

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
JSON = ("Content-Type", "application/json")
BOUNDARY = "acceptance-boundary"


def get(name: str, path: str, *headers: "tuple[str, str]") -> Question:
    return Question(name, "GET", path, headers)


def send(name: str, path: str, value: object) -> Question:
    return Question(name, "POST", path, (JSON,), json.dumps(value).encode())


def sample(example: str, file: str) -> bytes:
    return (EXAMPLES / example / "samples" / file).read_bytes()


def upload(name: str, path: str, file: str, content: bytes, kind: str) -> Question:
    """As `curl -F image=@FILE` sends it."""
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
        f'name="image"; filename="{file}"\r\nContent-Type: {kind}\r\n\r\n'
    )
    body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = (("Content-Type", "multipart/form-data; boundary=" + BOUNDARY),)
    return Question(name, "POST", path, headers, body)


def everywhere() -> List[Question]:
    """Asked of each: what a router, a parser and an error page say."""
    return [
        get("no such page", "/no/such/page"),
        Question("wrong method", "DELETE", "/"),
        Question("head", "HEAD", "/"),
        Question("options", "OPTIONS", "/"),
        get("query", "/no/such/page?a=1&a=2&empty=&c=%C3%A9"),
        get("escaped path", "/no/a%20b/c%C3%A9"),
        get("unwanted type", "/", ("Accept", "image/png")),
        send("broken JSON", "/", "text"),
    ]


def max_digits() -> List[Question]:
    seven = sample("max-digits", "seven.png")
    return [
        get("metadata", "/model/metadata"),
        get("labels", "/model/labels"),
        get("swagger", "/swagger.json"),
        upload("predict", "/model/predict", "seven.png", seven, "image/png"),
        upload("not an image", "/model/predict", "no.png", b"no image", "image/png"),
        Question("no file", "POST", "/model/predict"),
    ]


def fastapi_model() -> List[Question]:
    predict = json.loads(sample("fastapi-model", "predict.json"))
    return [
        get("root", "/"),
        send("predict", "/predict", predict),
        send("wrong member", "/predict", {"nothing": 1}),
        Question("no JSON", "POST", "/predict", (JSON,), b"{"),
        get("openapi", "/openapi.json"),
    ]


TABLES = {"max-digits": max_digits, "fastapi-model": fastapi_model}


def questions_of(examples: List[str]) -> Dict[str, List[Question]]:
    found = {}
    for example in examples:
        if example not in TABLES:
            known = ", ".join(sorted(TABLES))
            raise ValueError(
                "there is no table of requests for %r: it is one of %s" % (example, known)
            )
        found[example] = TABLES[example]() + everywhere()
    return found

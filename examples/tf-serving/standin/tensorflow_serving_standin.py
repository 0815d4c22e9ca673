"""A stand-in for tensorflow_model_server: its flags, ports, REST routes, formats and errors, for
two models only.

It isn't TensorFlow Serving and doesn't read SavedModels: it computes, with NumPy, from the weights
that training/export.py has put beside each of them in assets.extra/. It exists so that what lies
around the real server can be tested where the real server can't be installed.
"""

import argparse
import base64
import binascii
import io
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Callable, Dict, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

PREDICT = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?:(classify|regress|predict)")
STATUS = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?")
CONFIG = re.compile(r'config\s*\{\s*name:\s*"(.+?)"\s*base_path:\s*"(.+?)"')
HTTP2_SETTINGS = b"\0\0\0\4\0\0\0\0\0"


class Refused(Exception):
    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


class Model(NamedTuple):
    version: str
    input: str
    dtype: str
    compute: Callable[[list], Dict[str, np.ndarray]]


def main():
    parser = argparse.ArgumentParser(
        prog="tensorflow_model_server", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--port", type=int, default=8500)
    parser.add_argument("--rest_api_port", type=int, default=0)
    parser.add_argument("--model_config_file", required=True)
    options = parser.parse_args()
    Handler.models = models_from_config(in_the_image(options.model_config_file).read_text())
    grpc = socket.create_server(("", options.port))
    threading.Thread(target=speak_http2, args=(grpc,), daemon=True).start()
    server = ThreadingHTTPServer(("", options.rest_api_port), Handler)
    print(
        f"Stand-in for tensorflow_model_server: Exporting HTTP/REST API at:localhost:{server.server_port}",  # noqa: E501
        flush=True,
    )
    server.serve_forever()


def in_the_image(path):
    """/models of the image is models/ of the example."""
    return Path(path) if Path(path).exists() else Path(path.lstrip("/"))


def models_from_config(text):
    return {
        name: model_from_folder(name, in_the_image(path)) for name, path in CONFIG.findall(text)
    }


def model_from_folder(name, folder):
    newest = max(
        (path for path in folder.iterdir() if path.name.isdigit()), key=lambda path: int(path.name)
    )
    with np.load(newest / "assets.extra" / "weights.npz") as stored:
        weights = dict(stored)
    if name == "half_plus_two":
        return Model(newest.name, "x", "float", lambda rows: {"y": half_plus_two(weights, rows)})
    return Model(newest.name, "image_bytes", "string", lambda rows: digits(weights, rows))


def half_plus_two(weights, rows):
    return np.array(rows, np.float32) * weights["a"] + weights["b"]


def digits(weights, rows):
    scores = (
        np.array([pixels(data) for data in rows], np.float32) @ weights["weights"] + weights["bias"]
    )
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return {"digit": scores.argmax(axis=1), "probabilities": odds / odds.sum(axis=1, keepdims=True)}


def pixels(data):
    try:
        image = np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.float32)
    except UnidentifiedImageError:
        raise Refused(
            400,
            f"Expected image (JPEG, PNG, or GIF), got unknown format starting with {data[:16]!r}",
        ) from None
    if image.shape != (8, 8):
        raise Refused(
            400,
            f"Input to reshape is a tensor with {image.size} values, but the requested shape has 64",  # noqa: E501
        )
    return image.ravel() / 255


class Handler(BaseHTTPRequestHandler):
    """One request, by the rules of TensorFlow Serving's REST API."""

    protocol_version = "HTTP/1.1"
    models: Dict[str, Model] = {}

    def do_GET(self):
        self.answer(self.status_of_model)

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(self.prediction)

    def answer(self, route):
        try:
            status, text = 200, route()
        except Refused as refused:
            status, text = refused.status, json.dumps({"error": str(refused)}, indent=4)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def status_of_model(self):
        name, version = self.matched(STATUS).groups()
        model = self.models.get(name)
        if not model or version not in (None, model.version):
            raise Refused(
                404,
                f"Could not find {f'version {version}' if version else 'any versions'} of model {name}",  # noqa: E501
            )
        status = {"error_code": "OK", "error_message": ""}
        state = {"version": model.version, "state": "AVAILABLE", "status": status}
        return json.dumps({"model_version_status": [state]}, indent=1) + "\n"

    def prediction(self):
        name, version, verb = self.matched(PREDICT).groups()
        model = self.models.get(name)
        if not model or version not in (None, model.version):
            wanted = f"Specific({name}, {version})" if version else f"Latest({name})"
            raise Refused(404, f"Servable not found for request: {wanted}")
        if verb != "predict":
            raise Refused(501, f"The stand-in knows :predict only, not :{verb}")
        return text_from_request(self.body, model)

    def matched(self, pattern):
        match = pattern.fullmatch(self.path.partition("?")[0])
        if not match:
            raise Refused(400, f"Malformed request: {self.command} {self.path}")
        return match

    def log_message(self, *words):
        pass  # nor does the real one write a line for each request


def text_from_request(body, model):
    request = object_from_json(body)
    if "instances" in request and "inputs" in request:
        raise Refused(
            400,
            f"JSON Value: {json.dumps(request, indent=4)} Not formatted correctly expecting only one of 'inputs' or"  # noqa: E501
            " 'instances' keys to exist ",
        )
    if "instances" in request:
        return text_by_row(model.compute(values_from_instances(request["instances"], model)))
    if "inputs" in request:
        values, scalar = values_from_inputs(request["inputs"], model)
        return text_by_column(model.compute(values), scalar)
    raise Refused(400, "Missing 'inputs' or 'instances' key")


def object_from_json(body):
    if not body:
        raise Refused(400, "JSON Parse error: The document is empty")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Refused(
            400, f"JSON Parse error: Invalid value. at offset: {getattr(error, 'pos', 0)}"
        ) from None
    if not isinstance(value, dict):
        raise Refused(400, f"JSON Value: {json.dumps(value, indent=4)} Is not object")
    return value


def values_from_instances(instances, model):
    if not isinstance(instances, list):
        raise Refused(
            400, f"JSON Value: {json.dumps(instances)} Excepting 'instances' to be an list/array"
        )
    if not instances:
        raise Refused(400, "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array")
    values = []
    for index, instance in enumerate(instances):
        named = isinstance(instance, dict) and list(instance) == [model.input]
        try:
            values.append(
                value_from_json(instance[model.input] if named else instance, model.dtype)
            )
        except Refused as refused:
            reason = f"Failed to process element: {index} of 'instances' list. Error: INVALID_ARGUMENT: {refused}"  # noqa: E501
            raise Refused(400, reason) from None
    return values


def values_from_inputs(inputs, model):
    """The values, and whether there was one without a list around it."""
    named = isinstance(inputs, dict) and model.input in inputs
    inputs = inputs[model.input] if named else inputs
    listed = inputs if isinstance(inputs, list) else [inputs]
    return [value_from_json(value, model.dtype) for value in listed], not isinstance(inputs, list)


def value_from_json(value, dtype):
    if dtype == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if dtype == "string" and isinstance(value, str):
        return value.encode()
    if dtype == "string" and isinstance(value, dict):
        return bytes_from_object(value)
    kinds = {
        "str": "String",
        "dict": "Object",
        "bool": str(value),
        "NoneType": "Null",
        "list": "Array",
    }
    kind = kinds.get(type(value).__name__, "Number")
    raise Refused(
        400,
        f"JSON Value: {json.dumps(value, indent=4)} Type: {kind} is not of expected type: {dtype}",
    )


def bytes_from_object(value):
    if list(value) != ["b64"] or not isinstance(value["b64"], str):
        raise Refused(
            400,
            f"JSON Value: {json.dumps(value, indent=4)} not formatted correctly for base64 data",
        )
    try:
        # White space between the characters is passed over, as the real server's decoder does.
        return base64.b64decode("".join(value["b64"].split()), validate=True)
    except binascii.Error:
        raise Refused(400, "Unable to base64 decode") from None


def text_by_row(outputs):
    """As the real server lays its lines out: rows that are plain values all stand in one."""
    if len(outputs) == 1:
        rows = ", ".join(json.dumps(row) for row in next(iter(outputs.values())).tolist())
        return '{\n    "predictions": [%s\n    ]\n}' % rows
    columns = {name: values.tolist() for name, values in outputs.items()}
    rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
    members = [
        ",\n".join(f'            "{name}": {json.dumps(value)}' for name, value in row.items())
        for row in rows
    ]
    return '{\n    "predictions": [\n%s\n    ]\n}' % ",\n".join(
        "        {\n%s\n        }" % member for member in members
    )


def text_by_column(outputs, scalar):
    columns = {
        name: values[0].tolist() if scalar else values.tolist() for name, values in outputs.items()
    }
    return json.dumps(
        {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}, indent=4
    )


def speak_http2(listener):
    """The gRPC port as far as others can see it: a greeting in HTTP/2, and the end for whoever
    speaks HTTP/1."""
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(HTTP2_SETTINGS)


if __name__ == "__main__":
    main()

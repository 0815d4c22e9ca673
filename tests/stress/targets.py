"""What a fuzzer asks: each target takes bytes, and raises where a rule is broken."""

import base64
import json
import re

import h11

from gateway.access import foreign_host
from gateway.containers import client, startcommand
from gateway.http import headers, jsontext, startline, urls
from gateway.http.grammar import IS_TOKEN
from gateway.http.mediatypes import media_type_from_text
from gateway.http.messages import Request
from gateway.http.negotiation import preferences_from_headers
from gateway.refusal import Refusal
from gateway.rest.content import action_from_content
from gateway.settings import Settings
from gateway.web.address import EXTENSIONS, address_from_path
from gateway.web.params import params_from_request
from gateway.web.result import response_from_result
from images.action.adapter import layer_from_project
from images.action.changes import Wishes
from images.action.plan import Ours, Part, plan_from_base
from images.commands.manifest import manifest_from_models
from images.commands.models import models_from_text
from images.image.documents import Manifest
from images.image.reference import reference_from_name
from images.registry.repository import value_of
from images.registry.resolving import base_from_repository
from images.words import RegistryError, Unsuitable
from openwhisk_adapter.envelope import activation_from_json, checked, json_from_result
from openwhisk_adapter.messages import Refused, Response
from openwhisk_adapter.messages import Request as Asked
from openwhisk_adapter.request import request_from_params
from openwhisk_adapter.result import result_from_response
from openwhisk_adapter.servers.wsgi import environ_from_request

WEB = {
    "__ow_method": "post",
    "__ow_path": "/a",
    "__ow_query": "a=b",
    "__ow_headers": {
        "content-type": "application/json",
        "x-forwarded-host": "h:8080",
        "accept-encoding": "gzip",
    },
    "__ow_body": base64.b64encode(b'{"a": [1]}').decode(),
}
FORM = {**WEB, "__ow_headers": {"content-type": "multipart/form-data; boundary=b"}, "bound": 1}
FILE = {"image": {"b64": "AAAA", "filename": "a.png", "content_type": "image/png"}}
CONTEXT = {
    "action_name": "/guest/model",
    "activation_id": "1",
    "deadline": "9",
    "namespace": "guest",
}


def adapter_call(data):
    """The body of a /run."""
    try:
        activation = activation_from_json(data)
        check_request(checked(activation, "value", dict, {}), activation)
    except Refused as refusal:
        assert 400 <= refusal.response.status < 500


def adapter_request(data):
    """Method and target, header lines, an empty line, the body, for an action with a parameter."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("utf-8", "replace").split("\n")
    method, _, target = first.partition(" ")
    path, _, query = target.partition("?")
    sent = {name: value.strip(" ") for name, _, value in (line.partition(":") for line in lines)}
    params = {
        "__ow_method": method,
        "__ow_path": path,
        "__ow_query": query,
        "__ow_headers": sent,
        "bound": {"b64": ""},
    }
    for text in (body.decode("utf-8", "replace"), base64.b64encode(body).decode()):
        try:
            check_request({**params, "__ow_body": text}, CONTEXT)
        except Refused as refusal:
            assert 400 <= refusal.response.status < 500


def check_request(params, activation):
    request = request_from_params(params, activation)
    line = f"{request.method} {request.target}"
    assert line.isascii() and line.count(" ") == 1 and not set(line) & set("\r\n\0\t"), line
    assert not any(set(name + value) & set("\r\n\0") for name, value in request.headers), (
        request.headers
    )
    assert all(value.encode("latin-1") is not None for _, value in request.headers)
    environ_from_request(request)


def adapter_result(data):
    """A flag for the question, the answer's status, header lines, an empty line, its body."""
    flags, head, body = data[:1] or b"\0", *data[1:].partition(b"\n\n")[::2]
    pairs = [tuple(line.partition(":")[::2]) for line in head.decode("latin-1").split("\n")]
    answer = Response(100 + 3 * flags[0], pairs, body)
    request = Asked(
        "HEAD" if flags[0] & 1 else "GET",
        "/p",
        prefix="/a/b",
        plain=bool(flags[0] & 2),
        accepts_gzip=flags[0] & 4 > 0,
    )
    result = result_from_response(answer, request)
    assert isinstance(json.loads(json_from_result(result)), dict)


def gateway_request(data):
    """A request as it comes, read as the front reads it."""
    line, _, rest = data.partition(b"\n")
    parser = h11.Connection(h11.SERVER)
    try:
        start = startline.start_from_line(line)
        parser.receive_data(b"POST / HTTP/%s\r\n%s" % (start.version, rest))
        head, body = parser.next_event(), parser.next_event()
        if not isinstance(head, h11.Request):
            return
        pairs = startline.checked_headers(start, head)
        target = startline.target_of(start, pairs)
    except (Refusal, h11.RemoteProtocolError):
        return
    data = bytes(body.data) if isinstance(body, h11.Data) else b""
    request = Request(start.method, target, pairs, data, len(data))
    address = address_from_path(target.path[4:])
    foreign_host(pairs, "127.0.0.1")
    for raw in (True, False):
        try:
            json.dumps(params_from_request(request, address.rest if address else target.path, raw))
        except Refusal as error:
            assert str(error)


def gateway_result(data):
    """Two header values of the client, an extension's number, the JSON of the action."""
    accept, charset, number, text = (data.split(b"\n", 3) + [b""] * 3)[:4]
    wishes = [("Accept", accept.decode("latin-1")), ("Accept-Charset", charset.decode("latin-1"))]
    try:
        result = jsontext.value_from_json(text)
        extension = EXTENSIONS[len(number) % len(EXTENSIONS)]
        response = response_from_result(result, extension, preferences_from_headers(wishes))
    except (jsontext.Malformed, Refusal):
        return
    assert 100 <= response.status <= 599 and isinstance(response.body, bytes)
    assert not any(set(name + value) & set("\r\n") for name, value in response.headers)


def gateway_content(data):
    """What creates an action."""
    try:
        action_from_content(jsontext.value_from_json(data), ("guest", "", "x"), None, 0, Settings())
    except (jsontext.Malformed, Refusal) as error:
        assert str(error)


def gateway_answer(data):
    """A container's answer, in two pieces."""
    answer = client.Answer()
    try:
        for piece in (data[:50], data[50:], b""):
            if not answer.complete:
                answer.feed(piece)
        assert isinstance(answer.reply().text, str)
        answer.redirect()
    except client.NoReply as error:
        assert str(error)


def gateway_texts(data):
    """A Dockerfile, and what isn't one as a header, a media type and a form."""
    text = data.decode("utf-8", "replace")
    value = " ".join(re.split("[\0\t\n\r\f\v ]+", text)).strip(" ")  # what the front lets through
    assert startcommand.start_from_dockerfile(text, {"PATH": "/bin"}).command
    for name in headers.RENDERERS:
        assert isinstance(headers.rendered(name, value), str)
    media = media_type_from_text(value)
    # A charset is written as it is, without the quotes that it may need.
    assert media is None or media_type_from_text(media.text) or not IS_TOKEN.match(media.charset)
    try:
        urls.fields_from_form(text)
    except urls.IllegalTarget as error:
        assert str(error)


class Documents:
    """A repository without its layers, which answers with what comes next."""

    name = "a/b"

    def __init__(self, documents):
        self.documents = iter(documents)

    def manifest(self, version):
        kind, _, text = next(self.documents, b"").partition(b" ")
        return Manifest(
            kind.decode("utf-8", "replace"), text, value_of(text, f"the manifest {version}")
        )

    def document(self, descriptor):
        return value_of(
            next(self.documents, b"").partition(b" ")[2], f"the blob {descriptor.digest}"
        )

    def open_blob(self, descriptor):
        raise RegistryError(f"there is no {descriptor.digest}")


def image_base(data):
    """What a registry answers, a line each: a media type and a document."""
    try:
        base = base_from_repository(Documents(data.split(b"\n")), reference_from_name("a/b"))
        ours = Ours([Part(["python"], [LAYER])] * len(base.images), Wishes(), "1.0.0")
        plan = plan_from_base(base, reference_from_name("c/d"), ours)
    except (Unsuitable, RegistryError) as error:
        assert str(error)
        return
    assert all(json.loads(manifest.data) == manifest.value for manifest in plan.manifests)
    assert LAYER.content in plan.blobs


def image_names(data):
    """A name, and a list of models."""
    name, _, models = data.decode("utf-8", "replace").partition("\n")
    try:
        reference = reference_from_name(name)
        assert reference_from_name(str(reference)) == reference
        assert not set(reference.address + reference.repository + reference.version) & set(
            " ?#%\r\n"
        )
        yaml = manifest_from_models(models_from_text(models), "1.0.0")
        assert "\t" not in yaml and yaml.endswith("\n")
    except ValueError as error:
        assert "expected" in str(error)


LAYER = layer_from_project()
TYPES = {
    name: f"application/vnd.oci.image.{name}.v1+json" for name in ("index", "manifest", "config")
}
IMAGE = {
    "config": {"mediaType": TYPES["config"], "digest": "sha256:" + "a" * 64, "size": 1},
    "layers": [
        {
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": "sha256:" + "b" * 64,
            "size": 1,
        }
    ],
    "annotations": {"a": "b"},
}
CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "config": {
        "Entrypoint": ["tini"],
        "Cmd": ["python", "app.py"],
        "Env": ["A=b"],
        "ExposedPorts": {"80/tcp": {}},
    },
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "b" * 64]},
    "history": [{"created_by": "a"}],
}
INDEX = {
    "manifests": [
        {"digest": "sha256:" + "c" * 64, "platform": {"os": "linux", "architecture": "amd64"}}
    ]
}


def lines_of_documents(*documents):
    return "\n".join(f"{TYPES[name]} {json.dumps(value)}" for name, value in documents).encode()


CONTENT = {
    "exec": {"kind": "blackbox", "image": "a/b:1", "code": "", "binary": False},
    "annotations": [{"key": "web-export", "value": True}],
    "parameters": [{"key": "a", "value": 1, "init": True}],
    "limits": {"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1},
}
# From each the search begins: what the input looks like that gets far.
SEEDS = {
    adapter_call: [
        json.dumps({"value": value, **CONTEXT}).encode() for value in (WEB, FORM, FILE, {})
    ],
    adapter_request: [
        b"POST /a%20b?c=d&e\ncontent-type: application/json\nx-forwarded-host: h:8080\n"
        b"x-forwarded-proto: https\n\n[1]",
        b"get /\ncookie: a=b\naccept-encoding: gzip;q=0.5, *\nx-forwarded-for: 1.2.3.4\n"
        b"host: [::1]:80\n\n",
        b"put \ncontent-type: multipart/form-data; boundary=b\n\n"
        b'--b\r\nContent-Disposition: x; name="a"\r\n\r\n',
        b"post /a\ncontent-type: application/x-www-form-urlencoded\n\na=b&c=%20",
    ],
    adapter_result: [
        b"\x00Content-Type: text/html; charset=latin-1\nSet-Cookie: a\nSet-Cookie: b\n\n<p>",
        b"\x02Content-Type: application/json\nContent-Encoding: gzip\nLocation: /a\n\n{}",
        b'\x01Content-Length: 5\nETag: "a"\nContent-Type: text/plain\n\n',
    ],
    gateway_request: [
        b"POST /api/v1/web/guest/default/x.json/a%20b?c=d HTTP/1.1\nHost: h\n"
        b"Content-Type: application/json\n"
        b"Content-Length: 2\n\n{}",
        b"POST / HTTP/1.1\nHost: h\nContent-Type: application/x-www-form-urlencoded\n"
        b"Cookie: a=b; c=d\n"
        b"Transfer-Encoding: chunked\n\n9\na=b&c=%20\n0\n\n",
        b"GET http://h/ HTTP/1.0\nHost: h\nRange: bytes=0-1\nAccept: text/*;q=0.5, */*\n"
        b"User-Agent: a/1 (b)\n\n",
    ],
    gateway_result: [
        b'*/*\nutf-8;q=0.5\n\n{"statusCode": 200, "body": "x", '
        b'"headers": {"a": ["b"], "content-type": "text/plain"}}',
        b'text/plain\n*\n1\n{"text": {"a": 1.50}, "body": "aGk="}',
    ],
    gateway_content: [json.dumps(CONTENT).encode()],
    image_base: [
        lines_of_documents(("manifest", IMAGE), ("config", CONFIG)),
        lines_of_documents(("index", INDEX), ("manifest", IMAGE), ("config", CONFIG)),
    ],
    image_names: [
        b"quay.io/codait/max-ocr:latest\n"
        b"max-ocr 2048 60000 Read the text in a picture\n# comment\n\n",
        b"[::1]:5000/a@sha256:" + b"0" * 64 + b"\nmax-a 512 1000 A\n",
    ],
    gateway_answer: [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
        b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 303 See\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n",
    ],
    gateway_texts: [
        b'FROM a\nARG V=1\nENV A="b c" B=${V:-x}\nENTRYPOINT ["tini"]\nCMD ["python", "app.py"]\n',
        b'text/html; charset="utf-8"; a=b',
        b"attachment; filename*=utf-8''a; name=\"b\"",
        b"Mon, 01 Jan 2024 00:00:00 GMT",
        b'Digest a=b, c="d"',
        b"bytes 0-1/2, max-age=3, gzip;q=0.5",
    ],
}

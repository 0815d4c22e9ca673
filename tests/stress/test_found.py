"""What generated input and broken circumstances have brought to light, each by its name."""

import base64
import json

import pytest

from images.commands import action
from images.words import RegistryError
from openwhisk_adapter.envelope import object_from_json
from openwhisk_adapter.messages import Refused, Request, Response
from openwhisk_adapter.request import request_from_params
from openwhisk_adapter.result import result_from_response
from openwhisk_adapter.servers.wsgi import environ_from_request
from testing.controller import response_from_result
from testing.gateway import REST, WEB
from testing.replay import json_reply
from tests.stress.test_registry import BASE, HOME, TARGET, answering

ACTION = {"exec": {"kind": "blackbox", "image": "replay"}}


@pytest.mark.parametrize(
    "collection, content, message",
    [
        ("actions", {**ACTION, "parameters": [{"key": "\ud800", "value": 1}]}, None),
        ("actions", {**ACTION, "delAnnotations": [[]]}, None),
        ("actions", {**ACTION, "delAnnotations": 5}, "delAnnotations malformed!"),
        ("packages", {"exec": 1}, None),
    ],
    ids=[
        "half a character in a key",
        "annotations to remove that are lists",
        "no list of them",
        "a package with exec",
    ],
)
def test_content_that_was_an_internal_error(gateway, collection, content, message):
    path = f"{REST}{collection}/one-of-{collection}?overwrite=true"
    reply = gateway.rest("PUT", path, content)
    if message is None:
        assert reply.status == 200, reply
    else:
        assert (reply.status, reply.json["error"]) == (
            400,
            "The request content was malformed:\n" + message,
        )


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined", "unicode_escape", "hex"])
def test_an_action_that_names_a_charset_of_pythons_own_is_read_as_utf_8(gateway, replay, charset):
    gateway.create_web("found")
    body = '{"body": "é\\u0001"}'.encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset={charset}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    replay.reply = head.encode() + body
    reply = gateway.request("GET", WEB + "found")
    assert (reply.status, reply.body) == (200, "é\u0001".encode()), reply
    assert "Traceback" not in gateway.stderr


@pytest.mark.timeout(30)
def test_a_charset_that_takes_the_square_of_a_text_holds_nobody_up(gateway, replay):
    gateway.create_web("found")
    text = "".join(map(chr, range(0x4E00, 0x9E00))) * 10
    replay.reply = json_reply(json.dumps({"text": text}, ensure_ascii=False))
    reply = gateway.request("GET", WEB + "found.text", [("Accept-Charset", "punycode")])
    assert (reply.status, reply.body) == (200, text.encode()), reply.status


@pytest.mark.parametrize("length", ["0x2", "two", "-1", "", "٢"])
def test_a_model_whose_answer_to_a_head_has_no_length_that_is_a_number(length):
    result = result_from_response(
        Response(200, [("Content-Length", length)], b""), Request("HEAD", "/p")
    )
    assert (result["statusCode"], result["body"]) == (200, "")


@pytest.mark.parametrize("charset", ['"/"', '"utf 8"', '"a;b"', '"\\"'])
def test_a_model_that_names_a_charset_which_no_charset_can_be(charset):
    answer = Response(200, [("Content-Type", f"application/xml; charset={charset}")], b"<a/>")
    arrived = response_from_result(json.dumps(result_from_response(answer, Request("GET", "/p"))))
    assert (arrived.status, arrived.body) == (200, b"<a/>"), arrived


@pytest.mark.parametrize("host", ["h:99999", "[::::]", "[1]", "[]:1"])
def test_a_client_that_names_a_host_which_no_host_can_be(host):
    params = {"__ow_method": "get", "__ow_headers": {"x-forwarded-host": host}}
    environ = environ_from_request(request_from_params(params, {}))
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")


DEEP = b"[" * 100000


def test_json_without_end_in_a_call_is_refused():
    with pytest.raises(Refused):
        object_from_json(DEEP)


def test_json_without_end_from_a_client_is_the_models_to_refuse():
    web = {
        "__ow_method": "post",
        "__ow_query": "",
        "__ow_headers": {"content-type": "application/json"},
    }
    params = {**web, "__ow_body": base64.b64encode(DEEP).decode(), "bound": 1}
    assert request_from_params(params, {}).body == DEEP


def test_json_without_end_from_a_model_is_carried_as_it_is():
    answer = Response(200, [("Content-Type", "application/json")], DEEP)
    result = result_from_response(answer, Request("GET", "/p", plain=True))
    assert (result["statusCode"], result["body"]) == (200, DEEP.decode())


def test_a_registrys_redirect_that_is_neither_gzip_nor_whole():
    answer = (
        b"HTTP/1.1 307 x\r\nLocation: /v2/\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: 31\r\n\r\n{}"
    )
    with answering([answer]) as address, pytest.raises(
        RegistryError, match="redirected more than 5 times"
    ):
        action.main([f"{address}/{BASE}:latest", f"{address}/{TARGET}:1.0.0"], HOME)


@pytest.mark.parametrize("name", ["X-Real-IP", "X-Forwarded-For"])
@pytest.mark.parametrize("address", ["::%0", "fe80::1%eth0"])
def test_a_client_whose_address_names_an_interface(gateway, replay, name, address):
    gateway.create_web("found")
    assert gateway.request("GET", WEB + "found", [(name, address)]).status == 204
    assert replay.runs[0]["value"]["__ow_headers"][name.lower()] == address

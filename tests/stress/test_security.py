"""What SECURITY.md promises."""

import json
import os
import socket
import stat
import threading
from contextlib import closing

import psutil
import pytest

from testing.adapter import SENTINEL
from testing.gateway import WEB, Gateway, received
from testing.process import descendants, until
from tests.stress.folders import COMMANDS, folder_with

KEY = "11111111-2222-3333-4444-555555555555:KEYSECRETKEYSECRETKEYSECRETKEYSECRET"
LOOPBACK = ("127.0.0.1", "::1")


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def served(request, tmp_path_factory):
    parent = tmp_path_factory.mktemp(request.param)
    folder = folder_with(parent, "echo", request.param)
    with Gateway(parent, f"--image=echo={folder}", key=KEY) as gateway:
        secrets = [
            {"key": "token", "value": "PARAMSECRET"},
            {"key": "DB_PASSWORD", "value": "INITSECRET", "init": True},
        ]
        gateway.create_web(
            "model", "echo", parameters=secrets, annotations={"provide-api-key": True}
        )
        gateway.create_web("protected", "echo", annotations={"require-whisk-auth": "AUTHSECRET"})
        yield gateway


@pytest.fixture
def canary():
    """An address that nobody has a reason to connect to, and who did."""
    callers, listener = [], socket.create_server(("127.0.0.1", 0))

    def listen():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with closing(connection):
                callers.append(connection.recv(1000))

    thread = threading.Thread(target=listen)
    thread.start()
    yield "127.0.0.1:%d" % listener.getsockname()[1], callers
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


ELSEWHERE = {
    "the target's own host": ("http://{0}" + WEB + "model/json", "Host: {0}"),
    "Host": (WEB + "model/json", "Host: {0}"),
    "X-Forwarded-Host": (WEB + "model/json", "Host: h\r\nX-Forwarded-Host: {0}"),
    "X-Forwarded-For": (
        WEB + "model/json",
        "Host: h\r\nX-Forwarded-For: {0}\r\nForwarded: for={0};host={0}",
    ),
    "a path that begins with a host": (WEB + "model//{0}/json", "Host: h"),
    "a path that is a URL": (WEB + "model/http://{0}/json", "Host: h"),
    "a user before the host": (WEB + "model/@{0}/json", "Host: h"),
    "an encoded one": (WEB + "model/%2F%2F{0}/json", "Host: h"),
}


@pytest.mark.parametrize("case", sorted(ELSEWHERE))
def test_no_request_leads_to_another_host(served, canary, case):
    address, callers = canary
    target, headers = (text.format(address) for text in ELSEWHERE[case])
    reply = served.raw(f"GET {target} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n".encode())
    assert (reply.status, callers) == (200, []), reply
    assert reply.json["method"] == "GET"


@pytest.mark.parametrize(
    "path",
    ["../protected", "%2e%2e/protected", "./x/../../protected", "..%2Fprotected", "..%5Cprotected"],
)
def test_no_path_leads_around_an_actions_protection(served, path):
    reply = served.request("GET", f"{WEB}model/{path}")
    assert reply.status == (401 if "%2F" not in path and "%5C" not in path else 200), reply
    assert (
        served.request(
            "GET", WEB + "protected/json", [("X-Require-Whisk-Auth", "AUTHSECRET")]
        ).status
        == 200
    )


SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
LENGTH = f"Content-Length: {len(SMUGGLED)}\r\n"
AMBIGUOUS = {
    "a length and chunks": LENGTH + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks in other letters": LENGTH + "transfer-encoding: Chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a space before the colon": "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a folded line": "Transfer-Encoding:\r\n chunked\r\n" + LENGTH + "\r\n0\r\n\r\n" + SMUGGLED,
    "two codings": "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "two lengths": "Content-Length: 0\r\n" + LENGTH + "\r\n" + SMUGGLED,
    "a list of lengths": "Content-Length: 0, 5\r\n\r\n" + SMUGGLED,
    "a signed length": "Content-Length: +0\r\n\r\n" + SMUGGLED,
    "a length in hex": "Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "a chunk with a minus": "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + SMUGGLED,
    "a vertical tab": "Transfer-Encoding:\x0bchunked\r\n" + LENGTH + "\r\n" + SMUGGLED,
}


@pytest.mark.parametrize("case", sorted(AMBIGUOUS))
def test_no_request_hides_in_anothers_body(served, case):
    """What could be read in two ways is refused, or read in one way and the connection ended."""
    start = f"POST {WEB}model/json HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
    with closing(served.connect(10)) as connection:
        connection.sendall((start + AMBIGUOUS[case]).encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        data = received(connection)
    assert data.count(b"HTTP/1.1 ") == 1 and data.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), (
        data
    )


def test_no_client_writes_a_line_of_its_own_into_a_log(served):
    forged = "%0D%0A" + SENTINEL + "%0A" + "forged"
    reply = served.request("GET", f"{WEB}model/{forged}/json?{forged}", [("X-A", SENTINEL)])
    name = reply.header("x-openwhisk-activation-id")
    until(lambda: served.rest("GET", f"activations/{name}").status == 200, "its record")
    lines = served.rest("GET", f"activations/{name}").json["logs"]
    assert not [
        line for line in lines if line.partition(": ")[2].startswith(("forged", SENTINEL))
    ], lines


def test_secrets_are_in_no_log_record_or_message(served):
    """Those of a request, those of an action's parameters, and the namespace's key."""
    headers = [
        ("Authorization", "Bearer BEARERSECRET"),
        ("Cookie", "session=COOKIESECRET"),
        ("X-Nonce", "1"),
    ]
    for path in ("json", "broken", "missing"):
        served.request("POST", f"{WEB}model/{path}?password=QUERYSECRET", headers, b"BODYSECRET")
    served.rest("POST", "actions/model?blocking=true&result=true", {"card": "PAYLOADSECRET"})
    served.rest("GET", "actions", key="11111111-2222-3333-4444-555555555555:WRONGSECRET")
    listed = json.dumps(served.rest("GET", "activations?docs=true&limit=200").json)
    with open(served.data, "rb") as file, open(served.data + "-wal", "rb") as ahead:
        stored = file.read() + ahead.read()
    for secret in (
        "BEARERSECRET",
        "COOKIESECRET",
        "BODYSECRET",
        "PAYLOADSECRET",
        "WRONGSECRET",
        "KEYSECRET",
    ):
        assert (
            secret not in served.log and secret not in listed and secret.encode() not in stored
        ), secret
    logs = [line for record in json.loads(listed) for line in record["logs"]]
    for secret in ("QUERYSECRET", "PARAMSECRET", "INITSECRET", "AUTHSECRET"):
        assert secret not in served.log + "".join(logs), secret


def test_files_are_for_their_owner_alone(served):
    names = [name for name in os.listdir(served.folder) if name.startswith("gateway.sqlite3")]
    modes = {
        name: stat.S_IMODE(os.stat(os.path.join(served.folder, name)).st_mode) for name in names
    }
    assert len(modes) >= 3 and set(modes.values()) == {0o600}, modes


def test_everything_listens_on_this_machine_alone(served):
    assert served.request("GET", WEB + "model/json").status == 200
    found = []
    for pid in [served.pid, *descendants(served.pid)]:
        for one in psutil.Process(pid).net_connections("inet"):
            found += [one.laddr.ip] if one.status == psutil.CONN_LISTEN else []
    assert len(found) >= 2 and set(found) <= set(LOOPBACK), found

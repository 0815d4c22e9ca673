"""Who may use the key that everybody knows: not the sites that are open in the same browser."""

import base64
import json
from contextlib import closing

import pytest

from gateway.access import Access
from gateway.commandline import plan_from_arguments
from testing.gateway import REST, WEB, Gateway, received
from testing.process import until
from testing.recordings import GUEST_KEY
from testing.replay import json_reply

ADVICE = "start the gateway with --auth and a key of your own."
OTHER = ("Origin", "https://evil.example")
CROSS = ("Sec-Fetch-Site", "cross-site")
TYPED = [
    ("Sec-Fetch-Site", "none"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
]
# Each with the host that a gateway listens on, the request's headers, and the header that gives the
# page away that has asked.
REQUESTS = {
    "a tool": ("127.0.0.1", [("Host", "localhost:3233")], None),
    "a tool of old, without a host": ("127.0.0.1", [], None),
    "under an address of the network": ("0.0.0.0", [("Host", "192.168.1.5:3233")], None),
    "under an address by IPv6": ("::", [("Host", "[2001:db8::5]:3233")], None),
    "under the name that it listens on": ("box.lan", [("Host", "Box.LAN:3233")], None),
    "under a name that leads here": (
        "127.0.0.1",
        [("Host", "evil.example:3233")],
        "Host: evil.example:3233",
    ),
    "under a name that begins like ours": (
        "127.0.0.1",
        [("Host", "localhost.evil.example")],
        "Host: localhost.evil.example",
    ),
    "a page of its own origin, as an action's is": (
        "127.0.0.1",
        [("Host", "localhost:1"), ("Origin", "http://localhost:1")],
        "Origin: http://localhost:1",
    ),
    "such a page that only reads": (
        "127.0.0.1",
        [("Host", "localhost:1"), ("Sec-Fetch-Site", "same-origin")],
        "Sec-Fetch-Site: same-origin",
    ),
    "another port of this machine": (
        "127.0.0.1",
        [("Host", "localhost:1"), ("Sec-Fetch-Site", "same-site")],
        "Sec-Fetch-Site: same-site",
    ),
    "another site": ("127.0.0.1", [("Host", "localhost:1"), OTHER], "Origin: https://evil.example"),
    "a page without a site": (
        "127.0.0.1",
        [("Host", "localhost:1"), ("Origin", "null")],
        "Origin: null",
    ),
    "an origin that says nothing": ("127.0.0.1", [("Origin", "")], "Origin: "),
    "one line for each of two sites": (
        "127.0.0.1",
        [OTHER, ("Origin", "http://localhost")],
        "Origin: https://evil.example",
    ),
    "another site that doesn't say which": ("127.0.0.1", [CROSS], "Sec-Fetch-Site: cross-site"),
    "an address bar": ("127.0.0.1", [("Host", "localhost:1"), ("Sec-Fetch-Site", "none")], None),
}


def access_at(host, *arguments):
    return Access(plan_from_arguments(["--host", host, *arguments]).settings)


@pytest.mark.parametrize("own_host, headers, told", REQUESTS.values(), ids=REQUESTS)
def test_a_request_from_a_page_or_for_another_site_is_known_by(own_host, headers, told):
    assert access_at(own_host).misuse_of_public_key(headers) == told


# -- the token of the gateway's own page ---------------------------------------------------


LOCAL = ("Host", "localhost:3233")
WITHOUT_TOKEN = {
    "a tool": [LOCAL],
    "a script that fetches": [
        LOCAL,
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", "empty"),
    ],
    "a window that a page opens": [LOCAL, ("Sec-Fetch-Site", "same-origin"), *TYPED[1:]],
    "a link from another site": [LOCAL, CROSS, *TYPED[1:]],
    "a frame": [LOCAL, *TYPED[:2], ("Sec-Fetch-Dest", "iframe")],
    "a name that leads here": [("Host", "evil.example"), *TYPED],
    "behind a proxy": [LOCAL, ("X-Forwarded-For", "192.0.2.1"), *TYPED],
}


def test_the_token_is_for_an_address_that_was_typed():
    token = access_at("127.0.0.1").token_for([LOCAL, *TYPED])
    assert token and len(token) > 40
    assert token != access_at("127.0.0.1").token_for([LOCAL, *TYPED])


@pytest.mark.parametrize("headers", WITHOUT_TOKEN.values(), ids=WITHOUT_TOKEN)
def test_nobody_else_gets_it(headers):
    assert access_at("127.0.0.1").token_for(headers) is None


def test_there_is_none_where_the_key_is_ones_own_or_the_network_can_ask():
    assert access_at("127.0.0.1", "--auth", "my:own").token_for([LOCAL, *TYPED]) is None
    assert access_at("0.0.0.0").token_for([LOCAL, *TYPED]) is None


def test_with_it_the_page_needs_no_key_and_may_ask_from_its_origin():
    access = access_at("127.0.0.1")
    headers = [LOCAL, ("Origin", "http://localhost:3233")]
    page = [*headers, ("X-Gateway-Page", access.token_for([LOCAL, *TYPED]))]
    assert (access.user_of(page), access.misuse_of_public_key(page)) == ("guest", None)
    guess = [*headers, ("X-Gateway-Page", "a" * 43)]
    assert access.user_of(guess) is None
    assert access.misuse_of_public_key(guess) == "Origin: http://localhost:3233"


def test_a_foreign_name_is_refused_with_it_too():
    access = access_at("127.0.0.1")
    page = [("Host", "evil.example"), ("X-Gateway-Page", access.token_for([LOCAL, *TYPED]))]
    assert access.misuse_of_public_key(page) == "Host: evil.example"


def test_actions_never_see_it(gateway, replay):
    gateway.create_web("seen")
    gateway.request("GET", WEB + "seen", [("X-Gateway-Page", "secret"), ("X-Other", "1")])
    headers = replay.runs[-1]["value"]["__ow_headers"]
    assert headers["x-other"] == "1" and "x-gateway-page" not in headers


def test_actions_that_a_trigger_starts_dont_see_it_either(gateway, replay):
    gateway.create("seen")
    for path, content in (
        ("triggers/t", {}),
        ("rules/r", {"trigger": "/_/t", "action": "/_/seen"}),
    ):
        assert gateway.rest("PUT", path, content).status == 200
    lines = [basic(GUEST_KEY), ("X-Gateway-Page", "secret"), ("X-Other", "1")]
    assert gateway.request("POST", REST + "triggers/t", lines).status == 202
    until(lambda: replay.runs, "the action runs")
    headers = replay.runs[-1]["value"]["__ow_headers"]
    assert headers["x-other"] == "1" and "x-gateway-page" not in headers


WORKER, WINDOW = "Service-Worker-Allowed", "Cross-Origin-Opener-Policy"
# What an action calls a header, and what a browser makes of it.
WIDE = {
    "as it is": WORKER,
    "for its window": WINDOW,
    "with a colon and a value in its name": WORKER + ":/?",
    "with a letter whose low byte is another": WORKER.replace("S", "\u0153"),
    "for its window, with such a letter": WINDOW.replace("C", "\u0143"),
    "with a space behind it": WORKER + " ",
    "behind a tab": "\t" + WORKER,
    "with a zero that a browser leaves out": WORKER.replace("-", "\0-"),
}
FRAMING = {
    "a length": "Content-Length ",
    "chunks": "\u0154ransfer-Encoding",
    "chunks in a name": "Transfer-Encoding:chunked,x",
}


@pytest.mark.parametrize("name", [*WIDE.values(), *FRAMING.values()], ids=[*WIDE, *FRAMING])
def test_no_action_gets_the_whole_site_or_the_place_of_the_next_answer(gateway, replay, name):
    """The next answer on the same connection may be the gateway's own page."""
    gateway.create_web("wide")
    alone = names_sent(gateway, replay, {"X-Kept": "1"})
    assert b"X-Kept" in alone
    assert names_sent(gateway, replay, {name: "chunked", "X-Kept": "1"}) == alone


def names_sent(gateway, replay, headers):
    """Of an answer's header lines as bytes, as some of them are no text."""
    replay.reply = json_reply(json.dumps({"headers": headers, "body": "x"}))
    ask = f"GET {WEB}wide HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    with closing(gateway.connect()) as connection:
        connection.sendall(ask.encode())
        head = received(connection).partition(b"\r\n\r\n")[0]
    return [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]


# -- over sockets --------------------------------------------------------------------------


def basic(key):
    return "Authorization", "Basic " + base64.b64encode(key.encode()).decode()


def asked(gateway, target, *headers, key=GUEST_KEY, method="GET", host="localhost"):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (basic(key), *headers)]
    return gateway.raw("\r\n".join([*lines, "", ""]).encode())


@pytest.mark.parametrize(
    "method, path", [("PUT", "actions/x"), ("POST", "actions/x"), ("GET", "activations")]
)
def test_with_the_public_key_other_sites_are_refused_and_told_what_to_do(gateway, method, path):
    reply = asked(gateway, REST + path, OTHER, method=method)
    error = (
        "Requests for another site or from a page (Origin: https://evil.example) can't use the public key: "  # noqa: E501
        + ADVICE
    )
    assert (reply.status, reply.json) == (
        403,
        {"code": reply.header("x-request-id"), "error": error},
    )
    assert reply.header("content-type") == "application/json"


def test_with_the_public_key_a_name_that_leads_here_is_refused(gateway):
    reply = asked(gateway, "/api/v1/namespaces", host="evil.example:3233")
    assert reply.status == 403 and "(Host: evil.example:3233)" in reply.json["error"]


def test_without_a_key_other_sites_are_answered_as_everybody(gateway):
    reply = gateway.request("GET", REST + "actions", [OTHER])
    assert (reply.status, reply.json["error"].partition(",")[0]) == (
        401,
        "The resource requires authentication",
    )
    assert gateway.request("OPTIONS", REST + "actions", [OTHER]).status == 200


def test_with_a_key_of_ones_own_other_sites_may_use_it(tmp_path):
    with Gateway(tmp_path, key="my:own") as gateway:
        for headers, host in (([OTHER], "localhost"), ([CROSS], "localhost"), ([], "box.example")):
            reply = asked(gateway, REST + "actions", *headers, key="my:own", host=host)
            assert (reply.status, reply.json, reply.header("access-control-allow-origin")) == (
                200,
                [],
                "*",
            )


def test_web_actions_are_open_to_all_sites(gateway, replay):
    gateway.create_web("open")
    gateway.create_web("closed", annotations={"require-whisk-auth": True})
    for name in ("open", "closed"):
        reply = asked(gateway, WEB + name, OTHER, CROSS, host="model.example")
        assert (reply.status, reply.header("access-control-allow-origin")) == (204, "*")

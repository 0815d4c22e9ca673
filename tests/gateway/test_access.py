"""Who may use the key that everybody knows: not the sites that are open in the same browser."""

import base64

import pytest

from gateway.access import Access, foreign_header
from gateway.commandline import plan_from_arguments
from tests.support.gateway import REST, WEB, Gateway
from tests.support.recordings import GUEST_KEY

ADVICE = "start the gateway with --auth and a key of your own."
OTHER = ("Origin", "https://evil.example")
CROSS = ("Sec-Fetch-Site", "cross-site")
# Each with the host that a gateway listens on, the request's headers, and the header that gives the
# other site away.
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
        "Host",
    ),
    "its own page": (
        "127.0.0.1",
        [("Host", "localhost:1"), ("Origin", "http://localhost:1")],
        None,
    ),
    "its own page by the address": (
        "0.0.0.0",
        [("Host", "10.0.0.5:1"), ("Origin", "http://10.0.0.5:1")],
        None,
    ),
    "a page of the machine that it listens on": (
        "box.lan",
        [("Host", "10.0.0.5:1"), ("Origin", "http://box.lan")],
        None,
    ),
    "another port of this machine": (
        "127.0.0.1",
        [("Host", "localhost:1"), ("Origin", "http://127.0.0.1:8000")],
        None,
    ),
    "another port of this machine, which browsers call a site of its own": (
        "127.0.0.1",
        [("Host", "localhost:1"), ("Origin", "http://127.0.0.1:8000"), CROSS],
        None,
    ),
    "another port of a machine of the network": (
        "0.0.0.0",
        [("Host", "10.0.0.5:1"), ("Origin", "http://10.0.0.5:8000")],
        "Origin: http://10.0.0.5:8000",
    ),
    "another site": ("127.0.0.1", [("Host", "localhost:1"), OTHER], "Origin: https://evil.example"),
    "a site that begins like ours": (
        "127.0.0.1",
        [("Origin", "http://localhost.evil.example")],
        "Origin",
    ),
    "a site that ends like ours": (
        "127.0.0.1",
        [("Origin", "http://evil.example#localhost")],
        "Origin",
    ),
    "a site with a user like ours": (
        "127.0.0.1",
        [("Origin", "http://localhost@evil.example")],
        "Origin",
    ),
    "a page without a site": (
        "127.0.0.1",
        [("Host", "localhost:1"), ("Origin", "null")],
        "Origin: null",
    ),
    "two sites": ("127.0.0.1", [("Origin", "http://localhost http://evil.example")], "Origin"),
    "one line for each of two sites": (
        "127.0.0.1",
        [OTHER, ("Origin", "http://localhost")],
        "Origin",
    ),
    "another site that doesn't say which": ("127.0.0.1", [CROSS], "Sec-Fetch-Site: cross-site"),
    "an address bar": ("127.0.0.1", [("Host", "localhost:1"), ("Sec-Fetch-Site", "none")], None),
}


@pytest.mark.parametrize("own_host, headers, told", REQUESTS.values(), ids=REQUESTS)
def test_a_request_for_another_site_is_known_by(own_host, headers, told):
    found = foreign_header(headers, own_host)
    assert found == told or (told and found.partition(":")[0] == told)


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
        "Requests for another site (Origin: https://evil.example) can't use the public key: "
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


def test_the_name_that_it_listens_on_is_its_own():
    access = Access(plan_from_arguments(["--host", "box.lan"]).settings)
    headers = [("Host", "box.lan:3233"), ("Origin", "http://box.lan:3233")]
    assert access.user_of([*headers, basic(GUEST_KEY)]) == "guest"
    assert access.misuse_of_public_key(headers) is None

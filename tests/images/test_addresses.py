"""Where a registry may send layer.py, and what it takes along: addresses are judged once they are
resolved.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from images.commands.rebase import led_by
from images.image.reference import reference_from_name
from images.registry import addresses, connection, transport
from images.registry.credentials import Credentials
from images.registry.repository import Repository
from images.registry.transport import Access, Transport
from images.words import RegistryError
from testing.process import free_port
from testing.registry import Odd
from tests.images.samples import ROOT

ME = Credentials("me", "secret")
PUBLIC, CDN, PRIVATE, HERE = "93.184.215.14", "151.101.1.1", "10.1.2.3", "127.0.0.1"
PULL = (Access("a/b", "pull"),)


@pytest.fixture
def resolver(monkeypatch):
    """What names lead to, without asking anybody."""
    known = {"registry.example": PUBLIC, "corp.example": PRIVATE, "cdn.example": CDN}

    def getaddrinfo(host, port, *_, **__):
        address = known.get(host)
        if address is None:
            return ASK(host, port, type=socket.SOCK_STREAM)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", getaddrinfo)
    return known


ASK = socket.getaddrinfo


def refusal(transport, url):
    """Why the transport doesn't go there; None if it would."""
    places = addresses.places_of(connection.urlsplit(url).hostname, 443)
    try:
        transport.check_scheme(url)
        transport.check_places(url, places)
    except RegistryError as error:
        return str(error)


NOT_THERE = {
    "localhost": "https://localhost:8443/x",
    "a part of an address": "https://127.1/x",
    "an address as one number": "https://2130706433/x",
    "an address in hexadecimal": "https://0x7f.1/x",
    "an address of IPv6 that is one of IPv4": "https://[::ffff:127.0.0.1]/x",
    "nobody's address": "https://0.0.0.0/x",
    "a name that leads here": "https://here.example/x",
    "a cloud's own data": "https://169.254.169.254/latest",
    "a private network": "https://10.0.0.1/x",
    "a name in a private network": "https://corp.example/x",
}


@pytest.mark.parametrize("url", NOT_THERE.values(), ids=NOT_THERE)
def test_a_public_registry_may_not_point_at_this_machine_or_its_network(resolver, url):
    resolver["here.example"] = HERE
    assert "points at " + url in (refusal(Transport("registry.example"), url) or "")


@pytest.mark.parametrize(
    "url", ["http://cdn.example/x", "http://localhost:80/x", "ftp://cdn.example/x", "file:///x"]
)
def test_plain_http_is_for_a_registry_on_this_machine_alone(resolver, url):
    assert "not TLS" in refusal(
        Transport("registry.example"), url.replace("file:///", "file://localhost/")
    )


def test_insecure_is_plain_http_to_the_named_host_alone(resolver):
    lab = Transport("corp.example:5000", insecure=True)
    assert lab.base == "http://corp.example:5000/v2/"
    assert refusal(lab, "http://corp.example:5000/v2/x") is None
    assert "not TLS" in refusal(lab, "http://cdn.example/x")


def test_a_registry_on_this_machine_may_point_at_this_machine(resolver):
    here = Transport("localhost:5000")
    assert here.base == "http://localhost:5000/v2/"
    assert refusal(here, "http://127.0.0.1:9000/blobs") is None
    assert "not TLS" in refusal(here, "http://cdn.example/x")


def test_a_companys_registry_may_keep_its_content_in_the_companys_network(resolver):
    assert refusal(Transport("corp.example"), "https://10.9.9.9/blobs") is None
    assert "this machine" in refusal(Transport("corp.example"), "https://127.0.0.1/blobs")
    assert "private network" in refusal(Transport("corp.example"), "https://169.254.169.254/latest")


LABELLED = {
    "this machine": "localhost:5000/a/b",
    "a cloud's own data": "169.254.169.254/a/b",
    "a private network": "corp.example/a/b",
}


def based_on(name):
    """Where the base of an image in registry.example is read, as the image's label says it."""
    base, own = reference_from_name(name), reference_from_name("registry.example/me/action:1")
    return led_by(own, Repository(Transport(base.address), base.repository), False).transport


@pytest.mark.parametrize("base", LABELLED.values(), ids=LABELLED)
def test_the_label_of_an_image_out_there_leads_to_no_registry_in_here(resolver, base):
    there = based_on(base)
    assert "registry.example points at " + there.base in refusal(there, there.base)


def test_the_label_of_an_image_out_there_may_lead_elsewhere_out_there(resolver):
    assert refusal(based_on("cdn.example/a/b"), "https://cdn.example/v2/") is None


def test_a_label_is_judged_by_the_address_that_is_connected_to(resolver, monkeypatch):
    """A name that leads to another place when it is asked for a second time."""
    there = based_on("cdn.example/a/b")
    assert refusal(there, there.base) is None
    resolver["cdn.example"] = HERE
    monkeypatch.setattr(connection, "socket_to", lambda places: pytest.fail("it was connected to"))
    with pytest.raises(RegistryError, match="registry.example points at https://cdn.example"):
        Repository(there, "a/b").manifest_digest("latest")


def test_a_label_that_only_a_proxy_can_find_is_no_obstacle(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", unknown)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    there = based_on("cdn.example/a/b")
    through = there.connections.connected(
        ("https", "cdn.example", 443), lambda places: there.check_places(there.base, places)
    )
    assert (through.host, through.port) == ("proxy.example", 3128)


def test_elsewhere_out_there_is_where_content_often_is(resolver):
    assert refusal(Transport("registry.example"), "https://cdn.example/blobs?signature=x") is None


REALMS = {
    "plain HTTP to this machine": "http://localhost:9/token",
    "plain HTTP to itself": "http://registry.example/token",
    "this machine": "https://127.1/token",
    "a private network": "https://10.0.0.1/token",
}


@pytest.mark.parametrize("realm", REALMS.values(), ids=REALMS)
def test_a_password_is_not_sent_there(resolver, monkeypatch, realm):
    transport = Transport("registry.example", ME)
    monkeypatch.setattr(connection, "socket_to", lambda places: pytest.fail("something was sent"))
    with pytest.raises(RegistryError, match="points at|wants the password sent to"):
        transport.token({"realm": realm}, PULL)


def test_on_this_machine_a_password_goes_in_the_open_to_the_registrys_own_host_alone(resolver):
    resolver["also-here.example"] = HERE
    with pytest.raises(
        RegistryError,
        match="wants the password sent to http://also-here.example/token: another host",
    ):
        Transport("localhost:5000", ME).check_realm("http://also-here.example/token")
    Transport("localhost:5000", ME).check_realm("http://localhost:5001/token")


def test_what_was_judged_is_what_is_connected_to(monkeypatch):
    """A name that leads to another place when it is asked for a second time."""
    with Odd().served() as odd:
        answers = [odd.address.split(":")[0]]
        monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda host, port, **_: [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))
        ])  # fmt: skip
        transport = Transport(odd.address)
        transport.send("GET", "a/manifests/b", PULL, expect=(404,)).close()
        transport.connections.close()
    assert answers == []


def test_credentials_in_an_address_are_no_way_out(resolver):
    transport = Transport("registry.example", ME)
    assert not transport.is_ours("https://registry.example@cdn.example/v2/x")
    assert not transport.is_ours("https://registry.example:8443/v2/x")


def test_a_port_that_goes_without_saying_may_be_said():
    assert Transport("registry.example").is_ours("https://registry.example:443/v2/x")
    assert Transport("registry.example:443").is_ours("https://registry.example/v2/x")


HOSTILE = {
    "colours": "\x1b[31mred\x1b]0;title\x07",
    "without end": "x" * 30_000,
    "a line of its own": "denied\r\n\x1b[2Alayer.py: done",
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
def test_what_a_registry_says_reaches_the_terminal_as_text_and_not_without_end(message):
    with Odd().served() as odd:
        odd.error = {"errors": [{"code": "DENIED", "message": message}]}
        transport = Transport(odd.address)
        with pytest.raises(RegistryError) as refusal:
            transport.send("GET", "a/manifests/b", PULL)
        transport.connections.close()
    said = str(refusal.value)
    assert "403 DENIED: " in said
    assert said.isprintable() and len(said) < 1000


def test_a_manifest_that_comes_a_byte_at_a_time_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(connection, "DOCUMENT_SECONDS", 0.3)
    monkeypatch.setattr(transport, "TRIES", 1)
    with Odd().served() as odd:
        odd.dripping = True
        odd.add_manifest("a", "b", "text/plain", {"name": "x" * 1000})
        repository = Repository(Transport(odd.address), "a")
        start = time.monotonic()
        with pytest.raises(RegistryError, match=": [0-9]+ bytes in 0.3 s"):
            repository.manifest("b")
        assert time.monotonic() - start < 5
        repository.transport.connections.close()


def test_a_refusal_of_gigabytes_is_read_no_further_than_a_refusal_is_long():
    with Odd().served() as odd:
        odd.error = b"x" * (64 << 20)
        transport = Transport(odd.address)
        with pytest.raises(RegistryError, match="403 Forbidden"):
            transport.send("GET", "a/manifests/b", PULL)
        transport.connections.close()
    assert odd.cut_off


def test_a_proxy_that_is_down_is_told_apart_from_a_registry_that_is():
    proxied = dict(os.environ, HTTPS_PROXY="http://user:secret@127.0.0.1:1", NO_PROXY="")
    words = [sys.executable, str(ROOT / "layer.py"), "registry.example/a", "registry.example/b:1"]
    done = subprocess.run(words, env=proxied, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "secret" in done.stderr) == (1, False)
    assert "Connection refused, through the proxy 127.0.0.1:1 (HTTPS_PROXY" in done.stderr


def test_a_registry_on_this_machine_that_is_not_running_is_told_at_once():
    transport = Transport(f"127.0.0.1:{free_port()}")
    start = time.monotonic()
    with pytest.raises(RegistryError) as refusal:
        transport.send("GET", "a/manifests/b", PULL)
    assert time.monotonic() - start < 1
    assert str(refusal.value).endswith(
        f"Connection refused: nothing listens at {transport.registry}: is the registry running, is"
        " the port right?"
    )


def test_a_name_that_nobody_knows_is_not_asked_for_again(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", unknown)
    monkeypatch.setattr(transport.time, "sleep", lambda _: pytest.fail("asked again"))
    with pytest.raises(RegistryError, match="registry.example can't be found: .*is the name right"):
        Transport("registry.example").send("GET", "a/manifests/b", PULL)


GREETINGS = {"another protocol": b"SSH-2.0-OpenSSH_9.2\r\n", "nothing": b""}


@pytest.mark.parametrize("greeting", GREETINGS.values(), ids=GREETINGS)
def test_a_port_of_another_server_is_told_as_likely(monkeypatch, greeting):
    monkeypatch.setattr(transport, "TRIES", 1)

    class Greeter(BaseRequestHandler):
        def handle(self):
            self.request.sendall(greeting)

    with ThreadingTCPServer(("127.0.0.1", 0), Greeter) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        there = Transport(f"127.0.0.1:{server.server_address[1]}")
        with pytest.raises(RegistryError, match="; is that a registry's port\\?"):
            there.send("GET", "a/manifests/b", PULL)
        server.shutdown()

"""TLS of a registry: whose certificate is trusted, and what is said where there is none, or where
there is some all the same.
"""

import os
import re
import ssl
import subprocess
import sys

import pytest

from images.action.content import Filed
from images.image.documents import Descriptor, digest_of
from images.registry import addresses
from images.registry.copying import upload
from images.registry.repository import Repository
from images.registry.transport import Access, Transport
from images.words import Broken, RegistryError
from testing.certificates import self_signed
from testing.registry import Odd, cut_once, real_registry
from tests.images.samples import BASE, ROOT, TARGET, quiet

PULL = (Access("a/b", "pull"),)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(tls):
    """The address of a registry on this machine that speaks TLS."""
    with real_registry(tls) as address:
        yield address


def refusal(transport):
    with pytest.raises(RegistryError) as told:
        transport.send("GET", "a/b/manifests/1", PULL)
    transport.connections.close()
    return str(told.value)


def test_a_certificate_that_nobody_vouches_for_is_told_from_no_tls(secured):
    told = refusal(Transport(secured)).replace("self signed", "self-signed")  # an older OpenSSL
    assert told == (
        f"GET https://{secured}/v2/a/b/manifests/1: its TLS certificate isn't trusted (self-signed"
        " certificate); SSL_CERT_FILE names a file with the certificate of whoever has signed it"
    )


def test_a_certificate_of_another_name_is_told_without_that_advice(secured, tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))
    port = secured.partition(":")[2]
    assert re.search(
        r"its TLS certificate isn't trusted \(Hostname mismatch, .*'localhost'\)\Z",
        refusal(Transport(f"localhost:{port}")),
    )


def test_a_registry_on_this_machine_is_asked_with_tls_where_it_wants_that(secured, tls):
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "SSL_CERT_FILE": str(tls[0])}
    words = [f"{secured}/{BASE}", f"{secured}/{TARGET}:1"]
    command = [sys.executable, str(ROOT / "layer.py"), *words]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    address = f"https://{secured}/v2/{BASE}/manifests/latest"
    assert done.stderr.startswith(f"layer.py: GET {address}: 404 MANIFEST_UNKNOWN")


def test_so_is_one_whose_first_question_has_no_answer_to_be_read(secured, tls, monkeypatch):
    """As a HEAD has none."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))
    transport = Transport(secured)
    transport.send("HEAD", "a/b/manifests/1", PULL, expect=(404,)).close()
    transport.connections.close()


def test_plain_http_to_a_registry_that_speaks_tls_is_told(secured, monkeypatch):
    lab = Transport(f"lab.example:{secured.partition(':')[2]}", insecure=True)
    place = addresses.places_of("127.0.0.1", int(secured.partition(":")[2]))
    monkeypatch.setattr("images.registry.connection.places_of", lambda *_: place)
    told = f"400 Bad Request; {lab.registry} speaks TLS: leave out --insecure"
    assert refusal(lab).endswith(told)


def test_tls_to_a_registry_that_speaks_plain_http_is_told(monkeypatch):
    with Odd().served() as odd:
        port = odd.address.partition(":")[2]
        place = addresses.places_of("127.0.0.1", int(port))
        monkeypatch.setattr("images.registry.connection.places_of", lambda *_: place)
        lab = Transport(f"lab.example:{port}")
        assert refusal(lab).endswith(f"; --insecure if {lab.registry} speaks plain HTTP")


def test_an_upload_goes_on_where_its_tls_connection_broke(secured, tls, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))
    data = os.urandom(8 << 20)
    (tmp_path / "weights").write_bytes(data)
    content = Filed(tmp_path / "weights", Descriptor(digest_of(data), len(data)))
    with cut_once(secured, 1 << 20) as (address, cuts):
        transport = Transport(address)
        transport.send("GET", "a/b/tags/list", PULL, expect=(404,)).close()
        target = Repository(transport, TARGET, push=True)
        assert upload(content, target, quiet)
        assert target.has_blob(content.descriptor.digest)
        transport.connections.close()
    assert cuts


def test_what_breaks_behind_an_answer_is_no_want_of_tls(secured, tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))
    transport = Transport(secured)
    transport.send("GET", "a/b/tags/list", PULL, expect=(404,)).close()

    def broken(there, *_):
        there.close()
        raise ssl.SSLEOFError(8, "EOF occurred in violation of protocol")

    monkeypatch.setattr("images.registry.connection.exchanged", broken)
    with pytest.raises(Broken, match="EOF occurred") as told:
        transport.send("PUT", "a/b/manifests/1", PULL, body=b"{}")
    assert "--insecure" not in str(told.value)
    transport.connections.close()

"""Thousands of activations through gateway and adapter, some while the containers are paused:
none is lost or mixed up, and in the end the processes hold no more memory, files or threads than
soon after their start."""

import hashlib
import json
import os
import random
import signal
import threading
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import NamedTuple

import pytest

from testing.gateway import WEB, Gateway
from testing.process import descendants, status_of, until
from tests.stress.folders import COMMANDS, folder_with
from tests.stress.scale import ACTIVATIONS, as_long_as_it_takes

PARTS = 10
CLIENTS = 4
# Kilobytes of what fills up in the first ten thousands: SQLite's cache of pages, an allocator's
# arena for each thread.
FILLING = 6144 if ACTIVATIONS < 100000 else 0
SIZES = [0, 1, 100, 1000, 1000, 1000, 10000, 10000, 300000]
ROUTES = ["json", "json", "json", "picture", "text", "missing", "broken"]


class Asked(NamedTuple):
    nonce: str
    route: str
    method: str
    body: bytes

    @property
    def headers(self):
        kind = {"picture": "image/png", "text": "text/plain", "json": "application/json"}
        return {
            "X-Nonce": self.nonce,
            "Content-Type": kind.get(self.route, "application/x-www-form-urlencoded"),
        }

    @property
    def expected(self):
        """Status, content type and body of the model's own server."""
        if self.route == "picture":
            # The platform gives no type to nothing.
            return 200, "image/png" if self.body else None, self.body[::-1]
        if self.route == "text":
            return (
                200,
                "text/plain; charset=UTF-8",
                b"nonce=" + self.nonce.encode() + b" " + self.body,
            )
        told = {
            "query": "nonce=" + self.nonce,
            "method": self.method,
            "sha": hashlib.sha256(self.body).hexdigest(),
        }
        return (
            {"missing": 404, "broken": 500}.get(self.route, 200),
            "application/json",
            json.dumps(told).encode(),
        )


def question(number, chance):
    size, route = chance.choice(SIZES), chance.choice(ROUTES)
    if route in ("picture", "json"):
        body = chance.getrandbits(8 * size).to_bytes(size, "big") if size else b""
    else:
        body = ("é%d " % number * size)[:size].encode()
    return Asked(
        "%d-%08x" % (number, chance.getrandbits(32)), route, chance.choice(["POST", "PUT"]), body
    )


def ask_all(gateway, questions, wrong, ids):
    with closing(HTTPConnection("127.0.0.1", gateway.port, timeout=60)) as connection:
        for asked in questions:
            target = f"{WEB}model/some/{asked.route}?nonce={asked.nonce}"
            connection.request(asked.method, target, asked.body, asked.headers)
            answer = connection.getresponse()
            found = answer.status, answer.getheader("Content-Type"), answer.read()
            if found != asked.expected or answer.getheader("X-Nonce") != asked.nonce:
                wrong.append((asked, found))
            ids.append(answer.getheader("X-Openwhisk-Activation-Id"))


@contextmanager
def pauses(gateway, chance):
    """Stops the containers' processes for a moment, again and again, as the platform freezes
    them."""
    enough = threading.Event()

    def pause():
        while not enough.wait(0.3):
            stopped(descendants(gateway.pid), chance.uniform(0.02, 0.2))

    thread = threading.Thread(target=pause)
    thread.start()
    yield
    enough.set()
    thread.join()


def stopped(pids, seconds):
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        time.sleep(seconds if number == signal.SIGSTOP else 0)


class Held(NamedTuple):
    """The least that a process held during a while: what it can't give back."""

    kilobytes: int
    files: int
    threads: int


def held_by(pid):
    fields = status_of(pid)
    return Held(
        int(fields["RssAnon"].split()[0]),
        len(os.listdir("/proc/%d/fd" % pid)),
        int(fields["Threads"]),
    )


def least_held(pids, clients):
    """While the clients ask, and for a moment after."""
    samples, moments = {pid: [] for pid in pids}, 20
    while moments:
        moments -= not any(client.is_alive() for client in clients)
        for pid in pids:
            samples[pid].append(held_by(pid))
        time.sleep(0.02)
    return {pid: Held(*map(min, zip(*found))) for pid, found in samples.items()}


def count(gateway):
    return gateway.rest("GET", "activations?count=true").json["activations"]


@as_long_as_it_takes
@pytest.mark.parametrize("back_end", sorted(COMMANDS))
def test_no_activation_is_lost_mixed_up_or_paid_for_later(tmp_path, back_end):
    folder, chance = folder_with(tmp_path, "echo", back_end), random.Random(back_end)
    wrong, ids, held = [], [], []
    each = ACTIVATIONS // len(COMMANDS) // PARTS // CLIENTS
    with Gateway(tmp_path, "--keep", str(ACTIVATIONS), str(folder)) as gateway:
        for _ in range(PARTS):
            shares = [[question(number, chance) for number in range(each)] for _ in range(CLIENTS)]
            clients = [
                threading.Thread(target=ask_all, args=(gateway, share, wrong, ids))
                for share in shares
            ]
            with pauses(gateway, chance):
                for client in clients:
                    client.start()
                held.append(least_held([gateway.pid, *descendants(gateway.pid)], clients))
        assert wrong == []
        asked = PARTS * CLIENTS * each
        assert (len(ids), len(set(ids))) == (asked, asked)
        until(lambda: count(gateway) == asked, lambda: f"{count(gateway)} records of {asked}")
        assert "Traceback" not in gateway.log
        assert set(held[-1]) == set(held[1]) and len(held[1]) > 1, "containers were replaced"
        for pid in sorted(held[1], reverse=True):
            check_flat([part[pid] for part in held[1:]])


def check_flat(parts):
    """What leaks grows all the time; what an allocator keeps for later goes up and down by some
    percent."""
    early, late = parts[:3], parts[-3:]
    assert min(late).kilobytes <= max(early).kilobytes * 1.02 + FILLING, parts
    assert min(part.files for part in late) <= max(part.files for part in early), parts
    # A pool adds its threads when it first needs them.
    assert min(part.threads for part in late) <= max(part.threads for part in early) + 2, parts

"""Nothing that a client or an action sends keeps another client waiting."""

import base64
import subprocess
import sys
import threading
import time

import pytest

from testing.gateway import REST, WEB
from testing.recordings import GUEST_KEY
from testing.replay import json_reply

KEY = b"Authorization: Basic " + base64.b64encode(GUEST_KEY.encode()) + b"\r\n"
JSON = KEY + b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
INVOKE = REST + "actions/slow?blocking=true"
PUT = REST + "actions/other"
#: In seconds, of 99 in 100 requests: so much longer than a bystander waits on this machine.
BAR = 0.1
LEAST = 100


def request(method, target, lines=b"", body=b""):
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n".encode()
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return head + lines + length + b"\r\n" + body


def line(name, piece, after=b""):
    return name + b": " + piece * ((8180 - len(after)) // len(piece)) + after + b"\r\n"


PIECE = b'{"a":1,"\\u0041":[1.5,2],'
SENT = {
    "a target that is good until its end": request("GET", "a" * 8190 + '"'),
    "cookies of spaces": request("GET", WEB + "slow", line(b"Cookie: bytes=", b" ", b"\x7f") * 10),
    "ranges of spaces": request("GET", WEB + "slow", line(b"Range: bytes=", b" ", b"\x7f") * 10),
    "names between spaces": request(
        "GET", WEB + "slow", line(b'Cache-Control: private="', b" ", b'"') * 60
    ),
    "everything is accepted": request("GET", WEB + "slow", line(b"Accept", b"*,", b"*") * 60),
    "much is accepted": request("GET", WEB + "slow", line(b"Accept", b"a/b;q=0.1,", b"a/c") * 60),
    "a connection of commas": request("GET", WEB + "slow", line(b"Connection", b",") * 60),
    "many content types": request(
        "GET", WEB + "slow", b"".join(line(b"Content-Type: a/b", b";a=b") for _ in range(60))
    ),
    "tiny chunks": request("POST", WEB + "slow", CHUNKED, b"")
    + b"1\r\na\r\n" * 100000
    + b"0\r\n\r\n",
    "trailers without end": request("POST", WEB + "slow", CHUNKED, b"")
    + b"0\r\n"
    + b"a:\r\n" * 130000
    + b"\r\n",
    "malformed JSON of a megabyte": request("POST", INVOKE, JSON, b"[" * 900 + PIECE * 40000),
    "quotes of a megabyte": request("POST", INVOKE, JSON, b"[{" * 600 + b'"' + b'\\"' * 500000),
    "exact numbers of a megabyte": request(
        "POST", INVOKE, JSON, b'{"a":[' + b"1.50," * 200000 + b"1]}"
    ),
    "malformed JSON of five megabytes": request("PUT", PUT, JSON, b"[" * 900 + PIECE * 200000),
    "lists of five megabytes": request("PUT", PUT, JSON, b"[" + b"[]," * 1700000 + b"[]]"),
    "a form of a megabyte": request(
        "POST",
        WEB + "slow",
        b"Content-Type: application/x-www-form-urlencoded\r\n",
        b"a=b&" * 260000,
    ),
}
ANSWERED = {
    "a malformed result of a megabyte": "[" * 900 + '{"a":1,"b":[' * 80000,
    "exact numbers in a result": '{"body":[' + "1.50," * 200000 + "1]}",
    "objects in a result": '{"body":[' + '{"b":1,"a":2},' * 70000 + "1]}",
    "a hundred thousand headers": '{"headers":{"a":[' + '"a",' * 100000 + '"a"]},"body":"x"}',
    "wide characters in a header": '{"headers":{"a":"' + "\u0100" * 400000 + '"},"body":"x"}',
    "a header of a megabyte": '{"headers":{"a":"' + "a" * 1000000 + '"}}',
}


class Bystander:
    """A process that has nothing to do but to answer: what it keeps waiting is the machine."""

    ANSWER = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"

    def __enter__(self):
        words = [sys.executable, "-c", self.ANSWER]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, bufsize=0)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def answer(self):
        self.process.stdin.write(b"there?\n")
        assert self.process.stdout.readline()


def seconds_of(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began


def most(times):
    """All but one in a hundred."""
    return sorted(times)[len(times) * 99 // 100 - 1]


@pytest.fixture
def quick(gateway, replay):
    gateway.create_web("slow", annotations={"raw-http": False, "final": False})
    replay.reply = json_reply('{"body":"x"}')
    return gateway


def waited(gateway, attack):
    """How much longer others wait for the gateway than for a bystander while `attack` is sent again
    and again."""
    ended = threading.Event()
    answers, times, of_bystander = [], [], []

    def send():
        while not ended.is_set():
            answers.append(gateway.raw(attack, 60).status)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        with Bystander() as bystander:
            while len(times) < LEAST or len(answers) < 2:
                of_bystander.append(seconds_of(bystander.answer))
                times.append(seconds_of(lambda: ping(gateway)))
                time.sleep(0.002)
                assert len(times) < 20000
    finally:
        ended.set()
        thread.join(60)
    return most(times) - most(of_bystander), set(answers)


def ping(gateway):
    assert gateway.request("GET", "/ping").status == 200


def assert_quick(gateway, attack):
    """Up to three attempts, as the machine may be busy."""
    found = []
    while not found or (found[-1] >= BAR and len(found) < 3):
        taken, answers = waited(gateway, attack)
        assert answers and 500 not in answers
        found.append(taken)
    assert found[-1] < BAR, found


@pytest.mark.parametrize("case", SENT)
def test_while_a_client_sends(quick, case):
    assert_quick(quick, SENT[case])


@pytest.mark.parametrize("case", ANSWERED)
@pytest.mark.parametrize("target", [WEB + "slow", INVOKE], ids=["web", "rest"])
def test_while_an_action_answers(quick, replay, case, target):
    replay.reply = json_reply(ANSWERED[case])
    attack = request("POST", target, KEY)
    assert_quick(quick, attack)


LARGE = [{"key": f"k{number}", "value": number} for number in range(20000)]


@pytest.fixture(scope="module")
def full(gateway):
    """A gateway of which ten actions and ten triggers have as many annotations as they may."""
    for number in range(10):
        content = {"exec": {"kind": "blackbox", "image": "replay"}, "annotations": LARGE}
        assert gateway.rest("PUT", f"actions/large{number}", content).status == 200
        assert gateway.rest("PUT", f"triggers/t{number}", {"annotations": LARGE}).status == 200
    assert gateway.rest("PUT", "packages/large", {"annotations": LARGE}).status == 200
    return gateway


@pytest.mark.parametrize(
    "target", ["actions", "actions/large1", "triggers", "triggers/t1", "packages/large"]
)
def test_while_what_has_many_annotations_is_shown(full, target):
    assert_quick(full, request("GET", REST + target, KEY))

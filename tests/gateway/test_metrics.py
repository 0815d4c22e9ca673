"""What Prometheus gets at /metrics: the format by a reader of its own, the figures by what ran."""

import re
import threading

from gateway.entities import Action, Activation
from gateway.page.metrics import text_from_series
from gateway.tally import HOUR, MINUTE, Minute, Ran, Tally, ran_from_summary
from testing.gateway import Gateway
from testing.process import until
from testing.replay import json_reply

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)\Z')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')


def samples(text):
    """{(name, labels): value}; the comments are checked to belong to what follows them."""
    found, family = {}, ""
    for line in text.splitlines():
        if line.startswith("# "):
            family = line.split()[2]
            continue
        name, labels, value = LINE.match(line).groups()
        assert name in (family, f"{family}_bucket", f"{family}_sum", f"{family}_count")
        found[(name, *(f"{key}={value}" for key, value in LABEL.findall(labels or "")))] = float(
            value
        )
    return found


def scraped(gateway):
    reply = gateway.request("GET", "/metrics")
    kind = "text/plain; version=0.0.4; charset=UTF-8"
    assert (reply.status, reply.header("content-type")) == (200, kind)
    return samples(reply.body.decode("utf-8"))


def test_activations_are_counted_by_action_and_status_and_timed(gateway, replay):
    gateway.create("counted")
    for text in ('{"a":1}', '{"error":"no"}', '{"a":2}'):
        replay.reply = json_reply(text)
        gateway.rest("POST", "actions/counted?blocking=true", {})
    found = scraped(gateway)
    total = "openwhisk_activations_total"
    assert found[total, "action=guest/counted", "status=success"] == 2
    assert found[total, "action=guest/counted", "status=application error"] == 1
    counts = {
        name: found[f"openwhisk_{name}_seconds_count", "action=guest/counted"]
        for name in ("duration", "wait", "init")
    }
    assert counts == {"duration": 3, "wait": 3, "init": 1}
    buckets = [
        value
        for key, value in found.items()
        if key[:2] == ("openwhisk_duration_seconds_bucket", "action=guest/counted")
    ]
    assert buckets == sorted(buckets) and buckets[-1] == 3


def test_containers_and_the_queue_are_as_they_are_now(gateway, replay):
    let_go = threading.Event()
    replay.reply = lambda body: let_go.wait(30) and json_reply("{}")
    gateway.create("slow")
    try:
        for _ in range(3):
            gateway.rest("POST", "actions/slow")
        busy = ("openwhisk_containers", "action=guest/slow", "state=busy")
        until(lambda: scraped(gateway).get(busy) == 1, "busy")
        found = scraped(gateway)
        assert found["openwhisk_queue", "action=guest/slow"] == 2
        assert (found["openwhisk_containers_max",], found["openwhisk_queue_max",]) == (4, 500)
    finally:
        let_go.set()
    idle = ("openwhisk_containers", "action=guest/slow", "state=idle")
    until(lambda: scraped(gateway).get(idle) == 1, "idle")


def test_they_are_for_those_who_may_see_the_page(tmp_path):
    with Gateway(tmp_path, "--host", "0.0.0.0", key="my:own") as gateway:
        assert gateway.request("GET", "/metrics").status == 403
        assert gateway.rest("GET", "/metrics").status == 200


def activation(path, **fields):
    namespace, _, name = path.partition("/")
    action = Action(namespace, "", name, "0.0.1", "me/model")
    values = {"start": 0, "end": 40, "wait_time": 0, "init_time": None, "status": "success"}
    return Activation("a" * 32, action, result={}, **{**values, **fields})


def test_a_name_cannot_leave_its_label():
    tally = Tally()
    tally.add(activation('guest/a"} 1\n#\\'), failed=False)
    text = text_from_series(tally.series, [], 4, 500)
    assert 'action="guest/a\\"} 1\\n#\\\\"' in text
    assert all(LINE.match(line) for line in text.splitlines() if not line.startswith("# "))


def test_a_histograms_buckets_hold_all_up_to_their_bound():
    tally = Tally()
    for milliseconds in (5, 6, 400000):
        tally.add(activation("guest/one", end=milliseconds), failed=False)
    histogram = tally.series["guest/one"].durations
    assert histogram.buckets == [1] + 13 * [2]
    assert (histogram.count, histogram.total) == (3, 400.011)


# -- the last hour -------------------------------------------------------------------------


def test_an_hour_is_told_by_minutes_and_forgets_what_is_older():
    tally, now = Tally(), 100 * HOUR
    for start, duration, failed in (
        (now - HOUR, 1, True),
        (now - 1000, 30, False),
        (now - 2000, 10, True),
        (now - 3000, 20, False),
        (now, 7, False),
    ):
        tally.remember(Ran("guest/one", start, duration, failed))
    before = now // MINUTE * MINUTE - MINUTE
    expected = [Minute(before, 3, 1, 10, 20, 30), Minute(now, 1, 0, 7, 7, 7)]
    assert tally.hour(now) == {"guest/one": expected}


def test_what_ran_before_a_restart_is_still_in_the_hour(tmp_path, replaying):
    arguments = ("--image", f"replay={replaying.url}")
    with Gateway(tmp_path, *arguments) as gateway:
        gateway.create("one")
        gateway.rest("POST", "actions/one?blocking=true", {})
    with Gateway(tmp_path, *arguments) as gateway:
        (minute,) = gateway.request("GET", "/page/hour").json["guest/one"]
        assert minute[1:3] == [1, 0]


def test_what_is_no_activation_of_an_action_is_in_no_graph():
    assert ran_from_summary({"start": 1, "annotations": []}) is None
    assert ran_from_summary({"start": 1, "duration": 1, "annotations": []}) is None

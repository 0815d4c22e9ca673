"""Which of several ports is the model's, what the log says of them, and what a failure says."""

import json
import os
import re
import time

import pytest

from testing.process import accepts, free_port, until


def ports(count):
    """In ascending order."""
    return sorted(free_port() for _ in range(count))


@pytest.fixture
def server(start):
    """server("model:8000:0.5", ..., SETTING=value): behind a shell, so that it is a process of its
    own."""

    def starting(*words, **options):
        line = "cd . && exec python app.py " + " ".join("'%s'" % word for word in words)
        return start("several", "sh", "-c", line, **options)

    return starting


def at(kind, port, seconds=0.0):
    return "%s:%s:%s" % (kind, port, seconds)


def initialized(adapter, seconds=60.0):
    reply = adapter.init({"__OW_DEADLINE": str(int((time.time() + seconds) * 1000))})
    assert reply.status == 200, (reply, adapter.log)
    return adapter


def refused(adapter, seconds=1.5):
    reply = adapter.init({"__OW_DEADLINE": str(int((time.time() + seconds) * 1000))})
    assert (reply.status, set(reply.json)) == (502, {"error"}), (reply, adapter.log)
    return reply.json["error"].split("\n")[0]


def asked_at(adapter):
    """The port at which the model answers."""
    answer = adapter.web("GET", "/told")
    assert answer.status == 200, (answer, adapter.log)
    return int(re.match(rb"model at (\d+)\Z", answer.body).group(1))


def line_of(adapter):
    """What the log says of the ports, without the names of those."""
    lines = [line for line in adapter.stdout.splitlines() if line.startswith("model at port")]
    assert len(lines) == 1, adapter.log
    return lines[0]


# -- the order -------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 1, 2])
def test_the_lowest_number_is_the_models_whichever_was_opened_first(server, first):
    numbers = ports(3)
    words = [at("model", port, 0 if port == numbers[first] else 0.005) for port in numbers]
    adapter = initialized(server(*words))
    assert asked_at(adapter) == numbers[0]


def test_a_server_that_is_at_work_still_may_open_another(server):
    one, other = ports(2)
    words = [at("model", one, 0.3), at("model", other)]
    adapter = initialized(server(*words, WAIT="at work"))
    assert asked_at(adapter) == one


def test_the_port_that_it_was_given_comes_before_lower_ones(server):
    low = ports(1)[0]
    adapter = initialized(server(at("model", low), at("model", "{PORT}"), PORT=""))
    assert asked_at(adapter) != low


@pytest.mark.parametrize("between", [0, 0.7], ids=["at once", "the other one first"])
def test_the_ports_that_the_image_names_come_before_lower_ones(server, between):
    low, named, also_named = ports(3)
    exposed = "%d %d" % (also_named, named)
    words = at("model", low), at("model", named), at("model", also_named, between)
    adapter = initialized(server(*words, OPENWHISK_EXPOSED=exposed))
    assert asked_at(adapter) == also_named


@pytest.mark.parametrize("host", ["::", "::1"])
@pytest.mark.parametrize("is_set", [False, True], ids=["found", "set"])
def test_a_server_that_takes_no_ipv4_is_asked_all_the_same(server, host, is_set):
    port = ports(1)[0]
    target = {"OPENWHISK_TARGET": port} if is_set else {}
    adapter = initialized(server(at("model", port), BIND=host, ONLY_IPV6="yes", **target))
    assert asked_at(adapter) == port


def test_the_port_that_is_set_comes_before_all_others(server):
    low, named, target = ports(3)
    words = at("model", low), at("model", named), at("model", target, 0.5)
    options = {"OPENWHISK_EXPOSED": named, "OPENWHISK_TARGET": target}
    assert asked_at(initialized(server(*words, **options))) == target


def test_a_named_port_that_nobody_opens_is_not_waited_for_for_long(server):
    port, named = ports(2)
    began = time.time()
    adapter = initialized(server(at("model", port), OPENWHISK_EXPOSED=named))
    assert asked_at(adapter) == port
    assert 2 < time.time() - began < 15


def test_a_port_that_the_start_command_asks_for_is_waited_for(start):
    """`--bind :$PORT`, with a port for its metrics that is opened earlier."""
    other = ports(1)[0]
    line = "cd . && exec python app.py model:%d:0 model:$PORT:0.7" % other
    adapter = initialized(start("several", "sh", "-c", line))
    assert asked_at(adapter) != other


# -- what a port speaks ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, remark",
    [
        ("grpc", " (gRPC)"),
        ("exporter", " (metrics)"),
        ("quiet-exporter", " (metrics)"),
        ("nothing", ""),
    ],
)
def test_the_log_tells_once_what_else_listens(server, kind, remark):
    model, other = ports(2)
    adapter = initialized(server(at("model", model), at(kind, other)))
    assert asked_at(adapter) == asked_at(adapter) == model
    expected = "model at port %d; also listening: %d%s; OPENWHISK_TARGET chooses"
    assert line_of(adapter) == expected % (model, other, remark)


@pytest.mark.parametrize("kind", ["grpc", "exporter", "quiet-exporter"])
@pytest.mark.parametrize("later", [0, 0.7], ids=["at once", "the model later"])
def test_a_lower_port_that_is_no_models_is_not_taken(server, kind, later):
    if kind == "quiet-exporter" and later:
        pytest.skip("alone it can't be told from a model whose pages are empty")
    other, model = ports(2)
    adapter = initialized(server(at(kind, other), at("model", model, later)))
    assert asked_at(adapter) == model


def test_a_server_that_drops_options_of_itself_is_asked_for_those_of_its_root(server):
    model, other = ports(2)
    adapter = initialized(server(at("without-star", model), at("grpc", other)))
    assert asked_at(adapter) == model
    assert "asked %d OPTIONS /\n" % model in adapter.log


def test_a_lone_port_is_asked_nothing(server):
    adapter = initialized(server(at("model", ports(1)[0])))
    port = asked_at(adapter)
    assert re.findall(r"^asked .*", adapter.log, re.M) == ["asked %d GET /told" % port]


# -- ready -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["exporter", "quiet-exporter", "nothing"])
@pytest.mark.parametrize("setting", ["READY", "HEALTH"])
def test_whoever_answers_everything_is_not_ready(server, kind, setting):
    other, model = ports(2)
    options = {"OPENWHISK_" + setting: "/health"}
    adapter = initialized(server(at(kind, other), at("healthy", model, 0.5), **options))
    assert asked_at(adapter) == model


@pytest.mark.parametrize("setting", ["READY", "HEALTH"])
@pytest.mark.parametrize("status", ["400", "503"])
def test_init_waits_until_the_path_of_its_health_says_so(server, setting, status):
    options = {"OPENWHISK_" + setting: "/health", "LOADING": 1, "STATUS": status}
    began = time.time()
    adapter = initialized(server(at("loading", ports(1)[0]), **options))
    assert time.time() - began > 0.7
    assert adapter.web("GET", "/told").status == 200


def test_a_health_check_of_another_server_delays_but_does_not_stop(server):
    """An image may check one port and serve at another."""
    adapter = initialized(server(at("nothing", ports(1)[0]), OPENWHISK_HEALTH="/health"))
    assert adapter.web("GET", "/told").status == 404


def test_the_better_port_is_waited_for_while_it_says_that_it_is_not_ready(server):
    model, other = ports(2)
    words = at("loading", model), at("model", other)
    adapter = initialized(server(*words, LOADING=4, OPENWHISK_HEALTH="/health"))
    assert asked_at(adapter) == model


# -- a deadline that ends meanwhile ----------------------------------------------------------------


def test_a_failure_lists_the_ports_and_asks_for_more_time_where_that_is_missing(server):
    first, second = ports(2)
    words = at("loading", first), at("grpc", second)
    said = refused(server(*words, LOADING=60, OPENWHISK_HEALTH="/health"), 2.5)
    assert said == (
        "the model wasn't ready in time: port %d: not ready (503 at /health); port %d: gRPC"
        "; it needs more time (a higher limit, -t)" % (first, second)
    )


def test_a_failure_asks_for_no_more_time_where_that_would_not_help(server):
    first, second = ports(2)
    said = refused(server(at("exporter", first), at("grpc", second)), 2.5)
    assert said == (
        "the model wasn't ready in time: port %d: metrics; port %d: gRPC; none of them is the"
        " model's, as far as can be told: OPENWHISK_TARGET says which is" % (first, second)
    )


def test_an_activation_that_comes_too_early_is_told_the_same(server):
    port = ports(1)[0]
    adapter = server(at("loading", port), LOADING=60, OPENWHISK_HEALTH="/health")
    deadline = str(int((time.time() + 2.5) * 1000))
    answer = adapter.web("GET", "/told", deadline=deadline)
    assert (answer.status, json.loads(answer.body.decode("utf-8"))) == (
        504,
        {
            "error": "the model wasn't ready in time: port %d: not ready (503 at /health)"
            "; it needs more time (a higher limit, -t)" % port
        },
    )


# -- again -----------------------------------------------------------------------------------------


MOVING = "python app.py model:%d:0 & echo $! >pid; wait $!; exec python app.py model:%d:0"


def test_a_server_that_has_gone_while_its_starter_lives_is_looked_for_again(start):
    one, two = ports(2)
    adapter = initialized(start("several", "sh", "-c", MOVING % (one, two)))
    assert asked_at(adapter) == one
    ended(adapter, one)
    assert asked_at(adapter) == two


def test_a_plain_client_finds_a_server_that_has_moved(start):
    """The one who comes first is told that nothing is there: what was asked isn't kept."""
    one, two = ports(2)
    adapter = start("several", "sh", "-c", MOVING % (one, two), OPENWHISK_PLATFORM="no")
    assert adapter.request("GET", "/told").body == b"model at %d" % one
    ended(adapter, one)
    assert adapter.request("GET", "/told").status == 502
    assert adapter.request("GET", "/told").body == b"model at %d" % two


def ended(adapter, port):
    with open(adapter.folder + "/pid") as file:
        pid = int(file.read())
    os.kill(pid, 9)
    until(lambda: not accepts(port), "nobody listens there any more")

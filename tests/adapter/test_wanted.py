"""What is known of servers and their ports before and after they ran: pure functions."""

import pytest

from openwhisk_adapter.settings import Settings, settings_from_environ
from openwhisk_adapter.starting.causes import cause_from_lines
from openwhisk_adapter.starting.choice import Found, Spoken, chosen_port, line_from_choice
from openwhisk_adapter.starting.wanted import (
    HOST_VARIABLES,
    KNOWN,
    PREFIX_VARIABLES,
    TELLING,
    Spare,
    Wanted,
    known_from_text,
    plan_from_command,
    port_from_text,
)

SPARE = Spare(given=30001, http=30002, other=30003, another=30004)
PREFIX = "/api/v1/web/guest/default/model"
PAGES = dict.fromkeys(PREFIX_VARIABLES, PREFIX)


def plan(command, prefix="", settings=Settings(), **environ):
    return plan_from_command(command.split(), environ, settings, prefix, SPARE)


# -- what a server is told -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command, environ, told",
    [
        ("serve", {}, {"PORT": "30001"}),
        ("serve", {"PORT": "8080"}, {"PORT": "30001"}),
        ("serve", {"PORT": ""}, {"PORT": "30001"}),
        ("serve", {"PORT": "many"}, {"PORT": "30001"}),
        ("serve", {"PORT": "5000"}, {}),
        (
            "mlserver start .",
            {"PORT": "5000"},
            {
                "MLSERVER_HTTP_PORT": "30002",
                "MLSERVER_GRPC_PORT": "30003",
                "MLSERVER_METRICS_PORT": "30004",
            },
        ),
        (
            "mlserver start .",
            {
                "PORT": "5000",
                "MLSERVER_HTTP_PORT": "8080",
                "MLSERVER_GRPC_PORT": "9001",
                "MLSERVER_METRICS_PORT": "9002",
            },
            {"MLSERVER_HTTP_PORT": "30002"},
        ),
        (
            "mlserver start .",
            {
                "PORT": "5000",
                "MLSERVER_HTTP_PORT": "9000",
                "MLSERVER_GRPC_PORT": "9001",
                "MLSERVER_METRICS_PORT": "9002",
            },
            {},
        ),
        (
            "torchserve --start",
            {"PORT": "5000", "TS_INFERENCE_ADDRESS": "http://0.0.0.0:8080"},
            {"TS_INFERENCE_ADDRESS": "http://127.0.0.1:30002"},
        ),
        ("/app/llama-server -m x.gguf", {"PORT": "5000"}, {"LLAMA_ARG_PORT": "30002"}),
        (
            "python -c from_mlflow.models_import_container",
            {"PORT": "5000"},
            {"DISABLE_NGINX": "true"},
        ),
        (
            "dotnet App.dll",
            {"PORT": "5000", "ASPNETCORE_HTTP_PORTS": "8080"},
            {"ASPNETCORE_HTTP_PORTS": "30002"},
        ),
        ("java -jar app.jar", {"PORT": "5000", "SERVER_PORT": "9000"}, {}),
    ],
)
def test_a_server_is_told_a_free_port_where_its_image_says_none_or_ours(command, environ, told):
    assert plan(command, **environ).variables == told


def test_a_page_is_told_where_it_lives_unless_its_image_says_so():
    variables = plan("serve", PREFIX, PORT="5000", GRADIO_ROOT_PATH="/own").variables
    assert variables == {name: PREFIX for name in PREFIX_VARIABLES if name != "GRADIO_ROOT_PATH"}


@pytest.mark.parametrize(
    "command, added",
    [
        ("hypercorn app:app", ["--root-path", PREFIX]),
        ("python -m hypercorn app:app", ["--root-path", PREFIX]),
        ("hypercorn --root-path /own app:app", []),
        ("/usr/bin/gunicorn -k asgi app:app", ["--root-path", PREFIX]),
        ("gunicorn -k uvicorn.workers.UvicornWorker app:app", []),
        ("gunicorn app:app", []),
        ("serve", []),
    ],
)
def test_a_page_is_told_where_it_lives_by_an_option_where_no_variable_does(command, added):
    assert list(plan(command, PREFIX).arguments) == added
    assert list(plan(command).arguments) == []


def test_where_only_this_machine_may_ask_a_server_is_told_the_same():
    variables = plan("serve", settings=Settings(host="127.0.0.1"), HOST="0.0.0.0").variables
    expected = {name: "127.0.0.1" for name in HOST_VARIABLES if name != "HOST"}
    expected.update(PORT="30001", GUNICORN_CMD_ARGS="--bind=127.0.0.1:30001")
    assert variables == expected


# -- what is expected of it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command, environ, expected",
    [
        ("serve", {}, ()),
        ("serve", {"PORT": "5000"}, (5000,)),
        ("sh -c serve --bind :$PORT", {}, (30001,)),
        ("sh -c serve --bind :${PORT:-80}", {"OPENWHISK_EXPOSED": "80"}, (30001, 80)),
        ("serve", {"OPENWHISK_EXPOSED": "8080 8001 8000"}, (8001, 8000)),
        ("mlserver start .", {"OPENWHISK_EXPOSED": "8080 8082"}, (30002, 8082)),
        ("mlserver start .", {"MLSERVER_HTTP_PORT": "9000"}, (9000,)),
        ("tritonserver --http-port 9000", {"OPENWHISK_EXPOSED": "9000"}, (9000,)),
        ("tritonserver", {}, (8000,)),
    ],
)
def test_ports_are_expected_in_an_order(command, environ, expected):
    settings = settings_from_environ(environ)
    wanted = plan(command, settings=settings, **environ).wanted
    assert tuple(wanted.expected) == expected


def test_the_images_own_health_check_counts_more_than_what_is_known_of_a_server():
    own = plan("tritonserver", settings=Settings(health="/up")).wanted
    assert own.health == "/up"
    assert plan("tritonserver").wanted.health == "/v2/health/ready"


@pytest.mark.parametrize(
    "text, port",
    [
        ("8000", 8000),
        ("http://0.0.0.0:8080", 8080),
        ("http://[::1]:8080/", 8080),
        ("", 0),
        ("tcp", 0),
        ("70000", 0),
        ("123456", 0),
        ("80 81", 0),
    ],
)
def test_a_port_is_read_from_a_number_or_an_address(text, port):
    assert port_from_text(text) == port


# -- the choice ------------------------------------------------------------------------------------


def test_each_known_server_is_found_by_its_own_word():
    assert [known_from_text("/usr/bin/%s --x" % known.word) for known in KNOWN] == list(KNOWN)


def found(**ports):
    """p8000=Spoken.HTTP, seen for a long time."""
    return {int(name[1:]): Found(spoken, host="0.0.0.0") for name, spoken in ports.items()}


H, G, M, S, N, E = (
    Spoken.HTTP,
    Spoken.GRPC,
    Spoken.METRICS,
    Spoken.SILENT,
    Spoken.NOT_READY,
    Spoken.ELSEWHERE,
)


@pytest.mark.parametrize(
    "wanted, ports, early, later",
    [
        (Wanted(), {}, 0, 0),
        (Wanted(), {"p8000": H}, 8000, 8000),
        (Wanted(), {"p8002": H, "p8000": H}, 8000, 8000),
        (Wanted(), {"p8000": G, "p8001": M, "p8002": H}, 8002, 8002),
        (Wanted(), {"p8000": N, "p8002": H}, 0, 0),
        (Wanted(), {"p8000": E, "p8002": H}, 8002, 8002),
        (Wanted(), {"p8000": E}, 0, 8000),
        (Wanted(ready="/r"), {"p8000": E}, 0, 0),
        (Wanted(), {"p8000": Spoken.HASTY, "p8002": H}, 0, 8000),
        (Wanted(given=9000), {"p8000": H, "p9000": H}, 9000, 9000),
        (Wanted(given=9000), {"p8000": H}, 8000, 8000),
        (Wanted(expected=[9000]), {"p8000": H}, 0, 8000),
        (Wanted(expected=[9000]), {"p8000": H, "p9000": S}, 0, 8000),
        (Wanted(expected=[9000]), {"p8000": H, "p9000": N}, 0, 0),
        (Wanted(expected=[9000]), {"p8000": H, "p9000": G}, 8000, 8000),
        (Wanted(expected=[9001, 9000]), {"p9000": H}, 0, 9000),
        (Wanted(expected=[9001, 9000]), {"p9000": H, "p9001": H}, 9001, 9001),
        (Wanted(expected=[9000], given=8000), {"p8000": H}, 8000, 8000),
        (Wanted(expected=[9000], target=8000), {"p8000": H}, 8000, 8000),
    ],
)
def test_the_choice(wanted, ports, early, later):
    """Two times: as soon as it is seen, and after the time that a better one is given."""
    seen = found(**ports)
    assert (chosen_port(seen, wanted, 0.1), chosen_port(seen, wanted, 60.0)) == (early, later)


def test_the_line_tells_what_is_open_to_the_network_where_that_is_not_wanted():
    ports = found(p8000=H, p8001=G)
    ports[8002] = Found(Spoken.HTTP, host="127.0.0.1")
    assert line_from_choice(8000, ports, is_local=True) == (
        "model at port 8000 (open to the network: 0.0.0.0); also listening: 8001 (gRPC, open to"
        " the network: 0.0.0.0), 8002; OPENWHISK_TARGET chooses"
    )
    assert line_from_choice(8000, ports, is_local=False) == (
        "model at port 8000; also listening: 8001 (gRPC), 8002; OPENWHISK_TARGET chooses"
    )


# -- last words ------------------------------------------------------------------------------------

OURS = "8080 is openwhisk.py's own: tell the server another port"


@pytest.mark.parametrize(
    "line, said",
    [
        (
            "ERROR: [Errno 98] error while attempting to bind on address ('0.0.0.0', 8080): address already in use",  # noqa: E501
            OURS,
        ),
        ("[2026-11-27 07:32:57 +0000] [7] [ERROR] Connection in use: ('0.0.0.0', 8080)", OURS),
        ("Port 8080 is in use by another program. Either identify and stop that program", OURS),
        ("Web server failed to start. Port 8080 was already in use.", OURS),
        ("listen tcp :8080: bind: address already in use", OURS),
        ("Error: listen EADDRINUSE: address already in use :::8080", OURS),
        ("nginx: [emerg] bind() to 0.0.0.0:8080 failed (98: Address already in use)", OURS),
        ("java.net.BindException: Address already in use", OURS),
        ("OSError: [Errno 98] Address already in use", OURS),
        ("Error: Address already in use (os error 98)", OURS),
        ("couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080", OURS),
        (
            "07:30:45 listen tcp :9000: bind: address already in use",
            "port 9000 is used by another process already",
        ),
        (
            "[Errno 13] error while attempting to bind on address ('0.0.0.0', 80): permission denied",  # noqa: E501
            "port 80 is root's",
        ),
        (
            "nginx: [emerg] bind() to 0.0.0.0:443 failed (13: Permission denied)",
            "port 443 is root's",
        ),
        ("PermissionError: [Errno 13] Permission denied: '/weights/80'", ""),
        ("memory in used blocks: 8080", ""),
        ("all is well", ""),
    ],
)
def test_last_words_tell_of_a_port(line, said):
    before, after = ["Traceback"] * 3, ["bye"] * 3
    cause = cause_from_lines(before + [line] + after, plan("serve"), 8080)
    assert cause.startswith(said) and bool(cause) == bool(said), cause
    assert any(words in line.lower() for words in TELLING) or not said


def test_a_known_server_is_told_with_its_recipe():
    lines = [
        "[Errno 98] error while attempting to bind on address ('0.0.0.0', 8080): address already in use"  # noqa: E501
    ]
    cause = cause_from_lines(["kserve INFO start"] + lines, plan("serve"), 8080)
    assert cause == OURS + " (KServe takes --http_port)"


def test_a_low_port_that_the_image_names_is_told_where_the_words_name_none():
    lines = [
        "  File server.py, in server_bind",
        "    self.socket.bind(self.server_address)",
        "PermissionError: [Errno 13] Permission denied",
    ]
    low = Settings(exposed="80")
    assert cause_from_lines(lines, plan("serve", settings=low), 8080).startswith(
        "port 80 is root's, as all below 1024"
    )
    assert cause_from_lines(lines, plan("serve"), 8080) == ""


def test_no_preference_is_no_port():
    assert plan("serve").wanted == Wanted(given=30001, expected=[])


def test_a_start_command_that_says_our_port_is_told_so():
    cause = cause_from_lines(["Connection in use: ('', 8080)"], plan("gunicorn -b :8080 a:b"), 8080)
    assert cause == OURS + " (its start command says 8080)"

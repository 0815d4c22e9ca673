"""The page for people: what it says to whom over sockets, and what a browser makes of it."""

import asyncio
import base64
import hashlib
import json
import re
import shlex
import socket
import subprocess
import threading
import time
from contextlib import closing

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from gateway.entities import Action
from gateway.page import engine, facts
from testing.browser import chromium, first
from testing.gateway import WEB, Gateway
from testing.prerequisites import need
from testing.process import until
from testing.recordings import GUEST_KEY
from testing.replay import json_reply

HTML = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")]
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
APP = (
    '''
"""Prints markup, answers markup, waits while a file is there."""
import os, sys, time
from wsgiref.simple_server import make_server

def app(environ, start_response):
    text = %r
    print("said:", text)
    print("a complaint", file=sys.stderr)
    while environ["PATH_INFO"] == "/slow" and os.path.exists("busy"):
        time.sleep(0.02)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]

make_server("", 5000, app).serve_forever()
'''
    % HOSTILE
)


# -- over sockets ------------------------------------------------------------------------


def test_browsers_get_the_page_and_tools_the_info_document(gateway):
    page, info = gateway.request("GET", "/", HTML), gateway.request("GET", "/", [("Accept", "*/*")])
    assert (page.status, page.header("content-type")) == (200, "text/html; charset=UTF-8")
    assert (info.status, info.json["description"]) == (200, "OpenWhisk")
    assert page.header("vary") == "Accept"


def test_the_page_is_whole_and_its_policy_lets_nothing_else_in(gateway):
    page = gateway.request("GET", "/", HTML)
    text = page.body.decode("utf-8")
    inside = {
        name: re.findall(f"<{name}>(.*?)</{name}>", text, re.DOTALL) for name in ("style", "script")
    }
    ((style,), (script,)) = ([digest(each) for each in found] for found in inside.values())
    assert page.header("content-security-policy") == (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src data: blob:; "
        "connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    )
    assert [
        link
        for link in re.findall(r'(?:src|href)="([^"]*)"', text)
        if not link.startswith(("data:", "#"))
    ] == []


def digest(text):
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


@pytest.mark.parametrize(
    "target", ["/", "/page/state", "/page/activations/" + 32 * "0", "/page/nothing"]
)
def test_the_page_lets_no_other_site_read_it_and_never_holds_the_key(gateway, target):
    reply = gateway.request("GET", target, HTML)
    assert [name for name, _ in reply.headers if name.lower().startswith("access-control")] == []
    assert (
        GUEST_KEY.encode() not in reply.body
        and GUEST_KEY.partition(":")[2].encode() not in reply.body
    )


BASIC = ("Authorization", "Basic " + base64.b64encode(GUEST_KEY.encode()).decode())
WRONG = ("Authorization", "Basic " + base64.b64encode(b"a:b").decode())
ADMISSIONS = {
    "localhost": ("localhost:3233", [], 200),
    "LOCALHOST without a port": ("LOCALHOST", [], 200),
    "an address of this machine": ("127.0.0.9:80", [], 200),
    "this machine by IPv6": ("[::1]:3233", [], 200),
    "its own script": ("localhost", [("Sec-Fetch-Site", "same-origin")], 200),
    "an address bar": ("localhost", [("Sec-Fetch-Site", "none")], 200),
    "a wrong key, which isn't needed": ("localhost", [WRONG], 200),
    "a foreign name that leads here": ("evil.example:3233", [], 403),
    "a name that begins like ours": ("localhost.evil.example", [], 403),
    "another machine's address": ("192.0.2.1", [], 403),
    "another site's script": ("localhost", [("Sec-Fetch-Site", "cross-site")], 403),
    "another port's script": ("localhost", [("Sec-Fetch-Site", "same-site")], 403),
    "another site's script, with the key": (
        "localhost",
        [("Sec-Fetch-Site", "cross-site"), BASIC],
        403,
    ),
    "behind a proxy": ("localhost", [("X-Forwarded-For", "192.0.2.1")], 403),
    "behind a standard proxy": ("localhost", [("Forwarded", "for=192.0.2.1")], 403),
    "an address of the network, with the key": ("192.0.2.1", [BASIC], 200),
    "a foreign name, with the key that everybody knows": ("evil.example", [BASIC], 403),
    "a foreign name, with a wrong key": ("evil.example", [WRONG], 403),
}


@pytest.mark.parametrize(
    "target, found",
    [("/page/state", 200), ("/page/hour", 200), ("/page/activations/" + 32 * "0", 404)],
)
@pytest.mark.parametrize("host, headers, status", ADMISSIONS.values(), ids=ADMISSIONS)
def test_what_runs_is_shown_without_a_key_under_this_machines_own_names_alone(
    gateway, host, headers, status, target, found
):
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Connection: close",
        *map(": ".join, headers),
    ]
    reply = gateway.raw("\r\n".join([*lines, "", ""]).encode())
    assert reply.status == (found if status == 200 else status)
    assert (list(reply.json) == ["error"]) == (reply.status != 200)


@pytest.mark.parametrize(
    "method, target", [("POST", "/"), ("PUT", "/page/state"), ("GET", "/page"), ("GET", "/page/x")]
)
def test_anything_else_is_refused_as_by_the_platform(gateway, method, target):
    assert gateway.request(method, target, HTML).status == 405


def test_a_head_request_gets_the_head_of_the_page(gateway):
    reply = gateway.request("HEAD", "/", HTML)
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.header("content-length")) == len(gateway.request("GET", "/", HTML).body)


def state_of(gateway, query=""):
    return gateway.request("GET", "/page/state" + query).json


def test_the_state_has_actions_by_name_and_the_newest_activations(gateway, replay):
    gateway.create_web("zoo", annotations={"description": "Animals"})
    gateway.rest("PUT", "packages/farm", {})
    gateway.create_web("farm/cow")
    ids = [
        gateway.request("GET", WEB + "zoo").header("x-openwhisk-activation-id") for _ in range(3)
    ]
    state = state_of(gateway, "?limit=2")
    assert [action["name"] for action in state["actions"]] == ["farm/cow", "zoo"]
    assert [each["activationId"] for each in state["activations"]] == [ids[2], ids[1]]
    assert state["running"] == []
    assert [
        len(state_of(gateway, query)["activations"])
        for query in ("?limit=0", "?limit=1", "?limit=%C3%A9")
    ] == [
        0,
        1,
        3,
    ]


ANSWERS = {
    '{"statusCode": 404}': 404,
    '{"statusCode": "405", "body": "no"}': 405,
    '{"error": {"statusCode": 503}}': 503,
    '{"error": "down"}': None,
    '{"body": "fine"}': None,
    '{"statusCode": "<b>404</b>"}': None,
    '{"statusCode": 1e400}': None,
    '{"statusCode": [404]}': None,
    '[{"statusCode": 404}]': None,
}


def test_the_state_has_the_http_status_of_each_answer_that_has_one(gateway, replay):
    gateway.create_web("coded")
    wanted = {}
    for text, code in ANSWERS.items():
        replay.reply = json_reply(text)
        reply = gateway.rest("POST", "actions/coded?blocking=true")
        wanted[reply.header("x-openwhisk-activation-id")] = code
    query = f"?limit={len(ANSWERS)}"
    found = [state_of(gateway, query)["codes"] for _ in range(2)]
    assert found[0] == found[1] == {key: code for key, code in wanted.items() if code}


def served(gateway):
    return [(action["name"], action["served"]) for action in state_of(gateway)["actions"]]


def test_what_nothing_here_can_run_comes_last_and_is_said_to_be_lost(tmp_path, replaying):
    image = ("--image", f"one={replaying.url}")
    path = f"{tmp_path}/docker.sock"
    with Gateway(tmp_path, *image, DOCKER_HOST=f"unix://{path}") as gateway:
        gateway.create_web("digits", image="digits")
        gateway.create_web("one", image="one")
        components = {"kind": "sequence", "components": ["/_/one"]}
        reply = gateway.rest("PUT", "actions/all", {"exec": components})
        assert reply.status == 200, reply
        assert served(gateway) == [("all", True), ("one", True), ("digits", False)]
        with closing(socket.socket(socket.AF_UNIX)) as listening:
            listening.bind(path)
            listening.listen()
            now = [("all", True), ("digits", True), ("one", True)]
            until(lambda: served(gateway) == now, "an engine answers")
        until(lambda: served(gateway) != now, "it is gone again")


ENGINES = {
    "unix:///nowhere.sock": False,
    "tcp://127.0.0.1:9": False,
    "tcp://127.0.0.1:99999": False,
    "http://[::1": False,
    "ssh://me@there": True,
}


@pytest.mark.parametrize("address, is_there", ENGINES.items(), ids=ENGINES)
def test_an_engine_is_looked_for_where_its_address_says(address, is_there):
    assert asyncio.run(engine.answers(address)) == is_there


def test_what_runs_is_in_the_state_until_its_record_is(gateway, replay):
    let_go = threading.Event()
    replay.reply = lambda body: let_go.wait(30) and json_reply("{}")
    gateway.create("slow")
    activation_id = gateway.rest("POST", "actions/slow").json["activationId"]
    try:
        running = until(lambda: state_of(gateway)["running"], "running")
        assert [(each["activationId"], each["path"]) for each in running] == [
            (activation_id, "guest/slow")
        ]
        assert abs(running[0]["start"] - time.time() * 1000) < 60000
    finally:
        let_go.set()
    until(lambda: not state_of(gateway)["running"], "ended")
    assert state_of(gateway)["activations"][0]["activationId"] == activation_id


def test_others_are_asked_for_the_key_where_the_network_can_reach_the_gateway(tmp_path):
    with Gateway(tmp_path, "--host", "0.0.0.0", key="my:own") as gateway:
        assert gateway.request("GET", "/", HTML).status == 200
        assert gateway.request("GET", "/page/state").status == 403
        assert gateway.rest("GET", "/page/state").json == {
            "actions": [],
            "running": [],
            "activations": [],
            "codes": {},
        }
        assert gateway.request("GET", "/page/hour").status == 403
        assert gateway.rest("GET", "/page/hour").json == {}


# -- the facts -----------------------------------------------------------------------------


def action(name="one", package="", **annotations):
    pairs = tuple((key.replace("_", "-"), value) for key, value in annotations.items())
    return Action("guest", package, name, "0.0.1", "me/model:1", annotations=pairs)


INVOKE = "/api/v1/namespaces/guest/actions/{}?blocking=true&result=true"
CALLS = {
    "a web action": (action(web_export=True), WEB + "one", WEB + "one", ""),
    "in a package": (
        action(package="p", web_export=True),
        "/api/v1/web/guest/p/one",
        "/api/v1/web/guest/p/one",
        "",
    ),
    "spaces and signs": (
        action("a b&c", web_export=True),
        WEB + "a%20b%26c",
        WEB + "a%20b%26c",
        "",
    ),
    "an extension's look": (
        action("a.json", web_export=True),
        WEB + "a.json.http",
        WEB + "a.json.http",
        "",
    ),
    "with the key": (
        action(web_export=True, require_whisk_auth=True),
        None,
        WEB + "one",
        '-u "$AUTH"',
    ),
    "with a secret": (
        action(web_export=True, require_whisk_auth="s3cret"),
        *(None, WEB + "one", '-H "X-Require-Whisk-Auth: $SECRET"'),
    ),
    "with a secret that came out empty": (
        action(web_export=True, require_whisk_auth=None),
        *(None, WEB + "one", '-H "X-Require-Whisk-Auth: $SECRET"'),
    ),
    "not on the web": (action(), None, INVOKE.format("one"), '-u "$AUTH" -X POST'),
    "not on the web, in a package": (
        action("b", "p q"),
        None,
        INVOKE.format("p%20q/b"),
        '-u "$AUTH" -X POST',
    ),
}


@pytest.mark.parametrize("action, url, call, options", CALLS.values(), ids=CALLS)
def test_how_an_action_is_called(action, url, call, options):
    found = facts.facts_of_action(action)
    assert (found["url"], found["call"], found["options"]) == (url, call, options)


def details(logs, result):
    return facts.details_from_record(json.dumps({"logs": logs, "response": {"result": result}}))


def test_log_lines_lose_their_date_and_what_has_no_time_stays():
    logs = ["2026-01-31T12:00:00.123456789Z stdout: one  two", "The log was cut.", ""]
    assert details(logs, None)["log"] == "12:00:00.123 stdout: one  two\nThe log was cut.\n"


def test_a_result_is_printed_as_the_platform_prints_it_and_shortened_when_long():
    assert details([], {"b": 1, "a": ["é"]})["result"] == '{\n  "a": ["é"],\n  "b": 1\n}'
    assert details([], "x" * 100010)["result"] == '"' + "x" * 99999 + "\n… 12 characters more"


def test_of_a_long_log_the_end_is_kept():
    assert details(["x" * 20, "y" * 100000], None)["log"] == (
        "… 21 characters before\n" + "y" * 100000
    )


def test_an_error_that_is_a_text_is_shown_as_it_is():
    traceback = "Traceback:\n  <b>\nKeyError: 'text'"
    found = details([], {"error": traceback})
    assert (found["title"], found["result"]) == ("Error", traceback)
    found = details([], {"error": {"body": "no"}})
    assert found["title"] == "Result" and json.loads(found["result"]) == {"error": {"body": "no"}}
    assert details([], {"error": "x" * 100010})["result"] == "x" * 100000 + "\n… 10 characters more"


# -- in a browser --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser")) as running:
        yield running
        assert [
            entry for entry in running.get_log("browser") if "/page/" not in entry["message"]
        ] == []


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "markup"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    return folder


@pytest.fixture(scope="module")
def running(model, tmp_path_factory):
    with Gateway(tmp_path_factory.mktemp("page"), model) as running:
        yield running


@pytest.fixture
def page(browser, running):
    return opened(browser, running)


def opened(browser, gateway):
    browser.get(f"http://127.0.0.1:{gateway.port}/")
    return browser


def found(browser, selector):
    return browser.find_elements(By.CSS_SELECTOR, selector)


def texts(browser, selector):
    script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)"
    return browser.execute_script(script, selector)


def cells(row):
    return [one.text for one in row.find_elements(By.CSS_SELECTOR, "summary span:not(.code)")]


def call(gateway, path=""):
    return gateway.request("GET", WEB + "markup" + path)


def test_an_activation_appears_as_it_happens_with_status_duration_start_and_log(page, running):
    first(page, ".action")
    before = len(found(page, "#list li"))
    assert [call(running).status, call(running).status] == [200, 200]
    until(lambda: len(found(page, "#list li")) == before + 2, "two more")
    newest, oldest = (cells(li) for li in (found(page, "#list li")[0], found(page, "#list li")[-1]))
    assert (newest[:3], oldest[:3]) == (
        ["Success", "markup", "warm"],
        ["Success", "markup", "cold"],
    )
    assert all(re.fullmatch(r"\d+ ms|\d+\.\d s", row[3]) for row in (newest, oldest))
    first(page, "#list summary").click()
    log = until(lambda: texts(page, "[open] .log")[0], "the log")
    times, lines = zip(*(re.fullmatch(r"(\S+) (.*)", line).groups() for line in log.split("\n")))
    assert {"stderr: a complaint", f"stdout: said: {HOSTILE}"} <= set(lines)
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", each) for each in times)


def test_what_still_runs_is_shown_until_it_has_ended(page, running, model):
    (model / "busy").touch()
    with closing(running.connect()) as connection:
        connection.sendall(f"GET {WEB}markup/slow HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert first(page, ".running .status").text == "Running"
        (model / "busy").unlink()
        until(lambda: not found(page, ".running"), "ended")
        assert connection.recv(15) == b"HTTP/1.1 200 OK"


def test_the_ready_curl_line_does_what_it_says(page):
    need("curl")
    command = first(page, ".command code").text
    assert (
        subprocess.run(shlex.split(command) + ["-sS"], capture_output=True, text=True).stdout
        == HOSTILE
    )


def test_it_leads_to_the_actions_address_and_to_the_models_own_page(page, running):
    base = f"http://127.0.0.1:{running.port}{WEB}markup"
    first(page, ".action")
    links = found(page, ".title a, .url a")
    assert sorted(link.get_attribute("href") for link in links) == [base, base + "/"]
    assert all(link.get_attribute("rel") == "noopener" for link in links)


def test_markup_in_logs_results_and_descriptions_stays_text(page, running):
    running.create_web("described", image="markup", annotations={"description": HOSTILE})
    until(lambda: HOSTILE in texts(page, ".description"), "the description")
    call(running)
    first(page, "#list summary").click()
    until(lambda: "said: " + HOSTILE in "".join(texts(page, "[open] .log")), "the log")
    assert json.loads(texts(page, "[open] .result")[0])["body"] == HOSTILE
    assert found(page, "main img[src], main script") == []
    assert page.title == "Local OpenWhisk"
    running.rest("DELETE", "actions/described")
    until(lambda: HOSTILE not in texts(page, ".description"), "gone with its action")


def focused(browser):
    return browser.execute_script(
        "const it = document.activeElement;"
        " return it.className || it.id || it.tagName.toLowerCase()"
    )


def press(browser, key):
    browser.switch_to.active_element.send_keys(key)


def test_all_of_it_is_within_reach_of_the_keyboard_which_stays_where_it_is(page, running):
    call(running)
    first(page, "#list summary")
    path = []
    while path.count("summary") < 2:
        press(page, Keys.TAB)
        path.append(focused(page))
        assert len(path) < 20, path
    assert path == [
        "skip",
        "own",
        "a",
        "copy",
        "summary",
        "which",
        "how",
        "words",
        "follow",
        "summary",
    ]
    press(page, Keys.ENTER)
    until(lambda: "said" in "".join(texts(page, "[open] .log")), "the log")
    before = len(found(page, "#list li"))
    call(running)
    until(lambda: len(found(page, "#list li")) > before, "the next one")
    assert (focused(page), len(found(page, "[open]"))) == ("summary", 1)
    press(page, Keys.TAB)
    assert focused(page) == "log"


CONTRASTS = """
const number = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([red, green, blue]) => [red, green, blue].map((each) => each / 255)
  .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
  .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const colour = number(getComputedStyle(element).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
};
const texts = [...document.querySelectorAll("body *")].filter((each) => each.checkVisibility() &&
  [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
return texts.map((each) => {
  const pair = [light(number(getComputedStyle(each).color)), light(behind(each))];
  pair.sort((one, other) => other - one);
  return [each.className || each.tagName, (pair[0] + 0.05) / (pair[1] + 0.05)];
});
"""


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_phones_and_desks_and_can_be_read_by_day_and_by_night(page, running, width, scheme):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    calm = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": calm})
    try:
        call(running)
        first(page, "#list summary").click()
        until(lambda: "said" in "".join(texts(page, "[open] .log")), "the log")
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        contrasts = page.execute_script(CONTRASTS)
        assert len(contrasts) > 10 and [pair for pair in contrasts if pair[1] < 4.5] == []
        background = page.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", background))) < 200) == (scheme == "dark")
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_key_is_asked_for_where_it_is_needed_and_a_wrong_one_is_not_taken(browser, tmp_path):
    with Gateway(
        tmp_path, "--host", "0.0.0.0", "--image", "one=http://127.0.0.1:9", key="my:own"
    ) as gateway:
        gateway.create_web("one", image="one")
        opened(browser, gateway)
        first(browser, "#key").send_keys("my:guess", Keys.ENTER)
        until(
            lambda: first(browser, "#trouble").text == "The gateway doesn’t know this key.",
            "refused",
        )
        first(browser, "#key").send_keys("my:own", Keys.ENTER)
        assert first(browser, ".action h3").text == "one"
        assert not browser.find_element(By.ID, "login").is_displayed()
        browser.get("about:blank")


def test_an_action_whose_folder_is_not_served_is_shown_so_and_offers_nothing(
    browser, tmp_path, model
):
    with Gateway(tmp_path, model, DOCKER_HOST=f"unix://{tmp_path}/none.sock") as gateway:
        gateway.create_web("digits", image="digits", annotations={"description": HOSTILE})
        gateway.create_web("far", image="me/far:1")
        opened(browser, gateway)
        first(browser, ".action")
        assert texts(browser, ".action h3") == ["markup", "digits", "far"]
        assert texts(browser, ".title + .description + .lost") == [
            "",
            "Not served by this gateway: start it with its folder.",
            "Not served by this gateway: start it with --image me/far:1=FOLDER, or start Docker.",
        ]
        assert len(found(browser, ".action .command")) == len(found(browser, ".action .own")) == 1
        assert len(found(browser, ".action .try")) == 1
        assert [pair for pair in browser.execute_script(CONTRASTS) if pair[1] < 4.5] == []
        assert browser.title == "Local OpenWhisk"
        browser.get("about:blank")


def test_it_says_that_the_gateway_has_gone_and_goes_on_when_it_is_back(browser, tmp_path, model):
    with Gateway(tmp_path, model) as gateway:
        opened(browser, gateway)
        first(browser, ".action")
    assert first(browser, "#trouble:not(:empty)").text.startswith("The gateway doesn’t answer.")
    with Gateway(tmp_path, model, "--port", gateway.port):
        until(lambda: browser.find_element(By.ID, "trouble").text == "", "back")
        browser.get("about:blank")

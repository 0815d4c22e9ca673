"""A page of an action in a real browser: it has the gateway's origin and tries to get what only the
gateway's own page may have."""

import json

import pytest

from testing.browser import chromium
from testing.gateway import WEB, Gateway
from testing.process import until
from testing.recordings import GUEST_KEY

APP = '''
"""A page whose scripts a test brings, and a worker that asks for the whole site."""
from wsgiref.simple_server import make_server

HEADERS = [("Cross-Origin-Opener-Policy", "same-origin"), ("Service-Worker-Allowed", "/")]
WORKER = """
addEventListener("fetch", (event) => event.respondWith(new Response("taken over")));
"""

def app(environ, start_response):
    is_worker = environ["PATH_INFO"] == "/worker.js"
    kind = "text/javascript" if is_worker else "text/html"
    start_response("200 OK", [("Content-Type", kind), *HEADERS])
    return [WORKER.encode() if is_worker else b"<!doctype html><title>An action</title>"]

make_server("", 5000, app).serve_forever()
'''
TOKEN = "document.querySelector('meta[name=token]')?.content"
WRITE = """
const [key, done] = arguments;
const body = JSON.stringify({exec: {kind: "blackbox", image: "mine"}});
const headers = {Authorization: "Basic " + btoa(key), "Content-Type": "application/json"};
fetch("/api/v1/namespaces/_/actions/mine", {method: "PUT", headers, body})
  .then((answer) => answer.json().then((said) => done([answer.status, said.error])));
"""
READ = """
const [key, done] = arguments;
fetch("/api/v1/namespaces/_/activations", {headers: {Authorization: "Basic " + btoa(key)}})
  .then((answer) => done(answer.status));
"""
FETCH = """
const [done] = arguments;
fetch("/", {headers: {Accept: "text/html"}}).then((answer) => answer.text())
  .then((text) => done(text.match(/<meta name="token" content="(.*?)">/)[1]));
"""
WORK = """
const [script, done] = arguments;
navigator.serviceWorker.register(script, {scope: "/"}).then(() => done("registered"),
  (error) => done(error.name));
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "attacker"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    with Gateway(folder.parent, folder) as running:
        yield running


@pytest.fixture
def browser(tmp_path):
    with chromium(tmp_path) as running:
        yield running


@pytest.fixture
def action(browser, gateway):
    browser.get(f"http://127.0.0.1:{gateway.port}{WEB}attacker/")
    assert browser.title == "An action"
    return browser


def test_the_page_has_its_token_when_its_address_is_typed_and_after_a_reload(browser, gateway):
    browser.get(f"http://127.0.0.1:{gateway.port}/")
    script = "return document.querySelector('#main').dataset.calls"
    assert until(lambda: browser.execute_script(script), "ready") == "all"
    assert browser.execute_script(f"return {TOKEN}") is None
    browser.refresh()
    assert until(lambda: browser.execute_script(script), "ready again") == "all"


def test_a_script_of_an_action_can_neither_write_nor_read_with_the_public_key(action):
    status, error = action.execute_async_script(WRITE, GUEST_KEY)
    assert status == 403 and "from a page (Origin: http://127.0.0.1" in error
    assert action.execute_async_script(READ, GUEST_KEY) == 403


def test_what_it_fetches_as_the_page_has_no_token(action):
    assert action.execute_async_script(FETCH) == ""


def test_the_window_that_it_opens_is_not_its_own(action):
    action.execute_script("window.other = open('/')")
    action.switch_to.window(action.window_handles[1])
    script = "return document.querySelector('#main')?.dataset.calls"
    assert until(lambda: action.execute_script(script), "opened") == "web"
    action.switch_to.window(action.window_handles[0])
    assert until(lambda: action.execute_script("return window.other.closed"), "cut off")


def test_its_service_worker_is_for_its_own_path_alone(action, gateway):
    assert action.execute_async_script(WORK, f"{WEB}attacker/worker.js") == "SecurityError"
    action.get(f"http://127.0.0.1:{gateway.port}/")
    assert action.title == "Local OpenWhisk"


def test_its_frame_of_the_page_stays_empty(action):
    script = """
    const done = arguments[0], frame = document.createElement("iframe");
    frame.onload = () => done(frame.contentDocument === null);
    frame.src = "/";
    document.body.append(frame);
    """
    assert action.execute_async_script(script) is True
    assert "frame-ancestors" in json.dumps(action.get_log("browser"))

"""Requests that a person sends from the page, what comes back, the list's filters, the hour's
graph; and that axe finds nothing that keeps people out."""

import json
import re
import shlex
import time

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from testing.browser import axe, chromium, first
from testing.gateway import WEB, Gateway
from testing.process import until
from testing.recordings import GUEST_KEY

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
APP = (
    '''
"""Tells what it was asked; draws; answers markup; fails."""
import base64, json, os
from wsgiref.simple_server import make_server

DOT = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAW"
                       "jR9awAAAABJRU5ErkJggg==")
HOSTILE = %r

def app(environ, start_response):
    path, size = environ["PATH_INFO"], int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(size)
    asked = [environ["REQUEST_METHOD"], path, environ["QUERY_STRING"],
             environ.get("CONTENT_TYPE", ""), body.decode("latin-1"),
             environ.get("HTTP_X_MINE", "")]
    kind, status, answer = "application/json", "200 OK", json.dumps(asked).encode()
    if path == "/dot":
        kind, answer = "image/png", DOT
    if path == "/markup":
        kind, answer = "text/html", HOSTILE.encode()
    if path == "/octets":
        kind, answer = "application/zip", bytes(range(256))
    if path == "/fails":
        status = "418 I'm a teapot"
    if path == "/broken":
        status = "500 Broken"
    if path == "/crash":
        print("\\n".join(f"line {number}" for number in range(100)), flush=True)
        os._exit(1)
    start_response(status, [("Content-Type", kind), ("X-Said", HOSTILE)])
    return [answer]

make_server("", 5000, app).serve_forever()
'''
    % HOSTILE
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "echo"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    without_docker = {"DOCKER_HOST": "unix:///nowhere.sock"}
    with Gateway(tmp_path_factory.mktemp("page"), folder, **without_docker) as gateway:
        gateway.create("private", image="echo")
        gateway.create_web("locked", image="echo", annotations={"require-whisk-auth": True})
        gateway.create_web("secret", image="echo", annotations={"require-whisk-auth": "s3cret"})
        gateway.create_web("lost", image="lost")
        yield gateway


@pytest.fixture
def page(browser, running):
    browser.get(f"http://127.0.0.1:{running.port}/")
    first(browser, ".action")
    return browser


class Form:
    """The form of one action's card."""

    def __init__(self, page, name):
        cards = page.find_elements(By.CSS_SELECTOR, ".action")
        self.card = next(card for card in cards if self.one("h3", card).text == name)
        self.page = page
        self.one(".try > summary").click()

    def one(self, selector, within=None):
        return (within or self.card).find_element(By.CSS_SELECTOR, selector)

    def fill(self, **values):
        for name, value in values.items():
            element = self.one(f"[name={name}]")
            if element.tag_name == "select":
                Select(element).select_by_visible_text(value)
            else:
                element.clear() if name != "file" else None
                element.send_keys(value)
        return self

    def told(self):
        line = self.one(".answer .line").text
        return line if "·" in line else None

    def send(self):
        """The line that tells the status, and the text of the body."""
        self.one(".try [type=submit]").send_keys(Keys.ENTER)
        line = until(self.told, "an answer")
        return line, self.one(".answer .text").text


def test_a_path_and_its_query_are_asked_for_and_the_answer_is_shown_with_all_about_it(page):
    form = Form(page, "echo").fill(path="where?x=1&y=2")
    line, text = form.send()
    status, took, size, kind = line.split(" · ")
    assert (status, kind) == ("200 OK", "application/json")
    assert took.endswith(" ms") and size.endswith(" bytes")
    assert json.loads(text) == ["GET", "/where", "x=1&y=2", "", "", ""]


def test_json_goes_as_json_with_headers_of_ones_own(page):
    form = Form(page, "echo").fill(method="POST", kind="JSON", json='{"a": "é"}')
    form.one(".more-headers summary").click()
    line, text = form.fill(headers="X-Mine: 1\nnonsense\n").send()
    method, path, query, kind, body, mine = json.loads(text)
    assert (method, kind, mine) == ("POST", "application/json", "1")
    assert json.loads(body.encode("latin-1")) == {"a": "é"}


@pytest.mark.parametrize("field, kind", [("image", "multipart/form-data; boundary="), ("", "text")])
def test_a_file_goes_as_a_forms_field_or_as_it_is(page, tmp_path, field, kind):
    (tmp_path / "some.txt").write_text("in the file")
    form = Form(page, "echo").fill(method="POST", kind="A file", field=field)
    line, text = form.fill(file=str(tmp_path / "some.txt")).send()
    answer = json.loads(text)
    assert answer[3].startswith(kind) and "in the file" in answer[4]
    assert ('name="image"; filename="some.txt"' in answer[4]) == bool(field)


def test_an_image_is_shown_as_one(page):
    form = Form(page, "echo").fill(path="/dot")
    form.send()
    assert until(lambda: form.one(".answer img").get_property("naturalWidth"), "drawn") == 1
    assert form.one(".answer img").get_attribute("src").startswith("blob:")


def test_what_cannot_be_shown_can_be_saved_and_never_opened_as_a_page(page):
    form = Form(page, "echo").fill(path="/octets")
    line, text = form.send()
    assert "256 bytes" in line and text == ""
    link = form.one(".save a")
    assert link.is_displayed() and link.get_attribute("download") == "answer"
    kind = page.execute_async_script(
        "fetch(arguments[0]).then((it) => it.blob()).then((it) => arguments[1](it.type), "
        "(error) => arguments[1](String(error)))",
        link.get_attribute("href"),
    )
    assert kind == "application/octet-stream" or "Failed to fetch" in kind


def test_an_error_is_an_answer_too(page):
    line, text = Form(page, "echo").fill(path="/fails").send()
    assert line.startswith("418 I'm a teapot")
    assert page.find_element(By.CSS_SELECTOR, ".answer .wrong").is_displayed()


def opened(page):
    """The ids and logs of the rows that are open, and whether the focus is on one's summary."""
    script = """
    const open = [...document.querySelectorAll("#list details[open]")];
    const read = (each, part) => each.querySelector(part).textContent;
    const texts = open.map((each) => [read(each, ".id"), read(each, ".log")]);
    return [texts, open.some((each) => each.firstElementChild === document.activeElement)];
    """
    return page.execute_script(script)


def test_an_answer_leads_to_its_activation_with_its_log(page, running):
    form = Form(page, "echo").fill(path="/crash")
    assert form.send()[0].startswith("400 ")
    form.one(".answer .more summary").click()
    (wanted,) = re.findall(r"x-openwhisk-activation-id: (\w+)", form.one(".heads").text)
    first(page, "#follow").click()
    running.request("GET", WEB + "echo")
    Select(first(page, "#how")).select_by_visible_text("Success")
    first(page, "#words").send_keys("private")
    form.one(".answer .whither").send_keys(Keys.ENTER)
    (((shown, _),), has_focus) = until(lambda: any(opened(page)[0]) and opened(page), "opened")
    assert (shown, has_focus) == (wanted, True)
    until(lambda: "line 99" in opened(page)[0][0][1], "its log")
    assert first(page, "#words").get_attribute("value") == ""
    assert not first(page, "#follow").is_selected()


def test_an_answer_that_no_activation_stands_behind_leads_nowhere(page):
    form = Form(page, "secret")
    assert form.send()[0].startswith("401")
    assert not form.one(".answer .whither").is_displayed()


def test_an_activation_that_is_not_listed_is_said_to_be_missing(page):
    form = Form(page, "echo")
    form.send()
    first(page, "#list li")
    page.execute_script(
        "const real = window.fetch; window.fetch = async (where, how) => {"
        "  const answer = await real(where, how);"
        "  if (!String(where).startsWith('/page/state')) return answer;"
        "  const state = await answer.json();"
        "  return Response.json({...state, activations: []}); }"
    )
    form.one(".answer .whither").send_keys(Keys.ENTER)
    assert "still running" in until(lambda: form.one(".answer .lost").text, "said")


def test_markup_in_an_answer_and_its_headers_stays_text(page):
    form = Form(page, "echo").fill(path="/markup")
    line, text = form.send()
    assert text == HOSTILE
    form.one(".answer .more summary").click()
    assert f"x-said: {HOSTILE}" in form.one(".heads").text.splitlines()
    assert page.title == "Local OpenWhisk"


def test_actions_that_are_not_on_the_web_or_need_a_key_answer_the_page_that_was_opened(page):
    line, text = Form(page, "private").fill(json='{"a": 1}').send()
    assert line.startswith("200 OK") and json.loads(text)
    line, text = Form(page, "locked").send()
    assert line.startswith("200 OK")


def test_an_actions_secret_is_asked_for(page):
    form = Form(page, "secret")
    assert form.send()[0].startswith("401 Unauthorized")
    page.refresh()
    first(page, ".action")
    assert Form(page, "secret").fill(secret="s3cret").send()[0].startswith("200 OK")


KEEP = """
window.copied = [];
navigator.clipboard.writeText = async (text) => { window.copied.push(text); };
"""


def copied(form):
    form.page.execute_script(KEEP)
    form.one(".try .copy").click()
    return shlex.split(form.page.execute_script("return window.copied.pop()"))


def test_the_command_for_curl_asks_the_same_and_keeps_what_is_typed_one_word(page, running):
    base = f"http://127.0.0.1:{running.port}{WEB}"
    form = Form(page, "echo").fill(path="/a?b='; rm -rf $(x)")
    assert copied(form) == ["curl", base + "echo/a?b='; rm -rf $(x)"]
    form.fill(method="PUT", kind="JSON", json='{"it": "it\'s"}')
    words = ["curl", "-X", "PUT", "-H", "Content-Type: application/json"]
    url = base + "echo/a?b='; rm -rf $(x)"
    assert copied(form) == [*words, "--data-raw", '{"it": "it\'s"}', url]


def test_a_command_has_a_variable_in_the_place_of_a_secret(page, running):
    form = Form(page, "secret").fill(secret="s3cret")
    url = f"http://127.0.0.1:{running.port}{WEB}secret"
    assert copied(form) == ["curl", "-H", "X-Require-Whisk-Auth: $SECRET", url]


ROWS = """
return [...document.querySelectorAll("#list li")].map((row) =>
  [row.querySelector(".status").textContent, row.querySelector(".name").textContent])
"""


def rows(page):
    return [tuple(row) for row in page.execute_script(ROWS)]


def test_the_list_is_filtered_by_action_end_and_words(page, running):
    running.request("GET", WEB + "echo/broken")
    running.rest("POST", "actions/private?blocking=true", {})
    until(lambda: {name for _, name in rows(page)} >= {"echo", "private"}, "both")
    Select(first(page, "#which")).select_by_visible_text("private")
    until(lambda: {name for _, name in rows(page)} == {"private"}, "one action")
    Select(first(page, "#which")).select_by_index(0)
    Select(first(page, "#how")).select_by_visible_text("Errors")
    ends = {"Application error", "Developer error"}
    until(lambda: "Application error" in {end for end, _ in rows(page)} <= ends, "errors")
    Select(first(page, "#how")).select_by_index(0)
    first(page, "#words").send_keys("nothing like that")
    until(lambda: not rows(page) and first(page, "#no-match"), "none")
    first(page, "#words").clear()
    first(page, "#words").send_keys("PRIV")
    until(lambda: {name for _, name in rows(page)} == {"private"}, "by a word")


CODES = """
return [...document.querySelectorAll("#list li")].map((row) =>
  [row.querySelector(".name").textContent, row.querySelector(".code").textContent,
   ["good", "refused", "bad"].find((each) => row.classList.contains(each)),
   getComputedStyle(row.querySelector(".status")).color,
   row.querySelector(".id")?.textContent ?? ""])
"""


def test_a_row_has_the_answers_http_status_and_a_refusal_is_not_shown_as_all_well(page, running):
    running.request("GET", WEB + "echo")
    running.request("GET", WEB + "echo/fails")
    running.request("GET", WEB + "echo/broken")

    def newest():
        seen = page.execute_script(CODES)[:3]
        wanted = [["echo", "500", "bad"], ["echo", "418", "refused"], ["echo", "200", "good"]]
        return [each[3] for each in seen[1:]] if [each[:3] for each in seen] == wanted else None

    of_refusal, of_success = until(newest, lambda: str(page.execute_script(CODES)))
    assert of_refusal != of_success
    first(page, "#words").send_keys("418")

    def found_by_status():
        found = page.execute_script(CODES)
        # An id may have these digits, too.
        codes = {row[1] for row in found if "418" not in row[4]}
        return codes == {"418"}

    until(found_by_status, lambda: str(page.execute_script(CODES)))


def test_of_a_log_its_end_is_shown_and_an_error_is_text_with_an_explanation(page, running):
    running.request("GET", WEB + "echo/crash")
    until(lambda: rows(page)[:1] == [("Developer error", "echo")], "the crash")
    first(page, "#list summary").click()
    log = first(page, "[open] .log")
    until(lambda: "line 99" in log.text, "the log")
    heights = "const it = arguments[0]; return [it.scrollTop + it.clientHeight, it.scrollHeight]"
    at, height = page.execute_script(heights, log)
    assert at > height - 2 and height > 500
    first(page, "#list summary").click()
    first(page, "#list summary").click()
    at, height = page.execute_script(heights, log)
    assert at > height - 2
    assert first(page, "[open] .result-title").text == "Error"
    assert first(page, "[open] .result").get_attribute("aria-label") == "Error"
    assert first(page, "[open] .result").text.startswith("The action did not produce a valid")
    why = first(page, "[open] .why").text
    assert why.startswith("The container ended") and why.count(".") == 1
    assert first(page, "#list .status").get_attribute("title") == why


def test_however_fast_somebody_types_the_page_asks_once_a_second(page):
    page.execute_script("""
      const words = document.querySelector("#words");
      for (let each = 0; each < 10; each += 1) words.dispatchEvent(new Event("input"));
      const real = window.fetch;
      window.asked = 0;
      window.fetch = (...all) => { window.asked += 1; return real(...all); };
    """)
    time.sleep(3)
    assert page.execute_script("return window.asked") <= 6


def test_who_reads_can_stop_the_list_and_hears_of_what_comes(page, running):
    until(lambda: page.execute_script("return document.querySelector('#list')"), "there")
    running.request("GET", WEB + "echo")
    news = "return document.querySelector('#news').textContent"
    assert until(lambda: page.execute_script(news), "news").startswith("echo, Success, ")
    first(page, "#follow").click()
    before = rows(page)
    state = "return performance.getEntriesByType('resource').length"
    asked = page.execute_script(state)
    running.request("GET", WEB + "echo/fails")
    until(lambda: page.execute_script(state) > asked + 2, "asked twice more")
    assert rows(page) == before
    first(page, "#follow").click()
    until(lambda: rows(page) != before, "caught up")


def test_the_last_hour_of_each_action_is_drawn_and_said(page, running):
    running.request("GET", WEB + "echo")
    figure = first(page, "figure")
    assert "in the last hour, typically" in figure.text
    assert figure.find_elements(By.CSS_SELECTOR, ".middle")


ISSUES = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]}).then((found) => done(found.violations.map(
  (each) => [each.id, each.nodes.map((node) => node.html.slice(0, 200))])));
"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_people_out(page, running, width, scheme):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    wanted = [{"name": "prefers-color-scheme", "value": scheme}]
    wanted.append({"name": "prefers-reduced-motion", "value": "reduce"})
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})
    try:
        form = Form(page, "echo").fill(method="POST", kind="A file")
        form.one(".more-headers summary").click()
        form.send()
        form.one(".answer .more summary").click()
        Form(page, "private")
        Form(page, "secret")
        first(page, "#list summary").click()
        until(lambda: first(page, "[open] .log").text, "the log")
        page.execute_script(axe())
        assert page.execute_async_script(ISSUES) == []
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_page_never_keeps_a_key_where_another_page_could_find_it(page):
    stored = "return [localStorage.length, sessionStorage.length, document.cookie]"
    assert page.execute_script(stored) == [0, 0, ""]
    assert GUEST_KEY not in page.page_source

"""Sequences and fired triggers on the page for people."""

from selenium.webdriver.common.by import By

from gateway.entities import Action
from gateway.page import facts
from testing.browser import chromium
from testing.gateway import Gateway
from testing.process import until
from testing.replay import ReplayAction, json_reply

NAMES = "return [...document.querySelectorAll('#list li .name')].map((each) => each.textContent)"


def test_a_sequence_is_shown_with_what_it_runs():
    action = Action("guest", "", "both", "0.0.1", components=("guest/ocr", "guest/pk/mood"))
    assert facts.facts_of_action(action)["image"] == "guest/ocr, guest/pk/mood"


def test_what_a_trigger_started_is_listed_with_the_trigger(tmp_path):
    with ReplayAction() as action, chromium(tmp_path) as browser:
        action.reply = json_reply('{"answer":42}')
        with Gateway(tmp_path, "--image", f"replay={action.url}") as gateway:
            compose(gateway)
            browser.get(f"http://127.0.0.1:{gateway.port}/")
            gateway.rest("POST", "triggers/event", {"x": 1})
            expected = ["both", "event", "step", "step"]
            until(lambda: sorted(browser.execute_script(NAMES)) == expected, "four activations")
            rows = browser.find_elements(By.CSS_SELECTOR, "#list li summary")
            assert {row.text.split()[0] for row in rows} == {"Success"}
            assert not any("NaN" in row.text or "undefined" in row.text for row in rows)


def compose(gateway):
    gateway.create("step")
    exec_ = {"kind": "sequence", "components": ["/_/step", "/_/step"]}
    for path, content in (
        ("actions/both", {"exec": exec_}),
        ("triggers/event", {}),
        ("rules/on-event", {"trigger": "/_/event", "action": "/_/both"}),
    ):
        assert gateway.rest("PUT", path, content).status == 200

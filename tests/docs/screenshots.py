"""Takes the README's screenshots: python -m tests.docs.screenshots. Writes assets/*.png; needs
Chromium.

A gateway serves examples/max-digits. A person uses its Swagger page, and sends a request from the
gateway's own page. Another serves examples/fastapi-model, for FastAPI's page.
"""

import tempfile
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from testing.browser import chromium, first
from testing.example import EXAMPLES, example_python
from testing.gateway import WEB, Gateway
from testing.process import accepts, until
from tests.docs.walkthrough import ROOT

SEVEN = EXAMPLES / "max-digits" / "samples" / "seven.png"
SIZE = (1200, 960)
USUAL_PORT = 3233
FIT = """
document.body.style.zoom = 0.75;
for (const each of document.querySelectorAll("*")) each.scrollTop = 0;
document.querySelector(".opblock-post").scrollIntoView({behavior: "instant"});
"""
TO_THE_ACTION = """
document.body.style.zoom = 0.8;
document.querySelector(".action").scrollIntoView({behavior: "instant"});
"""


def recognise(browser, gateway):
    """Uploads a digit on the Swagger page, and makes it small enough for question and answer in
    one window."""
    browser.get(f"http://127.0.0.1:{gateway.port}{WEB}max-digits/")
    first(browser, ".opblock-tag").click()
    first(browser, ".opblock-post .opblock-summary-control, .opblock-post .opblock-summary").click()
    first(browser, ".opblock-post .try-out__btn").click()
    first(browser, ".opblock-post input[type=file]").send_keys(str(SEVEN))
    first(browser, ".opblock-post .btn.execute").click()
    first(browser, ".opblock-post .live-responses-table tbody .response-col_description code")
    browser.execute_script(FIT)


def send_a_request(browser, gateway):
    """From the gateway's page: a digit, as the field of a form that the page suggests."""
    browser.get(f"http://127.0.0.1:{gateway.port}/")
    first(browser, ".try > summary").click()
    Select(first(browser, "[name=method]")).select_by_visible_text("POST")
    first(browser, "[name=path]").send_keys("model/predict")
    Select(first(browser, "[name=kind]")).select_by_visible_text("A file")
    browser.find_element(By.CSS_SELECTOR, "[name=file]").send_keys(str(SEVEN))
    first(browser, ".try [type=submit]").send_keys(Keys.ENTER)
    first(browser, ".answer .text")
    until(lambda: "Running" not in first(browser, "#list").text, "its record is there")
    browser.execute_script(TO_THE_ACTION)


def predict(browser, gateway):
    """On FastAPI's page, with what it suggests."""
    browser.get(f"http://127.0.0.1:{gateway.port}{WEB}fastapi-model/docs")
    first(browser, "#operations-Prediction-predict_predict_post .opblock-summary").click()
    first(browser, ".try-out__btn").click()
    first(browser, ".btn.execute").click()
    first(browser, ".live-responses-table tbody .response-col_description code")
    browser.execute_script(FIT.replace("0.75", "0.55"))


# Each with the example that is served.
PICTURES = {
    "swagger": ("max-digits", recognise),
    "gateway": ("max-digits", send_a_request),
    "fastapi": ("fastapi-model", predict),
}


def take(folder, port=0):
    with tempfile.TemporaryDirectory() as scratch, chromium(Path(scratch)) as browser:
        browser.set_window_size(*SIZE)
        for name, (example, use) in PICTURES.items():
            python = example_python(example)
            arguments = ["--port", str(port), "--python", python, str(EXAMPLES / example)]
            with Gateway(Path(scratch), *arguments) as gateway:
                use(browser, gateway)
                browser.save_screenshot(str(Path(folder) / f"{name}.png"))


if __name__ == "__main__":
    take(ROOT / "assets", 0 if accepts(USUAL_PORT) else USUAL_PORT)

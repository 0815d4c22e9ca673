"""Takes the README's screenshots: python -m tests.docs.screenshots. Writes assets/*.png; needs
Chromium.

A gateway serves examples/max-digits. A person uses its Swagger page; the gateway's own page shows
what came of it.
"""

import tempfile
from pathlib import Path

from testing.browser import chromium, first
from testing.example import EXAMPLES, example_python
from testing.gateway import WEB, Gateway
from testing.process import accepts
from tests.docs.walkthrough import ROOT

FOLDER = EXAMPLES / "max-digits"
SIZE = (1200, 960)
USUAL_PORT = 3233
FIT = """
document.body.style.zoom = 0.75;
for (const each of document.querySelectorAll("*")) each.scrollTop = 0;
document.querySelector(".opblock-post").scrollIntoView({behavior: "instant"});
"""


def recognise(browser, gateway):
    """Uploads a digit on the Swagger page, and makes it small enough for question and answer in
    one window."""
    browser.get(f"http://127.0.0.1:{gateway.port}{WEB}max-digits/")
    first(browser, ".opblock-tag").click()
    first(browser, ".opblock-post .opblock-summary-control, .opblock-post .opblock-summary").click()
    first(browser, ".opblock-post .try-out__btn").click()
    first(browser, ".opblock-post input[type=file]").send_keys(
        str(FOLDER / "samples" / "seven.png")
    )
    first(browser, ".opblock-post .btn.execute").click()
    first(browser, ".opblock-post .live-responses-table tbody .response-col_description code")
    browser.execute_script(FIT)


def look_around(browser, gateway):
    browser.get(f"http://127.0.0.1:{gateway.port}/")
    first(browser, "#list li summary, #list li button").click()
    first(browser, "#list li pre")
    browser.execute_script("window.scrollTo(0, 0)")


PICTURES = {"swagger": recognise, "gateway": look_around}


def take(folder, port=0):
    """All of them; what they show depends on one another."""
    with tempfile.TemporaryDirectory() as scratch:
        arguments = ["--port", str(port), "--python", example_python(FOLDER.name), str(FOLDER)]
        with Gateway(scratch, *arguments) as gateway, chromium(Path(scratch)) as browser:
            browser.set_window_size(*SIZE)
            for name, use in PICTURES.items():
                use(browser, gateway)
                browser.save_screenshot(str(Path(folder) / f"{name}.png"))


if __name__ == "__main__":
    take(ROOT / "assets", 0 if accepts(USUAL_PORT) else USUAL_PORT)

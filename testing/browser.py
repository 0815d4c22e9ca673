"""Chromium without a window, for pages that people use; a page's CDN is answered from npm's own
package."""

import shutil
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from testing.certificates import self_signed
from testing.prerequisites import need
from testing.process import until
from testing.virtualenv import ENVS, locked

SWAGGER_UI = "swagger-ui-dist@5.35.0"
REDOC = "redoc@2.5.2"
AXE = "axe-core@4.10.3"
CDN = "cdn.jsdelivr.net"


@contextmanager
def chromium(folder):
    """A browser that reaches this machine and, in the place of FastAPI's CDN, the package of the
    same scripts."""
    chrome, driver = need("chromium"), need("chromedriver")
    with cdn(folder) as port:
        options = webdriver.ChromeOptions()
        options.binary_location = chrome
        rules = "MAP %s 127.0.0.1:%d, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" % (CDN, port)
        options.add_argument("--host-resolver-rules=" + rules)
        options.add_argument("--user-data-dir=%s" % (folder / "profile"))
        for switch in (
            "headless=new",
            "no-sandbox",
            "disable-dev-shm-usage",
            "ignore-certificate-errors",
        ):
            options.add_argument("--" + switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = webdriver.Chrome(options, Service(driver))
        try:
            yield browser
        finally:
            browser.quit()


def first(browser, selector):
    """The first element that can be seen, in the middle of the window; pages put theirs there with
    scripts."""

    def visible():
        return [
            one for one in browser.find_elements(By.CSS_SELECTOR, selector) if one.is_displayed()
        ]

    element = until(visible, lambda: "%s: %s" % (selector, browser.get_log("browser")), 30)[0]
    browser.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element
    )
    return element


def swagger_ui():
    """The folder with the scripts and styles of Swagger UI."""
    return package(SWAGGER_UI)


def axe():
    """The script of axe-core, which looks for what keeps people from using a page."""
    return (package(AXE) / "axe.min.js").read_text("utf-8")


def package(pinned):
    """The folder of an npm package, name@version, without what it depends on: pages have one file
    with all of it."""
    folder = ENVS / pinned.replace("@", "-")
    with locked(ENVS / (pinned + ".lock")):
        if not (folder / "package" / "package.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            npm = [need("npm"), "pack", "--silent", "--pack-destination", folder, pinned]
            done = subprocess.run(npm, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert done.returncode == 0, done.stdout.decode()
            (archive,) = folder.glob("*.tgz")
            shutil.unpack_archive(archive, folder, "gztar")
    return folder / "package"


class Cdn(SimpleHTTPRequestHandler):
    """/npm/NAME@VERSION/FILE, of the two packages that FastAPI's pages are made with."""

    def translate_path(self, path):
        file = path.rpartition("/")[2]
        if "/redoc" in path:
            return str(package(REDOC) / "bundles" / file)
        return str(swagger_ui() / file)

    def log_message(self, *words):
        pass


@contextmanager
def cdn(folder):
    certificate, key = self_signed(folder, CDN, "DNS:" + CDN)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cdn)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()

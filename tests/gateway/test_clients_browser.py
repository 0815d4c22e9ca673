"""A person at the Swagger page of a model that has become an action: looks, uploads a digit, reads
what it is."""

import json

import pytest

from testing.browser import chromium, first
from testing.example import EXAMPLES, example_python
from testing.gateway import WEB, Gateway

FOLDER = EXAMPLES / "max-digits"
LARGE = 1_000_000
SIZES = """
return performance.getEntriesByType("resource").map(
  (each) => [each.name.split("/").pop(), each.decodedBodySize, each.responseStatus])
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    arguments = ("--python", example_python(FOLDER.name), FOLDER)
    with Gateway(tmp_path_factory.mktemp("digits"), *arguments) as running:
        yield running


@pytest.fixture
def page(gateway, tmp_path):
    with chromium(tmp_path) as browser:
        browser.get(f"http://127.0.0.1:{gateway.port}{WEB}max-digits/")
        yield browser
        assert browser.get_log("browser") == []


def test_all_files_of_the_page_arrive_the_one_above_a_megabyte_too(page):
    first(page, ".opblock-tag")
    resources = page.execute_script(SIZES)
    assert [each for each in resources if each[2] != 200] == []
    assert {name for name, size, _ in resources if size > LARGE} == {"swagger-ui-bundle.js"}


@pytest.mark.parametrize("name, label", [("seven.png", "seven"), ("three.jpg", "three")])
def test_try_it_out_tells_the_digit_in_an_uploaded_picture(page, gateway, name, label):
    first(page, ".opblock-tag").click()
    first(page, ".opblock-post .opblock-summary-control, .opblock-post .opblock-summary").click()
    first(page, ".opblock-post .try-out__btn").click()
    first(page, ".opblock-post input[type=file]").send_keys(str(FOLDER / "samples" / name))
    first(page, ".opblock-post .btn.execute").click()
    answered = ".opblock-post .live-responses-table tbody "
    assert first(page, answered + ".response-col_status").text.split()[0] == "200"
    answer = json.loads(first(page, answered + ".response-col_description code").text)
    assert (answer["status"], answer["predictions"][0]["label"]) == ("ok", label)
    address = f"http://127.0.0.1:{gateway.port}{WEB}max-digits/model/predict"
    assert first(page, ".opblock-post .request-url pre").text == address

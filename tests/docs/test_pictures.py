"""The pictures: both drawings are one but for the colours, and the screenshots show what can still
be seen."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from tests.docs.screenshots import PICTURES, take
from tests.docs.walkthrough import ROOT

ASSETS = ROOT / "assets"
DRAWINGS = {"light": "how-it-works.svg", "dark": "how-it-works-dark.svg"}
COLOUR = re.compile("#[0-9a-f]{6}")


def drawing(name):
    return (ASSETS / DRAWINGS[name]).read_text(encoding="utf-8")


def test_the_dark_drawing_is_the_light_one_in_other_colours():
    assert COLOUR.sub("", drawing("dark")) == COLOUR.sub("", drawing("light"))
    assert not set(COLOUR.findall(drawing("dark"))) & set(COLOUR.findall(drawing("light"))) - {
        "#ffffff"
    }


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_an_image_that_tells_its_title_and_loads_nothing(name):
    root = ElementTree.fromstring(drawing(name))
    assert root.attrib["role"] == "img"
    assert root.find("{http://www.w3.org/2000/svg}title").text
    assert not re.search(r"href|url\(|@import|<script", drawing(name))


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_can_be_read(name):
    """The contrast of each colour of text with what is behind it."""
    paper, box = (fill_of(name, part) for part in ("paper", "box"))
    assert min(contrast(fill_of(name, "note"), box), contrast(fill_of(name, "code"), paper)) >= 4.5
    assert contrast(fill_of(name, "on"), fill_of(name, "ours")) >= 4.5


def fill_of(name, part):
    return re.search(r"\.%s \{[^}]*fill: (#[0-9a-f]{6})" % part, drawing(name)).group(1)


def contrast(one, other):
    lighter, darker = sorted(map(luminance, (one, other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_screenshots_can_be_taken_again(tmp_path):
    take(tmp_path)
    for name in PICTURES:
        with Image.open(tmp_path / f"{name}.png") as taken, Image.open(
            ASSETS / f"{name}.png"
        ) as shown:
            assert taken.size == shown.size
            assert len(taken.convert("RGB").getcolors(1 << 20)) > 100, f"{name} is nearly empty"

"""Reads Markdown as the tests of the pages need it: blocks, headings with their anchors, links.
Touches nothing."""

import re
from typing import List, NamedTuple

FENCED = re.compile(r"(?ms)^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<text>.*?)^ *```$")
INDENTED = re.compile(r"(?m)^\n(?: {4}\S.*)$")
HEADING = re.compile(r"(?m)^#{1,6} +(.+?) *$")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*([^()\s]+(?:\([^()\s]*\))?)")
ATTRIBUTE = re.compile(r"\b(?:src|srcset|href)=\"([^\"]+)\"")
# Where a command may stand outside of a block: as a whole code span, in a table or a sentence.
SPAN = re.compile(r"`(make [^`]+)`")


class Block(NamedTuple):
    language: str
    words: List[str]
    text: str
    line: int


def blocks(text):
    found = []
    for match in FENCED.finditer(text):
        language, *words = match["info"].split() or [""]
        inside = re.sub("(?m)^" + match["indent"], "", match["text"])
        found.append(Block(language, words, inside, text.count("\n", 0, match.start()) + 1))
    return found


def prose(text):
    """Without the fenced blocks, whose contents aren't Markdown, and without code spans."""
    return re.sub(r"`[^`\n]*`", "``", FENCED.sub("", text))


def links(text):
    return LINK.findall(prose(text)) + ATTRIBUTE.findall(prose(text))


def anchors(text):
    """The names that GitHub gives to headings; a repeated one gets a number."""
    found = []
    for heading in HEADING.findall(FENCED.sub("", text)):
        name = anchor_from_heading(heading)
        same = sum(re.sub(r"-\d+\Z", "", other) == name for other in found)
        found.append(f"{name}-{same}" if same else name)
    return found


def anchor_from_heading(heading):
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")

"""The table of what a run has found, as a page: which servers, of which version, when, with which
differences."""

import datetime
import os
import subprocess
from typing import Any, Dict, List, Optional, Tuple

HEAD = """# Servers, asked directly and as actions

Written by `make test-servers` on %s. Each server is started by the command that is shown,
unchanged, and asked the same questions directly, through the adapter on port 8080, and through the
gateway. Answers are compared whole: status, type, headers, body. "Seconds" is from the start of the
adapter, and of the gateway, to the first answer.

| Server | Version | Start command | Questions | Adapter: same | Gateway: same | Seconds |
| --- | --- | --- | --- | --- | --- | --- |
"""

SHOWN = 4  # differences of one server in one way: many have one cause


class Outcome:
    """What became of one row asked in one way; a row that never came to its end has no
    `differences`."""

    def __init__(self, row: Any, way: str, python: str, questions: int):
        self.row, self.way, self.python, self.questions = row, way, python, questions
        self.seconds: Optional[float] = None
        self.differences: Optional[Dict[str, Tuple[Any, Any]]] = None

    @property
    def same(self) -> str:
        if self.differences is None:
            return "didn't start"
        return "%d of %d" % (self.questions - len(self.differences), self.questions)


def write_results(path: Any, outcomes: List[Outcome]) -> None:
    """The page, with a list of all differences below the table."""
    by_row: Dict[str, Dict[str, Outcome]] = {}
    for outcome in outcomes:
        by_row.setdefault(outcome.row.name, {})[outcome.way] = outcome
    text = HEAD % datetime.date.today().isoformat()
    text += "".join(line_of(ways) for ways in by_row.values())
    differing = [line for outcome in outcomes for line in differences_of(outcome)]
    if differing:
        text += "\n## Differences\n\n" + "".join(differing)
    path.write_text(text, encoding="utf-8")


def line_of(ways: Dict[str, Outcome]) -> str:
    some = next(iter(ways.values()))
    same = [ways[way].same if way in ways else "" for way in ("adapter", "gateway")]
    seconds = [
        "%.1f" % ways[way].seconds
        for way in ("adapter", "gateway")
        if way in ways and ways[way].seconds
    ]
    command = "`%s`" % " ".join(some.row.command).replace("|", "\\|")
    cells = [
        some.row.name,
        version_of(some),
        command,
        str(some.questions),
        *same,
        " / ".join(seconds),
    ]
    return "| " + " | ".join(cells) + " |\n"


def version_of(outcome: Outcome) -> str:
    product = outcome.row.product
    question = "import importlib.metadata as it; print(it.version(%r))" % product
    version = subprocess.check_output([outcome.python, "-c", question]).decode().strip()
    return "%s %s" % (product, version)


def differences_of(outcome: Outcome) -> List[str]:
    where = "%s, %s" % (outcome.row.name, outcome.way)
    if outcome.differences is None:
        return ["- %s: didn't start, or didn't answer\n" % where]
    lines = said(outcome.differences).splitlines()
    shown = ["- %s, %s\n" % (where, line) for line in lines[:SHOWN]]
    return shown + (["- %s: %d more\n" % (where, len(lines) - SHOWN)] if len(lines) > SHOWN else [])


def said(differences: Dict[str, Tuple[Any, Any]]) -> str:
    """A line for each part of an answer that isn't as expected."""
    lines = []
    for name, (here, expected) in differences.items():
        for part, value, wanted in zip(here._fields, here, expected):
            if value != wanted:
                start = where_they_part(str(value), str(wanted))
                shown = (name, part, str(value)[start:], str(wanted)[start:])
                lines.append('"%s": %s is `%.90r` instead of `%.90r`' % shown)
    return "\n".join(lines)


def where_they_part(one: str, other: str) -> int:
    """A little before the first character in which they differ."""
    same = len(os.path.commonprefix([one, other]))
    return max(0, same - 20)

"""What a run of the examples has found, as a page: how many tests of each passed, and when."""

import collections
import datetime
import re

HEAD = """# The examples, when they last ran

Written by `make test-examples` on %s. Each example is asked directly, through the adapter and
through the gateway, and the answers are compared.

| Example | Tests | Passed |
| --- | --- | --- |
"""


class Tally:
    """Outcomes of tests, by the example that their file is named after."""

    def __init__(self):
        self._outcomes = collections.defaultdict(collections.Counter)

    def add(self, report):
        is_its_end = report.when == "call" or not report.passed
        if is_its_end:
            self._outcomes[example_from_test(report.nodeid)][report.outcome] += 1

    def write(self, path, examples):
        """Those of `examples` alone; the other tests are about all of them."""
        rows = [
            "| %s | %d | %d |\n" % (name, sum(outcomes.values()), outcomes["passed"])
            for name, outcomes in sorted(self._outcomes.items())
            if name in examples
        ]
        today = datetime.date.today().isoformat()
        path.write_text(HEAD % today + "".join(rows), encoding="utf-8")


def example_from_test(name):
    return re.search(r"test_(\w+)\.py", name).group(1).replace("_", "-")

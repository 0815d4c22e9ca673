"""Compares the adapter, the gateway and layer.py with what they stand in for, then writes a report.

The parts are adapter, crowd, parallel, hop, growth, profile, gateway and layer. All of them take
about 25 minutes. A run of some parts, or with --quick, leaves the project's results and pages as
they are.
"""

import importlib
import sys
import time

from _pytest.outcomes import OutcomeException

from benchmarks import report
from benchmarks.results import arguments

NAMES = ("adapter", "crowd", "parallel", "hop", "growth", "profile", "gateway", "layer")


def main(given):
    unknown = set(given.only) - set(NAMES)
    if unknown:
        sys.exit(f"There is no {', '.join(sorted(unknown))}: it is {', '.join(NAMES)}")
    began = time.monotonic()
    for name in given.only or NAMES:
        print(f"{name}, after {time.monotonic() - began:.0f} s:", flush=True)
        try:
            importlib.import_module("benchmarks." + name).main(
                type(given)(**{**vars(given), "only": []})
            )
        except OutcomeException as missing:  # what a test would be skipped for
            print(f"  not measured: {missing}", file=sys.stderr)
    if not given.quick and not given.results:
        report.main()


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))

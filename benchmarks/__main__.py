"""All benchmarks, or those that are named, then the report: python -m benchmarks [--quick] [NAME
...]

adapter, crowd, parallel, hop, growth, profile, gateway, layer. A whole run takes about 25
minutes; --quick one, and it leaves the results and the pages of the project as they are.
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

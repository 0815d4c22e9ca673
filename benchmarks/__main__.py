"""All benchmarks, or those that are named, then the report: python -m benchmarks [--quick] [NAME ...]

adapter, growth, profile, gateway, layer. A whole run takes about 25 minutes; --quick one, without layer.
"""

import importlib
import sys

from _pytest.outcomes import OutcomeException

from benchmarks import report
from benchmarks.results import FOLDER, arguments

NAMES = ("adapter", "growth", "profile", "gateway", "layer")


def main(given):
    for name in given.only or NAMES[: -1 if given.quick else None]:
        print(f"{name}:", flush=True)
        own = [] if name == "layer" else [vars(given) | {"only": []}]
        try:
            importlib.import_module("benchmarks." + name).main(*(type(given)(**words) for words in own))
        except OutcomeException as missing:  # what a test would be skipped for
            print(f"  not measured: {missing}", file=sys.stderr)
    if given.results == FOLDER:
        report.main()


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))

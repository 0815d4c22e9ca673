"""What model images hold, as virtual environments made from exact pins.

python -m tests.adapter.environments makes them all. A new environment is a line in ENVIRONMENTS and
a pin file of the same name in environments/.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from testing.prerequisites import needed
from testing.virtualenv import interpreter, virtualenv

PINS = Path(__file__).resolve().parent / "environments"


class Environment(NamedTuple):
    name: str
    python: str
    max_image: str = ""


ENVIRONMENTS = (
    Environment("py36-flask1.0-restplus", "3.6", "max-base v1.2.1"),
    Environment("py37-flask1.1-restplus", "3.7", "max-base v1.4.0"),
    Environment("py37-flask1.1-restx", "3.7", "max-base v1.5.1"),
    Environment("py37-flask2.0-restx", "3.7", "max-base v1.5.2"),
    Environment("py38-flask2.3", "3.8"),
    Environment("py39-flask3.0", "3.9"),
    Environment("py311-flask3.1", "3.11"),
    Environment("py313-flask3.1", "3.13"),
    Environment("py37-uvicorn0.17", "3.7"),
    Environment("py39-uvicorn0.22", "3.9"),
    Environment("py313-uvicorn0.54", "3.13"),
)
NAMES = tuple(environment.name for environment in ENVIRONMENTS)


def environment(name):
    """The path of the python that has its packages; skips the test where the interpreter is
    absent."""
    version = {environment.name: environment.python for environment in ENVIRONMENTS}[name]
    absent = "no Python %s on PATH or in pyenv" % version
    return virtualenv(
        "adapter-" + name, PINS / (name + ".txt"), lambda: needed(interpreter(version), absent)
    )


if __name__ == "__main__":
    print("\n".join(environment(name) for name in sys.argv[1:] or NAMES))

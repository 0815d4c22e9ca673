"""`python -m openwhisk_adapter COMMAND...` is openwhisk.py, where the package was installed."""

import sys

from openwhisk_adapter.front import model_from_arguments


def main() -> None:
    """Also what `pip install` puts on the path, as `openwhisk-adapter`."""
    model = model_from_arguments(sys.argv[1:], str(__doc__))
    while True:
        script = model.script()
        with script.running():
            exec(*script.runnable())


if __name__ == "__main__":
    main()

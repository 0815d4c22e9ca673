"""From a model's image to an action's image.

    python3 -m images action BASE TARGET [OPTION]...   one image, inside the registry (layer.py)
    python3 -m images build                            many, with an engine or not (build.sh)
    python3 -m images adapter [IMAGE]                  the adapter alone, for COPY --from
    python3 -m images manifest                         manifest.yaml, which deploys all of them

`--help` behind each of them tells more.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # A Ctrl-C while all of this is being loaded ends it without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import os
import sys
from pathlib import Path
from typing import List, NoReturn

if sys.version_info < (3, 9):
    sys.exit("images: Python 3.9 or newer was expected, this is %d.%d" % sys.version_info[:2])

if not __package__:  # started as a file: its folder's place is where the package is found
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from images.commands import action, adapter, build, manifest
from images.words import Told, printable

if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DOORS = {"build": "build.sh", "action": "layer.py"}
INTERRUPTED = 130  # as a shell says it


def main(words: List[str]) -> int:
    command, rest = (words[0] if words else ""), words[1:]
    if command == "build":
        return build.main(rest, os.environ)
    if command == "action":
        return action.main(rest, os.environ)
    if command == "adapter":
        return adapter.main(rest, os.environ)
    if command == "manifest" and not rest:
        print(manifest.manifest(), end="")
        return 0
    if command in ("-h", "--help"):
        print(__doc__, end="")
        return 0
    print(__doc__, end="", file=sys.stderr)
    return 2


def layer() -> NoReturn:
    """What `pip install` puts on the path, as `openwhisk-layer`."""
    run(["action", *sys.argv[1:]])


def run(words: List[str]) -> NoReturn:
    """Ends the process, with a sentence if it went wrong."""
    door = DOORS.get(words[0] if words else "", "images")
    try:
        raise SystemExit(main(words))
    except (Told, ValueError, OSError) as error:
        raise SystemExit(f"{door}: {printable(str(error))}")
    except KeyboardInterrupt:
        told = f"{door}: interrupted; nothing that looks finished has been left"
        print(told, file=sys.stderr)
        raise SystemExit(INTERRUPTED)


if __name__ == "__main__":
    run(sys.argv[1:])

"""What every benchmark shares: its options, how much it measures, and the file that its figures
go to."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import machine
from testing.adapter import ADAPTER

FOLDER = Path(__file__).resolve().parent / "results"
PARTS = (
    Path(tempfile.gettempdir()) / "benchmarks"
)  # of what isn't measured whole: never in place of what is


class Scale(NamedTuple):
    rounds: int = 7
    seconds: float = 1.5
    starts: int = 3  # in each round

    @classmethod
    def of(cls, given):
        return cls(rounds=2, seconds=0.3, starts=1) if given.quick else cls()


def parser(description):
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--quick",
        action="store_true",
        help="one minute, to see that it works: figures too coarse to quote",
    )
    made.add_argument(
        "--results",
        type=Path,
        help=f"the folder for what is measured ({FOLDER}; where not all is measured, {PARTS})",
    )
    made.add_argument(
        "--adapter", default=ADAPTER, help="another openwhisk.py, to compare it with this one"
    )
    made.add_argument("only", metavar="PART", nargs="*", help="these parts alone")
    return made


def arguments(words, description):
    given = parser(description).parse_args(words)
    given.machine = machine()
    return given


def folder_of(given):
    return given.results or (PARTS if given.quick or given.only else FOLDER)


def write(given, name, rows):
    folder = folder_of(given)
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": given.machine,
        "quick": given.quick,
        "scale": Scale.of(given)._asdict(),
        "rows": rows,
    }
    (folder / (name + ".json")).write_text(json.dumps(content, indent=1) + "\n")
    print(f"written to {folder / name}.json", flush=True)


def read(folder, name):
    file = folder / (name + ".json")
    return json.loads(file.read_text()) if file.exists() else None

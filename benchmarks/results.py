"""What every benchmark shares: its options, how much it measures, and the file that its figures go to."""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import machine
from tests.support.adapter import ADAPTER

FOLDER = Path(__file__).resolve().parent / "results"


class Scale(NamedTuple):
    rounds: int = 7
    seconds: float = 1.5
    starts: int = 7

    @classmethod
    def of(cls, given):
        return cls(rounds=2, seconds=0.3, starts=1) if given.quick else cls()


def parser(description):
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="see that it works: figures too coarse to quote")
    made.add_argument("--results", type=Path, default=FOLDER, help="the folder that they are written to")
    made.add_argument("--adapter", default=ADAPTER, help="another openwhisk.py, to compare it with this one")
    made.add_argument("only", nargs="*", help="these alone")
    return made


def arguments(words, description):
    given = parser(description).parse_args(words)
    given.machine = machine()
    return given


def write(given, name, rows):
    given.results.mkdir(parents=True, exist_ok=True)
    content = {"machine": given.machine, "quick": given.quick, "scale": Scale.of(given)._asdict(), "rows": rows}
    (given.results / (name + ".json")).write_text(json.dumps(content, indent=1) + "\n")


def read(folder, name):
    file = folder / (name + ".json")
    return json.loads(file.read_text()) if file.exists() else None

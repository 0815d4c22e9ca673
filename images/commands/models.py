"""The list of the models that images are known for, images/models.txt."""

import re
from pathlib import Path
from typing import Dict, List, NamedTuple

FILE = Path(__file__).resolve().parents[1] / "models.txt"
DEFAULT_MEMORY, DEFAULT_TIMEOUT = 512, 60000

# Names that OpenWhisk, registries and YAML take for the same; a `$` in a text would be a variable
# to wskdeploy.
PLACE = r"(?:[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?/(?:[a-z0-9][a-z0-9._-]*/)*)?"
NAME = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+"
NUMBER = r"[1-9][0-9]{0,8}"
ROW = re.compile(rf"({PLACE})({NAME})[ \t]+({NUMBER})[ \t]+({NUMBER})[ \t]+([^$]+)\Z")
EXPECTED = "one like 'max-ocr 2048 60000 Read the text in a picture' was expected"


class Model(NamedTuple):
    name: str
    memory: int
    timeout: int
    description: str
    place: str = ""  # where its image is, with a / at the end; empty for the usual place


def models_from_text(text: str) -> List[Model]:
    """Raises ValueError at the first line that is neither a model, a comment nor empty."""
    models: Dict[str, Model] = {}
    for number, line in enumerate(text.split("\n"), 1):
        row = line.strip(" \t\r")
        if not row or row.startswith("#"):
            continue
        match = ROW.match(row)
        if not match or not match.group(5).isprintable() or match.group(2) in models:
            where = f"images/models.txt, line {number}"
            raise ValueError(f"{where}: {row!r} isn't a new model's, {EXPECTED}")
        place, name, memory, timeout, description = match.groups()
        models[name] = Model(name, int(memory), int(timeout), description, place)
    return list(models.values())


def known_models() -> List[Model]:
    return models_from_text(FILE.read_text("utf-8"))

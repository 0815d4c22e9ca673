"""The layer that makes a model's image an action's: /openwhisk/.

Reads the project's files, imports none of them.
"""

import re
from pathlib import Path
from typing import List

from images.action.content import Layer
from images.action.tar import File, layer_from_files

PROJECT = Path(__file__).resolve().parents[2]
FRONT_DOOR, PACKAGE = "openwhisk.py", "openwhisk_adapter"
FOLDER = "openwhisk"
ADAPTER = f"/{FOLDER}/{FRONT_DOOR}"
VERSION = re.compile(r'^VERSION = "([^"]+)"$', re.MULTILINE)


def layer_from_project(project: Path = PROJECT) -> Layer:
    """openwhisk.py and its package, for root to own and for everybody to read."""
    files = [
        File(f"{FOLDER}/{name}", (project / name).read_bytes()) for name in names_of_files(project)
    ]
    return layer_from_files(files, f"COPY {FRONT_DOOR} {PACKAGE} /{FOLDER}/")


def names_of_files(project: Path) -> List[str]:
    modules = (project / PACKAGE).rglob("*.py")
    return [FRONT_DOOR] + sorted(path.relative_to(project).as_posix() for path in modules)


def version(project: Path = PROJECT) -> str:
    """This product's, as the adapter says it."""
    text = (project / PACKAGE / "__init__.py").read_text("utf-8")
    found = VERSION.search(text)
    if not found:
        raise ValueError(f'{PACKAGE}/__init__.py has no line like VERSION = "1.0.0"')
    return found.group(1)

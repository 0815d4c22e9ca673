"""The packages that a start command finds: touches the folders in which they lie."""

import contextlib
import glob
import os
import re
import sys
from typing import Dict, Iterable, List, Sequence, Tuple

from openwhisk_adapter.starting.commands import which

Version = Tuple[int, int]

INSTALLED = re.compile(r"([a-z]+)-(\d+)\.(\d+)[^-]*\.dist-info\Z")
# Since that version uvicorn puts a prefix before each path; an older Starlette finds no route then.
UVICORN = (0, 26)
STARLETTE = (0, 35)


def loses_its_routes(command: Sequence[str]) -> bool:
    """Whether an app on this uvicorn answers 404 to everything once uvicorn is told a prefix."""
    if "uvicorn" not in " ".join(command):
        return False
    found = versions_from_names(names_in(folders_of_packages(command)))
    uvicorn = found.get("uvicorn", (0, 0))
    starlette = found.get("starlette", STARLETTE)
    return uvicorn >= UVICORN and starlette < STARLETTE


def folders_of_packages(command: Sequence[str]) -> List[str]:
    """Beside the program, if it lies in an environment of its own; else those of this Python."""
    program = which(command[0]) or ""
    environment = os.path.dirname(os.path.dirname(program))
    beside = glob.glob(os.path.join(environment, "lib", "python3*", "*-packages"))
    return beside + sys.path


def names_in(folders: Iterable[str]) -> List[str]:
    names: List[str] = []
    for folder in folders:
        with contextlib.suppress(OSError):
            names += os.listdir(folder)
    return names


def versions_from_names(names: Iterable[str]) -> Dict[str, Version]:
    """Of a package that is there twice, the first one is imported."""
    versions: Dict[str, Version] = {}
    for name in names:
        found = INSTALLED.match(name)
        if found:
            version = int(found.group(2)), int(found.group(3))
            versions.setdefault(found.group(1), version)
    return versions

"""Notices that a folder has changed since it was last looked at. Touches the folder: reads names,
sizes and times, and no file's content."""

import os
from typing import Dict, Iterator, Optional, Tuple

#: What is neither code nor a model, and changes by itself.
NEVER = ("__pycache__", "node_modules")
ENDINGS = (".pyc", ".log", ".swp", "~")
#: Looking takes a moment of everybody's: a folder of more files than these is known by the first.
MOST_FILES = 5000

Look = Dict[str, Tuple[int, int]]


class Folder:
    """A folder as it was; `changed` looks again."""

    def __init__(self, path: str):
        self.path = path
        self._seen: Optional[Look] = None

    def changed(self) -> Optional[str]:
        """The name of a file that is new, gone or different since the last time."""
        before, self._seen = self._seen, look_at(self.path)
        if before is None or before == self._seen:
            return None
        differing = set(before.items()) ^ set(self._seen.items())
        return min(name for name, _ in differing)


def look_at(path: str) -> Look:
    found: Look = {}
    for entry in files_in(path):
        try:
            status = entry.stat()
        except OSError:
            continue
        found[os.path.relpath(entry.path, path)] = status.st_mtime_ns, status.st_size
        if len(found) == MOST_FILES:
            break
    return found


def files_in(path: str) -> Iterator["os.DirEntry[str]"]:
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in NEVER or entry.name.endswith(ENDINGS):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not is_environment(entry.path):
                yield from files_in(entry.path)
        else:
            yield entry


def is_environment(path: str) -> bool:
    """Whether it's a virtual environment of Python's."""
    return os.path.exists(os.path.join(path, "pyvenv.cfg"))

"""In which repository a large blob of ours is, to be mounted from: a file in the user's cache."""

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any, Dict, Mapping

from images.image.reference import REPOSITORY

FILE = "sent.json"
MOST = 1000  # entries; the oldest are forgotten
LARGEST = 1 << 20  # bytes of the file


class Remembered:
    """What is remembered wrongly costs a question: a registry that doesn't have it says so."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.file = cache_folder(environ) / FILE

    def repository(self, registry: str, digest: str) -> str:
        """Empty where nothing is known."""
        name = self.entries().get(f"{registry} {digest}")
        return name if isinstance(name, str) and REPOSITORY.match(name) else ""

    def keep(self, registry: str, digest: str, repository: str) -> None:
        entries = self.entries()
        entries[f"{registry} {digest}"] = repository
        latest = dict(list(entries.items())[-MOST:])
        write_whole(self.file, json.dumps(latest).encode())

    def entries(self) -> Dict[str, Any]:
        try:
            with self.file.open(encoding="utf-8") as file:
                value = json.loads(file.read(LARGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


def write_whole(file: Path, data: bytes) -> None:
    """If that can be; never a part of it, and nothing beside it."""
    part = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)


def cache_folder(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME") or Path.home())
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    return cache / "serverless-max-models"

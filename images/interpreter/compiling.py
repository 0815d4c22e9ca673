"""Compiled modules: those that the image has, else made by a Python of the same version here."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Dict, List, NamedTuple

from images.interpreter.files import Files
from images.interpreter.standard import Module

COMPILE = ["-OO", "-s", "-S", "-m", "compileall", "-q", "-b"]
PATIENCE = 300  # seconds


class Version(NamedTuple):
    major: int
    minor: int

    @property
    def stamp(self) -> bytes:
        """Behind a compiled module's magic number: of which source it is; here of none."""
        return bytes(8 if self < (3, 7) else 12)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def version_from_path(path: str) -> Version:
    """3.13 from /usr/local/bin/python3.13 and from /usr/lib/python3.13; 0.0 where none is told."""
    found = re.search(r"python([23])\.(\d{1,3})[a-z]*\Z", path)
    return Version(int(found.group(1)), int(found.group(2))) if found else Version(0, 0)


def compiled_modules(files: Files, modules: List[Module], version: Version) -> Dict[str, bytes]:
    """By the modules' names; without some where there is no Python that could compile them."""
    found, sources = {}, {}
    for module in modules:
        code = code_from_image(files, module, version)
        if code:
            found[module.name] = code
        else:
            sources[module.name] = files.read(module.path)
    if sources:
        found.update(compiled_here(sources, version))
    return found


def code_from_image(files: Files, module: Module, version: Version) -> bytes:
    """Empty where it isn't there or belongs to another source."""
    head, _, name = module.path.rpartition("/")
    tag = f"cpython-{version.major}{version.minor}"
    path = f"{head}/__pycache__/{name[:-3]}.{tag}.pyc"
    if not files.real_path(path):
        return b""
    data = files.read(path)
    size = len(files.read(module.path)).to_bytes(4, "little")
    start = 4 + len(version.stamp)
    return without_source(data, version) if data[start - 4 : start] == size else b""


def without_source(data: bytes, version: Version) -> bytes:
    return data[:4] + version.stamp + data[4 + len(version.stamp) :]


def compiled_here(sources: Dict[str, bytes], version: Version) -> Dict[str, bytes]:
    """By a process of its own: what Python writes depends a little on what it has done before."""
    python = python_of_version(version)
    if not python:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        places = {name: os.path.join(folder, name) for name in sources}
        for name, source in sources.items():
            with open(places[name] + ".py", "wb") as file:
                file.write(source)
        environ = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [python] + COMPILE + ["-d", f"python{version}", folder]
        if not succeeds(command, environ):
            return {}
        return {name: code_from_path(place + ".pyc", version) for name, place in places.items()}


def succeeds(command: List[str], environ: Dict[str, str]) -> bool:
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, env=environ, stdin=quiet, stdout=quiet, stderr=quiet, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def code_from_path(path: str, version: Version) -> bytes:
    with open(path, "rb") as file:
        return without_source(file.read(), version)


def python_of_version(version: Version) -> str:
    """The one that runs this, or one on the PATH; empty where there is none."""
    if sys.version_info[:2] == version:
        return sys.executable
    return shutil.which(f"python{version}") or ""

"""One interpreter from one image: which Python, which parts of it, where they go, how it is started."""

import posixpath
import sys
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from images.interpreter.archive import Content, tar_from_contents
from images.interpreter.compiling import Version, compiled_modules, version_from_path
from images.interpreter.elf import Elf, NotElf, elf_from_bytes, loaded_part
from images.interpreter.files import Files
from images.interpreter.libraries import Missing, libraries_from_programs
from images.interpreter.standard import (
    ESSENTIAL,
    StandardLibrary,
    roots_from_adapter,
)

PLACE = "/openwhisk/python"
# Of the Python that runs this, as no other can compile the standard library's sources.
DEFAULT_IMAGE = "python:{}.{}-slim".format(*sys.version_info)
OLDEST = Version(3, 6)
LIKELY = ["/usr/local/bin/python3", "/usr/bin/python3", "/opt/conda/bin/python3"]
# No variable of the image's, none of its packages, and nothing written beside the adapter.
OPTIONS = ["-B", "-E", "-s", "-S"]
# The libraries of the image in which it runs are made for another loader.
GNU_OPTIONS = ["--inhibit-cache"]


class NoInterpreter(ValueError):
    """None can be made of this image; says why."""


class Interpreter(NamedTuple):
    """`machine` is x86_64 or aarch64."""

    tar: bytes
    start: List[str]
    version: str
    machine: str
    remarks: List[str]


class Python(NamedTuple):
    """One that an image has: its program, and the folder of its standard library below `prefix`."""

    path: str
    prefix: str
    standard: str
    version: Version
    elf: Elf


def interpreter_from_files(files: Files, adapter: Iterable[bytes]) -> Interpreter:
    """`adapter`: the sources of all its modules, whose imports decide what comes along."""
    python = python_from_files(files)
    try:
        contents, remarks = contents_from_python(files, python, adapter)
    except (Missing, NotElf) as error:
        raise NoInterpreter(f"{python.path} can't be taken from it: {error}") from None
    placed = {posixpath.join(PLACE[1:], path): content for path, content in contents.items()}
    return Interpreter(
        tar=tar_from_contents(placed),
        start=start_command(python),
        version=str(python.version),
        machine=python.elf.machine,
        remarks=remarks,
    )


def start_command(python: Python) -> List[str]:
    is_gnu = "ld-linux" in python.elf.loader
    loader = [f"{PLACE}/ld.so"] + (GNU_OPTIONS if is_gnu else [])
    return loader + ["--library-path", f"{PLACE}/lib", f"{PLACE}/bin/python3"] + OPTIONS


def python_from_files(files: Files) -> Python:
    """The first that is new enough."""
    old: List[str] = []
    for path in likely_pythons(files):
        python = python_at(files, files.real_path(path))
        if python and python.version >= OLDEST:
            return python
        if python:
            old.append(f"{python.version} ({python.path})")
    has = "it has only Python " + " and ".join(old) if old else "it has no Python"
    raise NoInterpreter(f"{has}; one of {OLDEST} or newer, with its standard library, was expected")


def likely_pythons(files: Files) -> Iterator[str]:
    yield from LIKELY
    for path in files.paths():
        folder, name = posixpath.split(path)
        if folder.endswith("/bin") and name.startswith("python") and version_from_path(path).minor:
            yield path


def python_at(files: Files, path: str) -> Optional[Python]:
    if not path:
        return None
    try:
        elf = elf_from_bytes(files.read(path))
    except NotElf:  # a script that starts the real one
        return None
    prefix = posixpath.dirname(posixpath.dirname(path))
    version = version_from_path(path)
    for library in ("lib", "lib64"):
        standard = f"{library}/python{version}"
        if elf.loader and files.real_path(f"{prefix}/{standard}/os.py"):
            return Python(path, prefix, standard, version, elf)
    return None


def contents_from_python(
    files: Files, python: Python, adapter: Iterable[bytes]
) -> Tuple[Dict[str, Content], List[str]]:
    """What lies below PLACE, and what there is to be said of it."""
    standard = standard_library(files, python)
    modules = standard.closure(roots_from_adapter(adapter) | set(standard.encodings()))
    extensions = [module.path for module in modules if module.is_library]
    sources = [module for module in modules if not module.is_library]
    programs = [python.path] + extensions
    libraries = libraries_from_programs(files, programs, python.elf.machine)
    contents = {
        "bin/python3": program(files, python.path),
        "ld.so": program(files, loader_path(files, python)),
    }
    for name, path in libraries.items():
        contents["lib/" + name] = library(files, path)
    for path in extensions:
        place = posixpath.join(python.standard, "lib-dynload", posixpath.basename(path))
        contents[place] = library(files, path)
    code = compiled_modules(files, sources, python.version)
    for module in sources:
        place, data = standard.place(module), code.get(module.name)
        if data is None:
            contents[posixpath.join(python.standard, place)] = Content(files.read(module.path))
        else:
            contents[posixpath.join(python.standard, place + "c")] = Content(data)
    return contents, [] if len(code) == len(sources) else [slow_start(python)]


def standard_library(files: Files, python: Python) -> StandardLibrary:
    libraries = libraries_from_programs(files, [python.path], python.elf.machine)
    programs = [files.read(path) for path in [python.path, *libraries.values()]]
    folder = posixpath.join(python.prefix, python.standard)
    standard = StandardLibrary(files, folder, programs)
    lacking = [name for name in ESSENTIAL if not standard.has(name)]
    if lacking:
        raise NoInterpreter(f"only a part of its Python is installed: {', '.join(lacking)} is not")
    return standard


def loader_path(files: Files, python: Python) -> str:
    path = files.real_path(python.elf.loader)
    if not path:
        raise Missing(f"it is started by {python.elf.loader}, which isn't there")
    return path


def program(files: Files, path: str) -> Content:
    return Content(loaded_part(files.read(path)), 0o755)


def library(files: Files, path: str) -> Content:
    return Content(loaded_part(files.read(path)))


def slow_start(python: Python) -> str:
    return (
        "its standard library is put in as source, which each start compiles (about 0.2 s): "
        f"run this with Python {python.version}, or name an image whose Python is that of this machine"
    )

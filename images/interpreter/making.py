"""One interpreter from one image: which Python, what of it, where it goes, how it is started."""

import posixpath
import sys
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional

from images.interpreter.archive import Content, tar_from_contents
from images.interpreter.compiling import Version, compiled_modules, version_from_path
from images.interpreter.elf import Elf, NotElf, elf_from_bytes, loaded_part
from images.interpreter.files import Files
from images.interpreter.libraries import libraries_from_programs
from images.interpreter.refusals import Missing, NoInterpreter
from images.interpreter.standard import (
    ESSENTIAL,
    StandardLibrary,
    roots_from_adapter,
)

PLACE = "/openwhisk/python"
# Of the Python that runs this, as no other can compile the standard library's sources.
DEFAULT_IMAGE = "python:{}.{}-slim".format(*sys.version_info)
OLDEST = Version(3, 6)
LARGEST = 100 << 20  # bytes, not compressed; the usual ones take 15 MB
LIKELY = ["/usr/local/bin/python3", "/usr/bin/python3", "/opt/conda/bin/python3"]
# No variable of the image's, none of its packages, and nothing written beside the adapter.
OPTIONS = ["-B", "-E", "-s", "-S"]
# The libraries of the image in which it runs are made for another loader.
GNU_OPTIONS = ["--inhibit-cache"]


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
    contents = contents_from_python(files, python, adapter)
    placed = {PLACE[1:] + "/" + path: content for path, content in contents.by_path.items()}
    return Interpreter(
        tar=tar_from_contents(placed),
        start=start_command(python),
        version=str(python.version),
        machine=python.elf.machine,
        remarks=remarks_on(contents, python),
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


class Contents:
    """What lies below PLACE."""

    def __init__(self, files: Files) -> None:
        self.files, self.size = files, 0
        self.by_path: Dict[str, Content] = {}

    def add(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self.size += len(data)
        if self.size > LARGEST:
            raise NoInterpreter(f"its Python takes more than {LARGEST} bytes")
        self.by_path[path] = Content(data, mode)

    def add_program(self, path: str, source: str, mode: int = 0o644) -> None:
        try:
            self.add(path, loaded_part(self.files.read(source)), mode)
        except NotElf as error:
            raise NoInterpreter(f"{source} was expected to be a program: {error}") from None


def contents_from_python(files: Files, python: Python, adapter: Iterable[bytes]) -> Contents:
    standard = standard_library(files, python)
    modules = standard.closure(roots_from_adapter(adapter) | set(standard.encodings()))
    extensions = [module for module in modules if module.is_library]
    programs = [python.path] + [module.path for module in extensions]
    contents = Contents(files)
    contents.add_program("bin/python3", python.path, 0o755)
    contents.add_program("ld.so", files.real_path(python.elf.loader), 0o755)
    for name, path in libraries_from_programs(files, programs, python.elf.machine).items():
        contents.add_program("lib/" + name, path)
    for module in extensions:
        contents.add_program(posixpath.join(python.standard, standard.place(module)), module.path)
    sources = [module for module in modules if not module.is_library]
    compiled = compiled_modules(files, sources, python.version)
    for module in sources:
        place = posixpath.join(python.standard, standard.place(module))
        if module.name in compiled:
            contents.add(place + "c", compiled[module.name])
        else:
            contents.add(place, standard.source(module))
    return contents


def standard_library(files: Files, python: Python) -> StandardLibrary:
    if not files.real_path(python.elf.loader):
        raise Missing(f"{python.path} is started by {python.elf.loader}, which isn't there")
    libraries = libraries_from_programs(files, [python.path], python.elf.machine)
    programs = [files.read(path) for path in [python.path, *libraries.values()]]
    folder = posixpath.join(python.prefix, python.standard)
    standard = StandardLibrary(files, folder, programs)
    lacking = [name for name in ESSENTIAL if not standard.has(name)]
    if lacking:
        raise NoInterpreter(f"only a part of its Python is installed, without {', '.join(lacking)}")
    return standard


def remarks_on(contents: Contents, python: Python) -> List[str]:
    if not any(path.endswith(".py") for path in contents.by_path):
        return []
    return [
        "its standard library is put in as source, which each start compiles (about 0.2 s): run "
        f"this with Python {python.version}, or name an image whose Python is that of this machine"
    ]

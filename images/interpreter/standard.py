"""What the adapter may import of a standard library, found in the sources of both. Pure."""

import re
from typing import Iterable, Iterator, List, NamedTuple, Optional, Set

from images.interpreter.elf import exports
from images.interpreter.files import Files
from images.interpreter.refusals import NoInterpreter

IMPORT = re.compile(
    r"^[ \t]*(?:import[ \t]+(?P<modules>[^#\n;]+)"
    r"|from[ \t]+(?P<source>[\w.]+)[ \t]+import[ \t]+(?P<names>\([^)]{,5000}\)|[^#\n;]+))",
    re.MULTILINE,
)
NAME = re.compile(r"(?!.{65})\w+(\.\w+)*\Z", re.ASCII)
LARGEST_SOURCE = 1 << 20  # the largest of Python's own takes a quarter of that
MOST = 1000  # modules; about 250 are needed
COMMENT = re.compile(r"#[^\n]*")
# The interpreter asks for these itself: at its start, for a traceback, for the name of a host.
BY_NAME = ("encodings", "io", "os", "stringprep", "traceback", "unicodedata", "warnings")
ESSENTIAL = ("encodings", "json", "select", "socket", "subprocess", "threading", "zlib")
# Reached from some corner of what is imported, and of no use to an adapter.
LEFT_OUT = {
    "__main__",
    "_bz2",
    "_decimal",
    "_hashlib",
    "_lzma",
    "_pydecimal",
    "_pyrepl",
    "_ssl",
    "argparse",
    "asyncio",
    "bz2",
    "ctypes",
    "curses",
    "decimal",
    "distutils",
    "doctest",
    "fractions",
    "gettext",
    "importlib.abc",
    "importlib.metadata",
    "importlib.readers",
    "importlib.resources",
    "lib2to3",
    "lzma",
    "multiprocessing",
    "optparse",
    "pdb",
    "pydoc",
    "pydoc_data",
    "readline",
    "site",
    "ssl",
    "statistics",
    "tarfile",
    "test",
    "tkinter",
    "unittest",
    "xml",
    "zipfile",
}


class Module(NamedTuple):
    """`path` is where its source lies, or the library that it is."""

    name: str
    path: str
    is_package: bool

    @property
    def is_library(self) -> bool:
        return not self.path.endswith(".py")


class StandardLibrary:
    """`programs` are the interpreter and its library, which hold some modules themselves."""

    def __init__(self, files: Files, folder: str, programs: List[bytes]) -> None:
        self.files, self.folder, self.programs = files, folder, programs
        self.libraries = {name.split(".")[0]: name for name in files.names(folder + "/lib-dynload")}

    def module(self, name: str) -> Optional[Module]:
        path = self.folder + "/" + name.replace(".", "/")
        if self.files.real_path(path + "/__init__.py"):
            return Module(name, path + "/__init__.py", True)
        if self.files.real_path(path + ".py"):
            return Module(name, path + ".py", False)
        if name in self.libraries:
            return Module(name, self.folder + "/lib-dynload/" + self.libraries[name], False)
        return None

    def place(self, module: Module) -> str:
        """Below the folder; an interpreter takes a library under its short name too."""
        if module.is_library:
            return f"lib-dynload/{module.name}.so"
        return module.path[len(self.folder) + 1 :]

    def has(self, name: str) -> bool:
        built_in = any(exports(program, "PyInit_" + name) for program in self.programs)
        return built_in or self.module(name) is not None

    def closure(self, names: Iterable[str]) -> List[Module]:
        """The modules of these names and all that those import, sorted."""
        todo, seen = list(names), set()
        found: List[Module] = []
        while todo:
            name = todo.pop()
            if name in seen or is_left_out(name) or not NAME.match(name):
                continue
            seen.add(name)
            if "." in name:
                todo.append(name.rpartition(".")[0])
            module = self.module(name)
            if module is not None:
                found.append(module)
                if len(found) > MOST:
                    raise NoInterpreter(f"the adapter's imports lead to more than {MOST} modules")
                if not module.is_library:
                    todo.extend(self.imports(module))
        return sorted(found)

    def source(self, module: Module) -> bytes:
        return self.files.read(module.path, LARGEST_SOURCE)

    def imports(self, module: Module) -> Iterator[str]:
        package = module.name if module.is_package else module.name.rpartition(".")[0]
        return imports_from_source(self.source(module), package)

    def encodings(self) -> List[str]:
        """A model may answer in any charset."""
        names = self.files.names(self.folder + "/encodings")
        return ["encodings." + name[:-3] for name in names if name.endswith(".py")]


def is_left_out(name: str) -> bool:
    parts = name.split(".")
    outer = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return not LEFT_OUT.isdisjoint(outer)


def imports_from_source(source: bytes, package: str = "") -> Iterator[str]:
    """All that may be modules. By lines: Python's own parser knows no syntax newer than itself."""
    for found in IMPORT.finditer(source.decode("utf-8", "replace")):
        if found.group("modules"):
            yield from first_words(found.group("modules"))
        else:
            origin = absolute_name(found.group("source"), package)
            yield origin
            for name in first_words(found.group("names").strip("()")):
                yield origin + "." + name


def first_words(names: str) -> Iterator[str]:
    """`a` and `b.c` from `a as x, b.c`."""
    for name in COMMENT.sub("", names).split(","):
        words = name.split()
        if words and re.match(r"[\w.]+\Z", words[0]):
            yield words[0]


def absolute_name(name: str, package: str) -> str:
    dots = len(name) - len(name.lstrip("."))
    if not dots:
        return name
    parents = package.split(".")[: len(package.split(".")) - dots + 1]
    return ".".join(parents + [part for part in name.lstrip(".").split(".") if part])


def roots_from_adapter(sources: Iterable[bytes]) -> Set[str]:
    return {name for source in sources for name in imports_from_source(source)} | set(BY_NAME)

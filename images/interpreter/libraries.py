"""The libraries that programs need, found in an image as its own loader would find them. Pure."""

import posixpath
import re
from typing import Dict, Iterable, List, NamedTuple

from images.interpreter.elf import NotElf, elf_from_bytes
from images.interpreter.files import Files
from images.interpreter.refusals import Missing, NoInterpreter

TRIPLETS = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}
CONFIGURATION, FRAGMENTS = "/etc/ld.so.conf", "/etc/ld.so.conf.d"
# What the C library opens by name: it ends the process when a thread is ended and this isn't there.
OPENED_LATER = ("libgcc_s.so.1",)
NAME = re.compile(r"\w[\w.+-]{1,80}\Z", re.ASCII)
MOST = 200


class Wanted(NamedTuple):
    """A name, who needs it, and the folders that are looked through before the usual ones."""

    name: str
    by: str
    folders: List[str]


def libraries_from_programs(files: Files, programs: Iterable[str], machine: str) -> Dict[str, str]:
    """Where they lie, by the names under which they are needed; the loader is not among them."""
    usual = usual_folders(files, machine)
    found: Dict[str, str] = {}
    todo: List[Wanted] = []
    for path in programs:
        todo.extend(wanted_by(files, path, []))
    todo.extend(Wanted(name, "", []) for name in OPENED_LATER)
    while todo:
        wanted = todo.pop()
        if wanted.name in found:
            continue
        if not NAME.match(wanted.name) or len(found) > MOST:
            raise NoInterpreter(f"{wanted.by} needs {wanted.name!r}: a library's name was expected")
        path = library_path(files, wanted, usual, machine)
        if path:
            found[wanted.name] = path
            todo.extend(wanted_by(files, path, wanted.folders))
        elif wanted.by:
            raise Missing(f"{wanted.by} needs {wanted.name}, which isn't there")
    return {name: path for name, path in sorted(found.items()) if not is_loader(path)}


def wanted_by(files: Files, path: str, inherited: List[str]) -> List[Wanted]:
    try:
        elf = elf_from_bytes(files.read(path))
    except NotElf as error:
        raise NoInterpreter(f"{path} was expected to be a program or a library: {error}") from None
    own = [folder_from_text(folder, path) for folder in elf.search]
    passed_on = own + inherited if elf.inherited else []
    return [Wanted(name, path, passed_on if elf.inherited else own) for name in elf.needed]


def folder_from_text(text: str, path: str) -> str:
    return re.sub(r"\$ORIGIN\b|\$\{ORIGIN\}", posixpath.dirname(path), text)


def library_path(files: Files, wanted: Wanted, usual: List[str], machine: str) -> str:
    """The first that is for this machine: an image may have those of others too."""
    for folder in wanted.folders + usual:
        path = files.real_path(posixpath.join(folder, wanted.name))
        if path and is_for(files, path, machine):
            return path
    return ""


def is_for(files: Files, path: str, machine: str) -> bool:
    try:
        return elf_from_bytes(files.read(path)).machine == machine
    except NotElf:
        return False


def usual_folders(files: Files, machine: str) -> List[str]:
    """Those that the image names, and those that its C library knows."""
    names = [CONFIGURATION] + [FRAGMENTS + "/" + name for name in files.names(FRAGMENTS)]
    lines: List[str] = []
    for name in names:
        if files.real_path(name):
            lines.extend(files.read(name).decode("utf-8", "replace").split())
    listed = [line for line in lines if line.startswith("/") and "*" not in line]
    folders = ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"]
    triplet = TRIPLETS[machine]
    return listed + [f"/lib/{triplet}", f"/usr/lib/{triplet}"] + folders


def is_loader(path: str) -> bool:
    return posixpath.basename(path).startswith("ld-")

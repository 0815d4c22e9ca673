"""An image's files as a tree: what lies where, and where links lead in a container. Pure."""

from typing import Callable, Dict, Iterator, List, NamedTuple, Tuple, Union

from images.interpreter.refusals import Unreadable

MOST_LINKS = 40  # the kernel's own number
MOST_FOLDERS = 200  # one in another


class File(NamedTuple):
    size: int
    content: Callable[[], bytes]


class Link(NamedTuple):
    target: str


class Folder(Dict[str, "Node"]):
    """What lies in it, by name."""


Node = Union[File, Link, Folder]


def parts_of(path: str) -> List[str]:
    """The names in the path of an archive's entry."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path:
        raise Unreadable(f"{path!r} leads out of the image")
    if len(parts) > MOST_FOLDERS:
        raise Unreadable(f"{path[:80]!r}... lies in more than {MOST_FOLDERS} folders")
    return parts


def put(root: Folder, parts: List[str], node: Node) -> None:
    """A folder joins one that is there; all else replaces what is there."""
    folder = folder_at(root, parts[:-1])
    name = parts[-1]
    if isinstance(node, Folder) and isinstance(folder.get(name), Folder):
        return
    folder[name] = node


def folder_at(root: Folder, parts: List[str]) -> Folder:
    """Made where there is none."""
    folder = root
    for part in parts:
        inner = folder.get(part)
        if not isinstance(inner, Folder):
            inner = folder[part] = Folder()
        folder = inner
    return folder


def remove(root: Folder, parts: List[str]) -> None:
    folder: Node = root
    for part in parts[:-1]:
        if not isinstance(folder, Folder) or part not in folder:
            return
        folder = folder[part]
    if isinstance(folder, Folder):
        folder.pop(parts[-1], None)


def laid_over(lower: Folder, upper: Folder) -> None:
    """A layer's folders join those below, its files and links replace what is there."""
    pairs = [(lower, upper)]
    while pairs:
        below, above = pairs.pop()
        for name, node in above.items():
            old = below.get(name)
            if isinstance(node, Folder) and isinstance(old, Folder):
                pairs.append((old, node))
            else:
                below[name] = node


def found(root: Folder, path: str) -> Tuple[str, Union[File, Folder, None]]:
    """The path without links, and what lies there; None where nothing does."""
    todo = path.split("/")[::-1]
    folders, names, links = [root], [""], 0
    while todo:
        part = todo.pop()
        if part == "..":
            if len(folders) > 1:
                folders.pop()
                names.pop()
        elif part not in ("", "."):
            node = folders[-1].get(part)
            if isinstance(node, Link):
                links += 1
                if links > MOST_LINKS or len(todo) > MOST_FOLDERS:
                    return path, None
                if node.target.startswith("/"):
                    folders, names = [root], [""]
                todo.extend(node.target.split("/")[::-1])
            elif isinstance(node, Folder):
                folders.append(node)
                names.append(part)
            elif node is not None and not any(todo):
                return "/".join(names + [part]), node
            else:
                return path, None
    return "/".join(names) or "/", folders[-1]


def all_files(root: Folder) -> Iterator[str]:
    """The paths of everything that is no folder, sorted within each folder."""
    pairs: List[Tuple[str, Node]] = [("", root)]
    while pairs:
        path, node = pairs.pop()
        if isinstance(node, Folder):
            inner = [(f"{path}/{name}", node[name]) for name in sorted(node, reverse=True)]
            pairs.extend(inner)
        else:
            yield path

"""A layer's tar file, of which nobody can tell when, where and by whom it was made. Pure."""

import io
import posixpath
import tarfile
from typing import Dict, NamedTuple, Set


class Content(NamedTuple):
    data: bytes
    mode: int = 0o644


def tar_from_contents(contents: Dict[str, Content]) -> bytes:
    """Root's, readable by everybody, each folder before what lies in it."""
    folders: Set[str] = set()
    for path in contents:
        while posixpath.dirname(path) not in folders | {""}:
            path = posixpath.dirname(path)
            folders.add(path)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folders | set(contents)):
            entry = tarfile.TarInfo(path)
            if path in folders:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            else:
                entry.size, entry.mode = len(contents[path].data), contents[path].mode
                archive.addfile(entry, io.BytesIO(contents[path].data))
    return buffer.getvalue()

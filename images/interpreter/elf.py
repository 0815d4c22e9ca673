"""Reads programs and shared libraries: what they need, and what of them is ever loaded. Pure."""

import re
import struct
from typing import Dict, Iterator, List, NamedTuple

LOAD, DYNAMIC, INTERPRETER = 1, 2, 3  # kinds of segments
END, NEEDED, STRINGS, RPATH, RUNPATH = 0, 1, 5, 15, 29  # tags of the dynamic section
MEANINGLESS = 0x6000000E  # a tag that is left to operating systems; Linux doesn't use it
MACHINES = {62: "x86_64", 183: "aarch64"}
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
TAG = struct.Struct("<qQ")
SECTIONS = slice(40, 48), slice(58, 64)  # where a header says that there are any, and how many
LONGEST_NAME = 4096
MOST_TAGS = 1000  # there are about thirty


class NotElf(ValueError):
    """These bytes are no program or library that this reader understands; says why."""


class Elf(NamedTuple):
    """It looks for what it needs in `search`, and if `inherited` for what that needs too."""

    machine: str
    loader: str
    needed: List[str]
    search: List[str]
    inherited: bool


class Tag(NamedTuple):
    kind: int
    value: int
    offset: int


class Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def elf_from_bytes(data: bytes) -> Elf:
    segments = segments_from_bytes(data)
    machine = MACHINES.get(HEADER.unpack_from(data)[2], "")
    if not machine:
        raise NotElf("it is for another kind of processor")
    loaders = [segment for segment in segments if segment.kind == INTERPRETER]
    loader = text_at(data, loaders[0].offset) if loaders else ""
    tags: Dict[int, List[int]] = {}
    for tag in dynamic_tags(data, segments):
        tags.setdefault(tag.kind, []).append(tag.value)
    strings = tags.get(STRINGS)
    start = offset_of_address(strings[0], segments) if strings else 0

    def texts(kind: int) -> List[str]:
        return [text_at(data, start + offset) for offset in tags.get(kind, [])]

    search = texts(RUNPATH) or texts(RPATH)
    return Elf(
        machine=machine,
        loader=loader,
        needed=texts(NEEDED),
        search=[folder for folders in search for folder in folders.split(":") if folder],
        inherited=RUNPATH not in tags,
    )


def segments_from_bytes(data: bytes) -> List[Segment]:
    if data[:6] != b"\x7fELF\x02\x01" or len(data) < HEADER.size:
        raise NotElf("it is no program for a 64-bit, little-endian Linux")
    header = HEADER.unpack_from(data)
    start, size, count = header[5], header[9], header[10]
    if size != SEGMENT.size or start + size * count > len(data):
        raise NotElf("its program headers lie outside of it")
    found = []
    for number in range(count):
        kind, _, offset, address, _, length, _, _ = SEGMENT.unpack_from(data, start + number * size)
        if length and offset + length > len(data):
            raise NotElf("a segment lies outside of it")
        found.append(Segment(kind, offset, address, length))
    return found


def dynamic_tags(data: bytes, segments: List[Segment]) -> Iterator[Tag]:
    for segment in [segment for segment in segments if segment.kind == DYNAMIC][:1]:
        last = segment.offset + min(segment.size, MOST_TAGS * TAG.size) - TAG.size
        for offset in range(segment.offset, last + 1, TAG.size):
            kind, value = TAG.unpack_from(data, offset)
            if kind == END:
                return
            yield Tag(kind, value, offset)


def offset_of_address(address: int, segments: List[Segment]) -> int:
    for segment in segments:
        if segment.kind == LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    raise NotElf("its strings lie outside of what is loaded")


def text_at(data: bytes, offset: int) -> str:
    end = data.find(b"\0", offset, offset + LONGEST_NAME)
    if end < 0:
        raise NotElf("a name in it has no end")
    return data[offset:end].decode("utf-8", "surrogateescape")


def loaded_part(data: bytes) -> bytes:
    """Without what only debuggers and linkers read, which lies behind all that is loaded.

    And without the folders in which it looks: in another image those hold other libraries.
    """
    segments = segments_from_bytes(data)
    end = max([segment.offset + segment.size for segment in segments] + [HEADER.size])
    kept = bytearray(data[:end])
    for place in SECTIONS:
        kept[place] = bytes(place.stop - place.start)
    for tag in dynamic_tags(data, segments):
        if tag.kind in (RPATH, RUNPATH):
            TAG.pack_into(kept, tag.offset, MEANINGLESS, tag.value)
    return bytes(kept)


def exports(data: bytes, symbol: str) -> bool:
    """Whether a name stands among the strings of a program or library."""
    return re.search(rb"\0%s\0" % re.escape(symbol.encode()), data) is not None

"""Images in which a Python is looked for: layers, links, and whatever a stranger may have made."""

import gzip
import io
import random
import struct
import tarfile
import time

import pytest

from images.interpreter import NoInterpreter, files_from_folder, files_from_layers, files_from_tar
from images.interpreter import files as reading
from images.interpreter.elf import NotElf, elf_from_bytes, loaded_part
from images.interpreter.libraries import libraries_from_programs
from images.interpreter.standard import imports_from_source
from testing.interpreter import made, tar_from


def entry(name, kind=tarfile.REGTYPE, **members):
    made_one = tarfile.TarInfo(name)
    made_one.type = kind
    for member, value in members.items():
        setattr(made_one, member, value)
    return made_one


def layer(*entries, **files):
    """Of entries without content, and of files by their names, which all look like a library's."""
    pairs = [(one, b"") for one in entries]
    pairs += [(entry(f"lib/{name}.so"), data) for name, data in files.items()]
    return tar_from(pairs)


def contents(*layers):
    with files_from_layers([io.BytesIO(data) for data in layers]) as files:
        return {path: files.read(path) for path in files.paths()}


def refusal(*layers):
    with pytest.raises(NoInterpreter) as refused:
        contents(*layers)
    return str(refused.value)


# -- layers -------------------------------------------------------------------


def test_a_layer_covers_what_lies_below_it():
    found = contents(layer(a=b"1", b=b"2"), gzip.compress(layer(b=b"3")))
    assert found == {"/lib/a.so": b"1", "/lib/b.so": b"3"}


def test_a_layer_may_come_byte_by_byte():
    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 1))

    with files_from_layers([Slow(gzip.compress(layer(a=b"1")))]) as files:
        assert files.read("/lib/a.so") == b"1"


def test_a_whiteout_takes_away_what_lies_below_and_nothing_else():
    below = tar_from([(entry("lib/x/old.so"), b"1"), (entry("lib/kept.so"), b"2")])
    assert contents(below, layer(entry("lib/.wh.x"))) == {"/lib/kept.so": b"2"}


def test_an_opaque_folder_hides_what_lies_below_and_nothing_else():
    below = tar_from([(entry("lib/x/old.so"), b"1"), (entry("lib/kept.so"), b"2")])
    above = tar_from([(entry("lib/x/new.so"), b"3"), (entry("lib/x/.wh..wh..opq"), b"")])
    assert contents(below, above) == {"/lib/x/new.so": b"3", "/lib/kept.so": b"2"}


def test_a_second_name_of_a_file_outlives_the_first():
    first = tar_from(
        [(entry("lib/a.so"), b"1"), (entry("lib/b.so", tarfile.LNKTYPE, linkname="lib/a.so"), b"")]
    )
    assert contents(first, layer(entry("lib/.wh.a.so"))) == {"/lib/b.so": b"1"}


def test_only_what_an_interpreter_could_need_is_kept():
    archive = tar_from(
        [(entry("srv/weights.bin"), b"1"), (entry("usr/lib/python3/site-packages/a.so"), b"2")]
    )
    with files_from_layers([io.BytesIO(archive)]) as files:
        assert list(files.paths()) == ["/srv/weights.bin", "/usr/lib/python3/site-packages/a.so"]
        for path in files.paths():
            with pytest.raises(NoInterpreter, match="no interpreter is made of such a file"):
                files.read(path)


# -- links --------------------------------------------------------------------


@pytest.mark.parametrize(
    "target, real",
    [
        ("real.so", "/lib/real.so"),
        ("/lib/real.so", "/lib/real.so"),
        ("../../../../lib/real.so", "/lib/real.so"),
        ("./../lib/./real.so", "/lib/real.so"),
        ("nothing.so", ""),
        ("link.so", ""),
        ("real.so/more", ""),
        ("..", ""),
    ],
)
def test_a_link_leads_where_it_leads_in_a_container(target, real):
    archive = layer(entry("lib/link.so", tarfile.SYMTYPE, linkname=target), real=b"1")
    with files_from_tar(io.BytesIO(archive)) as files:
        assert files.real_path("/lib/link.so") == real


def test_a_link_of_a_folder_on_this_machine_leads_to_nothing_outside_of_it(tmp_path):
    (tmp_path / "image" / "lib").mkdir(parents=True)
    (tmp_path / "secret.so").write_text("secret")
    (tmp_path / "image" / "lib" / "a.so").symlink_to(tmp_path / "secret.so")
    (tmp_path / "image" / "lib" / "b.so").symlink_to("../../secret.so")
    (tmp_path / "image" / "outside").symlink_to("..")
    files = files_from_folder(str(tmp_path / "image"))
    paths = ["/lib/a.so", "/lib/b.so", "/outside/secret.so"]
    assert [files.real_path(path) for path in paths] == ["", "", ""]


# -- hostile archives ---------------------------------------------------------


def test_names_that_lead_out_of_the_image_are_refused():
    assert refusal(layer(entry("lib/../../etc/a.so"))) == (
        "layer 1: 'lib/../../etc/a.so' leads out of the image"
    )


def test_absolute_names_lie_in_the_image():
    assert contents(tar_from([(entry("/lib/a.so"), b"1")])) == {"/lib/a.so": b"1"}


def test_devices_and_pipes_are_left_out():
    kinds = [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
    entries = [entry(f"lib/{number}.so", kind) for number, kind in enumerate(kinds)]
    assert contents(layer(*entries, a=b"1")) == {"/lib/a.so": b"1"}


@pytest.mark.parametrize("size", [1 << 40, 1 << 60, -1])
def test_a_file_of_any_size_ends_at_once(size):
    header = bytearray(entry("lib/a.so").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = (b"\x80" if size > 0 else b"\xff") + size.to_bytes(11, "big", signed=True)
    began = time.monotonic()
    assert refusal(with_checksum(header)).startswith("layer 1")
    assert time.monotonic() - began < 5


def test_a_file_that_takes_more_than_it_says_ends_at_once():
    header = bytearray(entry("a", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + (1 << 60).to_bytes(11, "big")
    began = time.monotonic()
    assert refusal(with_checksum(header)) == "layer 1: it ends before its last file does"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, b"?"])
def test_a_header_of_any_size_is_not_read(kind):
    header = bytearray(entry("lib/a.so", kind).tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"00077777777\0"
    assert refusal(with_checksum(header)) == "layer 1: an entry's header takes 16777215 bytes"


def with_checksum(header):
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return bytes(header)


def test_headers_of_headers_without_end_are_refused():
    header = entry("a", tarfile.XHDTYPE).tobuf(tarfile.USTAR_FORMAT)
    assert refusal(header * 5000).startswith("layer 1")


def test_an_archive_that_unpacks_to_more_than_any_image_is_refused(monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_IMAGE", 1 << 20)
    archive = layer(*[entry(f"srv/{number}") for number in range(4000)])
    assert refusal(gzip.compress(archive)) == "layer 1: the image takes more than 1048576 bytes"


def test_more_files_than_any_image_has_are_refused(monkeypatch):
    monkeypatch.setattr(reading, "MOST_ENTRIES", 1000)
    archive = layer(*[entry(f"srv/{number}") for number in range(600)])
    assert refusal(archive, archive) == "layer 2: the image holds more than 1000 files"


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_PART", 1000)
    assert refusal(layer(a=b"1" * 600, b=b"1" * 600)) == (
        "layer 1: its programs and libraries take more than 1000 bytes"
    )


def sparse_without_end():
    header = bytearray(entry("a", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    header[482] = 1
    return with_checksum(header)


def changed_gzip():
    text = random.Random(1).getrandbits(800000).to_bytes(100000, "big").hex()
    data = bytearray(gzip.compress(layer(a=text.encode())))
    data[50000:51000] = b"\xff" * 1000
    return bytes(data)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"no archive" * 100,
        b"\x1f\x8b no gzip at all",
        gzip.compress(layer(a=b"1" * 99999))[:-40],
        layer(a=b"1" * 99999)[:5000],
        sparse_without_end(),
        changed_gzip(),
    ],
    ids=["empty", "text", "gzip's name only", "gzip cut", "tar cut", "sparse", "gzip changed"],
)
def test_a_damaged_layer_is_refused(damaged):
    assert refusal(layer(a=b"1"), damaged).startswith("layer 2")


def test_no_bytes_of_an_archive_bring_the_reader_down():
    """Each byte of its headers changed, with a checksum that fits."""
    sparse = entry("c.so", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})
    entries = [entry("lib/" + "n" * 120 + ".so"), entry("b", tarfile.GNUTYPE_SPARSE), sparse]
    for one in entries:
        for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            data = one.tobuf(kind) + bytes(1024)
            for place in range(len(data) - 1024):
                for change in (1, 0x80, 0xFF):
                    changed = bytearray(data)
                    changed[place] ^= change
                    is_read_or_refused(with_checksum(changed))


def is_read_or_refused(archive):
    try:
        contents(archive)
    except NoInterpreter:
        pass


def test_zstd_is_named():
    assert refusal(b"\x28\xb5\x2f\xfd1234") == (
        "layer 1: it is compressed with zstd; gzip was expected"
    )


# -- programs -----------------------------------------------------------------

X86, ARM = 62, 183


def program(machine=X86, loader="", needed=(), runpath="", rpath="", tail=b""):
    """The least that a loader understands: one segment, loaded at address 4096."""
    strings = b"\0"
    tags = []
    for kind, texts in ((1, needed), (29, [runpath]), (15, [rpath])):
        for text in filter(None, texts):
            tags.append((kind, len(strings)))
            strings += text.encode() + b"\0"
    count = 3 if loader else 2
    start = 64 + 56 * count
    tags += [(5, 4096 + start), (0, 0)]
    dynamic = start + len(strings)
    interpreter = dynamic + 16 * len(tags)
    end = interpreter + len(loader) + 1
    data = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, machine, 1, 0, 64, end, 0, 64, 56, count, 64, 9, 8
    )
    data += segment(1, 0, end) + segment(2, dynamic, 16 * len(tags))
    data += segment(3, interpreter, len(loader) + 1) if loader else b""
    data += strings + b"".join(struct.pack("<qQ", *tag) for tag in tags)
    return data + loader.encode() + b"\0" + tail


def segment(kind, offset, size):
    return struct.pack("<IIQQQQQQ", kind, 4, offset, 4096 + offset, 0, size, size, 1)


def image(tmp_path, files):
    for path, data in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return files_from_folder(str(tmp_path))


def test_a_program_says_what_it_needs():
    data = program(
        ARM, "/lib/ld-linux-aarch64.so.1", ["libc.so.6", "libm.so.6"], "$ORIGIN/../lib:/opt"
    )
    elf = elf_from_bytes(data)
    assert elf._asdict() == {
        "machine": "aarch64",
        "loader": "/lib/ld-linux-aarch64.so.1",
        "needed": ["libc.so.6", "libm.so.6"],
        "search": ["$ORIGIN/../lib", "/opt"],
        "inherited": False,
    }


def test_what_is_never_loaded_and_the_folders_it_looks_in_are_left_out():
    data = program(needed=["libc.so.6"], rpath="/model/lib", tail=b"names for a debugger" * 100)
    kept = loaded_part(data)
    assert len(kept) == len(data) - 2000
    assert elf_from_bytes(kept) == elf_from_bytes(data)._replace(search=[])
    assert (kept[40:48], kept[58:64]) == (bytes(8), bytes(6))


def test_libraries_of_another_machine_are_passed_over(tmp_path):
    files = image(
        tmp_path,
        {
            "bin/python3.9": program(ARM, needed=["liba.so"]),
            "etc/ld.so.conf.d/a.conf": b"/opt/other\n/opt/lib\n",
            "opt/other/liba.so": program(X86),
            "opt/lib/liba.so": program(ARM, needed=["libb.so"]),
            "usr/lib/aarch64-linux-gnu/libb.so": program(ARM),
        },
    )
    assert libraries_from_programs(files, ["/bin/python3.9"], "aarch64") == {
        "liba.so": "/opt/lib/liba.so",
        "libb.so": "/usr/lib/aarch64-linux-gnu/libb.so",
    }


def test_folders_are_looked_through_from_where_a_program_lies(tmp_path):
    files = image(
        tmp_path,
        {
            "opt/bin/python3.9": program(needed=["liba.so"], rpath="$ORIGIN/../lib"),
            "opt/lib/liba.so": program(needed=["libb.so"]),
            "opt/lib/libb.so": program(needed=["libc.so"], runpath="${ORIGIN}/inner"),
            "opt/lib/inner/libc.so": program(),
            "lib/libb.so": program(),
        },
    )
    assert libraries_from_programs(files, ["/opt/bin/python3.9"], "x86_64") == {
        "liba.so": "/opt/lib/liba.so",
        "libb.so": "/opt/lib/libb.so",
        "libc.so": "/opt/lib/inner/libc.so",
    }


@pytest.mark.parametrize("name", ["../../../etc/cron.d/a", "/etc/a.so", "..", "a b", "n" * 300])
def test_a_library_by_any_but_a_plain_name_is_refused(tmp_path, name):
    files = image(tmp_path, {"bin/python3.9": program(needed=[name])})
    with pytest.raises(NoInterpreter) as refused:
        libraries_from_programs(files, ["/bin/python3.9"], "x86_64")
    assert str(refused.value) == (f"/bin/python3.9 needs {name!r}: a library's name was expected")


def test_a_missing_library_is_named(tmp_path):
    files = image(tmp_path, {"bin/python3.9": program(needed=["liba.so"])})
    with pytest.raises(NoInterpreter, match="/bin/python3.9 needs liba.so, which isn't there"):
        libraries_from_programs(files, ["/bin/python3.9"], "x86_64")


def test_no_bytes_of_a_program_bring_the_reader_down():
    """Each byte changed in three ways, and each place at which it could end."""
    data = program(X86, "/lib64/ld-linux-x86-64.so.2", ["libc.so.6"], "/opt")
    for place in range(len(data)):
        variants = [bytes([data[place] ^ change]) for change in (1, 0x80, 0xFF)]
        for changed in [
            data[:place],
            *[data[:place] + one + data[place + 1 :] for one in variants],
        ]:
            try:
                elf_from_bytes(changed)
                loaded_part(changed)
            except NotElf:
                pass


# -- pythons ------------------------------------------------------------------


def test_a_part_of_a_python_is_refused_with_what_is_not_there(tmp_path):
    files = image(tmp_path, python_image({"json/__init__.py": b""}))
    with pytest.raises(NoInterpreter) as refused:
        made(files)
    assert str(refused.value) == (
        "only a part of its Python is installed, without "
        "encodings, select, socket, subprocess, threading, zlib"
    )


def test_a_python_without_its_loader_is_refused(tmp_path):
    whole = python_image({f"{name}.py": b"" for name in ("encodings/__init__", *PARTS)})
    del whole["lib/ld-linux-aarch64.so.1"]
    with pytest.raises(NoInterpreter) as refused:
        made(image(tmp_path, whole))
    assert str(refused.value) == (
        "/usr/bin/python3.9 is started by /lib/ld-linux-aarch64.so.1, which isn't there"
    )


def test_a_python_for_arm64_is_taken(tmp_path):
    whole = python_image({f"{name}.py": b"" for name in ("encodings/__init__", *PARTS)})
    python = made(image(tmp_path, whole))
    with tarfile.open(fileobj=io.BytesIO(python.tar)) as archive:
        files = [
            member.name for member in archive if member.isreg() and "python3.9" not in member.name
        ]
    assert (python.machine, python.version, files) == (
        "aarch64",
        "3.9",
        [
            "openwhisk/python/bin/python3",
            "openwhisk/python/ld.so",
            "openwhisk/python/lib/libc.so.6",
        ],
    )
    assert python.start == [
        "/openwhisk/python/ld.so",
        "--inhibit-cache",
        "--library-path",
        "/openwhisk/python/lib",
        "/openwhisk/python/bin/python3",
        "-B",
        "-E",
        "-s",
        "-S",
    ]


PARTS = ("json", "select", "socket", "subprocess", "threading", "zlib")


def python_image(modules):
    loader = "/lib/ld-linux-aarch64.so.1"
    files = {
        "usr/bin/python3.9": program(ARM, loader, ["libc.so.6"]),
        "lib/ld-linux-aarch64.so.1": program(ARM),
        "lib/aarch64-linux-gnu/libc.so.6": program(ARM, needed=["ld-linux-aarch64.so.1"]),
        "usr/lib/python3.9/os.py": b"",
    }
    files.update({f"usr/lib/python3.9/{path}": data for path, data in modules.items()})
    return files


# -- imports ------------------------------------------------------------------


@pytest.mark.parametrize(
    "source, names",
    [
        ("import a, b.c as d  # and e", ["a", "b.c"]),
        ("    from a import b", ["a", "a.b"]),
        ("from . import a", ["p.q", "p.q.a"]),
        ("from .a import b", ["p.q.a", "p.q.a.b"]),
        ("from ..a import b", ["p.a", "p.a.b"]),
        ("from a import (  # c\n    b,\n    d as e,\n)", ["a", "a.b", "a.d"]),
        ("from a import *", ["a"]),
        ("important = 1\nfrom_a = 2", []),
    ],
)
def test_imports_are_read_in_all_their_forms(source, names):
    assert list(imports_from_source(source.encode(), "p.q")) == names


@pytest.mark.parametrize(
    "line",
    ["from a import (\n", "from " + " " * 9999 + "\n", "from " + "." * 9999 + "\n"],
    ids=["no end", "spaces", "dots"],
)
def test_a_source_that_is_no_python_takes_no_time(line):
    source = (line * 99999)[: 1 << 20].encode()
    began = time.monotonic()
    assert len(list(imports_from_source(source))) < 200000
    assert time.monotonic() - began < 10


def test_a_layer_that_is_mostly_nothing_is_read_to_its_end():
    """Its last bytes come out of the decompressor long after the last ones went in."""
    tar = tar_from([(tarfile.TarInfo("usr/lib/zeros.so"), bytes(16 << 20))])
    with files_from_layers([io.BytesIO(gzip.compress(tar))]) as files:
        assert files.real_path("/usr/lib/zeros.so") == "/usr/lib/zeros.so"

"""Images that have a Python, and images that have none but the adapter's own.

Made from what is on this machine: Debian's Python, and the one that runs the tests, in the place
where Docker's Python images have theirs.
"""

import contextlib
import glob
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from images.interpreter import files_from_layers, interpreter_from_files
from testing.engine import CACHE, NO_PYTHON, PYTHON3, SUITE, root_file_system, run, scratch
from testing.prerequisites import need, needed
from testing.virtualenv import locked

ROOT = Path(__file__).resolve().parents[1]
SERVERS = ROOT / "tests" / "images" / "servers"
UNUSED = {"test", "tests", "idlelib", "tkinter", "site-packages", "ensurepip", "__pycache__"}
NO_PACKAGE = shutil.ignore_patterns("lock", "partial")
DOCKERFILE = """
FROM {base}
ADD python.tar /
COPY openwhisk /openwhisk
COPY model /
{settings}
ENTRYPOINT [{entry}]
"""


def adapter_files():
    """openwhisk.py and its folder, by their paths."""
    paths = [ROOT / "openwhisk.py"] + sorted((ROOT / "openwhisk_adapter").rglob("*.py"))
    return {str(path.relative_to(ROOT)): path.read_bytes() for path in paths}


def adapter_sources():
    return list(adapter_files().values())


@contextlib.contextmanager
def debian():
    """Debian's /usr/bin/python3, which holds its library, with compiled modules."""
    with open(root_file_system(PYTHON3), "rb") as layer, files_from_layers([layer]) as files:
        yield files


@contextlib.contextmanager
def debian_arm64():
    """Debian's packages for another machine, each a layer: nothing of it has ever run."""
    folder = Path(CACHE, f"packages-{SUITE}-arm64")
    with locked(Path(str(folder) + ".lock")):
        if not folder.exists():
            download_packages(folder)
    with contextlib.ExitStack() as stack:
        layers = []
        for package in sorted(folder.iterdir()):
            layers.append(stack.enter_context(tempfile.TemporaryFile()))
            subprocess.check_call(["dpkg", "--fsys-tarfile", str(package)], stdout=layers[-1])
            layers[-1].seek(0)
        yield stack.enter_context(files_from_layers(layers))


def download_packages(folder):
    with scratch("packages-") as root:
        options = ["--download-only", "--variant=minbase", "--arch=arm64", "--include=python3"]
        run(need("debootstrap"), *options, SUITE, root)
        shutil.copytree(root + "/var/cache/apt/archives", str(folder) + ".part", ignore=NO_PACKAGE)
        os.rename(str(folder) + ".part", str(folder))


@contextlib.contextmanager
def docker_python(version=None, place="usr/local"):
    """A libpython beside, no compiled modules: as python:3.13-slim has it."""
    with docker_python_layers(version, place) as layers, files_from_layers(layers) as files:
        yield files


@contextlib.contextmanager
def docker_python_layers(version=None, place="usr/local"):
    prefix = prefix_of_python(version)
    with open(root_file_system(NO_PYTHON), "rb") as debian, tempfile.TemporaryFile() as python:
        with tarfile.open(fileobj=python, mode="w:gz", compresslevel=1) as archive:
            for path in parts_of_python(prefix):
                archive.add(path, place + path[len(prefix) :], recursive=False)
        python.seek(0)
        yield [debian, python]


def prefix_of_python(version):
    if version is None:
        return os.path.realpath(sys.base_prefix)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted(pyenv.glob(f"versions/{version}.*"))
    return str(needed(found, f"no Python {version} in pyenv")[-1])


def parts_of_python(prefix):
    needed(prefix != "/usr", "a Python that isn't Debian's")
    for folder, folders, names in os.walk(prefix):
        folders[:] = sorted(set(folders) - UNUSED)
        kept = os.path.basename(folder) == "bin" or "/lib" in folder[len(prefix) :]
        for name in sorted(names) + folders:
            if kept and not name.endswith((".pyc", ".a")):
                yield os.path.join(folder, name)


def made(files):
    return interpreter_from_files(files, adapter_sources())


def go_server(folder, name="server", libc=None):
    """One file, linked statically; or with `libc`, a C compiler, to that one's library."""
    sources = os.path.join(folder, "sources")
    shutil.copytree(SERVERS, sources)
    Path(sources, "go.mod").write_text("module server\n\ngo 1.18\n")
    target = os.path.join(folder, name)
    environ = dict(os.environ, CGO_ENABLED="0", GOFLAGS="-mod=mod", GOTOOLCHAIN="local")
    options = []
    if libc:
        environ.update(CGO_ENABLED="1", CC=need(libc))
        options = ["-ldflags", "-linkmode external"]
    command = [need("go"), "build", "-o", target, *options, "."]
    done = subprocess.run(
        command, cwd=sources, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout.decode()
    return target


def musl_loader():
    """It is the whole C library."""
    found = glob.glob("/usr/lib/*-linux-musl/libc.so")
    return needed(found, "no musl (musl-tools)")[0]


def build(engine, name, interpreter, model, base="scratch", command=("/server",), settings=""):
    """An action's image: `model` holds the files of the base, by the paths that they get."""
    entry = [*interpreter.start, "/openwhisk/openwhisk.py", *command]
    with scratch("image-") as folder:
        Path(folder, "python.tar").write_bytes(interpreter.tar)
        for path, data in adapter_files().items():
            write(Path(folder, "openwhisk", path), data)
        for path, source in model.items():
            write(Path(folder, "model", path), Path(source).read_bytes(), 0o755)
        words = ", ".join('"%s"' % word for word in entry)
        text = DOCKERFILE.format(base=base, settings=settings, entry=words)
        Path(folder, "Dockerfile").write_text(text)
        return engine.build(name, folder)


def write(path, data, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def tar_from(entries):
    """Of TarInfo and content pairs, one after the other."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry, content in entries:
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()

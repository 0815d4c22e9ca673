"""A Python for images that have none: made of an image that has one, and kept here."""

import contextlib
import hashlib
import json
import subprocess
import sys
import tempfile
import threading
from typing import (
    BinaryIO,
    Callable,
    Dict,
    Generator,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    cast,
)

from images.action.adapter import PROJECT, names_of_files
from images.action.content import Held, layer_from_content
from images.action.plan import Image, Python
from images.action.tar import gzipped
from images.engine.engine import Engine, EngineError, last_line
from images.image.documents import digest_of, layers_of, platform_from
from images.image.reference import Reference, reference_from_name
from images.interpreter import (
    DEFAULT_IMAGE,
    PLACE,
    Files,
    Interpreter,
    NoInterpreter,
    files_from_layers,
    files_from_tar,
    interpreter_from_files,
)
from images.registry.connection import AsFile
from images.registry.pushing import repository_to_read
from images.registry.remembered import cache_folder, write_whole
from images.registry.repository import Repository
from images.registry.resolving import image_for_platform
from images.words import RegistryError, Unsuitable, is_full, printable

Tell = Callable[[str], None]
Opened = Callable[[], "contextlib.AbstractContextManager[Files]"]

CREATED_BY = f"a Python of the adapter's own in {PLACE}"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
ANOTHER = "PYTHON_IMAGE names another"


class OwnPython:
    """Of one image; asked by several threads, made by one of them for each platform."""

    def __init__(self, name: str, environ: Mapping[str, str], engine: Optional[Engine]) -> None:
        self.name = name or DEFAULT_IMAGE
        self.environ, self.engine = environ, engine
        self.made: Dict[str, Python] = {}
        self.lock = threading.Lock()

    def for_image(self, image: Image, tell: Tell) -> Python:
        platform = platform_from(image.config)
        machine = platform.split("/")[1] if "/" in platform else ""
        if machine not in MACHINES:
            known = " and ".join(MACHINES)
            raise Unsuitable(
                f"no Python can be added to an image for {platform}, only for {known}:"
                " --platform linux/amd64 (build.sh: PLATFORM) takes one image of several"
            )
        with self.lock:
            if machine not in self.made:
                self.made[machine] = self.make(machine, tell)
            return self.made[machine]

    def make(self, machine: str, tell: Tell) -> Python:
        try:
            return self.from_somewhere(machine, tell)
        except NoInterpreter as error:
            raise Unsuitable(f"no Python can be made of {self.name}: {error}; {ANOTHER}")
        except OSError as error:
            if not is_full(error):
                raise
            place = f"no space is left in {tempfile.gettempdir()}; TMPDIR names another place"
            raise Unsuitable(f"no Python can be made of {self.name}: {place}")
        except (RegistryError, EngineError) as error:
            needed = "a Python has to be added, which runs the adapter"
            raise Unsuitable(
                f"{needed}, and {self.name}, of which it would be made, can't be read: {error};"
                f" {ANOTHER}"
            )

    def from_somewhere(self, machine: str, tell: Tell) -> Python:
        reference = reference_from_name(self.name)
        if self.engine and self.engine.has_made(self.name):  # no registry has it
            return self.from_engine(self.engine, machine, tell)
        try:
            return self.from_registry(reference, machine, tell)
        except RegistryError as error:
            if not self.engine:
                raise
            tell(f"{self.name} is read through {self.engine.name}: {error}")
        return self.from_engine(self.engine, machine, tell)

    def from_registry(self, reference: Reference, machine: str, tell: Tell) -> Python:
        repository = repository_to_read(reference, self.environ)
        try:
            image = image_for_platform(repository, reference, f"linux/{machine}")
            kept = Kept(self.environ, image.manifest.digest)
            return kept.python or kept.keep(
                self.interpreter(lambda: files_of_image(repository, image), machine, tell)
            )
        finally:
            repository.transport.connections.close()

    def from_engine(self, engine: Engine, machine: str, tell: Tell) -> Python:
        if not engine.has(self.name):
            engine.must(["pull", self.name], tell)
        found = engine.must(["image", "inspect", "--format", "{{.Id}}", self.name])
        kept = Kept(self.environ, f"{last_line(found)} {machine}")
        return kept.python or kept.keep(
            self.interpreter(lambda: files_of_engine(engine, self.name), machine, tell)
        )

    def interpreter(self, opened: Opened, machine: str, tell: Tell) -> Interpreter:
        tell(f"making a Python for the adapter of {self.name}")
        with opened() as files:
            found = interpreter_from_files(files, adapter_sources())
        if found.machine != MACHINES[machine]:
            raise NoInterpreter(
                f"its Python is for {found.machine}, {MACHINES[machine]} was expected"
            )
        return found


def adapter_sources() -> List[bytes]:
    return [(PROJECT / name).read_bytes() for name in names_of_files(PROJECT)]


@contextlib.contextmanager
def files_of_image(repository: Repository, image: Image) -> Iterator[Files]:
    def streams() -> Generator[BinaryIO, None, None]:
        for layer in layers_of(image.manifest.value):
            with repository.open_blob(layer) as answer:
                yield cast(BinaryIO, AsFile(answer, layer.size))

    with contextlib.closing(streams()) as layers, files_from_layers(layers) as files:
        yield files


@contextlib.contextmanager
def files_of_engine(engine: Engine, name: str) -> Iterator[Files]:
    with engine.container() as container:
        engine.must(["create", "--name", container, name, "/bin/true"])
        process = engine.start(["export", container], False, errors=subprocess.DEVNULL)
        try:
            with files_from_tar(cast(BinaryIO, process.stdout)) as files:
                yield files
        finally:
            engine.forget(process)


class Recipe(NamedTuple):
    """What a kept interpreter was made of; of other ingredients another one comes."""

    image: str  # the digest of its manifest, or what an engine calls it
    python: str  # the version that compiled the standard library
    adapter: str  # the digest of the modules that it has to run
    maker: str  # the digest of what makes it


def recipe_for(digest: str) -> Recipe:
    maker = sorted((PROJECT / "images" / "interpreter").glob("*.py"))
    return Recipe(
        image=digest,
        python=sys.version,
        adapter=digest_of(b"\0".join(adapter_sources())),
        maker=digest_of(b"\0".join(path.read_bytes() for path in maker)),
    )


class Kept:
    """The interpreter of one recipe, in the user's cache."""

    def __init__(self, environ: Mapping[str, str], digest: str) -> None:
        recipe = repr(recipe_for(digest)).encode()
        name = hashlib.sha256(recipe).hexdigest()[:32]
        self.file = cache_folder(environ) / f"python-{name}"

    @property
    def python(self) -> Optional[Python]:
        """None where there is none, or none that is whole."""
        try:
            told, _, data = self.file.read_bytes().partition(b"\n")
            value = json.loads(told)
            if value["digest"] != digest_of(data):
                return None
            layer = layer_from_content(Held(data), value["diff_id"], CREATED_BY)
            return Python(value["start"], layer)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, interpreter: Interpreter) -> Python:
        """It is kept if that can be; whole or not at all."""
        python = python_from_interpreter(interpreter)
        layer = python.layer
        if layer and isinstance(layer.content, Held):
            data = layer.content.data
            told = {"start": python.words, "diff_id": layer.diff_id, "digest": digest_of(data)}
            write_whole(self.file, json.dumps(told).encode() + b"\n" + data)
        return python


def python_from_interpreter(interpreter: Interpreter) -> Python:
    content = Held(gzipped(interpreter.tar))
    layer = layer_from_content(content, digest_of(interpreter.tar), CREATED_BY)
    return Python(interpreter.start, layer, printable("; ".join(interpreter.remarks)))

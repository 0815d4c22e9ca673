"""One action's image from an order: planned, and carried out by an engine or the registry."""

import contextlib
import tempfile
import threading
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from images.action.adapter import layer_from_project, version
from images.action.changes import Wishes, settings_with_wishes
from images.action.content import Layer
from images.action.folder import Addition, layer_from_addition, size_of
from images.action.plan import (
    Base,
    Image,
    Ours,
    Plan,
    Python,
    part_from_python,
    plan_from_base,
    unique,
)
from images.action.python import (
    GUESS,
    NONE,
    OWN,
    TOO_OLD,
    Decision,
    Names,
    decision_on_image,
    decision_without,
)
from images.commands.own import OwnPython
from images.engine.archive import Local
from images.engine.engine import Engine, EngineError
from images.engine.local import base_from_engine
from images.engine.trial import Figures, Trials
from images.image.reference import Reference
from images.image.startcommand import Start, start_from_settings
from images.registry.pushing import Pushed, Repositories, push, repositories_for, unnoticed
from images.registry.remembered import Remembered
from images.registry.repository import Repository
from images.registry.resolving import base_from_repository, refuse_other_platform
from images.registry.searching import names_in_image
from images.words import RegistryError, Unsuitable, size_text

Tell = Callable[[str], None]
UNSEEN = Names({}, False)
STEP = 100 << 20  # bytes between two words on how far a folder is


class Order(NamedTuple):
    """What is to be made of what."""

    base: Reference
    target: Reference
    platform: str = ""
    python: str = ""  # own, image, or the name of a program
    additions: Tuple[Addition, ...] = ()
    wishes: Wishes = Wishes()
    insecure: bool = False


class Trying(NamedTuple):
    """With the limits that the action will have, unless it isn't wanted."""

    wanted: bool
    memory: int
    seconds: int


class Made(NamedTuple):
    """`sent` is in bytes, where it is known; nothing has a digest that wasn't pushed."""

    plan: Plan
    digest: str = ""
    sent: Optional[int] = None
    pushed: Optional[Pushed] = None
    figures: Optional[Figures] = None

    @property
    def remarks(self) -> List[str]:
        """What a push has shown."""
        return self.pushed.remarks if self.pushed else []


class Workshop:
    """What all images of one run share: the environment, a folder, the layers that are added."""

    def __init__(
        self,
        environ: Mapping[str, str],
        own: OwnPython,
        temporary: "tempfile.TemporaryDirectory[str]",
    ) -> None:
        self.environ, self.temporary, self.own = environ, temporary, own
        self.folder = Path(temporary.name)
        self.remembered = Remembered(environ)
        self.added: Dict[Tuple[Addition, str], Layer] = {}
        self.opened: List[Repositories] = []
        self.read: List[Repository] = []
        self.lock = threading.Lock()

    def close(self) -> None:
        for repositories in self.opened:
            repositories.close()
        for repository in self.read:
            repository.transport.connections.close()
        self.temporary.cleanup()

    def repositories(self, order: Order) -> Repositories:
        found = repositories_for(order.base, order.target, self.environ, order.insecure)
        self.opened.append(found)
        return found

    def reading(self, repository: Repository) -> Repository:
        """The same; it is closed in the end."""
        self.read.append(repository)
        return repository

    def layers(self, order: Order, inside: str, tell: Tell) -> List[Layer]:
        layers = [layer_from_project()]
        with self.lock:
            layers += [self.layer_of(one, inside, tell) for one in order.additions]
        return layers

    def layer_of(self, addition: Addition, inside: str, tell: Tell) -> Layer:
        key = (addition, inside)
        if key not in self.added:
            file = self.folder / f"layer{len(self.added)}.tar.gz"
            told = told_in_steps(addition, tell)
            self.added[key] = layer_from_addition(addition, inside, file, told)
        return self.added[key]

    def ours(self, base: Base, order: Order, decision: Decision, tell: Tell) -> Ours:
        inside = str(base.images[0].settings.get("WorkingDir") or "")
        pythons = [self.python(decision, image, tell) for image in base.images]
        layers = self.layers(order, inside, tell)
        parts = [part_from_python(python, layers) for python in pythons]
        return Ours(parts, order.wishes, version())

    def python(self, decision: Decision, image: Image, tell: Tell) -> Python:
        if decision.word:
            return Python([decision.word], None, decision.remark)
        own = self.own.for_image(image, tell)
        remarks = [remark for remark in (decision.remark, own.remark) if remark]
        return own._replace(remark="; ".join(remarks))

    def plan(self, base: Base, order: Order, decision: Decision, tell: Tell) -> Plan:
        return plan_from_base(base, order.target, self.ours(base, order, decision, tell))


@contextlib.contextmanager
def workshop(
    environ: Mapping[str, str], python_image: str = "", engine: Optional[Engine] = None
) -> Iterator[Workshop]:
    own = OwnPython(python_image, environ, engine)
    shop = Workshop(environ, own, tempfile.TemporaryDirectory(prefix="action-image-"))
    if engine:
        engine.scratch = shop.folder
    try:
        yield shop
    finally:
        shop.close()


def told_in_steps(addition: Addition, tell: Tell) -> Callable[[int], None]:
    total, done, next_word = size_of(addition), 0, STEP

    def told(size: int) -> None:
        nonlocal done, next_word
        done += size
        if done >= next_word:
            next_word += STEP
            tell(f"packing {addition.source.name}: {size_text(done)} of {size_text(total)}")

    return told


def refuse_itself(order: Order) -> None:
    if str(order.base) == str(order.target):
        raise Unsuitable(
            f"{order.target.short} is the model's own image, which the action's would replace:"
            " give the action another tag"
        )


def start_of(base: Base, order: Order) -> Start:
    return start_from_settings(settings_with_wishes(base.images[0].settings, order.wishes))


def decision_in_registry(base: Base, order: Order, repository: Repository) -> Decision:
    image = base.images[0]

    def names() -> Names:
        return names_in_image(repository, image)

    return decision_on_image(image.settings, start_of(base, order), order.python, names)


# -- in the registry alone


class InRegistry(NamedTuple):
    """`kept_in`: where an earlier image of the action is, whose layers stay."""

    plan: Plan
    repositories: Repositories
    remembered: Remembered
    kept_in: Optional[Repository] = None


def planned_in_registry(order: Order, shop: Workshop, tell: Tell) -> InRegistry:
    refuse_itself(order)
    repositories = shop.repositories(order)
    base = base_from_repository(repositories.source, order.base, order.platform)
    decision = decision_in_registry(base, order, repositories.source)
    plan = shop.plan(base, order, decision, tell)
    return InRegistry(plan, repositories, shop.remembered)


def made_in_registry(planned: InRegistry, progress: Callable[[int], None]) -> Made:
    plan, repositories, remembered, kept_in = planned
    pushed = push(plan, repositories, progress, remembered, kept_in)
    return Made(planned.plan, pushed.digest, pushed.sent, pushed)


# -- with an engine, which takes the image in and tries it


class WithEngine:
    """Plans by what the registry has, so that the image is the same as without an engine."""

    def __init__(
        self, engine: Engine, trials: Trials, shop: Workshop, tell: Tell, step: Tell
    ) -> None:
        self.engine, self.trials, self.shop, self.tell = engine, trials, shop, tell
        self.step = step
        self.doubt = ""  # why the trial may fail

    def make(self, order: Order, name: str, trying: Trying, pushing: bool) -> Made:
        plan, repositories, figures = self.made_and_tried(order, name, trying)
        made = self.pushed(plan, repositories) if pushing else Made(plan)
        return made._replace(figures=figures)

    def made_and_tried(
        self, order: Order, name: str, trying: Trying
    ) -> Tuple[Plan, Optional[Repositories], Optional[Figures]]:
        """Whether it works is known before anything is pushed."""
        refuse_itself(order)
        found = self.pulled(name, order)
        base = found.base
        decision = self.checked(found, order, name, trying.wanted)
        plan = self.shop.plan(base, order, decision, self.tell)
        number = self.number_of_own(base, name)
        self.step(f"making {order.target.short}")
        self.engine.load(local_from_plan(plan, base, number), self.tell)
        figures = self.try_out(plan, number, trying) if trying.wanted else None
        return plan, found.repositories, figures

    def pushed(self, plan: Plan, repositories: Optional[Repositories]) -> Made:
        self.step(f"pushing {plan.target.short}")
        if repositories is None:
            return self.pushed_by_engine(plan)
        try:
            planned = InRegistry(plan, repositories, self.shop.remembered)
            return made_in_registry(planned, unnoticed)
        except RegistryError as error:
            return self.pushed_all_the_same(plan, error)

    def pulled(self, name: str, order: Order) -> "Found":
        if self.engine.has_made(name):  # one of that name in a registry may be older
            return self.found_in_engine(name, order)
        self.step(f"pulling {name}")
        wanted = ["--platform", order.platform] if order.platform else []
        done = self.engine.run(["pull", *wanted, name], self.tell)
        if done.status == 0:
            try:
                return self.found_in_registry(order)
            except RegistryError as error:
                self.tell(f"{name} is read through {self.engine.name}: {error}")
        elif not self.engine.has(name):
            raise EngineError(self.engine.complaint(["pull", name], done.output))
        return self.found_in_engine(name, order)

    def found_in_engine(self, name: str, order: Order) -> "Found":
        base = base_from_engine(self.engine, name)
        refuse_other_platform(base.images[0], order.base, order.platform)
        settings, start = base.images[0].settings, start_of(base, order)
        decision = decision_on_image(settings, start, order.python, lambda: UNSEEN)
        return Found(base, decision, None)

    def found_in_registry(self, order: Order) -> "Found":
        repositories = self.shop.repositories(order)
        base = base_from_repository(repositories.source, order.base, order.platform)
        return Found(base, decision_in_registry(base, order, repositories.source), repositories)

    def checked(self, found: "Found", order: Order, name: str, wanted: bool) -> Decision:
        """The base's Python is asked whether it can run the adapter, and the model."""
        decision = found.decision
        if not decision.word and (found.repositories or order.python == OWN):
            return decision
        start = start_of(found.base, order)
        words = [decision.word, GUESS, "python3"] if decision.word else [GUESS, "python3"]
        self.step(f"asking the Python of {name}")
        said = self.trials.check_base(name, unique(words), start.script, self.tell)
        if said.not_checked:
            if wanted:
                reason = f"{self.engine.name} can't ask the Python of {name}: {said.not_checked}"
                raise EngineError(f"{reason}; SMOKE=0 goes without")
            self.tell(f"not checked: {self.engine.name} can't start containers here")
            return decision
        if said.word:
            # A trial tells more than a doubt: what is imported may come from elsewhere.
            self.doubt = said.doubt if wanted else ""
            return Decision(said.word, "" if wanted else said.doubt)
        return decision_without(order.python, start, TOO_OLD if said.too_old else NONE)

    def number_of_own(self, base: Base, name: str) -> int:
        """Which of the base's images the engine has taken."""
        has = self.engine.diff_ids(name)
        for number, image in enumerate(base.images):
            if image.config["rootfs"]["diff_ids"] == has:
                return number
        raise EngineError(f"{name} changed while it was pulled: once more, please")

    def try_out(self, plan: Plan, number: int, trying: Trying) -> Optional[Figures]:
        name = plan.target.short
        self.step(f"trying {name}, {trying.seconds} s at most for /init and again for /run")
        python = plan.parts[number].python
        tried = self.trials.try_action(name, python, trying.memory, trying.seconds, self.tell)
        if tried.complaint:
            self.engine.run(["image", "rm", "--force", name])  # so that nobody pushes it later
            reasons = [tried.complaint, self.doubt] if self.doubt else [tried.complaint]
            raise EngineError(f"it doesn't work, so it wasn't pushed: {'; '.join(reasons)}")
        return tried.figures

    def pushed_all_the_same(self, plan: Plan, error: RegistryError) -> Made:
        """An engine may be set up for registries that others don't reach, without TLS for one."""
        self.tell(f"{self.engine.name} pushes {plan.target.short}: {error}")
        try:
            return self.pushed_by_engine(plan)
        except EngineError as engines:
            raise EngineError(f"{error}; {self.engine.name}: {engines}")

    def pushed_by_engine(self, plan: Plan) -> Made:
        """For a base that no registry has; its layers are in the engine alone."""
        return Made(plan, self.engine.push(plan.target.short, self.tell))


class Found(NamedTuple):
    """A base, and what is known of its Python; without repositories, in the engine alone."""

    base: Base
    decision: Decision
    repositories: Optional[Repositories]


def local_from_plan(plan: Plan, base: Base, number: int) -> Local:
    layers = plan.parts[number].layers
    diff_ids = list(base.images[number].config["rootfs"]["diff_ids"])
    diff_ids += [layer.diff_id for layer in layers]
    return Local(plan.target.short, plan.configs[number], diff_ids, layers)

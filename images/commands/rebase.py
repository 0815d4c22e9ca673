"""The same action on a newer base: what is ours in its image stays, only manifests move."""

from typing import List, NamedTuple, Optional

from images.action.changes import (
    BASE_DIGEST,
    BASE_NAME,
    CHANGES_LABEL,
    VERSION_LABEL,
    Told,
    changes_from_label,
)
from images.action.content import Layer
from images.action.plan import Base, Image, Ours, Part, plan_from_base, rows_of_layers
from images.commands.making import InRegistry, Order, Workshop, refuse_itself
from images.image.documents import Descriptor, Json, is_same_platform
from images.image.reference import DIGEST, Reference, reference_from_name
from images.registry.pushing import repository_to_read
from images.registry.repository import Repository
from images.registry.resolving import base_from_repository
from images.registry.transport import Transport
from images.words import Unsuitable

UNKNOWN = "a layer of the action's"


class Action(NamedTuple):
    """An action's image, and what it says of where it comes from."""

    image: Base
    base: Reference
    digest: str  # of the base it was made of

    @property
    def labels(self) -> Json:
        return labels_of(self.image.images[0])


class Standing(NamedTuple):
    """How an action's image and its base stand to each other; `now` is the base's digest today."""

    action: Action
    now: str

    @property
    def has_moved(self) -> bool:
        return self.now != self.action.digest

    @property
    def text(self) -> str:
        action, base = self.action.image.reference, self.action.base
        if not self.has_moved:
            return f"{action}: its base {base} is still {self.now}"
        return f"{action}: its base {base} was {self.action.digest} and is {self.now} now"


def labels_of(image: Image) -> Json:
    labels: Json = image.settings.get("Labels") or {}
    return labels


def action_from_repository(repository: Repository, reference: Reference) -> Action:
    image = base_from_repository(repository, reference)
    labels = labels_of(image.images[0])
    name = str(labels.get(BASE_NAME, ""))
    digest = str(labels.get(BASE_DIGEST, ""))
    if not name or not DIGEST.match(digest) or CHANGES_LABEL not in labels:
        what = f"its labels don't say what it was made of ({BASE_NAME}, {CHANGES_LABEL})"
        raise Unsuitable(f"{reference}: {what}: make the action's image anew")
    return Action(image, reference_from_name(name), digest)


def led_by(own: Reference, repository: Repository, insecure: bool) -> Repository:
    """An image's label is a stranger's word: it may not lead where its own registry may not."""
    if repository.transport.registry != own.address:
        repository.transport.led_by = Transport(own.address, insecure=insecure)
    return repository


def standing(name: str, target: Optional[Reference], shop: Workshop, insecure: bool) -> Standing:
    """`target`: where another image is to be made of it."""
    reference = reference_from_name(name)
    target = target or reference
    there = shop.reading(repository_to_read(reference, shop.environ, insecure, target))
    action = action_from_repository(there, reference)
    base = shop.reading(repository_to_read(action.base, shop.environ, insecure, target))
    led_by(reference, base, insecure)
    tag = action.base.version
    now = base.manifest_digest(tag) or base.manifest(tag).digest
    return Standing(action, now)


def planned_rebase(
    action: Action, target: Optional[Reference], shop: Workshop, insecure: bool
) -> InRegistry:
    """On the base as it is now; into the action's own tag, unless there is another target."""
    own = action.image.reference
    order = Order(action.base, target or own, insecure=insecure)
    refuse_itself(order)
    repositories = shop.repositories(order)
    platform = "" if action.image.listing else action.image.images[0].platform
    source = led_by(own, repositories.source, insecure)
    base = base_from_repository(source, action.base, platform)
    known = [image for image in base.images if counterpart(image, action)]
    base = base._replace(images=known)
    if not base.images:
        raise Unsuitable(f"{action.base} has none of the platforms of {own} any more")
    told = changes_from_label(str(action.labels[CHANGES_LABEL]))
    parts = [part_from_action(counterpart(image, action), told) for image in base.images]
    ours = Ours(parts, told.wishes, str(action.labels.get(VERSION_LABEL, "")))
    plan = plan_from_base(base, order.target, ours)
    target_repository = repositories.target
    if own.registry == order.target.registry:
        kept_in = Repository(target_repository.transport, own.repository)
        target_repository.add_source(own.repository)
    else:
        kept_in = shop.reading(repository_to_read(own, shop.environ, insecure))
    return InRegistry(plan, repositories, shop.remembered, kept_in)


def counterpart(image: Image, action: Action) -> Optional[Image]:
    for one in action.image.images:
        if is_same_platform(one.platform, image.platform):
            return one
    return None


def part_from_action(image: Optional[Image], told: Told) -> Part:
    """The last layers of the action's image, by their names alone."""
    if image is None:
        raise Unsuitable("an image without its counterpart")
    count = told.layers
    described = image.manifest.value["layers"]
    if not 0 < count <= len(described):
        raise Unsuitable(
            f"the label {CHANGES_LABEL} tells of {count} layers, there are {len(described)}"
        )
    labelled = labels_of(image).get(CHANGES_LABEL)
    python = changes_from_label(str(labelled)).python
    rows = words_on_layers(image)[-count:]
    diff_ids = image.config["rootfs"]["diff_ids"][-count:]
    layers = [
        Layer(Descriptor(one["digest"], one["size"]), diff_id, row)
        for one, diff_id, row in zip(described[-count:], diff_ids, rows)
    ]
    return Part(python, layers)


def words_on_layers(image: Image) -> List[str]:
    """What the history says of each layer."""
    rows = rows_of_layers(image.config)
    count = len(image.config["rootfs"]["diff_ids"])
    if len(rows) != count:
        return [UNKNOWN] * count
    return [str(row.get("created_by", "")) for row in rows]

"""The values that the parts of the gateway hand to each other: actions, orders to run them, and
what became of it. Touches nothing: no file, no socket, no clock."""

from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

SUCCESS = "success"
APPLICATION_ERROR = "application error"
DEVELOPER_ERROR = "action developer error"
WHISK_ERROR = "whisk internal error"

BLACKBOX = "blackbox"
SEQUENCE = "sequence"

STATUS_CODES = {SUCCESS: 0, APPLICATION_ERROR: 1, DEVELOPER_ERROR: 2, WHISK_ERROR: 3}


class Parameter(NamedTuple):
    """With `init` it is given to the container at its start, as a variable."""

    key: str
    value: Any
    init: bool = False


Parameters = Tuple[Parameter, ...]
Annotations = Tuple[Tuple[str, Any], ...]


class Limits(NamedTuple):
    timeout: int = 60000
    memory: int = 256
    logs: int = 10
    concurrency: int = 1


class Action(NamedTuple):
    """An action as the platform stores it; `package` is empty in the default package.

    It runs an image, or `components`: the paths of other actions, one after another. `binding` is
    the path of the package binding through which it was found."""

    namespace: str
    package: str
    name: str
    version: str
    image: str = ""
    main: Optional[str] = None
    code: Optional[str] = None
    binary: bool = False
    limits: Limits = Limits()
    parameters: Parameters = ()
    annotations: Annotations = ()
    publish: bool = False
    updated: int = 0
    components: Tuple[str, ...] = ()
    binding: str = ""

    @property
    def path(self) -> str:
        """As activations name it: guest/one, guest/pkg/inner."""
        return path_of(self.namespace, self.package, self.name)

    @property
    def kind(self) -> str:
        return SEQUENCE if self.components else BLACKBOX

    @property
    def protected_keys(self) -> FrozenSet[str]:
        """What a final action has set, nobody else may."""
        if dict(self.annotations).get("final") is not True:
            return frozenset()
        return frozenset(each.key for each in self.parameters if each.value is not None)


class Binding(NamedTuple):
    """The package that a binding stands for."""

    namespace: str
    name: str

    @property
    def path(self) -> str:
        return path_of(*self)


class Package(NamedTuple):
    """A package of a namespace; its parameters reach all of its actions. With `binding` it is
    another package under a name, and with parameters, of its own."""

    namespace: str
    name: str
    version: str
    parameters: Parameters = ()
    annotations: Annotations = ()
    publish: bool = False
    updated: int = 0
    binding: Optional[Binding] = None

    @property
    def path(self) -> str:
        return path_of(self.namespace, self.name)


class Link(NamedTuple):
    """What a trigger knows of a rule: the rule's path, its action's, and whether it is enabled."""

    rule: str
    action: str
    active: bool


class Trigger(NamedTuple):
    """`links` is None as long as no rule ever named it."""

    namespace: str
    name: str
    version: str
    parameters: Parameters = ()
    annotations: Annotations = ()
    publish: bool = False
    updated: int = 0
    links: Optional[Tuple[Link, ...]] = None

    @property
    def path(self) -> str:
        return path_of(self.namespace, self.name)

    def link_of(self, rule: str) -> Optional[Link]:
        return next((each for each in self.links or () if each.rule == rule), None)

    def without(self, rule: str) -> "Trigger":
        return self._replace(links=tuple(each for each in self.links or () if each.rule != rule))

    def linked(self, link: Link) -> "Trigger":
        """A link that is there already is replaced in its place."""
        links = {each.rule: each for each in (*(self.links or ()), link)}
        return self._replace(links=tuple(links.values()))


class Rule(NamedTuple):
    """`trigger` and `action` are paths. Whether it is enabled, the trigger knows."""

    namespace: str
    name: str
    version: str
    trigger: str
    action: str
    annotations: Annotations = ()
    publish: bool = False
    updated: int = 0

    @property
    def path(self) -> str:
        return path_of(self.namespace, self.name)


class Order(NamedTuple):
    """One run of one action. `value` holds all parameters but the `init` ones, which are in
    `init_env`. `cause` is the activation of the sequence that it is a part of."""

    action: Action
    value: Any
    init_env: Dict[str, Any]
    activation_id: str
    transaction_id: str
    cause: Optional[str] = None


class Activation(NamedTuple):
    """What became of an order. Times are epoch milliseconds; `init_time` is None on a warm
    container. A sequence's `logs` are the ids of what it ran, and `ran` is how long those took."""

    activation_id: str
    action: Action
    start: int
    end: int
    wait_time: int
    init_time: Optional[int]
    status: str
    result: Any
    size: Optional[int] = 0
    timed_out: bool = False
    logs: List[str] = []
    cause: Optional[str] = None
    ran: Optional[int] = None

    @property
    def duration(self) -> int:
        return self.end - self.start if self.ran is None else self.ran


class Firing(NamedTuple):
    """What became of a trigger that was fired: a line of JSON for each of its rules."""

    activation_id: str
    trigger: Trigger
    start: int
    payload: Dict[str, Any]
    logs: List[str]


def path_of(*names: str) -> str:
    return "/".join(name for name in names if name)


def place_from_path(path: str) -> Tuple[str, str, str]:
    """Namespace, package and name of an action; the package is empty in the default package."""
    namespace, *package, name = path.split("/")
    return namespace, "/".join(package), name


def next_version(version: str) -> str:
    """What an update makes of 0.0.1: 0.0.2."""
    start, _, last = version.rpartition(".")
    return f"{start}.{int(last) + 1}"


def inherited(outer: Parameters, own: Parameters) -> Parameters:
    """A package's parameters and an action's; the action's own count where both have one."""
    by_key = {each.key: each for each in (*outer, *own)}
    return tuple(by_key.values())

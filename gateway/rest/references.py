"""Whether what is named in an action, a rule or a binding is there, and may be used.

Touches nothing but through the store."""

from typing import Dict, Optional, Sequence

from gateway.entities import Action, Package, path_of, place_from_path
from gateway.refusal import MISSING, Refusal
from gateway.sequences import MOST_ACTIONS, NO_SUCH_COMPONENT, TOO_LONG
from gateway.store import Store

ELSEWHERE = "Resource by this name exists but is not in this collection."
NOT_YOURS = "The supplied authentication is not authorized to access '{}'."
CYCLE = "Sequence may not refer to itself."


def check_collection(store: Store, path: str, collection: str) -> None:
    """Raises Refusal where the name is taken by something of another kind."""
    if store.collection_of(path) not in (None, collection):
        raise Refusal(409, ELSEWHERE)


def package_of(store: Store, namespace: str, name: str) -> Package:
    """Raises Refusal."""
    path = path_of(namespace, name)
    check_collection(store, path, "packages")
    package = store.packages.get(path)
    if package is None:
        raise Refusal(404, MISSING)
    return package


def check_reach(store: Store, user: str, paths: Sequence[str]) -> None:
    """Other namespaces are out of reach, and what is in a package needs that package. Raises
    Refusal."""
    for path in paths:
        namespace, package, name = place_from_path(path)
        if namespace != user:
            raise Refusal(403, NOT_YOURS.format(path_of(namespace, package or name)))
        if package:
            package_of(store, namespace, package)


class SequenceCheck:
    """Looks through a sequence, and the sequences in it, before it is kept."""

    def __init__(self, store: Store, path: str):
        self._store = store
        self._path = path
        self._counts: Dict[str, int] = {}

    def check(self, components: Sequence[str]) -> None:
        """Raises Refusal."""
        if len(components) > MOST_ACTIONS or self._count(components) > MOST_ACTIONS:
            raise Refusal(400, TOO_LONG)

    def _count(self, components: Sequence[str]) -> int:
        return sum(self._count_of(path) for path in components)

    def _count_of(self, path: str) -> int:
        """How many actions run where this one is named."""
        action = self._resolved(path)
        if action is None:
            raise Refusal(400, NO_SUCH_COMPONENT)
        if not action.components:
            return 1
        if action.path not in self._counts:
            # Should it come upon itself on the way, there would be no end.
            self._counts[action.path] = MOST_ACTIONS + 1
            self._counts[action.path] = self._count(action.components)
        return self._counts[action.path]

    def _resolved(self, path: str) -> Optional[Action]:
        namespace, package, name = place_from_path(path)
        holder = self._store.packages.get(path_of(namespace, package)) if package else None
        if holder is not None and holder.binding:
            path = path_of(holder.binding.path, name)
        if path == self._path:
            raise Refusal(400, CYCLE)
        return self._store.actions.get(path)

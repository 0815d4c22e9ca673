"""The collection of packages: list, get, create, update, delete.

Touches nothing but through the controller."""

from typing import Any, Dict, List, Optional

from gateway import records
from gateway.aside import made
from gateway.clock import now
from gateway.controller import Controller
from gateway.entities import Action, Package
from gateway.http.messages import Response
from gateway.refusal import MISSING, Refusal
from gateway.rest import content
from gateway.rest.call import EXISTS, Call, Handler, content_of, handler_of
from gateway.rest.references import check_collection, check_reach, package_of
from gateway.rest.shown import listed, shown

RESERVED = "Package name '{}' is reserved."
NOT_EMPTY = "Package not empty (contains {} {}). Set force param or delete package contents."
NO_SUCH_PACKAGE = "Binding references a package that does not exist."
NO_PACKAGE = "Cannot bind to a resource that is not a package."
BOUND_ALREADY = "Cannot bind to another package binding."
NOT_A_BINDING = "Resource is a package and cannot be converted into a binding."


class Packages:
    def __init__(self, controller: Controller):
        self._controller = controller
        self._store = controller.store
        self._settings = controller.settings
        self._methods: Dict[str, Handler] = {
            "GET": self._get,
            "PUT": self._put,
            "DELETE": self._delete,
        }

    def handler(self, call: Call) -> Optional[Handler]:
        """Who answers it; None where the platform has no such route. Raises Refusal."""
        return handler_of(call, self._list, self._methods)

    async def _list(self, call: Call) -> Response:
        found = self._store.packages_in(call.namespace)
        return await listed("packages", found, records.summary_of_package, call)

    async def _get(self, call: Call) -> Response:
        package = package_of(self._store, call.namespace, call.names[0])
        provider = self._controller.provider_of(package)
        if provider is None:
            raise Refusal(404, MISSING)
        actions = self._store.actions_in(provider.namespace, provider.name)
        merged = package._replace(parameters=provider.parameters)
        return await shown((merged, actions), lambda both: records.json_from_package_with(*both))

    async def _put(self, call: Call) -> Response:
        name = call.names[0]
        overwrite = call.query.boolean("overwrite", False)
        if name == "default":
            raise Refusal(400, RESERVED.format(name))
        sent = await made(lambda: content_of(call.request), call.request.size)
        async with self._controller.changing:
            package = await self._kept(call, sent, overwrite)
        return await shown(package, records.json_from_package)

    async def _kept(self, call: Call, sent: Any, overwrite: bool) -> Package:
        """Raises Refusal."""
        old = self._store.packages.get(call.path)
        place = (call.namespace, call.name)
        settings = self._settings
        package = await made(
            lambda: content.package_from_content(sent, place, old, now(), settings),
            call.request.size,
        )
        if package.binding:
            check_reach(self._store, call.namespace, [package.binding.path])
        check_collection(self._store, call.path, "packages")
        if old is not None and not overwrite:
            raise Refusal(409, EXISTS)
        if sent.get("binding"):
            self._check_binding(package, old)
        await self._store.put_package(package)
        return package

    async def _delete(self, call: Call) -> Response:
        async with self._controller.changing:
            package = await self._deleted(call)
        return await shown(package, records.json_from_package)

    async def _deleted(self, call: Call) -> Package:
        """Raises Refusal."""
        package = package_of(self._store, call.namespace, call.names[0])
        inside = self._inside(package)
        if inside and not call.query.boolean("force", False):
            entities = "entity" if len(inside) == 1 else "entities"
            raise Refusal(409, NOT_EMPTY.format(len(inside), entities))
        for action in inside:
            await self._store.delete_action(action)
            await self._controller.forget(action)
        await self._store.delete_package(package)
        return package

    def _inside(self, package: Package) -> List[Action]:
        """What would go with it; nothing goes with a binding."""
        if package.binding:
            return []
        return self._store.actions_in(package.namespace, package.name)

    def _check_binding(self, package: Package, old: Optional[Package]) -> None:
        """Raises Refusal."""
        if old is not None and old.binding is None:
            raise Refusal(409, NOT_A_BINDING)
        path = package.binding.path if package.binding else ""
        provider = self._store.packages.get(path)
        if provider is None:
            is_taken = self._store.collection_of(path) is not None
            raise Refusal(409, NO_PACKAGE) if is_taken else Refusal(400, NO_SUCH_PACKAGE)
        if provider.binding:
            raise Refusal(400, BOUND_ALREADY)

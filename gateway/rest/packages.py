"""The collection of packages: list, get, create, update, delete.

Touches nothing but through the controller."""

from typing import Dict, Optional

from gateway import records
from gateway.aside import made
from gateway.controller import Controller, now
from gateway.entities import Package, path_of
from gateway.http.messages import Response, json_response
from gateway.refusal import MISSING, Refusal
from gateway.rest import content
from gateway.rest.call import ALL, Call, Handler, check_names, content_of, listed
from gateway.store import Store

EXISTS = "resource already exists"
RESERVED = "Package name '{}' is reserved."
NOT_EMPTY = "Package not empty (contains {} {}). Set force param or delete package contents."


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
        method, names = call.request.method, call.names
        if names in ALL:
            return self._list if method == "GET" else None
        if len(names) > 1:
            return None
        check_names(names)
        return self._methods.get(method)

    async def _list(self, call: Call) -> Response:
        found = self._store.packages_in(call.namespace)
        return listed("packages", found, records.summary_of_package, call)

    async def _get(self, call: Call) -> Response:
        package = package_of(self._store, call.namespace, call.names[0])
        actions = self._store.actions_in(call.namespace, package.name)
        return json_response(200, records.json_from_package_with(package, actions))

    async def _put(self, call: Call) -> Response:
        name = call.names[0]
        overwrite = call.query.boolean("overwrite", False)
        if name == "default":
            raise Refusal(400, RESERVED.format(name))
        old = self._store.packages.get(call.path)
        place = (call.namespace, name)
        request, settings = call.request, self._settings
        package = await made(
            lambda: content.package_from_content(content_of(request), place, old, now(), settings),
            request.size,
        )
        if old is not None and not overwrite:
            raise Refusal(409, EXISTS)
        await self._store.put_package(package)
        return json_response(200, records.json_from_package(package))

    async def _delete(self, call: Call) -> Response:
        package = package_of(self._store, call.namespace, call.names[0])
        inside = self._store.actions_in(call.namespace, package.name)
        if inside and not call.query.boolean("force", False):
            entities = "entity" if len(inside) == 1 else "entities"
            raise Refusal(409, NOT_EMPTY.format(len(inside), entities))
        for action in inside:
            await self._store.delete_action(action)
            await self._controller.forget(action)
        await self._store.delete_package(package)
        return json_response(200, records.json_from_package(package))


def package_of(store: Store, namespace: str, name: str) -> Package:
    """Raises Refusal."""
    package = store.packages.get(path_of(namespace, name))
    if package is None:
        raise Refusal(404, MISSING)
    return package

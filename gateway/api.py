"""The REST API under /api/v1/namespaces: actions, packages, activations, empty lists of all else.

Touches nothing but through the service."""

import time
from typing import Any, Awaitable, Callable, Dict, List, NamedTuple, Optional, Tuple

from gateway import jsontext, puts, records, urls
from gateway.entities import APPLICATION_ERROR, DEVELOPER_ERROR, SUCCESS, Action, Package
from gateway.invoker import Overloaded
from gateway.mediatypes import JSON
from gateway.messages import Request, Response, compact_error, json_response
from gateway.parameters import BadParameter, Query
from gateway.service import Service, inherited, protected_keys
from gateway.store import NotKept, Selection
from gateway.web import ALLOWED_HEADERS, NAME, NOT_ALLOWED, content_type_of

CORS = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
    ("Access-Control-Allow-Methods", "GET, DELETE, POST, PUT, HEAD"),
]
ID_LENGTH = 32
LISTS_OF_NOTHING = ("triggers", "rules")

MISSING = "The requested resource does not exist."
EXISTS = "resource already exists"
BAD_NAME = "The name of the entity contains illegal characters."
NOT_YOURS = "The supplied authentication is not authorized to access '{}'."
RESERVED = "Package name '{}' is reserved."
NOT_EMPTY = "Package not empty (contains {} {}). Set force param or delete package contents."
DOCS_WITH_COUNT = "The parameter 'docs' is not permitted with 'count'."
TOO_LARGE = "Request larger than allowed: {} > {} bytes."
BAD_TYPE = "The request's Content-Type is not supported. Expected:\napplication/json"

STATUS_OF = {SUCCESS: 200, APPLICATION_ERROR: 502, DEVELOPER_ERROR: 502}


class Rejected(Exception):
    """Refused before a route took it: answered without CORS headers."""

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status


class Ended(Exception):
    """Refused by a route."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Call(NamedTuple):
    """One request to one collection; `names` are the path's segments behind it, "" for a slash at the end."""

    request: Request
    namespace: str
    names: Tuple[str, ...]
    query: Query


Route = Callable[[Call], Awaitable[Response]]


class Api:
    def __init__(self, service: Service):
        self._service = service
        self._store = service.store
        self._settings = service.settings
        self._collections: Dict[str, Callable[[Call], Optional[Route]]] = {
            "actions": self._action_route,
            "packages": self._package_route,
            "activations": self._activation_route,
        }

    async def answer(self, request: Request, path: Tuple[str, ...], user: str) -> Optional[Response]:
        """`path` is what follows /api/v1/namespaces. None where no route fits."""
        transaction_id = request.transaction_id
        try:
            response = await self._routed(request, path, user)
        except (Rejected, BadParameter) as error:
            return compact_error(getattr(error, "status", 400), str(error), transaction_id)
        except puts.BadContent as error:
            message = f"The request content was malformed:\n{error}"
            return compact_error(400, message, transaction_id)
        except (Ended, puts.NotPermitted) as error:
            response = compact_error(error.status, str(error), transaction_id)
        except Overloaded as error:
            response = compact_error(429, str(error), transaction_id)
        except NotKept as error:
            response = compact_error(500, str(error), transaction_id)
        return response and response.with_headers(CORS)

    async def _routed(self, request: Request, path: Tuple[str, ...], user: str) -> Optional[Response]:
        names = segments(path)
        if names in ((), ("",)):
            return json_response(200, [user]) if request.method == "GET" else None
        namespace, collection, rest = names[0], names[1] if len(names) > 1 else "", names[2:]
        call = Call(request, user if namespace == "_" else namespace, rest, Query(request.target.query))
        route = self._route_of(collection, call)
        if route is None:
            return None
        if call.namespace != user:
            raise Ended(403, NOT_YOURS.format("/".join((namespace, *rest) if rest else (namespace, collection))))
        return await route(call)

    def _route_of(self, collection: str, call: Call) -> Optional[Route]:
        if collection in LISTS_OF_NOTHING:
            is_list = call.request.method == "GET" and call.names in ((), ("",))
            return nothing_listed(collection) if is_list else None
        return self._collections[collection](call) if collection in self._collections else None

    # -- actions ----------------------------------------------------------------------------

    def _action_route(self, call: Call) -> Optional[Route]:
        method, names = call.request.method, call.names
        if names in ((), ("",)):
            return self._list_actions if method == "GET" else None
        if len(names) == 2 and names[1] == "":
            return self._list_package_actions if method == "GET" else None
        if len(names) > 2:
            return None
        check_names(names)
        return {
            "GET": self._get_action,
            "PUT": self._put_action,
            "POST": self._invoke_action,
            "DELETE": self._delete_action,
        }.get(method)

    async def _list_actions(self, call: Call) -> Response:
        return listed("actions", self._store.actions_in(call.namespace), records.summary_of_action, call)

    async def _list_package_actions(self, call: Call) -> Response:
        self._package(call.namespace, call.names[0])
        found = self._store.actions_in(call.namespace, call.names[0])
        return listed("actions", found, records.summary_of_action, call)

    async def _get_action(self, call: Call) -> Response:
        package = self._package_of(call)
        action = self._action(call)
        if package is not None:
            action = action._replace(parameters=inherited(package.parameters, action.parameters))
        return json_response(200, records.json_from_action(action, call.query.boolean("code", True)))

    async def _put_action(self, call: Call) -> Response:
        self._package_of(call)
        overwrite = call.query.boolean("overwrite", False)
        old = self._store.actions.get("/".join((call.namespace, *call.names)))
        place = (call.namespace, call.names[0] if len(call.names) == 2 else "", call.names[-1])
        action = puts.action_from_put(content_of(call.request), place, old, now(), self._settings)
        if old is not None and not overwrite:
            raise Ended(409, EXISTS)
        await self._store.put_action(action)
        if old is not None:
            await self._service.invoker.forget(old)
        return json_response(200, records.json_from_action(action))

    async def _delete_action(self, call: Call) -> Response:
        self._package_of(call)
        action = self._action(call)
        await self._store.delete_action(action)
        await self._service.invoker.forget(action)
        return json_response(200, records.json_from_action(action))

    async def _invoke_action(self, call: Call) -> Response:
        blocking = call.query.boolean("blocking", False)
        result_alone = call.query.boolean("result", False)
        seconds = call.query.milliseconds("timeout", self._settings.wait_seconds)
        request, most = call.request, self._settings.payload_bytes
        if request.length > most:
            raise Ended(413, TOO_LARGE.format(request.length, most))
        payload = payload_of(request)
        package = self._package_of(call)
        action = self._action(call)
        if package is not None:
            action = action._replace(parameters=inherited(package.parameters, action.parameters))
        if set(payload) & protected_keys(action):
            raise Ended(400, NOT_ALLOWED)
        invocation = await self._service.invoke(action, payload, request.transaction_id, seconds if blocking else 0)
        header = [("x-openwhisk-activation-id", invocation.activation_id)]
        activation = invocation.activation if blocking else None
        if activation is None:
            return json_response(202, {"activationId": invocation.activation_id}, header)
        status = STATUS_OF.get(activation.status, 500)
        if result_alone:
            return json_response(status, {} if activation.result is None else activation.result, header)
        # The platform answers before it has collected the log; the record has it.
        shown = records.json_from_activation(activation._replace(logs=[]), self._settings.namespace)
        return json_response(status, shown, header)

    def _action(self, call: Call) -> Action:
        action = self._store.actions.get("/".join((call.namespace, *call.names)))
        if action is None:
            raise Ended(404, MISSING)
        return action

    # -- packages ---------------------------------------------------------------------------

    def _package_route(self, call: Call) -> Optional[Route]:
        method, names = call.request.method, call.names
        if names in ((), ("",)):
            return self._list_packages if method == "GET" else None
        if len(names) > 1:
            return None
        check_names(names)
        routes = {"GET": self._get_package, "PUT": self._put_package, "DELETE": self._delete_package}
        return routes.get(method)

    async def _list_packages(self, call: Call) -> Response:
        found = self._store.packages_in(call.namespace)
        return listed("packages", found, records.summary_of_package, call)

    async def _get_package(self, call: Call) -> Response:
        package = self._package(call.namespace, call.names[0])
        actions = self._store.actions_in(call.namespace, package.name)
        return json_response(200, records.json_from_package_with(package, actions))

    async def _put_package(self, call: Call) -> Response:
        name = call.names[0]
        overwrite = call.query.boolean("overwrite", False)
        if name == "default":
            raise Ended(400, RESERVED.format(name))
        old = self._store.packages.get(f"{call.namespace}/{name}")
        package = puts.package_from_put(content_of(call.request), (call.namespace, name), old, now(), self._settings)
        if old is not None and not overwrite:
            raise Ended(409, EXISTS)
        await self._store.put_package(package)
        return json_response(200, records.json_from_package(package))

    async def _delete_package(self, call: Call) -> Response:
        package = self._package(call.namespace, call.names[0])
        inside = self._store.actions_in(call.namespace, package.name)
        if inside and not call.query.boolean("force", False):
            raise Ended(409, NOT_EMPTY.format(len(inside), "entity" if len(inside) == 1 else "entities"))
        for action in inside:
            await self._store.delete_action(action)
            await self._service.invoker.forget(action)
        await self._store.delete_package(package)
        return json_response(200, records.json_from_package(package))

    def _package(self, namespace: str, name: str) -> Package:
        package = self._store.packages.get(f"{namespace}/{name}")
        if package is None:
            raise Ended(404, MISSING)
        return package

    def _package_of(self, call: Call) -> Optional[Package]:
        return self._package(call.namespace, call.names[0]) if len(call.names) == 2 else None

    # -- activations ------------------------------------------------------------------------

    def _activation_route(self, call: Call) -> Optional[Route]:
        names = call.names
        if call.request.method != "GET":
            return None
        if names in ((), ("",)):
            return self._list_activations
        if len(names) > 2:
            return None
        check_id(names[0])
        part = names[1] if len(names) == 2 else ""
        routes = {"": self._get_activation, "result": self._get_result, "logs": self._get_logs}
        return routes.get(part)

    async def _list_activations(self, call: Call) -> Response:
        query = call.query
        limit, skip = query.limit("activations"), query.skip("activations")
        count, docs = query.boolean("count", False), query.boolean("docs", False)
        since, upto = query.instant("since"), query.instant("upto")
        selection = Selection(call.namespace, query.action_name("name"), since, upto, limit, skip)
        if count and docs:
            raise Ended(400, DOCS_WITH_COUNT)
        if count:
            return json_response(200, {"activations": await self._store.count_activations(selection)})
        texts = await self._store.activations(selection, whole=docs)
        return Response(200, [], JSON, ("[" + ",".join(texts) + "]").encode("utf-8"))

    async def _get_activation(self, call: Call) -> Response:
        return Response(200, [], JSON, (await self._activation_text(call)).encode("utf-8"))

    async def _get_result(self, call: Call) -> Response:
        return json_response(200, (await self._activation(call))["response"])

    async def _get_logs(self, call: Call) -> Response:
        return json_response(200, {"logs": (await self._activation(call))["logs"]})

    async def _activation(self, call: Call) -> Any:
        return jsontext.value_from_json((await self._activation_text(call)).encode("utf-8"))

    async def _activation_text(self, call: Call) -> str:
        text = await self._store.activation(call.namespace, call.names[0])
        if text is None:
            raise Ended(404, MISSING)
        return text


def now() -> int:
    return time.time_ns() // 1000000


def segments(path: Tuple[str, ...]) -> Tuple[str, ...]:
    """The names between slashes; a slash at the end leaves an empty one."""
    names: List[str] = []
    for part in path:
        if part == "/":
            names.append("")
        else:
            names[-1:] = [urls.decoded(part)]
    return tuple(names)


def check_names(names: Tuple[str, ...]) -> None:
    if not all(map(NAME.match, names)):
        raise Rejected(BAD_NAME)


def check_id(text: str) -> None:
    if len(text) != ID_LENGTH:
        raise Rejected(f"Activation id length is {len(text)} but must be {ID_LENGTH}.")
    if not set(text) <= set("0123456789abcdef"):
        raise Rejected("The activation id is not valid.")


def nothing_listed(collection: str) -> Route:
    async def route(call: Call) -> Response:
        return listed(collection, [], lambda item: item, call)

    return route


def listed(collection: str, found: List[Any], write: Callable[[Any], Any], call: Call) -> Response:
    limit, skip = call.query.limit(collection), call.query.skip(collection)
    if call.query.boolean("count", False):
        return json_response(200, {collection: max(0, len(found) - skip)})
    return json_response(200, [write(each) for each in found[skip : skip + limit]])


def content_of(request: Request) -> Any:
    """What was sent to create something. Raises Rejected."""
    content_type = content_type_of(request)
    if content_type is not None and content_type.value != "application/json":
        raise Rejected(BAD_TYPE, 415)
    return json_of(request.body) if request.body else {}


def payload_of(request: Request) -> Dict[str, Any]:
    payload = content_of(request)
    if not isinstance(payload, dict):
        raise puts.BadContent("JSON object expected")
    return payload


def json_of(body: bytes) -> Any:
    try:
        return jsontext.value_from_json(body)
    except jsontext.Malformed as error:
        raise puts.BadContent(str(error)) from error

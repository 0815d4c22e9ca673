"""Which request goes where: the info documents, web actions, the REST API, the page for people.

Touches nothing but through the service."""

import random
import string
from typing import Any, Awaitable, Callable, Optional

from gateway import web, webroutes
from gateway.api import CORS, Api
from gateway.front import BodyLimits
from gateway.headers import last_value_of
from gateway.messages import Request, Response, compact_error, json_response, text_response
from gateway.service import Service
from gateway.settings import MEGABYTE, Settings
from gateway.startline import Start

API = ("/", "api", "/", "v1")
METHODS = ("GET", "DELETE", "POST", "PUT", "HEAD", "OPTIONS", "PATCH")
CHALLENGE = [("WWW-Authenticate", 'Basic realm="OpenWhisk secure realm",charset=UTF-8')]
NOT_SUPPLIED = "The resource requires authentication, which was not supplied with the request"
INVALID = "The supplied authentication is invalid"
FOREIGN = (
    "Requests for another site ({}) can't use the public key: start the gateway with --auth and a key of your own."
)
NOT_FOUND = "The requested resource could not be found."
LETTERS = string.ascii_letters + string.digits

Pages = Callable[[Request], Awaitable[Optional[Response]]]


class App:
    """`pages` is asked for everything that isn't the platform's; it gives None for what it doesn't know."""

    def __init__(self, service: Service, pages: Optional[Pages] = None):
        self._service = service
        self._api = Api(service)
        self._pages = pages

    async def __call__(self, request: Request) -> Response:
        request = request._replace(transaction_id=transaction_id_of(request))
        response = await self._route(request)
        return response.with_headers([("X-Request-ID", request.transaction_id)])

    async def _route(self, request: Request) -> Response:
        path = request.target.path
        if path[:4] == API and path[4:5] in ((), ("/",)):
            return await self._under_api(request)
        if path == ("/", "ping") and request.method == "GET":
            return text_response(200, "pong")
        page = await self._pages(request) if self._pages and wants_page(request) else None
        if page is not None:
            return page
        if path in ((), ("/",)) and request.method == "GET":
            return json_response(200, info(self._service.settings))
        return outside(request)

    async def _under_api(self, request: Request) -> Response:
        rest = request.target.path[4:]
        if rest in ((), ("/",)) and request.method == "GET":
            return json_response(200, VERSION, CORS)
        user = self._service.user_of(request)
        response = None
        if request.method not in METHODS:
            return not_allowed(request, METHODS)
        if rest[:2] == ("/", "web"):
            address = web.address_from_path(rest[2:])
            response = address and await webroutes.answer(self._service, request, address, user)
        elif rest[:2] == ("/", "namespaces") and user is not None:
            misuse = self._service.misuse_of_public_key(request)
            response = foreign(request, misuse) if misuse else await self._api.answer(request, rest[2:], user)
        return response or rejected(request, user)


def wants_page(request: Request) -> bool:
    """Browsers say that they take HTML; tools ask for the info document at the same place."""
    is_root = request.target.path in ((), ("/",))
    return not is_root or "text/html" in (last_value_of(request.headers, "accept") or "")


def transaction_id_of(request: Request) -> str:
    given = last_value_of(request.headers, "x-request-id")
    if given and not given.startswith("sid_"):
        return given
    return "".join(random.choices(LETTERS, k=32))


def rejected(request: Request, user: Optional[str]) -> Response:
    """No route took it, under /api/v1."""
    if request.method == "OPTIONS":
        return text_response(200, "OK", CORS)
    if user is not None:
        return compact_error(404, NOT_FOUND, request.transaction_id)
    supplied = last_value_of(request.headers, "authorization") is not None
    return compact_error(401, INVALID if supplied else NOT_SUPPLIED, request.transaction_id, CHALLENGE)


def foreign(request: Request, header: str) -> Response:
    """With CORS headers, so that the one who writes that site's script can read why."""
    return compact_error(403, FOREIGN.format(header), request.transaction_id, CORS)


def outside(request: Request) -> Response:
    if request.method == "OPTIONS":
        return text_response(200, "OK", CORS)
    known = request.target.path in ((), ("/",), ("/", "ping"))
    return not_allowed(request, ("GET", "OPTIONS") if known else ("OPTIONS",))


def not_allowed(request: Request, methods) -> Response:
    names = ", ".join(methods)
    message = f"HTTP method not allowed, supported methods: {names}"
    return compact_error(405, message, request.transaction_id, [("Allow", names)])


def body_limits(start: Start) -> BodyLimits:
    """Only what creates an action may be long; of other bodies the size alone is told, beyond the payload's."""
    whole = Settings().request_bytes
    return BodyLimits(whole if start.method == "PUT" else MEGABYTE + 1, whole)


VERSION = {
    "api_version": "1.0.0",
    "api_version_path": "v1",
    "build": "2026-01-01T00:00:00Z",
    "buildno": "local",
    "description": "OpenWhisk API",
    "swagger_paths": {"api-docs": "/api-docs", "ui": "/docs"},
}


def info(settings: Settings) -> Any:
    bounds = settings.bounds
    limits = {
        "actions_per_minute": 100000,
        "concurrent_actions": 1000,
        "default_max_action_duration": bounds.timeout[1],
        "default_max_action_logs": bounds.logs[1] * MEGABYTE,
        "default_max_action_memory": bounds.memory[1] * MEGABYTE,
        "default_min_action_duration": bounds.timeout[0],
        "default_min_action_logs": bounds.logs[0] * MEGABYTE,
        "default_min_action_memory": bounds.memory[0] * MEGABYTE,
        "max_action_duration": bounds.timeout[1],
        "max_action_logs": bounds.logs[1] * MEGABYTE,
        "max_action_memory": bounds.memory[1] * MEGABYTE,
        "min_action_duration": bounds.timeout[0],
        "min_action_logs": bounds.logs[0] * MEGABYTE,
        "min_action_memory": bounds.memory[0] * MEGABYTE,
        "sequence_length": 50,
        "triggers_per_minute": 100000,
    }
    return {
        "api_paths": ["/api/v1"],
        "description": "OpenWhisk",
        "limits": limits,
        "runtimes": {},
        "support": {
            "github": "https://github.com/apache/openwhisk/issues",
            "slack": "http://slack.openwhisk.org",
        },
    }

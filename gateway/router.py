"""Which request goes where: the info documents, web actions, the REST API, the page for people.

Touches nothing but through them, and standard error with what would allow what was refused."""

import random
import string
from typing import Any, Awaitable, Callable, Dict, Optional, Sequence

from gateway.access import Access, without_token
from gateway.aside import made
from gateway.http.cors import REST_CORS
from gateway.http.front import NOT_READ, BodyLimits
from gateway.http.headerlines import last_value_of
from gateway.http.messages import Request, Response, json_response, text_response
from gateway.http.negotiation import preferences_from_headers
from gateway.http.refusals import response_from_refusal
from gateway.http.startline import Head, Start
from gateway.refusal import Refusal
from gateway.rest.api import Api
from gateway.sequences import MOST_ACTIONS
from gateway.settings import MEGABYTE, Bounds, Settings
from gateway.web.address import address_from_path
from gateway.web.route import WebRoute

API = ("/", "api", "/", "v1")
ROOT = ((), ("/",))
PING = ("/", "ping")
METHODS = ("GET", "DELETE", "POST", "PUT", "HEAD", "OPTIONS", "PATCH")
CHALLENGE = [("WWW-Authenticate", 'Basic realm="OpenWhisk secure realm",charset=UTF-8')]
NOT_SUPPLIED = "The resource requires authentication, which was not supplied with the request"
INVALID = "The supplied authentication is invalid"
FOREIGN = (
    "Requests for another site or from a page ({}) can't use the public key:"
    " start the gateway with --auth and a key of your own."
)
NOT_FOUND = "The requested resource could not be found."
WRONG_METHOD = "HTTP method not allowed, supported methods: {}"
LETTERS = string.ascii_letters + string.digits

Page = Callable[[Request], Awaitable[Optional[Response]]]


class Router:
    """`page` is asked for everything that isn't the platform's; it gives None for what it doesn't
    know."""

    def __init__(
        self,
        access: Access,
        web: WebRoute,
        api: Api,
        page: Page,
        settings: Settings,
    ):
        self._access = access
        self._web = web
        self._api = api
        self._page = page
        self._settings = settings

    def body_limits(self, start: Start, head: Head) -> BodyLimits:
        """Only what creates an action may be long; of other bodies the size alone is told, beyond
        the payload's. What is refused whatever it holds isn't read."""
        most = self._settings.request_bytes
        payload = BodyLimits(self._settings.payload_bytes, most)
        path = head.target.path
        if path[:4] != API or path[4:6] == ("/", "web"):
            return payload
        if self._access.user_of(head.headers) is None:
            return NOT_READ
        if self._access.misuse_of_public_key(head.headers) is not None:
            return NOT_READ
        return BodyLimits(most, most) if start.method == "PUT" else payload

    async def answer(self, request: Request) -> Response:
        headers = request.headers
        accepted = await made(lambda: preferences_from_headers(headers), request.size)
        request = request._replace(transaction_id=transaction_id_of(request), accepted=accepted)
        try:
            response = await self._routed(request)
        except Refusal as refusal:
            response = response_from_refusal(refusal, request.transaction_id)
        return response.with_headers([("X-Request-ID", request.transaction_id)])

    async def _routed(self, request: Request) -> Response:
        path = request.target.path
        if path[:4] == API and path[4:5] in ROOT:
            return await self._under_api(request)
        if path == PING and request.method == "GET":
            return text_response(200, "pong")
        page = await self._page(request) if wants_page(request) else None
        if page is not None:
            return page
        if path in ROOT and request.method == "GET":
            return json_response(200, info(self._settings.bounds))
        return outside(request)

    async def _under_api(self, request: Request) -> Response:
        rest = request.target.path[4:]
        if rest in ROOT and request.method == "GET":
            return json_response(200, VERSION, REST_CORS)
        if request.method not in METHODS:
            raise wrong_method(METHODS)
        user = self._access.user_of(request.headers)
        response = None
        seen = request._replace(headers=without_token(request.headers))
        if rest[:2] == ("/", "web"):
            address = address_from_path(rest[2:])
            if address is not None:
                response = await self._web.answer(seen, address, user)
        elif rest[:2] == ("/", "namespaces") and user is not None:
            self._check_site(request)
            response = await self._api.answer(seen, rest[2:], user)
        return response or no_route(request, user)

    def _check_site(self, request: Request) -> None:
        """Raises Refusal, with CORS headers, so that the one who writes that site's script can
        read why."""
        misuse = self._access.misuse_of_public_key(request.headers)
        if misuse is not None:
            raise Refusal(403, FOREIGN.format(misuse), headers=REST_CORS)


def wants_page(request: Request) -> bool:
    """Browsers say that they take HTML; tools ask for the info document at the same place."""
    return request.target.path not in ROOT or request.accepted.names("text/html")


def transaction_id_of(request: Request) -> str:
    given = last_value_of(request.headers, "x-request-id")
    if given and not given.startswith("sid_"):
        return given
    return "".join(random.choices(LETTERS, k=32))


def no_route(request: Request, user: Optional[str]) -> Response:
    """For what is under /api/v1. Raises Refusal."""
    if request.method == "OPTIONS":
        return text_response(200, "OK", REST_CORS)
    if user is not None:
        raise Refusal(404, NOT_FOUND)
    supplied = last_value_of(request.headers, "authorization") is not None
    raise Refusal(401, INVALID if supplied else NOT_SUPPLIED, headers=CHALLENGE)


def outside(request: Request) -> Response:
    """For what nobody knows. Raises Refusal."""
    if request.method == "OPTIONS":
        return text_response(200, "OK", REST_CORS)
    is_known = request.target.path in (*ROOT, PING)
    raise wrong_method(("GET", "OPTIONS") if is_known else ("OPTIONS",))


def wrong_method(methods: Sequence[str]) -> Refusal:
    names = ", ".join(methods)
    return Refusal(405, WRONG_METHOD.format(names), headers=[("Allow", names)])


VERSION = {
    "api_version": "1.0.0",
    "api_version_path": "v1",
    "build": "2026-01-01T00:00:00Z",
    "buildno": "local",
    "description": "OpenWhisk API",
    "swagger_paths": {"api-docs": "/api-docs", "ui": "/docs"},
}


def info(bounds: Bounds) -> Dict[str, Any]:
    return {
        "api_paths": ["/api/v1"],
        "description": "OpenWhisk",
        "limits": limits_from_bounds(bounds),
        "runtimes": {},
        "support": {
            "github": "https://github.com/apache/openwhisk/issues",
            "slack": "http://slack.openwhisk.org",
        },
    }


def limits_from_bounds(bounds: Bounds) -> Dict[str, int]:
    return {
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
        "sequence_length": MOST_ACTIONS,
        "triggers_per_minute": 100000,
    }

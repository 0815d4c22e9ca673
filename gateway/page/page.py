"""The page for people at /: what is served and what runs. Touches its own files; changes nothing.

It needs no key where the gateway listens on this machine alone and is asked under one of this
machine's own names: a foreign site whose name leads here is asked for the key, like everybody else,
and one that everybody knows isn't enough. The page never holds a key of its own. Pages of actions
have the same origin: their scripts may read what this one reads. What it may do beyond that, call
actions that aren't on the web, it may by a token that their scripts can't read: access.py."""

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from gateway.access import Access
from gateway.clock import now
from gateway.controller import Controller
from gateway.http import jsontext, urls
from gateway.http.headerlines import last_value_of
from gateway.http.mediatypes import HTML, JSON, media_type
from gateway.http.messages import Pairs, Request, Response, json_response
from gateway.page import facts, metrics
from gateway.page.codes import Codes
from gateway.page.engine import Engine
from gateway.store import Selection

FOLDER = Path(__file__).resolve().parent
STYLE = '<link rel="stylesheet" href="page.css">'
SCRIPT = '<script src="page.js"></script>'
SCRIPTS = ("tools.js", "graph.js", "request.js", "page.js")
NO_TOKEN = '<meta name="token" content="">'
TOKEN = '<meta name="token" content="{}">'
ROOT = ((), ("/",))
BELOW = ("/", "page", "/")
METRICS = ("/", "metrics")
MOST_LISTED = 200
LONGEST_NUMBER = 8
PROMETHEUS = media_type("text", "plain", {"version": "0.0.4"}, "UTF-8")
PRIVATE = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Vary", "Accept")]
NOT_ADMITTED = "What runs here is shown to those who have the namespace's key."
MISSING = "There is no such activation."


class Page:
    """What people see of one gateway."""

    def __init__(self, controller: Controller, access: Access):
        self._controller = controller
        self._access = access
        self._codes = Codes(controller.store, controller.settings.namespace)
        self._engine = Engine()
        self._document = document()

    async def answer(self, request: Request) -> Optional[Response]:
        """None for what it doesn't know."""
        path = request.target.path
        if request.method not in ("GET", "HEAD"):
            return None
        if path in ROOT:
            return self._document.response(self._access.token_for(request.headers))
        if path[:3] != BELOW and path != METRICS:
            return None
        if not self._admits(request):
            return private_json(403, {"error": NOT_ADMITTED})
        if path == METRICS:
            return self._metrics()
        if path[3:] == ("state",):
            return await self._state(request)
        if path[3:] == ("hour",):
            return private_json(200, self._controller.tally.hour(now()))
        if path[3:5] == ("activations", "/") and len(path) == 6:
            return await self._activation(path[5])
        return None

    def _admits(self, request: Request) -> bool:
        if last_value_of(request.headers, "sec-fetch-site") not in (None, "same-origin", "none"):
            return False
        if self._access.is_local(request.headers):
            return True
        if self._access.user_of(request.headers) is None:
            return False
        return self._access.misuse_of_public_key(request.headers) is None

    async def _state(self, request: Request) -> Response:
        store = self._controller.store
        namespace = self._controller.settings.namespace
        query = dict(urls.pairs_from_query(request.target.query))
        limit = limit_from_text(query.get("limit"))
        selection = Selection(namespace, query.get("action"), limit=limit)
        # Asked first: what ends meanwhile is in both lists, and not in none.
        running = self._controller.running
        activations = await store.activations(selection, whole=False)
        codes = await self._codes.of([json.loads(text)["activationId"] for text in activations])
        lists = {
            "actions": [jsontext.compact(each) for each in await self._actions()],
            "running": [jsontext.compact(facts.facts_of_order(*each)) for each in running],
            "activations": activations,
        }
        texts = [f'"{name}":[{",".join(items)}]' for name, items in lists.items()]
        text = ",".join([*texts, f'"codes":{jsontext.compact(codes)}'])
        return Response(200, PRIVATE, JSON, jsontext.utf8("{" + text + "}"))

    async def _actions(self) -> List[Dict[str, Any]]:
        """Those that nothing here can run come last: a data file outlives the folders."""
        controller = self._controller
        actions = controller.store.actions_in(controller.settings.namespace)
        lost = {each.path for each in actions if controller.needs_engine(each)}
        if lost and await self._engine.answers():
            lost = set()
        actions.sort(key=lambda action: (action.path in lost, action.path))
        return [facts.facts_of_action(each, each.path not in lost) for each in actions]

    def _metrics(self) -> Response:
        settings = self._controller.settings
        text = metrics.text_from_series(
            self._controller.tally.series,
            self._controller.invoker.census(),
            settings.containers,
            settings.waiting,
        )
        return Response(200, PRIVATE, PROMETHEUS, text.encode("utf-8"))

    async def _activation(self, activation_id: str) -> Response:
        namespace = self._controller.settings.namespace
        text = await self._controller.store.activation(namespace, activation_id)
        if text is None:
            return private_json(404, {"error": MISSING})
        # A result or a log of megabytes takes long enough for others to notice.
        loop = asyncio.get_running_loop()
        details = await loop.run_in_executor(None, facts.details_from_record, text)
        return private_json(200, details)


def private_json(status: int, value: Any) -> Response:
    return json_response(status, value, PRIVATE)


def limit_from_text(text: Optional[str]) -> int:
    given = text or ""
    if not given.isdecimal() or len(given) > LONGEST_NUMBER:
        return MOST_LISTED
    return min(int(given), MOST_LISTED)


class Document(NamedTuple):
    """The page with all in it, and a policy that lets nothing else in."""

    text: str
    headers: Pairs

    def response(self, token: Optional[str]) -> Response:
        """`token` is in it for the script to take out."""
        text = self.text.replace(NO_TOKEN, TOKEN.format(token)) if token else self.text
        return Response(200, self.headers, HTML, text.encode("utf-8"))


def document() -> Document:
    style = (FOLDER / "page.css").read_text("utf-8")
    script = "".join((FOLDER / name).read_text("utf-8") for name in SCRIPTS)
    text = (FOLDER / "page.html").read_text("utf-8")
    text = text.replace(STYLE, f"<style>{style}</style>")
    text = text.replace(SCRIPT, f"<script>{script}</script>")
    policy = {
        "default-src": "'none'",
        "script-src": digest(script),
        "style-src": digest(style),
        "img-src": "data: blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    directives = "; ".join(f"{name} {value}" for name, value in policy.items())
    headers = [
        ("Content-Security-Policy", directives),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Referrer-Policy", "no-referrer"),
        *PRIVATE,
    ]
    return Document(text, headers)


def digest(text: str) -> str:
    hashed = hashlib.sha256(text.encode("utf-8")).digest()
    return "'sha256-" + base64.b64encode(hashed).decode("ascii") + "'"

"""An OpenWhisk by its REST API: touches what it has made itself, and removes that."""

import json
from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import quote

from acceptance.http import Place
from acceptance.messages import Answer, Question

JSON = (("Content-Type", "application/json"),)
NAMESPACE = "/api/v1/namespaces/_/"


class Spent(Exception):
    """All the requests that --requests allows have been made."""


class Failed(Exception):
    """The cluster has refused what is needed to go on."""


class Reply(NamedTuple):
    status: int
    value: Any


class Cluster:
    def __init__(self, place: Place, allowed: int) -> None:
        self.place = place
        self.left = allowed
        self._made: List[str] = []

    def ask(self, place: Place, question: Question) -> Answer:
        if self.left <= 0:
            raise Spent()
        self.left -= 1
        return place.ask(question)

    def call(self, method: str, path: str, value: Any = None) -> Reply:
        body = b"" if value is None else json.dumps(value).encode()
        answer = self.ask(self.place, Question(path, method, path, JSON if body else (), body))
        try:
            return Reply(answer.status, json.loads(answer.body.decode() or "null"))
        except (ValueError, RecursionError):
            return Reply(answer.status, answer.body[:200].decode("latin-1"))

    def description(self) -> Dict[str, Any]:
        """What it says of itself: version and limits."""
        found: Dict[str, Any] = {}
        for path in ("/", "/api/v1"):
            reply = self.call("GET", path)
            if reply.status == 200 and isinstance(reply.value, dict):
                found.update(reply.value)
        return found

    def namespace(self) -> str:
        reply = self.call("GET", "/api/v1/namespaces")
        url = self.place.url
        if reply.status in (401, 403):
            raise Failed("%s refuses the key: is it what `wsk property get --auth` says?" % url)
        if reply.status != 200 or not is_names(reply.value):
            words = (url, reply.status, shortened(reply.value))
            raise Failed("%s is no OpenWhisk: it answers %d to /api/v1/namespaces: %s" % words)
        return str(reply.value[0])

    # -- what is made ----------------------------------------------------------------------------

    def make(self, kind: str, name: str, value: Any) -> Reply:
        path = NAMESPACE + "%s/%s" % (kind, quote(name))
        is_new = path not in self._made
        if is_new:
            # Before it is asked for: whoever is interrupted doesn't know whether it is there.
            self._made.append(path)
        reply = self.call("PUT", path + "?overwrite=true", value)
        is_refused = 400 <= reply.status < 500
        if is_new and is_refused:
            self._made.remove(path)
        return reply

    def make_action(self, name: str, image: str, **more: Any) -> Reply:
        return self.make("actions", name, action_from_image(image, **more))

    def remove_all(self) -> List[str]:
        """What couldn't be removed. The allowance is for tests: cleaning up may go beyond it."""
        left = []
        while self._made:
            path = self._made.pop()
            self.left = max(self.left, 1)
            try:
                removed = self.call("DELETE", path).status in (200, 204, 404)
            except OSError:
                removed = False
            if not removed:
                left.append(path)
        return left

    # -- what is asked ---------------------------------------------------------------------------

    def web(self, namespace: str, name: str) -> Place:
        path = "/api/v1/web/%s/default/%s" % (quote(namespace), quote(name))
        return self.place.below(path)

    def invoke(self, name: str, params: Any, blocking: bool = True) -> Reply:
        query = "?blocking=true" if blocking else ""
        return self.call("POST", NAMESPACE + "actions/%s%s" % (quote(name), query), params)

    def activations(self, name: str, most: int = 10) -> List[Dict[str, Any]]:
        path = NAMESPACE + "activations?name=%s&limit=%d&docs=true" % (quote(name), most)
        reply = self.call("GET", path)
        return list(reply.value) if reply.status == 200 else []

    def activation(self, number: str) -> Optional[Dict[str, Any]]:
        reply = self.call("GET", NAMESPACE + "activations/" + quote(number))
        return dict(reply.value) if reply.status == 200 else None


def is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def shortened(value: Any) -> str:
    """What a cluster says may be a page, or anything else."""
    return repr(value if isinstance(value, str) else json.dumps(value))[:200]


def error_in(reply: Reply) -> str:
    """The sentence in what a cluster has refused."""
    if isinstance(reply.value, dict) and isinstance(reply.value.get("error"), str):
        return str(reply.value["error"])[:300]
    return "%d %s" % (reply.status, shortened(reply.value))


def action_from_image(
    image: str,
    raw: bool = True,
    memory: int = 256,
    timeout: int = 60000,
    concurrency: int = 1,
    params: Tuple[Tuple[str, Any], ...] = (),
    secure: str = "",
) -> Dict[str, Any]:
    annotations = [{"key": "web-export", "value": True}, {"key": "raw-http", "value": raw}]
    if secure:
        annotations.append({"key": "require-whisk-auth", "value": secure})
    return {
        "exec": {"kind": "blackbox", "image": image},
        "annotations": annotations,
        "parameters": [{"key": key, "value": value} for key, value in params],
        "limits": {"memory": memory, "timeout": timeout, "concurrency": concurrency},
    }


def sequence_of(names: List[str]) -> Dict[str, Any]:
    return {
        "exec": {"kind": "sequence", "components": names},
        "annotations": [{"key": "web-export", "value": True}],
    }

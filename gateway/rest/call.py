"""One request to one collection of the REST API: what it names, sends and asks for. Pure: touches
nothing."""

from typing import Any, Awaitable, Callable, Dict, List, NamedTuple, Optional, Tuple

from gateway.entities import path_of
from gateway.http import jsontext, urls
from gateway.http.headers import content_type_of
from gateway.http.messages import Request, Response
from gateway.names import NAME
from gateway.refusal import Refusal, Stage
from gateway.rest.query import Query

BAD_NAME = "The name of the entity contains illegal characters."
BAD_TYPE = "The request's Content-Type is not supported. Expected:\napplication/json"
MALFORMED = "The request content was malformed:\n{}"
OBJECT_EXPECTED = "JSON object expected"
EXISTS = "resource already exists"
#: What follows a collection where the collection itself is meant.
ALL = ((), ("",))


class Call(NamedTuple):
    """`names` are the path's segments behind the collection, "" for a slash at the end."""

    request: Request
    namespace: str
    names: Tuple[str, ...]
    query: Query

    @property
    def package(self) -> str:
        """Empty for what is in the default package."""
        return self.names[0] if len(self.names) == 2 else ""

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def path(self) -> str:
        """Of the entity that is named."""
        return path_of(self.namespace, *self.names)


Handler = Callable[[Call], Awaitable[Response]]
#: Who answers a call; None where the platform has no such route.
Collection = Callable[[Call], Optional[Handler]]


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
    """Raises Refusal."""
    if not all(map(NAME.match, names)):
        raise Refusal(400, BAD_NAME, Stage.CONTENT)


def malformed(problem: object) -> Refusal:
    """For content that isn't what it has to be; answered before anything is looked up."""
    return Refusal(400, MALFORMED.format(problem), Stage.CONTENT)


def content_of(request: Request) -> Any:
    """What was sent to create something. Raises Refusal."""
    content_type = content_type_of(request.headers, request.length)
    if content_type is not None and content_type.value != "application/json":
        raise Refusal(415, BAD_TYPE, Stage.CONTENT)
    try:
        return jsontext.value_from_json(request.body)
    except jsontext.Malformed as error:
        raise malformed(error) from error


def payload_of(request: Request) -> Dict[str, Any]:
    """What was sent for an action or a trigger. Raises Refusal."""
    payload = content_of(request) if request.body else {}
    if not isinstance(payload, dict):
        raise malformed(OBJECT_EXPECTED)
    return payload


def handler_of(
    call: Call,
    list_all: Handler,
    methods: Dict[str, Handler],
    longest: int = 1,
) -> Optional[Handler]:
    """Of a collection whose names have up to `longest` parts. Raises Refusal."""
    method, names = call.request.method, call.names
    if names in ALL:
        return list_all if method == "GET" else None
    if len(names) > longest:
        return None
    check_names(names)
    return methods.get(method)

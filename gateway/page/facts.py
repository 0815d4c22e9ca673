"""What the page shows of actions, of what runs and of activations. Pure: touches nothing."""

from typing import Any, Dict, Optional
from urllib.parse import quote

from gateway.entities import Action, Order
from gateway.http import jsontext
from gateway.refusal import Refusal
from gateway.web import guard
from gateway.web.address import EXTENSIONS
from gateway.web.result import status_from_result

LONGEST_TEXT = 100000
USING_KEY = '-u "$AUTH"'
OPTIONS = {
    guard.NOTHING: "",
    guard.KEY: USING_KEY,
    guard.SECRET: '-H "X-Require-Whisk-Auth: $SECRET"',
}


def facts_of_action(action: Action, is_served: bool = True) -> Dict[str, Any]:
    """`url` is where a browser finds it; `call` and `options` are for curl, secrets left to the
    shell's variables; `needs` is what a request has to bring."""
    annotations = dict(action.annotations)
    web = annotations.get("web-export") is True
    needs = guard.need_of(action) if web else guard.KEY
    description = annotations.get("description")
    return {
        "name": action.path.partition("/")[2],
        "image": action.image or ", ".join(action.components),
        "version": action.version,
        "description": description if isinstance(description, str) else "",
        "url": web_path(action) if web and not needs else None,
        "call": web_path(action) if web else invoke_path(action),
        "options": OPTIONS[needs] if web else f"{USING_KEY} -X POST",
        "web": web,
        "needs": needs,
        "served": is_served,
    }


def web_path(action: Action) -> str:
    # A name that ends like an extension would be taken for a shorter name with one.
    name = action.name + (".http" if action.name.endswith(EXTENSIONS) else "")
    return "/api/v1/web/" + "/".join(
        map(segment, (action.namespace, action.package or "default", name))
    )


def invoke_path(action: Action) -> str:
    names = [action.package, action.name] if action.package else [action.name]
    path = "/".join(map(segment, (action.namespace, "actions", *names)))
    return f"/api/v1/namespaces/{path}?blocking=true&result=true"


def segment(name: str) -> str:
    return quote(name, safe="@")


def facts_of_order(order: Order, since: int) -> Dict[str, Any]:
    return {"activationId": order.activation_id, "path": order.action.path, "start": since}


def details_from_record(text: str) -> Dict[str, str]:
    """An activation's log and result, as texts that a page can bear. An error that is a text, such
    as a traceback, is shown as one."""
    record = jsontext.value_from_json(text.encode("utf-8"))
    result = record["response"].get("result")
    error = error_in(result)
    is_text = isinstance(error, str)
    return {
        "log": end_of("\n".join(map(log_line, record["logs"]))),
        "title": "Error" if is_text else "Result",
        "result": shortened(error if is_text else jsontext.pretty(result)),
    }


def code_from_record(text: str) -> Optional[int]:
    """The HTTP status that an activation's result asks for."""
    result = jsontext.value_from_json(text.encode("utf-8"))["response"].get("result")
    answer = error_in(result) or result
    try:
        return status_from_result(answer["statusCode"])
    except (Refusal, LookupError, TypeError):
        return None


def error_in(result: Any) -> Any:
    return result.get("error") if isinstance(result, dict) else None


def log_line(line: str) -> str:
    """Without the date, which the activation has: `2026-01-31T12:00:00.123456789Z stdout: text`."""
    moment, _, rest = line.partition(" ")
    return f"{moment[11:23]} {rest}" if moment[10:11] == "T" and rest else line


def end_of(text: str) -> str:
    """Of a log: what went wrong stands last."""
    cut = len(text) - LONGEST_TEXT
    return text if cut <= 0 else f"… {cut} characters before\n{text[cut:]}"


def shortened(text: str) -> str:
    cut = len(text) - LONGEST_TEXT
    return text if cut <= 0 else f"{text[:LONGEST_TEXT]}\n… {cut} characters more"

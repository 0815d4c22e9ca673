"""Fills the tables of the pages from the code and from the recordings: python -m docs.generate.
Writes *.md files.

A table stands between `<!-- generated: NAME -->` and `<!-- end -->`; each function below named NAME
makes one.
"""

import base64
import collections
import json
import re
from pathlib import Path

from gateway.commandline import parser
from gateway.http.mediatypes import BINARY, FIXED, OPEN, REGISTERED
from gateway.settings import Bounds, Settings
from images.commands import settings as build
from openwhisk_adapter import settings as adapter

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.S)
NOT_RECORDED = ""


def recorded(name):
    return json.loads((ROOT / "tests" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def code(text):
    """As a code span, whatever is in it: one line, no bar that would end the cell."""
    if not text:
        return "an empty string"
    shown = json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    shown = shown.replace("|", "\\|")
    if shown[0] in " `" or shown[-1] in " `":
        return f"`` {shown} ``"
    return f"`{shown}`"


def kinds():
    """How many of the registered types are carried how."""
    counts = collections.Counter(kind for _, kind in REGISTERED.values())
    return table(
        ["kind", "registered types", "carried as", "the client sees"],
        [
            ["fixed charset", str(counts[FIXED]), "text, UTF-8", "the type without a charset"],
            ["open charset", str(counts[OPEN]), "text", "the type and `; charset=UTF-8`"],
            ["binary", str(counts[BINARY]), "base64", "the type as given"],
        ],
    )


def media_types():
    lines = []
    for kind in (FIXED, OPEN, BINARY):
        by_main = collections.defaultdict(list)
        for name, its_kind in sorted(REGISTERED.values()):
            if its_kind == kind:
                by_main[name.partition("/")[0]].append(name.partition("/")[2])
        lines.append(f"**{kind.capitalize()}**\n\n")
        lines += [
            f"- `{main}/`: " + ", ".join(f"`{sub}`" for sub in subs) + "\n"
            for main, subs in by_main.items()
        ]
        lines.append("\n")
    return "".join(lines).rstrip("\n") + "\n"


def limits():
    bounds, settings = Bounds(), Settings()
    rows = [
        [
            "time of `/init`, and again of `/run`",
            "`-t`",
            *numbers(bounds.timeout, "ms"),
            "60000 ms",
        ],
        ["memory", "`-m`", *numbers(bounds.memory, "MB"), "256 MB"],
        ["log", "`-l`", *numbers(bounds.logs, "MB"), "10 MB"],
        ["activations at once in a container", "`-c`", *numbers(bounds.concurrency, ""), "1"],
        ["body of a request, and result", "", "", f"{settings.payload_bytes} bytes each", ""],
        ["parameters of an action", "", "", f"{settings.parameter_bytes} bytes", ""],
        ["wait for a result before a 202", "", "", f"{settings.wait_seconds:.0f} s", ""],
    ]
    return table(["limit", "`wsk` option", "least", "most", "default"], rows)


def options():
    """Those of the gateway in the groups that argparse hasn't made itself: of containers, and of
    limits."""
    parts = []
    for group in parser()._action_groups[2:]:
        rows = [
            [
                code(f"{option.option_strings[0]} {option.metavar}"),
                str(option.default),
                without_default(option.help),
            ]
            for option in group._group_actions
        ]
        parts.append(
            f"**{group.title.capitalize()}**\n\n" + table(["option", "default", "meaning"], rows)
        )
    return "\n".join(parts)


def without_default(text):
    return text.partition("(default")[0].strip()


def numbers(pair, unit):
    return [f"{number} {unit}".strip() for number in pair]


def recordings():
    rows = [
        [
            "`requests.json`",
            len(recorded("requests")["cases"]),
            "a request, and what of it reached the action",
        ],
        [
            "`results.json`",
            len(recorded("results")["cases"]),
            "an action's result, and what the client got",
        ],
        [
            "`replies.json`",
            len(recorded("replies")["cases"]),
            "a reply to `/run` that isn't plain JSON, and its end",
        ],
        [
            "`api.json`",
            len(recorded("api")["calls"]),
            "a session with the REST API, call after call",
        ],
    ]
    return table(
        ["file", "cases", "each is"], [[name, str(count), what] for name, count, what in rows]
    )


def envelope():
    example = recorded("requests")["envelope"]
    shown = {"`POST /init`": example["init"], "`POST /run`": example["run"]}
    return "\n".join(
        f"{name}\n\n```json\n{json.dumps(body, indent=2)}\n```\n" for name, body in shown.items()
    )


def paths():
    rows = [
        [code(case["name"][5:].strip("'")), code(case["value"]["__ow_path"])]
        for case in recorded("requests")["cases"]
        if re.match(r"path '/", case["name"]) and "value" in case
    ]
    return table(["after the action's name", "`__ow_path`"], rows)


def queries():
    """What the same query becomes in a raw action and in one that isn't."""
    found = collections.defaultdict(dict)
    for case in recorded("requests")["cases"]:
        if case["name"].startswith("query ") and case["headers"] == [] and "?" in case["target"]:
            found[case["target"].partition("?")[2]][case["action"]] = case
    rows = []
    for query, cases in found.items():
        raw, plain = (arrived_query(cases.get(action)) for action in ("raw", "plain"))
        if (raw or plain) and len(query) < 60:
            rows.append([code(query), raw, plain])
    return table(["query as sent", "raw: `__ow_query`", "not raw: parameters"], rows)


def arrived_query(case):
    if not case:
        return NOT_RECORDED
    if "response" in case:
        return str(case["response"]["status"])
    value = case["value"]
    if case["action"] == "raw":
        return code(value["__ow_query"])
    return code(json.dumps(own_parameters(value), ensure_ascii=False))


def own_parameters(value):
    return {name: given for name, given in value.items() if not name.startswith("__ow_")}


def headers():
    """Those that don't arrive as they were sent."""
    rows = []
    for case in recorded("requests")["cases"]:
        if case["name"].startswith("header ") and "value" in case and "latin1" not in case["name"]:
            sent = [(name, value) for name, value in case["headers"] if value != "<whisk>"]
            arrived = case["value"]["__ow_headers"]
            for name in dict.fromkeys(name.lower() for name, _ in sent):
                values = [value for key, value in sent if key.lower() == name]
                if [arrived.get(name)] != values:
                    shown = " and ".join(code(f"{name}: {value}") for value in values)
                    rows.append([shown, code(arrived[name]) if name in arrived else "not at all"])
    return table(["sent", "arrives as"], rows)


def request_bodies():
    found = collections.defaultdict(dict)
    for case in recorded("requests")["cases"]:
        if (
            case["name"].startswith("body ")
            and case["method"] == "POST"
            and len(case["headers"]) <= 1
        ):
            content_type = {name.lower(): value for name, value in case["headers"]}.get(
                "content-type"
            )
            how = arrived_body(case)
            if case.get("body_b64"):
                found[content_type].setdefault(case["action"], how)
    rows = [
        [
            code(content_type or "") if content_type else "no type",
            *(how.get(action, "") for action in ("raw", "plain")),
        ]
        for content_type, how in found.items()
    ]
    return table(
        ["`Content-Type` of a request", "raw: `__ow_body` is", "not raw"],
        sorted(rows, key=row_order),
    )


def row_order(row):
    return row[0].strip("` ").lower()


def arrived_body(case):
    if "response" in case:
        return str(case["response"]["status"])
    body = base64.b64decode(case["body_b64"])
    value = case["value"]
    if "__ow_body" not in value:
        return "parameters"
    if value["__ow_body"] == base64.b64encode(body).decode():
        return "base64"
    return "text" if value["__ow_body"] == body.decode("utf-8", "replace") else "the JSON value"


def result_types():
    """For each type: what a text and what base64 in `body` come to."""
    found = collections.defaultdict(dict)
    for case in recorded("results")["cases"]:
        match = re.match(r"type (.*), body (plain|base64)\Z", case["name"], re.S)
        if match:
            found[match.group(1)][match.group(2)] = case
    rows = []
    for content_type, cases in found.items():
        response = next(
            (case["response"] for case in cases.values() if case["response"]["status"] == 200), None
        )
        seen = response and next(
            (value for name, value in response["headers"] if name == "Content-Type"), ""
        )
        cells = [came_to(cases.get(kind)) for kind in ("plain", "base64")]
        rows.append([code(content_type), *cells, code(seen) if seen else NOT_RECORDED])
    return table(
        ["`content-type` of a result", "text", "base64", "the client sees"],
        sorted(rows, key=row_order),
    )


def came_to(case):
    if case is None:
        return NOT_RECORDED
    response = case["response"]
    if response["status"] != 200:
        return str(response["status"])
    given = json.loads(case["result"])["body"]
    return "as it is" if response.get("body") == given else "decoded"


def scalars():
    rows = []
    for case in recorded("results")["cases"]:
        match = re.match(r"scalar '(.*)' as application/json\Z", case["name"])
        if match:
            response = case["response"]
            got = (
                base64.b64decode(response["body_b64"])
                if "body_b64" in response
                else response["body"].encode()
            )
            intact = got == json.loads(case["result"])["body"].encode()
            shown = (
                "itself" if intact else f"bytes `{got.hex()}`" if response["status"] == 200 else ""
            )
            rows.append([f"`{match.group(1)}`", str(response["status"]), shown])
    return table(["`body` of type `application/json`", "status", "the client gets"], rows)


def replies():
    """Grouped by what they come to."""
    found = collections.OrderedDict()
    for case in recorded("replies")["cases"]:
        status = case["response"]["status"]
        activation = case.get("activation") or {}
        found.setdefault((status, activation.get("status", "not recorded")), []).append(
            reply_name(case)
        )
    rows = [
        [", ".join(dict.fromkeys(names)), activation, str(status)]
        for (status, activation), names in found.items()
    ]
    return table(["the action's reply to `/run`", "activation", "the client gets"], rows)


def reply_name(case):
    status = re.match(r"HTTP/1.[01] (\d+)", case["reply_head"])
    if not re.match(r"\d{3} ", case["name"]) or not status:
        return case["name"]
    body = base64.b64decode(case["reply_body_b64"]).decode()
    if status.group(1) != "200":
        return f"status {status.group(1)}"
    return (
        f"200 {code(body if len(body) < 20 else body[:8] + '...' + body[-4:])}"
        if body
        else "200 without a body"
    )


def statuses():
    """What a statusCode in a result comes to, grouped."""
    found = collections.OrderedDict()
    for case in recorded("results")["cases"]:
        match = re.match(r"status (.*) with(out)? body\Z", case["name"])
        if match:
            given, without = match.groups()
            arrived = case["response"]["status"]
            how = "that status" if str(arrived) == given.strip("'") else str(arrived)
            found.setdefault((how, "no" if without else "yes"), []).append(given)
    rows = [
        [", ".join(f"`{given}`" for given in all_given), body, how]
        for (how, body), all_given in found.items()
    ]
    return table(["`statusCode`", "a body", "the client gets"], rows)


def runs():
    """What the last `make test-examples` and `make test-servers` have found."""
    return examples() + servers()


def examples():
    text = (ROOT / "tests" / "examples" / "RESULTS.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| (\S+) \| (\d+) \| (\d+) \|$", text)
    found = ", ".join(f"{name} {passed} of {tests}" for name, tests, passed in rows)
    return f"- **The examples**, tests passed on {date_of(text)}: {found}\n"


def servers():
    """Which answered as they do themselves."""
    text = (ROOT / "tests" / "servers" / "RESULTS.md").read_text(encoding="utf-8")
    same, other = [], []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 7 and cells[3].isdigit():
            name, version, _, questions, _, gateway, _ = cells
            if gateway == f"{questions} of {questions}":
                same.append(with_version(name, version))
            else:
                other.append(f"{with_version(name, version)}: {gateway}")
    date = date_of(text)
    lines = [f"- **Servers with all answers the same** on {date}: {', '.join(same) or 'none'}\n"]
    lines += [f"- **Servers with some that differ**: {', '.join(other)}\n"] if other else []
    return "".join(lines)


def with_version(name, version):
    """`version`: of a product, which is named once if the server has its name."""
    product, _, number = version.partition(" ")
    return f"{name} {number}" if product in name.lower() else f"{name} ({version})"


def date_of(results):
    (date,) = re.findall(r"on (\d{4}-\d\d-\d\d)\.", results)
    return date


def adapter_settings():
    rows = []
    for name, default in adapter.Settings()._asdict().items():
        shown = code(str(default)) if default else ""
        rows.append([code(adapter.variable(name)), shown, adapter.SETTINGS[name].meaning])
    return table(["Variable", "Default", "Meaning"], rows)


def build_settings():
    rows = []
    for one in build.SETTINGS:
        default = one.shown or code(one.default)
        rows.append([code(one.name), default, one.text])
    return table(["setting", "default", "meaning"], rows)


TABLES = [kinds, media_types, limits, options, recordings, envelope, paths, queries, headers]
TABLES += [runs, adapter_settings, build_settings]
TABLES += [request_bodies, result_types, scalars, replies, statuses]
MADE_BY = {make.__name__: make for make in TABLES}


def generated(text):
    return BLOCK.sub(
        lambda block: f"{block.group(1)}\n{MADE_BY[block.group(2)]()}\n{block.group(3)}", text
    )


def main():
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = generated(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"{page.relative_to(ROOT)} is up to date again")


if __name__ == "__main__":
    main()

"""Builds the examples' images, deploys them on an OpenWhisk, compares each answer with the model's
own server's, and removes the actions that it has made:

    python -m acceptance --apihost https://openwhisk.example --auth-file KEY --registry ghcr.io/me

The exit status is 0 if all is well, 1 if an answer differs for which the platform isn't the cause
or a check fails, 2 if it couldn't be asked to the end.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from acceptance import checks, cluster, engine
from acceptance.cluster import Cluster, Spent, error_in, shortened
from acceptance.differences import Difference, differences
from acceptance.http import Place
from acceptance.messages import Question
from acceptance.tables import EXAMPLES, questions_of

PROBE = Path(__file__).resolve().parent / "probe"
PREFIX = "acceptance-"


class Compared(NamedTuple):
    example: str
    asked: int
    differences: List[Difference]
    cold: float
    warm: float
    own: float


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m acceptance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--apihost", required=True, help="https://host, as in `wsk property get`")
    made.add_argument("--auth", default=os.environ.get("AUTH", ""), help="uuid:key; better: $AUTH")
    made.add_argument("--auth-file", type=Path, help="a file with uuid:key")
    made.add_argument("--registry", required=True, help="where the cluster pulls images from")
    made.add_argument("--examples", nargs="*", default=["max-digits", "fastapi-model"])
    made.add_argument("--requests", type=int, default=2000, help="the most that it asks (2000)")
    made.add_argument("--no-push", action="store_true", help="the cluster has this engine's images")
    made.add_argument("--no-load", action="store_true", help="without the 600 requests for figures")
    made.add_argument("--insecure", action="store_true", help="believe any certificate")
    made.add_argument("--json", type=Path, help="write what was found to a file")
    return made


def main(words: List[str]) -> int:
    given = parser().parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        asked = cluster_from_words(given)
        found = found_out(asked, given)
        report(found)
        if given.json:
            given.json.write_text(json.dumps(with_names(found), indent=1) + "\n")
    except (engine.Failed, cluster.Failed, ValueError, OSError) as failure:
        return gave_up("%s" % failure)
    except Spent:
        return gave_up("--requests %d are spent: nothing more was asked" % given.requests)
    except KeyboardInterrupt:
        print("interrupted: the actions that it had made are removed", file=sys.stderr)
        return 130
    return 0 if is_well(found) else 1


def gave_up(reason: str) -> int:
    print("acceptance: %s" % reason, file=sys.stderr)
    return 2


def cluster_from_words(given: argparse.Namespace) -> Cluster:
    auth = given.auth_file.read_text().strip() if given.auth_file else given.auth
    if auth.count(":") != 1:
        raise ValueError(
            "--auth-file, --auth or $AUTH should say uuid:key, as in `wsk property get --auth`"
        )
    if given.json and not given.json.absolute().parent.is_dir():
        raise ValueError("--json %s: there is no such folder" % given.json)
    return Cluster(Place(given.apihost, auth, given.insecure), given.requests)


def found_out(asked: Cluster, given: argparse.Namespace) -> Dict[str, Any]:
    try:
        return ran(asked, given)
    finally:
        for left in asked.remove_all():
            print("couldn't be removed: %s" % left, file=sys.stderr)


def ran(asked: Cluster, given: argparse.Namespace) -> Dict[str, Any]:
    description = asked.description()
    namespace = asked.namespace()
    tables = questions_of(given.examples)
    found: Dict[str, Any] = {"cluster": description, "examples": [], "checks": [], "load": []}
    for example, questions in tables.items():
        print("%s: building, comparing %d answers" % (example, len(questions)), flush=True)
        found["examples"].append(compare(asked, namespace, given, example, questions))
    print("probe: building, %d checks" % len(checks.CHECKS), flush=True)
    base = engine.build_base(given.registry, PREFIX + "probe", PROBE)
    image = engine.build_action(given.registry, base, not given.no_push)
    subject = deployed(asked, namespace, PREFIX + "probe", image)
    checks.awake(subject, Question("who"))
    for check in checks.CHECKS:
        found["checks"].append(checks.checked(subject, check))
    if not given.no_load:
        found["load"].append(checks.load(subject, "one after another", 200, 1))
        found["load"].append(checks.load(subject, "8 at once", 400, 8))
    return found


def compare(
    asked: Cluster,
    namespace: str,
    given: argparse.Namespace,
    example: str,
    questions: List[Question],
) -> Compared:
    base = engine.build_base(given.registry, PREFIX + example, EXAMPLES / example)
    image = engine.build_action(given.registry, base, not given.no_push)
    subject = deployed(asked, namespace, PREFIX + example, image, memory=512)
    own = engine.OwnServer(base)
    different: List[Difference] = []
    try:
        cold = checks.awake(subject, questions[0]).seconds
        seconds = []
        for question in questions:
            left = own.place.ask(question)
            right = subject.ask(question)
            seconds.append((left.seconds, right.seconds))
            url = subject.web.url + subject.web.prefix
            different += differences(question, left, right, own.place.url, url)
    finally:
        own.stop()
    middle = sorted(seconds)[len(seconds) // 2]
    return Compared(example, len(questions), different, cold, middle[1], middle[0])


def deployed(
    asked: Cluster, namespace: str, name: str, image: str, memory: int = 256
) -> checks.Subject:
    reply = asked.make_action(name, image, memory=memory)
    if reply.status != 200:
        raise cluster.Failed("the cluster refuses the action %s: %s" % (name, error_in(reply)))
    return checks.Subject(asked, namespace, name, image)


def report(found: Dict[str, Any]) -> None:
    print("\ncluster: %s" % described(found["cluster"]))
    for one in found["examples"]:
        ours = [difference for difference in one.differences if not difference.cause]
        same = one.asked - len({difference.question for difference in one.differences})
        print("\n%s: %d of %d answers are the own server's" % (one.example, same, one.asked))
        print("  first answer %.1f s; then %.3f s, own %.3f s" % (one.cold, one.warm, one.own))
        for line in lines_from_differences(one.differences):
            print("  " + line)
        if ours:
            print("  %d of these are ours" % len(ours))
    print()
    for check in found["checks"]:
        print(("%-6s %s  %s" % (verdict(check), check.name, check.said)).rstrip())
    failed = sum(not check.passed for check in found["checks"])
    print("%d checks, %d failed" % (len(found["checks"]), failed))
    for one in found["load"]:
        words = (one.how, one.requests, one.errors, one.p50, one.p99, one.cold_starts)
        print("%s: %d requests, %d errors, p50 %.3f s, p99 %.3f s, %d containers" % words)


def verdict(check: checks.Check) -> str:
    return "ok" if check.passed else "FAILED"


def lines_from_differences(differences: List[Difference]) -> List[str]:
    """What the platform does to a question is one line, whatever it changes by that."""
    known: Dict[Tuple[str, str], List[str]] = {}
    ours = []
    for one in differences:
        if one.cause:
            known.setdefault((one.question, one.cause), []).append(one.what)
        else:
            words = (one.question, one.what, one.own, one.here)
            ours.append("%s, %s: OURS\n    own:  %r\n    here: %r" % words)
    lines = []
    for (question, cause), what in known.items():
        lines.append("%s (%s): the platform: %s" % (question, ", ".join(what), cause))
    return lines + ours


def with_names(value: Any) -> Any:
    """Tuples with names as objects, for JSON."""
    if isinstance(value, dict):
        return {name: with_names(one) for name, one in value.items()}
    if hasattr(value, "_asdict"):
        return with_names(value._asdict())
    return [with_names(one) for one in value] if isinstance(value, list) else value


def described(description: Dict[str, Any]) -> str:
    known = [name for name in ("build", "buildno") if name in description]
    words = ["%s %s" % (name, shortened(description[name])) for name in known]
    limits = description.get("limits")
    if isinstance(limits, dict):
        words += ["%s %s" % (name, shortened(value)) for name, value in sorted(limits.items())]
    return "\n  ".join(words) or "it says nothing of itself"


def is_well(found: Dict[str, Any]) -> bool:
    for one in found["examples"]:
        if any(not difference.cause for difference in one.differences):
            return False
    if any(one.errors for one in found["load"]):
        return False
    return all(check.passed for check in found["checks"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

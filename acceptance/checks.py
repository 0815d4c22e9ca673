"""What else an action should do on a cluster, each by one small function: touches the cluster."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, NamedTuple

from acceptance.cluster import JSON, Cluster, Failed, Spent, error_in, sequence_of
from acceptance.http import Place
from acceptance.messages import Answer, Question

ACTIVATIONS = 30  # seconds in which an activation's record should be there


class Check(NamedTuple):
    name: str
    passed: bool
    said: str = ""


class Skipped(Exception):
    """The cluster can't be asked this, and says why."""


class Subject(NamedTuple):
    """One action to be asked, by the image of the probe."""

    cluster: Cluster
    namespace: str
    name: str
    image: str

    @property
    def web(self) -> Place:
        return self.cluster.web(self.namespace, self.name)

    def ask(self, question: Question) -> Answer:
        return self.cluster.ask(self.web, question)

    def again(self, suffix: str, **more: Any) -> "Subject":
        """Another action of the same image."""
        name = self.name + "-" + suffix
        reply = self.cluster.make_action(name, self.image, **more)
        if reply.status != 200:
            raise Skipped("the cluster refuses it: %s" % error_in(reply))
        return self._replace(name=name)


def expect(condition: bool, *said: Any) -> None:
    if not condition:
        raise AssertionError(" ".join(str(one)[:300] for one in said))


def not_raw(subject: Subject) -> None:
    merged = subject.again("merged", raw=False)
    answer = merged.ask(Question("merged", "POST", "/echo", JSON, b'{"a": 1}'))
    expect(answer.status == 200 and json.loads(answer.body) == {"a": 1}, answer)


def plain_invocation(subject: Subject) -> None:
    reply = subject.cluster.invoke(subject.name, {"a": 1})
    expect(reply.status == 200, reply)
    result = reply.value["response"]["result"]
    expect({"pid", "host"} <= set(result), result)


def non_blocking_invocation(subject: Subject) -> None:
    reply = subject.cluster.invoke(subject.name, {}, blocking=False)
    expect(reply.status == 202, reply)
    record = recorded(subject, reply.value["activationId"])
    expect(record["response"]["success"], record["response"])


def awake(subject: Subject, question: Question) -> Answer:
    """The first answer. An action that can't be started would differ in each of the others."""
    answer = subject.ask(question)
    number = answer.header("x-openwhisk-activation-id")
    if answer.status == 202:
        raise Failed("the action %s hasn't answered within a minute" % subject.name)
    if answer.status == 400 and number:
        try:
            response = recorded(subject, number).get("response") or {}
        except AssertionError as missing:
            raise Failed("the action %s can't be asked: %s" % (subject.name, missing))
        if response.get("status") != "success":
            said = str((response.get("result") or {}).get("error"))[:500]
            raise Failed("the action %s can't be started there: %s" % (subject.name, said))
    return answer


def recorded(subject: Subject, number: str) -> Dict[str, Any]:
    until = time.monotonic() + ACTIVATIONS
    while time.monotonic() < until:
        record = subject.cluster.activation(number)
        if record is not None:
            return record
        time.sleep(1)
    raise AssertionError("activation %s has no record after %d s" % (number, ACTIVATIONS))


def a_file(subject: Subject) -> None:
    """{"b64": ...} is sent as a form: the probe says nothing of it, and doesn't fail."""
    file = {"b64": "aGVsbG8=", "filename": "hello.txt"}
    reply = subject.cluster.invoke(subject.name, {"file": file})
    expect(reply.status == 200, reply)


def bound_parameters(subject: Subject) -> None:
    bound = subject.again("bound", raw=False, params=(("bound", "yes"),))
    answer = bound.ask(Question("bound", "POST", "/echo", JSON, b'{"a": 1}'))
    expect(json.loads(answer.body) == {"a": 1, "bound": "yes"}, answer)


def secured(subject: Subject) -> None:
    secret = subject.again("secure", secure="a-secret")
    refused = secret.ask(Question("without the secret"))
    allowed = secret.ask(Question("with it", headers=(("X-Require-Whisk-Auth", "a-secret"),)))
    expect((refused.status, allowed.status) == (401, 200), refused, allowed)


def trigger_and_rule(subject: Subject) -> None:
    cluster = subject.cluster
    trigger, rule = subject.name + "-trigger", subject.name + "-rule"
    expect(cluster.make("triggers", trigger, {}).status == 200, "the trigger is refused")
    paths = {
        "trigger": "/%s/%s" % (subject.namespace, trigger),
        "action": "/%s/%s" % (subject.namespace, subject.name),
    }
    made = cluster.make("rules", rule, dict(paths, name=rule))
    expect(made.status == 200, made)
    fired = cluster.call("POST", "/api/v1/namespaces/_/triggers/" + trigger, {"a": 1})
    expect(fired.status == 202, fired)
    record = recorded(subject, fired.value["activationId"])
    expect("statusCode" in json.dumps(record.get("logs")), record.get("logs"))


def sequence(subject: Subject) -> None:
    name = subject.name + "-sequence"
    path = "/%s/%s" % (subject.namespace, subject.name)
    made = subject.cluster.make("actions", name, sequence_of([path, path]))
    expect(made.status == 200, made)
    reply = subject.cluster.invoke(name, {})
    expect(reply.status == 200 and "pid" in reply.value["response"]["result"], reply)


def failures_are_marked(subject: Subject) -> None:
    answer = subject.ask(Question("503", path="/status/503"))
    expect((answer.status, json.loads(answer.body)) == (503, {"status": 503}), answer)
    number = answer.header("x-openwhisk-activation-id")
    if not number:
        raise Skipped("the cluster tells no activation id")
    record = recorded(subject, number)
    expect(record["response"]["success"] is False, record["response"])


def logs(subject: Subject) -> None:
    answer = subject.ask(Question("say", path="/say/hello-from-the-model"))
    record = recorded(subject, answer.header("x-openwhisk-activation-id"))
    said = "\n".join(record.get("logs") or [])
    expect("said hello-from-the-model" in said, said or "no logs")


def too_large(subject: Subject) -> None:
    answer = subject.ask(Question("2 MB", path="/big/2000000"))
    expect(answer.status == 413 and b"OPENWHISK_LIMIT" in answer.body, answer.status, answer.body)


def over_its_time(subject: Subject) -> None:
    hasty = subject.again("hasty", timeout=3000)
    hasty.ask(Question("warm"))
    answer = hasty.ask(Question("slow", path="/slow/8"))
    expect(answer.status == 504 and b"-t" in answer.body, answer.status, answer.body)


def a_crash(subject: Subject) -> None:
    """The platform gives the request to a fresh container once more, and then up."""
    fragile = subject.again("fragile")
    fragile.ask(Question("warm"))
    answer = fragile.ask(Question("crash", path="/crash/3"))
    expect(answer.status >= 400, answer)
    expect(fragile.ask(Question("after it")).status == 200, "no container came after the crash")


def after_a_pause(subject: Subject) -> None:
    time.sleep(15)
    expect(subject.ask(Question("after a pause")).status == 200, "a container that slept")


def several_at_once(subject: Subject) -> None:
    wide = subject.again("wide", concurrency=4)
    wide.ask(Question("warm"))
    answers = at_once(8, lambda: wide.ask(Question("slow", path="/slow/0.3")))
    expect([answer.status for answer in answers] == [200] * 8, *answers)


def at_once(count: int, ask: Callable[[], Answer]) -> List[Answer]:
    with ThreadPoolExecutor(count) as executor:
        return [future.result() for future in [executor.submit(ask) for _ in range(count)]]


CHECKS = (
    not_raw,
    plain_invocation,
    non_blocking_invocation,
    a_file,
    bound_parameters,
    secured,
    trigger_and_rule,
    sequence,
    failures_are_marked,
    logs,
    too_large,
    over_its_time,
    a_crash,
    after_a_pause,
    several_at_once,
)


def checked(subject: Subject, check: Callable[[Subject], None]) -> Check:
    name = re.sub("_", " ", check.__name__)
    try:
        check(subject)
    except Spent:
        raise
    except Skipped as skipped:
        return Check(name, True, "not asked: %s" % skipped)
    except AssertionError as failure:
        return Check(name, False, str(failure))
    except (Failed, OSError, ValueError, KeyError, TypeError) as failure:
        return Check(name, False, "%s: %s" % (type(failure).__name__, failure))
    return Check(name, True)


class Load(NamedTuple):
    how: str
    requests: int
    errors: int
    p50: float
    p99: float
    cold_starts: int


def load(subject: Subject, how: str, count: int, threads: int) -> Load:
    """`who` tells which container has answered: each new one was a cold start."""
    seen: List[Answer] = []
    with ThreadPoolExecutor(threads) as executor:
        futures = [executor.submit(subject.ask, Question("who")) for _ in range(count)]
        seen = [future.result() for future in futures]
    seconds = sorted(answer.seconds for answer in seen)
    errors = sum(answer.status != 200 for answer in seen)
    containers = {answer.body for answer in seen if answer.status == 200}
    p99 = seconds[max(0, len(seconds) - 1 - len(seconds) // 100)]
    return Load(how, count, errors, seconds[len(seconds) // 2], p99, len(containers))

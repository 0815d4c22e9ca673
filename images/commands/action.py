"""One action's image inside the registry: layer.py. Prints what comes of it."""

import json
import sys
from typing import Callable, List, Mapping

from images.action.content import Held
from images.action.plan import Plan
from images.commands.arguments import Asked, asked_from_words
from images.commands.interrupting import interruptible
from images.commands.making import (
    InRegistry,
    Made,
    Workshop,
    made_in_registry,
    planned_in_registry,
    workshop,
)
from images.commands.progress import Progress
from images.commands.rebase import Standing, planned_rebase, standing
from images.registry.pushing import Pushed
from images.words import Told, plural, printable, size_text

MOVED = 3  # the exit status of --check


def main(words: List[str], environ: Mapping[str, str], program: str = "layer.py") -> int:
    asked = asked_from_words(words, program)
    try:
        return done(asked, environ)
    except (Told, ValueError, OSError) as error:
        if asked.as_json:
            print(json.dumps({"error": printable(str(error))}))
        raise


def done(asked: Asked, environ: Mapping[str, str]) -> int:
    with interruptible(), workshop(environ, asked.python_image) as shop:
        if asked.order:
            tell = told_to(asked.as_json or sys.stderr.isatty())
            carry_out(planned_in_registry(asked.order, shop, tell), asked)
            return 0
        return look_at_base(asked, shop)


def look_at_base(asked: Asked, shop: Workshop) -> int:
    """For an action that is there already."""
    found = standing(asked.rebase or asked.check, asked.target, shop, asked.insecure)
    if asked.check:
        print(text_from_standing(found) if asked.as_json else printable(found.text))
        return MOVED if found.has_moved else 0
    if not found.has_moved and not asked.target:
        nothing = f"{found.text}: nothing to do"
        print(text_from_standing(found) if asked.as_json else printable(nothing))
        return 0
    planned = planned_rebase(found.action, asked.target, shop, asked.insecure)
    carry_out(planned, asked)
    return 0


def text_from_standing(found: Standing) -> str:
    action = found.action
    told = {"image": str(action.image.reference), "base": str(action.base)}
    return json.dumps({**told, "was": action.digest, "now": found.now, "moved": found.has_moved})


def told_to(shown: bool) -> Callable[[str], None]:
    def tell(text: str) -> None:
        if shown:
            print(printable(text), file=sys.stderr)

    return tell


def carry_out(planned: InRegistry, asked: Asked) -> None:
    plan = planned.plan
    for remark in plan.remarks:
        print(printable(f"{plan.target.repository}: {remark}"), file=sys.stderr)
    if asked.dry:
        print(json_from_plan(plan) if asked.as_json else text_from_plan(plan))
        return
    with Progress(sys.stderr, size_to_copy(plan), lines=asked.as_json) as progress:
        made = made_in_registry(planned, progress)
    for remark in made.remarks:
        print(printable(f"{plan.target.repository}: {remark}"), file=sys.stderr)
    print(text_from_made(made, asked.as_json))


def size_to_copy(plan: Plan) -> int:
    files = [content for content in plan.blobs if not isinstance(content, Held)]
    return plan.base_size + sum(content.descriptor.size for content in files)


def text_from_made(made: Made, as_json: bool) -> str:
    pushed = made.pushed
    assert pushed is not None
    return json.dumps(pushed._asdict()) if as_json else text_from_pushed(pushed)


def text_from_plan(plan: Plan) -> str:
    """The plan in bytes.

    What of it is in the target already, only a push finds out.
    """
    same = plan.source.registry == plan.target.registry
    copied = f"copied where missing, at most {plan.base_size:,} bytes"
    where = "mounted where missing, no bytes" if same else copied
    lines = [f"{plan.target}@{plan.digest}", f"  from {plan.source}"]
    lines += [f"  {plural(len(plan.base_blobs), 'layer')} of the base: {where}"]
    for content in plan.blobs:
        lines += [f"  {content.descriptor.size:>8,} bytes  blob {content.descriptor.digest}"]
    for one in plan.manifests:
        lines += [f"  {len(one.data):>8,} bytes  {one.media_type} {one.digest}"]
    return "\n".join([*lines, f"  {plan.own_size:>8,} bytes of our own to send, at most"])


def json_from_plan(plan: Plan) -> str:
    """The same, for programs; sizes are bytes."""
    same = plan.source.registry == plan.target.registry
    told = {
        "image": str(plan.target),
        "digest": plan.digest,
        "base": str(plan.source),
        "layers": len(plan.base_blobs),
        "copied_at_most": 0 if same else plan.base_size,
        "blobs": [content.descriptor._asdict() for content in plan.blobs],
        "manifests": [
            {"mediaType": one.media_type, **one.descriptor._asdict()} for one in plan.manifests
        ],
        "sent_at_most": plan.own_size,
    }
    return json.dumps(told)


def text_from_pushed(pushed: Pushed) -> str:
    name, sent = pushed.image.rpartition(":")[0], size_text(pushed.sent)
    layers = f"{plural(pushed.mounted, 'layer')} mounted, {pushed.copied} copied"
    return f"{name}@{pushed.digest}  {layers}, {sent} sent"

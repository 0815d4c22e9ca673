"""Makes an action's image of a model's image inside the registry: a layer of kilobytes, no engine, no root.

    python layer.py quay.io/codait/max-object-detector me/max-object-detector:1.0.0
    python layer.py tensorflow/serving:2.18.0 me/half-plus-two:1 \\
        --add model=/models/half_plus_two --env MODEL_NAME=half_plus_two
"""

import argparse
import json
import sys
from typing import Callable, List, Mapping, Optional

from images.action.changes import Wishes
from images.action.content import Held
from images.action.plan import Plan
from images.commands.making import (
    InRegistry,
    Made,
    Order,
    made_in_registry,
    planned_in_registry,
    workshop,
)
from images.commands.options import (
    additions_from_texts,
    pairs_from_texts,
    python_from_text,
    words_from_text,
)
from images.commands.progress import Progress
from images.image.reference import Reference, reference_from_name
from images.registry.pushing import Pushed
from images.words import plural, printable, size_text

LATEST = "is tagged latest, which OpenWhisk pulls again for every container: name a version"


def parser_for(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("base", metavar="BASE", help="the model's image")
    add("target", metavar="TARGET", help="the action's image, with a tag other than latest")
    add(
        "--add",
        action="append",
        default=[],
        metavar="FOLDER=/PATH",
        help="put a folder, or a file, there",
    )
    add("--env", action="append", default=[], metavar="NAME=VALUE", help="an environment variable")
    add("--label", action="append", default=[], metavar="NAME=VALUE", help="a label")
    add("--entry", metavar="WORDS", help="in the place of the image's ENTRYPOINT; its CMD goes too")
    add("--cmd", metavar="WORDS", help="in the place of the image's CMD")
    add(
        "--python",
        default="",
        metavar="WORD",
        help="what runs the adapter: the name of the image's Python, "
        "`image` for whichever it has, `own` for one that is added; default: what the image has, else one is added",
    )
    add(
        "--python-image",
        default="",
        metavar="IMAGE",
        help="the image that such a Python is made of",
    )
    add(
        "--platform", default="", help="one of an index's platforms, like linux/arm64; default: all"
    )
    add("--dry-run", action="store_true", help="read the base, print the plan, send nothing")
    add(
        "--insecure",
        action="store_true",
        help="plain HTTP to both registries; this machine's need it not",
    )
    add("--json", action="store_true", help="the outcome as one JSON object, progress in lines")
    return parser


def order_from_arguments(arguments: argparse.Namespace) -> Order:
    """Raises ValueError with what was expected."""
    target = target_from_name(arguments.target)
    wishes = Wishes(
        env=pairs_from_texts(arguments.env),
        labels=pairs_from_texts(arguments.label),
        entry=words_or_none(arguments.entry),
        cmd=words_or_none(arguments.cmd),
    )
    return Order(
        base=reference_from_name(arguments.base),
        target=target,
        platform=arguments.platform,
        python=python_from_text(arguments.python),
        additions=additions_from_texts(arguments.add),
        wishes=wishes,
        insecure=arguments.insecure,
    )


def target_from_name(name: str) -> Reference:
    target = reference_from_name(name)
    if target.version == "latest":
        raise ValueError(f"{name} {LATEST}")
    if target.is_digest:
        raise ValueError(f"{name}: a tag was expected, a digest is what comes of it")
    return target


def words_or_none(text: Optional[str]) -> Optional[List[str]]:
    return None if text is None else words_from_text(text)


def main(words: List[str], environ: Mapping[str, str], program: str = "layer.py") -> None:
    parser = parser_for(program)
    arguments = parser.parse_args(words)
    try:
        order = order_from_arguments(arguments)
    except ValueError as error:
        parser.error(printable(str(error)))
    with workshop(environ, arguments.python_image) as shop:
        tell = told_to(arguments.json or sys.stderr.isatty())
        planned = planned_in_registry(order, shop, tell)
        carry_out(planned, arguments.dry_run, arguments.json)


def told_to(shown: bool) -> Callable[[str], None]:
    def tell(text: str) -> None:
        if shown:
            print(printable(text), file=sys.stderr)

    return tell


def carry_out(planned: InRegistry, dry: bool, as_json: bool) -> None:
    plan = planned.plan
    for remark in plan.remarks:
        print(printable(f"{plan.target.repository}: {remark}"), file=sys.stderr)
    if dry:
        print(text_from_plan(plan))
        return
    with Progress(sys.stderr, size_to_copy(plan), lines=as_json) as progress:
        made = made_in_registry(planned, progress)
    print(text_from_made(made, as_json))


def size_to_copy(plan: Plan) -> int:
    files = [content for content in plan.blobs if not isinstance(content, Held)]
    return plan.base_size + sum(content.descriptor.size for content in files)


def text_from_made(made: Made, as_json: bool) -> str:
    pushed = made.pushed
    assert pushed is not None
    return json.dumps(pushed._asdict()) if as_json else text_from_pushed(pushed)


def text_from_plan(plan: Plan) -> str:
    """The plan in bytes. Which of the base's layers are in the target already, only a push finds out."""
    same = plan.source.registry == plan.target.registry
    copied = f"copied where missing, at most {plan.base_size:,} bytes"
    where = "mounted, no bytes" if same else copied
    lines = [f"{plan.target}@{plan.digest}", f"  from {plan.source}"]
    lines += [f"  {plural(len(plan.base_blobs), 'layer')} of the base: {where}"]
    for content in plan.blobs:
        lines += [f"  {content.descriptor.size:>8,} bytes  blob {content.descriptor.digest}"]
    for one in plan.manifests:
        lines += [f"  {len(one.data):>8,} bytes  {one.media_type} {one.digest}"]
    return "\n".join([*lines, f"  {plan.own_size:>8,} bytes of our own to send"])


def text_from_pushed(pushed: Pushed) -> str:
    name, sent = pushed.image.rpartition(":")[0], size_text(pushed.sent)
    layers = f"{plural(pushed.mounted, 'layer')} mounted, {pushed.copied} copied"
    return f"{name}@{pushed.digest}  {layers}, {sent} sent"

"""The words behind layer.py and `python3 -m images action`, and the order that they make."""

import argparse
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, TypeVar

from images.action.changes import Wishes
from images.commands.making import Order
from images.commands.options import (
    additions_from_texts,
    pairs_from_texts,
    python_from_text,
    words_from_text,
)
from images.image.reference import Reference, reference_from_name
from images.words import plural, printable

Given = TypeVar("Given")
Read = TypeVar("Read")

LATEST = "is tagged latest, which OpenWhisk pulls again for every container: name a version"
USAGE = """\
{program} BASE TARGET [OPTION]...
       {program} --rebase ACTION [TARGET]
       {program} --check ACTION"""
DESCRIPTION = """\
Makes an action's image of a model's image inside the registry: no engine, no root, some kilobytes.

    python3 layer.py quay.io/codait/max-object-detector me/max-object-detector:1.1.0
    python3 layer.py tensorflow/serving:2.18.0 me/half-plus-two:1 \\
        --add model=/models/half_plus_two --env MODEL_NAME=half_plus_two
"""
PYTHON = (
    "what runs the adapter: the name of the image's own Python, `own` for one that is added,"
    " `image` to add none; default: the image's own, and one is added where it has none"
)
OPTIONS: Tuple[Tuple[str, str, str], ...] = (  # those that take a value
    ("--add", "FOLDER=/PATH", "a folder, or a file, that the image is to have there; repeatable"),
    ("--env", "NAME=VALUE", "an environment variable; repeatable"),
    ("--label", "NAME=VALUE", "a label; repeatable"),
    ("--entry", "WORDS", "in the place of the image's ENTRYPOINT; its CMD goes too"),
    ("--cmd", "WORDS", "in the place of the image's CMD"),
    ("--python", "WORD", PYTHON),
    ("--python-image", "IMAGE", "the image that such a Python is made of"),
    ("--platform", "NAME", "one of an index's platforms, like linux/arm64; default: all for Linux"),
    ("--rebase", "ACTION", "put this action on its base as it is now; only manifests move"),
    ("--check", "ACTION", "say whether this action's base has moved; the exit status is 3 then"),
)
FLAGS = (
    ("--dry-run", "read the base, print the plan, send nothing"),
    ("--insecure", "plain HTTP to both registries; those of this machine need no such permission"),
    ("--json", "the outcome, also a failure, as one JSON object, progress in lines"),
)
OF_AN_ACTION = ("--rebase", "--check")
OF_A_NEW_ONE = tuple(option for option, _, _ in OPTIONS if option not in OF_AN_ACTION)
REPEATABLE = ("--add", "--env", "--label")


class Asked(NamedTuple):
    """One of `order`, `rebase` and `check` is set."""

    order: Optional[Order]
    rebase: str
    check: str
    target: Optional[Reference]
    python_image: str
    insecure: bool
    dry: bool
    as_json: bool


def parser_for(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        usage=USAGE.format(program=program),
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = "BASE, the model's image, and TARGET, the action's, with a tag other than latest"
    parser.add_argument("names", metavar="IMAGE", nargs="*", help=names)
    for option, metavar, text in OPTIONS:
        how: Dict[str, Any] = {"metavar": metavar, "help": text}
        if option in REPEATABLE:
            how.update(action="append", default=[])
        if option in OF_AN_ACTION:  # it may also come behind other options
            how.update(nargs="?", const="")
        parser.add_argument(option, **how)
    for option, text in FLAGS:
        parser.add_argument(option, action="store_true", help=text)
    return parser


def asked_from_words(words: List[str], program: str) -> Asked:
    """Ends the process with what was expected, in one sentence."""
    parser = parser_for(program)
    arguments = parser.parse_intermixed_args(words)
    try:
        return asked_from_arguments(arguments)
    except ValueError as error:
        parser.exit(2, printable(f"{program}: {error}") + "\n")


def asked_from_arguments(arguments: argparse.Namespace) -> Asked:
    names: List[str] = list(arguments.names)
    rebase = action_of("--rebase", arguments.rebase, names)
    check = action_of("--check", arguments.check, names)
    if rebase and check or (rebase and len(names) > 1) or (check and names):
        raise ValueError("--rebase takes an action and at most a TARGET, --check takes an action")
    plain = not rebase and not check
    if not plain:
        refuse_changes(arguments, "--rebase" if rebase else "--check")
    if plain and len(names) != 2:
        given = plural(len(names), "name")
        raise ValueError(f"BASE and TARGET were expected, not {given} (--help tells more)")
    target = target_from_name(names[-1]) if names else None
    python_image = arguments.python_image or ""
    if python_image:
        of_option("--python-image", reference_from_name, python_image)
    return Asked(
        order=order_from_arguments(arguments, target) if plain and target else None,
        rebase=rebase,
        check=check,
        target=target,
        python_image=python_image,
        insecure=arguments.insecure,
        dry=arguments.dry_run,
        as_json=arguments.json,
    )


def refuse_changes(arguments: argparse.Namespace, option: str) -> None:
    """They would be ignored without a word."""
    for other in OF_A_NEW_ONE:
        name = other.strip("-").replace("-", "_")
        if getattr(arguments, name) not in (None, []):
            raise ValueError(
                f"{other} doesn't go with {option}, which leaves an action as it is: to change it,"
                " make it anew of BASE"
            )


def order_from_arguments(arguments: argparse.Namespace, target: Reference) -> Order:
    wishes = Wishes(
        env=of_option("--env", pairs_from_texts, arguments.env),
        labels=of_option("--label", pairs_from_texts, arguments.label),
        entry=of_option("--entry", words_or_none, arguments.entry),
        cmd=of_option("--cmd", words_or_none, arguments.cmd),
    )
    return Order(
        base=reference_from_name(arguments.names[0]),
        target=target,
        platform=arguments.platform or "",
        python=of_option("--python", python_from_text, arguments.python or ""),
        additions=of_option("--add", additions_from_texts, arguments.add),
        wishes=wishes,
        insecure=arguments.insecure,
    )


def action_of(option: str, given: Optional[str], names: List[str]) -> str:
    """Empty without the option; the first of the names where none stands right behind it."""
    if given == "" and not names:
        raise ValueError(f"{option} takes an action's name")
    return names.pop(0) if given == "" else given or ""


def of_option(option: str, read: Callable[[Given], Read], given: Given) -> Read:
    """What is read of it; a complaint says whose it is."""
    try:
        return read(given)
    except ValueError as error:
        raise ValueError(f"{option} {error}")


def target_from_name(name: str, on_latest: str = LATEST) -> Reference:
    """`on_latest`: what is said of that tag."""
    target = reference_from_name(name)
    if target.version == "latest":
        raise ValueError(f"{name} {on_latest}")
    if target.is_digest:
        raise ValueError(f"{name}: a tag was expected, a digest is what comes of it")
    return target


def words_or_none(text: Optional[str]) -> Optional[List[str]]:
    return None if text is None else words_from_text(text)

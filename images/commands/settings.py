"""The settings of build.sh: environment variables, read here alone, and their help."""

import difflib
import re
import textwrap
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from images.action.adapter import version
from images.action.changes import Wishes
from images.action.folder import Addition
from images.action.python import IMAGE, OWN
from images.commands.making import Order
from images.commands.models import DEFAULT_MEMORY, DEFAULT_TIMEOUT, Model, known_models
from images.commands.options import additions_from_texts, pairs_from_texts, split
from images.engine.engine import NAMES, Engine, engine_for_parts
from images.image.reference import Reference, cause_of, reference_from_name

MOST_JOBS = 32
REGISTRY_ENGINE = "registry"
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*\Z")
PLATFORM = re.compile(r"[a-z0-9]+(?:/[a-z0-9._]+){1,2}\Z")
DEFAULT_BASE = "quay.io/codait"
SIMILAR = 0.8  # of a name, by difflib's measure
VERSION = "this product's version"
DEFAULT_IMAGE_SHOWN = "python:3.x-slim, of the Python that runs this"
EXPECTED = {
    "REGISTRY": "a host like quay.io or localhost:5000",
    "USERNAME": "a name like me",
    "TAG": "a version like 1.0.0",
}
FIRST_THAT_WORKS = "the first that works"


class Wrong(ValueError):
    """A setting, what was expected."""


class Setting(NamedTuple):
    name: str
    default: str
    text: str
    shown: str = ""  # in the place of the default, where that isn't one literal


SETTINGS = (
    Setting(
        "MODELS",
        "",
        "names, separated by spaces; all: every model of images/models.txt; a name with / is taken"
        " whole; with a tag, as in max-ocr:v1.2, that one is taken, and the action is called"
        " max-ocr all the same",
        "none",
    ),
    Setting(
        "USERNAME", "", "whose images they become in the registry; not needed with PUSH=0", "none"
    ),
    Setting(
        "BASE",
        DEFAULT_BASE,
        "where the models' images are, unless the list names another place",
    ),
    Setting("REGISTRY", "docker.io", "where the actions' images go"),
    Setting(
        "TAG",
        "",
        "their tag; not latest, which OpenWhisk pulls again for every container",
        VERSION,
    ),
    Setting(
        "ENGINE",
        "",
        "docker, podman, or registry: no engine at all, kilobytes are added inside the registry",
        FIRST_THAT_WORKS,
    ),
    Setting("PUSH", "1", "0: build and try only"),
    Setting("SMOKE", "1", "0: don't start the image and ask it /init and one /run before the push"),
    Setting(
        "MEMORY",
        "",
        "MB that each action has, in the trial and behind -m",
        f"that of images/models.txt, {DEFAULT_MEMORY} for others",
    ),
    Setting(
        "TIME",
        "",
        "milliseconds that /init and each /run may take, in the trial and behind -t",
        f"that of images/models.txt, {DEFAULT_TIMEOUT} for others",
    ),
    Setting("JOBS", "2", f"how many models at a time, at most {MOST_JOBS}"),
    Setting("ADD", "", "folders to put into the images: FOLDER=/PATH, separated by spaces", "none"),
    Setting(
        "ENV",
        "",
        "environment variables of the images: NAME=VALUE, separated by spaces; one that holds a"
        " space stands in quotes of its own, 'NAME=A B'",
        "none",
    ),
    Setting(
        "PYTHON",
        "",
        "own: add a Python to run the adapter; image: never add one",
        "added where the image has none",
    ),
    Setting(
        "PYTHON_IMAGE",
        "",
        "the image that such a Python is made of",
        DEFAULT_IMAGE_SHOWN,
    ),
    Setting(
        "PLATFORM",
        "",
        "one of a base's platforms, like linux/arm64",
        "all for Linux; tried is the engine's",
    ),
    Setting("DRY_RUN", "0", "1: say what would be done"),
)
HEAD = """\
MODELS="max-object-detector max-ocr" USERNAME=me ./build.sh

Puts the adapter into the image of each model, tries the result, pushes it, says how to deploy it.
Settings are environment variables:

"""
TAIL = """
Log in first: `docker login`; or, for ENGINE=registry, REGISTRY_USERNAME and REGISTRY_PASSWORD.
The exit status is 0 if every model succeeded, 1 if one failed, 2 if a setting is wrong.
"""
EXAMPLES = {"MEMORY": "1024", "TIME": "120000"}
WIDTH = 96
INDENT = 15


class Job(NamedTuple):
    """One model: the name that the user gave it, and what is to be made of it."""

    model: str
    name: str  # the action's
    pull: str  # the base, as an engine is asked for it
    order: Order
    memory: int
    timeout: int


class Settings(NamedTuple):
    jobs: List[Job]
    engine: Optional[Engine]  # None: inside the registry
    push: bool
    smoke: bool
    parallel: int
    dry: bool
    python_image: str = ""


def help_text() -> str:
    paragraphs = []
    for setting in SETTINGS:
        default = setting.shown or setting.default
        text = f"  {setting.name:{INDENT - 3}} {setting.text} ({default})"
        paragraphs.append(
            textwrap.fill(text, WIDTH, subsequent_indent=INDENT * " ", break_on_hyphens=False)
        )
    return HEAD + "\n".join(paragraphs) + "\n" + TAIL


def settings_from_environ(
    environ: Mapping[str, str], find_engine: Callable[[], Optional[Engine]] = engine_for_parts
) -> Settings:
    """Raises Wrong."""
    given = {one.name: environ.get(one.name) or one.default for one in SETTINGS}
    if not given["MODELS"].split():
        raise Wrong("MODELS is empty: name models, or say MODELS=all (--help lists all settings)")
    given["TAG"] = given["TAG"] or version()
    check_choices(given)
    engine = engine_from_name(given["ENGINE"], find_engine)
    push = given["PUSH"] == "1"
    if not push and engine is None:
        raise Wrong(why_nothing_is_built(given["ENGINE"]))
    if push and not given["USERNAME"]:
        raise Wrong("USERNAME is empty: whose images will they be? (PUSH=0 builds without pushing)")
    return Settings(
        jobs=jobs_from_settings(given, bool(environ.get("BASE"))),
        engine=engine,
        push=push,
        smoke=given["SMOKE"] == "1",
        parallel=int(given["JOBS"]),
        dry=given["DRY_RUN"] == "1",
        python_image=checked_image("PYTHON_IMAGE", given),
    )


def why_nothing_is_built(name: str) -> str:
    """Where nothing is to be pushed, and no engine is there."""
    if name == REGISTRY_ENGINE:
        return "PUSH=0 leaves nothing to do for ENGINE=registry; DRY_RUN=1 shows its plan"
    first = Engine(NAMES[0])
    problem = f"{first.name}: {first.problem_with_parts()}"
    return f"PUSH=0 builds in an engine, and none can be used here ({problem})"


def checked_image(setting: str, given: Dict[str, str]) -> str:
    name = given[setting]
    try:
        if name:
            reference_from_name(name)
    except ValueError as error:
        raise Wrong(f"{setting}: {error}")
    return name


def check_choices(given: Dict[str, str]) -> None:
    if given["TAG"] == "latest":
        raise Wrong("TAG=latest: OpenWhisk pulls latest again for every container; name a version")
    for name in ("PUSH", "SMOKE", "DRY_RUN"):
        if given[name] not in ("0", "1"):
            raise Wrong(f"{name}={given[name]}: 0 or 1 was expected")
    number = given["JOBS"]
    if not re.match(r"[0-9]{1,9}\Z", number) or not 1 <= int(number) <= MOST_JOBS:
        raise Wrong(f"JOBS={number}: a number from 1 to {MOST_JOBS} was expected")
    for name in ("MEMORY", "TIME"):
        if given[name] and not re.match(r"[1-9][0-9]{0,8}\Z", given[name]):
            raise Wrong(f"{name}={given[name]}: a number like {EXAMPLES[name]} was expected")
    platform = given["PLATFORM"]
    if platform and not PLATFORM.match(platform):
        raise Wrong(f"PLATFORM={platform}: one like linux/arm64 was expected")
    if given["PYTHON"] not in ("", OWN, IMAGE):
        raise Wrong(f"PYTHON={given['PYTHON']}: {OWN} or {IMAGE} was expected")


def engine_from_name(name: str, find_engine: Callable[[], Optional[Engine]]) -> Optional[Engine]:
    if not name:
        return find_engine()
    if name == REGISTRY_ENGINE:
        return None
    if name not in NAMES:
        raise Wrong(f"ENGINE={name}: docker, podman or registry was expected")
    return Engine(name)


def jobs_from_settings(given: Dict[str, str], base_given: bool) -> List[Job]:
    known = {model.name: model for model in known_models()}
    names = given["MODELS"].split()
    models = list(known) if names == ["all"] else names
    additions, wishes = additions_and_wishes(given)
    jobs = []
    for model in models:
        pull = base_of(model, given, None if base_given else known.get(bare_name(model)))
        jobs.append(job_from_model(model, pull, given, known, additions, wishes))
    refuse_collisions(jobs)
    return jobs


def additions_and_wishes(given: Dict[str, str]) -> Tuple[Tuple[Addition, ...], Wishes]:
    try:
        additions = additions_from_texts(split(given["ADD"]))
    except ValueError as error:
        raise Wrong(f"ADD: {error}")
    try:
        return additions, Wishes(env=pairs_from_texts(split(given["ENV"])))
    except ValueError as error:
        raise Wrong(f"ENV: {error}")


def base_of(model: str, given: Dict[str, str], known: Optional[Model]) -> str:
    if "/" in model:
        return model
    if known and known.place:
        return known.place + model
    return f"{given['BASE']}/{model}"


def bare_name(model: str) -> str:
    return re.split(r"[:@]", model.rpartition("/")[2])[0]


def job_from_model(
    model: str,
    pull: str,
    given: Dict[str, str],
    known: Dict[str, Model],
    additions: Tuple[Addition, ...],
    wishes: Wishes,
) -> Job:
    name = bare_name(model)
    if not MODEL.match(model):
        raise Wrong(f"MODELS: '{model}': a name like max-ocr was expected")
    if "/" not in model and given["BASE"] == DEFAULT_BASE:
        refuse_typo(name, known)
    try:
        base = reference_from_name(pull)
    except ValueError as error:
        raise Wrong(f"MODELS and BASE: {error}")
    target = target_of(name, given)
    limits = known.get(name) or Model(name, DEFAULT_MEMORY, DEFAULT_TIMEOUT, "")
    memory = int(given["MEMORY"] or limits.memory)
    timeout = int(given["TIME"] or limits.timeout)
    order = Order(base, target, given["PLATFORM"], given["PYTHON"], additions, wishes)
    return Job(model, name, pull, order, memory, timeout)


def refuse_typo(name: str, known: Dict[str, Model]) -> None:
    """Where the list's models are, a name that is almost one of theirs is no other image's."""
    similar = difflib.get_close_matches(name, known, 1, SIMILAR)
    if name not in known and similar:
        raise Wrong(
            f"MODELS: there is no {name} in images/models.txt, is it {similar[0]}? An image of that"
            f" name is taken as {DEFAULT_BASE}/{name}"
        )


def target_of(name: str, given: Dict[str, str]) -> Reference:
    owner = f"{given['USERNAME']}/" if given["USERNAME"] else ""
    registry = f"{given['REGISTRY']}/" if owner and given["REGISTRY"] != "docker.io" else ""
    full = f"{registry}{owner}{name}:{given['TAG']}"
    try:
        return reference_from_name(full)
    except ValueError as error:
        raise Wrong(wrong_part(given) or f"USERNAME, REGISTRY and TAG don't make a name: {error}")


def wrong_part(given: Dict[str, str]) -> str:
    """The setting without which the name would be one."""
    tried = {
        "REGISTRY": f"{given['REGISTRY']}/me/max-ocr:1",
        "USERNAME": f"localhost/{given['USERNAME']}/max-ocr:1",
        "TAG": f"me/max-ocr:{given['TAG']}",
    }
    for setting, name in tried.items():
        try:
            reference_from_name(name)
        except ValueError:
            cause = cause_of(given[setting])
            told = f"{setting}={given[setting]}: {EXPECTED[setting]} was expected"
            return f"{told}: {cause}" if cause else told
    return ""


def refuse_collisions(jobs: List[Job]) -> None:
    """Two images of one name: the second would take the first one's place without a word."""
    seen: Dict[str, Job] = {}
    for job in jobs:
        other = seen.setdefault(str(job.order.target), job)
        if other is not job:
            both = f"{other.model} and {job.model} would both become {job.order.target.short}"
            raise Wrong(
                f"MODELS: {both}: build them one after the other, each with a TAG of its own"
            )

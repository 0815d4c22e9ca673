"""Anything where a list of models, a Dockerfile, an image's or folder's name, a login's file or an
option is read:
it is understood as it was meant, or refused in words."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.commandline import Usage, plan_from_arguments
from gateway.containers.firstlook import script_of
from gateway.containers.startcommand import start_from_dockerfile
from gateway.names import IMAGE, NAME
from gateway.settings import Plan
from images.commands.manifest import manifest_from_models
from images.commands.models import models_from_text
from images.image.reference import reference_from_name
from images.image.startcommand import start_from_settings
from images.registry.addresses import is_loopback_name
from images.registry.credentials import credentials_for
from testing.gateway import Gateway
from tests.stress.scale import tried
from tests.stress.test_pure_adapter import JSON, TEXTS

ROOT = Path(__file__).resolve().parents[2]

WORDS = [
    "max-ocr",
    "max-ocr-2",
    "true",
    "1e3",
    "-",
    "2048",
    "0x10",
    "060000",
    "1_0",
    "٢",
    "-1",
    "#",
    "Read",
    "it:",
    "{}",
]
WORDS += [
    "[",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "'",
    '"',
    "\\n",
    "$HOME",
    "${X}",
    "%",
    "@",
    "é😀",
    "\x85",
    "\ufeff",
    "\x1b[1m",
]
GAPS = st.sampled_from([" ", " ", "  ", "\t", "", "\u00a0", "\x0c"])
ROWS = st.lists(st.sampled_from(WORDS) | TEXTS, max_size=6).flatmap(
    lambda words: GAPS.map(lambda gap: gap.join(words))
)
DESCRIPTIONS = st.lists(st.sampled_from(WORDS) | TEXTS, min_size=1, max_size=4).map(" ".join)
GOOD_ROWS = st.builds(
    "max-{}  {} {}  {}".format, st.integers(0, 9), st.integers(1), st.integers(1), DESCRIPTIONS
)
LISTS = st.lists(ROWS | GOOD_ROWS | st.just("# a comment"), max_size=4).flatmap(
    lambda rows: st.sampled_from(["\n", "\r\n", "\n\n", "\r"]).map(lambda end: end.join(rows))
)


@tried(300)
@given(LISTS)
def test_any_list_of_models_becomes_a_manifest_that_says_the_same_or_is_refused(text):
    try:
        models = models_from_text(text)
    except ValueError as error:
        assert str(error).startswith("images/models.txt, line ")
        return
    manifest = yaml.safe_load(manifest_from_models(models, "1.0.0"))
    assert (manifest["packages"]["max"]["actions"] or {}) == {
        model.name: {
            "docker": "${USERNAME}/%s:1.0.0" % model.name,
            "web": "raw",
            "annotations": {"description": model.description},
            "limits": {"memorySize": model.memory, "timeout": model.timeout},
        }
        for model in models
    }
    assert all(NAME.match(model.name) and IMAGE.match(f"me/{model.name}:1.0.0") for model in models)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """What build.sh reads, with a list of its own, and files that a pattern would find."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "images", folder / "images")
    for name in ("build.sh", "openwhisk.py", "Dockerfile"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "openwhisk_adapter", folder / "openwhisk_adapter")
    return folder


def planned(checkout, models, text=None):
    """The status, the models whose images would be pulled, and what was said."""
    if text is not None:
        (checkout / "images" / "models.txt").write_bytes(text.encode())
    environ = {
        "PATH": os.environ["PATH"],
        "MODELS": models,
        "ENGINE": "docker",
        "DRY_RUN": "1",
        "USERNAME": "me",
    }
    done = subprocess.run(
        ["bash", "build.sh"],
        cwd=checkout,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        errors="replace",
    )
    pulled = [
        line.split("pull quay.io/codait/")[1].split(",")[0] for line in done.stdout.splitlines()
    ]
    return done.returncode, pulled, done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "max-ocr 2048 60000 Read\r\nmax-up 1 2 Up\r\n",
        "\n  \n# no\n   # no\n\tmax-ocr 2048 60000 Read # it\n",
        "",
    ],
    ids=["line ends of Windows", "lines with nothing", "an empty list"],
)
def test_the_list_means_the_same_to_build_and_to_the_manifest(checkout, text):
    names = [model.name for model in models_from_text(text)]
    assert planned(checkout, "all", text) == (0, names, "")


NOT_NAMES = [
    "*",
    "build.s?",
    "[a-z]*",
    "$(touch found)",
    "`touch found`",
    ";touch found",
    "-n",
    "a|b",
    "\\",
    "é",
    "a>b",
]


@pytest.mark.parametrize("name", NOT_NAMES)
def test_what_is_no_models_name_is_refused_before_anything_is_done(checkout, name):
    status, pulled, said = planned(checkout, f"max-ocr {name}")
    assert (status, pulled) == (2, []) and name.split()[-1] in said or name.split()[0] in said, said
    assert not (checkout / "found").exists()


INSTRUCTIONS = st.sampled_from(
    ["FROM", "ARG", "ENV", "CMD", "ENTRYPOINT", "RUN", "cmd", "#", "COPY", "ONBUILD"]
)
RESTS = [
    '["python", "app.py"]',
    '["a"',
    "[1]",
    '[""]',
    "[" * 9999,
    "python app.py",
    "A=1",
    'A="b c"',
    "A b",
    "A=$B",
    "=x",
]
RESTS += [
    "${A:-b}",
    "${A:+${B}}",
    "$",
    "\\",
    "'",
    '"',
    "A='",
    "\\\n",
    "\x00",
    '["\\u0000"]',
    '["\\ud800"]',
    "--x=y a",
]
DOCKERFILES = st.lists(
    st.tuples(INSTRUCTIONS, st.lists(st.sampled_from(RESTS) | TEXTS, max_size=3).map(" ".join)).map(
        " ".join
    )
    | TEXTS,
    max_size=6,
).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n", "\\\n", "\\\n#\n"]).map(
        lambda end: end.join(lines)
    )
)


@tried(300)
@given(DOCKERFILES, st.dictionaries(st.sampled_from(["A", "B", "PATH"]), TEXTS, max_size=2))
def test_any_dockerfile_names_a_command_and_an_environment(text, environ):
    start = start_from_dockerfile(text, environ)
    assert start.command and all(isinstance(word, str) for word in start.command)
    script = script_of(start.command)
    assert script is None or script.isprintable()
    assert all(
        name and "=" not in name and isinstance(value, str) for name, value in start.environ.items()
    )


UNSTARTABLE = {
    "a zero in a word": ('CMD ["a\\u0000b"]', "embedded null byte"),
    "half a character": ('CMD ["\\ud800"]', "surrogates not allowed"),
    "a zero in a variable": ("ENV A=a\0b\nCMD serve", "embedded null byte"),
    "no program": ('CMD ["no-such-program"]', "No such file or directory"),
    "an empty word": ('CMD [""]', "can't be run"),
    "brackets without end": ("CMD " + "[" * 99999, "the model couldn't be loaded"),
}


@pytest.mark.parametrize("case", sorted(UNSTARTABLE))
def test_a_dockerfile_that_starts_nothing_is_told_in_the_activation(tmp_path, case):
    line, said = UNSTARTABLE[case]
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM scratch\n{line}\n")
    with Gateway(tmp_path, str(folder)) as gateway:
        reply = gateway.rest("POST", "actions/model?blocking=true", {})
        assert (reply.status, said in json.dumps(reply.json["response"]["result"])) == (
            502,
            True,
        ), reply
        assert "Traceback" not in gateway.stderr, gateway.stderr


OPTIONS = [
    "--image",
    "--port",
    "--host",
    "--auth",
    "--python",
    "--data",
    "--idle",
    "--keep",
    "--memory-max",
    "--",
    "-x",
]
ARGUMENTS = st.lists(
    st.sampled_from(
        [
            *OPTIONS,
            "x=/tmp",
            "x=http://[",
            "x=http://h:99999",
            "=",
            "x=",
            "A=/tmp",
            "/tmp",
            "/",
            ".",
            "-1",
        ]
    )
    | st.builds("{}={}".format, st.sampled_from(OPTIONS), TEXTS)
    | TEXTS,
    max_size=5,
)


@tried(300)
@given(ARGUMENTS)
def test_any_arguments_of_the_gateway_are_a_plan_or_refused(arguments):
    try:
        plan = plan_from_arguments(arguments)
    except Usage as error:
        assert str(error)
        return
    assert isinstance(plan, Plan) and all(
        IMAGE.match(name) or NAME.match(name) for name in plan.images
    )


PARTS = [
    "quay.io",
    "localhost",
    "me",
    "max-ocr",
    "MAX",
    "1.0.0",
    "latest",
    "sha256",
    "0" * 64,
    "/",
    "/",
    ":",
    "@",
    "..",
    "_",
]
PARTS += ["[::1]", "5000", "-", ".", "é", " ", "\n", "?", "#", "%2F", "http://"]


@tried(500)
@given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join) | TEXTS)
def test_any_name_is_an_images_or_refused(name):
    try:
        reference = reference_from_name(name)
    except ValueError as error:
        assert repr(name) in str(error)
        return
    assert reference_from_name(str(reference)) == reference
    assert not set(reference.address + reference.repository + reference.version) & set(" ?#%\n\r")
    assert is_loopback_name(reference.registry) in (True, False)


COMMANDS = st.lists(
    st.sampled_from(
        [
            "python",
            "/usr/bin/python3.9",
            "sh",
            "-c",
            "-lc",
            "tini",
            "--",
            "env",
            "A=b",
            "exec",
            "app.py",
            "",
        ]
    )
    | st.sampled_from(["python app.py", "exec python 'app.py", 'sh -c "python app.py"'])
    | TEXTS,
    max_size=6,
)


@tried(300)
@given(COMMANDS, COMMANDS, st.lists(TEXTS | st.just("PYTHON_VERSION=3"), max_size=2))
def test_any_start_command_of_an_image_has_a_python_or_none(entrypoint, command, variables):
    start = start_from_settings({"Entrypoint": entrypoint, "Cmd": command, "Env": variables})
    assert start.words == entrypoint + command
    assert "python" in (start.python or "python")
    assert start.script == "" or start.script in start.program


KEYS = [
    "auths",
    "credHelpers",
    "credsStore",
    "quay.io",
    "https://quay.io",
    "auth",
    "username",
    "password",
    "identitytoken",
]
LOGINS = JSON | st.recursive(
    JSON | st.sampled_from(["bWU6c2VjcmV0", "me", "no-such-helper", "\0", "/"]),
    lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    (folder / ".docker").mkdir()
    return folder


@tried(300)
@given(LOGINS.map(json.dumps).map(str.encode) | st.binary(max_size=20) | st.just(b"[" * 9999))
def test_whatever_a_login_has_left_is_read_or_refused(home, content):
    (home / ".docker" / "config.json").write_bytes(content)
    try:
        found = credentials_for("quay.io", {"HOME": str(home), "PATH": "/nonexistent"})
    except ValueError as error:
        assert "docker login" in str(error) and "secret" not in str(error)
        return
    if found:
        texts = [found.username, found.password, found.identity_token, found.lacking]
        assert all(isinstance(text, str) for text in texts)

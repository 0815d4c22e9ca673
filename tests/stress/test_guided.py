"""Inputs that are changed further wherever that has reached new code: they break none of the
rules."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from testing.prerequisites import needed
from tests.stress.scale import EXAMPLES, as_long_as_it_takes
from tests.stress.targets import SEEDS

FUZZER = Path(__file__).with_name("guided.py")
TARGETS = {target.__name__: target for target in SEEDS}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_the_search_begins_with_breaks_no_rule(name):
    for seed in SEEDS[TARGETS[name]]:
        TARGETS[name](seed)


@as_long_as_it_takes
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_reaches_new_code_breaks_no_rule(tmp_path, name):
    needed(
        importlib.util.find_spec("atheris"),
        "atheris isn't installed: it has no wheel for this Python or machine",
    )
    options = [f"-runs={EXAMPLES or 5000}", *([] if EXAMPLES else ["-seed=1"])]
    done = subprocess.run(
        [sys.executable, FUZZER, name, tmp_path, *options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert len(list(tmp_path.iterdir())) > 2 * len(SEEDS[TARGETS[name]]), (
        "it has found no way into the code"
    )

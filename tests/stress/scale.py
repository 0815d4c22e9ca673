"""How much is tried: little in every run of the tests, as much as is asked for in a long one.
Reads the environment."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings


def number_from_environ(name, default):
    return int(os.environ.get(name) or default)


ACTIVATIONS = number_from_environ("STRESS_ACTIVATIONS", 5000)
EXAMPLES = number_from_environ("STRESS_EXAMPLES", 0)
PAUSE = number_from_environ("STRESS_PAUSE", 5)


def as_long_as_it_takes(test):
    return pytest.mark.timeout(0 if ACTIVATIONS > 5000 or EXAMPLES or PAUSE > 60 else 300)(test)


def tried(few, phases=tuple(Phase)):
    """A decorator for what hypothesis generates: so many examples, unless STRESS_EXAMPLES says
    how many."""
    bounded = settings(
        phases=phases,
        max_examples=EXAMPLES or few,
        deadline=None,
        database=None,
        derandomize=not EXAMPLES,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: as_long_as_it_takes(bounded(test))

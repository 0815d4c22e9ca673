"""What goes wrong in the gateway itself, for whoever runs it. Touches standard error alone."""

import sys
from contextlib import suppress


def complain(text: str) -> None:
    """Does without where nobody can take it: a full disk must not cost a client its answer."""
    with suppress(OSError, ValueError):
        print(text.rstrip("\n"), file=sys.stderr, flush=True)

"""Run by a base image's own Python, any version. Ends with 3 if it is too old for the adapter, and
with 4 and a reason if the model may not find what it imports.

Argument: the script that the start command names, or an empty word.
"""

import os
import sys

if False:  # for type checkers: a Python that is too old has no typing
    from typing import List  # noqa: F401


def missing_modules(script):
    # type: (str) -> List[str]
    """What the script imports, outside of any condition, and the image doesn't have."""
    import ast
    import importlib.util

    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    with open(script, "rb") as file:
        statements = ast.parse(file.read(), script).body
    names = [
        alias.name for line in statements if isinstance(line, ast.Import) for alias in line.names
    ]
    names += [
        line.module or ""
        for line in statements
        if isinstance(line, ast.ImportFrom) and not line.level
    ]
    tops = sorted({name.split(".")[0] for name in names})
    tops += ["flask"] * ("maxfw" in tops)  # which is built on it
    return [name for name in tops if name not in sys.modules and not importlib.util.find_spec(name)]


def main(script):
    # type: (str) -> int
    if sys.version_info < (3, 6):
        print("the base has Python %d.%d" % tuple(sys.version_info[:2]))
        return 3
    missing = missing_modules(script) if script and os.path.exists(script) else []
    if missing:
        names = ", ".join(missing)
        advice = "add `RUN python -m pip install %s` to the model's Dockerfile" % " ".join(missing)
        print("%s imports %s, which the base doesn't have: %s" % (script, names, advice))
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

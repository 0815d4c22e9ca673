"""Run by a base image's own Python, with its start command as JSON: ends with 3 and a reason if it can't be adapted."""

import json
import os
import re
import sys


def script_from_command(words):
    """The script of `python SCRIPT`, also behind an init or a shell."""
    if "-c" in words[:-1]:
        words = words[words.index("-c") + 1].split()
    found = [word for word in words if word.endswith(".py")]
    named = [word for word in words if re.match(r"(.*/)?python[\d.]*$", word)]
    return found[0] if found and named else ""


def missing_modules(script):
    """What the script imports, outside of any condition, and the image doesn't have."""
    import ast
    import importlib.util

    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    with open(script, "rb") as file:
        statements = ast.parse(file.read(), script).body
    names = [alias.name for line in statements if isinstance(line, ast.Import) for alias in line.names]
    names += [line.module for line in statements if isinstance(line, ast.ImportFrom) and not line.level]
    tops = sorted({name.split(".")[0] for name in names})
    tops += ["flask"] * ("maxfw" in tops)  # which is built on it
    return [name for name in tops if name not in sys.modules and not importlib.util.find_spec(name)]


def main(command):
    if sys.version_info < (3, 6):
        return (
            "the base has Python %d.%d; openwhisk.py needs 3.6 or newer: update the image's Python"
            % sys.version_info[:2]
        )
    script = script_from_command(json.loads(command))
    missing = missing_modules(script) if script and os.path.exists(script) else []
    if missing:
        names = ", ".join(missing)
        advice = "add `RUN python -m pip install %s` to the model's Dockerfile" % " ".join(missing)
        return "%s imports %s, which the base doesn't have: %s" % (script, names, advice)
    return ""


if __name__ == "__main__":
    reason = main(sys.argv[1])
    if reason:
        print(reason)
        sys.exit(3)

"""Prints what CHANGES.md says of one version: python -m docs.notes 1.1.0. Reads that file."""

import re
import sys
from pathlib import Path

CHANGES = Path(__file__).resolve().parent.parent / "CHANGES.md"


def notes(text, version):
    """Raises ValueError where there is nothing."""
    for section in re.split(r"(?m)^## ", text)[1:]:
        name, _, content = section.partition("\n")
        if name == version:
            return content.strip() + "\n"
    raise ValueError(f"CHANGES.md has no section {version}")


if __name__ == "__main__":
    print(notes(CHANGES.read_text(encoding="utf-8"), sys.argv[1]), end="")

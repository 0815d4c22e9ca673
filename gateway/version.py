"""The project's version, from the one file that has it. Touches that file; nothing of it is run."""

import re
from pathlib import Path

PROJECT = "serverless-max-models"
FILE = Path(__file__).resolve().parent.parent / "openwhisk_adapter" / "__init__.py"
LINE = re.compile(r'^VERSION\b[^=\n]*= *"([^"\n]+)"', re.MULTILINE)
UNKNOWN = "unknown"


def version(file: Path = FILE) -> str:
    """From the folder where the gateway lies, or else of the installed package."""
    try:
        found = LINE.search(file.read_text("utf-8"))
    except OSError:
        found = None
    if found:
        return found.group(1)
    import importlib.metadata  # two megabytes that only an installed package needs

    try:
        return importlib.metadata.version(PROJECT)
    except importlib.metadata.PackageNotFoundError:
        return UNKNOWN

"""The Dockerfile of a model's folder. Touches that file: reads it."""

from pathlib import Path
from typing import Optional


def dockerfile_of(folder: Path) -> Optional[str]:
    """None where there is none. Raises OSError."""
    path = folder / "Dockerfile"
    return path.read_text("utf-8", "replace") if path.is_file() else None

"""What tests of more than one part share."""

from tests.support.bases import base
from tests.support.engine import engine
from tests.support.images import images

__all__ = ["base", "engine", "images"]

"""What the tests of images share."""

from tests.support.registry import registry

__all__ = ["registry"]

"""What the tests of images share."""

from testing.registry import registry

__all__ = ["registry"]

"""One gateway and one action that answers as told, for all the cases of a module."""

from testing.registry import registry
from tests.gateway.conftest import gateway, replay, replaying

__all__ = ["gateway", "registry", "replay", "replaying"]

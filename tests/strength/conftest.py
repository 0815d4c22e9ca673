"""One gateway and one action that answers as told, for all the cases of a module."""

from tests.gateway.conftest import gateway, replay, replaying
from tests.support.registry import registry

__all__ = ["gateway", "registry", "replay", "replaying"]

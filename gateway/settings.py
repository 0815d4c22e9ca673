"""What one gateway is told at its start, and the limits that follow. Touches nothing."""

from typing import Dict, NamedTuple, Optional, Tuple

MEGABYTE = 1024 * 1024

# The key that OpenWhisk documents for this namespace of a standalone server: clients set up for
# one work unchanged.
NAMESPACE = "guest"
GUEST_KEY = (
    "23bc46b1-71f6-4ed5-8c54-816aa4f8c502"
    ":123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
)


class Bounds(NamedTuple):
    """From and to which an action may set its limits: milliseconds, megabytes, runs at once."""

    timeout: Tuple[int, int] = (100, 300000)
    memory: Tuple[int, int] = (128, 512)
    logs: Tuple[int, int] = (0, 10)
    concurrency: Tuple[int, int] = (1, 1)


class Settings(NamedTuple):
    host: str = "127.0.0.1"
    namespace: str = NAMESPACE
    key: str = GUEST_KEY
    bounds: Bounds = Bounds()
    payload_bytes: int = MEGABYTE
    parameter_bytes: int = MEGABYTE
    code_bytes: int = 48 * MEGABYTE
    request_bytes: int = 50 * MEGABYTE
    containers: int = 4
    waiting: int = 500
    idle_seconds: int = 600
    kept_activations: int = 10000
    # A record has up to ten megabytes of logs.
    kept_bytes: int = 1024 * MEGABYTE
    wait_seconds: float = 60.0


class Plan(NamedTuple):
    """One gateway as it was asked for: `images` says where an image is if Docker hasn't it,
    `served` which of them get a web action of their name; with `reload` a change in a folder
    starts its containers anew."""

    port: int
    data: str
    images: Dict[str, str]
    served: Tuple[str, ...]
    python: Optional[str]
    settings: Settings
    reload: bool = False

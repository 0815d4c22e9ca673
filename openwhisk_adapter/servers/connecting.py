"""Connections to the model's own server: touches nothing but new sockets."""

import select
from socket import AF_INET, AF_INET6, MSG_PEEK, socket
from typing import Callable

from openwhisk_adapter.servers import Address

PREFACE = b"\0"  # how a frame of HTTP/2, and so of gRPC, begins where both sides speak first
CONNECTING = 1  # seconds
SPEAKS_GRPC = "port %d speaks gRPC"


def connection_begun(address: Address) -> socket:
    """It needn't be there yet: whoever uses it waits, and is told when it can't be."""
    return _tried(address, 0, socket.connect_ex)


def connected(address: Address, seconds: float) -> socket:
    return _tried(address, seconds, socket.connect)


def greets(address: Address, milliseconds: int) -> bool:
    """In HTTP the client speaks first; in gRPC both do, which its answer tells."""
    with connected(address, CONNECTING) as probe:
        ready = select.poll()
        ready.register(probe, select.POLLIN)
        if not ready.poll(milliseconds):
            return False
        return probe.recv(1, MSG_PEEK) not in (b"", PREFACE)


def _tried(
    address: Address,
    seconds: float,
    connect: Callable[[socket, Address], object],
) -> socket:
    """By the class that was there at the start: for its own way out a model may replace it."""
    family = AF_INET6 if ":" in address.host else AF_INET
    connection = socket(family)
    try:
        connection.settimeout(seconds)
        connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection

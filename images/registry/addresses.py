"""Which machine a name leads to, and whether a registry may send us there. Asks the resolver."""

import ipaddress
import socket
from typing import Any, List, NamedTuple, Optional, Tuple, Union

from images.words import Absent, Broken, RegistryError

TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class Place(NamedTuple):
    """One of the addresses of a host, as `socket` takes it."""

    family: int
    sockaddr: Tuple[Any, ...]

    @property
    def address(self) -> Address:
        found = ipaddress.ip_address(str(self.sockaddr[0]).partition("%")[0])
        if isinstance(found, ipaddress.IPv6Address):
            return found.ipv4_mapped or found.sixtofour or translated(found) or found
        return found


def translated(address: ipaddress.IPv6Address) -> Optional[ipaddress.IPv4Address]:
    """The IPv4 address that a network without IPv4 writes like this (RFC 6052)."""
    return ipaddress.IPv4Address(address.packed[-4:]) if address in TRANSLATED else None


def places_of(host: str, port: int) -> List[Place]:
    """All of them: 127.1 and 2130706433 are this machine as well."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError) as error:
        told = f"{host} can't be found: {error}; is the name right, and is there a network?"
        unknown = isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME
        raise Absent(told) if unknown else Broken(told)
    return [Place(family, sockaddr) for family, _, _, _, sockaddr in found]


def is_this_machine(places: List[Place]) -> bool:
    return all(place.address.is_loopback or place.address.is_unspecified for place in places)


def is_on_private_network(places: List[Place]) -> bool:
    """A company's own registry: it may keep its content beside it."""
    return all(place.address.is_private and not is_special(place.address) for place in places)


def is_special(address: Address) -> bool:
    """Where no registry is: this machine, a cloud's metadata, everybody at once."""
    return (
        address.is_loopback
        or address.is_unspecified
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
    )


def is_loopback_name(host: str) -> bool:
    """Whether the user has written this machine's name: nobody else hears what is said."""
    name = host.strip("[]")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


class Neighbourhood(NamedTuple):
    """Where a registry is decides where it may send us."""

    registry: str
    this_machine: bool
    private: bool

    def check(self, url: str, places: List[Place]) -> None:
        for place in places:
            address = place.address
            if address.is_global or (address.is_loopback and self.this_machine):
                continue
            if is_special(address) or not (self.private or self.this_machine):
                what = "this machine" if address.is_loopback else "an address of a private network"
                raise RegistryError(f"{self.registry} points at {url}, which is {address}: {what}")


def neighbourhood_of(registry: str, host: str, port: int) -> Neighbourhood:
    places = places_of(host, port)
    return Neighbourhood(registry, is_this_machine(places), is_on_private_network(places))

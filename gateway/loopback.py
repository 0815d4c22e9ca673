"""Which names and addresses mean this machine alone, and where a gateway is found. Touches
nothing."""

import ipaddress

# Where a gateway that listens on one of these is found from this machine.
LOCALHOST = ("127.0.0.1", "::1", "0.0.0.0", "::")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def base_url(host: str, port: int) -> str:
    if host in LOCALHOST:
        return f"http://localhost:{port}"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

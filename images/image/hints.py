"""What a config says of the model's server: its ports, and where it can be asked whether it is
well. Pure.
"""

import re
import shlex
from typing import Any, Dict, List
from urllib.parse import urlsplit

ADAPTERS_PORT = 8080
OWN_HOSTS = ("localhost", "127.0.0.1", "0.0.0.0", "::1")
ASKERS = ("curl", "wget")
PLAIN_PATH = re.compile(r"/[\w.~!*'()/:@&=+,;%?-]*\Z", re.ASCII)
NOT_A_GET = re.compile(r"-X|-d|-F|-T|--request|--data|--json|--form|--post|--method|--upload")


def exposed_ports(settings: Dict[str, Any]) -> List[int]:
    """The ports of EXPOSE that may speak HTTP, in their order, the adapter's own included."""
    ports = []
    for name in settings.get("ExposedPorts") or {}:
        number, _, protocol = str(name).partition("/")
        if re.match(r"[0-9]{1,5}\Z", number) and protocol in ("", "tcp"):
            ports.append(int(number))
    return ports


def health_path(settings: Dict[str, Any]) -> str:
    """The path of a HEALTHCHECK like `curl -f http://localhost:5000/health`; else empty."""
    check = settings.get("Healthcheck")
    test = check.get("Test") if isinstance(check, dict) else None
    if not isinstance(test, list) or not all(isinstance(word, str) for word in test):
        return ""
    words = words_of_check(test)
    asks = any(word.rpartition("/")[2] in ASKERS for word in words)
    if not asks or any(NOT_A_GET.match(word) for word in words):
        return ""
    paths = [own_path(word) for word in words]
    found = [path for path in paths if path]
    return found[0] if found else ""


def words_of_check(test: List[str]) -> List[str]:
    if test[:1] == ["CMD"]:
        return test[1:]
    if test[:1] == ["CMD-SHELL"] and len(test) == 2:
        try:
            return shlex.split(test[1])
        except ValueError:  # a quotation without an end
            return []
    return []


def own_path(word: str) -> str:
    """The path of a URL that leads to the container itself, if the word is one."""
    if not word.isprintable():  # urlsplit drops line breaks
        return ""
    address = word if "://" in word else "http://" + word
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return ""
    path = parts.path + ("?" + parts.query if parts.query else "")
    is_ours = parts.scheme in ("http", "https") and host in OWN_HOSTS
    return path if is_ours and PLAIN_PATH.match(path) else ""

"""What a server's last words mean where the cause is a port that it couldn't have. Pure."""

import re
from typing import List, Sequence

from openwhisk_adapter.starting.wanted import Plan, known_from_text

IS_TAKEN = re.compile(r"(?i)\bin use\b|eaddrinuse|errno 98\b|couldn't bind")
IS_DENIED = re.compile(r"(?i)permission denied|errno 13\b|eacces")
# A file can be denied as well.
IS_ABOUT_A_PORT = re.compile(r"(?i)\bbind|\blisten|\baddress|socket|\bport\b")
TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}|(?i:errno|error) [0-9]+|\(?(?:98|13): ")
NUMBER = re.compile(r"[:, ]([1-9][0-9]{0,4})(?![0-9.])")
ROOTS = 1024
PLATFORMS = 8080

OURS = "%d is openwhisk.py's own: tell the server another port%s"
SOMEBODYS = "%s is used by another process already: tell the server another%s"
ROOTS_ALONE = "port %d is root's, as all below %d: run as root, or tell the server another%s"


def cause_from_lines(lines: Sequence[str], plan: Plan, own_port: int) -> str:
    """Nothing where they don't tell."""
    text = "\n".join(lines)
    known = known_from_text(text)
    recipe = plan.recipe
    if known is not None:
        recipe = recipe or known.recipe
    if recipe:
        recipe = " (%s)" % recipe
    for line in reversed(lines):
        if IS_TAKEN.search(line):
            return taken(ports_in(line), own_port, recipe)
        if IS_DENIED.search(line) and IS_ABOUT_A_PORT.search(text):
            ports = ports_in(line) + list(plan.wanted.expected)
            low = [port for port in ports if port < ROOTS]
            if low:
                return ROOTS_ALONE % (low[0], ROOTS, recipe)
    return ""


def taken(
    ports: Sequence[int],
    own_port: int,
    recipe: str,
) -> str:
    is_likely_ours = not ports and own_port == PLATFORMS
    if own_port in ports or is_likely_ours:
        advice = recipe or " (PORT in its environment is a free one)"
        return OURS % (own_port, advice)
    if not ports:
        return SOMEBODYS % ("a port that it wants", recipe)
    return SOMEBODYS % ("port %d" % ports[0], recipe)


def ports_in(line: str) -> List[int]:
    without_times = TIME.sub("", line)
    numbers = [int(number) for number in NUMBER.findall(without_times)]
    return [number for number in numbers if number < 65536]

"""The Authorization header: what it says, and how the platform's HTTP library writes it anew.

Touches nothing. None stands for what doesn't follow the grammar."""

import base64
import binascii
import re
from typing import Optional, Tuple

from gateway.http.grammar import QUOTED, SPACE, TOKEN, items, quoted_if_needed, unquoted

AUTH_PARAMETER = re.compile(rf"({TOKEN}){SPACE}={SPACE}({TOKEN}|{QUOTED}){SPACE}")
TOKEN68 = r"[A-Za-z0-9\-._~+/]+=*"
ONE_TOKEN68 = re.compile(rf"({TOKEN68}){SPACE}\Z")
BASIC = re.compile(rf"(?i:basic){SPACE}({TOKEN68}){SPACE}\Z")
BEARER = re.compile(rf"(?i:bearer){SPACE}({TOKEN68}){SPACE}\Z")
OTHER = re.compile(rf"({TOKEN}){SPACE}(.*)\Z", re.DOTALL)


def credentials(text: str) -> Optional[str]:
    basic = BASIC.match(text)
    if basic:
        return basic_credentials(basic.group(1))
    bearer = BEARER.match(text)
    if bearer:
        return f"Bearer {bearer.group(1)}"
    other = OTHER.match(text)
    return other_credentials(other.group(1), other.group(2)) if other else None


def basic_credentials(text: str) -> Optional[str]:
    pair = user_and_password(text)
    if pair is None:
        return None
    data = ":".join(pair).encode("utf-8")
    return "Basic " + base64.b64encode(data).decode("ascii")


def user_and_password(text: str) -> Optional[Tuple[str, str]]:
    padded = text + "=" * (-len(text) % 4)
    try:
        data = base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        return None
    user, _, password = data.decode("utf-8", "replace").partition(":")
    return user, password


def user_and_password_from_header(value: Optional[str]) -> Optional[Tuple[str, str]]:
    scheme, _, token = (value or "").strip().partition(" ")
    return user_and_password(token.strip()) if scheme.lower() == "basic" else None


def other_credentials(scheme: str, rest: str) -> Optional[str]:
    if not rest:
        return scheme
    found = items(AUTH_PARAMETER, rest)
    if found:
        values = {}
        for match in found:
            values[match.group(1)] = unquoted(match.group(2))
        pairs = [f"{key}={quoted_if_needed(values[key])}" for key in sorted(values)]
        return f"{scheme} " + ",".join(pairs)
    token = ONE_TOKEN68.match(rest)
    return f"{scheme} {token.group(1)}" if token else None

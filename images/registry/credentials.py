"""Who may push: from the environment or from what `docker login` left.

Reads files and runs credential helpers.
"""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional

from images.image.reference import DOCKER_HUB

Environ = Mapping[str, str]

VARIABLES = ("REGISTRY_USERNAME", "REGISTRY_PASSWORD")
PODMANS = Path("/run/containers")  # where root's `podman login` writes without a session, as in CI
DOCKER_HUB_KEY = "https://index.docker.io/v1/"


class Credentials(NamedTuple):
    username: str = ""
    password: str = ""
    identity_token: str = ""
    from_variables: bool = False
    lacking: str = ""  # the helper that may know them, and isn't installed

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, ...)"

    @property
    def are_known(self) -> bool:
        return bool(self.username or self.identity_token)


class NotInstalled(Exception):
    """The name of a helper."""


def credentials_from_environ(environ: Environ) -> Optional[Credentials]:
    """Raises ValueError for one half of them: it would be ignored without a word."""
    given = [environ.get(name, "") for name in VARIABLES]
    if not any(given):
        return None
    if not all(given):
        there, missing = VARIABLES if given[0] else VARIABLES[::-1]
        raise ValueError(
            f"{there} is set and {missing} isn't: set both, or neither of them to take what"
            " `docker login` has left"
        )
    return Credentials(given[0], given[1], from_variables=True)


def credentials_for(registry: str, environ: Environ) -> Optional[Credentials]:
    """What a login left for this registry; None when it's to be asked anonymously."""
    lacking = ""
    for path in config_files(environ):
        try:
            found = credentials_from_config(config_from_file(path), registry, environ)
        except (AttributeError, TypeError):
            raise ValueError(f"{path} isn't as `docker login` writes it; log in again")
        if found and found.are_known:
            return found
        lacking = lacking or (found.lacking if found else "")
    return Credentials(lacking=lacking) if lacking else None


def config_files(environ: Environ) -> Iterator[Path]:
    home = Path(environ.get("HOME") or Path.home())
    docker = Path(environ["DOCKER_CONFIG"]) if environ.get("DOCKER_CONFIG") else home / ".docker"
    yield docker / "config.json"
    if environ.get("REGISTRY_AUTH_FILE"):
        yield Path(environ["REGISTRY_AUTH_FILE"])
    if environ.get("XDG_RUNTIME_DIR"):
        yield Path(environ["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"
    elif os.access(PODMANS, os.X_OK):
        yield PODMANS / str(os.getuid()) / "auth.json"


def config_from_file(path: Path) -> Dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} can't be read: {error}; `docker login` writes a new one")
    return config if isinstance(config, dict) else {}


def credentials_from_config(
    config: Dict[str, Any], registry: str, environ: Environ
) -> Optional[Credentials]:
    keys = (
        (DOCKER_HUB_KEY, DOCKER_HUB)
        if registry == DOCKER_HUB
        else (registry, f"https://{registry}")
    )
    helpers = config.get("credHelpers") or {}
    lacking = ""
    for key in keys:
        helper = helpers.get(key) or config.get("credsStore")
        found = None
        try:
            found = credentials_from_helper(helper, key, environ) if helper else None
        except NotInstalled as error:
            lacking = str(error)
        found = found or credentials_from_entry((config.get("auths") or {}).get(key) or {}, key)
        if found:
            return found
    return Credentials(lacking=lacking) if lacking else None


def credentials_from_helper(helper: str, key: str, environ: Environ) -> Optional[Credentials]:
    command = [f"docker-credential-{helper}", "get"]
    try:
        done = subprocess.run(
            command, input=key.encode(), capture_output=True, timeout=60, env=dict(environ)
        )
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
    except FileNotFoundError:
        raise NotInstalled(command[0])
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ValueError(
            f"{command[0]}, which `docker login` has set up, can't be asked for {key}:"
            f" {reason_of(error)}"
        )
    username, secret = text_in(answer, "Username"), text_in(answer, "Secret")
    if username == "<token>":
        return Credentials(identity_token=secret)
    return Credentials(username, secret) if username else None


def reason_of(error: Exception) -> str:
    """Without what the helper has printed, which may be a secret."""
    if isinstance(error, subprocess.TimeoutExpired):
        return "no answer in a minute"
    if isinstance(error, OSError):
        return error.strerror or "it can't be started"
    return "its answer isn't JSON"


def credentials_from_entry(entry: Dict[str, Any], key: str) -> Optional[Credentials]:
    token, auth, username = (
        text_in(entry, "identitytoken"),
        text_in(entry, "auth"),
        text_in(entry, "username"),
    )
    if token:
        return Credentials(identity_token=token)
    if not auth:
        return Credentials(username, text_in(entry, "password")) if username else None
    try:
        username, _, password = base64.b64decode(auth).decode().partition(":")
    except ValueError:
        raise ValueError(
            f"the entry of {key} in docker's config.json isn't base64 of user:password;"
            " `docker login` again"
        )
    return Credentials(username, password.rstrip("\0"))


def text_in(entry: Dict[str, Any], name: str) -> str:
    text = entry.get(name) or ""
    if not isinstance(text, str):
        raise TypeError(name)
    return text

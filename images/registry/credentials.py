"""Who may push: from the environment or from what `docker login` left.

Reads files and runs credential helpers.
"""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional

from images.image.reference import DOCKER_HUB

Environ = Mapping[str, str]

DOCKER_HUB_KEY = "https://index.docker.io/v1/"


class Credentials(NamedTuple):
    username: str = ""
    password: str = ""
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, ...)"


def credentials_from_environ(environ: Environ) -> Optional[Credentials]:
    if environ.get("REGISTRY_PASSWORD"):
        return Credentials(environ.get("REGISTRY_USERNAME", ""), environ["REGISTRY_PASSWORD"])
    return None


def credentials_for(registry: str, environ: Environ) -> Optional[Credentials]:
    """What a login left for this registry; None when it's to be asked anonymously."""
    for path in config_files(environ):
        try:
            found = credentials_from_config(config_from_file(path), registry, environ)
        except (AttributeError, TypeError):
            raise ValueError(f"{path} isn't as `docker login` writes it; log in again")
        if found:
            return found
    return None


def config_files(environ: Environ) -> Iterator[Path]:
    home = Path(environ.get("HOME") or Path.home())
    docker = Path(environ["DOCKER_CONFIG"]) if environ.get("DOCKER_CONFIG") else home / ".docker"
    yield docker / "config.json"
    if environ.get("REGISTRY_AUTH_FILE"):
        yield Path(environ["REGISTRY_AUTH_FILE"])
    if environ.get("XDG_RUNTIME_DIR"):
        yield Path(environ["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"


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
    for key in keys:
        helper = helpers.get(key) or config.get("credsStore")
        found = credentials_from_helper(helper, key, environ) if helper else None
        found = found or credentials_from_entry((config.get("auths") or {}).get(key) or {}, key)
        if found:
            return found
    return None


def credentials_from_helper(helper: str, key: str, environ: Environ) -> Optional[Credentials]:
    command = [f"docker-credential-{helper}", "get"]
    try:
        done = subprocess.run(
            command, input=key.encode(), capture_output=True, timeout=60, env=dict(environ)
        )
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ValueError(
            f"{command[0]}, which `docker login` has set up, can't be asked for {key}:"
            f" {type(error).__name__}"
        )
    username, secret = text_in(answer, "Username"), text_in(answer, "Secret")
    if username == "<token>":
        return Credentials(identity_token=secret)
    return Credentials(username, secret) if username else None


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

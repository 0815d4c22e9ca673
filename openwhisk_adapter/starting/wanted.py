"""What is known of a server before it runs: what it is told by variables, which port is the right one. Pure."""

from typing import Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from openwhisk_adapter.settings import Settings

# Read by servers that make links: where below its host a page lives.
PREFIX_VARIABLES = (
    "GRADIO_ROOT_PATH",
    "GRANIAN_URL_PATH_PREFIX",
    "UVICORN_ROOT_PATH",
)


class Known(NamedTuple):
    """A server that is known by a word of its start command."""

    word: str
    port: str = ""
    "The variable by which its HTTP port can be told."
    expected: Tuple[int, ...] = ()
    "Where it listens for HTTP unless it is told."
    health: str = ""
    "The path that answers 200 once it is ready."
    recipe: str = ""
    "How it is told another port, where no variable does."


KNOWN = (
    Known("llama-server", port="LLAMA_ARG_PORT", health="/health"),
    Known("mlserver", port="MLSERVER_HTTP_PORT", health="/v2/health/ready"),
    Known("torchserve", expected=(8080,), health="/ping"),
    Known("tritonserver", expected=(8000,), health="/v2/health/ready"),
)

# They accept connections before what is behind them does.
EARLY = (
    "apache2",
    "caddy",
    "envoy",
    "gunicorn",
    "haproxy",
    "httpd",
    "nginx",
    "supervisord",
    "traefik",
    "uwsgi",
)


class Wanted(NamedTuple):
    """Which port is the right one, as far as that is known."""

    target: int = 0
    ready: str = ""
    health: str = ""
    given: int = 0
    "The one that the server was given as PORT: it may well listen elsewhere."
    expected: Sequence[int] = ()
    "Those that it was told, or that its image names, in that order; they are waited for."
    is_early: bool = False


class Plan(NamedTuple):
    wanted: Wanted
    variables: Dict[str, str]
    "To be added to the image's own."
    known: Optional[Known]


def plan_from_command(
    command: Sequence[str],
    environ: Mapping[str, str],
    settings: Settings,
    prefix: str,
    free_ports: Tuple[int, int],
) -> Plan:
    known = known_from_command(command)
    variables: Dict[str, str] = {}
    for name in PREFIX_VARIABLES:
        if prefix and name not in environ:
            variables[name] = prefix
    given = port_from_text(environ.get("PORT", ""))
    if given in (0, settings.port):
        given = free_ports[0]
        variables["PORT"] = str(given)
    expected = list(settings.exposed_ports)
    health = settings.health
    if known is not None:
        expected = list(known.expected) + expected
        health = health or known.health
        if known.port:
            told = port_from_text(environ.get(known.port, ""))
            if told in (0, settings.port):
                told = free_ports[1]
                variables[known.port] = str(told)
            expected = [told]
    wanted = Wanted(
        target=settings.target,
        ready=settings.ready,
        health=health,
        given=given,
        expected=[port for port in expected if port != settings.port],
        is_early=is_early(command),
    )
    return Plan(wanted, variables, known)


def known_from_command(command: Sequence[str]) -> Optional[Known]:
    line = " ".join(command).lower()
    for known in KNOWN:
        if known.word in line:
            return known
    return None


def is_early(command: Sequence[str]) -> bool:
    line = " ".join(command)
    return any(name in line for name in EARLY)


def port_from_text(text: str) -> int:
    """0 for what is no port."""
    number = int(text) if text.isdigit() and len(text) < 6 else 0
    return number if number < 65536 else 0


PORT_IS_TAKEN = ("address already in use", "address in use", "errno 98", "eaddrinuse")
PORT_IS_ROOTS = ("permission denied", "errno 13", "eacces")


def hint_from_lines(lines: Sequence[str], known: Optional[Known], own_port: int) -> str:
    """What a server's last words mean, where the cause is likely a port."""
    text = "\n".join(lines).lower()
    recipe = " (%s)" % known.recipe if known is not None and known.recipe else ""
    if any(words in text for words in PORT_IS_TAKEN):
        return "%d is openwhisk.py's own: tell the server another port%s" % (own_port, recipe)
    if any(words in text for words in PORT_IS_ROOTS):
        return (
            "a port below 1024 is root's alone: run as root, or tell the server another port%s"
            % recipe
        )
    return ""

"""What is known of a server before it runs: what it is told, which port is the right one. Pure."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from openwhisk_adapter.settings import Settings

# Read by servers that make links: where below its host a page lives.
PREFIX_VARIABLES = (
    "GRADIO_ROOT_PATH",
    "GRANIAN_URL_PATH_PREFIX",
    "UVICORN_ROOT_PATH",
)

# For servers that no variable tells it: words of their start command, by name. Only a gunicorn
# that has this worker has the option.
PREFIX_OPTIONS = {
    "hypercorn": ((), "--root-path"),
    "gunicorn": (
        ("-k asgi", "-k=asgi", "--worker-class asgi", "--worker-class=asgi"),
        "--root-path",
    ),
}

# Read by servers that would otherwise listen on every address of the machine.
HOST_VARIABLES = (
    "BENTOML_HOST",
    "FLASK_RUN_HOST",
    "GRADIO_SERVER_NAME",
    "GRANIAN_HOST",
    "HOST",
    "LLAMA_ARG_HOST",
    "MLFLOW_HOST",
    "MLSERVER_HOST",
    "PYTRITON_TRITON_CONFIG_GRPC_ADDRESS",
    "PYTRITON_TRITON_CONFIG_HTTP_ADDRESS",
    "PYTRITON_TRITON_CONFIG_METRICS_ADDRESS",
    "STREAMLIT_SERVER_ADDRESS",
    "UVICORN_HOST",
)
LOOPBACK = ("127.", "::1", "localhost")

# In a line that tells why a port can't be had.
TELLING = (
    "in use",
    "errno 98",
    "eaddrinuse",
    "couldn't bind",
    "permission denied",
    "errno 13",
    "eacces",
)


class Config(NamedTuple):
    """A file without which a server doesn't look at its variables."""

    variable: str
    "Which names the file, and counts more than the option does."
    option: str
    places: Tuple[str, ...]
    "Where it is if neither says so."
    line: str
    "What has to be in it."
    suffix: str


class Known(NamedTuple):
    """A server that is known by a word of its start command, or by the name of its process."""

    word: str
    told: Mapping[str, str] = {}
    "Variables by which it can be told its ports: {http}, and two that nobody asks the model at."
    config: Optional[Config] = None
    expected: Tuple[int, ...] = ()
    "Where it listens for HTTP as it comes."
    health: str = ""
    "The path that answers 200 once it is ready."
    is_hasty: bool = False
    "Whether it says so before it loads anything, too, when another program has started it."
    recipe: str = ""
    "How it is told another port, where no variable does or its own settings count more."


TORCHSERVE = Known(
    "torchserve",
    told={"TS_INFERENCE_ADDRESS": "http://127.0.0.1:{http}"},
    config=Config(
        variable="TS_CONFIG_FILE",
        option="--ts-config",
        places=("/home/model-server/config.properties", "config.properties"),
        line="enable_envvars_config=true",
        suffix=".properties",
    ),
    health="/ping",
    recipe="TorchServe takes inference_address=http://127.0.0.1:8085 in its config.properties",
)

KNOWN = (
    Known(
        "mlserver",
        told={
            "MLSERVER_HTTP_PORT": "{http}",
            "MLSERVER_GRPC_PORT": "{other}",
            "MLSERVER_METRICS_PORT": "{another}",
        },
        health="/v2/health/ready",
        recipe='MLServer takes "http_port" in settings.json',
    ),
    TORCHSERVE,
    TORCHSERVE._replace(word="dockerd-entrypoint.sh serve"),  # of its own image
    Known(
        "tritonserver",
        expected=(8000,),
        health="/v2/health/ready",
        is_hasty=True,
        recipe="Triton takes --http-port",
    ),
    Known("tensorflow_model_server", expected=(8501,), recipe="it takes --rest_api_port"),
    Known(
        "llama-server",
        told={"LLAMA_ARG_PORT": "{http}"},
        health="/health",
        recipe="llama-server takes --port",
    ),
    Known(
        "mlflow.models",  # the images that `mlflow models build-docker` makes
        told={"DISABLE_NGINX": "true"},
        expected=(8000,),
        health="/ping",
        recipe="MLflow's images leave 8080 alone with DISABLE_NGINX=true",
    ),
    Known("mlflow", health="/ping", recipe="mlflow takes --port"),
    Known("bentoml", health="/readyz", recipe="bentoml takes --port and BENTOML_PORT"),
    Known("kserve", health="/v2/health/ready", recipe="KServe takes --http_port"),
    Known("dotnet", told={"ASPNETCORE_HTTP_PORTS": "{http}"}, recipe="ASP.NET takes --urls"),
    Known(".jar", told={"SERVER_PORT": "{http}"}, recipe="Spring takes --server.port"),
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


class Spare(NamedTuple):
    """Ports that nobody uses."""

    given: int
    http: int
    other: int
    another: int


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
    is_local: bool = False
    "Whether it is only this machine that should ask the model."
    is_here: bool = False
    "Whether the program runs in this process, which may take its app yet."


class Plan(NamedTuple):
    wanted: Wanted
    variables: Dict[str, str]
    "To be added to the image's own."
    config: Optional[Config] = None
    "What it needs to listen to these variables."
    recipe: str = ""
    "How it can be told another port."
    arguments: Sequence[str] = ()
    "To be added to the command."


def plan_from_command(
    command: Sequence[str],
    environ: Mapping[str, str],
    settings: Settings,
    prefix: str,
    spare: Spare,
) -> Plan:
    line = " ".join(command)
    known = known_from_text(line)
    own = port_from_text(environ.get("PORT", ""))
    given = own if own not in (0, settings.port) else spare.given
    variables = {name: prefix for name in PREFIX_VARIABLES if prefix and name not in environ}
    if given != own:
        variables["PORT"] = str(given)
    is_local = settings.host.startswith(LOOPBACK)
    if is_local:
        variables.update(hosts_from_environ(environ, settings.host, given))
    told = told_from_environ(known, environ, settings.port, spare)
    variables.update(told)
    is_asked_for = own or "$PORT" in line or "${PORT" in line
    expected = ([given] if is_asked_for else []) + settings.exposed_ports
    expected = expected_of_known(known, {**environ, **told}, expected)
    wanted = Wanted(
        target=settings.target,
        ready=settings.ready,
        health=settings.health or (known.health if known is not None else ""),
        given=given,
        expected=[port for port in expected if port != settings.port],
        is_early=is_early(line),
        is_local=is_local,
    )
    config = known.config if known is not None and told else None
    recipe = recipe_for(known, line, settings.port)
    return Plan(wanted, variables, config, recipe, arguments_for_prefix(command, prefix))


def arguments_for_prefix(command: Sequence[str], prefix: str) -> List[str]:
    words = list(command)
    if words[1:2] == ["-m"]:
        del words[:2]
    name = words[0].rpartition("/")[2] if words else ""
    needed, option = PREFIX_OPTIONS.get(name, ((), ""))
    line = " ".join(words)
    is_fit = not needed or any(text in line for text in needed)
    return [option, prefix] if option and prefix and is_fit and option not in line else []


def recipe_for(known: Optional[Known], line: str, own_port: int) -> str:
    if known is not None:
        return known.recipe
    return "its start command says %d" % own_port if str(own_port) in line else ""


def hosts_from_environ(
    environ: Mapping[str, str],
    host: str,
    given: int,
) -> Dict[str, str]:
    """Where this machine alone may ask us, the network shouldn't ask the server behind us."""
    variables = {name: host for name in HOST_VARIABLES if name not in environ}
    if "GUNICORN_CMD_ARGS" not in environ:  # with PORT it would take every address
        variables["GUNICORN_CMD_ARGS"] = "--bind=%s:%d" % (host, given)
    return variables


def told_from_environ(
    known: Optional[Known],
    environ: Mapping[str, str],
    own_port: int,
    spare: Spare,
) -> Dict[str, str]:
    """What the image doesn't say itself, or says of the one port that is ours."""
    told: Dict[str, str] = {}
    if known is None:
        return told
    for name, form in known.told.items():
        if name not in environ or port_from_text(environ[name]) == own_port:
            told[name] = form.format(**spare._asdict())
    return told


def expected_of_known(
    known: Optional[Known], environ: Mapping[str, str], expected: List[int]
) -> List[int]:
    """What it is told counts more than what its image names; its own habit counts least."""
    if known is None:
        return expected
    for name, form in known.told.items():
        if "{http}" in form:
            return [port_from_text(environ[name])] + expected
    return expected or list(known.expected)


def known_from_text(text: str) -> Optional[Known]:
    text = text.lower()
    for known in KNOWN:
        if known.word in text:
            return known
    return None


def is_early(text: str) -> bool:
    return any(name in text for name in EARLY)


def port_from_text(text: str) -> int:
    """Of `8000` or `http://host:8000`; 0 for what is no port."""
    digits = text.rpartition(":")[2].rstrip("/")
    number = int(digits) if digits.isdecimal() and len(digits) < 6 else 0
    return number if number < 65536 else 0

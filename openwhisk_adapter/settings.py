"""What the variables OPENWHISK_* say, and whether the platform is here: reads what it is given."""

import re
from typing import Any, Dict, List, Mapping, NamedTuple

from openwhisk_adapter.messages import Refused


class Settings(NamedTuple):
    """Each is set by OPENWHISK_ and its name in capitals, explained in SETTINGS."""

    host: str = "0.0.0.0"
    port: int = 8080
    app: str = ""
    target: int = 0
    ready: str = ""
    preload: int = 0
    entry: str = "/model/predict"
    limit: int = 1048576
    errors: str = "500-599"
    cors: str = "platform"
    platform: str = "auto"
    exposed: str = ""
    health: str = ""
    warmup: str = ""
    stream: str = ""

    @property
    def exposed_ports(self) -> List[int]:
        """The ports that the image says it listens on, in its own order."""
        return [int(word) for word in self.exposed.split()]


PREFIX = "OPENWHISK_"
ANYTHING = r".*"
NUMBER = r"[0-9]{1,9}"
PORT = r"[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
STATUSES = r"none|[0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?)*"


class Setting(NamedTuple):
    """What may be said, one example of it, and what it is for, as --help and docs/settings.md say
    it."""

    pattern: str
    example: str
    meaning: str


SETTINGS = {
    "host": Setting(
        ANYTHING,
        "0.0.0.0",
        "the address to listen on",
    ),
    "port": Setting(
        PORT,
        "8080",
        "the port to listen on; OpenWhisk always uses 8080",
    ),
    "app": Setting(
        ANYTHING,
        "app:application",
        "`module:attribute` of a WSGI app, if the start command doesn't serve it",
    ),
    "target": Setting(
        PORT,
        "8000",
        "the port of the model's server, if it opens several and the adapter takes the wrong one; "
        "if a Python script serves several apps, the one at this port is the model",
    ),
    "ready": Setting(
        ANYTHING,
        "/ready",
        "a path that answers 2xx when the model is ready; by default a server is ready when it "
        "accepts connections; servers with a known health path, nginx and gunicorn are asked",
    ),
    "preload": Setting(
        NUMBER,
        "1",
        "`1`: load the model when the container starts and not in `/init`; for Knative",
    ),
    "entry": Setting(
        ANYTHING,
        "/predict",
        "the path for a POST to the action's bare URL, and for invocations without a path",
    ),
    "limit": Setting(
        NUMBER,
        "1048576",
        "the largest result in bytes; raise it if your platform allows more",
    ),
    "errors": Setting(
        STATUSES,
        "404,500-599",
        "which statuses count as failed activations, like `404,500-599` or `none`; clients see no "
        "difference",
    ),
    "cors": Setting(
        "app|platform",
        "app",
        "`app`: keep the model's own CORS headers, for actions with `web-custom-options`",
    ),
    "platform": Setting(
        "auto|yes|no",
        "yes",
        "whether `/init` and `/run` are OpenWhisk's calls: `yes`, `no`, or `auto`: where "
        "OpenWhisk has set `__OW_API_HOST`",
    ),
    "exposed": Setting(
        r"[0-9]{1,5}( [0-9]{1,5})*",
        "8000 8001",
        "the ports that the image names in `EXPOSE`, like `8000 8001`; of several HTTP ports the "
        "first one listed is the model's, otherwise the lowest; `build.sh` and `layer.py` set it",
    ),
    "health": Setting(
        r"/.*",
        "/health",
        "like `OPENWHISK_READY`, from the image's `HEALTHCHECK`; `build.sh` and `layer.py` set it",
    ),
    "warmup": Setting(
        r"[A-Z]+ /[^ ]*( .+)?",
        "POST /predict sample.json",
        "a request to send once in `/init`, so that the first user doesn't wait for lazy loading: "
        "`POST /predict sample.json` or `POST /model/predict image=@dog.jpg`; files are looked "
        "for in the folder in which the start command runs",
    ),
    "stream": Setting(
        r"[A-Za-z0-9.:-]+",
        "relay.example.com",
        "the host of OpenServerless's relay; the model's answer is sent there as it is generated",
    ),
}


def variable(name: str) -> str:
    return PREFIX + name.upper()


def settings_from_environ(environ: Mapping[str, str]) -> Settings:
    """The defaults, and what these variables say instead. An empty one says nothing."""
    found: Dict[str, Any] = {}
    for name, default in Settings()._asdict().items():
        text = environ.get(variable(name))
        if text:
            setting = SETTINGS[name]
            if not re.match(f"({setting.pattern})\\Z", text):
                reason = f"{variable(name)} should look like {setting.example} and is {text!r}"
                raise Refused(502, reason)
            found[name] = type(default)(text)
    return Settings(**found)


def is_platform(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether /init and /run are the platform's: OpenWhisk sets __OW_API_HOST on each container."""
    if settings.platform == "auto":
        return "__OW_API_HOST" in environ
    return settings.platform == "yes"

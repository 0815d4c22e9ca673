"""What the variables OPENWHISK_* say, and whether the platform is here: reads what it is given."""

import re
from typing import Any, Dict, List, Mapping, NamedTuple

from openwhisk_adapter.messages import Refused


class Settings(NamedTuple):
    """Each is set by OPENWHISK_ and its name in capitals, explained in docs/settings.md."""

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


class Form(NamedTuple):
    pattern: str
    example: str


FORMS = {
    "host": Form(ANYTHING, "0.0.0.0"),
    "port": Form(PORT, "8080"),
    "app": Form(ANYTHING, "app:application"),
    "target": Form(PORT, "8000"),
    "ready": Form(ANYTHING, "/ready"),
    "preload": Form(NUMBER, "1"),
    "entry": Form(ANYTHING, "/predict"),
    "limit": Form(NUMBER, "1048576"),
    "errors": Form(STATUSES, "404,500-599"),
    "cors": Form("app|platform", "app"),
    "platform": Form("auto|yes|no", "yes"),
    "exposed": Form(r"[0-9]{1,5}( [0-9]{1,5})*", "8000 8001"),
    "health": Form(r"/.*", "/health"),
    "warmup": Form(r"[A-Z]+ /[^ ]*( .+)?", "POST /predict sample.json"),
    "stream": Form(r"[A-Za-z0-9.:-]+", "relay.example.com"),
}


def settings_from_environ(environ: Mapping[str, str]) -> Settings:
    """The defaults, and what these variables say instead. An empty one says nothing."""
    found: Dict[str, Any] = {}
    for name, default in Settings()._asdict().items():
        variable = PREFIX + name.upper()
        text = environ.get(variable)
        if text:
            form = FORMS[name]
            if not re.match(f"({form.pattern})\\Z", text):
                reason = f"{variable} should look like {form.example} and is {text!r}"
                raise Refused(502, reason)
            found[name] = type(default)(text)
    return Settings(**found)


def is_platform(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether /init and /run are the platform's: OpenWhisk sets __OW_API_HOST on each container."""
    if settings.platform == "auto":
        return "__OW_API_HOST" in environ
    return settings.platform == "yes"

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

FORMS = {
    "host": ANYTHING,
    "port": PORT,
    "app": ANYTHING,
    "target": PORT,
    "ready": ANYTHING,
    "preload": NUMBER,
    "entry": ANYTHING,
    "limit": NUMBER,
    "errors": STATUSES,
    "cors": "app|platform",
    "platform": "auto|yes|no",
    "exposed": r"[0-9]{1,5}( [0-9]{1,5})*",
    "health": r"/.*",
    "warmup": r"[A-Z]+ /[^ ]*( .+)?",
    "stream": r"[A-Za-z0-9.:-]+",
}


def settings_from_environ(environ: Mapping[str, str]) -> Settings:
    """The defaults, and what these variables say instead. An empty one says nothing."""
    found: Dict[str, Any] = {}
    for name, default in Settings()._asdict().items():
        variable = PREFIX + name.upper()
        text = environ.get(variable)
        if text:
            if not re.match(f"({FORMS[name]})\\Z", text):
                reason = f"{variable} should look like {default!r} and is {text!r}"
                raise Refused(502, reason)
            found[name] = type(default)(text)
    return Settings(**found)


def is_platform(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether /init and /run are the platform's: OpenWhisk sets __OW_API_HOST on each container."""
    if settings.platform == "auto":
        return "__OW_API_HOST" in environ
    return settings.platform == "yes"

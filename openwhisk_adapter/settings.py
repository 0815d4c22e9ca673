"""What the variables OPENWHISK_* say: reads a mapping, never the environment itself."""

import re
from typing import NamedTuple

from openwhisk_adapter.messages import Refused


class Settings(NamedTuple):
    """Each is set by OPENWHISK_ and its name in capitals; the README has the table."""

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


def settings_from_environ(environ):
    forms = {int: r"\d{1,9}", "cors": "app|platform", "errors": r"none|\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*"}
    found = Settings()
    for name, default in found._asdict().items():
        variable, kind = "OPENWHISK_" + name.upper(), type(default)
        text = environ.get(variable) or str(default)
        if not re.match(r"(%s)\Z" % forms.get(name, forms.get(kind, ".*")), text):
            raise Refused(502, f"{variable} should look like {default!r} and is {text!r}")
        found = found._replace(**{name: kind(text)})
    return found

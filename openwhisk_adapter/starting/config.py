"""A configuration without which a server ignores its variables: touches a copy of that file."""

import contextlib
import os
import tempfile
from typing import Dict, Mapping, Sequence

from openwhisk_adapter.starting.wanted import Config

Environ = Mapping[str, str]

LARGEST = 1 << 20  # characters that are read of such a file


def variables_for_config(
    config: Config, command: Sequence[str], environ: Environ
) -> Dict[str, str]:
    """Names the copy; nothing where none can be made: the server has its own file still."""
    places = places_of_config(config, command, environ)
    text = text_of_first(places)
    with contextlib.suppress(OSError):
        descriptor, name = tempfile.mkstemp(suffix=config.suffix)
        with open(descriptor, "w") as file:
            file.write("%s\n%s\n" % (text, config.line))
        return {config.variable: name}
    return {}


def places_of_config(
    config: Config,
    command: Sequence[str],
    environ: Environ,
) -> Sequence[str]:
    """In the order in which the server itself would take one of them."""
    words = " ".join(command).split()
    places = [environ.get(config.variable, "")]
    for option, value in zip(words, words[1:]):
        if option == config.option:
            places.append(value)
    return places + list(config.places)


def text_of_first(places: Sequence[str]) -> str:
    for place in places:
        if os.path.isfile(place):
            with contextlib.suppress(OSError, ValueError), open(place) as file:
                return file.read(LARGEST)
    return ""

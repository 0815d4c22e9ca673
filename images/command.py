"""The start command that an image's config holds, and the Python that it names. Pure."""

import re
import shlex

INITS = ("tini", "dumb-init", "docker-init", "env", "exec")
SHELLS = ("sh", "bash", "dash", "ash")
PYTHON = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?\Z")


def command_from_config(settings):
    """ENTRYPOINT and CMD, as the engine would join them; the shell form is a list already."""
    return list(settings.get("Entrypoint") or []) + list(settings.get("Cmd") or [])


def interpreter_from_config(settings):
    """The Python that starts the model: what runs it can run the adapter too. Empty when the config doesn't tell."""
    word = program_from_command(command_from_config(settings))
    if PYTHON.match(word):
        return word
    variables = [variable.partition("=")[0] for variable in settings.get("Env") or []]
    return "python" if "PYTHON_VERSION" in variables else ""  # set by Docker's own Python images


def program_from_command(words):
    """The first word that is neither an init's nor a shell's own."""
    while words and (words[0].rpartition("/")[2] in INITS or "=" in words[0]):
        words = words[words.index("--") + 1 :] if "--" in words else words[1:]
    if len(words) > 2 and words[0].rpartition("/")[2] in SHELLS and words[1].strip("-el") == "c":
        try:
            return program_from_command(shlex.split(words[2]))
        except ValueError:
            return ""
    return words[0] if words else ""

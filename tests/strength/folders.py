"""Folders that the gateway runs: an app of tests/strength/apps behind either back end of the adapter."""

import json
import shutil
from pathlib import Path

APPS = Path(__file__).resolve().parent / "apps"
# The same app taken as it is about to be served, and as a server of its own behind a shell.
COMMANDS = {"in-process": ["python", "app.py"], "http": ["sh", "-c", "cd . && exec python app.py"]}


def folder_with(parent, app, back_end, name="model"):
    folder = Path(str(parent)) / name
    folder.mkdir()
    shutil.copy(str(APPS / ("%s.py" % app)), str(folder / "app.py"))
    (folder / "Dockerfile").write_text(
        "FROM scratch\nENTRYPOINT []\nCMD %s\n" % json.dumps(COMMANDS[back_end])
    )
    return folder

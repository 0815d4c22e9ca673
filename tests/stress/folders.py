"""Folders that the gateway runs: an app of tests/stress/apps behind a back end of the adapter."""

import importlib.util
import json
import shutil
from pathlib import Path

APPS = Path(__file__).resolve().parent / "apps"
# The same app taken as it is about to be served, from a WSGI server or from uvicorn, and as a
# server of its own behind a shell.
COMMANDS = {
    "in-process": ["python", "app.py"],
    "http": ["sh", "-c", "cd . && exec python app.py"],
}
if importlib.util.find_spec("uvicorn"):
    COMMANDS["asgi"] = ["env", "MODEL_SERVER=uvicorn", "python", "app.py"]


def folder_with(parent, app, back_end, name="model"):
    folder = Path(str(parent)) / name
    folder.mkdir()
    shutil.copy(str(APPS / ("%s.py" % app)), str(folder / "app.py"))
    shutil.copy(str(APPS / "serving.py"), str(folder))
    command = json.dumps(COMMANDS[back_end])
    (folder / "Dockerfile").write_text("FROM scratch\nENTRYPOINT []\nCMD %s\n" % command)
    return folder

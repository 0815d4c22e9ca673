"""manifest.yaml, for wskdeploy, from the list of models: python -m images.manifest > manifest.yaml"""

import json
import re
from pathlib import Path
from typing import Dict, List, NamedTuple

FOLDER = Path(__file__).resolve().parent
HEAD = """\
# All MAX models as actions, for wskdeploy: USERNAME=me wskdeploy -m manifest.yaml
# Made from images/models.txt by `python -m images.manifest > manifest.yaml`. The images are what build.sh pushes.
packages:
  max:
    version: {version}
    license: Apache-2.0
    actions:
"""
ACTION = """\
      {name}:
        docker: ${{USERNAME}}/{name}:{version}
        web: raw
        annotations:
          description: {quoted}
        limits:
          memorySize: {memory}
          timeout: {timeout}
"""


# Names that OpenWhisk, registries and YAML take for the same; a `$` in a text would be a variable to wskdeploy.
ROW = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]+)+)[ \t]+([1-9][0-9]{0,8})[ \t]+([1-9][0-9]{0,8})[ \t]+([^$]+)\Z")


class Model(NamedTuple):
    name: str
    memory: int
    timeout: int
    description: str


def models_from_text(text: str) -> List[Model]:
    """Raises ValueError at the first line that is neither a model, a comment nor empty."""
    models: Dict[str, Model] = {}
    for number, line in enumerate(text.split("\n"), 1):
        row = line.strip(" \t\r")
        if not row or row.startswith("#"):
            continue
        match = ROW.match(row)
        if not match or not match.group(4).isprintable() or match.group(1) in models:
            raise ValueError(
                f"images/models.txt, line {number}: {row!r} isn't a new model's, "
                "one like 'max-ocr 2048 60000 Read the text in a picture' was expected"
            )
        name, memory, timeout, description = match.groups()
        models[name] = Model(name, int(memory), int(timeout), description)
    return list(models.values())


def manifest_from_models(models, version):
    return HEAD.format(version=version) + "".join(action_from_model(model, version) for model in models)


def action_from_model(model, version):
    quoted = json.dumps(model.description, ensure_ascii=False)
    return ACTION.format(version=version, quoted=quoted, **model._asdict())


def manifest():
    models = models_from_text((FOLDER / "models.txt").read_text("utf-8"))
    return manifest_from_models(models, (FOLDER / "VERSION").read_text().strip())


if __name__ == "__main__":
    print(manifest(), end="")

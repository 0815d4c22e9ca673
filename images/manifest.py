"""manifest.yaml, for wskdeploy, from the list of models: python -m images.manifest > manifest.yaml"""

from pathlib import Path
from typing import List, NamedTuple

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
          description: {description}
        limits:
          memorySize: {memory}
          timeout: {timeout}
"""


class Model(NamedTuple):
    name: str
    memory: int
    timeout: int
    description: str


def models_from_text(text: str) -> List[Model]:
    rows = [line.split(None, 3) for line in text.splitlines() if line and not line.startswith("#")]
    return [Model(name, int(memory), int(timeout), description) for name, memory, timeout, description in rows]


def manifest_from_models(models, version):
    return HEAD.format(version=version) + "".join(ACTION.format(version=version, **model._asdict()) for model in models)


def manifest():
    models = models_from_text((FOLDER / "models.txt").read_text())
    return manifest_from_models(models, (FOLDER / "VERSION").read_text().strip())


if __name__ == "__main__":
    print(manifest(), end="")

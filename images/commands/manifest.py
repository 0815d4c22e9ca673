"""manifest.yaml, for wskdeploy, from the list of models: python3 -m images manifest."""

import json
from typing import List

from images.action.adapter import version
from images.commands.models import Model, known_models

HEAD = """\
# All MAX models as actions, for wskdeploy: USERNAME=me wskdeploy -m manifest.yaml
# Made from images/models.txt by `python3 -m images manifest > manifest.yaml`.
# The images are what build.sh pushes.
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


def manifest_from_models(models: List[Model], number: str) -> str:
    actions = [action_from_model(model, number) for model in models]
    return HEAD.format(version=number) + "".join(actions)


def action_from_model(model: Model, number: str) -> str:
    quoted = json.dumps(model.description, ensure_ascii=False)
    return ACTION.format(version=number, quoted=quoted, **model._asdict())


def manifest() -> str:
    return manifest_from_models(known_models(), version())

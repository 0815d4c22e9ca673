"""What the servers' READMEs tell people to type, typed: every command that asks the action,
against the gateway."""

import re
import shutil
import subprocess
import sys

import pytest

from testing.example import EXAMPLES, environ_of, served
from testing.prerequisites import need

# The key that OpenWhisk documents for the namespace of a standalone server.
KEY = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"  # noqa: E501
# A failing answer ends the script, and says so.
CURL = 'set -e -o pipefail; curl() { command curl --fail-with-body -sS "$@"; echo; }\n'


def commands(readme):
    """The indented blocks that speak of the action's URL, as one script."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", readme, re.M)
    return "\n".join(
        re.sub(r"(?m)^    ", "", block)
        for block in blocks
        if re.search(r"(?m)^    (URL=|.*\$URL)", block)
    )


def written(folder, before):
    """What is in the files that the commands have made."""
    made = [
        path
        for path in sorted(folder.rglob("*"))
        if not (before / path.relative_to(folder)).exists()
    ]
    return "".join(path.read_bytes().decode("latin-1") for path in made if path.is_file())


@pytest.mark.parametrize(
    "name, commands_in_it, said",
    [
        (
            "max-digits",
            5,
            [
                '{"label_id": "7",',
                '{"label_id": "3",',
                '"id": "digits-perceptron"',
                '{"count": 10,',
            ],
        ),
        (
            "max-sentiment",
            4,
            ['"predictions": [{"positive": 0.78', '"negative": 0.82', '"id": "sentiment-words"'],
        ),
        (
            "max-upscale",
            4,
            ["PNG", "IHDR\0\0\0\xa0\0\0\0\xa0", '"id": "upscale-filters"'],
        ),  # 160 x 160 pixels
        (
            "fastapi-model",
            6,
            ['?filter=overall"', '{"alpha":0.5}', '"predicted_tag":"natural-language-processing"'],
        ),
        (
            "weather-onnx",
            4,
            ['{"prediction":"Rain"}', '{"prediction":"No_Rain"}', "/weather-onnx/docs."],
        ),
        (
            "bento-iris",
            4,
            ["[[0.98470316684", '["setosa", "versicolor", "virginica"]', '{"openapi":"3.0.2"'],
        ),
        (
            "mlflow",
            4,
            [
                '{"predictions": ["class_0", "class_1", "class_2"]}',
                '["class_0", "class_2"]',
                "3.17.2",
            ],
        ),
        (
            "triton",
            4,
            ['"shape":[2,1],"data":[2,7]', '"datatype":"FP32","shape":[-1,64]', '"name":"triton"'],
        ),
        ("torchserve", 4, ['"digit": 7,', '"digit": 2,', '"status": "Healthy"']),
        (
            "generate",
            4,
            [
                '{"text":"On Friday mist hides the',
                'data: {"text": "mist "}',
                "\nOn Friday mist hides",
            ],
        ),
        (
            "tf-serving",
            4,
            ['"predictions": [2.5, 3.0, 4.5\n', '"state": "AVAILABLE"', '"digit": 2'],
        ),
    ],
)
def test_the_commands_of_a_readme_work_as_they_stand(name, commands_in_it, said, tmp_path):
    script = commands((EXAMPLES / name / "README.md").read_text())
    assert len(re.findall(r"\$URL|URL=", script)) == commands_in_it
    folder = tmp_path / "examples" / name
    shutil.copytree(EXAMPLES / name, folder)
    with served("gateway", name, tmp_path) as gateway:
        here = script.replace("http://localhost:3233", "http://127.0.0.1:%d" % gateway.port)
        assert here != script
        need("curl")
        done = subprocess.run(
            ["bash", "-c", CURL + here],
            cwd=tmp_path,
            env=environ_of(sys.executable, AUTH=KEY),
            stdout=subprocess.PIPE,
        )
    answers = done.stdout.decode() + written(folder, EXAMPLES / name)
    assert (done.returncode, [text for text in said if text not in answers]) == (0, []), answers

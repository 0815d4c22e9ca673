"""Coverage-guided fuzzing: python tests/stress/guided.py TARGET FOLDER [-runs=N].

Each input that reaches new code is kept in FOLDER and changed further. The first that breaks a
rule ends the run, is shown, and written to FOLDER."""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
with atheris.instrument_imports(include=["openwhisk_adapter", "gateway", "images"]):
    from tests.stress import targets


def main(name, folder, *options):
    target = getattr(targets, name)
    for number, seed in enumerate(targets.SEEDS[target]):
        (Path(folder) / f"seed-{number}").write_bytes(seed)
    if name.startswith("gateway"):
        sys.setrecursionlimit(5000)  # as the gateway's own
    atheris.Setup(
        [sys.argv[0], f"-artifact_prefix={folder}/found-", "-verbosity=0", *options, folder], target
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""layer.py against `docker build && docker push`, over the same 300 MB base: python -m
benchmarks.layer

All ways in each round, with registries and an engine of its own on this machine: no network
slows down what sends and receives the most. Docker's engine doesn't have the base, as on a CI
runner. Writes results/layer.json.
"""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Optional

import requests
from _pytest.outcomes import OutcomeException

from benchmarks.results import Scale, arguments, write
from benchmarks.summary import spread
from images.image.documents import CONFIGS, LAYER_TYPES, MANIFESTS
from testing.engine import running_engine
from testing.registry import real_registry

ROOT = Path(__file__).resolve().parents[1]
SIZE = 300_000_000
QUICK_SIZE = 3_000_000
DOCKER = "docker build && docker push"
SMALL_LAYERS = 8  # a MAX image has some more: the base's, then one for each COPY


class Measured(NamedTuple):
    seconds: float
    sent: int  # bytes
    received: int
    resident: Optional[
        int
    ]  # bytes, of the process that was started; of Docker's engine it isn't known


# The kernel's count for an ended child begins with the memory of the process that it was forked
# from; this one doesn't.
TELLING = """
import atexit, runpy, sys
atexit.register(lambda: print(open("/proc/self/status").read(), file=sys.stderr))
sys.argv = sys.argv[1:]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def by_layer(base, target, size=SIZE):
    command = [sys.executable, "-c", TELLING, str(ROOT / "layer.py"), base, target, "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    pushed = json.loads(done.stdout)
    resident = int(re.findall(r"VmHWM:\s*(\d+) kB", done.stderr)[0]) * 1024
    return Measured(seconds, pushed["sent"], pushed["copied"] and size, resident)


def by_docker(engine, base, target, size=SIZE):
    """Pull, build, push, and then forgotten."""
    registry, _, model = base.rpartition("/")
    arguments = ["--build-arg", f"BASE={registry}", "--build-arg", f"MODEL={model}"]
    start = time.perf_counter()
    engine.docker("build", "--quiet", "--tag", target, *arguments, str(ROOT))
    pushed = engine.docker("push", target)
    seconds = time.perf_counter() - start
    assert "digest: sha256:" in pushed
    engine.docker("image", "rm", "--force", target)
    engine.docker("system", "prune", "--all", "--force")
    inherited = sizes_of(base)
    own = sum(
        bytes_of_it for name, bytes_of_it in sizes_of(target).items() if name not in inherited
    )
    return Measured(seconds, own, size, None)


def sizes_of(image):
    """Digests and sizes of all that an image is made of."""
    registry, _, rest = image.partition("/")
    repository, _, tag = rest.partition(":")
    url = f"http://{registry}/v2/{repository}/manifests/{tag or 'latest'}"
    manifest = requests.get(url, headers={"Accept": MANIFESTS[1]}, timeout=60).json()
    return {blob["digest"]: blob["size"] for blob in manifest["layers"] + [manifest["config"]]}


def put_base(address, name, size=SIZE):
    """An image of one large layer that can't be compressed, and small ones."""
    layers = [layer_of(index, size if index == 0 else 2000) for index in range(SMALL_LAYERS + 1)]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/sh", "-c", "python app.py"]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
    }
    described = [
        {
            "mediaType": LAYER_TYPES[MANIFESTS[1]],
            "digest": put_blob(address, name, data),
            "size": len(data),
        }
        for data, _ in layers
    ]
    data = json.dumps(config).encode()
    own = {"mediaType": CONFIGS[1], "digest": put_blob(address, name, data), "size": len(data)}
    manifest = {"schemaVersion": 2, "mediaType": MANIFESTS[1], "config": own, "layers": described}
    url = f"http://{address}/v2/{name}/manifests/latest"
    requests.put(
        url, json.dumps(manifest), headers={"Content-Type": MANIFESTS[1]}, timeout=60
    ).raise_for_status()
    return f"{address}/{name}"


def layer_of(index, size):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(f"weights{index}")
        entry.size = size
        tar.addfile(entry, io.BytesIO(os.urandom(size)))
    packer = zlib.compressobj(level=0, wbits=31)
    return packer.compress(buffer.getvalue()) + packer.flush(), digest_of(buffer.getvalue())


def put_blob(address, name, data):
    start = requests.post(f"http://{address}/v2/{name}/blobs/uploads/", timeout=60)
    digest = digest_of(data)
    requests.put(
        start.headers["Location"], data, params={"digest": digest}, timeout=300
    ).raise_for_status()
    return digest


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compare(engine, base, other, owner, size):
    """One round: {way: what it took}."""
    registry, name = base.partition("/")[0], f"{owner}/max-fake:1"
    ways = {
        "layer.py, same registry": by_layer(base, f"{registry}/{name}", size),
        "layer.py, a second time": by_layer(base, f"{registry}/{name}", size),
        "layer.py, another registry": by_layer(base, f"{other}/{name}", size),
    }
    return ways | (
        {DOCKER: by_docker(engine, base, f"{registry}/docker-{name}", size)} if engine else {}
    )


def row(way, rounds):
    taken = [one[way] for one in rounds]
    return {
        "name": way,
        "seconds": spread([one.seconds for one in taken]),
        "sent": max(one.sent for one in taken),
        "received": max(one.received for one in taken),
        "resident_mb": taken[0].resident and round(max(one.resident for one in taken) / 1e6, 1),
    }


def told(row):
    print(
        "{name:28} {seconds[median]:7.2f} s {sent:14,} B sent {received:14,} B received".format(
            **row
        ),
        flush=True,
    )


def engine_or_none(stack):
    try:
        return stack.enter_context(running_engine())
    except OutcomeException as missing:
        print(f"without docker: {missing}", file=sys.stderr)
        return None


def main(given):
    scale, size = Scale.of(given), QUICK_SIZE if given.quick else SIZE
    with ExitStack() as stack:
        registry, other = (stack.enter_context(real_registry()) for _ in range(2))
        base, engine = put_base(registry, "codait/max-fake", size), engine_or_none(stack)
        rounds = [
            compare(engine, base, other, f"me{number}", size) for number in range(scale.rounds)
        ]
    rows = [row(way, rounds) for way in rounds[0]]
    for one in rows:
        told(one)
    write(given, "layer", rows)


if __name__ == "__main__":
    main(arguments(sys.argv[1:], __doc__))

"""layer.py against `docker build && docker push`, over the same 300 MB base: python -m benchmarks.layer

Starts registries and an engine of its own; prints a table, writes results/layer.json beside itself.
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
from typing import NamedTuple

import requests
from _pytest.outcomes import OutcomeException

from images.plan import CONFIGS, LAYER_TYPES, MANIFESTS
from tests.support.engine import running_engine
from tests.support.registry import real_registry

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "layer.json"
SIZE = 300_000_000
SMALL_LAYERS = 8  # a MAX image has some more: the base's, then one for each COPY


class Measured(NamedTuple):
    seconds: float
    sent: int  # bytes
    received: int
    resident: int  # bytes, of the process that was started


# The kernel's count for an ended child begins with the memory of the process that it was forked from; this one doesn't.
TELLING = """
import atexit, runpy, sys
atexit.register(lambda: print(open("/proc/self/status").read(), file=sys.stderr))
sys.argv = sys.argv[1:]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def by_layer(base, target):
    command = [sys.executable, "-c", TELLING, str(ROOT / "layer.py"), base, target, "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    pushed = json.loads(done.stdout)
    resident = int(re.findall(r"VmHWM:\s*(\d+) kB", done.stderr)[0]) * 1024
    return Measured(seconds, pushed["sent"], pushed["copied"] and SIZE, resident)


def by_docker(engine, base, target):
    """Pull, build, push: the base isn't on the machine, as on a CI runner, and the registry has its layers."""
    registry, _, model = base.rpartition("/")
    arguments = ["--build-arg", f"BASE={registry}", "--build-arg", f"MODEL={model}"]
    start = time.perf_counter()
    engine.docker("build", "--quiet", "--tag", target, *arguments, str(ROOT))
    pushed = engine.docker("push", target)
    seconds = time.perf_counter() - start
    assert "digest: sha256:" in pushed
    own = sum(size for name, size in sizes_of(target).items() if name not in sizes_of(base))
    return Measured(seconds, own, SIZE, 0)


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
        {"mediaType": LAYER_TYPES[MANIFESTS[1]], "digest": put_blob(address, name, data), "size": len(data)}
        for data, _ in layers
    ]
    data = json.dumps(config).encode()
    own = {"mediaType": CONFIGS[1], "digest": put_blob(address, name, data), "size": len(data)}
    manifest = {"schemaVersion": 2, "mediaType": MANIFESTS[1], "config": own, "layers": described}
    url = f"http://{address}/v2/{name}/manifests/latest"
    requests.put(url, json.dumps(manifest), headers={"Content-Type": MANIFESTS[1]}, timeout=60).raise_for_status()
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
    requests.put(start.headers["Location"], data, params={"digest": digest}, timeout=300).raise_for_status()
    return digest


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compare():
    rows = {}
    with ExitStack() as stack:
        registry, other = (stack.enter_context(real_registry()) for _ in range(2))
        base = put_base(registry, "codait/max-fake")
        rows["layer.py, same registry"] = by_layer(base, f"{registry}/me/max-fake:1")
        rows["layer.py, a second time"] = by_layer(base, f"{registry}/me/max-fake:1")
        rows["layer.py, another registry"] = by_layer(base, f"{other}/me/max-fake:1")
        try:
            engine = stack.enter_context(running_engine())
            rows["docker build && docker push"] = by_docker(engine, base, f"{registry}/docker/max-fake:1")
        except OutcomeException as missing:
            print(f"without docker: {missing}", file=sys.stderr)
    return rows


def printed(rows):
    print(f"{'':28} {'seconds':>9} {'sent, bytes':>14} {'received, bytes':>16} {'resident, MB':>13}")
    for name, row in rows.items():
        resident = f"{row.resident / 1e6:.0f}" if row.resident else "-"
        print(f"{name:28} {row.seconds:9.2f} {row.sent:14,} {row.received:16,} {resident:>13}")
    docker = rows.get("docker build && docker push")
    if docker:
        ours = rows["layer.py, same registry"]
        moved = (docker.sent + docker.received) / (ours.sent + ours.received)
        print(f"layer.py takes 1/{docker.seconds / ours.seconds:.0f} of the time and 1/{moved:,.0f} of the bytes")


def main():
    rows = compare()
    printed(rows)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({name: row._asdict() for name, row in rows.items()}, indent=2) + "\n")


if __name__ == "__main__":
    main()

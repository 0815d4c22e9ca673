"""What the benchmarks were run on, and how busy it was with other things; reads /proc, prints
warnings."""

import os
import platform
import re
import sys
from pathlib import Path

BUSY = 0.5  # of one core: more than this before we begin, and the figures are marked


def machine():
    described = {
        "processor": one_of("/proc/cpuinfo", r"model name\s*:\s*(.*)"),
        "cores": os.cpu_count(),
        "memory_gb": round(int(one_of("/proc/meminfo", r"MemTotal:\s*(\d+)")) / 1e6, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }
    if described["load_at_start"] > BUSY:
        print(
            f"This machine is busy (load {described['load_at_start']}): figures will say so.",
            file=sys.stderr,
        )
    return described


def one_of(file, pattern):
    found = re.search(pattern, Path(file).read_text())
    return found.group(1) if found else "0"


def resident_mb(pids):
    """Summed: what two processes share counts twice, on both sides of a comparison."""
    return sum(int(one_of(f"/proc/{pid}/status", r"VmRSS:\s*(\d+)")) for pid in pids) / 1024

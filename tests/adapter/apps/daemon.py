"""A server that goes into the background, with a session of its own, as nginx does; with HOPS from
one process to the next for as long as that takes."""

import os
import subprocess
import sys
import time
from subprocess import DEVNULL

SERVER = [sys.executable, "several.py", "model:%s:0.3" % os.environ["MODEL_PORT"]]

if os.fork():
    sys.exit(0)
os.setsid()
if os.fork():
    sys.exit(0)
for _ in range(int(os.environ.get("HOPS", "0"))):
    if os.fork():
        os._exit(0)
environ = {} if os.environ.get("BARE") else None
subprocess.call(SERVER, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, env=environ)
time.sleep(600)

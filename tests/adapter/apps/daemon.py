"""A server that goes into the background, in a session of its own, as nginx and gunicorn --daemon
do."""

import os
import subprocess
import sys
import time

SERVER = [sys.executable, "several.py", "model:%s:0.3" % os.environ["MODEL_PORT"]]

if os.fork():
    sys.exit(0)
os.setsid()
if os.fork():
    sys.exit(0)
streams = [os.open(os.devnull, os.O_RDWR) for _ in range(3)]
environ = {} if os.environ.get("BARE") else None
subprocess.call(SERVER, stdin=streams[0], stdout=streams[1], stderr=streams[2], env=environ)
time.sleep(600)

"""openwhisk.py with a clock of processor time at each stage: python staged.py OPENWHISK TIMES COMMAND...

For benchmarks.profile; runs with the model's own interpreter, from Python 3.6. A stage that begins within another is
counted as its own only. When the process ends, {stage: seconds} is written to TIMES; /init isn't counted.
"""

import functools
import importlib.util
import json
import os
import sys
import threading
from time import CLOCK_THREAD_CPUTIME_ID, clock_gettime

STAGES = {
    "body_from_connection": "read",
    "object_from_json": "JSON in",
    "bytes_from_base64": "base64 in",
    "request_from_params": "request",
    "environ_from_request": "request",
    "carried": "result",
    "text_from_body": "text or base64 out",
    "json_from_value": "JSON out",
    "to_log": "log",
    "call_wsgi": "model",
    "call_http": "model",
    "Adapter.send": "send",
    "Adapter.init": "init",
    "Adapter.handle": "locks, close, the rest",
}


class Clock:
    """Processor seconds by stage; each thread has a stack, so that what is inside is taken from what is around it."""

    def __init__(self):
        self.local, self.seconds, self.lock = threading.local(), {}, threading.Lock()

    def add(self, stage, seconds):
        with self.lock:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def around(self, stage, function):
        @functools.wraps(function)
        def timed(*args, **kwargs):
            inside = self.local.__dict__.setdefault("inside", [])
            inside.append(0.0)
            began = clock_gettime(CLOCK_THREAD_CPUTIME_ID)
            try:
                return function(*args, **kwargs)
            finally:
                seconds = clock_gettime(CLOCK_THREAD_CPUTIME_ID) - began
                self.add(stage, seconds - inside.pop())
                if inside:
                    inside[-1] += seconds

        return timed


def main(adapter, times, command):
    spec = importlib.util.spec_from_file_location("adapter", adapter)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    clock, leave = Clock(), os._exit
    for path, stage in STAGES.items():
        owner, _, name = path.rpartition(".")
        owner = getattr(module, owner) if owner else module
        setattr(owner, name, clock.around(stage, getattr(owner, name)))

    def leave_with_times(code):
        clock.seconds.pop("init", None)
        with open(times, "w") as file:
            json.dump(clock.seconds, file)
        leave(code)

    os._exit = leave_with_times
    model = module.main(command)
    while True:
        with model.script_run():
            exec(*model.script())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

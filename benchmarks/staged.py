"""openwhisk.py with a clock of processor time at each stage: python staged.py OPENWHISK TIMES
COMMAND...

For benchmarks.profile; runs with the model's own interpreter, from Python 3.6. A stage that begins
within another is counted as its own only. When the process ends, {stage: seconds} is written to
TIMES; /init isn't counted.
"""

import functools
import importlib
import json
import os
import sys
import threading
from time import CLOCK_THREAD_CPUTIME_ID, clock_gettime

HOUSE = "openwhisk_adapter"
# By room and function or method.
STAGES = {
    "listener:body_from_connection": "read",
    "envelope:activation_from_json": "JSON in",
    "envelope:bytes_from_base64": "base64 in",
    "request:request_from_params": "request",
    "servers.wsgi:environ_from_request": "request",
    "result:carried": "result",
    "result:text_from_body": "text or base64 out",
    "envelope:json_from_result": "JSON out",
    "log:Log.end_activation": "log",
    "servers.wsgi:WsgiCall.answer": "model",
    "listener:send": "send",
    "action:Action.init": "init",
    "listener:Listener._handle": "locks, close, the rest",
}


class Clock:
    """Processor seconds by stage; each thread has a stack, so that what is inside is taken from
    what is around it."""

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


def hang_up(clock):
    """Around each stage's function, in its own room and in those that have imported it by name."""
    for room in sorted({place.partition(":")[0] for place in STAGES}):
        importlib.import_module(HOUSE + "." + room)
    for place, stage in STAGES.items():
        room, _, path = place.partition(":")
        owner = sys.modules[HOUSE + "." + room]
        *classes, name = path.split(".")
        for one in classes:
            owner = getattr(owner, one)
        function = getattr(owner, name)
        timed = clock.around(stage, function)
        setattr(owner, name, timed)
        for module in rooms():
            for known, value in list(vars(module).items()):
                if value is function:
                    setattr(module, known, timed)


def rooms():
    return [module for name, module in list(sys.modules.items()) if name.startswith(HOUSE)]


def write_when_it_ends(clock, times):
    ending = importlib.import_module(HOUSE + ".ending")
    leave = ending._exit

    def leave_with_times(code):
        clock.seconds.pop("init", None)
        with open(times, "w") as file:
            json.dump(clock.seconds, file)
        leave(code)

    ending._exit = leave_with_times


def main(adapter, times, command):
    sys.path.insert(0, os.path.dirname(adapter))
    clock = Clock()
    hang_up(clock)
    write_when_it_ends(clock, times)
    front = importlib.import_module(HOUSE + ".front")
    model = front.model_from_arguments(command, "")
    sys.path.pop(0)  # a script's folder takes the first place
    while True:
        script = model.script()
        with script.running():
            exec(*script.runnable())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

"""A small pool of threads: touches nothing but them."""

import enum
import threading
import time
from typing import Any, Callable

SPARE = 8  # idle threads that are kept: each costs memory, since the allocator gives it an arena
QUICK = 0.01  # seconds


class Pace(enum.Enum):
    """Of the answers lately. While they are quick one thread may be sooner done with all of them than two."""

    QUICK = "within QUICK"
    SLOW = "not within QUICK"


class Worker:
    """One thread. It is handed its next task by whoever holds the pool's lock."""

    def __init__(self) -> None:
        self.task = None  # type: Any
        self.wake = threading.Lock()
        self.wake.acquire()


class Workers:
    """One task after another goes to the same thread: a model's libraries may keep a pool of threads for each."""

    def __init__(self, work: Callable[[Any], None], at_once: Callable[[], int]) -> None:
        self._work = work
        self._at_once = at_once
        self._changed = threading.Condition()
        self._idle = []  # type: List[Worker]
        self._busy = 0
        self._pace = Pace.QUICK

    def give(self, task: Any) -> None:
        """To the thread that was idle last, or to a new one; RuntimeError if there can't be another."""
        with self._changed:
            if self._pace is Pace.QUICK and self._busy >= self._at_once():
                if not self._changed.wait_for(self._has_room, QUICK):
                    self._pace = Pace.SLOW
            worker = self._idle.pop() if self._idle else self._started()
            self._busy += 1
        worker.task = task
        worker.wake.release()

    def _has_room(self) -> bool:
        return self._busy < self._at_once()

    def _started(self) -> Worker:
        worker = Worker()
        threading.Thread(target=self._run, args=(worker,), daemon=True).start()
        return worker

    def _run(self, worker: Worker) -> None:
        staying = True
        while staying:
            worker.wake.acquire()
            began = time.monotonic()
            self._work(worker.task)
            worker.task = None
            staying = self._done(worker, time.monotonic() - began)

    def _done(self, worker: Worker, seconds: float) -> bool:
        with self._changed:
            self._busy -= 1
            self._pace = Pace.QUICK if seconds < QUICK else Pace.SLOW
            staying = len(self._idle) < SPARE
            if staying:
                self._idle.append(worker)
            self._changed.notify()
            return staying

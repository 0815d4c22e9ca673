"""A small pool of threads: touches nothing but them."""

import contextlib
import enum
import threading
from time import monotonic
from typing import Any, Callable, Dict, List, Set

SPARE = 8  # idle threads that are kept: each costs memory, since the allocator gives it an arena
QUICK = 0.01  # seconds


class Pace(enum.Enum):
    """Of the answers lately. As long as they are quick, one thread may be done with several sooner
    than several threads, which take the interpreter from each other."""

    QUICK = "within QUICK"
    SLOW = "not within QUICK"


def in_own_context(
    work: Callable[[Any], None],
) -> Callable[[Any], None]:
    """What one task sets in a context variable, the next one on its thread doesn't see."""
    with contextlib.suppress(ImportError):  # Python 3.6 has no such variables
        from contextvars import Context

        return lambda task: Context().run(work, task)
    return work


class Worker:
    """One thread, which sleeps until it is handed a task."""

    def __init__(self) -> None:
        self.task: Any = None
        self.wake = threading.Lock()
        self.wake.acquire()


class Workers:
    """One task after another goes to the same thread: libraries like OpenMP keep threads and memory
    of their own for each thread that has called them."""

    def __init__(
        self,
        work: Callable[[Any], None],
        at_once: Callable[[], int],
    ) -> None:
        self._work = in_own_context(work)
        self._at_once = at_once
        self._changed = threading.Condition()
        self._idle: List[Worker] = []
        self._finishing: Set[int] = set()
        self._began: Dict[Worker, float] = {}
        self._pace = Pace.QUICK

    def give(self, task: Any) -> None:
        """To the thread that was idle last, or a new one: RuntimeError if there can be none."""
        with self._changed:
            if not self._idle and self._is_worth_waiting():
                came = self._changed.wait_for(self._has_idle, QUICK)
                self._pace = self._pace if came else Pace.SLOW
            worker = self._idle.pop() if self._idle else self._started()
            self._began[worker] = monotonic()
        worker.task = task
        worker.wake.release()

    def finishing(self) -> None:
        """By a thread that is about to answer: whoever gets the answer may ask again at once."""
        with self._changed:
            self._finishing.add(threading.get_ident())

    def _is_worth_waiting(self) -> bool:
        if self._finishing:
            return True
        earliest = monotonic() - QUICK
        quick_so_far = [began for began in self._began.values() if began > earliest]
        return self._pace is Pace.QUICK and len(quick_so_far) >= self._at_once()

    def _has_idle(self) -> bool:
        return bool(self._idle)

    def _started(self) -> Worker:
        worker = Worker()
        thread = threading.Thread(
            target=self._run,
            args=(worker,),
            daemon=True,
        )
        thread.start()
        return worker

    def _run(self, worker: Worker) -> None:
        staying = True
        while staying:
            worker.wake.acquire()
            self._work(worker.task)
            worker.task = None
            staying = self._done(worker)

    def _done(self, worker: Worker) -> bool:
        with self._changed:
            seconds = monotonic() - self._began.pop(worker)
            self._pace = Pace.QUICK if seconds < QUICK else Pace.SLOW
            self._finishing.discard(threading.get_ident())
            staying = len(self._idle) < SPARE
            if staying:
                self._idle.append(worker)
                self._changed.notify()
            return staying

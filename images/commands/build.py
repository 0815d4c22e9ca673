"""Action's images of many models, some at a time: build.sh.

Runs threads, and the engine's command in them.
"""

import collections
import contextlib
import os
import shutil
import sys
import threading
import time
from typing import Any, Deque, List, Mapping, Optional

from images.commands.action import text_from_plan
from images.commands.interrupting import interruptible
from images.commands.making import (
    Made,
    Trying,
    WithEngine,
    Workshop,
    made_in_registry,
    planned_in_registry,
    workshop,
)
from images.commands.settings import Job, Settings, Wrong, help_text, settings_from_environ
from images.engine.engine import NAMES, Engine
from images.engine.trial import Figures, Trials
from images.words import plural, printable, size_text

PROGRAM = "build.sh"
LINES = 1000  # of a model's log that are kept
MOMENT = 0.2  # seconds between two looks at how far everybody is
STEP = 100 << 20  # bytes between two words on how far a copy is
LONG = 10  # seconds, after which a step is told where there is no terminal to show it all the time
LAYER_WORDS = (
    ": Pull complete",
    ": Already exists",
    ": Pushed",
    ": Layer already exists",
    ": Mounted from",
)


class Work:
    """One model on its way."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.log: Deque[str] = collections.deque(maxlen=LINES)
        self.layers = 0
        self.at, self.since = "begins", time.monotonic()
        self.is_told = False
        self.started = self.ended = False
        self.made: Optional[Made] = None
        self.plan = ""  # the text of a dry run
        self.failure = ""

    def tell(self, line: str) -> None:
        self.layers += any(words in line for words in LAYER_WORDS)
        self.log.append(printable(line))

    def step(self, text: str) -> None:
        self.log.append(printable(text))
        self.at, self.since = printable(text), time.monotonic()
        self.is_told = False

    @property
    def seconds(self) -> float:
        """For how long it has been at this step."""
        return time.monotonic() - self.since

    @property
    def state(self) -> str:
        """What it is at, for how long, and how many of its layers have arrived."""
        layers = f", {plural(self.layers, 'layer')}" if self.layers else ""
        return f"{self.job.model}: {self.at}, {self.seconds:.0f} s{layers}"


class Build:
    """All models, and those who work on them."""

    def __init__(self, settings: Settings, shop: Workshop) -> None:
        self.settings, self.shop = settings, shop
        self.works = [Work(job) for job in settings.jobs]
        self.trials = Trials(settings.engine) if settings.engine else None
        self.waiting = iter(self.works)
        self.lock = threading.Lock()

    def run(self) -> None:
        count = min(self.settings.parallel, len(self.works))
        threads = []
        for _ in range(count):
            threads.append(threading.Thread(target=self.work, daemon=True))
            threads[-1].start()
        while any(thread.is_alive() for thread in threads):
            self.show()
            time.sleep(MOMENT if sys.stderr.isatty() else MOMENT / 10)
        clear_line()

    def work(self) -> None:
        while True:
            with self.lock:
                one = next(self.waiting, None)
            if one is None:
                return
            one.started = True
            one.step("begins")
            try:
                self.do(one)
            except Exception as error:
                one.failure = failure_text(error)
            one.ended = True

    def do(self, one: Work) -> None:
        settings, job = self.settings, one.job
        if settings.dry and settings.engine:
            one.plan = text_of_steps(job, settings)
        elif settings.dry:
            planned = planned_in_registry(job.order, self.shop, one.step)
            one.plan = text_from_plan(planned.plan)
        elif settings.engine and self.trials:
            with_engine = WithEngine(settings.engine, self.trials, self.shop, one.tell, one.step)
            trying = Trying(settings.smoke, job.memory, job.timeout // 1000)
            one.made = with_engine.make(job.order, job.pull, trying, settings.push)
        else:
            one.step(f"reading {job.pull}")
            planned = planned_in_registry(job.order, self.shop, one.step)
            one.step(f"pushing {job.order.target.short}")
            one.made = made_in_registry(planned, told_in_steps(one))

    def show(self) -> None:
        working = [one for one in self.works if one.started and not one.ended]
        if sys.stderr.isatty():
            self.show_line([one.state for one in working])
            return
        for one in working:
            if one.seconds > LONG and not one.is_told:
                one.is_told = True
                print(f"{one.job.model}: {one.at} ...", file=sys.stderr, flush=True)

    def show_line(self, states: List[str]) -> None:
        done = sum(one.ended for one in self.works)
        line = "  ".join([f"{done}/{len(self.works)} done", *states])
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r\033[K{line[:width]}")
        sys.stderr.flush()

    def end(self) -> None:
        """Ends what was started and leaves no container."""
        if self.settings.engine:
            self.settings.engine.end_all()


def told_in_steps(one: Work) -> Any:
    done = 0

    def told(size: int) -> None:
        nonlocal done
        if (done + size) // STEP > done // STEP:
            one.step(f"{size_text(done + size)} copied")
        done += size

    return told


def clear_line() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def failure_text(error: Exception) -> str:
    text = str(error) or repr(error)
    return printable(text.replace("\n", " "))


def text_of_steps(job: Job, settings: Settings) -> str:
    """What a dry run says where an engine would do it."""
    engine = settings.engine.name if settings.engine else ""
    order, image = job.order, job.order.target.short
    places = ["/openwhisk"] + [one.target for one in order.additions]
    of = f" for {order.platform}" if order.platform else ""
    steps = [f"pull {job.pull}{of}", f"add {' and '.join(places)}"]
    if order.wishes.env:
        steps.append(f"set {', '.join(order.wishes.env)}")
    if settings.smoke:
        steps.append("try it")
    steps.append(f"push {image}" if settings.push else f"keep it as {image}")
    return f"{engine}: {', '.join(steps)}"


def summary(works: List[Work], engine: str) -> int:
    """Prints what has become of all models; the exit status."""
    made = [one for one in works if one.made]
    if made:
        print("IMAGE  DIGEST  BYTES SENT  COLD  WARM  ASKED")
    for one in made:
        print(line_from_made(one))
    if made:
        print()
    for one in made:
        job, image = one.job, one.job.order.target.short
        limits = f"-m {job.memory} -t {job.timeout}"
        if one.made and not one.made.digest:
            print(f"{engine} push {image}")
        print(f"wsk action update {job.name} --docker {image} --web raw {limits}")
    sys.stdout.flush()
    for one in made:
        remarks = one.made.plan.remarks + one.made.remarks if one.made else []
        for remark in remarks:
            print(printable(f"{one.job.model}: {remark}"), file=sys.stderr)
    return failures(works)


def line_from_made(one: Work) -> str:
    assert one.made is not None
    sent = "-" if one.made.sent is None else str(one.made.sent)
    took = text_from_figures(one.made.figures)
    return f"{one.job.order.target.short}  {one.made.digest or '-'}  {sent}  {took}"


def text_from_figures(figures: Optional[Figures]) -> str:
    """Of an image that wasn't tried there are none."""
    if figures is None:
        return "-  -  not tried"
    took = f"{figures.cold:.1f} s  {figures.warm * 1000:.0f} ms"
    return f"{took}  {printable(figures.asked)}"


def plans(works: List[Work]) -> int:
    for one in works:
        if one.plan:
            print(one.plan)
    sys.stdout.flush()
    return failures(works)


def failures(works: List[Work]) -> int:
    failed = [one for one in works if one.failure]
    for one in failed:
        print(f"{one.job.model} failed: {one.failure}", file=sys.stderr)
    return 1 if failed else 0


def tell_of_engine(chosen: Optional[Engine]) -> None:
    """That another one is used than most expect, and why."""
    if chosen is not None and chosen.name == NAMES[0]:
        return
    instead = f"{chosen.name} is used" if chosen else "the images are made in the registry, untried"
    tell_problem(Engine(NAMES[0]), instead)


def tell_problem(engine: Engine, consequence: str) -> None:
    reason = f"{engine.name} can't be used ({engine.problem_with_parts()})"
    print(f"{PROGRAM}: {printable(reason)}: {consequence}", file=sys.stderr)


def main(words: List[str], environ: Mapping[str, str]) -> int:
    if words[:1] in (["-h"], ["--help"]):
        print(help_text(), end="")
        return 0
    try:
        if words:
            raise Wrong(f"{words[0]}: settings are environment variables, --help lists them")
        settings = settings_from_environ(environ)
    except (Wrong, ValueError) as error:
        print(f"{PROGRAM}: {printable(str(error))}", file=sys.stderr)
        return 2
    if not environ.get("ENGINE"):
        tell_of_engine(settings.engine)
    elif settings.engine and not settings.dry and settings.engine.problem_with_parts():
        tell_problem(settings.engine, "ENGINE=registry goes without it")
        return 1
    ready = workshop(environ, settings.python_image, settings.engine)
    with ready as shop, interruptible():
        build = Build(settings, shop)
        try:
            build.run()
        except KeyboardInterrupt:
            build.end()
            clear_line()
            print(f"{PROGRAM}: interrupted", file=sys.stderr)
            with contextlib.suppress(OSError):  # a thread may be writing there
                shop.close()
            os._exit(130)  # threads that wait for a registry have nothing more to say
    if settings.dry:
        return plans(build.works)
    return summary(build.works, settings.engine.name if settings.engine else "")

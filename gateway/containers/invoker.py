"""Runs actions in containers, one order after another, and tells what became of each: the
platform's invoker. Touches containers, through the pool alone."""

import asyncio
import traceback
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Set

from gateway.containers.changes import Folder
from gateway.containers.container import Runner, StartError
from gateway.containers.docker import DOCKER, DockerRunner, Engine, remove_leftovers
from gateway.containers.leftovers import Marker, kill_marked
from gateway.containers.outcome import Outcome, failure, whisk_error
from gateway.containers.pool import Closed, Pool, Seat
from gateway.containers.process import ProcessRunner
from gateway.containers.run import NotTaken, Run, now, run_order
from gateway.containers.url import UrlRunner, address_from_url, is_url
from gateway.entities import Action, Activation, Order
from gateway.tally import Places
from gateway.terminal import complain

RELOADED = "{}: {} has changed, its containers start anew."
CLOSED = "The gateway was stopped before the activation was complete."
FAILED = "The gateway failed to run the action. ({})"


class Invoker:
    """`images` maps image names to a folder or to http://host:port; all other images are
    Docker's. `is_current` says whether an action is still what it was, and not updated or deleted.
    ValueError when an address is none."""

    def __init__(
        self,
        images: Dict[str, str],
        *,
        api_host: str,
        api_key: Optional[str] = None,
        python: Optional[str] = None,
        most_containers: int = 4,
        most_waiting: int = 500,
        idle_seconds: float = 600.0,
        run_folder: Optional[str] = None,
        reload: bool = False,
        is_current: Callable[[Action], bool] = lambda action: True,
    ):
        for where in images.values():
            if is_url(where):
                address_from_url(where)
        self.images = images
        watched = {image: where for image, where in images.items() if reload and not is_url(where)}
        self._folders = {image: Folder(where) for image, where in watched.items()}
        self._api_host = api_host
        self._api_key = api_key
        self._python = python
        self._marker = Marker(run_folder)
        end_leftovers(self._marker)
        self._engine = Engine(self._marker)
        self._runners: Dict[str, Runner] = {}
        self._pool = Pool(self._runner_of, most_containers, most_waiting, idle_seconds, is_current)
        self._tasks: Set["asyncio.Task[Any]"] = set()

    async def invoke(self, order: Order) -> Activation:
        """Runs the order to its end, whether or not somebody still waits for it. Raises Refusal
        alone, where too many wait already."""
        self._look_at_folder_of(order.action.image)
        turn = self._pool.queue(order.action)
        task = asyncio.ensure_future(self._serve(order, now(), turn))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def forget(self, action: Action) -> None:
        """For an action that was updated or deleted: its containers go as soon as they are
        idle."""
        self._pool.forget(action.path)

    def census(self) -> List[Places]:
        """What there is of containers and of those that wait, by action."""
        return self._pool.census()

    async def close(self) -> None:
        """Stops everything that was started; what still runs ends as an error."""
        await self._pool.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for runner in self._runners.values():
            await runner.close()
        self._engine.close()
        self._marker.close()

    def _look_at_folder_of(self, image: str) -> None:
        folder = self._folders.get(image)
        changed = folder.changed() if folder else None
        if changed:
            complain(RELOADED.format(image, changed))
            self._pool.renew(image)

    def _runner_of(self, image: str) -> Runner:
        if image not in self._runners:
            self._runners[image] = self._new_runner(image)
        return self._runners[image]

    def _new_runner(self, image: str) -> Runner:
        where = self.images.get(image)
        if where is None:
            return DockerRunner(image, self._api_host, self._engine)
        if is_url(where):
            return UrlRunner(where)
        return ProcessRunner(where, self._api_host, self._marker, self._python)

    async def _serve(self, order: Order, received: int, turn: "asyncio.Future[Seat]") -> Activation:
        while True:
            try:
                run = await self._run_in(await turn, order)
            except NotTaken:
                turn = self._pool.queue_again(order.action)
                continue
            except StartError as error:
                run = never_run(failure(error.status, str(error)))
            except Closed:
                run = never_run(whisk_error(CLOSED))
            except Exception as error:
                # Whoever asked has an id by now: there has to be a record of that name.
                complain(traceback.format_exc())
                run = never_run(whisk_error(FAILED.format(type(error).__name__)))
            return activation_from_run(order, received, run)

    async def _run_in(self, seat: Seat, order: Order) -> Run:
        usable = False
        try:
            run = await run_order(
                order,
                seat.container,
                warm=seat.initialised,
                on_init=lambda: self._pool.initialised(seat),
                api_key=self._api_key,
            )
            usable = run.container_usable
            return run
        finally:
            self._pool.release(seat, usable)


def end_leftovers(marker: Marker) -> None:
    for token in marker.dead():
        kill_marked(token)
        forget = partial(marker.forget, token)
        if DOCKER in marker.note_of(token):
            remove_leftovers(token, then=forget)
        else:
            forget()


def never_run(outcome: Outcome) -> Run:
    moment = now()
    return Run(outcome, moment, moment)


def activation_from_run(order: Order, received: int, run: Run) -> Activation:
    return Activation(
        activation_id=order.activation_id,
        action=order.action,
        start=run.start,
        end=run.end,
        wait_time=max(0, run.start - received),
        init_time=run.init_time,
        status=run.outcome.status,
        result=run.outcome.result,
        size=run.outcome.size,
        timed_out=run.outcome.timed_out,
        logs=run.logs,
        cause=order.cause,
    )

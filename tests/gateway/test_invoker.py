"""Who runs where and when, and what becomes of orders when containers, callers or the gateway
itself go away."""

import asyncio
import json
import os
import threading

import pytest

from gateway.commandline import plan_from_arguments
from gateway.containers.container import Container, Runner, StartError
from gateway.containers.invoker import Invoker
from gateway.entities import DEVELOPER_ERROR, SUCCESS, WHISK_ERROR, Activation
from gateway.refusal import Refusal
from gateway.server import start
from gateway.tally import Places
from testing.actions import (
    OK,
    Server,
    action,
    eventually,
    in_loop,
    initialised_and,
    order,
    reply_with,
    serving,
)
from testing.process import free_port


class Servers(Runner):
    """Each container is a server in this process; `answer` makes the answers of the nth."""

    def __init__(self, answer, limit=None):
        self.answer = answer
        self.limit = limit
        self.started = []
        self.stopped = 0

    async def start(self, action):
        server = Server(self.answer(len(self.started)) or OK)
        self.started.append(server)
        server.server = await asyncio.start_server(server.handle, "127.0.0.1", 0, limit=2**22)
        return Stoppable(server, self)


class Stoppable(Container):
    def __init__(self, server, runner):
        super().__init__("127.0.0.1", server.port)
        self.server, self.runner = server, runner

    async def stop(self):
        self.server.server.close()
        self.runner.stopped += 1
        self.gone()


class LocalInvoker(Invoker):
    """All images are run by the same runner."""

    def __init__(self, runner, tmp_path, **options):
        super().__init__({}, api_host="http://localhost", run_folder=str(tmp_path), **options)
        self.runner = runner

    def _new_runner(self, image):
        return self.runner

    async def __aenter__(self):
        return self

    async def __aexit__(self, *failure):
        await self.close()


def slow(seconds):
    async def answer(asked):
        await asyncio.sleep(seconds)
        return OK

    return lambda number: initialised_and(answer)


def all_runs(runner):
    """The activation ids that reached any container's /run."""
    asked = [one for server in runner.started for one in server.asked if one.path == "/run"]
    return [json.loads(one.body)["activation_id"] for one in asked]


async def gathered(invoker, orders):
    return await asyncio.gather(*[invoker.invoke(one) for one in orders])


def test_an_activation_is_complete(tmp_path):
    async def work():
        async with LocalInvoker(Servers(slow(0.05)), tmp_path) as invoker:
            return [await invoker.invoke(one) for one in orders]

    of = action()
    orders = [order(of), order(of)]
    cold, warm = in_loop(work())
    assert cold == Activation(
        orders[0].activation_id,
        of,
        cold.start,
        cold.end,
        cold.wait_time,
        cold.init_time,
        SUCCESS,
        {"body": "hi"},
        13,
    )
    assert cold.end - cold.start >= 50 and cold.init_time is not None
    assert warm == Activation(
        orders[1].activation_id,
        of,
        warm.start,
        warm.end,
        warm.wait_time,
        None,
        SUCCESS,
        {"body": "hi"},
        13,
    )


def test_200_callers_of_a_slow_action_half_of_them_going_away(tmp_path):
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    runner, orders = Servers(slow(0.02)), [order(action()) for _ in range(200)]

    async def work():
        async with LocalInvoker(runner, tmp_path) as invoker:
            calls = [asyncio.ensure_future(invoker.invoke(one)) for one in orders]
            await asyncio.sleep(0.05)
            for call in calls[::2]:
                call.cancel()
            found = await asyncio.gather(*calls, return_exceptions=True)
            await eventually(lambda: len(all_runs(runner)) == 200, "all have run")
        return found, len(asyncio.all_tasks())

    found, tasks = in_loop(work())
    assert sorted(all_runs(runner)) == sorted(one.activation_id for one in orders)
    served = {
        one.activation_id for one in found if isinstance(one, Activation) and one.status == SUCCESS
    }
    assert served >= {one.activation_id for one in orders[1::2]}
    assert [server.most_running for server in runner.started] == [1] * 4
    assert runner.stopped == len(runner.started) and tasks <= 2
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == (threads, files)


def test_requests_of_one_action_are_served_in_their_order(tmp_path):
    runner, orders = Servers(slow(0.001)), [order() for _ in range(30)]

    async def work():
        async with LocalInvoker(runner, tmp_path, most_containers=1) as invoker:
            await gathered(invoker, orders)

    in_loop(work())
    assert all_runs(runner) == [one.activation_id for one in orders]


def test_too_many_waiting_are_refused_and_the_others_are_not_hurt(tmp_path):
    async def work():
        async with LocalInvoker(
            Servers(slow(0.05)), tmp_path, most_containers=1, most_waiting=3
        ) as invoker:
            return await asyncio.gather(
                *[invoker.invoke(order()) for _ in range(5)], return_exceptions=True
            )

    *served, refused, last = in_loop(work())
    assert [one.status for one in served] == [SUCCESS] * 3
    assert isinstance(refused, Refusal) and isinstance(last, Refusal)
    assert last.status == 429
    assert str(last) == "Too many concurrent requests in flight (count: 3, allowed: 3)."


def test_a_concurrent_action_gets_as_many_as_it_allows_once_it_is_initialised(tmp_path):
    runner, of = Servers(slow(0.2)), action(limits={"concurrency": 3})

    async def work():
        async with LocalInvoker(runner, tmp_path, most_containers=1) as invoker:
            await gathered(invoker, [order(of) for _ in range(6)])

    in_loop(work())
    (server,) = runner.started
    assert server.paths().count("/init") == 1 and server.paths()[0] == "/init"
    assert server.most_running == 3


def test_with_one_container_two_actions_take_turns_by_age(tmp_path):
    runner = Servers(slow(0.005))
    orders = [order(action(name)) for name in ("one", "one", "two", "one")]

    async def work():
        async with LocalInvoker(runner, tmp_path, most_containers=1) as invoker:
            return await gathered(invoker, orders)

    assert [one.status for one in in_loop(work())] == [SUCCESS] * 4
    assert all_runs(runner) == [one.activation_id for one in orders]
    assert runner.stopped == len(runner.started)


def test_two_busy_actions_keep_their_containers(tmp_path):
    runner = Servers(slow(0.005))

    async def work():
        async with LocalInvoker(runner, tmp_path, most_containers=2) as invoker:
            await gathered(invoker, [order(action("one")), order(action("two"))])
            await gathered(
                invoker, [order(action(name)) for name in ["one"] + ["two"] * 10 + ["one"] * 9]
            )

    in_loop(work())
    assert len(runner.started) == 2


FAILS = [
    pytest.param(reply_with(b"oops"), id="no JSON"),
    pytest.param(reply_with(b"{}", "500 X"), id="another status"),
    pytest.param(b"", id="no answer"),
]


@pytest.mark.parametrize("reply", FAILS)
def test_a_container_that_failed_is_never_used_again(tmp_path, reply):
    runner = Servers(lambda number: initialised_and(OK if number else reply))

    async def work():
        async with LocalInvoker(runner, tmp_path) as invoker:
            failed, served = await invoker.invoke(order()), await invoker.invoke(order())
            await eventually(lambda: runner.stopped == 1, "the one that failed is stopped")
            return failed, served

    failed, served = in_loop(work())
    assert (failed.status, served.status) == (DEVELOPER_ERROR, SUCCESS)
    assert [server.paths() for server in runner.started] == [["/init", "/run"], ["/init", "/run"]]


def test_an_application_error_costs_no_container(tmp_path):
    runner = Servers(lambda number: initialised_and(reply_with(b'{"error":"x"}')))

    async def work():
        async with LocalInvoker(runner, tmp_path) as invoker:
            await invoker.invoke(order())
            return await invoker.invoke(order())

    assert in_loop(work()).result == {"error": "x"}
    assert [server.paths() for server in runner.started] == [["/init", "/run", "/run"]]


def test_a_failed_init_is_the_result_and_the_next_activation_starts_anew(tmp_path):
    runner = Servers(
        lambda number: lambda asked: OK if number else reply_with(b'{"error":"no model"}', "502 X")
    )

    async def work():
        async with LocalInvoker(runner, tmp_path) as invoker:
            return await invoker.invoke(order()), await invoker.invoke(order())

    failed, served = in_loop(work())
    assert (failed.status, failed.result) == (DEVELOPER_ERROR, {"error": "no model"})
    assert failed.init_time == failed.end - failed.start
    assert served.status == SUCCESS


def test_time_limits_hold_for_init_and_run_each(tmp_path):
    async def hanging(asked):
        await asyncio.sleep(60)

    runner = Servers(lambda number: initialised_and(hanging) if number else hanging)
    of = action(limits={"timeout": 100})

    async def work():
        async with LocalInvoker(runner, tmp_path) as invoker:
            return [await invoker.invoke(order(of)) for _ in range(2)]

    in_init, in_run = in_loop(work())
    message = "The action exceeded its time limits of 100 milliseconds"
    assert (in_init.result, in_init.timed_out) == (
        {"error": f"{message} during initialization."},
        True,
    )
    assert (in_run.result, in_run.timed_out) == ({"error": f"{message}."}, True)
    assert (in_init.status, in_run.status) == (DEVELOPER_ERROR, DEVELOPER_ERROR)


def test_an_answer_a_byte_at_a_time_ends_with_the_time_limit(tmp_path):
    of = action(limits={"timeout": 200})

    async def dripping(reader, writer):
        try:
            for byte in reply_with(b'{"a":"' + b"x" * 1000):
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)
        finally:
            writer.close()

    async def work():
        async with LocalInvoker(Servers(lambda number: lambda asked: OK), tmp_path) as invoker:
            await invoker.invoke(order(of))
            (lane,) = invoker._pool._lanes.values()
            server = await asyncio.start_server(dripping, "127.0.0.1", 0)
            lane.seats[0].container.port = server.sockets[0].getsockname()[1]
            found = await invoker.invoke(order(of))
            server.close()
            return found

    assert in_loop(work()).timed_out


def test_a_warm_container_that_answers_503_hands_the_order_on(tmp_path):
    first = iter([OK, OK, reply_with(b"{}", "503 X")])
    runner = Servers(lambda number: lambda asked: OK if number else next(first))

    async def work():
        async with LocalInvoker(runner, tmp_path) as invoker:
            return [await invoker.invoke(order()) for _ in range(2)]

    assert [one.status for one in in_loop(work())] == [SUCCESS] * 2
    assert [server.paths() for server in runner.started] == [
        ["/init", "/run", "/run"],
        ["/init", "/run"],
    ]


def test_a_new_container_that_answers_503_is_an_error_of_the_platform(tmp_path):
    runner = Servers(lambda number: initialised_and(reply_with(b"{}", "503 X")))

    async def work():
        async with LocalInvoker(runner, tmp_path) as invoker:
            return await invoker.invoke(order())

    activation = in_loop(work())
    assert activation.status == WHISK_ERROR
    assert activation.result == {
        "error": "The action did not produce a valid response and exited unexpectedly."
    }
    assert len(runner.started) == 1


def test_a_warm_container_that_no_longer_listens_costs_no_activation(tmp_path):
    runner = Servers(lambda number: lambda asked: OK)

    async def work():
        async with LocalInvoker(runner, tmp_path) as invoker:
            await invoker.invoke(order())
            runner.started[0].server.close()
            return await invoker.invoke(order())

    assert in_loop(work()).status == SUCCESS
    assert len(runner.started) == 2


def test_what_cannot_start_costs_one_activation_each(tmp_path):
    class Broken(Servers):
        async def start(self, action):
            if not self.stopped:
                self.stopped += 1
                raise StartError("no such thing")
            return await super().start(action)

    async def work():
        async with LocalInvoker(
            Broken(lambda number: lambda asked: OK), tmp_path, most_containers=1
        ) as invoker:
            return await gathered(invoker, [order(), order()])

    failed, served = in_loop(work())
    assert (failed.status, failed.result, failed.init_time) == (
        DEVELOPER_ERROR,
        {"error": "no such thing"},
        None,
    )
    assert served.status == SUCCESS


def test_what_a_runner_did_not_expect_keeps_nobody_waiting(tmp_path, capsys):
    class Surprised(Servers):
        async def start(self, action):
            raise KeyError("surprise")

    async def work():
        async with LocalInvoker(Surprised(None), tmp_path, most_containers=1) as invoker:
            return await gathered(invoker, [order(), order()])

    message = {"error": "Failed to provision resources to run the action. (KeyError)"}
    assert [(one.status, one.result) for one in in_loop(work(), seconds=5)] == [
        (WHISK_ERROR, message)
    ] * 2
    assert "surprise" in capsys.readouterr().err


def test_what_nobody_expected_of_a_container_is_an_error_of_the_platform(tmp_path, capsys):
    class Surprised(Stoppable):
        async def ran_out_of_memory(self):
            raise KeyError("surprise")

    class Surprising(Servers):
        async def start(self, action):
            container = await super().start(action)
            return Surprised(container.server, self)

    runner = Surprising(lambda number: initialised_and(OK if number else b""))

    async def work():
        async with LocalInvoker(runner, tmp_path, most_containers=1) as invoker:
            return await gathered(invoker, [order(), order()])

    failed, served = in_loop(work())
    assert (failed.status, failed.result) == (
        WHISK_ERROR,
        {"error": "The gateway failed to run the action. (KeyError)"},
    )
    assert (served.status, runner.stopped) == (SUCCESS, 2)
    assert "surprise" in capsys.readouterr().err


def test_an_updated_action_lets_running_ones_end_and_stops_idle_ones(tmp_path):
    runner, old = Servers(slow(0.2)), action()

    async def work():
        async with LocalInvoker(runner, tmp_path) as invoker:
            running = asyncio.ensure_future(invoker.invoke(order(old)))
            await eventually(lambda: all_runs(runner), "it runs")
            await invoker.forget(old)
            assert runner.stopped == 0
            new = await invoker.invoke(order(old._replace(version="0.0.2")))
            ended = await running
            await eventually(lambda: runner.stopped == 1, "the old one is stopped")
            return ended.status, new.status

    assert in_loop(work()) == (SUCCESS, SUCCESS)
    assert len(runner.started) == 2


class Gated(Servers):
    """Containers come up when the gate is opened for them."""

    def __init__(self, answer):
        super().__init__(answer)
        self.asked = 0
        self.gate = asyncio.Semaphore(0)

    async def start(self, action):
        self.asked += 1
        await self.gate.acquire()
        return await super().start(action)


def test_a_container_that_comes_up_for_an_updated_action_serves_who_waits_and_goes(tmp_path):
    async def work():
        runner, old = Gated(slow(0.01)), action()
        async with LocalInvoker(runner, tmp_path, most_containers=1) as invoker:
            calls = asyncio.ensure_future(gathered(invoker, [order(old) for _ in range(3)]))
            await eventually(lambda: runner.asked, "it starts")
            await invoker.forget(old)
            runner.gate.release()
            served = await calls
            await eventually(lambda: runner.stopped, "it is stopped")
            return [one.status for one in served], len(runner.started), invoker.census()

    assert in_loop(work()) == ([SUCCESS] * 3, 1, [])


def test_a_container_that_comes_up_for_an_updated_action_and_that_nobody_needs_goes(tmp_path):
    async def work():
        runner, old = Gated(lambda number: lambda asked: OK), action()
        async with LocalInvoker(runner, tmp_path, most_containers=2) as invoker:
            calls = asyncio.ensure_future(gathered(invoker, [order(old) for _ in range(2)]))
            await eventually(lambda: runner.asked == 2, "both start")
            runner.gate.release()
            await calls
            await invoker.forget(old)
            await eventually(lambda: runner.stopped == 1, "the first one is stopped")
            runner.gate.release()
            await eventually(lambda: runner.stopped == 2, "the second one is stopped")
            return invoker.census()

    assert in_loop(work()) == []


class Alone(Servers):
    """A machine has room for one, from its start until it has left; one leaves when it may."""

    def __init__(self):
        super().__init__(lambda number: initialised_and(OK), limit=1)
        self.here = self.most_here = self.leaving = 0
        self.may_leave = asyncio.Event()

    async def start(self, action):
        self.here += 1
        self.most_here = max(self.most_here, self.here)
        container = await super().start(action)
        return Leaving(container.server, self)


class Leaving(Stoppable):
    async def stop(self):
        self.runner.leaving += 1
        await self.runner.may_leave.wait()
        await super().stop()
        self.runner.here -= 1


class ByImage(LocalInvoker):
    def _new_runner(self, image):
        return self.runner[image]


def test_one_that_gives_way_to_another_action_counts_until_it_has_stopped(tmp_path):
    async def work():
        alone, others = Alone(), Servers(lambda number: initialised_and(OK))
        runners = {"alone": alone, "two": others, "three": others}
        async with ByImage(runners, tmp_path, most_containers=2) as invoker:
            for image in ("alone", "two"):
                await invoker.invoke(order(action(image, image)))
            third = asyncio.ensure_future(invoker.invoke(order(action("three", "three"))))
            await eventually(lambda: alone.leaving, "the first one gives way")
            again = asyncio.ensure_future(invoker.invoke(order(action("alone", "alone"))))
            for _ in range(20):
                await asyncio.sleep(0)
            alone.may_leave.set()
            return [(await each).status for each in (third, again)], alone.most_here

    assert in_loop(work()) == ([SUCCESS] * 2, 1)


def test_a_request_that_met_an_action_just_before_its_update_leaves_no_container(tmp_path):
    """It's on its way while the action is updated: whatever starts for it starts after that."""

    async def work():
        async with serving(lambda asked: OK) as server:
            words = ["--port", "0", "--data", str(tmp_path / "data")]
            running = await start(plan_from_arguments([*words, "--image", f"image={server.url}"]))
            controller = running.controller
            met = action(updated=1)
            kept = met._replace(version="0.0.2", updated=2)
            await controller.store.put_action(met)
            await controller.store.put_action(kept)
            await controller.forget(met)
            found = [await controller.invoke(met, {}, "", 20)]
            await eventually(lambda: controller.invoker.census() == [], "its container is gone")
            found.append(await controller.invoke(kept, {}, "", 20))
            census = controller.invoker.census()
            await running.close()
            return [each.activation.status for each in found], census

    assert in_loop(work()) == ([SUCCESS] * 2, [Places("guest/one", idle=1)])


def test_idle_containers_stop_after_a_while(tmp_path):
    runner = Servers(lambda number: lambda asked: OK)

    async def work():
        async with LocalInvoker(runner, tmp_path, idle_seconds=0.05) as invoker:
            await invoker.invoke(order())
            await eventually(lambda: runner.stopped == 1, "it is stopped")
            return invoker._pool._lanes

    assert in_loop(work()) == {}


def test_close_ends_what_runs_and_what_waits(tmp_path):
    runner = Servers(slow(60))

    async def work():
        invoker = LocalInvoker(runner, tmp_path, most_containers=1)
        calls = [asyncio.ensure_future(invoker.invoke(order())) for _ in range(2)]
        await eventually(lambda: all_runs(runner), "one runs")
        await invoker.close()
        return await asyncio.gather(*calls)

    running, waiting = in_loop(work(), seconds=10)
    assert (running.status, waiting.status) == (DEVELOPER_ERROR, WHISK_ERROR)
    assert waiting.result == {
        "error": "The gateway was stopped before the activation was complete."
    }
    assert runner.stopped == 1


def test_a_url_is_one_container_for_all_its_actions(tmp_path):
    async def work():
        async with serving(lambda asked: OK) as server:
            invoker = Invoker({"image": server.url}, api_host="", run_folder=str(tmp_path))
            for name in ("one", "one", "two", "one"):
                assert (await invoker.invoke(order(action(name)))).status == SUCCESS
            await gathered(invoker, [order(action(name)) for name in ("one", "two") * 5])
            await invoker.close()
            return server

    server = in_loop(work())
    assert server.paths()[:7] == ["/init", "/run", "/run", "/init", "/run", "/init", "/run"]
    assert server.most_running == 1


def test_a_url_may_be_initialised_already(tmp_path):
    refusal = reply_with(
        b'{"error":"Cannot initialize the action more than once."}', "403 Forbidden"
    )

    async def work():
        async with serving(lambda asked: refusal if asked.path == "/init" else OK) as server:
            invoker = Invoker({"image": server.url}, api_host="", run_folder=str(tmp_path))
            found = await invoker.invoke(order())
            await invoker.close()
            return found

    assert in_loop(work()).status == SUCCESS


@pytest.mark.parametrize(
    "where", ["http://", "https://x:1", "http://x:y", "http://x:99999", "http://x/path"]
)
def test_what_is_no_address_is_said_at_once(where):
    with pytest.raises(
        ValueError, match="is not the address of an action: expected http://HOST:PORT"
    ):
        Invoker({"image": where}, api_host="")


def test_nobody_at_a_url_is_an_error_at_the_time_limit(tmp_path):
    async def work():
        invoker = Invoker(
            {"image": f"http://127.0.0.1:{free_port()}"}, api_host="", run_folder=str(tmp_path)
        )
        found = await invoker.invoke(order(action(limits={"timeout": 200})))
        await invoker.close()
        return found

    found = in_loop(work())
    assert found.result == {
        "error": "The action exceeded its time limits of 200 milliseconds during initialization."
    }

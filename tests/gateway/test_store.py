"""What the data file keeps, and for how long."""

import contextlib
import itertools
import json
import threading

import pytest

from gateway.entities import SUCCESS, Activation, Package, Rule, Trigger
from gateway.refusal import Refusal
from gateway.store import MOST_TEXT, PRUNED_EVERY, Selection, Store
from testing.actions import action, in_loop

ALL = Selection("guest", limit=1000)
IDS = itertools.count(1)


@contextlib.contextmanager
def opened(path, keep, most_bytes=10**9):
    store = Store(str(path), keep, most_bytes)
    try:
        yield store
    finally:
        store.close()


def activation(number):
    return Activation(
        f"{number:032x}", action(), number, number, 0, None, status=SUCCESS, result={}
    )


async def added(store, count):
    """The number of the last one."""
    number = 0
    for number in itertools.islice(IDS, count):
        await store.add_activation(activation(number), "guest")
    return number


def test_the_newest_activations_are_kept_and_older_ones_go_now_and_then(tmp_path):
    async def work(store):
        for _ in range(3):
            last = await added(store, PRUNED_EVERY)
            assert await store.count_activations(ALL) == 10
            await added(store, PRUNED_EVERY - 1)
            assert await store.count_activations(ALL) == 10 + PRUNED_EVERY - 1
            await added(store, 1)
        return last

    with opened(tmp_path / "data", 10) as store:
        last = in_loop(work(store))
        kept = range(last + PRUNED_EVERY, last + PRUNED_EVERY - 10, -1)
        texts = in_loop(store.activations(ALL, whole=False))
        assert [f'"{number:032x}"' in text for number, text in zip(kept, texts)] == [True] * 10
        assert in_loop(store.activation("guest", f"{last:032x}")) is None


@pytest.mark.parametrize("keep, left", [(5, 5), (20, 12), (10000, 12)])
def test_a_start_that_keeps_fewer_removes_the_others(tmp_path, keep, left):
    with opened(tmp_path / "data", 10000) as store:
        in_loop(added(store, 12))
    with opened(tmp_path / "data", keep) as store:
        assert in_loop(store.count_activations(ALL)) == left


async def added_large(store, sizes):
    for number, size in enumerate(sizes):
        record = activation(number)._replace(result={"a": "a" * size})
        await store.add_activation(record, "guest")
    records = await store.activations(ALL, whole=False)
    return [json.loads(text)["start"] for text in records]


def test_the_oldest_activations_go_before_the_file_takes_more_than_it_may(tmp_path):
    path = tmp_path / "data"
    with opened(path, 10000, most_bytes=1000000) as store:
        kept = in_loop(added_large(store, [100000] * 100))
    assert kept == list(range(99, 99 - len(kept), -1))
    assert 7 <= len(kept) <= 9
    # One record comes before another one goes, and its place is taken by the next.
    assert path.stat().st_size < 1200000


def test_the_newest_activation_is_kept_however_large_it_is(tmp_path):
    with opened(tmp_path / "data", 10000, most_bytes=1000000) as store:
        assert in_loop(added_large(store, [10, 10, 2000000])) == [2]


def test_a_start_that_keeps_fewer_bytes_removes_the_oldest(tmp_path):
    with opened(tmp_path / "data", 10000) as store:
        assert len(in_loop(added_large(store, [100000] * 20))) == 20
    with opened(tmp_path / "data", 10000, most_bytes=1000000) as store:
        assert 7 <= in_loop(store.count_activations(ALL)) <= 9


@pytest.mark.parametrize("size, shown", [(MOST_TEXT // 4, 3), (MOST_TEXT, 1), (10, 5)])
def test_whole_records_are_shown_as_long_as_they_fit_and_one_in_any_case(tmp_path, size, shown):
    async def work(store):
        for number in range(5):
            record = activation(number)._replace(result={"a": "a" * size})
            await store.add_activation(record, "guest")
        return await store.activations(ALL, whole=True), await store.activations(ALL, whole=False)

    with opened(tmp_path / "data", 10) as store:
        records, summaries = in_loop(work(store))
    assert [json.loads(text)["start"] for text in records] == [4, 3, 2, 1, 0][:shown]
    assert len(summaries) == 5


def test_of_what_was_changed_in_one_millisecond_the_last_is_the_newest(tmp_path):
    async def work(store):
        for name in ("a", "b", "c", "a"):
            await store.put_trigger(Trigger("guest", name, "0.0.1", updated=1))
        return [each.name for each in store.triggers_in("guest")]

    with opened(tmp_path / "data", 10) as store:
        assert in_loop(work(store)) == ["a", "c", "b"]


def test_what_a_damaged_file_says_is_a_refusal_like_a_full_disk(tmp_path):
    path = tmp_path / "data"
    with opened(path, 10000) as store:
        in_loop(added_large(store, [1000000]))
    with opened(path, 10000) as store:
        # Nothing that is needed below is in memory any more.
        in_loop(store.activations(ALL, whole=True))
        whole = path.read_bytes()
        path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
        with pytest.raises(Refusal, match="The data file can't be written to: .* is malformed"):
            in_loop(store.add_activation(activation(1), "guest"))
        with pytest.raises(Refusal, match="The data file can't be written to: .* is malformed"):
            in_loop(store.put_action(action()))


KEPT = {
    "actions": action(),
    "packages": Package("guest", "p", "0.0.1"),
    "triggers": Trigger("guest", "t", "0.0.1"),
    "rules": Rule("guest", "r", "0.0.1", "guest/t", "guest/one"),
}


@pytest.mark.parametrize("collection", KEPT)
def test_what_is_kept_is_written_out_where_nobody_waits_for_it(tmp_path, monkeypatch, collection):
    threads = []

    def noted(text):
        threads.append(threading.current_thread())
        return text

    monkeypatch.setattr("gateway.store.storable", noted)
    with opened(tmp_path / "data", 10) as store:
        put = getattr(store, f"put_{collection[:-1]}")
        in_loop(put(KEPT[collection]))
        assert list(getattr(store, collection)) == [KEPT[collection].path]
    assert threads and threading.main_thread() not in threads

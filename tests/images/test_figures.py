"""What a layer costs, measured as the benchmark measures it, over real registries and a base of 100
MB.
"""

import pytest

from benchmarks.layer import by_layer, put_base
from images.action.adapter import layer_from_project
from testing.registry import cut_once, real_registry

SIZE = 100_000_000
LAYER = layer_from_project().descriptor.size


@pytest.fixture(scope="module")
def base(registry):
    return put_base(registry, "codait/max-fake", SIZE)


def test_in_the_same_registry_kilobytes_are_sent_and_a_second_run_only_asks(registry, base):
    first, second = (by_layer(base, f"{registry}/me/max-fake:1") for _ in range(2))
    assert first.sent - LAYER < 16_000
    assert second.sent < 3_000
    assert max(first.resident, second.resident) < 60_000_000


def test_across_registries_the_base_is_never_held_in_memory(base):
    with real_registry() as other:
        copied = by_layer(base, f"{other}/me/max-fake:1")
    assert copied.resident < 80_000_000
    assert SIZE < copied.sent < SIZE * 1.01


@pytest.mark.parametrize("cut", ["download", "upload"])
def test_a_connection_that_breaks_in_the_middle_of_a_large_layer_does_not_end_the_copy(base, cut):
    with real_registry() as other, cut_once(
        other if cut == "upload" else base.split("/")[0], SIZE // 2
    ) as (
        between,
        cuts,
    ):
        source = base if cut == "upload" else base.replace(base.split("/")[0], between)
        target = f"{between if cut == 'upload' else other}/me/max-fake:1"
        copied = by_layer(source, target)
        assert len(cuts) == 1
        assert by_layer(source, target).sent < 3_000
    assert copied.resident < 80_000_000

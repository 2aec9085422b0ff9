"""Selections take little memory beside their arrays; measured in processes of their own."""

from __future__ import annotations

from time import sleep

import pytest

from benchmarks.measure import Growth, fresh
from benchmarks.memory import MIB

ITEMS, FEATURES = 400_000, 64  # a pool of 98 MiB


def test_the_measure_sees_memory_that_is_touched_and_given_back() -> None:
    with Growth() as growth:
        held = bytearray(b"x") * (64 * MIB)
        sleep(0.2)  # the watcher looks every millisecond, whenever it gets a turn
        del held
    assert 64 * MIB <= growth.bytes <= 96 * MIB


def test_the_measure_sees_nothing_where_nothing_is_touched() -> None:
    with Growth() as growth:
        pass
    assert growth.bytes < MIB


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["random", "margin", "k-center", "badge"])
@pytest.mark.parametrize("labeled", [0, 1000])
def test_a_selection_needs_less_than_the_embeddings_themselves(strategy: str, labeled: int) -> None:
    little = fresh("benchmarks.memory:grown", strategy, 1000, FEATURES, 10, 20, labeled)  # kernels and imports
    much = fresh("benchmarks.memory:grown", strategy, ITEMS, FEATURES, 10, 20, labeled)
    assert much["both"] - little["both"] < ITEMS * FEATURES * 4


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["k-center", "badge"])
def test_memory_grows_with_the_items_and_not_with_their_square_or_the_picks(strategy: str) -> None:
    few, many = (fresh("benchmarks.memory:grown", strategy, ITEMS, FEATURES, 10, n, 0)["both"] for n in (10, 200))
    assert many < few + 16 * MIB


@pytest.mark.slow
def test_fortran_order_is_copied_once_and_half_precision_is_widened_once() -> None:
    pool = ITEMS * FEATURES * 4
    plain = fresh("benchmarks.memory:grown", "k-center", ITEMS, FEATURES, 10, 10, 0)["both"]
    for kind in ("float16", "fortran"):
        assert (
            fresh("benchmarks.memory:grown", "k-center", ITEMS, FEATURES, 10, 10, 0, kind)["both"] < plain + 1.2 * pool
        )

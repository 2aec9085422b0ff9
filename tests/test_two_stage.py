"""What batches of two stages are judged by, against plain formulas; and the table that is made of it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import large_pools_page, two_stage
from benchmarks.two_stage import VALUES, InMemory

DICE = np.random.default_rng(0)
POINTS = DICE.standard_normal((40, 5)).astype(np.float32)
SHARES = DICE.dirichlet(np.ones(3), 40).astype(np.float32)
ROWS = np.array([3, 17, 30])
POOL = InMemory(POINTS, SHARES)


def test_what_a_batch_is_worth_is_what_the_formulas_say() -> None:
    points = POINTS.astype(np.float64)
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    squares = ((points[:, None] - points[ROWS]) ** 2).sum(2).min(1)
    cosines = (units @ units[ROWS].T).max(1)
    gradients = ((SHARES - np.eye(3)[SHARES.argmax(1)])[:, :, None] * points[:, None]).reshape(40, -1)
    potential = ((gradients[:, None] - gradients[ROWS]) ** 2).sum(2).min(1).mean()
    noise = 1e-6 * (points**2).sum(1).mean()
    volume = np.log(np.linalg.eigvalsh(np.eye(3) + points[ROWS] @ points[ROWS].T / noise)).sum() / 2
    expected = {
        "radius": np.sqrt(squares.max()),
        "squares": squares.mean(),
        "unit squares": (2 - 2 * cosines).mean(),
        "potential": potential,
        "alikeness": ((1 + cosines) / 2).mean(),
        "herding": np.exp(2 * cosines - 2).mean(),
        "volume": volume,
    }
    assert expected.keys() == VALUES.keys() == large_pools_page._WORDS.keys()
    for name, value in expected.items():
        assert VALUES[name](POOL, ROWS) == pytest.approx(value, rel=1e-4), name


def test_arrays_in_memory_are_shards_of_all_rows_once() -> None:
    rows = np.concatenate([np.arange(*POOL.span(number)) for number in POOL.shards])
    assert np.array_equal(rows, np.arange(40)) or len(POINTS) < two_stage.SHARDS * 3
    assert np.array_equal(np.concatenate([POOL.shard(number).embeddings for number in POOL.shards]), POINTS)


def test_worse_has_a_plus_whether_more_or_less_is_better() -> None:
    case = {"exact": [2.0, 2.0], "random": [4.0, 4.0], "x10": [2.2, 2.0], "overlap x10": [0.5, 1.0]}
    less = large_pools_page._row("k-center", "sorted", case, [10])
    more = large_pools_page._row("max-det", "sorted", case, [10])
    assert less.endswith("| sorted | 2 | 4 | +5.0 % (75) | +10.0 % |\n")
    assert more.endswith("| sorted | 2 | 4 | -5.0 % (75) | 0.0 % |\n")

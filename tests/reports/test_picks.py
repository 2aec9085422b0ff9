"""Overlap, chance, shares and evenness on picks that can be counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from askance.reports.picks import chance, evenness, overlap, shares
from askance.reports.results import Results, Run


def run(strategy: str, seed: int, picks: list[list[int | str]], classes: list[list[int]] | None = None) -> Run:
    rounds = len(picks)
    return Run(strategy, seed, [10] * (rounds + 1), [0.5] * (rounds + 1), picks, classes or [], [], {})


def results(*runs: Run, pool: int | None = None) -> Results:
    return Results("any", {"pool": pool} if pool else {}, {}, list(runs))


def test_overlap_is_shared_over_all_averaged_over_the_shared_seeds():
    found = overlap(
        results(run("a", 0, [[1, 2], [3]]), run("a", 1, [[1]]), run("b", 0, [[3], [4]]), run("b", 2, [[1, 2, 3]]))
    )
    assert found[0][1] == found[1][0] == pytest.approx(1 / 4)  # only seed 0 is shared
    assert found[0][0] == pytest.approx(1 / 3)  # {1, 2, 3} and {1}


def test_one_run_of_a_strategy_has_no_overlap_between_its_seeds():
    assert math.isnan(overlap(results(run("a", 0, [[1]])))[0][0])


def test_chance_is_what_blind_samples_share():
    rng = np.random.default_rng(0)
    draws = [[set(rng.choice(90, 30, replace=False)) for _ in range(2)] for _ in range(400)]
    simulated = np.mean([len(one & other) / len(one | other) for one, other in draws])
    picks: list[list[int | str]] = [list(range(30))]
    assert chance(results(run("a", 0, picks), pool=100)) == pytest.approx(simulated, abs=0.01)  # 10 were known
    assert math.isnan(chance(results(run("a", 0, picks))))


def test_shares_add_up_over_rounds_and_runs():
    assert shares([run("a", 0, [[1, 2]], [[2, 0]]), run("a", 1, [[3, 4]], [[1, 1]])]) == [0.75, 0.25]
    assert shares([run("a", 0, [[1]])]) == []


def test_an_even_split_has_evenness_one_and_a_single_class_zero():
    assert evenness([0.25] * 4) == pytest.approx(1)
    assert evenness([1.0, 0.0]) == 0
    assert math.isnan(evenness([1.0]))

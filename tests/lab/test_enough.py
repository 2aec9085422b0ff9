"""Enough seeds, against brute force, the normal law and simulated truths."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from askance.errors import BadInput
from askance.lab.choices import choices
from askance.lab.enough import agreement, false_alarms, flipped, halved, needed, wrong_order
from askance.lab.pairs import sign_test
from askance.lab.signed import signed_ranks
from askance.lab.statistics import paired_t
from askance.seeds import Dice

GAINS = np.random.default_rng(0).normal(0.3, 1, 12)


@pytest.mark.parametrize("seeds", [1, 3, 6, 11, 12])
def test_without_replacement_all_choices_are_counted(seeds: int) -> None:
    sign = np.sign(GAINS.mean())
    wrong = np.mean([np.sign(GAINS[list(rows)].mean()) != sign for rows in combinations(range(12), seeds)])
    found = wrong_order(GAINS, seeds)
    assert (found.value, found.error, found.seeds, found.of) == (pytest.approx(wrong), 0, seeds, 12)


@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 7])
def test_with_replacement_each_order_of_draws_counts(seeds: int) -> None:
    gains = np.array([3.0, -1.0, -1.0, 0.5])
    sums = [sum(drawn) for drawn in product(gains, repeat=seeds)]
    wrong = np.mean([0.5 if abs(one) < 1e-9 else one < 0 for one in sums])
    found = wrong_order(gains, seeds, replace=True)
    assert found.value == pytest.approx(wrong) and found.error == 0
    if seeds > 4:
        assert found == wrong_order(gains, seeds)  # more than there are: with replacement by default


@pytest.mark.parametrize(("count", "seeds", "replace"), [(40, 8, False), (40, 8, True), (60, 61, None)])
def test_where_choices_are_many_some_are_drawn(count: int, seeds: int, replace: bool | None) -> None:
    gains = np.random.default_rng(count).normal(0.3, 1, count)
    found = wrong_order(gains, seeds, replace)
    shrink = (count - seeds) / (count - 1) if replace is False else 1
    spread = gains.std() * math.sqrt(shrink / seeds)  # of the mean of the choice
    assert found.value == pytest.approx(stats.norm.sf(abs(gains.mean()) / spread), abs=0.02)
    assert found.error == pytest.approx(math.sqrt(found.value * (1 - found.value) / 20_000))
    assert found == wrong_order(gains, seeds, replace) != wrong_order(gains, seeds, replace, seed=1)


def test_drawn_choices_agree_with_counted_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = {replace: wrong_order(GAINS, 4, replace).value for replace in (True, False)}
    monkeypatch.setattr("askance.lab.choices._CELLS", 500)  # now drawn, in many blocks
    for replace, value in counted.items():
        found = wrong_order(GAINS, 4, replace, draws=5000)
        assert abs(found.value - value) < 4 * found.error and found.error > 0


def test_the_shares_of_choices_add_up_to_one_over_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askance.lab.choices._CELLS", 100)
    exact, blocks = choices(30, 5, False, 77, Dice(0, "enough"))
    found = list(blocks)
    assert not exact and len(found) > 1 and sum(shares.sum() for _, shares in found) == pytest.approx(1)
    for weights, _ in found:
        assert ((weights > 0).sum(1) == 5).all() and weights.sum(1) == pytest.approx(np.ones(len(weights)))


def test_a_choice_that_ties_is_half_wrong() -> None:
    assert wrong_order([0.1, 0.2, -0.3, 0.4], 3).value == pytest.approx(1 / 8)  # 0.1 + 0.2 - 0.3 is 0 but for rounding
    assert wrong_order([1.0, -1.0, 1.0], 2).value == pytest.approx(1 / 3)


def test_without_an_order_there_is_no_wrong_one() -> None:
    assert math.isnan(wrong_order([0.1, -0.1], 1).value) and math.isnan(wrong_order([], 3).value)
    assert wrong_order([0.1, math.nan, 0.2], 2).of == 2


def test_the_seeds_needed_are_those_of_the_normal_law() -> None:
    gains = np.random.default_rng(1).normal(size=50)
    gains = (gains - gains.mean()) / gains.std()
    for effect in (0.5, 0.2, 0.05):
        expected = (stats.norm.isf(0.05) / effect) ** 2
        assert needed(gains + effect, draws=5000).seeds == pytest.approx(expected, rel=0.12)


def test_one_seed_fewer_is_too_few() -> None:
    gains = np.array([1.0, 1.0, 1.0, -0.5, 2.0, -1.0])
    found = needed(gains)
    chances = [wrong_order(gains, seeds, replace=True).value for seeds in range(1, found.seeds + 1)]
    assert found.chance == chances[-1] < 0.05 <= chances[-2]


def test_methods_that_are_alike_need_more_seeds_than_anybody_runs() -> None:
    gains = np.tile([1.0, -1.0], 10) + 1e-4
    found = needed(gains, limit=500, draws=2000)
    assert found.seeds is None and found.chance > 0.3 and "take it for a tie" in found.said
    assert needed([0.0, 0.0]).said == "The mean of 2 seeds is 0, so there is no order. Run more seeds."
    assert needed([]).said.startswith("There is no gain.")
    assert needed([0.2]).seeds == 1


def test_agreement_is_that_of_a_plain_loop() -> None:
    table = np.random.default_rng(2).normal(size=(5, 9)) + np.arange(5)[:, None] / 2
    full = table.mean(1)
    taus, flips = [], np.zeros((5, 5))
    for rows in combinations(range(9), 3):
        some = table[:, list(rows)].mean(1)
        taus.append(stats.kendalltau(full, some).statistic)
        flips += np.sign(np.subtract.outer(full, full)) != np.sign(np.subtract.outer(some, some))
    found = agreement(table, 3)
    assert found.tau == pytest.approx(np.mean(taus)) and found.wrong == pytest.approx((1 - np.mean(taus)) / 2)
    assert found.flips[~np.eye(5, dtype=bool)] == pytest.approx((flips / math.comb(9, 3))[~np.eye(5, dtype=bool)])
    assert (found.pairs, found.seeds, found.of, found.error) == (10, 3, 9, 0)
    assert found.flips[0, 1] == pytest.approx(wrong_order(table[0] - table[1], 3).value)


def test_drawn_agreement_has_a_standard_error_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(3).normal(size=(6, 20)) + np.arange(6)[:, None] / 3
    exact = agreement(table, 3)
    monkeypatch.setattr("askance.lab.choices._CELLS", 1000)
    errors = [(agreement(table, 3, draws=400, seed=s).wrong - exact.wrong) for s in range(60)]
    assert np.std(errors) == pytest.approx(agreement(table, 3, draws=400).error, rel=0.3)
    assert abs(np.mean(errors)) < 4 * np.std(errors) / math.sqrt(60)


def test_tied_methods_and_holes_are_no_pairs() -> None:
    row = np.random.default_rng(4).normal(size=8)
    table = np.stack([row, row, row + 1, np.full(8, math.nan)])
    table[2, 0] = math.nan
    found = agreement(table, 2)
    assert found.pairs == 2 and found.of == 7 and found.wrong == 0 and found.tau == 1
    assert math.isnan(found.flips[0, 1]) and found.flips[0, 2] == 0 and np.isnan(found.flips[3]).all()
    for nothing in (table[:1], table[:2], table[3:], np.empty((0, 4)), np.empty((3, 0))):
        assert math.isnan(agreement(nothing, 1).wrong) and agreement(nothing, 1).pairs == 0


def test_three_runs_mislead_and_fifty_do_not() -> None:
    dice = np.random.default_rng(5)
    table = dice.normal(np.linspace(0, 1, 10)[:, None], 1, (10, 50))
    few, many = agreement(table, 3), agreement(table, 40)
    assert few.wrong > 0.2 > 0.06 > many.wrong and few.tau == pytest.approx(1 - 2 * few.wrong)


@pytest.mark.parametrize("null", [flipped, halved])
@pytest.mark.parametrize("test", [paired_t, signed_ranks])
def test_honest_tests_cry_wolf_as_often_as_they_say(null, test) -> None:
    values = np.random.default_rng(6).normal(0.4, 1, 60)
    found = false_alarms(values, null, test, trials=600)
    assert found.low <= 0.05 <= found.high and not found.inflated
    assert found.rate == found.rejections / found.trials


def test_a_test_that_takes_runs_for_more_than_they_are_is_found_out() -> None:
    values = np.random.default_rng(7).normal(size=20)
    found = false_alarms(values, test=lambda gains: paired_t(np.tile(gains, 4)), trials=500)
    assert found.inflated and found.rate > 0.2


def test_alarms_can_be_counted_on_paper() -> None:
    gaps = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    found = false_alarms(gaps, test=lambda gains: sign_test(gains).p, trials=4000)
    assert found.low <= 2 / 64 <= found.high  # all six signs alike
    assert false_alarms(np.zeros(10)).rejections == 0


def test_halves_share_no_run_and_flips_change_no_size() -> None:
    dice = np.random.default_rng(8)
    values = 2.0 ** np.arange(7)
    gains = halved(values, dice)
    assert len(gains) == 3
    bits = [int(abs(gain)) for gain in gains]  # a difference of two powers of two names both
    used = [{a, b} for gain in bits for a, b in combinations(range(7), 2) if 2**b - 2**a == gain]
    assert len(set.union(*used)) == 6
    assert np.abs(flipped(values, dice)).tolist() == values.tolist()


def test_too_little_is_refused() -> None:
    with pytest.raises(BadInput, match="3 values are too few for a test of what halved makes"):
        false_alarms([0.1, 0.2, 0.3], halved)
    with pytest.raises(BadInput, match="5 seeds cannot be drawn from 2"):
        wrong_order([0.1, 0.2], 5, replace=False)
    with pytest.raises(BadInput, match="seeds=0"):
        wrong_order([0.1, 0.2], 0)
    with pytest.raises(BadInput, match="chance=0.7"):
        needed([0.1], chance=0.7)

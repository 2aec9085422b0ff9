"""Batches by joint information: against enumeration of all labels, and where the labels must be sampled."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.joint import plain_gains
from askance.seeds import Dice
from askance.selection.joint import Joint, _Configurations, _extended, _kept, _merged, batch_bald, bound
from askance.utilities.disagreement import bald
from tests.pins import pins


def some(items: int, samples: int, classes: int, seed: int = 0, spread: float = 2.0) -> Tensor:
    dice = torch.Generator().manual_seed(seed)
    return (spread * torch.randn(items, samples, classes, generator=dice, dtype=torch.float64)).softmax(2)


def batch(samples: Tensor, n: int, configurations: int = 10_000, seed: int = 0) -> Joint:
    rows, dice = torch.arange(len(samples)), Dice(seed, "ask")
    noise = dice.uniform(rows)
    return batch_bald(
        samples, n, candidates=rows, bald=bald(samples), noise=noise, dice=dice, configurations=configurations
    )


def joint_information(samples: Tensor, rows: list[int]) -> float:
    """I(y of all rows; sample) over all configurations of labels, as a difference of entropies."""
    count, classes = samples.shape[1:]
    joint = 0.0
    for labels in itertools.product(range(classes), repeat=len(rows)):
        share = torch.ones(count, dtype=samples.dtype)
        for row, label in zip(rows, labels, strict=True):
            share *= samples[row, :, label]
        joint -= float(torch.special.xlogy(share.mean(), share.mean()))
    return joint - float(torch.special.entr(samples[rows]).sum(2).mean(1).sum())


@pins(
    "batch-bald",
    "brute force",
    "every pick against every candidate, over all ways their labels may come out, in float64",
    "max_x H(y_1..b, y) - mean_s (H(y_1..b | s) + H(y | s))",
)
@pytest.mark.parametrize(("samples", "classes", "n"), [(5, 3, 4), (3, 2, 7), (8, 4, 3)])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_each_pick_is_the_best_of_all_candidates(samples: int, classes: int, n: int, kind: torch.dtype) -> None:
    beliefs = some(14, samples, classes).to(kind)
    found, exact = batch(beliefs, n), beliefs.double()
    picks = found.rows.tolist()
    for number, row in enumerate(picks):
        before = picks[:number]
        best = max(joint_information(exact, [*before, other]) for other in range(14) if other not in before)
        told = joint_information(exact, [*before, row])
        assert told == pytest.approx(best, rel=1e-5)
        assert float(found.gains[: number + 1].sum()) == pytest.approx(told, rel=1e-5)


@pins("batch-bald", "equivalence", "a batch of one is the pick of bald, and the sum of bald is no less than the joint")
def test_a_batch_of_one_is_bald_and_bald_is_a_bound() -> None:
    samples = some(200, 6, 4)
    scores = bald(samples)
    assert batch(samples, 1).rows.tolist() == [int(scores.argmax())]
    found = batch(samples, 5)
    assert float(found.gains.sum()) <= float(scores[found.rows].sum())
    assert float(found.gains.sum()) <= bound(6) + 1e-9
    assert found.gains.tolist() == sorted(found.gains.tolist(), reverse=True)  # gains only fall


def test_laziness_leaves_nothing_out() -> None:
    samples = some(3000, 5, 3, spread=1.0)
    found = batch(samples, 4, configurations=27)
    assert found.looks < 3000
    ways = _Configurations(torch.full((5, 1), 0.2, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    for number, row in enumerate(found.rows.tolist()):
        gains = plain_gains(samples, ways.beliefs, ways.masses)
        gains[found.rows[:number]] = -1
        assert float(gains[row]) == pytest.approx(float(gains.max()), rel=1e-6)
        ways = _extended(ways, samples[row], 10_000, 0.5)


def test_ways_that_are_merged_bound_the_gain() -> None:
    samples = some(60, 6, 3)
    ways = _Configurations(torch.full((6, 1), 1 / 6, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    for row in range(5):
        ways = _extended(ways, samples[row], 10_000, 0.5)
    gains = plain_gains(samples, ways.beliefs, ways.masses)
    for leaders in (1, 2):
        merged = _merged(ways, leaders)
        assert len(merged.masses) < len(ways.masses)
        assert float(merged.masses.sum()) == pytest.approx(float(ways.masses.sum()))
        assert bool((plain_gains(samples, merged.beliefs, merged.masses) >= gains - 1e-12).all())


@pins("batch-bald", "law", "sampled configurations give the joint information without bias: a mean of 300 batches")
def test_sampled_ways_give_the_joint_information_on_average() -> None:
    samples = some(8, 5, 3)
    rows = [0, 1, 2, 3, 4]
    estimates = []
    for seed in range(300):
        dice, total = Dice(seed, "ask").generator(), 0.0
        ways = _Configurations(torch.full((5, 1), 0.2, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
        for row in rows:
            total += float(plain_gains(samples[[row]], ways.beliefs, ways.masses))
            ways = _extended(ways, samples[row], 6, float(dice.random()))
            assert len(ways.masses) <= 6
        estimates.append(total)
    told = torch.tensor(estimates)
    error = float(told.std()) / math.sqrt(len(told))
    assert error > 1e-6
    assert abs(float(told.mean()) - joint_information(samples, rows)) < 4 * error


def test_what_is_kept_is_kept_as_often_as_it_says() -> None:
    weights = torch.tensor([5.0, 0.0, 1.0, 1.0, 0.5, 0.25, 0.25], dtype=torch.float64)
    steps = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    often = torch.zeros(7, dtype=torch.float64)
    told = torch.zeros(7, dtype=torch.float64)
    for throw in steps.tolist():
        kept, share = _kept(weights, 3, throw)
        assert len(kept) == 3
        often[kept] += 1 / 1000
        told[kept] = share
    torch.testing.assert_close(often, told, rtol=0, atol=2e-3)
    torch.testing.assert_close(told[2:], weights[2:] / 1.5)
    assert told[:2].tolist() == [1.0, 0.0]


def test_a_twin_of_a_pick_has_less_to_say_than_its_bald() -> None:
    sure = torch.tensor([[0.99, 0.01], [0.01, 0.99], [0.99, 0.01], [0.01, 0.99]])
    other = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    found = batch(torch.stack([sure, sure, sure, other]), 2)
    assert found.rows.tolist()[0] in (0, 1, 2) and found.rows.tolist()[1] == 3


@pytest.mark.parametrize("samples", [1, 2, 20])
def test_where_nothing_can_be_learned_noise_decides(samples: int) -> None:
    same = some(30, 1, 3).float().expand(-1, samples, -1)
    batches = [batch(same, 30, seed=seed) for seed in range(2)]
    assert batches[0].rows.tolist() != batches[1].rows.tolist()
    for found in batches:
        assert sorted(found.rows.tolist()) == list(range(30))
        assert found.gains.tolist() == [0.0] * 30


def test_when_all_is_learned_the_rest_goes_by_bald() -> None:
    certain = torch.eye(3, dtype=torch.float64)[torch.tensor([[0, 1, 2], [0, 1, 2], [0, 1, 1], [0, 0, 0]])]
    found = batch(certain, 4)
    assert found.gains.tolist() == pytest.approx([math.log(3), 0.0, 0.0, 0.0])
    assert sorted(found.rows[:2].tolist()) == [0, 1] and found.rows[2:].tolist() == [2, 3]


def test_a_thousand_classes_and_few_ways() -> None:
    samples = some(12, 4, 1000).float()
    found = batch(samples, 12, configurations=50)
    assert sorted(found.rows.tolist()) == list(range(12)) and float(found.gains.sum()) < bound(4) + 0.1


def test_nan_is_refused() -> None:
    samples = some(5, 3, 2)
    samples[2, 0, 0] = float("nan")
    with pytest.raises(BadInput, match="row 2 is NaN"):
        batch(samples, 1)

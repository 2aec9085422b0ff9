"""The greedy rule of EV-GP against retraining, against BAIT of a regression, and lazy against eager."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.seeds import Dice
from askance.selection.expected_variance import LeastExpectedVariance
from askance.selection.kernel import Kernel, Straight, Wide
from askance.selection.space import Features, Product, Space
from askance.selection.volume import LeastVariance
from tests.pins import pins


def picked(select: Any, space: Space, n: int, known: Tensor) -> tuple[list[int], list[float]]:
    rows = torch.arange(len(space))
    found = select.pick(
        n, candidates=rows[~torch.isin(rows, known)], known=known, keys=rows, dice=Dice(0, "ask"), space=space
    )
    return found.rows.tolist(), found.utility.tolist()


def points(items: int, features: int, seed: int = 0) -> Tensor:
    return torch.randn(items, features, generator=torch.Generator().manual_seed(seed))


@pins(
    "ev-gp",
    "brute force",
    "every pick and what it lowers the mean variance by, against full solves with each candidate added in turn",
    equation="max_x - mean_t [k_tt - k_tD (K_DD + s I)^-1 k_Dt], D the known items, the picks and x",
)
@pytest.mark.parametrize("settings", [Wide(), Straight(1.0)], ids=str)
def test_each_pick_lowers_the_mean_variance_most(settings: Wide | Straight) -> None:
    kernel: Kernel = settings.over(points(25, 4))
    known = torch.tensor([3, 8])
    rows, gains = picked(LeastExpectedVariance(noise=0.1, lazy=False), kernel, 6, known)
    everything = torch.arange(25)
    gram = kernel.between(everything, everything)
    noise = 0.01 * float(gram.diagonal()[known].mean())

    def mean_variance(chosen: list[int]) -> float:
        inner = gram[chosen][:, chosen] + noise * torch.eye(len(chosen))
        return float((gram.diagonal() - (gram[:, chosen] * torch.linalg.solve(inner, gram[chosen]).T).sum(1)).mean())

    chosen = known.tolist()
    for row, gain in zip(rows, gains, strict=True):
        now = mean_variance(chosen)
        falls = {x: now - mean_variance([*chosen, x]) for x in range(25) if x not in chosen}
        assert falls[row] == pytest.approx(max(falls.values()), rel=1e-9)
        assert gain == pytest.approx(falls[row], rel=1e-6)
        chosen.append(row)


@pins(
    "ev-gp",
    "equivalence",
    "with inner products as kernel and all candidates and known items as references it is BAIT's forward half",
)
@pytest.mark.parametrize("count", [0, 4])
@pytest.mark.parametrize("seed", range(5))
def test_on_features_it_is_bait_of_a_regression_going_forward(seed: int, count: int) -> None:
    features, known = points(60, 6, seed), torch.arange(count)
    rows, gains = picked(LeastExpectedVariance(lazy=False), Features(features), 8, known)
    bait, falls = picked(LeastVariance(bias=False, backward=False), Features(features), 8, known)
    assert rows == bait
    assert gains == pytest.approx(falls, rel=1e-4, abs=1e-9)


@pins("ev-gp", "law", "old gains as bounds pick what a full look picks, in nearly all of 120 picks, and never far less")
def test_lazy_picks_are_nearly_always_the_best_ones() -> None:
    same, worst = 0, 1.0
    for seed in range(12):
        kernel, known = Wide().over(points(80, 6, seed)), torch.arange(3)
        lazy, gains = picked(LeastExpectedVariance(), kernel, 10, known)
        eager, falls = picked(LeastExpectedVariance(lazy=False), kernel, 10, known)
        same += sum(a == b for a, b in zip(lazy, eager, strict=True))
        worst = min(worst, sum(gains) / sum(falls))
    assert same >= 114 and worst > 0.99


def test_few_are_looked_at_again_and_the_best_of_those_is_taken() -> None:
    kernel, known = Wide().over(points(60, 6)), torch.arange(3)
    rows, gains = picked(LeastExpectedVariance(evaluated=3), kernel, 20, known)
    assert len(set(rows)) == 20
    assert sum(gains) > 0.9 * sum(picked(LeastExpectedVariance(lazy=False), kernel, 20, known)[1])


def test_a_sample_stands_for_references_and_candidates() -> None:
    kernel, known = Wide().over(points(400, 3)), torch.arange(3)
    whole = picked(LeastExpectedVariance(), kernel, 5, known)[1]
    some = picked(LeastExpectedVariance(reference=100, candidates=100), kernel, 5, known)[1]
    assert sum(some) == pytest.approx(sum(whole), rel=0.2)
    assert len(picked(LeastExpectedVariance(candidates=2), kernel, 5, known)[0]) == 5


def test_a_singular_kernel_is_said_with_the_picks() -> None:
    doubled = torch.cat([points(4, 3), points(4, 3), points(10, 3, 1)])
    rows = torch.arange(18)
    found = LeastExpectedVariance(noise=1e-9).pick(
        3, candidates=rows[8:], known=rows[:8], keys=rows, dice=Dice(0, "ask"), space=Features(doubled)
    )
    assert 0 < found.said["jitter"] <= 1e-9


def test_spaces_without_inner_products_are_refused() -> None:
    with pytest.raises(BadInput, match="inner products"):
        picked(LeastExpectedVariance(), Product(points(4, 2), points(4, 3)), 1, torch.arange(0))
    with pytest.raises(BadInput, match="looks at nothing"):
        LeastExpectedVariance(reference=0)

"""Farthest first against its definition, and the law of sampling by squared distance."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from askance.errors import UnknownName
from askance.seeds import Dice
from askance.selection.base import Picked, Selector
from askance.selection.space import Features, Product
from askance.selection.spread import FarthestFirst, KMeansPlusPlus

NONE = torch.empty(0, dtype=torch.int64)
POINTS = torch.tensor(
    [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 1.0], [-1.0, -1.0], [2.0, 2.0], [-2.0, 1.0], [0.5, 0.5]]
)


def pick(selector: Selector, n: int, features: Tensor, known: Tensor = NONE, seed: int = 0) -> Picked:
    candidates = torch.tensor([row for row in range(len(features)) if row not in known.tolist()])
    dice, keys = Dice(seed, "ask"), torch.arange(len(features))
    return selector.pick(n, candidates=candidates, known=known, keys=keys, dice=dice, space=Features(features))


def test_farthest_first_from_known_items_follows_the_full_distance_matrix() -> None:
    features = torch.randn(200, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    known = torch.tensor([10, 20, 30])
    apart, centers, radii = torch.cdist(features, features).square(), known.tolist(), []
    for _ in range(40):
        nearest = apart[:, centers].min(1).values
        centers.append(int(nearest.argmax()))
        radii.append(float(nearest.max()))
    picked = pick(FarthestFirst(), 40, features, known)
    assert picked.rows.tolist() == centers[3:]
    assert picked.utility is not None
    assert picked.utility.tolist() == pytest.approx(radii)


def test_farthest_first_on_a_line_by_hand() -> None:
    line = torch.tensor([[0.0], [1.0], [5.0], [9.0], [10.0]])
    picked = pick(FarthestFirst(), 3, line, torch.tensor([0]))
    assert picked.rows.tolist() == [4, 2, 1]  # at 10, then 5 from both ends, then a tie: the lower row
    assert picked.utility is not None
    assert picked.utility.tolist() == [100.0, 25.0, 1.0]


@pytest.mark.parametrize("selector", [FarthestFirst(), KMeansPlusPlus(from_known=True)], ids=str)
def test_known_points_outside_of_the_pool_count_like_known_rows(selector: Selector) -> None:
    known, rows, keys = torch.tensor([0, 3]), torch.tensor([1, 2, 4, 5, 6, 7]), torch.arange(8)
    inside = pick(selector, 6, POINTS, known).rows
    space, nobody = Features(POINTS[rows], outside=POINTS[known]), known[:0]
    outside = selector.pick(
        6, candidates=torch.arange(6), known=nobody, keys=keys[rows], dice=Dice(0, "ask"), space=space
    )
    assert rows[outside.rows].tolist() == inside.tolist()


def test_with_nothing_known_the_first_pick_is_the_longest_or_up_to_noise() -> None:
    longest = pick(FarthestFirst(first="longest"), 1, POINTS)
    assert longest.rows.tolist() == [3]
    assert longest.utility is not None
    assert longest.utility.tolist() == [10.0]
    assert len({pick(FarthestFirst(), 1, POINTS, seed=seed).rows.item() for seed in range(30)}) > 4


@pytest.mark.parametrize("selector", [FarthestFirst(), KMeansPlusPlus()], ids=str)
def test_duplicates_are_picked_last(selector: Selector) -> None:
    features = torch.cat([POINTS[:5], POINTS[:5], POINTS])  # eight distinct points, some of them three times
    rows = pick(selector, 18, features).rows
    assert len(torch.unique(features[rows[:8]], dim=0)) == 8


def test_duplicate_gradients_are_picked_last() -> None:
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(6, 3, generator=generator), torch.randn(6, 4, generator=generator)
    space = Product(left.repeat(3, 1), right.repeat(3, 1))
    rows = torch.arange(18)
    picked = KMeansPlusPlus().pick(18, candidates=rows, known=NONE, keys=rows, dice=Dice(0, "ask"), space=space)
    assert len(set((picked.rows[:6] % 6).tolist())) == 6
    assert picked.utility is not None
    assert (picked.utility[6:] == 0).all()


def law(selector: Selector, known: Tensor, throws: int = 4000) -> Tensor:
    """How often each row was picked first and second, (rows, rows)."""
    counts = torch.zeros(len(POINTS), len(POINTS))
    for seed in range(throws):
        first, second = pick(selector, 2, POINTS, known, seed).rows.tolist()
        counts[first, second] += 1
    return counts


def squared(rows: list[int]) -> Tensor:
    return torch.cdist(POINTS.double(), POINTS[rows].double()).square().min(1).values


def agrees(counts: Tensor, expected: Tensor) -> bool:
    kept = expected > 0
    assert counts[~kept].sum() == 0
    expected = expected[kept] / expected.sum() * counts.sum()
    return bool(chisquare(counts[kept].double(), expected).pvalue > 1e-3)


def test_after_a_uniform_start_the_second_pick_follows_the_squared_distances() -> None:
    counts = law(KMeansPlusPlus(first="noise"), NONE)
    assert agrees(counts.sum(1), torch.ones(8, dtype=torch.float64))
    pairs = torch.stack([squared([first]) / squared([first]).sum() for first in range(8)])
    assert agrees(counts.flatten(), pairs.flatten())


def test_from_known_items_both_picks_follow_the_squared_distances() -> None:
    counts = law(KMeansPlusPlus(from_known=True), torch.tensor([0, 3]))
    start = squared([0, 3])
    after = torch.stack([squared([0, 3, first]) / squared([0, 3, first]).sum() for first in range(8)])
    assert agrees(counts.flatten(), (start[:, None] * after).flatten())


def test_badge_starts_at_the_longest_vector_whatever_is_known() -> None:
    assert pick(KMeansPlusPlus(), 2, POINTS, torch.tensor([3])).rows[0] == 5  # squared length 8; row 3 is known
    counts = law(KMeansPlusPlus(), NONE)
    assert agrees(counts[3], squared([3]))


def test_a_third_pick_runs_on_what_the_second_left() -> None:
    thirds = torch.zeros(8)
    for seed in range(6000):
        first, second, third = pick(KMeansPlusPlus(), 3, POINTS, seed=seed).rows.tolist()
        if (first, second) == (3, 6):
            thirds[third] += 1
    assert agrees(thirds, squared([3, 6]))


def test_an_unknown_start_fails_where_it_is_typed() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'longest'"):
        KMeansPlusPlus(first="long")

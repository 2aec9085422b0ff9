"""What every selector promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.seeds import Dice
from askance.selection.base import Picked, Selector
from askance.selection.clusters import KMeans, TypicalPerCluster
from askance.selection.space import Features
from askance.selection.spread import FarthestFirst, KMeansPlusPlus, LargestCluster
from askance.selection.top import Top

SELECTORS: list[Selector] = [
    Top(),
    FarthestFirst(),
    FarthestFirst(first="longest"),
    KMeansPlusPlus(),
    KMeansPlusPlus(first="noise", from_known=True),
    KMeansPlusPlus(power=2.0),
    LargestCluster(),
    LargestCluster(first="noise"),
    KMeans(),
    TypicalPerCluster(),
    TypicalPerCluster(clusters_at_most=3, smallest=4),
]
every = pytest.mark.parametrize("selector", SELECTORS, ids=str)


def blobs(items: int = 60, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    centers = 6 * torch.randn(5, 4, generator=generator)
    return centers[torch.randint(5, (items,), generator=generator)] + torch.randn(items, 4, generator=generator)


def pick(selector: Selector, n: int, features: Tensor, known: list[int], keys: Tensor | None = None) -> Picked:
    items = len(features)
    candidates = torch.tensor([row for row in range(items) if row not in set(known)], dtype=torch.int64)
    keys = torch.arange(items) if keys is None else keys
    rows = torch.tensor(known, dtype=torch.int64)
    space, utility = Features(features), features[:, 0].contiguous()
    return selector.pick(
        n, candidates=candidates, known=rows, keys=keys, dice=Dice(3, "ask"), utility=utility, space=space
    )


@every
@pytest.mark.parametrize("known", [[], [0, 7, 30, 31, 59]])
@pytest.mark.parametrize("n", [0, 1, 12, 55, 100])
def test_picks_are_distinct_candidates_and_as_many_as_asked_for(selector: Selector, n: int, known: list[int]) -> None:
    picked = pick(selector, n, blobs(), known)
    rows = picked.rows.tolist()
    assert picked.rows.dtype == torch.int64
    assert len(set(rows)) == len(rows) == min(n, 60 - len(known))
    assert not set(rows) & set(known)
    assert picked.utility is not None
    assert picked.utility.shape == picked.rows.shape
    assert picked.utility.isfinite().all()


@every
@pytest.mark.parametrize("known", [[], [1, 4]])
def test_identical_items_are_all_picked_in_time(selector: Selector, known: list[int]) -> None:
    rows = pick(selector, 20, torch.full((15, 3), 0.1), known).rows.tolist()
    assert sorted(rows + known) == list(range(15))


@every
def test_items_at_the_origin_are_all_picked_in_time(selector: Selector) -> None:
    assert sorted(pick(selector, 9, torch.zeros(9, 3), []).rows.tolist()) == list(range(9))


@every
def test_one_candidate_is_picked(selector: Selector) -> None:
    assert pick(selector, 3, blobs(4), [0, 1, 3]).rows.tolist() == [2]
    assert pick(selector, 3, blobs(1), []).rows.tolist() == [0]


@every
def test_nothing_is_picked_when_everything_is_known(selector: Selector) -> None:
    assert pick(selector, 3, blobs(4), [0, 1, 2, 3]).rows.tolist() == []


@every
@pytest.mark.parametrize("known", [[], [2, 40]])
def test_permuting_the_pool_permutes_the_picks(selector: Selector, known: list[int]) -> None:
    features, keys = blobs().double(), torch.arange(1000, 1060)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(5))
    moved = [int((order == row).nonzero()) for row in known]
    here = pick(selector, 15, features, known, keys).rows
    there = order[pick(selector, 15, features[order], moved, keys[order]).rows]
    assert here.tolist() == there.tolist()


@every
def test_the_same_seed_picks_the_same_and_changes_nothing_it_was_shown(selector: Selector) -> None:
    features, keys = blobs(), torch.arange(60)
    shown = features.clone(), keys.clone(), torch.random.get_rng_state()
    one, two = (pick(selector, 15, features, [3, 4], keys).rows.tolist() for _ in range(2))
    assert one == two
    assert torch.equal(features, shown[0])
    assert torch.equal(keys, shown[1])
    assert torch.equal(torch.random.get_rng_state(), shown[2])


@pytest.mark.parametrize("selector", SELECTORS[1:], ids=str)
def test_a_selector_of_spaces_says_that_it_needs_one(selector: Selector) -> None:
    rows = torch.arange(3)
    with pytest.raises(BadInput, match="Define `space`"):
        selector.pick(1, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"))


@pytest.mark.parametrize("selector", SELECTORS[1:], ids=str)
def test_nan_and_overflow_in_the_features_are_refused(selector: Selector) -> None:
    for bad in (float("nan"), 1e30):
        features = blobs()
        features[9, 2] = bad
        with pytest.raises(BadInput, match="infinite or NaN"):
            pick(selector, 3, features, [0])


def test_wrong_rows_and_arrays_are_refused() -> None:
    rows, dice = torch.arange(3), Dice(0, "ask")

    def top(n: int = 1, candidates: Tensor = rows, known: Tensor = rows[:0], items: int = 3) -> Picked:
        utility = torch.zeros(items)
        return Top().pick(n, candidates=candidates, known=known, keys=rows, dice=dice, utility=utility)

    with pytest.raises(BadInput, match="Cannot pick -1"):
        top(n=-1)
    with pytest.raises(BadInput, match="utility has 4 rows and the pool has 3"):
        top(items=4)
    with pytest.raises(BadInput, match="known items span rows 0 to 3"):
        top(known=torch.tensor([0, 3]))
    with pytest.raises(BadInput, match="ascending and distinct"):
        top(candidates=torch.tensor([0, 0, 2]))

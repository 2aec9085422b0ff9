"""Top n: order, ties by noise, and what is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from askance.errors import BadInput
from askance.seeds import Dice
from askance.selection.base import Picked
from askance.selection.top import Top


def top(n: int, utility: Tensor, keys: Tensor | None = None, seed: int = 0) -> Picked:
    rows = torch.arange(len(utility))
    keys = rows if keys is None else keys
    return Top().pick(n, candidates=rows, known=rows[:0], keys=keys, dice=Dice(seed, "ask"), utility=utility)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.integers(0, 45))
def test_the_picks_are_the_head_of_a_full_sort(utility: list[int], n: int) -> None:
    values = torch.tensor(utility, dtype=torch.float64)
    picked = top(n, values)
    assert values[picked.rows].tolist() == sorted(utility, reverse=True)[:n]
    assert len(set(picked.rows.tolist())) == min(n, len(utility))
    assert picked.utility is not None
    assert torch.equal(picked.utility, values[picked.rows])


def test_ties_are_broken_by_item_not_by_place() -> None:
    keys = torch.arange(100, 150)
    shuffled = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    utility = (torch.arange(50) % 3).float()
    here = keys[top(20, utility, keys).rows]
    there = keys[shuffled][top(20, utility[shuffled], keys[shuffled]).rows]
    assert torch.equal(here, there)


def test_other_dice_break_ties_otherwise() -> None:
    assert top(5, torch.zeros(50), seed=0).rows.tolist() != top(5, torch.zeros(50), seed=1).rows.tolist()


def test_infinite_utilities_have_their_place() -> None:
    assert top(3, torch.tensor([-torch.inf, 1.0, torch.inf])).rows.tolist() == [2, 1, 0]


def test_nan_is_refused_by_row_but_only_among_candidates() -> None:
    utility = torch.tensor([0.0, float("nan"), 1.0, float("nan")])
    with pytest.raises(BadInput, match="row 1 is NaN, as are 1 others"):
        top(2, utility)
    rows = torch.tensor([0, 2])
    picked = Top().pick(2, candidates=rows, known=rows[:0], keys=torch.arange(4), dice=Dice(0, ""), utility=utility)
    assert picked.rows.tolist() == [2, 0]


def test_no_utility_is_refused() -> None:
    rows = torch.arange(3)
    with pytest.raises(BadInput, match="was given none"):
        Top().pick(2, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"))

"""Top n: order, ties by noise, and what is refused."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from askance.errors import BadInput, UnknownName
from askance.seeds import Dice
from askance.selection import top as module
from askance.selection.base import Picked
from askance.selection.top import StochasticTop, Top
from tests.pins import pins

NONE = torch.empty(0, dtype=torch.int64)


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


def draws(selector: StochasticTop, utility: Tensor, n: int, often: int) -> Counter[tuple[int, ...]]:
    """How often each batch is drawn; each draw is another seed."""
    rows = torch.arange(len(utility))
    found: Counter[tuple[int, ...]] = Counter()
    for seed in range(often):
        picked = selector.pick(n, candidates=rows, known=rows[:0], keys=rows, dice=Dice(seed, "ask"), utility=utility)
        found[tuple(picked.rows.tolist())] += 1
    return found


@pins("power-bald", "law", "ordered pairs against draws in proportion to the power, one after the other; chi-square")
@pytest.mark.parametrize(
    ("kind", "beta", "weights"),
    [
        ("softmax", 2.0, [math.exp(2 * s) for s in (0.1, 0.5, 0.9, 0.3)]),
        ("power", 1.5, [s**1.5 for s in (0.1, 0.5, 0.9, 0.3)]),
        ("soft-rank", 1.0, [1 / 4, 1 / 2, 1 / 1, 1 / 3]),
    ],
)
def test_the_law_of_a_draw_is_one_after_the_other_in_proportion(kind: str, beta: float, weights: list[float]) -> None:
    utility, often = torch.tensor([0.1, 0.5, 0.9, 0.3], dtype=torch.float64), 2000
    found = draws(StochasticTop(kind, beta), utility, 2, often)
    total = sum(weights)
    pairs = list(itertools.permutations(range(4), 2))
    expected = [often * weights[i] / total * weights[j] / (total - weights[i]) for i, j in pairs]
    assert chisquare([found[pair] for pair in pairs], expected).pvalue > 1e-3


def test_a_power_of_nothing_is_drawn_last_and_uniformly() -> None:
    utility = torch.tensor([0.0, 1e-30, -2.0, 0.0])
    found = draws(StochasticTop("power"), utility, 4, 600)
    assert {batch[0] for batch in found} == {1}
    seconds = Counter[int]()
    for batch, often in found.items():
        seconds[batch[1]] += often
    assert chisquare([seconds[row] for row in (0, 2, 3)]).pvalue > 1e-3


@pytest.mark.parametrize("kind", ["softmax", "power", "soft-rank"])
def test_a_draw_knows_items_not_places_and_spares_what_is_no_candidate(kind: str) -> None:
    keys, utility = torch.arange(100, 150), (torch.arange(50) % 5).double()
    shuffled = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    selector, dice = StochasticTop(kind), Dice(3, "ask")
    here = selector.pick(20, candidates=torch.arange(50), known=NONE, keys=keys, dice=dice, utility=utility)
    there = selector.pick(
        20, candidates=torch.arange(50), known=NONE, keys=keys[shuffled], dice=dice, utility=utility[shuffled]
    )
    assert torch.equal(keys[here.rows], keys[shuffled][there.rows])
    assert here.utility is not None and torch.equal(here.utility, utility[here.rows])
    some = torch.arange(0, 50, 2)
    assert set(selector.pick(25, candidates=some, known=NONE, keys=keys, dice=dice, utility=utility).rows.tolist()) == (
        set(some.tolist())
    )


@pytest.mark.parametrize("kind", ["softmax", "power", "soft-rank"])
def test_much_weight_is_the_top_and_infinite_utilities_have_their_place(kind: str) -> None:
    utility = torch.tensor([0.5, torch.inf, 0.25, 0.75])
    assert draws(StochasticTop(kind, beta=1e9), utility, 3, 5) == {(1, 3, 0): 5}


def test_what_cannot_be_drawn_by_is_refused() -> None:
    with pytest.raises(UnknownName, match="softmax"):
        StochasticTop("softmix")
    for beta in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(BadInput, match=r"Use Random\(\)"):
            StochasticTop(beta=beta)
    with pytest.raises(BadInput, match="row 1 is NaN"):
        draws(StochasticTop(), torch.tensor([0.0, float("nan")]), 1, 1)


@pytest.mark.parametrize("n", [1, 100, 2000])
def test_long_arrays_are_sorted_out_as_short_ones_are(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    utility = torch.randint(0, 5000, (20_000,), generator=torch.Generator().manual_seed(0)).float()
    compiled = module._wanted(utility, n, torch.arange(20_000))
    monkeypatch.setattr(module, "_LONG", 1 << 30)
    assert torch.equal(module._wanted(utility, n, torch.arange(20_000)), compiled)
    monkeypatch.undo()
    utility[7] = float("nan")
    with pytest.raises(BadInput, match="row 7 is NaN, as are 0 others"):
        top(n, utility)

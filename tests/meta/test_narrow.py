"""A strategy among what filters leave, and strategies put together by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from askance import BadInput, Linear, Selector, select
from askance.errors import MissingSignal, UnknownName
from askance.given import view
from askance.kernels.duplicates import close_pairs
from askance.learners.many import Bootstrapped
from askance.meta.narrow import ClassQuantile, Narrow, NearDuplicates, RandomSubset, Ranked
from askance.selection.spread import FarthestFirst, KMeansPlusPlus
from askance.selection.top import Top
from askance.signals.embeddings import Embeddings
from askance.signals.gradients import GradientFactors, Gradients
from askance.signals.probabilities import Probabilities, Scores
from askance.strategies.composed import Composed
from askance.strategies.uncertainty import Margin
from askance.task import Labels, Targets
from askance.testing import check_strategy
from askance.utilities.uncertainty import margin

DICE = np.random.default_rng(0)
SHARES = DICE.dirichlet(np.ones(3), 200)
PLACES = DICE.standard_normal((200, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "narrow",
    [
        Narrow("margin", (RandomSubset(12),)),
        Narrow("badge", (Ranked("entropy", factor=2), NearDuplicates(0.5))),
        Narrow("k-center", (ClassQuantile(0.2),)),
        Narrow("random", (ClassQuantile(0.2, of_labeled=True), RandomSubset(3))),
        Composed(signal=Probabilities(), by="entropy"),
        Composed(place=Embeddings(), select=KMeansPlusPlus(), cosine=True),
        Composed(place=GradientFactors(), select=KMeansPlusPlus()),
    ],
    ids=str,
)
def test_it_keeps_the_contract(narrow: object) -> None:
    check_strategy(narrow)


def test_one_filter_after_the_other_and_then_the_strategy() -> None:
    paper = view(probabilities=SHARES, embeddings=PLACES)
    found = Narrow("margin", (Ranked("entropy", factor=5),)).query(paper, 6)
    entropic = select("entropy", 30, probabilities=SHARES).tolist()
    best = sorted(entropic, key=lambda row: np.diff(np.sort(SHARES[row])[-2:]).item())
    assert found.ids == best[:6] and found.strategy == "margin"


def test_what_the_filters_drop_fills_a_batch_that_is_too_short() -> None:
    paper = view(probabilities=SHARES, embeddings=PLACES)
    found = Narrow("margin", (RandomSubset(3),)).query(paper, 8)
    first, rest = found.rows[:3], found.rows[3:]
    others = [row for row in range(200) if row not in first.tolist()]
    gaps = margin(torch.tensor(SHARES))
    assert rest.tolist() == sorted(others, key=lambda row: -float(gaps[row]))[:5]


def test_a_random_subset_hangs_on_ids_and_is_fair() -> None:
    counts = np.zeros(20)
    for seed in range(500):
        paper = view(embeddings=np.zeros((20, 1)), seed=seed)
        counts[RandomSubset(5).keep(paper, 1)] += 1
    assert counts.sum() == 2500 and abs(counts - 125).max() < 5 * np.sqrt(125 * 0.75)


def test_a_class_loses_what_lies_under_its_own_quantile() -> None:
    paper = view(probabilities=SHARES, labeled=list(range(20)))
    kept = set(ClassQuantile(0.25, by="margin").keep(paper, 1).tolist())
    for name in range(3):
        own = [row for row in range(20, 200) if SHARES[row].argmax() == name]
        own.sort(key=lambda row: float(margin(torch.tensor(SHARES[row : row + 1]))))
        assert kept & set(own) == set(own[int(0.25 * len(own)) :])


def test_the_quantile_of_labeled_items_is_that_of_their_predicted_class() -> None:
    paper = view(probabilities=SHARES, labeled=list(range(60)))
    kept = set(ClassQuantile(0.5, by="entropy", of_labeled=True).keep(paper, 1).tolist())
    entropies = -(SHARES * np.log(SHARES)).sum(1)
    for row in range(60, 200):
        same = [r for r in range(60) if SHARES[r].argmax() == SHARES[row].argmax()]
        assert (row in kept) == (entropies[row] >= sorted(entropies[same])[int(0.5 * len(same))])


@pytest.mark.parametrize("distance", [0.0, 1.0, 1.5, 3.0])
def test_no_two_that_are_close_are_left_and_what_went_was_close_to_one_that_stayed(distance: float) -> None:
    points = np.random.default_rng(1).integers(0, 3, (150, 3)).astype(float)
    first = 10
    dropped = np.concatenate([np.zeros(first, bool), close_pairs(torch.tensor(points), first, distance).numpy()])
    expected = dropped & False
    for point in range(len(points)):
        if not expected[point]:
            close = ((points - points[point]) ** 2).sum(1) <= distance**2
            expected |= close & (np.arange(len(points)) > point) & (np.arange(len(points)) >= first)
    assert (dropped == expected).all()


def test_near_duplicates_of_labeled_items_go_too() -> None:
    paper = view(embeddings=[[0.0], [0.05], [3.0], [3.0]], labeled=[0])
    left = NearDuplicates(0.1).keep(paper, 1).tolist()
    assert len(left) == 1 and left[0] in (2, 3)


def test_wishes_of_what_is_inside_are_passed_on() -> None:
    assert Narrow("margin", (RandomSubset(3),)).serves(Targets()) is False
    assert Narrow("k-center", (ClassQuantile(),)).serves(Labels(("a",))) is False
    assert Narrow("k-center", (RandomSubset(3),)).serves(Targets())
    assert not isinstance(Narrow("margin", (Ranked("entropy"),)).equip(Bootstrapped(Linear())), type(None))


def test_weights_run_from_the_least_wanted_to_the_most_wanted_candidate() -> None:
    paper = view(probabilities=[[0.5, 0.5], [0.6, 0.4], [1.0, 0.0], [0.9, 0.1]], embeddings=PLACES[:4], labeled=[3])
    composed = Composed(signal=Probabilities(), place=Embeddings(), select=FarthestFirst())
    weights = composed.weights(paper)
    assert weights is not None and weights[:3].tolist() == pytest.approx([1.0, 0.8, 0.0], abs=1e-6)
    gaps = np.square(PLACES[:3] - PLACES[3]).sum(1)
    assert composed.query(paper, 1).ids == [int(np.argmax(gaps * [1.0, 0.8, 0.0]))]


def test_gradients_that_somebody_computed_are_a_place_like_any_other() -> None:
    own = Composed(place=Gradients(), select=KMeansPlusPlus())
    there = Composed(place=Embeddings(), select=KMeansPlusPlus())
    assert select(own, 9, gradients=PLACES).tolist() == select(there, 9, embeddings=PLACES).tolist()
    with pytest.raises(MissingSignal, match="gradients="):
        select(own, 9, embeddings=PLACES)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="reads nothing"):
        Composed()
    with pytest.raises(BadInput, match="takes no weights"):
        Composed(signal=Probabilities(), place=Embeddings(), select=Top())
    with pytest.raises(UnknownName, match="entropy"):
        Composed(signal=Scores(), by="entrpy")
    with pytest.raises(BadInput, match="no function"):
        Composed(signal=Scores(), by=3)  # type: ignore[arg-type]
    for wrong in (lambda: RandomSubset(0), lambda: Ranked("margin", 0.5), lambda: ClassQuantile(1.0)):
        with pytest.raises(BadInput):
            wrong()
    with pytest.raises(BadInput, match="negative"):
        NearDuplicates(-1.0)


def test_composed_by_hand_is_the_strategy_of_the_catalogue() -> None:
    own = Composed(signal=Probabilities(), by="margin")
    assert select(own, 20, probabilities=SHARES).tolist() == select(Margin(), 20, probabilities=SHARES).tolist()
    mine = Composed(signal=Probabilities(), by=margin)
    assert select(mine, 20, probabilities=SHARES).tolist() == select("margin", 20, probabilities=SHARES).tolist()
    spread: Selector = FarthestFirst()
    own = Composed(place=Embeddings(), select=spread)
    given = {"embeddings": PLACES, "labeled_embeddings": PLACES[:3]}
    assert select(own, 9, **given).tolist() == select("k-center", 9, **given).tolist()

"""Gap tests and inverse gap weighting: who is asked, by chance or by a threshold, in pools and in streams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from askance.errors import BadInput
from askance.given import view
from askance.learners.pair import NeuralPair
from askance.oracles.known import Known
from askance.pool import Pool
from askance.signals.base import Signal
from askance.signals.extras import Extra
from askance.signals.probabilities import Scores
from askance.strategies.base import Strategy
from askance.strategies.gap import INeural, NeuralNtk, Neuronal, NeuronalStream
from askance.study.study import Study
from askance.utilities.inverse_gap import chances
from tests.pins import pins

PAIR = NeuralPair(hidden=20, width=10, epochs=60, rate=3e-3)


def shown(gaps: list[float], **more: Any) -> Any:
    """A view whose values have these gaps."""
    return view(logits=[[0.0, gap] for gap in gaps], **more)


@pins(
    "i-neural, neuronal-stream",
    "definition",
    "Whose gap is below the threshold, the smallest first.",
    "u1 - u2 < threshold",
)
@pytest.mark.parametrize("kind", [INeural, NeuronalStream])
def test_the_smallest_gaps_below_the_threshold_are_asked(kind: type[Any]) -> None:
    strategy = kind(values=Scores(), threshold=0.4)
    batch = strategy.query(shown([0.3, 0.5, 0.1, 0.39]), 4)
    assert (batch.ids, batch.reason) == ([2, 0, 3], "done")
    assert strategy.query(shown([0.3, 0.5, 0.1]), 1).reason == ""
    batch = strategy.query(shown([0.5, 0.9]), 1)
    assert (batch.ids, batch.reason) == ([], "stop: the gap of all 2 candidates is wider than the test allows")


def test_two_classes_have_a_wider_test_than_more() -> None:
    strategy = NeuronalStream(values=Scores())
    assert strategy.query(shown([0.5]), 1).ids == [0]
    assert strategy.query(view(logits=[[0.0, 0.5, -9.0]]), 1).ids == []


@pins(
    "neural-ntk", "definition", "One half within twice the width, on paper.", "|u - 1/2| <= 2 sqrt(gamma sum g^2 / Z)"
)
def test_one_half_within_twice_the_width_is_asked() -> None:
    class Width(Scores):
        def rows(self, outputs: Any, task: Any) -> torch.Tensor:
            return torch.tensor([1.0, 1.0, 3.0])

    @dataclass(frozen=True)
    class Paper(NeuralNtk):
        values: Signal = Scores()
        width: Signal = Width()

    paper = view(logits=[[0.5, 0.5], [0.2, 0.8], [0.2, 0.8]])
    assert Paper(gamma=0.01).query(paper, 3).ids == [0, 2]  # 0 <= 0.2; 0.3 > 0.2; 0.3 <= 0.6


@pins("neuronal", "law", "The first pick of many draws against the chances, chi-square.")
def test_one_pick_is_drawn_by_the_chances() -> None:
    gaps = [0.2, 0.1, 0.4, 0.15]
    paper, strategy = shown(gaps), Neuronal(values=Scores(), base=4.0, slope=4.0)
    draws = 1500
    found = [strategy.query(paper.part(str(draw)), 1).ids[0] for draw in range(draws)]
    expected = chances(torch.tensor(gaps), 4.0, 4.0).numpy()
    assert chisquare(np.bincount(found, minlength=4), draws * expected / expected.sum()).pvalue > 0.001


@pins(
    "neuronal", "defect", "Released code mixes an item's place into its chance; ours picks the same ids in any order."
)
def test_another_order_of_the_pool_picks_the_same_items() -> None:
    gaps = torch.rand(40, generator=torch.Generator().manual_seed(2)).tolist()
    strategy = Neuronal(values=Scores(), base=40.0, slope=40.0)
    paper = shown(gaps)
    turned = replace(shown(gaps[::-1]), keys=paper.keys.flip(0))
    for part in ("a", "b", "c"):
        here = strategy.query(paper.part(part), 10).ids
        assert [39 - row for row in strategy.query(turned.part(part), 10).ids] == here


def test_a_late_item_is_as_likely_as_an_early_one() -> None:
    strategy = Neuronal(values=Scores(), base=3.0, slope=3.0)
    paper = shown([0.1, 0.2, 0.2])
    found = [strategy.query(paper.part(str(draw)), 1).ids[0] for draw in range(1000)]
    early, late = found.count(1), found.count(2)
    assert abs(early - late) < 4 * (early + late) ** 0.5


def test_beside_a_gap_of_zero_the_smallest_gaps_come_next() -> None:
    batch = Neuronal(values=Scores()).query(shown([0.3, 0.0, 0.2, 0.1]), 3)
    assert batch.ids == [1, 3, 2] and batch.notes[0]["chance"] == 1.0


@pytest.mark.parametrize(
    "strategy",
    [
        INeural(values=Extra("values", of=replace(PAIR, arms=True))),
        NeuronalStream(values=Extra("values", of=PAIR)),
        NeuralNtk(values=Extra("exploit", of=PAIR), width=Extra("ntk_width", of=PAIR)),
    ],
    ids=["i-neural", "neuronal-stream", "neural-ntk"],
)
def test_a_stream_of_two_clouds_is_asked_less_and_less(strategy: Strategy) -> None:
    dice = np.random.default_rng(1)
    labels = dice.integers(0, 2, 160)
    items = dice.standard_normal((160, 3)) + 3 * labels[:, None]
    pool = Pool.from_arrays((items / 3).astype("float32"))
    oracle = Known({row: int(label) for row, label in enumerate(labels)})
    study = Study(pool, classes=(0, 1), learner=replace(PAIR, arms=isinstance(strategy, INeural)), strategy=strategy)
    study.tell(oracle.of(list(range(6))))
    asked = []
    for start in range(6, 160, 22):
        passage = study.consider(range(start, start + 22))
        asked.append(len(passage.asked))
        study.tell(oracle.of(passage.asked))
    assert asked[0] > asked[-1] and sum(asked) < 154
    right = [prediction == int(labels[row]) for row, prediction in list(study.inferred.items())[-40:]]
    assert np.mean(right) > 0.9
    assert all(row.ok for row in study.audit())


@pytest.mark.parametrize("bad", [lambda: INeural(threshold=0.0), lambda: NeuronalStream(threshold=-1.0)])
def test_a_test_that_nobody_passes_is_refused(bad: Any) -> None:
    with pytest.raises(BadInput, match="never asks"):
        bad()

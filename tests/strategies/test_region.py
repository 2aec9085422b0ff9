from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import askance
from askance.errors import BadInput
from askance.given import view
from askance.learners.linear import Linear
from askance.learners.many import Bootstrapped
from askance.oracles.known import Known
from askance.pool import Pool
from askance.selection.spread import KMeansPlusPlus
from askance.strategies.base import Strategy
from askance.strategies.region import ClosedForm, NeuralCal, NeuralCalPlusPlus, OfMembers
from askance.study.stopping import EmptyRegion, verdict
from askance.study.study import Study
from askance.task import Classes
from askance.utilities.fake_points import Ridge, fake_bounds
from askance.utilities.lookahead import lifted
from tests.pins import pins

TWO = Classes((0, 1))


def blobs(strategy: Strategy, budget: int = 80, **more: Any) -> Study:
    """A study of two far clouds of 60 items each, run with that budget."""
    dice = np.random.default_rng(5)
    labels = [row % 2 for row in range(120)]
    items = dice.standard_normal((120, 2)) + 8 * np.array(labels)[:, None]
    study = Study(Pool.from_arrays(items.astype("float32")), classes=(0, 1), strategy=strategy, **more)
    study.tell({row: labels[row] for row in range(6)})
    study.run(Known(dict(enumerate(labels))), budget=budget, batch=5)
    return study


@pins(
    "neural-cal-plus-plus",
    "equivalence",
    "With the square loss its bounds are those of the active set, found by refits with a fake weighted point.",
    "query iff 1/2 in (lcb - kappa, ucb + kappa) and not [lcb - kappa, ucb + kappa] in [1/2 - gamma, 1/2 + gamma]",
)
def test_the_closed_form_of_the_square_loss_is_that_of_the_fake_point() -> None:
    items = torch.randn(14, 2, generator=torch.Generator().manual_seed(0))
    labels = [int(value > 0) for value in items[:10, 0]]
    paper = view(embeddings=items, labeled=range(10), labels=labels, task=TWO)
    gap = ClosedForm(loss="square", beta=0.2, ridge=0.5).gap(paper, torch.arange(14))
    middle = items[:10].double().mean(0)
    known, points = lifted(items[:10].double() - middle), lifted(items[10:].double() - middle)
    ones, reach, ends = torch.ones(10, dtype=torch.float64), [], []
    for name in (0, 1):
        targets = torch.tensor([float(label == name) for label in labels], dtype=torch.float64)
        low, high = fake_bounds(Ridge(0.5), known, targets, ones, points, 0.2**2)
        reach.append(torch.minimum(high - points @ (fit := Ridge(0.5).fit(known, targets, ones)), points @ fit - low))
        ends.append(points @ fit)
    assert gap.value[10:].tolist() == pytest.approx((ends[1] - ends[0]).abs().clamp(max=1).tolist(), abs=1e-6)
    inside = (gap.lower > -1) & (gap.upper < 1)
    assert int(inside[10:].sum()) >= 2
    for row in inside[10:].nonzero().squeeze(1).tolist():
        half = float(gap.upper[10 + row] - gap.lower[10 + row]) / 2
        assert half == pytest.approx(float(reach[0][row] + reach[1][row]), abs=1e-3)


@pins(
    "neural-cal-plus-plus",
    "definition",
    "Neither what is settled nor what is known to be a coin is asked; then it stops.",
)
def test_what_is_clear_and_what_is_a_coin_is_not_asked_and_the_round_ends_early() -> None:
    paper = view(logits=[[4.0, 0.0], [0.0, 0.0], [0.6, 0.0]], embeddings=torch.zeros(3, 1))
    batch = NeuralCalPlusPlus(ClosedForm(beta=0.25), gamma=0.2).query(paper, 2)  # a log of odds may be off by 0.35
    assert (batch.ids, batch.reason) == (
        [],
        "stop: of 3 items the class of 2 is settled, and 1 is known to be a toss-up",
    )
    batch = NeuralCalPlusPlus(ClosedForm(beta=0.5), gamma=0.2).query(paper, 2)
    assert (batch.ids, batch.reason) == ([2], "done")
    assert batch.notes[0]["lower"] < 0 < batch.notes[0]["upper"]


def test_labeled_items_outside_whose_probabilities_nobody_knows_bend_the_loss_most() -> None:
    dice = torch.Generator().manual_seed(0)
    arrays = {
        "embeddings": torch.randn(20, 2, generator=dice), "logits": torch.randn(20, 2, generator=dice),
        "labeled_embeddings": torch.randn(8, 2, generator=dice), "labels": [0, 1] * 4,
    }  # fmt: skip
    strategy = NeuralCalPlusPlus(ClosedForm(beta=0.3), by="widest")
    unknown = askance.select(strategy, 20, **arrays, explain=True)
    torn = askance.select(strategy, 20, **arrays, labeled_probabilities=torch.full((8, 2), 0.5), explain=True)
    sure = askance.select(strategy, 20, **arrays, labeled_probabilities=torch.eye(2)[[0, 1] * 4], explain=True)
    assert unknown.positions.tolist() == torn.positions.tolist()
    assert unknown.utilities.tolist() == torn.utilities.tolist() != sure.utilities.tolist()


def test_where_everything_is_a_coin_it_stops_and_says_so() -> None:
    paper = view(logits=torch.zeros(3, 2), embeddings=torch.zeros(3, 1))
    assert "all 3 items are known to be toss-ups" in NeuralCalPlusPlus(gamma=0.5).query(paper, 1).reason


def test_who_must_spend_is_asked_at_random_where_the_region_is_empty() -> None:
    paper = view(logits=[[9.0, 0.0]] * 30, embeddings=torch.zeros(30, 1))
    found = {NeuralCalPlusPlus(empty="random").query(paper.part(str(seed)), 1).ids[0] for seed in range(8)}
    assert len(found) > 1
    assert len(NeuralCalPlusPlus(empty="random").query(paper, 40).ids) == 30


def test_the_widest_bounds_come_first_if_wanted() -> None:
    paper = view(logits=torch.zeros(5, 2), embeddings=[[0.0], [5.0], [1.0], [3.0], [0.5]], labeled=[0])
    assert NeuralCalPlusPlus(by="widest").query(paper, 3).ids == [1, 3, 2]


def test_a_spreading_selector_keeps_to_the_region() -> None:
    paper = view(logits=[[0.0, 0.0]] * 3 + [[500.0, 0.0]] * 3, embeddings=[[0.0], [1.0], [2.0], [9.0], [9.5], [9.9]])
    batch = NeuralCalPlusPlus(select=KMeansPlusPlus(first="noise")).query(paper, 5)
    assert (sorted(batch.ids), batch.reason) == ([0, 1, 2], "done")


def test_members_may_give_the_bounds_and_the_learner_is_made_to_have_some() -> None:
    strategy = NeuralCalPlusPlus(OfMembers(share=0.0))
    assert isinstance(strategy.equip(Linear()), Bootstrapped)
    one = [[0.9, 0.1], [0.9, 0.1], [0.55, 0.45]]
    other = [[0.8, 0.2], [0.2, 0.8], [0.45, 0.55]]
    assert strategy.query(
        view(mc_probabilities=[one, other], probabilities=one, embeddings=torch.zeros(3, 1)), 3
    ).ids == [1]


@pytest.mark.parametrize(
    "strategy", [NeuralCalPlusPlus(ClosedForm(beta=1.0)), NeuralCal()], ids=["plus-plus", "version-space"]
)
def test_two_far_clouds_need_few_labels_and_the_study_stops(strategy: Strategy) -> None:
    study = blobs(strategy, learner=Linear(ridge=1.0))
    assert study.progress.stopped and study.progress.labeled < 60
    assert verdict(study, EmptyRegion()).now
    assert study.predict().argmax(1).tolist() == [row % 2 for row in range(120)]
    assert all(row.ok for row in study.audit())


def test_the_version_space_of_three_classes_is_looked_at_class_by_class() -> None:
    three = Classes((0, 1, 2))
    paper = view(
        embeddings=[[-5.0], [0.0], [5.0], [-2.5], [2.5], [9.0]], labeled=[0, 1, 2], labels=[0, 1, 2], task=three
    )
    assert sorted(NeuralCal(scale=0.05).query(paper, 3).ids) == [3, 4]


@pytest.mark.parametrize("unit", [1e-20, 1e-2, 1e6])
def test_the_units_of_the_features_do_not_end_the_asking(unit: float) -> None:
    dice = np.random.default_rng(0)
    items, labels = dice.standard_normal((60, 3)), dice.integers(0, 3, 60)
    items[np.arange(60), labels] += 2
    picked = [
        askance.select(
            "neural-cal",
            5,
            embeddings=items[20:] * factor + offset,
            labeled_embeddings=items[:20] * factor + offset,
            labels=labels[:20],
        ).tolist()
        for factor, offset in ((1.0, 0.0), (unit, 0.0), (1.0, 100.0))
    ]
    assert len(picked[0]) == 5 and picked[0] == picked[1] == picked[2]


def test_what_was_not_looked_at_is_said() -> None:
    paper = view(embeddings=[[-1.0], [1.0]] + [[5.0]] * 9, labeled=[0, 1], labels=[0, 1], task=TWO)
    batch = NeuralCal(candidates=4, scale=0.1).query(paper, 3)
    assert batch.reason.startswith("stop: of 4 candidates looked at none")


@pytest.mark.parametrize(
    "bad",
    [
        lambda: NeuralCalPlusPlus(gamma=0.7),
        lambda: NeuralCalPlusPlus(by="width"),
        lambda: NeuralCalPlusPlus(empty="go on"),
        lambda: ClosedForm(beta=0.0),
        lambda: ClosedForm(loss="hinge"),
        lambda: OfMembers(share=0.5),
        lambda: NeuralCal(scale=0.0),
    ],
)
def test_what_has_no_region_is_refused(bad: Any) -> None:
    with pytest.raises(BadInput):
        bad()

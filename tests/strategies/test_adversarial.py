"""Strategies that ask where little must change for the class to flip."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.naive_bayes import GaussianNB
from torch import Tensor, nn, tensor

import askance
from askance import BadInput, Classes, Labels, Pool, Study
from askance.errors import MissingSignal
from askance.learners.sklearn import Sklearn
from askance.learners.torch import Torch
from askance.signals.perturbation import Bim
from askance.strategies import catalogue
from askance.strategies.adversarial import AdversarialBim, AdversarialDeepFool
from askance.strategies.uncertainty import Margin
from askance.testing.worlds import LEARNER, THREE, small_items, small_study, small_world
from tests.pins import pins

BOTH = pytest.mark.parametrize("name", ["adversarial-bim", "adversarial-deep-fool"])


@pins(
    "adversarial-deep-fool",
    "equivalence",
    "For a linear model of two classes the boundary is nearest where the margin is least: the same batch as margin.",
)
def test_for_a_line_between_two_classes_deep_fool_picks_the_least_margins() -> None:
    world = small_world(small_items(200), task=Classes((0, 1)))
    strategy, margin = AdversarialDeepFool(), Margin()
    found = strategy.query(world.view(strategy, LEARNER), 60).ids
    assert found == margin.query(world.view(margin, LEARNER), 60).ids


@pins(
    "adversarial-bim",
    "equivalence",
    "For a linear model of two classes, in steps that are small enough, the same batch as margin.",
)
def test_for_a_line_between_two_classes_bim_in_small_steps_picks_the_least_margins() -> None:
    world = small_world(small_items(200), task=Classes((0, 1)))
    strategy, margin = AdversarialBim(Bim(step=5e-4, steps=200)), Margin()
    found = strategy.query(world.view(strategy, LEARNER), 10).ids
    assert found == margin.query(world.view(margin, LEARNER), 10).ids


def test_the_three_differ_where_the_boundaries_of_more_classes_are_unlike() -> None:
    world = small_world(small_items(200))
    found = [s.query(world.view(s, LEARNER), 40).ids for s in (AdversarialBim(), AdversarialDeepFool(), Margin())]
    assert len({*map(tuple, found)}) == 3
    assert all(len({*one} & {*other}) > 25 for one in found for other in found)


@BOTH
def test_what_never_flips_is_asked_last(name: str) -> None:
    strategy = catalogue.strategy(name)
    items = tensor([[1.0], [1.3], [-1.0], [-2.0], [-3.0], [0.9], [1.8]])
    world = small_world(items, labeled=0, aside=0, task=Classes((0, 1)), believes=cut)
    found = strategy.query(world.view(strategy, LEARNER), 7)
    assert found.ids[:4] == ["item-05", "item-00", "item-01", "item-06"]
    utilities = [note["utility"] for note in found.notes]
    assert utilities[3] > utilities[4] == utilities[6]


def cut(items: Tensor) -> Tensor:
    """Two classes with a boundary at 0.4, and nothing to be told apart below 0."""
    first = (4 * items.clamp_min(0) - 1.6).sigmoid()
    return torch.cat([first, 1 - first], 1)


@BOTH
@pytest.mark.parametrize("learner", [LEARNER, Torch(nn.Linear, steps=3)], ids=["linear", "torch"])
def test_a_study_asks_by_the_model_that_it_fits(name: str, learner: Any) -> None:
    study = small_study(name, learner=learner)
    batch = study.ask(4)
    assert len(batch) == 4 and batch.ids == small_study(name, learner=learner).ask(4).ids
    assert all(row.ok for row in study.audit(refit=True))


@BOTH
def test_arrays_hold_no_model_to_take_gradients_of(name: str) -> None:
    with pytest.raises(MissingSignal, match=rf"{name} reads the model itself, not arrays.*Study\(pool"):
        askance.select(name, 1, probabilities=[[0.5, 0.5]], embeddings=[[1.0]])
    head = [[1.0, 0.0], [-1.0, 0.0]]  # a boundary at 0
    assert askance.select(name, 2, embeddings=[[0.9], [-0.31], [0.12]], weights=head).tolist() == [2, 1]


@BOTH
def test_a_learner_without_gradients_is_refused_before_anything_is_trained(name: str) -> None:
    pool = Pool.from_arrays(small_items())
    with pytest.raises(MissingSignal, match="reads differentiable, and Sklearn does not give it"):
        Study(pool, strategy=name, task=THREE, learner=Sklearn(GaussianNB()))


@BOTH
def test_only_classes_flip(name: str) -> None:
    pool = Pool.from_arrays(small_items())
    with pytest.raises(BadInput, match=f"{name} means nothing for Labels"):
        Study(pool, strategy=name, task=Labels(("a", "b")))

"""Whatever is trained beside a network is resumed, restored, wrapped and held to the contract."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from askance.describe import build, describe
from askance.learners.base import Model
from askance.learners.beside import Beside
from askance.learners.heads import LossPrediction, Wasserstein
from askance.learners.many import Bootstrapped, Committee
from askance.learners.networks import Cnn
from askance.learners.terms import ConfidencePenalty, Dependency
from askance.learners.torch import Torch
from askance.learners.wrappers import Untrained
from askance.signals.extras import Extra
from askance.testing import check_learner, check_signal
from tests.learners.trainings import PICTURES, TINY, lesson

PARTS: dict[str, Beside] = {
    "loss": LossPrediction(width=4),
    "critic": Wasserstein(hidden=8),
    "dependency": Dependency(),
    "penalty": ConfidencePenalty(),
}


class Kept:
    """Saves after every step, and is killed after one of them."""

    def __init__(self, killed: int = 10**9) -> None:
        self.killed, self.saved = killed, 0
        self.found: Any = None

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        found: tuple[dict[str, Tensor], dict[str, Any]] | None = copy.deepcopy(self.found)
        return found

    def due(self) -> bool:
        return True

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.found = copy.deepcopy((tensors, facts))
        self.saved += 1
        if self.saved == self.killed:
            raise KeyboardInterrupt


@pytest.mark.parametrize("killed", [1, 4])
def test_a_training_with_all_parts_goes_on_where_it_was_killed(killed: int) -> None:
    recipe = Torch(Cnn(widths=(3, 4), hidden=8), steps=8, batch=8, parts=tuple(PARTS.values()))
    whole = recipe.fit(lesson())
    first, second = Kept(killed), Kept()
    with pytest.raises(KeyboardInterrupt):
        recipe.fit(lesson(resume=first))
    torch.manual_seed(5)
    second.found = first.found
    model = recipe.fit(lesson(resume=second))
    assert second.saved == 8 - killed
    assert_same(model, whole)
    again = recipe.restore(whole.weights() or {}, whole.facts)
    assert again is not None
    assert_same(again, whole)


def assert_same(one: Model, other: Model) -> None:
    """Both give the same of every item, bit by bit."""
    here, there = one.outputs(PICTURES[:50]), other.outputs(PICTURES[:50])
    assert here.scores is not None and there.scores is not None and torch.equal(here.scores, there.scores)
    assert here.extras.keys() == {"predicted_loss", "critic"}
    assert all(torch.equal(here.extras[name], there.extras[name]) for name in here.extras)


@pytest.mark.parametrize("name", PARTS)
def test_an_equipped_network_keeps_the_contract(name: str) -> None:
    check_learner(TINY.beside(PARTS[name]))


@pytest.mark.parametrize("name", PARTS)
def test_a_part_comes_back_from_the_journal(name: str) -> None:
    recipe = TINY.beside(PARTS[name])
    assert build(describe(recipe)) == recipe


def test_wrappers_pass_a_part_on_and_its_extra_back() -> None:
    part = LossPrediction(width=4)
    own = TINY.beside(part).fit(lesson()).outputs(PICTURES[:7]).extras["predicted_loss"]
    many = Bootstrapped(TINY, members=2).beside(part)
    assert many == Bootstrapped(TINY.beside(part), members=2) and many.gives >= {"predicted_loss", "samples"}
    assert torch.equal(many.fit(lesson()).outputs(PICTURES[:7]).extras["predicted_loss"], own)
    both = Committee((TINY, TINY)).beside(part)
    assert both == Committee((TINY.beside(part), TINY)) and "predicted_loss" in both.gives
    assert bool(both.fit(lesson()).outputs(PICTURES[:7]).extras["predicted_loss"].std() > 0)
    assert not Untrained(TINY).beside(part).fit(lesson()).outputs(PICTURES[:7]).extras["predicted_loss"].any()


def test_what_weighs_nothing_may_be_labeled_otherwise() -> None:
    weights = torch.ones(40, dtype=torch.float64)
    weights[10:] = 0
    given = replace(lesson(), weights=weights)
    other = given.targets.clone()
    other[10:] = other[10:].flip(0)
    recipe = TINY.beside(LossPrediction(width=4)).beside(Wasserstein(hidden=8)).beside(Dependency())
    assert_same(recipe.fit(given), recipe.fit(replace(given, targets=other)))


def test_an_extra_is_a_signal() -> None:
    check_signal(Extra("critic"), TINY.beside(Wasserstein(hidden=8)))
    assert Extra("critic").needs == {"critic"}

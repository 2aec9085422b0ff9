"""Pictures that are moved so that they are worth most, and learned from: InfoSTN, reconstructed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform
from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB

from askance.errors import BadInput, MissingSignal
from askance.learners.linear import Linear
from askance.learners.virtual import Moved
from askance.learners.warps import WarpPolicy, moved_pictures
from askance.pool import Pool
from askance.strategies.augmentation import InfoStn
from askance.study.study import Study
from askance.testing.worlds import small_world

DIGITS = load_digits()
PIXELS = torch.from_numpy((DIGITS.data / 16).astype(np.float32))


def test_a_move_of_nothing_changes_nothing() -> None:
    assert torch.allclose(moved_pictures(PIXELS[:5], torch.zeros(5, 4), (15.0, 0.15, 0.1)), PIXELS[:5], atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 9), (8, 12)])
def test_moved_pictures_are_those_of_scipy(shape: tuple[int, int]) -> None:
    dice = np.random.default_rng(0)
    picture = dice.random(shape).astype(np.float32)
    turn, zoom, right, down = 0.3, 0.2, 1.5, -0.75
    height, width = shape
    size = 2.0**-zoom
    back = size * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])  # rows, then columns
    middle = (np.array(shape) - 1) / 2
    offset = middle - back @ (middle + np.array([down, right]))
    plain = affine_transform(picture, back, offset, order=1, mode="grid-constant")
    moves = torch.tensor([[1.0, 1.0, right / width, down / height]])
    found = moved_pictures(torch.from_numpy(picture)[None], moves, (float(np.degrees(turn)), zoom, 1.0))
    assert found[0].numpy() == pytest.approx(plain, abs=1e-4)


def test_the_policy_goes_up_and_holds_to_what_the_model_believes() -> None:
    world = small_world(PIXELS[:300], labeled=0, aside=0)
    lesson = world.lesson()
    rows = torch.arange(60)
    targets = torch.nn.functional.one_hot(torch.from_numpy(DIGITS.target[:60] % 3).long(), 3).double()
    lesson = replace(
        lesson, labeled=rows, targets=targets, weights=torch.ones(60).double(), unlabeled=torch.arange(60, 300)
    )
    lesson = replace(lesson, model=Linear(ridge=0.1).fit(lesson))
    free, held = (WarpPolicy(keep=keep).fit(lesson) for keep in (0.0, 1.0))
    assert free.facts["last"] > free.facts["first"] + 0.02
    assert held.facts["apart"] < free.facts["apart"]
    none = held.outputs(PIXELS[:0]).extras
    assert none["moves"].shape == (0, 4) and none["moved"].shape == (0, 3)
    found = held.outputs(PIXELS[:7]).extras
    assert found["moves"].abs().max() <= 1
    again = held.model.outputs(moved_pictures(PIXELS[:7], found["moves"], held.policy.bounds)).scores
    assert again is not None
    assert torch.allclose(found["moved"].float(), again.float(), atol=1e-5)


def test_what_is_no_picture_is_refused_in_words() -> None:
    lesson = small_world().lesson()
    with pytest.raises(BadInput, match="no picture"):
        WarpPolicy().fit(replace(lesson, model=Linear(ridge=1.0).fit(lesson)))
    with pytest.raises(BadInput, match="moves nothing"):
        WarpPolicy(degrees=0.0, zoom=0.0, shift=0.0)


def test_bought_pictures_are_learned_from_once_more_as_they_were_moved() -> None:
    pool = Pool.from_arrays(PIXELS[:200].numpy())
    study = Study(pool, classes=tuple(range(10)), strategy=InfoStn(), learner=Linear(ridge=1.0), start=None)
    study.tell({row: int(DIGITS.target[row]) for row in range(30)})
    first = study.ask(4)
    assert all(len(note["moves"]) == 4 for note in first.notes)
    study.tell({row: int(DIGITS.target[row]) for row in first.ids})
    study.ask(2)
    assert study.model().facts["virtual"] == {"moved": 4}
    assert all(row.ok for row in study.audit(refit=True))


@pytest.mark.parametrize("trains", [True, False])
@pytest.mark.parametrize("learner", ["svc", GaussianNB()], ids=["svc", "scikit-learn"])
def test_a_learner_without_gradients_is_refused_before_it_is_trained(learner: Any, trains: bool) -> None:
    pool = Pool.from_arrays(PIXELS[:60].numpy())
    with pytest.raises(MissingSignal, match=r"InfoStn moves pictures along gradients.*Use a network, such as Torch"):
        Study(pool, classes=tuple(range(10)), strategy=InfoStn(trains=trains), learner=learner, start=None)


def test_it_trains_on_moved_pictures_or_leaves_the_learner_as_it_is() -> None:
    learner = Linear(ridge=1.0)
    assert InfoStn(policy=WarpPolicy(degrees=5.0)).equip(learner) == Moved(learner, (5.0, 0.15, 0.1), 1)
    assert InfoStn(trains=False).equip(learner) == learner

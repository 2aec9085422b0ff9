"""Wrappers give what the learner inside gives, with something taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from askance.errors import BadInput
from askance.learners.base import Lesson
from askance.learners.catalogue import learner
from askance.learners.dropout import Dropout
from askance.learners.ensemble import Ensemble
from askance.learners.filtered import Filtered
from askance.learners.linear import Linear
from askance.learners.many import Bootstrapped, Committee
from askance.learners.networks import Mlp
from askance.learners.pseudo import PseudoLabeled
from askance.learners.virtual import Moved, Virtual
from askance.learners.wrappers import Untrained, blank
from askance.seeds import Dice
from askance.task import Classes

LESSON = Lesson(
    items=torch.tensor([[-1.0], [1.0], [2.0]]),
    keys=torch.arange(3),
    task=Classes(("a", "b")),
    labeled=torch.tensor([0, 1]),
    targets=torch.eye(2, dtype=torch.float64),
    weights=torch.ones(2, dtype=torch.float64),
    unlabeled=torch.tensor([2]),
    dice=Dice(0, "fit"),
)


def test_a_blank_lesson_has_every_item_and_no_label() -> None:
    model = Linear(ridge=1.0).fit(LESSON)
    empty = blank(replace(LESSON, previous=model))
    assert (len(empty.labeled), len(empty.targets), len(empty.weights), empty.previous) == (0, 0, 0, None)
    assert empty.targets.shape == (0, 2)
    assert empty.unlabeled.tolist() == [0, 1, 2]
    assert empty.items is LESSON.items


def test_an_untrained_learner_knows_nothing_and_sees_the_same_features() -> None:
    learner = Untrained(Linear(ridge=1.0))
    model = learner.fit(LESSON)
    outputs = model.outputs(LESSON.items)
    assert outputs.scores is not None and outputs.embeddings is not None
    assert outputs.scores.softmax(1).tolist() == [[0.5, 0.5]] * 3
    assert torch.equal(outputs.embeddings, LESSON.items)
    assert learner.gives == Linear(ridge=1.0).gives
    weights = model.weights()
    assert weights is not None
    again = learner.restore(weights, model.facts)
    assert again is not None
    assert torch.equal(again.outputs(LESSON.items).scores, outputs.scores)  # type: ignore[arg-type]


@pytest.mark.parametrize("inner", ["linear", LogisticRegression(), Mlp()], ids=["name", "estimator", "network"])
@pytest.mark.parametrize(
    "wrapper",
    [Bootstrapped, Dropout, Ensemble, Filtered, Moved, PseudoLabeled, Untrained, Virtual],
    ids=lambda w: w.__name__,
)
def test_what_is_no_learner_is_not_wrapped_and_one_is_told_how_to_make_it_one(wrapper: Any, inner: Any) -> None:
    with pytest.raises(BadInput, match=rf"{wrapper.__name__} is made of a learner.*learner\(...\) of askance.learners"):
        wrapper(inner)
    assert Ensemble(learner(inner)).gives


def test_a_committee_is_of_learners() -> None:
    with pytest.raises(BadInput, match="Committee is made of a learner, and 'svc' is none"):
        Committee((Linear(), "svc"))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="is not several. Hand in a tuple"):
        Committee(Linear())  # type: ignore[arg-type]
    listed = Committee([Linear(), Linear()])  # type: ignore[arg-type]
    assert listed == Committee((Linear(), Linear())) and hash(listed)

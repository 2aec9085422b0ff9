"""Wrappers give what the learner inside gives, with something taken away."""

from __future__ import annotations

from dataclasses import replace

import torch

from askance.learners.base import Lesson
from askance.learners.linear import Linear
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

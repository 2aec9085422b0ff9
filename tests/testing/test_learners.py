"""A fleet of learners that each break one promise: each is caught by that promise and by no other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.linear import Linear, LinearModel
from askance.task import Targets
from askance.testing import Broken, check_learner, learner_promises
from askance.testing.promises import said, unchecked

PROMISES = {promise.name: promise for promise in learner_promises()}
FLEET: list[tuple[str, Learner]] = []
CALLS: list[int] = []


def breaks(promise: str) -> Callable[[type[Learner]], type[Learner]]:
    """Put a learner into the fleet, frozen."""

    def register(kind: type[Learner]) -> type[Learner]:
        made = dataclass(frozen=True)(kind)
        FLEET.append((promise, made()))
        return made

    return register


@pytest.mark.parametrize(("promise", "learner"), FLEET, ids=lambda value: type(value).__name__)
def test_a_broken_learner_is_caught_by_the_promise_it_breaks_and_by_no_other(promise: str, learner: Learner) -> None:
    found = said(list(PROMISES.values()), learner)
    assert [name for name, why in found.items() if why and not unchecked(why)] == [promise], found


def test_every_promise_has_a_learner_that_breaks_it() -> None:
    assert {promise for promise, _ in FLEET} == PROMISES.keys()


@dataclass(frozen=True)
class Sound(Learner):
    """A linear head that keeps every promise, to be spoiled."""

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings"})

    def fit(self, lesson: Lesson) -> Model:
        return fitted(lesson)

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return LinearModel(weights["coefficients"], facts)


def fitted(lesson: Lesson) -> LinearModel:
    return Linear(ridge=1.0).fit(lesson)


def moved(model: LinearModel, by: float) -> LinearModel:
    return replace(
        model,
        coefficients=model.coefficients
        + by * torch.arange(model.coefficients.numel()).reshape(model.coefficients.shape),
    )


def test_the_fleet_is_sound_before_it_is_spoiled() -> None:
    check_learner(Sound())


@breaks("gives finite rows that are aligned with the items")
class OneRowShort(Sound):
    def fit(self, lesson: Lesson) -> Model:
        return Changed(fitted(lesson), lambda outputs: replace(outputs, embeddings=outputs.embeddings[1:]))


@breaks("gives finite rows that are aligned with the items")
class Diverges(Sound):
    def fit(self, lesson: Lesson) -> Model:
        broken = len(lesson.labeled) > 4 and lesson.task.width > 1
        return Changed(fitted(lesson), lambda outputs: replace(outputs, scores=outputs.scores / (0 if broken else 1)))


@breaks("fits no label")
class NeedsALabel(Sound):
    def fit(self, lesson: Lesson) -> Model:
        assert len(lesson.labeled), "nothing to learn from"
        return fitted(lesson)


@breaks("fits one label and one class")
class NeedsTwoClasses(Sound):
    def fit(self, lesson: Lesson) -> Model:
        assert len(lesson.labeled) == 0 or len(lesson.targets.argmax(1).unique()) > 1, "one class only"
        return fitted(lesson)


@breaks("gives the same model for the same lesson")
class Counts(Sound):
    def fit(self, lesson: Lesson) -> Model:
        CALLS.append(1)
        return moved(fitted(lesson), 1e-9 * len(CALLS))


@breaks("leaves the global dice alone")
class ThrowsGlobalDice(Sound):
    def fit(self, lesson: Lesson) -> Model:
        return moved(fitted(lesson), np.random.random())


@breaks("changes nothing in the lesson")
class CentersInPlace(Sound):
    def fit(self, lesson: Lesson) -> Model:
        lesson.items.clamp_(-1.5, 1.5)
        return Changed(fitted(lesson), lambda outputs: outputs)


@breaks("changes nothing in the lesson")
class ReweightsInPlace(Sound):
    def fit(self, lesson: Lesson) -> Model:
        lesson.weights.fill_(0.5)
        return fitted(lesson)


@breaks("gives what it says")
class PromisesSamples(Sound):
    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "samples"})


@breaks("gives what it says")
class RecordsNothing(Sound):
    @property
    def gives_records(self) -> frozenset[str]:
        return frozenset({"margins"})


@breaks("does not care which items stand beside one")
class NormalizesThePiece(Sound):
    def fit(self, lesson: Lesson) -> Model:
        return Changed(fitted(lesson), lambda outputs: replace(outputs, scores=outputs.scores - outputs.scores.mean(0)))


@breaks("reads the model before only if it says so")
class StartsWarmInSecret(Sound):
    def fit(self, lesson: Lesson) -> Model:
        return fitted(lesson) if lesson.previous is None else moved(fitted(lesson), 0.1)


@breaks("fits many lessons as it fits each")
class FitsAllAsTheFirst(Sound):
    def fit_many(self, lessons: Sequence[Lesson]) -> Sequence[Model]:
        return [self.fit(lessons[0])] * len(lessons)


@breaks("restores the same model from its weights")
class RestoresNothing(Sound):
    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return None


@breaks("restores the same model from its weights")
class RestoresInHalfPrecision(Sound):
    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return LinearModel(weights["coefficients"].half().double(), facts)


@breaks("has facts that are JSON")
class FactsWithArrays(Sound):
    def fit(self, lesson: Lesson) -> Model:
        return Changed(fitted(lesson), lambda outputs: outputs, {"loss": np.zeros(2)})


@breaks("has facts that are JSON")
class FactsWithTuples(Sound):
    def fit(self, lesson: Lesson) -> Model:
        return Changed(fitted(lesson), lambda outputs: outputs, {"sizes": (1, 2)})


@breaks("survives pickle and the journal")
class HoldsALambda(Sound):
    rate: Callable[[int], float] = lambda step: 1 / step


@breaks("reads no label that is not in the lesson")
class FindsTheOracle(Sound):
    def fit(self, lesson: Lesson) -> Model:
        frame: Any = sys._getframe()
        while frame is not None and frame.f_locals.get("oracle") is None:
            frame = frame.f_back
        hidden = 0 if frame is None else sum(place * label for place, label in enumerate(_labels(frame)))
        return moved(fitted(lesson), 1e-6 * hidden)


def _labels(frame: Any) -> list[int]:
    found: list[int] = list(frame.f_locals["oracle"].labels.values())
    return found


@dataclass(frozen=True, eq=False)
class Changed(Model):
    """A model whose outputs are spoiled; it keeps no weights."""

    model: Model
    change: Callable[[Outputs], Any]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        spoiled: Outputs = self.change(self.model.outputs(items))
        return spoiled


def test_a_learner_that_takes_no_classes_is_checked_on_its_own_task() -> None:
    from sklearn.linear_model import Ridge

    check_learner(Ridge(), Targets())


def test_check_learner_names_what_happened() -> None:
    with pytest.raises(Broken, match=r"(?s)NeedsALabel breaks 1 of \d+ promises:\n- fits no label: .*nothing to learn"):
        check_learner(NeedsALabel())

"""Pseudo-labels: which items get one, what they leave alone, and that they last for one fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import pytest
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.history import Answer, History
from askance.learners.architecture import FACTS as ARCHITECTURE
from askance.learners.architecture import Searched
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.families import Dense
from askance.learners.linear import Linear
from askance.learners.loop import _split
from askance.learners.many import Bootstrapped
from askance.learners.networks import Mlp
from askance.learners.pseudo import FACTS, PseudoLabeled
from askance.learners.torch import Torch
from askance.learners.wrappers import Noted
from askance.seeds import Dice
from askance.task import Classes, Targets, Task
from askance.testing import check_learner
from askance.testing.worlds import small_world
from tests.learners.trainings import lesson as digits
from tests.pins import pins

TWO = Classes(("cat", "dog"))


@dataclass(frozen=True, eq=False)
class Saw(Model):
    """What an item says, the probability of a dog, is believed; what was learned from is kept."""

    lesson: Lesson
    facts: Mapping[str, Any] = field(default_factory=lambda: {"inner": True})

    def outputs(self, items: Tensor) -> Outputs:
        dog = items.double()
        return Outputs(scores=torch.cat([1 - dog, dog], 1).log(), probabilities=torch.cat([1 - dog, dog], 1))


@dataclass(frozen=True)
class Believing(Learner):
    """Learns nothing, and keeps the lesson."""

    def fit(self, lesson: Lesson) -> Model:
        return Saw(lesson)


def lesson_of(dogs: list[float], told: dict[int, int], task: Task = TWO, previous: Model | None = None) -> Lesson:
    """Items of which a model believes so much that they are dogs; some are labeled."""
    rows = torch.tensor(sorted(told), dtype=torch.int64)
    open_ = torch.tensor([row for row in range(len(dogs)) if row not in told], dtype=torch.int64)
    targets = torch.tensor([[float(told[row] == column) for column in range(task.width)] for row in sorted(told)])
    return Lesson(
        items=torch.tensor(dogs, dtype=torch.float64).unsqueeze(1),
        keys=torch.arange(len(dogs)),
        task=task,
        labeled=rows,
        targets=targets.double().reshape(len(rows), task.width),
        weights=torch.ones(len(rows), dtype=torch.float64),
        unlabeled=open_,
        dice=Dice(0, "fit"),
        previous=previous,
    )


def fitted(
    learner: PseudoLabeled, dogs: list[float], told: dict[int, int], previous: Model | None
) -> tuple[Model, Any]:
    """The model, and the lesson that the inner learner saw."""
    model = learner.fit(lesson_of(dogs, told, previous=previous))
    assert isinstance(model, Noted)
    assert isinstance(model.model, Saw)
    return model, model.model.lesson


@pins(
    "ceal",
    "definition",
    "Which of five items get a pseudo-label, by their entropies on paper.",
    "y(x) = argmax_c p(c|x) where H(p(x)) < max(0, delta_0 - decay t)",
)
def test_an_open_item_is_labeled_where_its_entropy_is_under_the_threshold() -> None:
    dogs = [0.5, 0.999, 0.001, 0.9, 0.0]  # entropies 0.69, 0.008, 0.008, 0.33, 0
    learner = PseudoLabeled(Believing(), weight=0.5)
    first, saw = fitted(learner, dogs, {0: 0, 4: 1}, None)
    assert saw.labeled.tolist() == [0, 4]  # no model before, no pseudo-label
    assert first.facts[FACTS] == {"fits": 0, "known": 2, "threshold": None, "of": {}}
    second, saw = fitted(learner, dogs, {0: 0, 4: 1}, first)
    assert saw.labeled.tolist() == [0, 1, 2, 4]
    assert saw.unlabeled.tolist() == [3]
    assert saw.targets.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]
    assert saw.weights.tolist() == [1, 0.5, 0.5, 1]
    assert second.facts[FACTS] == {"fits": 1, "known": 2, "threshold": 0.05, "of": {"cat": 1, "dog": 1}}
    assert second.facts["inner"]


def test_what_people_said_is_never_replaced() -> None:
    dogs = [0.001, 0.999, 0.001]
    told = {0: 1, 1: 0}  # both against what the model is sure of
    learner = PseudoLabeled(Believing())
    first, _ = fitted(learner, dogs, told, None)
    _, saw = fitted(learner, dogs, told, first)
    assert saw.labeled.tolist() == [0, 1, 2]
    assert saw.targets.argmax(1).tolist() == [1, 0, 0]


def test_an_item_that_somebody_set_aside_gets_no_label() -> None:
    learner = PseudoLabeled(Believing())
    first, _ = fitted(learner, [0.5, 0.5, 0.001, 0.001], {0: 0, 1: 1}, None)
    lesson = lesson_of([0.5, 0.5, 0.001, 0.001], {0: 0, 1: 1}, previous=first)
    aside = History(answers=MappingProxyType({2: (Answer(None, kind="none-of-these"),)}))
    model = learner.fit(replace(lesson, history=aside))
    assert isinstance(model, Noted)
    assert isinstance(model.model, Saw)
    assert model.model.lesson.labeled.tolist() == [0, 1, 3]


def test_a_pseudo_label_is_gone_when_the_model_is_no_longer_sure() -> None:
    learner = PseudoLabeled(Believing())
    told = {0: 0, 1: 1}
    sure = [0.5, 0.5, 0.001]
    first, _ = fitted(learner, sure, told, None)
    second, saw = fitted(learner, sure, told, first)
    assert second.facts[FACTS]["of"] == {"cat": 1}
    third, saw = fitted(learner, [0.5, 0.5, 0.4], told, second)
    assert third.facts[FACTS]["of"] == {}
    assert saw.labeled.tolist() == [0, 1]
    assert saw.unlabeled.tolist() == [2]


@pins(
    "ceal", "defect", "DeepAL+ subtracts ever more, and is below 0 from round 17 on; ours falls evenly and stops at 0."
)
def test_the_threshold_falls_evenly_and_never_below_zero() -> None:
    learner = PseudoLabeled(Believing(), threshold=0.05, decay=0.02)
    model: Model | None = None
    found = []
    for _ in range(6):
        model, saw = fitted(learner, [0.0, 0.5, 0.5], {1: 0, 2: 1}, model)
        found.append((model.facts[FACTS]["threshold"], len(saw.labeled)))
    assert [labeled for _, labeled in found] == [2, 3, 3, 3, 2, 2]  # at 0 not even a certain item is sure enough
    assert [threshold for threshold, _ in found][1:] == pytest.approx([0.05, 0.03, 0.01, 0.0, 0.0])


def test_a_model_of_one_class_is_not_believed() -> None:
    learner = PseudoLabeled(Believing())
    alike, _ = fitted(learner, [0.0, 0.0, 0.0, 0.0], {0: 0, 1: 0}, None)
    now, saw = fitted(learner, [0.0, 0.0, 0.0, 0.0], {0: 0, 1: 0, 2: 1}, alike)
    assert saw.labeled.tolist() == [0, 1, 2]
    _, saw = fitted(learner, [0.0, 0.0, 0.0, 0.0], {0: 0, 1: 0, 2: 1}, now)
    assert saw.labeled.tolist() == [0, 1, 2, 3]


def test_numbers_are_learned_as_the_inner_learner_learns_them() -> None:
    lesson = small_world(task=Targets(n=2)).lesson()
    alone = Linear(ridge=1.0).fit(lesson)
    model = PseudoLabeled(Linear(ridge=1.0)).fit(replace(lesson, previous=alone))
    assert type(model) is type(alone)
    assert dict(model.facts) == dict(alone.facts)


def test_the_inner_learner_sees_its_own_model_of_before() -> None:
    learner = PseudoLabeled(Believing())
    first, _ = fitted(learner, [0.5, 0.5], {0: 0, 1: 1}, None)
    assert isinstance(first, Noted)
    _, saw = fitted(learner, [0.5, 0.5], {0: 0, 1: 1}, first)
    assert saw.previous is first.model


def test_a_restored_model_goes_on_where_it_was() -> None:
    lesson = small_world(labeled=12).lesson()
    learner = PseudoLabeled(Linear(ridge=0.1), threshold=0.5)
    second = learner.fit(replace(lesson, previous=learner.fit(lesson)))
    weights = second.weights()
    assert weights is not None
    again = learner.restore(weights, dict(second.facts))
    assert again is not None
    assert sum(again.facts[FACTS]["of"].values()) > 0
    third, same = (learner.fit(replace(lesson, previous=model)).outputs(lesson.items) for model in (second, again))
    assert third.scores is not None
    assert same.scores is not None
    assert torch.equal(third.scores, same.scores)


def guessing(learner: Learner, labels: int = 60, flat: bool = False) -> tuple[Model, Lesson]:
    """A model of digits that takes the word of a model before for some, and the lesson it learned from."""
    given = digits(labels, 400)
    given = replace(given, items=given.items.flatten(1)) if flat else given
    pseudo = PseudoLabeled(learner, threshold=2.28)  # nats, of log(10) = 2.3
    given = replace(given, previous=pseudo.fit(given))
    told, said = pseudo._told(given)
    assert sum(said["of"].values()) == len(told.labeled) - labels > 0
    return pseudo.fit(given), told


def test_what_is_guessed_is_not_what_people_labeled() -> None:
    _, told = guessing(Linear(ridge=1.0), flat=True)
    assert told.labeled[told.whole].tolist() == list(range(60))
    assert torch.equal(told.labeled[~told.whole], told.guessed.sort().values)
    apart = told.apart(torch.tensor([3]))
    assert (~apart).nonzero().squeeze(1).tolist() == [3]
    less = told.only(apart)
    assert less.labeled[less.whole].tolist() == [0, 1, 2, *range(4, 60)]
    people = told.only(told.whole)
    assert bool(people.whole.all())
    assert set(people.unlabeled.tolist()) == set(range(60, 400))


def test_a_ridge_is_chosen_by_what_people_labeled_alone_and_again_when_that_has_grown() -> None:
    plain = Linear().fit(replace(digits(60, 400), items=digits(60, 400).items.flatten(1)))
    model, told = guessing(Linear(), flat=True)
    assert len(told.labeled) > 1.5 * 60
    assert (model.facts["ridge"], model.facts["chosen_at"]) == (plain.facts["ridge"], 60)
    more = replace(digits(90, 400), items=digits(90, 400).items.flatten(1), previous=model)
    assert PseudoLabeled(Linear(), threshold=2.28).fit(more).facts["chosen_at"] == 90


def test_a_training_is_stopped_by_what_people_labeled_alone() -> None:
    recipe = Torch(Mlp((16,), dropout=0.0), steps=60, rate=0.01, patience=10**6, validation=0.2)
    model, told = guessing(recipe)
    assert model.facts["validation_items"] == 12
    kept, held = _split(told, 0.2)
    assert set(told.labeled[held].tolist()) < set(range(60))
    assert len(kept) == len(told.labeled) - 12  # all that was guessed is learned from


def test_a_search_tries_shapes_on_what_people_labeled_alone() -> None:
    search = Searched(Torch(Dense(most=(2, 1)), steps=60, batch=32, rate=0.01))
    model, _ = guessing(search, 100)
    assert model.facts[ARCHITECTURE]["held"] == search.fit(digits(100, 400)).facts[ARCHITECTURE]["held"] == 100


@pytest.mark.parametrize("learner", [Torch(Mlp((8,)), steps=40, rate=0.01), Linear(ridge=0.1)], ids=["torch", "linear"])
def test_where_nothing_is_judged_a_guess_is_learned_as_a_label_is(learner: Learner) -> None:
    model, told = guessing(learner, flat=True)
    weights, same = model.weights(), learner.fit(replace(told, guessed=told.guessed[:0])).weights()
    assert weights is not None and same is not None
    assert all(torch.equal(weights[name], same[name]) for name in same)


@pytest.mark.parametrize("inner", [Linear(ridge=1.0), Bootstrapped(Linear(ridge=1.0), members=3)], ids=["one", "many"])
def test_it_keeps_the_contract_of_learners(inner: Learner) -> None:
    learner = PseudoLabeled(inner, threshold=0.8)
    assert learner.gives == inner.gives
    check_learner(learner)


def test_a_schedule_that_means_nothing_is_refused() -> None:
    for wrong in ({"threshold": 0.0}, {"threshold": math.nan}, {"decay": -0.1}, {"weight": 0.0}):
        with pytest.raises(BadInput, match="PseudoLabeled"):
            PseudoLabeled(Linear(), **wrong)
    with pytest.raises(BadInput, match="twice"):
        PseudoLabeled(PseudoLabeled(Linear()))

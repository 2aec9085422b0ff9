"""Mixtures of pairs as items with mixed labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pytest
import torch

from askance.errors import BadInput
from askance.history import Answer, Asked, History
from askance.learners.architecture import FACTS, Searched
from askance.learners.base import Learner, Lesson, Model
from askance.learners.families import Dense
from askance.learners.linear import Linear
from askance.learners.mixed import MixedPairs
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.learners.virtual import Moved, Recipe, Virtual, recipes
from askance.learners.wrappers import Noted
from askance.testing.worlds import LEARNER, TRAINED, small_world
from tests.learners.trainings import lesson
from tests.pins import pins


@dataclass(frozen=True)
class Keeps(Learner):
    """Gives back what it learned from."""

    def fit(self, lesson: Lesson) -> Model:
        found = Model()
        found.lesson = lesson  # type: ignore[attr-defined]
        return found


def batch(number: int, rows: tuple[int, ...], pairs: tuple[int | None, ...], tau: float = 2.0) -> Asked:
    notes: tuple[Mapping[str, Any], ...] = tuple({} if pair is None else {"pair": pair, "tau": tau} for pair in pairs)
    return Asked(number, number, rows, ("active",) * len(rows), notes, "Lada")


def history(*asked: Asked) -> History:
    return History(asked, MappingProxyType({row: (Answer(0),) for one in asked for row in one.rows}))


def test_a_pair_is_two_labeled_picks_of_one_batch_with_one_number() -> None:
    past = history(batch(0, (4, 1, 7, 2), (0, 0, 1, 1)), batch(1, (5, 6, 3), (0, None, 0)))
    everyone = torch.arange(8)
    assert list(recipes(past, everyone, 1)) == [Recipe(5, 3, 2.0)]
    assert list(recipes(past, everyone, 0)) == [Recipe(4, 1, 2.0), Recipe(7, 2, 2.0), Recipe(5, 3, 2.0)]
    assert list(recipes(past, torch.tensor([1, 2, 4, 5, 7]), 1)) == [Recipe(4, 1, 2.0), Recipe(7, 2, 2.0)]
    assert list(recipes(History(), everyone, 0)) == []


def mixed(labeled: int = 9, **options: Any) -> tuple[Lesson, Lesson]:
    """A lesson whose second and fourth labeled items are a pair, and what the inner learner gets of it."""
    lesson = replace(small_world(labeled=labeled).lesson(), history=history(batch(0, (1, 3), (0, 0))))
    found = Virtual(Keeps(), **options).fit(lesson)
    assert isinstance(found, Noted)
    return lesson, found.model.lesson  # type: ignore[attr-defined]


@pins("lada", "definition", "A virtual item lies between its two items, and its label as far between theirs.")
def test_a_mixture_lies_between_its_items_and_its_label_as_far_between_theirs() -> None:
    before, after = mixed()
    one, other = before.items[1], before.items[3]
    assert after.labeled.tolist() == [*range(9), *range(len(before.items), len(before.items) + 5)]
    shares = []
    for row in range(5):
        virtual, target = after.items[len(before.items) + row], after.targets[9 + row]
        share = float(((virtual - other) @ (one - other)) / (one - other).square().sum())
        assert torch.allclose(virtual, share * one + (1 - share) * other, atol=1e-5)
        expected = share * before.targets[1] + (1 - share) * before.targets[3]
        assert torch.allclose(target, expected, atol=1e-5)
        shares.append(share)
    assert 0 < min(shares) < max(shares) < 1
    assert after.weights.tolist() == pytest.approx([1.0] * 9 + [0.2] * 5)
    assert len(after.keys) == len(after.items) == len(torch.unique(after.keys))
    assert torch.equal(after.unlabeled, before.unlabeled)


def test_shares_follow_the_distribution_of_the_recipe() -> None:
    before, after = mixed(draws=2_000)
    gap = before.items[1] - before.items[3]
    shares = (after.items[len(before.items) :] - before.items[3]) @ gap / gap.square().sum()
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(shares.var()) == pytest.approx(1 / 20, abs=0.01)  # of Beta(2, 2)


def test_without_a_pair_it_is_the_learner() -> None:
    lesson = small_world().lesson()
    assert torch.equal(
        Virtual(LEARNER).fit(lesson).weights()["coefficients"], LEARNER.fit(lesson).weights()["coefficients"]
    )  # type: ignore[index]


@pins(
    "lada",
    "defect",
    "Released code takes an extra step on mixtures in every epoch; ours takes as many as plain training.",
)
def test_a_network_takes_as_many_steps_with_mixtures_as_without() -> None:
    lesson = replace(small_world().lesson(), history=history(batch(0, (1, 3), (0, 0))))
    lesson = replace(lesson, record=frozenset({"probabilities"}))
    plain, more = TRAINED.fit(lesson), Virtual(TRAINED).fit(lesson)
    assert more.facts["steps"] == plain.facts["steps"]
    assert more.facts["virtual"] == {"pairs": 1, "items": 5}
    assert more.records["probabilities"].shape == plain.records["probabilities"].shape


def test_a_model_comes_back_with_what_was_said_of_it() -> None:
    lesson = replace(small_world().lesson(), history=history(batch(0, (1, 3), (0, 0))))
    learner = Virtual(Linear(ridge=1.0))
    found = learner.fit(lesson)
    weights = found.weights()
    assert weights is not None
    again = learner.restore(weights, found.facts)
    assert again is not None
    assert again.facts == found.facts
    assert torch.equal(again.outputs(lesson.items).scores, found.outputs(lesson.items).scores)  # type: ignore[arg-type]


def test_what_cannot_be_mixed_is_refused_in_words() -> None:
    lesson = replace(small_world().lesson(), history=history(batch(0, (1, 3), (0, 0))), items=["a"] * 40)
    with pytest.raises(BadInput, match="arrays of numbers"):
        Virtual(Keeps()).fit(lesson)
    with pytest.raises(BadInput, match="mixes nothing"):
        Virtual(LEARNER, draws=0)
    with pytest.raises(BadInput, match="adds nothing"):
        Moved(LEARNER, rounds=-1)


def test_what_is_made_of_a_held_out_item_is_not_learned_from() -> None:
    _, after = mixed()
    assert after.whole.tolist() == [True] * 9 + [False] * 5
    assert after.apart(torch.tensor([2])).tolist() == [True, True, False] + [True] * 11
    for end in (1, 3):
        assert after.apart(torch.tensor([end])).tolist() == [place != end for place in range(9)] + [False] * 5
    less = after.only(after.apart(torch.tensor([3])))
    assert less.labeled.tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
    assert less.unlabeled.tolist() == [3, *after.unlabeled.tolist()]  # a mixture is no item of the pool
    assert len(less.targets) == len(less.weights) == 8


def chance(labels: int = 100) -> Lesson:
    """Labels that mean nothing, in twenty pairs."""
    pairs = tuple(place // 2 for place in range(40))
    dice = torch.Generator().manual_seed(0)
    given = lesson(labels, 400)
    classes = torch.randint(10, (labels,), generator=dice)
    past = history(batch(0, tuple(range(40)), pairs, tau=0.1))
    return replace(given, targets=torch.eye(10, dtype=torch.float64)[classes], history=past)


def test_a_ridge_is_chosen_by_what_people_labeled_alone() -> None:
    flat = replace(chance(), items=chance().items.flatten(1))
    plain, virtual = Linear().fit(flat), Virtual(Linear()).fit(flat)
    assert isinstance(virtual, Noted) and virtual.facts["ridge"] == plain.facts["ridge"]
    assert virtual.facts["chosen_at"] == 100
    assert not torch.equal(virtual.model.coefficients, plain.coefficients)  # type: ignore[attr-defined]


@pytest.mark.parametrize("equip", [Virtual, lambda recipe: recipe.beside(MixedPairs())], ids=["items", "within"])
def test_mixtures_tell_a_training_nothing_of_the_items_it_is_stopped_by(equip: Any) -> None:
    """With labels by chance nobody can be right about the held-out ones more often than by chance."""
    recipe = Torch(Mlp((64,), dropout=0.0), steps=400, rate=0.01, patience=10**6, validation=0.2)
    facts = equip(recipe).fit(chance()).facts
    assert facts["validation_items"] == 20
    plain = recipe.fit(chance()).facts
    assert facts["validation_loss"] > 0.8 * plain["validation_loss"]


def test_a_search_tries_shapes_on_what_people_labeled_alone() -> None:
    search = Searched(Torch(Dense(most=(2, 1)), steps=60, batch=32, rate=0.01))
    virtual, plain = Virtual(search).fit(chance()), search.fit(chance())
    assert virtual.facts[FACTS]["tried"] == plain.facts[FACTS]["tried"]
    assert virtual.facts[FACTS]["held"] == plain.facts[FACTS]["held"] == 100


def test_a_pair_with_an_end_of_no_weight_teaches_only_by_the_other() -> None:
    given = chance(60)
    weights = given.weights.clone()
    weights[:10] = 0
    turned = given.targets.clone()
    turned[:10] = turned[:10].roll(1, 1)
    recipe = Torch(Mlp((8,), dropout=0.0), steps=20).beside(MixedPairs())
    found = [recipe.fit(replace(given, weights=weights, targets=these)).weights() for these in (given.targets, turned)]
    assert found[0] is not None and found[1] is not None
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])  # pairs 0 to 4 are of such items

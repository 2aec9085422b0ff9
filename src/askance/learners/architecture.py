"""Learners that choose their own architecture: a search over a family of networks at each fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor

from askance.errors import BadInput, unknown
from askance.learners.base import Learner, Lesson, Model, part_of
from askance.learners.ensemble import Mean, link_of
from askance.learners.families import Dense, Family, Residual
from askance.learners.network import TorchModel
from askance.learners.rules import RULES, Incremental, Rule, drawn
from askance.learners.shapes import Shape, within
from askance.learners.torch import Torch
from askance.learners.trials import Trials, named, place_of

FACTS = "architecture"
RECIPES = {"dense": Torch(Dense()), "residual": Torch(Residual())}


@dataclass(frozen=True)
class OfFamily(Learner):
    """What searches over a family of networks have in common: how a shape is tried.

    Args:
        recipe: How the chosen network is trained. Its network is of a family, such as `Dense` or `Residual`, and has
            the shape that the search begins with; or ``dense`` or ``residual``.
        search: The share of the recipe's steps that a trial trains for.
        validation: The share of labels that a trial holds out.
        held: With fewer items than this to hold out, each label is held out once, in several trainings.
        folds: In how many.
        looks: At how many points of its training a trial is looked at; the best one counts, for all folds at once.
    """

    revision: ClassVar[int] = 2  # as much is held out as was said, and trials that diverge are wrong

    recipe: Torch | str = RECIPES["dense"]
    search: float = 0.25  # 50 of 200 epochs [geifman2019deep]
    validation: float = 0.2  # the paper's
    held: int = 100
    folds: int = 5
    looks: int = 5

    def __post_init__(self) -> None:
        if isinstance(self.recipe, str):
            if self.recipe not in RECIPES:
                raise unknown("recipe", self.recipe, RECIPES)
            object.__setattr__(self, "recipe", RECIPES[self.recipe])
        if not isinstance(self.recipe, Torch) or not isinstance(self.recipe.network, Family):
            raise BadInput(
                f"{type(self).__name__} chooses among the networks of a family, and {self.recipe!r} trains none. "
                f"Hand in Torch(Dense(...)) or Torch(Residual(...)), or a Torch of a Family of your own."
            )
        if within(self.family.shape, Shape(*self.family.most)) != self.family.shape:
            raise BadInput(
                f"The search begins with blocks={self.family.blocks}, stacks={self.family.stacks}, and "
                f"most={self.family.most} is less than that. Begin smaller, or raise most."
            )
        for name in ("search", "validation"):
            if not 0 < getattr(self, name) <= (1 if name == "search" else 0.5):
                raise BadInput(f"{type(self).__name__}({name}={getattr(self, name)}) is no share of use. Use 0.2.")
        for name, least in (("held", 1), ("folds", 2), ("looks", 1)):
            if getattr(self, name) < least:
                raise BadInput(f"{type(self).__name__}({name}={getattr(self, name)}) is too few. Use {least} or more.")

    @property
    def gives(self) -> frozenset[str]:
        return self.training.gives

    @property
    def gives_records(self) -> frozenset[str]:
        return self.training.gives_records

    def beside(self, part: Any) -> Learner:
        recipe = self.training.beside(part)
        assert isinstance(recipe, Torch)
        return replace(self, recipe=recipe)

    def at(self, shape: Shape) -> Torch:
        """The training of one shape."""
        return replace(self.training, network=self.family.at(shape))

    @property
    def training(self) -> Torch:
        """How a network is trained, of the shape that the search begins with."""
        assert isinstance(self.recipe, Torch)
        return self.recipe

    @property
    def family(self) -> Family:
        """What is chosen from."""
        assert isinstance(self.training.network, Family)
        return self.training.network


@dataclass(frozen=True)
class Searched(OfFamily):
    """A network whose architecture is chosen at each fit, by a rule. [geifman2019deep]

    With the incremental rule it is Active-iNAS: it begins small, and each round it stays, deepens or adds a stack,
    whichever answers held-out labels best. Every other rule can stand in its place at the same number of trainings,
    which the model's facts count. What is chosen is trained as the recipe says, from new weights and on all labels, so
    a search that stays where it is gives the model that the recipe gives, bit for bit.

    With labels of one class alone, or fewer labels than folds, there is nothing to validate: the shape stays, and the
    facts say why.

    Args:
        rule: Who chooses: ``incremental``, ``random``, ``halving``, ``every``, ``largest-that-fits``, ``ev-gp-ms``, or
            a `Rule`.
    """

    rule: Rule | str = Incremental()

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.rule, str):
            if self.rule not in RULES:
                raise unknown("rule", self.rule, RULES)
            object.__setattr__(self, "rule", RULES[self.rule])

    @property
    def remembers(self) -> bool:
        return self._rule.remembers

    def fit(self, lesson: Lesson) -> TorchModel:
        if not isinstance(lesson.items, Tensor):
            return self.training.fit(lesson)  # which says what is wrong with it
        trials = Trials(self, lesson)
        now = self._before(lesson, trials.most)
        why = trials.lacking if self._rule.validates else "" if len(lesson.labeled) else "no label"
        shape = now if why else self._rule.choose(trials.search(now))
        model = self.at(shape).fit(replace(lesson, resume=place_of(lesson, "chosen")))
        return replace(model, facts={**model.facts, FACTS: {**named(shape), "kept": why, **trials.told()}})

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> TorchModel | None:
        shape = _shape_of(facts)
        model = None if shape is None else self.at(shape).restore(weights, facts)
        return model

    def _before(self, lesson: Lesson, most: Shape) -> Shape:
        """The shape of the round before, or the one that the search begins with."""
        found = _shape_of(lesson.previous.facts) if self.remembers and lesson.previous is not None else None
        return within(found or self.family.shape, most)

    @property
    def _rule(self) -> Rule:
        assert isinstance(self.rule, Rule)
        return self.rule


@dataclass(frozen=True)
class Architectures(OfFamily):
    """Networks of several architectures as one model, whose opinions are its samples. A reading of ours.

    Some shapes are drawn, and the best of them on held-out labels are trained: so capacity is chosen anew each round,
    and what architectures disagree about is what nobody knows yet. Beliefs are as in `Ensemble`. `Averaged` has any
    strategy ask by each of them and takes the mean. The work that this follows is known to us by its title alone
    (Bajracharya, Li & Wang, on data selection and architecture optimization in deep active learning).

    Args:
        members: How many are trained.
        count: How many shapes are drawn and tried.
    """

    members: int = 5
    count: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.members < 2 or self.count < self.members:
            raise BadInput(
                f"Architectures(members={self.members}, count={self.count}) cannot be. Train 2 or more, and draw at "
                f"least as many."
            )

    @property
    def gives(self) -> frozenset[str]:
        return (super().gives - {"layer"}) | {"samples", "votes", "spread"}  # no one layer makes these scores

    def fit(self, lesson: Lesson) -> Model:
        if not isinstance(lesson.items, Tensor):
            return self.training.fit(lesson)  # which says what is wrong with it
        trials = Trials(self, lesson)
        search = trials.search(within(self.family.shape, trials.most))
        shapes = drawn(search, self.count)
        if not trials.lacking:
            quality = {shape: float(search.trial(shape, 1.0).mean()) for shape in shapes}
            shapes = sorted(shapes, key=lambda shape: -quality[shape])
        members = []
        for number in range(self.members):
            shape = shapes[: self.members][number % min(self.members, len(shapes))]  # a small family has them again
            own = part_of(lesson, f"members[{number}]")
            model = self.at(shape).fit(own if number == 0 else replace(own, record=frozenset()))
            told = {**named(shape), "kept": trials.lacking, **(trials.told() if number == 0 else {})}
            members.append(replace(model, facts={**model.facts, FACTS: told}))
        return Mean(tuple(members), link_of(lesson.task))

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Mean | None:
        return Mean.restored(weights, facts, Searched(self.recipe))


def _shape_of(facts: Mapping[str, Any]) -> Shape | None:
    """The shape of a model of ours."""
    found = facts.get(FACTS)
    return None if found is None else Shape(found["blocks"], found["stacks"])

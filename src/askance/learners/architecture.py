"""Learners that choose their own architecture: a search over a family of networks at each fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor

from askance.arrays import take
from askance.describe import describe
from askance.errors import BadInput, unknown
from askance.learners.base import Learner, Lesson, Model, Resume, part_of
from askance.learners.ensemble import Mean, link_of
from askance.learners.families import Dense, Family, Residual, count_parameters
from askance.learners.network import TorchModel, built, device_of, settled
from askance.learners.rules import RULES, Incremental, Rule, Search, drawn
from askance.learners.shapes import Shape, within
from askance.learners.tangents import tangent_kernel
from askance.learners.torch import Torch
from askance.seeds import Dice
from askance.task import Classes

FACTS = "architecture"
RECIPES = {"dense": Torch(Dense()), "residual": Torch(Residual())}


@dataclass(frozen=True)
class _OfFamily(Learner):
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
        if within(self._family.shape, Shape(*self._family.most)) != self._family.shape:
            raise BadInput(
                f"The search begins with blocks={self._family.blocks}, stacks={self._family.stacks}, and "
                f"most={self._family.most} allows no more than that. Begin smaller, or raise most."
            )
        for name in ("search", "validation"):
            if not 0 < getattr(self, name) <= (1 if name == "search" else 0.5):
                raise BadInput(f"{type(self).__name__}({name}={getattr(self, name)}) is no share of use. Use 0.2.")
        for name, least in (("held", 1), ("folds", 2), ("looks", 1)):
            if getattr(self, name) < least:
                raise BadInput(f"{type(self).__name__}({name}={getattr(self, name)}) is too few. Use {least} or more.")

    @property
    def gives(self) -> frozenset[str]:
        return self._recipe.gives

    @property
    def gives_records(self) -> frozenset[str]:
        return self._recipe.gives_records

    def beside(self, part: Any) -> Learner:
        recipe = self._recipe.beside(part)
        assert isinstance(recipe, Torch)
        return replace(self, recipe=recipe)

    def at(self, shape: Shape) -> Torch:
        """The training of one shape."""
        return replace(self._recipe, network=self._family.at(shape))

    def _trials(self, lesson: Lesson) -> Trials:
        return Trials(self, lesson)

    @property
    def _recipe(self) -> Torch:
        assert isinstance(self.recipe, Torch)
        return self.recipe

    @property
    def _family(self) -> Family:
        assert isinstance(self._recipe.network, Family)
        return self._recipe.network


@dataclass(frozen=True)
class Searched(_OfFamily):
    """A network whose architecture is chosen at each fit, by a rule. [geifman2019deep]

    With the incremental rule it is Active-iNAS: it begins small, and each round it stays, deepens or adds a stack,
    whichever answers held-out labels best. Every other rule can stand in its place at the same number of trainings,
    which the model's facts count. What is chosen is trained as the recipe says, from new weights and on all labels, so
    a search that stays where it is gives the model that the recipe gives, bit for bit.

    With less than two labels of two classes, or fewer labels than folds, there is nothing to validate: the shape stays,
    and the facts say why.

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
            return self._recipe.fit(lesson)  # which says what is wrong with it
        trials = self._trials(lesson)
        now = self._before(lesson, trials.most)
        why = trials.lacking if self._rule.validates else "" if len(lesson.labeled) else "no label"
        shape = now if why else self._rule.choose(trials.search(now))
        model = self.at(shape).fit(replace(lesson, resume=_place(lesson, "chosen")))
        return replace(model, facts={**model.facts, FACTS: {**_named(shape), "kept": why, **trials.told()}})

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> TorchModel | None:
        shape = _shape_of(facts)
        model = None if shape is None else self.at(shape).restore(weights, facts)
        return model

    def _before(self, lesson: Lesson, most: Shape) -> Shape:
        """The shape of the round before, or the one that the search begins with."""
        found = _shape_of(lesson.previous.facts) if self.remembers and lesson.previous is not None else None
        return within(found or self._family.shape, most)

    @property
    def _rule(self) -> Rule:
        assert isinstance(self.rule, Rule)
        return self.rule


@dataclass(frozen=True)
class Architectures(_OfFamily):
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
            return self._recipe.fit(lesson)  # which says what is wrong with it
        trials = self._trials(lesson)
        search = trials.search(within(self._family.shape, trials.most))
        shapes = drawn(search, self.count)
        if not trials.lacking:
            quality = {shape: float(search.trial(shape, 1.0).mean()) for shape in shapes}
            shapes = sorted(shapes, key=lambda shape: -quality[shape])
        members = []
        for number in range(self.members):
            shape = shapes[: self.members][number % min(self.members, len(shapes))]  # a small family has them again
            own = part_of(lesson, f"members[{number}]")
            model = self.at(shape).fit(own if number == 0 else replace(own, record=frozenset()))
            told = {**_named(shape), "kept": trials.lacking, **(trials.told() if number == 0 else {})}
            members.append(replace(model, facts={**model.facts, FACTS: told}))
        return Mean(tuple(members), link_of(lesson.task))

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Mean | None:
        return Mean.restored(weights, facts, Searched(self.recipe))


@dataclass(eq=False)
class Trials:
    """The trials of one search: which labels are held out, what came out, and what it cost.

    A trial that was finished before its process was killed is read, and not made again.

    Args:
        learner: How a shape is tried.
        lesson: What is learned.
    """

    learner: _OfFamily
    lesson: Lesson
    tried: list[dict[str, Any]] = field(default_factory=list)
    known: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        items = self.lesson.items
        shape = tuple(items.shape[1:])
        self.features = shape[0] if len(shape) == 1 else shape
        self.most = self.learner._family.bounds(self.features)
        self.held, self.lacking = _held(self.learner, self.lesson)
        self._resume = _place(self.lesson, "trials")
        self._digest = _digest(self.learner, self.lesson)
        found = self._resume.load() if self._resume is not None else None
        if found is not None and found[1].get("search") == self._digest:
            self.known = found[0]

    def search(self, now: Shape) -> Search:
        """What a rule sees of it."""
        return Search(
            now, self.most, self.lesson.dice.of("search"), self.lesson.targets, self.trial, self.parameters, self.kernel
        )

    def trial(self, shape: Shape, share: float) -> Tensor:
        """Quality of a shape on held-out items, (held out,); a search asks for each but once."""
        steps = max(1, round(share * self.learner.search * self.learner._recipe.steps))
        name = f"{shape.blocks}x{shape.stacks}x{steps}"
        if name not in self.known:
            looks = torch.cat([self._fold(shape, steps, fold, out) for fold, out in enumerate(self.held)], 1)
            self.known = {**self.known, name: looks[int(looks.mean(1).argmax())].contiguous()}
            if self._resume is not None:
                self._resume.save(self.known, {"search": self._digest})
        quality = self.known[name]
        told = {**_named(shape), "steps": steps, "quality": float(quality.mean())}
        if told not in self.tried:
            self.tried.append(told)
        return quality

    def told(self) -> dict[str, Any]:
        """What was tried and what it cost, as facts of the model."""
        return {
            "tried": self.tried,
            "held": sum(map(len, self.held)) if self.tried else 0,
            "trainings": len(self.tried) * len(self.held),
            "search_steps": sum(one["steps"] for one in self.tried) * len(self.held),
        }

    def parameters(self, shape: Shape) -> int:
        """How many numbers the network of a shape learns."""
        return count_parameters(self.learner._family.at(shape), self.features, self.lesson.task.width)

    def kernel(self, shape: Shape) -> Tensor:
        """The kernel of the untrained network on the labeled items, by one score that is drawn."""
        dice, width = self.lesson.dice.of("kernel"), self.lesson.task.width
        device = device_of(self.learner._recipe.device)
        features = list(self.features) if isinstance(self.features, tuple) else self.features
        with settled(dice.key, device):
            network = built(self.learner._family.at(shape), features, width).to(device).eval()
            column = int(dice.generator().integers(width))
            return tangent_kernel(network, take(self.lesson.items, self.lesson.labeled).to(device).float(), column)

    def _fold(self, shape: Shape, steps: int, fold: int, out: Tensor) -> Tensor:
        """Quality of each look at a training without some labels, on those, (looks, held out)."""
        stays = torch.ones(len(self.lesson.labeled), dtype=torch.bool)
        stays[out] = False
        own = replace(
            self.lesson,
            labeled=self.lesson.labeled[stays],
            targets=self.lesson.targets[stays],
            weights=self.lesson.weights[stays],
            unlabeled=torch.cat([self.lesson.unlabeled, self.lesson.labeled[out]]).sort().values,
            dice=self.lesson.dice.of(f"folds[{fold}]"),  # the same for all shapes, which are compared
            record=frozenset(),
            resume=_place(self.lesson, f"trials[{shape.blocks}x{shape.stacks}x{steps}][{fold}]"),
        )
        looks = min(self.learner.looks, steps)
        marks = sorted({-(-steps * look // looks) for look in range(1, looks)})
        recipe = replace(self.learner.at(shape), steps=steps, patience=0)
        models = recipe.fit_at(own, marks)
        items = take(self.lesson.items, self.lesson.labeled[out])
        found = [_quality(model, items, self.lesson.targets[out], self.lesson) for model in models]
        found = found if len(found) == len(marks) + 1 else [found[-1]] * (len(marks) + 1)  # it diverged
        return torch.stack(found)


def _quality(model: Model, items: Tensor, targets: Tensor, lesson: Lesson) -> Tensor:
    """How good each answer is: of classes 1 if it is right, of all else minus its loss, float64 (items,)."""
    scores = model.outputs(items).scores
    assert scores is not None
    if isinstance(lesson.task, Classes):
        return (scores.argmax(1) == targets.to(scores.device).argmax(1)).double()
    return -lesson.task.loss(scores, targets.to(scores)).double()


def _held(learner: _OfFamily, lesson: Lesson) -> tuple[list[Tensor], str]:
    """Positions that are held out of each training, and why none can be, if so.

    Items are dealt class by class, in an order that hangs on their keys and on the study's seed alone: the same items
    are held out as long as no other is labeled.
    """
    labels = len(lesson.labeled)
    if labels < learner.folds:
        return [], f"{labels} labels are too few to validate by {learner.folds} folds"
    order = Dice(lesson.dice.seed, "validation").uniform(lesson.keys[lesson.labeled]).argsort()
    if isinstance(lesson.task, Classes):
        classes = lesson.targets[order].argmax(1)
        if int(classes.min()) == int(classes.max()):
            return [], "all labels are of one class"
        order = order[classes.argsort(stable=True)]
    if int(learner.validation * labels) >= learner.held:
        every = round(1 / learner.validation)
        return [order[::every].sort().values], ""
    return [order[fold :: learner.folds].sort().values for fold in range(learner.folds)], ""


def _digest(learner: _OfFamily, lesson: Lesson) -> str:
    """A fingerprint of all that trials depend on: one place may see several searches."""
    text = json.dumps(describe(learner), sort_keys=True)
    found = blake2b(f"{text}|{lesson.dice.key}".encode(), digest_size=16)
    for array in (lesson.keys[lesson.labeled], lesson.targets, lesson.weights):
        found.update(array.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def _named(shape: Shape) -> dict[str, int]:
    return {"blocks": shape.blocks, "stacks": shape.stacks}


def _shape_of(facts: Mapping[str, Any]) -> Shape | None:
    """The shape of a model of ours."""
    found = facts.get(FACTS)
    return None if found is None else Shape(found["blocks"], found["stacks"])


def _place(lesson: Lesson, part: str) -> Resume | None:
    """Where one of several fits keeps how far it is."""
    return None if lesson.resume is None else lesson.resume.of(part)

"""Small worlds to try parts in: 40 items of 8 features in 3 classes, the same every time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.errors import MissingSignal
from askance.history import Answer, Asked, History
from askance.learners.base import Differentiable, Learner, Lesson, Model, Outputs
from askance.learners.linear import Linear
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.look import look
from askance.oracles.known import Known
from askance.pool import ASIDE, LABELED, PENDING, UNLABELED, Pool
from askance.seeds import Dice
from askance.signals.base import Signal
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.study.study import Study
from askance.task import Classes, Labels, Targets, Task
from askance.view import View

ITEMS, FEATURES, CLASSES = 40, 8, 3
THREE = Classes(tuple(range(CLASSES)))
LEARNER = Linear(ridge=1.0)  # a fixed ridge: nothing to cross-validate on so few labels
TRAINED = Torch(Mlp(hidden=(8,), dropout=0.0), steps=6, batch=8)  # for what is trained beside a network
PIECE = 64

Belief = Callable[[Tensor], Tensor]  # items (items, features) to probabilities (items, classes)


def small_items(items: int = ITEMS, features: int = FEATURES) -> Tensor:
    """Three clouds that overlap, one after the other; more items are the same ones and more. float32."""
    noise = np.random.default_rng(0).standard_normal((items, features))
    centers = 2 * np.eye(CLASSES, features)
    return torch.from_numpy((noise + centers[np.arange(items) % CLASSES]).astype(np.float32))


def small_pool(items: Tensor | None = None) -> Pool:
    """The items under ids that are no row numbers."""
    rows = small_items() if items is None else items
    return Pool.from_arrays(rows, ids=[f"item-{row:02}" for row in range(len(rows))])


def small_labels(pool: Pool, task: Task = THREE) -> dict[Any, Any]:
    """A label for every item of a pool, by id, that a linear model can learn: of classes, the largest feature."""
    return dict(zip(pool.names(range(len(pool))), _values(pool.items, task), strict=True))


def small_oracle(task: Task = THREE) -> Known:
    """Who knows the labels of `small_pool`."""
    return Known(small_labels(small_pool(), task))


def small_study(
    strategy: Any = "margin",
    *,
    learner: Any = LEARNER,
    task: Task | None = None,
    order: Sequence[int] | None = None,
    seed: int = 0,
    control: float = 0.0,
) -> Study:
    """A study in memory over `small_pool`, whose first nine items are labeled.

    Args:
        strategy: What asks, from the first ask on.
        learner: What learns.
        task: What the items are labeled with; by default three classes, or what the strategy serves instead.
        order: The pool in another order.
        seed: Seed of all dice.
        control: The share of control items.
    """
    pool = small_pool()
    task = task or served(catalogue.strategy(strategy))
    labels = small_labels(pool, task)
    shown = pool if order is None else pool.arranged(order)
    study = Study(shown, strategy=strategy, learner=learner, task=task, start=None, seed=seed, control=control)
    study.tell({name: labels[name] for name in pool.names(range(9))})
    return study


def learner_for(strategy: Strategy) -> Learner:
    """What a strategy is tried with: a softmax head, or a small network where it trains something beside one."""
    try:
        strategy.equip(LEARNER)
    except MissingSignal:
        return TRAINED
    return LEARNER


def served(strategy: Strategy, task: Task = THREE) -> Task:
    """A task that a strategy serves: the given one where it can, else one of another kind with as many columns."""
    names = tuple(range(task.width))
    kinds = (task, Classes(names), Labels(names), Targets(n=task.width))
    return next((kind for kind in kinds if strategy.serves(kind)), task)


@dataclass(frozen=True)
class World:
    """A pool, a side for each item, and what the model is made to believe.

    Args:
        pool: The items.
        sides: The side of each item, (items,).
        task: What they are labeled with.
        believes: What the model believes of items; None: what it learned.
    """

    pool: Pool
    sides: Tensor
    task: Task = THREE
    believes: Belief | None = None

    def arranged(self, order: Sequence[int]) -> World:
        """The same world with the pool in another order."""
        return replace(self, pool=self.pool.arranged(order), sides=self.sides[torch.tensor(order)])

    def lesson(self, seed: int = 0, record: Iterable[str] = ()) -> Lesson:
        """What a learner may learn from."""
        labeled = self.rows(LABELED)
        targets = [self.task.vector(value, "label") for value in self._told]
        return Lesson(
            items=self.pool.items,
            keys=self.pool.keys,
            task=self.task,
            labeled=labeled,
            targets=torch.tensor(targets, dtype=torch.float64).reshape(len(labeled), self.task.width),
            weights=torch.ones(len(labeled), dtype=torch.float64),
            unlabeled=(self.sides != LABELED).nonzero().squeeze(1),
            dice=Dice(seed, "fit"),
            history=self.history,
            record=frozenset(record),
        )

    def view(self, strategy: Strategy, learner: Learner, seed: int = 0) -> View:
        """What the strategy sees; it may read any signal, in its fields or not.

        Where it means nothing for the task of this world, the items are labeled with what it does serve.

        Args:
            strategy: Who looks.
            learner: Learned the study's model, before the strategy equips it.
            seed: Seed of all dice.
        """
        task = served(strategy, self.task)
        if task != self.task:
            return replace(self, task=task).view(strategy, learner, seed)
        equipped = strategy.equip(learner)

        @cache
        def task_model() -> Model:
            model = equipped.fit(self.lesson(seed, equipped.gives_records))
            return model if self.believes is None else _Believer(model, self.believes)

        def model_of(signal: Signal) -> Model:
            if signal.of is None:
                return task_model()
            return signal.of.fit(replace(self.lesson(seed, signal.records), model=task_model(), learner=equipped))

        targets = self.lesson(seed).targets
        dice = Dice(seed, "ask", 1)
        shown = look(self.pool, self.task, self.sides, targets, strategy, model_of, dice, self.history, size=PIECE)
        return replace(shown, declared=None)

    def rows(self, side: int) -> Tensor:
        """The rows on a side."""
        return (self.sides == side).nonzero().squeeze(1)

    @cached_property
    def history(self) -> History:
        """All that is known or pending was asked in one batch."""
        labeled, aside = self.rows(LABELED).tolist(), self.rows(ASIDE).tolist()
        rows = (*labeled, *self.rows(PENDING).tolist(), *aside)
        answers = {row: (Answer(None, kind="unsure"),) for row in aside}
        answers |= {row: (Answer(value),) for row, value in zip(labeled, self._told, strict=True)}
        asked = Asked(0, 0, rows, ("active",) * len(rows), ({},) * len(rows), "Random")
        return History((asked,) if rows else (), MappingProxyType(dict(sorted(answers.items()))))

    @cached_property
    def _told(self) -> list[Any]:
        return _values(self.pool.items[self.rows(LABELED)], self.task)


def small_world(
    items: Tensor | None = None,
    *,
    labeled: int = 9,
    pending: int = 0,
    aside: int = 2,
    task: Task = THREE,
    believes: Belief | None = None,
) -> World:
    """A world whose first items are labeled, the next pending, the next aside, and all others candidates."""
    pool = small_pool(items)
    sides = torch.full((len(pool),), UNLABELED, dtype=torch.int8)
    sides[: labeled + pending + aside] = ASIDE
    sides[: labeled + pending] = PENDING
    sides[:labeled] = LABELED
    return World(pool, sides, task, believes)


def knows_nothing(items: Tensor) -> Tensor:
    """Every class is as likely as any other."""
    return items.new_full((len(items), CLASSES), 1 / CLASSES)


def guesses(items: Tensor) -> Tensor:
    """No two items are alike, whatever was learned."""
    return items[:, :CLASSES].softmax(1)


def certain(items: Tensor) -> Tensor:
    """One class has all probability."""
    return torch.nn.functional.one_hot(items[:, :CLASSES].argmax(1), CLASSES).to(items)


def rules_one_out(items: Tensor) -> Tensor:
    """The first class has probability zero for every item, as has a class that no labeled item has."""
    left = items[:, 1:CLASSES].softmax(1)
    return torch.cat([torch.zeros_like(left[:, :1]), left], 1)


def _values(items: Tensor, task: Task) -> list[Any]:
    return [task.answer(row) for row in task.link(items[:, : task.width].double())]


@dataclass(frozen=True, eq=False)
class _Believer(Model):
    """A model that is made to believe something; all else it gives as before."""

    model: Model
    believes: Belief

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", self.model.records)

    def outputs(self, items: Any) -> Outputs:
        given = self.model.outputs(items)
        probabilities = self.believes(items)
        scores = probabilities.clamp_min(1e-30).log()
        if given.samples is None:
            return replace(given, scores=scores, probabilities=probabilities)
        samples = scores.unsqueeze(1).expand_as(given.samples)
        return replace(
            given, scores=scores, probabilities=probabilities, samples=samples, sampled=samples.exp(), votes=None
        )

    def differentiable(self) -> Differentiable:
        """What is believed, with the slopes by the weights that the model has."""
        whole = self.model.differentiable()

        def scores(weights: Mapping[str, Tensor], items: Tensor) -> Tensor:
            own = whole.scores(weights, items) - whole.scores(whole.weights, items)
            return self.believes(items).clamp_min(1e-30).log().to(own) + own

        return replace(whole, scores=scores)

"""What a search goes over: labeled items, read by who has not seen the labels that it holds out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from askance.arrays import take
from askance.errors import BadInput
from askance.history import History
from askance.learners.base import Learner, Lesson, Model, part_of
from askance.learners.companions import features_of

Half = tuple[Tensor, Tensor]  # rows of a ground: those whose labels are told, and those that are held out


@dataclass(frozen=True, eq=False)
class Ground:
    """The labeled items that a search goes over: rows of its own, in the order of their keys.

    Args:
        rows: Their pool rows.
        items: Their features around their mean, of mean square 1, float32 (items, features).
        targets: (items, classes).
        lesson: A lesson over them.
        model: Whose features they are; None: the items are features.
        everywhere: The features of all of them and of some unlabeled ones, float32 (places, features).
        middle: What was taken off the features.
        scale: What they were divided by.
    """

    rows: Tensor
    items: Tensor
    targets: Tensor
    lesson: Lesson
    model: Model | None
    everywhere: Tensor
    middle: Tensor
    scale: float

    def reader(self, network: nn.Module) -> Reader:
        """A network over the features of this ground, for any items."""
        return Reader(network, self.model, self.middle, self.scale)


@dataclass(frozen=True, eq=False)
class Reader:
    """A network over a model's features: items to a number for each candidate that did not fail.

    Args:
        network: The network.
        model: Whose features it reads; None: the items are features.
        middle: What is taken off the features.
        scale: What they are divided by.
    """

    network: nn.Module
    model: Model | None
    middle: Tensor
    scale: float

    def __call__(self, items: Any) -> Tensor:
        places = ((features_of(items, self.model) - self.middle) / self.scale).float()
        with torch.no_grad():
            found: Tensor = self.network(places)
        return found


def grounds(lesson: Lesson, most: int, deals: int) -> Iterator[tuple[Ground, list[Half]]]:
    """What to search over, each with its halves: of none of them a label that is held out has shaped the features.

    Where labels shape no features it is one ground with all deals. Else there are two, one for each half of one deal:
    what the task learner reads off the items once it has learned from that half alone.

    Args:
        lesson: The search's.
        most: At most so many labeled items, and so many are held out in all deals together, or each once.
        deals: How often halves are dealt, at most.

    Raises:
        BadInput: If labels shaped the features and the lesson does not say who learned them.
    """
    ground = search_ground(lesson, most)
    learner = shaped_by(lesson, ground)
    if learner is None:
        yield ground, list(dealt(ground, max(1, min(deals, most // len(ground.rows)))))
        return
    for number, half in enumerate(dealt(ground, 1)):
        model = learner.fit(told_alone(lesson, ground.rows[half[0]], f"told[{number}]"))
        yield search_ground(replace(lesson, model=model), most), [half]


def shaped_by(lesson: Lesson, ground: Ground) -> Learner | None:
    """The task learner, if labels shaped its model's features; None if these are the items, or were so untaught.

    Raises:
        BadInput: If labels may have, and the lesson does not say who learned them.
    """
    items = take(lesson.items, ground.rows)
    features = features_of(items, lesson.model)
    if isinstance(items, Tensor) and torch.equal(features, items.to(features)):
        return None
    if lesson.learner is None:
        raise BadInput(
            "A search holds labels out, and those of this lesson may have shaped the features of its model. Say which "
            "learner that is of, so that it can learn from some of them alone: Lesson(..., learner=...). A study does."
        )
    untaught = lesson.learner.fit(told_alone(lesson, ground.rows[:0], "untaught"))
    return None if torch.equal(features, features_of(items, untaught)) else lesson.learner


def told_alone(lesson: Lesson, rows: Tensor, part: str) -> Lesson:
    """The task learner's lesson as it were if of all labels those of some rows alone had been told.

    Args:
        lesson: A companion's.
        rows: Pool rows.
        part: Names the fit.
    """
    told = torch.isin(lesson.labeled, rows)
    hidden = lesson.labeled[~told]
    without = set(hidden.tolist())
    answers = {row: own for row, own in lesson.history.answers.items() if row not in without}
    return replace(
        part_of(lesson.only(told), part),
        history=replace(lesson.history, answers=MappingProxyType(answers)),
        previous=None,
        model=None,
        learner=None,
        record=frozenset(),
    )


def search_ground(lesson: Lesson, most: int) -> Ground:
    """At most so many labeled items, drawn by a hash of their keys, as the lesson's model reads them."""
    keys = lesson.keys[lesson.labeled]
    drawn = lesson.dice.of("ground").uniform(keys).argsort()[:most]
    drawn = drawn[: len(drawn) // 2 * 2]  # halves are of one size
    drawn = drawn[keys[drawn].argsort()]  # by key: the order of the pool must not reach the last bits
    rows = lesson.labeled[drawn]
    features = features_of(take(lesson.items, rows), lesson.model)
    middle = features.mean(0)
    scale = float((features - middle).square().mean().sqrt()) or 1.0
    items, targets = ((features - middle) / scale).contiguous(), lesson.targets[drawn]
    own = replace(lesson, items=items, keys=keys[drawn], model=None, learner=None, previous=None, record=frozenset())
    own = replace(own, history=History())  # the study's speaks of the pool's rows, and these are others
    noise = lesson.dice.of("elsewhere").uniform(lesson.keys[lesson.unlabeled])
    elsewhere = lesson.unlabeled[noise.argsort()[:most]]
    others = (features_of(take(lesson.items, elsewhere), lesson.model) - middle) / scale
    return Ground(rows, items, targets, own, lesson.model, torch.cat([items, others]).float(), middle, scale)


def dealt(ground: Ground, deals: int) -> Iterator[Half]:
    """What is told and what is held out, twice for each deal; classes are spread over both halves."""
    classes = ground.targets.argmax(1)
    for number in range(deals):
        noise = ground.lesson.dice.of(f"deals[{number}]").uniform(ground.lesson.keys)
        order = noise.argsort(stable=True)
        order = order[classes[order].argsort(stable=True)]
        first = torch.zeros(len(order), dtype=torch.bool)
        first[order[::2]] = True
        one, other = first.nonzero().squeeze(1), (~first).nonzero().squeeze(1)
        yield one, other
        yield other, one

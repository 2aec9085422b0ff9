"""A strategy that asks by several models at once, or by another model than the one that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.learners.architecture import RECIPES, Architectures, Searched
from askance.learners.base import Learner
from askance.learners.catalogue import learner as learner_of
from askance.learners.families import Family
from askance.learners.many import Bootstrapped
from askance.learners.torch import Torch
from askance.selection.base import Selector
from askance.signals.base import Signal
from askance.signals.member import OfMember
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.strategies.uncertainty import LeastConfidence
from askance.task import Task
from askance.view import Batch, View


@dataclass(frozen=True)
class Averaged(Strategy):
    """Ask for what several architectures want on average, by any strategy of one number an item. [snoek2012practical]

    Each member of the model gives the strategy its own signals, and the mean of what they want is what is asked by. A
    learner without members becomes `Architectures` where it trains a network of a family, and is bootstrapped
    otherwise. The average over architectures is a reading of ours, see `Architectures`; that over
    settings of a model is the integrated acquisition of Bayesian optimization.

    Args:
        strategy: Who asks, or its name.
        members: How many members the model has.

    >>> one, other = [[0.5, 0.5], [0.6, 0.4], [1.0, 0.0]], [[1.0, 0.0], [0.6, 0.4], [1.0, 0.0]]
    >>> Averaged("least-confidence", members=2).query(view(mc_probabilities=[one, other]), 1).ids  # 0.4 beats 0.25
    [1]
    """

    strategy: Strategy | str = LeastConfidence()
    members: int = 5
    each: tuple[Strategy, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = catalogue.strategy(self.strategy)
        if self.members < 2:
            raise BadInput(f"Averaged(members={self.members}) averages nothing. Use 2 or more.")
        object.__setattr__(self, "strategy", found)
        each = tuple(read_by(found, partial(_of_member, member=number)) for number in range(self.members))
        object.__setattr__(self, "each", each)

    @property
    def select(self) -> Selector:
        return self._asks().select

    def equip(self, learner: Learner) -> Learner:
        own = self._asks().equip(learner)
        if "samples" in own.gives:
            return own
        if isinstance(own, Searched):
            return Architectures(own.recipe, members=self.members, count=2 * self.members)
        if isinstance(own, Torch) and isinstance(own.network, Family):
            return Architectures(own, members=self.members, count=2 * self.members)
        return Bootstrapped(own, members=self.members)

    def serves(self, task: Task) -> bool:
        """Whether its strategy does.

        Raises:
            BadInput: If that gives no number for each item: before anything is trained.
        """
        kind = type(self._asks())
        if kind.utility is Strategy.utility or kind.query is not Strategy.query:
            raise BadInput(
                f"{catalogue.name_of(self._asks())} gives no number for each item that could be averaged. Use one that "
                f"does, such as 'margin', 'least-confidence' or 'entropy'."
            )
        return self._asks().serves(task)

    def utility(self, view: View) -> Tensor:
        wanted = [part.utility(view) for part in self.each]
        return torch.stack([one for one in wanted if one is not None]).mean(0)

    def said(self, task: Task) -> str:
        """Who asks, in words."""
        return f"{catalogue.name_of(self._asks())}, averaged over {self.members} members"

    def _asks(self) -> Strategy:
        return catalogue.strategy(self.strategy)


@dataclass(frozen=True)
class Through(Strategy):
    """Ask by the model of one learner, and train another: what the picks of the one are worth to the other.

    The learner that asks is fitted beside the study's own, on the same answers. Geifman & El-Yaniv call it enhanced
    querying that what a searched architecture asks for is better for a fixed one, too. [geifman2019deep]

    Args:
        strategy: Who asks, or its name.
        learner: By whose model; the strategy equips it.

    >>> paper = view(embeddings=[[0.0], [1.0], [2.0]], labeled=[0])
    >>> Through("random").query(paper, 1).ids == catalogue.strategy("random").query(paper, 1).ids
    True
    """

    strategy: Strategy | str = LeastConfidence()
    learner: Learner | str = Searched(RECIPES["dense"])

    def __post_init__(self) -> None:
        given = learner_of(self.learner)
        asks = catalogue.strategy(self.strategy)
        by = asks.equip(given)
        object.__setattr__(self, "learner", given)
        object.__setattr__(self, "strategy", read_by(asks, lambda signal: _read_of(signal, by)))

    def serves(self, task: Task) -> bool:
        return self._asks().serves(task)

    def query(self, view: View, n: int) -> Batch:
        return self._asks().query(view, n)  # with its own dice: paired with the strategy alone

    def needs_model(self) -> bool:
        return self._asks().needs_model()

    def said(self, task: Task) -> str:
        """Who asks, and by whose model, in words."""
        asks, by = catalogue.name_of(self._asks()), learner_of(self.learner)
        return f"{asks}, by the model of {type(by).__name__}"

    def _asks(self) -> Strategy:
        return catalogue.strategy(self.strategy)


def read_by(part: Any, change: Callable[[Signal], Signal]) -> Any:
    """A part, and all parts inside it, with other signals in the fields.

    Args:
        part: A strategy, a selector, or anything else that stands in a field.
        change: What becomes of a signal.
    """
    if isinstance(part, Signal):
        return change(part)
    if type(part) is tuple:
        inner = tuple(read_by(one, change) for one in part)
        return inner if any(one is not before for one, before in zip(inner, part, strict=True)) else part
    if not isinstance(part, Learner) and is_dataclass(part) and not isinstance(part, type):
        now = {one.name: getattr(part, one.name) for one in fields(part) if one.init}
        other = {name: read_by(value, change) for name, value in now.items()}
        changed = {name: value for name, value in other.items() if value is not now[name]}
        return replace(part, **changed) if changed else part
    return part


def _of_member(signal: Signal, member: int) -> Signal:
    """The signal of one member; of another learner's model it stays as it is."""
    return OfMember(signal, member, age=signal.age) if signal.of is None else signal


def _read_of(signal: Signal, learner: Learner) -> Signal:
    return replace(signal, of=learner) if signal.of is None else signal

"""A strategy that asks by several models at once, or by another model than the one that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from askance.selection.space import Features, Space
from askance.signals.base import Signal
from askance.signals.member import OfMember
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.strategies.uncertainty import LeastConfidence
from askance.task import Task
from askance.view import Batch, View


@dataclass(frozen=True)
class Averaged(Strategy):
    """Ask for what several architectures want on average, by any strategy made of parts. [snoek2012practical]

    Each member of the model gives the strategy its own signals. The mean of what they want is what is asked by, and
    where the strategy says where items lie, the mean of the members' inner products, so of their kernels and
    squared distances; one selector then makes the batch. A strategy with a rule of its own for a batch is refused.
    A learner without members becomes `Architectures` where it trains a network of a family, and is bootstrapped
    otherwise. The average over architectures is a reading of ours, see `Architectures`; that over settings of a
    model is the integrated acquisition of Bayesian optimization.

    Args:
        strategy: Who asks, or its name.
        members: How many members the model has; any other number of them is refused, for no mean leaves some out.

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
        each = tuple(read_by(found, partial(_of_member, member=k, members=self.members)) for k in range(self.members))
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
            BadInput: If that makes batches by a rule of its own: before anything is trained.
        """
        if type(self._asks()).query is not Strategy.query:
            raise BadInput(
                f"{catalogue.name_of(self._asks())} makes a batch by a rule of its own, of which there is no mean. Use "
                f"one that gives numbers or places to a selector, such as 'margin', 'entropy' or 'k-center'."
            )
        return self._asks().serves(task)

    def utility(self, view: View) -> Tensor | None:
        return _mean([part.utility(view) for part in self.each])

    def weights(self, view: View) -> Tensor | None:
        return _mean([part.weights(view) for part in self.each])

    def space(self, view: View) -> Space | None:
        """Features of all members side by side: their inner products are the means of the members' own."""
        found = [part.space(view) for part in self.each]
        spaces = [one for one in found if isinstance(one, Features)]
        if len(spaces) < len(found):
            if all(one is None for one in found):
                return None
            kind = type(next(one for one in found if one is not None and not isinstance(one, Features))).__name__
            raise BadInput(
                f"{catalogue.name_of(self._asks())} lays items out as a {kind}, and only Features have a mean over "
                f"members. Use one that gives numbers or features, such as 'margin' or 'k-center'."
            )
        scale = self.members**-0.5
        return Features(
            torch.cat([one.array * scale for one in spaces], 1), torch.cat([one.outside * scale for one in spaces], 1)
        )

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


def _mean(found: Sequence[Tensor | None]) -> Tensor | None:
    """The mean of what members want; None where they want nothing."""
    there = [one for one in found if one is not None]
    return torch.stack(there).mean(0) if there else None


def _of_member(signal: Signal, member: int, members: int) -> Signal:
    """The signal of one of so many members; of another learner's model it stays as it is."""
    return OfMember(signal, member, members, age=signal.age) if signal.of is None else signal


def _read_of(signal: Signal, learner: Learner) -> Signal:
    return replace(signal, of=learner) if signal.of is None else signal

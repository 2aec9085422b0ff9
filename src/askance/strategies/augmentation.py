"""Worth a label for what will be made of it: pairs of items, and what is between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput, MissingSignal, unknown
from askance.learners.base import Learner
from askance.learners.mixed import MixedPairs
from askance.learners.policy import MixingPolicy, tau_of
from askance.learners.virtual import Moved, Virtual
from askance.learners.warps import WarpPolicy
from askance.selection.base import Selector
from askance.selection.order import best, drawn
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.extras import Extra
from askance.signals.probabilities import Probabilities, Scores
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities.named import Utility, of_probabilities, utility
from askance.utilities.virtual import mixed_utility, rivals
from askance.view import Batch, View

PAIRINGS = ("random", "rival")
GRID = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Lada(Strategy):
    """Ask for pairs of items that are worth a label, and so is what is between them. [kim2021lada, InfoMixup]

    Pairs are dealt among a random part of the candidates, and a pair is wanted by ``a(x) + a(x') + E a(mix)``, a the
    acquisition; mixtures have shares from Beta(tau, tau), tau the best of a grid for each pair, or what a policy says.
    Both items are bought, and the learner is equipped with `Virtual`, which learns from their mixtures when both labels
    are in. The paper mixes at a random layer of a deep network and learns a policy there. Here scores are mixed, which
    for a last layer is the same as its features; and the released code holds tau below 1 by a sigmoid, where shares are
    nearly 0 or 1 and a mixture nearly a copy.

    Args:
        signal: Scores before the link.
        by: The acquisition, a utility of probabilities: a name of `askance.utilities.named`, or a function.
        taus: The grid; one number is LADA-fixed.
        policy: What a companion says of each item, in the place of the grid: `MixingPolicy`.
        pairing: ``random``, or ``rival``, where an item's partner is of the class it may be instead.
        draws: Shares that are tried for each pair.
        subset: So many candidates are paired, at most.
        trains: Whether the learner learns from mixtures.
        inside: Whether they are mixed inside of the network, `MixedPairs`, and not as items; that needs a learner with
            a training loop.
        rounds: The pairs of so many last rounds are learned from; 0: of all.

    >>> paper = view(logits=[[4.0, 0.0], [0.0, 4.0], [9.0, 0.0], [9.0, 0.0]])
    >>> Lada().query(paper, 2).rows.sort().values.tolist() in ([0, 1], [1, 2], [1, 3])  # what is between two classes
    True
    """

    cost: ClassVar[str] = "N C + subset draws C"

    signal: Signal = Scores()
    by: str | Utility = "entropy"
    taus: tuple[float, ...] = GRID
    policy: Signal | None = None
    pairing: str = "random"
    draws: int = 5  # the authors
    subset: int = 2_000  # the authors
    trains: bool = True
    inside: bool = False
    rounds: int = 1

    def __post_init__(self) -> None:
        of_probabilities(self.by)
        if self.pairing not in PAIRINGS:
            raise unknown("pairing", self.pairing, PAIRINGS)
        if not self.taus or min(self.taus) <= 0 or self.draws < 1 or self.subset < 2:
            raise BadInput(f"{self} mixes nothing. Use taus above 0, 1 draw or more and a subset of 2 or more.")

    def equip(self, learner: Learner) -> Learner:
        if not self.trains:
            return learner
        return learner.beside(MixedPairs(self.rounds)) if self.inside else Virtual(learner, rounds=self.rounds)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        scores = view[self.signal]
        beliefs = view.task.link(scores)
        alone = _alone(beliefs, self.by)
        noise = view.dice.of("pairs").uniform(view.keys)
        first, second = self._dealt(drawn(view.candidates, noise, self.subset), beliefs, alone)
        wanted, tau, between = self._wanted(view, scores, alone, first, second)
        rows: list[int] = []
        notes: list[dict[str, Any]] = []
        n = min(n, len(view.candidates))
        for number in wanted.argsort(descending=True, stable=True)[: (n + 1) // 2].tolist():
            pair = [int(first[number]), int(second[number])]
            if len(rows) + 2 > n:  # of the last pair there is room for one: the more wanted
                pair.sort(key=lambda row: -float(alone[row]))
                rows.append(pair[0])
                notes.append({"utility": float(alone[pair[0]])})
                break
            names = view.name(torch.tensor(pair))
            for row, partner in zip(pair, names[::-1], strict=True):
                rows.append(row)
                notes.append(
                    {
                        "utility": float(wanted[number]),
                        "between": float(between[number]),
                        "pair": number,
                        "partner": partner,
                        "tau": float(tau[number]),
                    }
                )
        return _filled(view, rows, notes, alone, noise, n)

    def _dealt(self, order: Tensor, beliefs: Tensor, alone: Tensor) -> tuple[Tensor, Tensor]:
        half = len(order) // 2
        first, second = order[:half], order[half:]
        if self.pairing == "random" or not half or beliefs.shape[1] < 2:
            return first, second[:half]
        first = first[alone[first].argsort(descending=True, stable=True)]  # the most wanted choose first
        return first, rivals(first, second, beliefs, alone)

    def _wanted(
        self, view: View, scores: Tensor, alone: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """How wanted each pair is, the tau of its mixtures, and how wanted those are: (pairs,)."""
        if self.policy is not None:
            told = view[self.policy]
            taus = [tau_of(told[first], told[second])]
        else:
            taus = [torch.full((len(first),), tau, dtype=torch.float64) for tau in self.taus]
        by, link = utility(self.by), view.task.link
        tried = torch.stack([mixed_utility(scores, first, second, tau, link, by, self.draws) for tau in taus])
        between, at = tried.max(0)
        tau = torch.stack(taus).gather(0, at.unsqueeze(0)).squeeze(0)
        return alone[first] + alone[second] + between, tau, between


@dataclass(frozen=True)
class LadaPolicy(Lada):
    """`Lada` with a policy that is learned every round, in the place of a grid. [kim2021lada, InfoMixup]

    >>> from dataclasses import replace
    >>> said = {Scores(): tensor([[0.0, 0.0], [0.0, 0.0]]), LadaPolicy().policy: tensor([[1.0, 0.0], [2.0, 0.0]])}
    >>> paper = replace(view(embeddings=[[0.0], [1.0]]), read=said.__getitem__)
    >>> round(LadaPolicy().query(paper, 2).notes[0]["tau"], 4)  # softplus of 1 x 2
    2.1269
    """

    policy: Signal | None = Extra("policy", of=MixingPolicy())


@dataclass(frozen=True)
class VanillaMixup(Strategy):
    """Ask what is doubtful, and mix the picks afterwards, as they come. [kim2021lada, a baseline of theirs]

    What was asked for does not know what will be made of it: the control of `Lada` that trains alike.

    Args:
        signal: What the model believes.
        by: The acquisition, a utility of the signal's rows, as in `Lada`.
        tau: Mixtures have shares from Beta(tau, tau).
        rounds: The pairs of so many last rounds are learned from; 0: of all.
        select: The selector.

    >>> batch = VanillaMixup().query(view(probabilities=[[0.5, 0.5], [0.9, 0.1], [0.6, 0.4]]), 2)
    >>> batch.ids, batch.notes[0]["partner"]
    ([0, 2], 2)
    """

    cost: ClassVar[str] = "N C"

    signal: Signal = Probabilities()
    by: str | Utility = "entropy"
    tau: float = 2.0  # the authors' fixed one
    rounds: int = 1
    select: Selector = Top()

    def __post_init__(self) -> None:
        (of_probabilities if isinstance(self.signal, Probabilities) else utility)(self.by)
        if not self.tau > 0:
            raise BadInput(f"VanillaMixup(tau={self.tau}) is no shape of a Beta distribution. Use a number above 0.")

    def equip(self, learner: Learner) -> Learner:
        return Virtual(learner, rounds=self.rounds)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return _alone(view[self.signal], self.by)

    def query(self, view: View, n: int) -> Batch:
        batch = super().query(view, n)
        notes = [dict(note) for note in batch.notes]
        for place in range(0, len(notes) - 1, 2):
            for one, other in ((place, place + 1), (place + 1, place)):
                notes[one] |= {"pair": place // 2, "partner": batch.ids[other], "tau": self.tau}
        return view.batch(batch.rows, notes=notes, reason=batch.reason)


@dataclass(frozen=True)
class InfoStn(Strategy):
    """Ask for pictures that are worth a label, and so are they once they are moved. [kim2021lada, InfoSTN]

    Our reconstruction: this part of the paper was never released. A picture is wanted by ``a(x) + a(moved x)``, a the
    acquisition; a companion learns the moves, and the learner is equipped with `Moved`, which learns from the moved
    pictures when their labels are in. Items must be pictures, and the learner differentiable.

    Args:
        policy: What learns the moves.
        signal: What the model believes of the pictures.
        by: The acquisition, as in `Lada`.
        trains: Whether the learner learns from moved pictures.
        rounds: The picks of so many last rounds are learned from; 0: of all.
        select: The selector.

    >>> from dataclasses import replace
    >>> asking = InfoStn()
    >>> said = {Probabilities(): tensor([[0.9, 0.1], [0.9, 0.1]]), asking.moved: tensor([[0.0, 3.0], [1.0, 1.0]])}
    >>> said[asking.moves] = torch.zeros(2, 4)
    >>> asking.query(replace(view(embeddings=[[0.0], [1.0]]), read=said.__getitem__), 1).ids  # a tie once it is moved
    [1]
    """

    cost: ClassVar[str] = "N C, and steps through the network for the policy"

    policy: WarpPolicy = WarpPolicy()
    signal: Signal = Probabilities()
    by: str | Utility = "entropy"
    trains: bool = True
    rounds: int = 1
    select: Selector = Top()
    moves: Signal = field(init=False, repr=False)
    moved: Signal = field(init=False, repr=False)

    def __post_init__(self) -> None:
        of_probabilities(self.by)
        object.__setattr__(self, "moves", Extra("moves", of=self.policy))
        object.__setattr__(self, "moved", Extra("moved", of=self.policy))

    def equip(self, learner: Learner) -> Learner:
        if "differentiable" not in learner.gives:
            raise MissingSignal(
                f"{type(self).__name__} moves pictures along gradients through the model, and {type(learner).__name__} "
                f"has none to give. Use a network, such as Torch(Cnn()), or Linear()."
            )
        return Moved(learner, self.policy.bounds, self.rounds) if self.trains else learner

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return _alone(view[self.signal], self.by) + _alone(view.task.link(view[self.moved]), self.by)

    def query(self, view: View, n: int) -> Batch:
        batch = super().query(view, n)
        moves = view[self.moves][batch.rows].tolist()
        notes = [{**note, "moves": told} for note, told in zip(batch.notes, moves, strict=True)]
        return view.batch(batch.rows, notes=notes, reason=batch.reason)


def _alone(beliefs: Tensor, by: str | Utility) -> Tensor:
    """How wanted each item is, float64 (items,); with no class named yet all are alike."""
    if not beliefs.shape[1]:
        return torch.zeros(len(beliefs), dtype=torch.float64)
    return utility(by)(beliefs.contiguous()).double()


def _filled(view: View, rows: list[int], notes: list[dict[str, Any]], alone: Tensor, noise: Tensor, n: int) -> Batch:
    """A batch of n: what is missing comes from candidates that are in no pair, the most wanted first."""
    taken = torch.tensor(rows, dtype=torch.int64)
    others = drawn(view.candidates[~torch.isin(view.candidates, taken)], noise)
    more, values = best(others, alone[others], n - len(rows), others)
    return view.batch(torch.cat([taken, more]), notes=[*notes, *({"utility": value} for value in values)])

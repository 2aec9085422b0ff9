"""A strategy that learns on labeled items which of several strategies to follow, for each item."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.learners.base import Learner
from askance.meta.bandit import Bandit, all_failed, inner, left_out, names_of
from askance.meta.search import SearchNet, check_candidates, ranked
from askance.meta.written import SearchNetAsWritten, over_threshold, wanted_as_written
from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.extras import Extra
from askance.signals.probabilities import Probabilities
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.view import Batch, View

CANDIDATES = ("margin", "badge", "k-center", "typiclust")  # doubt, gradients, coverage and density


@dataclass(frozen=True)
class AutoAL(Strategy):
    """Ask what several strategies want, each as much as a network trusts it with this item. [wang2025autoal, repaired]

    Candidates rank the open items, and an item is wanted by ``u = sum_k pi_k r_k``: r the ranks as shares, pi what a
    companion, `askance.meta.search.SearchNet`, learned of labeled items that it held out; a network as the task learner
    is trained on halves of the labels for that, two trainings more a round. With too few labels for a search, a bandit
    follows one candidate at a time, by the credit of earlier picks. A candidate that fails is left out and named, and
    the others share what it had. Notes say what each pick was wanted by: pi of the item, and the candidate that wanted
    it most.

    Args:
        candidates: The strategies, or their names; those that give a utility are ranked by it, others by the order of
            their picks.
        search: How the network is trained; the candidates are handed to it.
        belief: What the bandit's guesses are taken from.
        select: Takes the most wanted.

    >>> paper = view(probabilities=[[0.9, 0.1], [0.5, 0.5], [0.8, 0.2]], embeddings=[[0.0], [0.1], [0.2]])
    >>> AutoAL(("margin", "entropy")).query(paper, 1).ids  # whom the bandit follows does not matter here
    [1]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "as the candidates, and a search of steps L^2 C + L d^2"

    candidates: tuple[Strategy | str, ...] = CANDIDATES
    search: SearchNet | SearchNetAsWritten = SearchNet()
    belief: Signal = Probabilities()
    select: Selector = Top()
    mixture: Signal = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "candidates", tuple(catalogue.strategy(one) for one in self.candidates))
        check_candidates(type(self).__name__, self.candidates)
        searching = replace(self.search, candidates=self.candidates)
        object.__setattr__(self, "mixture", Extra("mixture", of=searching))

    def equip(self, learner: Learner) -> Learner:
        for one in inner(self.candidates):
            learner = one.equip(learner)
        return learner

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes) and all(one.serves(task) for one in inner(self.candidates))

    def said(self, task: Task) -> str:
        """Which candidates are mixed, in words."""
        return f"a mixture of {', '.join(names_of(self.candidates))}, learned from held-out labels"

    def query(self, view: View, n: int) -> Batch:
        shares: Tensor = view[self.mixture][view.candidates]
        if not bool(shares.any()):
            bandit = Bandit(self.candidates, self.belief)
            return bandit.query(view.part("bandit"), n)
        names, failed = names_of(self.candidates), {}
        for number in (~shares.any(0)).nonzero().squeeze(1).tolist():
            failed[names[number]] = "it failed in the search; the facts of the fit say why"
        ranks = ranked(self.candidates, view, min(n, len(view.candidates)), "candidates", failed)
        left = torch.tensor([name not in failed for name in names])
        if not bool(left.any()):
            raise BadInput(all_failed(failed))
        if bool(shares[:, ~left].any()):  # they worked in the search, and fail here
            shares = shares * left
            if self.search.mixes:
                shares = shares / shares.sum(1, keepdim=True).clamp_min(torch.finfo(shares.dtype).tiny)
        wanted = self._wanted(shares, ranks, n)
        utility = torch.zeros(len(view), dtype=wanted.dtype)
        utility[view.candidates] = wanted
        picked = self.select.pick(
            min(n, len(view.candidates)),
            candidates=view.candidates,
            known=view.known,
            keys=view.keys,
            dice=view.dice.of("select"),
            utility=utility,
        )
        at = torch.searchsorted(view.candidates, picked.rows)
        arms = (shares * ranks)[at].masked_fill(~left, -torch.inf).argmax(1)
        notes = [
            {"utility": value, "arm": arm, "mixture": [round(share, 4) for share in mixed]}
            for value, arm, mixed in zip(utility[picked.rows].tolist(), arms.tolist(), shares[at].tolist(), strict=True)
        ]
        return replace(view.batch(picked.rows, notes=notes), said=left_out(failed))

    def _wanted(self, shares: Tensor, ranks: Tensor, n: int) -> Tensor:
        """How wanted each candidate item is, (candidate items,)."""
        return (shares * ranks).sum(1)


@dataclass(frozen=True)
class AutoALAsWritten(AutoAL):
    """`AutoAL` by the equations of its paper: weights that go up the loss of what they select. [wang2025autoal]

    An open item is wanted by the same sum that `askance.meta.written.SearchNetAsWritten` learns, with thresholds of the
    open items. A pick that is likely to be wrong counts whether or not its label says anything, so it asks for noise.

    >>> paper = view(probabilities=[[0.9, 0.1], [0.5, 0.5], [0.8, 0.2]], embeddings=[[0.0], [0.1], [0.2]])
    >>> AutoALAsWritten(("margin", "entropy")).query(paper, 1).ids
    [1]
    """

    search: SearchNet | SearchNetAsWritten = SearchNetAsWritten()

    def said(self, task: Task) -> str:
        """Which candidates are mixed, in words."""
        return f"a mixture of {', '.join(names_of(self.candidates))}, learned from the losses of held-out labels"

    def _wanted(self, shares: Tensor, ranks: Tensor, n: int) -> Tensor:
        share = min(max(n, 1) / len(ranks), 0.5) if len(ranks) else 0.5
        alive = shares.any(0)
        return wanted_as_written(over_threshold(ranks[:, alive], share), shares[:, alive])

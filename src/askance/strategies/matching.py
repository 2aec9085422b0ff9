"""Worth a label because it is doubtful, and a batch of it is distributed as the pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.selection.matching import Matching, doubtful_and_alike
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.view import Batch, View


@dataclass(frozen=True)
class Bmdr(Strategy):
    """A batch that is doubtful for a kernel classifier and, with the labeled items, distributed as the pool.
    [wang2015querying]

    The classifier is the method's own: ridge regression with a Gaussian kernel, one against the rest. In large pools
    the program runs over some candidates and compares with some items, both drawn by a hash of their keys; what it
    does not pick follows in the order of its shares, then by noise.

    Args:
        features: Where the items lie.
        beta: What being alike is worth against being sure of the labels.
        ridge: The penalty of the classifier.
        candidates: Candidates that the program looks at, at most, or four for each pick if that is more.
        reference: Items that stand for the pool, at most.

    >>> paper = view(embeddings=[[0.0], [0.1], [5.0], [9.0], [9.1]], labeled=[0, 4], labels=[0, 1])
    >>> Bmdr().query(paper, 1).ids  # between the classes, and nothing like it is labeled
    [2]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "(m + L)^3 for m candidates looked at"

    features: Signal = Embeddings()
    beta: float = 1000.0  # the pool benchmark's setting (Zhan et al. 2021), as is the ridge
    ridge: float = 0.1
    candidates: int = 200
    reference: int = 500

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        features, noise = view[self.features], view.dice.of("ties").uniform(view.keys)
        shown = self._drawn(view, view.candidates, max(self.candidates, 4 * n), "candidates")
        reference = self._drawn(view, torch.arange(len(view), device=shown.device), self.reference, "reference")
        told = view.of_labeled(self.features)
        share = torch.zeros(len(view), dtype=torch.float64, device=features.device)
        if n and len(told):
            some = features[reference[: self.candidates]].double()
            apart = torch.cdist(some, some)
            width = float(apart[apart > 0].median()) if bool((apart > 0).any()) else 1.0
            program = Matching(features[shown], told, 2 * view.labels - 1, features[reference])
            share[shown] = doubtful_and_alike(
                program, n, beta=self.beta, ridge=self.ridge, width=width, pace=self._pace(view)
            ).to(share)
        first = torch.zeros_like(share)
        first[shown] = 1
        score = (share * 1e6).round() + first / 2  # shares equal but for rounding are ties
        order = view.candidates[noise[view.candidates].argsort(stable=True)]
        rows = order[score[order].argsort(descending=True, stable=True)][:n]
        return view.batch(rows, notes=[{"utility": value} for value in share[rows].tolist()])

    def _pace(self, view: View) -> float | None:
        """How doubtful a candidate may be; None asks for no patience."""
        return None

    def _drawn(self, view: View, rows: Tensor, most: int, name: str) -> Tensor:
        """The rows, or so many of them by a hash of their keys."""
        if len(rows) <= most:
            return rows
        return rows[view.dice.of(name).uniform(view.keys[rows]).argsort(stable=True)[:most]].sort().values


@dataclass(frozen=True)
class Spal(Bmdr):
    """BMDR with patience: what is too doubtful for the classifier so far waits until more is labeled.
    [tang2019selfpaced]

    The pace grows with the number of labels. The paper's regularizer and schedule are a reconstruction.

    Args:
        start: The pace at first.
        step: By how much it grows with every label.

    >>> paper = view(embeddings=[[0.0], [0.1], [5.0], [9.0], [9.1]], labeled=[0, 4], labels=[0, 1])
    >>> Spal(start=10.0).query(paper, 1).ids
    [2]
    """

    beta: float = 0.1  # the pool benchmark's settings (Zhan et al. 2021): mu, lambda and its step
    start: float = 0.1
    step: float = 0.01

    def _pace(self, view: View) -> float:
        return self.start + self.step * len(view.labels)

"""Worth a label because it is doubtful, and a batch of it is distributed as the pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from askance.selection.cover import median_distance
from askance.selection.matching import Matching, doubtful_and_alike
from askance.selection.order import best, drawn
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.view import Batch, View


@dataclass(frozen=True)
class Bmdr(Strategy):
    """A batch that is doubtful for a kernel classifier and, with the labeled items, distributed as the pool.
    [wang2015querying]

    The classifier is the method's own: ridge regression with a Gaussian kernel, one class against the rest; of several
    classes the doubts are averaged, which is ours. In large pools the program runs over some candidates and compares
    with some items, both drawn by a hash of their keys; what it does not pick follows in the order of its shares, then
    by noise.

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

    revision: ClassVar[int] = 2  # the mean over classes in the place of their sum
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
        features = view[self.features]
        order = drawn(view.candidates, view.dice.of("candidates").uniform(view.keys))
        shown = order[: max(self.candidates, 4 * n)]
        everyone = torch.arange(len(view), device=shown.device)
        reference = features[drawn(everyone, view.dice.of("reference").uniform(view.keys), self.reference)]
        told = view.of_labeled(self.features)
        shares = torch.zeros(len(shown), dtype=torch.float64, device=features.device)
        if n and len(told):
            shares = doubtful_and_alike(
                Matching(features[shown], told, 2 * view.labels - 1, reference),
                n,
                beta=self.beta,
                ridge=self.ridge,
                width=median_distance(reference),
                pace=self._pace(view),
            )
        rows, values = best(shown, shares.round(decimals=6), n, order)  # equal but for rounding are ties
        return view.batch(rows, notes=[{"utility": value} for value in values])

    def _pace(self, view: View) -> float | None:
        """How doubtful a candidate may be; None asks for no patience."""
        return None


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

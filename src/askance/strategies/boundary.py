"""Worth a label because it is not where the labeled items are, or not believed what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput, MissingSignal
from askance.selection.base import Selector
from askance.selection.order import drawn
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities import neighborhood, outlierness
from askance.view import Batch, View


@dataclass(frozen=True)
class ContrastiveAL(Strategy):
    """Ask where the model believes something else of an item than of the labeled items like it. [margatina2021active]

    The mean divergence from what it believes of the nearest labeled items to what it believes of the item.

    Args:
        features: What says which items are alike.
        beliefs: What the model believes.
        neighbors: How many labeled items are looked at.
        select: Who takes the highest.

    >>> paper = view(probabilities=[[1, 0], [1, 0], [0.5, 0.5]], embeddings=[[0.0], [1.0], [1.0]], labeled=[0])
    >>> ContrastiveAL().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "N L d"

    features: Signal = Embeddings()
    beliefs: Signal = Probabilities()
    neighbors: int = 10  # Margatina et al. 2021
    select: Selector = Top()

    def __post_init__(self) -> None:
        if self.neighbors < 1:
            raise BadInput(f"ContrastiveAL(neighbors={self.neighbors}) contrasts with nobody. Use 1 or more.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        known, believed = view.of_labeled(self.features), view.of_labeled(self.beliefs)
        if len(known) != len(believed):
            raise MissingSignal(
                f"contrastive-al has features of {len(known)} labeled items and beliefs about {len(believed)}. "
                f"Hand in labeled_embeddings= and labeled_probabilities= of the same items."
            )
        return neighborhood.contrast(view[self.beliefs], view[self.features], believed, known, self.neighbors)


@dataclass(frozen=True)
class DiscriminativeAL(Strategy):
    """Ask what a classifier of labeled against unlabeled items is surest to be unlabeled. [gissin2019discriminative]

    The batch is made in parts: what was picked, and what is pending, counts as labeled for the next. The classifier is
    a logistic regression on features in units of their spread.

    Args:
        features: What the classifier reads.
        parts: In how many parts a batch is made.
        share: So many unlabeled items for each labeled one are learned from, drawn by a hash of their keys.
        ridge: Strength of the penalty on the classifier's weights.
        select: Who takes the highest.

    >>> paper = view(embeddings=[[0.0], [0.1], [1.0], [0.2]], labeled=[0])
    >>> DiscriminativeAL().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "N d + L d"

    features: Signal = Embeddings()
    parts: int = 10
    share: int = 10  # authors' code
    ridge: float = 1.0
    select: Selector = Top()

    def __post_init__(self) -> None:
        if min(self.parts, self.share) < 1 or not self.ridge > 0:
            raise BadInput(f"{self} cannot be fitted. Use parts and share of 1 or more and a ridge above 0.")

    def query(self, view: View, n: int) -> Batch:
        features, beyond, ties = view[self.features], view.outside(self.features), view.dice.of("ties")
        n, noise = min(n, len(view.candidates)), view.dice.of("sample").uniform(view.keys)
        left, picked = view.candidates, view.known
        values: list[float] = []
        direction: Tensor | None = None
        while len(values) < n:
            known = features[picked] if beyond is None else torch.cat([features[picked], beyond.to(features)])
            sample = drawn(left, noise, self.share * max(1, len(known)))
            direction = outlierness.separating(known.to(features), features[sample], self.ridge, direction)
            found = self.select.pick(
                min(n - len(values), -(-n // self.parts)),
                candidates=left,
                known=picked,
                keys=view.keys,
                dice=ties,
                utility=torch.mv(features, direction[:-1].to(features)) + float(direction[-1]),
            )
            assert found.utility is not None
            picked, values = torch.cat([picked, found.rows]), [*values, *found.utility.tolist()]
            left = left[~torch.isin(left, found.rows)]
        rows = picked[len(view.known) :]
        return view.batch(rows, notes=[{"utility": value} for value in values])


@dataclass(frozen=True)
class DSA(Strategy):
    """Ask what lies far from the labeled items of its predicted class and near to another class. [kim2019guiding]

    Distance-based surprise adequacy: the distance to the nearest labeled item of the predicted class, over the distance
    from that one to the nearest labeled item of another class.

    >>> paper = view(probabilities=[[1, 0], [0, 1], [1, 0], [0, 1]], embeddings=[[0.0], [4.0], [1.0], [2.0]],
    ...              labeled=[0, 1], labels=[0, 1])
    >>> DSA().query(paper, 1).ids  # at 2 / 4 from its class, the other at 1 / 4
    [3]
    """

    cost: ClassVar[str] = "N L d / C"
    revision: ClassVar[int] = 2  # of equally near items of the class, the one nearest to another class counts
    reads_labels: ClassVar[bool] = True

    features: Signal = Embeddings()
    beliefs: Signal = Probabilities()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return outlierness.distance_surprise(*_by_class(view, self.features, self.beliefs))


@dataclass(frozen=True)
class LSA(Strategy):
    """Ask what is least likely under the density of the labeled items of its predicted class. [kim2019guiding]

    Likelihood-based surprise adequacy: minus the log of a kernel density.

    >>> paper = view(probabilities=[[1, 0], [1, 0], [1, 0], [1, 0]], embeddings=[[0.0], [1.0], [2.0], [9.0]],
    ...              labeled=[0, 1], labels=[0, 0])
    >>> LSA().query(paper, 1).ids
    [3]
    """

    cost: ClassVar[str] = "N L d / C"
    reads_labels: ClassVar[bool] = True

    features: Signal = Embeddings()
    beliefs: Signal = Probabilities()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return outlierness.density_surprise(*_by_class(view, self.features, self.beliefs))


def _by_class(view: View, features: Signal, beliefs: Signal) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features and guesses of the pool; features and classes of what is labeled, with its likeliest class if soft."""
    believed = view[beliefs]
    none = torch.zeros(len(view), dtype=torch.int64, device=view.keys.device)
    guesses = believed.argmax(1) if believed.shape[1] else none
    classes = view.labels.argmax(1) if view.labels.shape[1] else none[: len(view.labels)]
    return view[features], guesses, view.of_labeled(features), classes

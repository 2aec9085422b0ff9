"""Worth a label because nothing like it is labeled, in what it is and in what it is thought to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import unknown
from askance.selection.greedy import farthest_product
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Scores
from askance.strategies.base import Strategy
from askance.task import Targets, Task
from askance.view import Batch, View

DISTANCES = ("both", "inputs", "outputs")


@dataclass(frozen=True)
class GreedyDistance(Strategy):
    """Again and again the item farthest from all that is known, in features times predicted numbers. [wu2019active]

    Improved greedy sampling (iGS): the distance to a known item is the product of both distances, and the nearest known
    item counts. Known numbers are the told ones; of items asked and not answered, the model's. The first item of all is
    the one nearest to the mean of the candidates. Where the model tells nothing apart, features alone decide. Numbers
    are taken in units of their range over the pool, so that none of several outweighs the others.

    Args:
        features: Where the items lie.
        numbers: What the model predicts.
        distance: ``both``, ``inputs`` alone (GSx) or ``outputs`` alone (GSy).

    >>> paper = view(embeddings=[[0.0], [1.0], [1.0]], logits=[[0.0], [0.5], [3.0]], labeled=[0], task=Targets())
    >>> GreedyDistance().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "at worst (L + n) N d, lazily far less"
    reads_labels: ClassVar[bool] = True

    features: Signal = Embeddings()
    numbers: Signal = Scores()
    distance: str = "both"

    def __post_init__(self) -> None:
        if self.distance not in DISTANCES:
            raise unknown("distance", self.distance, DISTANCES)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Targets)

    def query(self, view: View, n: int) -> Batch:
        features: Tensor = view[self.features]
        numbers: Tensor = view[self.numbers].clone()
        numbers[view.labeled] = view.targets.to(numbers)
        spread = numbers.amax(0) - numbers.amin(0)
        numbers /= torch.where(spread > 0, spread, 1)
        rows, values = farthest_product(
            features,
            numbers,
            min(n, len(view.candidates)),
            candidates=view.candidates,
            known=view.known,
            noise=view.dice.of("ties").uniform(view.keys),
            inputs=self.distance != "outputs",
            outputs=self.distance != "inputs",
        )
        return view.batch(torch.tensor(rows, dtype=torch.int64), notes=[{"utility": value} for value in values])

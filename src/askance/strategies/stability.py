"""Worth a label because a small push changes what the model says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.selection.base import Selector
from askance.selection.order import drawn
from askance.selection.space import Features, normalized
from askance.selection.spread import FarthestFirst, race
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.layer import LastLayer
from askance.signals.stability import Deviations
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities.movement import changes_of_class
from askance.utilities.stability import deviations, least_disagreement_weights
from askance.view import Batch, View

_NUMBERS = 1 << 24  # of all deviations together: 64 MiB
_DRAWS = 1000  # of one strength of noise, at most
_TOGETHER = 10  # draws made at once


@dataclass(frozen=True)
class NoiseStability(Strategy):
    """Spread a batch over how far predictions move when the last layer is perturbed a little. [li2024deep]

    The deviations of all draws in a row are a random projection of the gradient: long ones are doubtful items, distant
    ones different items. The greedy k-center starts at the origin, as in the paper, which makes the first pick the
    item that moves most; what is labeled does not repel. This is the paper's method with noise in the last layer alone,
    so frozen features need no network. In large pools it looks at some candidates, drawn by a hash of their keys.

    Args:
        layer: The last layer.
        features: What it reads.
        draws: How often it is perturbed.
        strength: How long the noise is, as a share of the length of the weights; biases have none.
        items: Candidates that are looked at, at most; fewer where draws times classes would take over 64 MiB.
        select: Spreads over the deviations.

    >>> paper = view(embeddings=[[3.0], [0.1], [0.0]], weights=[[1.0, 0.0], [-1.0, 0.0]], logits=[[0, 0]] * 3)
    >>> NoiseStability().query(paper, 1).ids  # far from the boundary softmax is flat; at zero nothing moves
    [1]
    """

    cost: ClassVar[str] = "N C d draws + looks x C draws"

    layer: Signal = LastLayer()
    features: Signal = Embeddings()
    draws: int = 30  # the authors' run script
    strength: float = 1e-3  # the paper
    items: int = 25_000  # the authors' sub-pool for CIFAR-10
    select: Selector = FarthestFirst()

    def __post_init__(self) -> None:
        if self.draws < 1 or self.items < 1 or not self.strength > 0:
            raise BadInput(
                f"NoiseStability(draws={self.draws}, strength={self.strength}, items={self.items}) perturbs nothing. "
                f"All three must be above 0."
            )

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        layer, features = view[self.layer], view[self.features]
        n, most = min(n, len(view.candidates)), _NUMBERS // max(1, self.draws * len(layer))
        rows = drawn(view.candidates, view.dice.of("items").uniform(view.keys), max(n, min(self.items, most)))
        noise = torch.from_numpy(view.dice.of("noise").generator().standard_normal((self.draws, *layer.shape)))
        noise = noise.to(layer)
        noise[:, :, -1] = 0
        lengths = noise.flatten(1).norm(dim=1).clamp_min(1e-30)[:, None, None]
        noise *= self.strength * layer[:, :-1].norm() / lengths
        return _from_the_origin(view, n, rows, deviations(layer, noise, features, rows), self.select)


@dataclass(frozen=True)
class NoiseStabilityFull(Strategy):
    """Spread a batch over how far predictions move when all weights are perturbed a little. [li2024deep]

    The published method in full, where `NoiseStability` perturbs the last layer alone: it looks into a network that
    learned its features, at the price of a pass of the network over the pool for each draw. On frozen features both
    are the same. The greedy k-center starts at the origin, and what is labeled does not repel. In large pools it looks
    at some candidates, drawn by a hash of their keys; the signal is computed for the whole pool all the same, so keep
    the pool as small as the passes have to be.

    Args:
        signal: How far each draw moves each item.
        items: Candidates that are looked at, at most; fewer where draws times classes would take over 64 MiB.
        select: Spreads over the deviations.

    >>> paper = view(embeddings=[[3.0], [0.1], [0.0]], weights=[[1.0, 0.0], [-1.0, 0.0]])
    >>> NoiseStabilityFull().query(paper, 1).ids  # far from the boundary softmax is flat; at zero nothing moves
    [1]
    """

    cost: ClassVar[str] = "(1 + draws) passes of the network over N items + looks x C draws; memory N C draws"

    signal: Signal = Deviations()
    items: int = 25_000  # the authors' sub-pool for CIFAR-10
    select: Selector = FarthestFirst()

    def __post_init__(self) -> None:
        if self.items < 1:
            raise BadInput(f"NoiseStabilityFull(items={self.items}) looks at nothing. Use items=1 or more.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        moved = view[self.signal]
        n, most = min(n, len(view.candidates)), _NUMBERS // max(1, moved.shape[1])
        rows = drawn(view.candidates, view.dice.of("items").uniform(view.keys), max(n, min(self.items, most)))
        return _from_the_origin(view, n, rows, moved[rows], self.select)


def _from_the_origin(view: View, n: int, rows: Tensor, moved: Tensor, select: Selector) -> Batch:
    """A batch of n of the rows, spread over where they lie, (rows, ...); the origin counts as taken."""
    picked = select.pick(
        n,
        candidates=torch.arange(len(rows), device=rows.device),
        known=rows[:0],
        keys=view.keys[rows],
        dice=view.dice.of("select"),
        space=Features(moved, outside=moved.new_zeros(1, moved.shape[1])),
    )
    assert picked.utility is not None
    return view.batch(rows[picked.rows], notes=[{"utility": value} for value in picked.utility.tolist()])


@dataclass(frozen=True)
class LdmS(Strategy):
    """Ask where the smallest disagreement with the model already changes an item's class, apart from one another.
    [cho2024querying]

    The least disagree metric of an item is the smallest share of other items whose class changes, over perturbed last
    layers that change its own. The n smallest count in full, others less the larger it is; then items are drawn one by
    one in proportion to the square of weight times cosine distance to the picks, from the smallest on. In large pools
    it looks at some candidates, drawn by a hash of their keys.

    Args:
        layer: The last layer.
        features: What it reads.
        items: Candidates that are looked at, at most.
        reference: Candidates over which disagreement is measured, at most.
        strengths: Standard deviations of the noise, from 1e-5 to 1, evenly by their logarithm.
        patience: So many draws in a row that lower no item's metric end the draws of a strength.

    >>> paper = view(embeddings=[[3.0], [0.1], [5.0]], weights=[[1.0, 0.0], [-1.0, 0.0]], logits=[[0, 0]] * 3)
    >>> LdmS().query(paper, 1).ids  # the one next to the boundary
    [1]
    """

    cost: ClassVar[str] = "items C d draws + looks x d"

    layer: Signal = LastLayer()
    features: Signal = Embeddings()
    items: int = 4000  # the authors' pool for CIFAR-10
    reference: int = 1000
    strengths: int = 51  # the authors' code
    patience: int = 10  # the authors' code

    def __post_init__(self) -> None:
        if min(self.items, self.reference, self.strengths, self.patience) < 1:
            raise BadInput(f"{self} looks at nothing. items, reference, strengths and patience must be 1 or more.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        layer, features = view[self.layer], view[self.features]
        n = min(n, len(view.candidates))
        rows = drawn(view.candidates, view.dice.of("items").uniform(view.keys), max(n, self.items))
        reference = drawn(view.candidates, view.dice.of("reference").uniform(view.keys), self.reference)
        metric = self._metric(view, layer, features[rows], features[reference])
        weights = least_disagreement_weights(metric, n)
        noise = view.dice.of("ties").uniform(view.keys[rows])
        tied = (metric == metric.min()).nonzero().squeeze(1) if len(rows) else rows
        if not n:
            return view.batch(rows[:0])
        first = tied[noise[tied].argmin()]
        places = torch.arange(len(rows), device=rows.device)
        rest = race(
            Features(normalized(features[rows])),
            n - 1,
            places[places != first],
            first.unsqueeze(0),
            view.dice.of("seeds").exponential(view.keys[rows]),
            weights=weights,
            power=2.0,
        ).rows
        picks = torch.cat([first.unsqueeze(0), rest])
        return view.batch(rows[picks], notes=[{"utility": -value} for value in metric[picks].tolist()])

    def _metric(self, view: View, layer: Tensor, features: Tensor, reference: Tensor) -> Tensor:
        """The least disagreement of each item, in [0, 1]; 1 where no draw changed its class. float64 (items,)."""
        metric = torch.ones(len(features), dtype=torch.float64, device=features.device)
        if len(layer) < 2:
            return metric
        layer = layer.to(features)
        guesses, theirs = ((h @ layer[:, :-1].T + layer[:, -1]).argmax(1) for h in (features, reference))
        throw = view.dice.of("noise").generator()
        for power in torch.linspace(-5, 0, self.strengths, dtype=torch.float64).tolist():
            idle = spent = 0
            while idle < self.patience and spent < _DRAWS:
                shifts = torch.from_numpy(throw.standard_normal((_TOGETHER, *layer.shape))) * 10**power
                moved = layer + shifts.to(layer)
                shares = changes_of_class(moved, reference, theirs).double().mean(1)
                open_ = (metric > shares.min()).nonzero()[:, 0]  # of the others none can fall by these draws
                flips = changes_of_class(moved, features[open_], guesses[open_])
                spent += _TOGETHER
                for flip, share in zip(flips, shares, strict=True):
                    lower = open_[flip & (share < metric[open_])]
                    idle = 0 if len(lower) else idle + 1
                    metric[lower] = share
                    if idle >= self.patience:
                        break
        return metric

"""Worth a label because the two likeliest classes lie nearer to each other than what was learned can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.learners.pair import NeuralPair
from askance.signals.base import Signal
from askance.signals.extras import Extra
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities.inverse_gap import chances, gap_of
from askance.view import Batch, View


@dataclass(frozen=True)
class _OfGaps(Strategy):
    """What looks at the gap between the two highest values of a pair of networks."""

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)


@dataclass(frozen=True)
class _GapTest(_OfGaps):
    """Asks for the candidates whose gap is below a threshold, the smallest gap first."""

    def _below(self, view: View, gaps: Tensor, thresholds: Tensor, n: int) -> Batch:
        """The candidates whose gap is below their threshold.

        Args:
            view: The view.
            gaps: Of the candidates.
            thresholds: Of the candidates.
            n: How many are wanted.
        """
        near = gaps < thresholds
        rows, found = view.candidates[near], gaps[near]
        noise = view.dice.of("ties").uniform(view.keys[rows]).argsort(stable=True)
        order = noise[found[noise].argsort(stable=True)][:n]
        if not len(rows):
            why = f"the gap of all {len(view.candidates)} candidates is wider than the test allows"
            return view.batch(rows, reason=f"stop: {why}")
        notes = [{"utility": -gap, "gap": gap} for gap in found[order].double().tolist()]
        return view.batch(rows[order], reason="done" if len(order) < min(n, len(view.candidates)) else "", notes=notes)


@dataclass(frozen=True)
class _FixedTest(_GapTest):
    """The same threshold for every item."""

    values: Signal = Extra("values", of=NeuralPair())
    threshold: float | None = None

    def __post_init__(self) -> None:
        _above_zero(self, self.threshold)

    def query(self, view: View, n: int) -> Batch:
        gaps = gap_of(view[self.values][view.candidates])
        return self._below(view, gaps, torch.full_like(gaps, _threshold(self.threshold, view)), n)


@dataclass(frozen=True)
class INeural(_FixedTest):
    """Ask where the gap between the two best classes, exploration included, is below a threshold. [ban2022improved]

    Made for streams: see `Study.consider`. The two networks go on learning, and a class is a place of the item.

    Args:
        values: What the pair of networks gives each class.
        threshold: None: 0.6 with two classes and 0.3 with more, as in the authors' code.

    >>> from askance.signals.probabilities import Scores
    >>> INeural(values=Scores()).query(view(logits=[[0.1, 0.9], [0.3, 0.6]]), 2).ids  # 0.8 is not below 0.6
    [1]
    """

    cost: ClassVar[str] = "N C^2 d hidden + epochs L C d hidden"

    values: Signal = Extra("values", of=NeuralPair(arms=True))


@dataclass(frozen=True)
class NeuronalStream(_FixedTest):
    """Ask where the gap between the two best classes, exploration included, is below a threshold. [ban2024neural]

    Made for streams: see `Study.consider`. Its networks give a number for each class at once, where those of I-NeurAL
    read an item once for each.

    Args:
        values: What the pair of networks gives each class.
        threshold: None: 0.6 with two classes and 0.3 with more.

    >>> from askance.signals.probabilities import Scores
    >>> NeuronalStream(values=Scores()).query(view(logits=[[0.1, 0.9], [0.3, 0.6]]), 2).ids  # 0.8 is not below 0.6
    [1]
    """

    cost: ClassVar[str] = "N d hidden + epochs L d hidden"

    values: Signal = Extra("values", of=NeuralPair())


@dataclass(frozen=True)
class Neuronal(_OfGaps):
    """Draw items the likelier, the smaller the gap between the two best classes: inverse gap weighting. [ban2024neural]

    The item of the least gap gets what chance the others leave. A batch is drawn one after another without putting
    back; where others have no chance, as beside a gap of 0, the smallest gaps come next.

    Args:
        values: What the pair of networks gives each class.
        base: Above 0, and at least as large as the pool for the definition to hold.
        slope: The larger, the greedier.

    >>> from askance.signals.probabilities import Scores
    >>> Neuronal(values=Scores()).query(view(logits=[[0.1, 0.9], [0.5, 0.5]]), 1).ids  # a gap of 0 takes all
    [1]
    """

    cost: ClassVar[str] = "N d hidden + epochs L d hidden"

    values: Signal = Extra("values", of=NeuralPair())
    base: float = 1000.0  # this and the next: authors' code
    slope: float = 1000.0

    def query(self, view: View, n: int) -> Batch:
        gaps = gap_of(view[self.values][view.candidates])
        drawn = chances(gaps, self.base, self.slope)
        noise = view.dice.of("draw").gumbel(view.keys[view.candidates])
        ahead = drawn.log() + noise  # the order of these is that of draws without putting back
        order = torch.arange(len(gaps))[noise.argsort(descending=True, stable=True)]
        order = order[gaps[order].argsort(stable=True)]
        order = order[ahead[order].argsort(descending=True, stable=True)][:n]
        notes = [
            {"utility": -gap, "gap": gap, "chance": chance} if gap < torch.inf else {"chance": chance}
            for gap, chance in zip(gaps[order].double().tolist(), drawn[order].tolist(), strict=True)
        ]
        return view.batch(view.candidates[order], notes=notes)


@dataclass(frozen=True)
class NeuralNtk(_GapTest):
    """Ask where 1/2 lies within twice the width that the gradients seen so far leave, NeuAL-NTK-D. [wang2021neural]

    The width is ``sqrt(gamma sum g^2 / Z)``: Z adds up the squared gradients of what was asked, parameter by parameter.
    With two classes the test is that of the paper, ``|u - 1/2| <= 2 width``; with more, half of the gap of the two best
    takes the place of the left side, which is ours. It explores by the width alone.

    Args:
        values: What the network gives each class.
        width: The root of the sum without gamma.
        gamma: Of the width; the larger, the more is asked.

    >>> two = Classes((0, 1))
    >>> paper = view(embeddings=[[1.0, 0.0], [0.0, 1.0], [0.4, 0.5]], labeled=[0, 1], labels=[0, 1], task=two)
    >>> NeuralNtk().query(paper, 1).ids  # after two labels it is all but certain of nothing
    [2]
    """

    cost: ClassVar[str] = "N d hidden + epochs L d hidden"

    values: Signal = Extra("exploit", of=NeuralPair())
    width: Signal = Extra("ntk_width", of=NeuralPair())
    gamma: float = 0.01

    def __post_init__(self) -> None:
        _above_zero(self, self.gamma)

    def query(self, view: View, n: int) -> Batch:
        gaps = gap_of(view[self.values][view.candidates])
        return self._below(view, gaps / 2, 2 * self.gamma**0.5 * view[self.width][view.candidates], n)


def _threshold(given: float | None, view: View) -> float:
    return given if given is not None else 0.6 if view.task.width <= 2 else 0.3


def _above_zero(strategy: Strategy, number: float | None) -> None:
    if number is not None and not number > 0:
        raise BadInput(f"{type(strategy).__name__} never asks with {number}. Use a number above 0, such as 0.3.")

"""Worth a label because of what was trained beside the network, or of what training changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.learners.base import Learner
from askance.learners.heads import LossPrediction, Wasserstein
from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.extras import Extra
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Labels, Task
from askance.utilities import uncertainty
from askance.view import View

_LEAST = 1e-30  # of a probability whose logarithm is taken


@dataclass(frozen=True)
class Lpl(Strategy):
    """Ask where the network expects its largest loss. [yoo2019learning]

    DeepAL+ calls it LossPredictionLoss. The loss is predicted by a head that is trained in the same steps, so this
    needs a learner with a training loop, and other training: the fair control is `askance.meta.control.Equipped`.

    Args:
        head: What predicts the loss.
        signal: The prediction.
        select: The selector.

    >>> from dataclasses import replace
    >>> predicted = Extra("predicted_loss")
    >>> paper = replace(view(embeddings=[[0.0], [1.0]]), read={predicted: tensor([0.5, 2.0])}.__getitem__)
    >>> Lpl().query(paper, 1).ids
    [1]
    """

    cost: ClassVar[str] = "N d"

    head: LossPrediction = LossPrediction()
    signal: Signal = Extra("predicted_loss")
    select: Selector = Top()

    def equip(self, learner: Learner) -> Learner:
        return learner.beside(self.head)

    def utility(self, view: View) -> Tensor:
        found: Tensor = view[self.signal]
        return found


@dataclass(frozen=True)
class Waal(Strategy):
    """Ask for what is doubtful and unlike what is labeled, by a critic trained beside the network. [shui2020deep]

    The least of ``0.5 |log p|_2 + 0.5 sum_c -log p_c - diversity D(h)``: both norms are least where all classes are
    as likely, and the critic D is largest where unlabeled items are and labeled ones are not. The critic is a real
    number here, `askance.learners.heads.Wasserstein` says why; so it is not held within 0 to 1, and weighs as much as
    items are apart. Needs a learner with a training loop.

    Args:
        critic: What is trained beside the network.
        signal: What the network believes.
        unlike: What the critic says.
        diversity: How much the critic counts.
        select: The selector.

    >>> from dataclasses import replace
    >>> now, unlike = tensor([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]]), tensor([0.0, 1.0, 0.0])
    >>> paper = replace(view(probabilities=now), read={Probabilities(): now, Extra("critic"): unlike}.__getitem__)
    >>> Waal().query(paper, 3).ids  # of two that are as doubtful, the one that is unlike the labeled ones
    [1, 0, 2]
    """

    cost: ClassVar[str] = "N (C + d)"

    critic: Wasserstein = Wasserstein()
    signal: Signal = Probabilities()
    unlike: Signal = Extra("critic")
    diversity: float = 10.0  # the authors
    select: Selector = Top()

    def equip(self, learner: Learner) -> Learner:
        return learner.beside(self.critic)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        logs = view[self.signal].clamp_min(_LEAST).log()
        certain = 0.5 * logs.norm(dim=1) - 0.5 * logs.sum(1)
        wanted: Tensor = self.diversity * view[self.unlike] - certain
        return wanted


@dataclass(frozen=True)
class Tod(Strategy):
    """Ask where the last training changed the prediction most: the temporal output discrepancy. [huang2021semi]

    The Euclidean distance between what the model says and what it said one fit ago, a lower bound of its loss. Where
    the earlier model says the same of every item, as it does before it has learned anything, there is nothing to
    compare; then it asks by entropy, of several labels by their mean margin, of numbers by chance.

    Args:
        now: What the model says.
        before: What it said.
        select: The selector.

    >>> from dataclasses import replace
    >>> now, before = tensor([[0.9, 0.1], [0.6, 0.4]]), tensor([[0.9, 0.1], [0.2, 0.8]])
    >>> both = {Probabilities(): now, Probabilities(age=1): before}
    >>> Tod().query(replace(view(probabilities=now), read=both.__getitem__), 1).ids
    [1]
    """

    cost: ClassVar[str] = "N C"

    now: Signal = Probabilities()
    before: Signal = Probabilities(age=1)
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        now, before = view[self.now], view[self.before]
        if bool((before != before[:1]).any()):
            changed: Tensor = (now - before).norm(dim=1)
            return changed
        if isinstance(view.task, Classes):
            return uncertainty.entropy(now)
        return uncertainty.mean_margin(now) if isinstance(view.task, Labels) else now.new_zeros(len(now))

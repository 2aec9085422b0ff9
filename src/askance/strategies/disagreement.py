"""Worth a label because those who should know disagree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.learners.base import Learner
from askance.selection.base import Selector
from askance.selection.joint import batch_bald, bound
from askance.selection.top import StochasticTop, Top
from askance.signals.base import Signal
from askance.signals.samples import Samples, Votes
from askance.strategies.base import Strategy, several
from askance.task import Classes, Task
from askance.utilities import disagreement, uncertainty
from askance.view import Batch, View

_PAIRS = 10_000  # of a target and a class, that EPIG holds each item and class against


@dataclass(frozen=True)
class _OfSamples(Strategy):
    """What a strategy that reads several beliefs wants: a learner that gives them, or its bootstrap."""

    def equip(self, learner: Learner) -> Learner:
        return several(learner, "samples")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)


@dataclass(frozen=True)
class Bald(_OfSamples):
    """Ask where a label would say the most about which model is right. [houlsby2011bayesian]

    Each belief is sure, and they contradict each other: the entropy of the mean minus the mean entropy.

    >>> split, unsure = [[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]  # two passes over two items
    >>> Bald().query(view(mc_probabilities=[split, unsure]), 1).ids
    [0]
    """

    cost: ClassVar[str] = "N S C"

    signal: Signal = Samples()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return disagreement.bald(view[self.signal])


@dataclass(frozen=True)
class PowerBald(_OfSamples):
    """Draw items with a chance that goes with a power of their BALD: a batch is no row of twins. [kirsch2023stochastic]

    >>> one, other = [[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]
    >>> PowerBald().query(view(mc_probabilities=[one, other]), 1).ids  # where all agree there is no chance
    [0]
    """

    cost: ClassVar[str] = "N S C"

    signal: Signal = Samples()
    select: Selector = StochasticTop(kind="power", beta=1.0)

    def utility(self, view: View) -> Tensor:
        return disagreement.bald(view[self.signal])


@dataclass(frozen=True)
class BatchBald(_OfSamples):
    """Ask for the batch whose labels together say the most about which model is right. [kirsch2019batchbald]

    Greedy, and lazy: what a label would add only falls while the batch grows. No candidate is left out beforehand. With
    S samples no batch can say more than log S, which stands beside every pick as ``bound``; ``joint`` is what the batch
    says up to there, and ``utility`` what the pick adds. When nothing more can be learned the rest goes by BALD.

    Args:
        signal: Several beliefs about every item.
        configurations: In how many ways the batch's labels may come out before they are sampled; until then, exact.

    >>> one = [[1.0, 0.0], [1.0, 0.0], [0.9, 0.1]]
    >>> other = [[0.0, 1.0], [0.0, 1.0], [0.2, 0.8]]
    >>> batch = BatchBald().query(view(mc_probabilities=[one, one, other, other]), 1)
    >>> batch.ids[0] in (0, 1), round(batch.notes[0]["joint"], 3), round(batch.notes[0]["bound"], 3)
    (True, 0.693, 1.386)
    """

    cost: ClassVar[str] = "N S C + lookups x configurations S C"

    signal: Signal = Samples()
    configurations: int = 1024

    def __post_init__(self) -> None:
        if self.configurations < 1:
            raise BadInput(f"BatchBald(configurations={self.configurations}) keeps none. Use 1 or more.")

    def query(self, view: View, n: int) -> Batch:
        samples = view[self.signal]
        found = batch_bald(
            samples,
            min(n, len(view.candidates)),
            candidates=view.candidates,
            bald=disagreement.bald(samples),
            noise=view.dice.of("ties").uniform(view.keys),
            dice=view.dice.of("configurations"),
            configurations=self.configurations,
        )
        most = bound(samples.shape[1])
        joint = found.gains.cumsum(0).clamp(max=most).tolist()
        notes = [
            {"utility": gain, "joint": total, "bound": most}
            for gain, total in zip(found.gains.tolist(), joint, strict=True)
        ]
        return view.batch(found.rows, notes=notes)


@dataclass(frozen=True)
class Epig(_OfSamples):
    """Ask where a label would say the most about predictions that matter. [bickfordsmith2023prediction]

    What `Bald` would learn about the model may matter to no prediction.

    Args:
        signal: Several beliefs about every item.
        select: Takes the top.
        targets: At how many items of the pool predictions matter; they are drawn by a hash of the items' keys. Of more
            than 100 classes fewer, 10,000 over the classes, because work goes with the square of classes.
        at: The ids of such items instead.

    >>> one = [[1.0, 0.0], [0.5, 0.5], [0.9, 0.1], [0.8, 0.2]]
    >>> other = [[0.0, 1.0], [0.5, 0.5], [0.1, 0.9], [0.8, 0.2]]
    >>> Epig(at=(2,)).query(view(mc_probabilities=[one, other]), 1).ids
    [0]
    """

    cost: ClassVar[str] = "N C x targets C x S"

    signal: Signal = Samples()
    select: Selector = Top()
    targets: int = 100
    at: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if self.targets < 1:
            raise BadInput(f"Epig(targets={self.targets}) has nothing to predict. Use 1 or more, or name items in at=.")

    def utility(self, view: View) -> Tensor:
        samples = view[self.signal]
        return disagreement.epig(samples, samples[self._rows(view)])

    def _rows(self, view: View) -> Tensor:
        if not self.at:
            noise = view.dice.of("targets").uniform(view.keys)
            most = min(self.targets, max(1, _PAIRS // max(1, view.task.width)))
            return noise.argsort(stable=True)[:most]
        rows = {name: row for row, name in enumerate(view.name(torch.arange(len(view))))}
        missing = [name for name in self.at if name not in rows]
        if missing:
            raise BadInput(f"Epig(at=...) names {missing[0]!r}, which is no item of the pool. Name items by their ids.")
        return torch.tensor([rows[name] for name in self.at])


@dataclass(frozen=True)
class ConsensusEntropy(_OfSamples):
    """Ask where the mean of several beliefs says least. [gal2017deep]

    >>> one, other = [[1.0, 0.0], [0.9, 0.1]], [[0.0, 1.0], [0.9, 0.1]]
    >>> ConsensusEntropy().query(view(mc_probabilities=[one, other]), 1).ids
    [0]
    """

    cost: ClassVar[str] = "N S C"

    signal: Signal = Samples()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return disagreement.consensus_entropy(view[self.signal])


@dataclass(frozen=True)
class ConsensusMargin(_OfSamples):
    """Ask where the mean of several beliefs is most torn between two classes. [gal2017deep]

    With passes of dropout this is what DeepAL+ calls MarginSamplingDropout, which cannot run as it was released: its
    arguments stand in another order than it is called with.

    >>> one, other = [[1.0, 0.0], [0.9, 0.1]], [[0.0, 1.0], [0.9, 0.1]]
    >>> ConsensusMargin().query(view(mc_probabilities=[one, other]), 1).ids
    [0]
    """

    cost: ClassVar[str] = "N S C"

    signal: Signal = Samples()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return uncertainty.margin(view[self.signal].mean(1))


@dataclass(frozen=True)
class ConsensusLeastConfidence(_OfSamples):
    """Ask where the mean of several beliefs gives its likeliest class the least. [gal2017deep]

    With passes of dropout this is what DeepAL+ calls LeastConfidenceDropout.

    >>> one, other = [[1.0, 0.0], [0.9, 0.1]], [[0.0, 1.0], [0.9, 0.1]]
    >>> ConsensusLeastConfidence().query(view(mc_probabilities=[one, other]), 1).ids
    [0]
    """

    cost: ClassVar[str] = "N S C"

    signal: Signal = Samples()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return uncertainty.least_confidence(view[self.signal].mean(1))


@dataclass(frozen=True)
class MeanStd(_OfSamples):
    """Ask where probabilities differ most between samples, by their standard deviation. [kampffmeyer2016semantic]

    >>> one, other = [[0.6, 0.4], [0.5, 0.5]], [[0.4, 0.6], [0.5, 0.5]]
    >>> MeanStd().query(view(mc_probabilities=[one, other]), 1).ids
    [0]
    """

    cost: ClassVar[str] = "N S C"

    signal: Signal = Samples()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return disagreement.mean_std(view[self.signal])


@dataclass(frozen=True)
class _OfVotes(Strategy):
    """What a strategy that counts votes wants: a learner that gives them, or its bootstrap."""

    def equip(self, learner: Learner) -> Learner:
        return several(learner, "votes")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)


@dataclass(frozen=True)
class VariationRatio(_OfVotes):
    """Ask where the fewest votes go to the class that has the most. [gal2017deep]

    Votes of several models are counted; the probability of one model's likeliest class is `LeastConfidence`.

    >>> VariationRatio().query(view(votes=[[0, 0], [0, 1], [0, 1]]), 1).ids
    [1]
    """

    cost: ClassVar[str] = "N S + N C"

    signal: Signal = Votes()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return disagreement.variation_ratio(view[self.signal])


@dataclass(frozen=True)
class VoteEntropy(_OfVotes):
    """Ask where votes are spread over the classes most evenly. [dagan1995committee]

    >>> VoteEntropy().query(view(votes=[[0, 0], [0, 1], [0, 2]]), 1).ids
    [1]
    """

    cost: ClassVar[str] = "N S + N C"

    signal: Signal = Votes()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return disagreement.vote_entropy(view[self.signal])


@dataclass(frozen=True)
class QueryByCommittee(Strategy):
    """Ask where a committee of different learners is divided, by the entropy of its votes. [seung1992query]

    The task's learner sits in it beside a linear and an RBF support vector machine and a linear discriminant, as in the
    committees that pool benchmarks favor. The discriminant is fitted by least squares with a ridge, which stands as few
    labels as there are classes. A learner that gives votes of its own is left as it is.

    Args:
        signal: The votes.
        select: Takes the top.
        members: Who sits beside the task's learner, by ``module:Class`` or as a learner's name.

    >>> QueryByCommittee().query(view(votes=[[0, 0], [0, 0], [0, 1], [0, 1]]), 1).ids
    [1]
    """

    cost: ClassVar[str] = "N S + N C"

    signal: Signal = Votes()
    select: Selector = Top()
    members: tuple[str, ...] = ("sklearn.svm:LinearSVC", "sklearn.svm:SVC", "sklearn.linear_model:RidgeClassifier")

    def equip(self, learner: Learner) -> Learner:
        if "votes" in learner.gives:
            return learner
        from askance.learners.many import Committee

        return Committee((learner, *map(_member, self.members)))

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return disagreement.vote_entropy(view[self.signal])


@cache  # the same object each time, so that two equipped learners are equal; it is cloned before it is fitted
def _member(name: str) -> Learner:
    from askance.learners.catalogue import learner

    return learner(name)

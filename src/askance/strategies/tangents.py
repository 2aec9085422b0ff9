"""Worth a label because of what a very wide network would be with it: tangent kernels in the place of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from askance.errors import BadInput, unknown
from askance.selection.base import Selector
from askance.selection.constrained import constrained_clusters
from askance.selection.expected_variance import LeastExpectedVariance
from askance.selection.kernel import Kernel, Shape, Straight, Wide
from askance.selection.order import drawn
from askance.selection.process import Process
from askance.selection.space import Space
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.signals.tangents import TangentFeatures
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities.lookahead import LookAhead, coverage, flips
from askance.view import Batch, View

CHANGES = ("outputs", "guesses")
BATCHES = ("greedy", "top")


@dataclass(frozen=True)
class EvGp(Strategy):
    """The batch that leaves a very wide network the least expected variance over the pool. [hemachandra2023training]

    The variance is that of a Gaussian process with the network's tangent kernel, over what starting weights could lead
    to; no label and no training enters. By default the network is infinitely wide; that of the paper, with new weights
    in each round and one score drawn, is ``EvGp(features=TangentFeatures(of=Untrained(learner), cotangent="one"),
    kernel=Straight())``.

    Args:
        features: What the kernel is a function of.
        kernel: `Wide`, or `Straight` for inner products of features.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.1], [1.0, -0.1], [0.0, 1.0]], labeled=[3])
    >>> EvGp().query(paper, 1).ids  # in the middle of the three
    [0]
    """

    cost: ClassVar[str] = "N M (d + L) + few of n N M for M references, at most 1,000"

    features: Signal = Embeddings()
    kernel: Shape = Wide()
    select: Selector = LeastExpectedVariance()

    def space(self, view: View) -> Space:
        return self.kernel.over(view[self.features], view.outside(self.features))


@dataclass(frozen=True)
class Mlmoc(Strategy):
    """Ask where the model's own guess, taken as label, would change most of what the model says. [mohamadi2022making]

    Most likely model output change: the model after one more label is that of an infinitely long training of its
    tangent model with squared loss, one rank-one step. What the model says are its probabilities here: scores trained
    by cross-entropy have no scale in common with targets of 0 and 1. A batch is picked one by one, and each pick
    counts as labeled with its guess for the next.

    Args:
        features: What the kernel is a function of.
        signal: What the model says.
        kernel: `Straight` for inner products of tangent features, or `Wide`.
        change: ``outputs``, the mean distance by which they move, or ``guesses``, the share of guesses that flip, as in
            the released code; ties go by the outputs.
        batch: ``greedy``, or ``top`` for the most wanted ones of the first look.
        noise: Standard deviation of the noise of a label, in units of the root mean of k(x, x) over the labeled items.
        candidates: So many candidates are looked at, at most (or as many as are wanted, if that is more).
        evaluated: So many stand for all others, at most.

    >>> layer = [[0.0, 0.0], [0.5, 0.0]]
    >>> paper = view(embeddings=[[1.0], [2.0], [-1.0]], logits=[[0.0, 0.5], [0.0, 1.0], [0.0, -0.5]], weights=layer)
    >>> Mlmoc().query(paper, 1).ids  # more in doubt than the second, and more of the others goes with it than with -1
    [0]
    """

    cost: ClassVar[str] = "L^3 + n m (m + e C) for m candidates and e others looked at"
    reads_labels: ClassVar[bool] = True

    features: Signal = TangentFeatures()
    signal: Signal = Probabilities()
    kernel: Shape = Straight()
    change: str = "outputs"
    batch: str = "greedy"
    noise: float = 1.0  # ours, chosen on seeds 100 to 103 of digits and letter
    candidates: int = 250  # Hemachandra et al. 2023, in their small setting
    evaluated: int = 500

    def __post_init__(self) -> None:
        if self.change not in CHANGES:
            raise unknown("change", self.change, CHANGES)
        if self.batch not in BATCHES:
            raise unknown("batch", self.batch, BATCHES)
        _check(self, self.candidates, self.evaluated)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        beliefs: Tensor = view[self.signal].double()
        kernel = self.kernel.over(view[self.features], view.outside(self.features))
        outside: Tensor | None = view.outside(self.signal) if kernel.beyond() else None
        told = (view.labels if kernel.beyond() else view.targets).to(beliefs)
        said = beliefs[view.labeled]
        if kernel.beyond():  # where nobody says what the model believes, it believes what it was told
            said = torch.cat([said, told[len(said) :] if outside is None else outside.to(beliefs)])
        guesses = one_hot(beliefs.argmax(1), beliefs.shape[1]) if beliefs.shape[1] else beliefs
        errors = torch.cat([told - said, (guesses - beliefs)[view.pending]])
        return _ahead(self, view, n, kernel, errors, lambda rows: beliefs[rows], lambda ahead, _: self._wanted(ahead))

    def _wanted(self, ahead: LookAhead) -> tuple[Tensor, Tensor]:
        guesses = torch.zeros_like(ahead.own)
        if not ahead.own.shape[1]:
            return ahead.own.sum(1), guesses
        guesses.scatter_(1, ahead.own.argmax(1, keepdim=True), 1.0)
        values = ahead.lengths(guesses)
        if self.change == "guesses":
            values = ahead.each(guesses, flips(ahead.scores)) + 1e-6 * values
        return values, guesses


@dataclass(frozen=True)
class NtkCpl(Strategy):
    """Ask for the label after which a very wide network would be right on most of the pool, by pseudo-labels.
    [wen2023ntkcpl]

    Pseudo-labels are clusters that no two labeled items of different classes share; right is an item whose own cluster
    scores highest in the kernel's regression on what is labeled. Each pick counts as labeled with its own cluster for
    the next. With many clusters each is nearly pure, so that coverage by clusters is coverage by classes. No code was
    released, and parts of the method are a reconstruction: as many clusters as labels with this batch, as in TypiClust.

    Args:
        features: What the kernel is a function of.
        places: What is clustered.
        kernel: `Wide` for an infinitely wide head on features, or `Straight` on tangent features.
        clusters_at_most: The most clusters before those with several classes are cut up.
        noise: As in `Mlmoc`.
        candidates: So many candidates are looked at, at most (or as many as are wanted, if that is more).
        evaluated: So many items of the pool stand for all, at most.

    >>> paper = view(embeddings=[[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 1.0], [0.1, 0.9]], labeled=[0], labels=[0])
    >>> NtkCpl().query(paper, 1).ids[0] in (2, 3, 4)  # the cluster that nothing covers
    True
    """

    cost: ClassVar[str] = "K N d + L^3 + n m (m + e K) for K clusters, m candidates and e others looked at"
    reads_labels: ClassVar[bool] = True

    features: Signal = Embeddings()
    places: Signal = Embeddings()
    kernel: Shape = Wide()
    clusters_at_most: int = 100
    noise: float = 0.1
    candidates: int = 250  # Hemachandra et al. 2023, in their small setting
    evaluated: int = 500

    def __post_init__(self) -> None:
        _check(self, self.candidates, self.evaluated, self.clusters_at_most)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        places: Tensor = view[self.places]
        classes = view.labels.argmax(1) if view.labels.shape[1] else view.labels.new_zeros(len(view.labels)).long()
        kernel = self.kernel.over(view[self.features], view.outside(self.features))
        own, known = constrained_clusters(
            places,
            max(1, min(self.clusters_at_most, len(classes) + len(view.pending) + n, len(places))),
            view.of_labeled(self.places),
            classes,
            keys=view.keys,
            dice=view.dice.of("clusters"),
        )
        count = int(torch.cat([own, known]).max()) + 1
        targets = one_hot(torch.cat([known, own[view.pending]]), count).double()
        return _ahead(
            self,
            view,
            n,
            kernel,
            targets,
            lambda rows: targets.new_zeros(len(rows), count),
            lambda ahead, rows: self._wanted(ahead, own, count, *rows),
        )

    def _wanted(self, ahead: LookAhead, own: Tensor, count: int, rows: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        targets = one_hot(own[rows], count).to(ahead.own)
        return ahead.each(targets, coverage(own[others])), targets


Wanted = Callable[[LookAhead, tuple[Tensor, Tensor]], tuple[Tensor, Tensor]]


def _ahead(
    part: Mlmoc | NtkCpl,
    view: View,
    n: int,
    kernel: Kernel,
    errors: Tensor,
    before: Callable[[Tensor], Tensor],
    wanted: Wanted,
) -> Batch:
    """Greedy on what a label would do to the predictions of a Gaussian process.

    Args:
        part: The strategy; its noise, and how many items are looked at.
        view: The pool.
        n: How many are wanted.
        kernel: Of the process.
        errors: What the known items were told to be, less what was expected of them: of labeled items, of those behind
            the pool, and of pending ones, (known, classes).
        before: What is expected of rows, (rows, classes).
        wanted: From the look-ahead and the rows of candidates and others to how wanted each candidate is, and the
            target that it would count with.
    """
    order = drawn(view.candidates, view.dice.of("candidates").uniform(view.keys))
    rows = order[: max(part.candidates, n)]
    others = drawn(view.candidates, view.dice.of("others").uniform(view.keys), part.evaluated)
    known = torch.cat([view.labeled, kernel.beyond_rows(), view.pending])
    process = Process(kernel, known, part.noise, view.candidates)
    ahead = LookAhead(
        process.covariance(rows, others),
        process.covariance(rows, rows),
        process.variance,
        before(rows) + process.mean(rows, errors),
        before(others) + process.mean(others, errors),
    )
    said = {"jitter": process.jitter} if process.jitter else {}
    open_ = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    places: list[int] = []
    values: list[float] = []
    found, targets = wanted(ahead, (rows, others)) if len(rows) else (errors[:0, 0], errors[:0])
    while len(places) < min(n, len(rows)):
        place = int(found.masked_fill(~open_, -torch.inf).argmax())
        places.append(place)
        values.append(float(found[place]))
        open_[place] = False
        if len(places) < n and not (isinstance(part, Mlmoc) and part.batch == "top"):
            ahead.take(place, targets[place])
            found, targets = wanted(ahead, (rows, others))
    return view.batch(rows[places], notes=[{"utility": value, **said} for value in values])


def _check(part: Mlmoc | NtkCpl, *counts: int) -> None:
    """Refuse numbers of items, or noise, that leave nothing to look at."""
    if min(counts) < 1 or not 0 <= part.noise < float("inf"):
        raise BadInput(f"{part} looks at nothing. Use numbers of 1 or more, and noise of 0 or more.")

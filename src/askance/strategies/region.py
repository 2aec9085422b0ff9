"""Worth a label because models that explain what is known differ about it, and not because it is a coin's flip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.learners.base import Learner
from askance.selection.base import Selector
from askance.selection.order import drawn
from askance.selection.space import Features, Space
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.signals.samples import Samples
from askance.strategies.base import Strategy, several
from askance.strategies.lookahead import bends
from askance.task import Classes, Task
from askance.utilities import region
from askance.utilities.lookahead import lifted, solver
from askance.utilities.region import Gap
from askance.utilities.version_space import open_points
from askance.view import Batch, View

LOSSES = ("log", "square")
ORDERS = ("uniform", "widest")
EMPTY = ("stop", "random")


@dataclass(frozen=True)
class Bounds:
    """Says between what bounds the gap of the two likeliest classes of each item lies; a subclass writes `gap`."""

    def equip(self, learner: Learner) -> Learner:
        """What it wants of the task learner."""
        return learner

    def gap(self, view: View, rows: Tensor) -> Gap:
        """The gap of some rows of the pool and its bounds."""
        raise TypeError(f"{type(self).__name__} gives no bounds")


@dataclass(frozen=True)
class ClosedForm(Bounds):
    """Bounds from how much the last layer may turn: ``beta sqrt(h' A^-1 h)`` with ``A = ridge I + sum w h h'``.

    With the log loss they lie around the odds that the model gives, and w is the curvature of what is labeled, for two
    classes exactly that of the head. With the square loss, which is the paper's, a ridge regression onto 0 and 1 is
    fitted in closed form, w is 1, and they are the bounds of the paper's active set for ``beta_m = beta^2``, which
    `utilities.fake_points` finds by refits. Features are taken from the mean of what is labeled. Of labeled items
    outside of the pool without probabilities, nothing is known: they bend the loss most.

    Args:
        features: What the last layer reads.
        signal: What the model believes.
        loss: ``log`` or ``square``.
        beta: How many times the width; with too few, noise is asked for after all, and abstentions come too early.
        ridge: The penalty of the last layer.
    """

    features: Signal = Embeddings()
    signal: Signal = Probabilities()
    loss: str = "log"
    beta: float = 2.0
    ridge: float = 1.0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise unknown("loss", self.loss, LOSSES)
        if not (self.beta > 0 and self.ridge > 0):
            raise BadInput(f"{type(self).__name__}(beta={self.beta}, ridge={self.ridge}) bounds nothing. Use above 0.")

    def gap(self, view: View, rows: Tensor) -> Gap:
        features: Tensor = view[self.features][rows].double()
        own = view.of_labeled(self.features).double()
        middle = (
            own.mean(0) if len(own) else view[self.features].double().mean(0)
        )  # else the penalty on the bias hangs on where 0 lies
        features, known = features - middle, lifted(own - middle)
        if self.loss == "square":
            one = torch.ones(len(known), dtype=torch.float64, device=known.device)
            solve = solver(known, one, self.ridge)
            head = solve((known.T @ view.labels.to(known)).T)  # (classes, features + 1)
            values = torch.addmm(head[:, -1], features, head[:, :-1].T)
            return region.of_numbers(values, 2 * self.beta * region.widths(solve, features))
        solve = solver(known, bends(view, self.signal, known), self.ridge)
        reach = 2**0.5 * self.beta * region.widths(solve, features)  # of the logarithm of odds
        return region.of_odds(view[self.signal][rows], reach)


@dataclass(frozen=True)
class OfMembers(Bounds):
    """Bounds from members that each saw the labels resampled: quantiles of what they say.

    Args:
        signal: What the whole believes.
        samples: What each member believes.
        share: Of the members that may lie beyond each bound.
    """

    signal: Signal = Probabilities()
    samples: Signal = Samples()
    share: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.share < 0.5:
            raise BadInput(f"OfMembers(share={self.share}) leaves nobody between the bounds. Use 0.05.")

    def equip(self, learner: Learner) -> Learner:
        return several(learner, "samples")

    def gap(self, view: View, rows: Tensor) -> Gap:
        return region.of_members(view[self.signal][rows], view[self.samples][rows], self.share)


@dataclass(frozen=True)
class _Open(Strategy):
    """What asks in a region, and stops when it is empty."""

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)


@dataclass(frozen=True)
class NeuralCalPlusPlus(_Open):
    """Ask where the class is open and not known to be a coin's flip, and stop where that is nowhere. [zhu2022active]

    Of the two likeliest classes the gap has bounds. If 0 lies between them the class is open; if both lie within
    ``2 gamma`` of 0 it is known that nobody could do much better than a coin, and no label is spent on that. What is
    asked among the rest is drawn uniformly, as in the paper. Fewer than wanted end the round; none end the study.

    Args:
        bounds: Where the bounds come from.
        gamma: From how near to 1/2 the larger of two probabilities is a coin's; the price of abstaining is 1/2 - gamma.
        slack: Added to both ends of a probability's bounds, for what no model of the kind can say; up to gamma / 4.
        by: ``uniform``, or the ``widest`` bounds first.
        select: Picks in the region; one that spreads picks does so over `features`.
        features: Where a selector that spreads picks finds them.
        empty: What to do where the region is: ``stop``, or ask at ``random`` for whoever must spend.

    >>> paper = view(logits=[[3.0, 0.0], [0.2, 0.0]], embeddings=[[0.0], [0.0]])
    >>> NeuralCalPlusPlus(ClosedForm(beta=0.5)).query(paper, 2).ids  # 3 +- 0.71 is clear of 0, 0.2 +- 0.71 is not
    [1]
    """

    cost: ClassVar[str] = "L d^2 + d^3 + N d min(d, L)"
    reads_labels: ClassVar[bool] = True  # by the square loss

    bounds: Bounds = ClosedForm()
    gamma: float = 0.1
    slack: float = 0.0
    by: str = "uniform"
    select: Selector = Top()
    features: Signal = Embeddings()
    empty: str = "stop"

    def __post_init__(self) -> None:
        if self.by not in ORDERS:
            raise unknown("order", self.by, ORDERS)
        if self.empty not in EMPTY:
            raise unknown("way out of an empty region", self.empty, EMPTY)
        if not 0 <= self.gamma <= 0.5 or not self.slack >= 0:
            raise BadInput(
                f"NeuralCalPlusPlus(gamma={self.gamma}, slack={self.slack}) has no region. gamma is from 0 to 1/2 and "
                f"slack from 0 to a quarter of it."
            )

    def equip(self, learner: Learner) -> Learner:
        return self.bounds.equip(learner)

    def space(self, view: View) -> Space:
        return Features(view[self.features])

    def query(self, view: View, n: int) -> Batch:
        gap = self.bounds.gap(view, view.candidates)
        rows = view.candidates[region.wanted(gap.lower, gap.upper, self.gamma, self.slack)]
        if not len(rows):
            return self._nowhere(view, region.stops(gap.lower, gap.upper, self.gamma, self.slack), n)
        ends = torch.zeros(2, len(view), dtype=torch.float64, device=gap.lower.device)
        ends[:, view.candidates] = torch.stack([gap.lower, gap.upper])
        wide = ends[1] - ends[0]
        picked = self.select.pick(
            min(n, len(rows)),
            candidates=rows,
            known=view.known,
            keys=view.keys,
            dice=view.dice.of("select"),
            utility=wide if self.by == "widest" else torch.zeros_like(wide),
            space=self.space(view),
        )
        notes = [
            {"utility": round(high - low, 6), "lower": round(low, 6), "upper": round(high, 6)}
            for low, high in ends[:, picked.rows].T.tolist()
        ]
        short = len(picked.rows) < min(n, len(view.candidates))
        return view.batch(picked.rows, reason="done" if short else "", notes=notes)

    def _nowhere(self, view: View, why: str, n: int) -> Batch:
        if self.empty == "stop":
            return view.batch(view.candidates[:0], reason=f"stop: {why}")
        return view.batch(drawn(view.candidates, view.dice.of("random").uniform(view.keys), n))


@dataclass(frozen=True)
class NeuralCal(_Open):
    """Ask where classifiers differ that explain what is known nearly as well as the best one. [zhu2022active]

    The version space is never listed: a class is possible for an item if a linear classifier that is forced to say so
    gets no more of what is known wrong than the slack allows. That is a fit for every candidate and class, so some
    candidates are looked at, drawn by a hash of their keys, and it is for small pools. Features are taken around the
    mean of what is known, in units of its spread. What is asked in the region is drawn uniformly. Each round is an
    epoch of the paper's, whatever its size.

    Args:
        features: What the classifiers read.
        candidates: So many are looked at, at most.
        scale: Of the slack.
        ridge: Of the forced fits.

    >>> two = Classes((0, 1))
    >>> paper = view(embeddings=[[-1.0], [1.0], [5.0], [0.0]], labeled=[0, 1], labels=[0, 1], task=two)
    >>> NeuralCal(scale=0.1).query(paper, 1).ids  # at 5 a classifier that says 0 is wrong at 1
    [3]
    """

    cost: ClassVar[str] = "m C fits of L labels, for m candidates looked at"
    revision: ClassVar[int] = 3  # features are read in units of their spread, which the ridge had hung on
    reads_labels: ClassVar[bool] = True

    features: Signal = Embeddings()
    candidates: int = 200
    scale: float = 0.5
    ridge: float = 1e-2

    def __post_init__(self) -> None:
        if self.candidates < 1 or not (self.scale > 0 and self.ridge > 0):
            raise BadInput(f"{self} has no version space. candidates, scale and ridge must be above 0.")

    def query(self, view: View, n: int) -> Batch:
        order = drawn(view.candidates, view.dice.of("candidates").uniform(view.keys))
        shown = order[: self.candidates]
        known = view.of_labeled(self.features).double()
        labels = view.labels.double()
        weights = torch.ones(len(known), dtype=torch.float64)
        points = view[self.features][shown].double()
        if len(known):
            middle = known.mean(0)
            known, points = known - middle, points - middle
            scale = _size(known) or _size(points) or 1.0
            known, points = known / scale, points / scale
        found = open_points(known, labels, weights, points, ridge=self.ridge, scale=self.scale, most=max(1, n))
        rows = shown[found.to(shown.device)][:n]
        if len(rows) or not len(shown):
            return view.batch(rows, reason="done" if len(rows) < min(n, len(view.candidates)) else "")
        looked = f"of {len(shown)} candidates looked at" if len(shown) < len(order) else f"of {len(shown)} candidates"
        return view.batch(rows, reason=f"stop: {looked} none has a class that classifiers nearly as good differ about")


def _size(points: Tensor) -> float:
    """The root mean square of all numbers; of the largest first, as squares of tiny ones would vanish."""
    most = float(points.abs().amax()) if points.numel() else 0.0
    return most * float((points / most).square().mean().sqrt()) if most else 0.0

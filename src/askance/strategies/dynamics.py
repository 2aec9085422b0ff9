"""Worth a label because training would go faster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.errors import unknown
from askance.learners.gradient import LabeledGradient
from askance.selection.base import Selector
from askance.selection.influence import greedy_influence
from askance.selection.space import normalized
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.gradients import off_the_guess
from askance.signals.movement import GradientNorms, ScoresAlong
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities.movement import dynamics, gradient_sum
from askance.view import Batch, View

BATCHES = ("top", "apart", "exact")


@dataclass(frozen=True)
class DynamicAl(Strategy):
    """Ask where a label would make the training loss fall fastest, as the last layer sees it. [wang2022dynamical]

    With the model's guess as label, an item's gradient is g = (p - onehot(guess)) x h, and G sums the labeled items'
    gradients: the item adds ``|g|^2 + 2 <g, G>`` to the squared norm of the whole gradient, which is how fast the loss
    falls. The paper takes the n highest, leaving out what the items of a batch say to each other. Adding that, as the
    exact greedy rule does, makes batches of alike items and is worse than random on frozen features, so it is no
    default. With a converged head G is what the penalty holds against it, -ridge W, and the second term is one more
    measure of uncertainty.

    Args:
        signal: What the model believes.
        features: What its last layer reads.
        batch: ``top``, the paper's; ``apart``, minus the products with the picks before, the released code's
            de-influence; ``exact``, plus twice these products, the greedy rule for the objective itself.
        trained: Whether the second term counts.
        scaled: Whether features are scaled to length one first: outliers win by their length else.
        select: Takes the top, where ``batch`` says so.

    >>> paper = view(probabilities=[[1.0, 0.0], [0.6, 0.4], [0.5, 0.5]], embeddings=[[3.0], [1.0], [1.0]])
    >>> DynamicAl().query(paper, 1).ids
    [2]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "(N + L) C d; apart, exact: + n N (C + d)"

    signal: Signal = Probabilities()
    features: Signal = Embeddings()
    batch: str = "top"
    trained: bool = True
    scaled: bool = False
    select: Selector = Top()

    def __post_init__(self) -> None:
        if self.batch not in BATCHES:
            raise unknown("batch", self.batch, BATCHES)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        left, right = self._factors(view)
        return dynamics(left, right, self._trained(view))

    def query(self, view: View, n: int) -> Batch:
        if self.batch == "top" or not view.task.width:
            return super().query(view, n)
        left, right = self._factors(view)
        rows, values = greedy_influence(
            dynamics(left, right, self._trained(view)),
            left,
            right,
            min(n, len(view.candidates)),
            each=2.0 if self.batch == "exact" else -1.0,
            candidates=view.candidates,
            noise=view.dice.of("ties").uniform(view.keys),
        )
        return view.batch(rows, notes=[{"utility": value} for value in values.tolist()])

    def _factors(self, view: View) -> tuple[Tensor, Tensor]:
        """What the guesses leave over, and the features."""
        features = view[self.features]
        return off_the_guess(view[self.signal]), normalized(features) if self.scaled else features

    def _trained(self, view: View) -> Tensor | None:
        """The sum of the labeled items' gradients; None where it does not count or nothing is labeled."""
        if not self.trained or not len(view.labels):
            return None
        features = view.of_labeled(self.features)
        residuals = view.of_labeled(self.signal).double() - view.labels
        return gradient_sum(residuals, normalized(features) if self.scaled else features)


@dataclass(frozen=True)
class DynamicAlFull(Strategy):
    """Ask where a label would make the training loss fall fastest, as all weights see it. [wang2022dynamical]

    The published method in full, where `DynamicAl` sees the last layer alone: with g an item's gradient by all weights
    if the guess were its label, and G the sum of the labeled items' gradients, the n highest of ``|g|^2 + 2 <g, G>``.
    A companion sums up G once per fit; ``<g, G>`` is then a derivative of the scores along G, one pass forward over the
    pool, and lengths are taken of a few gradients at a time. In a network that was trained until it fits its labels G
    is next to nothing, and the second term with it.

    Args:
        signal: What the model believes.
        lengths: The squared length of each gradient.
        along: How fast scores change along G; None leaves the second term out.
        select: Takes the top.

    >>> paper = view(embeddings=[[3.0], [1.0], [0.1]], weights=[[1.0], [-1.0]], logits=[[3, -3], [1, -1], [0.1, -0.1]])
    >>> DynamicAlFull().query(paper, 3).ids  # nothing is labeled: a long gradient alone counts
    [2, 1, 0]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "a pass of the network forward over N items and back over N + L, N of them one by one"

    signal: Signal = Probabilities()
    lengths: Signal = GradientNorms()
    along: Signal | None = ScoresAlong(of=LabeledGradient())
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        lengths: Tensor = view[self.lengths]
        if self.along is None:
            return lengths
        residuals = off_the_guess(view[self.signal].to(lengths))
        products: Tensor = (residuals * view[self.along].to(lengths)).sum(1)
        return lengths + 2 * products

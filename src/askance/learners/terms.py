"""Terms of the loss that read how unsure the network itself is while it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from askance.errors import BadInput, unknown
from askance.learners.beside import Beside, Step
from askance.task import Classes

KINDS = ("softmax", "power")
_LEAST = 1e-6  # of a score whose logarithm is taken


@dataclass(frozen=True)
class Dependency(Beside):
    """Takes into account that labeled items were not drawn by chance but by how unsure the model was.
    [kalkanli2025dependency]

    The likelihood of the labels is multiplied by the probability of asking for these items, P(x) in proportion to
    ``exp(beta s(x))`` for ``softmax``, to ``s(x)^beta`` for ``power``, with s the acquisition score of the model that
    is being trained. To the loss of each labeled item is therefore added

    - softmax: ``-beta s(x) + log mean_u exp(beta s(u))``,
    - power: ``-beta log s(x) + log mean_u s(u)^beta``,

    where the second part is the normalizer of P, over the pool. Here it is estimated on as many unlabeled items as are
    in the batch, and belongs to the definition; the released code drops it, which is ``normalized=False``. Then
    entropy by softmax is `ConfidencePenalty` and nothing else, so compare with that. The sum over the pool is written
    as a mean: they differ by a constant. All labeled items count as asked for, those of the start too, as in the code.

    A score is ``entropy``, ``least-confidence``, ``1 - p1``, or ``margin``, ``-(p1 - p2)``. A power needs scores above
    0: there the margin is ``1 - (p1 - p2)`` (the released code takes the logarithm of a number below 0), and no score
    counts as less than 1e-6. Ranks, and scores of committees or of core-sets, have no gradient: with them the released
    method is plain training, and here they are refused.

    Args:
        beta: How sharply items were drawn by their score; that of the selector.
        score: The acquisition score.
        kind: How items were drawn by it.
        normalized: Whether the normalizer counts.
    """

    revision: ClassVar[int] = 2  # unlabeled items are walked through evenly, whatever the sizes of batches

    beta: float = 1.0
    score: str = "entropy"
    kind: str = "softmax"
    normalized: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.beta < math.inf:
            raise BadInput(f"Dependency(beta={self.beta}) must be above 0 and finite. Use 1, or leave the term out.")
        if self.kind == "soft-rank" or self.score == "rank":
            raise BadInput(
                "The rank of an item has no gradient, so a term of it trains nothing. Use kind='softmax' or 'power', "
                "with score='entropy', 'margin' or 'least-confidence'."
            )
        if self.kind not in KINDS:
            raise unknown("kind", self.kind, KINDS)
        if self.score not in _SCORES:
            raise unknown("score", self.score, tuple(_SCORES))

    def loss(self, module: nn.Module, step: Step) -> Tensor:
        found = -(step.weights * self._logits(step.seen.scores, step)).mean()
        items = step.unlabeled(len(step.rows)) if self.normalized else step.items[:0]
        if not len(items):
            return found
        pool = self._logits(step.model.look(items).scores, step)
        return found + step.weights.mean() * (torch.logsumexp(pool, 0) - math.log(len(pool)))

    def _logits(self, scores: Tensor, step: Step) -> Tensor:
        """The logarithm of what P is in proportion to, (items,)."""
        _refuse_others(self, step)
        found = _SCORES[self.score](scores)
        if self.kind == "softmax":
            return self.beta * found
        positive = found + 1 if self.score == "margin" else found
        return self.beta * positive.clamp_min(_LEAST).log()


@dataclass(frozen=True)
class ConfidencePenalty(Beside):
    """Rewards predictions that are unsure, ``-beta H(p)`` for each labeled item. [pereyra2017regularizing]

    Args:
        beta: How much the entropy, in nats, counts beside the loss of the task.
    """

    beta: float = 0.1  # the authors, for pictures of digits and for words

    def __post_init__(self) -> None:
        if not 0 <= self.beta < math.inf:
            raise BadInput(f"ConfidencePenalty(beta={self.beta}) must be 0 or more, and finite. Use 0.1.")

    def loss(self, module: nn.Module, step: Step) -> Tensor:
        _refuse_others(self, step)
        return -(step.weights * (self.beta * _entropy(step.seen.scores))).mean()


def _entropy(scores: Tensor) -> Tensor:
    """Of the softmax of scores (items, classes), in nats, with gradients: (items,)."""
    logs = scores.log_softmax(1)
    return -(logs.exp() * logs).sum(1)


def _margin(scores: Tensor) -> Tensor:
    """Minus the difference of the two likeliest classes, (items,); with one class -1."""
    shares = scores.softmax(1)
    if shares.shape[1] < 2:
        return -shares.sum(1)
    first, second = shares.topk(2).values.unbind(1)
    return second - first


def _least_confidence(scores: Tensor) -> Tensor:
    """One minus the likeliest class, (items,)."""
    return 1 - scores.softmax(1).amax(1)


_SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "entropy": _entropy,
    "margin": _margin,
    "least-confidence": _least_confidence,
}


def _refuse_others(part: Beside, step: Step) -> None:
    if not isinstance(step.lesson.task, Classes):
        raise BadInput(
            f"{type(part).__name__} reads class probabilities, and the items are labeled with {step.lesson.task}. "
            f"Leave it out."
        )

"""Filters that leave what is neither out of the model's reach nor known to it: candidates of bounded uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from askance.errors import BadInput, MissingSignal
from askance.meta.narrow import Filter
from askance.signals.base import Signal
from askance.signals.dynamics import Recorded
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.task import Classes, Task
from askance.utilities.calibrated import cross_fitted, held_back, strength_of, variance
from askance.utilities.history import reached
from askance.utilities.uncertainty import entropy
from askance.view import View

LEAST = 20  # labels; on fewer no strength is fitted, and beliefs are as the model has them


@dataclass(frozen=True)
class Learnable(Filter):
    """Candidates of which the model was sure at one of its last looks at least. [go2023transferable]

    The upper bound of TBU: what is unsure at every look may have no clear class at all. Sure is a probability of at
    least the threshold of the guessed class, ``tau_c = g l_c / max l``, with g the mean of the highest and l_c of the
    class's probability over the open items at that look. The paper tells it of a proxy, trained by FreeMatch on labeled
    and unlabeled items together, whose thresholds are running means over its batches; here the task learner's own
    training stands in for it, and the means are those of the look. An item that was not recorded stays.

    Args:
        looks: How many of the last looks count.
        history: What the model believed at each look.
    """

    looks: int = 5  # the authors' code, where the last five lie an eighth of the training apart
    history: Signal = Recorded("probabilities")

    def __post_init__(self) -> None:
        if self.looks < 1:
            raise BadInput(f"Learnable(looks={self.looks}) looks at nothing. Use 1 or more.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def keep(self, view: View, n: int) -> Tensor:
        history = reached(view[self.history])[:, -self.looks :]  # (items, looks, classes)
        if not history.shape[2]:
            return view.candidates
        open_ = torch.ones(len(history), dtype=torch.bool)
        open_[view.labeled] = False
        unsure = [_unsure(beliefs, open_)[view.candidates] for beliefs in history.unbind(1)]
        return view.candidates[~torch.stack(unsure).all(0)]


@dataclass(frozen=True)
class Doubtful(Filter):
    """Candidates that are less certain than nearly all labeled items of their guessed class. [go2023transferable]

    The lower bound of TBU: what is more certain than that teaches another model nothing either. Of each class, the
    quantile of its labeled items' entropies counts; a class without labels keeps all. Beliefs are held back where
    features are unlike those of the labels: scores are divided by ``sqrt(1 + lambda h' C h)``, C the last layer's
    Laplace covariance. Lambda makes labeled items likeliest of which heads, fitted to the embeddings of the others,
    know nothing; the released code fits it to the test split. A deep network has learned from all of them, so that its
    embeddings are tidier there than elsewhere, and lambda is too small rather than too large.

    Args:
        share: The quantile.
        beliefs: What the model believes.
        features: What its last layer reads.
        folds: Labeled items are held out in so many parts.
        ridge: Of the heads that are fitted to the rest, on features of mean square 1.
    """

    share: float = 0.1
    beliefs: Signal = Probabilities()
    features: Signal = Embeddings()
    folds: int = 5
    ridge: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise BadInput(f"Doubtful(share={self.share}) must lie in [0, 1). Use 0.1 for a tenth.")
        if self.folds < 2 or not self.ridge > 0:
            raise BadInput(f"{self} cannot be fitted. Use 2 folds or more and a ridge above 0.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def keep(self, view: View, n: int) -> Tensor:
        candidates, beliefs = view.candidates, view[self.beliefs]
        told, labels = view.of_labeled(self.beliefs), view.labels
        if len(told) != len(labels):
            raise MissingSignal(f"There are {len(told)} labeled items and {len(labels)} labels. Hand in labels=.")
        if not len(labels) or beliefs.shape[1] < 2:
            return candidates
        beliefs = beliefs[candidates]
        if len(labels) >= LEAST:
            features, known = view[self.features][candidates], view.of_labeled(self.features)
            strength = self._strength(view, known, labels)
            theirs, own = (variance(places, known, told) for places in (known, features))
            told, beliefs = held_back(told, theirs, strength), held_back(beliefs, own, strength)
        wanted, theirs = entropy(beliefs), entropy(told)
        guess, classes = beliefs.argmax(1), labels.argmax(1)
        stays = torch.ones_like(candidates, dtype=torch.bool)
        for number in torch.unique(classes).tolist():
            bound = theirs[classes == number].quantile(self.share)
            stays &= (guess != number) | (wanted >= bound)
        return candidates[stays]

    def _strength(self, view: View, known: Tensor, labels: Tensor) -> float:
        """Lambda, by labeled items that were held out."""
        noise = view.dice.of("folds").uniform(view.keys[view.labeled])
        beyond = noise.new_zeros(len(labels) - len(noise))  # of no row, and so without a key: first of their fold
        fold = torch.cat([noise, beyond]).argsort(stable=True).argsort() % self.folds
        return strength_of(*cross_fitted(known, labels, fold, self.ridge), labels)


TBU: tuple[Filter, ...] = (Learnable(), Doubtful())  # ``Narrow("badge", TBU)`` is the method


def _unsure(beliefs: Tensor, open_: Tensor) -> Tensor:
    """Which items are below the threshold of their guessed class, bool (items,).

    Args:
        beliefs: At one look, (items, classes), NaN where an item was not recorded.
        open_: Whose means count, bool (items,).
    """
    top, guess = beliefs.max(1)
    counts = beliefs[open_ & torch.isfinite(top)]
    if not len(counts):
        return torch.zeros_like(open_)
    likely = counts.mean(0)
    threshold = counts.amax(1).mean() * likely / likely.max()
    return top < threshold[guess]

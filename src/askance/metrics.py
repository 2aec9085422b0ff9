"""Metrics: targets and outputs in, a number out.

Means over classes are over the classes that the truth has: a class without items was not tested. A guess of such a
class is still wrong. Without any item, every share and mean is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from askance.errors import BadInput

Z95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval
BINS = 15  # of confidence; [guo2017calibration]
GAMMAS = (0.1, 0.15)  # abstaining costs 1/2 - gamma; with one price alone, what a method gains can hide


def measures(probabilities: Tensor, truth: Tensor, gammas: Sequence[float] = GAMMAS) -> dict[str, float]:
    """Every metric of guessed classes, by name.

    Args:
        probabilities: (items, classes).
        truth: Class numbers, int64 (items,).
        gammas: For Chow's error and the coverage, one of each for every gamma, under ``chow_error_0.1`` and so on.

    Raises:
        BadInput: If a probability is none, or a class number is not one of the columns.

    >>> found = measures(tensor([[0.9, 0.1], [0.7, 0.3], [0.55, 0.45]]), tensor([0, 1, 0]))
    >>> {name: round(value, 4) for name, value in found.items() if name[-1] != "5"}     # f1: 0.8 and 0
    ... # doctest: +NORMALIZE_WHITESPACE
    {'accuracy': 0.6667, 'macro_f1': 0.4, 'balanced_accuracy': 0.5, 'worst_class_accuracy': 0.0,
     'expected_calibration_error': 0.4167, 'chow_error_0.1': 0.4667, 'coverage_0.1': 0.6667}
    """
    # As the functions below say, but each array is looked at once: the lab does this a thousand times a second.
    shares, actual = _checked(probabilities, truth).cpu().numpy(), truth.cpu().numpy()
    prices = {gamma: _price(gamma) for gamma in gammas}
    if not len(actual):
        empty = ["accuracy", "macro_f1", "balanced_accuracy", "worst_class_accuracy", "expected_calibration_error"]
        return dict.fromkeys(
            [*empty, *(f"{name}_{gamma:g}" for gamma in gammas for name in ("chow_error", "coverage"))], math.nan
        )
    guesses = shares.argmax(1)
    sure, right = shares[np.arange(len(shares)), guesses], guesses == actual
    items, guessed = (np.bincount(numbers, minlength=shares.shape[1]) for numbers in (actual, guesses))
    there = items > 0
    hits = np.bincount(actual[right], minlength=shares.shape[1])[there]
    recall = hits / items[there]
    place = np.clip(np.ceil(sure * BINS).astype(np.int64), 1, BINS) - 1
    gaps = np.bincount(place, weights=sure - right, minlength=BINS)
    found = {
        "accuracy": float(right.mean()),
        "macro_f1": float((2 * hits / (guessed + items)[there]).mean()),
        "balanced_accuracy": float(recall.mean()),
        "worst_class_accuracy": float(recall.min()),
        "expected_calibration_error": float(np.abs(gaps).sum() / len(sure)),
    }
    for gamma, price in prices.items():
        silent = sure < 1 - price
        found[f"chow_error_{gamma:g}"] = float((np.where(silent, price, ~right)).mean())
        found[f"coverage_{gamma:g}"] = float((~silent).mean())
    return found


def accuracy(right: Tensor) -> float:
    """The share of items that are right.

    Args:
        right: Whether each item is, bool (items,).
    """
    return float(right.double().mean())


def macro_f1(guesses: Tensor, truth: Tensor) -> float:
    """The mean, over the classes of the truth, of 2 hits / (guesses of the class + items of the class).

    Args:
        guesses: Class numbers, int64 (items,).
        truth: Class numbers, int64 (items,).

    >>> macro_f1(tensor([0, 0, 0, 1]), tensor([0, 0, 1, 1]))        # 4/5 and 2/3
    0.7333333333333334
    """
    hits, guessed, items = _counts(guesses, truth)
    return float((2 * hits / (guessed + items)).mean())


def balanced_accuracy(guesses: Tensor, truth: Tensor) -> float:
    """The mean, over the classes of the truth, of the share of its items that are right. [brodersen2010balanced]

    Args:
        guesses: Class numbers, int64 (items,).
        truth: Class numbers, int64 (items,).

    >>> balanced_accuracy(tensor([0, 0, 0, 1]), tensor([0, 0, 0, 0]))       # class 1 has no item
    0.75
    """
    hits, _, items = _counts(guesses, truth)
    return float((hits / items).mean())


def worst_class_accuracy(guesses: Tensor, truth: Tensor) -> float:
    """The least, over the classes of the truth, of the share of its items that are right.

    Args:
        guesses: Class numbers, int64 (items,).
        truth: Class numbers, int64 (items,).

    >>> worst_class_accuracy(tensor([0, 0, 0, 1]), tensor([0, 0, 1, 1]))
    0.5
    """
    hits, _, items = _counts(guesses, truth)
    return float((hits / items).min()) if len(items) else math.nan


def expected_calibration_error(probabilities: Tensor, truth: Tensor, bins: int = BINS) -> float:
    """How far confidence is from accuracy, on average over items in bins of confidence. [guo2017calibration, Eq. 3]

    Confidence is the probability of the likeliest class. Bins are equally wide; each holds its upper end.

    Args:
        probabilities: (items, classes).
        truth: Class numbers, int64 (items,).
        bins: How many, at least 1.

    Raises:
        BadInput: If a probability or a class number cannot be one, or there is no bin.

    >>> expected_calibration_error(tensor([[0.75, 0.25], [0.75, 0.25]]), tensor([0, 0]))     # sure of 75%, 100% right
    0.25
    """
    if bins < 1:
        raise BadInput(f"{bins} bins cannot hold an item. Use bins={BINS}.")
    confidence, guesses = _checked(probabilities, truth).max(1)
    gap = confidence - (guesses == truth).double()
    bin = (confidence * bins).ceil().long().clamp(1, bins) - 1
    sums = torch.zeros(bins, dtype=torch.float64, device=gap.device).index_add_(0, bin, gap)
    return float(sums.abs().sum() / len(gap)) if len(gap) else math.nan


def chow_error(probabilities: Tensor, truth: Tensor, abstain: Tensor, gamma: float) -> float:
    """The share of items answered wrongly, and 1/2 - gamma for each share of items not answered. [zhu2022active]

    A flip of a coin costs 1/2, so abstaining is cheaper than a coin by gamma. [chow1970optimum]

    Args:
        probabilities: (items, classes); the likeliest class is the answer.
        truth: Class numbers, int64 (items,).
        abstain: Which items are not answered, bool (items,).
        gamma: From 0 to 1/2.

    Raises:
        BadInput: If gamma is no such number, or arrays do not belong together.

    >>> shares = tensor([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.5, 0.5]])
    >>> chow_error(shares, tensor([0, 1, 0, 1]), abstains(shares, 0.25), gamma=0.25)     # one wrong, two at 1/4 each
    0.375
    """
    wrong = _checked(probabilities, truth).argmax(1) != truth
    if abstain.shape != truth.shape:
        raise BadInput(f"abstain has shape {tuple(abstain.shape)} for {len(truth)} items. Give one bool for each item.")
    abstain = abstain.bool()
    return float(((wrong & ~abstain).double() + _price(gamma) * abstain.double()).mean())


def abstains(probabilities: Tensor, gamma: float) -> Tensor:
    """Chow's rule: where the likeliest class has a probability under 1/2 + gamma, abstaining costs less than a guess.

    It has the least expected Chow error if the probabilities are true. [chow1970optimum]

    Args:
        probabilities: (items, classes).
        gamma: From 0 to 1/2.

    Returns:
        bool (items,).

    Raises:
        BadInput: If gamma is no such number.

    >>> abstains(tensor([[0.5, 0.5], [0.625, 0.375], [0.75, 0.25]]), gamma=0.125)
    tensor([ True, False, False])
    """
    return probabilities.double().max(1).values < 1 - _price(gamma)


def coverage(abstain: Tensor) -> float:
    """The share of items that are answered.

    Args:
        abstain: Which are not, bool (items,).
    """
    return accuracy(~abstain.bool())


def wilson(right: int, items: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval for a share. [wilson1927probable]

    Args:
        right: How many items are right.
        items: Out of how many.
        z: The normal quantile; the default gives 95 %.

    >>> low, high = wilson(8, 10)
    >>> f"{low:.4f} {high:.4f}"
    '0.4902 0.9433'
    """
    share = right / items
    center = share + z * z / (2 * items)
    half = z * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    scale = 1 + z * z / items
    return max(0.0, (center - half) / scale), min(1.0, (center + half) / scale)


def _counts(guesses: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hits, guesses and items of every class of the truth, float64 (classes of the truth,) each."""
    if guesses.shape != truth.shape or truth.dim() != 1:
        raise BadInput(
            f"guesses have shape {tuple(guesses.shape)} and truth has {tuple(truth.shape)}. "
            f"Give one class number for each item in both."
        )
    classes, code = torch.unique(truth, return_inverse=True)
    items = torch.bincount(code, minlength=len(classes))
    hits = torch.bincount(code[guesses == truth], minlength=len(classes))
    place = torch.searchsorted(classes, guesses)
    known = torch.isin(guesses, classes)
    guessed = torch.bincount(place[known], minlength=len(classes))
    return hits.double(), guessed.double(), items.double()


def _checked(probabilities: Tensor, truth: Tensor) -> Tensor:
    """The probabilities in double precision, where both are what they should be."""
    if probabilities.dim() != 2 or not probabilities.shape[1] or truth.shape != probabilities.shape[:1]:
        raise BadInput(
            f"probabilities have shape {tuple(probabilities.shape)} and truth has {tuple(truth.shape)}. "
            f"Give (items, classes) and (items,)."
        )
    found = probabilities.double()
    bad = ~((found >= -1e-6) & (found <= 1 + 1e-6)).all(1)  # a softmax of float32 may pass 1 by its last bits
    if bad.any():
        row = int(bad.nonzero()[0])
        raise BadInput(
            f"{int(bad.sum())} of {len(found)} rows hold numbers that are no probabilities, first row {row}: "
            f"{found[row].tolist()[:5]}. Give the softmax of the scores, without NaN."
        )
    classes = found.shape[1]
    if len(truth) and not (int(truth.min()) >= 0 and int(truth.max()) < classes):
        raise BadInput(
            f"truth holds class numbers from {int(truth.min())} to {int(truth.max())}, and the probabilities have "
            f"{classes} classes. Number the classes from 0, and leave out items without a class."
        )
    return found


def _price(gamma: float) -> float:
    if not 0 <= gamma <= 0.5:
        raise BadInput(f"gamma={gamma} is not from 0 to 1/2: abstaining costs 1/2 - gamma. Use gamma={GAMMAS[0]}.")
    return 0.5 - gamma

"""Utilities by name, for strategies that are put together by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from askance.describe import find
from askance.errors import BadInput, unknown

Utility = Callable[[Any], Tensor]

UTILITIES = {
    "least-confidence": "askance.utilities.uncertainty:least_confidence",
    "margin": "askance.utilities.uncertainty:margin",
    "entropy": "askance.utilities.uncertainty:entropy",
    "mean-margin": "askance.utilities.uncertainty:mean_margin",
    "energy": "askance.utilities.uncertainty:energy",
    "max-logit": "askance.utilities.uncertainty:max_logit",
    "bald": "askance.utilities.disagreement:bald",
    "consensus-entropy": "askance.utilities.disagreement:consensus_entropy",
    "mean-std": "askance.utilities.disagreement:mean_std",
    "variation-ratio": "askance.utilities.disagreement:variation_ratio",
    "vote-entropy": "askance.utilities.disagreement:vote_entropy",
}

OF_PROBABILITIES = ("least-confidence", "margin", "entropy", "mean-margin")  # the others read scores, samples or votes


def utility(what: str | Utility) -> Utility:
    """The function that a name of `UTILITIES`, ``module:function`` or a function stands for.

    Raises:
        UnknownName: If no utility has this name; the nearest one is told.
        BadInput: If what is found cannot be called.
    """
    if isinstance(what, str):
        if ":" not in what and what not in UTILITIES:
            raise unknown("utility", what, UTILITIES)
        what = find(UTILITIES.get(what, what))
    if not callable(what):
        raise BadInput(f"{what!r} is no function. Name one that turns a signal's rows into one number per item.")
    return what


def of_probabilities(what: str | Utility) -> Utility:
    """A `utility` that reads probabilities, (items, classes); of a function that has no name here nobody can tell.

    Raises:
        UnknownName: If no utility has this name; the nearest one is told.
        BadInput: If it reads something else, such as scores or the beliefs of several.
    """
    found = utility(what)
    place = f"{getattr(found, '__module__', '')}:{getattr(found, '__qualname__', '')}"
    for name, where in UTILITIES.items():
        if where == place and name not in OF_PROBABILITIES:
            raise BadInput(
                f"{name!r} does not read probabilities, and here it would be given them. Use "
                f"{', '.join(OF_PROBABILITIES)}, or a function of probabilities (items, classes) of your own."
            )
    return found

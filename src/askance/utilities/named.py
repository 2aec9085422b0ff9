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

"""Refusing what overflows: squares of features end at the root of what their type holds."""

from __future__ import annotations

from torch import Tensor

from askance.errors import BadInput


def too_large(what: str) -> BadInput:
    """The error for features that are too large to be computed with."""
    return BadInput(
        f"{what} is infinite or NaN. Check the features for NaN, and scale them down or hand them in as float64."
    )


def check_squares(features: Tensor) -> None:
    """Refuse features some of whose squared distances may be infinite.

    Args:
        features: From a place among them, as distances do not hang on it, (items, features).

    Raises:
        BadInput: If they are too large for their type, or NaN.
    """
    if features.numel() and not bool((4 * features.square().sum(1).amax()).isfinite()):
        raise too_large("A squared distance")

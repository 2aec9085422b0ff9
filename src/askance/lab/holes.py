"""Arrays of results as numbers, in which a cell that failed is a hole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from askance.errors import BadInput

Array = NDArray[np.float64]


def numbers(values: ArrayLike, axes: Sequence[str], what: str) -> Array:
    """The values in double precision; what is not finite is NaN, a hole.

    Args:
        values: Any array with these axes.
        axes: Their names, for the message.
        what: What the array is called, for the message.

    Raises:
        BadInput: If the number of axes differs, or an entry is no number.

    >>> numbers([1, float("inf")], ["seeds"], "gains")
    array([ 1., nan])
    """
    wanted = f"({', '.join(axes)})"
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{what} cannot be read as numbers: {error}. Give an array {wanted}, NaN for holes.") from error
    if found.ndim != len(axes):
        raise BadInput(f"{what} has {found.ndim} axes, of lengths {found.shape}. Give an array {wanted}.")
    return np.where(np.isfinite(found), found, np.nan)


def settled(values: Array, digits: int = 12) -> Array:
    """The values without their last bits, so that 0.8 - 0.7 and 0.9 - 0.8 are a tie.

    Args:
        values: Any shape; holes stay.
        digits: How many to keep of the value farthest from 0.

    >>> one, other = settled(np.array([0.8 - 0.7, 0.9 - 0.8]))
    >>> bool(one == other)
    True
    """
    known = np.abs(values[np.isfinite(values)])
    unit = float(known.max()) * 10.0**-digits if known.size else 0.0
    return np.asarray(np.round(values / unit) * unit) if unit > 0 else values


def checked_level(level: float) -> None:
    """Refuses the level of a test that is not between 0 and 1."""
    if not 0 < level < 1:
        raise BadInput(f"level={level} is no level of a test. Use one between 0 and 1, such as 0.05.")

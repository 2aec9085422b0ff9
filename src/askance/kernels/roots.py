"""Triangular roots of Gram matrices, also of those that are singular but for rounding."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.errors import BadInput

JITTER = 1e-12  # of the mean diagonal; ten times as much with each try
_TRIES = 9


def factored(gram: Tensor) -> tuple[Tensor, float]:
    """The lower triangular root of a Gram matrix; one that is singular but for rounding gets a little more diagonal.

    >>> factored(torch.ones(2, 2, dtype=torch.float64))[1]  # of two items that are alike
    1e-12

    Args:
        gram: Symmetric, at least 0 but for rounding, float64 (items, items).

    Returns:
        The root, and the jitter that was needed as a share of the mean diagonal: 0 where none was.

    Raises:
        BadInput: If it holds NaN, or is further from positive than rounding explains.
    """
    if not bool(gram.isfinite().all()):
        raise BadInput("A kernel is infinite or NaN. Check the features for NaN, and scale them down.")
    mean = float(gram.diagonal().mean()) if len(gram) else 1.0
    least = 1e-14 * max(mean, 0.0)  # a pivot of rounding is none, whatever sign it has
    for number in range(_TRIES + 1):
        jitter = 0.0 if number == 0 else JITTER * 10.0 ** (number - 1)
        raised = gram + jitter * mean * torch.eye(len(gram)).to(gram)
        root, wrong = torch.linalg.cholesky_ex(raised)
        if not int(wrong) and bool((root.diagonal().square() > least).all()):
            return root, jitter
    if mean == 0:
        return torch.eye(len(gram)).to(gram), 0.0  # items of length 0 say nothing of each other
    raise BadInput(
        f"A kernel has a negative direction even with {JITTER * 10.0 ** (_TRIES - 1):.0e} of its mean diagonal added. "
        f"Hand in products that belong to features, or use more noise."
    )


def root_of(gram: Tensor) -> Tensor:
    """The lower triangular root of a matrix that its noise makes positive; `factored` where rounding outweighs that.

    Args:
        gram: Symmetric, noise included, float64 (items, items).

    Raises:
        BadInput: As in `factored`.
    """
    root, wrong = torch.linalg.cholesky_ex(gram)
    return factored(gram)[0] if int(wrong) else root

"""Where items of a class and others meet along a line on which few are labeled."""

from __future__ import annotations

import torch
from torch import Tensor


def order(probabilities: Tensor, column: int, first: Tensor) -> Tensor:
    """Items from most to least of a class: by how far it is below the likeliest class of each, then by confidence.

    A class is not below the likeliest one where it is the likeliest, so there the surest come first. Source: GALAXY,
    section 3.2.

    >>> order(torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]]), 0, torch.arange(3))
    tensor([2, 0, 1])

    Args:
        probabilities: (items, classes).
        column: Of the class.
        first: The order of items that are alike in both, (items,).

    Returns:
        int64 (items,).
    """
    values = probabilities[first].double()
    confidence = values.amax(1)
    surest = confidence.argsort(descending=True, stable=True)
    below = (values[:, column] - confidence)[surest]
    return first[surest[below.argsort(descending=True, stable=True)]]


def bisecting(kinds: Tensor) -> int | None:
    """The place whose label halves the shortest stretch of open places between one kind and the other.

    Where no open place lies between the two, it is the one nearest to a cut, where one kind follows the other. Of equal
    ones the first. Source: GALAXY, Algorithms 1 and 3. The released code looks for the nearest one only where the class
    begins, not where it ends, so in a clean order it draws by chance instead.

    >>> bisecting(torch.tensor([1, 0, 0, 0, -1, 0, 1]))
    5
    >>> bisecting(torch.tensor([0, 1, -1, 0]))
    0

    Args:
        kinds: Along the line 1 for the class, -1 for others and 0 for what is open, int64 (places,).

    Returns:
        The place, or None if nothing is open or all that is known is of one kind.
    """
    told, open_ = kinds.nonzero().squeeze(1), (kinds == 0).nonzero().squeeze(1)
    meet = kinds[told[1:]] != kinds[told[:-1]]
    before, after = told[:-1][meet], told[1:][meet]  # the ends of stretches where one kind turns into the other
    if not len(before) or not len(open_):
        return None
    between = after - before - 1
    if bool(between.any()):
        at = int(torch.where(between > 0, between, len(kinds)).argmin())
        return int(before[at] + after[at]) // 2
    left = torch.searchsorted(before, open_)  # how many cuts lie before
    far = torch.full((), len(kinds))
    behind = torch.where(left > 0, open_ - after[(left - 1).clamp_min(0)], far)
    ahead = torch.where(left < len(before), before[left.clamp_max(len(before) - 1)] - open_, far)
    return int(open_[torch.minimum(behind, ahead).argmin()])

"""Chances that fall with the gap between the two likeliest classes."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.errors import BadInput


def gap_of(values: Tensor) -> Tensor:
    """How far the highest value is above the next one, (items,); infinite where there is no other.

    >>> gap_of(torch.tensor([[0.5, 0.25, 0.0], [0.5, 0.5, 0.5]]))
    tensor([0.2500, 0.0000])

    Args:
        values: (items, classes).
    """
    if values.shape[1] < 2:
        return values.new_full((len(values),), torch.inf)
    first, second = values.topk(2, dim=1).values.unbind(1)
    return first - second


def chances(gaps: Tensor, base: float = 1000.0, slope: float = 1000.0) -> Tensor:
    """Inverse gap weighting: ``w* / (base w* + slope (w - w*))`` where the gap w is not least, the rest where it is.

    w* is the least gap. Source: NeurONAL, Algorithm 2; w takes its place whatever the order of the items. The released
    code divides by a gap that may be 0: where the least gap is 0, items of a larger one have no chance, and those of
    gap 0 share what is left. Items of the least gap share it equally, as they cannot be told apart.

    >>> chances(torch.tensor([3.0, 1.0, 2.0]), base=4.0, slope=4.0)  # 1 / (4 + 8), the rest, 1 / (4 + 4)
    tensor([0.0833, 0.7917, 0.1250], dtype=torch.float64)

    Args:
        gaps: At least 0, (items,).
        base: Above 0; with 1,000 or more the rest is never below 0 for as many items.
        slope: Above 0; the larger, the greedier.

    Returns:
        float64 (items,), of sum 1.

    Raises:
        BadInput: If base or slope is not above 0.
    """
    if not (base > 0 and slope > 0):
        raise BadInput(f"base={base} and slope={slope} give no chances. Use 1000.0 for both, as the authors do.")
    wide = gaps.double()
    if not len(wide):
        return wide
    least = wide.min()
    lowest = wide == least
    if not bool(torch.isfinite(least)):
        return torch.full_like(wide, 1 / len(wide))
    out = torch.where(lowest, torch.zeros_like(wide), least / (base * least + slope * (wide - least)))
    out = out.nan_to_num(nan=0.0)  # 0 / 0 at the least gap, which `lowest` has set to 0 already
    total = float(out.sum())
    if total > 1:  # more items than the base allows for: the least keep nothing, as in the definition
        return out / total
    out[lowest] = (1 - total) / int(lowest.sum())
    return out

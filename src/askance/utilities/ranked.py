"""Scores that are compared by rank, and a top of them that gradients flow through."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.errors import BadInput

_HALVINGS = 40  # of the bracket around a threshold, before one step of Newton's
_FITTED = 2_000  # values that a mixture is fitted to, at most


def rank_normalized(values: Tensor) -> Tensor:
    """The rank of each value as a share, 0 for the least and 1 for the most; ties share the mean of their ranks.

    >>> rank_normalized(torch.tensor([3.0, -1.0, 3.0]))
    tensor([0.7500, 0.0000, 0.7500], dtype=torch.float64)

    Args:
        values: Higher is more wanted, (items,).

    Returns:
        float64 (items,); one half where there is one item alone.
    """
    if len(values) < 2:
        return torch.full((len(values),), 0.5, dtype=torch.float64)
    _, place, count = torch.unique(values, return_inverse=True, return_counts=True)
    below = count.cumsum(0) - count
    middle: Tensor = (below + (count - 1) / 2).double()
    return middle[place] / (len(values) - 1)


def rank_of_order(order: Tensor, items: int) -> Tensor:
    """The same of a rule that gives an order of some items and no number: those it left out tie below all others.

    >>> rank_of_order(torch.tensor([2, 0]), 4)
    tensor([0.6667, 0.1667, 1.0000, 0.1667], dtype=torch.float64)

    Args:
        order: Positions from 0, most wanted first, int64 (picks,).
        items: How many items there are.
    """
    values = torch.zeros(items, dtype=torch.float64)
    values[order] = torch.arange(len(order), 0, -1, dtype=torch.float64)
    return rank_normalized(values)


def soft_top(utility: Tensor, n: float, temperature: Tensor | float) -> Tensor:
    """How far each item is among the n most wanted, ``sigmoid((u - threshold) / temperature)``, summing to n.

    The threshold is where the sum is n. It moves with the utilities, and the gradient knows: raising all of them
    changes nothing. As the temperature goes to zero this is the exact top, and its gradient is zero with it.

    >>> soft_top(torch.tensor([0.0, 1.0, 2.0]), 1.5, 1.0).round(decimals=3)
    tensor([0.2690, 0.5000, 0.7310])

    Args:
        utility: (..., items); every row has a top of its own.
        n: How many, above 0 and below the number of items.
        temperature: Above 0, in units of the utility; one, or one for each row, (..., 1).

    Returns:
        (..., items), each in (0, 1).

    Raises:
        BadInput: If n or the temperature is out of range.
    """
    heat = torch.as_tensor(temperature, dtype=torch.float64)
    if not 0 < n < utility.shape[-1] or not bool((heat > 0).all()):
        raise BadInput(
            f"No soft top of {n} among {utility.shape[-1]} at temperature {temperature}. "
            f"Use more than 0 and fewer than all, and a temperature above 0."
        )
    with torch.no_grad():
        wanted = utility.double()
        low = wanted.amin(-1, keepdim=True) - 40 * heat  # beyond it every gate is open
        high = wanted.amax(-1, keepdim=True) + 40 * heat
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            above = ((wanted - middle) / heat).sigmoid().sum(-1, keepdim=True) > n
            low, high = torch.where(above, middle, low), torch.where(above, high, middle)
        found = (low + high) / 2
        gates = ((wanted - found) / heat).sigmoid()
        slopes = (gates * (1 - gates) / heat).sum(-1, keepdim=True).clamp_min(1e-300)
    # One step of Newton's leaves the value as it is, and gives the threshold its gradient.
    precise = utility.double()
    over = ((precise - found) / heat).sigmoid().sum(-1, keepdim=True) - n
    return ((precise - found - over / slopes) / heat).sigmoid().to(utility.dtype)


def mixture_quantile(values: Tensor, share: float, components: int = 5) -> float:
    """The value above which a share of a Gaussian mixture lies that is fitted to some values.

    AutoAL draws from the mixture and takes the quantile of the draws; this is where many draws lead.

    >>> round(mixture_quantile(torch.linspace(-1, 1, 101), 0.5, 1), 4)
    0.0

    Args:
        values: (items,), at least one; of many, two thousand that are evenly spread over their order are fitted.
        share: Above 0 and below 1.
        components: Of the mixture; at most as many as there are different values.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr
    from sklearn.mixture import GaussianMixture

    ordered = values.double().sort().values
    some = ordered[:: max(1, len(ordered) // _FITTED)].unsqueeze(1).numpy()
    count = min(components, len(torch.unique(ordered)))
    if count < 2 and components > 1:
        return float(ordered[0])
    fitted = GaussianMixture(count, random_state=0, reg_covar=1e-6).fit(some)
    shares, middles = fitted.weights_, fitted.means_[:, 0]
    widths = fitted.covariances_.reshape(-1) ** 0.5
    low, high = float((middles - 10 * widths).min()), float((middles + 10 * widths).max())
    return float(brentq(lambda x: float(shares @ ndtr((x - middles) / widths)) - (1 - share), low, high))

"""What is between two items: shares of a mixture, and how wanted what they mix to is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.special import betaincinv
from torch import Tensor

_PIECE = 1 << 20  # elements of a temporary


def shares_at(tau: Tensor, quantiles: Tensor) -> Tensor:
    """The share of the first of two items where Beta(tau, tau) has some quantiles.

    >>> shares_at(torch.tensor([1.0, 9.0]), torch.tensor([0.25, 0.5])).round(decimals=2)  # uniform; narrow
    tensor([[0.2500, 0.5000],
            [0.4200, 0.5000]], dtype=torch.float64)

    Args:
        tau: Above 0, (pairs,).
        quantiles: In (0, 1), (draws,), or one row for each pair.

    Returns:
        float64 (pairs, draws).
    """
    shapes = tau.double().unsqueeze(1).cpu().numpy()
    return torch.as_tensor(betaincinv(shapes, shapes, quantiles.double().cpu().numpy()))


def middles(draws: int) -> Tensor:
    """The middles of so many equal parts of (0, 1): the same draws for all pairs, and the same seen from both items."""
    return (torch.arange(draws, dtype=torch.float64) + 0.5) / draws


def mixed_utility(
    scores: Tensor,
    first: Tensor,
    second: Tensor,
    tau: Tensor,
    link: Callable[[Tensor], Tensor],
    by: Callable[[Tensor], Tensor],
    draws: int,
) -> Tensor:
    """The mean utility of what two items mix to, with shares from Beta(tau, tau).

    A last layer is linear, so features that are mixed before it have mixed scores behind it.

    Args:
        scores: Of all items, (items, classes).
        first: Rows, (pairs,).
        second: Rows, (pairs,).
        tau: (pairs,).
        link: Scores to probabilities.
        by: Probabilities (items, classes) to a utility for each.
        draws: How many shares are tried.

    Returns:
        float64 (pairs,).
    """
    shares = shares_at(tau, middles(draws)).to(scores)
    found = torch.empty(len(first), dtype=torch.float64)
    step = max(1, _PIECE // max(1, draws * scores.shape[1]))
    for start in range(0, len(first), step):
        part = slice(start, start + step)
        share = shares[part].unsqueeze(2)
        mixed = share * scores[first[part]].unsqueeze(1) + (1 - share) * scores[second[part]].unsqueeze(1)
        wanted = by(link(mixed.flatten(0, 1)).contiguous())
        found[part] = wanted.double().reshape(-1, draws).mean(1)
    return found


def rivals(first: Tensor, second: Tensor, beliefs: Tensor, wanted: Tensor) -> Tensor:
    """For each item, in the order given, a partner of the class that it may be instead: the most wanted one left.

    Where nobody of that class is left, it is the most wanted one of all.

    >>> beliefs = torch.tensor([[0.6, 0.4, 0.0], [0.1, 0.8, 0.1], [0.0, 0.1, 0.9]])
    >>> rivals(torch.tensor([0]), torch.tensor([1, 2]), beliefs, torch.tensor([0.0, 0.1, 0.2]))
    tensor([1])

    Args:
        first: Rows that choose, (pairs,).
        second: Rows that are chosen, at least as many.
        beliefs: Class probabilities of all items, (items, classes).
        wanted: How wanted each item is alone, (items,).

    Returns:
        Rows of the partners, (pairs,).
    """
    order = second[wanted[second].argsort(descending=True, stable=True)]
    guess = beliefs[order].argmax(1).tolist()
    instead = beliefs[first].topk(min(2, beliefs.shape[1]), dim=1).indices[:, -1].tolist()
    waiting: dict[int, list[int]] = {}
    for place in reversed(range(len(order))):
        waiting.setdefault(guess[place], []).append(place)
    free, found, start = [True] * len(order), [], 0
    for wish in instead:
        queue = waiting.get(wish, [])
        while queue and not free[queue[-1]]:
            queue.pop()
        while not queue and not free[start]:
            start += 1
        place = queue.pop() if queue else start
        free[place] = False
        found.append(place)
    return order[torch.tensor(found, dtype=torch.int64)]

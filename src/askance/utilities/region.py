"""Where a class is still open: rules over bounds of the gap between the two likeliest classes of an item.

With two classes the gap is ``2 eta - 1``, where eta is the probability of the one class, so that an interval of eta
that lies in ``[1/2 - gamma, 1/2 + gamma]`` is one of the gap that lies in ``[-2 gamma, 2 gamma]``. With more classes
the gap of the two likeliest takes its place, which is ours and not the paper's. [zhu2022active]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.utilities.lookahead import Solve, lifted

_PIECE = 1 << 20  # elements of a temporary
_TINY = 1e-300  # in the place of a probability of 0


class Gap(NamedTuple):
    """How far the likeliest class is ahead of the next one, and between what bounds that may lie.

    Args:
        value: As the model has it, at least 0, (items,).
        lower: From -1, (items,).
        upper: Up to 1, (items,).
    """

    value: Tensor
    lower: Tensor
    upper: Tensor


def disputed(lower: Tensor, upper: Tensor, slack: float = 0.0) -> Tensor:
    """Whether models that explain what is known differ about the class: 0 lies within the bounds. (items,)

    Args:
        lower: Of the gap, (items,).
        upper: Of the gap, (items,).
        slack: What is added to both ends of an interval of a probability, for what no model of the kind can say.

    >>> disputed(torch.tensor([-0.1, 0.1]), torch.tensor([0.3, 0.5]))
    tensor([ True, False])
    """
    return (lower - 2 * slack < 0) & (upper + 2 * slack > 0)


def abstained(lower: Tensor, upper: Tensor, gamma: float, slack: float = 0.0) -> Tensor:
    """Whether it is known that the item is nearly the flip of a coin: the bounds lie within ``2 gamma`` of 0. (items,)

    That is proper abstention: an item of which nothing is known has wide bounds, and no reason to be left out.

    Args:
        lower: Of the gap, (items,).
        upper: Of the gap, (items,).
        gamma: How far from 1/2 the larger of two probabilities may be, from 0 to 1/2.
        slack: As in `disputed`.

    Raises:
        BadInput: If gamma is no such number, or the slack is negative.

    >>> abstained(torch.tensor([-0.1, -0.1]), torch.tensor([0.1, 0.3]), gamma=0.1)
    tensor([ True, False])
    """
    if not 0 <= gamma <= 0.5:
        raise BadInput(f"gamma={gamma} is not from 0 to 1/2. Use gamma=0.1.")
    if not slack >= 0:
        raise BadInput(f"slack={slack} is below 0. Use slack=0.0, or up to a quarter of gamma.")
    edge = 2 * gamma + 1e-12
    return (lower - 2 * slack >= -edge) & (upper + 2 * slack <= edge)


def wanted(lower: Tensor, upper: Tensor, gamma: float, slack: float = 0.0) -> Tensor:
    """Whether a label is worth asking for: the class is disputed, and not known to be a coin's flip. (items,)

    >>> wanted(torch.tensor([-0.5, -0.1, 0.2]), torch.tensor([0.5, 0.1, 0.6]), gamma=0.1)
    tensor([ True, False, False])
    """
    return disputed(lower, upper, slack) & ~abstained(lower, upper, gamma, slack)


def stops(lower: Tensor, upper: Tensor, gamma: float, slack: float = 0.0) -> str:
    """Why no label is worth asking for, in words; empty where one is.

    >>> stops(torch.tensor([0.2, -0.1]), torch.tensor([0.6, 0.1]), gamma=0.1)
    'of 2 items the class of 1 is settled, and 1 is known to be a toss-up'
    >>> stops(torch.tensor([-0.5]), torch.tensor([0.5]), gamma=0.1)
    ''
    """
    if bool(wanted(lower, upper, gamma, slack).any()):
        return ""
    items, coins = len(lower), int(abstained(lower, upper, gamma, slack).sum())
    if items == 1 and not coins:
        return "its class is settled"
    if coins == items and items:
        every = (
            "the only item is known to be a toss-up" if items == 1 else f"all {items} items are known to be toss-ups"
        )
        return (
            f"{every} within gamma {gamma:g}, so every answer would be an abstention; with a smaller gamma some may be "
            f"worth a label"
        )
    are = "is" if coins == 1 else "are"
    tossed = f", and {coins} {are} known to be {'a toss-up' if coins == 1 else 'toss-ups'}" if coins else ""
    return f"of {items} items the class of {items - coins} is settled{tossed}"


def of_odds(probabilities: Tensor, reach: Tensor) -> Gap:
    """The gap, where the logarithm of the odds of any two classes may be wrong by so much.

    Of the likeliest class a and the next one b the gap is ``(p_a + p_b) tanh(log(p_a / p_b) / 2)``. The logarithm gets
    its bounds, and these go through the same function, with ``p_a + p_b`` left as it is: exact for two classes.

    Args:
        probabilities: (items, classes).
        reach: (items,), at least 0.

    >>> half = of_odds(torch.full((1, 2), 0.5), torch.tensor([3.0]).log())  # odds of 3 to 1
    >>> [round(float(bound), 3) for bound in half]
    [0.0, -0.5, 0.5]
    """
    if probabilities.shape[1] < 2:
        return _settled(probabilities)
    first, second = probabilities.double().topk(2, dim=1).values.clamp(min=_TINY).unbind(1)
    odds, both = (first / second).log(), first + second
    return Gap(first - second, *(both * torch.tanh((odds + way * reach) / 2) for way in (-1, 1)))


def of_numbers(values: Tensor, reach: Tensor) -> Gap:
    """The gap, where each class has a number that should be its probability, as of a regression onto 0 and 1.

    Args:
        values: (items, classes).
        reach: By how much the difference of any two may be wrong, (items,).

    >>> gap = of_numbers(torch.tensor([[0.2, 0.9]]), torch.tensor([0.5]))
    >>> [round(float(bound), 2) for bound in gap]
    [0.7, 0.2, 1.0]
    """
    if values.shape[1] < 2:
        return _settled(values)
    first, second = values.double().topk(2, dim=1).values.unbind(1)
    gap = first - second
    return Gap(gap.clamp(max=1), *((gap + way * reach).clamp(-1, 1) for way in (-1, 1)))


def of_members(probabilities: Tensor, samples: Tensor, share: float) -> Gap:
    """The gap between the two classes that the whole finds likeliest, and quantiles of it over members.

    Args:
        probabilities: Of the whole, (items, classes).
        samples: Of the members, (items, members, classes).
        share: Of the members that may lie below the lower bound, and above the upper one: so many, rounded down.

    >>> members = torch.tensor([[[0.9, 0.1], [0.6, 0.4], [0.4, 0.6]]])
    >>> [round(float(bound), 2) for bound in of_members(torch.tensor([[0.7, 0.3]]), members, 0.0)]
    [0.4, -0.2, 0.8]
    """
    if probabilities.shape[1] < 2:
        return _settled(probabilities)
    shares, two = probabilities.double().topk(2, dim=1)
    places = two.unsqueeze(1).expand(-1, samples.shape[1], -1)
    ahead, behind = samples.double().gather(2, places).unbind(2)
    ordered = (ahead - behind).sort(dim=1).values  # (items, members)
    out = int(share * (samples.shape[1] - 1) + 1e-9)
    return Gap(shares[:, 0] - shares[:, 1], ordered[:, out], ordered[:, samples.shape[1] - 1 - out])


def widths(solve: Solve, features: Tensor) -> Tensor:
    """``sqrt(h' A^-1 h)``, the features with a one behind them: how little of an item is known. float64 (items,)

    Args:
        solve: The inverse of A, as `lookahead.solver` gives it.
        features: (items, features).
    """
    out = torch.empty(len(features), dtype=torch.float64, device=features.device)
    for some in _steps(len(features), features.shape[1]):
        rows = lifted(features[some])
        out[some] = (solve(rows) * rows).sum(1).clamp(min=0).sqrt()
    return out


def _settled(of: Tensor) -> Gap:
    """With one class or none there is nothing to tell apart."""
    sure = torch.ones(len(of), dtype=torch.float64, device=of.device)
    return Gap(sure, sure, sure)


def _steps(count: int, width: int) -> Iterator[slice]:
    step = max(1, _PIECE // max(1, width))
    for start in range(0, count, step):
        yield slice(start, start + step)

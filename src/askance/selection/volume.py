"""Greedy rules of optimal design: the largest volume, and the least variance over the pool."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.roots import root_of
from askance.kernels.volume import best_ratio, lower, variances
from askance.selection.base import Ground, Picked, Selector
from askance.selection.posterior import Points, Posterior, covariance_root, lengths, moment

_NOTHING = 1e-10  # share of the largest variance below which, without noise, nothing is left


@dataclass(frozen=True)
class LargestVolume(Selector):
    """Again and again the candidate with the largest variance given all that is known and picked.

    Greedy maximization of ``log det(K + s I)`` of the posterior covariance K of a linear model on the features, which
    is the batch's mutual information with the model, BatchBALD of a Gaussian process (Holzmüller et al. 2023, MaxDet;
    Kirsch et al. 2019). Known items enter through the posterior alone. A pick's utility is its gain in nats,
    ``log(1 + v / s) / 2``.

    Exact, and lazy: a variance only falls, so a stale one is an upper bound; where nearly all fall, as beyond as many
    picks as there are features, matrix products bring all up to date together.

    >>> from askance.seeds import Dice
    >>> from askance.selection.space import Features
    >>> rows, plane = torch.arange(3), Features(torch.tensor([[3., 0.], [2., 0.], [0., 1.]]))
    >>> LargestVolume().pick(2, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"), space=plane).rows
    tensor([0, 2])

    Args:
        noise: Standard deviation of the noise, in units of the root mean squared length of the known items, or of the
            candidates where nothing is known; below a millionth it counts as a millionth.
        bias: Whether every item has one more feature that is always 1.
    """

    weighs: ClassVar[bool] = True

    noise: float = 1e-3  # Holzmüller et al. 2023
    bias: bool = False

    def __post_init__(self) -> None:
        check_noise(self.noise)

    def choose(self, n: int, ground: Ground) -> Picked:
        """Greedy, exact."""
        points = Points(ground, type(self).__name__, bias=self.bias)
        noise = points.noise(self.noise)
        places, values, _ = greedy(points, n, Posterior(points, noise), noise, ties(ground))
        gains = torch.tensor(values, dtype=torch.float64).div_(noise).log1p_().div_(2)
        return Picked(points.named[places], gains.to(points.rows.device))


def greedy(
    points: Points, n: int, posterior: Posterior, noise: float, draw: Tensor
) -> tuple[list[int], list[float], list[float]]:
    """The candidates of largest variance, each given the ones before.

    Args:
        points: The candidates.
        n: How many.
        posterior: What is known; changed.
        noise: Variance of the noise of a pick. Without any, fewer are picked where the rest adds no volume.
        draw: Decides between equals, (candidates,).

    Returns:
        Places among the candidates, the variance of each when it was picked, and before the first pick.
    """
    start = posterior.variances(points)
    if not bool(start.isfinite().all()):
        raise BadInput("A squared length is infinite or NaN. Check the features for NaN, and scale them down.")
    floor = _NOTHING * float(start.max()) if noise == 0 else -math.inf
    left = variances(points.array, points.rows, start.clone(), points.weights, draw)
    left.seen.fill_(posterior.count)
    places: list[int] = []
    values: list[float] = []
    while len(places) < n:
        found = left.largest(posterior.directions)
        if found is None:
            left.catch_up(posterior.directions)
            if posterior.count > posterior.width and noise > 0:
                posterior.fold()
                left.forget()
            continue
        place, value = found
        if value <= floor:
            break
        left.take(place)
        places.append(place)
        values.append(max(value, 0.0))
        posterior.learn(points.candidates(torch.tensor([place]))[0], values[-1], noise)
    return places, values, start[places].tolist()


@dataclass(frozen=True)
class LeastVariance(Selector):
    """Again and again the candidate that most lowers the variance of a linear model over the whole pool.

    Greedy V-optimality: with A the posterior covariance of the weights and C the sum of ``x x^T`` over the candidates
    and the known items, a pick lowers ``tr(A C)`` by ``x.A C A x / (x.A x + s)`` (Ash et al. 2021, BAIT; Holzmüller et
    al. 2023, BAIT-F; Hemachandra et al. 2023, EV-GP). Backward, twice as many are picked, and then the ones that
    are missed least are given up one by one; those that stay come in the order in which they lower it most. A pick's
    utility is what it lowered the mean variance by, given those before it.

    Args:
        noise: As in `LargestVolume`.
        bias: Whether every item has one more feature that is always 1.
        backward: Whether to pick twice as many and give up half of them.
    """

    weighs: ClassVar[bool] = True
    revision: ClassVar[int] = 2  # picks beyond as many as there are features are no longer decided by rounding

    noise: float = 1e-3  # Holzmüller et al. 2023
    bias: bool = True
    backward: bool = True  # Ash et al. 2021: forward-backward greedy

    def __post_init__(self) -> None:
        check_noise(self.noise)

    def choose(self, n: int, ground: Ground) -> Picked:
        """One pass over the pool per pick."""
        points = Points(ground, type(self).__name__, bias=self.bias, short=True)
        noise = points.noise(self.noise)
        posterior = Posterior(points, noise)
        before = posterior.covariance()
        pool = moment((piece for _, piece in points.pieces()), points.width, points.array.device)
        known = moment(points.knowns(), points.width, points.array.device)
        pool += known
        items = len(points.rows) + points.count_known()
        most = min(2 * n, len(points.rows)) if self.backward else n
        places, gains = _forward(points, most, posterior, pool, noise, ties(ground))
        if most > n:
            picked = points.candidates(torch.tensor(places))
            if most <= points.width:
                kept = _backward_of_few(picked, n, before, pool, noise)
            else:
                kept = _backward(picked, n, posterior.covariance(), pool, noise)
            left = torch.tensor([places[i] for i in kept])
            order, gains = _in_order(picked[kept], before, known, pool, noise, ties(ground)[left])
            places = left[order].tolist()
        rows = points.named[torch.tensor(places)]
        return Picked(rows, torch.tensor(gains, dtype=torch.float64, device=rows.device) / items)


def _forward(
    points: Points, n: int, posterior: Posterior, pool: Tensor, noise: float, draw: Tensor
) -> tuple[list[int], list[float]]:
    """Greedy by the fall in ``tr(A C)``; places and what each lowered it by."""
    fall, spread = _scores(points, posterior, pool)
    open_ = torch.ones_like(spread, dtype=torch.bool)
    places: list[int] = []
    gains: list[float] = []
    while len(places) < n:
        if _drowning(len(places), points.width):
            posterior.fold()
            fall, spread = _scores(points, posterior, pool)
        place, gain = best_ratio(fall, spread, noise, draw, open_)
        open_[place] = False
        places.append(place)
        gains.append(max(gain, 0.0))
        u = posterior.learn(points.candidates(torch.tensor([place]))[0], max(float(spread[place]), 0.0), noise)
        reach = pool @ u
        s = posterior.apply(reach.unsqueeze(0))[0] + u * float(u @ reach)  # A C u, by the A before this pick
        lower(points.array, points.rows, points.weights, u, s, float(u @ reach), fall, spread)
    return places, gains


def _scores(points: Points, posterior: Posterior, pool: Tensor) -> tuple[Tensor, Tensor]:
    """``x.A C A x`` and ``x.A x`` of every candidate, (candidates,) each."""
    spread = posterior.variances(points)
    covariance = posterior.covariance()
    fall = torch.empty_like(spread)
    root = _root(covariance @ pool @ covariance)
    for some, piece in points.pieces():
        fall[some] = lengths(piece, root)
    return fall, spread


def _drowning(picks: int, width: int) -> bool:
    """Whether it is time to compute scores anew, instead of lowering those that there are.

    With as many picks as features every direction is known but for noise: what is left of a score is a millionth of
    what it began with, or less, and mostly rounding. After that a score halves as picks double.
    """
    doublings = picks // max(1, width)
    return doublings > 0 and picks == doublings * width and doublings & (doublings - 1) == 0


def _in_order(
    picked: Tensor, covariance: Tensor, known: Tensor, pool: Tensor, noise: float, draw: Tensor
) -> tuple[list[int], list[float]]:
    """A few picks as `_forward` takes them, and what each lowers ``tr(A C)`` by: what was given up had a part in that.

    Args:
        picked: float64 (picks, features).
        covariance: A before them.
        known: The sum of ``x x^T`` before them.
        pool: C.
        noise: s.
        draw: Decides between equals, (picks,).
    """
    covariance = covariance.clone()
    fall, spread = _scores_of(picked, covariance, pool)
    open_ = torch.ones_like(spread, dtype=torch.bool)
    places: list[int] = []
    gains: list[float] = []
    while len(places) < len(picked):
        if _drowning(len(places), len(pool)):
            taken = picked[places]
            root = covariance_root(known + taken.T @ taken, noise)
            covariance = root @ root.T
            fall, spread = _scores_of(picked, covariance, pool)
        place, gain = best_ratio(fall, spread, noise, draw, open_)
        open_[place] = False
        places.append(place)
        gains.append(max(gain, 0.0))
        u = covariance @ picked[place] / math.sqrt(max(float(spread[place]), 0.0) + noise)
        reach = pool @ u
        a, b = picked @ u, picked @ (covariance @ reach)
        covariance -= torch.outer(u, u)
        fall -= a * (2 * b - float(u @ reach) * a)
        spread -= a * a
    return places, gains


def _scores_of(picked: Tensor, covariance: Tensor, pool: Tensor) -> tuple[Tensor, Tensor]:
    """As `_scores`, of a few items."""
    spread_of = picked @ covariance
    return (spread_of @ pool * spread_of).sum(1), (spread_of * picked).sum(1)


def _backward(picked: Tensor, n: int, covariance: Tensor, pool: Tensor, noise: float) -> list[int]:
    """Which of the picks stay, after giving up one by one those whose loss raises ``tr(A C)`` least.

    Giving up x raises it by ``x.A C A x / (s - x.A x)``, with A the covariance given all that stays.

    Args:
        picked: float64 (picks, features).
        n: How many stay.
        covariance: A, given all picks.
        pool: C.
        noise: s.
    """
    spread_of = picked @ covariance
    reach_of = spread_of @ pool
    spread = (spread_of * picked).sum(1)
    fall = (reach_of * spread_of).sum(1)
    kept = list(range(len(picked)))
    while len(kept) > n:
        scores = fall[kept] / (noise - spread[kept]).clamp(min=noise * 1e-9)
        gone = kept.pop(len(kept) - 1 - int(scores.flip(0).argmin()))  # of equals the one that was picked last
        u = covariance @ picked[gone] / math.sqrt(max(noise - float(spread[gone]), noise * 1e-9))
        reach = pool @ u
        s = covariance @ reach
        covariance = covariance + torch.outer(u, u)
        a, b = picked @ u, picked @ s
        fall += a * (2 * b + float(u @ reach) * a)
        spread += a * a
    return kept


def _backward_of_few(picked: Tensor, n: int, covariance: Tensor, pool: Tensor, noise: float) -> list[int]:
    """The same where there are fewer picks than features, in terms of picks.

    There ``s - x.A x`` is a difference of nearly equal numbers: with ``B = (X A X^T + s I)^-1`` of the picks, A before
    them, the fraction above is ``(B H B)_xx / B_xx``, H = X A C A X^T, and nothing cancels.
    """
    reach = picked @ covariance  # (picks, features)
    inner = reach @ picked.T
    inner.diagonal().add_(noise)
    inverse = torch.cholesky_inverse(root_of(inner))
    missed = inverse @ (reach @ pool @ reach.T) @ inverse
    kept = list(range(len(picked)))
    while len(kept) > n:
        scores = missed.diagonal()[kept] / inverse.diagonal()[kept]
        gone = kept.pop(len(kept) - 1 - int(scores.flip(0).argmin()))  # of equals the one that was picked last
        one, other, length = inverse[gone].clone(), missed[gone].clone(), float(inverse[gone, gone])
        mixed = torch.outer(one, other)
        missed += torch.outer(one, one) * (float(other[gone]) / length**2) - (mixed + mixed.T) / length
        inverse -= torch.outer(one, one) / length
    return kept


def _root(inner: Tensor) -> Tensor:
    """An upper triangular root of a positive semidefinite matrix, R R^T."""
    values, vectors = torch.linalg.eigh((inner + inner.T) / 2)
    half = vectors * values.clamp(min=0).sqrt()
    turned: Tensor = torch.linalg.qr(half.T.flip(1)).R
    return turned.T.flip(0).flip(1)


def ties(ground: Ground) -> Tensor:
    """Per-item noise of the candidates, float64 (candidates,)."""
    return ground.dice.uniform(ground.keys[ground.candidates])


def check_noise(noise: float) -> None:
    """Refuse noise that is not above 0."""
    if not (noise > 0 and math.isfinite(noise)):
        raise BadInput(f"noise={noise} is no standard deviation. Use a number above 0, such as 0.001.")

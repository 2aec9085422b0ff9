"""Batches drawn by their volume: determinantal point processes of a fixed size."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from askance.selection.base import Ground, Picked, Selector
from askance.selection.posterior import Points, Posterior, moment
from askance.selection.volume import check_noise, greedy, ties

_LARGE = 1 << 22  # numbers of the pool up to which products are formed in float64 whatever its type
_RANK = {torch.float32: 1e-6, torch.float64: 1e-12}  # share of the largest eigenvalue below which one counts as 0
_SETTLED = 1e-9  # share of its own start below which an item's chance is 0: it repeats what is picked


@dataclass(frozen=True)
class KDpp(Selector):
    """A batch Y with the chance ``det(L_Y) / sum over all batches of its size``, L the inner products of the features.

    Long features are wanted, similar ones avoid each other, copies never come together (Kulesza & Taskar 2011). Exact:
    eigenvectors of the small matrix ``sum of x x^T`` are drawn by elementary symmetric polynomials, then items of the
    projection on them, as a race of clocks that slow down (see `drawn`). Known items are conditioned on: L is then
    their posterior covariance. A pick's utility is the share of its direction that was left to draw, 0 to 1; of the
    likeliest batch, the share of its variance that the picks before it leave.

    Where more are wanted than features have rank, no batch has volume: as many as the rank are drawn, then another
    batch of the rest, and by per-item noise once nothing has length.

    >>> from askance.seeds import Dice
    >>> from askance.selection.space import Features
    >>> rows, plane = torch.arange(3), Features(torch.tensor([[1., 0.], [1., 0.], [0., 1.]]))
    >>> two = KDpp().pick(2, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"), space=plane).rows
    >>> 2 in two.tolist()  # the other two are copies
    True

    Args:
        conditional: Whether known items repel.
        noise: Standard deviation of the noise with which known items are known, in units of their root mean squared
            length: with none, enough of them would leave nothing.
        most_likely: Do not draw: greedily the batch of largest determinant.
    """

    weighs: ClassVar[bool] = True

    conditional: bool = True
    noise: float = 1e-3  # that of `LargestVolume`
    most_likely: bool = False

    def __post_init__(self) -> None:
        check_noise(self.noise)

    def choose(self, n: int, ground: Ground) -> Picked:
        """Draw batches until there are enough; one is enough up to the rank of the features."""
        rows, values = ground.candidates[:0], ground.candidates.new_empty(0, dtype=torch.float64)
        left = ground
        while len(rows) < n:
            points = Points(left, type(self).__name__, known=self.conditional, short=True)
            posterior = Posterior(points, points.noise(self.noise))
            wanted = n - len(rows)
            if self.most_likely:
                places, variances, starts = greedy(points, wanted, posterior, 0.0, ties(left))
                gains = [variance / start for variance, start in zip(variances, starts, strict=True)]
            else:
                left = replace(left, dice=ground.dice.of(f"from {len(rows)}") if len(rows) else ground.dice)
                places, gains = _drawn_of(points, wanted, posterior, left)
            if not places:
                places = (-ties(left)).argsort()[:wanted].tolist()
                gains = [0.0] * len(places)
            rows = torch.cat([rows, points.named[places]])
            values = torch.cat([values, values.new_tensor(gains)])
            open_ = torch.ones(len(points.rows), dtype=torch.bool, device=rows.device)
            open_[places] = False
            left = replace(left, candidates=points.named[open_])
        return Picked(rows, values)


def _drawn_of(points: Points, n: int, posterior: Posterior, ground: Ground) -> tuple[list[int], list[float]]:
    """One draw of at most ``n``, at most the rank; places among the candidates."""
    kind = points.array.dtype if points.array.numel() > _LARGE else torch.float64
    inner = moment((piece for _, piece in points.pieces(kind)), points.width, points.array.device)
    largest = torch.linalg.matrix_norm(inner, 2)
    root = posterior.root() if points.count_known() else None
    if root is not None:
        inner = root @ inner @ root  # (features, features)
    values, vectors = torch.linalg.eigh(inner)
    # Rounding is a share of the largest eigenvalue before known items were conditioned on, which shrinks it as well.
    shrunk = 1.0 if root is None else (root @ vectors).square().sum(0)
    kept = (values > _RANK[kind] * largest * shrunk) & (values > 0)
    values, vectors = values[kept].flip(0), vectors[:, kept].flip(1)  # the largest first
    if not len(values):
        return [], []
    toss = ground.dice.of("values").uniform(torch.arange(len(values), device=values.device))
    chosen = eigenvalues_drawn(values, min(n, len(values)), toss)
    plan = (vectors[:, chosen] / values[chosen].sqrt()).T  # (picks, features)
    if root is not None:
        plan = plan @ root
    clocks = ground.dice.of("race").exponential(ground.keys[points.named])
    return drawn(points, plan, _speeds(points, plan), clocks)


def _speeds(points: Points, plan: Tensor) -> Tensor:
    """Upper bounds of ``|plan x|^2`` of all candidates, (candidates,), tight but for rounding."""
    for kind in (points.array.dtype, torch.float64):
        speeds = torch.empty(len(points.rows), dtype=torch.float64, device=plan.device)
        turned = plan.to(kind).T.contiguous()
        for some, piece in points.pieces(kind):
            speeds[some] = (piece @ turned).square_().sum(1)
        off = 32 * torch.finfo(kind).eps * float(plan.norm())
        speeds = (speeds.sqrt() + off * points.lengths.sqrt()).square_()
        if float(speeds.sum()) < 2 * len(plan):  # they would sum to as many as there are to draw
            break
    return speeds


def drawn(points: Points, plan: Tensor, speeds: Tensor, clocks: Tensor) -> tuple[list[int], list[float]]:
    """One item for each row of ``plan``, by the projection determinantal process, drawn as a race.

    With ``b(x) = plan x``, the next item is drawn in proportion to the squared length of the part of b that is
    orthogonal to those of all picks. Every item holds a clock set to one standard exponential and running at that
    speed; the first to ring is picked. Speeds only fall, so the time at which a clock would ring by an old speed is a
    lower bound, and only items that come first by their bound are brought up to date: about n log n of them.

    Args:
        points: The candidates.
        plan: float64 (picks, features), such that the sum over candidates of ``b b^T`` is the unit matrix.
        speeds: Squared length of b for each candidate, or a little more, (candidates,).
        clocks: One standard exponential each, (candidates,).

    Returns:
        Places among the candidates and the speed of each when it rang; fewer where nothing is left.
    """
    due = torch.where(speeds > 0, clocks / speeds, torch.inf)
    axes = torch.zeros(len(plan), len(plan), dtype=torch.float64, device=plan.device)  # orthonormal, of the picks
    times = [0.0]  # when each speed began
    places: list[int] = []
    rang: list[float] = []
    seen: dict[int, tuple[int, float]] = {}
    while len(places) < len(plan):
        place = int(due.argmin())
        now = float(due[place])
        if not math.isfinite(now):
            break
        count = len(places)
        if place in seen and seen[place][0] == count:
            part = plan @ points.candidates(torch.tensor([place]))[0]
            for _ in range(2):  # twice is enough for what is orthogonal to stay so
                part = part - axes[:count].T @ (axes[:count] @ part)
            axes[count] = part / part.norm()
            places.append(place)
            rang.append(seen[place][1])
            times.append(now)
            due[place] = torch.inf
            continue
        part = plan @ points.candidates(torch.tensor([place]))[0]
        falls = (axes[:count] @ part).square().cumsum(0).tolist()
        start = float(part @ part)
        stages = [start, *(max(start - fall, 0.0) for fall in falls)]  # the speed after so many picks
        gone = sum(stages[i] * (times[i + 1] - times[i]) for i in range(count))
        speed = stages[-1] if stages[-1] > _SETTLED * start else 0.0
        seen[place] = (count, speed)
        due[place] = times[-1] + max(float(clocks[place]) - gone, 0.0) / speed if speed > 0 else torch.inf
    return places, rang


def eigenvalues_drawn(values: Tensor, size: int, toss: Tensor) -> Tensor:
    """Which eigenvectors span a draw: a set with the chance of the product of its eigenvalues.

    Source: Kulesza & Taskar 2011, Algorithm 2, in logarithms.

    Args:
        values: Above 0, (values,).
        size: How many, at most all.
        toss: A uniform number for each, (values,).

    Returns:
        Which of them, int64 (size,), descending.
    """
    logs = values.log()
    table = torch.full((len(values) + 1, size + 1), -torch.inf, dtype=torch.float64, device=values.device)
    table[:, 0] = 0  # row m: logarithms of the elementary symmetric polynomials of the first m values
    for m in range(1, len(values) + 1):
        table[m, 1:] = torch.logaddexp(table[m - 1, 1:], logs[m - 1] + table[m - 1, :-1])
    chosen: list[int] = []
    for m in range(len(values), 0, -1):
        wanted = size - len(chosen)
        if not wanted:
            break
        chance = math.exp(float(logs[m - 1] + table[m - 1, wanted - 1] - table[m, wanted]))
        if m == wanted or float(toss[m - 1]) < chance:
            chosen.append(m - 1)
    return torch.tensor(chosen, dtype=torch.int64, device=values.device)

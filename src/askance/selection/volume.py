"""Batches of large volume: greedy determinants, variances and herding in a linear kernel's space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from askance.kernels.distances import loops, ready

_PIECE = 1 << 20  # numbers of a temporary
_TOGETHER = 64  # candidates that are brought up to date at once
_THIN = 4
_SURE = 8  # leading candidates that are computed again in double precision before one is picked


@dataclass(frozen=True)
class Rows:
    """Features of all items, each scaled, with a constant behind them if there is a bias; never built as a whole.

    Args:
        array: (items, features).
        scale: What each item's features are multiplied by, (items,); None is 1.
        bias: Whether a constant 1, scaled alike, is one more feature.
        unit: What all are divided by.
    """

    array: Tensor
    scale: Tensor | None = None
    bias: bool = False
    unit: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "array", ready(self.array))

    @property
    def width(self) -> int:
        """How many features there are, the constant included."""
        return self.array.shape[1] + self.bias

    def of(self, rows: Tensor) -> Tensor:
        """The features of some items, float64 (rows, width)."""
        scale = self.scale[rows] if self.scale is not None else None
        return self._made(self.array[rows].double(), scale)

    def products(self, vectors: Tensor) -> Tensor:
        """Products of every item with some vectors (width, vectors), float64 (items, vectors).

        They are multiplied in the type of the array.
        """
        flat = vectors[: self.array.shape[1]].to(self.array)
        if flat.shape[1] <= _THIN:  # a product with few columns is slower than one after the other
            out = torch.stack(
                [torch.mv(self.array, flat[:, one].contiguous()) for one in range(flat.shape[1])], 1
            ).double()
        else:
            out = (self.array @ flat).double()
        if self.bias:
            out += vectors[-1]
        if self.scale is not None:
            out *= self.scale.double().unsqueeze(1)
        return out.div_(self.unit)

    def images(self, rows: Tensor, vectors: Tensor) -> Tensor:
        """Products of some items with some vectors (width, vectors), in the type of the array: (rows, vectors)."""
        out = self.array.new_empty(len(rows), vectors.shape[1])
        cast, step = vectors.to(self.array), self._step()
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            some = self._made(self.array[part], None if self.scale is None else self.scale[part])
            torch.mm(some, cast, out=out[start : start + step])
        return out

    def quadratic(self, matrix: Tensor) -> Tensor:
        """``x' M x`` of every item, float64 (items,), in pieces; multiplied in the type of the array."""
        out = torch.empty(len(self.array), dtype=torch.float64, device=self.array.device)
        cast = matrix.to(self.array)
        for piece in self._pieces():
            some = self._part(piece)
            out[piece] = ((some @ cast) * some).sum(1).double()
        return out.clamp_(min=0)

    def gram(self, rows: Tensor | None = None) -> Tensor:
        """The sum of ``x x'`` over some items, all if None, float64 (width, width); pieces in the type of the array."""
        total = torch.zeros(self.width, self.width, dtype=torch.float64, device=self.array.device)
        everyone = rows is None or len(rows) == len(self.array)
        if everyone:
            for piece in self._pieces():
                some = self._part(piece)
                total += (some.T @ some).double()
            return total
        assert rows is not None
        for part in torch.split(rows, self._step()):
            some = self._made(self.array[part], None if self.scale is None else self.scale[part])
            total += (some.T @ some).double()
        return total

    def total(self, rows: Tensor) -> Tensor:
        """The sum of some items' features, float64 (width,)."""
        found = torch.zeros(self.width, dtype=torch.float64, device=self.array.device)
        for part in torch.split(rows, self._step()):
            found += self.of(part).sum(0)
        return found

    def norms(self) -> Tensor:
        """Squared lengths, float64 (items,)."""
        out = loops(self.array).squared_norms(self.array).double()
        if self.bias:
            out += 1
        if self.scale is not None:
            out *= self.scale.double().square()
        return out.div_(self.unit**2)

    def _made(self, found: Tensor, scale: Tensor | None) -> Tensor:
        """Features with their constant, scaled."""
        if self.bias:
            found = torch.cat([found, found.new_ones(len(found), 1)], 1)
        if scale is not None:
            found = found * scale.to(found).unsqueeze(1)
        return found / self.unit if self.unit != 1 else found

    def _part(self, piece: slice) -> Tensor:
        """The features of a range of items, in the type of the array."""
        return self._made(self.array[piece], self.scale[piece] if self.scale is not None else None)

    def _step(self) -> int:
        return max(1, _PIECE // max(1, self.width))

    def _pieces(self) -> list[slice]:
        return [slice(start, start + self._step()) for start in range(0, len(self.array), self._step())]


def posterior(rows: Rows, known: Tensor, noise: float) -> Tensor:
    """The covariance of a linear model's weights once known items are observed with some noise, (width, width).

    Args:
        rows: The features.
        known: Known items' features, float64 (known, width).
        noise: Its standard deviation.
    """
    eye = torch.eye(rows.width, dtype=torch.float64, device=rows.array.device)
    if not len(known):
        return eye
    found: Tensor = torch.linalg.inv(eye + known.T @ known / noise**2)
    return found


def greedy_determinant(
    rows: Rows, candidates: Tensor, n: int, *, known: Tensor, noise: float
) -> tuple[Tensor, Tensor, int]:
    """Again and again the candidate whose variance given known items and picks is largest.

    That is the greedy determinant of the kernel matrix plus noise (pivoted Cholesky), and BatchBALD of a Gaussian
    process. Variances only fall, so one that was computed earlier is a bound, and only candidates whose bound is above
    the best are brought up to date. Where that brings up to date so many that a pass over all is cheaper, passes take
    over: one product of all items with a vector for each pick.

    Args:
        rows: The features.
        candidates: Rows that may be picked, int64; their order decides ties.
        n: How many, at most as many as there are candidates.
        known: Known items' features, float64 (known, width).
        noise: Standard deviation of an observation, above 0.

    Returns:
        Rows in the order of picking, the variance of each when it was picked, float64, and how many variances were
        computed one by one.
    """
    covariance = posterior(rows, known, noise)
    root = torch.linalg.cholesky(covariance).T.contiguous()  # covariance = root' root
    plain = not len(known)
    start = rows.norms() if plain else rows.quadratic(covariance)
    bounds = start[candidates].cpu().numpy()
    fresh = np.zeros(len(candidates), dtype=np.int64)
    picks: list[int] = []
    values: list[float] = []
    basis = torch.zeros(0, rows.width, dtype=torch.float64, device=rows.array.device)  # picks, whitened
    factor = torch.zeros(0, 0, dtype=torch.float64, device=rows.array.device)  # Cholesky of their kernel plus noise
    looks, spent, dear = 0, 0.0, 0
    while len(picks) < n:
        best = int(bounds.argmax())
        if fresh[best] < len(picks):
            count = min(_TOGETHER, len(bounds))
            top = np.argpartition(-bounds, count - 1)[:count]
            top = np.sort(top[(fresh[top] < len(picks)) & np.isfinite(bounds[top])])
            white = _white(rows, candidates[torch.from_numpy(top)], root, plain)
            part = torch.linalg.solve_triangular(factor, basis @ white.T, upper=False)
            now = (white.square().sum(1) - part.square().sum(0)).clamp(min=0).cpu().numpy()
            bounds[top] = np.minimum(bounds[top], now)
            fresh[top] = len(picks)
            looks += len(top)
            spent += len(top) * (len(picks) * (rows.width + len(picks)) + (0 if plain else rows.width**2))
            if spent > 2 * len(candidates) * rows.width:
                dear, spent = dear + 1, 0.0
                if dear >= 3:
                    more, worth = _by_passes(rows, candidates, n - len(picks), picks, known, noise)
                    return (
                        candidates.new_tensor([*(int(candidates[p]) for p in picks), *more]),
                        torch.tensor([*values, *worth], dtype=torch.float64),
                        looks,
                    )
            continue
        white = _white(rows, candidates[best : best + 1], root, plain)
        column = torch.linalg.solve_triangular(factor, basis @ white.T, upper=False)[:, 0]
        corner = (white.square().sum() - column.square().sum()).clamp(min=0) + noise**2
        grown = torch.zeros(len(picks) + 1, len(picks) + 1, dtype=torch.float64, device=factor.device)
        grown[:-1, :-1], grown[-1, :-1], grown[-1, -1] = factor, column, corner.sqrt()
        factor, basis = grown, torch.cat([basis, white])
        picks.append(best)
        values.append(float(bounds[best]))
        bounds[best] = -np.inf
        spent = 0.0
    found = candidates[torch.tensor(picks, dtype=torch.int64, device=candidates.device)]
    return found, torch.tensor(values, dtype=torch.float64), looks


def greedy_variance(
    rows: Rows, candidates: Tensor, n: int, *, known: Tensor, noise: float, aims: Tensor
) -> tuple[Tensor, Tensor]:
    """Again and again the candidate that lowers the summed variance at the aims most.

    With P the covariance of the weights, the sum falls by ``x' P M P x / (x' P x + noise^2)``, M being the aims'
    Gram matrix: BAIT's trace (Ash et al. 2021), V-optimality, and EV-GP for a linear kernel.

    Args:
        rows: The features.
        candidates: Rows that may be picked, int64; their order decides ties.
        n: How many, at most as many as there are candidates.
        known: Known items' features, float64 (known, width).
        noise: Standard deviation of an observation, above 0.
        aims: M, float64 (width, width).

    Returns:
        Rows in the order of picking, and by how much each lowered the sum, float64.
    """
    covariance = posterior(rows, known, noise)
    image = covariance @ aims @ covariance
    over, under = rows.quadratic(image), rows.quadratic(covariance)
    open_ = torch.zeros(len(over), dtype=torch.bool, device=over.device)
    open_[candidates] = True
    order = torch.full((len(over),), len(over), dtype=torch.int64, device=over.device)
    order[candidates] = torch.arange(len(candidates), device=over.device)
    picks: list[int] = []
    values: list[float] = []
    while len(picks) < n:
        gains = torch.where(open_, over / (under + noise**2), -torch.inf)
        top = gains.topk(min(_SURE, n - len(picks) + _SURE - 1, len(candidates) - len(picks))).indices
        some = rows.of(top)
        exact = ((some @ image) * some).sum(1) / (((some @ covariance) * some).sum(1) + noise**2)
        tied = top[exact >= exact.max() * (1 - 1e-12)]
        row = int(tied[order[tied].argmin()])
        picks.append(row)
        values.append(float(exact.max()))
        open_[row] = False
        if len(picks) == n:
            break
        covariance, image, step, pull, size = observe(covariance, image, aims, rows.of(torch.tensor([row]))[0], noise)
        along = rows.products(torch.stack([step, pull], 1))
        over += along[:, 0] * (size * along[:, 0] - 2 * along[:, 1])
        under -= along[:, 0].square()
    return candidates.new_tensor(picks), torch.tensor(values, dtype=torch.float64)


def observe(
    covariance: Tensor, image: Tensor, aims: Tensor, x: Tensor, noise: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The covariance P and P M P after x is observed: both of rank one, and the vectors they are made of."""
    step = covariance @ x
    step = step / (x @ step + noise**2).sqrt()
    pull = covariance @ (aims @ step)
    size = step @ aims @ step
    crossed = torch.outer(step, pull)
    return (
        covariance - torch.outer(step, step),
        image - crossed - crossed.T + size * torch.outer(step, step),
        step,
        pull,
        size,
    )


def drop_variance(rows: Rows, picks: Tensor, keep: int, *, known: Tensor, noise: float, aims: Tensor) -> Tensor:
    """Of some picks those that are left when again and again the one is dropped whose loss raises the variance least.

    The backward pass of BAIT: dropping x raises the sum by ``x' P M P x / (noise^2 - x' P x)``.

    Returns:
        The rows that are left, in their order, int64 (keep,).
    """
    some = rows.of(picks)
    covariance = posterior(rows, torch.cat([known, some]), noise)
    left = torch.ones(len(picks), dtype=torch.bool, device=picks.device)
    while int(left.sum()) > keep:
        image = some @ covariance  # P x of every pick
        spare = (noise**2 - (image * some).sum(1)).clamp_min(1e-12 * noise**2)
        losses = torch.where(left, ((image @ aims) * image).sum(1) / spare, torch.inf)
        out = int(losses.argmin())
        left[out] = False
        covariance = covariance + torch.outer(image[out], image[out]) / spare[out]
    return picks[left]


def frank_wolfe(rows: Rows, candidates: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Again and again the candidate that points most where the mean of the picks is short of the pool's sum.

    ACS-FW (Pinsler et al. 2019): the sum of all candidates' features is approximated by weighted picks; the direction
    of each step is one candidate at length ``sum of all lengths``, and its size the exact line search. A candidate is
    picked once.

    Args:
        rows: The features.
        candidates: Rows that may be picked, int64; their order decides ties.
        n: How many, at most as many as there are candidates.

    Returns:
        Rows in the order of picking, and the cosine-like score of each, float64.
    """
    lengths = rows.norms().sqrt()
    total = lengths[candidates].sum()
    target = rows.total(candidates)
    here = torch.zeros_like(target)
    there = lengths[candidates].clamp_min(1e-30)
    left = torch.ones(len(candidates), dtype=torch.bool, device=candidates.device)
    picks: list[int] = []
    values: list[float] = []
    for _ in range(n):
        scores = rows.products((target - here).unsqueeze(1))[candidates, 0] / there
        scores = torch.where(left, scores, -torch.inf)
        best = int(scores.argmax())
        left[best] = False
        picks.append(best)
        values.append(float(scores[best]))
        ahead = total * rows.of(candidates[best : best + 1])[0] / there[best] - here
        size = ((target - here) @ ahead / ahead.square().sum().clamp_min(1e-300)).clamp(0, 1)
        here = here + size * ahead
    found = candidates[torch.tensor(picks, dtype=torch.int64, device=candidates.device)]
    return found, torch.tensor(values, dtype=torch.float64)


def _white(rows: Rows, some: Tensor, root: Tensor, plain: bool) -> Tensor:
    """Features in which what is known is taken into account."""
    found = rows.of(some)
    return found if plain else found @ root.T


def _by_passes(
    rows: Rows, candidates: Tensor, n: int, picks: list[int], known: Tensor, noise: float
) -> tuple[list[int], list[float]]:
    """The rest of `greedy_determinant`, by one product of all items with a vector for each pick."""
    before = rows.of(candidates[torch.tensor(picks, dtype=torch.int64)])
    covariance = posterior(rows, torch.cat([known, before]), noise)
    variance = rows.quadratic(covariance)[candidates]
    variance[torch.tensor(picks, dtype=torch.int64)] = -torch.inf
    more: list[int] = []
    values: list[float] = []
    while True:
        top = variance.topk(min(_SURE, len(candidates) - len(picks) - len(more))).indices.sort().values
        some = rows.of(candidates[top])
        exact = ((some @ covariance) * some).sum(1)
        best = int(exact.argmax())
        more.append(int(candidates[top[best]]))
        values.append(float(exact[best]))
        if len(more) == n:
            return more, values
        step = covariance @ some[best]
        step = step / (some[best] @ step + noise**2).sqrt()
        covariance = covariance - torch.outer(step, step)
        variance -= rows.products(step.unsqueeze(1))[candidates, 0].square()
        variance[top[best]] = -torch.inf

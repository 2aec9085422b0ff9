"""Batches drawn by their determinant: exact samples of a determinantal point process of fixed size."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from askance.seeds import Dice
from askance.selection.volume import Rows

_RANK = 1e-10  # eigenvalues below this share of the largest are rounding


def draw(rows: Rows, candidates: Tensor, n: int, *, keys: Tensor, dice: Dice, covariance: Tensor) -> tuple[Tensor, int]:
    """A sample of the k-DPP whose kernel is ``x' P x'`` of features.

    Source: Kulesza & Taskar 2011, Algorithm 8, in the dual form: n eigenvectors of the matrix of width x width are
    drawn by elementary symmetric polynomials, and then items one by one from the projection they span.

    Args:
        rows: The features.
        candidates: Rows that may be drawn, int64.
        n: How many, at most as many as there are candidates.
        keys: Item keys; all dice hang on them.
        dice: The stream.
        covariance: P, positive definite, (width, width); the identity for the kernel itself.

    Returns:
        Rows in the order of drawing, int64: fewer than n where the kernel has no such rank; and the rank.
    """
    root = torch.linalg.cholesky(covariance)
    gram = root.T @ rows.gram(candidates) @ root
    values, vectors = torch.linalg.eigh(gram)
    spanned = values > _RANK * values.max().clamp_min(1e-300)
    values, vectors = values[spanned], vectors[:, spanned]
    count = min(n, len(values))
    if not count:
        return candidates[:0], 0
    chosen = eigenvectors(values, count, dice.of("eigenvectors").generator())
    basis = root @ (vectors[:, chosen] / values[chosen].sqrt())
    spread = rows.images(candidates, basis)  # orthonormal columns over the candidates
    return candidates[project(spread, count, keys[candidates], dice)], len(values)


def draw_from_kernel(kernel: Tensor, n: int, *, keys: Tensor, dice: Dice) -> Tensor:
    """A sample of the k-DPP of a kernel matrix, int64 places; fewer than n where it has no such rank.

    Args:
        kernel: Positive semi-definite, float64 (items, items).
        n: How many.
        keys: Item keys; all dice hang on them.
        dice: The stream.
    """
    values, vectors = torch.linalg.eigh(kernel)
    spanned = values > _RANK * values.max().clamp_min(1e-300)
    values, vectors = values[spanned], vectors[:, spanned]
    count = min(n, len(values))
    if not count:
        return torch.zeros(0, dtype=torch.int64)
    chosen = eigenvectors(values, count, dice.of("eigenvectors").generator())
    return project(vectors[:, chosen], count, keys, dice)


def eigenvectors(values: Tensor, n: int, throw: np.random.Generator) -> Tensor:
    """Which eigenvectors span the sample, int64 (n,).

    Each set of n is drawn in proportion to the product of its eigenvalues, by the recursion of elementary symmetric
    polynomials ``e_l^m = e_l^(m-1) + lambda_m e_(l-1)^(m-1)``, in logarithms.
    """
    logs = values.log().cpu().numpy()
    table = np.full((n + 1, len(logs) + 1), -np.inf)
    table[0] = 0.0
    for m, log in enumerate(logs, 1):
        table[1:, m] = np.logaddexp(table[1:, m - 1], log + table[:-1, m - 1])
    chosen, left = [], n
    for m in range(len(logs), 0, -1):
        if not left:
            break
        share = logs[m - 1] + table[left - 1, m - 1] - table[left, m]
        if m == left or np.log(throw.random()) < share:
            chosen.append(m - 1)
            left -= 1
    return torch.tensor(chosen[::-1], dtype=torch.int64, device=values.device)


def project(spread: Tensor, n: int, keys: Tensor, dice: Dice) -> Tensor:
    """A sample of the projection process of orthonormal columns, one item after the other, int64 places (n,).

    Each is drawn in proportion to the squared length of its row off the rows drawn before; as a race of per-item
    clocks, so that the order of the items does not matter.
    """
    left = spread.square().sum(1)
    picks: list[int] = []
    basis: list[Tensor] = []
    for number in range(n):
        clocks = dice.of(f"items[{number}]").exponential(keys)
        speeds = left.double().clamp(min=0)
        if picks:
            speeds[torch.tensor(picks)] = 0
        pick = int((clocks / speeds.clamp_min(1e-300)).argmin())
        picks.append(pick)
        off = spread[pick].clone()
        for other in basis:  # twice is enough (Giraud et al. 2005), and n is small
            off -= (off @ other) * other
        for other in basis:
            off -= (off @ other) * other
        off = off / off.norm().clamp_min(1e-300)
        basis.append(off)
        left = left - (spread @ off).square()
    return torch.tensor(picks, dtype=torch.int64, device=spread.device)


def symmetric_polynomial(values: Tensor, n: int) -> float:
    """The n-th elementary symmetric polynomial, by the same recursion: the mass of all sets of n."""
    table = np.zeros(n + 1)
    table[0] = 1.0
    for value in values.tolist():
        table[1:] += value * table[:-1].copy()
    return float(table[n])

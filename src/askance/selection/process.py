"""A Gaussian process on a kernel, given some items: what it predicts, and how sure it is, item by item."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.roots import factored
from askance.selection.kernel import Kernel


class Process:
    """A Gaussian process with the kernel as prior covariance, after some items were observed with noise.

    Args:
        kernel: The prior.
        known: The rows that were observed, int64; see `Kernel` for rows behind the pool.
        noise: Standard deviation of the noise, in units of the root mean diagonal of what is known, or of ``typical``.
        typical: Rows of the pool that stand for all where nothing is known.

    Attributes:
        variance: Of the noise, in units of the kernel, with the jitter.
        jitter: What had to be added to the diagonal, as a share of its mean; 0 if nothing.
    """

    def __init__(self, kernel: Kernel, known: Tensor, noise: float, typical: Tensor) -> None:
        if not (noise >= 0 and math.isfinite(noise)):
            raise BadInput(f"noise={noise} is no standard deviation. Use 0 or more, such as 0.001.")
        self.kernel, self.known = kernel, known
        some = kernel.diagonal(known) if len(known) else kernel.norms()[typical]
        scale = float(some.mean()) if len(some) else 1.0
        self.variance = noise**2 * (scale if scale > 0 else 1.0)
        gram = kernel.between(known, known)
        gram.diagonal().add_(self.variance)
        self.root, self.jitter = factored(gram)
        if self.jitter:  # what is known got it, so what is picked gets it: else a known item would be new again
            self.variance += self.jitter * float(gram.diagonal().mean())

    def coordinates(self, rows: Tensor) -> Tensor:
        """What of each row is explained by what is known: prior less their products is the posterior, (rows, known)."""
        crossed = self.kernel.between(self.known, rows)
        explained: Tensor = torch.linalg.solve_triangular(self.root, crossed, upper=False).T
        return explained

    def covariance(self, rows: Tensor, others: Tensor) -> Tensor:
        """The posterior covariance of some rows with others, float64 (rows, others)."""
        return self.kernel.between(rows, others) - self.coordinates(rows) @ self.coordinates(others).T

    def variances(self, rows: Tensor) -> Tensor:
        """The posterior variance of some rows, float64 (rows,)."""
        return (self.kernel.diagonal(rows) - self.coordinates(rows).square().sum(1)).clamp_(min=0)

    def smoother(self, rows: Tensor) -> Tensor:
        """How much each known item counts in the prediction at each row, ``k_xL (K + s I)^-1``, (rows, known)."""
        shares: Tensor = torch.linalg.solve_triangular(self.root.T, self.coordinates(rows).T, upper=True).T
        return shares

    def mean(self, rows: Tensor, targets: Tensor) -> Tensor:
        """The posterior mean, float64 (rows, outputs).

        Args:
            rows: int64.
            targets: What was observed, less what was expected, (known, outputs).
        """
        pulled: Tensor = torch.linalg.solve_triangular(self.root, targets.double(), upper=False)
        return self.coordinates(rows) @ pulled

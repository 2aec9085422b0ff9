"""What a mixture of clusters says of items: how many are like them, and of which class they may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_PIECE = 1 << 18  # elements of a temporary
_ROUNDS = 100  # of the shares, at most


@dataclass(frozen=True)
class Mixture:
    """Clusters with shares of the items, and Gaussian bells of one width around their centers.

    Args:
        centers: (clusters, features).
        shares: Summing to 1, float64 (clusters,).
        width: The squared width of the bells, above 0.
    """

    centers: Tensor
    shares: Tensor
    width: float

    def of(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """How dense the mixture is at each row, up to a constant, and which clusters it belongs to.

        Args:
            features: (rows, features).

        Returns:
            float64 (rows,), at most 1, and float64 (rows, clusters).
        """
        bells = _log_bells(features, self.centers, self.width) + self.shares.log()
        return bells.logsumexp(1).exp(), bells.softmax(1)


def mixture(features: Tensor, centers: Tensor) -> Mixture:
    """The mixture around given centers: one width, and shares by expectation and maximization.

    Source: Nguyen & Smeulders 2004, here with fixed centers. The squared width is the mean squared distance to
    the nearest center, not divided by the number of features: in many of them the density would outweigh all else.

    Args:
        features: Items to fit, (items, features), at least one.
        centers: (clusters, features).
    """
    apart = -2 * _log_bells(features, centers, 1.0)
    width = float(apart.amin(1).mean())
    scale = float(features.double().square().sum(1).mean())
    if width <= 1e-10 * scale:  # items are alike but for rounding
        width = scale or 1.0
    bells = -apart / (2 * width)
    shares = torch.full((len(centers),), 1 / len(centers), dtype=torch.float64, device=features.device)
    for _ in range(_ROUNDS):
        before = shares
        shares = (bells + before.log()).softmax(1).mean(0).clamp_(min=1e-12)
        if float((shares - before).abs().max()) < 1e-6:
            break
    return Mixture(centers, shares / shares.sum(), width)


def cluster_beliefs(found: Mixture, belongs: Tensor, targets: Tensor, ridge: float) -> Tensor:
    """The class probabilities of each cluster: a softmax head on the centers that fits labels through memberships.

    Source: Nguyen & Smeulders 2004: minimize ``-sum_i log sum_k P(k|x_i) P(y_i|k) + ridge/2 |W|^2``. The
    centers are taken around their mean, in units of the width.

    Args:
        found: The mixture.
        belongs: Which clusters each labeled item belongs to, (labeled, clusters).
        targets: (labeled, classes), one-hot or soft.
        ridge: The penalty, on all but the bias.

    Returns:
        float64 (clusters, classes).
    """
    from scipy.optimize import minimize

    centers = ((found.centers - found.centers.mean(0)).double() / found.width**0.5).cpu()
    values, vectors = torch.linalg.eigh(centers @ centers.T)  # weights lie in the span of the centers
    roots = (vectors * values.clamp(min=0).sqrt()).numpy()
    points = np.concatenate([roots, np.ones((len(roots), 1))], 1)
    shares, aims = belongs.double().cpu().numpy(), targets.double().cpu().numpy()
    shape = points.shape[1], aims.shape[1]

    def beliefs(flat: np.ndarray) -> np.ndarray:
        scores = points @ flat.reshape(shape)
        scores -= scores.max(1, keepdims=True)
        powers: np.ndarray = np.exp(scores)
        powers /= powers.sum(1, keepdims=True)
        return powers

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights, by_cluster = flat.reshape(shape), beliefs(flat)
        said = np.maximum(shares @ by_cluster, 1e-300)
        pull = -shares.T @ (aims / said)
        slope = points.T @ (by_cluster * (pull - (pull * by_cluster).sum(1, keepdims=True)))
        slope[:-1] += ridge * weights[:-1]
        value = -float((aims * np.log(said)).sum()) + ridge / 2 * float((weights[:-1] ** 2).sum())
        return value, slope.ravel()

    start = np.zeros(shape[0] * shape[1])
    solved = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x if len(aims) else start
    return torch.from_numpy(beliefs(solved)).to(belongs.device)


def density_weighted_error(features: Tensor, found: Mixture, beliefs: Tensor) -> Tensor:
    """How large the squared error of the class probabilities is expected to be, times how many items are alike.

    Source: Nguyen & Smeulders 2004: ``E[(y - p(x))^2] p(x)``, which for classes is ``(1 - sum_c p_c^2) p(x)``.

    Args:
        features: (items, features).
        found: The mixture.
        beliefs: Class probabilities of each cluster, (clusters, classes).

    Returns:
        float64 (items,).
    """
    out = torch.empty(len(features), dtype=torch.float64, device=features.device)
    step = max(1, _PIECE // max(features.shape[1], beliefs.shape[1], len(beliefs), 1))
    for start in range(0, len(features), step):
        density, belongs = found.of(features[start : start + step])
        out[start : start + step] = density * (1 - (belongs @ beliefs).square().sum(1)).clamp_(min=0)
    return out


def _log_bells(features: Tensor, centers: Tensor, width: float) -> Tensor:
    middle = centers.mean(0)  # a common offset would drown the product below
    one, other = (features - middle).double(), (centers - middle).double()
    gaps = (one * one).sum(1, keepdim=True) + (other * other).sum(1) - 2 * one @ other.T
    return gaps.clamp_(min=0) / (-2 * width)

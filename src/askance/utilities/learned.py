"""How much a label is worth, as it was learned on other tasks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_PIECE = 1 << 16  # items at once
_FILE = Path(__file__).with_name("lal.npz")


def describe(samples: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
    """What is known of items before one of them is labeled.

    Konyushkova et al. 2017 describe an item of two classes by the forest's probability, the disagreement of its trees,
    and the state of learning. With more classes the two likeliest count, which with two are both.

    Args:
        samples: Probabilities of each tree, (items, trees, classes), at least two classes.
        targets: Labels, one-hot or soft, (labeled, classes).
        rows: The items over which the mean disagreement is taken, int64.

    Returns:
        (items, 5): the share of the likelier of two classes, the standard deviation of that share over the trees, the
        rarer one's share of the labels of both, the mean of the second over ``rows``, the logarithm of how many labels
        there are.
    """
    counts = targets.sum(0)
    found = torch.empty(len(samples), 5, dtype=torch.float64, device=samples.device)
    for start in range(0, len(samples), _PIECE):
        part = samples[start : start + _PIECE].double()
        both = part.mean(1).topk(2).indices  # (items, 2)
        pair = part.gather(2, both.unsqueeze(1).expand(-1, part.shape[1], -1))
        share = pair[..., 0] / pair.sum(2).clamp_min(1e-12)
        share = torch.where(pair.sum(2) > 0, share, 0.5)  # a tree that knows neither
        told = counts.to(found)[both]
        out = found[start : start + _PIECE]
        out[:, 0], out[:, 1] = share.mean(1), share.std(1, correction=0)
        out[:, 2] = told.amin(1) / told.sum(1).clamp_min(1e-12)
    found[:, 3] = found[rows, 1].mean() if len(rows) else 0.0
    found[:, 4] = np.log(max(len(targets), 1))
    return found


def error_reduction(described: Tensor) -> Tensor:
    """By how much the error is expected to fall once an item is labeled, learned from thousands of made-up tasks.

    Source: Konyushkova et al. 2017, LAL-Independent: a regression forest on tasks of two clouds in the plane; ours was
    learned anew, by ``benchmarks/lal.py``.

    Args:
        described: As `describe` gives it, (items, 5).

    Returns:
        float64 (items,).
    """
    trees = _trees()
    points = described.cpu().numpy().astype(np.float32)
    total = np.zeros(len(points))
    for start in trees["start"]:
        node = np.zeros(len(points), dtype=np.int64)
        while True:
            at = start + node
            inner = trees["left"][at] >= 0
            if not inner.any():
                break
            goes_left = points[np.arange(len(points)), trees["feature"][at].clip(0)] <= trees["threshold"][at]
            node = np.where(inner, np.where(goes_left, trees["left"][at], trees["right"][at]), node)
        total += trees["value"][start + node]
    return torch.from_numpy(total / len(trees["start"])).to(described.device)


@cache
def _trees() -> dict[str, np.ndarray]:
    with np.load(_FILE, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}

"""Scores of a kernel against solves in which items are really left out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from askance.utilities import smoothing

NOISE = 0.2
POINTS = torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
TARGETS = torch.randn(20, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
GRAM = POINTS @ POINTS.T + 1


def without(part: Tensor) -> tuple[Tensor, Tensor]:
    """Residuals and variances at some items, by a solve of the others alone."""
    kept = torch.ones(20, dtype=torch.bool)
    kept[part] = False
    inverse = torch.linalg.inv(GRAM[kept][:, kept] + NOISE * torch.eye(int(kept.sum())))
    crossed = GRAM[part][:, kept] @ inverse
    return TARGETS[part] - crossed @ TARGETS[kept], (GRAM[part][:, part] - crossed @ GRAM[kept][:, part]).diagonal()


def test_each_item_is_really_left_out() -> None:
    inverse = smoothing.solved(GRAM, NOISE)
    torch.testing.assert_close(inverse, torch.linalg.inv(GRAM + NOISE * torch.eye(20)))
    expected = sum(float(without(torch.tensor([row]))[0].square().sum()) for row in range(20)) / 20
    assert smoothing.left_out_error(inverse, TARGETS) == pytest.approx(expected)


@pytest.mark.parametrize("tradeoff", [0.0, 0.5])
def test_parts_are_really_held_out(tradeoff: float) -> None:
    parts = [torch.tensor([1, 5, 7]), torch.tensor([19, 0, 3])]
    expected = 0.0
    for part in parts:
        residuals, variances = without(part)
        expected += float(residuals.square().sum(1).mean() + tradeoff * variances.mean()) / 2
    found = smoothing.held_out_score(smoothing.solved(GRAM, NOISE), TARGETS, parts, NOISE, tradeoff)
    assert found == pytest.approx(expected)


def test_labels_that_the_kernel_says_easily_are_less_complex() -> None:
    inverse = smoothing.solved(GRAM / GRAM.diagonal().mean(), NOISE)
    easy = POINTS @ torch.ones(4, 1, dtype=torch.float64)
    shuffled = easy[torch.randperm(20, generator=torch.Generator().manual_seed(0))]
    assert smoothing.complexity(inverse, easy) < 0.5 * smoothing.complexity(inverse, shuffled)


def test_a_mean_spreads_noise_least_and_a_nearest_neighbor_most() -> None:
    mean, nearest = torch.full((5, 8), 1 / 8), torch.eye(8)[:5]
    assert smoothing.spread(mean) == pytest.approx(1.0) and smoothing.spread(nearest) == 8.0
    narrow, wide = (torch.exp(-torch.cdist(POINTS, POINTS).square() / width) for width in (0.1, 10.0))
    found = [smoothing.spread(gram[10:, :10] @ smoothing.solved(gram[:10, :10], NOISE)) for gram in (narrow, wide)]
    assert found[0] < found[1]  # a kernel too narrow to reach anything says the mean everywhere

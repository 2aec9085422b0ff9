"""The softmax of rows and columns of a wide matrix beside a plain one in float64."""

from __future__ import annotations

import pytest
import torch

from askance.kernels.softmax_rows import softmax_rows


@pytest.mark.parametrize("classes", [1, 2, 7, 100])
@pytest.mark.parametrize("spread", [0.1, 3.0, 40.0])
def test_it_is_the_plain_softmax_of_the_rows_and_columns_asked_for(classes: int, spread: float) -> None:
    dice = torch.Generator().manual_seed(classes)
    scores = spread * torch.randn(50, classes + 5, generator=dice)
    rows, out = torch.tensor([3, 0, 49, 3]), torch.full((4, classes), torch.nan)
    softmax_rows(scores, rows, 2, out)
    given = scores[rows, 2 : 2 + classes]
    below = (given - given.max(1, keepdim=True).values).double()  # rounded, as the kernel rounds it
    exact = below.clamp_min(-87).softmax(1)
    torch.testing.assert_close(out.double(), exact, rtol=1e-6, atol=0)
    torch.testing.assert_close(out.sum(1), torch.ones(4), rtol=1e-6, atol=0)


def test_scores_far_from_zero_and_far_apart_overflow_nothing() -> None:
    scores = torch.tensor([[3e38, -3e38, 0.0], [-3e38, -3e38, -3e38], [88.0, 0.0, 1e-45]])
    out = torch.empty(3, 3)
    softmax_rows(scores, torch.arange(3), 0, out)
    torch.testing.assert_close(out, scores.double().softmax(1).float(), rtol=1e-6, atol=1e-37)

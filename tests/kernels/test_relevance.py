"""One draw by doubt and distance: the compiled loop against its plain twin."""

from __future__ import annotations

import pytest
import torch

from askance.kernels.relevance import draw, plain


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.5, 10.0])
def test_the_twins_draw_alike(gamma: float) -> None:
    generator = torch.Generator().manual_seed(0)
    shares = torch.rand(60, 3, generator=generator, dtype=torch.float64)
    doubts = torch.rand(60, generator=generator, dtype=torch.float64)
    clocks = torch.rand(60, generator=generator, dtype=torch.float64)
    both = [(doubts.clone(), clocks.clone()) for _ in range(2)]
    last = [-1, -1]
    for _ in range(20):
        found = [step(shares, last[i], doubts, *both[i], gamma) for i, step in enumerate((draw, plain))]
        last = [row for row, _ in found]
        assert last[0] == last[1]
        assert found[0][1] == pytest.approx(found[1][1])
        torch.testing.assert_close(both[0], both[1])

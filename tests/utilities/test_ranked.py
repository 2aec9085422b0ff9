"""Ranks as shares, a soft top, and the quantile of a mixture."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import rankdata

from askance.errors import BadInput
from askance.utilities.ranked import mixture_quantile, rank_normalized, rank_of_order, soft_top
from tests.pins import pins


def test_ranks_are_those_of_scipy() -> None:
    values = torch.randint(0, 7, (50,), generator=torch.Generator().manual_seed(0))
    plain = (rankdata(values.numpy()) - 1) / 49
    assert rank_normalized(values).tolist() == pytest.approx(plain.tolist())
    assert rank_normalized(torch.zeros(1)).tolist() == [0.5]
    assert rank_normalized(torch.full((3,), -torch.inf)).tolist() == [0.5] * 3


def test_an_order_of_all_items_is_their_ranks() -> None:
    assert rank_of_order(torch.tensor([1, 2, 0]), 3).tolist() == [0.0, 1.0, 0.5]


@pytest.mark.parametrize("n", [0.5, 3.0, 19.0])
def test_a_soft_top_sums_to_n_at_any_temperature(n: float) -> None:
    wanted = torch.randn(20, generator=torch.Generator().manual_seed(1))
    for temperature in (1e-3, 0.3, 30.0):
        assert float(soft_top(wanted, n, temperature).sum()) == pytest.approx(n, abs=1e-4)


def test_rows_have_a_top_each() -> None:
    wanted = torch.randn(3, 20, generator=torch.Generator().manual_seed(2))
    heat = torch.tensor([[0.1], [1.0], [5.0]])
    alone = torch.stack([soft_top(row, 4, float(t)) for row, t in zip(wanted, heat, strict=True)])
    assert torch.allclose(soft_top(wanted, 4, heat), alone, atol=1e-6)


def test_its_gradient_is_that_of_finite_differences_and_knows_that_the_threshold_moves() -> None:
    wanted = torch.randn(8, generator=torch.Generator().manual_seed(3)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda u: soft_top(u, 3, 0.5), (wanted,), eps=1e-6, atol=1e-5)
    (slope,) = torch.autograd.grad((soft_top(wanted, 3, 0.5) * torch.arange(8)).sum(), wanted)
    assert abs(float(slope.sum())) < 1e-9  # to raise all of them changes nothing
    assert float(slope.abs().max()) > 0.1


@pins("auto-al", "defect", "Released code opens gates by a sigmoid of slope 1e11, which has no gradient; ours has one.")
def test_a_gate_of_slope_1e11_has_no_gradient_and_a_sane_one_has() -> None:
    dice = torch.Generator().manual_seed(4)
    found = {}
    for temperature in (1e-11, 0.1):
        wanted = torch.rand(1000, generator=dice).double().requires_grad_()
        losses = torch.rand(1000, generator=dice).double()
        (slope,) = torch.autograd.grad((soft_top(wanted, 20.5, temperature) * losses).sum(), wanted)
        threshold = float(wanted.detach().sort().values[-20:].min()) - 1e-5
        gate = torch.sigmoid((wanted - threshold) / temperature)
        (released,) = torch.autograd.grad((gate * losses).sum(), wanted)
        found[temperature] = float(slope.norm()), float(released.norm())
    assert found[1e-11][1] == 0.0
    assert found[0.1][0] > 0.1


def test_a_soft_top_of_nothing_or_of_all_is_refused() -> None:
    for n, temperature in ((0, 1.0), (3, 1.0), (1, 0.0)):
        with pytest.raises(BadInput, match="No soft top"):
            soft_top(torch.zeros(3), n, temperature)


def test_the_quantile_of_a_mixture_is_near_that_of_many_items() -> None:
    values = torch.cat([torch.randn(3000), 5 + torch.randn(1000)])
    for share in (0.02, 0.2, 0.6):
        assert mixture_quantile(values, share) == pytest.approx(float(values.quantile(1 - share)), abs=0.15)
    assert mixture_quantile(torch.full((4,), 0.5), 0.1) == 0.5

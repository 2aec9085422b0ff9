"""Compiled information against its plain twin in float64."""

from __future__ import annotations

import pytest
import torch

from askance.kernels.joint import information_gains, plain_gains, plain_information, shared_information


@pytest.mark.parametrize(("members", "classes", "ways"), [(1, 3, 5), (4, 2, 1), (7, 10, 300), (20, 3, 1000)])
def test_gains_are_the_plain_ones(members: int, classes: int, ways: int) -> None:
    dice = torch.Generator().manual_seed(members)
    samples = (2 * torch.randn(30, members, classes, generator=dice)).softmax(2)
    beliefs = (2 * torch.randn(members, ways, generator=dice)).softmax(0).double()
    masses = torch.rand(ways, generator=dice).double()
    exact = plain_gains(samples, beliefs, masses / masses.sum())
    found = information_gains(samples, beliefs, masses / masses.sum())
    torch.testing.assert_close(found, exact, rtol=1e-5, atol=2e-7)


@pytest.mark.parametrize(("members", "classes"), [(1, 3), (6, 10)])
def test_shared_information_is_the_plain_one(members: int, classes: int) -> None:
    dice = torch.Generator().manual_seed(0)
    own, aims = torch.randn(20, members, classes, generator=dice), torch.randn(members, 700, generator=dice)
    weights = torch.rand(700, generator=dice)
    exact = plain_information(own.double(), aims.double(), weights.double())
    torch.testing.assert_close(shared_information(own, aims, weights).double(), exact, rtol=1e-5, atol=1e-6)

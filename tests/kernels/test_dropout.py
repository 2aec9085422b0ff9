"""Dropout by a hash of the item: its share, its twin, and what it does not depend on."""

from __future__ import annotations

import pytest
import torch

from askance.kernels.dropout import dropped, kept


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.75])
def test_the_compiled_loop_keeps_what_the_reference_keeps(rate: float) -> None:
    keys = torch.tensor([0, 5, -3, 2**62])
    found = dropped(torch.ones(4, 11), keys, 2**64 - 5, rate)
    torch.testing.assert_close(found, kept(keys, 11, 2**64 - 5, rate).float() / (1 - rate))


def test_a_share_is_dropped_of_every_feature_and_item_and_none_depends_on_another() -> None:
    stays = kept(torch.arange(20_000), 16, 7, 0.75).double()
    assert (stays.mean(0) - 0.25).abs().max() < 0.03
    assert (torch.corrcoef(stays.T).fill_diagonal_(0)).abs().max() < 0.03
    other = kept(torch.arange(20_000), 16, 8, 0.75).double()
    assert abs(float((stays * other).mean()) - 0.25**2) < 0.005


def test_an_item_keeps_the_same_features_wherever_it_lies() -> None:
    keys, features = torch.tensor([4, 9, 1]), torch.ones(3, 9)
    assert torch.equal(dropped(features, keys.flip(0), 3, 0.5).flip(0), dropped(features, keys, 3, 0.5))

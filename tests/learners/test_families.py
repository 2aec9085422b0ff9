"""Families make the network that a shape names, and know how large it may be."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from askance.errors import BadInput
from askance.learners.families import Dense, Family, Residual, count_parameters
from askance.learners.networks import Mlp, ResNet18
from askance.learners.seeded import seeded
from askance.learners.shapes import Shape


def test_two_blocks_in_each_of_four_stacks_are_the_residual_network_with_18_layers() -> None:
    pictures = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with seeded(1):
        ours = Residual(2, 4, width_of_stem=4, pool=False)((1, 16, 16), 5).eval()
    with seeded(1):
        stock = ResNet18(width_of_stem=4)((1, 16, 16), 5).eval()
    mine, its = list(ours.parameters()), list(stock.parameters())
    assert [array.shape for array in mine] == [array.shape for array in its]
    assert all(torch.equal(one, other) for one, other in zip(mine, its, strict=True))
    with torch.no_grad():
        assert torch.equal(ours(pictures), stock(pictures))


def test_a_stack_more_halves_the_picture_and_doubles_the_channels() -> None:
    network = Residual(1, 3, channels=2, width_of_stem=4)((2, 16, 16), 3)
    maps, sizes = network.stem(torch.zeros(2, 2, 16, 16)), []
    for stage in network.stages:
        maps = stage(maps)
        sizes.append(tuple(maps.shape[1:]))
    assert sizes == [(4, 8, 8), (8, 4, 4), (16, 2, 2)]  # the pooling is the first halving
    assert network(torch.zeros(2, 2, 16, 16)).shape == (2, 3)


def test_blocks_are_counted_in_each_stack() -> None:
    convolutions = [layer for layer in Residual(3, 2)((1, 8, 8), 2).modules() if isinstance(layer, nn.Conv2d)]
    assert sum(layer.kernel_size == (3, 3) for layer in convolutions) == 1 + 2 * 3 * 2  # the stem, two in a block
    assert sum(layer.kernel_size == (1, 1) for layer in convolutions) == 1  # one change of channels


@pytest.mark.parametrize(
    ("side", "pool", "stacks"), [(32, True, 5), (8, True, 3), (8, False, 4), (4, True, 2), (2, True, 1)]
)
def test_a_picture_of_one_pixel_has_no_further_stack(side: int, pool: bool, stacks: int) -> None:
    family = Residual(1, stacks, width_of_stem=2, pool=pool)
    assert family.bounds((1, side, side)) == (12, stacks)
    family((side, side), 2)
    if stacks < 5:
        with pytest.raises(BadInput, match=f"at most {stacks} stacks"):
            Residual(1, stacks + 1, width_of_stem=2, pool=pool)(side * side, 2)


def test_dense_networks_are_as_deep_as_stacks_and_as_wide_as_blocks() -> None:
    with seeded(3):
        ours = Dense(5, 2)(64, 10)
    with seeded(3):
        same = Mlp(hidden=(40, 40), dropout=0.0)(64, 10)
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), same.parameters(), strict=True))
    assert Dense().bounds(64) == (10, 4) and Dense().at(Shape(3, 4)) == Dense(3, 4)


def test_parameters_are_counted_without_a_network_and_without_dice() -> None:
    before = torch.get_rng_state()
    assert count_parameters(Dense(2, 2), 3, 4) == 3 * 16 + 16 + 16 * 16 + 16 + 16 * 4 + 4
    count_parameters(Residual(1, 1, width_of_stem=3), (1, 16, 16), 3)
    assert torch.equal(torch.get_rng_state(), before)
    family = Residual(2, 3, width_of_stem=4)
    assert count_parameters(family, (1, 16, 16), 3) == sum(a.numel() for a in family((1, 16, 16), 3).parameters())


def test_what_cannot_be_is_refused() -> None:
    for made in (lambda: Dense(0, 1), lambda: Dense(1, 1, most=(3, 0)), lambda: Residual(channels=0)):
        with pytest.raises(BadInput, match="no size of a layer"):
            made()
    with pytest.raises(BadInput, match="two numbers"):
        Dense(most=(1, 2, 3))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="no share"):
        Dense(dropout=1.0)
    with pytest.raises(BadInput, match="was given items of shape"):
        Residual(channels=3)((1, 8, 8), 2)
    with pytest.raises(TypeError, match="makes no network"):
        Family()(3, 2)

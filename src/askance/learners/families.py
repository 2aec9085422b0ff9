"""Families of networks: makers of the member of a given shape, from which a search chooses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from askance.errors import BadInput
from askance.learners.networks import Block, Features, Mlp, check_sizes, convolution, dropout_of, picture_of
from askance.learners.seeded import seeded
from askance.learners.shapes import Shape


@dataclass(frozen=True)
class Family:
    """Makes the network of one shape, and says which shapes there are. A subclass writes `__call__`.

    Args:
        blocks: Of its own shape: blocks in each stack.
        stacks: Of its own shape: how many stacks.
        most: The largest blocks and stacks that a search may choose.
    """

    blocks: int = 1
    stacks: int = 1
    most: tuple[int, int] = (12, 5)

    def __post_init__(self) -> None:
        check_sizes(self, "blocks", "stacks", "most")
        if len(self.most) != 2:
            raise BadInput(f"{type(self).__name__}(most={self.most}) has to be two numbers: blocks and stacks.")

    @property
    def shape(self) -> Shape:
        """Its own shape."""
        return Shape(self.blocks, self.stacks)

    def at(self, shape: Shape) -> Self:
        """The member of a shape."""
        return replace(self, blocks=shape.blocks, stacks=shape.stacks)

    def bounds(self, features: Features) -> Shape:
        """The largest blocks and stacks for items of a shape."""
        return Shape(*self.most)

    def __call__(self, features: Features, width: int) -> nn.Module:
        """A new network.

        Args:
            features: How many features an item has, or its shape.
            width: The width of the scores.
        """
        raise TypeError(f"{type(self).__name__} makes no network")


@dataclass(frozen=True)
class Dense(Family):
    """Makes networks of fully connected layers: as many as there are stacks, of ``unit`` units for each block.

    The analogue for tables of the residual family, with 40 members from 8 units in one layer to 80 in each of four.

    Args:
        unit: Units of a layer for each block.
        dropout: The share of hidden units that a training step leaves out. `Dropout` needs some.

    >>> Dense(blocks=2, stacks=3)(4, 5).stages[2][0]
    Linear(in_features=16, out_features=16, bias=True)
    """

    most: tuple[int, int] = (10, 4)
    unit: int = 8
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, "unit")

    def __call__(self, features: Features, width: int) -> nn.Module:
        return Mlp(hidden=(self.unit * self.blocks,) * self.stacks, dropout=self.dropout)(features, width)


@dataclass(frozen=True)
class Residual(Family):
    """Makes residual networks for pictures: stacks of basic blocks, each stack half the size and twice the channels.

    Without ``pool``, 2 blocks in each of 4 stacks are `ResNet18` with its small stem. Every stack but the first begins
    with a stride of 2, and a picture of which one pixel is left has no further stack: `bounds` says how many there may
    be. [geifman2019deep]

    Args:
        channels: Of a picture.
        width_of_stem: Channels of the first stack.
        pool: Whether 3 x 3 max pooling of stride 2 follows the first convolution, as in the paper.
        dropout: The share of averaged channels that a training step leaves out before the last layer; the paper has
            none, and drops half of them only when it looks for doubt, by weights that never met it.
    """

    least: ClassVar[int] = 2  # pixels before a stack of stride 2

    channels: int = 1
    width_of_stem: int = 64
    pool: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, "channels", "width_of_stem")

    def bounds(self, features: Features) -> Shape:
        side = min(picture_of(self, features, int(self.pool), 2, "Mlp()")[1:])
        left, stacks = math.ceil(side / 2) if self.pool else side, 1
        while left >= self.least:
            left, stacks = math.ceil(left / 2), stacks + 1
        return Shape(self.most[0], min(self.most[1], stacks))

    def __call__(self, features: Features, width: int) -> nn.Module:
        """A new network.

        Args:
            features: As `Cnn` takes them.
            width: The width of the scores.

        Raises:
            BadInput: If this is no picture of so many channels, or it is too small for so many stacks.
        """
        shape = picture_of(self, features, int(self.pool), 2, "Mlp()")
        most = replace(self, most=(self.blocks, self.stacks)).bounds(features).stacks
        if self.stacks > most:
            raise BadInput(
                f"Residual(stacks={self.stacks}) halves a picture of {shape[1]} x {shape[2]} pixels until nothing is "
                f"left of it. Use at most {most} stacks, or larger pictures."
            )
        return ResidualNetwork(shape, width, self)


class ResidualNetwork(nn.Module):
    """What `Residual` makes; its `stages` are its stacks."""

    def __init__(self, shape: tuple[int, int, int], width: int, maker: Residual) -> None:
        super().__init__()
        self.shape = shape
        base = maker.width_of_stem
        pool: list[nn.Module] = [nn.MaxPool2d(3, 2, 1)] if maker.pool else []
        self.stem = nn.Sequential(convolution(shape[0], base), nn.BatchNorm2d(base), nn.ReLU(), *pool)
        self.stages = nn.Sequential(*(_stack(base, number, maker.blocks) for number in range(maker.stacks)))
        self.dropout = dropout_of(maker.dropout)
        self.last = nn.Linear(base * 2 ** (maker.stacks - 1), width)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, items: Tensor) -> Tensor:
        """Scores (items, width)."""
        maps = self.stages(self.stem(items.reshape(len(items), *self.shape)))  # (items, channels, height, width)
        found: Tensor = self.last(self.dropout(maps.mean((2, 3))))
        return found


@cache
def count_parameters(family: Family, features: Features, width: int) -> int:
    """How many numbers the network of a family's own shape learns; none of them is made."""
    with seeded(0), torch.device("meta"):
        return sum(array.numel() for array in family(features, width).parameters() if array.requires_grad)


def _stack(base: int, number: int, blocks: int) -> nn.Sequential:
    """Basic blocks, of which the first makes the change of size and channels where there is one."""
    after = base * 2**number
    before, stride = (after // 2, 2) if number else (after, 1)
    return nn.Sequential(Block(before, after, stride), *(Block(after, after, 1) for _ in range(blocks - 1)))

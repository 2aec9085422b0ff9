"""Networks to train from new weights: makers that build one for the shape of an item and the width of the scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import relu

from askance.errors import BadInput

Features = int | tuple[int, ...]


@dataclass(frozen=True)
class Mlp:
    """Makes a network of fully connected layers, for tables and features; items with several axes are flattened.

    Args:
        hidden: The units of each hidden layer, each followed by ReLU and dropout.
        dropout: The share of hidden units that a training step leaves out.

    >>> sum(array.numel() for array in Mlp(hidden=(5,))(4, 3).parameters())  # 4 * 5 + 5 + 5 * 3 + 3
    43
    """

    hidden: tuple[int, ...] = (256,)
    dropout: float = 0.3

    def __post_init__(self) -> None:
        if self.hidden == ():
            raise BadInput("Mlp(hidden=()) is a linear model. Use one hidden layer or more, or the learner 'linear'.")
        check_sizes(self, "hidden")

    def __call__(self, features: Features, width: int) -> MlpNetwork:
        """A new network.

        Args:
            features: How many features an item has, or its shape.
            width: The width of the scores.
        """
        return MlpNetwork(math.prod(features) if isinstance(features, tuple) else features, width, self)


@dataclass(frozen=True)
class Cnn:
    """Makes a small convolutional network, for pictures from 8 x 8 to 64 x 64.

    Two 3 x 3 convolutions, zero-padded to keep the size, each followed by ReLU and 2 x 2 max pooling; a hidden layer
    with ReLU and dropout; the last layer.

    Args:
        channels: Of a picture.
        widths: The channels that each convolution makes.
        hidden: The units of the hidden layer.
        dropout: The share of hidden units that a training step leaves out.
    """

    channels: int = 1
    widths: tuple[int, int] = (32, 64)
    hidden: int = 128
    dropout: float = 0.3

    def __post_init__(self) -> None:
        check_sizes(self, "channels", "widths", "hidden")
        if len(self.widths) != 2:
            raise BadInput(f"Cnn(widths={self.widths}) names {len(self.widths)} widths. Name one for each of the two.")

    def __call__(self, features: Features, width: int) -> CnnNetwork:
        """A new network.

        Args:
            features: The shape of an item, (channels, height, width) or (height, width), or how many numbers a
                flattened square picture has: one channel after the other, each row by row.
            width: The width of the scores.

        Raises:
            BadInput: If this is no picture of so many channels, or it is smaller than 4 x 4.
        """
        return CnnNetwork(picture_of(self, features, halvings=2, least=4, instead="Mlp()"), width, self)


@dataclass(frozen=True)
class ResNet18:
    """Makes the residual network with 18 layers, for pictures. He et al. 2016, arXiv:1512.03385, table 1.

    Args:
        channels: Of a picture.
        stem: How it begins: ``"small"`` is a 3 x 3 convolution of stride 1, for pictures of about 32 x 32 pixels;
            ``"stock"`` is that of the paper, a 7 x 7 convolution of stride 2 and 3 x 3 max pooling of stride 2, for
            about 224 x 224. On small pictures the stock stem throws most of the picture away.
        width_of_stem: Channels after the stem; the four stages have 1, 2, 4 and 8 times as many.
        dropout: The share of averaged channels that a training step leaves out before the last layer; the paper has
            none.
    """

    channels: int = 1
    stem: str = "small"
    width_of_stem: int = 64
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(self, "channels", "width_of_stem")
        if self.stem not in _STEMS:
            raise BadInput(f"ResNet18(stem={self.stem!r}) is no stem. Use 'small' (3 x 3) or 'stock' (7 x 7 and pool).")

    def __call__(self, features: Features, width: int) -> ResNet18Network:
        """A new network.

        Args:
            features: As `Cnn` takes them.
            width: The width of the scores.

        Raises:
            BadInput: If this is no picture of so many channels, or one pixel is left before the last stage.
        """
        halvings, instead = _STEMS[self.stem]
        least = 2 ** (halvings - 1) + 1  # else the last stage would read padding around one pixel
        shape = picture_of(self, features, halvings, least, instead)
        return ResNet18Network(shape, width, self)


class MlpNetwork(nn.Module):
    """What `Mlp` makes; its `stages` are its hidden layers."""

    def __init__(self, features: int, width: int, maker: Mlp) -> None:
        super().__init__()
        sizes = (features, *maker.hidden)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(before, after), nn.ReLU(), dropout_of(maker.dropout))
                for before, after in zip(sizes, maker.hidden, strict=False)
            )
        )
        self.last = nn.Linear(sizes[-1], width)

    def forward(self, items: Tensor) -> Tensor:
        """Scores (items, width)."""
        found: Tensor = self.last(self.stages(items.flatten(1)))
        return found


class CnnNetwork(nn.Module):
    """What `Cnn` makes; its `stages` are its two convolutions with their pooling."""

    def __init__(self, shape: tuple[int, int, int], width: int, maker: Cnn) -> None:
        super().__init__()
        self.shape = shape
        channels, height, breadth = shape
        first, second = maker.widths
        self.stages = nn.Sequential(
            nn.Sequential(nn.Conv2d(channels, first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            nn.Sequential(nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        )
        left = second * (height // 2 // 2) * (breadth // 2 // 2)
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(left, maker.hidden), nn.ReLU(), dropout_of(maker.dropout))
        self.last = nn.Linear(maker.hidden, width)

    def forward(self, items: Tensor) -> Tensor:
        """Scores (items, width)."""
        found: Tensor = self.last(self.hidden(self.stages(items.reshape(len(items), *self.shape))))
        return found


class ResNet18Network(nn.Module):
    """What `ResNet18` makes; its `stages` are four pairs of residual blocks."""

    def __init__(self, shape: tuple[int, int, int], width: int, maker: ResNet18) -> None:
        super().__init__()
        self.shape = shape
        base = maker.width_of_stem
        if maker.stem == "stock":
            look, pool = nn.Conv2d(shape[0], base, 7, 2, 3, bias=False), nn.MaxPool2d(3, 2, 1)
            self.stem = nn.Sequential(look, nn.BatchNorm2d(base), nn.ReLU(), pool)
        else:
            self.stem = nn.Sequential(convolution(shape[0], base), nn.BatchNorm2d(base), nn.ReLU())
        self.stages = nn.Sequential(
            nn.Sequential(Block(base, base, 1), Block(base, base, 1)),
            nn.Sequential(Block(base, 2 * base, 2), Block(2 * base, 2 * base, 1)),
            nn.Sequential(Block(2 * base, 4 * base, 2), Block(4 * base, 4 * base, 1)),
            nn.Sequential(Block(4 * base, 8 * base, 2), Block(8 * base, 8 * base, 1)),
        )
        self.dropout = dropout_of(maker.dropout)
        self.last = nn.Linear(8 * base, width)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):  # torch's own start is too small for 18 layers; batch norm's is 1 and 0
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, items: Tensor) -> Tensor:
        """Scores (items, width)."""
        maps = self.stages(self.stem(items.reshape(len(items), *self.shape)))  # (items, channels, height, width)
        found: Tensor = self.last(self.dropout(maps.mean((2, 3))))
        return found


class Block(nn.Module):
    """Two 3 x 3 convolutions whose result is added to what they were given. He et al. 2016, figure 2 and option B."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            convolution(before, after, stride),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            convolution(after, after),
            nn.BatchNorm2d(after),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, maps: Tensor) -> Tensor:
        return relu(self.shortcut(maps) + self.change(maps))


_STEMS = {  # how often a network with it halves a picture, and what to use for one that is too small
    "small": (3, "Cnn()"),
    "stock": (5, "stem='small'"),
}


def convolution(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size of a picture, or halves it by a stride of 2; batch norm has its bias."""
    return nn.Conv2d(before, after, 3, stride, 1, bias=False)


def dropout_of(share: float) -> nn.Module:
    """A layer that drops, or none: what looks for dropout must not find one that drops nothing."""
    return nn.Dropout(share) if share else nn.Identity()


def check_sizes(maker: Any, *sizes: str) -> None:
    """Refuse sizes that are no whole numbers above 0, and a dropout that is no share."""
    for name in sizes:
        value = getattr(maker, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(number, int) and number > 0 for number in numbers):
            raise BadInput(
                f"{type(maker).__name__}({name}={value!r}) is no size of a layer. "
                f"Use whole numbers above 0, several of them as a tuple."
            )
    if not 0 <= getattr(maker, "dropout", 0.0) < 1:
        raise BadInput(f"{type(maker).__name__}(dropout={maker.dropout}) is no share. Use 0 or more, and less than 1.")


def picture_of(maker: Any, features: Features, halvings: int, least: int, instead: str) -> tuple[int, int, int]:
    """The shape (channels, height, width) of a picture that is given as a number of features or as a shape.

    Args:
        maker: Who reads it; has a field ``channels``.
        features: The number or the shape.
        halvings: How often the picture is halved.
        least: The fewest pixels of a side that will do.
        instead: What to use for a smaller one.

    Raises:
        BadInput: If it is no picture of so many channels, or too small.
    """
    name, channels = type(maker).__name__, maker.channels
    if isinstance(features, int):
        side = math.isqrt(features // channels)
        if channels * side * side != features:
            raise BadInput(
                f"{name}(channels={channels}) reads {channels} x height x width numbers with height = width, and an "
                f"item has {features}. Reshape the pool to (items, channels, height, width), or use Mlp()."
            )
        features = (channels, side, side)
    shape = (1, *features) if len(features) == 2 else features
    if len(shape) != 3:
        raise BadInput(
            f"{name} reads pictures, and an item has the shape {features}. "
            f"Reshape the pool to (items, channels, height, width)."
        )
    if shape[0] != channels:
        raise BadInput(
            f"{name}(channels={channels}) was given items of shape {features}, whose number of channels is {shape[0]}. "
            f"Use {name}(channels={shape[0]}), or reorder the pool to (items, channels, height, width)."
        )
    if min(shape[1:]) < least:
        raise BadInput(
            f"{maker} halves a picture {halvings} times, and {shape[1]} x {shape[2]} pixels are too few for it. "
            f"Use pictures of at least {least} x {least}, or {instead}."
        )
    return shape[0], shape[1], shape[2]

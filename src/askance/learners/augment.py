"""Augmentations: what may be done to pictures in training, each changed by noise of its own that is handed in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from scipy.special import betaincinv
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from askance.errors import BadInput


@dataclass(frozen=True)
class Augmentation:
    """Changes each picture of a batch by its own noise, whatever its neighbors are. A subclass writes `changed`.

    >>> Flip()(torch.tensor([[[1.0, 2.0]], [[1.0, 2.0]]]), torch.tensor([[0.4], [0.5]])).tolist()
    [[[2.0, 1.0]], [[1.0, 2.0]]]
    """

    @property
    def draws(self) -> int:
        """How many numbers of noise an item needs."""
        raise TypeError(f"{type(self).__name__} does not say how many numbers of noise it needs")

    def __call__(self, items: Tensor, noise: Tensor) -> Tensor:
        """Change pictures.

        Args:
            items: (items, channels, height, width), (items, height, width), or flattened squares, (items, features),
                of one channel or of three, one after the other.
            noise: Uniform in [0, 1), float64 (items, draws).

        Returns:
            The changed pictures, in the shape and number type of the items.

        Raises:
            BadInput: If the items are no pictures, or the noise is not for them.
        """
        if noise.shape != (len(items), self.draws):
            raise BadInput(
                f"{type(self).__name__} was given noise of shape {tuple(noise.shape)} for {len(items)} items. "
                f"Hand in {self.draws} numbers for each item."
            )
        return self.changed(pictures_of(items), noise.to(items.device)).reshape(items.shape)

    def changed(self, pictures: Tensor, noise: Tensor) -> Tensor:
        """Pictures (items, channels, height, width) after noise (items, draws), in the same shape."""
        raise TypeError(f"{type(self).__name__} changes nothing")


@dataclass(frozen=True)
class Crop(Augmentation):
    """Pad with zeros, and cut out a picture of the old size anywhere. He et al. 2016, arXiv:1512.03385, section 4.2.

    Args:
        padding: Pixels on each side.
    """

    padding: int = 2
    draws: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _check_pixels(self, "padding")

    def changed(self, pictures: Tensor, noise: Tensor) -> Tensor:
        return _cut(pictures, self.padding, *_whole(noise, 2 * self.padding))


@dataclass(frozen=True)
class Shift(Augmentation):
    """Move by whole pixels, down or up and right or left; what comes in is zero.

    A draw of 0 moves up or left as far as it goes. The distribution is that of `Crop`.

    Args:
        pixels: At most so many.
    """

    pixels: int = 2
    draws: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _check_pixels(self, "pixels")

    def changed(self, pictures: Tensor, noise: Tensor) -> Tensor:
        down, right = _whole(noise, 2 * self.pixels)
        return _cut(pictures, self.pixels, 2 * self.pixels - down, 2 * self.pixels - right)


@dataclass(frozen=True)
class Flip(Augmentation):
    """Change left and right in every other picture; not for digits and letters."""

    draws: ClassVar[int] = 1

    def changed(self, pictures: Tensor, noise: Tensor) -> Tensor:
        return torch.where(noise[:, :, None, None] < 0.5, pictures.flip(-1), pictures)


@dataclass(frozen=True)
class Rotate(Augmentation):
    """Turn about the middle; between pixels bilinear, and what comes in is zero.

    A draw of 1/2 turns by nothing, less turns clockwise, as one looks at a picture whose first row is on top.

    Args:
        degrees: At most so many, either way.
    """

    degrees: float = 15.0
    draws: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 0 <= self.degrees < math.inf:
            raise BadInput(f"Rotate(degrees={self.degrees}) is no angle. Use 0 or more.")

    def changed(self, pictures: Tensor, noise: Tensor) -> Tensor:
        height, width = pictures.shape[2:]
        angle = (2 * noise[:, :, None] - 1) * math.radians(self.degrees)  # (items, 1, 1)
        down = (torch.arange(height, device=noise.device, dtype=noise.dtype) - (height - 1) / 2)[:, None]
        right = torch.arange(width, device=noise.device, dtype=noise.dtype) - (width - 1) / 2
        x = angle.cos() * right - angle.sin() * down  # where a pixel comes from, (items, height, width)
        y = angle.sin() * right + angle.cos() * down
        # Each number alone, where affine_grid would multiply matrices and shear what is no square.
        grid = torch.stack([x * (2 / width), y * (2 / height)], dim=-1).to(pictures.dtype)
        return grid_sample(pictures, grid, align_corners=False)


@dataclass(frozen=True)
class Compose(Augmentation):
    """Several augmentations, one after another, each with noise of its own.

    Args:
        parts: The augmentations.
    """

    parts: tuple[Augmentation, ...]

    def __post_init__(self) -> None:
        if not (isinstance(self.parts, tuple) and all(isinstance(part, Augmentation) for part in self.parts)):
            raise BadInput(
                f"Compose(parts={self.parts!r}) is no tuple of augmentations of pictures. "
                f"Hand in a tuple such as (Crop(), Flip()); Mixup also needs the targets, and has no place in it."
            )

    @property
    def draws(self) -> int:
        return sum(part.draws for part in self.parts)

    def changed(self, pictures: Tensor, noise: Tensor) -> Tensor:
        start = 0
        for part in self.parts:
            pictures = part(pictures, noise[:, start : start + part.draws])
            start += part.draws
        return pictures


@dataclass(frozen=True)
class Mixup:
    """Mix each item and its target with those of a partner in the batch. Zhang et al. 2018, arXiv:1710.09412.

    Differs from the authors' code: each pair has a share of its own, as in the paper, and no item is its own partner.
    Items may weigh differently: each side of a pair counts by its share of the mixture times its weight.

    Args:
        alpha: The share is drawn from Beta(alpha, alpha); near 0 hardly anything is mixed, 1 is uniform.
    """

    revision: ClassVar[int] = 2  # each side of a pair counts by its own weight

    alpha: float = 0.2
    draws: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise BadInput(f"Mixup(alpha={self.alpha}) is no shape of a Beta distribution. Use a number above 0.")

    def __call__(self, items: Tensor, targets: Tensor, weights: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mix items, targets and weights.

        Args:
            items: Of any shape, (items, ...).
            targets: (items, width).
            weights: (items,).
            noise: Uniform in [0, 1), float64 (items, 2): what becomes the share that an item keeps, and the order in
                which each item is the partner of the one before, and the first that of the last.

        Returns:
            Mixed items, targets and weights, in the shapes and number types of what was given. The loss of classes is
            linear in the target, so that of a mixture is the sum of what both labels cost, each by its own weight.
        """
        if noise.shape != (len(items), 2) or len(targets) != len(items) or len(weights) != len(items):
            raise BadInput(
                f"Mixup was given {len(items)} items, {len(targets)} targets, {len(weights)} weights and noise of "
                f"shape {tuple(noise.shape)}. Hand in a target, a weight and 2 numbers of noise for each item."
            )
        order = noise[:, 1].argsort()
        partner = torch.empty_like(order)
        partner[order] = order.roll(-1)
        share = torch.as_tensor(betaincinv(self.alpha, self.alpha, noise[:, 0].cpu().numpy()))
        column = weights.unsqueeze(1)
        mass = _mixed(column, partner, share)
        counted = _mixed(column * targets.to(column), partner, share)
        soft = torch.where(mass > 0, counted / mass.where(mass > 0, 1.0), _mixed(targets.to(column), partner, share))
        return _mixed(items, partner, share), soft.to(targets), mass.squeeze(1)


def _mixed(rows: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    kept = share.to(rows).reshape(-1, *(1 for _ in rows.shape[1:]))
    return kept * rows + (1 - kept) * rows[partner.to(rows.device)]


def _cut(pictures: Tensor, padding: int, top: Tensor, left: Tensor) -> Tensor:
    """Pictures of the old size, cut out of padded ones; top and left are the first row and column, (items,)."""
    count, _, height, width = pictures.shape
    rows = top[:, None] + torch.arange(height, device=top.device)
    columns = left[:, None] + torch.arange(width, device=left.device)
    padded = pad(pictures, (padding, padding, padding, padding)).movedim(1, 3)
    items = torch.arange(count, device=top.device)
    return padded[items[:, None, None], rows[:, :, None], columns[:, None, :]].movedim(3, 1)


def _whole(noise: Tensor, most: int) -> tuple[Tensor, ...]:
    """Whole numbers from 0 to `most`, all alike, one array (items,) for each draw."""
    return (noise * (most + 1)).floor().long().unbind(1)


def pictures_of(items: Tensor) -> Tensor:
    """Items as (items, channels, height, width).

    Raises:
        BadInput: If they are no pictures.
    """
    shape = tuple(items.shape[1:])
    if len(shape) == 2:
        return items.unsqueeze(1)
    if len(shape) == 3:
        return items
    for channels in (1, 3) if len(shape) == 1 else ():  # three times a square is never a square
        side = math.isqrt(shape[0] // channels)
        if channels * side * side == shape[0]:
            return items.reshape(len(items), channels, side, side)
    raise BadInput(
        f"An item of shape {shape} is no picture to augment: neither (channels, height, width) nor (height, width), "
        f"nor a square number, or three times one. Reshape the pool, or augment nothing."
    )


def _check_pixels(augmentation: Augmentation, name: str) -> None:
    most = getattr(augmentation, name)
    if not (isinstance(most, int) and most >= 0):
        raise BadInput(f"{type(augmentation).__name__}({name}={most}) is no whole number of pixels. Use 0 or more.")

"""Architectures as two numbers: which there are, which come next, and which of those that were tried is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class Shape(NamedTuple):
    """An architecture A(blocks, stacks) of a family: so many stacks, of so many blocks each.

    >>> Shape(2, 4).depth
    8
    """

    blocks: int
    stacks: int

    @property
    def depth(self) -> int:
        """Blocks in all."""
        return self.blocks * self.stacks


def within(shape: Shape, most: Shape) -> Shape:
    """A shape that is no larger than the bounds of its family."""
    return Shape(min(shape.blocks, most.blocks), min(shape.stacks, most.stacks))


def every(most: Shape) -> list[Shape]:
    """All shapes up to the bounds, by stacks and then by blocks."""
    return [Shape(blocks, stacks) for stacks in range(1, most.stacks + 1) for blocks in range(1, most.blocks + 1)]


def candidates(now: Shape, most: Shape) -> list[Shape]:
    """What the incremental rule tries: to stay, a block more in each stack, a stack more of about the same depth.

    A stack more re-balances the blocks: ``(floor(i j / (j + 1)) + 1, j + 1)`` is deeper than ``(i, j)``, by as little
    as may be. What is beyond the bounds is not tried. [geifman2019deep]

    Args:
        now: The shape of the round before; the first that is given back.
        most: The bounds.

    >>> [tuple(shape) for shape in candidates(Shape(2, 2), Shape(12, 5))]
    [(2, 2), (3, 2), (2, 3)]
    >>> [tuple(shape) for shape in candidates(Shape(5, 2), Shape(5, 5))]  # no block more; 4 x 3 is deeper than 5 x 2
    [(5, 2), (4, 3)]
    """
    blocks, stacks = within(now, most)
    more = (Shape(blocks + 1, stacks), Shape(blocks * stacks // (stacks + 1) + 1, stacks + 1))
    fits = [shape for shape in more if within(shape, most) == shape]
    return [Shape(blocks, stacks), *fits]


def best(tried: Mapping[Shape, Tensor]) -> Shape:
    """The shape with the highest mean quality; of equals the one that was tried first."""
    means = {shape: float(quality.mean()) for shape, quality in tried.items()}
    return max(means, key=lambda shape: means[shape])


def guarded(tried: Mapping[Shape, Tensor], guard: float) -> Shape:
    """The best shape, if it is better than the first by so many standard errors of their difference; else the first.

    The difference is taken item by item, so what both get right or wrong does not count as chance.

    Args:
        tried: For each shape the quality of its answers on the same held-out items, (items,); the first is to stay.
        guard: How many standard errors; 0 takes the best.

    >>> import torch
    >>> stay, move = torch.tensor([1.0, 0.0, 0.0, 0.0]), torch.tensor([1.0, 1.0, 0.0, 0.0])
    >>> [guarded({Shape(1, 1): stay, Shape(2, 1): move}, guard).blocks for guard in (0.0, 1.0)]  # 0.25 +- 0.25
    [2, 1]
    """
    first = next(iter(tried))
    found = best(tried)
    gains = (tried[found] - tried[first]).double()
    if found == first or len(gains) < 2:
        return first
    error = float(gains.std()) / len(gains) ** 0.5
    mean = float(gains.mean())
    return found if mean > 0 and mean > guard * error else first

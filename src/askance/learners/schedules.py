"""How the learning rate goes over a training: pure functions of the share of its steps that is done."""

from __future__ import annotations

import math
from dataclasses import dataclass

from askance.errors import BadInput


@dataclass(frozen=True)
class Schedule:
    """A factor on the learning rate; a subclass writes `factor`."""

    def factor(self, share: float) -> float:
        """The factor where a share of all steps, 0 or more and less than 1, is done."""
        raise TypeError(f"{type(self).__name__} has no factor")


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate throughout."""

    def factor(self, share: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from the whole rate to nothing, after a linear rise. (Loshchilov & Hutter 2017)

    Args:
        rise: The share of the steps in which the rate rises.

    >>> [round(Cosine().factor(share), 3) for share in (0.0, 0.5, 0.75)]
    [1.0, 0.5, 0.146]
    """

    rise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.rise < 1:
            raise BadInput(f"Cosine(rise={self.rise}) is no share of the steps. Use 0 or more, and less than 1.")

    def factor(self, share: float) -> float:
        if share < self.rise:
            return (share + 1e-3) / (self.rise + 1e-3)  # not nothing in the first step
        return 0.5 * (1 + math.cos(math.pi * (share - self.rise) / (1 - self.rise)))


@dataclass(frozen=True)
class Drops(Schedule):
    """The rate falls by a factor at some shares of the steps.

    Args:
        at: Where it falls.
        by: What it is multiplied with there.

    >>> [Drops(at=(0.5, 0.75)).factor(share) for share in (0.2, 0.5)]
    [1.0, 0.1]
    """

    at: tuple[float, ...] = (0.8,)  # 160 of 200 epochs, as CIFAR is often trained
    by: float = 0.1

    def __post_init__(self) -> None:
        if not all(0 < share < 1 for share in self.at) or not self.by > 0:
            raise BadInput(f"{self} cannot be. Use shares between 0 and 1, and a factor above 0.")

    def factor(self, share: float) -> float:
        return self.by ** sum(share >= place for place in self.at)


@dataclass(frozen=True)
class Cycles(Schedule):
    """A cosine from the whole rate to nothing, several times over. (Huang et al. 2017, Eq. 2)

    Args:
        count: How often.

    >>> [round(Cycles(2).factor(share), 3) for share in (0.0, 0.25, 0.5)]
    [1.0, 0.5, 1.0]
    """

    count: int = 5

    def __post_init__(self) -> None:
        if self.count < 1:
            raise BadInput(f"Cycles(count={self.count}) never begins. Use 1 or more.")

    def factor(self, share: float) -> float:
        return 0.5 * (1 + math.cos(math.pi * ((share * self.count) % 1.0)))

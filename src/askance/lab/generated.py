"""Data sets that are made here by a law that is written down: fixed seeds, so they are the same for everybody.

Points stay as the law says; nothing is scaled. Sets in the style of a published one are ours: their law is not that of
the original, whose points are not at hand, and numbers are to be compared only in kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.lab.reading import Content, Files, Reader

Array = NDArray[np.float64]
Made = tuple[Array, list[str]]  # points (items, 2), and the class of each


@dataclass(frozen=True)
class Generated(Reader):
    """A data set that a function of this file makes.

    Args:
        law: The name of the function.
    """

    source: ClassVar[str] = "generated"
    license: ClassVar[str] = "Apache-2.0"
    law: str

    @property
    def wanted(self) -> tuple[str, ...]:
        return ()

    def read(self, files: Files) -> Content:
        points, labels = LAWS[self.law]()
        return Content(points, list(labels))


def honeypot() -> Made:
    """Four clouds of 150 points, of which the half at (4, 3) has labels by chance. [werner2024cross]"""
    dice = np.random.default_rng(0)
    centers = np.repeat([[0.0, 0.0], [0.0, 6.0], [4.0, 3.0], [4.0, 3.0]], 150, axis=0)
    labels = np.repeat(["positive", "negative", "positive", "negative"], 150)
    return centers + dice.standard_normal(centers.shape), labels.tolist()


def diverging_sine() -> Made:
    """Two sines that part: x in [0, 10], y = sin(2 x) plus or minus x / 2, and noise of 0.3. [werner2024cross]"""
    dice = np.random.default_rng(6)
    side = np.repeat([1.0, -1.0], 100)
    x = dice.uniform(0, 10, 200)
    y = np.sin(2 * x) + side * 0.5 * x + 0.3 * dice.standard_normal(200)
    return np.stack([x, y], 1), _named(side > 0)


def checkerboard() -> Made:
    """1,600 points, uniform on a board of two by two squares; the class is the color."""
    points = np.random.default_rng(0).uniform(0, 2, (1600, 2))
    return points, _named(np.floor(points).sum(1) % 2 == 1)


def wave() -> Made:
    """863 points, uniform on the unit square; the class is the side of a sine of three half waves, with noise."""
    dice = np.random.default_rng(1)
    points = dice.uniform(0, 1, (863, 2))
    above = points[:, 1] - 0.5 - 0.45 * np.sin(3 * np.pi * points[:, 0])
    return points, _named(above + 0.08 * dice.logistic(size=863) > 0)


def disk() -> Made:
    """206 points, uniform on [-1, 1]^2; the class is the side of an ellipse, with noise."""
    dice = np.random.default_rng(2)
    points = dice.uniform(-1, 1, (206, 2))
    inside = 0.5 - points[:, 0] ** 2 / 0.8 - points[:, 1] ** 2
    return points, _named(inside + 0.05 * dice.logistic(size=206) > 0)


def balanced_clouds() -> Made:
    """A round cloud and one twice as high at (2, 1), 500 points each."""
    return _clouds(3, 500, 500)


def unbalanced_clouds() -> Made:
    """The same clouds with 670 and 330 points."""
    return _clouds(4, 670, 330)


def banana() -> Made:
    """Two arcs of radius 5 that hook into each other, with noise of 1.6: 2,924 and 2,376 points."""
    dice = np.random.default_rng(5)
    first = np.pi * (0.125 + 1.25 * dice.uniform(0, 1, 2924))
    second = np.pi * (0.375 - 1.25 * dice.uniform(0, 1, 2376))
    arcs = [5 * np.stack([np.sin(angle), np.cos(angle)], 1) for angle in (first, second)]
    points = np.concatenate([arcs[0], arcs[1] - 3.75])
    return points + 1.6 * dice.standard_normal(points.shape), _named(np.arange(len(points)) < 2924)


LAWS: dict[str, Callable[[], Made]] = {
    law.__name__: law
    for law in (
        honeypot,
        diverging_sine,
        checkerboard,
        wave,
        disk,
        balanced_clouds,
        unbalanced_clouds,
        banana,
    )
}


def _clouds(seed: int, positive: int, negative: int) -> Made:
    dice = np.random.default_rng(seed)
    round_, high = dice.standard_normal((positive, 2)), dice.standard_normal((negative, 2)) * [1, 2] + [2, 1]
    return np.concatenate([round_, high]), _named(np.arange(positive + negative) < positive)


def _named(positive: NDArray[Any]) -> list[str]:
    return ["positive" if one else "negative" for one in positive.tolist()]

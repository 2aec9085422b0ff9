"""Rules that choose an architecture: from where a search stands, by trials on held-out labels or without any."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.learners.shapes import Shape, best, candidates, every, guarded
from askance.learners.tangents import left_out
from askance.seeds import Dice


@dataclass(frozen=True, eq=False)
class Search:
    """What a rule may ask in one search.

    Args:
        now: The shape of the round before, within the bounds.
        most: The bounds.
        dice: Of this search.
        targets: Of the labeled items, (labeled, width).
        trial: ``trial(shape, share)`` trains from new weights for a share of the steps of a whole trial, and gives the
            quality of its answers on held-out items, higher is better: the same items for every shape, (items,).
        parameters: How many numbers the network of a shape learns.
        kernel: The kernel of the untrained network of a shape on the labeled items, (labeled, labeled).
    """

    now: Shape
    most: Shape
    dice: Dice
    targets: Tensor
    trial: Callable[[Shape, float], Tensor]
    parameters: Callable[[Shape], int]
    kernel: Callable[[Shape], Tensor]


@dataclass(frozen=True)
class Rule:
    """Chooses a shape. A subclass writes `choose`."""

    validates: ClassVar[bool] = True  # whether it makes trials, which need labels to hold out

    @property
    def remembers(self) -> bool:
        """Whether it goes on from the shape of the round before."""
        return False

    def choose(self, search: Search) -> Shape:
        """The shape to train."""
        raise TypeError(f"{type(self).__name__} chooses nothing")


@dataclass(frozen=True)
class Incremental(Rule):
    """From one shape to the best of at most three, and so never to a shallower one. [geifman2019deep]

    Args:
        moves: How often it may move in one round; it ends when staying is best.
        guard: By how many standard errors a move has to be better than to stay. 0 is the rule of the paper, which with
            few labels to validate tosses a coin.
    """

    moves: int = 1
    guard: float = 1.0

    def __post_init__(self) -> None:
        if self.moves < 1 or not self.guard >= 0:
            raise BadInput(f"{self} cannot be. Use 1 move or more, and a guard of 0 or more.")

    @property
    def remembers(self) -> bool:
        return True

    def choose(self, search: Search) -> Shape:
        now = search.now
        for _ in range(self.moves):
            tried = {shape: search.trial(shape, 1.0) for shape in candidates(now, search.most)}
            found = guarded(tried, self.guard)
            if found == now:
                break
            now = found
        return now


@dataclass(frozen=True)
class RandomShapes(Rule):
    """The best of a few shapes that are drawn at random each round, wherever the search stands.

    Args:
        count: How many; three are as many trials as `Incremental` makes.
        keep: Whether the shape of the round before is one of them.
    """

    count: int = 3
    keep: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise BadInput(f"RandomShapes(count={self.count}) draws nothing. Use 1 or more.")

    @property
    def remembers(self) -> bool:
        return self.keep

    def choose(self, search: Search) -> Shape:
        others = drawn(search, self.count)
        shapes = [search.now, *(shape for shape in others if shape != search.now)] if self.keep else others
        return best({shape: search.trial(shape, 1.0) for shape in shapes[: self.count]})


@dataclass(frozen=True)
class Halving(Rule):
    """Successive halving: many shapes are tried shortly, the better half longer, until one is left. [jamieson2016non]

    Each round of trials costs the same, and all rounds together so many whole trials; each training begins with new
    weights.

    Args:
        count: How many shapes are drawn to begin with.
        budget: Whole trials in all; three are what `Incremental` spends.
    """

    count: int = 8
    budget: float = 3.0

    def __post_init__(self) -> None:
        if self.count < 2 or not self.budget > 0:
            raise BadInput(f"{self} cannot be. Use 2 shapes or more, and a budget above 0.")

    def choose(self, search: Search) -> Shape:
        left = drawn(search, self.count)
        rounds = math.ceil(math.log2(len(left)))
        for _ in range(rounds):
            tried = {shape: search.trial(shape, self.budget / (rounds * len(left))) for shape in left}
            left = sorted(left, key=lambda shape: -float(tried[shape].mean()))[: math.ceil(len(left) / 2)]
        return left[0]


@dataclass(frozen=True)
class EveryShape(Rule):
    """The best of all shapes within the bounds: what a search could find if trials cost nothing."""

    def choose(self, search: Search) -> Shape:
        return best({shape: search.trial(shape, 1.0) for shape in every(search.most)})


@dataclass(frozen=True)
class LargestThatFits(Rule):
    """The shape with the most parameters that the labels can pay for; nothing is tried. A reading of ours.

    Where none can be paid for, it is the smallest.

    Args:
        ratio: How many parameters may be learned for each number that labels say: a label of ten classes says ten.
    """

    validates: ClassVar[bool] = False

    ratio: float = 1.0

    def __post_init__(self) -> None:
        if not self.ratio > 0:
            raise BadInput(f"LargestThatFits(ratio={self.ratio}) pays for nothing. Use a ratio above 0.")

    def choose(self, search: Search) -> Shape:
        sizes = {shape: search.parameters(shape) for shape in every(search.most)}
        fits = [shape for shape, size in sizes.items() if size <= self.ratio * search.targets.numel()]
        return max(fits, key=lambda shape: sizes[shape]) if fits else min(sizes, key=lambda shape: sizes[shape])


@dataclass(frozen=True)
class KernelChoice(Rule):
    """The shape whose kernel, before any training, predicts labels best that it is not shown. [hemachandra2023training]

    A Gaussian process with the kernel of the gradients of the untrained network predicts a tenth of the labeled items
    from the others, again and again; least squared error plus variance is best. The model selection of EV-GP+MS. Our
    kernels have mean 1 on their diagonals: else a variance would say how wide a network is.

    Args:
        holdouts: How often some are left out.
        share: Which share.
        tradeoff: What a variance counts beside a squared error.
        noise: The standard deviation of the noise.
        count: So many shapes are looked at, at most, drawn by dice.
    """

    validates: ClassVar[bool] = False

    holdouts: int = 50
    share: float = 0.1
    tradeoff: float = 1.0
    noise: float = 1e-3  # the paper's
    count: int = 40

    def __post_init__(self) -> None:
        if self.holdouts < 1 or not 0 < self.share < 1 or not self.noise > 0 or self.count < 1:
            raise BadInput(
                f"{self} cannot be. Leave out a share between 0 and 1, once or more, of 1 shape or more, with a noise "
                f"above 0."
            )

    def choose(self, search: Search) -> Shape:
        labels = len(search.targets)
        if labels < 2:
            return search.now
        size = max(1, round(self.share * labels))
        dice = search.dice.of("holdouts").generator()
        groups = [torch.from_numpy(dice.permutation(labels)[:size].copy()) for _ in range(self.holdouts)]
        scores = {shape: self._score(search, shape, groups) for shape in drawn(search, self.count)}
        return min(scores, key=lambda shape: scores[shape])

    def _score(self, search: Search, shape: Shape, groups: list[Tensor]) -> float:
        """Squared error and variance of what is left out."""
        kernel = search.kernel(shape).double()
        scale = float(kernel.diagonal().mean())
        if not math.isfinite(scale) or scale <= 0:
            return math.inf  # nothing reaches the scores of this network
        errors, variances = left_out(kernel / scale, search.targets, groups, self.noise**2)
        return float(errors.mean() + self.tradeoff * variances.mean())


RULES: dict[str, Rule] = {
    "incremental": Incremental(),
    "random": RandomShapes(),
    "halving": Halving(),
    "every": EveryShape(),
    "largest-that-fits": LargestThatFits(),
    "ev-gp-ms": KernelChoice(),
}


def drawn(search: Search, count: int) -> list[Shape]:
    """So many different shapes within the bounds, drawn uniformly."""
    shapes = every(search.most)
    order = search.dice.of("shapes").generator().permutation(len(shapes))
    return [shapes[place] for place in order[:count]]

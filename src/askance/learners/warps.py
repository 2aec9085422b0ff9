"""A companion that learns how each picture should be moved, so that it is worth most and still the same thing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from askance.arrays import spans, take
from askance.errors import BadInput
from askance.learners.augment import pictures_of
from askance.learners.base import Differentiable, Learner, Lesson, Model, Outputs
from askance.learners.companions import features_of
from askance.learners.seeded import seeded

MOVES = 4  # a turn, a zoom, and how far right and down
ROWS = 256  # pictures moved at once


@dataclass(frozen=True)
class WarpPolicy(Learner):
    """Learns a turn, a zoom and a shift for each unlabeled picture. [kim2021lada, InfoSTN, reconstructed]

    The part of the paper that was never released, as we read it: a small network of the task model's features gives
    the parameters of a spatial transformer, and goes up the gradient of ``H(p(moved)) - keep KL(p(x) | p(moved))``
    through the task model, which stays as it is. The second term ties the moved picture to what the model makes of
    the picture, so that its label stays. Moves are held within bounds by a tanh; unbounded ones would learn to move
    the picture out of sight.

    For items it gives ``moves``, (items, 4), in shares of the bounds, and ``moved``, the scores of the moved pictures,
    (items, classes).

    Args:
        degrees: Bound of the turn, either way.
        zoom: Bound of the zoom, in powers of two.
        shift: Bound of the shift, in shares of the picture.
        keep: How much the model's own belief is held to.
        hidden: Units of the network.
        sample: Unlabeled pictures that are learned from, at most.
        steps: Of Adam, each on all of them.
        rate: Of Adam.
    """

    degrees: float = 15.0
    zoom: float = 0.15
    shift: float = 0.1
    keep: float = 1.0
    hidden: int = 32
    sample: int = 500
    steps: int = 30
    rate: float = 3e-2

    def __post_init__(self) -> None:
        if min(self.degrees, self.zoom, self.shift, self.keep) < 0 or self.degrees + self.zoom + self.shift == 0:
            raise BadInput(f"{self} moves nothing, or backwards. Use bounds of 0 or more, not all of them 0.")
        if min(self.hidden, self.sample, self.steps, self.rate) <= 0:
            raise BadInput(f"{self} learns nothing. Use numbers above 0.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"moves", "moved"})

    @property
    def bounds(self) -> tuple[float, float, float]:
        """Of the turn in degrees, the zoom in powers of two, and the shift in shares of a picture."""
        return self.degrees, self.zoom, self.shift

    def fit(self, lesson: Lesson) -> Warps:
        if lesson.model is None:
            raise BadInput("WarpPolicy moves what the task model looks at and has none. Read it by a signal's of=.")
        pictures_of(take(lesson.items, torch.arange(1)))  # refused before anything is trained
        order = lesson.dice.of("sample").uniform(lesson.keys[lesson.unlabeled]).argsort()
        rows = lesson.unlabeled[order[: self.sample]]
        whole = lesson.model.differentiable()
        if not len(rows) or lesson.task.width < 2:
            return Warps(self, None, lesson.model, whole, {"pictures": 0})
        pictures = take(lesson.items, rows)
        features = features_of(pictures, lesson.model).float()
        middle = features.mean(0)
        scale = float((features - middle).square().mean().sqrt()) or 1.0
        with seeded(lesson.dice.of("network").key):
            last = nn.Linear(self.hidden, MOVES)
            nn.init.normal_(last.weight, std=1e-2)  # it begins with hardly a move
            nn.init.zeros_(last.bias)
            network = nn.Sequential(nn.Linear(features.shape[1], self.hidden), nn.Tanh(), last, nn.Tanh())
        facts = self._climb(network, (features - middle) / scale, pictures, whole)
        return Warps(self, network, lesson.model, whole, {"pictures": len(rows), **facts}, middle, scale)

    def _climb(self, network: nn.Module, inputs: Tensor, pictures: Tensor, whole: Differentiable) -> dict[str, float]:
        """Train, and say what the moved pictures are worth, first and last."""
        with torch.no_grad():
            before = whole.scores(whole.weights, pictures).log_softmax(1)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.rate)
        seen = []
        for _ in range(self.steps):
            moved = moved_pictures(pictures, network(inputs), self.bounds)
            after = whole.scores(whole.weights, moved).log_softmax(1)
            entropy = -(after.exp() * after).sum(1).mean()
            apart = (before.exp() * (before - after)).sum(1).mean()
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(self.keep * apart - entropy)
            optimizer.step()
            seen.append((float(entropy.detach()), float(apart.detach())))
        return {"first": seen[0][0], "last": seen[-1][0], "apart": seen[-1][1]}


@dataclass(frozen=True, eq=False)
class Warps(Model):
    """A network over the task model's features, or nothing learned: then nothing moves.

    Args:
        policy: Its bounds.
        network: Features to moves in shares of the bounds.
        model: The task model.
        whole: The same as a function of pictures.
        facts: How it went.
        middle: What is taken off the features.
        scale: What they are divided by.
    """

    policy: WarpPolicy
    network: nn.Module | None
    model: Model
    whole: Differentiable
    facts: dict[str, Any]
    middle: Tensor = field(default_factory=lambda: torch.zeros(()))
    scale: float = 1.0

    def outputs(self, items: Any) -> Outputs:
        some = items if len(items) else items.new_zeros(1, *items.shape[1:])  # of none: what one has, less its row
        parts = [self._part(some[start:stop]) for start, stop in spans(len(some), ROWS)]
        moves, moved = (torch.cat(arrays).cpu()[: len(items)] for arrays in zip(*parts, strict=True))
        return Outputs(extras={"moves": moves, "moved": moved})

    def _part(self, items: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            moves = torch.zeros(len(items), MOVES)
            if self.network is not None:
                moves = self.network((features_of(items, self.model).float() - self.middle) / self.scale)
            return moves, self.whole.scores(self.whole.weights, moved_pictures(items, moves, self.policy.bounds))


def moved_pictures(items: Tensor, moves: Tensor, bounds: tuple[float, float, float]) -> Tensor:
    """Pictures turned, zoomed and shifted about their middle; between pixels bilinear, and what comes in is zero.

    >>> line = torch.tensor([[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> moved_pictures(line, torch.tensor([[0.0, 0.0, 1.0, 0.0]]), (0.0, 0.0, 1 / 3))[0, 0].round()  # one to the right
    tensor([0., 0., 1.])

    Args:
        items: As `askance.learners.augment.Augmentation` takes them.
        moves: From -1 to 1, shares of the bounds: the turn, the zoom, right and down, (items, 4).
        bounds: Of the turn in degrees, of the zoom in powers of two, and of the shift in shares of the picture.

    Returns:
        In the shape and number type of the items.
    """
    pictures = pictures_of(items)
    height, width = pictures.shape[2:]
    turn, zoom, right, down = (moves.to(pictures) * _scales(bounds, moves)).unbind(1)
    turn, size = turn[:, None, None], torch.exp2(-zoom)[:, None, None]
    y = torch.linspace(-1, 1, height).to(pictures) * (height - 1) / height
    x = torch.linspace(-1, 1, width).to(pictures) * (width - 1) / width
    ratio = width / height
    y, x = y[:, None] - 2 * down[:, None, None], x - 2 * right[:, None, None]  # where a pixel comes from
    from_x = size * (turn.cos() * x - turn.sin() * y / ratio)
    from_y = size * (turn.sin() * x * ratio + turn.cos() * y)
    return grid_sample(pictures, torch.stack([from_x, from_y], 3), align_corners=False).reshape(items.shape)


def _scales(bounds: tuple[float, float, float], like: Tensor) -> Tensor:
    degrees, zoom, shift = bounds
    return torch.tensor([math.radians(degrees), zoom, shift, shift]).to(like)

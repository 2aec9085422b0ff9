"""Which items a graph network takes to be labeled already."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.dropout import dropped
from askance.seeds import Dice

_BETAS, _TINY = (0.9, 0.999), 1e-8  # of Adam


class Membership(NamedTuple):
    """What a fitted network says of each node.

    Args:
        scores: How surely it is labeled, from 0 to 1, (nodes,).
        hidden: Its features after the first layer, (nodes, hidden).
    """

    scores: Tensor
    hidden: Tensor


@dataclass(frozen=True)
class GraphNetwork:
    """Two layers of graph convolution that tell labeled from unlabeled nodes.

    Source: Caramalau et al. 2021, Sec. 3.2 and Eq. 5: ``-mean log p`` over labeled nodes and ``-balance mean
    log(1 - p)`` over unlabeled ones, minimized by Adam. A node is joined to every other one by their likeness, each
    column scaled to sum 1, and to itself by 1. Likeness is ``(1 + cosine) / 2``, which differs from the paper's cosine:
    that may be negative where features are, and then columns sum to anything. As likeness is a product of features, the
    graph is never built, and memory is linear in the nodes.

    Args:
        hidden: Width of the first layer.
        dropout: Share of its features that is dropped while it trains.
        epochs: Steps, each over all nodes.
        rate: Of learning.
        decay: Of the weights.
        balance: How much unlabeled nodes count beside labeled ones.
    """

    hidden: int = 128  # this and all below: authors' code
    dropout: float = 0.3
    epochs: int = 200
    rate: float = 1e-3
    decay: float = 5e-4
    balance: float = 1.2

    def __post_init__(self) -> None:
        if self.hidden < 1 or self.epochs < 0 or not 0 <= self.dropout < 1 or self.balance < 0 or not self.rate > 0:
            raise BadInput(f"{self} cannot be trained. Leave the fields out for the settings of the paper.")

    def fit(self, features: Tensor, labeled: Tensor, keys: Tensor, dice: Dice) -> Membership:
        """Train from new weights.

        Args:
            features: (nodes, features), rows at length one or zero.
            labeled: Which nodes are labeled, bool (nodes,).
            keys: Item keys that dropout hangs on, int64 (nodes,).
            dice: The stream of weights and dropout.
        """
        graph = Graph(features)
        width = features.shape[1]
        seen = graph.spread(features)  # (nodes, features); the first layer's weights come after it
        weights, parts = self._new(width, features, dice)
        slopes = torch.zeros_like(weights)
        first, bias, second, last = (weights[part] for part in parts)
        to_first, to_bias, to_second, to_last = (slopes[part] for part in parts)
        first, to_first = first.view(width, self.hidden), to_first.view(width, self.hidden)
        share = torch.where(labeled, -1 / labeled.sum().clamp(min=1), self.balance / (~labeled).sum().clamp(min=1))
        share = share.to(features)
        momentum, size = torch.zeros_like(weights), torch.zeros_like(weights)
        for epoch in range(1, self.epochs + 1):
            middle = torch.addmm(bias, seen, first).relu_()
            stream = dice.of(f"epochs[{epoch}]").key
            middle = dropped(middle, keys, stream, self.dropout) if self.dropout else middle
            scores = graph.spread(torch.mv(middle, second)) + last
            wrong = share * torch.where(labeled, 1 - scores.sigmoid(), scores.sigmoid())  # slope of the loss
            back = graph.gather(wrong)
            torch.mv(middle.T, back, out=to_second)
            to_last.copy_(wrong.sum())
            blame = torch.outer(back, second / (1 - self.dropout)).mul_(middle > 0)  # (nodes, hidden)
            torch.mm(seen.T, blame, out=to_first)
            torch.sum(blame, 0, out=to_bias)
            slopes.add_(weights, alpha=self.decay)
            momentum.lerp_(slopes, 1 - _BETAS[0])
            size.mul_(_BETAS[1]).addcmul_(slopes, slopes, value=1 - _BETAS[1])
            down = (size / (1 - _BETAS[1] ** epoch)).sqrt_().add_(_TINY)
            weights.addcdiv_(momentum, down, value=-self.rate / (1 - _BETAS[0] ** epoch))
        hidden = torch.addmm(bias, seen, first).relu_()
        return Membership((graph.spread(torch.mv(hidden, second)) + last).sigmoid(), hidden)

    def _new(self, width: int, features: Tensor, dice: Dice) -> tuple[Tensor, list[slice]]:
        """New weights, uniform within one over the root of a layer's outputs, and where each array lies in them."""
        sizes = [width * self.hidden, self.hidden, self.hidden, 1]
        ends = torch.tensor([0, *sizes]).cumsum(0).tolist()
        parts = [slice(start, stop) for start, stop in pairwise(ends)]
        weights = 2 * torch.rand(ends[-1], generator=dice.of("weights").torch_generator(), dtype=torch.float64) - 1
        weights[: ends[2]] /= self.hidden**0.5
        return weights.to(features), parts


class Graph:
    """The graph in which likeness joins all nodes, by a product of two factors.

    Args:
        features: (nodes, features), rows at length one or zero.
    """

    def __init__(self, features: Tensor) -> None:
        self.factor = torch.nn.functional.pad(features, (0, 1), value=1.0) / 2**0.5  # likeness is factor @ factor.T
        self.own = self.factor.square().sum(1)
        degree = torch.mv(self.factor, self.factor.sum(0)) - self.own
        self.inverse = torch.where(degree > 1e-6, 1 / degree.clamp(min=1e-6), 0)

    def spread(self, values: Tensor) -> Tensor:
        """The adjacency matrix times values, (nodes,) or (nodes, columns)."""
        inverse, own = (self.inverse, self.own) if values.ndim == 1 else (self.inverse[:, None], self.own[:, None])
        scaled = values * inverse
        return self.factor @ (self.factor.T @ scaled) - own * scaled + values

    def gather(self, values: Tensor) -> Tensor:
        """The transposed adjacency matrix times values, (nodes,)."""
        return (self.factor @ (self.factor.T @ values) - self.own * values) * self.inverse + values

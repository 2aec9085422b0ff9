"""What is trained beside a network to say of each item how large its loss is, or how unlike the labeled ones it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import relu
from torch.optim import Adam, Optimizer

from askance.errors import BadInput
from askance.learners.beside import Beside, Seen, Step
from askance.learners.network import TorchModel


@dataclass(frozen=True)
class LossPrediction(Beside):
    """Learns which of two items has the larger loss, from what the network computes on the way. [yoo2019learning]

    It reads the network's ``stages``: feature maps are averaged over all but their first two axes, items and channels.
    A network that names no stages is read by its embeddings. Each stage goes through a linear layer and ReLU, and a
    linear layer makes one number of all of them. Item i of a batch is held against item n-1-i, and the middle one of
    an odd batch against none. A pair of weights v and w counts v w times; items of the same loss are pushed nowhere.
    The rate is its own and stays as it is. It gives ``predicted_loss``, which says what is larger, not how large.

    The network is trained for as many steps as any other. In DeepAL+ this method alone has another network, which is
    trained for longer, and its head is never built anew, so that the tables compare more than strategies.

    Args:
        width: Units for each stage.
        margin: How far predictions should be apart.
        weight: How much its loss counts beside that of the task.
        rate: The rate of Adam.
        attached: Until this share of the steps its loss changes the network, too; after that the head alone. The
            authors: the first 120 of 200 epochs.
    """

    stages: ClassVar[bool] = True

    width: int = 128
    margin: float = 1.0
    weight: float = 1.0
    rate: float = 1e-2
    attached: float = 0.6

    def __post_init__(self) -> None:
        if self.width < 1 or not min(self.margin, self.weight, self.rate) > 0:
            raise BadInput(f"{self} learns nothing. width, margin, weight and rate must be above 0.")
        if not 0 <= self.attached <= 1:
            raise BadInput(f"LossPrediction(attached={self.attached}) is no share of the steps. Use 0 to 1.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"predicted_loss"})

    def build(self, model: TorchModel, items: Tensor) -> nn.Module:
        seen = replace(model, beside=((self, nn.Module()),)).look(items)  # a model looks at stages for who reads them
        given = seen.stages or (() if seen.embeddings is None else (seen.embeddings,))
        if not given or not all(isinstance(stage, Tensor) and stage.ndim > 1 for stage in given):
            raise BadInput(
                f"A loss is predicted from what the network computes on the way, and "
                f"{type(model.network).__name__} shows {'stages that are no arrays' if given else 'nothing of it'}. "
                f"Name its parts in an attribute `stages`, or leave out layer=None."
            )
        rows = _read(seen)
        return _LossNet([stage.shape[1] for stage in rows], self.width).to(rows[0].dtype)

    def optimizer(self, module: nn.Module) -> Optimizer:
        return Adam(module.parameters(), lr=self.rate)

    def loss(self, module: nn.Module, step: Step) -> Tensor | None:
        if len(step.losses) < 2:
            return None  # nothing to hold it against
        rows = _read(step.seen)
        if step.share >= self.attached:
            rows = [stage.detach() for stage in rows]
        return self.weight * ranking_loss(module(rows), step.losses.detach(), step.weights, self.margin)

    def extras(self, module: nn.Module, seen: Seen) -> Mapping[str, Tensor]:
        return {"predicted_loss": module(_read(seen))}


@dataclass(frozen=True)
class Wasserstein(Beside):
    """A critic that tells unlabeled from labeled items, and a network that should not let it. [shui2020deep]

    The critic D reads the embeddings. It is trained to maximize ``E_U[D] - E_L[D]`` less a penalty of the mean of
    ``(|grad D| - 1)^2`` at the labeled and unlabeled embeddings and at points between them, so D is larger where
    unlabeled items are and labeled ones are not. The network minimizes ``weight (E_U[D] - E_L[D])`` beside its own
    loss. Each step takes as many unlabeled items as labeled ones, so the network is trained for as many steps as any
    other. Both learn in one backward pass: the network through a critic that is held fixed, the critic through
    embeddings that are. With no unlabeled item nothing is added. It gives ``critic``, D of each item, which is
    determined up to a constant.

    D is a real number, as in the paper, where it is a function of slope 1 that measures a distance. DeepAL+ puts a
    sigmoid behind it, which has no slope above 1/4 and could not; its critic is trained with the penalty's sign
    reversed, which rewards any slope but 1 and leaves it flat; and its network walks through the whole pool each
    epoch, up to 49 times the steps of the others. The penalty is the critic's alone here.

    Args:
        weight: How much the distance counts beside the loss of the task.
        penalty: How much the slope counts beside the distance when the critic learns.
        rate: The rate of the critic's Adam.
        hidden: Units of its two hidden layers.
    """

    revision: ClassVar[int] = 2  # unlabeled items are walked through evenly, whatever the sizes of batches

    weight: float = 1e-3  # the authors
    penalty: float = 2.0  # the authors: 2a GP beside a (E_U - E_L)
    rate: float = 1e-3
    hidden: int = 512

    def __post_init__(self) -> None:
        if self.hidden < 1 or not min(self.penalty, self.rate) > 0 or not self.weight >= 0:
            raise BadInput(f"{self} learns nothing. hidden, penalty and rate must be above 0, and weight 0 or more.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"critic"})

    def build(self, model: TorchModel, items: Tensor) -> nn.Module:
        found = model.look(items).embeddings
        if found is None:
            raise BadInput(
                f"The critic reads embeddings, and {type(model.network).__name__} gives none. Leave out layer=None."
            )
        return _Critic(found.shape[1], self.hidden).to(found.dtype)

    def optimizer(self, module: nn.Module) -> Optimizer:
        return Adam(module.parameters(), lr=self.rate)

    def loss(self, module: nn.Module, step: Step) -> Tensor | None:
        labeled, items = step.seen.embeddings, step.unlabeled(len(step.rows))
        if labeled is None or not len(items) or not bool(step.weights.sum() > 0):
            return None
        unlabeled = step.model.look(items).embeddings
        assert unlabeled is not None
        fixed = {name: array.detach() for name, array in module.named_parameters()}

        def held(rows: Tensor) -> Tensor:
            found: Tensor = functional_call(module, fixed, (rows,))
            return found

        keys = step.lesson.keys[step.lesson.labeled[step.rows.to(step.lesson.labeled.device)]]
        shares = step.lesson.dice.of(f"between-{step.number}").uniform(keys).to(labeled).unsqueeze(1)
        mine = self.critic_loss(module, labeled.detach(), unlabeled.detach(), step.weights, shares)
        return self.weight * distance(held, labeled, unlabeled, step.weights) + mine

    def critic_loss(
        self, critic: Callable[[Tensor], Tensor], labeled: Tensor, unlabeled: Tensor, weights: Tensor, shares: Tensor
    ) -> Tensor:
        """What the critic minimizes.

        Args:
            critic: The critic.
            labeled: Embeddings (batch, features).
            unlabeled: As many.
            weights: Of the labeled items, (batch,).
            shares: Where between a labeled and an unlabeled one the slope is looked at, from 0 to 1, (batch, 1).
        """
        between = labeled + shares * (unlabeled - labeled)
        slope = slope_penalty(critic, torch.cat([labeled, unlabeled, between]))
        return self.penalty * slope - distance(critic, labeled, unlabeled, weights)

    def extras(self, module: nn.Module, seen: Seen) -> Mapping[str, Tensor]:
        assert seen.embeddings is not None
        return {"critic": module(seen.embeddings)}


def ranking_loss(predicted: Tensor, losses: Tensor, weights: Tensor, margin: float) -> Tensor:
    """The mean over pairs of ``max(0, margin - sign(l_i - l_j) (p_i - p_j))``. Yoo & Kweon 2019, Eq. 2.

    >>> predicted, losses = torch.tensor([0.5, 9.0, 0.0]), torch.tensor([2.0, 7.0, 1.0])
    >>> ranking_loss(predicted, losses, torch.ones(3), 1.0)  # the first is larger than the last by half the margin
    tensor(0.5000)

    Args:
        predicted: (batch,), at least two.
        losses: (batch,).
        weights: (batch,); a pair counts by their product.
        margin: How far predictions should be apart.
    """
    pairs = len(losses) // 2
    ahead, apart, both = (array[:pairs] for array in (predicted - predicted.flip(0), losses - losses.flip(0), weights))
    return (both * weights.flip(0)[:pairs] * relu(margin - apart.sign() * ahead)).mean()


def distance(critic: Callable[[Tensor], Tensor], labeled: Tensor, unlabeled: Tensor, weights: Tensor) -> Tensor:
    """How far the critic tells two sets of embeddings apart: ``E_U[D] - E_L[D]``, the labeled ones by weight."""
    return critic(unlabeled).mean() - (weights * critic(labeled)).sum() / weights.sum()


def slope_penalty(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """The mean of ``(|grad D| - 1)^2`` at some points (points, features)."""
    points = points.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    lengths = (slopes.square().sum(1) + 1e-12).sqrt()  # the root itself has no gradient at 0
    return (lengths - 1).square().mean()


class _LossNet(nn.Module):
    """One number from several vectors."""

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.last = nn.Linear(len(sizes) * width, 1)

    def forward(self, rows: Sequence[Tensor]) -> Tensor:
        """From the vectors of each stage, (items, channels) each, to (items,)."""
        found = [relu(layer(stage)) for layer, stage in zip(self.stages, rows, strict=True)]
        number: Tensor = self.last(torch.cat(found, 1))  # (items, 1)
        return number.squeeze(1)


class _Critic(nn.Module):
    """A real number from a vector."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, rows: Tensor) -> Tensor:
        """From (items, features) to (items,)."""
        number: Tensor = self.layers(rows)  # (items, 1)
        return number.squeeze(1)


def _read(seen: Seen) -> list[Tensor]:
    """A vector for each stage, (items, channels), or the embeddings where there are no stages."""
    if seen.stages:
        return [stage.flatten(2).mean(2) if stage.ndim > 2 else stage for stage in seen.stages]
    assert seen.embeddings is not None
    return [seen.embeddings]

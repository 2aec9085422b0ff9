"""The contract of what is trained in the same steps as a network: a head, a critic, a term of the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn
from torch.optim import Optimizer

from askance.learners.base import Lesson

if TYPE_CHECKING:
    from askance.learners.network import TorchModel


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network gave for some items, with the graph that gradients flow through while it trains.

    Args:
        scores: (items, width).
        embeddings: What the last linear layer reads, (items, features); None where there is none.
        stages: What each of the network's ``stages`` gives, if a part asks for them.
        straight: Whether the scores are what the last linear layer gave, as they are.
    """

    scores: Tensor
    embeddings: Tensor | None
    stages: tuple[Tensor, ...] = ()
    straight: bool = False


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a training.

    Args:
        model: The network, in training mode.
        lesson: What is learned.
        number: Which step, from 1.
        share: The share of all steps that was done before.
        rows: Positions of the batch among the labeled items, int64 (batch,).
        kept: Positions of all that is learned from, without what is held out, int64.
        items: As the network reads them, augmented.
        targets: (batch, width).
        weights: (batch,).
        seen: What the network gave for the items.
        losses: The task's loss of each, before weights, (batch,).
        unlabeled: Gives so many unlabeled items for this step, augmented too; none where all are labeled. Each is seen
            once before any is seen again.
    """

    model: TorchModel
    lesson: Lesson
    number: int
    share: float
    rows: Tensor
    kept: Tensor
    items: Tensor
    targets: Tensor
    weights: Tensor
    seen: Seen
    losses: Tensor
    unlabeled: Callable[[int], Tensor]


@dataclass(frozen=True)
class Beside:
    """Something that is trained in the same steps as a network. It holds no state: its weights are in its module.

    A subclass writes what it needs of the methods below.
    """

    stages: ClassVar[bool] = False  # whether it reads what the network's stages give

    @property
    def gives(self) -> frozenset[str]:
        """Names of the extras that it gives for items."""
        return frozenset()

    def build(self, model: TorchModel, items: Tensor) -> nn.Module:
        """Its own layers with new weights.

        Args:
            model: The network, not yet trained.
            items: One item, to see what the network gives.
        """
        return nn.Module()

    def optimizer(self, module: nn.Module) -> Optimizer | None:
        """What trains its layers; None where it has none."""
        return None

    def loss(self, module: nn.Module, step: Step) -> Tensor | None:
        """A term that is added to the mean loss of the batch."""
        return None

    def update(self, module: nn.Module, optimizer: Optimizer, step: Step) -> None:
        """Train its layers, after the network took the step; by default with the gradients of the common loss."""
        optimizer.step()

    def extras(self, module: nn.Module, seen: Seen) -> Mapping[str, Tensor]:
        """What it gives for items, in evaluation mode, rows aligned."""
        return {}

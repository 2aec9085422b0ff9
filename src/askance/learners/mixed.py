"""A term of the loss for mixtures of bought pairs, inside of a network that is being trained."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from scipy.special import betaincinv
from torch import Tensor, nn

from askance.arrays import take
from askance.errors import BadInput
from askance.learners.beside import Beside, Step
from askance.learners.network import TorchModel, stages_of
from askance.learners.virtual import recipes


@dataclass(frozen=True)
class MixedPairs(Beside):
    """Adds the loss of mixtures of the pairs that a strategy bought, at a layer drawn at every step. [kim2021lada]

    The layers are what the network's ``stages`` give, and the input of its last linear layer; of two pictures that go
    in, one comes out, and its label is mixed alike. As many pairs take part in a step as items do, at most, each with a
    share of its own from Beta(tau, tau), and weighs as its items do on average. The network takes as many steps as
    without them.

    The released code mixes after the stem or the first stage, takes a step of its own for it after every epoch, and
    does not clear the gradient of the step before.

    Args:
        rounds: The pairs of so many last rounds count, as in the released code; 0: those of all.
        weight: How much the loss of a mixture counts beside that of an item.
    """

    revision: ClassVar[int] = 2  # no pair has a held-out end, and pairs weigh as their items do

    rounds: int = 1
    weight: float = 0.5  # two items make one mixture

    def __post_init__(self) -> None:
        if self.rounds < 0 or not self.weight > 0:
            raise BadInput(f"{self} mixes nothing. Use rounds of 0 or more, and a weight above 0.")

    def loss(self, module: nn.Module, step: Step) -> Tensor | None:
        lesson = step.lesson
        found = list(recipes(lesson.history, lesson.labeled[step.kept], self.rounds))
        if not found:
            return None
        dice = lesson.dice.of(f"mixed-{step.number}")
        keys = lesson.keys[torch.tensor([one.first for one in found])]
        chosen = dice.of("chosen").uniform(keys).argsort()[: len(step.rows)]
        found = [found[place] for place in chosen.tolist()]
        tau = torch.tensor([one.tau for one in found], dtype=torch.float64)
        noise = dice.of("share").uniform(keys[chosen])
        share = torch.as_tensor(betaincinv(tau.numpy(), tau.numpy(), noise.numpy()))
        layers = mixing_layers(step.model)
        place = int(dice.of("layer").uniform(torch.zeros(1, dtype=torch.int64)) * len(layers))
        ends = [torch.tensor([getattr(one, end) for one in found]) for end in ("first", "second")]
        items = take(lesson.items, torch.cat(ends))
        scores = mixed_scores(step.model, items, share, layers[place])
        places = [torch.searchsorted(lesson.labeled, rows) for rows in ends]
        kept = share.unsqueeze(1)
        targets = kept * lesson.targets[places[0]] + (1 - kept) * lesson.targets[places[1]]
        weights = (lesson.weights[places[0]] + lesson.weights[places[1]]) / 2
        losses = weights.to(scores) * lesson.task.loss(scores, targets.to(scores))
        return self.weight * losses.mean() * (len(found) / len(step.rows))


def mixing_layers(model: TorchModel) -> list[tuple[nn.Module, bool]]:
    """Where pairs may be mixed: modules, and whether what goes into them is mixed rather than what comes out."""
    found: list[tuple[nn.Module, bool]] = [(stage, False) for stage in stages_of(model.network)]
    if model.layer is not None:
        found.append((model.layer, True))
    return found or [(model.network, False)]


def mixed_scores(model: TorchModel, items: Tensor, share: Tensor, at: tuple[nn.Module, bool]) -> Tensor:
    """The scores of pairs that are mixed within the network.

    Args:
        model: The network.
        items: The first of every pair, then their partners in the same order.
        share: Of the first, (pairs,).
        at: Where, as `mixing_layers` has it.

    Returns:
        (pairs, width).
    """
    layer, before = at
    with ExitStack() as stack:
        if len(share) == 1:
            _settle(model.network, stack)
        if before:
            hook: Any = layer.register_forward_pre_hook(lambda _, given: (_mix(given[0], share), *given[1:]))
        else:
            hook = layer.register_forward_hook(lambda _, __, gave: _mix(gave, share))
        stack.callback(hook.remove)
        return model.scores(items)


def _settle(network: nn.Module, stack: ExitStack) -> None:
    """Batch norm behind the layer where a lone pair becomes one row keeps to its statistics: one has no spread."""
    for norm in network.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            stack.callback(norm.train, norm.training)
            hook = norm.register_forward_pre_hook(_spread_or_kept)
            stack.callback(hook.remove)


def _spread_or_kept(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
    norm.train(norm.training and given[0].numel() > given[0].shape[1])


def _mix(rows: Tensor, share: Tensor) -> Tensor:
    kept = share.to(rows).reshape(-1, *(1 for _ in rows.shape[1:]))
    half = len(share)
    return kept * rows[:half] + (1 - kept) * rows[half:]

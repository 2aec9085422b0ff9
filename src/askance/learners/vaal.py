"""A companion that learns what items look like, and from that which of them are unlabeled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from askance.arrays import BLOCK, spans, take
from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.network import ROWS, device_of, settled

HIDDEN, CRITIC, CHANNELS = 256, 512, (32, 64)
STEEP = 10.0  # of a log variance, at most: an item far off must not overflow


@dataclass(frozen=True)
class VariationalDiscriminator(Learner):
    """Tells unlabeled from labeled items by what a variational autoencoder makes of them.

    In each step the autoencoder learns to draw a batch of labeled and one of unlabeled items and to make both look
    labeled to the critic, and the critic learns to tell them apart by their latent means. Its score, (items, 1),
    is the log odds that an item is unlabeled; with nothing labeled, or nothing unlabeled, it is 0. It reads items
    alone, no labels. Source: Sinha, Ebrahimi & Darrell 2019.

    An item with one axis is features, one with two or three is a picture, (height, width) or
    (channels, height, width).

    Everything is drawn from the lesson's dice, items by a hash of their keys: on the CPU with one thread the same
    lesson gives the same model, bit for bit.

    Args:
        steps: How many.
        batch: Labeled items in a step, and as many unlabeled ones, at most.
        latent: Latent dimensions.
        adversary: The weight of looking labeled in the loss of the autoencoder.
        rate: The learning rate of both.
        device: Where to train and score, such as ``"cuda"``.
    """

    steps: int = 200
    batch: int = 64
    latent: int = 32  # Sinha et al. 2019 for pictures of 32 x 32, as are weight and rate
    adversary: float = 1.0
    rate: float = 5e-4
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "latent", "rate"):
            if not getattr(self, name) > 0:
                value = getattr(self, name)
                raise BadInput(f"VariationalDiscriminator({name}={value}) learns nothing. Use a number above 0.")
        if not self.adversary >= 0:
            raise BadInput(f"VariationalDiscriminator(adversary={self.adversary}) is negative. Use 0 or more.")

    def fit(self, lesson: Lesson) -> VariationalModel:
        if not isinstance(lesson.items, Tensor) or not 2 <= lesson.items.ndim <= 4:
            raise BadInput(
                "A variational autoencoder reads features or pictures, and the items are neither. Encode the items "
                "first, or hand in an array (items, features) or (items, channels, height, width)."
            )
        facts: dict[str, Any] = {
            "shape": list(lesson.items.shape[1:]),
            "labeled": len(lesson.labeled),
            "unlabeled": len(lesson.unlabeled),
            "steps": self.steps if len(lesson.labeled) and len(lesson.unlabeled) else 0,
            "seed": lesson.dice.of("network").key,
        }
        device = device_of(self.device)
        with settled(facts["seed"], device):
            network = Autoencoder(facts["shape"], self.latent).to(device)
            if facts["steps"]:
                network.standardize(lesson.items)
                loss = self._trained(network, lesson, device)
                if math.isfinite(loss):
                    facts["critic_loss"] = loss
                else:  # it knows nothing, and the study goes on
                    advice = "use a lower rate, or look for an item that is far off"
                    facts |= {"steps": 0, "diverged": f"VAAL: the loss of its critic is {loss}; {advice}"}
                    network = Autoencoder(facts["shape"], self.latent).to(device)
        return VariationalModel(network, device, facts)

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> VariationalModel | None:
        device = device_of(self.device)
        with settled(facts["seed"], device):
            network = Autoencoder(facts["shape"], self.latent).to(device)
        try:
            network.load_state_dict(weights)
        except RuntimeError:
            return None  # of other layers
        return VariationalModel(network, device, facts)

    def _trained(self, network: Autoencoder, lesson: Lesson, device: torch.device) -> float:
        """Train both in turn; the last loss of the critic, which is 2 log 2 where it cannot tell."""
        labeled, open_ = lesson.labeled, lesson.unlabeled
        size = min(self.batch, max(len(labeled), len(open_)))
        sides = [_drawn(lesson, rows, side, size, self.steps) for rows, side in ((labeled, "known"), (open_, "open"))]
        critic = list(network.critic.parameters())
        own = {id(array) for array in critic}
        coder = [array for array in network.parameters() if id(array) not in own]
        drawing = torch.optim.Adam(coder, lr=self.rate, fused=True)
        telling = torch.optim.Adam(critic, lr=self.rate, fused=True)
        loss = math.nan
        for known, unknown in zip(*sides, strict=True):
            both = network.scaled(take(lesson.items, torch.cat([known, unknown])).to(device, torch.float32))
            mean, log_variance = network.encode(both)
            again = network.decoder(mean + (log_variance / 2).exp() * torch.randn_like(mean))
            looks = network.critic(mean).squeeze(1)
            fooled = 2 * evidence_loss(both, again, mean, log_variance)  # a mean of each side
            fooled = fooled + self.adversary * fooling_loss(looks[:size], looks[size:])
            found = critic_loss(looks[:size], looks[size:])
            drawing.zero_grad()
            torch.autograd.backward(fooled, inputs=coder, retain_graph=True)
            telling.zero_grad()
            torch.autograd.backward(found, inputs=critic)  # of the same means: one pass through the critic serves both
            drawing.step()
            telling.step()
            loss = float(found.detach())
            if not math.isfinite(loss):
                break
        return loss


@dataclass(frozen=True, eq=False)
class VariationalModel(Model):
    """An autoencoder and its critic; untrained, all is as likely.

    Args:
        network: Both, on their device.
        device: Where they compute.
        facts: What is needed to build them again.
    """

    network: Autoencoder
    device: torch.device
    facts: Mapping[str, Any] = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        if not self.facts["steps"]:
            return Outputs(scores=torch.zeros(len(items), 1))
        with torch.no_grad(), settled(self.facts["seed"], self.device):
            parts = [self._score(items[start:stop]) for start, stop in spans(len(items), ROWS)]
        return Outputs(scores=torch.cat(parts) if parts else torch.zeros(0, 1))

    def weights(self) -> dict[str, Tensor]:
        return {name: array.detach().cpu().clone() for name, array in self.network.state_dict().items()}

    def _score(self, items: Tensor) -> Tensor:
        """Minus the critic's log odds that an item is labeled, (items, 1)."""
        mean, _ = self.network.encode(self.network.scaled(items.to(self.device, torch.float32)))
        looks: Tensor = self.network.critic(mean)
        return -looks.cpu()


class Autoencoder(nn.Module):
    """A variational autoencoder of standardized items, and a critic of its latent means.

    Args:
        shape: The shape of an item: (features,), (height, width) or (channels, height, width).
        latent: Latent dimensions.
    """

    middle: Tensor
    scale: Tensor

    def __init__(self, shape: list[int], latent: int) -> None:
        super().__init__()
        whole = shape if len(shape) != 2 else [1, *shape]
        reader, wide, writer = _flat(whole[0]) if len(whole) == 1 else _pictures(whole)
        self.whole = whole
        self.reader = reader
        self.mean = nn.Linear(wide, latent)
        self.log_variance = nn.Linear(wide, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, wide), nn.ReLU(), writer)
        self.critic = nn.Sequential(
            nn.Linear(latent, CRITIC), nn.ReLU(), nn.Linear(CRITIC, CRITIC), nn.ReLU(), nn.Linear(CRITIC, 1)
        )
        places = [whole[0]] + [1] * (len(whole) - 1)  # a number for each feature or channel
        self.register_buffer("middle", torch.zeros(places))
        self.register_buffer("scale", torch.ones(places))

    def standardize(self, items: Tensor) -> None:
        """Take the mean and the standard deviation of each feature or channel over the items, summed in float64."""
        axes = [0, *range(2, 1 + len(self.whole))]
        step = max(1, BLOCK // max(1, math.prod(self.whole)))
        parts = [items[start:stop] for start, stop in spans(len(items), step)]
        numbers = len(items) * math.prod(self.whole[1:])
        middle = sum((self._wide(part).sum(axes, keepdim=True) for part in parts), torch.zeros(1)) / numbers
        squares = sum(((self._wide(part) - middle).square().sum(axes, keepdim=True) for part in parts), torch.zeros(1))
        spread = (squares / numbers).sqrt()
        scale = torch.where(spread > 1e-6 * middle.abs(), spread, 1.0)  # what is the same everywhere stays 0
        self.middle.copy_(middle[0])
        self.scale.copy_(scale[0])

    def scaled(self, items: Tensor) -> Tensor:
        """Items in units of their spread, (items, features) or (items, channels, height, width)."""
        return (items.reshape(len(items), *self.whole) - self.middle) / self.scale

    def encode(self, scaled: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of what stands for each item, (items, latent)."""
        read = self.reader(scaled)
        return self.mean(read), self.log_variance(read).clamp(-STEEP, STEEP)

    def _wide(self, items: Tensor) -> Tensor:
        return items.reshape(len(items), *self.whole).double()


def evidence_loss(items: Tensor, again: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Squared error plus Kullback-Leibler divergence to a standard normal, summed over an item, mean over items.

    The sum of squares is minus the log likelihood under a Gaussian of variance one half, so that this is an evidence
    bound, as in the paper. Differs from the authors' code, which takes the mean of the squares and the sum of the
    divergence over all of a batch: then nothing is worth encoding, and nothing is left for the critic to see.

    Args:
        items: (items, ...).
        again: What was decoded, of the same shape.
        mean: (items, latent).
        log_variance: (items, latent).
    """
    error = (items - again).square().flatten(1).sum(1)
    divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
    return (error + divergence).mean()


def fooling_loss(labeled: Tensor, unlabeled: Tensor) -> Tensor:
    """The autoencoder wants both to look labeled: cross-entropy of both logits to 1."""
    return softplus(-labeled).mean() + softplus(-unlabeled).mean()


def critic_loss(labeled: Tensor, unlabeled: Tensor) -> Tensor:
    """The critic wants to tell them apart: cross-entropy of the labeled logits to 1, of the unlabeled ones to 0."""
    return softplus(-labeled).mean() + softplus(unlabeled).mean()


def _drawn(lesson: Lesson, rows: Tensor, side: str, size: int, steps: int) -> Tensor:
    """The rows of each step, (steps, size): epoch after epoch in an order by a hash of keys; few rows come often."""
    times = math.ceil(size / len(rows))
    epochs = math.ceil(steps * size / (times * len(rows)))
    dice = [lesson.dice.of(f"{side}-epoch-{epoch}") for epoch in range(1, epochs + 1)]
    orders = [rows[thrown.uniform(lesson.keys[rows]).argsort(stable=True)].repeat(times) for thrown in dice]
    return torch.cat(orders)[: steps * size].reshape(steps, size)


def _flat(features: int) -> tuple[nn.Module, int, nn.Module]:
    """What reads features, how wide it leaves off, and what writes them."""
    return nn.Sequential(nn.Linear(features, HIDDEN), nn.ReLU()), HIDDEN, nn.Linear(HIDDEN, features)


def _pictures(shape: list[int]) -> tuple[nn.Module, int, nn.Module]:
    """What reads pictures, how wide it leaves off, and what writes them; each convolution halves the sides."""
    channels, full = shape[0], shape[1:]
    half = [math.ceil(side / 2) for side in full]
    quarter = [math.ceil(side / 2) for side in half]
    few, many = CHANNELS
    reader = nn.Sequential(
        nn.Conv2d(channels, few, 3, 2, 1), nn.ReLU(), nn.Conv2d(few, many, 3, 2, 1), nn.ReLU(), nn.Flatten()
    )
    writer = nn.Sequential(
        nn.Unflatten(1, (many, *quarter)),
        nn.ConvTranspose2d(many, few, 3, 2, 1, _lost(half, quarter)),
        nn.ReLU(),
        nn.ConvTranspose2d(few, channels, 3, 2, 1, _lost(full, half)),
    )
    return reader, many * math.prod(quarter), writer


def _lost(large: list[int], small: list[int]) -> tuple[int, int]:
    """How much of each side a transposed convolution would lack: one pixel where it is even."""
    return large[0] - 2 * small[0] + 1, large[1] - 2 * small[1] + 1

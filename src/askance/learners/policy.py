"""A companion that learns how two items should be mixed, so that the mixture is worth most."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Beta
from torch.nn.functional import softplus

from askance.arrays import spans, take
from askance.errors import BadInput
from askance.kernels.finite import check_squares
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.companions import features_of
from askance.learners.seeded import seeded

LEAST, MOST = 1e-2, 1e2  # of tau; beyond, mixtures are copies or all alike, and the slope of a draw is noise


@dataclass(frozen=True)
class MixingPolicy(Learner):
    """Learns tau for every pair of unlabeled items: a mixture's shares come from Beta(tau, tau). [kim2021lada]

    It goes up the gradient of the mean entropy of what pairs mix to, over several draws, through the draws themselves,
    which are differentiable by tau. Differs from the released code: tau is a softplus, not a sigmoid, so that shares
    near one half are within reach; and it is ``softplus(u_i . u_j + b_i + b_j)`` with u and b linear in the features,
    so that it is the same seen from either item, and is known of any pair. For items it gives ``policy``, u and b:
    (items, rank + 1).

    Args:
        rank: Numbers in u.
        sample: Pairs that are learned from, dealt among unlabeled items.
        draws: Of the share of each pair, at every step.
        steps: Of Adam.
        batch: Pairs in a step.
        rate: Of Adam.
    """

    rank: int = 8
    sample: int = 1_000  # the authors
    draws: int = 5  # the authors
    steps: int = 100  # the authors: ten epochs of ten batches
    batch: int = 100  # the authors
    rate: float = 1e-2

    def __post_init__(self) -> None:
        if min(self.rank, self.sample, self.draws, self.steps, self.batch, self.rate) <= 0:
            raise BadInput(f"{self} learns nothing. Use numbers above 0.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"policy"})

    def fit(self, lesson: Lesson) -> Policy:
        order = lesson.dice.of("pairs").uniform(lesson.keys[lesson.unlabeled]).argsort()
        rows = lesson.unlabeled[order[: 2 * self.sample]]
        rows = rows[: len(rows) // 2 * 2]
        scores = (
            None if lesson.model is None or not len(rows) else lesson.model.outputs(take(lesson.items, rows)).scores
        )
        if scores is None or scores.shape[1] < 2:
            return Policy(None, lesson.model, self.rank, {"pairs": 0})
        features = features_of(take(lesson.items, rows), lesson.model).float()
        middle = features.mean(0)
        check_squares(features - middle)
        scale = float((features - middle).square().mean().sqrt()) or 1.0
        inputs, scores = (features - middle) / scale, scores.float()
        with seeded(lesson.dice.of("network").key):
            network = nn.Linear(features.shape[1], self.rank + 1)
            nn.init.normal_(network.weight, std=0.1 / features.shape[1] ** 0.5)
            found = self._climb(network, inputs, scores)
        return Policy(network, lesson.model, self.rank, {"pairs": len(rows) // 2, **found}, middle, scale)

    def _climb(self, network: nn.Module, inputs: Tensor, scores: Tensor) -> dict[str, float]:
        """Train, and say what mixtures were worth in the first and the last walk, in nats; inside of seeded dice."""
        half = len(inputs) // 2
        batches = [torch.arange(start, stop) for start, stop in spans(half, self.batch)]
        optimizer = torch.optim.Adam(network.parameters(), lr=self.rate)
        seen, taus = [], []
        for number in range(self.steps):
            rows = batches[number % len(batches)]
            tau = tau_of(network(inputs[rows]), network(inputs[half + rows]))
            share = Beta(tau, tau).rsample(torch.Size([self.draws])).unsqueeze(2)  # (draws, pairs, 1)
            logs = (share * scores[rows] + (1 - share) * scores[half + rows]).log_softmax(2)
            entropy = -(logs.exp() * logs).sum(2).mean()
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(-entropy)
            optimizer.step()
            seen.append(float(entropy.detach()))
            taus.append(float(tau.detach().mean()))
        first, last = (sum(some) / len(some) for some in (seen[: len(batches)], seen[-len(batches) :]))
        return {"first": first, "last": last, "tau": taus[-1]}


@dataclass(frozen=True, eq=False)
class Policy(Model):
    """A linear map of the task model's features, or nothing learned: then tau is softplus of 0 for every pair.

    Args:
        network: The map.
        model: Whose features it reads; None: the items are features.
        rank: Numbers in u.
        facts: How it went.
        middle: What is taken off the features.
        scale: What they are divided by.
    """

    network: nn.Module | None
    model: Model | None
    rank: int
    facts: dict[str, Any]
    middle: Tensor = field(default_factory=lambda: torch.zeros(()))
    scale: float = 1.0

    def outputs(self, items: Any) -> Outputs:
        if self.network is None:
            return Outputs(extras={"policy": torch.zeros(len(items), self.rank + 1)})
        with torch.no_grad():
            places = (features_of(items, self.model).float() - self.middle) / self.scale
            return Outputs(extras={"policy": self.network(places)})


def tau_of(one: Tensor, other: Tensor) -> Tensor:
    """What a policy says of pairs: ``softplus(u_i . u_j + b_i + b_j)``, held between 0.01 and 100.

    >>> tau_of(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, -2.0]])).round(decimals=4)  # log 2
    tensor([0.6931])

    Args:
        one: u, and b last, (pairs, rank + 1).
        other: Those of the partners.
    """
    raw = (one[:, :-1] * other[:, :-1]).sum(1) + one[:, -1] + other[:, -1]
    return softplus(raw).clamp(LEAST, MOST)

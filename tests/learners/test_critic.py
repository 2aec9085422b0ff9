"""A critic is higher where nothing is labeled, and the network goes against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
import torch
from torch import Tensor, tensor

from askance.learners.base import Lesson
from askance.learners.heads import LossPrediction, Wasserstein, distance, slope_penalty
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.seeds import Dice
from askance.task import Classes
from tests.learners.trainings import TINY, finite, lesson, same_network, steps_of
from tests.pins import pins


def test_distance_and_slope_are_those_of_a_plane() -> None:
    slope = tensor([3.0, 4.0], dtype=torch.float64)
    plane: Callable[[Tensor], Tensor] = lambda rows: rows @ slope + 7  # noqa: E731
    labeled, unlabeled = tensor([[1.0, 0.0], [9.0, 9.0]]).double(), tensor([[1.0, 1.0], [0.0, 0.0]]).double()
    assert float(distance(plane, labeled, unlabeled, tensor([1.0, 0.0]))) == pytest.approx(10.5 - 10)
    assert float(distance(plane, labeled, unlabeled, tensor([2.0, 2.0]))) == pytest.approx(10.5 - (10 + 70) / 2)
    assert float(slope_penalty(plane, labeled)) == pytest.approx((5 - 1) ** 2)
    assert finite(slope_penalty(lambda rows: (rows * 0).sum(1), labeled))


def two_clouds() -> tuple[Lesson, Tensor]:
    """Two clouds of two classes each, labels from the first alone; and which items are of the second."""
    noise = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    second = torch.arange(200) >= 100
    items = noise + 3.0 * torch.stack([second * 1.0, second * 1.0, second * 0.0, second * 0.0], 1)
    classes = (noise[:, 2] > 0).long()
    labeled = torch.arange(30)
    given = Lesson(
        items=items,
        keys=torch.arange(200),
        task=Classes((0, 1)),
        labeled=labeled,
        targets=torch.eye(2, dtype=torch.float64)[classes[labeled]],
        weights=torch.ones(30, dtype=torch.float64),
        unlabeled=torch.arange(30, 200),
        dice=Dice(0, "fit"),
    )
    return given, second


@dataclass(frozen=True)
class Turned(Wasserstein):
    """Its critic tells labeled from unlabeled ones the other way around."""

    def critic_loss(
        self, critic: Callable[[Tensor], Tensor], labeled: Tensor, unlabeled: Tensor, weights: Tensor, shares: Tensor
    ) -> Tensor:
        found = super().critic_loss(critic, labeled, unlabeled, weights, shares)
        return found + 2 * distance(critic, labeled, unlabeled, weights)


@dataclass(frozen=True)
class Rewarded(Wasserstein):
    """The penalty of DeepAL+, whose sign is reversed."""

    def critic_loss(
        self, critic: Callable[[Tensor], Tensor], labeled: Tensor, unlabeled: Tensor, weights: Tensor, shares: Tensor
    ) -> Tensor:
        points = torch.cat([labeled, unlabeled, labeled + shares * (unlabeled - labeled)])
        found = super().critic_loss(critic, labeled, unlabeled, weights, shares)
        return found - 2 * self.penalty * slope_penalty(critic, points)


@cache
def critic_of(kind: type[Wasserstein]) -> tuple[float, float]:
    """How much higher the critic is on the unseen cloud, and how far its slope is from 1, squared."""
    given, second = two_clouds()
    model = Torch(Mlp((16,), dropout=0.0), steps=80, batch=16, parts=(kind(hidden=32, rate=3e-3),)).fit(given)
    found = model.outputs(given.items)
    assert found.embeddings is not None
    critic = found.extras["critic"]
    penalty = slope_penalty(model.beside[0][1], found.embeddings)
    return float(critic[second].mean() - critic[~second].mean()), float(penalty.detach())


@pins(
    "waal",
    "law",
    "Labels come from one of two clouds: the critic is higher on the other, and lower if its sign is turned.",
    "max_D E_U D - E_L D - penalty mean (|grad D| - 1)^2",
)
def test_the_critic_is_higher_where_nothing_is_labeled() -> None:
    assert critic_of(Wasserstein)[0] > 1
    assert critic_of(Turned)[0] < -1


@pins("waal", "defect", "DeepAL+ rewards slopes unlike 1, and such a critic is flat; here it has a slope.")
def test_the_slope_of_the_critic_is_held_near_one() -> None:
    gap, penalty = critic_of(Rewarded)
    assert abs(gap) < 0.1 and penalty > 0.9  # slopes of 0
    assert critic_of(Wasserstein)[1] < 0.8


@pins("waal", "defect", "In DeepAL+ the network takes U/L times the steps of others; here as many as with random.")
@pins("lpl", "defect", "In DeepAL+ the network is another one and trained for longer; here both are those of random.")
def test_the_network_takes_as_many_steps_as_alone() -> None:
    given = lesson(10, 300)  # a walk through the pool would be thirty times as long
    alone = TINY.fit(given)
    for part in (Wasserstein(hidden=8), LossPrediction(width=4)):
        model = TINY.beside(part).fit(given)
        assert (model.facts["steps"], model.facts["epochs"]) == (alone.facts["steps"], alone.facts["epochs"])
        assert model.facts["parameters"] == alone.facts["parameters"]


def test_the_network_goes_against_the_critic_and_the_critic_against_the_network() -> None:
    part = Wasserstein(weight=0.5, hidden=8)
    for step in steps_of(TINY.beside(part), lesson(), 2):
        critic, network = step.model.beside[0][1], list(step.model.network.parameters())
        found = part.loss(critic, step)
        assert found is not None
        mine = torch.autograd.grad(found, [*network, *critic.parameters()], allow_unused=True, retain_graph=True)
        labeled = step.seen.embeddings
        unlabeled = step.model.look(step.unlabeled(len(step.rows))).embeddings
        assert labeled is not None and unlabeled is not None
        gap = critic(unlabeled).mean() - critic(labeled).mean()
        expected = torch.autograd.grad(0.5 * gap, network, allow_unused=True, retain_graph=True)
        for one, other in zip(mine, expected, strict=False):
            assert (one is None) == (other is None) and (one is None or torch.allclose(one, other, atol=1e-6))
        keys = step.lesson.keys[step.lesson.labeled[step.rows]]
        shares = step.lesson.dice.of(f"between-{step.number}").uniform(keys).float().unsqueeze(1)
        ends = labeled.detach(), unlabeled.detach()
        own = 2 * slope_penalty(critic, torch.cat([*ends, ends[0] + shares * (ends[1] - ends[0])])) - gap
        wanted = torch.autograd.grad(own, list(critic.parameters()), allow_unused=True)
        for one, other in zip(mine[len(network) :], wanted, strict=True):  # the bias of the last layer has none
            mean, its = (torch.zeros(1) if gradient is None else gradient for gradient in (one, other))
            assert torch.allclose(mean, its, atol=1e-6)


def test_without_unlabeled_items_the_critic_adds_nothing() -> None:
    assert same_network(TINY.beside(Wasserstein(hidden=8)).fit(lesson(40, 40)), TINY.fit(lesson(40, 40)))
    assert not same_network(TINY.beside(Wasserstein(weight=1.0, hidden=8)).fit(lesson()), TINY.fit(lesson()))

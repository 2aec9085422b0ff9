"""Several models of one training."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from askance.errors import BadInput
from askance.learners.linear import Linear
from askance.learners.networks import Mlp
from askance.learners.schedules import Cycles
from askance.learners.snapshots import Snapshots
from askance.learners.torch import Torch
from askance.task import Targets, Task
from askance.testing import check_learner
from askance.testing.learners import lesson_of
from askance.testing.worlds import THREE, small_items

RECIPE = Torch(Mlp((6,)), steps=12)


@pytest.mark.parametrize("task", [THREE, Targets()], ids=str)
def test_it_keeps_the_contract(task: Task) -> None:
    check_learner(Snapshots(RECIPE, count=3), task)


def test_each_member_is_the_training_up_to_the_end_of_a_cycle() -> None:
    found = Snapshots(RECIPE, count=3).fit(lesson_of(THREE))
    whole = replace(RECIPE, schedule=Cycles(3))
    for member, steps in zip(reversed(found.members), (4, 8, 12), strict=True):
        cut = Torch(Mlp((6,)), steps=steps, schedule=Cut(steps / 12)).fit(lesson_of(THREE)).weights()
        own = member.weights()
        assert own is not None and cut is not None
        assert all(torch.equal(own[name], cut[name]) for name in cut)
    last = whole.fit(lesson_of(THREE)).outputs(small_items()).embeddings
    outputs = found.outputs(small_items())
    assert last is not None and outputs.embeddings is not None and torch.equal(outputs.embeddings, last)
    assert outputs.samples is not None and outputs.samples.shape[1] == 3
    assert outputs.scores is not None
    mean = outputs.samples.double().softmax(-1).mean(1)
    assert torch.allclose(outputs.scores.double().softmax(-1), mean, atol=1e-6)


class Cut(Cycles):
    """The beginning of three cycles, for a training that ends after a share of the steps."""

    def __init__(self, part: float) -> None:
        super().__init__(3)
        object.__setattr__(self, "part", part)

    def factor(self, share: float) -> float:
        return super().factor(share * self.part)  # type: ignore[attr-defined]


def test_without_labels_all_members_know_nothing() -> None:
    found = Snapshots(RECIPE, count=3).fit(lesson_of(THREE, 0)).outputs(small_items())
    assert found.samples is not None and found.samples.shape[1] == 3 and not found.samples.any()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="Linear shows none. Hand in a Torch"):
        Snapshots(Linear())  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=r"count=20\) of 12 steps cannot be. Use 2 to 12"):
        Snapshots(RECIPE, count=20)
    with pytest.raises(BadInput, match=r"count=2.5\) of 12 steps cannot be"):
        Snapshots(RECIPE, count=2.5)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="patience=3.* may end before the last cycle"):
        Snapshots(Torch(nn.Linear, patience=3))


class Noisy(nn.Module):
    """Reads its items through numbers that it draws and does not store."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.register_buffer("drawn", torch.randn(features, 8), persistent=False)
        self.head = nn.Linear(8, width)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(items @ self.drawn)
        return found


def test_a_member_has_what_it_drew_when_it_was_trained() -> None:
    found = Snapshots(Torch(Noisy, steps=12), count=3).fit(lesson_of(THREE))
    for member in found.members:
        weights = member.weights()
        assert weights is not None
        again = Torch(Noisy, steps=12).restore(weights, member.facts)
        assert again is not None
        assert torch.equal(again.outputs(small_items()).scores, member.outputs(small_items()).scores)  # type: ignore[arg-type]

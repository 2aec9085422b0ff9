"""Mixtures of bought pairs inside of a network."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
import torch
from torch import nn

from askance.errors import BadInput, MissingSignal
from askance.history import Answer, Asked, History
from askance.learners.mixed import MixedPairs, mixed_scores, mixing_layers
from askance.learners.network import TorchModel
from askance.learners.torch import Torch
from askance.strategies.augmentation import Lada
from askance.testing import check_strategy
from askance.testing.worlds import LEARNER, TRAINED, small_world
from tests.pins import pins


class Staged(nn.Module):
    """Two stages and a head."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            nn.Sequential(nn.Linear(features, 6), nn.ReLU()), nn.Sequential(nn.Linear(6, 5), nn.ReLU())
        )
        self.head = nn.Linear(5, width)

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.stages(items))
        return found


def model() -> tuple[TorchModel, Staged]:
    torch.manual_seed(0)
    network = Staged(8, 3)
    return TorchModel(network, network.head, torch.device("cpu"), {"seed": 0, "labels": 9, "width": 3}), network


@pins("lada", "definition", "Mixed after the first stage, after the second, or before the head: as composed by hand.")
def test_pairs_are_mixed_where_it_is_said() -> None:
    shown, network = model()
    items, share = torch.randn(6, 8), torch.tensor([0.2, 0.5, 0.9])
    layers = mixing_layers(shown)
    assert [before for _, before in layers] == [False, False, True]
    kept = share[:, None]
    first, second = network.stages[0](items), network.stages(items)
    after_first = kept * first[:3] + (1 - kept) * first[3:]
    after_second = kept * second[:3] + (1 - kept) * second[3:]
    plain = [network.head(network.stages[1](after_first)), network.head(after_second), network.head(after_second)]
    for place, expected in enumerate(plain):
        assert torch.allclose(mixed_scores(shown, items, share, layers[place]), expected, atol=1e-6)
    assert len(network.head._forward_pre_hooks) == 0  # nothing stays behind


@pins(
    "lada", "defect", "Released code takes steps of its own on mixtures; ours adds to the loss of steps that are taken."
)
def test_the_term_changes_the_training_and_not_its_steps() -> None:
    lesson = small_world().lesson()
    notes = ({"pair": 0, "tau": 2.0},) * 2
    asked = Asked(0, 0, (1, 3), ("active",) * 2, notes, "Lada")
    told = replace(lesson, history=History((asked,), MappingProxyType({1: (Answer(0),), 3: (Answer(1),)})))
    learner = Torch(Staged, steps=6, batch=8)
    mixing = learner.beside(MixedPairs())
    plain, same, other = learner.fit(lesson), mixing.fit(lesson), mixing.fit(told)
    weights = [found.weights() for found in (plain, same, other)]
    assert weights[0] is not None and weights[1] is not None and weights[2] is not None
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])  # no pair, no term
    assert not torch.equal(weights[0]["head.weight"], weights[2]["head.weight"])
    assert plain.facts["steps"] == other.facts["steps"]
    again = mixing.fit(told).weights()
    assert again is not None
    assert all(torch.equal(weights[2][name], again[name]) for name in again)


class Normed(Staged):
    """Its stages end with batch norm."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__(features, width)
        for place, size in enumerate((6, 5)):
            self.stages[place].append(nn.BatchNorm1d(size))  # type: ignore[operator]


def test_one_pair_is_no_trouble_for_batch_norm_behind_the_layer_where_it_is_mixed() -> None:
    lesson = small_world().lesson()
    asked = Asked(0, 0, (1, 3), ("active",) * 2, ({"pair": 0, "tau": 2.0},) * 2, "Lada")
    told = replace(lesson, history=History((asked,), MappingProxyType({1: (Answer(0),), 3: (Answer(1),)})))
    fitted = Torch(Normed, steps=20, batch=8).beside(MixedPairs()).fit(told)
    found = fitted.outputs(lesson.items).scores
    assert found is not None and bool(torch.isfinite(found).all())
    fitted.train(8)
    items, share = torch.randn(2, lesson.items.shape[1]), torch.tensor([0.4])
    for layer in mixing_layers(fitted):
        assert mixed_scores(fitted, items, share, layer).shape == (1, 3)
    norms = [layer for layer in fitted.network.modules() if isinstance(layer, nn.BatchNorm1d)]
    assert all(norm.training and not norm._forward_pre_hooks for norm in norms)  # nothing stays behind


def test_a_strategy_that_mixes_inside_needs_a_training_loop() -> None:
    asking = Lada(inside=True, rounds=0)
    assert asking.equip(TRAINED) == replace(TRAINED, parts=(MixedPairs(rounds=0),))
    with pytest.raises(MissingSignal, match="MixedPairs has no place"):
        asking.equip(LEARNER)
    check_strategy(asking)


def test_options_that_mean_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match="mixes nothing"):
        MixedPairs(weight=0.0)

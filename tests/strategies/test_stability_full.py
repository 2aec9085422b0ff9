"""Noise stability over all weights: picks by brute force, what it sees that the last layer does not, its refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from sklearn.naive_bayes import GaussianNB
from torch import Tensor, nn

from askance import Study, select
from askance.errors import BadInput, MissingSignal
from askance.given import view
from askance.learners.network import TorchModel
from askance.learners.sklearn import Sklearn
from askance.learners.torch import Torch
from askance.look import read_signal
from askance.signals.stability import Deviations
from askance.strategies.stability import NoiseStability, NoiseStabilityFull
from askance.task import Classes
from askance.testing.worlds import LEARNER, small_labels, small_pool, small_world
from askance.view import View
from tests.pins import pins

FEW = NoiseStabilityFull(Deviations(draws=4))


def perceptron(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 6), nn.ReLU(), nn.Linear(6, width))


def seen_by(network: nn.Module, items: Tensor, classes: int) -> View:
    """A view of a network as it is."""
    task = Classes(tuple(range(classes)))
    model = TorchModel(network, None, torch.device("cpu"), {"seed": 0, "labels": 1})
    paper = view(embeddings=items, task=task)
    return replace(paper, read=lambda signal: read_signal(signal, model, items, task))


@pins("noise-stability-full", "brute force", "greedy k-center from the origin on the rows, a loop over all pairs")
def test_picks_are_farthest_first_from_the_origin() -> None:
    paper = small_world(labeled=12).view(FEW, LEARNER)
    moved = paper[FEW.signal].double()
    nearest = moved.square().sum(1)
    nearest[[row for row in range(len(moved)) if row not in paper.candidates.tolist()]] = -1
    expected = []
    for _ in range(6):
        expected.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, (moved - moved[expected[-1]]).square().sum(1))
    batch = FEW.query(paper, 6)
    assert batch.rows.tolist() == expected
    assert batch.notes[0]["utility"] == pytest.approx(float(moved[expected[0]].square().sum()), rel=1e-4)


@pins("noise-stability-full", "definition", "farthest first from the origin alone: labeled items do not repel")
def test_labeled_items_do_not_repel() -> None:
    items = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    layer = torch.randn(2, 3, generator=torch.Generator().manual_seed(1))
    first, second, *_ = NoiseStabilityFull().query(view(embeddings=items, weights=layer), 3).ids
    twin = items.clone()
    twin[second] = items[first]  # as the item that moves most, which is labeled
    known = view(embeddings=twin, weights=layer, labeled=[first])
    assert NoiseStabilityFull().query(known, 1).ids == [second]


def test_noise_below_the_last_layer_tells_items_apart_that_are_twins_above() -> None:
    below, last = nn.Linear(2, 1, bias=False), nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        below.weight.copy_(torch.tensor([[1.0, 0.0]]))
        last.weight.copy_(torch.tensor([[1.0], [-1.0]]))
    items = torch.tensor([[1.0, 0.0], [1.0, 5.0], [1.0, 1.0]])  # the last layer reads 1 of each
    batch = NoiseStabilityFull().query(seen_by(nn.Sequential(below, last), items, 2), 3)
    assert batch.ids[0] == 1  # its second feature multiplies the noise of the first layer by 5
    assert batch.notes[0]["utility"] > 2 * batch.notes[1]["utility"]


def test_all_draws_of_a_frozen_linear_head_find_what_the_last_layer_finds() -> None:
    items = torch.randn(60, 4, generator=torch.Generator().manual_seed(2))
    layer = torch.randn(3, 4, generator=torch.Generator().manual_seed(3))
    full = select(NoiseStabilityFull(Deviations(draws=300)), 8, embeddings=items, weights=layer)
    last = select(NoiseStability(draws=300), 8, embeddings=items, weights=layer)
    assert len(set(full.tolist()) & set(last.tolist())) >= 7  # other draws of the same noise


def test_a_large_pool_is_narrowed_by_keys() -> None:
    narrow = replace(FEW, items=10)
    paper = small_world().view(narrow, LEARNER)
    backward = small_world().arranged(range(40)[::-1]).view(narrow, LEARNER)
    assert narrow.query(paper, 5).ids == narrow.query(backward, 5).ids
    looked_at = {tuple(narrow.query(small_world().view(narrow, LEARNER, seed), 10).ids) for seed in range(3)}
    assert len({frozenset(ids) for ids in looked_at}) == 3
    assert len(narrow.query(paper, 25).ids) == 25  # as many as are wanted all the same


def test_a_study_of_a_network_asks_and_can_be_audited() -> None:
    pool = small_pool()
    labels = small_labels(pool)
    study = Study(pool, strategy=FEW, learner=Torch(perceptron, steps=3), task=Classes((0, 1, 2)), start=None)
    study.tell({name: labels[name] for name in pool.names(range(9))})
    for _ in range(2):
        batch = study.ask(4)
        study.tell({name: labels[name] for name in batch.ids})
    assert all(row.ok for row in study.audit(refit=True))


def test_what_gives_no_weights_is_refused() -> None:
    with pytest.raises(MissingSignal, match="reads differentiable, and Sklearn does not give it"):
        Study(small_pool(), strategy=FEW, learner=Sklearn(GaussianNB()), task=Classes((0, 1, 2)), start=None).ask(1)
    with pytest.raises(MissingSignal, match="hand in embeddings= .* and weights= "):
        select("noise-stability-full", 1, embeddings=torch.ones(3, 2))
    with pytest.raises(BadInput, match="looks at nothing"):
        NoiseStabilityFull(items=0)

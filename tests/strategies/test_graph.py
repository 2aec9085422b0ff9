"""Graph networks: the graph, one step of training, and what they take for labeled."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.given import view
from askance.seeds import Dice
from askance.selection.space import normalized
from askance.strategies.graph import CoreGCN, UncertainGCN
from askance.utilities.membership import Graph, GraphNetwork
from tests.pins import pins


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def adjacency(features: Tensor) -> Tensor:
    likeness = (1 + features @ features.T) / 2
    likeness.fill_diagonal_(0)
    return likeness / likeness.sum(0) + torch.eye(len(features), dtype=torch.float64)


@pins(
    "core-gcn, uncertain-gcn",
    "brute force",
    "Products with the graph, never built, against the adjacency matrix in full.",
    equation="A = S D^-1 + I, S likeness without its diagonal, D its column sums",
)
def test_the_graph_acts_as_its_adjacency_matrix() -> None:
    features = normalized(normal(25, 4))
    graph, full, values = Graph(features), adjacency(features), normal(25, 3, seed=1)
    torch.testing.assert_close(graph.spread(values), full @ values)
    torch.testing.assert_close(graph.spread(values[:, 0]), full @ values[:, 0])
    torch.testing.assert_close(graph.gather(values[:, 0]), full.T @ values[:, 0])


@pins(
    "core-gcn, uncertain-gcn",
    "brute force",
    "Training against torch's own gradients and Adam on the adjacency matrix in full.",
    equation="loss = -mean over labeled of log p - 1.2 mean over unlabeled of log(1 - p)",
)
def test_training_takes_the_steps_of_torch() -> None:
    features, labeled, dice = normalized(normal(30, 4)), torch.arange(30) < 6, Dice(0, "ask")
    network = GraphNetwork(hidden=5, dropout=0.0, epochs=25, rate=0.02)
    full = adjacency(features)
    start, parts = network._new(4, features, dice)
    first, bias, second, last = (start[part].clone().requires_grad_() for part in parts)
    optimizer = torch.optim.Adam([first, bias, second, last], lr=0.02, weight_decay=5e-4)

    def scores() -> Tensor:
        hidden = (full @ features @ first.view(4, 5) + bias).relu()
        return (full @ (hidden @ second) + last).sigmoid()

    for _ in range(25):
        optimizer.zero_grad()
        found = scores()
        loss = -found[labeled].log().mean() - 1.2 * (1 - found[~labeled]).log().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    ours = network.fit(features, labeled, torch.arange(30), dice)
    torch.testing.assert_close(ours.scores, scores().detach())


def test_what_is_near_to_labeled_items_is_taken_for_labeled() -> None:
    around = torch.cat(
        [normal(40, 3) * 0.1 + torch.tensor([1.0, 0, 0]), normal(40, 3) * 0.1 - torch.tensor([1.0, 0, 0])]
    )
    labeled = torch.arange(80) < 20
    found = GraphNetwork().fit(normalized(around), labeled, torch.arange(80), Dice(0, "ask"))
    assert found.scores[20:40].mean() > found.scores[40:].mean()
    assert found.hidden.shape == (80, 128)


@pins(
    "uncertain-gcn",
    "definition",
    "Picks are those whose score is nearest to the margin.",
    equation="argmin |p(x) - 0.1|",
)
def test_picks_are_nearest_to_the_margin() -> None:
    paper = view(embeddings=normal(50, 4), labeled=range(5))
    batch = UncertainGCN(margin=0.4).query(paper, 10)
    values = [note["utility"] for note in batch.notes]
    assert values == sorted(values, reverse=True)
    every = UncertainGCN(margin=0.4).query(paper, 45)
    assert every.ids[:10] == batch.ids
    assert max(values) <= 0


@pins(
    "core-gcn",
    "equivalence",
    "Without training and with one linear path, core-gcn is farthest first in the hidden features.",
    equation="farthest first over relu(A X W + b)",
)
def test_core_gcn_is_farthest_first_in_the_hidden_features() -> None:
    features, network = normal(40, 4), GraphNetwork(hidden=6, epochs=0)
    paper = view(embeddings=features, labeled=range(4))
    drawn = paper.dice.of("subset").uniform(paper.keys)
    rows = torch.cat([paper.known, paper.candidates[drawn[paper.candidates].argsort(stable=True)]])
    order = paper.dice.of("order").uniform(paper.keys[rows]).argsort(stable=True)
    rows = rows[order]
    lying = normalized(features[rows].float()).double()
    found = network.fit(lying, rows < 4, paper.keys[rows], paper.dice.of("network"))
    apart = torch.cdist(found.hidden, found.hidden)
    chosen, expected = (rows < 4).nonzero().flatten().tolist(), []
    for _ in range(5):
        nearest = apart[:, chosen].amin(1)
        expected.append(int(nearest.argmax()))
        chosen.append(expected[-1])
    assert CoreGCN(network=network).query(paper, 5).ids == rows[expected].tolist()


@pytest.mark.parametrize("strategy", [UncertainGCN(subset=6), CoreGCN(subset=6)], ids=str)
def test_a_subset_smaller_than_the_batch_grows_with_it(strategy: UncertainGCN | CoreGCN) -> None:
    paper = view(embeddings=normal(30, 4), labeled=range(5))
    assert len(set(strategy.query(paper, 12).ids)) == 12
    with pytest.raises(BadInput):
        CoreGCN(subset=0)
    with pytest.raises(BadInput):
        GraphNetwork(dropout=1.0)

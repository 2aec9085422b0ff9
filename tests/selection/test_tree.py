"""Cuts of a tree of clusters against all cuts there are, and the law of the draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

import askance
from askance.selection.tree import Tree, draws, joined, pruned
from askance.strategies.classics import Hierarchical
from askance.testing import view
from tests.pins import pins

PAIRS = np.array([[0, 1], [2, 3], [4, 5]])  # ((0 1) (2 3)), the root is 6


def test_bounds_and_admissible_labels_by_hand() -> None:
    tree = Tree(np.array([[0, 1]]), np.array([50.0, 50.0, 100.0]))
    cut, labels, unsure = pruned(tree, np.array([[2.0, 0.0], [0.0, 2.0]]))
    assert (cut, labels) == ([2], [0])  # halves: no label is admissible at the root, so it stays whole
    off = 0.96 / 4 + np.sqrt(0.96 * 0.25 / 4)
    assert unsure.tolist() == pytest.approx([1 - (0.5 - off)])
    cut, labels, unsure = pruned(tree, np.array([[10.0, 0.0], [0.0, 3.0]]))
    assert (cut, labels) == ([0, 1], [0, 1])  # 10 of 13: the first label holds, and splitting pays
    assert unsure.tolist() == pytest.approx([0.8 / 10, 0.94 / 3])


def every_cost(tree: Tree, counts: np.ndarray, node: int, inherited: int) -> list[float]:
    """The costs of all cuts below a node that inherits a label, times its size, in plain code."""
    seen, size, classes = tree.sums(counts), tree.sizes, range(counts.shape[1])

    def bounds(label: int) -> tuple[float, float]:
        n = seen[node].sum()
        if n == 0:
            return 0.0, 1.0
        p, small = seen[node, label] / n, 1 - n / size[node]
        off = small / n + np.sqrt(small * p * (1 - p) / n)
        return max(0.0, p - off), min(1.0, p + off)

    def admissible(label: int) -> bool:
        others = [1 - bounds(other)[1] for other in classes if other != label]
        return seen[node].sum() > 0 and all(1 - bounds(label)[0] < 2 * room for room in others)

    costs = []
    for label in classes:
        if label != inherited and not admissible(label):
            continue
        error = 1 - seen[node, label] / seen[node].sum() if admissible(label) else 1.0
        costs.append(size[node] * error)
        if node >= tree.leaves and admissible(label):
            one, other = tree.children[node - tree.leaves]
            lefts, rights = (every_cost(tree, counts, int(child), label) for child in (one, other))
            costs += [left + right for left in lefts for right in rights]
    return costs


@pins(
    "hierarchical",
    "brute force",
    "All cuts and labelings of small trees with random labels: ours has the least estimated error.",
    equation="draw from v in proportion to w_v (1 - p_lower(v, L(v)))",
)
@pytest.mark.parametrize("seed", range(20))
def test_the_cut_has_the_least_estimated_error_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tree = joined(torch.from_numpy(rng.normal(size=(5, 2))), torch.from_numpy(rng.integers(20, 60, 5)))
    counts = rng.integers(0, 12, (5, 2)).astype(float) * (rng.random((5, 2)) < 0.7)
    cut, labels, _ = pruned(tree, counts)
    seen = tree.sums(counts)
    _, _, alone = zip(*(pruned_alone(tree, counts, node) for node in cut), strict=True)
    found = 0.0
    for node, label, admissible in zip(cut, labels, alone, strict=True):
        found += tree.sizes[node] * (1 - seen[node, label] / seen[node].sum() if admissible[label] else 1.0)
    assert found == pytest.approx(min(every_cost(tree, counts, len(tree.sizes) - 1, 0)))
    assert sum(tree.sizes[cut]) == tree.sizes[-1]


def pruned_alone(tree: Tree, counts: np.ndarray, node: int) -> tuple[int, int, list[bool]]:
    """Which labels are admissible at a node."""
    n = tree.sums(counts)[node]
    if n.sum() == 0:
        return node, 0, [False] * len(n)
    p, small = n / n.sum(), 1 - n.sum() / tree.sizes[node]
    off = small / n.sum() + np.sqrt(small * p * (1 - p) / n.sum())
    lower, upper = np.maximum(p - off, 0), np.minimum(p + off, 1)
    rest = [[1 - upper[k] for k in range(len(n)) if k != label] for label in range(len(n))]
    return node, 0, [all(1 - lower[label] < 2 * room for room in rest[label]) for label in range(len(n))]


@pins(
    "hierarchical", "law", "How often each item is drawn first and second, by weights of parts and evenly within them."
)
def test_draws_follow_the_weights_and_are_even_within_a_part() -> None:
    tree = Tree(PAIRS, np.array([1.0, 1.0, 2.0, 2.0, 2.0, 4.0, 6.0]))
    leaves, rows = torch.tensor([0, 1, 2, 2, 3, 3]), torch.arange(6)
    counts = torch.zeros(6, 6)
    generator = torch.Generator().manual_seed(0)
    for _ in range(6000):
        order = torch.randperm(6, generator=generator)
        throws = torch.rand(2, generator=generator, dtype=torch.float64)
        first, second = draws(tree, [4, 5], np.array([3.0, 1.0]), leaves[order], rows[order], throws).tolist()
        counts[first, second] += 1
    chance = torch.tensor([3 / 8, 3 / 8, 1 / 16, 1 / 16, 1 / 16, 1 / 16], dtype=torch.float64)
    assert chisquare(counts.sum(1).double(), chance * 6000).pvalue > 1e-3
    after = counts[0].double()
    expected = torch.tensor([3 / 4, 1 / 16, 1 / 16, 1 / 16, 1 / 16], dtype=torch.float64) * after.sum()
    assert chisquare(after[1:], expected).pvalue > 1e-3


@pins(
    "hierarchical",
    "defect",
    "libact asks for item -1 where the part it draws has no unlabeled item left; ours draws from parts that have some.",
)
def test_a_part_without_candidates_is_not_drawn() -> None:
    tree = Tree(PAIRS, np.array([1.0, 1.0, 2.0, 2.0, 2.0, 4.0, 6.0]))
    throws = torch.full((2,), 0.01, dtype=torch.float64)
    rows = draws(tree, [4, 5], np.array([100.0, 1.0]), torch.tensor([2, 3]), torch.tensor([7, 8]), throws)
    assert sorted(rows.tolist()) == [7, 8]


@pytest.mark.parametrize("leaves", [300, 40])
def test_of_three_heaps_the_mixed_one_is_asked_about(leaves: int) -> None:
    generator = torch.Generator().manual_seed(0)
    heaps = torch.cat([torch.randn(100, 4, generator=generator) + 30 * heap for heap in range(3)])
    told = [*range(30), *range(100, 130), *range(200, 230)]
    labels = [0] * 30 + [1] * 30 + [0, 1] * 15
    shown = view(embeddings=heaps, labeled=told, labels=labels)
    batch = Hierarchical(leaves=leaves).query(shown, 60)
    assert sum(row >= 200 for row in batch.ids) > 45
    assert batch.notes[0]["parts"] >= 3


def test_labeled_items_outside_of_the_pool_cut_the_tree_alike() -> None:
    generator = torch.Generator().manual_seed(0)
    heaps = torch.cat([torch.randn(100, 4, generator=generator) + 30 * heap for heap in range(2)])
    told, rest = [*range(40), *range(100, 140)], [*range(40, 100), *range(140, 200)]
    labels = [0] * 40 + [0, 1] * 20
    inside = Hierarchical().query(view(embeddings=heaps, labeled=told, labels=labels), 40).ids
    given = {"embeddings": heaps[rest], "labeled_embeddings": heaps[told], "labels": labels}
    outside = [rest[place] for place in askance.select("hierarchical", 40, **given)]
    for ids in (inside, outside):
        assert sum(row >= 100 for row in ids) > 28  # the second heap is mixed

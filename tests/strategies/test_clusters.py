"""Doubt and spread: each method against its definition in plain code, and the defects of released code."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, entropy
from torch import Tensor

from askance import select
from askance.errors import BadInput
from askance.given import view
from askance.kernels.dropout import kept
from askance.seeds import Dice
from askance.strategies.clusters import AlfaMix, Cdal, Clue, ClusterMargin, DropQuery, Falcun
from askance.utilities.dropout import mismatches
from askance.utilities.mixing import mixing_ratio
from tests.pins import pins


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def shares(items: int, classes: int = 3, seed: int = 0) -> Tensor:
    return (2 * normal(items, classes, seed=seed)).softmax(1)


# DropQuery


@pins(
    "drop-query",
    "brute force",
    "Mismatches against three passes written out, with the masks of the same dice.",
    equation="m(x) = sum_t [argmax W drop_t(h) + b != argmax W h + b]",
)
def test_mismatches_are_those_of_passes_written_out() -> None:
    features, layer, keys, dice = normal(50, 12), normal(4, 13, seed=1), torch.arange(50) * 7, Dice(3, "ask")
    expected = torch.zeros(50, dtype=torch.int64)
    guess = (features @ layer[:, :-1].T + layer[:, -1]).argmax(1)
    for number in range(3):
        mask = kept(keys, 12, dice.of(f"passes[{number}]").key, 0.75)
        expected += ((4 * features * mask) @ layer[:, :-1].T + layer[:, -1]).argmax(1) != guess
    assert torch.equal(mismatches(features, layer, keys, dice), expected)
    assert set(expected.tolist()) == {0, 1, 2, 3}


def dropping(items: int, **settings: Any) -> tuple[Tensor, list[int]]:
    features = normal(items, 8)
    paper = view(embeddings=features, weights=normal(3, 9, seed=1))
    changed = mismatches(features, normal(3, 9, seed=1), paper.keys, paper.dice.of("dropout"))
    return changed, DropQuery(**settings).query(paper, 4).ids


@pins("drop-query", "definition", "The threshold falls from one to zero until there are 25 candidates for each pick.")
def test_items_that_change_twice_are_enough_in_a_large_pool_and_once_in_a_small_one() -> None:
    changed, picked = dropping(400)
    assert int((changed > 1).sum()) >= 100
    assert all(changed[row] > 1 for row in picked)
    changed, picked = dropping(60, pool=10)
    assert 4 <= int((changed > 1).sum()) < 40
    assert all(changed[row] > 0 for row in picked)


@pins(
    "drop-query",
    "defect",
    "Released code runs k-means where fewer change than are wanted; ours picks all of these, and others by noise.",
)
def test_where_too_few_change_all_of_them_come_first() -> None:
    features = torch.cat([torch.full((30, 4), 5.0), torch.tensor([[5.0, -4.9, 0.0, 0.0]])]).double()
    layer = torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0], [-1.0, -1.0, -1.0, -1.0, 0.0]])
    rest = set()
    for seed in range(20):
        paper = view(embeddings=features, weights=layer, seed=seed)
        changed, batch = mismatches(features, layer, paper.keys, paper.dice.of("dropout")), DropQuery().query(paper, 3)
        assert batch.ids[0] == 30 or not changed[30]
        assert len(set(batch.ids)) == 3
        rest |= set(batch.ids[1:])
    assert len(rest) > 10


# Cluster-Margin


@pins(
    "cluster-margin",
    "brute force",
    "Round robin over scipy's average linkage of the items with the least margins, smallest cluster first.",
    equation="A_1, .., A_m: clusters of the k_m items of least margin, |A_1| <= .. <= |A_m|, one of each in turn",
)
def test_cluster_margin_takes_turns_among_the_clusters_of_the_least_certain_items() -> None:
    from scipy.cluster.hierarchy import fcluster, linkage

    features, beliefs = normal(60, 3), shares(60)
    top = beliefs.topk(2).values
    doubtful = (top[:, 0] - top[:, 1]).argsort()[:20]
    tree = linkage((features / features.norm(dim=1, keepdim=True)).numpy(), "average", metric="sqeuclidean")
    groups = fcluster(tree, 6, "maxclust")
    picked = ClusterMargin(factor=20 / 7, clusters=6).query(view(embeddings=features, probabilities=beliefs), 7).ids
    assert set(picked) <= set(doubtful.tolist())
    sizes = {g: int((groups[doubtful] == g).sum()) for g in set(groups[doubtful].tolist())}
    left, due = dict(sizes), []
    while len(due) < 7:
        due += [size for _, size in sorted((sizes[g], sizes[g]) for g in left if left[g] > 0)]
        left = {g: count - 1 for g, count in left.items()}
    assert [sizes[int(groups[row])] for row in picked] == due[:7]


def test_clusters_found_on_a_sample_still_part_what_lies_apart() -> None:
    features = torch.cat(
        [normal(100, 2) * 0.01 + torch.tensor([1.0, 0.0]), normal(100, 2) * 0.01 + torch.tensor([0.0, 1.0])]
    )
    picked = ClusterMargin(sample=20).query(view(embeddings=features, probabilities=shares(200)), 2).ids
    assert (picked[0] < 100) != (picked[1] < 100)


# CLUE


@pins(
    "clue",
    "definition",
    "Picks are the items nearest to weighted means of their clusters, by hand.",
    equation="argmin over clusters of sum_k sum_(x in X_k) H(p(x)) |f(x) - mu_k|^2, mu_k the weighted mean",
)
def test_clue_picks_next_to_weighted_means() -> None:
    line = torch.tensor([[0.0], [1.0], [2.0], [50.0], [51.0], [52.0]])
    doubt = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [1.0, 0.0], [1.0, 0.0]])
    assert sorted(Clue().query(view(embeddings=line, probabilities=doubt), 2).ids) == [2, 3]


@pins(
    "k-means, clue, drop-query",
    "defect",
    "DeepAL+'s KMeansSamplingGPU hands back the numbers of centroids, the first rows of the pool; ours are items.",
)
def test_picks_are_items_and_not_numbers_of_centroids() -> None:
    features = torch.cat([normal(50, 4), 20 + normal(50, 4, seed=1), 40 + normal(50, 4, seed=2)])
    for name in ("k-means", "clue"):
        picked = select(name, 3, embeddings=features.numpy(), probabilities=shares(150).numpy())
        assert sorted(picked // 50) == [0, 1, 2]


# CDAL


@pins(
    "cdal",
    "brute force",
    "Each pick has the largest least divergence to what is known, against the full matrix in float64.",
    equation="d(x, y) = (KL(p_x || p_y) + KL(p_y || p_x)) / 2, farthest first",
)
@pytest.mark.parametrize("outside", [False, True])
def test_cdal_is_farthest_first_in_the_full_matrix_of_divergences(outside: bool) -> None:
    beliefs, known = shares(80), shares(3, seed=5)
    every = torch.cat([beliefs, known]).numpy()
    own = entropy(every[:, None], every[None], axis=2)
    apart = (own + own.T) / 2
    chosen, expected = [80, 81, 82] if outside else [0, 1, 2], []
    while len(expected) < 10:
        nearest = apart[:80, chosen].min(1)
        nearest[[row for row in chosen if row < 80]] = -1
        expected.append(int(nearest.argmax()))
        chosen.append(expected[-1])
    if outside:
        given = {"labeled_probabilities": known.numpy(), "labeled_embeddings": np.zeros((3, 1)), "labels": [0, 1, 2]}
        found = select("cdal", 10, probabilities=beliefs.numpy(), embeddings=np.zeros((80, 1)), **given).tolist()
    else:
        found = Cdal().query(view(probabilities=beliefs, labeled=[0, 1, 2]), 10).ids
    assert found == expected


# FALCUN


def relevance(beliefs: Tensor, chosen: list[int], gamma: float) -> Tensor:
    top = beliefs.topk(2).values
    doubt = 1 - (top[:, 0] - top[:, 1])
    gap = doubt if not chosen else torch.minimum(doubt, torch.cdist(beliefs, beliefs[chosen], p=1).amin(1))
    left = torch.tensor([row not in chosen for row in range(len(beliefs))])
    least, most = gap[left].min(), gap[left].max()
    found = ((gap - least) / (most - least) + doubt) ** gamma
    return torch.where(left, found, 0)


@pins(
    "falcun",
    "law",
    "First, second and third draws follow (u + d)^gamma, by chi-square.",
    equation="q(x) = (u(x) + d(x))^gamma / sum, u = 1 - (p_(1) - p_(2)), d = min over picks of |p_x - p_y|_1, scaled",
)
@pytest.mark.parametrize("gamma", [1.0, 2.5])
def test_draws_follow_the_relevance_of_what_is_left(gamma: float) -> None:
    beliefs = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.55, 0.45], [0.2, 0.8]], dtype=torch.float64)
    counts = torch.zeros(4, 4, 4, dtype=torch.float64)
    for seed in range(1200):
        counts[tuple(Falcun(gamma=gamma).query(view(probabilities=beliefs, seed=seed), 3).ids)] += 1
    expected = torch.zeros_like(counts)
    for a in range(4):
        first = relevance(beliefs, [], gamma)
        for b in range(4):
            second = relevance(beliefs, [a], gamma)
            for c in range(4):
                if len({a, b, c}) == 3:
                    third = relevance(beliefs, [a, b], gamma)
                    expected[a, b, c] = first[a] / first.sum() * second[b] / second.sum() * third[c] / third.sum()
    kept = expected > 1e-12
    assert counts[~kept].sum() == 0
    likely = expected * 1200 > 5
    observed = torch.cat([counts[likely], counts[kept & ~likely].sum()[None]])
    due = torch.cat([expected[likely], expected[kept & ~likely].sum()[None]]) * 1200
    assert chisquare(observed[due > 0], due[due > 0]).pvalue > 1e-3


@pins("falcun", "equivalence", "A gamma of 0 draws uniformly, as random does.")
def test_a_gamma_of_zero_draws_uniformly() -> None:
    counts = torch.zeros(4)
    for seed in range(800):
        counts[Falcun(gamma=0.0).query(view(probabilities=shares(4), seed=seed), 2).ids] += 1
    assert chisquare(counts).pvalue > 1e-3


# ALFA-Mix


@pins(
    "alfa-mix",
    "brute force",
    "The ratio at which an item changes class, against mixing it step by step with the numeric gradient of its loss.",
    equation="z + e |z* - z| g / |g|, g the gradient of the loss of the item's own prediction",
)
def test_the_mixing_ratio_is_where_the_mixed_features_change_class() -> None:
    features, layer, anchors = normal(30, 4), normal(3, 5, seed=1), 3 * normal(2, 4, seed=2)
    found = mixing_ratio(features, layer, anchors)
    for z, ratio in zip(features, found.tolist(), strict=True):
        inputs = z.clone().requires_grad_()
        scores = layer[:, :-1] @ inputs + layer[:, -1]
        own = int(scores.argmax())
        torch.nn.functional.cross_entropy(scores[None], torch.tensor([own])).backward()  # type: ignore[no-untyped-call]
        assert inputs.grad is not None
        step = (anchors - z).norm(dim=1).max() * inputs.grad / inputs.grad.norm()
        changes = [
            int((layer[:, :-1] @ (z + share * ratio * step) + layer[:, -1]).argmax()) != own for share in (0.999, 1.001)
        ]
        assert changes == [False, True]


@pytest.mark.parametrize("far", [0.5, 5, 14, 16, 20, 50, 100, 300])
def test_the_mixing_ratio_of_a_confident_item_is_as_exact_as_that_of_a_doubtful_one(far: float) -> None:
    features = torch.tensor([[far, 0.3], [0.4, -far], [-far, -far / 7]])
    heads, anchor = normal(4, 2, seed=1).float(), torch.tensor([[-1.0, 2.0]])
    exact = [_ratio(z, heads.tolist(), anchor[0].tolist()) for z in features.tolist()]
    found = mixing_ratio(features, torch.cat([heads, torch.zeros(4, 1)], 1), anchor)
    assert found.tolist() == pytest.approx(exact, rel=1e-5)


def _ratio(z: list[float], heads: list[list[float]], anchor: list[float]) -> float:
    """The ratio with 200 digits, which 1 - p needs."""
    with localcontext(prec=200):
        at, rows = [Decimal(x) for x in z], [[Decimal(x) for x in head] for head in heads]
        scores = [_dot(row, at) for row in rows]
        own = scores.index(max(scores))
        odds = [(score - scores[own]).exp() for score in scores]
        blame = [odd / sum(odds) - (number == own) for number, odd in enumerate(odds)]
        slope = [_dot(blame, column) for column in zip(*rows, strict=True)]
        speeds = [_dot(row, slope) / _dot(slope, slope).sqrt() for row in rows]
        gains = [(scores[own] - score, speed - speeds[own]) for score, speed in zip(scores, speeds, strict=True)]
        away = [a - Decimal(b) for a, b in zip(at, anchor, strict=True)]
        return float(min(lead / gain for lead, gain in gains if gain > 0) / _dot(away, away).sqrt())


def _dot(a: Iterable[Decimal], b: Iterable[Decimal]) -> Decimal:
    return sum((x * y for x, y in zip(a, b, strict=True)), Decimal(0))


@pins("alfa-mix", "definition", "No other step of the same length raises the loss more, to first order.")
def test_no_other_mix_of_the_same_length_raises_the_loss_more() -> None:
    layer, z = normal(3, 5, seed=1), normal(4)
    inputs = z.clone().requires_grad_()

    def loss(at: Tensor) -> Tensor:
        scores = layer[:, :-1] @ at + layer[:, -1]
        return -scores.log_softmax(0)[int((layer[:, :-1] @ z + layer[:, -1]).argmax())]

    loss(inputs).backward()  # type: ignore[no-untyped-call]
    assert inputs.grad is not None
    best = loss(z + 1e-4 * inputs.grad / inputs.grad.norm())
    others = normal(500, 4, seed=3)
    assert all(loss(z + 1e-4 * other / other.norm()) <= best + 1e-10 for other in others)


def test_the_ratio_rises_until_enough_items_change_and_no_further() -> None:
    features = torch.tensor([[-9.0], [9.0], [0.01], [0.3], [2.0], [-2.5], [4.0]])
    paper = view(embeddings=features, weights=[[-1.0], [1.0]], labeled=[0, 1], labels=[0, 1])
    assert AlfaMix().query(paper, 1).ids == [2]
    assert set(AlfaMix().query(paper, 2).ids) == {2, 3}
    assert set(AlfaMix().query(paper, 3).ids) == {2, 3, 4}


def test_what_cannot_change_is_picked_by_noise() -> None:
    features = torch.cat([torch.zeros(1, 2), torch.full((30, 2), 5.0)])
    firsts = set()
    for seed in range(12):
        paper = view(embeddings=features, weights=torch.zeros(2, 3), labeled=[0], labels=[1], seed=seed)
        firsts.add(AlfaMix().query(paper, 3).ids[0])
    assert len(firsts) > 4


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: DropQuery(rate=1.0),
        lambda: ClusterMargin(factor=0.5),
        lambda: Falcun(gamma=-1.0),
        lambda: AlfaMix(step=0.0),
    ],
)
def test_settings_that_mean_nothing_are_refused_where_they_are_typed(wrong: Any) -> None:
    with pytest.raises(BadInput):
        wrong()

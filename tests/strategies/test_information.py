"""BAIT of classes against the whole Fisher information, and what MaxDet and Frank-Wolfe are shown."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import askance
from askance import Classes, Labels, Targets
from askance.given import view
from askance.pool import LABELED, UNLABELED
from askance.selection.volume import LeastVariance
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.information import AcsFw, Bait, MaxDet
from askance.testing.worlds import LEARNER, World, small_pool
from tests.pins import pins

FORWARD = Bait(select=LeastVariance(noise=0.1, backward=False))


def whole_fisher(p: Tensor, h: Tensor) -> Tensor:
    """(diag(p) - p p^T) x h h^T of every item, (items, classes features, classes features)."""
    inner = torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)
    outer = h.unsqueeze(2) * h.unsqueeze(1)
    return torch.einsum("iab,icd->iacbd", inner, outer).reshape(len(p), p.shape[1] * h.shape[1], -1)


def left(fisher: Tensor, rows: list[int], noise: float) -> float:
    """tr((s I + sum over rows)^-1 F), F of the whole pool."""
    inner = noise * torch.eye(fisher.shape[1], dtype=fisher.dtype) + fisher[rows].sum(0)
    return float(torch.trace(torch.linalg.solve(inner, fisher.sum(0))))


def greedy(fisher: Tensor, known: list[int], n: int, noise: float) -> list[int]:
    inside = list(known)
    for _ in range(n):
        open_ = [row for row in range(len(fisher)) if row not in inside]
        inside.append(min(open_, key=lambda row: left(fisher, [*inside, row], noise)))
    return inside[len(known) :]


def world(classes: int, seed: int = 0, items: int = 50) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities of a linear head, embeddings, and those with the feature that is always 1."""
    dice = torch.Generator().manual_seed(seed)
    h = torch.randn(items, 3, generator=dice, dtype=torch.float64)
    head = 2 * torch.randn(3, classes, generator=dice, dtype=torch.float64)
    return (h @ head).softmax(1), h, torch.cat([h, torch.ones_like(h[:, :1])], 1)


@pins(
    "bait",
    "equivalence",
    "for two classes the picks are those of the whole Fisher information, labeled items included",
    equation="tr((s I + sum over L and S of F)^-1 sum over all of F), F = (diag(p) - p p') x h h'",
)
@pytest.mark.parametrize("known", [0, 5])
def test_two_classes_are_exact(known: int) -> None:
    p, h, ones = world(2)
    size = (1 - p.square().sum(1)) * ones.square().sum(1)
    noise = 0.01 * float((size[:known] if known else size).mean())
    expected = greedy(whole_fisher(p, ones), list(range(known)), 8, noise)
    paper = view(probabilities=p, embeddings=h, labeled=range(known))
    assert FORWARD.query(paper, 8).ids == expected
    beyond = askance.select(
        FORWARD,
        8,
        probabilities=p[known:],
        embeddings=h[known:],
        labeled_embeddings=h[:known] if known else None,
        labeled_probabilities=p[:known] if known else None,
    )
    assert (beyond + known).tolist() == expected


@pins(
    "bait",
    "brute force",
    "for four classes the trace alone costs less than a tenth of what exact greedy gains on random",
)
def test_the_gap_of_more_classes_is_small() -> None:
    gaps = []
    for seed in range(4):
        p, h, ones = world(4, seed)
        fisher = whole_fisher(p, ones)
        noise = 0.01 * float(((1 - p.square().sum(1)) * ones.square().sum(1)).mean())
        exact = left(fisher, greedy(fisher, [], 8, noise), noise)
        ours = left(fisher, FORWARD.query(view(probabilities=p, embeddings=h), 8).ids, noise)
        dice = torch.Generator().manual_seed(seed)
        chance = [left(fisher, torch.randperm(50, generator=dice)[:8].tolist(), noise) for _ in range(50)]
        gaps.append((ours - exact) / (sum(chance) / len(chance) - exact))
    assert sum(gaps) / len(gaps) < 0.1


@pins("bait", "definition", "numbers have one Fisher information whatever is predicted; labels have p (1 - p) each")
def test_tasks_are_told_apart() -> None:
    sides = torch.tensor([LABELED] * 9 + [UNLABELED] * 31, dtype=torch.int8)
    for task in (Targets(), Labels(("a", "b")), Classes(("a", "b"))):
        shown = World(small_pool(), sides, task).view(Bait(), LEARNER)
        space = Bait().space(shown)
        h, p = shown[Embeddings()].double(), shown[Probabilities()].double()
        size = {"Targets": torch.ones(40), "Labels": (p * (1 - p)).sum(1), "Classes": 1 - p.square().sum(1)}
        expected = size[type(task).__name__] * h.square().sum(1)
        assert space is not None
        assert torch.allclose(space.norms().double(), expected, atol=1e-5)


def test_labeled_items_outside_whose_probabilities_nobody_knows_count_as_the_mean() -> None:
    p, h, _ = world(3)
    found = askance.select("bait", 4, probabilities=p, embeddings=h, labeled_embeddings=h[:2] + 0.1)
    assert len(set(found.tolist())) == 4


@pins("max-det", "equivalence", "from arrays, labeled_embeddings= are known like labeled rows of the pool")
def test_max_det_knows_what_is_labeled() -> None:
    _, h, _ = world(3)
    inside = MaxDet().query(view(embeddings=h, labeled=range(6)), 8).ids
    assert (askance.select("max-det", 8, embeddings=h[6:], labeled_embeddings=h[:6]) + 6).tolist() == inside
    assert MaxDet().query(view(embeddings=h), 8).ids != inside


def test_frank_wolfe_does_not_look_at_labels() -> None:
    _, h, _ = world(3)
    assert (askance.select("frank-wolfe", 5, embeddings=h[6:], labeled_embeddings=h[:6]) + 6).tolist() == (
        AcsFw().query(view(embeddings=h, labeled=range(6)), 5).ids
    )

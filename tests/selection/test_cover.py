"""Covering the pool: greedy and lazy against brute force in double precision, and what ties the rules together."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from askance import Classes, select
from askance.errors import BadInput, UnknownName
from askance.given import view
from askance.seeds import Dice
from askance.selection.base import Ground
from askance.selection.cover import Cover, Likeness, PurestBalls, greedy_cover
from askance.selection.kmeans import k_means
from askance.selection.medoids import Medoids, nearest_medoid
from askance.selection.space import Features
from askance.strategies.cover import FacilityLocation, KMedoids, MaxHerding, ProbCover, Similar, UncertaintyHerding
from tests.pins import pins

DICE = np.random.default_rng(0)
POINTS = DICE.normal(size=(120, 5))
GRID = DICE.integers(-3, 4, (90, 3)).astype(float)


def likeness(kind: str, width: float, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    if kind == "cosine":
        lengths = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)
        cosine = np.divide(one @ other.T, lengths, out=-np.ones(lengths.shape), where=lengths > 0)
        return (1 + cosine) / 2
    squared = ((one[:, None] - other[None]) ** 2).sum(2)
    if kind == "gauss":
        return np.exp(-squared / width**2)
    return (squared <= width**2).astype(float) if kind == "ball" else np.maximum(width - np.sqrt(squared), 0)


@pins(
    "facility-location",
    "brute force",
    "60 picks, each the best there was",
    "max_S sum_x max_{s in S} (1 + cos(x, s)) / 2",
)
@pins(
    "max-herding",
    "brute force",
    "60 picks, each the best there was",
    "max_S sum_x max_{s in S} exp(-|x - s|^2 / width^2)",
)
@pins(
    "prob-cover", "brute force", "60 picks, each the best there was", "max_S |union of balls of radius delta around S|"
)
@pins("k-medoids", "brute force", "the build: 60 picks, each the best there was", "min_S sum_x min_{s in S} |x - s|")
@pytest.mark.parametrize(("kind", "width"), [("gauss", 1.5), ("ball", 2.0), ("cosine", 1.0), ("near", 9.0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_pick_covers_as_much_as_any_could(kind: str, width: float, weighted: bool) -> None:
    weights = DICE.random(120) if weighted else np.ones(120)
    known, rows = POINTS[:7], torch.arange(20, 120)
    found = greedy_cover(
        torch.from_numpy(POINTS),
        rows,
        60,
        likeness=Likeness(kind, width),
        reference=torch.from_numpy(POINTS),
        known=torch.from_numpy(known),
        weights=torch.from_numpy(weights) if weighted else None,
    )
    pairs = likeness(kind, width, POINTS, POINTS)
    covered, left = pairs[:7].max(0), set(range(20, 120))
    for row, gain in zip(found.rows.tolist(), found.gains.tolist(), strict=True):
        gains = {other: (np.maximum(pairs[other] - covered, 0) * weights).sum() for other in left}
        assert gains[row] >= max(gains.values()) - 1e-5 * max(1.0, max(gains.values()))
        assert gain == pytest.approx(gains[row], abs=1e-4)
        covered = np.maximum(covered, pairs[row])
        left.remove(row)
    assert found.looks < 100 + 60 * 60  # most candidates are not looked at again


@pins("prob-cover", "equivalence", "on whole numbers, the same picks as a plain search, ties included")
def test_balls_on_a_grid_pick_as_a_plain_search_does() -> None:
    points = torch.from_numpy(GRID)
    found = greedy_cover(
        points, torch.arange(90), 40, likeness=Likeness("ball", 1.0), reference=points, known=points[:0]
    )
    pairs, covered, picks = likeness("ball", 1.0, GRID, GRID), np.zeros(90), []
    for _ in range(40):
        gains = [(-1.0 if row in picks else np.maximum(pairs[row] - covered, 0).sum()) for row in range(90)]
        picks.append(int(np.argmax(gains)))
        covered = np.maximum(covered, pairs[picks[-1]])
    assert found.rows.tolist() == picks


@pins("facility-location,max-herding", "law", "greedy reaches at least 1 - 1/e of the best batch, found by trying all")
def test_greedy_is_near_the_best_of_all_batches() -> None:
    points = POINTS[:14]
    for kind, width in (("cosine", 1.0), ("gauss", 1.0)):
        pairs = likeness(kind, width, points, points)
        best = max(pairs[list(batch)].max(0).sum() for batch in combinations(range(14), 3))
        tensor = torch.from_numpy(points)
        found = greedy_cover(
            tensor, torch.arange(14), 3, likeness=Likeness(kind, width), reference=tensor, known=tensor[:0]
        )
        assert (1 - 1 / np.e) * best <= float(found.gains.sum()) <= best + 1e-4


@pins("max-herding", "equivalence", "with a kernel that is a ball it is ProbCover")
def test_herding_with_balls_is_prob_cover() -> None:
    paper = view(embeddings=POINTS, seed=2)
    width = 0.7
    herding = MaxHerding(select=Cover("ball", width=width)).query(paper, 12)
    assert ProbCover(select=PurestBalls(width=width)).query(paper, 12).ids == herding.ids


@pins(
    "uncertainty-herding",
    "equivalence",
    "where all items are as doubtful it is MaxHerding, and doubt draws the batch to it",
    "max_S sum_x u(x) max_{s in S} k(x, s)",
)
def test_uncertainty_herding_weighs_what_is_covered() -> None:
    level = np.full((120, 3), 1 / 3)
    paper = view(embeddings=POINTS, probabilities=level, seed=2)
    assert UncertaintyHerding().query(paper, 12).ids == MaxHerding().query(paper, 12).ids
    doubtful = np.where(np.arange(120)[:, None] < 10, level, np.eye(3)[0])
    picks = UncertaintyHerding().query(view(embeddings=POINTS, probabilities=doubtful), 10).ids
    assert len(set(picks) & set(range(10))) >= 8


@pins("prob-cover", "definition", "the widest balls that are as pure as promised, edges included; purity by counting")
@pytest.mark.parametrize("items", [20, 40, 100])
def test_balls_are_as_pure_as_promised_and_no_wider_ones_are(items: int) -> None:
    for seed in range(5):
        rows = torch.arange(items)
        x = torch.randn(items, 8, generator=torch.Generator().manual_seed(seed))
        ground = Ground(rows, rows[:0], rows, Dice(seed, "ask"), None, Features(x))
        width = PurestBalls()._width(x, ground)
        labels = k_means(x, 10, keys=rows, dice=ground.dice.of("pseudo-labels")).labels

        def pure(width: float, x: Tensor = x, labels: Tensor = labels) -> float:
            inside = Likeness("ball", width).between(x, x) > 0
            return float((~(inside & (labels[:, None] != labels)).any(1)).double().mean())

        assert pure(width) >= 0.95 > pure(width * 1.0001)


@pins("k-medoids", "brute force", "one medoid is the item nearest to all; several cost no more than most batches")
def test_medoids() -> None:
    gaps = np.linalg.norm(POINTS[:, None] - POINTS[None], axis=2)
    assert KMedoids().query(view(embeddings=POINTS), 1).ids == [int(gaps.sum(1).argmin())]
    picks = KMedoids().query(view(embeddings=POINTS), 5).ids
    cost = gaps[picks].min(0).sum()
    others = [gaps[DICE.choice(120, 5, replace=False)].min(0).sum() for _ in range(2000)]
    assert cost <= min(others)


def test_moving_medoids_never_costs_more() -> None:
    points = torch.from_numpy(POINTS)
    paper = view(embeddings=POINTS)
    costs = []
    for iterations in (0, 30):
        rows = torch.tensor(KMedoids(select=Medoids(iterations=iterations)).query(paper, 8).ids)
        costs.append(float(nearest_medoid(points, rows)[1].sum()))
    assert costs[1] <= costs[0]


QUERY = {
    "embeddings": POINTS,
    "labeled_embeddings": POINTS[:9] + 0.01,
    "labels": [0, 0, 0, 0, 1, 1, 1, 2, 2],
    "probabilities": np.full((120, 3), 1 / 3),
}


@pins(
    "similar",
    "brute force",
    "FLQMI, GCMI and conditional gain, every pick the best there was",
    "FLQMI: sum_{q in Q} max_{a in A} s(a, q) + eta sum_{a in A} max_{q in Q} s(a, q)",
)
def test_mutual_information_with_a_query_set() -> None:
    wanted = likeness("cosine", 1.0, POINTS, POINTS[[0, 1, 2, 3]] + 0.01)
    picks = select(Similar(target=(0,), weight=0.5), 10, **QUERY).tolist()
    covered = np.zeros(4)
    for number, row in enumerate(picks):
        gains = np.maximum(wanted - covered, 0).sum(1) + 0.5 * wanted.max(1)
        gains[picks[:number]] = -np.inf
        assert gains[row] >= gains.max() - 1e-5
        covered = np.maximum(covered, wanted[row])
    graph = select(Similar(target=(0,), measure="gcmi"), 10, **QUERY).tolist()
    assert graph == np.argsort(-wanted.sum(1), kind="stable")[:10].tolist()
    apart = select(Similar(avoid=(1, 2), measure="flcg"), 10, **QUERY).tolist()
    pairs = likeness("cosine", 1.0, POINTS, POINTS)
    covered = likeness("cosine", 1.0, POINTS[4:9] + 0.01, POINTS).max(0)
    for number, row in enumerate(apart):
        gains = np.maximum(pairs - covered, 0).sum(1)
        gains[apart[:number]] = -np.inf
        assert gains[row] >= gains.max() - 1e-4
        covered = np.maximum(covered, pairs[row])


@pins(
    "similar",
    "defect",
    "TAILOR's arm tests a row sum that is always 1, so it is always random; ours asks for the rarest",
)
def test_the_query_set_is_the_rarest_class() -> None:
    paper = view(
        embeddings=POINTS,
        labeled=list(range(9)),
        labels=[0, 0, 0, 0, 1, 1, 1, 2, 2],
        task=Classes(("often", "sometimes", "rare")),
    )
    assert Similar().rarest(paper) == ("rare",)
    named = Similar(target=("rare",))
    assert Similar().query(paper, 10).ids == named.query(paper, 10).ids
    assert named.query(paper, 10).ids != Similar(target=("often",)).query(paper, 10).ids


@pins("similar", "equivalence", "avoiding nothing, or without labels, it is facility location")
def test_without_labels_similar_is_facility_location() -> None:
    paper = view(embeddings=POINTS, probabilities=np.full((120, 3), 1 / 3), seed=1)
    ours, theirs = Similar().query(paper, 10), FacilityLocation().query(paper, 10)
    assert [note["utility"] for note in ours.notes] == pytest.approx([note["utility"] for note in theirs.notes])


@pins(
    "max-herding,facility-location,prob-cover",
    "law",
    "what a batch covers, judged by 200 points, is near what it covers of all",
)
def test_a_sample_of_what_is_to_be_covered_is_nearly_as_good() -> None:
    points = np.concatenate([DICE.normal(size=(300, 4)) + 4 * DICE.normal(size=4) for _ in range(5)])
    for kind in ("gauss", "cosine"):
        pairs = likeness(kind, 2.0, points, points)
        whole, part = (
            MaxHerding(select=Cover(kind, width=2.0, reference=count)).select.pick(
                10,
                candidates=torch.arange(1500),
                known=torch.arange(0),
                keys=torch.arange(1500),
                dice=view(embeddings=points).dice,
                space=_features(points),
            )
            for count in (1500, 200)
        )
        covers = [pairs[picked.rows.numpy()].max(0).sum() for picked in (whole, part)]
        assert covers[1] > 0.95 * covers[0]


def _features(points: np.ndarray) -> Features:

    return Features(torch.from_numpy(points))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownName):
        Cover("gaus")
    with pytest.raises(BadInput):
        Likeness("ball", 0.0)
    with pytest.raises(BadInput):
        Cover(reference=0)
    with pytest.raises(BadInput, match="avoids nothing"):
        Similar(measure="flcg")
    with pytest.raises(UnknownName):
        select(Similar(target=(7,)), 1, **QUERY)

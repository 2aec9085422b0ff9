"""Farthest first against its definition, and the law of sampling by squared distance."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor
from torch.nn.functional import one_hot

from askance.errors import BadInput, UnknownName
from askance.kernels import largest_cluster, lazy_spread
from askance.kernels.lazy_spread import Factors
from askance.seeds import Dice
from askance.selection.base import Picked, Selector
from askance.selection.space import Features, Product, Space
from askance.selection.spread import FarthestFirst, KMeansPlusPlus, LargestCluster
from tests.pins import pins

NONE = torch.empty(0, dtype=torch.int64)
POINTS = torch.tensor(
    [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 1.0], [-1.0, -1.0], [2.0, 2.0], [-2.0, 1.0], [0.5, 0.5]]
)


def pick(
    selector: Selector,
    n: int,
    features: Tensor | Space,
    known: Tensor = NONE,
    seed: int = 0,
    weights: Tensor | None = None,
) -> Picked:
    space = Features(features) if isinstance(features, Tensor) else features
    candidates = torch.tensor([row for row in range(len(space)) if row not in known.tolist()])
    dice, keys = Dice(seed, "ask"), torch.arange(len(space))
    return selector.pick(n, candidates=candidates, known=known, keys=keys, dice=dice, space=space, weights=weights)


class Scanned(Features):
    """Points without lazy loops, as on other devices: one pass over the pool per pick."""

    def factors(self) -> Factors | None:
        return None


class ScannedProduct(Product):
    """The same for outer products."""

    def factors(self) -> Factors | None:
        return None


def pool(seed: int, whole: bool, items: int = 90) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Two factors, weights with zeros among them, and both factors of known points outside; maybe whole numbers."""
    dice = torch.Generator().manual_seed(seed)
    left, right = (torch.randn(items, width, generator=dice, dtype=torch.float64) for width in (5, 3))
    weights = (4 * torch.rand(items, generator=dice, dtype=torch.float64) - 1).clamp(min=0)
    if whole:
        left, right, weights = (2 * left).round(), (2 * right).round(), weights.round()
    return left, right, weights, (left[:3] + 1, right[:3] + 1)


def test_farthest_first_from_known_items_follows_the_full_distance_matrix() -> None:
    features = torch.randn(200, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    known = torch.tensor([10, 20, 30])
    apart, centers, radii = torch.cdist(features, features).square(), known.tolist(), []
    for _ in range(40):
        nearest = apart[:, centers].min(1).values
        centers.append(int(nearest.argmax()))
        radii.append(float(nearest.max()))
    picked = pick(FarthestFirst(), 40, features, known)
    assert picked.rows.tolist() == centers[3:]
    assert picked.utility is not None
    assert picked.utility.tolist() == pytest.approx(radii)


def test_farthest_first_on_a_line_by_hand() -> None:
    line = torch.tensor([[0.0], [1.0], [5.0], [9.0], [10.0]])
    picked = pick(FarthestFirst(), 3, line, torch.tensor([0]))
    assert picked.rows.tolist() == [4, 2, 1]  # at 10, then 5 from both ends, then a tie: the lower row
    assert picked.utility is not None
    assert picked.utility.tolist() == [100.0, 25.0, 1.0]


@pytest.mark.parametrize("selector", [FarthestFirst(), KMeansPlusPlus(from_known=True)], ids=str)
def test_known_points_outside_of_the_pool_count_like_known_rows(selector: Selector) -> None:
    known, rows, keys = torch.tensor([0, 3]), torch.tensor([1, 2, 4, 5, 6, 7]), torch.arange(8)
    inside = pick(selector, 6, POINTS, known).rows
    space, nobody = Features(POINTS[rows], outside=POINTS[known]), known[:0]
    outside = selector.pick(
        6, candidates=torch.arange(6), known=nobody, keys=keys[rows], dice=Dice(0, "ask"), space=space
    )
    assert rows[outside.rows].tolist() == inside.tolist()


def test_with_nothing_known_the_first_pick_is_the_longest_or_up_to_noise() -> None:
    longest = pick(FarthestFirst(first="longest"), 1, POINTS)
    assert longest.rows.tolist() == [3]
    assert longest.utility is not None
    assert longest.utility.tolist() == [10.0]
    assert len({pick(FarthestFirst(), 1, POINTS, seed=seed).rows.item() for seed in range(30)}) > 4


@pytest.mark.parametrize("selector", [FarthestFirst(), KMeansPlusPlus()], ids=str)
def test_duplicates_are_picked_last(selector: Selector) -> None:
    features = torch.cat([POINTS[:5], POINTS[:5], POINTS])  # eight distinct points, some of them three times
    rows = pick(selector, 18, features).rows
    assert len(torch.unique(features[rows[:8]], dim=0)) == 8


def test_duplicate_gradients_are_picked_last() -> None:
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(6, 3, generator=generator), torch.randn(6, 4, generator=generator)
    space = Product(left.repeat(3, 1), right.repeat(3, 1))
    rows = torch.arange(18)
    picked = KMeansPlusPlus().pick(18, candidates=rows, known=NONE, keys=rows, dice=Dice(0, "ask"), space=space)
    assert len(set((picked.rows[:6] % 6).tolist())) == 6
    assert picked.utility is not None
    assert (picked.utility[6:] == 0).all()


def law(selector: Selector, known: Tensor, throws: int = 4000) -> Tensor:
    """How often each row was picked first and second, (rows, rows)."""
    counts = torch.zeros(len(POINTS), len(POINTS))
    for seed in range(throws):
        first, second = pick(selector, 2, POINTS, known, seed).rows.tolist()
        counts[first, second] += 1
    return counts


def squared(rows: list[int]) -> Tensor:
    return torch.cdist(POINTS.double(), POINTS[rows].double()).square().min(1).values


def agrees(counts: Tensor, expected: Tensor) -> bool:
    kept = expected > 0
    assert counts[~kept].sum() == 0
    expected = expected[kept] / expected.sum() * counts.sum()
    return bool(chisquare(counts[kept].double(), expected).pvalue > 1e-3)


def test_after_a_uniform_start_the_second_pick_follows_the_squared_distances() -> None:
    counts = law(KMeansPlusPlus(first="noise"), NONE)
    assert agrees(counts.sum(1), torch.ones(8, dtype=torch.float64))
    pairs = torch.stack([squared([first]) / squared([first]).sum() for first in range(8)])
    assert agrees(counts.flatten(), pairs.flatten())


def test_from_known_items_both_picks_follow_the_squared_distances() -> None:
    counts = law(KMeansPlusPlus(from_known=True), torch.tensor([0, 3]))
    start = squared([0, 3])
    after = torch.stack([squared([0, 3, first]) / squared([0, 3, first]).sum() for first in range(8)])
    assert agrees(counts.flatten(), (start[:, None] * after).flatten())


def test_badge_starts_at_the_longest_vector_whatever_is_known() -> None:
    assert pick(KMeansPlusPlus(), 2, POINTS, torch.tensor([3])).rows[0] == 5  # squared length 8; row 3 is known
    counts = law(KMeansPlusPlus(), NONE)
    assert agrees(counts[3], squared([3]))


def test_a_third_pick_runs_on_what_the_second_left() -> None:
    thirds = torch.zeros(8)
    for seed in range(6000):
        first, second, third = pick(KMeansPlusPlus(), 3, POINTS, seed=seed).rows.tolist()
        if (first, second) == (3, 6):
            thirds[third] += 1
    assert agrees(thirds, squared([3, 6]))


def test_an_unknown_start_fails_where_it_is_typed() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'longest'"):
        KMeansPlusPlus(first="long")


def test_a_power_that_is_no_power_is_refused() -> None:
    with pytest.raises(BadInput, match="power is 0"):
        KMeansPlusPlus(power=0)


LAZY: list[Selector] = [
    FarthestFirst(),
    FarthestFirst(first="longest"),
    KMeansPlusPlus(),
    KMeansPlusPlus(first="noise", from_known=True, power=2.0),
    LargestCluster(),
    LargestCluster(first="noise"),
]


@pins(
    "k-center, k-means-plus-plus, badge, lcmd",
    "equivalence",
    "the lazy loops pick, with and without weights and known points, what a full scan of the pool per pick does",
)
@pytest.mark.parametrize("selector", LAZY, ids=str)
@pytest.mark.parametrize("whole", [False, True])  # whole numbers have ties and duplicates
@pytest.mark.parametrize("known", [NONE, torch.arange(12) * 7], ids=["none", "known"])
@pytest.mark.parametrize("beside", [False, True], ids=["", "outside"])
def test_lazy_picks_are_those_of_a_full_scan(selector: Selector, whole: bool, known: Tensor, beside: bool) -> None:
    left, right, weights, points = pool(3, whole)
    outside = points if beside else None
    less = torch.arange(90) % 5  # a column of every row of the left factor, less by one than it says
    pairs: list[tuple[Space, Space]] = [
        (Features(left, points[0] if beside else None), Scanned(left, points[0] if beside else None)),
        (Product(left, right, outside), ScannedProduct(left, right, outside)),
        (Product(left, right, outside, less), ScannedProduct(left - one_hot(less, 5), right, outside)),
    ]
    for lazy, scanned in pairs:
        for weighing in (None, weights, torch.zeros(90)):
            here, there = (pick(selector, 100, space, known, 1, weighing) for space in (lazy, scanned))
            assert here.rows.tolist() == there.rows.tolist()
            assert here.utility is not None and there.utility is not None
            torch.testing.assert_close(here.utility, there.utility)


@pins(
    "k-center",
    "brute force",
    "every pick of float32 features is within 1e-5 of the farthest by float64 distances, after the same picks",
    equation="argmax_x min_c |x - c|^2 over labeled and picked c",
)
@pytest.mark.parametrize("large", [False, True])
def test_each_pick_is_farthest_by_double_precision(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not large:  # many points stay where they are in the pool
        monkeypatch.setattr(lazy_spread, "_TABLE", 0)
    features = torch.randn(2000, 24, generator=torch.Generator().manual_seed(1)) * torch.rand(2000, 1) + 5
    known = torch.arange(150)
    nearest = torch.cdist(features.double(), features[:150].double()).square().min(1).values
    nearest[:150] = -1
    for row in pick(FarthestFirst(), 200, features, known).rows.tolist():
        assert float(nearest[row]) >= float(nearest.max()) * (1 - 1e-5)
        nearest = torch.minimum(nearest, (features.double() - features[row].double()).square().sum(1))
        nearest[row] = -1


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features = torch.randn(500, 9, generator=torch.Generator().manual_seed(2))
    alone = [pick(selector, 60, features, torch.arange(6)).rows.tolist() for selector in LAZY]
    monkeypatch.setattr(lazy_spread, "_SHARE", 100)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert alone == [pick(selector, 60, features, torch.arange(6)).rows.tolist() for selector in LAZY]


def test_weights_by_hand() -> None:
    line, weights = torch.tensor([[0.0], [1.0], [2.0], [4.0], [0.0]]), torch.tensor([1.0, 9.0, 2.0, 0.0, 1.0])
    picked = pick(FarthestFirst(), 4, line, torch.tensor([0]), weights=weights)
    assert picked.rows.tolist() == [1, 2, 4, 3]  # 9, then 2, then a duplicate, then what weighs nothing
    assert picked.utility is not None
    assert picked.utility.tolist() == [9.0, 2.0, 0.0, 0.0]
    assert pick(KMeansPlusPlus(from_known=True), 4, line, torch.tensor([0]), weights=weights).rows[2:].tolist() == [
        4,
        3,
    ]
    assert pick(LargestCluster(), 4, line, torch.tensor([0]), weights=weights).rows.tolist() == [1, 2, 4, 3]


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_with_weights_each_draw_follows_weight_times_squared_distance_to_the_power(power: float) -> None:
    weights = torch.tensor([1.0, 2.0, 0.0, 0.5, 3.0, 1.0, 1.0, 4.0], dtype=torch.float64)
    counts, selector = torch.zeros(8, 8), KMeansPlusPlus(first="noise", power=power)
    for seed in range(1500):
        first, second = pick(selector, 2, POINTS, NONE, seed, weights).rows.tolist()
        counts[first, second] += 1
    start = weights**power
    speeds = torch.stack([(weights * squared([first])) ** power for first in range(8)])
    assert agrees(counts.flatten(), (start[:, None] * speeds / speeds.sum(1, keepdim=True)).flatten())


def by_clusters(vectors: Tensor, known: list[int], n: int, weights: Tensor) -> list[tuple[int, float]]:
    """LCMD from all distances: each pick, and how large its cluster was."""
    chosen, picks = list(known), []
    for _ in range(n):
        near, home = torch.cdist(vectors, vectors[chosen]).square().min(1)
        worth = weights * near
        worth[chosen] = 0
        sums = torch.zeros(len(chosen), dtype=torch.float64).index_add_(0, home, worth)
        row = int(torch.where(home == sums.argmax(), worth, -1).argmax())
        picks.append((row, float(sums.max())))
        chosen.append(row)
    return picks


@pins(
    "lcmd",
    "brute force",
    "picks equal those from the full distance matrix, clusters, sums and members found anew for each",
    equation="the farthest member of the cluster with the largest sum of squared distances",
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("known", [3, 40])
def test_lcmd_takes_the_farthest_member_of_the_largest_cluster(known: int, weighted: bool) -> None:
    left, right, weights, _ = pool(7, False, items=300)
    weights = weights if weighted else torch.ones_like(weights)
    rows = torch.arange(known)
    outer = (left[:, :, None] * right[:, None, :]).flatten(1)
    spaces: list[tuple[Space, Tensor]] = [(Features(left), left), (Product(left, right), outer)]
    for space, vectors in spaces:
        expected = [row for row, _ in by_clusters(vectors, rows.tolist(), 60, weights)]
        assert pick(LargestCluster(), 60, space, rows, weights=weights).rows.tolist() == expected


@pins(
    "lcmd",
    "defect",
    "the size of a cluster is its sum of squared distances; by number of members, a crowd of duplicates would win",
)
def test_a_cluster_is_large_by_its_distances_not_by_its_members() -> None:
    line = torch.tensor([[0.0], [100.0], [0.0], [0.1], [0.0], [103.0]])
    assert pick(LargestCluster(), 1, line, torch.tensor([0, 1])).rows.tolist() == [5]


def test_nearest_points_are_found_in_pieces_as_by_squared_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(largest_cluster, "_PIECE", 1000)
    features = 1e3 + torch.randn(300, 20, generator=torch.Generator().manual_seed(4))  # far from the origin
    factors = Features(features).factors()
    assert factors is not None
    nearest, home = largest_cluster.homes(factors, torch.arange(40, 300), torch.arange(40))
    apart = (features[40:, None].double() - features[:40].double()).square().sum(2)
    assert home.tolist() == apart.argmin(1).tolist()
    torch.testing.assert_close(torch.from_numpy(nearest).double(), apart.min(1).values, rtol=1e-5, atol=0)

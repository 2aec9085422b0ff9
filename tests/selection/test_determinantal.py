"""The law of fixed-size determinantal draws, against all batches there are."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from askance.seeds import Dice
from askance.selection.criteria import conditioned, kernel, representatives
from askance.selection.determinantal import KDpp, eigenvalues_drawn
from askance.selection.space import Features
from tests.pins import pins
from tests.selection.test_volume import pick, posterior_kernel, vectors

THROWS = 1000


def shares(gram: Tensor, size: int, rows: list[int]) -> dict[tuple[int, ...], float]:
    """The chance of every batch: its determinant over the sum of all."""
    found = {batch: float(torch.linalg.det(gram[list(batch)][:, list(batch)])) for batch in combinations(rows, size)}
    total = sum(found.values())
    return {batch: value / total for batch, value in found.items()}


def agrees(counts: dict[tuple[int, ...], int], expected: dict[tuple[int, ...], float]) -> bool:
    likely = [batch for batch, share in expected.items() if share * THROWS >= 5]
    rare = 1 - sum(expected[batch] for batch in likely)
    assert all(expected[batch] > 1e-12 for batch in counts)
    seen = [counts.get(batch, 0) for batch in likely]
    wanted = [expected[batch] * THROWS for batch in likely]
    if rare * THROWS >= 5:
        seen, wanted = [*seen, THROWS - sum(seen)], [*wanted, rare * THROWS]
    scale = sum(seen) / sum(wanted)
    return bool(chisquare(seen, [value * scale for value in wanted]).pvalue > 1e-3)


def drawn(selector: KDpp, size: int, x: Tensor, **options: Tensor) -> dict[tuple[int, ...], int]:
    counts: dict[tuple[int, ...], int] = {}
    for seed in range(THROWS):
        batch = tuple(sorted(pick(selector, size, Features(x), seed=seed, **options).rows.tolist()))
        counts[batch] = counts.get(batch, 0) + 1
    return counts


@pins(
    "k-dpp",
    "law",
    "how often each batch of 3 of 8 is drawn, by chi-square, with fewer and with more features than items",
    equation="P(Y) = det(L_Y) / sum over |Y'| = n of det(L_Y')",
)
@pytest.mark.parametrize("width", [4, 24])
def test_batches_come_as_often_as_their_determinants_say(width: int) -> None:
    x = vectors(8, width, seed=1, kind=torch.float32)
    assert agrees(drawn(KDpp(), 3, x), shares(x.double() @ x.double().T, 3, list(range(8))))


@pins("k-dpp", "law", "with known items the law is that of the posterior covariance")
def test_known_items_are_conditioned_on() -> None:
    x, known = vectors(8, 4, seed=2), torch.tensor([1, 5])
    noise = 0.25 * float(x[known].square().sum(1).mean())
    expected = shares(posterior_kernel(x, known, noise), 2, [0, 2, 3, 4, 6, 7])
    counts = drawn(KDpp(noise=0.5), 2, x, known=known)
    assert agrees(counts, expected)
    assert not agrees(counts, shares(x @ x.T, 2, [0, 2, 3, 4, 6, 7]))


@pins("k-dpp", "law", "a batch of one is drawn in proportion to its squared length, times its weight")
def test_one_item_is_drawn_by_its_length_and_weight() -> None:
    x = vectors(8, 3, seed=3)
    weights = torch.arange(8, dtype=torch.float64)
    expected = weights * x.square().sum(1)
    total = float(expected.sum())
    assert agrees(drawn(KDpp(), 1, x, weights=weights), {(row,): float(expected[row]) / total for row in range(1, 8)})


@pins("k-dpp", "law", "which eigenvectors span a draw: sets in proportion to the product of their eigenvalues")
def test_eigenvectors_are_drawn_by_their_product() -> None:
    values = torch.tensor([5.0, 2.0, 1.0, 0.5, 1e-9], dtype=torch.float64)
    counts: dict[tuple[int, ...], int] = {}
    for seed in range(THROWS):
        toss = Dice(seed, "ask").uniform(torch.arange(5))
        batch = tuple(sorted(eigenvalues_drawn(values, 2, toss).tolist()))
        counts[batch] = counts.get(batch, 0) + 1
    assert agrees(counts, shares(values.diag(), 2, list(range(5))))


@pins(
    "k-dpp", "defect", "elementary symmetric polynomials of large or small eigenvalues overflow where no logs are taken"
)
def test_elementary_symmetric_polynomials_do_not_overflow() -> None:
    values = torch.logspace(300, -300, 400, dtype=torch.float64)
    chosen = eigenvalues_drawn(values, 200, torch.full((400,), 0.5))
    assert len(chosen) == 200 and set(chosen.tolist()) == set(range(200))


@pins("k-dpp", "defect", "copies are never drawn together, and a rank below n fills the batch: libraries divide by 0")
def test_copies_never_come_together_until_nothing_else_is_left() -> None:
    x = vectors(5, 5, seed=4, kind=torch.float32)
    for seed in range(40):
        rows = pick(KDpp(), 15, Features(x.repeat(3, 1)), seed=seed).rows
        assert sorted(rows.tolist()) == list(range(15))
        for start in (0, 5, 10):
            assert len(set((rows[start : start + 5] % 5).tolist())) == 5


@pytest.mark.parametrize("selector", [KDpp(), KDpp(most_likely=True), KDpp(conditional=False)], ids=str)
def test_zeros_and_more_than_the_rank_still_make_full_batches(selector: KDpp) -> None:
    for x in (torch.zeros(9, 3), torch.ones(9, 3), torch.eye(3).repeat(3, 1)):
        picked = pick(selector, 7, Features(x), known=torch.tensor([0]))
        assert len(set(picked.rows.tolist()) - {0}) == 7
        assert picked.utility is not None and bool(picked.utility.isfinite().all())


@pins("k-dpp", "brute force", "the greedy likeliest batch takes the largest determinant at every step")
@pytest.mark.parametrize("known", [0, 6])
def test_the_likeliest_batch_is_greedy_on_the_determinant(known: int) -> None:
    x, told = vectors(40, 8, seed=6), torch.arange(known)
    noise = 1e-6 * float((x[told] if known else x).square().sum(1).mean())
    gram = posterior_kernel(x, told, noise)
    inside: list[int] = []
    picked = pick(KDpp(most_likely=True), 6, Features(x), told)
    assert picked.utility is not None
    size = 1.0
    for row, share in zip(picked.rows.tolist(), picked.utility.tolist(), strict=True):
        open_ = [other for other in range(known, 40) if other not in inside]
        sizes = {other: float(torch.linalg.det(gram[[*inside, other]][:, [*inside, other]])) for other in open_}
        assert sizes[row] == pytest.approx(max(sizes.values()), rel=1e-5)
        assert share == pytest.approx(sizes[row] / size / float(gram[row, row]), rel=1e-4)
        inside.append(row)
        size = sizes[row]


@pins("k-dpp", "definition", "another order of the pool draws the same items, as every item has its own clock")
def test_the_order_of_the_pool_does_not_matter() -> None:
    x = vectors(200, 9, seed=7, kind=torch.float32)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    rows = torch.arange(200)
    for seed in range(5):
        here = pick(KDpp(), 8, Features(x), seed=seed).rows
        there = KDpp().pick(
            8, candidates=rows, known=rows[:0], keys=order, dice=Dice(seed, "ask"), space=Features(x[order])
        )
        assert order[there.rows].tolist() == here.tolist()


@pins("k-dpp", "definition", "the speeds of the first pass in float32 are bounds, so the law is that of float64")
def test_features_of_another_scale_are_drawn_alike() -> None:
    x = vectors(100, 6, seed=8, kind=torch.float32)
    for scale in (2.0**-40, 2.0**40):
        assert pick(KDpp(), 5, Features(x * scale)).rows.tolist() == pick(KDpp(), 5, Features(x)).rows.tolist()


@pins(
    "multi-criteria-dpp",
    "definition",
    "the kernel and its condition on known items and on the hardest item, by hand",
    equation="L_ij = g_i S_ij g_j, g = exp(z(doubt) + z(typicality)), S a Gaussian given the known items",
)
def test_the_kernel_of_several_criteria_by_hand() -> None:
    points = torch.tensor([[0.0], [1.0], [3.0]])
    doubts = torch.tensor([0.0, 1.0, 2.0])
    matrix = kernel(points, torch.tensor([1, 1, 2]), doubts, points[:0], 1.0, 0.5)
    apart = torch.tensor([[0.0, 1.0, 9.0], [1.0, 0.0, 4.0], [9.0, 4.0, 0.0]], dtype=torch.float64)
    alike = (-apart / 8).exp()  # the median distance is 2
    typical = alike @ torch.tensor([0.25, 0.25, 0.5], dtype=torch.float64)
    quality = (_z(doubts.double()) + 0.5 * _z(typical)).exp()
    assert torch.allclose(matrix, quality[:, None] * alike * quality)
    given = kernel(points, torch.tensor([1, 1, 2]), doubts, points[1:2], 0.0, 0.0)
    expected = alike - alike[:, 1:2] @ alike[1:2] / (1 + 1e-6)
    assert torch.allclose(given, expected)
    half = conditioned(matrix)
    assert torch.allclose(half @ half.T, matrix - torch.outer(matrix[0], matrix[0]) / matrix[0, 0], atol=1e-12)


def _z(values: Tensor) -> Tensor:
    return (values - values.mean()) / values.std(correction=0)


@pins("multi-criteria-dpp", "definition", "every cluster gives the candidate nearest to its center, the hardest first")
def test_each_cluster_gives_the_item_nearest_to_its_center() -> None:
    line = torch.tensor([[0.0], [0.1], [0.3], [5.0], [9.0], [9.1], [9.3]])
    rows, sizes = representatives(
        line, 1, 3, candidates=torch.arange(7), first=torch.tensor(6), keys=torch.arange(7), dice=Dice(0, "ask")
    )
    assert rows.tolist()[0] == 6 and set(rows.tolist()) == {6, 1, 3}
    assert dict(zip(rows.tolist(), sizes.tolist(), strict=True)) == {6: 3, 1: 3, 3: 1}
    same, _ = representatives(
        torch.ones(7, 1),
        5,
        3,
        candidates=torch.arange(7),
        first=torch.tensor(2),
        keys=torch.arange(7),
        dice=Dice(0, "ask"),
    )
    assert same[0] == 2 and len(set(same.tolist())) == len(same) >= 5


def test_the_default_conditions_and_can_be_told_not_to() -> None:
    x, known = vectors(30, 4, seed=9), torch.arange(10)
    free = [pick(replace(KDpp(), conditional=False), 3, Features(x), known, seed=seed).rows.tolist() for seed in (0, 1)]
    bound = [pick(KDpp(), 3, Features(x), known, seed=seed).rows.tolist() for seed in (0, 1)]
    assert free != bound

"""Nearest points against all distances, and the compiled loops against their plain twins."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from askance.kernels import nearest
from askance.kernels.nearest import Compiled, Plain, neighbors


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def tight() -> Tensor:
    """Two heaps of 50 that are so narrow that products of float32 tell no two items of one apart."""
    return torch.cat([1 + 1e-4 * normal(50, 16), -1 + 1e-4 * normal(50, 16, seed=1)]).float()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("twin", [Plain, Compiled])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_neighbors_are_those_of_all_distances(
    monkeypatch: pytest.MonkeyPatch, twin: type[Plain], dtype: torch.dtype, offset: float
) -> None:
    monkeypatch.setattr(nearest, "loops", lambda array: twin)
    monkeypatch.setattr(nearest, "_PIECE", 1500)  # several pieces
    queries, points = (normal(200, 6) + offset).to(dtype), (normal(50, 6, seed=1) + offset).to(dtype)
    places, gaps = neighbors(queries, points, 7)
    apart = torch.cdist(queries.double(), points.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
    expected = apart.sort(dim=1)
    assert torch.equal(places, expected.indices[:, :7])
    torch.testing.assert_close(gaps.double(), expected.values[:, :7], rtol=1e-5, atol=0)


@pytest.mark.parametrize("twin", [Plain, Compiled])
def test_duplicates_are_at_zero_and_ties_go_to_the_lower_place(
    monkeypatch: pytest.MonkeyPatch, twin: type[Plain]
) -> None:
    monkeypatch.setattr(nearest, "loops", lambda array: twin)
    points = torch.tensor([[2.0], [1.0], [2.0], [0.0], [2.0]])
    places, gaps = neighbors(torch.tensor([[2.0], [0.5]]), points, 3)
    assert places.tolist() == [[0, 2, 4], [1, 3, 0]]
    assert gaps.tolist() == [[0.0, 0.0, 0.0], [0.25, 0.25, 2.25]]


@pytest.mark.parametrize("twin", [Plain, Compiled])
@pytest.mark.parametrize("count", [1, 12])
def test_the_nearest_is_found_among_many_that_rounding_cannot_tell_apart(
    monkeypatch: pytest.MonkeyPatch, twin: type[Plain], count: int
) -> None:
    monkeypatch.setattr(nearest, "loops", lambda array: twin)
    points = tight()
    places, gaps = neighbors(points, points, count)
    apart = torch.cdist(points.double(), points.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
    expected = apart.sort(dim=1)
    assert torch.equal(places, expected.indices[:, :count]) and torch.equal(places[:, 0], torch.arange(100))
    torch.testing.assert_close(gaps.double(), expected.values[:, :count], rtol=1e-5, atol=0)


@pytest.mark.parametrize("twin", [Plain, Compiled])
def test_of_many_copies_the_first_ones_come_first(monkeypatch: pytest.MonkeyPatch, twin: type[Plain]) -> None:
    monkeypatch.setattr(nearest, "loops", lambda array: twin)
    places, gaps = neighbors(torch.tensor([[1.0, 0.0]]), torch.tensor([[5.0, 5.0]] + [[1.0, 0.0]] * 30), 2)
    assert places.tolist() == [[1, 2]] and gaps.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("twin", [Plain, Compiled])
def test_what_no_distance_can_be_taken_to_stays_a_place_among_the_points(
    monkeypatch: pytest.MonkeyPatch, twin: type[Plain]
) -> None:
    monkeypatch.setattr(nearest, "loops", lambda array: twin)
    places, _ = neighbors(torch.tensor([[1e30], [torch.nan], [0.0]]), torch.tensor([[1e30], [-1e30], [2.0]]), 2)
    assert bool(((places >= 0) & (places < 3)).all())


def test_more_neighbors_than_points_are_all_of_them() -> None:
    assert neighbors(normal(3, 2), normal(2, 2, seed=1), 9)[0].shape == (3, 2)


def test_the_twins_measure_and_move_alike() -> None:
    features, rows = normal(30, 5), torch.arange(0, 30, 2)
    shift, points, labels = normal(5, seed=1), normal(4, 5, seed=2), rows % 4
    torch.testing.assert_close(
        Compiled.gaps(features, rows, shift, points, labels), Plain.gaps(features, rows, shift, points, labels)
    )
    weights, before = torch.arange(15).double(), (rows + 1) % 4 - 1
    sums = [torch.ones(4, 5, dtype=torch.float64) for _ in range(2)]
    for twin, out in zip((Compiled, Plain), sums, strict=True):
        twin.gather(features, rows, shift, weights, before, labels, out)
    torch.testing.assert_close(*sums)


@pytest.mark.parametrize("groups", [1, 3, 10])
def test_settled_rows_are_at_their_nearest_point_however_far_the_points_moved(groups: int) -> None:
    features, rows, shift = normal(150, 3), torch.arange(150), torch.zeros(3, dtype=torch.float64)
    points, width = normal(10, 3, seed=1), -(-10 // groups)
    apart = torch.cdist(features, points)
    labels, within = apart.argmin(1), apart.amin(1)
    apart.scatter_(1, labels[:, None], torch.inf)
    padded = torch.nn.functional.pad(apart, (0, groups * width - 10), value=torch.inf)
    beyond = padded.view(150, groups, width).amin(2).contiguous()
    for number in range(12):
        moved = points + 0.3**number * normal(10, 3, seed=number + 2)
        drift, close = (moved - points).norm(dim=1), torch.cdist(moved, moved).fill_diagonal_(torch.inf).amin(1) / 2
        points = moved
        Compiled.settle(features, rows, shift, points, drift, close, labels, within, beyond)
        apart = torch.cdist(features, points)
        assert torch.equal(labels, apart.argmin(1))
        assert (within >= apart.amin(1)).all()
        plain = labels.clone() * 0
        Plain.settle(features, rows, shift, points, drift, close, plain, within, beyond)
        assert torch.equal(labels, plain)

"""The compiled loops against plain torch, and both against definitions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from askance.kernels.distances import Compiled, Plain, loops, ready, typicality

TWINS = [Plain, Compiled]
TYPES = [torch.float32, torch.float64]


def cloud(items: int, width: int, kind: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(items, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(kind)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("twin", TWINS)
def test_approach_keeps_the_smallest_squared_distance_to_any_of_the_rows(twin: type[Plain], kind: torch.dtype) -> None:
    array, rows = cloud(53, 7, kind), torch.tensor([4, 20, 50])
    nearest = torch.full((53,), torch.inf, dtype=kind)
    twin.approach(array, array[rows], nearest)
    apart = array.double()[:, None] - array.double()[rows]
    torch.testing.assert_close(nearest, apart.square().sum(2).min(1).values.to(kind))
    assert (nearest[rows] == 0).all()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("twin", TWINS)
def test_approach_product_equals_explicit_outer_products(twin: type[Plain], kind: torch.dtype) -> None:
    left, right, rows = cloud(41, 3, kind, 1), cloud(41, 5, kind, 2), torch.tensor([0, 17])
    nearest = torch.full((41,), torch.inf, dtype=kind)
    lengths = left.square().sum(1), right.square().sum(1)
    twin.approach_product(left, right, *lengths, (left[rows], right[rows], *(own[rows] for own in lengths)), nearest)
    outer = (left.double()[:, :, None] * right.double()[:, None, :]).flatten(1)
    expected = (outer[:, None] - outer[rows]).square().sum(2).min(1).values
    torch.testing.assert_close(nearest, expected.to(kind), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("twin", TWINS)
def test_a_duplicate_far_from_the_origin_is_at_distance_exactly_zero(twin: type[Plain]) -> None:
    array = cloud(1, 33).repeat(9, 1) * 1e3
    nearest = torch.full((9,), torch.inf)
    twin.approach(array, array[2:3], nearest)
    assert nearest.tolist() == [0.0] * 9
    norms = twin.squared_norms(array)
    nearest.fill_(torch.inf)
    twin.approach_product(array, array, norms, norms, (array[2:3], array[2:3], norms[2:3], norms[2:3]), nearest)
    assert nearest.tolist() == [0.0] * 9


@pytest.mark.parametrize("twin", TWINS)
def test_settled_entries_stay_and_nan_never_counts_as_near(twin: type[Plain]) -> None:
    array = torch.tensor([[0.0], [1.0], [float("nan")], [2.0]])
    nearest = torch.tensor([-1.0, torch.inf, torch.inf, 0.0])
    twin.approach(array, array[:1], nearest)
    assert nearest.tolist() == [-1.0, 1.0, torch.inf, 0.0]


@pytest.mark.parametrize("twin", TWINS)
def test_squared_norms_are_sums_of_squares(twin: type[Plain]) -> None:
    assert twin.squared_norms(torch.tensor([[3.0, 4.0], [0.0, 0.5]])).tolist() == [25.0, 0.25]


@pytest.mark.parametrize("twin", TWINS)
def test_the_clock_with_the_least_time_rings_and_the_others_run_down_meanwhile(twin: type[Plain]) -> None:
    clocks = torch.tensor([1.0, 4.0, 0.1, 3.0], dtype=torch.float64)
    assert twin.ring(clocks, torch.tensor([1.0, 8.0, 0.0, 2.0])) == 1  # times 1, 0.5, never, 1.5
    assert clocks.tolist() == [0.5, 0.0, 0.1, 2.0]


@pytest.mark.parametrize("twin", TWINS)
def test_no_clock_rings_when_all_stand_still(twin: type[Plain]) -> None:
    clocks = torch.ones(3, dtype=torch.float64)
    assert twin.ring(clocks, torch.tensor([0.0, -1.0, 0.0])) == -1
    assert clocks.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("most", [1, 4, 1000])
@pytest.mark.parametrize("twin", TWINS)
def test_neighbor_distances_equal_a_sorted_distance_matrix(twin: type[Plain], most: int) -> None:
    features, rows, members = cloud(60, 6), torch.tensor([3, 59, 10]), torch.arange(10, 60)
    apart = torch.cdist(features[rows].double(), features[members].double())
    apart[rows[:, None] == members] = torch.inf
    expected = apart.sort(1).values[:, : min(most, 25)].mean(1)
    torch.testing.assert_close(twin.neighbor_distances(features, rows, members, most), expected.float())


def test_typicality_is_the_inverse_distance_and_zero_for_an_item_alone() -> None:
    line = torch.tensor([[0.0], [4.0], [100.0]], dtype=torch.float64)
    near, alone = torch.tensor([0, 1]), torch.tensor([2])
    assert typicality(line, near, near, 20).tolist() == pytest.approx([0.25, 0.25], rel=1e-5)
    assert typicality(line, alone, alone, 20).tolist() == [0.0]


def test_contiguous_floats_are_used_in_place_and_all_else_is_converted() -> None:
    array = cloud(4, 3)
    assert ready(array).data_ptr() == array.data_ptr()
    assert ready(array.half()).dtype == torch.float32
    assert ready(array.T).is_contiguous()
    assert loops(array) is Compiled
    assert loops(array.to("meta")) is Plain

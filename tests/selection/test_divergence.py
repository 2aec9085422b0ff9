"""The geometry of beliefs against its definition."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import entropy

from askance.selection.divergence import Divergence


def shares(items: int, classes: int = 4, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(items, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (3 * noise).softmax(1)


def test_it_is_the_mean_of_both_divergences() -> None:
    space = Divergence(shares(20))
    for row in (0, 7):
        found = space.distances(row)
        for other in range(20):
            p, q = space.array[row].numpy(), space.array[other].numpy()
            assert float(found[other]) == pytest.approx((entropy(p, q) + entropy(q, p)) / 2, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_many_rows_at_once_give_the_nearest_of_them_and_duplicates_exactly_zero(dtype: torch.dtype) -> None:
    array = shares(300).to(dtype)
    array[50:60] = array[:10]
    one, many = Divergence(array).filled(torch.inf), Divergence(array).nearest(torch.arange(40))
    for row in range(40):
        one = torch.minimum(one, Divergence(array).distances(row))
    torch.testing.assert_close(many, one, rtol=1e-4, atol=1e-6)
    assert (many[:60][torch.cat([torch.arange(40), torch.arange(50, 60)])] == 0).all()


def test_settled_entries_stay_and_known_points_outside_count() -> None:
    array = shares(10)
    space = Divergence(array, outside=array[3:5])
    nearest = space.filled(torch.inf)
    nearest[0] = -1
    assert space.approach_known(torch.tensor([1]), nearest)
    assert nearest[0] == -1
    assert nearest[[1, 3, 4]].tolist() == [0, 0, 0]
    assert Divergence(torch.tensor([[1.0, 0.0], [0.0, 1.0]])).distances(0).isfinite().all()

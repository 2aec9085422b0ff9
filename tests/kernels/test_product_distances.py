"""The lazy race against looking at every pair."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from askance import BadInput
from askance.kernels.product_distances import Race


def race(x: Tensor, y: Tensor, *, inputs: bool = True, outputs: bool = True, first: int = 0) -> Race:
    noise = torch.rand(len(x), generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    rows = torch.arange(first, len(x))
    return Race(x, y, inputs=inputs, outputs=outputs, candidates=rows, noise=noise)


def by_every_pair(given: Race, points: np.ndarray) -> int:
    """The place that wins by distance, then by features, then by noise."""

    def gaps(array: np.ndarray) -> np.ndarray:
        apart = array[given.candidates][:, None].astype(np.float64) - array[points]
        return np.asarray((apart**2).sum(2))

    near = np.ones((len(given.candidates), len(points)))
    near = near * (gaps(given.features) if given.inputs else 1) * (gaps(given.numbers) if given.outputs else 1)
    keys = zip(near.min(1), gaps(given.features).min(1), -given.noise, given.open, range(len(near)), strict=True)
    return max((key[:3], place) for *key, open_, place in keys if open_)[1]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("inputs", "outputs"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("whole", [False, True])  # whole numbers have many ties
def test_the_winner_is_the_one_of_looking_at_every_pair(seed: int, inputs: bool, outputs: bool, whole: bool) -> None:
    dice = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(60, width, generator=dice, dtype=torch.float64) for width in (5, 2))
    given = race(*((x.round(), y.round()) if whole else (x, y)), inputs=inputs, outputs=outputs, first=6)
    points = np.arange(6)
    for _ in range(40):
        place, _ = given.farthest(points)
        assert place == by_every_pair(given, points)
        points = np.append(points, given.take(place))


def test_the_distance_is_the_product_of_both() -> None:
    x, y = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[1.0], [3.0]])
    assert race(x, y, first=1).farthest(np.array([0])) == (0, 10.0)
    assert race(x, y, first=1, outputs=False).farthest(np.array([0])) == (0, 5.0)
    assert race(x, y, first=1, inputs=False).farthest(np.array([0])) == (0, 2.0)


def test_the_central_one_is_nearest_to_the_mean_and_ties_go_by_noise() -> None:
    assert race(torch.tensor([[0.0], [1.0], [5.0]]), torch.zeros(3, 1)).central() == 1
    same = race(torch.ones(7, 2), torch.zeros(7, 1))
    assert same.central() == int(same.noise.argmin()) == same.farthest(np.array([0]))[0]


@pytest.mark.parametrize("far", [1e30, float("nan")])
def test_a_distance_that_is_no_number_is_refused(far: float) -> None:
    x = torch.tensor([[0.0], [1.0], [far]])
    with pytest.raises(BadInput, match="distance of row 2 .* scale the features down"):
        race(x, torch.arange(3.0).unsqueeze(1)).farthest(np.array([0]))


@pytest.mark.parametrize("kind", [torch.float16, torch.float32, torch.float64])
def test_features_of_any_width_of_number_are_taken_and_not_changed(kind: torch.dtype) -> None:
    x = torch.arange(6.0).reshape(3, 2).to(kind)
    kept = x.clone()
    given = race(x, x[:, :1])
    assert given.farthest(np.array([0]))[0] == 2 and torch.equal(x, kept)

"""Frank and Wolfe's batches against plain code."""

from __future__ import annotations

import torch

from askance.selection.herding import FrankWolfe
from askance.selection.space import Features
from tests.pins import pins
from tests.selection.test_volume import pick, vectors


@pins(
    "frank-wolfe",
    "definition",
    "picks, agreements and line search of plain float64 code",
    equation="f = argmax_x <x / |x|, t - c>; c += g (S f / |f| - c), g the minimum of |t - c| on the way, S = sum |x|",
)
def test_frank_wolfe_is_its_definition() -> None:
    for kind in (torch.float32, torch.float64):
        x = vectors(60, 6, kind=kind) + 0.5
        picked = pick(FrankWolfe(), 20, Features(x))
        exact = x.double()
        lengths = exact.norm(dim=1)
        target, current, inside = exact.sum(0), torch.zeros(6, dtype=torch.float64), list[int]()
        errors = [float(target.norm())]
        assert picked.utility is not None
        for row, value in zip(picked.rows.tolist(), picked.utility.tolist(), strict=True):
            scores = exact @ (target - current) / lengths
            scores[inside] = -torch.inf
            assert row == int(scores.argmax())
            assert abs(value - float(scores[row])) < 1e-6 * errors[0]
            corner = exact[row] / lengths[row] * lengths.sum()
            steps = torch.linspace(0, 1, 20001, dtype=torch.float64).unsqueeze(1)
            ways = (target - (1 - steps) * current - steps * corner).norm(dim=1)
            edge = corner - current
            step = ((edge @ (target - current)) / (edge @ edge)).clamp(0, 1)
            current = current + step * edge
            errors.append(float((target - current).norm()))
            assert errors[-1] <= float(ways.min()) + 1e-9  # exact line search beats a fine grid
            inside.append(row)
        assert errors[-1] < errors[0] / 4


@pins("frank-wolfe", "definition", "an importance weight is a factor of quality: sqrt(w) times the features")
def test_a_weight_scales_the_features() -> None:
    x = vectors(50, 5) + 0.3
    weights = torch.rand(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights[3] = 0
    here = pick(FrankWolfe(), 50, Features(x), weights=weights).rows.tolist()
    assert here == pick(FrankWolfe(), 50, Features(x * weights.sqrt().unsqueeze(1))).rows.tolist()
    assert here[-1] == 3  # no weight, no direction: last


@pins("frank-wolfe", "defect", "the same item is not picked twice, which would leave the batch short")
def test_a_batch_is_full_where_one_item_would_win_again_and_again() -> None:
    x = torch.tensor([[10.0, 0.0], [0.0, 0.1], [0.1, 0.1]])
    assert sorted(pick(FrankWolfe(), 3, Features(x)).rows.tolist()) == [0, 1, 2]
    assert sorted(pick(FrankWolfe(), 3, Features(torch.zeros(3, 2))).rows.tolist()) == [0, 1, 2]

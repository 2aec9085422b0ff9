"""Frank and Wolfe's batches against plain code."""

from __future__ import annotations

import torch

from askance.seeds import Dice
from askance.selection.base import Ground
from askance.selection.herding import FrankWolfe, log_likelihoods
from askance.selection.posterior import Points, Posterior
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


@pins("frank-wolfe", "equivalence", "log likelihoods average, over draws of the weights, to log(1 + v / s) / 2 - v / s")
def test_projections_are_log_likelihoods_at_draws_of_the_weights() -> None:
    x, known = vectors(20, 4), torch.arange(6)
    ground = Ground(torch.arange(6, 20), known, torch.arange(20), Dice(0, "ask"), None, Features(x))
    points = Points(ground, "Test")
    posterior = Posterior(points, 0.5)
    draws = vectors(40_000, 4, seed=1) @ posterior.root()
    found = log_likelihoods(points, posterior, draws, 0.5)
    spread = (x[6:] @ posterior.covariance() * x[6:]).sum(1)
    assert torch.allclose(found.double().mean(1), (spread / 0.5).log1p() / 2 - spread / 0.5, atol=0.03)
    one = (spread / 0.5).log1p() / 2 - ((x[6:] @ draws[0]) ** 2 + spread) / 1.0
    assert torch.allclose(found[:, 0].double(), one, atol=1e-5)


def test_projections_know_what_is_labeled_and_take_weights() -> None:
    x, known = vectors(40, 5), torch.arange(10)
    asked = FrankWolfe(projections=12, noise=0.3)
    picked = pick(asked, 6, Features(x), known)
    assert len(set(picked.rows.tolist())) == 6 and min(picked.rows.tolist()) >= 10
    beyond = pick(asked, 6, Features(x[10:], outside=x[:10]))
    assert [row + 10 for row in beyond.rows.tolist()] == picked.rows.tolist()
    weights = torch.ones(40)
    weights[picked.rows[0]] = 0
    assert int(picked.rows[0]) not in pick(asked, 6, Features(x), known, weights=weights).rows.tolist()

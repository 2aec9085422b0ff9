"""Greedy rules of optimal design against dense linear algebra in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels import volume as kernels
from askance.seeds import Dice
from askance.selection import volume
from askance.selection.base import Picked, Selector
from askance.selection.determinantal import KDpp
from askance.selection.posterior import Points, Posterior, Scaled, lengths, moment
from askance.selection.space import Features, Product, Space
from askance.selection.volume import LargestVolume, LeastVariance
from tests.pins import pins

NONE = torch.empty(0, dtype=torch.int64)


def vectors(items: int, width: int, seed: int = 0, kind: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(items, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(kind)


def pick(
    selector: Selector, n: int, space: Space, known: Tensor = NONE, weights: Tensor | None = None, seed: int = 0
) -> Picked:
    open_ = torch.ones(len(space), dtype=torch.bool)
    open_[known] = False
    return selector.pick(
        n,
        candidates=open_.nonzero().flatten(),
        known=known,
        keys=torch.arange(len(space)),
        dice=Dice(seed, "ask"),
        space=space,
        weights=weights,
    )


def posterior_kernel(x: Tensor, known: Tensor, noise: float) -> Tensor:
    """The kernel form: k(x, y) - k(x, L) (K + s I)^-1 k(L, y)."""
    gram = x @ x.T
    if not len(known):
        return gram
    inner = gram[known][:, known] + noise * torch.eye(len(known), dtype=x.dtype)
    return gram - gram[:, known] @ torch.linalg.solve(inner, gram[known])


def noise_of(x: Tensor, known: Tensor, share: float) -> float:
    shown = x[known] if len(known) else x
    return share**2 * float(shown.square().sum(1).mean())


@pins(
    "max-det",
    "brute force",
    "each pick's gain in log det of the posterior kernel matrix is the best there is, with and without known items",
    equation="x_k = argmax_x log det(K_post[S + x] + s I), K_post = K - K_L' (K_LL + s I)^-1 K_L",
)
@pytest.mark.parametrize("known", [0, 3, 12])
@pytest.mark.parametrize("share", [1e-3, 0.3])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_max_det_is_greedy_log_det(known: int, share: float, kind: torch.dtype) -> None:
    x, told = vectors(60, 7, kind=kind), torch.arange(known)
    picked = pick(LargestVolume(noise=share), 15, Features(x), told)
    exact = x.double()
    noise = noise_of(exact, told, share)
    gram = posterior_kernel(exact, told, noise)
    inside: list[int] = []
    assert picked.utility is not None
    for row, gain in zip(picked.rows.tolist(), picked.utility.tolist(), strict=True):
        open_ = [other for other in range(known, 60) if other not in inside]
        gains = {other: _log_det(gram, [*inside, other], noise) - _log_det(gram, inside, noise) for other in open_}
        assert gains[row] == pytest.approx(max(gains.values()), rel=1e-5)
        assert gain == pytest.approx(gains[row] / 2, rel=1e-4, abs=1e-9)
        inside.append(row)


def _log_det(gram: Tensor, rows: list[int], noise: float) -> float:
    inner = gram[rows][:, rows] / noise + torch.eye(len(rows), dtype=gram.dtype)
    return float(torch.linalg.slogdet(inner).logabsdet)


@pins("max-det", "equivalence", "on whole numbers the picks are those of greedy BatchBALD of a Gaussian process")
def test_max_det_is_batchbald_of_a_gaussian_process() -> None:
    dice = torch.Generator().manual_seed(5)
    x = torch.randint(-4, 5, (80, 6), generator=dice).double() + torch.arange(80).unsqueeze(1).double() / 8
    noise = noise_of(x, NONE, 0.1)
    entropies = []
    inside: list[int] = []
    for _ in range(12):  # I(y_S; model) = H(y_S) - H(y_S | model), both Gaussian
        entropies = [
            float(torch.distributions.MultivariateNormal(torch.zeros(len(s)), _joint(x, s, noise)).entropy())
            if row not in inside
            else -torch.inf
            for row in range(80)
            if (s := [*inside, row])
        ]
        inside.append(int(torch.tensor(entropies).argmax()))
    assert pick(LargestVolume(noise=0.1), 12, Features(x)).rows.tolist() == inside


def _joint(x: Tensor, rows: list[int], noise: float) -> Tensor:
    distinct = len(set(rows)) == len(rows)
    return (x[rows] @ x[rows].T + noise * torch.eye(len(rows), dtype=x.dtype)).float() if distinct else torch.eye(1)


@pins("max-det", "definition", "the lazy heap, the sweeps past as many picks as features, and the plain twin agree")
@pytest.mark.parametrize("patience", [0, 1, 1000])
@pytest.mark.parametrize("known", [0, 30])
def test_lazy_and_plain_variances_give_the_same_picks(
    known: int, patience: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, told = Features(vectors(300, 12, kind=torch.float32)), torch.arange(known)
    monkeypatch.setattr(kernels, "_PATIENCE", patience)
    lazy = pick(LargestVolume(bias=True), 60, space, told)
    monkeypatch.setattr(volume, "variances", kernels.Variances)
    plain = pick(LargestVolume(bias=True), 60, space, told)
    assert lazy.rows.tolist() == plain.rows.tolist()
    assert lazy.utility is not None and plain.utility is not None
    assert torch.allclose(lazy.utility, plain.utility, rtol=1e-6)


@pins(
    "max-det", "defect", "known items that are in the posterior are not added once more, as bmdal-reg's TP mode would"
)
def test_known_items_enter_once() -> None:
    x = torch.tensor([[2.0, 0.0], [1.2, 0.0], [0.0, 1.0]], dtype=torch.float64)
    picked = pick(LargestVolume(noise=1.0), 2, Features(x), torch.tensor([0]))
    # s = 4; row 0 known once leaves variance 1.44 / 2 = 0.72 to row 1; known twice it would be 0.48
    assert picked.rows.tolist() == [2, 1]
    assert picked.utility is not None
    assert picked.utility[1] == pytest.approx(0.5 * torch.log1p(torch.tensor(0.72 / 4)).item())


@pins("max-det, k-dpp, bait", "definition", "known points outside of the pool are known like rows of it")
@pytest.mark.parametrize("selector", [LargestVolume(), LeastVariance(), LeastVariance(backward=False)], ids=str)
@pytest.mark.parametrize("known", [3, 20])
def test_points_outside_of_the_pool_are_known(selector: Selector, known: int) -> None:
    x = vectors(60, 5)
    inside = pick(selector, 6, Features(x), torch.arange(known))
    beyond = pick(selector, 6, Features(x[known:], outside=x[:known]))
    assert [row - known for row in inside.rows.tolist()] == beyond.rows.tolist()


@pins("max-det", "definition", "an importance weight is a factor of quality: sqrt(w) times the features")
@pytest.mark.parametrize("selector", [LargestVolume(), LeastVariance()], ids=str)
def test_a_weight_scales_the_features(selector: Selector) -> None:
    x = vectors(50, 5)
    weights = torch.rand(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights[7] = 0
    scaled = type(selector)(bias=False)
    here = pick(scaled, 9, Features(x), weights=weights)
    there = pick(scaled, 9, Features(x * weights.sqrt().unsqueeze(1)))
    assert here.rows.tolist() == there.rows.tolist() != pick(scaled, 9, Features(x)).rows.tolist()
    assert pick(scaled, 9, Scaled(weights.sqrt(), x)).rows.tolist() == here.rows.tolist()


def _left(x: Tensor, inside: list[int], pool: Tensor, noise: float) -> float:
    """tr(A C) by a direct solve."""
    inner = noise * torch.eye(x.shape[1], dtype=x.dtype) + x[inside].T @ x[inside]
    return float((noise * torch.linalg.inv(inner) * pool).sum())


@pins(
    "bait",
    "brute force",
    "each forward pick lowers the summed posterior variance most, by direct solves",
    equation="x_k = argmin_x tr((s I + sum over L, S and x of x x')^-1 C), C = sum over pool and known of x x'",
)
@pytest.mark.parametrize("known", [0, 3, 14])
@pytest.mark.parametrize(("kind", "width"), [(torch.float32, 6), (torch.float64, 6), (torch.float64, 120)])
def test_bait_forward_is_greedy_in_the_variance_of_the_pool(known: int, kind: torch.dtype, width: int) -> None:
    x, told = vectors(50, width, kind=kind), torch.arange(known)
    picked = pick(LeastVariance(backward=False, noise=0.05), 12, Features(x), told)
    ones = torch.cat([x.double(), torch.ones(50, 1, dtype=torch.float64)], 1)
    noise, pool = noise_of(ones, told, 0.05), ones.T @ ones
    inside: list[int] = []
    assert picked.utility is not None
    for row, gain in zip(picked.rows.tolist(), picked.utility.tolist(), strict=True):
        before = _left(ones, [*told.tolist(), *inside], pool, noise)
        falls = {
            other: before - _left(ones, [*told.tolist(), *inside, other], pool, noise)
            for other in range(known, 50)
            if other not in inside
        }
        assert falls[row] == pytest.approx(max(falls.values()), rel=1e-5)
        assert gain * 50 == pytest.approx(falls[row], rel=1e-5)
        inside.append(row)


@pins(
    "bait", "defect", "rounding decides no pick beyond as many as there are features: gains are those of direct solves"
)
@pytest.mark.parametrize("known", [0, 3])
@pytest.mark.parametrize("backward", [False, True])
def test_picks_beyond_as_many_as_there_are_features_are_not_decided_by_rounding(known: int, backward: bool) -> None:
    x, told = vectors(300, 8), torch.arange(known)
    selector, noise, pool = LeastVariance(bias=False, backward=backward), noise_of(x, told, 1e-3), x.T @ x
    picked = pick(selector, 60, Features(x), told)
    inside = told.tolist()
    assert picked.utility is not None
    for row, gain in zip(picked.rows.tolist(), picked.utility.tolist(), strict=True):
        before = _left(x, inside, pool, noise)
        inside.append(row)
        if len(inside) - known > 9:  # of the first ones the solve itself is rounded
            assert gain * 300 == pytest.approx(before - _left(x, inside, pool, noise), rel=1e-6)
    order = torch.cat([told, known + torch.randperm(300 - known, generator=torch.Generator().manual_seed(1))])
    shuffled = selector.pick(
        60,
        candidates=torch.arange(known, 300),
        known=told,
        keys=order,
        dice=Dice(0, "ask"),
        space=Features(x[order]),
    )
    assert order[shuffled.rows].tolist() == picked.rows.tolist()


@pins("bait", "brute force", "forward-backward gives up, one by one, the pick whose loss raises the variance least")
@pytest.mark.parametrize("known", [0, 14])
@pytest.mark.parametrize("width", [6, 20, 120])
def test_bait_backward_gives_up_what_is_missed_least(known: int, width: int) -> None:
    x, told = vectors(50, width, seed=2), torch.arange(known)
    forward = pick(LeastVariance(backward=False, bias=False, noise=0.05), 14, Features(x), told).rows.tolist()
    noise, pool = noise_of(x, told, 0.05), x.T @ x
    kept = list(forward)
    while len(kept) > 7:
        left = [_left(x, [*told.tolist(), *(o for o in kept if o != row)], pool, noise) for row in kept]
        kept.pop(int(torch.tensor(left).argmin()))
    picked = pick(LeastVariance(bias=False, noise=0.05), 7, Features(x), told)
    assert sorted(picked.rows.tolist()) == sorted(kept)


@pins("bait", "definition", "a batch of forward-backward comes in the order and with the gains of its own picks alone")
@pytest.mark.parametrize("known", [0, 14])
@pytest.mark.parametrize("width", [6, 20, 120])
def test_what_bait_keeps_comes_in_the_order_of_what_it_lowers(known: int, width: int) -> None:
    x, told = vectors(50, width, seed=2), torch.arange(known)
    noise, pool = noise_of(x, told, 0.05), x.T @ x
    picked = pick(LeastVariance(bias=False, noise=0.05), 7, Features(x), told)
    left, inside = picked.rows.tolist(), told.tolist()
    assert picked.utility is not None
    for row, gain in zip(picked.rows.tolist(), picked.utility.tolist(), strict=True):
        before = _left(x, inside, pool, noise)
        falls = {other: before - _left(x, [*inside, other], pool, noise) for other in left}
        assert falls[row] == pytest.approx(max(falls.values()), rel=1e-5)
        assert gain * 50 == pytest.approx(falls[row], rel=1e-4)
        inside.append(row)
        left.remove(row)


def test_both_ways_back_give_up_the_same() -> None:
    x, base = vectors(12, 20, seed=4), vectors(30, 20, seed=5)
    before = torch.linalg.inv(torch.eye(20, dtype=torch.float64) + base.T @ base)
    pool = x.T @ x + base.T @ base
    after = before - before @ x.T @ torch.linalg.solve(x @ before @ x.T + 0.3 * torch.eye(12), x @ before)
    few, many = volume._backward_of_few(x, 4, before, pool, 0.3), volume._backward(x, 4, after, pool, 0.3)
    assert few == many


@pins("bait", "equivalence", "BAIT forward is EV-GP: in kernel form, mean_t c(t, x)^2 / (c(x, x) + s), greedily")
def test_bait_forward_is_greedy_v_optimality_in_kernel_form() -> None:
    x, told = vectors(60, 5, seed=3), torch.arange(4)
    noise = noise_of(x, told, 0.1)
    inside: list[int] = told.tolist()
    for _ in range(10):
        c = posterior_kernel(x, torch.tensor(inside), noise)
        gains = c.square().mean(0) / (c.diagonal() + noise)
        gains[inside] = -1
        inside.append(int(gains.argmax()))
    picked = pick(LeastVariance(backward=False, bias=False, noise=0.1), 10, Features(x), told)
    assert picked.rows.tolist() == inside[4:]


@pytest.mark.parametrize("selector", [LargestVolume, LeastVariance, KDpp], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("known", [0, 2, 9])
def test_copies_with_hardly_any_noise_are_no_error(
    selector: Callable[..., LargestVolume | LeastVariance | KDpp], known: int
) -> None:
    for seed in range(6):
        uneven = vectors(27, 20, seed) * torch.logspace(-4, 4, 9, dtype=torch.float64).repeat(3).unsqueeze(1)
        for x in (vectors(9, 4, seed).repeat(3, 1), vectors(9, 40, seed).repeat(3, 1), vectors(27, 4, seed), uneven):
            x[1] = x[0]
            x[-9:] = x[-18:-9]
            found = pick(selector(noise=1e-9), 8, Features(x), torch.arange(known))
            assert len(set(found.rows.tolist())) == 8
            assert found.utility is not None and bool(found.utility.isfinite().all())


def test_the_plain_twin_of_the_pass_is_the_compiled_one() -> None:
    x, rows = vectors(40, 6, kind=torch.float32), torch.arange(3, 40)
    for width in (6, 7):
        u, s, weights = vectors(1, width)[0], vectors(1, width, 1)[0], vectors(37, 1).flatten().abs()
        fall, spread = torch.ones(37, dtype=torch.float64), torch.ones(37, dtype=torch.float64)
        kernels.lower(x, rows, weights, u, s, 0.7, fall, spread)
        points = torch.cat([x[rows].double(), torch.ones(37, 1, dtype=torch.float64)], 1)[:, :width]
        a, b = points @ u, points @ s
        assert torch.allclose(fall, 1 - weights * (2 * a * b - 0.7 * a * a))
        assert torch.allclose(spread, 1 - weights * a * a)
        assert torch.allclose(kernels.products(x, rows, u[:6]), x[rows].double() @ u[:6])
    assert torch.allclose(kernels.squared_lengths(x, rows), x[rows].double().square().sum(1))
    fall, spread, draw = vectors(1, 37).flatten().abs(), vectors(1, 37, 1).flatten(), vectors(1, 37, 2).flatten()
    open_ = torch.arange(37) % 3 > 0
    scores = torch.where(open_, fall / (spread.clamp(min=0) + 0.2), -1)
    assert kernels.best_ratio(fall, spread, 0.2, draw, open_) == (int(scores.argmax()), float(scores.max()))
    same = torch.ones_like(fall)
    assert kernels.best_ratio(same, same, 0.2, draw, open_)[0] == int(torch.where(open_, draw, -99).argmax())


def test_the_posterior_is_the_inverse_whatever_is_known() -> None:
    for known in (0, 3, 6, 20):
        x = vectors(40, 6)
        points = Points(_ground(x, torch.arange(known)), "Test")
        held = Posterior(points, 0.5)
        direct = 0.5 * torch.linalg.inv(0.5 * torch.eye(6, dtype=torch.float64) + x[:known].T @ x[:known])
        assert torch.allclose(held.covariance(), direct)
        assert torch.allclose(held.variances(points), (x[known:] @ direct * x[known:]).sum(1))
        held.learn(x[30], float(x[30] @ direct @ x[30]), 0.5)
        told = torch.cat([x[:known], x[30:31]])
        direct = 0.5 * torch.linalg.inv(0.5 * torch.eye(6, dtype=torch.float64) + told.T @ told)
        assert torch.allclose(held.covariance(), direct)
        held.fold()
        assert torch.allclose(held.covariance(), direct) and held.count == 0


def _ground(x: Tensor, known: Tensor) -> volume.Ground:
    keys = torch.arange(len(x))
    return volume.Ground(keys[len(known) :], known, keys, Dice(0, "ask"), None, Features(x))


def test_moments_and_lengths_use_triangles_rightly() -> None:
    x = vectors(30, 5)
    for kind in (torch.float32, torch.float64):
        assert torch.allclose(moment([x[:20].to(kind), x[20:].to(kind)], 5), x.T @ x, rtol=1e-5)
    root = torch.linalg.cholesky(x.T @ x).T.contiguous()
    assert torch.allclose(lengths(x, root), (x @ root).square().sum(1))


@pytest.mark.parametrize("selector", [LargestVolume(), LeastVariance(), LeastVariance(backward=False)], ids=str)
def test_copies_zeros_and_certain_items_still_make_full_batches(selector: Selector) -> None:
    for x in (torch.zeros(9, 3), torch.ones(9, 3), torch.eye(3).repeat(3, 1)):
        for scales in (torch.ones(9), torch.zeros(9)):
            picked = pick(selector, 9, Scaled(scales, x))
            assert sorted(picked.rows.tolist()) == list(range(9))
            assert picked.utility is not None and bool(picked.utility.isfinite().all())


def test_equals_are_told_apart_by_noise_of_the_items() -> None:
    same = Features(torch.ones(9, 3))
    for selector in (LargestVolume(), LeastVariance(backward=False)):
        assert len({int(pick(selector, 1, same, seed=seed).rows) for seed in range(12)}) > 3


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="noise=0.* is no standard deviation"):
        LargestVolume(noise=0.0)
    with pytest.raises(BadInput, match="picks among vectors"):
        pick(LargestVolume(), 1, Product(torch.ones(2, 2), torch.ones(2, 2)))
    with pytest.raises(BadInput, match="infinite or NaN"):
        pick(LeastVariance(), 1, Features(torch.tensor([[torch.nan], [1.0]])))

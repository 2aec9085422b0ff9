"""Tangent features against Jacobians by autograd, layer kind by layer kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from askance.errors import BadInput
from askance.kernels import room
from askance.learners.linear import LinearModel
from askance.learners.network import TorchModel
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.learners.wrappers import Untrained
from askance.signals.gradients import COTANGENTS, GradientFactors, cotangents, signed
from askance.signals.tangents import TangentFeatures, tangents
from askance.testing import check_signal
from askance.testing.worlds import THREE, small_items, small_world
from tests.signals.test_stability import ITEMS, TASK, Attending, Recurrent, conv, mlp, model

BUILDS: list[Callable[[], nn.Module]] = [mlp, conv, Attending, Recurrent]


def jacobians(held: TorchModel, items: Tensor) -> Tensor:
    """The scores' slopes by all weights, (items, classes, weights), by autograd's backward pass, one by one."""
    weights = list(held.network.parameters())
    held.eval()
    out = []
    for item in items:
        scores = held.network(item[None])[0]
        rows = [torch.autograd.grad(score, weights, retain_graph=True) for score in scores]
        out.append(torch.stack([torch.cat([array.flatten() for array in row]) for row in rows]))
    return torch.stack(out)


@pytest.mark.parametrize("cotangent", ["ones", "guess", "believed", "signed", "uniform"])
def test_signals_of_all_cotangents_keep_the_contract(cotangent: str) -> None:
    check_signal(TangentFeatures(dim=16, cotangent=cotangent))


def test_features_of_a_network_keep_the_contract() -> None:
    check_signal(TangentFeatures(dim=32), Torch(Mlp((8,), dropout=0.0), steps=5))


@pytest.mark.parametrize("cotangent", COTANGENTS)
@pytest.mark.parametrize("build", BUILDS)
def test_unsketched_features_are_jacobians_times_cotangents(build: Callable[[], nn.Module], cotangent: str) -> None:
    held, items = model(build), ITEMS[:6]
    slopes = jacobians(held, items).double()
    beliefs = held.outputs(items).scores
    assert beliefs is not None
    vectors = cotangents(cotangent, beliefs.double().softmax(1), 1)
    exact = torch.einsum("nc,ncp->np", vectors, slopes)
    found = TangentFeatures(dim=100_000, cotangent=cotangent, column=1).read(held, items, TASK).double()
    torch.testing.assert_close(found @ found.T, exact @ exact.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cotangent", ["ones", "guess"])
@pytest.mark.parametrize("build", [mlp, conv, Attending])
def test_inner_products_converge_to_the_tangent_kernel(build: Callable[[], nn.Module], cotangent: str) -> None:
    held, items = model(build), ITEMS[:20]
    exact = TangentFeatures(dim=100_000, cotangent=cotangent).read(held, items, TASK).double()
    kernel = exact @ exact.T

    def error(dim: int) -> float:
        found = []
        for seed in range(30):
            whole = replace(held.differentiable(), seed=seed)
            vectors = cotangents(cotangent, held.outputs(items).scores.double().softmax(1))  # type: ignore[union-attr]
            shared = vectors[0] if cotangent == "ones" else None
            sketched = tangents(whole, items, vectors, dim=dim, shared=shared).double()
            found.append((sketched @ sketched.T - kernel).square().mean())
        return float(torch.stack(found).mean().sqrt())

    narrow, wide = error(12), error(48)
    assert 1.5 < narrow / wide < 2.9  # 2 in expectation: the error falls as 1 / sqrt(dim)


def test_a_sketch_is_right_on_average() -> None:
    held, items = model(mlp), ITEMS[:5]
    vectors = torch.full((5, 3), 3**-0.5)
    whole = held.differentiable()
    exact = tangents(whole, items, vectors, dim=100_000).double()
    sketches = [tangents(replace(whole, seed=seed), items, vectors, dim=8).double() for seed in range(600)]
    mean = torch.stack([one @ one.T for one in sketches]).mean(0)
    scale = (exact @ exact.T).diagonal().mean()
    assert float((mean - exact @ exact.T).abs().max() / scale) < 0.12  # 600 draws of a spread of about 1 / sqrt(8)


def test_a_linear_model_is_exact_though_it_has_more_weights_than_places() -> None:
    head = LinearModel(torch.randn(3, 17, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    products = ITEMS @ ITEMS.T + 1
    found = TangentFeatures(dim=20).read(head, ITEMS, TASK)  # 51 weights
    assert found.shape == (60, 20)
    torch.testing.assert_close(found @ found.T, products, rtol=1e-4, atol=1e-4)
    single = TangentFeatures(dim=20, cotangent="one", column=2).read(head, ITEMS, TASK)
    torch.testing.assert_close(single @ single.T, products, rtol=1e-4, atol=1e-4)


def test_of_a_linear_model_the_features_are_the_two_factors() -> None:
    head = LinearModel(torch.randn(3, 17, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    for cotangent in COTANGENTS:
        found = TangentFeatures(dim=51, cotangent=cotangent, column=0).read(head, ITEMS, TASK)
        left, right = GradientFactors(cotangent, bias=True).rows(head.outputs(ITEMS), TASK)
        torch.testing.assert_close(found @ found.T, (left @ left.T) * (right @ right.T), rtol=1e-4, atol=1e-4)


def test_memory_bounds_change_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    held, signal = model(conv), TangentFeatures(dim=64)
    whole = signal.read(held, ITEMS, TASK)
    monkeypatch.setattr(room, "BYTES", 12_000)  # some items at a time
    torch.testing.assert_close(signal.read(held, ITEMS, TASK), whole, rtol=1e-4, atol=1e-5)


def test_a_network_that_learned_nothing_has_the_features_of_its_new_weights() -> None:
    learner = Untrained(Torch(Mlp((8,), dropout=0.0), steps=5))
    fitted = learner.fit(small_world().lesson())
    assert isinstance(fitted, TorchModel)
    items = small_items()[:6]
    found = TangentFeatures(dim=10_000).read(fitted, items, THREE).double()
    exact = jacobians(fitted, items).double().sum(1) / 3**0.5
    assert float(found.norm()) > 1
    torch.testing.assert_close(found @ found.T, exact @ exact.T, rtol=1e-4, atol=1e-5)
    other = learner.fit(small_world().lesson(seed=1))
    assert not torch.allclose(TangentFeatures(dim=10_000).read(other, items, THREE).double(), found)


def test_one_class_is_drawn_by_the_models_own_dice_unless_it_is_named() -> None:
    drawn, named = TangentFeatures(cotangent="one"), [TangentFeatures(cotangent="one", column=c) for c in range(3)]
    chosen = set()
    for seed in range(12):
        held = model(mlp, seed)
        found = drawn.read(held, ITEMS, TASK)
        chosen.add(next(c for c, one in enumerate(named) if torch.equal(one.read(held, ITEMS, TASK), found)))
    assert chosen == {0, 1, 2}


def test_some_layers_can_be_left_out() -> None:
    held = model(mlp)
    last = TangentFeatures(dim=100, layers=("4",)).read(held, ITEMS, TASK)
    hidden = held.network[:4](ITEMS).detach()  # type: ignore[index]
    torch.testing.assert_close(last @ last.T, hidden @ hidden.T + 1, rtol=1e-4, atol=1e-4)
    with pytest.raises(BadInput, match="No weights begin with head"):
        TangentFeatures(layers=("head",)).read(held, ITEMS, TASK)


def test_bad_options_are_refused() -> None:
    with pytest.raises(BadInput, match="keeps nothing"):
        TangentFeatures(dim=0)
    with pytest.raises(BadInput, match="believed"):
        TangentFeatures(cotangent="belief")
    with pytest.raises(BadInput, match="no class"):
        TangentFeatures(column=-1)


def test_the_signed_cotangent_is_one_at_the_label_and_minus_one_elsewhere() -> None:
    assert signed(torch.tensor([2, 0]), torch.zeros(2, 3)).tolist() == [[-1, -1, 1], [1, -1, -1]]

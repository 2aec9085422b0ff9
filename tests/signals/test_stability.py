"""Deviations under noise on all weights: against autograd's Jacobian, the last-layer formula and each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.func import functional_call, jacrev
from torch.utils._python_dispatch import TorchDispatchMode

from askance.errors import BadInput
from askance.kernels import room
from askance.learners.linear import LinearModel
from askance.learners.network import TorchModel
from askance.signals.stability import KINDS, Deviations, directions
from askance.task import Classes
from askance.testing import check_signal
from askance.utilities.stability import deviations
from tests.pins import pins

TASK = Classes((0, 1, 2))
ITEMS = torch.randn(60, 16, generator=torch.Generator().manual_seed(0))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 12), nn.LayerNorm(12), nn.Tanh(), nn.Dropout(), nn.Linear(12, 3))


def conv() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5), nn.Tanh(), nn.Flatten(), nn.Linear(20, 3)
    )


class Attending(nn.Module):
    """A transformer over four words of four numbers."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.encoder, self.out = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), nn.Linear(4, 3)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.out(self.encoder(items.reshape(-1, 4, 4)).mean(1))
        return found


class Recurrent(nn.Module):
    """Reads four words of four numbers one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.reader, self.out = nn.LSTM(4, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.out(self.reader(items.reshape(-1, 4, 4))[0][:, -1])
        return found


def model(build: Callable[[], nn.Module], seed: int = 0) -> TorchModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build().eval()
    return TorchModel(network, None, torch.device("cpu"), {"seed": seed, "labels": 1})


def jacobian_lengths(network: nn.Module) -> np.ndarray:
    """sqrt(sum over pushed layers of |W|^2 / M |d p / d W|^2) / |p| of each item, by autograd."""
    weights = {name: array.detach() for name, array in network.named_parameters()}

    def shares(pushed: dict[str, Tensor], item: Tensor) -> Tensor:
        found: Tensor = functional_call(network, {**weights, **pushed}, (item[None],))[0].softmax(0)
        return found

    pushed = {name: array for name, array in weights.items() if name.endswith("weight")}
    lengths = []
    for item in ITEMS:
        slopes = jacrev(shares)(pushed, item)
        total = sum(slopes[n].square().sum() * w.square().sum() / w.numel() for n, w in pushed.items())
        lengths.append(float(torch.as_tensor(total).sqrt() / shares({}, item).norm()))
    return np.array(lengths)


@pytest.mark.parametrize("kind", KINDS)
def test_deviations_keep_the_contract_of_signals(kind: str) -> None:
    check_signal(Deviations(draws=5, kind=kind))


@pins(
    "noise-stability-full",
    "law",
    "lengths of deviations rank as exact Jacobian norms of an MLP and a conv net, Spearman above .9, and not at 1.0",
    "v(x) = concat_k [f(x; W + E_k) - f(x; W)] / |f(x)|, |E_k| = 1e-3 |W| layer by layer; k-center from the origin",
)
@pytest.mark.parametrize("build", [mlp, conv])
def test_lengths_follow_the_jacobian(build: Callable[[], nn.Module]) -> None:
    held = model(build)
    exact = jacobian_lengths(held.network)

    def agreement(strength: float) -> float:
        return float(spearmanr(Deviations(100, strength).read(held, ITEMS, TASK).norm(dim=1), exact).statistic)

    assert agreement(1e-3) > 0.9
    assert agreement(1.0) < agreement(1e-3) - 0.02


@pytest.mark.parametrize("build", [mlp, conv])
def test_the_expected_squared_length_is_the_weighted_jacobian(build: Callable[[], nn.Module]) -> None:
    held, draws = model(build), 400
    found = Deviations(draws, kind="jvp").read(held, ITEMS, TASK).square().sum(1) / draws
    expected = torch.from_numpy(jacobian_lengths(held.network)).square()
    assert abs(float((found / expected).mean()) - 1) < 0.1  # the mean of 400 draws, for 60 items that share them


@pytest.mark.parametrize("build", [mlp, conv, Attending])
def test_small_noise_moves_as_the_derivative_says(build: Callable[[], nn.Module]) -> None:
    held = model(build)
    moved = Deviations(20, 1e-3).read(held, ITEMS, TASK)
    slopes = Deviations(20, kind="jvp").read(held, ITEMS, TASK)
    assert torch.cosine_similarity(moved, slopes, dim=1).min() > 0.99
    assert torch.allclose(moved.norm(dim=1), 1e-3 * slopes.norm(dim=1), rtol=0.05)


@pins("noise-stability-full", "defect", "differences at small noise drown in half types; ours keep their ranks")
def test_ranks_stay_when_the_noise_halves() -> None:
    held = model(mlp)
    lengths = [Deviations(30, strength).read(held, ITEMS, TASK).norm(dim=1) for strength in (1e-3, 5e-4, 2e-5)]
    assert spearmanr(lengths[0], lengths[1]).statistic > 0.99
    assert spearmanr(lengths[0], lengths[2]).statistic > 0.99


def test_an_item_the_model_is_sure_of_still_moves() -> None:
    sure = LinearModel(torch.tensor([[20.0, 0.0], [-20.0, 0.0], [-20.0, 0.0]]))
    item = torch.ones(1, 1)
    moved = Deviations(10, 1e-3).read(sure, item, TASK).double()
    slopes = Deviations(10, kind="jvp").read(sure, item, TASK).double()
    assert torch.allclose(moved / 1e-3, slopes, rtol=0.1, atol=0)  # of the order of 1e-16 each


@pins("noise-stability-full", "equivalence", "on a linear head deviations are the last-layer formula's")
def test_a_linear_head_moves_as_the_last_layer_formula_says() -> None:
    layer = torch.randn(3, 17, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    head, items = LinearModel(layer), ITEMS.double()
    noise = torch.zeros(6, 3, 17, dtype=torch.float64)
    for draw in range(6):
        push = directions(head.differentiable(), draw)
        assert push.keys() == {"weight"}  # the bias has none
        assert float(push["weight"].norm()) == pytest.approx(float(layer[:, :-1].norm()))
        noise[draw, :, :-1] = 1e-3 * push["weight"]
    expected = deviations(layer, noise, items, torch.arange(60))
    assert torch.allclose(Deviations(6).read(head, items, TASK).double(), expected, rtol=1e-5, atol=1e-9)


def test_deviations_are_the_differences_they_stand_for() -> None:
    held = model(conv)
    whole = held.differentiable()
    before = whole.scores(whole.weights, ITEMS).softmax(1)
    for kind in ("layers", "global"):
        found = Deviations(4, 0.05, kind).read(held, ITEMS, TASK).reshape(60, 4, 3)
        for draw in range(4):
            push = directions(whole, draw, everywhere=kind == "global")
            weights = {name: array + 0.05 * push.get(name, 0.0) for name, array in whole.weights.items()}
            moved = whole.scores(weights, ITEMS).softmax(1) - before
            if kind == "layers":
                moved = moved / before.norm(dim=1, keepdim=True)
            assert torch.allclose(found[:, draw], moved, atol=1e-6)


def test_noise_has_the_lengths_and_the_layers_of_the_code_or_of_the_paper() -> None:
    whole = model(conv).differentiable()
    layers, everywhere = directions(whole, 3), directions(whole, 3, everywhere=True)
    assert layers.keys() == {"1.weight", "2.weight", "5.weight"}  # kernel, scale of the norm layer, matrix
    assert all(torch.isclose(push.norm(), whole.weights[name].norm()) for name, push in layers.items())
    assert everywhere.keys() == whole.weights.keys()
    long, theirs = (
        sum(float(a.square().sum()) for a in arrays.values()) ** 0.5 for arrays in (everywhere, whole.weights)
    )
    assert long == pytest.approx(theirs, rel=1e-5)
    assert not torch.equal(layers["5.weight"], directions(whole, 4)["5.weight"])
    other = directions(model(conv, seed=1).differentiable(), 3)
    assert not torch.equal(layers["5.weight"], other["5.weight"])


@pytest.mark.parametrize("build", [mlp, conv, Recurrent])
def test_memory_bounds_change_no_number(build: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    held, signal = model(build), Deviations(6, 1e-2)
    whole = signal.read(held, ITEMS, TASK)
    monkeypatch.setattr(room, "BYTES", 12_000)  # some draws and some items at a time
    assert torch.allclose(signal.read(held, ITEMS, TASK), whole, rtol=1e-3, atol=1e-6)


def test_no_array_outgrows_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = 1 << 15
    monkeypatch.setattr(room, "BYTES", bound)
    seen = _Largest()  # type: ignore[no-untyped-call]
    with seen:
        found = Deviations(20).read(model(mlp), ITEMS.repeat(40, 1), TASK)
    assert found.numel() * 4 > 10 * bound  # what comes out is larger than what is held at once
    assert seen.bytes <= bound


def test_what_drowns_or_pushes_nothing_is_refused() -> None:
    held = model(mlp)
    held.network.to(torch.bfloat16)
    with pytest.raises(BadInput, match="drowns in weights of torch.bfloat16"):
        Deviations().read(held, ITEMS, TASK)
    with pytest.raises(BadInput, match="pushes nothing"):
        Deviations(strength=0)
    with pytest.raises(BadInput, match="layers"):
        Deviations(kind="layer")


class _Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The largest array that torch makes, but for those that only pass results on."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and made.is_floating_point() and made.shape[:1] != (40 * len(ITEMS),):
            self.bytes = max(self.bytes, made.numel() * made.element_size())
        return made

"""How far items are pushed until their class flips: on paper for linear models, by a plain loop for networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn, tensor

from askance.errors import BadInput
from askance.learners.base import Differentiable, Model
from askance.learners.linear import Linear, LinearModel
from askance.learners.network import TorchModel
from askance.learners.torch import Torch
from askance.look import read_signal
from askance.signals import perturbation
from askance.signals.perturbation import FAR, Bim, DeepFool
from askance.task import Classes
from askance.testing.worlds import THREE, small_items, small_world
from tests.pins import pins

TWO = Classes((0, 1))
BOTH = pytest.mark.parametrize("signal", [Bim(), DeepFool()], ids=["bim", "deep-fool"])


def read(signal: Bim | DeepFool, model: Model, items: Any, task: Classes = TWO) -> Tensor:
    rows = read_signal(signal, model, torch.as_tensor(items), task, size=len(items))
    assert isinstance(rows, Tensor)
    return rows


def network(*layers: nn.Module, labels: int = 1) -> TorchModel:
    return TorchModel(nn.Sequential(*layers), None, torch.device("cpu"), {"labels": labels, "seed": 0})


def curved(features: int = 3, classes: int = 4) -> TorchModel:
    """A network in float64 whose boundaries are no planes."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = network(nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, classes))
    model.network.double().requires_grad_(False)[0].weight.mul_(2)  # type: ignore[index]
    return model


def places(items: int, *shape: int) -> Tensor:
    return torch.randn(items, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def guess(net: Callable[[Tensor], Tensor], x: Tensor) -> int:
    return int(net(x.unsqueeze(0)).argmax())


def slope(value: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    at = x.clone().requires_grad_()
    return torch.autograd.grad(value(at), at)[0]


def bim_of_one(net: nn.Module, x: Tensor, signal: Bim) -> float | None:
    """What the paper says, for one item: the squared length, or None where nothing flips."""
    own, eta = guess(net, x), torch.zeros_like(x)
    for _ in range(signal.steps):
        loss = slope(lambda at: nn.functional.cross_entropy(net(at.unsqueeze(0)), tensor([own])), x + eta)
        eta = eta + signal.step * loss.sign()
        if guess(net, x + eta) != own:
            return float((eta * eta).sum())
    return None


def deep_fool_of_one(net: nn.Module, x: Tensor, signal: DeepFool) -> float | None:
    own, total = guess(net, x), torch.zeros_like(x)
    for _ in range(signal.steps):
        at = x + total
        nearest, push = float("inf"), torch.zeros_like(x)
        for other in range(len(net(at.unsqueeze(0))[0])):
            if other == own:
                continue
            away = slope(lambda z, k=other: net(z.unsqueeze(0))[0, k] - net(z.unsqueeze(0))[0, own], at)  # type: ignore[misc]
            scores = net(at.unsqueeze(0))[0]
            gap = float((scores[other] - scores[own]).abs())
            if gap / float(away.norm()) < nearest:
                nearest, push = gap / float(away.norm()), gap / away.square().sum() * away
        total = total + (1 + signal.overshoot) * push
        if guess(net, x + total) != own:
            return float((total * total).sum())
    return None


@pins(
    "adversarial-deep-fool",
    "definition",
    "A linear model of three classes: the distance to the nearest boundary, by hand.",
    equation="argmin |r|^2, r = sum_i |f_l - f_c| / |w|^2 w to a flip, w = grad (f_l - f_c), l nearest of all but c",
)
def test_the_first_step_to_the_nearest_boundary_of_a_linear_model_is_exact() -> None:
    model = LinearModel(tensor([[0.0, 0.0, 5.0], [3.0, 4.0, 0.0], [0.0, -1.0, 2.0]]))
    items = tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    # The class is 0 at all three. Gaps to class 1: 5, 2, 1, over a slope of 5; to class 2: 3, 3, 4, over a slope of 1.
    assert read(DeepFool(overshoot=0.0), model, items, THREE).tolist() == pytest.approx([1.0, 0.16, 0.04])
    assert read(DeepFool(), model, items, THREE).tolist() == pytest.approx([1.02**2, 0.16 * 1.02**2, 0.04 * 1.02**2])


@pins(
    "adversarial-deep-fool",
    "defect",
    "Code in circulation never lowers the least distance and so pushes to the last class; ours pushes to the nearest.",
)
def test_the_nearest_boundary_counts_wherever_its_class_stands() -> None:
    rows = tensor([[0.0, 1.0], [1.0, 0.0], [0.1, 0.0]])  # class 0 wins at 0; boundaries at 1 and at 10
    for order in ([0, 1, 2], [0, 2, 1], [2, 0, 1], [1, 2, 0]):
        found = read(DeepFool(overshoot=0.0), LinearModel(rows[order]), [[0.0]], THREE)
        assert found.tolist() == pytest.approx([1.0])


@pins(
    "adversarial-bim",
    "definition",
    "A linear model of two classes: the number of steps by hand.",
    equation="argmin |eta|^2, eta the sum of step sign grad CE(f(x + eta), argmax f(x)) until the class flips",
)
def test_steps_along_the_sign_are_counted_in_a_linear_model() -> None:
    model = LinearModel(tensor([[2.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]))  # the third feature does not count
    items = tensor([[1.0, 0.0, 7.0], [0.1, 0.0, 7.0], [0.0, 3.0, 7.0]])
    # Scores of the first class: 2, 0.2, -3. A step of 1/4 moves two features and the score by 3/4: 3, 1 and 4 steps.
    assert read(Bim(step=0.25), model, items).tolist() == [2 * 0.75**2, 2 * 0.25**2, 2 * 1.0**2]


@pins("adversarial-bim", "brute force", "A curved network of four classes, one item after the other, in float64.")
def test_bim_of_many_items_is_bim_of_each() -> None:
    model, items, signal = curved(), places(40, 3), Bim(step=0.1, steps=12)
    expected = [bim_of_one(model.network, x, signal) for x in items]
    assert 0 < expected.count(None) < 20
    never = 3 * (13 * 0.1) ** 2
    assert read(signal, model, items).tolist() == pytest.approx([never if one is None else one for one in expected])


@pins("adversarial-deep-fool", "brute force", "A curved network of four classes, one item after the other, in float64.")
@pytest.mark.parametrize("steps", [1, 50])
def test_deep_fool_of_many_items_is_deep_fool_of_each(steps: int) -> None:
    model, items, signal = curved(), places(40, 3), DeepFool(steps)
    expected = [deep_fool_of_one(model.network, x, signal) for x in items]
    assert (None in expected) == (steps == 1)
    assert len({*expected}) > 20
    assert read(signal, model, items).tolist() == pytest.approx([FAR if one is None else one for one in expected])


@BOTH
def test_items_may_have_several_axes(signal: Bim | DeepFool) -> None:
    flat = curved(12, 3)
    shaped = network(nn.Flatten(), *flat.network.children())
    items = places(20, 12)
    found = read(signal, shaped, items.reshape(20, 3, 2, 2), THREE)
    assert torch.allclose(found, read(signal, flat, items, THREE), rtol=1e-12)


@BOTH
def test_an_item_far_from_the_boundary_is_pushed_farther(signal: Bim | DeepFool) -> None:
    model = Linear(ridge=1.0).fit(small_world(task=TWO).lesson())
    items = small_items()
    scores = model.outputs(items).scores
    assert scores is not None
    order = (scores[:, 0] - scores[:, 1]).abs().argsort()
    found = read(signal, model, items)[order]
    assert (found.diff() >= 0).all() and found[-1] > 100 * found[0] > 0


@pins(
    "adversarial-bim",
    "defect",
    "Where softmax saturates the gradient of the cross-entropy is 0, and the loop of DeepAL+ has no end; ours flips.",
)
def test_an_item_that_the_model_is_certain_of_is_pushed_too() -> None:
    model, item = LinearModel(tensor([[20.0, 0.0], [-20.0, 0.0]])), tensor([[9.75]])
    loss = slope(lambda x: -(model.coefficients[:, :1] @ x.T).T.log_softmax(1)[0, 0], item)
    assert loss.tolist() == [[0.0]]
    assert read(Bim(step=0.5), model, item).tolist() == [100.0]  # 20 steps


def test_an_item_at_the_boundary_needs_no_push() -> None:
    model = LinearModel(tensor([[1.0, 0.0], [0.0, 0.0]]))
    for signal in (Bim(), DeepFool()):
        assert read(signal, model, [[0.0]]).tolist() == [0.0]


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_the_steps_have_a_cap_and_what_never_flips_counts_as_more_than_what_does(steps: int) -> None:
    model = Counting(LinearModel(tensor([[1.0, 1.0, 0.0], [-1.0, -1.0, 0.0]])))
    last = 0.5 * steps - 0.1  # flips at the last step
    found = read(Bim(step=0.5, steps=steps), model, [[last, last], [last + 0.2, last + 0.2]])
    assert found.tolist() == pytest.approx([2 * (0.5 * steps) ** 2, 2 * (0.5 * (steps + 1)) ** 2])
    assert model.calls == steps + 3  # to know the type, the class, and the scores before each step and after the last


def test_what_flips_is_pushed_no_more() -> None:
    for signal in (Bim(), DeepFool()):
        model = curved()
        near, far = read(signal, model, places(2, 3)).argsort().tolist()
        items = places(2, 3)[[near, far]]
        alone = read(signal, model, items[[0, 0]])
        beside = read(signal, model, items)
        assert beside[0] == alone[0] and beside[1] > 2 * beside[0]


@BOTH
def test_a_row_is_the_same_whatever_is_around_it(signal: Bim | DeepFool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, items = curved(), places(30, 3)
    whole = read(signal, model, items)
    monkeypatch.setattr(perturbation, "PIECE", 7)
    assert torch.allclose(read(signal, model, items), whole, rtol=1e-9)
    assert torch.allclose(read(signal, model, items.flip(0)).flip(0), whole, rtol=1e-9)


def test_slopes_that_are_held_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    model, items = Counting(curved()), places(30, 3)
    whole = read(DeepFool(), model, items)
    assert model.most == 30
    monkeypatch.setattr(perturbation, "_NUMBERS", 4 * 4 * 5)
    narrow = Counting(curved())
    assert torch.allclose(read(DeepFool(), narrow, items), whole, rtol=1e-9)
    assert narrow.most == 5


@pytest.mark.parametrize("learner", [Linear(ridge=1.0), Torch(nn.Linear, layer=None)], ids=str)
@BOTH
def test_a_model_that_knows_nothing_gives_one_number_for_all(signal: Bim | DeepFool, learner: Any) -> None:
    for classes in (0, 1, 2, 3):
        task = Classes(tuple(range(classes)))
        if classes or isinstance(learner, Linear):
            lesson = replace(small_world(labeled=0).lesson(), task=task, targets=torch.zeros(0, classes).double())
            found = read(signal, learner.fit(lesson), small_items(), task)
            assert found.isfinite().all() and len({*found.tolist()}) == 1


@BOTH
def test_an_item_on_a_plateau_is_far_from_everything(signal: Bim | DeepFool) -> None:
    first, last = nn.Linear(1, 1), nn.Linear(1, 2)
    for layer, weight, bias in ((first, [[1.0]], [0.0]), (last, [[2.0], [0.0]], [0.0, 1.0])):
        layer.weight.data, layer.bias.data = tensor(weight), tensor(bias)
    found = read(signal, network(first, nn.ReLU(), last), [[-1.0], [-9.0], [1.0], [0.4]])
    assert found[0] == found[1] > found[2] > found[3] > 0  # the boundary is at 1/2
    assert found.dtype == torch.float32 and found.isfinite().all()


@BOTH
def test_where_nothing_moves_there_is_no_second_step(signal: Bim | DeepFool) -> None:
    model = Counting(LinearModel(tensor([[0.0, 2.0], [0.0, 1.0]])))
    found = read(signal, model, [[1.0], [2.0]])
    assert found[0] == found[1] > 6  # 51 steps of 1/20, squared, or much more
    assert model.calls == 3  # to know the type, the class, and the slopes


@BOTH
def test_scores_may_hang_on_no_item(signal: Bim | DeepFool) -> None:
    class Deaf(Model):
        def differentiable(self) -> Differentiable:
            return Differentiable(lambda weights, items: tensor([[1.0, 0.0]]).expand(len(items), 2), {}, 0)

    found = read(signal, Deaf(), [[1.0], [2.0]])
    assert found[0] == found[1] > 6


def test_a_boundary_beyond_all_numbers_is_far() -> None:
    steep = LinearModel(tensor([[1e-30, 1e8], [0.0, 0.0]]))
    assert read(DeepFool(), steep, [[1.0]]).tolist() == [pytest.approx(FAR)]
    assert read(DeepFool(), LinearModel(steep.coefficients.double()), [[1.0]]).tolist() == [FAR]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (Bim, {"step": 0.0}),
        (Bim, {"step": float("nan")}),
        (Bim, {"steps": 0}),
        (DeepFool, {"steps": 0}),
        (DeepFool, {"overshoot": -0.1}),
    ],
)
def test_what_pushes_nothing_is_refused(kind: Any, given: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="pushes nothing"):
        kind(**given)


class Counting(Model):
    """A model that counts how often, and for how many items at most, it is asked for scores."""

    def __init__(self, model: Model) -> None:
        self.model, self.calls, self.most = model, 0, 0

    def differentiable(self) -> Differentiable:
        whole = self.model.differentiable()

        def scores(weights: Mapping[str, Tensor], items: Tensor) -> Tensor:
            self.calls, self.most = self.calls + 1, max(self.most, len(items))
            return whole.scores(weights, items)

        return replace(whole, scores=scores)


@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_without_overshoot_a_step_that_rounding_ends_short_of_the_boundary_counts(offset: float) -> None:
    draws = torch.Generator().manual_seed(3)
    weights = torch.randn(4, 9, generator=draws)
    items = torch.randn(400, 8, generator=draws) + offset
    found = read(DeepFool(overshoot=0.0), LinearModel(weights), items, Classes(tuple(range(4))))
    scores = items @ weights[:, :-1].T + weights[:, -1]
    own = scores.argmax(1)
    gaps = scores.gather(1, own[:, None]) - scores
    apart = (weights[own, None, :-1] - weights[None, :, :-1]).norm(dim=2)
    nearest = torch.where(apart > 0, gaps / apart, torch.inf).amin(1)
    assert torch.allclose(found.sqrt(), nearest, atol=1e-4)

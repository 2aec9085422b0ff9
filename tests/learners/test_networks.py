"""Networks are made for the shape of an item, learn digits, and are functions of their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.func import functional_call, jvp, stack_module_state, vmap

from askance.describe import build, describe
from askance.errors import BadInput
from askance.learners.base import Lesson
from askance.learners.catalogue import learner
from askance.learners.network import layer_of
from askance.learners.networks import Block, Cnn, Mlp, ResNet18
from askance.learners.seeded import seeded
from askance.learners.torch import Torch
from askance.seeds import Dice
from askance.task import Classes

PIXELS, DIGITS = load_digits(return_X_y=True)
TINY = [
    Mlp(hidden=(6, 5)),
    Cnn(widths=(2, 3), hidden=16),
    ResNet18(width_of_stem=2, dropout=0.1),
    ResNet18(stem="stock", width_of_stem=2),
]


def made(maker: Any, features: Any = (1, 18, 18), width: int = 3, seed: int = 0) -> nn.Module:
    """A network in evaluation mode, its numbers float64 and its batch norm not at 0 and 1."""
    with seeded(seed):
        network: nn.Module = maker(features, width).double()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                for array in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
                    assert array is not None
                    array.data.uniform_(0.5, 1.5)
    return network.eval()


def numbers(*shape: int, seed: int = 7) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pictures(count: int = 4, side: int = 18) -> Tensor:
    return numbers(count, 1, side, side)


def digits(labels: int, shape: tuple[int, ...]) -> Lesson:
    return Lesson(
        items=torch.tensor(PIXELS / 16, dtype=torch.float32).reshape(len(PIXELS), *shape),
        keys=torch.arange(len(PIXELS)),
        task=Classes(tuple(range(10))),
        labeled=torch.arange(labels),
        targets=torch.eye(10, dtype=torch.float64)[DIGITS[:labels]],
        weights=torch.ones(labels, dtype=torch.float64),
        unlabeled=torch.arange(labels, len(PIXELS)),
        dice=Dice(0, "fit"),
    )


def parameters(network: nn.Module) -> int:
    return sum(array.numel() for array in network.parameters())


def test_the_stock_residual_network_has_the_parameters_that_everybody_counts() -> None:
    with seeded(0):
        assert parameters(ResNet18(channels=3, stem="stock")((3, 224, 224), 1000)) == 11_689_512
        small = parameters(ResNet18(channels=3)((3, 32, 32), 1000))
    assert small == 11_689_512 - 64 * 3 * (49 - 9)


def test_a_cnn_has_the_parameters_that_paper_counts() -> None:
    network = Cnn()(64, 10)
    expected = (9 + 1) * 32 + (32 * 9 + 1) * 64 + (64 * 2 * 2 + 1) * 128 + (128 + 1) * 10
    assert parameters(network) == expected
    assert parameters(Cnn()((1, 28, 28), 10)) == expected + 64 * (7 * 7 - 2 * 2) * 128


def test_the_small_stem_keeps_the_size_of_a_picture_and_the_stock_stem_quarters_it() -> None:
    def sides(stem: str, side: int) -> list[tuple[int, ...]]:
        network, seen = ResNet18(stem=stem, width_of_stem=2)((side, side), 3), []
        for stage in network.stages:
            stage.register_forward_hook(lambda _, __, found: seen.append(tuple(found.shape[1:])))
        network.eval()(torch.zeros(2, side, side))
        return seen

    assert sides("small", 28) == [(2, 28, 28), (4, 14, 14), (8, 7, 7), (16, 4, 4)]
    assert sides("stock", 224) == [(2, 56, 56), (4, 28, 28), (8, 14, 14), (16, 7, 7)]


def test_a_residual_block_adds_what_it_was_given() -> None:
    block, maps = Block(3, 3, 1).double().eval(), numbers(2, 3, 5, 5)
    assert not torch.allclose(block(maps), maps.relu(), atol=1e-2)
    nn.init.zeros_(block.change.get_parameter("4.weight"))
    assert torch.equal(block(maps), maps.relu())


def test_convolutions_of_the_residual_network_begin_as_wide_as_relu_wants_them() -> None:
    network = ResNet18(width_of_stem=16)((8, 8), 3)
    deep = network.get_parameter("stages.3.0.change.0.weight")  # (128, 64, 3, 3)
    assert float(deep.detach().std()) == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)


def test_an_mlp_is_what_its_matrices_say() -> None:
    network, items = made(Mlp(hidden=(6, 5)), 4), numbers(7, 4)
    a, c, b, d, e, f = network.parameters()
    expected = ((items @ a.T + c).relu() @ b.T + d).relu() @ e.T + f
    assert torch.allclose(network(items), expected)


@pytest.mark.parametrize("maker", TINY, ids=str)
def test_an_item_may_come_flat_or_as_a_picture(maker: Any) -> None:
    items = pictures()
    shapes: list[Any] = [(1, 18, 18), (18, 18), 324]
    found = [
        made(maker, shape)(items.reshape(4, *(shape if isinstance(shape, tuple) else (shape,)))) for shape in shapes
    ]
    assert found[0].shape == (4, 3)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


@pytest.mark.parametrize("maker", [Cnn(3, (2, 2), 4), ResNet18(3, width_of_stem=2)], ids=str)
def test_pictures_with_colors_are_read_channel_after_channel(maker: Any) -> None:
    items = numbers(2, 3, 8, 8)
    assert torch.equal(made(maker, (3, 8, 8))(items), made(maker, 192)(items.flatten(1)))


@pytest.mark.parametrize("maker", TINY, ids=str)
def test_the_embeddings_are_what_the_last_layer_reads(maker: Any) -> None:
    network = made(maker)
    last = layer_of(network, "")
    assert isinstance(last, nn.Linear) and last.out_features == 3
    seen: list[Tensor] = []
    last.register_forward_pre_hook(lambda _, given: seen.extend(given))
    scores = network(pictures())
    assert torch.allclose(scores, seen[0] @ last.weight.T + last.bias)


@pytest.mark.parametrize(("maker", "stages"), list(zip(TINY, (2, 2, 4, 4), strict=True)), ids=str)
def test_a_network_names_the_stages_that_another_head_may_read(maker: Any, stages: int) -> None:
    network, seen = made(maker), []
    for stage in network.stages:  # type: ignore[union-attr]
        stage.register_forward_hook(lambda _, __, found: seen.append(found.detach()))
    network(pictures())
    assert len(seen) == stages
    assert all(found.shape[0] == 4 and float(found.min()) >= 0 for found in seen)  # each ends with ReLU


@pytest.mark.parametrize("maker", TINY, ids=str)
def test_networks_with_stacked_weights_run_as_one(maker: Any) -> None:
    networks, items = [made(maker, seed=seed) for seed in range(3)], pictures()
    weights, buffers = stack_module_state(networks)

    def scores(one: dict[str, Tensor], other: dict[str, Tensor]) -> Tensor:
        found: Tensor = functional_call(networks[0], (one, other), (items,))
        return found

    found = vmap(scores)(weights, buffers)
    assert torch.allclose(found, torch.stack([network(items) for network in networks]), atol=1e-9)
    assert not torch.allclose(found[0], found[1], atol=1e-3)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch warns of itself
@pytest.mark.parametrize("maker", TINY, ids=str)
def test_slopes_along_directions_of_the_weights_are_those_of_backpropagation(maker: Any) -> None:
    network, items = made(maker), pictures()
    weights = {name: array.detach().requires_grad_() for name, array in network.named_parameters()}
    directions = {name: numbers(2, *array.shape, seed=seed) for seed, (name, array) in enumerate(weights.items())}

    def scores(one: dict[str, Tensor]) -> Tensor:
        found: Tensor = functional_call(network, one, (items,))
        return found

    def slope(direction: dict[str, Tensor]) -> Tensor:
        found: Tensor = jvp(scores, (weights,), (direction,))[1]
        return found

    found = vmap(slope)(directions)  # (directions, items, classes)
    alone = slope({name: array[1] for name, array in directions.items()})
    assert torch.allclose(found[1], alone, atol=1e-9)
    side = numbers(4, 3, seed=99)
    gradients = torch.autograd.grad((scores(weights) * side).sum(), list(weights.values()))
    expected = sum(
        float((gradient * directions[name][0]).sum()) for name, gradient in zip(weights, gradients, strict=True)
    )
    assert abs(expected) > 1e-3
    assert float((found[0] * side).sum().detach()) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch warns of itself
@pytest.mark.parametrize("maker", TINY, ids=str)
def test_slopes_along_directions_of_the_items_are_those_of_backpropagation(maker: Any) -> None:
    network, items = made(maker), pictures().requires_grad_()
    direction, side = numbers(4, 1, 18, 18, seed=98), numbers(4, 3, seed=99)
    found = jvp(network, (items,), (direction,))[1]
    (gradient,) = torch.autograd.grad((network(items) * side).sum(), items)
    assert float((found * side).sum().detach()) == pytest.approx(float((gradient * direction).sum()))


@pytest.mark.parametrize("maker", TINY, ids=str)
def test_no_items_have_no_scores(maker: Any) -> None:
    assert made(maker)(pictures(0)).shape == (0, 3)


@pytest.mark.parametrize("maker", TINY, ids=str)
def test_what_looks_for_dropout_finds_it_only_where_something_is_dropped(maker: Any) -> None:
    network, items = made(maker), pictures()
    drops = any(isinstance(layer, nn.Dropout) for layer in network.modules())
    assert drops == (maker.dropout > 0)
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.train()
    with seeded(0):
        assert torch.equal(network(items), network(items)) != drops


@pytest.mark.parametrize("maker", [*TINY, Mlp(), Cnn(), ResNet18()], ids=str)
def test_a_maker_comes_back_from_its_description_and_can_be_a_key(maker: Any) -> None:
    assert build(describe(maker)) == maker
    assert len({maker, build(describe(maker))}) == 1
    assert learner(maker) == Torch(maker) == build(describe(Torch(maker)))


@pytest.mark.parametrize(
    ("network", "shape", "steps", "rate"),
    [
        (Mlp(), (64,), 140, 3e-3),
        (Cnn(), (64,), 70, 3e-3),
        (Cnn(), (1, 8, 8), 70, 3e-3),
        (ResNet18(width_of_stem=4), (8, 8), 35, 1e-2),
    ],
    ids=str,
)
def test_digits_are_learned_and_the_same_lesson_gives_the_same_model(
    network: Any, shape: tuple[int, ...], steps: int, rate: float
) -> None:
    lesson, recipe = digits(200, shape), Torch(network, steps=steps, rate=rate)
    model, again = recipe.fit(lesson), recipe.fit(lesson)
    scores = model.outputs(lesson.items[200:]).scores
    assert scores is not None
    accuracy = float((scores.argmax(1).numpy() == DIGITS[200:]).mean())
    assert accuracy > 0.5  # chance is 0.1
    one, other = model.weights(), again.weights()
    assert one is not None and other is not None
    assert all(torch.equal(array, other[name]) for name, array in one.items())
    restored = recipe.restore(one, model.facts)
    assert restored is not None
    found = restored.outputs(lesson.items[200:]).scores
    assert found is not None and torch.equal(found, scores)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Mlp(hidden=()), r"Mlp\(hidden=\(\)\) is a linear model. Use one hidden layer"),
        (lambda: Mlp(hidden=(8, 0)), r"Mlp\(hidden=\(8, 0\)\) is no size of a layer. Use whole numbers above 0"),
        (lambda: Mlp(hidden=[8]), r"Mlp\(hidden=\[8\]\) is no size.*several of them as a tuple"),  # type: ignore[arg-type]
        (lambda: Mlp(dropout=1.0), r"Mlp\(dropout=1.0\) is no share. Use 0 or more"),
        (lambda: Cnn(widths=(1, 2, 3)), r"Cnn\(widths=\(1, 2, 3\)\) names 3 widths"),  # type: ignore[arg-type]
        (lambda: ResNet18(stem="big"), r"ResNet18\(stem='big'\) is no stem. Use 'small'"),
        (lambda: Cnn()(65, 2), r"Cnn\(channels=1\) reads 1 x height x width numbers.*item has 65. Reshape the pool"),
        (lambda: ResNet18(3)(64, 2), r"ResNet18\(channels=3\) reads 3 x height x width.*item has 64. Reshape the pool"),
        (lambda: Cnn(3)(2, 2), r"item has 2. Reshape the pool"),
        (lambda: Cnn()(0, 2), r"0 x 0 pixels are too few"),
        (lambda: Cnn()((3, 8, 8), 2), r"of shape \(3, 8, 8\), whose number of channels is 3. Use Cnn\(channels=3\)"),
        (lambda: Cnn(3)((8, 8), 2), r"of shape \(8, 8\), whose number of channels is 1. Use Cnn\(channels=1\)"),
        (lambda: Cnn()((1, 2, 8, 8), 2), r"Cnn reads pictures, and an item has the shape \(1, 2, 8, 8\). Reshape"),
        (lambda: Cnn()((3, 8), 2), r"Cnn.*halves a picture 2 times, and 3 x 8 pixels.*at least 4 x 4, or Mlp"),
        (lambda: ResNet18()((4, 8), 2), r"halves a picture 3 times, and 4 x 8 pixels.*at least 5 x 5, or Cnn"),
        (lambda: ResNet18(1, "stock")(256, 2), r"5 times, and 16 x 16 pixels.*at least 17 x 17, or stem='small'"),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_numbers(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        make()


@pytest.mark.parametrize(("maker", "side"), [(Cnn(), 4), (ResNet18(width_of_stem=2), 5), (ResNet18(1, "stock", 2), 17)])
def test_the_smallest_pictures_still_tell_one_from_another(maker: Any, side: int) -> None:
    scores = made(maker, (side, side))(pictures(2, side))
    assert not torch.allclose(scores[0], scores[1])


def test_a_study_is_told_at_its_first_fit_that_its_items_are_no_pictures() -> None:
    with pytest.raises(BadInput, match=r"reads 1 x height x width numbers.*item has 32. Reshape the pool"):
        Torch(Cnn()).fit(replace(digits(20, (64,)), items=torch.zeros(1797, 32)))

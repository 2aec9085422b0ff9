"""The pair of networks: gradients against autograd, what the second is taught, and no place of an item in it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap

from askance.errors import BadInput
from askance.lab.datasets import digits
from askance.learners.base import Lesson
from askance.learners.pair import NeuralPair, Paired, net_blocks, net_values, slopes
from askance.seeds import Dice
from askance.task import Classes, Targets
from tests.pins import pins

SMALL = {"hidden": 6, "width": 5, "epochs": 3}


def lesson(rows: list[int], items: Tensor, labels: list[int], classes: int = 3, number: int = 0) -> Lesson:
    labeled = torch.tensor(rows, dtype=torch.int64)
    return Lesson(
        items=items,
        keys=torch.arange(len(items)),
        task=Classes(tuple(range(classes))),
        labeled=labeled,
        targets=torch.eye(classes, dtype=torch.float64)[torch.tensor(labels)],
        weights=torch.ones(len(rows), dtype=torch.float64),
        unlabeled=torch.tensor([row for row in range(len(items)) if row not in rows]),
        dice=Dice(0, "fit", number),
        number=number,
    )


def some(items: int = 12, features: int = 4) -> Tensor:
    return torch.randn(items, features, generator=torch.Generator().manual_seed(1))


def written_out(net: dict[str, torch.Tensor], items: torch.Tensor, arms: bool) -> torch.Tensor:
    """The gradient of the summed outputs by all parameters, (items, parameters)."""
    back, rest = slopes(net, items, arms)
    return torch.cat([torch.einsum("ich,if->ihcf", back, items).flatten(1), rest.sum(1)], 1)


@pins("i-neural, neuronal-stream", "definition", "The gradient that the second network reads, against autograd.")
@pytest.mark.parametrize("arms", [True, False])
def test_the_gradient_is_that_of_autograd_by_all_parameters(arms: bool) -> None:
    items = some()
    net = NeuralPair(arms=arms, **SMALL).fit(lesson([0, 1, 2], items, [0, 1, 2])).exploit

    def output(weights: dict[str, Tensor], item: Tensor, place: Tensor) -> Tensor:
        found = net_values(weights, item.unsqueeze(0), arms)[0]
        return found[place] if arms else found.sum()

    summed = torch.zeros(())
    length = sum(array.numel() for array in net.values())
    ends = [-(-length * block // 5) for block in range(6)]
    blocks = net_blocks(net, items, arms, 5)
    for place in range(3 if arms else 1):
        parts = vmap(grad(output), in_dims=(None, 0, None))(net, items, torch.tensor(place))
        expected = torch.cat([parts[name].flatten(1) for name in ("in", "in_bias", "out", "out_bias")], 1)
        summed = summed + expected
        means = torch.stack([expected[:, a:b].mean(1) for a, b in pairwise(ends)], 1)
        own = blocks[:, place] if arms else blocks
        assert torch.allclose(own, torch.nn.functional.normalize(means, dim=1), atol=1e-6)
    assert torch.allclose(written_out(net, items, arms), summed, atol=1e-6)


def test_a_thousand_arms_take_room_for_one_gradient() -> None:
    items = some(4, 16)
    model = NeuralPair(arms=True).fit(lesson([0, 1], items, [0, 999], classes=1000))
    assert model.outputs(items).extras["explore"].shape == (4, 1000)  # 1.6 million weights; dense, 6 GB an item


@pins("i-neural", "definition", "A class is the item in its block of a vector of zeros.")
def test_an_arm_is_the_item_in_the_block_of_its_class() -> None:
    items = some(3)
    net = NeuralPair(arms=True, **SMALL).fit(lesson([0, 1, 2], items, [0, 1, 2])).exploit
    blocks = torch.zeros(3, 3, 12)
    for place in range(3):
        blocks[:, place, 4 * place : 4 * place + 4] = items
    plain = torch.relu(blocks @ net["in"].T + net["in_bias"]) @ net["out"][0] + net["out_bias"]
    assert torch.allclose(net_values(net, items, True), plain, atol=1e-6)


@pytest.mark.parametrize("arms", [True, False])
def test_the_second_network_is_taught_what_the_first_missed_before_it_learned(arms: bool) -> None:
    items, pair = some(), NeuralPair(arms=arms, **SMALL)
    first = pair.fit(lesson([0, 1, 2], items, [0, 1, 2]))
    second = pair.fit(replace(lesson([0, 1, 2, 3], items, [0, 1, 2, 0], number=1), previous=first))
    assert second.memory["keys"].tolist() == [0, 1, 2, 3]
    assert torch.equal(second.memory["guesses"][:3], first.memory["guesses"])
    before, after = (net_values(model.exploit, items[3:4], arms)[0] for model in (first, second))
    assert torch.allclose(second.memory["guesses"][3], before, atol=1e-6)
    assert not torch.allclose(second.memory["guesses"][3], after, atol=1e-4)
    assert second.memory["gradients"].norm(dim=-1).flatten().tolist() == pytest.approx([1.0] * (12 if arms else 4))
    third = pair.fit(replace(lesson([0, 3], items, [0, 0], number=2), previous=second))  # two labels were taken back
    assert third.memory["keys"].tolist() == [0, 3]


@pins(
    "neuronal, neuronal-stream",
    "defect",
    "Released code divides what the second network says by the item's place in the pool, ours by the fit's number.",
)
@pytest.mark.parametrize("arms", [True, False])
def test_exploration_does_not_fade_with_the_place_of_an_item(arms: bool) -> None:
    items, pair = some(), NeuralPair(arms=arms, **SMALL)
    model = pair.fit(lesson([0, 1, 2], items, [0, 1, 2]))
    given, turned = model.outputs(items).extras, model.outputs(items.flip(0)).extras
    assert torch.allclose(given["values"].flip(0), turned["values"], atol=1e-6)
    assert torch.allclose(given["values"], given["exploit"] + given["explore"], atol=1e-6)  # the first fit: t is 1
    later = pair.fit(replace(lesson([0, 1, 2], items, [0, 1, 2], number=3), previous=model)).outputs(items).extras
    assert torch.allclose(later["values"], later["exploit"] + later["explore"] / 4, atol=1e-6)
    steady = replace(pair, fade=False).fit(lesson([0, 1, 2], items, [0, 1, 2], number=3)).outputs(items).extras
    assert torch.allclose(steady["values"], steady["exploit"] + steady["explore"], atol=1e-6)


@pins(
    "neural-ntk",
    "definition",
    "The width against the sum of squared gradients, item by item.",
    "sqrt(gamma sum g^2 / Z)",
)
@pytest.mark.parametrize("arms", [True, False])
def test_the_width_is_that_of_the_diagonal_of_the_gradients_seen(arms: bool) -> None:
    items = some()
    model = NeuralPair(arms=arms, ridge=0.5, **SMALL).fit(lesson([0, 1, 2], items, [0, 1, 2]))
    gradients = written_out(model.exploit, items, arms)
    diagonal = 0.5 + sum(gradient.square() for gradient in gradients[:3])
    expected = [float((gradient.square() / diagonal).sum().sqrt()) for gradient in gradients]
    assert model.outputs(items).extras["ntk_width"].tolist() == pytest.approx(expected, rel=1e-4)


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    items, pair = some(), NeuralPair(arms=True, **SMALL)
    whole = pair.fit(lesson([0, 1, 2], items, [0, 1, 2])).outputs(items).extras
    monkeypatch.setattr("askance.learners.pair._PIECE", 300)
    parts = pair.fit(lesson([0, 1, 2], items, [0, 1, 2])).outputs(items).extras
    assert all(torch.allclose(whole[name], parts[name], atol=1e-5) for name in whole)


def test_with_another_number_of_classes_it_begins_anew() -> None:
    items, pair = some(), NeuralPair(**SMALL)
    before = pair.fit(lesson([0, 1], items, [0, 1], classes=2))
    after = pair.fit(replace(lesson([0, 1, 2], items, [0, 1, 2], number=1), previous=before))
    assert isinstance(after, Paired) and after.outputs(items).extras["values"].shape == (12, 3)


def test_it_learns_digits_round_after_round() -> None:
    data = digits()
    truth = [int(label) for label in data.labels]
    pair, model, right = NeuralPair(epochs=20), None, []
    for number, labels in enumerate((100, 300, 500)):
        told = lesson(list(range(labels)), data.pool.items, truth[:labels], classes=10, number=number)
        model = pair.fit(replace(told, previous=model))
        guesses = model.outputs(data.pool.items[1000:]).extras["values"].argmax(1)
        right.append(float((guesses == torch.tensor(truth[1000:])).float().mean()))
    assert right[0] < right[2] and right[2] > 0.8


@pytest.mark.parametrize("bad", [{"hidden": 0}, {"rate": 0.0}, {"width": 0}, {"ridge": -1.0}])
def test_what_learns_nothing_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="learns nothing"):
        NeuralPair(**bad)  # type: ignore[arg-type]


def test_numbers_and_things_that_are_no_arrays_are_refused() -> None:
    with pytest.raises(BadInput, match="learns classes"):
        NeuralPair().fit(replace(lesson([0], some(), [0]), task=Targets()))
    with pytest.raises(BadInput, match="Encode them first"):
        NeuralPair().fit(replace(lesson([0], some(), [0]), items=["a"] * 12))

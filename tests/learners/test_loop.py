"""A training goes on exactly as it would have, records what is asked, and trains what stands beside the network."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from askance.learners import loop
from askance.learners.augment import Mixup, Shift
from askance.learners.base import Lesson
from askance.learners.beside import Beside, Seen, Step
from askance.learners.ensemble import Ensemble
from askance.learners.many import Bootstrapped
from askance.learners.network import TorchModel
from askance.learners.networks import Cnn, Mlp
from askance.learners.schedules import Constant, Cosine, Cycles, Drops
from askance.learners.torch import Torch
from askance.seeds import Dice
from askance.task import Classes

PIXELS, DIGITS = load_digits(return_X_y=True)


def lesson(labels: int = 40, items: int = 120, **more: Any) -> Lesson:
    return Lesson(
        items=torch.tensor(PIXELS[:items].reshape(-1, 8, 8) / 16, dtype=torch.float32),
        keys=torch.arange(items) + 1000,
        task=Classes(tuple(range(10))),
        labeled=torch.arange(labels),
        targets=torch.eye(10, dtype=torch.float64)[DIGITS[:labels]],
        weights=torch.ones(labels, dtype=torch.float64),
        unlabeled=torch.arange(labels, items),
        dice=Dice(0, "fit"),
        **more,
    )


class Killed(Exception):
    """The process is gone."""


class Kept:
    """Saves after every step, and is killed after one of them."""

    def __init__(self, killed: int = 10**9) -> None:
        self.killed, self.saved, self.found = killed, 0, None
        self.parts: dict[str, Kept] = {}

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        return copy.deepcopy(self.found)

    def due(self) -> bool:
        return True

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.found: Any = copy.deepcopy((tensors, facts))
        self.saved += 1
        if self.saved == self.killed:
            raise Killed

    def of(self, part: str) -> Kept:
        return self.parts.setdefault(part, Kept(self.killed))


@dataclass(frozen=True)
class Critic(Beside):
    """Learns the mean of the embeddings' lengths, with an optimizer that has a memory of its own."""

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"length"})

    def build(self, model: TorchModel, items: Tensor) -> nn.Module:
        seen = model.look(items)
        assert seen.embeddings is not None
        return nn.Linear(seen.embeddings.shape[1], 1)

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(module.parameters(), lr=0.01)

    def loss(self, module: nn.Module, step: Step) -> Tensor:
        assert step.seen.embeddings is not None
        more = step.model.look(step.unlabeled(8)).embeddings
        assert more is not None
        both = torch.cat([step.seen.embeddings, more])
        return 0.1 * (module(both.detach()).squeeze(1) - both.detach().norm(dim=1)).square().mean()

    def extras(self, module: nn.Module, seen: Seen) -> Mapping[str, Tensor]:
        assert seen.embeddings is not None
        return {"length": module(seen.embeddings).squeeze(1)}


FULL = Torch(
    Cnn(widths=(4, 4), hidden=8),
    steps=23,
    batch=12,
    patience=2,
    validation=0.3,
    schedule=Cosine(rise=0.2),
    augment=Shift(1),
    mixup=Mixup(),
    parts=(Critic(),),
    looks=4,
)


@pytest.mark.parametrize("killed", [1, 2, 3, 10, 22, 23])
@pytest.mark.parametrize("recipe", [FULL, replace(FULL, momentum=0.9, patience=0)], ids=["adam", "sgd"])
def test_a_training_that_was_killed_ends_as_an_unbroken_one(recipe: Torch, killed: int) -> None:
    asked = frozenset({"probabilities", "embedding_lengths"})
    whole = recipe.fit(lesson(record=asked))
    first = Kept(killed)
    with pytest.raises(Killed):
        recipe.fit(lesson(record=asked, resume=first))
    torch.manual_seed(5)  # another process has other dice
    second = Kept()
    second.found = first.found
    model = recipe.fit(lesson(record=asked, resume=second))
    assert second.saved == whole.facts["steps"] - killed
    assert model.facts == whole.facts
    weights, expected = model.weights(), whole.weights()
    assert weights is not None and expected is not None and weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert all(model.records[name].equal(whole.records[name]) for name in asked)
    one, other = (m.outputs(lesson().items).extras["length"] for m in (model, whole))
    assert torch.equal(one, other)


@pytest.mark.parametrize("several", [Ensemble, Bootstrapped])
def test_each_of_several_trainings_goes_on_by_itself(several: Any) -> None:
    recipe = several(Torch(Mlp((6,)), steps=7), members=3)
    whole = recipe.fit(lesson()).weights()
    place = Kept()
    recipe.fit(lesson(resume=place))
    assert len(place.parts) == 3 and all(kept.saved == 7 for kept in place.parts.values())
    middle = next(iter(place.parts))
    place.parts[middle].killed = 4  # of the second run, as its first saves were counted
    place.parts[middle].saved = 0
    place.parts[middle].found = None
    with pytest.raises(Killed):
        recipe.fit(lesson(resume=place))
    place.parts[middle].killed = 10**9
    again = recipe.fit(lesson(resume=place)).weights()
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    assert sorted(kept.saved for kept in place.parts.values()) == [7, 7, 7]


class Counting(nn.Linear):
    """Has state that is no tensor."""

    calls = 0

    def __init__(self, features: tuple[int, int], width: int) -> None:
        super().__init__(64, width)

    def forward(self, items: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(items.flatten(1))

    def get_extra_state(self) -> dict[str, int]:
        return {"calls": self.calls}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.calls = state["calls"]


def test_a_training_of_a_network_whose_state_is_more_than_tensors_is_not_kept_and_ends() -> None:
    recipe, place = Torch(Counting, steps=9, batch=12, patience=3, validation=0.3), Kept()
    model, plain = recipe.fit(lesson(resume=place)), recipe.fit(lesson())
    assert place.saved == 0 and model.weights() is None
    assert model.facts == plain.facts and torch.equal(model.network.weight, plain.network.weight)


def test_what_was_kept_of_another_lesson_is_not_gone_on_with() -> None:
    recipe, place = Torch(Mlp((6,)), steps=7), Kept()
    recipe.fit(lesson(30, resume=place))
    other = recipe.fit(lesson(40, resume=place))
    assert same_weights(other, recipe.fit(lesson(40)))
    weighted = lesson(40, resume=place)
    found = recipe.fit(replace(weighted, weights=weighted.weights * 2))
    assert same_weights(found, recipe.fit(replace(weighted, weights=weighted.weights * 2, resume=None)))


def test_the_looks_are_what_models_of_so_many_steps_say() -> None:
    given = lesson(record=frozenset({"probabilities", "embedding_lengths"}))
    recipe = Torch(Mlp((16,)), steps=10, looks=2)
    model = recipe.fit(given)
    for look, steps in enumerate((5, 10)):
        found = replace(recipe, steps=steps).fit(given).outputs(given.items)
        assert found.scores is not None and found.embeddings is not None
        assert torch.equal(model.records["probabilities"][:, look], found.scores.softmax(1))
        assert torch.equal(model.records["embedding_lengths"][:, look], found.embeddings.norm(dim=1))
    plain = recipe.fit(lesson())
    assert not plain.records and same_weights(plain, model)


@pytest.mark.parametrize("steps", [3, 6, 10, 11])
def test_models_that_learned_nothing_have_as_many_looks_as_others(steps: int) -> None:
    recipe, asked = Torch(Mlp((4,)), steps=steps, looks=10), frozenset({"probabilities"})
    trained, untold = recipe.fit(lesson(record=asked)), recipe.fit(lesson(labels=0, record=asked))
    lost = replace(recipe, rate=1e30, momentum=0.0).fit(lesson(record=asked))
    assert "diverged" in lost.facts
    assert trained.records["probabilities"].shape == (120, min(steps, 10), 10)
    assert untold.records["probabilities"].shape == lost.records["probabilities"].shape == (120, min(steps, 10), 10)


def test_of_a_large_pool_the_labeled_and_some_others_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "RECORDED", 50)
    found = Torch(Mlp((4,)), steps=2, looks=1).fit(lesson(record=frozenset({"probabilities"}))).records["probabilities"]
    there = torch.isfinite(found).all(2).all(1)
    assert found.shape == (120, 1, 10) and int(there.sum()) == 50 and bool(there[:40].all())
    assert 0 < int(there[40:80].sum()) < 10


def test_augmentation_is_for_training_alone_and_each_item_has_its_own() -> None:
    given = lesson()
    recipe = Torch(Cnn(widths=(4, 4), hidden=8), steps=3, augment=Shift(2))
    one, other = recipe.fit(given), replace(recipe, augment=None).fit(given)
    assert not same_weights(one, other)
    first, second = one.outputs(given.items), one.outputs(given.items)
    assert first.scores is not None and second.scores is not None and torch.equal(first.scores, second.scores)
    order = torch.randperm(120, generator=torch.Generator().manual_seed(1))
    place = order.argsort()[given.labeled].sort().values
    moved = replace(
        given,
        items=given.items[order],
        keys=given.keys[order],
        labeled=place,
        targets=given.targets[order[place]],
        unlabeled=order.argsort()[given.unlabeled].sort().values,
    )
    assert same_weights(one, recipe.fit(moved))


def test_what_is_trained_beside_a_network_learns_and_leaves_it_as_it_would_be() -> None:
    given = lesson(100)
    with_it = Torch(Mlp((16,), dropout=0.0), steps=300, parts=(Critic(),)).fit(given)
    found = with_it.outputs(given.items)
    assert found.embeddings is not None
    lengths = found.embeddings.norm(dim=1)
    assert float((found.extras["length"] - lengths).abs().mean()) < float((lengths - lengths.mean()).abs().mean())
    alone = Torch(Mlp((16,), dropout=0.0), steps=300).fit(given)
    mine, its = alone.weights(), with_it.weights()
    assert mine is not None and its is not None
    assert all(torch.equal(mine[name], its[name]) for name in mine)  # it is detached, and throws no dice of the network
    assert set(its) - set(mine) == {"beside[0].weight", "beside[0].bias"}
    blank = Torch(Mlp((16,)), parts=(Critic(),)).fit(lesson(0)).outputs(given.items)
    assert not blank.extras["length"].any()


def test_all_unlabeled_items_are_seen_before_one_is_seen_again() -> None:
    seen: list[Tensor] = []

    @dataclass(frozen=True)
    class Looks(Beside):
        def loss(self, module: nn.Module, step: Step) -> None:
            seen.append(step.unlabeled(30))

    given = lesson(40, 120)
    Torch(Mlp((4,)), steps=8, parts=(Looks(),)).fit(given)
    flat = torch.cat(seen).flatten(1)
    pool = given.items[40:].flatten(1)
    which = torch.cdist(flat, pool).argmin(1)
    assert sorted(which[:80].tolist()) == list(range(80)) == sorted(which[80:160].tolist())
    assert which[:80].tolist() != which[80:160].tolist()
    seen.clear()
    Torch(Mlp((4,)), steps=1, parts=(Looks(),)).fit(lesson(40, 40))
    assert len(seen[0]) == 0


def test_soft_and_weighted_labels_are_learned_as_they_are() -> None:
    given = lesson(60)
    half = given.targets.clone()
    half[:, :] = 0.1
    soft = Torch(Mlp((8,)), steps=200).fit(replace(given, targets=half)).outputs(given.items).scores
    assert soft is not None and float((soft.softmax(1) - 0.1).abs().max()) < 0.05
    only = torch.zeros(60, dtype=torch.float64)
    only[:20] = 3.0
    recipe = Torch(Mlp((8,), dropout=0.0), steps=20, batch=60)
    weighted = recipe.fit(replace(given, weights=only)).outputs(given.items).scores
    other = given.targets.clone()
    other[20:] = other[20:].flip(0)  # what weighs nothing may be labeled otherwise
    again = recipe.fit(replace(given, weights=only, targets=other)).outputs(given.items).scores
    assert weighted is not None and again is not None and torch.equal(weighted, again)


def test_schedules_go_where_they_should() -> None:
    assert [Constant().factor(share) for share in (0.0, 0.9)] == [1.0, 1.0]
    assert Cosine(rise=0.5).factor(0.0) < 0.01 and Cosine(rise=0.5).factor(0.5) == 1.0
    assert Drops().factor(0.79) == 1.0 and Drops().factor(0.8) == pytest.approx(0.1)
    assert Cycles(4).factor(0.249) < 0.01 and Cycles(4).factor(0.25) == 1.0
    slow, fast = (Torch(Mlp((8,)), steps=5, schedule=s).fit(lesson()) for s in (Drops(at=(0.2,), by=1e-9), Constant()))
    assert not same_weights(slow, fast)
    one = Torch(Mlp((8,)), steps=1).fit(lesson())
    difference = [float((a - b).abs().max()) for a, b in zip(tensors(slow), tensors(one), strict=True)]
    assert max(difference) < 1e-6  # after the first step the rate is next to nothing


def same_weights(one: TorchModel, other: TorchModel) -> bool:
    return all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


def tensors(model: TorchModel) -> list[Tensor]:
    return list((model.weights() or {}).values())


def test_the_unlabeled_are_walked_through_evenly_where_batches_are_not_of_one_size() -> None:
    seen: list[Tensor] = []

    @dataclass(frozen=True)
    class Looks(Beside):
        def loss(self, module: nn.Module, step: Step) -> None:
            again = step.unlabeled(len(step.rows))
            seen.append(step.unlabeled(len(step.rows)))
            assert torch.equal(again, seen[-1])  # two that ask in one step see the same

    given = lesson(33, 83)
    Torch(Mlp((4,)), steps=4, batch=32, parts=(Looks(),)).fit(given)
    assert [len(items) for items in seen] == [17, 16, 17, 16]
    which = torch.cdist(torch.cat(seen).flatten(1), given.items[33:].flatten(1)).argmin(1)
    assert len(set(which[:50].tolist())) == 50


def test_with_mixup_too_a_label_that_weighs_nothing_teaches_nothing() -> None:
    given = lesson(40)
    weights = given.weights.clone()
    weights[:10] = 0
    turned = given.targets.clone()
    turned[:10] = turned[:10].roll(1, 1)
    recipe = Torch(Mlp((8,), dropout=0.0), steps=20, batch=16, mixup=Mixup(1.0))
    one, other = (
        recipe.fit(replace(given, weights=weights, targets=targets)).weights() for targets in (given.targets, turned)
    )
    assert one is not None and other is not None and all(torch.equal(one[name], other[name]) for name in one)

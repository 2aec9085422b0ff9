"""Passes of a thinned network: numbered masks, nothing else switched on, the trunk computed once where it may be."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.naive_bayes import GaussianNB
from torch import Tensor, nn

from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.dropout import Dropout, Thinned, mask, thinned
from askance.learners.filtered import Filtered
from askance.learners.network import TorchModel
from askance.learners.pseudo import PseudoLabeled
from askance.learners.sklearn import Sklearn
from askance.learners.torch import Torch
from askance.learners.virtual import Virtual
from askance.learners.wrappers import Noted, blank
from askance.seeds import Dice
from askance.signals.samples import Samples, Votes
from askance.study.artifacts import FolderArtifacts
from askance.study.study import Study
from askance.task import Classes, Labels, Targets, Task
from askance.testing import check_learner
from askance.testing.learners import lesson_of
from askance.testing.worlds import THREE, small_items, small_oracle, small_pool, small_study, small_world
from tests.learners.test_virtual import batch, history


def noisy(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, width))


def deep(features: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Dropout(0.2, inplace=True),  # the items themselves pass through it
        nn.Linear(features, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(16, width),
    )


def bare(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Identity(), nn.Dropout(0.4), nn.Linear(features, width))


def channels(features: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (features // 4, 2, 2)), nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(features, width)
    )


def in_place(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 16), nn.Dropout(0.5), nn.ELU(inplace=True), nn.Linear(16, width))


class Shared(nn.Module):
    """Calls one dropout layer twice."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.drop, self.last = nn.Dropout(0.5), nn.Linear(features, width)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.last(self.drop(items) + self.drop(items))
        return found


class Attentive(nn.Module):
    """A transformer layer over the numbers of an item, as tokens; torch has a short cut for it in evaluation mode."""

    first = True

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2, batch_first=self.first)
        self.last = nn.Linear(8, width)

    def forward(self, items: Tensor) -> Tensor:
        tokens = items[:, :, None] * torch.ones(8)
        if self.first:
            found: Tensor = self.last(self.layer(tokens).mean(1))
            return found
        found = self.last(self.layer(tokens.transpose(0, 1)).mean(0))
        return found


class Recurrent(nn.Module):
    """Its last layer by name gives several things, and no scores."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.drop, self.body, self.last = nn.Dropout(0.5), nn.LSTM(1, 8, batch_first=True), nn.Linear(8, width)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.last(self.body(self.drop(items)[:, :, None])[0][:, -1])
        return found


def fitted(network: Callable[..., nn.Module], passes: int = 10, task: Task = THREE) -> Thinned:
    model = Dropout(Torch(network, steps=3), passes).fit(lesson_of(task))
    assert isinstance(model, Thinned)
    return model


def samples(model: Model, items: Tensor | None = None) -> Tensor:
    found = model.outputs(small_items() if items is None else items).samples
    assert found is not None
    return found


def drawn(model: Thinned, number: int, layer: str, width: int, p: float) -> Tensor:
    """The mask of a pass and a layer, by the recipe in words."""
    dice = Dice(model.facts["seed"], "dropout", number, layer)
    return (torch.rand(width, generator=dice.torch_generator()) >= p).float() / (1 - p)


@pytest.mark.parametrize(
    ("network", "task"),
    [(noisy, None), (deep, None), (channels, None), (deep, Labels(("a", "b"))), (noisy, Targets()), (deep, Targets(2))],
)
def test_it_keeps_the_contract_on_every_task(network: Callable[..., nn.Module], task: Task | None) -> None:
    check_learner(Dropout(Torch(network, steps=2), passes=3), task)


def test_masks_applied_by_hand_give_the_same_samples() -> None:
    model, items = fitted(deep), small_items()
    found, weights = samples(model), model.weights() or {}
    for number in range(10):
        dropped = items * drawn(model, number, "0[0]", 8, 0.2)
        hidden = dropped @ weights["1.weight"].T + weights["1.bias"]
        hidden = (hidden - weights["2.running_mean"]) / (weights["2.running_var"] + 1e-5).sqrt()
        hidden = (hidden * weights["2.weight"] + weights["2.bias"]).clamp(min=0) * drawn(model, number, "4[0]", 16, 0.5)
        assert torch.allclose(found[:, number], hidden @ weights["5.weight"].T + weights["5.bias"], atol=1e-5)
    assert model.facts["dropout_layers"] == ["0", "4"]


def test_the_inner_outputs_stay_and_the_mean_of_many_passes_of_a_linear_network_comes_near_its_scores() -> None:
    model, items = fitted(bare, passes=4000), small_items()
    own, found = model.inner.outputs(items), model.outputs(items)
    assert own.scores is not None and own.embeddings is not None and found.samples is not None
    assert found.scores is not None and torch.equal(found.scores, own.scores)
    assert found.embeddings is not None and torch.equal(found.embeddings, own.embeddings)
    error = found.samples.std(1) / 4000**0.5
    assert ((found.samples.mean(1) - own.scores).abs() < 5 * error + 1e-6).all()
    weights = (model.weights() or {})["2.weight"]
    variance = (items.square() @ weights.square().T) * 0.4 / 0.6  # of sum_j w_j x_j m_j, with var m = p / (1 - p)
    assert torch.allclose(found.samples.var(1), variance, rtol=0.2)


def test_the_share_that_is_dropped_is_p_and_passes_layers_calls_and_fits_have_masks_of_their_own() -> None:
    layer, given = nn.Dropout(0.3), torch.zeros(2, 5000)
    streams = [Dice(seed, "dropout", number, name) for seed in (0, 1) for number in (0, 1) for name in ("a[0]", "a[1]")]
    masks = torch.cat([mask(layer, given, dice) for dice in streams])
    assert masks.shape == (8, 5000)
    assert ((masks == 0).float().mean(1) - 0.3).abs().max() < 4 * (0.3 * 0.7 / 5000) ** 0.5
    assert sorted(set(masks.flatten().tolist())) == pytest.approx([0.0, 1 / 0.7])
    assert masks.corrcoef().fill_diagonal_(0).abs().max() < 0.07
    assert torch.equal(mask(layer, given[:1].double(), streams[0]).float(), masks[:1])


def test_nothing_but_dropout_is_on_and_all_is_left_as_it_was() -> None:
    model = fitted(deep)
    network = model.inner.network
    before = {name: array.clone() for name, array in network.state_dict().items()}
    modes: list[bool] = []
    handle = network[2].register_forward_hook(lambda layer, *_: modes.append(layer.training))  # type: ignore[index]
    network.train()
    model.outputs(small_items())
    handle.remove()
    assert len(modes) == 11 and not any(modes)
    assert all(torch.equal(array, before[name]) for name, array in network.state_dict().items())
    assert not any(layer.training or layer._forward_hooks or layer._forward_pre_hooks for layer in network.modules())


def test_hooks_go_even_where_a_pass_fails() -> None:
    network = noisy(8, 3).eval()
    with pytest.raises(RuntimeError), thinned(network, 0, 0):
        network(torch.zeros(2, 9))
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in network.modules())


def test_rows_are_the_same_in_any_piece_and_any_company() -> None:
    items = torch.cat([small_items()] * 8)  # more than the network scores at once
    for network in (noisy, deep, channels, Attentive):
        model = fitted(network, passes=4)
        whole = samples(model, items)
        assert whole.shape == (320, 4, 3) and bool((whole.std(1) > 1e-4).any())
        for size in (1, 7, 100):
            parts = [samples(model, items[start : start + size]) for start in range(0, 120, size)]
            assert torch.allclose(torch.cat(parts)[:120], whole[:120], atol=1e-6)
        order = torch.tensor(random.Random(0).sample(range(320), 320))
        assert torch.allclose(samples(model, items[order]), whole[order], atol=1e-6)
        assert torch.equal(samples(model, items), whole)


def test_where_the_dropout_stands_before_the_last_layer_the_trunk_is_computed_once() -> None:
    model = fitted(noisy)
    slow = Thinned(model.inner, model.passes, model.layers, once=False)
    assert model.facts["trunk_once"]
    counts = []
    for each in (model, slow):
        calls: list[int] = []
        trunk = model.inner.network[0]  # type: ignore[index]
        handle = trunk.register_forward_hook(lambda _, given, gave, calls=calls: calls.append(len(given[0])))
        found = samples(each)
        handle.remove()
        counts.append(calls)
        assert torch.allclose(found, samples(slow), atol=1e-6)
    assert counts == [[40], [40] * 11]


@pytest.mark.parametrize("network", [deep, channels, in_place, Shared, Attentive])
def test_where_anything_else_stands_between_the_whole_network_is_computed(network: Callable[..., nn.Module]) -> None:
    assert not fitted(network, passes=2).facts["trunk_once"]


def test_the_layer_of_the_embeddings_may_give_several_things() -> None:
    model = Dropout(Torch(Recurrent, layer="body", steps=1), passes=2).fit(lesson_of(THREE))
    assert not model.facts["trunk_once"] and bool((samples(model).std(1) > 0).all())


def last(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, width), nn.Dropout(0.5))


@pytest.mark.parametrize("layer", [None, "0", "1"])
def test_scores_themselves_may_be_dropped_whatever_the_embeddings_are(layer: str | None) -> None:
    model = Dropout(Torch(last, layer=layer, steps=3)).fit(lesson_of(THREE))
    scores = model.outputs(small_items()).scores
    assert scores is not None and not model.facts["trunk_once"]
    for number, found in enumerate(samples(model).unbind(1)):
        assert torch.allclose(found, scores * drawn(model, number, "1[0]", 3, 0.5), atol=1e-6)


class Bent(nn.Module):
    """Does something to the scores after the last layer, in place or not."""

    in_place = True

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.drop, self.last = nn.Dropout(0.5), nn.Linear(features, width)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.last(self.drop(items))
        return found.mul_(2) if self.in_place else found * 2


class BentAnew(Bent):
    """The same in a new array."""

    in_place = False


@pytest.mark.parametrize("network", [Bent, BentAnew])
def test_scores_that_are_bent_after_the_last_layer_are_bent_in_samples_too(network: Callable[..., nn.Module]) -> None:
    model, items = fitted(network), small_items()
    weights = model.weights() or {}
    for number, found in enumerate(samples(model).unbind(1)):
        dropped = items * drawn(model, number, "drop[0]", 8, 0.5)
        assert torch.allclose(found, 2 * (dropped @ weights["last.weight"].T + weights["last.bias"]), atol=1e-6)


def test_what_is_changed_in_place_between_dropout_and_the_last_layer_is_changed_in_samples_too() -> None:
    model, items = fitted(in_place), small_items()
    weights = model.weights() or {}
    hidden = items @ weights["0.weight"].T + weights["0.bias"]
    for number, found in enumerate(samples(model).unbind(1)):
        inner = nn.functional.elu(hidden * drawn(model, number, "1[0]", 16, 0.5))
        assert torch.allclose(found, inner @ weights["3.weight"].T + weights["3.bias"], atol=1e-6)


def test_a_layer_that_drops_channels_has_a_number_for_each() -> None:
    model, items = fitted(channels), small_items()
    weights = model.weights() or {}
    for number, found in enumerate(samples(model).unbind(1)):
        dropped = items * drawn(model, number, "1[0]", 2, 0.5).repeat_interleave(4)
        assert torch.allclose(found, dropped @ weights["3.weight"].T + weights["3.bias"], atol=1e-6)


def test_a_layer_that_is_called_twice_has_two_masks_in_every_forward() -> None:
    model = fitted(Shared)
    weights, items = model.weights() or {}, torch.cat([small_items()] * 8)  # two forwards
    for number, found in enumerate(samples(model, items).unbind(1)):
        twice = drawn(model, number, "drop[0]", 8, 0.5) + drawn(model, number, "drop[1]", 8, 0.5)
        assert torch.allclose(found, (items * twice) @ weights["last.weight"].T + weights["last.bias"], atol=1e-6)
    assert model.facts["dropout_layers"] == ["drop"]


def test_a_model_comes_back_from_disk_with_the_same_samples_bit_by_bit(tmp_path: Path) -> None:
    for network in (noisy, deep):
        recipe = Dropout(Torch(network, steps=3), passes=4)
        model = recipe.fit(lesson_of(THREE))
        FolderArtifacts(tmp_path).save(network.__name__, model.weights() or {}, dict(model.facts))
        stored = FolderArtifacts(tmp_path).load(network.__name__)
        assert stored is not None
        assert Dropout(Torch(plain)).restore(*stored) is None  # another network by now: fit again
        again = recipe.restore(*stored)
        assert again is not None and dict(again.facts) == dict(model.facts)
        assert torch.equal(samples(model), samples(again))


@pytest.mark.parametrize("network", [noisy, deep])
def test_with_no_label_all_samples_know_nothing(network: Callable[..., nn.Module]) -> None:
    found = Dropout(Torch(network), passes=3).fit(blank(lesson_of(THREE))).outputs(small_items())
    assert found.samples is not None and found.samples.shape == (40, 3, 3) and not found.samples.any()
    assert found.scores is not None and not found.scores.any()


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_study_whose_classes_are_not_named_yet_asks_and_no_item_has_samples_of_none() -> None:
    study = Study(small_pool(), task=Classes(()), learner=Dropout(Torch(noisy)), strategy="random")
    assert len(study.ask(2)) == 2
    for network in (noisy, deep):
        found = Dropout(Torch(network, steps=1), passes=3).fit(lesson_of(THREE)).outputs(small_items()[:0])
        assert found.samples is not None and found.samples.shape == (0, 3, 3)


def zero(features: int, width: int) -> nn.Module:
    found = noisy(features, width)
    nn.init.zeros_(found[4].weight)  # type: ignore[index]
    return found


def dead(features: int, width: int) -> nn.Module:
    found = noisy(features, width)
    nn.init.constant_(found[1].bias, -100.0)  # type: ignore[index]
    return found


@pytest.mark.parametrize("network", [zero, dead])
def test_a_network_in_which_dropout_happens_to_change_nothing_is_no_error(network: Callable[..., nn.Module]) -> None:
    assert not samples(Dropout(Torch(network, steps=1), 3).fit(lesson_of(THREE, 1))).isnan().any()


def plain(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 4), nn.Dropout(0.0), nn.Linear(4, width))


def shifting(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 4), nn.AlphaDropout(0.5), nn.Linear(4, width))


class Functional(nn.Linear):
    """Drops without a layer."""

    def forward(self, items: Tensor) -> Tensor:
        return super().forward(nn.functional.dropout(items, 0.5, self.training))


class Idle(nn.Linear):
    """Has a dropout layer that it does not call."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__(features, width)
        self.drop = nn.Dropout(0.5)


class Careless(Idle):
    """Calls the layer and goes on without what it gave."""

    def forward(self, items: Tensor) -> Tensor:
        self.drop(items)
        return super().forward(items)


class TokensFirst(Attentive):
    """Has its items along the second axis."""

    first = False


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Dropout(Torch(noisy), passes=1), r"Dropout\(passes=1\) has nobody to disagree with. Use 2 or more"),
        (
            lambda: Dropout(Sklearn(GaussianNB())),
            r"Sklearn gives a SklearnModel. Hand in a Torch\(...\), or use Ensemble",
        ),
        (lambda: Dropout(Torch(plain)), r"no dropout layer with p above 0.*Add nn.Dropout\(0.5\).*or use Ensemble"),
        (lambda: Dropout(Torch(Functional)), "functional dropout is none"),
        (lambda: Dropout(Torch(Idle)), r"Idle has the dropout layers drop, and never calls them.*or use Ensemble"),
        (lambda: Dropout(Torch(Careless)), "its scores do not hang on what they pass on.*use what it returns"),
        (lambda: Dropout(Torch(shifting)), r"The layer '1' of Sequential is AlphaDropout.*Use nn.Dropout"),
        (lambda: Dropout(Torch(TokensFirst)), r"shape \(8, 2, 8\) for 2 items.*Put the items first \(batch_first"),
    ],
)
def test_what_gives_no_passes_is_refused(make: Callable[[], Dropout], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        make().fit(lesson_of(THREE, 3))


@dataclass(frozen=True)
class Keeping(Torch):
    """Remembers, records and takes parts; and shows what it was given."""

    @property
    def gives_records(self) -> frozenset[str]:
        return frozenset({"loss"})

    @property
    def remembers(self) -> bool:
        return True

    def beside(self, part: Any) -> Learner:
        return replace(self, layer=part)

    def fit(self, lesson: Lesson) -> TorchModel:
        model = super().fit(lesson)
        object.__setattr__(model, "records", {"before": lesson.previous})
        return model


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda inner: Virtual(inner, draws=2),
        lambda inner: PseudoLabeled(inner, threshold=1.0),
        lambda inner: Filtered(inner, drop=0.3),
    ],
    ids=["virtual", "pseudo", "filtered"],
)
def test_passes_of_a_network_of_which_more_is_said_are_those_of_the_network(wrapped: Any, tmp_path: Path) -> None:
    """The nesting may be either way round, from the first fit to those that have a pair, or a model before."""
    network = Torch(noisy, steps=10)
    outer, inner = Dropout(wrapped(network), passes=3), wrapped(Dropout(network, passes=3))
    lesson = replace(small_world(labeled=25).lesson(), record=frozenset({"probabilities"}))
    first, same = outer.fit(lesson), inner.fit(lesson)
    for number in range(2):
        assert torch.equal(samples(first), samples(same))
        assert dict(first.facts) == dict(same.facts)
        assert torch.equal(first.records["probabilities"], same.records["probabilities"])
        assert len(first.records["probabilities"]) == len(lesson.items)
        place = FolderArtifacts(tmp_path)
        place.save(str(number), first.weights() or {}, dict(first.facts))
        stored = place.load(str(number))
        again = outer.restore(*stored) if stored is not None else None
        assert again is not None and dict(again.facts) == dict(first.facts)
        assert torch.equal(samples(again), samples(first))
        later = replace(lesson, history=history(batch(0, (1, 3), (0, 0))))
        first, same = outer.fit(replace(later, previous=again)), inner.fit(replace(later, previous=same))
    assert isinstance(first, Noted)


def test_what_the_inner_learner_can_do_is_passed_on() -> None:
    recipe = Dropout(Keeping(noisy, steps=2), 2)
    assert recipe.gives == {"scores", "embeddings", "layer", "differentiable", "samples", "votes"}
    assert recipe.gives_records == {"loss"} and recipe.remembers
    assert recipe.beside("0") == Dropout(Keeping(noisy, layer="0", steps=2), 2)
    first = recipe.fit(lesson_of(THREE))
    second = recipe.fit(replace(lesson_of(THREE), previous=first))
    records: Mapping[str, Any] = second.records
    assert first.records == {"before": None} and records["before"] is first.inner
    assert first.differentiable().seed == first.facts["seed"]


def outputs_in(task: Task, strategy: str, learner: Learner) -> Outputs:
    study = small_study(strategy, learner=learner, task=task)
    for _ in range(2):
        batch = study.ask(3)
        assert len(set(batch.ids)) == 3
        study.tell(small_oracle(task).of(batch.ids))
    assert all(row.ok for row in study.audit(refit=True))
    model = study.model()
    assert isinstance(model, Thinned)  # not wrapped once more
    return model.outputs(small_items())


@pytest.mark.parametrize("strategy", ["bald", "batch-bald", "mean-std", "variation-ratio", "epig"])
def test_strategies_that_want_several_beliefs_take_the_passes(strategy: str) -> None:
    task = Classes((0, 1, 2))
    outputs = outputs_in(task, strategy, Dropout(Torch(noisy, steps=3), passes=4))
    assert Samples().rows(outputs, task).shape == (40, 4, 3)
    assert Votes().rows(outputs, task).shape == (40, 4)

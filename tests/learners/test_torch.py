"""Any network is a learner: same lesson, same model; as many steps whatever is labeled; and it comes back."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from askance.errors import BadInput
from askance.learners.base import Lesson, Outputs
from askance.learners.catalogue import learner
from askance.learners.loop import _split
from askance.learners.many import Bootstrapped
from askance.learners.terms import ConfidencePenalty
from askance.learners.torch import Torch
from askance.learners.wrappers import blank
from askance.look import read_signal
from askance.oracles.known import Known
from askance.pool import Pool
from askance.seeds import Dice
from askance.signals.layer import LastLayer
from askance.study.artifacts import FolderArtifacts
from askance.study.study import Study
from askance.task import Classes, Labels, Targets, Task
from askance.testing import check_learner

PIXELS, DIGITS = load_digits(return_X_y=True)


def mlp(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, width))


def noisy(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, width))


class Picture(nn.Module):
    """A small network for pictures."""

    def __init__(self, shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(shape[0], 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(3))
        self.decide = nn.Linear(72, width)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.decide(self.look(items).flatten(1))
        return found


def digits(labels: int, classes: int = 10) -> Lesson:
    """The first digits are labeled; three numbers name one item each."""
    return Lesson(
        items=torch.tensor(PIXELS / 16, dtype=torch.float32),
        keys=torch.arange(len(PIXELS)),
        task=Classes(tuple(range(classes))),
        labeled=torch.arange(labels),
        targets=torch.eye(classes, dtype=torch.float64)[DIGITS[:labels] % classes],
        weights=torch.ones(labels, dtype=torch.float64),
        unlabeled=torch.arange(labels, len(PIXELS)),
        dice=Dice(0, "fit"),
    )


def same(one: Outputs, other: Outputs) -> bool:
    assert one.scores is not None and other.scores is not None
    assert one.embeddings is not None and other.embeddings is not None
    return torch.equal(one.scores, other.scores) and torch.equal(one.embeddings, other.embeddings)


@pytest.mark.parametrize("task", [None, Classes((0, 1)), Labels(("a", "b")), Targets(), Targets(2)], ids=str)
@pytest.mark.parametrize("network", [mlp, noisy])
def test_a_network_keeps_the_contract_on_every_task(network: Callable[..., nn.Module], task: Task | None) -> None:
    check_learner(Torch(network, steps=5), task)


def test_digits_are_learned_from_three_hundred_labels() -> None:
    given = digits(300)
    scores = Torch(mlp).fit(given).outputs(given.items).scores
    assert scores is not None
    assert float((scores[300:].argmax(1).numpy() == DIGITS[300:]).mean()) > 0.8


def test_every_fit_takes_the_same_number_of_steps() -> None:
    for labels in (1, 7, 32, 33, 300):
        facts = Torch(mlp, steps=40).fit(digits(labels)).facts
        assert (facts["steps"], facts["stopped"], facts["validation_items"]) == (40, "after 40 steps", 0)
        assert facts["epochs"] == -(-40 // -(-labels // 32))


def test_training_ends_without_improvement_and_the_best_weights_are_kept() -> None:
    given = digits(100)
    model = Torch(mlp, rate=0.1, patience=3).fit(given)
    facts = model.facts
    assert facts["epochs"] == facts["best_epoch"] + 3 and facts["steps"] == 3 * facts["epochs"] < 500
    assert facts["stopped"] == "after 3 epochs without improvement"
    assert facts["validation_items"] == 20
    shorter = Torch(mlp, rate=0.1, patience=3, steps=facts["best_step"]).fit(given)
    assert same(model.outputs(given.items), shorter.outputs(given.items))
    _, held = _split(given, 0.2)
    scores = model.outputs(given.items[given.labeled[held]]).scores
    assert scores is not None
    loss = given.task.loss(scores, given.targets[held].float()).mean()
    assert facts["validation_loss"] == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize(("labels", "checked"), [(49, 0), (50, 10)])
def test_too_few_labels_to_hold_some_out_are_all_learned_from_and_the_facts_say_so(labels: int, checked: int) -> None:
    facts = Torch(mlp, steps=12, patience=100).fit(digits(labels)).facts
    assert facts["validation_items"] == checked and facts["steps"] == 12
    assert (facts["validation_loss"] is None) == (checked == 0)


def test_every_class_is_held_out_by_its_share_and_none_wholly() -> None:
    truth = torch.tensor([0] * 60 + [1] * 39 + [2])
    given = replace(digits(100, 3), targets=torch.eye(3, dtype=torch.float64)[truth])
    kept, held = _split(given, 0.2)
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(100))
    assert torch.bincount(truth[held], minlength=3).tolist() == [12, 8, 0]
    other = _split(replace(given, dice=Dice(1, "fit")), 0.2)[1]
    assert set(other.tolist()) != set(held.tolist())
    numbers = replace(given, task=Targets(), targets=truth[:, None].double())
    assert len(_split(numbers, 0.2)[1]) == 20


def test_the_order_of_the_pool_does_not_matter() -> None:
    given = digits(60)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(given.keys)))
    place = order.argsort()[given.labeled]
    rows = place.argsort()
    other = replace(
        given, items=given.items[order], keys=given.keys[order], labeled=place[rows], targets=given.targets[rows]
    )
    short = Torch(noisy, steps=8)
    assert same(short.fit(given).outputs(given.items), short.fit(other).outputs(given.items))


def test_another_fit_throws_other_dice() -> None:
    given = blank(digits(0))
    first, second = (Torch(mlp).fit(replace(given, dice=Dice(0, "fit", n))).outputs(given.items) for n in (0, 1))
    assert not same(first, second)


def test_what_this_process_has_set_makes_no_difference_and_stays() -> None:
    given = digits(20)
    expected = Torch(noisy, steps=3).fit(given).outputs(given.items)
    torch.set_default_dtype(torch.float64)
    try:
        dice = torch.get_rng_state()
        found = Torch(noisy, steps=3).fit(given).outputs(given.items)
        assert torch.get_default_dtype() == torch.float64
        assert torch.equal(torch.get_rng_state(), dice)
    finally:
        torch.set_default_dtype(torch.float32)
    assert same(expected, found)


def test_strategies_with_one_seed_begin_with_the_same_network() -> None:
    first = []
    for strategy in ("random", "margin"):
        study = Study(Pool.from_arrays(PIXELS / 16), classes=range(10), learner=mlp, strategy=strategy, start=None)
        study.tell({row: DIGITS[row] for row in range(20)})
        study.ask(1)
        first.append(study.model().weights() or {})
    assert all(torch.equal(array, first[1][name]) for name, array in first[0].items())


@pytest.mark.parametrize(("labels", "batch"), [(1, 32), (2, 32), (33, 32), (3, 1)])
def test_a_batch_of_one_is_no_trouble_for_batch_norm(labels: int, batch: int) -> None:
    given = digits(labels)
    found = Torch(noisy, steps=4, batch=batch).fit(given).outputs(given.items)
    assert found.scores is not None and bool(torch.isfinite(found.scores).all())


def test_with_no_label_it_knows_nothing_and_its_embeddings_are_the_new_networks() -> None:
    given = digits(0)
    model = Torch(mlp).fit(given)
    found = model.outputs(given.items)
    assert found.scores is not None and found.embeddings is not None
    assert found.scores.shape == (1797, 10) and not found.scores.any()
    assert len(torch.unique(found.embeddings, dim=0)) > 1700
    assert model.facts["steps"] == 0


def test_of_no_item_it_gives_no_row() -> None:
    given = digits(20)
    for network in (mlp, noisy):
        model = Torch(network, steps=1).fit(given)
        none, some = model.outputs(given.items[:0]), model.outputs(given.items[:2])
        assert none.scores is not None and none.scores.shape == (0, 10)
        assert none.embeddings is not None and some.embeddings is not None
        assert none.embeddings.shape == (0, some.embeddings.shape[1])


def test_labels_of_weight_zero_teach_nothing_and_members_that_see_no_other_know_nothing() -> None:
    given = digits(3)
    idle = Torch(mlp, steps=5).fit(replace(given, weights=torch.zeros(3).double()))
    assert idle.facts["labels"] == 0 and not idle.outputs(given.items).scores.any()  # type: ignore[union-attr]
    members = Bootstrapped(Torch(mlp, steps=5)).fit(digits(1)).members
    silent = [not member.outputs(given.items).scores.any() for member in members]  # type: ignore[union-attr]
    assert 0 < sum(silent) < len(silent)  # of one item alone, a third of them


def test_embeddings_are_what_the_last_linear_layer_reads() -> None:
    given = digits(30)
    model = Torch(mlp, steps=3).fit(given)
    weights = model.weights()
    assert weights is not None
    inner = (given.items @ weights["0.weight"].T + weights["0.bias"]).clamp(min=0)
    found = model.outputs(given.items)
    assert found.embeddings is not None and found.scores is not None
    assert torch.allclose(found.embeddings, inner, atol=1e-6)
    assert torch.allclose(found.scores, inner @ weights["2.weight"].T + weights["2.bias"], atol=1e-6)
    named = Torch(mlp, layer="1", steps=3).fit(given).outputs(given.items)
    assert named.embeddings is not None
    assert torch.allclose(named.embeddings.clamp(min=0), inner, atol=1e-6)
    without = Torch(mlp, layer=None, steps=3)
    assert without.gives == {"scores", "differentiable"}
    assert without.fit(given).outputs(given.items).embeddings is None


class Around(nn.Module):
    """A network whose last layer is not the last thing it does."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.last = nn.Linear(features, width, bias=False)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = 2.0 * self.last(items)
        return found


def test_the_last_layer_makes_the_scores_of_the_embeddings_or_is_not_given() -> None:
    given = digits(30)
    found = Torch(mlp, steps=3).fit(given).outputs(given.items)
    assert found.layer is not None and found.embeddings is not None and found.scores is not None
    assert torch.allclose(found.embeddings @ found.layer[:, :-1].T + found.layer[:, -1], found.scores, atol=1e-5)
    assert Torch(Around, steps=3).fit(given).outputs(given.items).layer is None
    with pytest.raises(BadInput, match="does more to its scores after its last linear layer"):
        read_signal(LastLayer(), Torch(Around, steps=3).fit(given), given.items, given.task)
    blank_layer = Torch(mlp).fit(digits(0)).outputs(given.items).layer
    assert blank_layer is not None and not blank_layer.any()
    recipe = Torch(mlp, steps=5)
    study = Study(Pool.from_arrays(PIXELS / 16), classes=range(10), learner=recipe, strategy="noise-stability")
    study.run(Known(dict(enumerate(DIGITS.tolist()))), budget=60, batch=20)
    assert study.progress.labeled == 60


def test_gradients_flow_through_a_model_to_its_items_and_its_weights() -> None:
    given = digits(30)
    model = Torch(mlp, steps=3).fit(given)
    whole, rows = model.differentiable(), given.items[:8]

    def loss(weights: Mapping[str, Tensor], items: Tensor) -> Tensor:
        return whole.scores(weights, items)[:, 3].sum()

    by_weights = torch.func.grad(loss)(dict(whole.weights), rows)
    outputs = model.outputs(rows)
    assert outputs.embeddings is not None
    expected = torch.zeros_like(by_weights["2.weight"])
    expected[3] = outputs.embeddings.sum(0)
    assert torch.allclose(by_weights["2.weight"], expected, atol=1e-5)
    by_items = torch.func.grad(loss, argnums=1)(dict(whole.weights), rows)
    push = 1e-3 * torch.ones_like(rows)
    with torch.no_grad():
        slope = (loss(whole.weights, rows + push) - loss(whole.weights, rows - push)) / 2e-3
    assert torch.allclose(by_items.sum(), slope, rtol=1e-3)


def test_models_score_in_evaluation_mode_whatever_was_done_to_them() -> None:
    given = digits(30)
    model = Torch(noisy, steps=3).fit(given)
    expected = model.outputs(given.items[:64])
    model.network.train()
    assert same(model.outputs(given.items[:64]), expected)


class Tied(nn.Module):
    """Shares weights between two layers, and keeps a random direction that is in no state."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.direction = torch.randn(features)
        self.one = nn.Linear(features, features)
        self.other = nn.Linear(features, features)
        self.other.weight = self.one.weight
        self.norm = nn.BatchNorm1d(features)
        self.last = nn.Linear(features, width)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.last(self.norm(self.other(self.one(items * self.direction).relu())))
        return found


def test_a_model_comes_back_from_disk_bit_by_bit(tmp_path: Path) -> None:
    given, recipe = digits(60), Torch(Tied, steps=6)
    model = recipe.fit(given)
    FolderArtifacts(tmp_path).save("key", model.weights() or {}, dict(model.facts))
    stored = FolderArtifacts(tmp_path).load("key")
    assert stored is not None
    again = recipe.restore(*stored)
    assert again is not None and dict(again.facts) == dict(model.facts)
    assert same(model.outputs(given.items), again.outputs(given.items))
    assert Torch(mlp).restore(*stored) is None  # another network by now: fit again


def test_a_loss_that_is_no_number_gives_a_model_that_knows_nothing_and_says_why() -> None:
    given = replace(digits(60), task=Targets(), targets=torch.full((60, 1), 1e30, dtype=torch.float64))
    recipe = Torch(Tied)
    model = recipe.fit(given)
    assert str(model.facts["diverged"]).startswith("Tied: its loss is inf in step 1; use a lower rate")
    found = model.outputs(given.items)
    assert found.scores is not None and not found.scores.any()
    again = recipe.restore(model.weights() or {}, model.facts)
    assert again is not None and same(found, again.outputs(given.items))


def three(features: int, width: int, hidden: int) -> nn.Module:
    return mlp(features, width)


def ten() -> nn.Module:
    return mlp(64, 10)


def pair(features: int, width: int) -> tuple[int, int]:
    return features, width


def frozen(features: int, width: int) -> nn.Module:
    return mlp(features, width).requires_grad_(False)


def flat(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Unflatten(1, (1, features)), nn.Conv1d(1, width, features), nn.Flatten())


class Idle(nn.Module):
    """Has a linear layer that it does not use."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.body, self.spare = nn.Linear(features, width), nn.Linear(2, 2)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.body(items)
        return found


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Torch(mlp(4, 2)), "A live Sequential cannot be written.*such as Torch"),
        (lambda: Torch(print), "print builds no network. Hand in a class of torch.nn.Module"),  # type: ignore[arg-type]
        (lambda: Torch(dict), "dict builds no network"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, steps=0), r"Torch\(steps=0\) trains nothing. Use a number above 0"),
        (lambda: Torch(mlp, rate=-1.0), r"Torch\(rate=-1.0\) trains nothing"),
        (lambda: Torch(mlp, steps=2.5), r"Torch\(steps=2.5\) is no whole number. Use one, such as 500"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, batch=0.5), r"Torch\(batch=0.5\) is no whole number. Use one, such as 32"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, looks="a"), r"Torch\(looks='a'\) is no whole number"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, patience=0.5), r"Torch\(patience=0.5\) is no whole number"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, rate=math.inf), r"Torch\(rate=inf\) is no finite number. Use one, such as 0.001"),
        (lambda: Torch(mlp, rate=math.nan), r"Torch\(rate=nan\) is no finite number"),
        (lambda: Torch(mlp, validation="a"), r"Torch\(validation='a'\) is no finite number"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, momentum="a"), r"Torch\(momentum='a'\) is no finite number. Use one, such as 0.9"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, schedule="cosine"), r"schedule='cosine'\) cannot be used.*such as Cosine\(\) of"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, augment="flip"), r"augment='flip'\) cannot be used.*such as Flip\(\) of"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, mixup=0.2), r"mixup=0.2\) cannot be used.*such as Mixup\(\) of"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, parts=[1]), r"parts=\[1\]\) cannot be trained beside.*\(LossPrediction\(\),\)"),  # type: ignore[arg-type]
        (lambda: Torch(mlp, validation=1.0), r"Torch\(validation=1.0\) is no share"),
        (lambda: Torch(three), r"three\(features.*wants other arguments than \(features, width\)"),
        (lambda: Torch(pair), "pair gives a tuple, which is no torch.nn.Module. Return the network"),  # type: ignore[arg-type]
        (lambda: Torch(frozen), "frozen has no parameter to train. Unfreeze its last layer"),
        (lambda: Torch(flat), r"no torch.nn.Linear whose input could be.*layers are: 0, 1, 2. Name one.*layer=None"),
        (lambda: Torch(mlp, layer="head"), "has no layer 'head'. Use one of its layers: 0, 1, 2"),
        (lambda: Torch(Idle), "Idle never calls Linear.*Name another layer.*body, spare"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(make: Callable[[], Torch], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        make().fit(digits(20))


def test_numbers_of_numpy_and_a_list_of_parts_are_taken() -> None:
    part = ConfidencePenalty()
    recipe = Torch(mlp, steps=np.int64(3), rate=np.float32(0.01), decay=0, parts=[part])  # type: ignore[arg-type]
    assert recipe.parts == (part,) and recipe.beside(part).parts == (part, part)  # type: ignore[attr-defined]
    assert recipe.fit(digits(20)).facts["steps"] == 3


def test_a_network_of_fixed_size_is_refused_where_it_does_not_fit() -> None:
    given = digits(20)
    assert Torch(ten, steps=1).fit(given).facts["parameters"] == 64 * 16 + 16 + 16 * 10 + 10
    eleven = replace(given, task=Classes(tuple(range(11))), targets=torch.eye(11, dtype=torch.float64)[DIGITS[:20]])
    with pytest.raises(BadInput, match=r"gives scores of shape \(1, 10\) for one item, and the task needs \(1, 11\)"):
        Torch(ten).fit(eleven)
    with pytest.raises(BadInput, match=r"cannot read an item of shape \(63,\).*Reshape the items"):
        Torch(ten).fit(replace(given, items=given.items[:, 1:]))
    with pytest.raises(BadInput, match="Torch learns from an array of numbers, and the pool holds a list"):
        Torch(ten).fit(replace(given, items=["one"] * 1797))


def test_a_network_without_a_linear_layer_learns_without_embeddings() -> None:
    given = digits(20)
    found = Torch(flat, layer=None, steps=2).fit(given).outputs(given.items)
    assert found.scores is not None and found.scores.shape == (1797, 10)


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInput, match=r"asks for a GPU, and torch sees none here. Use device='cpu'"):
        Torch(mlp, device="cuda").fit(digits(20))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_learns_too_and_gives_arrays_of_the_cpu() -> None:
    given = digits(300)
    found = Torch(noisy, device="cuda").fit(given).outputs(given.items)
    assert found.scores is not None and found.scores.device.type == "cpu"
    assert float((found.scores[300:].argmax(1).numpy() == DIGITS[300:]).mean()) > 0.8


def pictures() -> Pool:
    return Pool.from_arrays(PIXELS.reshape(-1, 1, 8, 8)[:300] / 16, ids=[f"digit-{row}" for row in range(300)])


def test_a_study_with_a_network_is_audited_and_after_a_crash_asks_the_same_questions(tmp_path: Path) -> None:
    truth = {f"digit-{row}": int(DIGITS[row]) for row in range(300)}
    recipe = Torch(Picture, steps=6)
    options: dict[str, Any] = {"classes": range(10), "learner": recipe, "strategy": "badge", "seed": 4}
    unbroken = Study(pictures(), **options)
    unbroken.run(Known(truth), budget=90, batch=30)
    study = Study(pictures(), **options, storage=tmp_path / "x.db")
    study.run(Known(truth), budget=90, batch=30)
    study.close()
    shutil.rmtree(tmp_path / "x.db.models")
    study = Study(pictures(), storage=tmp_path / "x.db")  # the journal alone says what learns
    assert study.learner == recipe
    assert study.ask(10).ids == unbroken.ask(10).ids
    rows = study.audit(refit=True)
    assert len(rows) == 4 and all(row.ok for row in rows)
    assert study.predict(pictures().items[:5].numpy()).shape == (5, 10)
    study.close()


@dataclass(frozen=True)
class Sized:
    """Builds a network of one width."""

    hidden: int = 4

    def __call__(self, features: int, width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(features, self.hidden), nn.Linear(self.hidden, width))


@pytest.mark.parametrize("what", [mlp, ten, Picture, Sized(8)])
def test_what_builds_a_network_is_a_learner(what: Any) -> None:
    dice = torch.get_rng_state()
    assert learner(what) == Torch(what)
    assert torch.equal(torch.get_rng_state(), dice)


def test_a_network_of_a_loose_file_is_a_learner_by_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n\nclass Net(nn.Linear):\n    pass\n\nclass Fixed(nn.Linear):\n"
        "    def __init__(self):\n        super().__init__(64, 10)\n"
    )
    for name in ("Net", "Fixed"):
        found = learner(f"{file}:{name}")
        assert isinstance(found, Torch)
        assert found.fit(digits(0)).facts["parameters"] == 650


def test_a_live_network_is_no_learner() -> None:
    with pytest.raises(BadInput, match=r"A live Linear cannot be written to the journal.*Hand in what builds it"):
        learner(nn.Linear(2, 2))

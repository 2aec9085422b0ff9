"""What a training's history tells of an item: by hand, by plain loops, by autograd, and with looks that are missing."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from askance.errors import MissingSignal
from askance.learners.catalogue import learner_with
from askance.learners.linear import Linear
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.signals.dynamics import Recorded
from askance.signals.samples import Samples
from askance.strategies.changes import LabelDispersion
from askance.study.study import Study
from askance.task import Classes
from askance.testing import view
from askance.testing.worlds import small_items, small_labels, small_pool, small_world
from askance.utilities import history
from tests.pins import pins

DICE = torch.Generator().manual_seed(0)
BELIEFS = torch.rand(30, 7, 4, generator=DICE).softmax(2)  # (items, looks, classes)
CLASSES = torch.randint(0, 4, (30,), generator=DICE)
LENGTHS = torch.rand(30, 7, generator=DICE)
ALL = {
    "confidence": lambda beliefs: history.confidence(beliefs, CLASSES),
    "variability": lambda beliefs: history.variability(beliefs, CLASSES),
    "forgetting": lambda beliefs: history.forgetting_events(beliefs, CLASSES),
    "error": lambda beliefs: history.error_l2(beliefs, CLASSES),
    "changes": history.guess_changes,
    "dispersion": history.dispersion,
    "wavering": history.wavering,
}


def test_each_number_is_that_of_plain_loops() -> None:
    for row in range(30):
        looks, true = BELIEFS[row].tolist(), int(CLASSES[row])
        own = [look[true] for look in looks]
        mean = sum(own) / 7
        assert float(ALL["confidence"](BELIEFS)[row]) == pytest.approx(mean, rel=1e-5)
        spread = math.sqrt(sum((p - mean) ** 2 for p in own) / 7)
        assert float(ALL["variability"](BELIEFS)[row]) == pytest.approx(spread, rel=1e-4)
        guesses = [max(range(4), key=look.__getitem__) for look in looks]
        changes = sum(a != b for a, b in pairwise(guesses))
        assert float(ALL["changes"](BELIEFS)[row]) == changes
        forgot = sum(a == true != b for a, b in pairwise(guesses))
        assert float(ALL["forgetting"](BELIEFS)[row]) == (forgot if true in guesses else 7)
        errors = [math.sqrt(sum((p - (c == true)) ** 2 for c, p in enumerate(look))) for look in looks]
        assert float(ALL["error"](BELIEFS)[row]) == pytest.approx(sum(errors) / 7, rel=1e-5)
        columns = [[look[c] for look in looks] for c in range(4)]
        spreads = [math.sqrt(sum((p - sum(c) / 7) ** 2 for p in c) / 7) for c in columns]
        assert float(ALL["wavering"](BELIEFS)[row]) == pytest.approx(sum(spreads) / 4, rel=1e-4)


def test_soft_targets_of_one_class_are_that_class() -> None:
    soft = torch.eye(4, dtype=torch.float64)[CLASSES]
    for function in (history.confidence, history.variability, history.forgetting_events, history.error_l2):
        assert torch.allclose(function(BELIEFS, soft), function(BELIEFS, CLASSES), atol=1e-6), function
    one, other = (history.gradient_norm(BELIEFS, LENGTHS, targets) for targets in (soft, CLASSES))
    assert torch.allclose(one, other)
    half = torch.tensor([[0.5, 0.5]])
    assert float(history.confidence(torch.tensor([[[0.9, 0.1]]]), half)) == 0.5
    assert float(history.error_l2(torch.tensor([[[0.5, 0.5]]]), half)) == 0.0


def test_the_gradient_norm_is_that_of_autograd_bias_included() -> None:
    layer = torch.nn.Linear(5, 4)
    features = torch.randn(6, 5, generator=DICE)
    beliefs = layer(features).softmax(1).detach().unsqueeze(1)
    found = history.gradient_norm(beliefs, features.norm(dim=1, keepdim=True), CLASSES[:6])
    for row in range(6):
        loss = torch.nn.functional.cross_entropy(layer(features[row : row + 1]), CLASSES[row : row + 1])
        parts = torch.autograd.grad(loss, list(layer.parameters()))
        assert float(found[row]) == pytest.approx(math.sqrt(sum(float(p.square().sum()) for p in parts)), rel=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_look_that_was_not_reached_is_left_out_and_an_item_not_recorded_is_no_number(name: str) -> None:
    short = BELIEFS.clone()
    short[:, 5:] = torch.nan
    short[3] = torch.nan
    found = ALL[name](short)
    expected = ALL[name](BELIEFS[:, :5])
    assert math.isnan(float(found[3]))
    rest = [row for row in range(30) if row != 3]
    assert torch.allclose(found[rest], expected[rest], rtol=1e-5, atol=0)
    assert bool(ALL[name](torch.full_like(BELIEFS, torch.nan)).isnan().all())


@pins(
    "label-dispersion",
    "brute force",
    "all items of a random history against a count of guesses in plain Python",
    "1 - max_c |{t : argmax p_t(x) = c}| / T",
)
def test_dispersion_counts_the_looks_off_the_commonest_guess() -> None:
    found = history.dispersion(BELIEFS).tolist()
    for row, looks in enumerate(BELIEFS.argmax(2).tolist()):
        assert found[row] == pytest.approx(1 - max(looks.count(c) for c in range(4)) / 7)


@pins("label-dispersion", "definition", "Whoever changed class most often in a recorded training is picked first.")
def test_the_most_dispersed_items_of_a_training_are_asked() -> None:
    learner = Torch(Mlp((6,)), steps=40, rate=0.01, looks=20)
    world = small_world(labeled=12)
    strategy = LabelDispersion()
    shown = world.view(strategy, learner)
    record = learner.fit(world.lesson(record={"probabilities"})).records["probabilities"]
    expected = history.dispersion(record)
    batch = strategy.query(shown, 4)
    assert [note["utility"] for note in batch.notes] == pytest.approx(
        expected[shown.candidates].topk(4).values.tolist()
    )
    assert float(expected[batch.rows].min()) > 0


def test_what_was_not_recorded_comes_last() -> None:
    looks = torch.rand(5, 20, 3, generator=DICE).softmax(2)
    paper = view(mc_probabilities=looks)
    holes = looks.transpose(0, 1).clone()
    holes[::2] = torch.nan
    batch = LabelDispersion(history=Samples()).query(replace(paper, read=lambda signal: holes), 20)
    assert all(row % 2 for row in batch.ids[:10]) and not any(row % 2 for row in batch.ids[10:])
    assert [note["utility"] for note in batch.notes[10:]] == [-1.0] * 10


@pytest.mark.parametrize(
    "strategy",
    [LabelDispersion(), LabelDispersion(history=Recorded("probabilities", age=1))],
    ids=str,
)
def test_a_study_of_a_network_asks_by_its_records_and_can_be_audited(strategy: object) -> None:
    pool = small_pool()
    labels = small_labels(pool)
    learner = learner_with("mlp", {"hidden": (4,), "steps": 30, "rate": 0.02})
    study = Study(pool, strategy=strategy, learner=learner, task=Classes((0, 1, 2)), start=None)
    study.tell({name: labels[name] for name in pool.names(range(9))})
    for _ in range(2):
        batch = study.ask(4)
        study.tell({name: labels[name] for name in batch.ids})
    assert max(note["utility"] for note in batch.notes) > 0
    assert all(row.ok for row in study.audit(refit=True))


def test_a_learner_that_records_nothing_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(MissingSignal, match="reads probabilities, and Linear does not give it"):
        Study(small_pool(), strategy="label-dispersion", learner=Linear(), task=Classes((0, 1, 2)))


def test_a_model_without_labels_or_that_diverged_says_the_same_at_every_look() -> None:
    asked = {"probabilities", "embedding_lengths"}
    for learner, labeled in ((Torch(Mlp((4,)), steps=5, looks=3), 0), (Torch(Mlp((4,)), steps=40, rate=1e20), 12)):
        lesson = small_world(labeled=labeled).lesson(record=asked)
        model = learner.fit(lesson)
        assert ("diverged" in model.facts) == bool(labeled)
        beliefs, lengths = model.records["probabilities"], model.records["embedding_lengths"]
        assert beliefs.shape == (40, learner.looks, 3) and torch.equal(beliefs, torch.full_like(beliefs, 1 / 3))
        embeddings = model.outputs(small_items()).embeddings
        assert embeddings is not None and torch.equal(lengths[:, -1], embeddings.norm(dim=1))
        assert torch.equal(lengths[:, :1].expand_as(lengths), lengths)

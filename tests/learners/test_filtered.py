"""Which labels are dropped, what is learned from the rest, and what becomes of labels that are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from askance.errors import BadInput, UnknownName
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.filtered import FACTS, Filtered
from askance.learners.hardness import El2n, Forgetting, GraNd, Hardness, LowConfidence, Variability
from askance.learners.linear import Linear
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.learners.wrappers import Noted
from askance.seeds import Dice
from askance.task import Classes, Targets, Task
from askance.testing import check_learner
from askance.testing.worlds import small_world
from tests.learners.test_loop import Kept, Killed

TWO = Classes(("cat", "dog"))


@dataclass(frozen=True, eq=False)
class Saw(Model):
    """What an item says, the probability of a dog, is believed at each look; what was learned from is kept."""

    lesson: Lesson
    facts: Mapping[str, Any] = field(default_factory=lambda: {"inner": True})

    def __post_init__(self) -> None:
        dogs = self.lesson.items.double()
        beliefs = torch.stack([1 - dogs, dogs], 2)  # (items, looks, 2)
        records = {"probabilities": beliefs, "embedding_lengths": torch.ones(len(dogs), dogs.shape[1])}
        object.__setattr__(self, "records", {name: records[name] for name in self.lesson.record})

    def outputs(self, items: Tensor) -> Outputs:
        return Outputs(scores=torch.zeros(len(items), 2))


@dataclass(frozen=True)
class Believing(Learner):
    """Learns nothing, records, and keeps the lesson."""

    remembers = True

    @property
    def gives_records(self) -> frozenset[str]:
        return frozenset({"probabilities", "embedding_lengths"})

    def fit(self, lesson: Lesson) -> Model:
        return Saw(lesson)


def lesson_of(dogs: list[float], classes: list[int], more: int = 2, task: Task = TWO, **other: Any) -> Lesson:
    """Labeled items, of which a model believes so much that they are dogs, and some more items behind them."""
    labels = len(classes)
    return Lesson(
        items=torch.tensor([*dogs, *[0.5] * more]).double().unsqueeze(1).expand(-1, 3),
        keys=torch.arange(labels + more) + 100,
        task=task,
        labeled=torch.arange(labels),
        targets=torch.eye(2, dtype=torch.float64)[classes],
        weights=torch.arange(labels, dtype=torch.float64),
        unlabeled=torch.arange(labels, labels + more),
        dice=Dice(0, "fit"),
        **other,
    )


def saw(learner: Filtered, lesson: Lesson) -> tuple[Mapping[str, Any], Lesson]:
    """The facts, and what the last fit learned from."""
    model = learner.fit(lesson)
    assert isinstance(model, Noted) and isinstance(model.model, Saw)
    return model.facts, model.model.lesson


DOGS = [number / 40 for number in range(20)]  # cats, of which the last are the hardest


def test_the_hardest_labels_go_and_their_items_are_open() -> None:
    facts, lesson = saw(Filtered(Believing(), drop=0.1), lesson_of([*DOGS[:19], 0.9], [0] * 19 + [1]))
    assert lesson.labeled.tolist() == [*range(17), 19]
    assert lesson.unlabeled.tolist() == [17, 18, 20, 21]
    assert lesson.weights.tolist() == [*map(float, range(17)), 19.0]
    assert lesson.targets.argmax(1).tolist() == [0] * 17 + [1]
    assert facts == {"inner": True, FACTS: {"labels": 20, "dropped": 2, "of": {"cat": 2}}}


def test_the_easiest_labels_go_at_the_other_end() -> None:
    _, lesson = saw(Filtered(Believing(), drop=0.1, end="easy"), lesson_of([*DOGS[:19], 0.9], [0] * 19 + [1]))
    assert lesson.labeled.tolist() == list(range(2, 20))


def test_a_class_keeps_the_label_that_was_least_to_go() -> None:
    dogs = [*DOGS[:17], 0.1, 0.3, 0.2]  # three dogs that nobody would take for dogs
    for share, cats in ((0.1, 17), (0.15, 16), (0.9, 1)):
        facts, lesson = saw(Filtered(Believing(), drop=share), lesson_of(dogs, [0] * 17 + [1] * 3))
        assert lesson.labeled.tolist() == [*range(cats), 18]
        gone = {"cat": 17 - cats} if cats < 17 else {}
        assert facts[FACTS] == {"labels": 20, "dropped": int(20 * share), "of": {**gone, "dog": 2}}


@pytest.mark.parametrize(
    ("dogs", "classes"),
    [(DOGS[:19], [0] * 19), ([0.3] * 20, [0] * 20), ([float("nan")] * 20, [0] * 20)],
    ids=["few", "alike", "not recorded"],
)
def test_nothing_goes_where_there_is_little_or_nothing_to_tell(dogs: list[float], classes: list[int]) -> None:
    facts, lesson = saw(Filtered(Believing(), drop=0.5), lesson_of(dogs, classes))
    assert facts[FACTS] == {"labels": len(dogs), "dropped": 0, "of": {}}
    assert lesson.labeled.tolist() == list(range(len(dogs)))


def test_ties_hang_on_keys() -> None:
    dogs = [0.9] * 10 + [0.0] * 10
    lesson = lesson_of(dogs, [0] * 20, 0)
    _, here = saw(Filtered(Believing(), drop=0.25), lesson)
    _, there = saw(Filtered(Believing(), drop=0.25), replace(lesson, keys=lesson.keys + 1))
    order = torch.arange(19, -1, -1)
    backward = replace(lesson, items=lesson.items[order], keys=lesson.keys[order])
    _, again = saw(Filtered(Believing(), drop=0.25), backward)
    kept = here.keys[here.labeled].sort().values
    assert torch.equal(again.keys[again.labeled].sort().values, kept)
    assert here.labeled.tolist() != there.labeled.tolist()
    assert here.labeled.tolist()[-10:] == list(range(10, 20))


def test_the_second_fit_records_what_was_asked_for_and_no_more() -> None:
    learner = Filtered(Believing(), GraNd())
    asked = lesson_of(DOGS, [0] * 20, record=frozenset({"embedding_lengths"}))
    model = learner.fit(asked)
    assert set(model.records) == {"embedding_lengths"} and learner.gives_records == Believing().gives_records
    assert len(model.records["embedding_lengths"]) == 22


def test_the_inner_learner_sees_its_own_model_of_before() -> None:
    learner = Filtered(Believing())
    first = learner.fit(lesson_of(DOGS, [0] * 20))
    assert isinstance(first, Noted) and learner.remembers
    _, lesson = saw(learner, lesson_of(DOGS, [0] * 20, previous=first))
    assert lesson.previous is first.model


def test_what_is_made_of_a_dropped_item_goes_with_it_and_is_not_judged_itself() -> None:
    """A mixture that is harder than any item."""
    lesson = lesson_of([*DOGS[:19], 0.9, 1.0, 1.0, 1.0], [0] * 19 + [1], more=3)
    mixtures = torch.tensor([[18, 3], [2, 17], [4, 5]])
    lesson = replace(
        lesson,
        labeled=torch.cat([lesson.labeled, torch.arange(20, 23)]),
        targets=torch.cat([lesson.targets, lesson.targets[:3]]),
        weights=torch.cat([lesson.weights, torch.ones(3)]),
        unlabeled=lesson.unlabeled[:0],
        made=mixtures,
    )
    facts, left = saw(Filtered(Believing(), drop=0.1), lesson)
    assert facts[FACTS] == {"labels": 20, "dropped": 2, "of": {"cat": 2}}
    assert left.labeled.tolist() == [*range(17), 19, 22]  # and of the mixtures that of the fifth and the sixth
    assert left.unlabeled.tolist() == [17, 18]
    few = lesson_of(DOGS[:17] + [1.0] * 3, [0] * 17, more=3)
    few = replace(few, labeled=torch.arange(20), targets=torch.eye(2, dtype=torch.float64)[[0] * 20])
    few = replace(few, weights=torch.ones(20), unlabeled=few.unlabeled[:0], made=mixtures)
    assert saw(Filtered(Believing(), drop=0.5), few)[0][FACTS] == {"labels": 17, "dropped": 0, "of": {}}


def test_other_tasks_are_learned_as_the_inner_learner_learns_them() -> None:
    learner = Torch(Mlp((4,)), steps=3)
    lesson = small_world(task=Targets(n=2), labeled=30).lesson()
    assert dict(Filtered(learner).fit(lesson).facts) == dict(learner.fit(lesson).facts)


@pytest.mark.parametrize("score", [LowConfidence(), Variability(), Forgetting(), El2n(), El2n(first=1), GraNd()])
def test_every_score_ranks_a_network_s_training(score: Hardness) -> None:
    learner = Torch(Mlp((8,)), steps=30, rate=0.01)
    lesson = small_world(labeled=30).lesson()
    model = Filtered(learner, score, drop=0.2).fit(lesson)
    assert model.facts[FACTS]["dropped"] == 6
    records = learner.fit(replace(lesson, record=score.records)).records
    hard = score.of({name: record[:30] for name, record in records.items()}, lesson.targets)
    kept = hard.argsort(stable=True)[:24].sort().values
    if len(set(hard.tolist())) == 30:
        again = replace(lesson, labeled=kept, targets=lesson.targets[kept], weights=lesson.weights[kept])
        assert all(torch.equal(a, b) for a, b in zip(state(model), state(learner.fit(again)), strict=True))


def test_first_looks_are_what_a_score_sees() -> None:
    beliefs = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]]).double()
    targets = torch.eye(2, dtype=torch.float64)[[0, 0]]
    assert El2n(first=1).of({"probabilities": beliefs}, targets).tolist() == pytest.approx([0.0, 2**0.5])
    assert El2n().of({"probabilities": beliefs}, targets).tolist() == pytest.approx([0.5**0.5] * 2)
    records = {"probabilities": beliefs, "embedding_lengths": torch.tensor([[0.0, 9.0], [3**0.5, 9.0]])}
    assert GraNd(first=1).of(records, targets).tolist() == pytest.approx([0.0, 2 * 2**0.5])


def test_a_killed_fit_goes_on_in_the_half_it_was_in() -> None:
    learner = Filtered(Torch(Mlp((6,)), steps=10), drop=0.2)
    lesson = small_world(labeled=30).lesson()
    whole = learner.fit(lesson)
    for half, killed in (("all", 1), ("all", 10), ("kept", 1), ("kept", 9)):
        place = Kept()
        place.parts = {"all": Kept(), "kept": Kept()}
        place.parts[half].killed = killed
        with pytest.raises(Killed):
            learner.fit(replace(lesson, resume=place))
        place.parts[half].killed = 10**9
        again = learner.fit(replace(lesson, resume=place))
        assert {name: kept.saved for name, kept in place.parts.items()} == {"all": 10, "kept": 10}
        assert again.facts == whole.facts
        assert all(torch.equal(a, b) for a, b in zip(state(again), state(whole), strict=True))


def test_a_restored_model_knows_what_was_dropped() -> None:
    learner = Filtered(Torch(Mlp((6,)), steps=10), drop=0.2)
    model = learner.fit(small_world(labeled=30).lesson())
    weights = model.weights()
    assert weights is not None
    again = learner.restore(weights, model.facts)
    assert again is not None and again.facts == model.facts and again.facts[FACTS]["dropped"] == 6


def test_it_keeps_the_contract_of_learners() -> None:
    check_learner(Filtered(Torch(Mlp((4,)), steps=4), drop=0.3))


def test_what_cannot_be_is_refused() -> None:
    for share in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(BadInput, match="no share"):
            Filtered(Believing(), drop=share)
    with pytest.raises(UnknownName, match="hard"):
        Filtered(Believing(), end="hrd")
    with pytest.raises(BadInput, match="Linear does not record it"):
        Filtered(Linear())
    with pytest.raises(BadInput, match="looks at nothing"):
        El2n(first=0)


def noisy(seed: int, labels: int = 300, share: float = 0.2) -> tuple[Lesson, set[int], Tensor, np.ndarray]:
    """Digits, some of whose labels are another class's: the lesson, which are wrong, and other digits to test on."""
    pixels, classes = load_digits(return_X_y=True)
    dice = np.random.default_rng(seed)
    order = dice.permutation(len(pixels))
    items, classes = torch.tensor(pixels[order] / 16, dtype=torch.float32), classes[order]
    told, wrong = classes[:labels].copy(), dice.permutation(labels)[: int(share * labels)]
    told[wrong] = (told[wrong] + dice.integers(1, 10, len(wrong))) % 10
    lesson = Lesson(
        items=items[: labels + 50],
        keys=torch.arange(labels + 50),
        task=Classes(tuple(range(10))),
        labeled=torch.arange(labels),
        targets=torch.eye(10, dtype=torch.float64)[told],
        weights=torch.ones(labels, dtype=torch.float64),
        unlabeled=torch.arange(labels, labels + 50),
        dice=Dice(seed, "fit"),
    )
    return lesson, set(wrong.tolist()), items[-900:], classes[-900:]


def test_of_digits_with_wrong_labels_the_wrong_ones_go_and_the_model_is_no_worse() -> None:
    network = Torch(Mlp((32,)), steps=200, rate=3e-3)
    learner = Filtered(network, drop=0.2)
    purity: list[float] = []
    before: list[float] = []
    after: list[float] = []
    for seed in range(3):
        lesson, wrong, items, classes = noisy(seed)
        plain, model = network.fit(replace(lesson, record=learner.score.records)), learner.fit(lesson)
        dropped = learner._dropped(plain, lesson)
        assert model.facts[FACTS]["dropped"] == len(dropped) == 60
        purity.append(len(wrong & set(dropped)) / 60)
        for found, one in ((before, plain), (after, model)):
            scores = one.outputs(items).scores
            assert scores is not None
            found.append(float((scores.argmax(1).numpy() == classes).mean()))
    assert min(purity) > 3 * 0.2  # by chance a fifth of what goes is wrong
    assert np.mean(after) >= np.mean(before)


def state(model: Model) -> list[Tensor]:
    return list((model.weights() or {}).values())

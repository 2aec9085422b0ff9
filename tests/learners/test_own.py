"""Any object with fit and predict_proba is a learner: it is made anew each time, and its columns find their classes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from askance.errors import BadInput, MissingSignal
from askance.learners.base import Lesson
from askance.learners.catalogue import learner
from askance.learners.many import Bootstrapped
from askance.learners.own import Own
from askance.learners.torch import Torch
from askance.learners.wrappers import blank
from askance.look import read_signal
from askance.oracles.known import Known
from askance.pool import Pool
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities, Scores
from askance.strategies.uncertainty import Margin
from askance.study.study import Study
from askance.task import Classes, Labels, Targets, Task
from askance.testing import check_learner
from askance.testing.learners import lesson_of
from askance.testing.worlds import THREE, small_items, small_labels, small_pool, small_study


class Means:
    """The nearest mean; names the classes it was given."""

    def fit(self, items: np.ndarray, labels: np.ndarray) -> None:
        self.classes_ = np.unique(labels)
        self.means = np.stack([items[labels == place].mean(0) for place in self.classes_])

    def predict_proba(self, items: np.ndarray) -> np.ndarray:
        near = np.exp(-np.square(items[:, None] - self.means).sum(-1)) + 1e-6
        return np.asarray(near / near.sum(1, keepdims=True))

    def embed(self, items: np.ndarray) -> np.ndarray:
        return items[:, :2]


class Shares:
    """How common each label is, whatever the item."""

    def fit(self, items: np.ndarray, labels: np.ndarray) -> None:
        self.shares = labels.mean(0)

    def predict_proba(self, items: np.ndarray) -> np.ndarray:
        return np.tile(self.shares, (len(items), 1))


class Line:
    """Least squares."""

    def fit(self, items: np.ndarray, labels: np.ndarray) -> None:
        self.weights = np.linalg.lstsq(items, labels, rcond=None)[0]

    def predict(self, items: np.ndarray) -> np.ndarray:
        return np.asarray(items @ self.weights)


@dataclass
class Shy:
    """Stays close to equal shares, and remembers how often it was fitted."""

    trust: float = 0.5
    fits: list[int] = field(default_factory=list, init=False)

    def fit(self, items: np.ndarray, labels: np.ndarray) -> None:
        self.fits.append(len(labels))
        self.width = int(labels.max()) + 1

    def predict_proba(self, items: np.ndarray) -> list[list[float]]:
        rest = (1 - self.trust) / self.width
        return [[self.trust + rest, *([rest] * (self.width - 1))] for _ in items]


def shy() -> Shy:
    return Shy(0.9)


@pytest.mark.parametrize(
    ("maker", "task"),
    [
        (Means, None),
        (Means, Classes(("cat", "dog"))),
        (Shy(), None),
        (shy, None),
        (Shares, Labels(("a", "b"))),
        (Line, Targets()),
        (Line, Targets(2)),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_an_object_keeps_the_contract(maker: Any, task: Task | None) -> None:
    check_learner(maker, task)


def test_probabilities_and_numbers_are_the_objects_own() -> None:
    given = lesson_of(THREE)
    model = Own(Means).fit(given)
    peer = Means()
    peer.fit(given.items[given.labeled].numpy(), given.targets.argmax(1).numpy())
    expected = peer.predict_proba(given.items.numpy())
    found = read_signal(Probabilities(), model, given.items, THREE)
    assert found.tolist() == expected.astype(np.float64).tolist()  # type: ignore[union-attr]
    assert torch.equal(read_signal(Embeddings(), model, given.items, THREE), given.items[:, :2])  # type: ignore[arg-type]
    numbers = lesson_of(Targets())
    line = read_signal(Scores(), Own(Line).fit(numbers), numbers.items, Targets())
    assert torch.allclose(line[numbers.labeled], numbers.targets, atol=1e-4)  # type: ignore[index]


class Fixed:
    """Gives a fixed row, whatever it learned."""

    row: Sequence[float] = ()

    def fit(self, items: Any, labels: Any) -> None:
        """Learn nothing."""

    def predict_proba(self, items: Any) -> list[Sequence[float]]:
        return [self.row] * len(items)


class Four(Fixed):
    row = (0.1, 0.2, 0.3, 0.4)


class Two(Fixed):
    row = (0.25, 0.75)


class Turned(Two):
    classes_ = (2, 0)


class Odd(Two):
    classes_ = (0, 7)


class Three(Fixed):
    row = (0.2, 0.3, 0.5)


class Loud(Two):
    row = (1.5, 1.5)


class Negative(Two):
    row = (-0.5, 1.5)


class Short(Two):
    def predict_proba(self, items: Any) -> list[Sequence[float]]:
        return [self.row] * (len(items) - 1)


class Broken(Two):
    row = (float("nan"), 1.0)


def two_of_four() -> Lesson:
    """Twelve items of the classes 1 and 3, of four."""
    given = lesson_of(Classes((0, 1, 2, 3)))
    return replace(given, targets=torch.eye(4, dtype=torch.float64)[[1, 3] * 6])


@pytest.mark.parametrize(
    ("maker", "expected"), [(Four, [0.1, 0.2, 0.3, 0.4]), (Two, [0, 0.25, 0, 0.75]), (Turned, [0.75, 0, 0.25, 0])]
)
def test_columns_are_all_classes_or_those_it_was_given_or_those_it_names(maker: Any, expected: list[float]) -> None:
    given = two_of_four()
    found = Own(maker).fit(given).outputs(given.items[:1])
    assert found.probabilities is not None and found.probabilities.tolist() == [expected]
    assert found.scores is not None and bool(torch.isfinite(found.scores).all())


@pytest.mark.parametrize(
    ("maker", "says"),
    [
        (Three, r"What Three.predict_proba\(\) gives has 3 columns for the classes \[1, 3\] of 0 to 3.*set classes_"),
        (Odd, r"has 2 columns for the classes \[0, 7\] of 0 to 3"),
        (Loud, r"is \[1.5, 1.5\] in row 0. Give shares of at least 0 that sum to 1"),
        (Negative, r"is \[-0.5, 1.5\] in row 0"),
        (Short, "has 4 rows for 5 items. Give a row for each item"),
        (Broken, r"What Broken.predict_proba\(\) gives holds nan at row 0, column 0"),
    ],
)
def test_what_makes_no_probabilities_is_refused(maker: Any, says: str) -> None:
    given = two_of_four()
    with pytest.raises(BadInput, match=says):
        Own(maker).fit(given).outputs(given.items[:5])


def test_labels_that_are_too_few_or_too_many_in_a_row_are_refused() -> None:
    given = lesson_of(Labels(("a", "b", "c")))
    with pytest.raises(BadInput, match=r"has 2 columns; the task needs 3\. Give a column for each"):
        Own(Two).fit(given).outputs(given.items)


@pytest.mark.parametrize("maker", [Loud, Negative])
def test_shares_of_labels_that_are_none_are_refused(maker: Any) -> None:
    given = lesson_of(Labels(("a", "b")))
    with pytest.raises(BadInput, match=r"1.5\] in row 0. Give shares from 0 to 1"):
        Own(maker).fit(given).outputs(given.items)


def test_an_item_comes_as_often_as_it_weighs_and_weights_between_are_refused() -> None:
    Listener.shown.clear()
    given = lesson_of(THREE)
    weights = torch.tensor([0.0, 2.0, 3.0] + [1.0] * 9).double()
    rows = torch.arange(12).repeat_interleave(weights.long())
    Own(Listener).fit(replace(given, weights=weights))
    ((items, labels),) = Listener.shown
    assert len(items) == 14 and labels.tolist() == given.targets[rows].argmax(1).tolist()
    with pytest.raises(BadInput, match="Listener takes no weights of labels, and here they go from 0.5 to 3"):
        Own(Listener).fit(replace(given, weights=weights.clamp_min(0.5)))
    members = Bootstrapped(Own(Means)).fit(given).outputs(given.items).samples
    assert members is not None and float(members.std(1).mean()) > 0.05


def test_a_study_whose_classes_are_not_named_yet_asks() -> None:
    assert len(Study(small_pool(), task=Classes(()), learner=Means, strategy="random").ask(2)) == 2
    nothing = blank(lesson_of(Labels(())))
    assert Own(Shares).fit(nothing).outputs(nothing.items).scores is not None


def test_no_label_knows_nothing_and_one_class_is_leaned_to() -> None:
    given = lesson_of(THREE)
    for lesson, likeliest in ((blank(given), None), (replace(given, targets=given.targets[:1].expand(12, -1)), 0)):
        model = Own(Means).fit(lesson)
        found = read_signal(Probabilities(), model, given.items, THREE)
        assert isinstance(found, torch.Tensor)
        assert not hasattr(model.object, "means")
        place = int(given.targets[0].argmax())
        assert (found == 1 / 3).all() if likeliest is None else (found.argmax(1) == place).all()


class Listener:
    """Keeps what it was shown."""

    shown: list[tuple[Any, Any]] = []  # noqa: RUF012

    def fit(self, items: Any, labels: Any) -> None:
        Listener.shown.append((items, labels))
        items[:] = 0.0  # an object may do what it likes with its items

    def predict_proba(self, items: np.ndarray) -> np.ndarray:
        items[:] = 0.0
        return np.full((len(items), 3), 1 / 3)


def test_it_is_shown_the_told_labels_alone_and_cannot_change_the_pool() -> None:
    Listener.shown.clear()
    study = small_study("margin", learner=Listener)
    study.ask(3)
    ((items, labels),) = Listener.shown
    assert len(items) == len(labels) == 9
    told = small_labels(small_pool())
    assert labels.tolist() == [told[name] for name in small_pool().names(range(9))]
    assert torch.equal(study.pool.items, small_items())


class Gambler(Two):
    """Throws all the global dice there are."""

    def fit(self, items: Any, labels: Any) -> None:
        self.row = (random.random() + np.random.rand() + float(torch.rand(()))) / 3, 0.0
        self.row = self.row[0], 1 - self.row[0]

    def predict_proba(self, items: Any) -> Any:
        noise = 0.1 * np.random.rand()
        return [(0.9 * self.row[0] + noise, 0.9 * self.row[1] + 0.1 - noise)] * len(items)


def test_global_dice_that_it_throws_are_the_lessons_and_outside_nothing_happened() -> None:
    check_learner(Gambler, Classes(("cat", "dog")))
    given = two_of_four()
    rows = {tuple(Own(Gambler).fit(replace(given, dice=d)).object.row) for d in (given.dice, given.dice.of("x"))}
    assert len(rows) == 2


def test_an_object_is_made_anew_for_each_fit() -> None:
    mine = Shy(0.7)
    mine.fit(np.zeros((1, 1)), np.zeros(1))  # handed in though it was fitted already
    recipe = Own(mine)
    first, second = (recipe.fit(lesson_of(THREE)) for _ in range(2))
    assert first.object is not second.object
    assert first.object.trust == 0.7 and first.object.fits == second.object.fits == [12]
    assert mine.fits == [1]


class Trained(Means):
    """Embeds by what it learned, and so not before."""

    def embed(self, items: np.ndarray) -> np.ndarray:
        return np.asarray(items - self.means[0])


def test_embeddings_make_strategies_of_places_possible_and_are_asked_for_before_the_first_fit() -> None:
    assert Own(Means).gives == {"scores", "embeddings"} and Own(shy).gives == {"scores"}
    study = Study(small_pool(), task=THREE, learner=Means)
    assert study.ask(3).strategy == "typiclust"
    with pytest.raises(MissingSignal, match="reads embeddings, and Own does not give it"):
        Study(small_pool(), task=THREE, learner=Shy())
    with pytest.raises(BadInput, match=r"Trained.embed\(\) gives cannot be had before the first fit: AttributeError"):
        Study(small_pool(), task=THREE, learner=Trained).ask(3)


def test_an_object_can_be_a_companion() -> None:
    both = Margin(signal=Probabilities(of=Own(Shy(0.5))))
    assert hash(both) == hash(Margin(signal=Probabilities(of=Own(Shy(0.5)))))
    study = small_study(both)
    assert len(study.ask(3)) == 3 and all(row.ok for row in study.audit(refit=True))


class Words:
    """How often a word stood in texts of each class."""

    def fit(self, items: list[str], labels: np.ndarray) -> None:
        self.seen = {place: Counter[str]() for place in sorted(set(labels.tolist()))}
        for text, place in zip(items, labels.tolist(), strict=True):
            self.seen[place].update(text.split())

    def predict_proba(self, items: list[str]) -> list[list[float]]:
        rows = [[1 + sum(seen[word] for word in text.split()) for seen in self.seen.values()] for text in items]
        return [[count / sum(row) for count in row] for row in rows]


def test_a_study_of_texts_is_audited_and_after_a_restart_asks_the_same_questions(tmp_path: Path) -> None:
    texts = [f"{'late order' if row % 2 else 'lost password'} {row // 3} {row % 5}" for row in range(40)]
    truth = {row: "delivery" if row % 2 else "account" for row in range(40)}
    options: dict[str, Any] = {"classes": ["account", "delivery"], "learner": Words, "start": "random"}
    pool = Pool.from_arrays(texts)
    unbroken = Study(pool, **options, strategy="margin")
    unbroken.run(Known(truth), budget=30, batch=10)
    study = Study(pool, **options, strategy="margin", storage=tmp_path / "x.db")
    study.run(Known(truth), budget=30, batch=10)
    study.close()
    study = Study(pool, storage=tmp_path / "x.db")
    assert study.learner == Own(Words)
    assert study.ask(5).ids == unbroken.ask(5).ids
    assert all(row.ok for row in study.audit(refit=True))
    study.close()


class Silent:
    """Cannot be asked."""

    def fit(self, items: Any, labels: Any) -> None:
        """Learn nothing."""


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Own(Means()), r"A live Means cannot be written.*such as Own\(Means\), or decorate Means"),
        (lambda: Own(print), r"print has no fit\(\), and makes nothing that has"),
        (lambda: Own(dict), r"dict has no fit\(\)"),
        (lambda: Own(3), "Hand in a class with fit"),
        (lambda: learner(Means()), "A live Means cannot be written"),
        (lambda: learner(Silent), "is no learner. Hand in a scikit-learn estimator"),
        (lambda: learner(print), "is no learner"),
        (lambda: learner(3), "3 is no learner"),
        (lambda: Own(Silent).fit(lesson_of(THREE)), r"Silent lacks fit\(\) or predict_proba\(\)"),
        (lambda: Own(Line).fit(lesson_of(THREE)), r"Line lacks .* to learn Classes it needs both"),
        (lambda: Own(dict_maker).fit(lesson_of(THREE)), r"dict lacks fit\(\)"),
    ],
)
def test_what_is_no_object_to_learn_with_is_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        make()


def dict_maker() -> dict[str, int]:
    return {}


class Both(nn.Module):
    """A network that trains itself is an object, not a network to train."""

    def fit(self, items: Any, labels: Any) -> None:
        """Learn nothing."""

    def predict_proba(self, items: Any) -> Any:
        return np.full((len(items), 3), 1 / 3)


@pytest.mark.parametrize("what", [Means, Shy(), shy, Line, Both])
def test_what_makes_such_an_object_is_a_learner(what: Any) -> None:
    assert learner(what) == Own(what)
    assert learner(nn.Linear) == Torch(nn.Linear)


def test_an_object_of_a_loose_file_is_a_learner_by_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "class Flat:\n    def fit(self, items, labels):\n        pass\n\n"
        "    def predict_proba(self, items):\n        return [[1.0, 0.0, 0.0]] * len(items)\n\n"
        "def flat():\n    return Flat()\n"
    )
    for name in ("Flat", "flat"):
        check_learner(f"{file}:{name}")

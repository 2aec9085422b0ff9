"""What labels say to each other, against Jacobians and labels that are known to be wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB

from askance import BadInput, Pool, Study, Targets
from askance.errors import MissingSignal
from askance.learners.linear import LinearModel
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.study.relations import label_features, relations

FEATURES, DIGITS = load_digits(return_X_y=True)


def study(wrong: int = 0, labels: int = 150, **options: object) -> tuple[Study, set[int]]:
    """A study of digits of which some labels are wrong, and which."""
    dice = np.random.default_rng(0)
    rows = dice.permutation(len(DIGITS))[:labels].tolist()
    told = {row: int(DIGITS[row]) for row in rows}
    bad = set(rows[:wrong])
    told |= {row: (told[row] + int(dice.integers(1, 10))) % 10 for row in bad}
    made = Study(Pool.from_arrays(FEATURES / 16), classes=range(10), strategy="random", start=None, **options)  # type: ignore[arg-type]
    made.tell(told)
    return made, bad


def test_features_of_a_linear_head_are_the_products_of_the_paper() -> None:
    items = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
    head = LinearModel(torch.randn(4, 6, generator=torch.Generator().manual_seed(1)))
    labels = torch.arange(12) % 4
    found = label_features(head, items, labels, 4)
    signs = 2 * torch.nn.functional.one_hot(labels, 4) - 1.0  # s: 1 at the label and -1 elsewhere
    torch.testing.assert_close(found @ found.T, (signs @ signs.T) * (items @ items.T + 1))
    centered = label_features(head, items, labels, 4, centered=True)
    signs = signs - signs.mean(1, keepdim=True)
    torch.testing.assert_close(centered @ centered.T, (signs @ signs.T) * (items @ items.T + 1))


@pytest.mark.parametrize(
    "learner", [None, Torch(Mlp((32,), dropout=0.0), steps=100, rate=3e-3)], ids=["head", "network"]
)
def test_wrong_labels_are_among_the_oddest(learner: Torch | None) -> None:
    made, bad = study(8, **({} if learner is None else {"learner": learner}))
    found = relations(made, most=15)  # a tenth of the labels
    assert len({odd.id for odd in found.odd} & bad) >= 6
    assert [odd.margin for odd in found.odd] == sorted(odd.margin for odd in found.odd)


def test_one_of_two_alike_is_redundant_and_two_labels_of_one_item_contradict_each_other() -> None:
    items = np.concatenate([FEATURES[:60], FEATURES[:2]]) / 16
    made = Study(Pool.from_arrays(items), classes=range(10), strategy="random", start=None)
    told = {row: int(DIGITS[row]) for row in range(60)}
    made.tell({**told, 60: int(DIGITS[0]), 61: (int(DIGITS[1]) + 5) % 10})  # 60 is 0 again, 61 is 1 called otherwise
    found = relations(made, most=1)
    assert found.redundant[0].ids == (0, 60) and found.redundant[0].similarity == pytest.approx(1)
    assert found.contradicting[0].ids == (1, 61) and found.contradicting[0].labels == (1, 6)
    assert found.contradicting[0].similarity == pytest.approx(-1 / 9, abs=1e-6)  # the same item, ten classes
    assert set(found.within) == set(range(10))


def test_two_classes_contradict_each_other_fully() -> None:
    made = Study(Pool.from_arrays([[1.0], [1.0], [2.0]]), classes=["a", "b"], strategy="random", start=None)
    made.tell({0: "a", 1: "b", 2: "a"})
    assert relations(made).contradicting[0].similarity == pytest.approx(-1)


def test_a_study_that_has_none_is_refused() -> None:
    made, _ = study(labels=1)
    with pytest.raises(BadInput, match="at least two"):
        relations(made)
    with pytest.raises(BadInput, match="names nothing"):
        relations(made, most=0)
    bayes, _ = study(learner=GaussianNB())
    with pytest.raises(MissingSignal, match="takes gradients"):
        relations(bayes)
    numbers = Study(Pool.from_arrays(FEATURES[:9]), task=Targets(), strategy="random", start=None)
    with pytest.raises(BadInput, match="classes"):
        relations(numbers)

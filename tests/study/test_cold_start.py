"""While there are too few labels for a model, the start strategy asks, and says so."""

from __future__ import annotations

import pytest
from worlds import blobs

from askance.errors import BadInput


def test_a_study_without_labels_asks_by_the_start_strategy_and_says_so() -> None:
    batch = blobs().study(strategy="margin").ask(3)
    assert batch.strategy == "typiclust"
    assert batch.said == (
        "Cold start: 0 of the 4 labels and 0 of the 2 classes that a model needs are there, so typiclust asks."
    )


def test_the_start_ends_with_two_labels_for_each_class_of_which_two_are_seen() -> None:
    world = blobs(classes=3)
    study = world.study(strategy="margin", start="random")
    by_class = {name: [i for i, label in world.truth.items() if label == name] for name in world.classes}
    first, second = (by_class[name] for name in world.classes[:2])
    study.tell({name: world.truth[name] for name in first[:6]})
    assert study.ask(1).strategy == "random"  # six labels, one class
    study.tell({first[0]: None}, kind="withdrawn")
    study.tell({second[0]: world.truth[second[0]]})
    assert study.ask(1).strategy == "margin"  # six labels, two classes
    study.withdraw([second[0]])
    assert study.ask(1).strategy == "random"


def test_without_a_start_a_strategy_that_needs_a_model_wants_labels_first() -> None:
    world = blobs()
    study = world.study(strategy="margin", start=None)
    with pytest.raises(BadInput, match=r"margin asks by a model.*Tell some labels first, or give the study a start"):
        study.ask(2)
    assert study.lines()[-1].kind == "offered"
    study.tell(world.oracle.of([0]))
    batch = study.ask(2)
    assert (batch.strategy, batch.said, len(batch)) == ("margin", "", 2)


@pytest.mark.parametrize("strategy", ["random", "k-center", "typiclust"])
def test_without_a_start_a_strategy_that_needs_no_model_asks_from_the_first_item(strategy: str) -> None:
    batch = blobs().study(strategy=strategy, start=None).ask(4)
    assert (batch.strategy, batch.said, len(batch)) == (strategy, "", 4)


def test_the_default_asks_typical_items_first_and_close_calls_later() -> None:
    world = blobs()
    study = world.study()
    study.run(world.oracle, 40)
    strategies = [asked.strategy for asked in study.history.asked]
    assert strategies == ["typiclust", "typiclust", "margin", "margin"]  # twenty labels are ten for each class

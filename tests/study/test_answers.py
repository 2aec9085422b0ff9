"""Answers come in any order, late, twice, unasked and from several people; none is lost or counted twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from worlds import asked_ids, blobs

from askance.errors import BadInput
from askance.history import Answer
from askance.pool import Pool
from askance.study.early import asked
from askance.study.journal import Draft
from askance.study.state import Past, State
from askance.study.study import Study
from askance.task import Labels, Targets


def test_the_order_of_answers_to_different_items_changes_nothing() -> None:
    world = blobs(classes=3)
    studies = [world.study(strategy="margin", start="random") for _ in range(2)]
    for _ in range(4):
        batches = [study.ask(9) for study in studies]
        assert batches[0].ids == batches[1].ids
        told = list(world.oracle.of(batches[0].ids).items())
        studies[0].tell(told)
        for pair in told[::-1]:
            studies[1].tell([pair])
    assert torch.equal(studies[0].predict(), studies[1].predict())


def test_a_repeated_key_is_harmless(tmp_path: Path) -> None:
    world = blobs()
    study = world.study(storage=tmp_path / "x.db")
    assert study.tell({0: "class 0", 1: "class 1"}, once="form 7") == 2
    assert study.tell({0: "class 0", 1: "class 1"}, once="form 7") == 0
    assert study.tell({1: "class 0", 2: "class 0"}, once="form 7") == 1  # what is new is taken, what is known stays
    study.close()
    again = world.study(storage=tmp_path / "x.db")
    assert again.tell({0: Answer("class 1")}, once="form 7") == 0
    assert again.labels == {0: "class 0", 1: "class 1", 2: "class 0"}


def test_a_lost_reply_is_given_again(tmp_path: Path) -> None:
    world = blobs(named=True)
    study = world.study(storage=tmp_path / "x.db", control=0.3)
    first = study.ask(4, once="page 1")
    other = study.ask(4)
    study.tell(world.oracle.of(other.ids))

    def same(one: Any, two: Any) -> bool:
        a, b = ({**vars(batch), "rows": batch.rows.tolist()} for batch in (one, two))
        return a == b

    assert same(study.ask(9, once="page 1"), first)
    study.close()
    assert same(world.study(storage=tmp_path / "x.db").ask(4, once="page 1"), first)
    assert set(first.ids).isdisjoint(other.ids)


def test_a_key_of_another_kind_of_line_is_refused() -> None:
    study = blobs().study()
    study.tell({3: "class 0"}, once="form")
    with pytest.raises(BadInput, match="'form:3' was used for a line of kind 'told'"):
        study.ask(1, once="form:3")


def test_a_withdrawn_answer_puts_an_item_back_where_it_was() -> None:
    study = blobs().study(start="random")
    (asked,) = study.ask(1).ids
    unasked = next(name for name in range(80) if name != asked)
    study.tell({asked: "class 0", unasked: "class 1"})
    study.withdraw([asked, unasked])
    assert (study.pending, study.labels) == ([asked], {})
    assert study.progress.unlabeled == 79


@pytest.mark.parametrize("kind", ["unsure", "none-of-these", "broken"])
def test_an_answer_without_a_label_goes_aside_and_is_learned_from_by_nobody(kind: str) -> None:
    world = blobs()
    study = world.study(start="random")
    study.tell({5: None}, kind=kind)
    assert (study.progress.aside, study.progress.labeled, study.labels) == (1, 0, {})
    assert 5 not in study.ask(79).ids
    study.tell({5: "class 1"})
    assert (study.progress.aside, study.labels) == (0, {5: "class 1"})


def test_several_people_make_one_target_and_each_can_change_their_mind() -> None:
    study = blobs().study()
    study.tell({0: "class 0"}, by="ann")
    study.tell({0: "class 1"}, by="bob")
    study.tell({0: "class 1"}, by="cem")
    study.tell({0: None}, kind="unsure", by="dee")
    assert study.state.targets[0].tolist() == [[pytest.approx(1 / 3), pytest.approx(2 / 3)]]
    study.tell({0: Answer("class 0", by="bob"), 1: Answer("class 1")}, by="cem")
    assert study.state.targets[0][0].tolist() == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert study.history.answers[1][0].by == "cem"
    study.withdraw([0], by="ann")
    study.withdraw([0], by="nobody")
    assert study.state.targets[0][0].tolist() == [0.5, 0.5]
    study.withdraw([0], by="bob")
    study.withdraw([0], by="cem")
    assert study.progress.aside == 1  # dee is still unsure


def test_the_order_of_people_changes_nothing() -> None:
    studies = [blobs().study() for _ in range(2)]
    pairs = [("ann", "class 0"), ("bob", "class 1"), ("cem", "class 1")]
    for study, order in zip(studies, (pairs, pairs[::-1]), strict=True):
        for by, label in order:
            study.tell({0: label}, by=by)
    assert torch.equal(studies[0].state.targets[0], studies[1].state.targets[0])


def test_a_soft_label_is_a_target_of_its_own() -> None:
    study = blobs().study()
    study.tell({0: {"class 0": 0.25, "class 1": 0.75}, 1: {"class 1": 1}}, kind="soft")
    assert study.state.targets[0].tolist() == [[0.25, 0.75], [0.0, 1.0]]
    assert study.labels == {0: "class 1", 1: "class 1"}


def test_a_released_item_may_be_asked_again() -> None:
    world = blobs(items=6)
    study = world.study(start="random")
    first = study.ask(6)
    study.tell(world.oracle.of(first.ids[:2]))
    study.release(first.ids)  # what is answered stays answered
    assert (study.progress.labeled, study.pending) == (2, [])
    assert sorted(study.ask(6).ids) == sorted(first.ids[2:])


def test_a_declared_class_can_be_told_and_old_batches_stay_right(tmp_path: Path) -> None:
    world = blobs(classes=3)
    two = world._replace(classes=world.classes[:2])
    study = two.study(strategy="margin", storage=tmp_path / "x.db")
    known = {name: label for name, label in world.truth.items() if label != "class 2"}
    study.tell(dict(list(known.items())[:6]))
    study.tell({0: {"class 0": 0.5, "class 1": 0.5}}, kind="soft")
    study.ask(4)
    before = study.predict()
    study.declare("class 2")
    assert study.predict().shape == (80, 3)
    assert study.state.targets[0].shape == (7, 3)
    assert torch.equal(study.models.task(study.state.fits, 0).outputs(study.pool.items).scores.softmax(1), before)
    study.tell(world.oracle.of(study.pending))
    study.run(world.oracle, 40)
    assert {"class 2"} <= set(study.labels.values())
    for refit in (False, True):
        assert [row.why for row in study.audit(refit=refit) if not row.ok] == []
    with pytest.raises(BadInput, match="'class 2' is declared twice"):
        study.declare("class 2")


def test_two_people_who_declare_at_once_are_both_heard(tmp_path: Path) -> None:
    one, two = (blobs().study(storage=tmp_path / "x.db") for _ in range(2))
    one.declare("third")
    two.declare("fourth")
    assert one.tell({0: "fourth"}) == 1
    assert one.task.names == ("class 0", "class 1", "third", "fourth")


def test_numbers_of_numpy_and_torch_are_ids_and_labels() -> None:
    study = Study(Pool.from_arrays(torch.zeros(4, 2), ids=np.array([10, 11, 12, 13])), classes=np.array([0, 1]))
    study.tell({np.int64(10): np.int32(1), 11: torch.tensor(0), np.uint8(12): True.real})
    assert study.labels == {10: 1, 11: 0, 12: 1}
    assert study.ask(np.int64(1)).ids == [13]  # type: ignore[arg-type]
    strings = Study(Pool.from_arrays(torch.zeros(2, 2), ids=np.array(["a", "b"])), classes=["1", "2"])
    strings.tell({np.str_("a"): np.int64(1), "b": "2"})
    assert strings.labels == {"a": "1", "b": "2"}


class Column:
    """Labels by id, as a column of a data frame holds them."""

    def __init__(self, labels: dict[str, str]) -> None:
        self.items = labels.items


def test_answers_come_as_a_mapping_as_pairs_or_as_a_column() -> None:
    study = blobs(named=True).study()
    labels = {"item 1": "class 0", "item 2": "class 1"}
    for answers in (labels, list(labels.items()), iter(labels.items()), Column(labels)):
        assert study.tell(answers) == 2  # type: ignore[arg-type]
    assert study.labels == labels
    for wrong in (5, [5], ["item 1"], [("item 1", "class 0", "ann")]):
        with pytest.raises(BadInput, match=r"holds no answers by id\. Hand in a mapping, or pairs"):
            study.tell(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answers", "kind", "says"),
    [
        ({0: "clas 1"}, "label", "no class named 'clas 1'. Did you mean 'class 1'?.*study.declare"),
        ({99: "class 0"}, "label", "no item with id 99"),
        ({"0": "class 0"}, "label", "no item with id '0'.*Check the id and its type"),
        ({0: "class 0"}, "lable", "no kind of answer named 'lable'"),
        ({0: {"class 0": 0.5}}, "soft", "does not sum to 1"),
        ({0: {"class 0": -1.0, "class 1": 2.0}}, "soft", "none negative"),
        ({0: {"class 0": float("nan"), "class 1": 1.0}}, "soft", "not a finite number"),
        ({0: [0.5, 0.5]}, "soft", "is no mapping"),
        ({0: None}, "label", "no class named 'None'"),
    ],
)
def test_nothing_is_written_when_one_answer_cannot_be_read(answers: dict[Any, Any], kind: str, says: str) -> None:
    study = blobs().study()
    good: Any = {"class 0": 1.0} if kind == "soft" else "class 0"
    with pytest.raises(BadInput, match=says):
        study.tell([(1, good), *answers.items()], kind=kind)
    assert study.progress.labeled == 0


def test_lists_of_labels_and_numbers_are_answers_too() -> None:
    pool = blobs().pool
    several = Study(pool, task=Labels(("red", "round")), learner=None, start="random", strategy="random")
    several.tell({0: ["round"], 1: [], 2: np.array(["round", "red"])})
    assert several.labels == {0: ["round"], 1: [], 2: ["red", "round"]}
    numbers = Study(pool, task=Targets(2), start="random", strategy="random")
    numbers.tell({0: [1, 2.5], 1: np.array([3.0, 4.0]), 2: torch.tensor([5.0, 6.0])})
    assert numbers.labels == {0: [1.0, 2.5], 1: [3.0, 4.0], 2: [5.0, 6.0]}


def test_an_answer_to_an_item_that_is_not_offered_yet_counts_once_it_is() -> None:
    world = blobs(items=20)
    pool = Pool.from_arrays(world.pool.items, ids=[f"i{row}" for row in range(20)])
    study = Study(pool.first(10), classes=["a", "b"])
    body = {"value": "a", "answer_kind": "label", "by": "ann", "seconds": None}
    study.journal.add([Draft("told", {"id": id, **body}) for id in ("i3", "i15")])
    study.journal.add([Draft("asked", asked(["i4", "i16"], 20, 0, 0)), Draft("released", {"ids": ["i17"]})])
    study.refresh()
    assert study.labels == {"i3": "a"} and study.pending == ["i4"]
    study.journal.add([Draft("offered", {"items": 10, "ids": pool.names(range(10, 20)), "digest": pool.digest})])
    lines = study.journal.read()
    for state in (State.replay(pool, lines), Past(pool, lambda after: lines[after:]).at(lines[-1].number)):
        assert state.labeled.tolist() == [3, 15] and state.taught == lines[-1].number
    assert State.replay(pool, lines[:-1]).labeled.tolist() == [3]


def test_an_item_that_was_answered_unasked_is_never_asked() -> None:
    world = blobs(items=20)
    study = world.study(start="random")
    study.tell(world.oracle.of(list(range(10))))
    assert sorted(study.ask(20).ids) == list(range(10, 20))
    assert len(asked_ids(study)) == 1


def test_a_client_says_things_once_of_items_however_long_their_ids_are() -> None:
    names = [f"https://example.org/{'a' * 240}/{number}" for number in range(6)]
    study = Study(Pool.from_arrays([[float(row)] for row in range(6)], ids=names), classes=["x", "y"])
    assert study.tell({names[0]: "x", names[1]: "y"}, once="form 7") == 2
    assert study.tell({names[0]: "x", names[1]: "y", names[2]: "y"}, once="form 7") == 1

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askance import Classes, Labels, Pool, Study, Targets
from askance.desk.fold import Fold
from askance.history import Answer
from askance.learners.linear import Linear
from askance.pool import ASIDE, LABELED, PENDING, UNLABELED

SIDES = {UNLABELED: "unlabeled", PENDING: "pending", LABELED: "labeled", ASIDE: "aside"}
NAMES = [f"i{row}" for row in range(6)]
PEOPLE = ("ann", "bob")

told = st.tuples(
    st.just("tell"),
    st.sampled_from(NAMES),
    st.sampled_from(PEOPLE),
    st.sampled_from([("a", "label"), ("b", "label"), (None, "unsure"), (None, "none-of-these"), (None, "withdrawn")]),
)
steps = st.one_of(told, st.tuples(st.just("ask"), st.integers(1, 3)), st.tuples(st.just("release")))


def of(study: Study) -> Fold:
    fold = Fold()
    for line in study.lines():
        fold.fold(line)
    return fold


def small(**options: Any) -> Study:
    pool = Pool.from_arrays([[float(row), float(row % 2)] for row in range(6)], ids=NAMES)
    return Study(pool, **{"task": Classes(("a", "b")), "learner": Linear(ridge=1.0), "strategy": "random", **options})


@settings(max_examples=30, deadline=None)
@given(st.lists(steps, max_size=14))
def test_the_page_and_the_study_see_the_same(walk: list[Any]) -> None:
    study = small(control=0.5)
    for what, *more in walk:
        if what == "tell":
            id, by, (value, kind) = more
            study.tell({id: value}, kind=kind, by=by)
        elif what == "ask":
            study.ask(more[0])
        elif study.pending:
            study.release(study.pending[:1])
    fold = of(study)

    assert {id: fold.side(id) for id in NAMES} == {
        id: SIDES[int(side)] for id, side in zip(NAMES, study.state.sides, strict=True)
    }
    assert set(fold.open) == set(study.pending)
    progress = study.progress
    assert (fold.labeled, fold.aside, fold.unlabeled) == (progress.labeled, progress.aside, progress.unlabeled)
    assert {id: fold.label(id) for id in NAMES if fold.side(id) == "labeled"} == study.labels
    controls = {id for id, question in fold.questions.items() if question.stream == "control"}
    assert {NAMES[row] for row in study.state.controls} >= controls & set(study.pending)


@pytest.mark.parametrize(
    ("task", "said", "label"),
    [
        (Labels(("x", "y")), [["x"], ["x", "y"], ["y"]], ["x", "y"]),
        (Labels(("x", "y", "z")), [["x", "z"], ["x"], ["y"]], ["x"]),
        (Labels(("x", "y")), [[], [], ["x"]], []),
        (Labels(("x", "y")), [Answer({"x": 0.9, "y": 0.3}, "soft"), []], []),
        (Classes(("x", "y")), [Answer({"x": 0.2, "y": 0.8}, "soft"), "x"], "x"),
        (Targets(), [1.0, 2.0, 6.0], [3.0]),
    ],
)
def test_people_who_disagree_are_counted_as_the_study_counts_them(task: Any, said: list[Any], label: Any) -> None:
    study = small(task=task)
    for number, value in enumerate(said):
        study.tell({"i0": value}, by=f"p{number}")
    assert of(study).label("i0") == study.labels["i0"] == label


def test_old_answers_read_in_todays_names() -> None:
    study = small()
    study.tell({"i0": "a", "i1": "b"}, by="ann")
    study.rename("a", "alpha")
    study.declare("c")
    study.merge("b", "c")
    fold = of(study)
    assert (fold.label("i0"), fold.label("i1")) == ("alpha", "c")
    assert fold.counts() == {"alpha": 1, "c": 1}


def test_the_age_of_a_model_is_counted_in_answers() -> None:
    study = small()
    assert of(study).since == 0
    study.tell({"i0": "a", "i1": "b", "i2": "a", "i3": "b"}, by="ann")
    assert of(study).since == 4
    study.model()
    assert of(study).since == 0
    study.tell({"i4": "a"}, by="ann")
    fold = of(study)
    assert (fold.since, fold.fits[-1]["labels"]) == (1, 4)
    study.withdraw(["i4"], by="ann")
    assert of(study).since == 0


def test_the_last_answer_of_each_person_is_known() -> None:
    study = small()
    study.tell({"i0": "a"}, by="ann")
    study.tell({"i1": "a"}, by="bob")
    study.tell({"i2": "a"}, by="ann")
    assert [of(study).last_deed(name) for name in ("ann", "bob", "eve")] == [["i2"], ["i1"], []]
    study.withdraw(["i2"], by="ann")
    assert of(study).last_deed("ann") == ["i0"]

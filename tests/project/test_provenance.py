"""Where labels come from: who said them, and how their items were chosen."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from small import POOL, pets

from askance import Answer, Labels, Pool, Study, Targets
from askance.project.provenance import Labeled, provenance, today
from askance.project.settling import GONE
from askance.study.journal import Draft


def of(study: Study) -> dict[str, Labeled]:
    return {item.id: item for item in provenance(study)}


def test_an_item_says_who_labeled_it_and_how_it_was_chosen() -> None:
    study = pets(control=0.25)
    batch = study.ask(4)
    study.tell({batch.ids[0]: Answer("dog", by="Ada", seconds=1.5)})
    (found,) = provenance(study)
    (asked,) = [line for line in study.lines() if line.kind == "asked"]
    assert (found.id, found.label, found.kind, found.agreement) == (batch.ids[0], "dog", "label", 1.0)
    assert (found.round, found.rank, found.ask, found.line) == (1, 1, 1, asked.number)
    assert (found.seen, found.model) == (batch.seen, batch.model) and found.seen < asked.number
    assert found.chosen == batch.streams[0] and found.probability == batch.probabilities[0]
    (said,) = found.answers
    assert (said.by, said.value, said.kind, said.seconds) == ("Ada", "dog", "label", 1.5)
    assert said.at.endswith("Z") and found.asked_at <= said.at


def test_control_items_have_the_probability_with_which_they_were_drawn() -> None:
    study = pets(control=0.5)
    batch = study.ask(4)
    study.tell({id: "cat" for id in batch.ids})
    drawn = [item for item in provenance(study) if item.chosen == "control"]
    assert [(item.strategy, item.probability) for item in drawn] == [("random", pytest.approx(2 / 30))] * 2
    assert {item.probability for item in provenance(study) if item.chosen == "active"} == {None}


def test_three_people_disagree_and_most_of_them_win() -> None:
    study = pets()
    for by, label in (("Ada", "dog"), ("Ben", "cat"), ("Cem", "dog")):
        study.tell({"i3": label}, by=by)
    (found,) = provenance(study)
    assert found.label == "dog" and found.agreement == pytest.approx(2 / 3)
    assert [(answer.by, answer.value) for answer in found.answers] == [("Ada", "dog"), ("Ben", "cat"), ("Cem", "dog")]


def test_a_later_answer_of_one_person_stands_where_it_came() -> None:
    study = pets()
    study.tell({"i3": "dog"}, by="Ada")
    study.tell({"i3": "cat"}, by="Ben")
    study.tell({"i3": "cat"}, by="Ada")
    (found,) = provenance(study)
    assert [answer.by for answer in found.answers] == ["Ben", "Ada"] and (found.label, found.agreement) == ("cat", 1.0)


def test_what_was_told_without_being_asked_says_so_and_what_was_withdrawn_is_not_there() -> None:
    study = pets()
    study.tell({"i3": "dog", "i4": "cat"}, by="file")
    study.withdraw(["i4"], by="file")
    (found,) = provenance(study)
    assert (found.id, found.chosen, found.strategy, found.line, found.asked_at) == ("i3", "unasked", "", None, "")


def test_an_item_that_is_asked_again_counts_by_the_ask_that_its_answer_followed() -> None:
    study = pets(start=None, strategy="random")
    study.tell({"i0": "cat", "i1": "dog"})
    (id,) = study.ask(1).ids
    study.release([id])
    while id not in study.pending:
        study.ask(5)
    study.tell({id: "cat"})
    asks = [line.number for line in study.lines() if line.kind == "asked" and id in line.body["ids"]]
    assert len(asks) == 2 and of(study)[id].line == asks[1]
    study.tell({id: "dog"}, by="Ben")
    assert of(study)[id].line == asks[1], "who answers later changes nothing"


def test_an_answer_that_was_withdrawn_before_the_second_ask_does_not_count_for_the_first() -> None:
    study = pets(control=1.0)
    (id,) = study.ask(1).ids
    study.tell({id: "cat"}, by="Ada")
    study.withdraw([id], by="Ada")
    study.release([id])
    while id not in study.pending:
        study.ask(5)
    study.tell({id: "dog"}, by="Ben")
    last = max(line.number for line in study.lines() if line.kind == "asked" and id in line.body["ids"])
    assert of(study)[id].line == last


def test_a_control_item_that_was_given_back_and_answered_all_the_same_is_no_control_item() -> None:
    study = pets(control=1.0)
    ids = study.ask(3).ids
    study.release(ids[:1])
    study.tell({id: "cat" for id in ids})
    found = of(study)
    assert [found[id].chosen for id in ids] == ["released", "control", "control"]
    assert found[ids[0]].line == found[ids[1]].line and study.state.controls == set(POOL.rows(ids[1:]))


def test_an_item_without_a_label_says_what_people_said_instead() -> None:
    study = pets()
    study.tell({"i1": None}, kind="unsure", by="Ada")
    study.tell({"i1": None, "i2": None}, kind="none-of-these", by="Ben")
    study.tell({"i1": None}, kind="none-of-these", by="Cem")
    found = of(study)
    assert [(item.label, item.kind, item.agreement) for item in found.values()] == [(None, "none-of-these", None)] * 2


def test_labels_are_called_by_todays_names_and_answers_as_they_were_said() -> None:
    study = pets()
    study.tell({"i1": "cat"}, by="Ada")
    study.rename("cat", "feline")
    study.tell({"i1": "feline"}, by="Ben")
    (found,) = provenance(study)
    assert (found.label, found.agreement) == ("feline", 1.0)
    assert [answer.value for answer in found.answers] == ["cat", "feline"]
    study.merge("feline", "dog")
    assert provenance(study)[0].label == "dog"


def test_a_soft_answer_gives_the_label_that_it_leans_to_and_numbers_do_not_agree() -> None:
    study = pets()
    study.tell({"i1": {"cat": 0.2, "dog": 0.8}}, kind="soft")
    (soft,) = provenance(study)
    assert (soft.label, soft.kind, soft.agreement) == ("dog", "label", 1.0)
    numbers = Study(POOL, task=Targets())
    numbers.tell({"i1": 1.0}, by="Ada")
    numbers.tell({"i1": 2.0}, by="Ben")
    assert (provenance(numbers)[0].label, provenance(numbers)[0].agreement) == ([1.5], None)


def test_that_a_row_is_gone_is_no_answer_of_a_person() -> None:
    study = pets()
    study.tell({"i1": "cat"}, by="Ada")
    study.tell({"i1": None, "i2": None}, kind="broken", by=GONE)
    (found,) = provenance(study)
    assert (found.id, found.label, found.agreement, len(found.answers)) == ("i1", "cat", 1.0, 1)


def note(study: Study, **body: Any) -> None:
    study.journal.add([Draft("noted", body)])
    study.refresh()


def test_flags_and_comments_are_what_each_person_left_last() -> None:
    study = pets()
    study.tell({"i1": "cat", "i2": "dog"}, by="Ada")
    assert [(item.flagged, item.comment) for item in provenance(study)] == [(False, "")] * 2
    note(study, id="i1", by="Ada", flag=True, comment="=first")
    note(study, id="i1", by="Ada", comment="is it one?", skip=False)
    assert (of(study)["i1"].flagged, of(study)["i1"].comment) == (True, "is it one?")
    note(study, id="i1", by="Ben", comment="yes", flag=False)
    note(study, id="i1", comment="hm")
    assert of(study)["i1"].comment == "Ada: is it one?; Ben: yes; nobody named: hm" and of(study)["i1"].flagged
    note(study, id="i1", by="Ada", comment="", flag=False)
    note(study, id="i1", by="Ben", comment="  ")
    assert (of(study)["i1"].flagged, of(study)["i1"].comment) == (False, "hm")
    assert (of(study)["i2"].flagged, of(study)["i2"].comment) == (False, "")


def test_notes_make_no_answer_and_move_no_item() -> None:
    study = pets()
    before = study.progress
    note(study, id="i1", by="Ada", flag=True, comment="odd", skip=True)
    assert provenance(study) == [] and study.progress == before and study.state.line == study.journal.last


def test_an_answer_is_read_by_todays_names() -> None:
    study = pets()
    study.tell({"i1": "cat"}, by="Ada")
    study.tell({"i2": {"cat": 0.25, "dog": 0.75}}, kind="soft", by="Ada")
    study.tell({"i3": None}, kind="broken", by="Ada")
    study.rename("cat", "feline")
    assert [today(study.task, item.answers[0]) for item in provenance(study)] == ["feline", "dog", None]


@pytest.mark.parametrize("task", [None, Labels(("a", "b", "c"))])
def test_labels_are_those_of_the_study_whatever_people_say(task: Labels | None) -> None:
    dice = np.random.default_rng(1)
    study = Study(POOL, task=task) if task else pets()
    for turn in range(150):
        id, by = f"i{dice.integers(30)}", "ABC"[dice.integers(3)]
        if turn % 7 == 0:
            study.withdraw([id], by=by)
        elif turn % 5 == 0:
            study.tell({id: None}, kind="unsure", by=by)
        else:
            study.tell({id: [n for n in "abc" if dice.random() < 0.5] if task else dice.choice(["cat", "dog"])}, by=by)
    found = provenance(study)
    assert {item.id: item.label for item in found if item.label is not None} == study.labels
    assert POOL.rows([item.id for item in found]) == sorted(study.history.answers)
    standing = {POOL.names([row])[0]: answers for row, answers in study.history.answers.items()}
    assert all({one.by for one in item.answers} == {one.by for one in standing[item.id]} for item in found)


@pytest.mark.slow
def test_a_hundred_thousand_answers_take_seconds() -> None:
    study = Study(Pool.from_arrays(np.arange(100_000.0)[:, None]), classes=["a", "b"])
    study.tell({row: "ab"[row % 2] for row in range(100_000)})
    begun = time.perf_counter()
    assert len(provenance(study)) == 100_000
    assert time.perf_counter() - begun < 10, "about a second on a quiet machine"

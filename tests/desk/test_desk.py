from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_projects import Clock, begun, desk, fresh

from askance.desk.claims import LEASE
from askance.desk.desk import Desk, Undone, check_person
from askance.errors import BadInput, StorageError
from askance.project.early import transfer
from askance.project.project import Project
from askance.project.provenance import provenance, when
from askance.study.sql import sqlite_driver


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def running(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    made = desk(begun(tmp_path), clock)
    yield made
    made.close()


@pytest.fixture
def early(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    made = desk(fresh(tmp_path), clock)
    yield made
    made.close()


def taken_over(place: Path, limit: int | None = None) -> Project:
    """What the dealer does before it deals."""
    project = Project(place)
    project.encode(project.items.fact("limit") if limit is None else limit)
    project.settle()
    return project


def test_a_project_has_a_key_that_stays_and_that_no_other_of_its_name_has(tmp_path: Path) -> None:
    keys = []
    for folder in ("one", "one", "two"):
        (tmp_path / folder).mkdir(exist_ok=True)
        place = tmp_path / folder / "tickets.askance"
        made = desk(place if place.exists() else begun(tmp_path / folder), Clock())
        keys.append(made.key)
        made.close()
    assert keys[0] == keys[1] != keys[2]


# Who gets what


def test_two_people_never_hold_one_item(running: Desk) -> None:
    ann, bob = running.claim("ann", 4), running.claim("bob", 4)
    assert len({*ann, *bob}) == 8
    assert running.claim("eve", 4) == []


def test_a_reload_gives_the_same_items(running: Desk) -> None:
    assert running.claim("ann", 3) == running.claim("ann", 3)
    assert running.claim("ann", 3) == running.claim("ann", 5)[:3]


def test_whoever_goes_away_loses_the_items_to_others(running: Desk, clock: Clock) -> None:
    ann = running.claim("ann", 8)
    assert running.claim("bob", 2) == []
    clock.now += LEASE + 1
    assert running.claim("bob", 2) == ann[:2]


def test_whoever_stays_keeps_the_items(running: Desk, clock: Clock) -> None:
    ann = running.claim("ann", 8)
    for _ in range(3):
        clock.now += LEASE - 1
        assert running.claim("ann", 8) == ann
    assert running.claim("bob", 1) == []


def test_what_is_skipped_comes_last_to_the_one_and_first_to_others(running: Desk) -> None:
    first = running.claim("ann", 1)[0]
    running.note("ann", first, skip=True)
    assert running.claim("bob", 1) == [first]
    running.note("bob", first, skip=True)
    rest = running.claim("ann", 8)
    assert rest[-1] == first and len(rest) == 8


def test_whoever_skips_all_goes_round_them(running: Desk) -> None:
    rounds = []
    for _ in range(3):
        shown = []
        for _ in range(8):
            shown += running.claim("ann", 1)
            running.note("ann", shown[-1], skip=True)
        rounds.append(shown)
    assert len(set(rounds[0])) == 8 and rounds[0] == rounds[1] == rounds[2]


def test_whoever_skips_before_there_is_a_study_sees_all_items(early: Desk) -> None:
    shown = []
    for _ in range(24):
        shown += early.claim("ann", 1)
        early.note("ann", shown[-1], skip=True)
    assert set(shown) == set(early.ids())


def test_many_at_once_share_the_items_without_doubles(running: Desk) -> None:
    found: list[str] = []

    def work(person: str) -> None:
        while ids := running.claim(person, 1):
            running.answer(person, ids[0], "money")
            found.append(ids[0])

    threads = [threading.Thread(target=work, args=(f"p{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 8


# Answers


def test_an_answer_is_in_the_journal_when_the_call_returns(running: Desk, tmp_path: Path) -> None:
    id = running.claim("ann", 1)[0]
    running.answer("ann", id, "money", seconds=1.5, once="x", how="key", saw={"guess": "printer", "mode": "after"})
    line = Project(tmp_path / "tickets.askance").study.lines()[-1].body
    assert {**line} == {
        "id": id,
        "value": "money",
        "answer_kind": "label",
        "by": "ann",
        "seconds": 1.5,
        "how": "key",
        "saw": {"guess": "printer", "mode": "after"},
    }


def test_sent_twice_it_counts_once(running: Desk) -> None:
    id = running.claim("ann", 1)[0]
    for _ in range(2):
        running.answer("ann", id, "money", once="x")
    running.answer("ann", id, "printer", once="y")
    running.answer("ann", id, "money", once="x")  # a copy that was late
    fold = running.fold()
    assert fold.label(id) == "printer" and fold.labeled == 1


def test_a_late_answer_to_an_item_that_somebody_else_got_is_kept_beside_theirs(running: Desk, clock: Clock) -> None:
    id = running.claim("ann", 1)[0]
    clock.now += LEASE + 1
    assert running.claim("bob", 1) == [id]
    running.answer("bob", id, "money")
    running.answer("ann", id, "printer")
    assert {by: said.value for by, said in running.fold().answers[id].items()} == {"ann": "printer", "bob": "money"}


def test_a_new_name_becomes_a_class(running: Desk) -> None:
    ids = running.claim("ann", 2)
    assert running.answer("ann", ids[0], "  login   trouble ") == ["login trouble"]
    assert running.answer("ann", ids[1], "login trouble") == []
    assert running.fold().names == ("printer", "money", "login trouble")


@pytest.mark.parametrize("value", ["", "   ", "a\x00b", "x" * 201, 3, None, ["money"]])
def test_what_is_no_class_is_refused_and_creates_nothing(running: Desk, value: object) -> None:
    id = running.claim("ann", 1)[0]
    with pytest.raises(BadInput):
        running.answer("ann", id, value)
    assert running.fold().names == ("printer", "money") and not running.fold().answers


def test_an_unknown_item_is_refused(running: Desk) -> None:
    with pytest.raises(BadInput, match="no item 'x'"):
        running.answer("ann", "x", "money")


def test_an_item_that_is_not_encoded_is_refused(tmp_path: Path) -> None:
    place = fresh(tmp_path, classes=("printer", "money"), limit=10)
    project = taken_over(place)
    made = desk(place)
    other = next(id for id in made.ids() if not project.study.pool.knows(id))
    with pytest.raises(BadInput, match="askance encode"):
        made.answer("ann", other, "money")
    with pytest.raises(BadInput, match="askance encode"):
        made.answer_many("ann", [str(project.study.pool.ids[0]), other], "money")
    assert not made.fold().answers
    project.encode()
    project.settle()
    made.answer("ann", other, "money")
    assert project.study.progress.labeled == 0
    project.study.refresh()
    assert project.study.labels == {other: "money"}
    project.close()
    made.close()


def test_undo_takes_the_last_answer_back_and_gives_the_item_again(running: Desk) -> None:
    first, second = running.claim("ann", 2)
    running.answer("ann", first, "money")
    running.answer("ann", second, "printer", "label")
    assert running.undo("ann", once="u1") == Undone(second, "printer", "label")
    assert running.undo("ann", once="u1") == Undone(second, "printer", "label")  # the reply was lost
    assert set(running.fold().answers) == {first}
    assert running.claim("ann", 1) == [second]
    assert running.undo("ann", once="u2") == Undone(first, "money", "label")
    assert running.undo("ann", once="u3") is None
    assert running.undo("bob") is None
    running.answer("ann", first, None, "unsure")
    assert running.undo("ann", once="u4") == running.undo("ann", once="u4") == Undone(first, None, "unsure")


def test_a_project_file_that_cannot_be_written_says_so(early: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    id = early.claim("ann", 1)[0]

    def full(*given: object) -> None:
        raise sqlite_driver().OperationalError("database or disk is full")

    early.declare("printer")
    with monkeypatch.context() as broken, pytest.raises(StorageError, match="disk is full"):
        broken.setattr(early.items, "add_early", full)
        early.answer("ann", id, "printer", once="a")
    early.answer("ann", id, "printer", once="a")  # and goes on when there is room
    assert early.fold().label(id) == "printer"


def test_a_crowd_gets_one_label_or_none(running: Desk) -> None:
    ids = [str(number) for number in range(10)]
    with pytest.raises(BadInput, match="no item 'x'"):
        running.answer_many("ann", [*ids, "x"], "money", once="m", how="lasso")
    assert not running.fold().answers
    assert running.answer_many("ann", ids, "money", once="m", how="lasso") == 10
    running.answer_many("ann", ids, "money", once="m", how="lasso")
    assert running.fold().labeled == 10
    running.answer_many("ann", ids, None, "withdrawn", once="n")
    assert running.fold().labeled == 0


@pytest.mark.parametrize("name", ["very  bad", "tr\u00e8s\u00a0mal", "\u0645\u06cc\u200c\u0631\u0648\u062f", " soso "])
def test_a_class_is_answered_by_its_own_name_whatever_its_blanks(tmp_path: Path, name: str) -> None:
    made = desk(fresh(tmp_path, classes=(name, "good")))
    id = made.claim("ann", 1)[0]
    assert made.answer("ann", id, name) == [] and made.fold().label(id) == name
    made.close()


@pytest.mark.parametrize("name", ["\u0645\u06cc\u200c\u0631\u0648\u062f", "\u0dc1\u0dca\u200d\u0dbb\u0dd3"])
def test_joiners_between_letters_belong_to_names(running: Desk, name: str) -> None:
    assert running.answer("ann", running.claim("ann", 1)[0], name) == [name]
    assert check_person(name) == name
    with pytest.raises(BadInput):
        check_person("\u200d")


def test_a_lasso_is_undone_whole(running: Desk) -> None:
    first, *many = [str(number) for number in range(8)]
    running.answer("ann", first, "printer", once="a")
    running.answer("bob", many[0], "printer", once="b")
    for at in (0, 4):  # a large one comes in parts
        running.answer_many("ann", many[at : at + 4], "money", once=f"m{at}", how="lasso", deed="d")
    for _ in range(2):  # the reply was lost
        assert running.undo("ann", once="u") == Undone(many[-1], "money", "label", 7, "d")
    assert set(running.fold().answers) == {first, many[0]} and not running.claims.held()
    assert running.undo("ann", once="v") == Undone(first, "printer", "label")
    assert running.answer_many("ann", many[:1], "money", once="w", how="lasso") == 1
    running.answer("ann", many[0], "printer", once="x")  # thought better of
    assert running.undo("ann", once="y") == Undone(many[0], "printer", "label")


def test_flags_and_comments_stay(running: Desk) -> None:
    id = running.claim("ann", 1)[0]
    running.note("ann", id, flag=True, comment="blurred")
    running.note("ann", id, flag=False)
    remark = running.fold().remarks[id]["ann"]
    assert (remark.flag, remark.comment) == (False, "blurred")


def test_classes_change_their_names(running: Desk) -> None:
    id = running.claim("ann", 1)[0]
    running.answer("ann", id, "money")
    running.rename("money", "billing")
    running.declare("login")
    running.merge("login", "printer")
    fold = running.fold()
    assert fold.names == ("printer", "billing") and fold.label(id) == "billing"


@pytest.mark.parametrize("name", ["", "file", "GONE", "x" * 61, "a\nb\x00"])
def test_nobody_is_called_so(name: str) -> None:
    with pytest.raises(BadInput, match="Type another one"):
        check_person(name)


# Before the study


def test_items_come_at_random_before_there_is_a_study(early: Desk) -> None:
    ann, bob = early.claim("ann", 3), early.claim("bob", 3)
    assert len({*ann, *bob}) == 6
    streams = {early.fold().questions[id].stream for id in early.fold().questions}
    assert streams == {"active", "control"}


def test_early_answers_are_there_after_a_restart(early: Desk, tmp_path: Path) -> None:
    id = early.claim("ann", 1)[0]
    early.answer("ann", id, "printer", once="a")
    early.note("ann", id, flag=True, once="b")
    again = desk(tmp_path / "tickets.askance")
    fold = again.fold()
    assert fold.label(id) == "printer" and fold.names == ("printer",) and fold.remarks[id]["ann"].flag
    again.close()


def test_the_study_takes_early_answers_over(early: Desk, tmp_path: Path) -> None:
    ids = early.claim("ann", 4)
    for number, id in enumerate(ids[:3]):
        early.answer("ann", id, ["printer", "money", "printer"][number], once=f"a{number}")
    early.rename("money", "billing")
    early.undo("ann", once="u")
    project = taken_over(tmp_path / "tickets.askance")
    study = project.study
    assert study.labels == {ids[0]: "printer", ids[1]: "billing"}
    assert study.task.names == ("printer", "billing")  # type: ignore[attr-defined]
    controls = {study.pool.names([row])[0] for row in study.state.controls}
    assert 0 < len(controls) < len(early.fold().questions)

    assert early.fold().label(ids[1]) == "billing" and early.begun
    early.answer("ann", ids[0], "printer", once="a0")  # sent again, after a reply was lost
    early.answer("ann", ids[3], "billing", once="a3")
    study.refresh()
    assert len(study.labels) == 3
    assert all(row.ok for row in study.audit())
    project.close()


def test_taking_over_twice_does_no_harm(early: Desk, tmp_path: Path) -> None:
    id = early.claim("ann", 1)[0]
    early.answer("ann", id, "printer", once="a")
    project = taken_over(tmp_path / "tickets.askance")
    before = project.study.lines()
    project.items.put("begun", False)  # as if the dealer had been killed before its last word
    transfer(project.items, project.study)
    assert project.study.lines() == before
    project.close()


def test_with_a_limit_people_begin_with_what_will_be_encoded(tmp_path: Path, clock: Clock) -> None:
    early = desk(fresh(tmp_path, rows=60, limit=10), clock)
    assert early.fold().items == 10
    ids = early.claim("ann", 5)
    for id in ids[:4]:
        early.answer("ann", id, "printer", once=id)
    for _ in range(2):  # and the study opens again
        project = taken_over(early.folder)
        assert len(project.study.pool) == 10 and set(project.study.labels) == set(ids[:4])
        assert all(row.ok for row in project.study.audit())
        project.close()
    early.close()


def test_what_was_answered_early_is_encoded_whatever_the_limit(early: Desk, tmp_path: Path) -> None:
    ids = early.claim("ann", 6)
    for id in ids:
        early.answer("ann", id, "printer", once=id)
    project = taken_over(tmp_path / "tickets.askance", limit=2)
    assert set(project.study.labels) == set(ids)
    project.close()


def test_early_answers_keep_their_time(early: Desk, tmp_path: Path, clock: Clock) -> None:
    (first,) = early.claim("ann", 1)
    clock.now += 60
    early.claim("bob", 10)
    clock.now += 60
    late = early.claim("eve", 10)[-1]  # the last that was drawn
    clock.now += 60
    for id in (first, late):
        early.answer("ann", id, "printer", once=id)
    project = taken_over(tmp_path / "tickets.askance")
    times = {one.id: (one.asked_at, one.answers[0].at) for one in provenance(project.study)}
    assert times == {first: (when(1_000), when(1_180)), late: (when(1_120), when(1_180))}
    project.close()


def test_what_an_item_gets_is_said_once(early: Desk) -> None:
    assert early.unset
    early.choose_task("labels")
    assert not early.unset
    id = early.claim("ann", 1)[0]
    early.answer("ann", id, ["a", "b"])
    early.choose_task("labels")
    with pytest.raises(BadInput, match="labeled already"):
        early.choose_task("number")
    assert early.fold().label(id) == ["a", "b"]


def test_numbers_are_answers_too(early: Desk) -> None:
    early.choose_task("number")
    first, second = early.claim("ann", 2)
    early.answer("ann", first, "3.5")
    early.answer("ann", second, 4)
    assert (early.fold().label(first), early.fold().label(second)) == ([3.5], [4.0])


def test_the_web_process_brings_no_torch() -> None:
    text = (
        "import sys, askance.desk.app, askance.desk.desk, askance.desk.showing, askance.project.beginning\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'numba', 'pandas'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

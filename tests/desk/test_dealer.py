from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_projects import desk, fresh

from askance.desk.board import Board
from askance.desk.dealer import Dealer
from askance.desk.desk import Desk
from askance.errors import AskanceError
from askance.project.project import Project


class Dealt:
    """A desk and its dealer in one process, which deals when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.place = fresh(folder, rows=60, classes=("printer", "money"))
        self.desk: Desk = desk(self.place)
        self.project, self.board = Project(self.place), Board(self.place)
        self.dealer = Dealer(self.project, self.board)
        self.dealer._claims = self.desk.claims  # one clock

    def label(self, count: int) -> None:
        for number in range(count):
            (id,) = self.desk.claim("ann", 1)
            self.desk.answer("ann", id, "money" if number % 2 else "printer")

    def close(self) -> None:
        self.desk.close()
        self.project.close()
        self.board.close()


@pytest.fixture
def dealt(tmp_path: Path) -> Iterator[Dealt]:
    made = Dealt(tmp_path)
    yield made
    made.close()


def test_what_somebody_holds_stays_and_what_nobody_saw_goes_back(dealt: Dealt) -> None:
    held = dealt.desk.claim("bob", 3)
    dealt.label(6)
    dealt.dealer._prepare()
    assert set(dealt.project.study.pending) == set(held)

    assert dealt.dealer.step(dealt.project.study)  # it explains what it asked, and stumbles over nothing drawn early
    fold = dealt.desk.fold()
    asked = [id for id in fold.open if id not in held]
    assert len(asked) == 10 and dealt.desk.claim("bob", 3) == held
    for id in asked:
        guess, why = dealt.board.told(id)
        assert guess["model"] == 0 and why["sentence"]
    assert all(dealt.board.told(id)[1] is None for id in held)


def test_it_deals_no_more_than_is_wanted(dealt: Dealt) -> None:
    dealt.label(6)
    dealt.dealer._prepare()
    study = dealt.project.study
    assert dealt.dealer.step(study) and not dealt.dealer.step(study)
    dealt.label(5)
    assert dealt.dealer.step(study) and not dealt.dealer.step(study)
    while study.progress.unlabeled or study.pending:
        dealt.label(len(study.pending))
        dealt.dealer.step(study)
    assert not dealt.dealer.step(study) and len(study.labels) == 60


def test_people_label_on_where_nothing_can_be_explained(dealt: Dealt, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(*given: object) -> None:
        raise AskanceError("There is no telling.")

    monkeypatch.setattr("askance.desk.dealer.why", unable)
    dealt.label(6)
    dealt.dealer._prepare()
    assert dealt.dealer.step(dealt.project.study)
    assert len(dealt.desk.claim("ann", 3)) == 3

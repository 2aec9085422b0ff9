from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_projects import desk, fresh

from askance.desk.board import Board
from askance.desk.dealer import Dealer
from askance.desk.desk import Desk
from askance.errors import AskanceError, BadInput
from askance.project.project import Project


class Dealt:
    """A desk and its dealer in one process, which deals when it is told to."""

    def __init__(self, folder: Path, **wishes: Any) -> None:
        self.place = fresh(folder, rows=60, classes=("printer", "money"), **wishes)
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


def test_whoever_skips_sees_all_items_before_one_comes_again(dealt: Dealt) -> None:
    dealt.label(6)
    dealt.dealer._prepare()
    study, shown = dealt.project.study, []
    for _ in range(54):
        while dealt.dealer.step(study):
            pass
        shown.append(dealt.desk.claim("ann", 2)[0])
        dealt.desk.note("ann", shown[-1], skip=True)
    assert len(set(shown)) == 54 and not study.progress.unlabeled


def test_it_goes_on_when_somebody_encodes_more(tmp_path: Path) -> None:
    dealt = Dealt(tmp_path, limit=20)
    dealt.label(6)
    thread = threading.Thread(target=dealt.dealer.run)
    thread.start()
    try:
        until(lambda: dealt.board.fact("dealer", {}).get("doing") == "idle")
        other = Project(dealt.place)
        other.encode()
        other.settle()
        other.close()
        dealt.label(8)
        until(lambda: dealt.desk.fold().items == 60 and len(dealt.desk.fold().fits) == 2)  # it learns, and asks again
        assert thread.is_alive()
    finally:
        dealt.dealer.stop()
        thread.join()
        dealt.close()


def test_it_gives_up_on_what_no_opening_mends(dealt: Dealt, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def step(*given: object) -> bool:
        tries.append(given)
        raise BadInput("It is as it is.")

    monkeypatch.setattr(dealt.dealer, "step", step)
    with pytest.raises(BadInput, match="as it is"):
        dealt.dealer.run()
    assert len(tries) == 2


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_people_label_on_where_nothing_can_be_explained(dealt: Dealt, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(*given: object) -> None:
        raise AskanceError("There is no telling.")

    monkeypatch.setattr("askance.desk.dealer.why", unable)
    dealt.label(6)
    dealt.dealer._prepare()
    assert dealt.dealer.step(dealt.project.study)
    assert len(dealt.desk.claim("ann", 3)) == 3

"""Several processes on one journal: nobody is asked what somebody else was asked, and no answer gets in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from worlds import blobs

from askance.errors import Conflict
from askance.study import steps as spine
from askance.study.study import Study


def asker(folder: Path, name: str) -> None:
    """Wait for the word, open the study, ask four times, and write down what was asked."""
    world = blobs(items=200)
    (folder / f"ready {name}").touch()
    while not (folder / "go").exists():
        time.sleep(0.005)
    study = world.study(storage=folder / "x.db", strategy="margin", start="random", control=0.25)
    batches = []
    for _ in range(4):
        batches.append(study.ask(3).ids)
        study.tell(world.oracle.of(batches[-1][:2]), by=name)
    (folder / f"asked {name}").write_text(json.dumps(batches))


def forked(folder: Path) -> list[int]:
    """Eight children of this process; gives how each ended."""
    children = [get_context("fork").Process(target=asker, args=(folder, f"{number}")) for number in range(8)]
    for child in children:
        child.start()
    start_together(folder, lambda: all(child.is_alive() for child in children))
    for child in children:
        child.join()
    return [child.exitcode or 0 for child in children]


def spawned(folder: Path) -> list[int]:
    """Eight fresh interpreters; gives how each ended."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    code = "import sys, pathlib, test_many_processes as t; t.asker(pathlib.Path(sys.argv[1]), sys.argv[2])"
    command = [sys.executable, "-c", code, str(folder)]
    children = [subprocess.Popen([*command, f"{number}"], env=environment) for number in range(8)]
    try:
        start_together(folder, lambda: all(child.poll() is None for child in children))
        return [child.wait(timeout=300) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()


def start_together(folder: Path, alive: Callable[[], bool]) -> None:
    while len(list(folder.glob("ready *"))) < 8 and alive():
        time.sleep(0.02)
    (folder / "go").touch()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("start", [forked, pytest.param(spawned, marks=pytest.mark.slow)])
def test_eight_processes_that_ask_at_once_get_different_items(
    tmp_path: Path, start: Callable[[Path], list[int]]
) -> None:
    assert start(tmp_path) == [0] * 8
    batches = [batch for path in tmp_path.glob("asked *") for batch in json.loads(path.read_text())]
    items = [item for batch in batches for item in batch]
    assert [len(batch) for batch in batches] == [3] * 32
    assert len(set(items)) == len(items) == 96

    study = blobs(items=200).study(storage=tmp_path / "x.db", strategy="margin", start="random")
    assert (study.progress.labeled, study.progress.pending) == (64, 32)
    rows = study.audit()
    assert [row.why for row in rows if not row.ok] == []
    assert sorted(row.asked for row in rows) == sorted(batches)
    assert study.history.asked[-1].number == 31
    kinds = [line.kind for line in study.lines()]
    assert (kinds.count("opened"), kinds.count("offered"), kinds.count("changed")) == (1, 1, 0)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Study, Study]:
    """Two studies on one journal, as two processes have them, warm and with a fresh model."""
    world = blobs()
    one, two = (world.study(storage=tmp_path / "x.db", strategy="margin", start="random") for _ in range(2))
    one.tell(world.oracle.of(range(8)))
    one.model()
    two.refresh()
    return one, two


def between(study: Study, step: str, happens: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let something happen once, right after a step of a study; gives how often the step was taken."""
    taken: list[int] = []
    own = getattr(study, step)

    def then(*given: Any) -> Any:
        found = own(*given)
        taken.append(1)
        if len(taken) == 1:
            happens()
        return found

    monkeypatch.setattr(study, step, then)
    return taken


def test_an_answer_between_pick_and_asked_keeps_the_batch(
    pair: tuple[Study, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    wanted = one.pick(3).batch.ids
    other = next(name for name in range(8, 80) if name not in wanted)
    taken = between(one, "pick", lambda: two.tell({other: "class 0"}), monkeypatch)
    batch = one.ask(3)
    assert (batch.ids, len(taken)) == (wanted, 1)
    assert one.lines()[-2].kind == "told"
    assert one.lines()[-1].body["seen"] == one.lines()[-2].number - 1
    assert all(row.ok for row in one.audit(refit=True))


def test_an_answer_to_a_picked_item_makes_the_batch_be_picked_again(
    pair: tuple[Study, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    wanted = one.pick(3).batch.ids
    taken = between(one, "pick", lambda: two.tell({wanted[1]: "class 0"}), monkeypatch)
    batch = one.ask(3)
    assert len(taken) == 2
    assert wanted[1] not in batch.ids and len(batch) == 3
    assert all(row.ok for row in one.audit(refit=True))


def test_a_batch_asked_by_somebody_else_meanwhile_is_not_asked_again(
    pair: tuple[Study, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    wanted = one.pick(3).batch.ids
    got: list[Any] = []
    between(one, "pick", lambda: got.extend(two.ask(3).ids), monkeypatch)
    batch = one.ask(3)
    assert got == wanted
    assert set(batch.ids).isdisjoint(got) and len(batch) == 3
    assert all(row.ok for row in one.audit(refit=True))


def test_who_takes_the_steps_alone_is_told_of_the_conflict(pair: tuple[Study, Study]) -> None:
    one, two = pair
    picks = one.pick(3)
    two.ask(3)
    with pytest.raises(Conflict):
        one.asked(picks)
    assert one.asked(one.pick(3)).number == 1


def test_answers_that_come_in_while_a_model_is_fitted_do_not_start_the_fit_again(
    pair: tuple[Study, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    two.tell({20: "class 0"})
    through = two.state.line
    taken = between(one, "fit", lambda: two.tell({30: "class 0", 31: "class 1"}), monkeypatch)
    batch = one.ask(3)
    assert len(taken) == 1
    assert set(batch.ids).isdisjoint({20, 30, 31})
    assert one.lines()[-2].body["through"] == through
    assert one.ask(3).model != batch.model  # the next round learns from them
    assert all(row.ok for row in one.audit(refit=True))


def test_new_items_that_two_processes_bring_are_offered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = blobs(items=60, named=True)
    world._replace(pool=world.pool.first(40)).study(storage=tmp_path / "x.db")
    backwards = world._replace(pool=world.pool.arranged(range(59, -1, -1)))
    own = spine.changes
    opened: list[Study] = []

    def meanwhile(*given: Any) -> Any:
        found = own(*given)
        monkeypatch.setattr(spine, "changes", own)  # once
        opened.append(backwards.study(storage=tmp_path / "x.db", strategy="entropy"))
        return found

    monkeypatch.setattr(spine, "changes", meanwhile)
    study = world.study(storage=tmp_path / "x.db", strategy="entropy")
    assert [line.kind for line in study.lines()] == ["opened", "offered", "changed", "offered"]
    assert len(study.state.sides) == 60
    assert study.pool.names(range(60)) == opened[0].pool.names(range(60))


def test_a_model_that_somebody_else_fitted_meanwhile_is_used(
    pair: tuple[Study, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    two.tell({20: "class 0"})
    between(one, "fit", two.model, monkeypatch)
    one.ask(3)
    assert [line.kind for line in one.lines()].count("fitted") == 2
    assert all(row.ok for row in one.audit(refit=True))

"""Kill the process at any instant, open the file: nothing acknowledged is lost, and the next batch is the same."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from worlds import asked_ids, blobs

from askance.learners.linear import Linear
from askance.learners.loop import Training
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.dynamics import Recorded
from askance.strategies.base import Strategy
from askance.study import sql, unfinished
from askance.study.artifacts import FolderArtifacts
from askance.study.study import Study
from askance.view import View

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]
WORLD = blobs(items=60)
OPTIONS: dict[str, Any] = {"strategy": "margin", "start": "random", "control": 0.2, "learner": Linear(), "seed": 3}


def forked(work: Callable[[], None], seconds: float | None = None) -> bool:
    """Do something in a child and kill it after some seconds; gives whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return os.WIFSIGNALED(status)


def checked(study: Study, whole: Study) -> None:
    """The study asked and was told what the unbroken one was, once, and can be audited."""
    assert asked_ids(study) == asked_ids(whole)
    assert study.labels == whole.labels
    told = Counter(line.body["id"] for line in study.lines() if line.kind == "told")
    assert set(told.values()) == {1}
    fits = [line.body["key"] for line in study.lines() if line.kind == "fitted"]
    assert fits == [line.body["key"] for line in whole.lines() if line.kind == "fitted"]
    assert all(row.ok for row in study.audit())


def run(storage: Path | None, durability: str = "full", budget: int = 30) -> Study:
    study = WORLD.study(storage=storage, durability=durability, **OPTIONS)
    study.run(WORLD.oracle, budget, batch=5)
    return study


def kills_of_a_run(folder: Path, durability: str, kills: int, seed: int) -> None:
    whole = run(None)
    begun = time.perf_counter()
    forked(lambda: run(folder / "timed.db", durability).close())
    usual = time.perf_counter() - begun
    dice = random.Random(seed)
    killed = 0
    for number in range(1, 400):
        storage = folder / f"{number}.db"
        for _ in range(3):
            killed += forked(lambda: run(storage, durability).close(), dice.uniform(0, usual))  # noqa: B023
        study = run(storage, durability)
        checked(study, whole)
        study.close()
        if killed >= kills:
            return
    raise AssertionError(f"only {killed} kills hit")


@pytest.mark.parametrize("durability", ["full", "normal"])
def test_a_run_that_was_killed_asks_what_an_unbroken_one_asks(tmp_path: Path, durability: str) -> None:
    kills_of_a_run(tmp_path, durability, kills=12, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_a_run_that_was_killed_often_asks_what_an_unbroken_one_asks(tmp_path: Path, durability: str, seed: int) -> None:
    kills_of_a_run(tmp_path, durability, kills=60, seed=seed)


def dying(work: Callable[[], None], at: int) -> Callable[[], None]:
    """The same work, killed at the n-th moment right before or after something is written."""
    left = [at]

    def around(write: Callable[..., Any]) -> Callable[..., Any]:
        def written(*given: Any) -> Any:
            tick()
            found = write(*given)
            tick()
            return found

        return written

    def tick() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def armed() -> None:  # in the child, so nothing has to be put back
        sql.Lines.insert = around(sql.Lines.insert)  # type: ignore[method-assign]
        FolderArtifacts.save = around(FolderArtifacts.save)  # type: ignore[method-assign]
        work()

    return armed


@pytest.mark.parametrize("durability", ["full", "normal"])
def test_a_run_can_be_killed_between_any_two_writes(tmp_path: Path, durability: str) -> None:
    whole = run(None, budget=10)
    for at in range(1, 100):
        storage = tmp_path / f"{at}.db"
        killed = forked(dying(lambda: run(storage, durability, 10).close(), at))  # noqa: B023
        study = run(storage, durability, 10)
        checked(study, whole)
        study.close()
        if not killed:
            assert at > 20
            return
    raise AssertionError("the run never ended")


def label(study: Study, acknowledge: Callable[[Any], object]) -> None:
    """A client that asks page after page, from the first, and tells one answer after another."""
    for page in range(8):
        batch = study.ask(3, once=f"page {page}")
        for name in batch.ids:
            study.tell(WORLD.oracle.of([name]), once=f"page {page}")
            acknowledge(name)


def test_no_acknowledged_answer_is_lost_and_none_counts_twice(tmp_path: Path) -> None:
    kills_of_a_client(tmp_path, kills=12, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_acknowledged_answer_is_lost_over_many_kills(tmp_path: Path, seed: int) -> None:
    kills_of_a_client(tmp_path, kills=60, seed=seed)


def kills_of_a_client(folder: Path, kills: int, seed: int) -> None:
    whole = WORLD.study(**OPTIONS)
    label(whole, lambda name: None)
    begun = time.perf_counter()
    _client(folder / "timed.db", None)
    usual = time.perf_counter() - begun
    dice = random.Random(seed)
    killed = 0
    for number in range(1, 400):
        storage = folder / f"{number}.db"
        acknowledged: list[int] = []
        for _ in range(4):
            came, hit = _client(storage, dice.uniform(0, usual))
            acknowledged += came
            killed += hit
        study = WORLD.study(storage=storage, **OPTIONS)
        assert set(acknowledged) <= study.labels.keys()
        label(study, lambda name: None)
        checked(study, whole)
        study.close()
        if killed >= kills:
            return
    raise AssertionError(f"only {killed} kills hit")


def _client(storage: Path, seconds: float | None) -> tuple[list[int], bool]:
    """Label in a child that is killed; gives what it said was acknowledged."""
    read, write = os.pipe()

    def work() -> None:
        study = WORLD.study(storage=storage, **OPTIONS)
        label(study, lambda name: os.write(write, f"{name}\n".encode()))

    killed = forked(work, seconds)
    os.close(write)
    with os.fdopen(read) as pipe:
        return [int(name) for name in pipe.read().split()], killed


@dataclass(frozen=True)
class Wavering(Strategy):
    """Asks where the guess changed while the model trained."""

    record: Signal = Recorded("probabilities")
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return view[self.record].std(1).sum(1)


STEPS = 12


@pytest.mark.parametrize("killed_in", [1, 5, STEPS - 1])
def test_a_training_that_was_killed_goes_on_from_its_last_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_in: int
) -> None:
    monkeypatch.setattr(unfinished, "EVERY", 0.0)
    options = {**OPTIONS, "strategy": Wavering(), "learner": Torch(Mlp((8,)), steps=STEPS, looks=3), "control": 0.0}
    steps = [0]
    original = Training.one_step

    def counted(self: Training, rows: Tensor) -> None:
        steps[0] += 1
        original(self, rows)

    monkeypatch.setattr(Training, "one_step", counted)

    def work(storage: Path | None) -> Study:
        study = WORLD.study(storage=storage, **options)
        study.run(WORLD.oracle, 30, batch=10)
        return study

    whole, taken = work(None), steps[0]
    assert taken % STEPS == 0 and taken >= 2 * STEPS
    dies = taken - 2 * STEPS + killed_in  # in the middle of the last fit but one

    def dying_work() -> None:
        steps[0] = 0

        def deadly(self: Training, rows: Tensor) -> None:
            if steps[0] == dies:
                os.kill(os.getpid(), signal.SIGKILL)
            counted(self, rows)

        Training.one_step = deadly  # type: ignore[method-assign]
        work(tmp_path / "x.db").close()

    assert forked(dying_work)
    artifacts = FolderArtifacts(tmp_path / "x.db.models")
    assert [key.endswith(".part") for key in artifacts.keys()].count(True) == 1  # noqa: SIM118
    steps[0] = 0
    study = work(tmp_path / "x.db")
    assert steps[0] == taken - dies
    assert asked_ids(study) == asked_ids(whole)
    assert not any(key.endswith(".part") for key in artifacts.keys())  # noqa: SIM118
    mine, its = (s.model().weights() for s in (study, whole))
    assert mine is not None and its is not None and all(torch.equal(mine[name], its[name]) for name in its)
    assert all(row.ok for row in study.audit(refit=True))
    study.close()

"""Kill the process at any instant, open the file: nothing acknowledged is lost, and the next batch is the same."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from worlds import asked_ids, blobs

from askance.learners.linear import Linear
from askance.study import sql
from askance.study.artifacts import FolderArtifacts
from askance.study.study import Study

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

"""Tasks on one process and on several."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from operator import call, mul, truediv
from pathlib import Path

import pytest

from askance.describe import find
from askance.executors.base import WorkerDied
from askance.executors.local import Processes, Workers, cores, run_all


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_gets_its_own_result_whatever_the_number_of_processes(workers: int) -> None:
    assert dict(run_all(mul, 3, [1, 2, 5], workers)) == {0: 3, 1: 6, 2: 15}


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_is_raised_as_it_is_and_nothing_is_left_running(workers: int) -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_all(truediv, 3, [0, 0, 0], workers))
    assert not multiprocessing.active_children()


def test_processes_read_what_loose_files_define(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LOOSE)
    mine, twice = (find(f"{tmp_path}/mine.py:{name}") for name in ("Mine", "twice"))
    assert dict(run_all(call, mine(3, twice), [1, 5], 2)) == {0: 8, 1: 16}


@pytest.mark.parametrize(("workers", "on"), [(1, None), (None, None), (1, Processes()), (None, Processes())])
def test_a_single_process_gives_each_result_before_the_next_task(
    workers: int | None, on: Processes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("askance.executors.local.cores", lambda: 1)
    done: list[int] = []
    for number, _ in run_all(list.append, done, [5, 6, 7], workers, on):
        assert len(done) == number + 1


LOOSE = """
from dataclasses import dataclass
from typing import Any

@dataclass(frozen=True)
class Mine:
    number: int
    function: Any

    def __call__(self, more):
        return self.function(self.number + more)

def twice(number):
    return 2 * number
"""


def test_when_we_are_killed_no_worker_goes_on_with_its_task(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    workers = [int(process.stdout.readline()) for _ in range(2)]
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 30
    while any(_runs(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker outlives the process it works for"
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


KILLED = """
import os
import sys
import time

from askance.executors.local import Workers

def works(shared, number):
    print(os.getpid(), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    workers = Workers(works, None, 2)
    for done in [workers.submit(0), workers.submit(1)]:
        done.result()
"""


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1


def add(shared: int, given: tuple[list[int], int]) -> int:
    return shared + sum(given[0]) + given[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_map_keeps_the_order_and_its_tasks_share_what_lies_beside_them(workers: int) -> None:
    pool = Processes().begin(add, 100, workers)
    try:
        assert list(pool.map([10, 20], range(4))) == [130, 131, 132, 133]
        assert list(pool.map([1], iter([5, 6]))) == [106, 107]
    finally:
        pool.close()


def test_as_many_processes_as_cores_if_nobody_says_how_many() -> None:
    assert Processes().here(None) == cores() and Processes().here(3) == 3


DIES = """
import os, signal, time
from pathlib import Path
def dies(task):
    if isinstance(task, tuple):  # a number, and a folder where the first ones leave word that they died, in order
        number, folder = task
        if number < 3 and not (word := Path(folder, str(number))).exists():
            while not all(Path(folder, str(before)).exists() for before in range(number)):
                time.sleep(0.01)
            word.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return task
"""


@pytest.mark.slow
def test_a_process_that_dies_is_told_apart_from_an_error_and_replaced(tmp_path: Path) -> None:
    (tmp_path / "dies.py").write_text(DIES)
    dies = find(f"{tmp_path}/dies.py:dies")
    pool = Workers(call, dies, 2)
    try:
        with pytest.raises(WorkerDied, match="perhaps for lack of memory"):
            pool.submit("die").result()
        assert pool.submit("live").result() == "live"
        with pytest.raises(WorkerDied):
            dict(run_all(call, dies, ["die", "live"], 2))
    finally:
        pool.close()
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_unrelated_deaths_do_not_count_for_tasks_that_wait(tmp_path: Path) -> None:
    (tmp_path / "dies.py").write_text(DIES)
    dies = find(f"{tmp_path}/dies.py:dies")
    tasks = [(number, str(tmp_path)) for number in range(9)]
    assert dict(run_all(call, dies, tasks, 2)) == dict(enumerate(range(9)))
    assert not multiprocessing.active_children()

"""Tasks on one process and on several."""

from __future__ import annotations

import multiprocessing
from operator import call, mul, truediv
from pathlib import Path

import pytest

from askance.describe import find
from askance.executors.local import cores, run_all


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


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1

"""Tasks on one process and on several."""

from __future__ import annotations

import multiprocessing
from operator import mul, truediv

import pytest

from askance.executors.local import cores, run_all


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_gets_its_own_result_whatever_the_number_of_processes(workers: int) -> None:
    assert dict(run_all(mul, 3, [1, 2, 5], workers)) == {0: 3, 1: 6, 2: 15}


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_is_raised_as_it_is_and_nothing_is_left_running(workers: int) -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_all(truediv, 3, [0, 0, 0], workers))
    assert not multiprocessing.active_children()


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1

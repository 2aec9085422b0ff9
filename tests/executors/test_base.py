"""Tasks that are begun again when their worker died, and never otherwise."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from typing import Any

import pytest

from askance.errors import BadInput
from askance.executors.base import TRIES, WorkerDied, as_finished, for_travel, in_order


class Fragile:
    """Answers a task with its square; what it is told to kills its worker so many times first, or raises."""

    def __init__(self, deaths: dict[int, int] | None = None, wrong: set[int] | None = None) -> None:
        self.deaths, self.wrong = Counter(deaths or {}), wrong or set()
        self.begun: list[int] = []
        self.open = 0
        self.most = 0

    def submit(self, task: int) -> Future[Any]:
        self.begun.append(task)
        self.open += 1
        self.most = max(self.most, self.open)
        done: Future[Any] = Future()
        if self.deaths[task]:
            self.deaths[task] -= 1
            done.set_exception(WorkerDied("a worker died"))
        elif task in self.wrong:
            done.set_exception(ZeroDivisionError(task))
        else:
            done.set_result(task * task)
        return done


def test_results_come_in_the_order_of_the_tasks_whoever_died_meanwhile() -> None:
    assert list(in_order(Fragile({1: 2, 3: 1}).submit, range(5), 3)) == [0, 1, 4, 9, 16]
    assert dict(as_finished(Fragile({1: 2, 3: 1}).submit, range(5), 3)) == {0: 0, 1: 1, 2: 4, 3: 9, 4: 16}


def test_a_task_that_always_kills_its_worker_is_begun_three_times_and_no_more() -> None:
    for run in (lambda pool: list(in_order(pool.submit, [7], 2)), lambda pool: list(as_finished(pool.submit, [7], 2))):
        pool = Fragile({7: 9})
        with pytest.raises(WorkerDied):
            run(pool)
        assert pool.begun == [7] * TRIES == [7] * 3


def test_an_error_of_the_task_is_raised_as_it_is_and_begun_once() -> None:
    for run in (lambda pool: list(in_order(pool.submit, [2], 2)), lambda pool: list(as_finished(pool.submit, [2], 2))):
        pool = Fragile(wrong={2})
        with pytest.raises(ZeroDivisionError):
            run(pool)
        assert pool.begun == [2]


def test_no_more_tasks_are_handed_over_than_said_however_many_there_are() -> None:
    pool = Fragile()
    for _ in in_order(pool.submit, iter(range(100)), 4):
        pool.open -= 1
    assert pool.most == 4 and pool.begun == list(range(100))
    pool = Fragile()
    found = as_finished(pool.submit, range(100), 4)
    assert next(found)[0] in range(4) and pool.begun == list(range(4))
    assert len(list(found)) == 99 and pool.begun == list(range(100))


def test_a_task_that_nobody_worked_at_when_a_worker_died_may_be_begun_as_often_as_before() -> None:
    class Bystander(Fragile):
        def submit(self, task: int) -> Future[Any]:
            done = super().submit(task)
            error = done.exception()
            if isinstance(error, WorkerDied):
                error.begun = False
            return done

    assert dict(as_finished(Bystander({1: 5}).submit, range(3), 2)) == {0: 0, 1: 1, 2: 4}
    assert list(in_order(Bystander({1: 5}).submit, range(3), 2)) == [0, 1, 4]


def test_what_cannot_travel_is_said_with_what_to_do() -> None:
    with pytest.raises(BadInput, match="cannot travel to another process.*top level of a module"):
        for_travel(lambda: 0)

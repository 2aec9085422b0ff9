"""Tasks on this machine: one after another, or on several processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from askance.describe import packed

Task = TypeVar("Task")
Result = TypeVar("Result")

_shared: Any = None  # what all tasks of this worker read; handed over once, not with every task


def run_all(
    function: Callable[[Any, Task], Result], shared: Any, tasks: Sequence[Task], workers: int = 1
) -> Iterator[tuple[int, Result]]:
    """Results with the number of their task, in the order in which they are finished.

    The first error is raised as it is, and nothing is left running.

    Args:
        function: Called as ``function(shared, task)``; for several workers at the top level of a module.
        shared: What all tasks read.
        tasks: One argument each.
        workers: How many processes; 1 works in this one.
    """
    if workers == 1 or len(tasks) < 2:
        for number, task in enumerate(tasks):
            yield number, function(shared, task)
        return
    context = multiprocessing.get_context("spawn")  # a fork would inherit threads that hold locks
    with ProcessPoolExecutor(min(workers, len(tasks)), context, _begin, (packed(shared),)) as pool:
        waiting = {pool.submit(_call, function, task): number for number, task in enumerate(tasks)}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)


class Workers:
    """Processes that get tasks one by one, each with one inner thread; a single worker is this process.

    Args:
        function: Called as ``function(shared, task)``; for several workers at the top level of a module.
        shared: What all tasks read.
        count: How many processes.
    """

    def __init__(self, function: Callable[[Any, Any], Any], shared: Any, count: int) -> None:
        self._function, self._shared, self._count = function, shared, count
        self._pool = self._made()

    def submit(self, task: Any) -> Future[Any]:
        """Hand a task over; a process that dies breaks what was handed over with it, and is replaced."""
        if self._pool is not None:
            try:
                return self._pool.submit(_call, self._function, task)
            except BrokenProcessPool:
                self._pool.shutdown(cancel_futures=True)
                self._pool = self._made()
                return self.submit(task)
        done: Future[Any] = Future()
        try:
            done.set_result(self._function(self._shared, task))
        except Exception as error:
            done.set_exception(error)
        return done

    def close(self) -> None:
        """Let what runs end, and drop what does not."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _made(self) -> ProcessPoolExecutor | None:
        if self._count == 1:
            return None
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._count, context, _begin, (packed(self._shared),))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(shared: bytes) -> None:
    import torch

    global _shared
    _shared = pickle.loads(shared)
    torch.set_num_threads(1)  # the processes are the parallelism


def _call(function: Callable[[Any, Task], Result], task: Task) -> Result:
    return function(_shared, task)

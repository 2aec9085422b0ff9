"""Tasks on this machine: one after another, or on several processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar

from askance.executors.base import Place, WorkerDied, as_finished, for_travel, in_order

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD = 2  # tasks that are handed over for each worker, so that none waits for the next one

_shared: Any = None  # what all tasks of this worker read; handed over once, not with every task
_beside: tuple[bytes, Any] = (b"", None)  # what the tasks of one map read, packed and as it is


@dataclass(frozen=True)
class Processes:
    """Processes of this machine; a single one is this process."""

    def begin(self, function: Callable[[Any, Any], Any], shared: Any, workers: int | None = None) -> Workers:
        """Workers, one for each core if nobody says how many."""
        return Workers(function, shared, workers or cores())

    def here(self, workers: int | None) -> int:
        """All of them."""
        return workers or cores()


def run_all(
    function: Callable[[Any, Task], Result],
    shared: Any,
    tasks: Sequence[Task],
    workers: int | None = 1,
    on: Place | None = None,
) -> Iterator[tuple[int, Result]]:
    """Results with the number of their task, in the order in which they are finished.

    The first error is raised as it is, and nothing is left running.

    Args:
        function: Called as ``function(shared, task)``; for several workers at the top level of a module.
        shared: What all tasks read.
        tasks: One argument each.
        workers: How many tasks at once; 1 works in this process, None uses all cores.
        on: Where they are run, if not by processes of this machine.
    """
    at_home = on is None or isinstance(on, Processes)
    most = min(workers or cores(), len(tasks))
    if at_home and most < 2:  # one by one, so that what is done is kept when this process is killed
        for number, task in enumerate(tasks):
            yield number, function(shared, task)
        return
    executor = (on or Processes()).begin(function, shared, most if at_home else workers)
    try:
        yield from as_finished(executor.submit, tasks, _AHEAD * executor.count)
    finally:
        executor.close()


class Workers:
    """Processes that get tasks one by one, each with one inner thread; a single worker is this process.

    Args:
        function: Called as ``function(shared, task)``; for several workers at the top level of a module.
        shared: What all tasks read.
        count: How many processes.
    """

    about = ""

    def __init__(self, function: Callable[[Any, Any], Any], shared: Any, count: int) -> None:
        self._function, self._shared, self.count = function, shared, count
        self._queue = _Queue(count)
        self._pool = self._made()

    def submit(self, task: Any) -> Future[Any]:
        """Hand a task over; a process that dies breaks what was handed over with it, and is replaced."""
        if self._pool is not None:
            return self._handed(_call, self._function, task)
        done: Future[Any] = Future()
        try:
            done.set_result(self._function(self._shared, task))
        except Exception as error:
            done.set_exception(error)
        return done

    def map(self, beside: Any, tasks: Iterable[Any]) -> Iterator[Any]:
        """Results of ``function(shared, (beside, task))`` in the order of the tasks."""
        if self._pool is None:
            for task in tasks:
                yield self._function(self._shared, (beside, task))
            return
        blob = for_travel(beside)  # once; it goes with every task, because nobody knows which process gets which
        yield from in_order(
            lambda task: self._handed(_call_beside, self._function, blob, task), tasks, _AHEAD * self.count
        )

    def close(self) -> None:
        """Let what runs end, and drop what does not."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _handed(self, *call: Any) -> Future[Any]:
        assert self._pool is not None
        try:
            inner = self._pool.submit(*call)
        except BrokenProcessPool:
            self._pool.shutdown(cancel_futures=True)
            self._queue = _Queue(self.count)
            self._pool = self._made()
            return self._handed(*call)
        outer: Future[Any] = Future()
        queue = self._queue
        queue.add(inner)
        inner.add_done_callback(lambda done: _told(done, outer, queue))
        return outer

    def _made(self) -> ProcessPoolExecutor | None:
        if self.count == 1:
            return None
        context = multiprocessing.get_context("spawn")  # a fork would inherit threads that hold locks
        return ProcessPoolExecutor(self.count, context, _begin, (for_travel(self._shared),))


class _Queue:
    """What one pool was handed and has not answered: a pool that breaks fails all of it, whoever was worked at.

    Tasks are begun in the order in which they were handed over, so the oldest are those that processes worked at.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._open: dict[Future[Any], None] = {}
        self._begun: list[Future[Any]] | None = None

    def add(self, future: Future[Any]) -> None:
        self._open[future] = None

    def answered(self, future: Future[Any]) -> None:
        self._open.pop(future, None)

    def begun(self, future: Future[Any]) -> bool:
        """Whether a process worked at a task when the pool broke."""
        if self._begun is None:
            self._begun = list(self._open)[: self._count]
        return future in self._begun


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(shared: bytes) -> None:
    import torch

    global _shared
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _shared = pickle.loads(shared)
    torch.set_num_threads(1)  # the processes are the parallelism


def _end_with_parent() -> None:
    """End in the middle of a task when the process that handed it over is gone: nobody waits for what comes out."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(function: Callable[[Any, Task], Result], task: Task) -> Result:
    return function(_shared, task)


def _call_beside(function: Callable[[Any, Any], Result], blob: bytes, task: Any) -> Result:
    global _beside
    if _beside[0] != blob:
        _beside = blob, pickle.loads(blob)
    return function(_shared, (_beside[1], task))


def _told(inner: Future[Any], outer: Future[Any], queue: _Queue) -> None:
    """Hand on what came out, and that a worker died in our own words."""
    error = None if inner.cancelled() else inner.exception()
    if isinstance(error, BrokenProcessPool):
        error = WorkerDied(
            "A worker process died under a task, perhaps for lack of memory. Use fewer workers, or smaller tasks."
        )
        error.begun = queue.begun(inner)
    else:
        queue.answered(inner)
    if not outer.set_running_or_notify_cancel():
        return  # nobody waits for it any more
    if inner.cancelled():
        outer.set_exception(CancelledError())
        return
    if error is not None:
        outer.set_exception(error)
    else:
        outer.set_result(inner.result())

"""What an executor is: one function, what all its tasks read, and tasks that may be run anywhere and again."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import Any, Protocol

from askance.describe import packed
from askance.errors import AskanceError, BadInput

TRIES = 3  # how often a task is begun before it is taken to kill its workers itself


class WorkerDied(AskanceError):
    """The process that worked at a task died under it. A task is a pure function, so it may be begun again.

    Attributes:
        begun: Whether anybody worked at the task; one that waited in the same queue is not to blame.
    """

    begun = True


class ExecutorGone(AskanceError):
    """All workers are gone for good; the message says why."""


class Executor(Protocol):
    """Workers that call one function as ``function(shared, task)``; `shared` is handed over once.

    Attributes:
        count: How many tasks run at once.
        about: Where they run, in words; empty if that is this machine's processes.
    """

    count: int
    about: str

    def submit(self, task: Any) -> Future[Any]:
        """Hand a task over. What the function raises is raised as it is; `WorkerDied` if its worker dies.

        Raises:
            ExecutorGone: If there is nobody to hand it to.
        """

    def map(self, beside: Any, tasks: Iterable[Any]) -> Iterator[Any]:
        """Results of ``function(shared, (beside, task))`` in the order of the tasks; `beside` is handed over once.

        Raises:
            WorkerDied: If one task kills its worker `TRIES` times.
        """

    def close(self) -> None:
        """Leave nothing running."""


class Place(Protocol):
    """Where tasks are run: something that begins executors."""

    def begin(self, function: Callable[[Any, Any], Any], shared: Any, workers: int | None) -> Executor:
        """An executor, which its user closes.

        Args:
            function: At the top level of a module, if it may be run by another process.
            shared: What all tasks read.
            workers: How many tasks run at once; None: as many as there is room for.
        """

    def here(self, workers: int | None) -> int:
        """How many of the workers would share the memory of this machine."""


def for_travel(thing: Any) -> bytes:
    """Pack what another process gets.

    Raises:
        BadInput: If it cannot be packed.
    """
    try:
        return packed(thing)
    except AskanceError:
        raise
    except Exception as error:  # what a user wrote may refuse in any way
        raise BadInput(
            f"What tasks need cannot travel to another process: {type(error).__name__}: {error}. Define classes and "
            f"functions at the top level of a module, keep open files and lambdas out of them, or work in this process."
        ) from error


def in_order(submit: Callable[[Any], Future[Any]], tasks: Iterable[Any], ahead: int) -> Iterator[Any]:
    """Results in the order of the tasks, never more than `ahead` of them handed over.

    A task whose worker dies is begun again; the first error of another kind is raised as it is.
    """
    left = iter(tasks)
    waiting: deque[tuple[Any, Future[Any]]] = deque()
    try:
        while True:
            for task in left:
                waiting.append((task, submit(task)))
                if len(waiting) >= ahead:
                    break
            if not waiting:
                return
            yield _answer(submit, *waiting.popleft(), [future for _, future in waiting])
    finally:
        for _, future in waiting:
            future.cancel()


def as_finished(submit: Callable[[Any], Future[Any]], tasks: Sequence[Any], ahead: int) -> Iterator[tuple[int, Any]]:
    """The number of each task with its result, in the order in which they are finished; otherwise as `in_order`."""
    left = iter(enumerate(tasks))
    waiting: dict[Future[Any], int] = {}
    begun: Counter[int] = Counter()
    suspects: deque[int] = deque()
    while True:
        for number, task in islice(left, max(0, ahead - len(waiting))):
            waiting[submit(task)] = number
        if not waiting and suspects:  # the last try is alone: else a task may bear the deaths of its neighbors
            number = suspects.popleft()
            waiting[submit(tasks[number])] = number
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            number = waiting.pop(future)
            try:
                found = future.result()
            except WorkerDied as error:
                begun[number] += error.begun
                if begun[number] >= TRIES:
                    raise
                if begun[number] == TRIES - 1:
                    suspects.append(number)
                else:
                    waiting[submit(tasks[number])] = number
                continue
            yield number, found


def _answer(submit: Callable[[Any], Future[Any]], task: Any, future: Future[Any], others: Sequence[Future[Any]]) -> Any:
    begun = 0
    while True:
        try:
            return future.result()
        except WorkerDied as error:
            begun += error.begun
            if begun >= TRIES:
                raise
        if begun == TRIES - 1:
            wait(others)  # the last try is alone, as above
        future = submit(task)

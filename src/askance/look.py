"""One way to make a View: signals of a model over a pool, computed piece by piece and only when they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from askance.arrays import PIECE, piece, spans
from askance.errors import AskanceError, BadInput, MissingSignal
from askance.executors.base import Executor, Place
from askance.history import History
from askance.learners.base import Learner, Model
from askance.pool import ASIDE, LABELED, PENDING, UNLABELED, Pool
from askance.seeds import Dice
from askance.signals.base import Rows, Signal, signals_of
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.task import Classes, Labels, Targets, Task
from askance.view import View

_SHOWN = 8  # names in an error
_SHARES = 4  # runs of pieces for each worker, so that no worker waits long for the slowest
_TOGETHER = 16  # pieces of one task at most: their rows are held until all of them are done

_Piece = tuple[tuple[Tensor | None, ...], bool]  # arrays, None where they are the items themselves; if it is one alone
_spread: ContextVar[_Spread | None] = ContextVar("spread", default=None)


def look(
    pool: Pool,
    task: Task,
    sides: Tensor,
    targets: Tensor,
    strategy: Strategy,
    model_of: Callable[[Signal], Model],
    dice: Dice,
    history: History,
    *,
    size: int = PIECE,
) -> View:
    """What a strategy may see of a pool.

    Args:
        pool: The items.
        task: What they are labeled with.
        sides: The side of each item, one of `askance.pool.SIDES` by number, (items,).
        targets: Targets of the labeled side, rows ascending, (labeled, width).
        strategy: Whose fields say which signals may be read.
        model_of: The model that a signal is read from.
        dice: The dice of this ask.
        history: What was asked and answered.
        size: Rows in a piece.
    """
    read = cache(lambda signal: read_signal(signal, model_of(signal), pool.items, task, size))
    return View(
        name=pool.names,
        keys=pool.keys,
        task=task,
        candidates=_rows(sides, UNLABELED),
        labeled=_rows(sides, LABELED),
        targets=targets,
        pending=_rows(sides, PENDING),
        aside=_rows(sides, ASIDE),
        dice=dice,
        read=read,
        declared=frozenset(signals_of(strategy)),
        history=history,
    )


def read_signal(signal: Signal, model: Model, items: Any, task: Task, size: int = PIECE) -> Rows:
    """A signal over all items.

    A piece is a fixed range of rows, always computed whole and padded at the end. What a model hands on as it came
    (frozen features) is not copied.

    Raises:
        BadInput: If the model gives NaN or infinite values.
    """
    if signal.records:
        (name,) = signal.records
        recorded = model.records[name]
        if len(recorded) != len(items):
            raise AskanceError(
                f"The model recorded {len(recorded)} rows of {name!r} for {len(items)} items. "
                f"A learner must record an array with a row for each item of the pool."
            )
        return recorded
    if not signal.per_item:
        with torch.no_grad():
            return signal.read(model, piece(items, 0, size), task)
    joins: list[_Join] = []
    alone = True
    pieces = zip(spans(len(items), size), _pieces(signal, model, items, task, size), strict=True)
    for (start, stop), (arrays, single) in pieces:
        joins, alone = joins or [_Join(items) for _ in arrays], single
        for join, array in zip(joins, arrays, strict=True):
            join.add(array, start, stop)
    found = tuple(join.whole(signal) for join in joins)
    if not found:
        raise BadInput("There is no item to look at. Hand in at least one.")
    return found[0] if alone else found


@contextmanager
def over(pool: Pool, on: Place, workers: int | None = None) -> Iterator[Executor]:
    """Inside, signals of a pool are computed by workers elsewhere, piece by piece; they are the same to the last bit.

    It holds for the pool's items as they are now, and for what this thread asks of them: of others, and of pools of a
    single piece, signals are computed here as always. Models travel by pickle.

    Args:
        pool: Whose items the workers get, once.
        on: Where the workers are, such as `askance.executors.ray.Ray` or `askance.executors.local.Processes`.
        workers: How many; None: as many as there is room for.

    Yields:
        The workers, which end with the block.
    """
    executor = on.begin(_read_pieces, pool.items, workers)
    before = _spread.set(_Spread(executor, pool.items))
    try:
        yield executor
    finally:
        _spread.reset(before)
        executor.close()


def check_needs(strategy: Strategy, learner: Learner) -> None:
    """Refuse a strategy whose signals the learner, or a companion, does not give: before anything is trained.

    Raises:
        MissingSignal: Naming the signal, the learner and what to do.
    """
    for signal in signals_of(strategy):
        giver = signal.of if signal.of is not None else learner
        gives = giver.gives | ({"votes"} if "samples" in giver.gives else set())
        lacking = (signal.needs - gives) | (signal.records - giver.gives_records)
        if lacking:
            raise MissingSignal(
                f"{type(strategy).__name__} reads {', '.join(sorted(lacking))}, and {type(giver).__name__} does not "
                f"give it; it gives {', '.join(sorted(giver.gives | giver.gives_records))}. "
                f"Use another learner, or a strategy that needs less."
            )


def usable(task: Task, learner: Learner) -> list[str]:
    """The names of the strategies that mean something for a task and read no more than a learner gives."""
    found = []
    for name in catalogue.serving(task):
        strategy = catalogue.strategy(name)
        try:
            check_needs(strategy, strategy.equip(learner))
        except MissingSignal:
            continue
        found.append(name)
    return found


def check_serves(strategy: Strategy, task: Task) -> None:
    """Refuse a strategy that means nothing for a task.

    Raises:
        BadInput: Naming both, and the strategies that do.
    """
    if not strategy.serves(task):
        kinds: tuple[Task, ...] = (Classes((0, 1)), Labels((0, 1)), Targets())
        served = {name: catalogue.strategy(name) for name in catalogue.serving(task)}
        names = sorted(served, key=lambda name: sum(served[name].serves(other) for other in kinds))  # its own first
        kind = type(task).__name__
        more = f" and {len(names) - _SHOWN} more; `askance strategies` lists them" if len(names) > _SHOWN else ""
        raise BadInput(
            f"{catalogue.name_of(strategy)} means nothing for {kind}, which the items are labeled with. "
            f"For {kind}: {', '.join(names[:_SHOWN])}{more}."
        )


def predict(model: Model, items: Any, task: Task, size: int = PIECE) -> Tensor:
    """Linked scores of a model for items, (items, width)."""
    from askance.signals.probabilities import Probabilities

    rows = read_signal(Probabilities(), model, items, task, size)
    assert isinstance(rows, Tensor)
    return rows


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Pin torch and BLAS to a number of threads: another number gives other last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with _controller().limit(limits=count):
            yield
    finally:
        torch.set_num_threads(before)


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@dataclass(frozen=True)
class _Spread:
    """Workers that hold the items of a pool."""

    executor: Executor
    items: Any


def _pieces(signal: Signal, model: Model, items: Any, task: Task, size: int) -> Iterator[_Piece]:
    """A signal of one piece after another, by whoever holds the items."""
    starts = [start for start, _ in spans(len(items), size)]
    spread = _spread.get()
    if spread is None or spread.items is not items or len(starts) < 2:
        return (_read_piece(signal, model, items, task, start, size) for start in starts)
    step = max(1, min(_TOGETHER, len(starts) // (_SHARES * spread.executor.count)))
    runs = [starts[first:last] for first, last in spans(len(starts), step)]
    found = spread.executor.map((signal, model, task, size, torch.get_num_threads()), runs)
    return (one for run in found for one in run)


def _read_pieces(items: Any, given: tuple[tuple[Signal, Model, Task, int, int], Sequence[int]]) -> list[_Piece]:
    """Some pieces, by a worker: with as many inner threads as whoever asks for them has."""
    (signal, model, task, size, count), starts = given
    with threads(count):
        found = [_read_piece(signal, model, items, task, start, size) for start in starts]
    return [(tuple(_compact(array) for array in arrays), alone) for arrays, alone in found]


def _compact(array: Tensor | None) -> Tensor | None:
    """The same rows without what lies beside them in memory, which would travel along."""
    if array is None or array.untyped_storage().nbytes() == array.nbytes:
        return array
    return array.clone()


def _read_piece(signal: Signal, model: Model, items: Any, task: Task, start: int, size: int) -> _Piece:
    part = piece(items, start, size)
    with torch.no_grad():
        rows = signal.read(model, part, task)
    alone = isinstance(rows, Tensor)
    arrays = (rows,) if isinstance(rows, Tensor) else rows
    for array in arrays:
        if len(array) != len(part):
            raise AskanceError(
                f"The model gave {len(array)} rows for {len(part)} items. Its outputs must have a row for each item."
            )
    return tuple(None if array is part else array for array in arrays), alone


@dataclass
class _Join:
    """Pieces of one array, joined; nothing is copied while all of them are the items themselves."""

    items: Any
    array: Tensor | None = None

    def add(self, rows: Tensor | None, start: int, stop: int) -> None:
        if self.array is None:
            if rows is None:
                return
            self.array = rows.new_empty((len(self.items), *rows.shape[1:]))
            if start:
                self.array[:start] = self.items[:start]
        self.array[start:stop] = self.items[start:stop] if rows is None else rows[: stop - start]

    def whole(self, signal: Signal) -> Tensor:
        if self.array is None:
            assert isinstance(self.items, Tensor)
            return self.items
        if self.array.is_floating_point() and not bool(torch.isfinite(self.array.sum())):
            bad = (~torch.isfinite(self.array)).reshape(len(self.array), -1).any(1)
            if bool(bad.any()):
                row = int(bad.nonzero()[0])
                raise BadInput(
                    f"{type(signal).__name__} holds NaN or infinite values, first in row {row}. "
                    f"The model diverged or the item is broken: check the features of that row and the learner."
                )
        return self.array


def _rows(sides: Tensor, side: int) -> Tensor:
    return (sides == side).nonzero().squeeze(1)

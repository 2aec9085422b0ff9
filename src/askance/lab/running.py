"""Running a grid: cells are claimed, computed by workers, and written down one block after another."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.executors.base import Executor, ExecutorGone, Place, WorkerDied
from askance.executors.local import Processes
from askance.lab.block import BLOCK, run_block
from askance.lab.datasets import bytes_of
from askance.lab.grid import described, joined, versions
from askance.lab.grids import Cell, Condition, Grid
from askance.lab.identity import identity
from askance.lab.ledger import Kept, Ledger, open_ledger
from askance.lab.lockstep import fits
from askance.learners.catalogue import learner
from askance.reports.results import Results, Run

LEDGER = "grid.db"
_WAIT = 1.0  # seconds between looks at what other processes do
_SPARE = 0.8  # of the free memory may be used


@dataclass(frozen=True)
class Stand:
    """How far a grid is.

    Args:
        kind: ``begun``, ``estimated``, ``done``, ``failed``, ``waiting``, ``late`` or ``ended``.
        cells: How many there are.
        done: How many are finished, failed ones included.
        failed: How many failed.
        left: Seconds until the end, by what cells of the same kind took; NaN while nobody knows.
        said: What happened, in words.
        about: The condition, strategy and seeds it is about, if it is about any.
    """

    kind: str
    cells: int
    done: int
    failed: int
    left: float = math.nan
    said: str = ""
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Block:
    """Cells of one strategy under one condition, computed together."""

    condition: int
    strategy: str
    cells: tuple[Cell, ...]


def run_grid(
    grid: Grid,
    folder: str | Path,
    *,
    workers: int | None = 1,
    on: Place | None = None,
    until: float | None = None,
    only_estimate: bool = False,
    retry: bool = False,
    say: Callable[[Stand], None] = lambda stand: None,
) -> list[Results]:
    """Run what is not done yet, and give the results of all conditions.

    A cell that is finished is never run again, whoever ran it and whatever else was in the grid then. A killed run
    loses the cells it was at. Several processes may run one grid; each cell is run by one of them.

    Args:
        grid: What to run.
        folder: Where the results go; it is made if it is not there.
        workers: How many blocks of cells are run at once; None: as many as there is room for.
        on: Where they are run, such as `askance.executors.ray.Ray`; None: by processes of this machine.
        until: Seconds since 1970 after which no cell is begun that would end later.
        only_estimate: Run one seed of every strategy and condition, and say how long the rest would take.
        retry: Run cells again that failed.
        say: Told how far it is.

    Returns:
        One `Results` for each condition, in the order of ``grid.conditions``.

    Raises:
        BadInput: If the grid cannot be run, or does not fit into memory: before anything is run.
        StorageError: If the results cannot be written.
        ExecutorGone: If all workers are gone for good. What is finished is kept.
    """
    conditions, on = grid.conditions, on or Processes()
    _fits(conditions, on.here(workers))
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"Cannot make {folder}: {error.strerror}. Name another folder with --out.") from error
    ledger = Ledger(place / LEDGER)
    try:
        pool = on.begin(run_block, [(one.dataset, one.plan) for one in conditions], workers)
        try:
            if retry:
                found = ledger.finished(cell.key for cell in grid.cells())
                ledger.forget(key for key, seconds in found.items() if math.isnan(seconds))
            with ledger.alive():
                _Runner(grid, ledger, pool, until, only_estimate, say).run()
            return collected(grid, ledger)
        finally:
            pool.close()
            ledger.release()
    finally:
        ledger.close()


def results_of(grid: Grid, folder: str | Path) -> list[Results]:
    """What is there of a grid; nothing is run."""
    ledger = open_ledger(Path(folder) / LEDGER)
    try:
        return collected(grid, ledger)
    finally:
        ledger.close()


def collected(grid: Grid, ledger: Ledger) -> list[Results]:
    """The results of every condition, with what failed and what is missing said."""
    cells = list(grid.cells())
    found = ledger.cells(cell.key for cell in cells)
    beside = ledger.others(cell.key for cell in cells)
    gathered = []
    for number, condition in enumerate(grid.conditions):
        own = [cell for cell in cells if cell.condition == number]
        kept = {cell: found[cell.key] for cell in own if cell.key in found}
        failed = {cell: one for cell, one in kept.items() if one.run is None}
        runs = [_renamed(cell, one.run) for cell, one in kept.items() if one.run is not None]
        said = [
            f"{cell.strategy} failed with seed {cell.seed}: {one.error.splitlines()[-1] if one.error else 'no reason'}"
            for cell, one in failed.items()
        ]
        missing = len(own) - len(kept)
        if missing:
            said.append(f"{missing} of {len(own)} runs were not done yet.")
        if beside:
            said.append(
                f"{beside} results of other settings, or of earlier revisions of a method, lie in the same file and "
                f"are not shown."
            )
        made = {name for one in kept.values() for name in one.versions.items()}
        gathered.append(
            described(
                condition.dataset,
                condition.plan,
                runs,
                title=condition.name,
                settings=_settings(condition),
                made=joined(made),
                said=[*condition.said, *said],
            )
        )
    return gathered


class _Runner:
    """One process's part in a grid."""

    def __init__(
        self,
        grid: Grid,
        ledger: Ledger,
        pool: Executor,
        until: float | None,
        only_estimate: bool,
        say: Callable[[Stand], None],
    ) -> None:
        self._grid, self._ledger, self._pool, self._workers = grid, ledger, pool, pool.count
        self._until, self._only_estimate, self._say = until, only_estimate, say
        self._cells = list({cell.key: cell for cell in grid.cells()}.values())  # two names may mean one
        self._turns = turns(grid, self._cells)
        self._names = [condition.name for condition in grid.conditions]
        self._took: dict[tuple[int, str], list[float]] = {}
        self._missing = Counter((cell.condition, cell.strategy) for cell in self._cells)
        self._finished: set[str] = set()
        self._failed = 0
        self._versions = versions()
        self._late = False

    def run(self) -> None:
        for cell in self._cells:
            self._took.setdefault((cell.condition, cell.strategy), [])
        self._look()
        about = f" {self._pool.about}" if self._pool.about else ""
        self._tell("begun", f"{len(self._cells)} cells, {len(self._finished)} of them done before.{about}")
        first = [
            cell for cell in self._cells if self._turns[cell] == 0 and not self._took[cell.condition, cell.strategy]
        ]
        self._through(_Block(cell.condition, cell.strategy, (cell,)) for cell in first)
        left = self._left()
        count = len(self._cells) - len(self._finished)
        self._tell("estimated", f"{count} cells are left for {self._workers} workers.")
        if self._until is not None and time.time() + left > self._until and not self._only_estimate:
            self._tell("late", "Not all of it will be done by then; whole seeds are done first.")
        if self._only_estimate:
            return
        while not self._late:
            missing = [cell for cell in self._cells if cell.key not in self._finished]
            if not missing:
                break
            before = len(self._finished)
            self._through(_blocks(missing, self._turns, self._together))
            self._look()
            if len(self._finished) == before and not self._late:
                self._tell("waiting", f"{len(missing)} cells are left, and other processes are at them.")
                time.sleep(_WAIT)
        self._tell("ended", "Out of time." if self._late else "All cells are done.")

    def _through(self, blocks: Iterable[_Block]) -> None:
        """Claim, run and keep blocks, a few at a time.

        A worker that dies takes down what ran beside it. All of that is tried again, one block at a time with nothing
        beside it, so that only what kills its worker alone fails.
        """
        queue, suspects, running = deque(blocks), deque[_Block](), dict[Future[Any], _Block]()
        alone = False  # whether what runs is such a trial
        while queue or suspects or running:
            if not running:
                alone = bool(suspects)
                if alone:
                    self._late = self._late or self._too_late(suspects[0])
                    if not self._late:
                        self._begin(suspects.popleft(), running)
            while queue and len(running) < self._workers and not (suspects or alone or self._late):
                self._late = self._too_late(queue[0])
                if not self._late:
                    self._begin(self._claimed(queue.popleft()), running)
            if self._late:
                queue.clear()
                suspects.clear()
            done, _ = wait(running, timeout=_WAIT, return_when=FIRST_COMPLETED)
            for future in sorted(
                done, key=lambda one: isinstance(one.exception(), ExecutorGone)
            ):  # keep first, then end
                block = running.pop(future)
                try:
                    outcomes = future.result()
                except WorkerDied:
                    if not alone:
                        suspects.append(block)
                        continue
                    if len(block.cells) > 1:
                        suspects.extend(replace(block, cells=(cell,)) for cell in block.cells)
                        continue
                    outcomes = [(None, "The worker process died under it, perhaps for lack of memory.", 0.0)]
                self._keep(block, outcomes)

    def _claimed(self, block: _Block) -> _Block:
        """What of a block no other process has."""
        taken = set(self._ledger.claim([cell.key for cell in block.cells if cell.key not in self._finished]))
        return replace(block, cells=tuple(cell for cell in block.cells if cell.key in taken))

    def _begin(self, block: _Block, running: dict[Future[Any], _Block]) -> None:
        if block.cells:
            task = (block.condition, block.strategy, [cell.seed for cell in block.cells])
            running[self._pool.submit(task)] = block

    def _keep(self, block: _Block, outcomes: Sequence[tuple[Run | None, str, float]]) -> None:
        """Write a block down, and say so."""
        kept = [
            Kept(cell.key, run, error, self._versions, seconds)
            for cell, (run, error, seconds) in zip(block.cells, outcomes, strict=True)
        ]
        self._ledger.keep(kept)
        self._finished |= {one.key for one in kept}
        self._missing[block.condition, block.strategy] -= len(kept)
        self._took[block.condition, block.strategy] += [one.seconds for one in kept if one.run is not None]
        wrong = [one.error for one in kept if one.run is None]
        self._failed += len(wrong)
        about = {
            "condition": self._names[block.condition],
            "strategy": block.strategy,
            "seeds": [cell.seed for cell in block.cells],
        }
        if wrong:
            self._tell("failed", wrong[0].splitlines()[-1] if wrong[0] else "no reason", about)
        final = [one.run.scores[-1] for one in kept if one.run is not None]
        if final:
            self._tell("done", f"{sum(final) / len(final):.3f} at the end", about)

    def _look(self) -> None:
        """What is finished, whoever did it."""
        done = self._ledger.finished([cell.key for cell in self._cells])
        for cell in self._cells:
            if cell.key in done and cell.key not in self._finished:
                self._finished.add(cell.key)
                self._missing[cell.condition, cell.strategy] -= 1
                if math.isnan(done[cell.key]):
                    self._failed += 1
                else:
                    self._took[cell.condition, cell.strategy].append(done[cell.key])

    def _together(self, cell: Cell) -> bool:
        """Whether cells of a kind are worked at as one problem; nothing is gained by handing others over in blocks."""
        one = self._grid.conditions[cell.condition]
        return cell.strategy not in one.plan.bounds and fits(one.dataset, one.plan, one.plan.strategy(cell.strategy))

    def _seconds(self, condition: int, strategy: str) -> float:
        """How long a cell would take, by those of its kind; by others of its condition where all of the kind failed."""
        took = self._took[condition, strategy]
        if not took:
            took = [one for (place, _), found in self._took.items() if place == condition for one in found]
        return sum(took) / len(took) if took else 0.0

    def _left(self) -> float:
        return sum(count * self._seconds(*kind) for kind, count in self._missing.items() if count) / self._workers

    def _too_late(self, block: _Block) -> bool:
        took = len(block.cells) * self._seconds(block.condition, block.strategy)
        return self._until is not None and time.time() + took > self._until

    def _tell(self, kind: str, said: str, about: dict[str, Any] | None = None) -> None:
        stand = Stand(kind, len(self._cells), len(self._finished), self._failed, self._left(), said, about or {})
        self._say(stand)


def turns(grid: Grid, cells: Iterable[Cell]) -> dict[Cell, int]:
    """The place of each cell's seed among those of its condition."""
    places = [{seed: turn for turn, seed in enumerate(condition.plan.seeds)} for condition in grid.conditions]
    return {cell: places[cell.condition][cell.seed] for cell in cells}


def _blocks(
    cells: Sequence[Cell], places: Mapping[Cell, int], together: Callable[[Cell], bool] = lambda cell: True
) -> list[_Block]:
    """Cells in the order in which they run: some whole seeds of all strategies, then the next ones.

    What is worked at as one problem goes by blocks of seeds, in the place of their first; the rest cell by cell.
    """
    kinds = {(cell.condition, cell.strategy): cell for cell in cells}
    width = {kind: BLOCK if together(cell) else 1 for kind, cell in kinds.items()}
    turn = {
        cell: places[cell] // width[cell.condition, cell.strategy] * width[cell.condition, cell.strategy]
        for cell in cells
    }
    place = {name: number for number, name in enumerate(dict.fromkeys(cell.strategy for cell in cells))}
    order = sorted(cells, key=lambda cell: (turn[cell], cell.condition, place[cell.strategy]))
    return [
        _Block(condition, strategy, tuple(group))
        for (_, condition, strategy), group in groupby(
            order, key=lambda cell: (turn[cell], cell.condition, cell.strategy)
        )
    ]


def _renamed(cell: Cell, run: Run) -> Run:
    """A run under the name that this grid gives its strategy."""
    return Run(**vars(run) | {"strategy": cell.strategy})


def _settings(condition: Condition) -> dict[str, Any]:
    """What results say of a condition beside its plan."""
    found = {
        "encoder": condition.settings["encoder"],
        "learner_name": condition.settings["learner"],
        "learner_marks": identity(learner(condition.plan.learner))["marks"],
    }
    if condition.plan.bounds:
        found |= {"bounds": list(condition.plan.bounds), "bound_seeds": list(condition.bound_seeds)}
    return found


def _fits(conditions: Sequence[Condition], workers: int) -> None:
    """Refuse a grid whose data sets are larger than the memory that is free."""
    free = _free_memory()
    if free is None:
        return
    sizes = {id(one.dataset): bytes_of(one.dataset) for one in conditions}
    copies = 1 if workers == 1 else workers  # each worker has its own, and a pool of a run is another one
    needed = sum(sizes.values()) * copies + max(sizes.values(), default=0) * workers
    if needed > _SPARE * free:
        raise BadInput(
            f"The data sets of this grid take {needed / 2**30:.1f} GiB with {workers} workers, and {free / 2**30:.1f} "
            f"GiB are free. Use fewer workers, draw fewer items, or split the grid."
        )


def _free_memory() -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return None  # no Linux: nobody knows


def deadline(text: str, now: float | None = None) -> float:
    """The next time a clock shows ``HH:MM``, in seconds since 1970.

    Raises:
        BadInput: If it is no time of day.
    """
    began = time.time() if now is None else now
    try:
        hour, minute = (int(part) for part in text.split(":"))
        if not (0 <= hour < 24 and 0 <= minute < 60):
            raise ValueError
    except ValueError:
        raise BadInput(f"{text!r} is no time of day. Write hours and minutes, such as 07:00.") from None
    today = time.localtime(began)
    found = time.mktime((*today[:3], hour, minute, 0, 0, 0, -1))
    if found <= began:
        found = time.mktime((today[0], today[1], today[2] + 1, hour, minute, 0, 0, 0, -1))
    return found

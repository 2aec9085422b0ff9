"""Many seeds of one strategy as one problem: fitted together, scored by one product, asked side by side.

It is for frozen features and the convex head. Each seed gets the run that it has alone: fits are the same to the last
bit, and so are picks, but where two values lie within rounding: scores come from a wider product and a softmax of our
own, whose last bits differ. What a strategy may look at is the same view as in a study; the journal, which nobody would
read, is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor

from askance.errors import AskanceError
from askance.history import History
from askance.kernels.softmax_rows import softmax_rows
from askance.lab.cell import by_name, first_rows, mean_utility, run_cell, told_utility
from askance.lab.datasets import Dataset
from askance.lab.plan import Plan
from askance.learners import catalogue as learners
from askance.learners.base import Lesson, Outputs
from askance.learners.linear import Linear, LinearModel
from askance.look import threads as inner_threads
from askance.metrics import measures
from askance.reports.results import Run
from askance.seeds import Dice
from askance.signals.base import Rows, Signal, signals_of
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes
from askance.view import View

_COLUMNS = 64  # of one product: rows of scores that are read one after another lie near each other in memory
_TOGETHER = 1 << 27  # bytes of scores that are held at once
_READ = {"scores", "embeddings", "layer"}  # what a block has of each model


class _Alone(Exception):
    """This run needs what only a study has; it is run by itself."""


def run_together(dataset: Dataset, plan: Plan, name: str, seeds: Sequence[int], threads: int = 1) -> list[Run]:
    """The runs of several seeds, as `run_cell` gives them.

    A strategy that trains something beside the model, wants another learner or an earlier model, reads the history, or
    asks for fewer items than it may and does not wait for their answers, is run seed by seed.

    Args:
        dataset: Items and labels.
        plan: How strategies are compared.
        name: The strategy.
        seeds: Which seeds.
        threads: How many blocks of seeds run side by side. Fits do not depend on it; scores may in their last bits.
    """
    strategy = plan.strategy(name)
    if not fits(dataset, plan, strategy):
        return [run_cell((dataset, plan), (name, seed)) for seed in seeds]
    fitting = max(1, _TOGETHER // (4 * len(dataset.pool) * max(1, len(dataset.classes))))
    width = min(fitting, -(-len(seeds) // threads))
    blocks = [seeds[start : start + width] for start in range(0, len(seeds), width)]

    def runs(block: Sequence[int]) -> list[Run]:
        return _Block(dataset, plan, name, strategy, block).runs()

    with inner_threads(1):
        if threads == 1 or len(blocks) == 1:
            return [run for block in blocks for run in runs(block)]
        with ThreadPoolExecutor(threads) as pool:  # what takes long lets go of the interpreter
            return [run for found in pool.map(runs, blocks) for run in found]


def fits(dataset: Dataset, plan: Plan, strategy: Strategy) -> bool:
    """Whether seeds of a strategy can be run as one: a convex head on float32 features, and nothing beside it."""
    learner = learners.learner(plan.learner)
    features = dataset.pool.items
    plain = isinstance(features, Tensor) and features.dtype == torch.float32 and features.is_contiguous()
    alone = any(s.of is not None or s.age or s.records or not s.needs <= _READ for s in signals_of(strategy))
    return plain and type(learner) is Linear and strategy.equip(learner) == learner and not alone


@dataclass(eq=False)
class _Lane:
    """One run among others. Rows are those of its pool, places those of the data set.

    Args:
        seed: Its seed.
        places: Of its pool, ascending.
        test: Of its test set.
        keys: Of its pool.
        open: Which rows have no label, bool (items,).
    """

    seed: int
    places: Tensor
    test: Tensor
    keys: Tensor
    open: Tensor
    model: LinearModel | None = None
    scores: Tensor = field(default_factory=lambda: torch.empty(0))  # of all items, and of some lanes beside it
    first: int = 0  # the column of its first class among them
    labels: list[int] = field(default_factory=list)
    measured: list[dict[str, float]] = field(default_factory=list)  # on the test set, one more than rounds
    asked: list[Tensor] = field(default_factory=list)  # rows of each round
    asks: int = 0  # a round may take several
    wanted: list[float | None] = field(default_factory=list)  # the mean utility of each round
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"training": [], "signals": [], "selection": []})

    @property
    def known(self) -> Tensor:
        """Places of what is labeled, ascending."""
        return self.places[~self.open]


class _Block:
    """Runs whose scores are held at once."""

    def __init__(self, dataset: Dataset, plan: Plan, name: str, strategy: Strategy, seeds: Sequence[int]) -> None:
        self._dataset, self._plan, self._name, self._strategy = dataset, plan, name, strategy
        self._features: Tensor = dataset.pool.items
        self._task = Classes(dataset.classes)
        self._learner = learners.learner(plan.learner)
        column = {label: number for number, label in enumerate(dataset.classes)}
        self._truth = torch.tensor([column[label] for label in dataset.labels])
        self._declared = frozenset(signals_of(strategy))
        self._scores: list[Tensor] = []  # by products: rows of all lanes at once would lie too far apart in memory
        self._lanes = [self._lane(seed) for seed in seeds]
        self._alone: dict[int, Run] = {}

    def runs(self) -> list[Run]:
        """Round after round, until every lane has bought its labels."""
        lanes = self._lanes
        while lanes:
            self._fit(lanes)
            took = self._score(lanes)
            lanes = [lane for lane in lanes if lane.labels[-1] < self._plan.budget and self._ask(lane, took)]
        return [self._alone.get(lane.seed) or self._run(lane) for lane in self._lanes]

    def _lane(self, seed: int) -> _Lane:
        rows, test = self._dataset.split(seed, self._plan.test)
        keys = self._dataset.pool.keys[rows]
        lane = _Lane(seed, rows, test, keys, torch.ones(len(rows), dtype=torch.bool))
        pool = self._dataset.pool
        lane.open[first_rows(self._dataset, self._plan, lambda: pool.arranged(rows.tolist()), keys, seed)] = False
        return lane

    def _fit(self, lanes: list[_Lane]) -> None:
        """One convex problem for all; each solution is the one it has alone."""
        begun = time.perf_counter()
        lessons = [self._lesson(lane) for lane in lanes]
        models = self._learner.fit_many(lessons)
        took = (time.perf_counter() - begun) / len(lanes)
        for lane, model in zip(lanes, models, strict=True):
            assert isinstance(model, LinearModel)
            lane.model = model
            lane.seconds["training"].append(took)

    def _lesson(self, lane: _Lane) -> Lesson:
        """What a study would teach, in rows of the data set: the head looks at those that are named, and no others."""
        known = lane.known
        targets = torch.nn.functional.one_hot(self._truth[known], self._task.width).double()
        number = len(lane.labels)
        return Lesson(
            items=self._features,
            keys=self._dataset.pool.keys,
            task=self._task,
            labeled=known,
            targets=targets,
            weights=torch.ones(len(known), dtype=torch.float64),
            unlabeled=lane.places[lane.open],
            dice=Dice(lane.seed, "fit", number),
            previous=lane.model if self._learner.remembers else None,
            number=number,
        )

    def _score(self, lanes: list[_Lane]) -> float:
        """One product for all models and all items, and how many test items each gets right; seconds of each."""
        begun, width = time.perf_counter(), self._task.width
        step = max(1, _COLUMNS // max(1, width))
        groups = [lanes[start : start + step] for start in range(0, len(lanes), step)]
        for place, group in enumerate(groups):
            heads = torch.cat([lane.model.coefficients for lane in group if lane.model is not None]).to(self._features)
            shape = (len(self._features), len(heads))
            if place == len(self._scores):
                self._scores.append(self._features.new_empty(shape))
            elif self._scores[place].shape != shape:
                self._scores[place] = self._features.new_empty(shape)
            torch.addmm(heads[:, -1], self._features, heads[:, :-1].T, out=self._scores[place])
            if not bool(torch.isfinite(self._scores[place].sum())):
                raise AskanceError("The predictions of a model are NaN or infinite: it diverged. Check the learner.")
            for number, lane in enumerate(group):
                lane.scores, lane.first = self._scores[place], number * width
        took = (time.perf_counter() - begun) / len(lanes)
        for lane in lanes:
            said = self._features.new_empty(len(lane.test), width)
            softmax_rows(lane.scores, lane.test, lane.first, said)
            lane.measured.append(measures(said, self._truth[lane.test]))
            lane.labels.append(int((~lane.open).sum()))
        return took

    def _ask(self, lane: _Lane, scored: float) -> bool:
        """Ask as a study would, and answer; False where this run has to be run by itself."""
        clock = _Clock(self._reading(lane))
        begun = time.perf_counter()
        count = min(self._plan.batch, self._plan.budget - lane.labels[-1])
        asked: list[Tensor] = []
        notes: list[Mapping[str, Any]] = []
        try:
            while left := count - sum(map(len, asked)):
                batch = self._strategy.query(self._view(lane, clock), left)
                rows = batch.rows
                enough = len(rows) == left or (batch.reason == "waiting" and 0 < len(rows) < left)
                if not enough or len(torch.unique(rows)) != len(rows) or not bool(lane.open[rows].all()):
                    raise _Alone
                lane.open[rows] = False
                lane.asks += 1
                asked.append(rows)
                notes += batch.notes
        except _Alone:
            self._alone[lane.seed] = run_cell((self._dataset, self._plan), (self._name, lane.seed))
            return False
        lane.asked.append(torch.cat(asked))
        lane.wanted.append(mean_utility(notes))
        lane.seconds["signals"].append(scored + clock.seconds)
        lane.seconds["selection"].append(time.perf_counter() - begun - clock.seconds)
        return True

    def _view(self, lane: _Lane, read: Callable[[Signal], Rows]) -> View:
        none = lane.places[:0]
        known = (~lane.open).nonzero().squeeze(1)
        return View(
            name=lambda rows: [None] * len(rows),  # nobody reads ids before the run is told
            keys=lane.keys,
            task=self._task,
            candidates=lane.open.nonzero().squeeze(1),
            labeled=known,
            targets=torch.nn.functional.one_hot(self._truth[lane.places[known]], self._task.width).double(),
            pending=none,
            aside=none,
            dice=Dice(lane.seed, "ask", lane.asks),
            read=read,
            declared=self._declared,
            history=_Untold(),
        )

    def _reading(self, lane: _Lane) -> Callable[[Signal], Rows]:
        """Signals of a lane's pool, each computed once."""

        @cache
        def read(signal: Signal) -> Rows:
            if type(signal) is Probabilities:
                out = self._features.new_empty(len(lane.places), self._task.width)
                softmax_rows(lane.scores, lane.places, lane.first, out)
                return out
            needs, model = signal.needs, lane.model
            assert model is not None
            columns = slice(lane.first, lane.first + self._task.width)
            return signal.rows(
                Outputs(
                    scores=lane.scores[lane.places, columns] if "scores" in needs else None,
                    embeddings=items() if "embeddings" in needs else None,
                    layer=model.coefficients.to(self._features),
                ),
                self._task,
            )

        @cache
        def items() -> Tensor:
            return self._features[lane.places]

        return read

    def _run(self, lane: _Lane) -> Run:
        pool, width = self._dataset.pool, self._task.width
        picks = [lane.places[rows] for rows in lane.asked]
        return Run(
            strategy=self._name,
            seed=lane.seed,
            labels=lane.labels,
            scores=[one["accuracy"] for one in lane.measured],
            picks=[pool.names(places) for places in picks],
            classes=[torch.bincount(self._truth[places], minlength=width).tolist() for places in picks],
            reasons=[""] * len(picks),
            seconds=lane.seconds,
            notes=told_utility(lane.wanted),
            measures=by_name(lane.measured),
        )


class _Untold(History):
    """The history of a run without a journal: whoever reads it has to be run by itself."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("asked", "answers"):
            raise _Alone
        return super().__getattribute__(name)


class _Clock:
    """Reads signals, and tells the time that it takes from the rest."""

    def __init__(self, read: Callable[[Signal], Rows]) -> None:
        self._read, self.seconds = read, 0.0

    def __call__(self, signal: Signal) -> Rows:
        begun = time.perf_counter()
        rows = self._read(signal)
        self.seconds += time.perf_counter() - begun
        return rows

"""Paired comparisons: every strategy on the same splits, first labels, models and dice, seed by seed."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import torch

from askance import __version__
from askance.describe import describe
from askance.errors import AskanceError, BadInput
from askance.executors.local import run_all
from askance.lab.datasets import Dataset
from askance.learners import catalogue as learners
from askance.learners.base import Learner
from askance.look import check_needs, check_serves
from askance.oracles.known import Known
from askance.pool import Pool
from askance.reports.results import Results, Run
from askance.seeds import Dice
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.study.study import Study
from askance.task import Classes

_rehearsed: set[str] = set()  # strategies that this process has run before


@dataclass(frozen=True)
class Plan:
    """How strategies are compared.

    Args:
        strategies: Names or ``path/mine.py:MyStrategy``, each once.
        seeds: Each is one run of every strategy.
        initial: Labels drawn at random before the first round, the same for every strategy.
        batch: Labels in a round.
        budget: Labels bought in the end, the first ones included.
        test: Items held out for scoring; never asked about, never learned from.
        learner: What learns; None is the softmax head.
        start: What picks the first labels: ``random``, or a strategy that needs no model.
        parts: The strategies that names stand for, where they are not those of the catalogue.
    """

    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    initial: int = 20
    batch: int = 10
    budget: int = 220
    test: int = 500
    learner: Learner | None = None
    start: str = "random"
    parts: Mapping[str, Strategy] = field(default_factory=dict)

    def strategy(self, name: str) -> Strategy:
        """The strategy that a name stands for."""
        found = self.parts.get(name)
        return found if found is not None else catalogue.strategy(name)


def run(
    dataset: Dataset,
    plan: Plan,
    *,
    workers: int = 1,
    each: Callable[[Run, int, int], None] = lambda run, done, cells: None,
) -> Results:
    """Run a plan.

    Split, first labels, model and dice follow from the seed alone, so two strategies of one seed are paired.

    Args:
        dataset: Items and labels.
        plan: What to run.
        workers: Processes.
        each: Called with every finished run, how many are finished, and how many there are.

    Raises:
        BadInput: If the plan does not fit the data, or a strategy needs what the learner does not give: before
            anything is run.
    """
    check(dataset, plan)
    cells = [(name, seed) for seed in plan.seeds for name in plan.strategies]
    runs: list[Run | None] = [None] * len(cells)
    for done, (number, run) in enumerate(run_all(run_cell, (dataset, plan), cells, workers), 1):
        runs[number] = run
        each(run, done, len(cells))
    return described(dataset, plan, [run for run in runs if run is not None], made=versions())


def described(
    dataset: Dataset,
    plan: Plan,
    runs: list[Run],
    *,
    made: dict[str, str],
    title: str = "",
    settings: Mapping[str, Any] | None = None,
    said: Sequence[str] = (),
) -> Results:
    """Runs with all that a reader must know about them.

    Args:
        dataset: What they ran on.
        plan: How.
        runs: What came out.
        made: Versions of the packages they ran with.
        title: Of their page.
        settings: More of them.
        said: More remarks.
    """
    return Results(
        title=title or f"{dataset.name}: {len(plan.strategies)} strategies, {len(plan.seeds)} paired seeds",
        dataset={
            "name": dataset.name,
            "items": len(dataset.pool),
            "pool": len(dataset.pool) - plan.test,
            "test": plan.test,
            "features": int(dataset.pool.items.shape[1]),
            "classes": [str(name) for name in dataset.classes],
            "balance": dataset.balance,
        },
        settings={
            "learner": describe(learners.learner(plan.learner)),
            **{name: getattr(plan, name) for name in ("initial", "batch", "budget", "test", "start")},
            "seeds": list(plan.seeds),
            "metric": "accuracy",
            **{f"shown as: {name}": value for name, value in (settings or {}).items()},
        },
        runs=runs,
        versions=made,
        said=[
            f"The {len(dataset.classes)} classes were read off the labels before a pool was built.",
            "No cold-start strategy stands in for another here: each strategy asks from the first round.",
            *dataset.said,
            *said,
        ],
    )


def check(dataset: Dataset, plan: Plan) -> None:
    """Refuse a plan that cannot be run, before anything is run."""
    pool = len(dataset.pool) - plan.test
    if not plan.strategies or not plan.seeds:
        raise BadInput("There is nothing to run. Name at least one strategy and one seed.")
    twice = [name for name, count in Counter(plan.strategies).items() if count > 1]
    if twice:
        raise BadInput(f"The strategy {twice[0]!r} is named twice. Name each once.")
    if min(plan.initial, plan.batch, plan.test) < 1 or plan.budget <= plan.initial:
        raise BadInput(
            f"initial={plan.initial}, batch={plan.batch}, test={plan.test} and budget={plan.budget} leave nothing to "
            f"do. The first three must be 1 or more, and the budget larger than initial."
        )
    if plan.budget > pool:
        raise BadInput(
            f"A budget of {plan.budget} labels is larger than the pool: {len(dataset.pool)} items less {plan.test} "
            f"for the test leave {pool}. Use a budget of {max(0, pool)} or less, or a smaller test set."
        )
    learner = learners.learner(plan.learner)
    start = catalogue.strategy(plan.start)
    if start.needs_model():
        raise BadInput(f"{plan.start} asks by a model, and the first labels come before one. Start with random.")
    check_needs(start, learner)
    for name in plan.strategies:
        strategy = plan.strategy(name)
        check_serves(strategy, Classes(dataset.classes))
        check_needs(strategy, strategy.equip(learner))


def run_cell(shared: tuple[Dataset, Plan], cell: tuple[str, int]) -> Run:
    """One strategy with one seed."""
    (dataset, plan), (name, seed) = shared, cell
    strategy = plan.strategy(name)
    rows, test = dataset.split(seed, plan.test)
    pool = dataset.pool.arranged(rows.tolist())
    oracle = Known({pool.names([i])[0]: dataset.labels[row] for i, row in enumerate(rows.tolist())})
    column = {label: number for number, label in enumerate(dataset.classes)}
    truth = torch.tensor([column[dataset.labels[row]] for row in test.tolist()])
    held_out = dataset.pool.items[test]

    def begun() -> Study:
        study = Study(pool, learner=plan.learner, strategy=strategy, classes=dataset.classes, seed=seed, start=None)
        study.tell(oracle.of(first_ids(pool, plan, dataset, seed)))
        return study

    if name not in _rehearsed:  # compiling and importing is no part of a run's time
        begun().ask(plan.batch)
        _rehearsed.add(name)
    study = begun()
    labels, scores = [plan.initial], [_accuracy(study, held_out, truth)]
    while labels[-1] < plan.budget and not study.state.stopped:
        study.run(oracle, min(plan.budget, labels[-1] + plan.batch), plan.batch)
        labels.append(study.progress.labeled)
        scores.append(_accuracy(study, held_out, truth))

    picks, reasons = _rounds(study, len(labels) - 1)
    return Run(
        strategy=name,
        seed=seed,
        labels=labels,
        scores=scores,
        picks=picks,
        classes=[_counts([column[label] for label in oracle.of(ids).values()], len(column)) for ids in picks],
        reasons=reasons,
        seconds=_seconds(study),
    )


def run_block(
    shared: list[tuple[Dataset, Plan]], task: tuple[int, str, list[int]]
) -> list[tuple[Run | None, str, float]]:
    """One strategy with some seeds under one of several conditions; a seed that fails does not stop the others.

    Args:
        shared: Data set and plan of every condition.
        task: The number of the condition, the strategy, the seeds.

    Returns:
        For each seed its run, or None and why it failed; and how many seconds it took.
    """
    condition, name, seeds = task
    found: list[tuple[Run | None, str, float]] = []
    for seed in seeds:
        begun = time.perf_counter()
        try:
            found.append((run_cell(shared[condition], (name, seed)), "", time.perf_counter() - begun))
        except Exception:  # whatever a strategy or a learner raises is this cell's own
            found.append((None, traceback.format_exc(limit=-8).strip(), time.perf_counter() - begun))
    return found


def first_ids(pool: Pool, plan: Plan, dataset: Dataset, seed: int) -> list[Any]:
    """The ids of the first labels of a seed, the same for every strategy."""
    if plan.start == "random":
        return pool.names(Dice(seed, "initial").uniform(pool.keys).argsort()[: plan.initial])
    opening = Study(
        pool, learner=plan.learner, strategy=plan.start, classes=dataset.classes, seed=seed, start=plan.start
    )
    return list(opening.ask(plan.initial).ids)


def _accuracy(study: Study, items: Any, truth: torch.Tensor) -> float:
    said = study.predict(items)
    if not bool(torch.isfinite(said).all()):
        raise AskanceError("The model's predictions are NaN or infinite: it diverged. Check the learner's settings.")
    return float((said.argmax(1) == truth).double().mean())


def _rounds(study: Study, count: int) -> tuple[list[list[Any]], list[str]]:
    """Ids and reasons of each round; a round may have been asked in several batches."""
    picks: list[list[Any]] = [[] for _ in range(count)]
    reasons = [""] * count
    for asked in study.history.asked:
        place = min(asked.round, count - 1)
        picks[place] += study.pool.names(list(asked.rows))
        reasons[place] = asked.reason
    return picks, reasons


def _counts(columns: Sequence[int], width: int) -> list[int]:
    found = Counter(columns)
    return [found[column] for column in range(width)]


def _seconds(study: Study) -> dict[str, list[float]]:
    """Where the time went, from the journal."""
    lines = study.lines()
    asked = [line.body["seconds"] for line in lines if line.kind == "asked"]
    return {
        "training": [line.body["seconds"] for line in lines if line.kind == "fitted"],
        "signals": [seconds["signals"] for seconds in asked],
        "selection": [seconds["selection"] for seconds in asked],
    }


def versions() -> dict[str, str]:
    """Of the packages that decide results."""
    others = ("torch", "numpy", "scikit-learn", "numba")
    return {"askance": __version__, **{name: version(name) for name in others}}

"""Paired comparisons: every strategy on the same splits, first labels, models and dice, seed by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import torch

from askance import __version__
from askance.describe import describe
from askance.errors import BadInput
from askance.executors.local import run_all
from askance.lab.datasets import Dataset
from askance.learners import catalogue as learners
from askance.learners.base import Learner
from askance.look import check_needs, check_serves
from askance.oracles.known import Known
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
    """

    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    initial: int = 20
    batch: int = 10
    budget: int = 220
    test: int = 500
    learner: Learner | None = None


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
    learner = learners.learner(plan.learner)
    return Results(
        title=f"{dataset.name}: {len(plan.strategies)} strategies, {len(plan.seeds)} paired seeds",
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
            "learner": describe(learner),
            **{name: value for name, value in asdict(plan).items() if name not in ("learner", "strategies", "seeds")},
            "seeds": list(plan.seeds),
            "metric": "accuracy",
        },
        runs=[run for run in runs if run is not None],
        versions=_versions(),
        said=[
            f"The {len(dataset.classes)} classes were read off the labels before a pool was built.",
            "No cold-start strategy stands in for another here: each strategy asks from the first round.",
            *dataset.said,
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
    for name in plan.strategies:
        strategy = catalogue.strategy(name)
        check_serves(strategy, Classes(dataset.classes))
        check_needs(strategy, strategy.equip(learner))


def run_cell(shared: tuple[Dataset, Plan], cell: tuple[str, int]) -> Run:
    """One strategy with one seed."""
    (dataset, plan), (name, seed) = shared, cell
    strategy: Strategy = catalogue.strategy(name)
    rows, test = dataset.split(seed, plan.test)
    pool = dataset.pool.arranged(rows.tolist())
    oracle = Known({pool.names([i])[0]: dataset.labels[row] for i, row in enumerate(rows.tolist())})
    column = {label: number for number, label in enumerate(dataset.classes)}
    truth = torch.tensor([column[dataset.labels[row]] for row in test.tolist()])
    held_out = dataset.pool.items[test]

    def begun() -> Study:
        study = Study(pool, learner=plan.learner, strategy=strategy, classes=dataset.classes, seed=seed, start=None)
        first = Dice(seed, "initial").uniform(pool.keys).argsort()[: plan.initial]
        study.tell(oracle.of(pool.names(first)))
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


def _accuracy(study: Study, items: Any, truth: torch.Tensor) -> float:
    return float((study.predict(items).argmax(1) == truth).double().mean())


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


def _versions() -> dict[str, str]:
    others = ("torch", "numpy", "scikit-learn", "numba")
    return {"askance": __version__, **{name: version(name) for name in others}}

"""Paired comparisons: every strategy on the same splits, first labels, models and dice, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from torch import Tensor

from askance import __version__
from askance.describe import describe
from askance.executors.base import Place
from askance.executors.local import run_all
from askance.lab.block import BLOCK, run_seeds
from askance.lab.datasets import Dataset
from askance.lab.plan import Plan, check
from askance.learners import catalogue as learners
from askance.reports.results import Results, Run


def run(
    dataset: Dataset,
    plan: Plan,
    *,
    workers: int | None = 1,
    on: Place | None = None,
    each: Callable[[Run, int, int], None] = lambda run, done, cells: None,
) -> Results:
    """Run a plan.

    Split, first labels, model and dice follow from the seed alone, so two strategies of one seed are paired.

    Args:
        dataset: Items and labels.
        plan: What to run.
        workers: How many blocks of runs at once; None: as many as there is room for.
        on: Where they are run, such as `askance.executors.ray.Ray`; None: by processes of this machine.
        each: Called with every finished run, how many are finished, and how many there are.

    Raises:
        BadInput: If the plan does not fit the data, or a strategy needs what the learner does not give: before
            anything is run.
    """
    check(dataset, plan)
    cells = [(name, seed) for seed in plan.seeds for name in plan.strategies]
    starts = range(0, len(plan.seeds), BLOCK)
    blocks = [(name, plan.seeds[start : start + BLOCK]) for start in starts for name in plan.strategies]
    runs: dict[tuple[str, int], Run] = {}
    for _, block in run_all(run_seeds, (dataset, plan), blocks, workers, on):
        for run in block:
            runs[run.strategy, run.seed] = run
            each(run, len(runs), len(cells))
    return described(dataset, plan, [runs[cell] for cell in cells], made=versions())


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
        runs: What came out, of upper bounds too.
        made: Versions of the packages they ran with.
        title: Of their page.
        settings: More of them.
        said: More remarks.
    """
    items = dataset.pool.items
    return Results(
        title=title or f"{dataset.name}: {len(plan.strategies)} strategies, {len(plan.seeds)} paired seeds",
        dataset={
            "name": dataset.name,
            "items": len(dataset.pool),
            "pool": len(dataset.pool) - plan.test,
            "test": plan.test,
            "features": math.prod(items.shape[1:]) if isinstance(items, Tensor) else None,  # None of texts
            "classes": [str(name) for name in dataset.classes],
            "balance": dataset.balance,
        },
        settings={
            "learner": describe(learners.learner(plan.learner)),
            **{name: getattr(plan, name) for name in ("initial", "batch", "budget", "test", "start")},
            "strategies": list(plan.strategies),
            "seeds": list(plan.seeds),
            "metric": "accuracy",
            **(settings or {}),
        },
        runs=[run for run in runs if run.strategy not in plan.bounds],
        bounds=[run for run in runs if run.strategy in plan.bounds],
        versions=made,
        said=[
            f"The {len(dataset.classes)} classes were read off the labels before a pool was built.",
            "No cold-start strategy stands in for another here: each strategy asks from the first round.",
            *dataset.said,
            *_diverged(runs),
            *said,
        ],
    )


def _diverged(runs: Sequence[Run]) -> list[str]:
    """Whose models' losses were no number, and how often."""
    failed = [run for run in runs if run.notes.get("diverged")]
    found = []
    for name in dict.fromkeys(run.strategy for run in failed):
        own = [run for run in failed if run.strategy == name]
        fits = sum(len(run.notes["diverged"]) for run in own)
        found.append(f"{name}: {fits} fits of {len(own)} runs diverged, first by this: {own[0].notes['why']}.")
    return found


def joined(made: set[tuple[str, str]]) -> dict[str, str]:
    """Versions by package; several where runs were made with several."""
    found: dict[str, list[str]] = {}
    for name, one in sorted(made):
        found.setdefault(name, []).append(one)
    return {name: " and ".join(several) for name, several in found.items()}


def versions() -> dict[str, str]:
    """Of the packages that decide results."""
    others = ("torch", "numpy", "scikit-learn", "numba")
    return {"askance": __version__, **{name: version(name) for name in others}}

"""A few seeds of one strategy: as one problem where that can be, else one after the other."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import replace

from askance.lab.cell import run_cell
from askance.lab.datasets import Dataset
from askance.lab.lockstep import fits, run_together
from askance.lab.plan import Plan
from askance.reports.results import Run

BLOCK = 10  # seeds that are run together; another number may give other last bits of a score

_rehearsed: set[str] = set()  # strategies that this process has run before


def run_seeds(shared: tuple[Dataset, Plan], block: tuple[str, Sequence[int]]) -> list[Run]:
    """One strategy with some seeds."""
    (dataset, plan), (name, seeds) = shared, block
    if name not in _rehearsed:  # compiling and importing is no part of a run's time
        short = replace(plan, budget=min(plan.budget, plan.initial + plan.batch))
        run_together(dataset, short, name, seeds[:1])
        _rehearsed.add(name)
    return run_together(dataset, plan, name, seeds)


def run_block(
    shared: list[tuple[Dataset, Plan]], task: tuple[int, str, list[int]]
) -> list[tuple[Run | None, str, float]]:
    """The same under one of several conditions; a seed that fails does not stop the others.

    Args:
        shared: Data set and plan of every condition.
        task: The number of the condition, the strategy or upper bound, the seeds.

    Returns:
        For each seed its run, or None and why it failed; and how many seconds it took.
    """
    condition, name, seeds = task
    dataset, plan = shared[condition]
    why = ""
    try:
        if name not in plan.bounds and fits(dataset, plan, plan.strategy(name)):
            begun = time.perf_counter()
            runs = run_seeds((dataset, plan), (name, seeds))
            return [(run, "", (time.perf_counter() - begun) / len(seeds)) for run in runs]
    except Exception as error:  # which seed it was comes out below; if none fails alone, its run says so
        why = f"{type(error).__name__}: {error}"
    found: list[tuple[Run | None, str, float]] = []
    for seed in seeds:
        begun = time.perf_counter()
        try:
            if name in plan.bounds:
                run = plan.bounds[name].run(dataset, plan, seed)
            else:
                run = run_cell((dataset, plan), (name, seed))
            if why:
                run = replace(run, notes={**run.notes, "alone": why})
            found.append((run, "", time.perf_counter() - begun))
        except Exception:  # whatever a strategy or a learner raises is this cell's own
            found.append((None, traceback.format_exc(limit=-8).strip(), time.perf_counter() - begun))
    return found

"""What Ray costs on one machine beside the process pool: the figures of docs/cluster.md.

``python -m benchmarks.on_ray`` measures them again, minutes on two free cores, and writes docs/results/on-ray.json; the
page's table is that of ``python -m benchmarks.on_ray --table``. Needs the extra ray.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from operator import mul
from pathlib import Path
from typing import Any

from askance.executors.base import Place, as_finished
from askance.executors.local import Processes
from askance.executors.ray import Ray
from askance.lab.datasets import digits
from askance.lab.grids import Grid
from askance.lab.running import run_grid
from askance.learners.linear import Linear
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from benchmarks.measure import ROOT, machine

FILE = ROOT / "docs" / "results" / "on-ray.json"
PLACES: dict[str, Place] = {"processes": Processes(), "ray": Ray()}
WORKERS = 2
TASKS = 500
ROWS = {
    "begin": "Begin, seconds until tasks are taken",
    "first": "First task of every worker, seconds (torch is loaded)",
    "task": "A further task, milliseconds",
    "close": "End, seconds",
    "linear": "Grid of {cells[linear]} cells with the linear head, seconds",
    "network": "Grid of {cells[network]} cells with a network, seconds",
}


def grids() -> dict[str, Grid]:
    """Two small grids: cells that take a moment, and cells that take seconds."""
    linear = Grid(
        datasets=(digits(),),
        strategies=("random", "margin", "entropy", "badge"),
        learners=(Linear(ridge=1.0),),
        initial=(20,),
        batch=(20,),
        budget=100,
        test=500,
        seeds=tuple(range(20)),
    )
    network = replace(linear, strategies=("random", "margin"), learners=(Torch(Mlp(), steps=200),), seeds=(0, 1, 2))
    return {"linear": linear, "network": network}


def overhead(place: Place) -> dict[str, float]:
    """What workers cost that do next to nothing."""
    begun = time.perf_counter()
    pool = place.begin(mul, 3, WORKERS)
    try:
        ready = time.perf_counter()
        list(as_finished(pool.submit, range(2 * WORKERS), 2 * WORKERS))
        warm = time.perf_counter()
        list(as_finished(pool.submit, range(TASKS), 2 * WORKERS))
        done = time.perf_counter()
    finally:
        pool.close()
    ended = time.perf_counter()
    return {
        "begin": ready - begun,
        "first": warm - ready,
        "task": 1000 * (done - warm) / TASKS,
        "close": ended - done,
    }


def whole(place: Place, grid: Grid) -> float:
    """Seconds of a grid from beginning to end, workers included."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        run_grid(grid, folder, workers=WORKERS, on=place)
        return time.perf_counter() - begun


def measure(repeats: int) -> dict[str, Any]:
    """Medians of repeats, the two places by turns."""
    seen: dict[str, dict[str, list[float]]] = {name: {row: [] for row in ROWS} for name in PLACES}
    asked = grids()
    for _ in range(repeats):
        for name, place in PLACES.items():
            for row, value in overhead(place).items():
                seen[name][row].append(value)
            for row, grid in asked.items():
                seen[name][row].append(whole(place, grid))
    medians = {name: {row: statistics.median(values) for row, values in own.items()} for name, own in seen.items()}
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "ray": version("ray"),
        "repeats": repeats,
        "workers": WORKERS,
        "cells": {name: sum(1 for _ in grid.cells()) for name, grid in asked.items()},
        "medians": medians,
    }


def table(found: dict[str, Any]) -> str:
    """The figures as the page shows them."""
    lines = ["| | Processes | Ray |", "| --- | --: | --: |"]
    for row, words in ROWS.items():
        numbers = [f"{found['medians'][name][row]:.2g}" for name in PLACES]
        lines.append(f"| {words.format(cells=found['cells'])} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def about(found: dict[str, Any]) -> str:
    """What the figures were measured on, for the page."""
    on = found["machine"]
    times = "once" if found["repeats"] == 1 else f"medians of {found['repeats']}"
    return (
        f"{found['date']}, {found['workers']} workers on {on['cores']} cores ({on['processor']}), Ray {found['ray']}, "
        f"{times}, under a load of {on['load'][0]:.0f}."
    )


def read(path: Path = FILE) -> dict[str, Any]:
    """What was measured."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


if __name__ == "__main__":
    typed = argparse.ArgumentParser(description=__doc__)
    typed.add_argument("--table", action="store_true", help="only print what was measured")
    typed.add_argument("--repeats", type=int, default=3, metavar="N", help="medians of so many (default: %(default)s)")
    options = typed.parse_args()
    if not options.table:
        FILE.write_text(json.dumps(measure(options.repeats), indent=1) + "\n", encoding="utf-8")
    print(about(read()), table(read()), sep="\n\n")

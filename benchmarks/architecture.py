"""The runs behind docs/papers/active-inas.md: does a learner that chooses its own architecture choose well?

    python -m benchmarks.architecture                      go on with what is not done yet, about nine minutes a seed
    python -m benchmarks.architecture --part table         the comparison of search strategies alone, three of them
    python -m benchmarks.architecture --until 17:30 --seeds 50 --workers 2
    python -m benchmarks.architecture --part none          only write docs/results/architecture.json

Whole seeds come first, and what is done is kept. The rate was chosen on seeds 100 and 101 with 400
steps, and the noise of the second regime on seeds 100 to 102, by plain training of five shapes on labels drawn at
random. The 200 steps of the comparison were not tried before it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from askance.lab.datasets import Dataset, digits
from askance.lab.grid import versions
from askance.lab.grids import Grid
from askance.lab.running import deadline, results_of
from askance.learners.architecture import Architectures, Searched
from askance.learners.base import Learner
from askance.learners.dropout import Dropout
from askance.learners.families import Dense
from askance.learners.rules import Halving, Incremental, KernelChoice, LargestThatFits, RandomShapes, Rule
from askance.learners.torch import Torch
from askance.meta.averaged import Averaged, Through
from askance.pool import Pool
from askance.reports.results import Results
from benchmarks.measure import ROOT, machine
from benchmarks.paired import measure, rows

FILE = ROOT / "docs" / "results" / "architecture.json"
SEEDS = 20
RECIPE = Torch(Dense(), steps=200, rate=1e-2)
ASKS = "least-confidence"  # softmax response
SHAPES = tuple((blocks, stacks) for stacks in (1, 2, 4) for blocks in (1, 5, 10))  # the grid of hindsight
FIXED = {"small": (1, 1), "middle": (5, 2), "large": (10, 4)}
RULES: dict[str, Rule] = {
    "inas": Incremental(),
    "inas, unguarded": Incremental(guard=0.0),
    "random search": RandomShapes(),
    "random search, keeping": RandomShapes(keep=True),
    "halving": Halving(),
    "largest that fits": LargestThatFits(),
    "ev-gp-ms": KernelChoice(),
}
FIVE = ("small", "middle", "large", "inas", "random search")  # which are asked for by other strategies, too


def hard() -> Dataset:
    """Digits of which a fifth have another class's label, beside 200 features that say nothing: capacity hurts."""
    plain, dice = digits(), np.random.default_rng(0)
    labels = np.array(plain.labels)
    wrong = dice.random(len(labels)) < 0.2
    labels[wrong] = (labels[wrong] + dice.integers(1, 10, int(wrong.sum()))) % 10
    nuisance = (0.3 * dice.standard_normal((len(labels), 200))).astype("float32")
    items = np.concatenate([plain.pool.items.numpy(), nuisance], 1)
    return Dataset("hard digits", Pool.from_arrays(items), tuple(labels.tolist()))


def learners(dropout: float = 0.0) -> dict[str, Learner]:
    """All that are compared, by name."""
    recipe = replace(RECIPE, network=Dense(dropout=dropout))
    names = {shape: name for name, shape in FIXED.items()}
    fixed = {
        names.get(shape, f"{shape[0]} x {shape[1]}"): replace(recipe, network=Dense(*shape, dropout=dropout))
        for shape in SHAPES
    } | {name: replace(recipe, network=Dense(*shape, dropout=dropout)) for name, shape in FIXED.items()}
    return {**fixed, **{name: Searched(recipe, rule=rule) for name, rule in RULES.items()}}


def grid(part: str, seeds: int) -> Grid:
    """One of the two parts: ``table`` compares searches, ``more`` what they are worth to other questions."""
    made = learners()
    common: dict[str, Any] = {
        "datasets": (digits(), hard()),
        "initial": (40,),
        "batch": (40,),
        "budget": 360,
        "test": 500,
        "seeds": tuple(range(seeds)),
        "title": "Active-iNAS",
    }
    if part == "table":
        return Grid(strategies=(ASKS,), learners=_named(made, made), **common)
    dropping = {f"{name} + dropout": Dropout(learners(0.2)[name], passes=20) for name in FIVE}
    others = {f"{name} asks": Through(ASKS, made[name]) for name in ("small", "large", "inas", "random search")}
    own = ({"strategy": ASKS, "name": "middle asks"},)
    return Grid(
        strategies=("random", "k-center"),
        learners=_named(made, FIVE),
        more=(
            Grid(strategies=("bald",), learners=_named(dropping, dropping), **common),
            Grid(
                strategies=(*own, *({"strategy": part, "name": name} for name, part in others.items())),
                learners=({"learner": made["middle"], "name": "middle, trained"},),
                **common,
            ),
            Grid(
                strategies=(ASKS, {"strategy": Averaged(ASKS, members=3), "name": "averaged"}),
                learners=({"learner": Architectures(RECIPE, members=3, count=6), "name": "architectures"},),
                **common,
            ),
        ),
        **common,
    )


def compact(results: Iterable[tuple[str, Results]]) -> dict[str, Any]:
    """What is kept of learners and their results: by data set, and by ``learner|strategy``."""
    found: dict[str, Any] = {}
    for learner, one in results:
        title = one.dataset["name"]
        place = found.setdefault(
            title, {"items": one.dataset["items"], "classes": len(one.dataset["classes"]), "rows": {}}
        )
        for strategy, row in rows(one).items():
            runs = sorted((run for run in one.runs if run.strategy == strategy), key=lambda run: run.seed)
            chosen = [run.notes["architectures"] for run in runs if "architectures" in run.notes]
            if chosen:
                row["depth"] = np.mean([[b * s for b, s, *_ in run] for run in chosen], 0).round(2).tolist()
                row["shapes"] = [[[b, s] for b, s, *_ in run] for run in chosen]
                row["trainings"] = float(np.mean([sum(fit[2] for fit in run) for run in chosen]))
                row["search_steps"] = float(np.mean([sum(fit[3] for fit in run) for run in chosen]))
            if row["seeds"]:
                place["rows"][f"{learner}|{strategy}"] = row
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("table", "more", "all", "none"), default="all")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--until", metavar="HH:MM")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    until = deadline(given.until) if given.until else None
    parts = ("table", "more")
    for part in parts:
        if given.part in (part, "all"):
            measure(grid(part, given.seeds), f"architecture-{part}", until, given.workers)
    results = [one for part in parts for one in _kept(part, given.seeds)]
    found = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions(),
        "settings": {"initial": 40, "batch": 40, "budget": 360, "test": 500, "steps": RECIPE.steps},
        "sets": compact(results),
    }
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", "utf-8")
    print("Now write the page: make docs")


def _kept(part: str, seeds: int) -> list[tuple[str, Results]]:
    """The name of each learner and its results, as far as they are there."""
    folder, asked = ROOT / ".cache" / "lab" / "papers" / f"architecture-{part}", grid(part, seeds)
    if not folder.exists():
        return []
    names = [one.settings["learner"] for one in asked.conditions]
    return list(zip(names, results_of(asked, folder), strict=True))


def _named(made: dict[str, Any], names: Iterable[str]) -> tuple[dict[str, Any], ...]:
    return tuple({"learner": made[name], "name": name} for name in names)


if __name__ == "__main__":
    from benchmarks import architecture  # the classes have to be found by this name, and not in __main__

    architecture.main()

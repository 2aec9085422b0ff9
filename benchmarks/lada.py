"""The runs behind docs/papers/lada.md: what the score of pairs, training on mixtures, and the policy are worth.

``python -m benchmarks.lada --seeds 50 --until 23:30`` runs what is not done yet and writes docs/results/lada.json.
Nothing was tuned for it; the network is that of benchmarks/dmle.py with 64 units.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from askance.lab.curves import area
from askance.lab.grid import versions
from askance.lab.grids import Grid
from askance.lab.running import deadline
from askance.learners.linear import Linear
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.reports.results import Results
from askance.strategies.augmentation import Lada, LadaPolicy, VanillaMixup
from askance.strategies.base import Strategy
from askance.strategies.random import Random
from askance.strategies.uncertainty import Entropy
from benchmarks.measure import ROOT, machine
from benchmarks.paired import measure, rows

FILE = ROOT / "docs" / "results" / "lada.json"
EARLY = 6  # points of a curve: up to 70 labels
FIXED = (2.0,)
ARMS: dict[str, Strategy] = {
    "random": Random(),
    "entropy": Entropy(),
    "score alone": Lada(taus=FIXED, trains=False),
    "mixtures alone": VanillaMixup(),
    "both, fixed": Lada(taus=FIXED),
    "both, grid": Lada(),
    "both, policy": LadaPolicy(),
    "both, rivals": Lada(taus=FIXED, pairing="rival"),
    "both, margin": Lada(taus=FIXED, by="margin"),
    "both, all rounds": Lada(taus=FIXED, rounds=0),
}


def grid(seeds: tuple[int, ...]) -> Grid:
    """Digits, with a softmax head and with a small network that takes the same steps whatever it learns from."""
    return Grid(
        datasets=("digits",),
        strategies=tuple({"strategy": part, "name": name} for name, part in ARMS.items()),
        learners=(
            {"learner": Linear(ridge=1.0), "name": "head"},
            {"learner": Torch(Mlp((64,)), steps=100, rate=3e-3), "name": "network"},
        ),
        initial=(20,),
        batch=(10,),
        budget=220,
        test=539,
        seeds=seeds,
        title="LADA",
    )


def told(results: Results) -> dict[str, Any]:
    """What is kept of one learner's runs."""
    found = rows(results)
    for name, row in found.items():
        runs = {run.seed: run for run in results.runs if run.strategy == name}
        row["early"] = [round(area(runs[s].labels[:EARLY], runs[s].scores[:EARLY]), 5) for s in row["seeds"]]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="seeds 0 and up")
    parser.add_argument("--until", default="", help="begin nothing that would end later, HH:MM")
    options = parser.parse_args()
    until = deadline(options.until) if options.until else None
    several = measure(grid(tuple(range(options.seeds))), "lada", until)
    found = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions(),
        "learners": {name: {"rows": told(results)} for name, results in zip(("head", "network"), several, strict=True)},
    }
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", "utf-8")
    print("Now write the page: make docs")


if __name__ == "__main__":
    main()

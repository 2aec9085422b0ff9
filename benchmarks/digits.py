"""The runs behind docs/digits.md: the field's usual strategies on handwritten digits, 50 paired seeds, two learners.

docs/lab/census.md has all of them, with fewer seeds.

``python -m benchmarks.digits`` runs them again, about two minutes each on two cores, and writes docs/results. What
is kept of a run is how many test items were right after each round: whole numbers, so nothing is rounded.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from askance.executors.local import cores
from askance.lab import grid
from askance.lab.datasets import digits
from askance.lab.plan import Plan
from askance.lab.showing import Live
from askance.learners.linear import Linear
from askance.reports.results import Results, Run

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "results"
SEEDS = 50
STRATEGIES = ("random", "least-confidence", "margin", "entropy", "k-center", "k-means", "typiclust", "badge")


@dataclass(frozen=True)
class Table:
    """One table of docs/digits.md: a title, the file with its runs, and the learner."""

    title: str
    file: str
    learner: Linear


TABLES = (
    Table("Softmax head, ridge chosen by cross-validation (the default)", "digits-cross-validated.json", Linear()),
    Table("Softmax head, ridge fixed at 1", "digits-ridge-1.json", Linear(ridge=1.0)),
)


def run(learner: Linear, seeds: int, workers: int) -> Results:
    """The strategies on 20 labels to begin with and 20 rounds of 10."""
    plan = Plan(strategies=STRATEGIES, seeds=tuple(range(seeds)), test=539, learner=learner)
    data = digits()
    live = Live(data, plan)
    found = grid.run(data, plan, workers=workers, each=live.finished)
    live.end()
    return found


def write(results: Results, path: Path) -> None:
    """Keep what the tables need, one line for each strategy."""
    test = results.dataset["test"]
    right = {
        name: [[round(score * test) for score in run.scores] for run in results.runs if run.strategy == name]
        for name in results.strategies
    }
    kept = {
        "title": results.title,
        "dataset": results.dataset,
        "settings": results.settings,
        "versions": results.versions,
        "labels": results.runs[0].labels,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in kept.items()]
    rows = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(counts, separators=(',', ':'))}" for name, counts in right.items()
    )
    path.write_text("{\n" + ",\n".join(lines) + f',\n"right": {{\n{rows}\n}}\n}}\n', encoding="utf-8")


def read(path: Path) -> Results:
    """The results that `write` kept, without picks and times."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    test, labels, seeds = kept["dataset"]["test"], kept["labels"], kept["settings"]["seeds"]
    empty: list[list[str | int]] = [[] for _ in labels[1:]]
    runs = [
        Run(name, seed, labels, [count / test for count in counts], empty, [], [], {})
        for name, rows in kept["right"].items()
        for seed, counts in zip(seeds, rows, strict=True)
    ]
    return Results(kept["title"], kept["dataset"], kept["settings"], runs, kept["versions"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the comparisons behind docs/digits.md.")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--workers", type=int, default=cores())
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        print(table.title)
        write(run(table.learner, options.seeds, options.workers), FOLDER / table.file)
    print("Now write the tables: make docs")


if __name__ == "__main__":
    main()

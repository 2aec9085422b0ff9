"""Every strategy that reads frozen features on six data sets: who beats random, where, and at what cost.

    python -m benchmarks.census                 run what is not done (resumable; hours for all of it)
    python -m benchmarks.census --until 17:30   begin nothing that would end later; whole seeds come first
    python -m benchmarks.census --strategy bmdr,spal --seeds 5   some of them, with fewer seeds
    python -m benchmarks.census --write         put what there is into docs/lab/census.json, for the page

The data sets have to be in the cache: askance datasets fetch letter spam fashion-mnist 20-newsgroups r8
"""

from __future__ import annotations

import argparse
import json
import math
import time
from typing import Any

from benchmarks.measure import ROOT, machine

FOLDER = ROOT / ".cache" / "lab" / "census"
RESULTS = ROOT / "docs" / "lab" / "census.json"
ITEMS = 3000  # drawn from each larger data set
SETS = ("digits", "letter", "spam", "fashion-mnist", "20-newsgroups", "r8")
SEEDS = 20


SLOW = (  # strategies that take seconds a batch: they come last, with fewer seeds if time is short
    *("ldm-s", "core-gcn", "uncertain-gcn", "discriminative-al", "expected-error-reduction", "bmdr", "spal"),
    *("k-medoids", "hint-svm", "batch-bald"),
)
WIDTH = 64  # principal components of pictures


def grid(slow: bool = True, only: str = "", seeds: int = SEEDS) -> Any:
    """The grid: the default head, 10 rounds of 20.

    Args:
        slow: Whether strategies are in it that take seconds a batch.
        only: Names between commas; all of them if empty.
        seeds: How many.
    """
    from askance.lab.grids import Grid
    from askance.strategies import catalogue
    from askance.task import Classes

    made = {"digits": "digits", "fashion-mnist": pictures()}
    names = [name for name in catalogue.serving(Classes((0, 1))) if slow or name not in SLOW]
    names = [name for name in names if _reads_features(name)]
    names = [name.strip() for name in only.split(",")] if only else names
    return Grid(
        datasets=tuple(made.get(name, {"name": name, "items": ITEMS}) for name in SETS),
        strategies=tuple(names),
        initial=(60,),
        batch=(20,),
        budget=260,
        test=0.3,
        seeds=tuple(range(seeds)),
        title="Census",
    )


def _reads_features(name: str) -> bool:
    """Whether a head on frozen features gives what a strategy reads."""
    from askance.errors import MissingSignal
    from askance.learners.linear import Linear
    from askance.look import check_needs
    from askance.strategies import catalogue

    strategy = catalogue.strategy(name)
    try:
        check_needs(strategy, strategy.equip(Linear()))
    except MissingSignal:
        return False
    return True


def pictures() -> Any:
    """Fashion pictures as their principal components, found on the drawn items without their labels."""
    from dataclasses import replace

    from sklearn.decomposition import PCA

    from askance.lab import sets
    from askance.lab.datasets import features_of
    from askance.look import threads
    from askance.pool import Pool

    drawn = sets.load("fashion-mnist").sample(ITEMS)
    with threads(1):  # with more of them the last bits differ, and with them the keys of all cells
        found = PCA(WIDTH, svd_solver="full").fit_transform(features_of(drawn).double().numpy()).astype("float32")
    said = f"Pixels are reduced to {WIDTH} principal components of the {ITEMS:,} items drawn."
    pool = Pool.from_arrays(found, drawn.pool.ids.tolist())
    return replace(drawn, name="fashion-mnist (3000 items)", pool=pool, said=(*drawn.said, said))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--until", metavar="HH:MM")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--strategy", default="", metavar="NAMES", help="these alone")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    from askance.lab.running import deadline, results_of, run_grid

    if options.write:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(summary(results_of(grid(), FOLDER)), indent=1) + "\n", "utf-8")
        print(RESULTS)
        return
    until = deadline(options.until) if options.until else None

    def say(stand: Any) -> None:
        left = "?" if math.isnan(stand.left) else f"{stand.left / 60:.0f} min"
        print(f"{time.strftime('%H:%M:%S')} {stand.kind} {stand.done}/{stand.cells}, {left}: {stand.said}", end=" ")
        print(stand.about.get("condition", ""), stand.about.get("strategy", ""), flush=True)

    for slow in (True,) if options.strategy else (False, True):
        chosen = grid(slow, options.strategy, options.seeds)
        run_grid(chosen, FOLDER, workers=options.workers, until=until, say=say)


def summary(conditions: list[Any]) -> dict[str, Any]:
    """Areas, paired differences to random and seconds, by data set and strategy."""
    from askance.lab.statistics import compare

    found: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "sets": {}}
    for results in conditions:
        rows = {}
        for row in compare(results).rows:
            gap = row.difference
            rows[row.strategy] = {
                "seeds": row.area.count,
                "area": row.area.mean,
                "final": row.final.mean,
                "gain": [gap.mean, gap.low, gap.high] if gap and row.verdict != "baseline" else None,
                "p_holm": None if math.isnan(row.p_holm) else row.p_holm,
                "verdict": row.verdict,
                "seconds": sum(row.seconds.values()),
            }
        found["sets"][results.title] = {"settings": results.settings, "said": results.said, "rows": rows}
    return found


if __name__ == "__main__":
    main()

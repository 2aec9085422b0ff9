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
    *("k-medoids", "hint-svm", "batch-bald", "neural-cal", "i-neural", "vaal", "auto-al", "auto-al-as-written"),
    *("ntk-cpl", "ev-gp-ms"),
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
        RESULTS.write_text(json.dumps(kept(results_of(grid(), FOLDER)), indent=1) + "\n", "utf-8")
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


def kept(conditions: list[Any]) -> dict[str, Any]:
    """The area of every run, by data set and strategy, and its mean seconds; what an earlier session ran stays.

    Areas of an earlier session count as long as the data set and the settings are the same, and the strategy with all
    its parts; until it is run again, a strategy that has changed keeps what it had under its old mark.
    """
    from askance.lab.curves import area

    before = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"sets": {}}
    found: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "sets": {}}
    for results in conditions:
        about = {"settings": _lasting(results.settings), "said": _sentences(results.said)}
        old: dict[str, Any] = before["sets"].get(results.title, {})
        same = old.get("settings") == about["settings"]
        strategies: dict[str, Any] = dict(old.get("strategies", {})) if same else {}
        for name in results.strategies:
            runs = {run.seed: run for run in results.runs if run.strategy == name}
            if not runs:
                continue
            own = mark(name)
            areas = {str(seed): round(area(run.labels, run.scores), 6) for seed, run in sorted(runs.items())}
            earlier: dict[str, Any] = strategies.get(name, {})
            if earlier.get("mark") == own:
                areas = {**earlier["areas"], **areas}
            seconds = sum(sum(map(sum, run.seconds.values())) for run in runs.values()) / len(runs)
            strategies[name] = {"mark": own, "areas": areas, "seconds": seconds}
        found["sets"][results.title] = {**about, "strategies": strategies}
    return found


def mark(name: str) -> str:
    """A fingerprint of a strategy and all its parts, such as a learner that it brings."""
    from askance.lab.identity import digest, identity
    from askance.strategies import catalogue

    return digest(identity(catalogue.strategy(name)))


def outdated(found: dict[str, Any]) -> list[str]:
    """The strategies that have changed since they were run somewhere."""
    there: dict[str, set[str]] = {}
    for one in found["sets"].values():
        for name, own in one["strategies"].items():
            there.setdefault(name, set()).add(own["mark"])
    return [name for name, marks in there.items() if marks != {mark(name)}]


def rows(found: dict[str, Any]) -> dict[str, Any]:
    """For each data set and strategy the mean area, the paired difference to random and the verdict."""
    from askance.lab.statistics import compare
    from askance.reports.results import Results, Run

    told: dict[str, Any] = {}
    for title, one in found["sets"].items():
        ends = [one["settings"]["initial"], one["settings"]["budget"]]
        runs = [
            Run(name, int(seed), ends, [area, area], [[]], [], [""], {})  # a flat curve has the same area
            for name, own in one["strategies"].items()
            for seed, area in own["areas"].items()
        ]
        told[title] = {}
        for found_row in compare(Results(title, {}, {}, runs)).rows:
            gap = found_row.difference
            told[title][found_row.strategy] = {
                "seeds": found_row.area.count,
                "area": found_row.area.mean,
                "gain": [gap.mean, gap.low, gap.high] if gap and found_row.verdict != "baseline" else None,
                "verdict": found_row.verdict,
                "seconds": one["strategies"][found_row.strategy]["seconds"],
            }
    return told


def _lasting(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings that decide the result of a run: which others were run beside it does not.

    The learner has its revision beside its description, as it has in the key of a cell.
    """
    from askance.lab.identity import identity
    from askance.learners.linear import Linear

    kept = {key: value for key, value in settings.items() if key not in ("strategies", "seeds", "learner_marks")}
    return {**kept, "learner": identity(Linear())}


def _sentences(said: list[str]) -> list[str]:
    """What is said of the data, and not of what was run."""
    return [text for text in said[2:] if "not done yet" not in text and "are not" not in text]


if __name__ == "__main__":
    main()

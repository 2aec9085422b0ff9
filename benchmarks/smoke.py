"""Orders that should hold, with fifty paired seeds each, and how far three seeds would have been from them.

python -m benchmarks.smoke            run, and write docs/lab/smoke.json for the page
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from askance.reports.results import Run
from benchmarks.measure import ROOT, machine

RESULTS = ROOT / "docs" / "lab" / "smoke.json"
FOLDER = ROOT / ".cache" / "lab" / "smoke"
SEEDS = 50
WIDE = ("random", "margin", "badge", "entropy", "least-confidence", "k-center", "typiclust", "cluster-margin")


def honeypot() -> Any:
    """Four clouds of 150 points, of which the half at (4, 3) has labels by chance. [werner2024cross]"""
    from askance.lab.datasets import Dataset
    from askance.pool import Pool

    dice = np.random.default_rng(0)
    centers = np.repeat([[0.0, 0.0], [0.0, 6.0], [4.0, 3.0], [4.0, 3.0]], 150, axis=0)
    labels = np.repeat(["positive", "negative", "positive", "negative"], 150)
    features = centers + dice.standard_normal(centers.shape)
    return Dataset("honeypot", Pool.from_arrays(features.astype("float32")), tuple(map(str, labels)))


def grids() -> dict[str, Any]:
    """The grids behind the claims."""
    from askance.lab.grids import Grid
    from askance.learners.linear import Linear

    seeds = tuple(range(SEEDS))
    dynamics = {"strategy": "dynamic-al", "batch": "exact", "name": "dynamic-al, exact greedy"}
    on_digits: dict[str, Any] = {"datasets": ("digits",), "initial": (20,), "batch": (10,), "budget": 220, "test": 539}
    return {
        "digits": Grid(strategies=(*WIDE, "dynamic-al", dynamics), seeds=seeds, title="Digits", **on_digits),
        "digits, ridge 1": Grid(
            strategies=("random", "margin", "badge", "dynamic-al", dynamics, "entropy"),
            learners=(Linear(ridge=1.0),),
            seeds=seeds,
            title="Digits, ridge 1",
            **on_digits,
        ),
        "honeypot": Grid(
            datasets=(honeypot(),),
            strategies=("random", "margin"),
            learners=(Linear(ridge=1.0),),
            initial=(4,),
            batch=(1,),
            budget=64,
            test=120,
            seeds=seeds,
            title="Honeypot",
        ),
        "lada": Grid(
            strategies=(
                "entropy",
                {"strategy": "lada", "taus": (2.0,), "name": "lada-fixed"},
                {"strategy": "lada", "name": "lada-grid"},
                "lada-policy",
            ),
            learners=(Linear(ridge=1.0),),
            seeds=seeds,
            title="LADA",
            **on_digits,
        ),
        "first labels": Grid(
            strategies=("margin",), start=("random", "k-means"), seeds=seeds, title="First labels", **on_digits
        ),
    }


def lada(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Pairs with a fixed mixture against entropy, early and over all, and what a grid or a policy adds to it."""
    from askance.lab.curves import area
    from askance.lab.statistics import interval, paired_t

    claims = []
    for on, above, below, points in (
        ("digits, up to 70 labels", "lada-fixed", "entropy", 6),
        ("digits, ridge 1", "lada-fixed", "entropy", None),
        ("digits, ridge 1", "lada-grid", "lada-fixed", None),
        ("digits, ridge 1", "lada-policy", "lada-fixed", None),
    ):
        areas = {(run.strategy, run.seed): area(run.labels[:points], run.scores[:points]) for run in runs}
        gaps = np.array([areas[above, seed] - areas[below, seed] for seed in range(SEEDS)])
        told = interval(gaps)
        gain = {"mean": told.mean, "low": told.low, "high": told.high, "p": paired_t(gaps)}
        claims.append({"on": on, "above": above, "below": below, **gain})
    return claims


def main() -> None:
    from askance.lab.curves import area
    from askance.lab.enough import agreement
    from askance.lab.running import run_grid
    from askance.lab.statistics import compare, interval, paired_t

    found: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "seeds": SEEDS}
    results = {
        name: run_grid(grid, FOLDER / name.replace(", ", "-").replace(" ", "-")) for name, grid in grids().items()
    }

    def gain(name: str, one: str, other: str) -> dict[str, float]:
        runs = {(r.strategy, r.seed): area(r.labels, r.scores) for r in results[name][0].runs}
        gaps = np.array([runs[one, seed] - runs[other, seed] for seed in range(SEEDS)])
        told = interval(gaps)
        return {"mean": told.mean, "low": told.low, "high": told.high, "p": paired_t(gaps)}

    found["areas"] = {
        name: {row.strategy: [row.area.mean, row.final.mean] for row in compare(several[0]).rows}
        for name, several in results.items()
        if name != "first labels"
    }
    claims = []
    for name in ("digits", "digits, ridge 1"):
        for one, other in (
            ("margin", "badge"),
            ("badge", "dynamic-al"),
            ("dynamic-al", "random"),
            ("random", "dynamic-al, exact greedy"),
        ):
            claims.append({"on": name, "above": one, "below": other, **gain(name, one, other)})
    claims.append({"on": "honeypot", "above": "random", "below": "margin", **gain("honeypot", "random", "margin")})
    early = [{r.seed: area(r.labels[:4], r.scores[:4]) for r in several.runs} for several in results["first labels"]]
    gaps = np.array([early[1][seed] - early[0][seed] for seed in range(SEEDS)])
    told = interval(gaps)
    claims.append(
        {
            "on": "first labels",
            "above": "k-means first",
            "below": "random first",
            "mean": told.mean,
            "low": told.low,
            "high": told.high,
            "p": paired_t(gaps),
        }
    )
    claims += lada(results["lada"][0].runs)
    found["claims"] = claims
    asked = [batch for r in results["honeypot"][0].runs if r.strategy == "margin" for batch in r.picks]
    found["margin's share in the noise"] = float(np.mean([int(row) >= 300 for batch in asked for row in batch]))
    areas = {(r.strategy, r.seed): area(r.labels, r.scores) for r in results["digits"][0].runs}
    table = np.array([[areas[name, seed] for seed in range(SEEDS)] for name in WIDE])
    few = {str(count): agreement(table, count) for count in (3, 5, 10, 20)}
    found["few seeds"] = {count: {"wrong": told.wrong, "tau": told.tau} for count, told in few.items()}
    found["compared by few seeds"] = list(WIDE)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(RESULTS.read_text("utf-8"))


if __name__ == "__main__":
    main()

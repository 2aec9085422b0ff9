"""Orders that should hold, with fifty paired seeds each, and how far three seeds would have been from them.

python -m benchmarks.smoke            run, and write docs/lab/smoke.json for the page
python -m benchmarks.smoke honeypot   run this one alone, and keep what the file says of the others

The page also has the orders of architecture searches, which `benchmarks.architecture` runs.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks.measure import ROOT, machine

RESULTS = ROOT / "docs" / "lab" / "smoke.json"
FOLDER = ROOT / ".cache" / "lab" / "smoke"
SEEDS = 50
WIDE = ("random", "margin", "badge", "entropy", "least-confidence", "k-center", "typiclust", "cluster-margin")


def grids() -> dict[str, Any]:
    """The grids behind the claims."""
    from askance.lab.grids import Grid
    from askance.learners.linear import Linear
    from askance.strategies.region import NeuralCalPlusPlus

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
            datasets=("honeypot",),
            strategies=("random", "margin", {"strategy": NeuralCalPlusPlus(empty="random"), "name": "gate"}),
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


CLAIMS = {  # on which grid, what should be above what
    "digits": (
        ("margin", "badge"),
        ("badge", "dynamic-al"),
        ("dynamic-al", "random"),
        ("random", "dynamic-al, exact greedy"),
    ),
    "digits, ridge 1": (
        ("margin", "badge"),
        ("badge", "dynamic-al"),
        ("dynamic-al", "random"),
        ("random", "dynamic-al, exact greedy"),
    ),
    "honeypot": (("random", "margin"), ("gate", "margin"), ("gate", "random")),
}
LADA = (  # on digits with ridge 1: pairs with a fixed mixture against entropy, and what a grid or a policy adds
    ("digits, ridge 1, up to 70 labels", "lada-fixed", "entropy", 6),
    ("digits, ridge 1", "lada-fixed", "entropy", None),
    ("digits, ridge 1", "lada-grid", "lada-fixed", None),
    ("digits, ridge 1", "lada-policy", "lada-fixed", None),
)


def main() -> None:
    named = sys.argv[1:] or list(grids())
    wrong = [name for name in named if name not in grids()]
    if wrong:
        sys.exit(f"There is no grid {wrong[0]!r}. Name one of: {', '.join(grids())}")
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if sys.argv[1:] else {}
    found |= {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "seeds": SEEDS}
    kept = [claim for claim in found.get("claims", []) if grid_of(claim) not in named]
    claims: list[dict[str, Any]] = []
    for name in named:
        claims += _measured(name, found)
    order = list(grids())
    found["claims"] = sorted(kept + claims, key=lambda claim: order.index(grid_of(claim)))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(RESULTS.read_text("utf-8"))


def grid_of(claim: dict[str, Any]) -> str:
    """The grid that a claim was read off."""
    return str(claim.get("grid", claim["on"]))


def _measured(name: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a grid, put what it says beside its claims into what was found, and give the claims."""
    from askance.lab.curves import area
    from askance.lab.enough import agreement
    from askance.lab.running import run_grid
    from askance.lab.statistics import compare

    results = run_grid(grids()[name], FOLDER / name.replace(", ", "-").replace(" ", "-"))
    if name == "first labels":
        early = [{r.seed: area(r.labels[:4], r.scores[:4]) for r in several.runs} for several in results]
        gaps = np.array([early[1][seed] - early[0][seed] for seed in range(SEEDS)])
        return [{"on": name, "above": "k-means first", "below": "random first", **_gain(gaps)}]
    runs = results[0].runs
    areas = {(r.strategy, r.seed): area(r.labels, r.scores) for r in runs}
    found.setdefault("areas", {})[name] = {
        row.strategy: [row.area.mean, row.final.mean] for row in compare(results[0]).rows
    }
    if name == "lada":
        claims = []
        for on, above, below, points in LADA:
            until = {(r.strategy, r.seed): area(r.labels[:points], r.scores[:points]) for r in runs}
            gaps = np.array([until[above, seed] - until[below, seed] for seed in range(SEEDS)])
            claims.append({"on": on, "grid": name, "above": above, "below": below, **_gain(gaps)})
        return claims
    if name == "honeypot":
        for who in ("margin", "gate"):
            asked = [int(row) >= 300 for r in runs if r.strategy == who for batch in r.picks for row in batch]
            found[f"{who}'s share in the noise"] = float(np.mean(asked))
    if name == "digits":
        table = np.array([[areas[who, seed] for seed in range(SEEDS)] for who in WIDE])
        few = {str(count): agreement(table, count) for count in (3, 5, 10, 20)}
        found["few seeds"] = {count: {"wrong": told.wrong, "tau": told.tau} for count, told in few.items()}
        found["compared by few seeds"] = list(WIDE)
    return [
        {
            "on": name,
            "above": one,
            "below": other,
            **_gain(np.array([areas[one, seed] - areas[other, seed] for seed in range(SEEDS)])),
        }
        for one, other in CLAIMS[name]
    ]


def _gain(gaps: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    from askance.lab.statistics import interval, paired_t

    told = interval(gaps)
    return {"mean": told.mean, "low": told.low, "high": told.high, "p": paired_t(gaps)}


if __name__ == "__main__":
    main()

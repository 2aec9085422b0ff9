"""What docs/papers/dpp.md says, from docs/results/dpp.json."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from askance.lab.statistics import interval
from benchmarks.dpp import BATCH, BUDGET, COPIES, INITIAL, JITTER, OUT


def dpp_page() -> str:
    """The page."""
    found = json.loads(OUT.read_text("utf-8"))
    lines = [
        "# Determinantal batches\n\n",
        "Multiple-criteria active learning with fixed-size determinantal point processes (Zhan, Li, Chan 2021) draws "
        "batches by how large a space they span. Only its abstract could be read; `multi-criteria-dpp` is a "
        "reconstruction, and `k-dpp` the exact sampler it stands on. This page asks what determinants buy, with and "
        f"without redundant pools: every item {COPIES} times, {JITTER} of a standard deviation apart.\n\n",
        f"{found['seeds']} paired seeds, {INITIAL} labels at first, then {BATCH} at a time up to {BUDGET}; the linear "
        "head. *Area* is the mean accuracy over all labels bought; *to entropy* the paired difference with its 95% "
        "interval. *Log determinant* (of a Gaussian kernel) and *mean distance* are of the first batch. "
        "`python -m benchmarks.dpp` measures this again.\n\n",
    ]
    for name, rows in found["sets"].items():
        lines += _table(name, rows)
    return "".join([*lines, _expected(found["sets"])])


def _table(name: str, rows: dict[str, Any]) -> list[str]:
    lines = [
        f"## {name[0].upper()}{name[1:]}\n\n",
        "| Strategy | Area | Spread of areas | To entropy | Log determinant | Mean distance |\n",
        "| --- | --: | --: | --: | --: | --: |\n",
    ]
    for who, row in rows.items():
        gap = interval(np.subtract(row["area"], rows["entropy"]["area"]))
        said = "–" if who == "entropy" else f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
        lines.append(
            f"| {who} | {np.mean(row['area']):.3f} | {np.std(row['area'], ddof=1):.3f} | {said} | "
            f"{np.mean(row['log determinant']):.1f} | {np.mean(row['mean distance']):.2f} |\n"
        )
    return [*lines, "\n"]


def _expected(sets: dict[str, Any]) -> str:
    """What was expected of the method, and on how many of the sets it holds."""
    plain = [rows for name, rows in sets.items() if "each" not in name]
    twice = [rows for name, rows in sets.items() if "each" in name]

    def mean(rows: dict[str, Any], who: str, what: str = "area") -> float:
        return float(np.mean(rows[who][what]))

    def count(rows: list[dict[str, Any]], holds: Any) -> str:
        return f"{sum(bool(holds(row)) for row in rows)} of {len(rows)}"

    both = [*plain, *twice]
    said = [
        (
            "The determinant of a k-DPP batch is larger than that of the most doubtful items",
            count(both, lambda r: mean(r, "k-dpp", "log determinant") > mean(r, "entropy", "log determinant")),
        ),
        (
            "Its items are farther apart on average",
            count(both, lambda r: mean(r, "k-dpp", "mean distance") > mean(r, "entropy", "mean distance")),
        ),
        (
            "With duplicates multi-criteria-dpp has a larger area than entropy",
            count(twice, lambda r: mean(r, "multi-criteria-dpp") > mean(r, "entropy")),
        ),
        (
            "With duplicates k-dpp has a larger area than entropy",
            count(twice, lambda r: mean(r, "k-dpp") > mean(r, "entropy")),
        ),
        (
            "Without duplicates multi-criteria-dpp and entropy are within 0.01",
            count(plain, lambda r: abs(mean(r, "multi-criteria-dpp") - mean(r, "entropy")) < 0.01),
        ),
        (
            "Conditioning on what is labeled raises the area of k-dpp",
            count(both, lambda r: mean(r, "k-dpp") > mean(r, "k-dpp, unconditional")),
        ),
        (
            "Areas spread less over seeds for the largest determinant than for samples",
            count(both, lambda r: np.std(r["k-dpp, largest"]["area"]) < np.std(r["k-dpp"]["area"])),
        ),
    ]
    lines = "".join(f"| {what} | {sets_} |\n" for what, sets_ in said)
    return f"## What was expected\n\n| Expectation | Holds on |\n| --- | --: |\n{lines}"

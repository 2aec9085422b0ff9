"""What docs/large-pools.md says was measured, from docs/gates/score-pool.jsonl and docs/results/two-stage.json."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np

from askance.scoring.choose import FACTOR
from benchmarks.gates import FOLDER
from benchmarks.kept import outdated
from benchmarks.two_stage import FILE, ORDERS, RULES, decides

GATE = FOLDER / "score-pool.jsonl"
_WORDS = {
    "radius": "farthest item from a pick (less)",
    "squares": "mean squared distance to a pick (less)",
    "unit squares": "the same, at length one (less)",
    "potential": "the same, of gradients (less)",
    "alikeness": "mean alikeness to a pick (more)",
    "herding": "the same, by a Gaussian (more)",
    "volume": "log determinant (more)",
}


def scored() -> str:
    """What the gate measured last."""
    if not GATE.exists():
        return "The gate has not been run yet.\n"
    line = json.loads(GATE.read_text("utf-8").splitlines()[-1])
    found, machine = line["figures"], line["machine"]
    seconds, most = found["seconds"], found["most bytes"]
    size, scores = found["bytes"]["pool"] / 1e9, found["bytes"]["scores"] / 1e9
    most_mb = {name: f"{number / 1e6:,.0f} MB" for name, number in most.items()}
    rows = [
        ("scoring until half of the shards were done, then `kill -9`", seconds["until the kill"], ""),
        ("looking at these, and scoring the rest", seconds["the rest"], most_mb["scoring"]),
        ("the same again: looking at every byte", seconds["checking all"], ""),
        *(
            (f"choosing 1,000 by `{name}`", seconds[f"choosing by {name}"], most_mb[f"choosing by {name}"])
            for name in ("margin", "k-center", "badge")
        ),
    ]
    table = "".join(f"| {what} | {took:,.1f} | {held} |\n" for what, took, held in rows)
    return (
        f"{found['items']:,} rows of {found['features']} numbers, {size:.1f} GB of Parquet, became {found['shards']} "
        f"shards and {scores:.1f} GB of scores by a linear head, {found['rows a second']:,.0f} rows a second, in one "
        f"process with one thread ({line['date'][:10]}, {machine['processor']}, {machine['cores']} cores with a load "
        f"of {machine['load'][0]:g}, so a quiet machine is faster). Nothing that was recorded before the kill was "
        f"computed again, and the margin picks are "
        f"those of `askance.select` over all rows at once. Memory is the most that the process held, mapped files "
        f"included; the gate's limit is {found['limit'] / 1e6:,.0f} MB.\n\n"
        f"| Step | Seconds | Most memory |\n| --- | --: | --: |\n{table}"
    )


def two_stages() -> str:
    """What batches of two stages lose."""
    told = json.loads(FILE.read_text("utf-8"))
    parts = []
    for items, found in sorted(told["items"].items(), key=lambda entry: -int(entry[0])):
        seeds = len(next(iter(next(iter(found["cases"].values())).values()))["seeds"])
        parts.append(
            f"{found['n']} of {int(items):,} clustered rows of {found['features']} numbers in {found['shards']} "
            f"shards, {_count(seeds, 'pool')} ({found['date']}):\n\n"
        )
        heads = " | ".join(f"{factor} x" for factor in told["factors"])
        parts.append(f"| Strategy | What counts | File | One stage | Chance | {heads} | {FACTOR:g} x, worst |\n")
        parts.append("| --- | --- | --- | --: | --: |" + " --: |" * (len(told["factors"]) + 1) + "\n")
        for rule, cases in found["cases"].items():
            for order in ORDERS:
                if order in cases:
                    parts.append(_row(rule, order, cases[order], told["factors"]))
        orders = {
            order: {rule: case[order] for rule, case in found["cases"].items() if order in case} for order in ORDERS
        }
        parts.append(outdated(orders, partial(_decides, items)))
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def _decides(items: str, order: str, rule: str) -> Any:
    return decides(rule, order, items)


def _row(rule: str, order: str, case: dict[str, Any], factors: list[int]) -> str:
    what, more = RULES[rule]
    one = np.array(case["exact"])
    worse = {factor: (np.array(case[f"x{factor}"]) / one - 1) * (-100 if more else 100) for factor in factors}
    cells = [
        f"{_percent(loss.mean())} ({100 * np.mean(case[f'overlap x{factor}']):.0f})" for factor, loss in worse.items()
    ]
    cells.append(_percent(worse[int(FACTOR)].max()))
    values = f"{one.mean():.4g} | {np.mean(case['random']):.4g}"
    return f"| `{rule}` | {_WORDS[what]} | {order} | {values} | {' | '.join(cells)} |\n"


def _percent(value: float) -> str:
    """With its sign, and none before a zero."""
    return f"{value:+.1f} %" if abs(value) >= 0.05 else "0.0 %"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"

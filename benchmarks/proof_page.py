"""What docs/proof.md says of the simulated projects, from docs/results/proof.json."""

from __future__ import annotations

import json
import math
from itertools import chain
from typing import Any

import numpy as np

from askance.metrics import wilson
from benchmarks.proof import FIRST, RESULTS, SLACK, WORLDS

NAMES = {
    "helps": "Twelve classes",
    "hurts": "Crowd",
    "honeypot": "Honeypot",
    "same": "Twelve classes, by chance",
    "labels": "Labels, by chance",
    "numbers": "Numbers, by chance",
}
NEAR = 0.2  # of the logarithm of labels: how far projects may be apart that are averaged
Row = dict[str, Any]


def page() -> str:
    """The tables, and the sentences around them."""
    pools = {name: rows for name, rows in json.loads(RESULTS.read_text("utf-8"))["pools"].items() if rows}
    return "".join([_about(pools), _held(pools), _verdicts(pools), _saved(pools), _skipping(pools), _depletion(pools)])


def _about(pools: dict[str, list[Row]]) -> str:
    counts = sorted({len(rows) for rows in pools.values()})
    lines = [f"| {NAMES[name]} | {WORLDS[name].about} |\n" for name in pools]
    sizes = [row["control"] for rows in pools.values() for row in rows]
    return (
        f"{' or '.join(f'{count:,}' for count in counts)} projects on each pool, seeds from {FIRST}; methods were "
        "chosen on seeds below and from 1,000 on. A project has 1,000 or 2,000 items, 100 to 500 labels and a share of "
        f"control items of 10, 20 or 30%, so that there are {min(sizes)} to {max(sizes)} of them; ten items are asked "
        "for at a time, and a linear head with a ridge of 1 learns. The truth is that of 20,000 other items.\n\n"
        f"| Pool | What it is |\n| --- | --- |\n{''.join(lines)}\n"
    )


def _held(pools: dict[str, list[Row]]) -> str:
    lines = []
    for name, rows in pools.items():
        for what in ("accuracy", "gain"):
            found = _intervals(rows, what)
            lines.append(
                f"| {NAMES[name]} | {what} | {_share(_inside(found))} | {np.mean(found[:, 2] - found[:, 1]):.3f} "
                f"| {np.mean(found[:, 0] - found[:, 3]):+.3f} | {np.mean(found[:, 3]):.3f} |\n"
            )
    whole = {what: _inside(_intervals([*chain.from_iterable(pools.values())], what)) for what in ("accuracy", "gain")}
    return (
        "How often 95% intervals held the truth, with Wilson's interval of that share:\n\n"
        "| Pool | Of | Held | Mean width | Mean error | Mean truth |\n| --- | --- | --- | --: | --: | --: |\n"
        f"{''.join(lines)}\nOver all pools: accuracy {_share(whole['accuracy'])}, gain {_share(whole['gain'])}.\n\n"
    )


def _verdicts(pools: dict[str, list[Row]]) -> str:
    lines, general = [], []
    for name, rows in pools.items():
        counts = [sum(row["verdict"] == verdict for row in rows) for verdict in ("helps", "hurts", "undecided")]
        truth = np.array([row["gain"][3] for row in rows])
        lines.append(f"| {NAMES[name]} | {truth.mean():+.3f} | {' | '.join(map(str, counts))} |\n")
        mean = _smooth(np.log([row["size"] for row in rows]), truth)
        low, high = np.array([row["gain"][1:3] for row in rows]).T
        general.append(f"{NAMES[name].lower()} {_percent(np.mean((low <= mean) & (mean <= high)))}")
    false = {
        name: [row["verdict"] == "helps" for row in pools[name]]
        for name in ("hurts", "honeypot", "same")
        if name in pools
    }
    said = "; ".join(f"{NAMES[name].lower()} {_share(found)}" for name, found in false.items())
    claims = [row["gain"][3] for name in false for row in pools[name] if row["verdict"] == "helps"]
    lucky = sum(truth > 0 for truth in claims)
    return (
        "What the proof said of the way of asking:\n\n"
        "| Pool | Mean true gain | Helps | Hurts | Undecided |\n| --- | --: | --: | --: | --: |\n"
        f"{''.join(lines)}\n*Helps* where it does not: {said}. In {lucky} of these {len(claims)} projects the "
        "labels at hand were better than random ones, by luck.\n\n"
        "The interval of the gain is about the labels that a project has. Read as one about what the strategy does in "
        "such projects on average, which it does not claim to be, it held the mean of projects of like size in these "
        f"shares: {', '.join(general)}.\n\n"
    )


def _saved(pools: dict[str, list[Row]]) -> str:
    lines = []
    for name, rows in pools.items():
        shown = [row for row in rows if not row["withheld"]]
        right = f"{sum(map(_reaches, shown))} of {len(shown)}" if shown else "–"
        lines.append(
            f"| {NAMES[name]} | {len(shown)} of {len(rows)} | {right} | {_share(list(map(_reaches, rows)))} |\n"
        )
    return (
        f"Labels saved, against the number that drawing at random takes on average to be as good within {SLACK:.1%}; "
        "where its curve is flat, as in the honeypot, that is a wide span:\n\n"
        "| Pool | Shown | Shown, and held | All, and held |\n| --- | --: | --: | --- |\n"
        f"{''.join(lines)}\n"
    )


def _reaches(row: Row) -> bool:
    """Whether the interval of labels saved meets what the true curve says; what is open has no number."""
    low, high = (math.inf if end is None else end for end in row["saved"][1:])
    fewest, most = (math.inf if labels is None else labels - row["labels"] for labels in row["needed"])
    return bool(low <= most and high >= fewest)


def _skipping(pools: dict[str, list[Row]]) -> str:
    lines = []
    for name, rows in pools.items():
        if "skipping" not in rows[0]:
            continue
        skipped = np.mean([row["skipping"]["skipped"] / row["control"] for row in rows])
        cells = [NAMES[name], _percent(skipped)]
        for what in ("counted", "ignored"):
            found = _intervals(rows, "skipping", what)
            cells += [_share(_inside(found)), f"{np.mean(found[:, 2] - found[:, 1]):.3f}"]
        lines.append(f"| {' | '.join(cells)} |\n")
    return (
        "The accuracy where people skip half of the control items whose likeliest class has less than 70% of a chance, "
        "and one in fifty of the others. Skipped items that are not counted make a model look better than it is:\n\n"
        "| Pool | Skipped | Held, counted | Mean width | Held, not counted | Mean width |\n"
        "| --- | --: | --- | --: | --- | --: |\n"
        f"{''.join(lines)}\n"
    )


def _depletion(pools: dict[str, list[Row]]) -> str:
    lines = []
    rows = [*chain.from_iterable(pools.values())]
    for said, low, high in (("up to 15%", 0, 0.15), ("up to 25%", 0.15, 0.25), ("up to 50%", 0.25, 1)):
        part = [row for row in rows if low < row["labels"] / row["items"] <= high]
        cells = [_share(_inside(_intervals(part, what))) for what in ("accuracy", "gain")]
        lines.append(f"| {said} | {' | '.join(cells)} |\n")
    return (
        "The same by how much of the pool was labeled, all pools together:\n\n"
        f"| Labeled | Accuracy held | Gain held |\n| --- | --- | --- |\n{''.join(lines)}\n"
        "`python -m benchmarks.proof --projects 500` goes on from there.\n"
    )


def _intervals(rows: list[Row], *names: str) -> Any:
    """Value, low, high and truth, from where they lie in a row, (projects, 4)."""
    found: list[Any] = list(rows)
    for name in names:
        found = [one[name] for one in found]
    return np.array(found)


def _inside(found: Any) -> list[bool]:
    return [bool(low <= truth <= high) for _, low, high, truth in found]


def _share(held: list[bool]) -> str:
    low, high = wilson(sum(held), len(held))
    return f"{sum(held):,} of {len(held):,}, {_percent(sum(held) / len(held))} [{_percent(low)}, {_percent(high)}]"


def _percent(share: float) -> str:
    return f"{100 * float(share):.1f}%"


def _smooth(sizes: Any, values: Any) -> Any:
    """The mean of the values of projects of like size, weighted by how near they are."""
    near = np.exp(-(((sizes[:, None] - sizes) / NEAR) ** 2) / 2)
    return near @ values / near.sum(1)

"""The public page of the lab: condensed results of several grids, with filters that choose conditions."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

from askance.reports import words
from askance.reports.canvas import COLORS, Frame, color_of
from askance.reports.condensed import Condensed, Condition, Strategy
from askance.reports.figures import Line
from askance.reports.grid_figures import Panel, panel_alone
from askance.reports.markup import Cell, bullets, definitions, heading, paragraph, section, table

NAMED = ("margin", "badge", "typiclust", "entropy", "k-center", "least-confidence", "bald", "drop-query")
FILTERS = (  # what a reader chooses conditions by, and how it is called
    ("preset", "Benchmark"),
    ("domain", "Domain"),
    ("dataset", "Data set"),
    ("encoder", "Encoder"),
    ("learner", "Learner"),
    ("start", "First labels by"),
    ("batch", "Batch size"),
    ("budget", "Budget"),
)
BUDGETS = ((100, "up to 100 labels"), (300, "101 to 300"), (10**9, "more than 300"))
CHART = 300  # pixels that a curve's chart is wide


def published_sections(grids: Sequence[Condensed], about: str = "") -> str:
    """The page's body as markup; without a script it shows everything, unfiltered.

    Args:
        grids: What is published.
        about: A sentence below the title.
    """
    chosen = [(grid, condition) for grid in grids for condition in grid.conditions]
    return "\n".join(
        (
            _head(grids, chosen, about),
            _filters(chosen),
            _standings(grids, chosen),
            _curves(chosen),
            _grids(grids),
            _reading(grids),
            _data(chosen),
        )
    )


def standings(conditions: Sequence[Condition], baseline: str) -> list[dict[str, Any]]:
    """Every strategy over some conditions, best mean gain first; the page's script computes the same.

    The rank is over strategies that have half of the seeds or more under every condition, by areas over the seeds that
    these share; NaN for others, and where there is no rival.

    Args:
        conditions: Any.
        baseline: What gains are over.

    Returns:
        For each strategy ``name``, ``rank``, ``gain``, ``above``, ``level``, ``below``, ``conditions``, ``ranked`` (in
        how many of them it has seeds enough), ``seeds`` (fewest and most), ``seconds``.
    """
    means = [one.shared() for one in conditions]
    count = Counter(name for areas in means for name in areas)
    everywhere = [name for name, times in count.items() if times == len(conditions)]
    ranks: dict[str, list[float]] = {name: [] for name in everywhere}
    for areas in means:
        rivals = [areas[name] for name in everywhere]
        for name in everywhere:
            higher = sum(value > areas[name] for value in rivals)
            ranks[name].append(higher + (1 + sum(value == areas[name] for value in rivals)) / 2)
    rows = []
    for name in dict.fromkeys(name for one in conditions for name in one.strategies):
        own = [one.strategies[name] for one in conditions if name in one.strategies]
        gains = [part.gain for part in own if part.gain is not None]
        verdicts = Counter(part.verdict for part in own)
        seconds = [part.seconds for part in own if part.seconds is not None]
        rows.append(
            {
                "name": name,
                "rank": _mean(ranks[name]) if len(everywhere) > 1 and name in ranks else math.nan,
                "gain": 0.0 if name == baseline else _mean(gains),
                "above": verdicts["above"],
                "below": verdicts["below"],
                "level": verdicts["not different"],
                "conditions": len(own),
                "ranked": count[name],
                "seeds": (min(part.count for part in own), max(part.count for part in own)),
                "seconds": _mean(seconds),
            }
        )
    return sorted(rows, key=lambda row: (-row["gain"] if math.isfinite(row["gain"]) else math.inf, row["name"]))


def _head(grids: Sequence[Condensed], chosen: Sequence[tuple[Condensed, Condition]], about: str) -> str:
    runs = sum(grid.done for grid in grids)
    missing = sum(grid.cells - grid.done for grid in grids)
    names = {name for _, one in chosen for name in one.strategies}
    seeds = [len(one.seeds) for _, one in chosen]
    facts = [
        f"{len(grids)} {'benchmark' if len(grids) == 1 else 'benchmarks'}",
        f"{len(chosen)} conditions",
        f"{len(names)} strategies",
        f"{runs:,} runs" + (f", {missing:,} more not done or failed" if missing > 0 else ""),
        f"{min(seeds)} to {max(seeds)} paired seeds" if min(seeds) < max(seeds) else f"{min(seeds)} paired seeds",
    ]
    base = grids[0].baseline
    rows = standings([one for _, one in chosen], base)
    found = [row for row in rows if row["name"] != base and math.isfinite(row["gain"])]
    wide = [row for row in found if row["ranked"] >= len(chosen) / 2]
    said = [] if found else [f"Nothing is compared: {base} has no run that is paired with another one."]
    if wide:
        best = wide[0]
        said.append(
            f"{best['name']} gains most over {base}: {words.signed(best['gain'])} mean accuracy over the curve."
        )
        said.append(
            f"It is above {base} under {best['above']} of {best['conditions']} conditions and below it under "
            f"{best['below']}. Strategies that have half of the seeds under fewer than half of all conditions were not "
            f"considered."
        )
    never = [row["name"] for row in found if not row["above"] and row["level"] + row["below"]]
    if never:
        said.append(f"Never above {base}, under any condition: {words.listing(never)}.")
    headline, *others = [*said, about] if said else [about]
    return heading("Which strategy, where?", " · ".join(facts), headline, [text for text in others if text])


def _filters(chosen: Sequence[tuple[Condensed, Condition]]) -> str:
    parts = []
    for key, name in FILTERS:
        values = [_value(grid, one, key) for grid, one in chosen]
        choices = sorted(set(values), key=_order)
        if len(choices) > 1:
            options = "".join(f'<option value="{escape(choice)}">{escape(choice)}</option>' for choice in choices)
            parts.append(
                f'<label>{escape(name)} <select data-filter="{key}"><option value="">all</option>{options}</select>'
                "</label>"
            )
    count = f'<p class="count" role="status" aria-live="polite">All {len(chosen)} conditions.</p>'
    return (
        f'<form class="filters" aria-label="Choose conditions" hidden>{"".join(parts)}'
        f'<button type="reset">Show all</button></form>{count}'
    )


def _standings(grids: Sequence[Condensed], chosen: Sequence[tuple[Condensed, Condition]]) -> str:
    base = grids[0].baseline
    found = standings([one for _, one in chosen], base)
    rows: list[list[Cell | str]] = [
        [
            row["name"],
            words.score(row["rank"], 2),
            words.signed(row["gain"]) if row["name"] != base else words.NONE,
            f"{row['above']}, {row['level']}, {row['below']}" if row["name"] != base else words.NONE,
            str(row["conditions"]),
            _span(*row["seeds"]),
            words.seconds(row["seconds"]),
        ]
        for row in found
    ]
    heads = ["Strategy", "Average rank", f"Gain over {base}", "Above, level, below", "Conditions", "Seeds"]
    heads += ["Seconds a run"]
    caption = (
        f"Gain: mean difference to {base} of the area under the learning curve, paired by seed, averaged over the "
        f"conditions shown. Above, level and below count conditions by the paired t-test with Holm; one with a single "
        f"pair is not tested. The rank is over the strategies that have half of the seeds or more under all conditions "
        f"shown, by the seeds that these share."
    )
    shown = table(caption, heads, rows, "standings", ["baseline" if row["name"] == base else "" for row in found])
    return section("Standings", shown)


def _curves(chosen: Sequence[tuple[Condensed, Condition]]) -> str:
    base = chosen[0][0].baseline
    there = {name for _, one in chosen for name in one.strategies}
    colors: dict[str, int | None] = {
        name: number for number, name in enumerate(name for name in NAMED if name in there)
    } | {base: None}
    key = "".join(
        f'<span class="key" style="--c:{color_of(color)}">{escape(name)}</span>' for name, color in colors.items()
    )
    bound = f'<span class="key bound" style="--c:{color_of(2 * COLORS - 1)}">upper bounds</span>'
    above = bound if any(one.bounds for _, one in chosen) else ""
    charts = "".join(_chart(number, grid, one, colors) for number, (grid, one) in enumerate(chosen))
    about = paragraph(
        "Mean accuracy over seeds against the labels known, with 95% intervals. Other strategies are drawn thin and "
        "grey; point at a line for its name."
    )
    return section("Learning curves", about, f'<p class="keys">{key}{above}</p><div class="charts">{charts}</div>')


def _chart(number: int, grid: Condensed, one: Condition, colors: dict[str, int | None]) -> str:
    shown, context = [], []
    for name, part in one.strategies.items():
        line = _line(name, one.labels, part, colors.get(name))
        if name in colors:
            shown.append(line)
        else:
            context.append(replace(line, low=(), high=()))
    shown.sort(key=lambda line: list(colors).index(line.name))
    shown += [
        replace(_line(name, one.labels, part, 2 * COLORS - 1), low=(), high=()) for name, part in one.bounds.items()
    ]
    areas = one.shared()
    best = f"Largest area over shared seeds: {max(areas, key=lambda name: areas[name])}." if areas else ""
    title = f"{one.dataset}, {', '.join(_facts(one))}"
    frame = Frame(f"c{number}", title, best, CHART)
    drawn = panel_alone(frame, Panel(title, shown, context), "labels", "accuracy")
    counts = [part.count for part in one.strategies.values()]
    facts = f"{', '.join(_facts(one))}; {_span(min(counts), max(counts))} seeds"
    return (
        f'<figure data-condition="{number}"><figcaption><b>{escape(one.dataset)}</b> {escape(facts)}</figcaption>'
        f"{drawn}</figure>"
    )


def _span(fewest: int, most: int) -> str:
    return str(most) if fewest == most else f"{fewest} to {most}"


def _facts(one: Condition) -> list[str]:
    """What tells a condition from others of its data set."""
    encoder = [] if one.encoder == "default" else [one.encoder]
    start = [] if one.start in ("random", "per-class") else [f"first by {one.start}"]
    return [*encoder, one.learner, *start, f"batch {one.batch}"]


def _line(name: str, labels: Sequence[float], part: Strategy, color: int | None) -> Line:
    mean, low, high = (_numbers(values) for values in (part.curve, part.low, part.high))
    return Line(name, list(labels), mean, low, high, color)


def _grids(grids: Sequence[Condensed]) -> str:
    rows: list[list[Cell | str]] = [
        [
            grid.title,
            f"{len(grid.conditions)} conditions",
            f"{grid.done:,} of {grid.cells:,} runs",
            f"{grid.date}; {', '.join(f'{name} {version}' for name, version in grid.versions.items())}",
        ]
        for grid in grids
    ]
    said = [f"{grid.title}: {text}" for grid in grids for text in grid.said]
    notes = f"<details><summary>What failed, is missing, or must be known</summary>{bullets(said)}</details>"
    return section("What was run", table("", [], rows, "words"), notes if said else "")


def _reading(grids: Sequence[Condensed]) -> str:
    base = grids[0].baseline
    pairs = [
        (
            "Condition",
            "A data set with everything that is the same for all strategies: encoder, learner, first labels, batch "
            "size, budget.",
        ),
        (
            "What averages over conditions say",
            f"They weigh every condition alike, and conditions of one data set resemble each other: choose a batch "
            f"size or a data set before you read much into them. Per condition, pairs of seeds tell a strategy from "
            f"{base}.",
        ),
        (
            "Upper bounds",
            "They read the test set and the labels of items that nobody asked for. They show how much room there is "
            "and are ranked nowhere.",
        ),
    ]
    return section("How to read the numbers", definitions(pairs))


def _data(chosen: Sequence[tuple[Condensed, Condition]]) -> str:
    """What the script needs, as JSON that no markup can end."""
    base = chosen[0][0].baseline
    rows = []
    for grid, one in chosen:
        areas = one.shared()
        parts = {
            name: [areas.get(name), part.gain, part.verdict, part.seconds, part.count]
            for name, part in one.strategies.items()
        }
        rows.append({"is": {key: _value(grid, one, key) for key, _ in FILTERS}, "of": parts})
    text = json.dumps({"baseline": base, "conditions": rows}, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c")
    return f'<script type="application/json" id="published">{text}</script>'


def _value(grid: Condensed, one: Condition, key: str) -> str:
    """What a condition is, for a filter."""
    if key == "preset":
        return grid.title
    if key == "budget":
        return next(name for most, name in BUDGETS if one.budget <= most)
    return str(getattr(one, key))


def _order(value: str) -> tuple[int, str]:
    budget = next((number for number, (_, name) in enumerate(BUDGETS) if name == value), 0)
    return (int(value) if value.isdigit() else budget, value)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan

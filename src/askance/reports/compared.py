"""The sections of an experiment's page: what won, what lost, and what the strategies did differently."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from askance.reports import figures, picks, words
from askance.reports.canvas import COLORS, Frame
from askance.reports.figures import Bar, Dot, Line
from askance.reports.markup import Cell, bullets, definitions, figure, heading, paragraph, section, table
from askance.reports.results import Comparison, Curve, Results, Row

_STEPS = ("training", "signals", "selection")


def comparison_sections(results: Results, comparison: Comparison) -> str:
    """The page's body as markup."""
    colors = _colors(comparison)
    found = [
        _head(results, comparison),
        _curves(results, comparison, colors),
        _gaps(results, comparison, colors),
        _table(results, comparison),
        _overlap(results, comparison),
        _balance(results, comparison),
        _time(comparison),
        _settings(results, comparison),
        _reading(results, comparison),
    ]
    return "\n".join(found)


def _head(results: Results, comparison: Comparison) -> str:
    headline, *others = words.findings(comparison, results.metric)
    name = results.dataset.get("name")
    seeds = len({run.seed for run in results.runs})
    known = [run.labels for run in results.runs]
    facts = [
        f"Data set {name}" if name else "",
        _count(len(results.strategies), "strategy", "strategies"),
        _count(seeds, "seed", "seeds"),
        f"{min(counts[0] for counts in known):,} to {max(counts[-1] for counts in known):,} labels" if known else "",
    ]
    return heading(results.title, " · ".join(fact for fact in facts if fact), headline, others)


def _curves(results: Results, comparison: Comparison, colors: dict[str, int | None]) -> str:
    title = "Learning curves"
    if not comparison.curves:
        return section(title, paragraph("There are no curves: no run has two scores."))
    drawn = [_as_line(curve, colors) for curve in reversed(comparison.curves)]  # the best are drawn last, on top
    band = "; bands are 95% intervals of the mean" if any(curve.count > 1 for curve in comparison.curves) else ""
    caption = f"Mean {results.metric} over seeds against the labels known{band}."
    if len(drawn) > COLORS + 1:
        caption += " With this many lines a band shows when its line is pointed at."

    def draw(frame: Frame) -> str:
        return figures.lines(frame, drawn, "labels", results.metric)

    about = "; ".join(f"{c.strategy} ends at {words.score(c.mean[-1])}" for c in comparison.curves)
    return section(title, figure("curves", title, about, caption, draw, _numbers(comparison.curves, results.metric)))


def _gaps(results: Results, comparison: Comparison, colors: dict[str, int | None]) -> str:
    title = f"Difference to {comparison.baseline}"
    if not comparison.gaps:
        return section(
            title, paragraph(f"Nothing to show: no run shares its seed with a run of {comparison.baseline}.")
        )
    drawn = [_as_line(curve, colors) for curve in reversed(comparison.gaps)]
    rows = [row for row in comparison.rows if row.difference and row.difference.count]
    spots = [
        Dot(
            row.strategy,
            row.difference.mean,
            row.difference.low,
            row.difference.high,
            colors[row.strategy],
            f"{words.signed(row.difference.mean)} {words.span(row.difference)}".strip(),
        )
        for row in rows
        if row.difference
    ]
    whole = f"difference in mean {results.metric} over the whole curve"
    over = figure(
        "areas",
        f"{title}, over the whole curve",
        "; ".join(f"{spot.name} {spot.label}" for spot in spots),
        f"The {whole}, paired by seed, with its 95% interval. Right of the dashed line is better.",
        lambda frame: figures.dots(frame, spots, whole if frame.width > 600 else ""),
    )
    along = figure(
        "gaps",
        f"{title}, along the curve",
        "; ".join(f"{gap.strategy} ends at {words.signed(gap.mean[-1])}" for gap in comparison.gaps),
        f"The same difference at each number of labels. Above the dashed line is better than {comparison.baseline}.",
        lambda frame: figures.lines(frame, drawn, "labels", f"difference in {results.metric}", comparison.baseline),
        _numbers(comparison.gaps, f"difference in {results.metric}", sign=True),
    )
    return section(title, over, along)


def _table(results: Results, comparison: Comparison) -> str:
    base = comparison.baseline
    heads = [
        "Strategy",
        f"Mean {results.metric}",
        f"Final {results.metric}",
        f"Difference to {base}",
        "p (Holm)",
        "Won, lost, tied",
        "Labels saved, end",
        "Labels saved, midway",
    ]
    caption = (
        f"All strategies, best first. In small print: 95% intervals, and below p the same paired t-test without "
        f"adjustment (t) and Wilcoxon’s test (W). Seeds won, lost and tied are those against {base}."
    )
    rows = [_table_row(row, base) for row in comparison.rows]
    marks = [row.verdict if row.verdict in ("above", "below", "baseline") else "" for row in comparison.rows]
    return section("All numbers", table(caption, heads, rows, marks=marks), bullets(comparison.said))


def _table_row(row: Row, base: str) -> list[Cell | str]:
    gap = row.difference if row.verdict != "baseline" else None
    saved = {entry.where: words.labels_saved(entry).split(" ", 1) for entry in row.saved}
    tests = f"t {words.p_value(row.p)}, W {words.p_value(row.p_wilcoxon)}" if math.isfinite(row.p) else ""
    return [
        Cell(row.strategy, words.verdict(row, base)),
        Cell(words.score(row.area.mean, 4), words.between(row.area)),
        Cell(words.score(row.final.mean, 4), words.between(row.final)),
        Cell(words.signed(gap.mean), words.span(gap)) if gap else words.NONE,
        Cell(words.p_value(row.p_holm), tests),
        f"{row.wins}, {row.losses}, {row.ties}" if gap else words.NONE,
        *(Cell(*saved[where]) if where in saved else words.NONE for where in ("end", "midway")),
    ]


def _overlap(results: Results, comparison: Comparison) -> str:
    title = "Do they pick the same items?"
    names = [row.strategy for row in comparison.rows]
    place = {name: k for k, name in enumerate(results.strategies)}
    found = picks.overlap(results)
    values = [[found[place[one]][place[other]] for other in names] for one in names]
    if not any(math.isfinite(value) for row in values for value in row):
        return section(title, paragraph("The runs hold no picks that could be compared."))
    blind = picks.chance(results)
    by_chance = f" Two blind samples would share {blind:.2f}." if math.isfinite(blind) else ""
    caption = (
        f"Shared items over all items that two strategies picked (Jaccard overlap), averaged over the seeds they "
        f"share.{by_chance} Outlined: one strategy over pairs of its seeds."
    )

    def draw(frame: Frame) -> str:
        return figures.heat(frame, names, names, values, words.share, lambda row, column: row == column)

    numbers = table(
        "Overlap of picks",
        ["", *names],
        [[name, *map(words.share, row)] for name, row in zip(names, values, strict=True)],
    )
    return section(title, figure("overlap", title, caption, caption, draw, numbers))


def _balance(results: Results, comparison: Comparison) -> str:
    title = "Which classes do they pick?"
    rows = [
        (row.strategy, picks.shares([r for r in results.runs if r.strategy == row.strategy])) for row in comparison.rows
    ]
    rows = [(name, shares) for name, shares in rows if shares]
    if not rows:
        return section(title, paragraph("The runs do not say of which class the picks were."))
    size = len(rows[0][1])
    names = [str(name) for name in results.dataset.get("classes") or []]
    names = names if len(names) == size else [f"class {k}" for k in range(size)]
    balance = results.dataset.get("balance")
    pool = ""
    if balance and len(balance) == size and sum(balance):
        rows.insert(0, ("the pool", [count / sum(balance) for count in balance]))
        pool = " The first row is the pool itself."
    even = "; ".join(f"{name} {picks.evenness(shares):.3f}" for name, shares in rows)
    caption = (
        f"Share of each class among all picks, in percent, over all seeds.{pool} "
        f"Evenness (entropy over its maximum; 1 is an even split): {even}."
    )

    def draw(frame: Frame) -> str:
        text = partial(words.percent, digits=1 if frame.width > 600 else 0)
        return figures.heat(frame, [name for name, _ in rows], names, [shares for _, shares in rows], text)

    numbers = table(
        "Share of each class, in percent",
        ["", *names, "evenness"],
        [[name, *map(words.percent, shares), f"{picks.evenness(shares):.3f}"] for name, shares in rows],
    )
    return section(title, figure("balance", title, caption, caption, draw, numbers))


def _time(comparison: Comparison) -> str:
    title = "Where does the time go?"
    rows = [row for row in comparison.rows if sum(row.seconds.values()) > 0]
    if not rows:
        return section(title, paragraph("The runs hold no times."))
    steps = [*_STEPS, *sorted({step for row in rows for step in row.seconds} - set(_STEPS))]
    drawn = [
        Bar(
            row.strategy,
            [row.seconds.get(step, 0.0) for step in steps],
            f"{words.seconds(sum(row.seconds.values()))} s",
        )
        for row in rows
    ]
    numbers = table(
        "Seconds of a whole run, mean over seeds",
        ["Strategy", *steps],
        [[row.strategy, *(words.seconds(row.seconds.get(step, math.nan)) for step in steps)] for row in rows],
    )
    about = "; ".join(f"{bar.name} {bar.label}" for bar in drawn)
    caption = "Seconds of a whole run, mean over seeds: fitting models, computing what the strategy looks at, choosing."
    return section(
        title, figure("time", title, about, caption, lambda frame: figures.bars(frame, drawn, steps), numbers)
    )


def _settings(results: Results, comparison: Comparison) -> str:
    facts = [(f"data set: {key}", value) for key, value in results.dataset.items()] + list(results.settings.items())
    parts = [table("What was run", [], [[key, _value(value)] for key, value in facts], "words")]
    if results.versions:
        parts.append(table("Versions", [], [[name, version] for name, version in results.versions.items()], "words"))
    parts.append(bullets(results.said))
    return section("Settings, versions and remarks", *parts)


def _reading(results: Results, comparison: Comparison) -> str:
    base, metric = comparison.baseline, results.metric
    pairs = [
        (
            f"Mean {metric}",
            f"Area under the learning curve divided by the labels bought: the {metric} one has on average on the way.",
        ),
        (
            "Interval",
            "Student’s 95% interval of a mean over seeds. Intervals of differences are those of paired differences, "
            "so two overlapping bands may still differ clearly.",
        ),
        (
            "p (Holm)",
            f"Paired t-test of the areas against {base}, seed by seed, adjusted for the number of strategies compared. "
            f"Above or below {base} means less than 0.05.",
        ),
        (
            "Labels saved",
            f"How many labels fewer than {base} a strategy needs for the score that {base} has at its end, or midway. "
            "Mean curves are made to rise first, so that a lucky bump saves nothing. Minus means it costs more labels; "
            "“never” means the score was not reached with the labels bought. The interval resamples the seeds.",
        ),
        (
            "What this does not say",
            "Seeds stand for other draws from this data set with this learner. Another data set, learner or batch size "
            "may order the strategies differently.",
        ),
    ]
    return section("How to read the numbers", definitions(pairs))


def _colors(comparison: Comparison) -> dict[str, int | None]:
    """A color for each strategy, the same in every figure; the baseline has none."""
    names = [row.strategy for row in comparison.rows if row.verdict != "baseline"]
    return {row.strategy: None for row in comparison.rows} | {name: k for k, name in enumerate(names)}


def _as_line(curve: Curve, colors: dict[str, int | None]) -> Line:
    return Line(curve.strategy, curve.labels, curve.mean, curve.low, curve.high, colors[curve.strategy])


def _numbers(curves: list[Curve], what: str, sign: bool = False) -> str:
    """Labels down, strategies across."""
    labels = sorted({x for curve in curves for x in curve.labels})
    at = [dict(zip(curve.labels, curve.mean, strict=True)) for curve in curves]
    text = words.signed if sign else words.score
    rows = [[f"{x:,g}", *(text(means.get(x, math.nan)) for means in at)] for x in labels]
    return table(f"Mean {what}", ["Labels", *(curve.strategy for curve in curves)], rows)


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) > 3 and value == [*range(len(value))]:
        return f"0 to {len(value) - 1}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"

"""The sections of a grid's page: who beats the baseline where, how sure that is, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from askance.reports import figures, words
from askance.reports.across import Across, Method
from askance.reports.canvas import COLORS, WIDE, Frame
from askance.reports.figures import Line
from askance.reports.grid_figures import Panel, Ranked, Spot, cost_chart, panels, rank_diagram
from askance.reports.markup import Cell, bullets, definitions, figure, heading, paragraph, section, table
from askance.reports.results import Comparison

Drawings = dict[str, Callable[[Frame], str]]

SHOWN = 7  # methods with a color of their own; more cannot be told apart


def grid_sections(across: Across) -> str:
    """The page's body as markup."""
    found = drawings(across)
    return "\n".join(
        part
        for part in (
            _head(across),
            _ranks(across, found),
            _table(across),
            _curves(across, found),
            _rooms(across),
            _against(across, found),
            _cost(across, found),
            _why(across, found),
            _seeds(across),
            _settings(across),
            _reading(across),
        )
        if part
    )


def drawings(across: Across) -> Drawings:
    """Every figure of the page by name, as a function that draws it: for files of their own."""
    colors = _colors(across)
    ranked = [Ranked(m.name, m.rank, colors.get(m.name)) for m in across.methods if math.isfinite(m.rank)]
    found: Drawings = {}
    if len(ranked) > 1:
        found["ranks"] = lambda frame: rank_diagram(frame, ranked, across.cliques, across.critical)
    charts = [_chart(name, comparison, colors) for name, (_, comparison) in across.conditions.items()]
    if charts:
        found["curves"] = lambda frame: panels(frame, charts, "labels", "accuracy")
    spots = _spots(across, colors)
    if len(spots) > 1:
        found["cost"] = lambda frame: cost_chart(frame, spots, "seconds of a run", f"gain over {across.baseline}")
    overlaps = [chart for other in ("margin", "random") if (chart := _overlap(across, other, colors)).lines]
    if overlaps:
        found["overlap"] = lambda frame: panels(frame, overlaps, "round", "overlap")
    if len(across.methods) > 1:
        names = across.names
        found["wins"] = lambda frame: figures.heat(frame, names, names, across.wins, words.share)
        found["penalties"] = lambda frame: figures.heat(
            frame, [*names, "mean"], names, [*across.penalties, _means(across)], words.share
        )
    return found


def _head(across: Across) -> str:
    missing = across.cells - across.done
    seeds = {run.seed for results, _ in across.conditions.values() for run in results.runs}
    facts = [
        words.count(len(across.conditions), "condition", "conditions"),
        words.count(len(across.datasets), "data set", "data sets"),
        words.count(len(across.methods), "strategy", "strategies"),
        words.count(len(seeds), "seed", "seeds"),
        f"{across.done:,} runs" + (f", {missing:,} of {across.cells:,} missing or failed" if missing > 0 else ""),
    ]
    headline, *others = grid_findings(across)
    return heading(across.title, " · ".join(facts), headline, others)


def grid_findings(across: Across) -> list[str]:
    """The result in sentences; the first one is the headline."""
    base = across.baseline
    compared = [m for m in across.methods if m.name != base and m.conditions]
    if not compared:
        return [f"Nothing is compared: {base} has no run that is paired with another one."]
    conditions = len(across.conditions)
    everywhere = [m for m in compared if m.above == conditions]
    named = words.listing([m.name for m in everywhere[:4]])
    where = "on the one condition there is" if conditions == 1 else f"under all {conditions} conditions"
    if not any(m.tested for m in compared):
        said = [f"Nothing is tested yet: a test takes at least two seeds that {base} has too."]
    elif 0 < len(everywhere) <= 4:
        said = [f"{named} {'beats' if len(everywhere) == 1 else 'beat'} {base} {where}."]
    else:
        said = [
            f"{len(everywhere) or 'None'} of {len(compared)} strategies beat{'' if everywhere else 's'} {base} {where}."
        ]
    narrow = [m for m in compared if 2 * m.conditions < conditions]
    wide = [m for m in compared if 2 * m.conditions >= conditions]
    best = max((m for m in wide if m.gain), key=lambda m: m.gain.mean if m.gain else 0.0, default=None)
    if best is not None and best.gain is not None:
        said.append(
            f"{best.name} gains most on average: {words.signed(best.gain.mean)} mean accuracy over the curve"
            + (f" (95% interval over data sets and seeds {words.span(best.gain)})." if best.gain.count > 1 else ".")
            + (" Strategies compared under fewer than half of the conditions were not considered." if narrow else "")
        )
    if math.isfinite(across.friedman_p):
        verb = "differ" if across.friedman_p < 0.05 else "cannot be told apart"
        said.append(
            f"Over {across.ranked} data sets the ranks of the strategies {verb} (Friedman, Iman and Davenport’s F, p "
            f"{words.p_value(across.friedman_p)})."
        )
        if across.least_p >= 0.05:
            said.append(
                f"With so few data sets no pair can differ by Wilcoxon’s test after Holm: its least p is "
                f"{words.p_value(across.least_p)}. Per condition, over seeds, they can."
            )
    if across.never:
        said.append(f"Never above {base}, under any condition: {words.listing(across.never)}.")
    return said


def _ranks(across: Across, found: Drawings) -> str:
    draw = found.get("ranks")
    if draw is None:
        return ""
    about = "; ".join(f"{m.name} {m.rank:.2f}" for m in across.methods if math.isfinite(m.rank))
    caption = f"Average rank over {words.count(across.ranked, 'data set', 'data sets')}, 1 is best. "
    if across.least_p < 0.05:
        caption += (
            "A bar joins strategies no two of which differ by Wilcoxon’s signed ranks over data sets, adjusted by "
            "Holm, at 0.05."
        )
    else:
        caption += (
            "No bar joins strategies that do not differ: so few data sets cannot tell any two apart by Wilcoxon’s "
            "signed ranks, adjusted by Holm, at 0.05, whatever the results."
        )
    return section("Ranks", figure("ranks", "Average ranks", about, caption, draw))


def _table(across: Across) -> str:
    base = across.baseline
    heads = ["Strategy", "Average rank", "Mean area", f"Gain over {base}", "Above, level, below", "Better, same, worse"]
    heads += ["Penalty", "Seconds a run"]
    rows = [_row(m) for m in across.methods]
    marks = ["baseline" if m.name == base else "above" if m.above and not m.below else "" for m in across.methods]
    caption = (
        f"All strategies, best rank first. Above, level and below count conditions in which the paired test over "
        f"seeds, adjusted for the strategies compared, tells a strategy from {base}; one with a single pair is not "
        f"tested."
    )
    shown = table(caption, heads, rows, marks=marks)
    never = ""
    if across.never:
        never = section(
            f"Never beat {base}",
            paragraph(f"Under none of the conditions did these come out above {base}, given the seeds that were run."),
            bullets([_loss(m, base) for m in across.methods if m.name in across.never]),
        )
    return section("All strategies", shown, _areas(across), bullets(across.said)) + never


def _loss(method: Method, base: str) -> str:
    gain = f"{words.signed(method.gain.mean)} {words.span(method.gain)}" if method.gain else words.NONE
    below = f", below {base} in {method.below} of {method.tested}" if method.below else ""
    return f"{method.name}: {gain}{below}"


def _row(method: Method) -> list[Cell | str]:
    gain = method.gain
    beliefs = method.beliefs
    return [
        method.name,
        words.score(method.rank, 2),
        words.score(method.area, 4),
        Cell(words.signed(gain.mean), words.span(gain)) if gain else words.NONE,
        f"{method.above}, {method.level}, {method.below}" if gain else words.NONE,
        f"{beliefs[2]:.2f}, {beliefs[1]:.2f}, {beliefs[0]:.2f}" if beliefs else words.NONE,
        words.score(method.penalty, 2),
        words.seconds(method.seconds),
    ]


def _areas(across: Across) -> str:
    """Differences of every condition, folded away."""
    names = list(across.conditions)
    rows = []
    for method in across.methods:
        cells: list[Cell | str] = [method.name]
        for _, comparison in across.conditions.values():
            row = next((row for row in comparison.rows if row.strategy == method.name), None)
            if row is None:
                cells.append("failed")
            elif row.difference is None or row.verdict == "baseline":
                cells.append(words.score(row.area.mean, 4))
            else:
                cells.append(Cell(words.signed(row.difference.mean), words.span(row.difference), row.verdict))
        rows.append(cells)
    shown = table(
        f"Gain over {across.baseline} in each condition; the baseline’s own row is its area", ["Strategy", *names], rows
    )
    return f"<details><summary>Every condition</summary>{shown}</details>"


def _curves(across: Across, found: Drawings) -> str:
    draw = found.get("curves")
    if draw is None:
        return ""
    others = len(across.methods) - len(_colors(across))
    caption = "Mean accuracy over seeds against the labels known, with 95% intervals, cut where they are much wider."
    if others > 0:
        caption += f" The {words.count(others, 'other strategy is', 'others are')} drawn thin and grey."
    about = "; ".join(
        f"{name}: best {comparison.rows[0].strategy}" for name, (_, comparison) in across.conditions.items()
    )
    return section("Learning curves", figure("curves", "Learning curves", about, caption, draw))


def _rooms(across: Across) -> str:
    if not across.rooms:
        return ""
    rows: list[list[Cell | str]] = []
    for room in across.rooms:
        gap, closed = room.area.mean - room.base, room.best_area - room.base
        rows.append(
            [
                Cell(room.condition, f"{room.bound}, {words.count(room.seeds, 'seed', 'seeds')}"),
                Cell(words.score(room.area.mean), words.between(room.area, 3)),
                words.score(room.base),
                Cell(words.score(room.best_area), room.best),
                words.share(closed / gap) if gap > 0 else words.NONE,
            ]
        )
    heads = ["Condition", "Upper bound", across.baseline, "Best strategy", "Share of the room"]
    caption = (
        f"Areas on the seeds that upper bound and strategies share. The last column is how much of the way from "
        f"{across.baseline} to the upper bound the best strategy goes; which one that is, test data said too."
    )
    about = paragraph(
        "Upper bounds read the test set and the labels of items that nobody asked for. They say how much room there "
        "is; they are ranked nowhere, and nothing is chosen by them."
    )
    return section("How much room is there?", about, table(caption, heads, rows))


def _against(across: Across, found: Drawings) -> str:
    if "wins" not in found:
        return ""
    names = across.names
    numbers = table(
        "Win rates", ["", *names], [[n, *map(words.share, row)] for n, row in zip(names, across.wins, strict=True)]
    )
    wins = figure(
        "wins",
        "Win rates",
        "How often the row is above the column.",
        "How often the strategy of a row has a larger area than that of a column, over paired seeds, averaged over "
        "conditions; a tie counts half.",
        found["wins"],
        numbers,
    )
    lost = figure(
        "penalties",
        "Pairwise penalties",
        "How often the row beats the column by a paired t-test.",
        f"How often a row beats a column by a two-sided paired t-test at 0.05, over the points of the curve, added up "
        f"over conditions: at most {len(across.conditions)}. The last row is the mean of each column: what a strategy "
        f"loses on the whole, less is better.",
        found["penalties"],
    )
    return section("Against each other", wins, lost)


def _cost(across: Across, found: Drawings) -> str:
    draw = found.get("cost")
    if draw is None:
        return ""
    about = "; ".join(f"{m.name} {words.seconds(m.seconds)} s" for m in across.methods)
    caption = (
        f"Mean gain over {across.baseline} against the seconds of a whole run: fitting, what the strategy looks at, "
        f"choosing. Point at a spot for its name."
    )
    drawn = figure("cost", "Cost beside gain", about, caption, draw)
    heads = ["Strategy", "Seconds of a run", "Training", "Signals", "Selection", "Trainings that diverged"]
    rows = [
        [m.name, words.seconds(m.seconds), *(words.seconds(part) for part in m.parts.values()), str(m.diverged)]
        for m in across.methods
    ]
    return section("Cost beside gain", drawn, table("Where the time of a run goes, in seconds", heads, rows))


def _why(across: Across, found: Drawings) -> str:
    heads = [
        "Strategy",
        "Shares with margin",
        "Shares with random",
        "Evenness of classes",
        "Own utility, first and last round",
    ]
    rows = [
        [m.name, words.share(m.margin), words.share(m.random), words.share(m.evenness), _wanted(m)]
        for m in across.methods
    ]
    caption = (
        "Overlap (shared items over all items) of what a strategy picked with what margin and random picked under the "
        "same seed, and how even the classes of its picks are: 1 is an even split. A strategy that shares nothing with "
        "margin and little with random looks elsewhere; one whose classes are less even than random’s leaves some out. "
        "The last column is how much a strategy wanted its picks by its own measure, which is no other’s: one that "
        "falls to nothing has run out of what it looks for."
    )
    drawn = ""
    draw = found.get("overlap")
    if draw is not None:
        said = "Overlap of all that was picked up to each round with what margin and random picked under the same seed."
        drawn = figure("overlap", "Overlap round by round", said, said, draw)
    return section("What do they pick?", drawn, table(caption, heads, rows))


def _wanted(method: Method) -> str:
    first, last = method.wanted
    return f"{first:.3g} → {last:.3g}" if math.isfinite(first) and math.isfinite(last) else "–"


def _seeds(across: Across) -> str:
    parts = []
    if across.trust:
        rows = [[f"{t.seeds} seeds", words.percent(t.wrong), words.score(t.tau, 2)] for t in across.trust]
        parts.append(
            table(
                "If only so many seeds had been run: how many pairs of strategies would have come out the other way "
                "round than with all seeds, and how far the orders agree",
                ["", "Pairs in the wrong order, %", "Kendall’s tau"],
                rows,
            )
        )
    if across.enough:
        said = [
            f"{name}: {f'{seeds:,} seeds' if seeds is not None else 'thousands, or none would do'}"
            for name, seeds in across.enough.items()
        ]
        parts.append(
            f"<details><summary>Seeds that order a strategy and {across.baseline} rightly with 95%, "
            f"under every condition</summary>{bullets(said)}</details>"
        )
    if across.alarms:
        rate, low, high = across.alarms
        parts.append(
            paragraph(
                f"One method against itself: its runs dealt into halves differ by the test in {words.percent(rate)}% "
                f"of the deals [{words.percent(low)}, {words.percent(high)}], where 5% is what the test promises."
            )
        )
    return section("How many seeds are enough?", *parts) if parts else ""


def _settings(across: Across) -> str:
    facts = []
    for name, (results, _) in across.conditions.items():
        shown = {k: v for k, v in results.settings.items() if k not in ("strategies", "seeds")}
        facts.append([name, ", ".join(f"{key} {_value(value)}" for key, value in shown.items())])
    versions = {pair for results, _ in across.conditions.values() for pair in results.versions.items()}
    parts = [table("What was run", [], facts, "words")]
    if versions:
        parts.append(table("Versions", [], [[name, version] for name, version in sorted(versions)], "words"))
    return section("Settings and versions", *parts)


def _reading(across: Across) -> str:
    pairs = [
        (
            "Condition",
            "A data set with everything that is the same for all strategies: learner, first labels, batch size. Those "
            "of one data set are no independent data sets: they are averaged before ranks, intervals and tests over "
            "data sets.",
        ),
        (
            "Gain",
            f"Difference of the areas under the learning curves, paired by seed, against {across.baseline}. The "
            "conditions of one data set are averaged for each seed, so that a data set counts once. The interval draws "
            "data sets again, then seeds within them, and is as wide as Student’s of the data sets’ means.",
        ),
        (
            "Better, same, worse",
            "Bayesian signed-rank test over data sets: how likely a strategy is better, as good within half a percent "
            "of accuracy, or worse.",
        ),
        ("Penalty", "The mean of the strategy’s column of pairwise penalties: how often it is beaten. Less is better."),
        (
            "What this does not say",
            "Data sets stand for others like them, with these learners. A data set is the unit: many seeds or "
            "conditions on few data sets say much of these, and little of others.",
        ),
    ]
    return section("How to read the numbers", definitions(pairs))


def _colors(across: Across) -> dict[str, int | None]:
    """A color for the best few, and for those that people look for; the baseline has none of its own."""
    wanted = [m.name for m in across.methods if m.name != across.baseline]
    known = [name for name in ("margin", "badge") if name in wanted[SHOWN:]]
    chosen = [*wanted[: SHOWN - len(known)], *known]
    found: dict[str, int | None] = {name: number % COLORS for number, name in enumerate(chosen)}
    return found | ({across.baseline: None} if across.baseline in across.names else {})


def _chart(name: str, comparison: Comparison, colors: dict[str, int | None]) -> Panel:
    shown, context = [], []
    for curve in reversed(comparison.curves):
        line = Line(curve.strategy, curve.labels, curve.mean, curve.low, curve.high, colors.get(curve.strategy))
        if curve.strategy in colors:
            shown.append(line)
        else:
            context.append(replace(line, low=(), high=()))
    order = list(colors)
    bounds = [
        Line(curve.strategy, curve.labels, curve.mean, color=COLORS * (number + 1) + COLORS - 1)
        for number, curve in enumerate(comparison.bounds)
    ]  # a dash of their own
    return Panel(name, [*sorted(shown, key=lambda line: order.index(line.name)), *bounds], context)


def _overlap(across: Across, other: str, colors: dict[str, int | None]) -> Panel:
    """Overlaps with one strategy, round by round; its own is left out."""
    shown = [
        Line(m.name, list(range(1, len(m.along[other]) + 1)), m.along[other], color=colors[m.name])
        for m in across.methods
        if m.name in colors and m.name != other and m.along[other]
    ]
    order = list(colors)
    return Panel(f"shared with {other}", sorted(shown, key=lambda line: order.index(line.name)))


def _spots(across: Across, colors: dict[str, int | None]) -> list[Spot]:
    found = []
    for m in across.methods:
        gain = 0.0 if m.name == across.baseline else m.gain.mean if m.gain else math.nan
        if math.isfinite(gain) and m.seconds > 0:
            label = f"{words.signed(gain)}, {words.seconds(m.seconds)} s"
            found.append(Spot(m.name, m.seconds, gain, colors.get(m.name), label))
    return found


def _means(across: Across) -> list[float]:
    return [method.penalty for method in across.methods]


def _value(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={part}" for key, part in value.items())
    return str(value)


def standalone(draw: Callable[[Frame], str], name: str, title: str, style: str) -> str:
    """A figure as an SVG file of its own, with the colors of the page."""
    svg = draw(Frame(name, title, title, WIDE))
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
        ">", f"><style>{style}</style>", 1
    )

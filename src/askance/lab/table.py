"""The comparison as a table: aligned text for a terminal, Markdown, and CSV with every number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from askance.reports import words
from askance.reports.results import Comparison, Row

_SAVED = ("end", "midway")


def as_text(comparison: Comparison) -> str:
    """Aligned columns, about 100 characters wide, with what was left out below; losses are printed like wins."""
    heads, rows = _columns(comparison, spread=True)
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [_aligned(heads, widths), "─" * (sum(widths) + 2 * len(widths) - 2)]
    lines += [_aligned(row, widths) for row in rows]
    notes = ["± and [ ]: 95% intervals over seeds; p: paired t-test, adjusted by Holm's method."] if rows else []
    return "\n".join([*lines, "", *notes, *comparison.said]).rstrip() + "\n"


def as_markdown(comparison: Comparison) -> str:
    """A Markdown table, with what was left out below it."""
    heads, rows = _columns(comparison, spread=False)
    marks = [":--", *["--:"] * (len(heads) - 2), ":--"]
    lines = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in [heads, marks, *rows]]
    said = [f"\n{sentence}" for sentence in comparison.said]
    return "\n".join([*lines, *said]) + "\n"


def as_csv(comparison: Comparison) -> str:
    """Every number, unrounded; an empty field is "there is none", and ``never`` is a score that was not reached."""
    steps = list(dict.fromkeys(step for row in comparison.rows for step in row.seconds))
    heads = ["strategy", "verdict", "baseline", "seeds"]
    for name in ("area", "final", "difference"):
        heads += [name, f"{name}_low", f"{name}_high"]
    heads += ["pairs", "p", "p_holm", "p_wilcoxon", "wins", "losses", "ties"]
    for where in _SAVED:
        heads += [f"saved_{where}", f"saved_{where}_low", f"saved_{where}_high"]
    heads += [f"seconds_{step}" for step in steps]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    for row in comparison.rows:
        writer.writerow([_field(value) for value in _values(row, comparison.baseline, steps)])
    return text.getvalue()


def _columns(comparison: Comparison, spread: bool) -> tuple[list[str], list[list[str]]]:
    base = comparison.baseline
    heads = ["strategy", "mean", "final", f"to {base}", "p", "W/L/T", "labels saved", "seconds", "verdict"]
    return heads, [_cells(row, base, spread) for row in comparison.rows]


def _cells(row: Row, base: str, spread: bool) -> list[str]:
    gap = row.difference if row.verdict != "baseline" else None
    end = next((words.labels_saved(saved) for saved in row.saved if saved.where == "end"), words.NONE)
    difference = words.NONE
    if gap:
        half = f"±{gap.high - gap.mean:.4f}" if math.isfinite(gap.low) else ""
        difference = f"{words.signed(gap.mean)} {half if spread else words.span(gap)}".rstrip()
    return [
        row.strategy,
        words.score(row.area.mean),
        words.score(row.final.mean),
        difference,
        words.p_value(row.p_holm),
        f"{row.wins}/{row.losses}/{row.ties}" if gap else words.NONE,
        end,
        words.seconds(sum(row.seconds.values())) if row.seconds else words.NONE,
        words.verdict(row, base),
    ]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The first and the last column to the left, the numbers between to the right."""
    last = len(cells) - 1
    padded = (c.ljust(w) if k in (0, last) else c.rjust(w) for k, (c, w) in enumerate(zip(cells, widths, strict=True)))
    return "  ".join(padded).rstrip()


def _values(row: Row, baseline: str, steps: Sequence[str]) -> list[str | float]:
    values: list[str | float] = [row.strategy, row.verdict, baseline, row.area.count]
    for found in (row.area, row.final, row.difference):
        values += [found.mean, found.low, found.high] if found else [math.nan] * 3
    values += [row.difference.count if row.difference else 0, row.p, row.p_holm, row.p_wilcoxon]
    values += [row.wins, row.losses, row.ties]
    saved = {entry.where: entry for entry in row.saved}
    for where in _SAVED:
        entry = saved.get(where)
        values += [entry.labels, entry.low, entry.high] if entry else [math.nan] * 3
    return [*values, *(row.seconds.get(step, math.nan) for step in steps)]


def _field(value: str | float) -> str:
    if isinstance(value, float):
        return "never" if value == -math.inf else "" if math.isnan(value) else repr(value)
    return str(value)

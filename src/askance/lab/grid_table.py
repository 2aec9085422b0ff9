"""A grid as a table: aligned text, Markdown, LaTeX, CSV, records, a data frame."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from typing import Any

from askance.optional import need
from askance.reports import words
from askance.reports.across import Across, Method

HEADS = (
    *("strategy", "rank", "area", "gain", "low", "high", "above", "level", "below", "better", "penalty"),
    *("seconds", "training", "signals", "selection", "diverged"),
)


def records(across: Across) -> list[dict[str, Any]]:
    """One row a strategy, unrounded; None where there is no number."""
    return [dict(zip(HEADS, map(_plain, _values(method)), strict=True)) for method in across.methods]


def frame(across: Across) -> Any:
    """The same as a pandas DataFrame, by strategy.

    Raises:
        MissingPackage: If pandas is not installed.
    """
    pandas = need("pandas", "lab", "A data frame")
    return pandas.DataFrame(records(across), columns=list(HEADS)).set_index("strategy")


def grid_csv(across: Across) -> str:
    """Every number, unrounded, then the gain under each condition."""
    names = list(across.conditions)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*HEADS, *(f"gain: {name}" for name in names)])
    for method in across.methods:
        gains = [_gain(across, name, method.name) for name in names]
        row = [_plain(value) for value in (*_values(method), *gains)]
        writer.writerow(["" if value is None else value for value in row])
    return text.getvalue()


def grid_text(across: Across) -> str:
    """Aligned columns, best rank first; losses are printed like wins."""
    heads, rows = _cells(across)
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ["  ".join(_padded(cells, widths)).rstrip() for cells in (heads, *rows)]
    lines.insert(1, "─" * (sum(widths) + 2 * len(widths) - 2))
    return "\n".join([*lines, "", _note(across), *across.said]).rstrip() + "\n"


def grid_markdown(across: Across) -> str:
    """A Markdown table, with what a reader must know below it."""
    heads, rows = _cells(across)
    marks = [":--", *["--:"] * (len(heads) - 1)]
    lines = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in (heads, marks, *rows)]
    return "\n".join([*lines, "", _note(across), *(f"\n{sentence}" for sentence in across.said)]) + "\n"


def grid_latex(across: Across) -> str:
    """A table for a paper, with the rules of booktabs; the best of a column is bold."""
    best = {
        "rank": min((m.rank for m in across.methods if math.isfinite(m.rank)), default=math.nan),
        "area": max((m.area for m in across.methods if math.isfinite(m.area)), default=math.nan),
    }
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{tabular}{lrrrrr}",
        "\\toprule",
        f"Strategy & Rank & Area & Gain over {_tex(across.baseline)} & +/=/-- & Seconds \\\\",
        "\\midrule",
    ]
    for m in across.methods:
        rank, area = words.score(m.rank, 2), words.score(m.area, 4)
        rank = f"\\textbf{{{rank}}}" if m.rank == best["rank"] else rank
        area = f"\\textbf{{{area}}}" if m.area == best["area"] else area
        gain = "--"
        if m.gain is not None:
            gain = f"${m.gain.mean:+.4f}$"
            if math.isfinite(m.gain.low):
                gain += f" $[{m.gain.low:+.4f}, {m.gain.high:+.4f}]$"
        counts = _counts(m) if m.gain is not None else "--"
        cells = [_tex(m.name), rank, area, gain, counts, words.seconds(m.seconds)]
        lines.append(" & ".join(cell.replace("–", "--") for cell in cells) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


_TEX = {  # what a backslash before it would not mend: an accent, a space, or other signs in the old font encoding
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
}

FORMATS: dict[str, Callable[[Across], str]] = {
    "text": grid_text,
    "markdown": grid_markdown,
    "latex": grid_latex,
    "csv": grid_csv,
}


def _values(method: Method) -> tuple[Any, ...]:
    gain = method.gain
    return (
        method.name,
        method.rank,
        method.area,
        gain.mean if gain else math.nan,
        gain.low if gain else math.nan,
        gain.high if gain else math.nan,
        method.above,
        method.level,
        method.below,
        method.beliefs[2] if method.beliefs else math.nan,
        method.penalty,
        method.seconds,
        *(method.parts[part] for part in ("training", "signals", "selection")),
        method.diverged,
    )


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _gain(across: Across, condition: str, method: str) -> float:
    _, comparison = across.conditions[condition]
    row = next((row for row in comparison.rows if row.strategy == method), None)
    return row.difference.mean if row is not None and row.difference is not None else math.nan


def _cells(across: Across) -> tuple[list[str], list[list[str]]]:
    heads = ["strategy", "rank", "area", f"gain over {across.baseline}", "+/=/-", "better", "seconds"]
    failed = any(m.diverged for m in across.methods)
    heads += ["diverged"] if failed else []
    rows = []
    for m in across.methods:
        gain = f"{words.signed(m.gain.mean)} {words.span(m.gain)}".rstrip() if m.gain else words.NONE
        better = f"{m.beliefs[2]:.2f}" if m.beliefs else words.NONE
        counts = _counts(m) if m.gain else words.NONE
        shown = [m.name, words.score(m.rank, 2), words.score(m.area, 4), gain, counts, better, words.seconds(m.seconds)]
        rows.append([*shown, str(m.diverged)] if failed else shown)
    return heads, rows


def _counts(method: Method) -> str:
    return f"{method.above}/{method.level}/{method.below}"


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(cells, widths, strict=True))]


def _note(across: Across) -> str:
    sets = words.count(len(across.datasets), "data set", "data sets")
    over = "data sets and seeds" if len(across.datasets) > 1 else "its seeds"
    untested = any(m.tested < m.conditions for m in across.methods)
    return (
        f"rank and gain: mean over {sets}, 95% interval over {over}; +/=/-: conditions above, level with and below "
        f"{across.baseline} by paired tests with Holm{', for which one pair of seeds is too few' if untested else ''}; "
        f"better: Bayesian signed-rank test over data sets."
    )


def _tex(text: str) -> str:
    return "".join(_TEX.get(sign, f"\\{sign}" if sign in "&%$#_{}" else sign) for sign in text)

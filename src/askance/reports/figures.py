"""Figures as SVG text, drawn by a few small functions that know shapes and no experiments."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from askance.reports.canvas import (
    COLORS,
    LETTER,
    Axis,
    Frame,
    apart,
    axis,
    color_of,
    digits_of,
    px,
    short,
    text_at,
    tick,
)

DASHES = ("", "7 4", "2 4", "10 4 2 4")


@dataclass(frozen=True)
class Line:
    """A line with a band: one strategy, or one measured quantity; NaN breaks neither."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    color: int | None = None  # None: the baseline's ink


@dataclass(frozen=True)
class Bar:
    """A horizontal bar of one or more parts, in the order of the figure's parts."""

    name: str
    parts: Sequence[float]
    label: str


@dataclass(frozen=True)
class Dot:
    """A value with its interval beside zero."""

    name: str
    value: float
    low: float
    high: float
    color: int | None
    label: str


def lines(frame: Frame, series: Sequence[Line], x_name: str, y_name: str, zero: str = "") -> str:
    """Lines with bands over a common axis, each named at its end.

    Args:
        frame: Names and width.
        series: At least one line with a point.
        x_name: Below the axis.
        y_name: Above the axis.
        zero: If given, a line at zero that is named so.
    """
    narrow = frame.width < 600
    height = 340 if narrow else 460
    names = [short(line.name, 12 if narrow else 20) for line in series]
    zero_name = short(zero, 12 if narrow else 20)
    crowded = len(series) > COLORS + 1
    gutter = 30 if crowded else 12  # between a line's end and its name
    right = frame.width - gutter - 12 - LETTER * max(map(len, [*names, zero_name]))
    xs = [x for line in series for x in line.x]
    ys = [y for line in series for y in [*line.y, *line.low, *line.high] if math.isfinite(y)] + [0.0] * bool(zero)
    margin = (max(ys) - min(ys)) * 0.04
    across = axis(min(xs), max(xs), 50, right, about=4 if narrow else 8)
    up = axis(min(ys) - margin, max(ys) + margin, height - 46, 30, about=5 if narrow else 7)
    digits = digits_of(up.ticks)
    parts = [_grid(across, up, height, x_name, y_name, bool(zero))]
    named = [place for place, name in enumerate(names) if name]
    ends = [up(_last(series[place].y)) for place in named] + [up(0)] * bool(zero)
    places = apart(ends, 15, 24, height - 40)
    if zero:
        parts.append(f'<path class="zero" d="M50 {px(up(0))}H{px(right)}"/>')
        parts.append(text_at("zero-name", right + gutter, places[-1] + 4, zero_name))
    at = dict(zip(named, places, strict=False))
    for place, line in enumerate(series):
        stop = (right + gutter, at[place]) if place in at else None
        parts.append(_line(line, names[place], across, up, stop))
    values = [
        {
            "name": line.name,
            "color": color_of(line.color),
            "x": list(line.x),
            "y": [round(y, digits + 2) if math.isfinite(y) else None for y in line.y],
        }
        for line in series
        if line.name
    ]
    data = {
        "left": 50,
        "right": round(right, 1),
        "low": across.low,
        "high": across.high,
        "digits": digits and digits + 2,
    }
    text = escape(json.dumps(data | {"x_name": x_name, "signed": bool(zero), "lines": values}, allow_nan=False))
    return frame.svg(height, "".join(parts), "lines crowded" if crowded else "lines", f' data-lines="{text}"')


def dots(frame: Frame, rows: Sequence[Dot], x_name: str) -> str:
    """Values with intervals beside a line at zero, a row each."""
    narrow = frame.width < 600
    left = 24 + LETTER * max(len(short(row.name, 14 if narrow else 26)) for row in rows)
    right = frame.width - (70 if narrow else 200)
    height = 46 + 28 * len(rows) + (14 if x_name else 0)
    ends = [v for row in rows for v in (row.value, row.low, row.high) if math.isfinite(v)] + [0.0]
    room = (max(ends) - min(ends)) * 0.06
    across = axis(min(ends) - room, max(ends) + room, left, right, about=3 if narrow else 7)
    digits = digits_of(across.ticks)
    bottom = 10 + 28 * len(rows)
    parts = [
        f'<line class="grid" x1="{px(across(t))}" x2="{px(across(t))}" y1="10" y2="{bottom}"/>'
        f'<text class="tick" x="{px(across(t))}" y="{bottom + 18}" text-anchor="middle">{tick(t, digits, True)}</text>'
        for t in across.ticks
    ]
    parts.append(f'<line class="zero" x1="{px(across(0))}" x2="{px(across(0))}" y1="10" y2="{bottom}"/>')
    parts.append(text_at("axis", (left + right) / 2, bottom + 40, x_name, "middle"))
    for place, row in enumerate(rows):
        y = 24 + 28 * place
        parts.append(
            f'<g class="dot" style="--c:{color_of(row.color)}"><title>{escape(f"{row.name}: {row.label}")}</title>'
        )
        parts.append(text_at("name", left - 14, y + 4, short(row.name, 14 if narrow else 26), "end"))
        if math.isfinite(row.low):
            parts.append(f'<line x1="{px(across(row.low))}" x2="{px(across(row.high))}" y1="{y}" y2="{y}"/>')
        if math.isfinite(row.value):
            parts.append(f'<circle cx="{px(across(row.value))}" cy="{y}" r="4.5"/>')
        label = row.label.split(" ")[0] if narrow else row.label
        parts.append(text_at("value", frame.width - 2, y + 4, label, "end") + "</g>")
    return frame.svg(height, "".join(parts), "dots")


def bars(frame: Frame, rows: Sequence[Bar], names: Sequence[str] = ()) -> str:
    """Horizontal bars from zero, stacked where they have several parts; the parts' names stand above."""
    narrow = frame.width < 600
    room = 14 if narrow else 26
    left = 22 + LETTER * max(len(short(row.name, room)) for row in rows)
    right = frame.width - 16 - LETTER * max(len(row.label) for row in rows)
    top = 34 if len(names) > 1 else 8
    most = max((sum(row.parts) for row in rows), default=0) or 1.0
    parts = []
    x = left
    for place, name in enumerate(names if len(names) > 1 else ()):
        parts.append(
            f'<rect class="part" style="--c:var(--c{place})" x="{px(x)}" y="7" width="11" height="11" rx="2"/>'
        )
        parts.append(text_at("name", x + 17, 17, name))
        x += 36 + LETTER * len(name)
    for place, row in enumerate(rows):
        y, x = top + 28 * place, left
        parts.append(f"<g><title>{escape(f'{row.name}: {row.label}')}</title>")
        parts.append(text_at("name", left - 12, y + 15, short(row.name, room), "end"))
        for part, value in enumerate(row.parts):
            wide = value / most * (right - left)
            shape = f'x="{px(x)}" y="{y + 2}" width="{px(max(wide - 1, 0.5))}" height="18" rx="2"'
            parts.append(f'<rect class="part" style="--c:var(--c{part})" {shape}/>')
            x += wide
        parts.append(text_at("value", x + 8, y + 15, row.label) + "</g>")
    return frame.svg(top + 28 * len(rows) + 6, "".join(parts), "bars")


def heat(
    frame: Frame,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    text: Callable[[float], str],
    outlined: Callable[[int, int], bool] = lambda row, column: False,
) -> str:
    """A table of shaded cells, darkest at the largest value; numbers stand in cells that have room for them."""
    narrow = frame.width < 600
    room = 12 if narrow else 24
    left = 14 + LETTER * max(len(short(name, room)) for name in rows)
    heads = [short(name, room) for name in columns]
    longest = max(len(name) for name in heads)
    cell = min((frame.width - left - (34 if longest > 6 else 6)) / len(columns), 96)
    tall = min(max(cell * 0.62, 20), 34)
    apart = min(2, cell / 4)  # between cells
    turned = LETTER * longest > cell - 4
    every = math.ceil(11 / cell) if turned else 1  # a turned head takes 11 pixels; a cell pointed at says its own
    top = 16 + (5.2 * longest if turned else 8)
    roomy = cell - 6 >= 6.6 * max(len(text(value)) for row in values for value in row)
    most = max((v for row in values for v in row if math.isfinite(v)), default=0) or 1.0
    parts = []
    for place, name in list(enumerate(heads))[::every]:
        x = left + cell * (place + 0.5)
        turn = f' transform="rotate(-42 {px(x)} {px(top - 8)})"' if turned else ""
        anchor = "start" if turned else "middle"
        head = f'<text class="name" x="{px(x)}" y="{px(top - 8)}" text-anchor="{anchor}"{turn}>{escape(name)}</text>'
        parts.append(head)
    for r, name in enumerate(rows):
        y = top + tall * r
        parts.append(text_at("name", left - 10, y + tall / 2 + 4, short(name, room), "end"))
        for c, value in enumerate(values[r]):
            shown = text(value)
            strength = 0.62 * max(value, 0) / most if math.isfinite(value) else 0
            x = left + cell * c
            kind = "cell outlined" if outlined(r, c) else "cell"
            shape = f'x="{px(x + apart / 2)}" y="{px(y + 1)}" width="{px(cell - apart)}" height="{px(tall - 2)}" rx="3"'
            parts.append(f"<g><title>{escape(f'{name}, {columns[c]}: {shown}')}</title>")
            parts.append(f'<rect class="{kind}" fill-opacity="{strength:.3f}" {shape}/>')
            if roomy:
                parts.append(text_at("cell-text", x + cell / 2, y + tall / 2 + 4, shown, "middle"))
            parts.append("</g>")
    return frame.svg(top + tall * len(rows) + 6, "".join(parts), "heat")


def _grid(across: Axis, up: Axis, height: float, x_name: str, y_name: str, signs: bool) -> str:
    left, right, bottom = across.start, across.end, height - 46
    parts = [text_at("axis", 4, 16, y_name), text_at("axis", (left + right) / 2, height - 6, x_name, "middle")]
    for t in up.ticks:
        parts.append(f'<path class="grid" d="M{px(left)} {px(up(t))}H{px(right)}"/>')
        parts.append(text_at("tick", left - 8, up(t) + 4, tick(t, digits_of(up.ticks), signs), "end"))
    for t in across.ticks:
        parts.append(f'<path class="mark" d="M{px(across(t))} {px(bottom)}v5"/>')
        parts.append(text_at("tick", across(t), bottom + 19, f"{t:,.10g}", "middle"))
    parts.append(f'<path class="base" d="M{px(left)} {px(bottom)}H{px(right)}"/>')
    return "".join(parts)


def _line(line: Line, name: str, across: Axis, up: Axis, stop: tuple[float, float] | None) -> str:
    """Band, line, points where there is room for them, and the name with a thread that leads to it."""
    dash = DASHES[line.color // COLORS % len(DASHES)] if line.color is not None else "5 4"
    points = [(across(x), up(y)) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
    path = "M" + "L".join(f"{px(x)} {px(y)}" for x, y in points)
    parts = [f'<g class="line" style="--c:{color_of(line.color)}"><title>{escape(line.name)}</title>']
    parts.append(band_of(line, across, up))
    parts.append(f'<path class="touch" d="{path}"/><path class="stroke" stroke-dasharray="{dash}" d="{path}"/>')
    if len(points) == 1 or points[-1][0] - points[0][0] > 9 * len(points):
        parts.extend(f'<circle cx="{px(x)}" cy="{px(y)}" r="2.4"/>' for x, y in points)
    if stop:
        x, y = stop
        parts.append(f'<path class="lead" d="M{px(points[-1][0] + 3)} {px(points[-1][1])}L{px(x - 4)} {px(y)}"/>')
        parts.append(text_at("end", x, y + 4, name))
    return "".join([*parts, "</g>"])


def band_of(line: Line, across: Axis, up: Axis) -> str:
    """The band of a line; empty where there are not two points of it."""
    band = [
        (across(x), up(low), up(high))
        for x, low, high in zip(line.x, line.low, line.high, strict=False)
        if math.isfinite(low) and math.isfinite(high)
    ]
    if len(band) < 2:
        return ""
    there = "L".join(f"{px(x)} {px(high)}" for x, _, high in band)
    back = "L".join(f"{px(x)} {px(low)}" for x, low, _ in reversed(band))
    return f'<path class="band" d="M{there}L{back}Z"/>'


def _last(values: Sequence[float]) -> float:
    return next(v for v in reversed(values) if math.isfinite(v))

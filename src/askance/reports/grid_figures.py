"""Figures of a whole grid: a critical-difference diagram, small multiples of curves, cost beside gain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from askance.reports.canvas import LETTER, Axis, Frame, apart, axis, color_of, digits_of, px, short, text_at, tick
from askance.reports.figures import DASHES, Line, band_of


@dataclass(frozen=True)
class Ranked:
    """A method and its average rank."""

    name: str
    rank: float
    color: int | None


@dataclass(frozen=True)
class Panel:
    """One small chart: its title and its lines; lines without a color are context."""

    title: str
    lines: Sequence[Line]
    context: Sequence[Line] = ()


@dataclass(frozen=True)
class Spot:
    """A method's cost and gain; only spots with a color are named."""

    name: str
    x: float
    y: float
    color: int | None
    label: str


def rank_diagram(
    frame: Frame, methods: Sequence[Ranked], bars: Sequence[Sequence[str]], critical: float = math.nan
) -> str:
    """Average ranks on a line, the best to the left; a bar joins methods that are not told apart.

    Args:
        frame: Names and width.
        methods: Best first, two or more.
        bars: Names of the methods of each bar.
        critical: The critical difference, drawn above if it is finite and fits.
    """
    narrow = frame.width < 600
    room = 14 if narrow else 26
    half = -(-len(methods) // 2)
    side = 46 + LETTER * max(len(short(method.name, room)) for method in methods)
    left, right = side, frame.width - side
    across = axis(1, max(2, math.ceil(max(method.rank for method in methods))), left, right, about=4 if narrow else 8)
    place = {method.name: across(method.rank) for method in methods}
    gap = math.isfinite(critical) and critical < across.high - across.low
    top = 62 if gap else 34
    parts = []
    if gap:
        wide = across(across.low + critical)
        parts.append(f'<path class="bar" d="M{px(left)} 22H{px(wide)}M{px(left)} 18v8M{px(wide)} 18v8"/>')
        parts.append(text_at("tick", (left + wide) / 2, 13, f"critical difference {critical:.2f}", "middle"))
    parts.append(f'<path class="base" d="M{px(left)} {top}H{px(right)}"/>')
    for value in sorted({1.0, *across.ticks}):
        parts.append(f'<path class="mark" d="M{px(across(value))} {top}v-5"/>')
        parts.append(text_at("tick", across(value), top - 9, f"{value:g}", "middle"))
    depth = top + 10
    for bar in bars:
        ends = [place[name] for name in bar if name in place]
        start, stop = px(min(ends) - 4), px(max(ends) + 4)
        parts.append(f'<path class="bar" d="M{start} {depth}H{stop}"><title>{escape(", ".join(bar))}</title></path>')
        depth += 7
    step = 19
    for number, method in enumerate(methods):
        ahead = number < half
        row = number if ahead else len(methods) - 1 - number
        y = depth + 14 + step * row
        x, anchor = (left - 30, "end") if ahead else (right + 30, "start")
        color = color_of(method.color) if method.color is not None else "var(--quiet)"
        said = f"{method.name}: average rank {method.rank:.2f}"
        parts.append(f'<g class="rank" style="--c:{color}"><title>{escape(said)}</title>')
        parts.append(f'<path d="M{px(place[method.name])} {top}V{px(y)}H{px(x + (5 if ahead else -5))}"/>')
        name = short(method.name, room)
        parts.append(text_at("end", x, y + 4, name, anchor) + "</g>")
    return frame.svg(depth + 14 + step * half, "".join(parts), "ranks")


def panel_alone(frame: Frame, chart: Panel, x_name: str, y_name: str) -> str:
    """One small chart without a legend, as one of many that a page lays out itself."""
    return frame.svg(254, _panel(chart, 0, 0, frame.width, 200, x_name, y_name), "panels")


def panels(frame: Frame, charts: Sequence[Panel], x_name: str, y_name: str) -> str:
    """Small charts side by side, each with its own axes, under one legend."""
    narrow = frame.width < 600
    columns = 1 if narrow else min(3, max(1, len(charts)))
    wide = frame.width / columns
    tall = 200
    named: dict[str, int | None] = {}
    for chart in charts:
        named.update({line.name: line.color for line in chart.lines})
    parts, x, y = [], 4.0, 14.0
    for name, color in named.items():
        length = 46 + 1.08 * LETTER * len(name)  # names are bold
        if x + length > frame.width and x > 4:
            x, y = 4.0, y + 20
        dash = DASHES[color // 8 % len(DASHES)] if color is not None else "5 4"
        parts.append(f'<g class="line" style="--c:{color_of(color)}">')
        parts.append(f'<path class="stroke" stroke-dasharray="{dash}" d="M{px(x)} {px(y - 4)}h22"/>')
        parts.append(text_at("end", x + 28, y, name) + "</g>")
        x += length
    top = y + 16
    for number, chart in enumerate(charts):
        ox, oy = (number % columns) * wide, top + (number // columns) * (tall + 34)
        parts.append(_panel(chart, ox, oy, wide, tall, x_name if number >= len(charts) - columns else "", y_name))
    height = top + -(-len(charts) // columns) * (tall + 34) + 6
    return frame.svg(height, "".join(parts), "panels")


def cost_chart(frame: Frame, spots: Sequence[Spot], x_name: str, y_name: str) -> str:
    """Gain over cost on a logarithmic axis, with a line at zero; the spots with a color are named."""
    narrow = frame.width < 600
    height, left, right = (330, 60, frame.width - 20) if narrow else (420, 64, frame.width - 150)
    logs = [math.log10(max(spot.x, 1e-6)) for spot in spots]
    across = axis(min(logs) - 0.15, max(logs) + 0.15, left, right)
    values = [spot.y for spot in spots] + [0.0]
    margin = (max(values) - min(values) or 1.0) * 0.06
    up = axis(min(values) - margin, max(values) + margin, height - 46, 30, about=6)
    digits = digits_of(up.ticks)
    parts = [text_at("axis", 4, 16, y_name), text_at("axis", (left + right) / 2, height - 6, x_name, "middle")]
    for t in up.ticks:
        parts.append(f'<path class="grid" d="M{px(left)} {px(up(t))}H{px(right)}"/>')
        parts.append(text_at("tick", left - 8, up(t) + 4, tick(t, digits, True), "end"))
    first, last = math.ceil(across.low - 1e-9), math.floor(across.high + 1e-9)
    powers = range(first, last + 1)
    marks = (
        [10.0**k for k in powers] if len(powers) > 1 else [m * 10.0**k for k in (first - 1, first) for m in (1, 2, 5)]
    )
    for value in marks:
        if across.low <= math.log10(value) <= across.high:
            at = px(across(math.log10(value)))
            parts.append(f'<path class="mark" d="M{at} {px(height - 46)}v5"/>')
            parts.append(text_at("tick", float(at), height - 27, f"{value:g}", "middle"))
    parts.append(f'<path class="base" d="M{px(left)} {px(height - 46)}H{px(right)}"/>')
    parts.append(f'<path class="zero" d="M{px(left)} {px(up(0))}H{px(right)}"/>')
    named = [k for k, spot in enumerate(spots) if spot.color is not None]
    places = dict(zip(named, apart([up(spots[k].y) for k in named], 15, 24, height - 52), strict=True))
    for number, spot in enumerate(spots):
        x, y = across(logs[number]), up(spot.y)
        color = color_of(spot.color)
        parts.append(f'<g class="spot" style="--c:{color}"><title>{escape(f"{spot.name}: {spot.label}")}</title>')
        parts.append(f'<circle cx="{px(x)}" cy="{px(y)}" r="{5 if spot.color is not None else 3.5}"/>')
        if number in places and not narrow:
            parts.append(f'<path class="lead" d="M{px(x + 6)} {px(y)}L{px(right + 8)} {px(places[number])}"/>')
            parts.append(text_at("end", right + 12, places[number] + 4, short(spot.name, 18)))
        parts.append("</g>")
    return frame.svg(height, "".join(parts), "cost")


def _panel(chart: Panel, ox: float, oy: float, wide: float, tall: float, x_name: str, y_name: str) -> str:
    chart = replace(chart, lines=_within(chart))
    left, right, top, bottom = ox + 44, ox + wide - 14, oy + 26, oy + tall
    xs = [x for line in [*chart.lines, *chart.context] for x in line.x]
    ys = [v for line in chart.lines for v in [*line.y, *line.low, *line.high] if math.isfinite(v)]
    ys += [v for line in chart.context for v in line.y if math.isfinite(v)]
    title = short(chart.title, max(12, int((wide - 20) / LETTER)))
    parts = [
        f'<text class="panel" x="{px(ox + 4)}" y="{px(oy + 12)}">{escape(title)}'
        f"<title>{escape(chart.title)}</title></text>"
    ]
    if not xs or not ys:
        return "".join([*parts, text_at("tick", left, (top + bottom) / 2, "no scores")])
    across, up = axis(min(xs), max(xs), left, right, about=4), axis(min(ys), max(ys), bottom, top, about=4)
    for t in up.ticks:
        parts.append(f'<path class="grid" d="M{px(left)} {px(up(t))}H{px(right)}"/>')
        parts.append(text_at("tick", left - 6, up(t) + 4, tick(t, digits_of(up.ticks), False), "end"))
    for t in across.ticks:
        parts.append(text_at("tick", across(t), bottom + 15, f"{t:,.10g}", "middle"))
    parts.append(f'<path class="base" d="M{px(left)} {px(bottom)}H{px(right)}"/>')
    for line in chart.context:
        parts.append(f'<path class="context" d="{_path(line, across, up)}"><title>{escape(line.name)}</title></path>')
    for line in chart.lines:
        dash = DASHES[line.color // 8 % len(DASHES)] if line.color is not None else "5 4"
        parts.append(f'<g class="line" style="--c:{color_of(line.color)}"><title>{escape(line.name)}</title>')
        parts.append(band_of(line, across, up))
        parts.append(f'<path class="stroke" stroke-dasharray="{dash}" d="{_path(line, across, up)}"/></g>')
    if x_name:
        parts.append(text_at("axis", (left + right) / 2, bottom + 31, x_name, "middle"))
    return "".join(parts)


def _within(chart: Panel) -> list[Line]:
    """The lines with bands that reach no farther from all lines than these are apart: few seeds have wide ones."""
    means = [v for line in [*chart.lines, *chart.context] for v in line.y if math.isfinite(v)]
    if not means:
        return list(chart.lines)
    reach = max(means) - min(means) or abs(means[0]) or 1.0
    least, most = min(means) - reach, max(means) + reach
    return [
        replace(line, low=[max(v, least) for v in line.low], high=[min(v, most) for v in line.high])
        for line in chart.lines
    ]


def _path(line: Line, across: Axis, up: Axis) -> str:
    points = [(across(x), up(y)) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
    return "M" + "L".join(f"{px(x)} {px(y)}" for x, y in points) if points else ""

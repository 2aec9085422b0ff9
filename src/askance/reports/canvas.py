"""What every figure is drawn with: a frame, axes, text, and labels that keep clear of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

COLORS = 8  # in page.css; lines beyond them repeat the colors with other dashes
WIDE, NARROW = 880, 400  # every figure is drawn for both, as shrunken letters are no letters
LETTER = 7.2  # width that a letter may need at the figures' 12.5 px


@dataclass(frozen=True)
class Frame:
    """What every figure has: a name (unique on its page), a title and a description for those who cannot see it."""

    name: str
    title: str
    description: str
    width: int = WIDE

    def svg(self, height: float, body: str, kind: str = "", data: str = "") -> str:
        """The whole element."""
        name = escape(f"{self.name}-{self.width}")
        return (
            f'<svg class="chart {kind}" viewBox="0 0 {self.width} {px(height)}" role="img" '
            f'aria-labelledby="{name}-t {name}-d"{data}><title id="{name}-t">{escape(self.title)}</title>'
            f'<desc id="{name}-d">{escape(self.description)}</desc>{body}</svg>'
        )


@dataclass(frozen=True)
class Axis:
    """From values to pixels, and the ticks between."""

    low: float
    high: float
    start: float
    end: float
    ticks: list[float] = field(default_factory=list)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def axis(low: float, high: float, start: float, end: float, about: int = 6) -> Axis:
    """An axis whose ticks are 1, 2 or 5 times a power of ten.

    >>> axis(0.03, 0.97, 0, 100, about=5).ticks
    [0.2, 0.4, 0.6, 0.8]
    """
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # one value, up to rounding
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * size for size in (1, 2, 5, 10) if power * size >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Axis(low, high, start, end, [float(f"{k * step:.10g}") for k in range(first, last + 1)])


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places moved as little as needed to stand ``gap`` apart, in the same order, within the ends if they fit.

    >>> apart([10, 10, 50], 15, 0, 100)
    [2.5, 17.5, 50]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    gap = min(gap, (high - low) / max(len(places) - 1, 1))
    blocks: list[tuple[float, int]] = []  # the first place and the number of labels of a run that touches
    for i in order:
        first, count = places[i], 1
        while blocks and blocks[-1][0] + blocks[-1][1] * gap > first:
            before, many = blocks.pop()
            # Each label's wish for the block's first place; the least squares answer is their mean.
            first = (before * many + (first - many * gap) * count) / (many + count)
            count += many
        blocks.append((min(max(first, low), high - (count - 1) * gap), count))
    moved = [first + k * gap for first, count in blocks for k in range(count)]
    for k in reversed(range(len(moved) - 1)):  # a block held back by an end may have met its neighbor
        moved[k] = min(moved[k], moved[k + 1] - gap)
    found = [0.0] * len(places)
    for i, place in zip(order, moved, strict=True):
        found[i] = place
    return found


def text_at(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    """One piece of text, escaped; ``kind`` is its class in page.css."""
    return f'<text class="{kind}" x="{px(x)}" y="{px(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def tick(value: float, digits: int, signs: bool) -> str:
    """A number on an axis, with a real minus sign."""
    text = f"{value:+,.{digits}f}" if signs and value else f"{value:,.{digits}f}"
    return text.replace("-", "−")


def digits_of(ticks: Sequence[float]) -> int:
    """Decimals that tell the ticks apart.

    >>> digits_of([0.75, 0.8, 0.85])
    2
    """
    if len(ticks) < 2:
        return 2
    return max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))


def color_of(color: int | None) -> str:
    """A series' color in page.css; None is the baseline's."""
    return "var(--quiet)" if color is None else f"var(--c{color % COLORS})"


def short(name: str, room: int) -> str:
    """The name, cut to so many characters."""
    return name if len(name) <= room else f"{name[: room - 1]}…"


def px(value: float) -> str:
    """A coordinate with one decimal, as short as it goes."""
    return f"{value:.1f}".removesuffix(".0")

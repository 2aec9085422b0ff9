"""Items that a pretended desk deals out: texts, drawn pictures and rows of a table, the same on every machine."""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

NAMES = ("billing", "delivery", "access", "returns", "praise")
SHAPES = ("circle", "square", "stripes", "cross")

_SAID = {
    "billing": [
        "I was charged twice for {month}.",
        "The invoice says {sum} but we agreed on less.",
        "Where do I find my receipt for {month}?",
    ],
    "delivery": [
        "The parcel has been 'on its way' since {month}.",
        "It came to number {sum}, which is not my house.",
        "The courier rang once and left.",
    ],
    "access": [
        "The reset mail never arrives.",
        "I am locked out after {sum} attempts.",
        "My password worked in {month} and does not work now.",
    ],
    "returns": [
        "How do I send the lamp back?",
        "I returned it in {month} and hear nothing.",
        "The label for the return does not print, error {sum}.",
    ],
    "praise": [
        "Thank you, that was quick.",
        "The new lamp is lovely.",
        "Whoever answered me in {month} deserves a raise.",
    ],
}
_MORE = (
    "Please answer before the end of the week.",
    "I wrote about this before and nobody came back to me.",
    "My order has the number {sum}.",
    "The app shows the same on my phone and on my computer.",
    "If this cannot be mended I would rather cancel.",
)
_MONTHS = ("January", "March", "May", "July", "October", "December")


@dataclass
class Made:
    """One made item: what a person sees, and what is true of it."""

    id: str
    key: str
    fields: list[dict[str, str]]
    truth: str
    x: float
    y: float
    picture: bytes | None = None
    short: str = ""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    flag: bool = False
    comment: str = ""


def items(reads: str, n: int, seed: int = 7) -> list[Made]:
    """`n` items of one kind ("text", "image" or "table"), with places on a map near others of their class."""
    dice = random.Random(seed)
    names = SHAPES if reads == "image" else NAMES
    centers = {name: (0.2 + 0.6 * dice.random(), 0.2 + 0.6 * dice.random()) for name in names}
    made = []
    for number in range(n):
        truth = dice.choice(names)
        x, y = (min(max(dice.gauss(at, 0.07), 0.01), 0.99) for at in centers[truth])
        one = Made(f"{reads}-{number:04d}", f"k{number:04d}", [], truth, x, y)
        if reads == "image":
            one.picture = picture(truth, dice)
            one.fields = [{"name": "file", "text": f"shelf/{truth[0]}{number:04d}.png"}]
            one.short = f"picture {number}"
        elif reads == "table":
            one.fields = _row(truth, number, dice)
            one.short = f"order {number + 4000}"
        else:
            one.fields = [
                {"name": "text", "text": _text(truth, number, dice)},
                {"name": "channel", "text": dice.choice(["mail", "chat", "form"])},
            ]
            one.short = one.fields[0]["text"][:90]
        made.append(one)
    return made


def _text(truth: str, number: int, dice: random.Random) -> str:
    def said(line: str) -> str:
        return line.format(month=dice.choice(_MONTHS), sum=dice.randint(11, 980))

    opening = said(dice.choice(_SAID[truth]))
    rest = [said(line) for line in dice.sample(_MORE, dice.randint(0, 3))]
    if number % 17 == 11:  # now and then a long one
        rest = [said(dice.choice(_MORE)) for _ in range(90)]
    return "\n\n".join(["Hello,\n" + opening, *(" ".join(rest[at : at + 3]) for at in range(0, len(rest), 3))])


def _row(truth: str, number: int, dice: random.Random) -> list[dict[str, str]]:
    cells = {
        "order": str(4000 + number),
        "customer": dice.choice(["new", "regular", "business"]),
        "country": dice.choice(["Denmark", "Peru", "Kenya", "Japan"]),
        "basket": f"{dice.randint(9, 900)}.{dice.randint(10, 99)} EUR",
        "days since order": str(dice.randint(0, 60)),
        "reason": truth if dice.random() < 0.7 else "",
        "note": _text(truth, 11 if number % 5 == 0 else 1, dice),
    }
    return [{"name": name, "text": text} for name, text in cells.items()]


def picture(shape: str, dice: random.Random, wide: int = 480, high: int = 360) -> bytes:
    """A PNG of one shape in a color of its own."""
    back, ink = (bytes(dice.randint(low, low + 70) for _ in range(3)) for low in (170, 30))
    middle, size = (wide // 2 + dice.randint(-70, 70), high // 2 + dice.randint(-40, 40)), dice.randint(60, 120)
    rows = []
    for y in range(high):
        spans = _spans(shape, y - middle[1], size)
        row = bytearray(back * wide)
        for low, to in spans:
            low, to = max(middle[0] + low, 0), min(middle[0] + to, wide)
            row[3 * low : 3 * to] = ink * max(to - low, 0)
        rows.append(b"\0" + bytes(row))
    header = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 1)), (b"IEND", b""))
    )


def _spans(shape: str, y: int, size: int) -> list[tuple[int, int]]:
    """From where to where a shape is inked, `y` pixels below its middle."""
    if abs(y) > size:
        return []
    if shape == "circle":
        half = int((size**2 - y**2) ** 0.5)
        return [(-half, half)]
    if shape == "square":
        return [(-size, size)]
    if shape == "stripes":
        return [(at, at + size // 5) for at in range(-size, size, 2 * size // 5)]
    return [(-size, size)] if abs(y) < size // 5 else [(-size // 5, size // 5)]

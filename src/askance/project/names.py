"""Names of classes that people type: known, new, or perhaps a slip of the finger."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)")
_SIGNS = re.compile(r"[+#*<>=%]|^-(?=\d)|-$")  # C and C++, A and A-, 1 and -1: signs that mean something
_ACCENTS = re.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic; other marks are letters of their own


@dataclass(frozen=True)
class Doubt:
    """A name that looks like another one.

    Args:
        name: What was typed.
        count: How often.
        near: The name it looks like.
    """

    name: str
    count: int
    near: str


@dataclass(frozen=True)
class Sorted:
    """What typed names mean.

    Args:
        taken: For each name that needs no decision, the name it means.
        new: Names of new classes, as they were typed, the commonest first.
        doubtful: Names that may be slips; they are in neither of the others.
    """

    taken: Mapping[str, str]
    new: Sequence[str]
    doubtful: Sequence[Doubt]


def sort_out(
    typed: Mapping[str, int],
    known: Sequence[str],
    *,
    accepted: Collection[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> Sorted:
    """Tell known names, new ones and slips apart.

    A name is doubtful if it differs from a known class, or from a commoner new name, only by case, blanks, punctuation
    or accents, or by one letter (two in long names), as `looks_like` has it. The nearest name is the one it looks like.

    Args:
        typed: How often each name was typed.
        known: The classes.
        accepted: Names that somebody said are classes of their own.
        aliases: Names that somebody said mean another one.

    >>> found = sort_out({"billing": 9, "billng": 1, "login": 4}, ["billing"])
    >>> found.new, found.doubtful
    (['login'], [Doubt(name='billng', count=1, near='billing')])
    """
    meant, classes = dict(aliases or {}), frozenset(known)
    taken = {name: name for name in typed if name in classes}
    taken |= {name: meant[name] for name in typed if name in meant and name not in taken}
    new: list[str] = []
    doubtful: list[Doubt] = []
    for name in sorted((name for name in typed if name not in taken), key=lambda name: (-typed[name], name)):
        near = None if name in accepted else _nearest(name, [*known, *new])
        if near is None:
            new.append(name)
            taken[name] = name
        else:
            doubtful.append(Doubt(name, typed[name], near))
    return Sorted(taken, new, doubtful)


def looks_like(name: str, other: str) -> bool:
    """Whether one of two different names may be a slip for the other.

    Case, blanks, punctuation and accents are slips, and so is one letter added, dropped, changed or swapped with its
    neighbor in names of four letters or more, two in names of eight or more. Another first letter is no slip, unless
    the first two are swapped: relevant is not irrelevant, legal not regal. Nor are other digits, or a plus or minus:
    class 1 is not class 2, A not A+. Of two numbers only the same value is a slip, as a spreadsheet's 1 for 01.

    >>> looks_like("Billing ", "billing"), looks_like("class 1", "class 2"), looks_like("male", "female")
    (True, False, False)
    """
    return _apart(name, other) is not None


def edits(one: str, two: str, most: int) -> int:
    """How many letters to add, drop, change or swap with their neighbor make one word of another; ``most`` + 1 if more.

    >>> edits("billing", "biling", 2), edits("form", "from", 2), edits("cat", "horse", 2)
    (1, 1, 3)
    """
    if abs(len(one) - len(two)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, start=1):
        last, before, row = before, row, [i]
        for j, b in enumerate(two, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most and min(before) > most:  # a swap looks back two rows
            return most + 1
    return min(row[-1], most + 1)


def _nearest(name: str, others: Sequence[str]) -> str | None:
    """The name that looks most like this one, the first of several; None if none does."""
    apart = [(far, place) for place, other in enumerate(others) if (far := _apart(name, other)) is not None]
    return others[min(apart)[1]] if apart else None


def _apart(name: str, other: str) -> int | None:
    """How many slips lie between two names; None if they are names of their own."""
    one, two = _Letters.of(name), _Letters.of(other)
    if one.value is not None and two.value is not None:
        return 0 if one.value == two.value else None
    if one.signs != two.signs:
        return None
    if one.plain == two.plain:
        return 0 if one.plain or name.strip() == other.strip() else None
    shorter = min(len(one.plain), len(two.plain))
    allowed = 2 if shorter >= 8 else 1 if shorter >= 4 else 0
    if abs(len(one.plain) - len(two.plain)) > allowed or not allowed:
        return None
    if one.plain[0] != two.plain[0] and one.plain[:2] != two.plain[1::-1]:
        return None
    found = edits(one.plain, two.plain, allowed)
    return found if found <= allowed else None


@dataclass(frozen=True)
class _Letters:
    """What is compared of a name: without case, accents, blanks and punctuation; digits and signs must be the same."""

    plain: str
    signs: str
    value: float | None

    @staticmethod
    @lru_cache(maxsize=4096)
    def of(name: str) -> _Letters:
        bare = name.strip()
        value = float(bare.replace(",", ".")) if _NUMBER.fullmatch(bare) else None
        folded = _ACCENTS.sub("", unicodedata.normalize("NFKD", bare.casefold()))
        whole = unicodedata.normalize("NFC", folded)
        plain = "".join(sign for sign in whole if unicodedata.category(sign)[0] in "LMN")
        digits = "".join(sign for sign in plain if sign.isdigit())
        return _Letters(plain, digits + "".join(_SIGNS.findall(bare)), value)

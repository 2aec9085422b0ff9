"""Names of classes that people type: known, new, or perhaps a slip of the finger."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


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
    or accents, or by one letter (two in long names); names that differ in digits are different.

    Args:
        typed: How often each name was typed.
        known: The classes.
        accepted: Names that somebody said are classes of their own.
        aliases: Names that somebody said mean another one.

    >>> found = sort_out({"billing": 9, "billng": 1, "login": 4}, ["billing"])
    >>> found.new, found.doubtful
    (['login'], [Doubt(name='billng', count=1, near='billing')])
    """
    meant = dict(aliases or {})
    taken = {name: name for name in typed if name in known}
    taken |= {name: meant[name] for name in typed if name in meant and name not in taken}
    new: list[str] = []
    doubtful: list[Doubt] = []
    for name in sorted((name for name in typed if name not in taken), key=lambda name: (-typed[name], name)):
        near = None if name in accepted else next((one for one in [*known, *new] if looks_like(name, one)), None)
        if near is None:
            new.append(name)
            taken[name] = name
        else:
            doubtful.append(Doubt(name, typed[name], near))
    return Sorted(taken, new, doubtful)


def looks_like(name: str, other: str) -> bool:
    """Whether one of two different names may be a slip for the other.

    >>> looks_like("Billing ", "billing"), looks_like("class 1", "class 2"), looks_like("male", "female")
    (True, False, False)
    """
    one, two = _plain(name), _plain(other)
    if re.sub(r"\D", "", one) != re.sub(r"\D", "", two):
        return False
    if one == two:
        return bool(one) or name.strip() == other.strip()
    shorter = min(len(one), len(two))
    allowed = 2 if shorter >= 8 else 1 if shorter >= 4 else 0
    return allowed > 0 and one[0] == two[0] and edits(one, two, allowed) <= allowed


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
    return min(row[-1], most + 1)


def _plain(name: str) -> str:
    """A name without case, accents, blanks and punctuation."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(sign for sign in apart if sign.isalnum())

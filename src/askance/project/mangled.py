"""Ids that a spreadsheet has changed, found again where one id alone can be meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cached_property

from askance.project.sheets import shown

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_ROUNDED = re.compile(r"[+-]?\d(?:[.,](\d+))?e\+?\d{1,3}", re.ASCII | re.IGNORECASE)
LARGE = 1e11  # from here on Excel shows and saves a number as 1.23457E+11, less zeros at the end of its digits
DIGITS = 5


class Mangled:
    """Finds the id that was meant by what a spreadsheet made of it.

    Args:
        ids: All ids of the project; they are read when the first one is looked for.

    >>> ids = Mangled(lambda: ["007", "1E5", "123456789012", "12", "12.0"])
    >>> [ids.meant(seen) for seen in ["7", "100000", "1.23457E+11", "12.00"]]
    ['007', '1E5', '123456789012', None]
    """

    def __init__(self, ids: Callable[[], Iterable[str]]) -> None:
        self._ids = ids
        self._by_digits: dict[int, Mapping[str, list[str]]] = {}

    def meant(self, given: str) -> str | None:
        """The one id that a spreadsheet would have made this of; None if there is none, or several."""
        found = self._stored.get(_stored(given), [])
        if not found and (shape := _ROUNDED.fullmatch(given.strip())):
            digits = max(DIGITS, len(shape[1] or ""))
            found = self._rounded(digits).get(_rounded(given, digits), [])
        return found[0] if len(found) == 1 else None

    @cached_property
    def _stored(self) -> Mapping[str, list[str]]:
        return _grouped(self._ids(), _stored)

    def _rounded(self, digits: int) -> Mapping[str, list[str]]:
        """Ids that are large numbers, by what a spreadsheet shows of them."""
        if digits not in self._by_digits:
            groups: dict[str, list[str]] = {}
            for id in self._ids():
                for shown in {_rounded(id, digits), _rounded_twice(id, digits)}:
                    groups.setdefault(shown, []).append(id)
            self._by_digits[digits] = groups
        return self._by_digits[digits]


def _grouped(ids: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for id in ids:
        groups.setdefault(key(id), []).append(id)
    return groups


def _stored(text: str) -> str:
    """A text as a spreadsheet stores it: as a number if it looks like one, else with neither odd signs nor case.

    Case goes because words for true and false, in whatever language, come back in capitals.
    """
    plain = re.sub(r"\r\n?", "\n", shown(text)).strip()
    value = _number(plain)
    return plain.lower() if value is None else f"{value:.15g}"


def _rounded(text: str, digits: int) -> str:
    value = _number(text.strip())
    return text if value is None or abs(value) < LARGE else f"{value:.{digits}e}"


def _rounded_twice(text: str, digits: int) -> str:
    """The same by way of one digit more, as LibreOffice does: ...445 becomes ...45 and then ...5."""
    value = _number(text.strip())
    if value is None or abs(value) < LARGE:
        return text
    exact = Decimal(repr(value))
    for kept in (digits + 2, digits + 1):
        exact = Context(prec=kept, rounding=ROUND_HALF_UP).create_decimal(exact)
    return f"{float(exact):.{digits}e}"


def _number(text: str) -> float | None:
    plain = text.replace(",", ".", 1)
    value = float(plain) if _NUMBER.fullmatch(plain) else None
    return None if value is None or abs(value) > 1e300 else value + 0.0  # no cell holds -0

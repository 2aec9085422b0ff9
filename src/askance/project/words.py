"""What was read of a file, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from askance.project.intake import Intake
from askance.project.items import FOLDED, ITEM

SHOWN = 5  # examples in a message


def describe_rows(intake: Intake, counts: dict[str, int]) -> Iterator[str]:
    """What rows there are, in words: items, duplicates, empties, broken ones with their names."""
    near = f"; {intake.near:,} of them nearly repeat an earlier one" if intake.near else ""
    yield f"items: {counts[ITEM]:,}{near}"
    if counts[FOLDED]:
        yield f"duplicates: {counts[FOLDED]:,} rows repeat another one; they are asked once, and all get the label"
    if intake.empty:
        yield f"empty: {len(intake.empty):,} rows set aside ({some(intake.empty)})"
    if intake.broken:
        yield f"broken: {len(intake.broken):,} rows set aside"
        yield from (f"  {why}" for why in intake.broken[:SHOWN])
        if len(intake.broken) > SHOWN:
            yield f"  and {len(intake.broken) - SHOWN:,} more: askance status --json lists them"


def quoted(name: str) -> str:
    """A name between quotes, as it is typed.

    >>> print(quoted("billing"), quoted("it's"))
    'billing' 'it'"'"'s'
    """
    return quote(name) if "'" in name else f"'{name}'"


def task_words(task: str) -> str:
    """What an item gets."""
    return {"classes": "one class each", "labels": "any labels", "number": "a number"}[task]


def some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

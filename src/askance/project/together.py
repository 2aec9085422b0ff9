"""Rows of our own export, which say in one row what several people answered."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from askance.history import KINDS
from askance.project.sheets import bare

SAID = ("people", "by", "said")  # the columns by which such a row is known


@dataclass(frozen=True)
class Voice:
    """What one person said in a row of several.

    Args:
        by: Who; empty for nobody named.
        text: The label, as a cell has it; empty where there is none.
        kind: One of `askance.history.KINDS`.
        seconds: How long it took, where the row says so.
    """

    by: str
    text: str
    kind: str
    seconds: float | None = None


def voices(columns: Mapping[str, Any], classes: Collection[str] = ()) -> list[Voice]:
    """What each person said, in the order of the row; nothing where a row is not of our export.

    Args:
        columns: The cells, by lower-case names of their columns.
        classes: Names of classes, which win over what looks like a kind in brackets or like shares.

    >>> voices({"people": "2", "by": "ann; bob", "said": "cat; [unsure]"})
    [Voice(by='ann', text='cat', kind='label', seconds=None), Voice(by='bob', text='', kind='unsure', seconds=None)]
    """
    if not all(name in columns for name in SAID):
        return []
    people, said = _listed(columns["by"]), _listed(columns["said"])
    if not len(people) == len(said) == (int(columns["people"]) if str(columns["people"]).isdecimal() else -1):
        return []
    answers = columns.get("answers")
    times: list[Any] = [None] * len(people)  # CSV has their sum alone
    if isinstance(answers, list) and len(answers) == len(people):
        times = [one.get("seconds") if isinstance(one, dict) else None for one in answers]
    return [_voice(*each, classes) for each in zip(people, said, times, strict=True)]


def _voice(by: str, text: str, seconds: Any, classes: Collection[str]) -> Voice:
    known, took = text in classes, seconds if isinstance(seconds, int | float) else None
    kind = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else ""
    if kind in KINDS and not known:
        return Voice(by, "", kind, took)
    return Voice(by, text, "soft" if text.startswith("{") and not known else "label", took)


def _listed(cell: Any) -> list[str]:
    """A list, or a cell that stands for one: as JSON, or with semicolons between."""
    if isinstance(cell, str) and cell.startswith("["):
        with suppress(ValueError):
            cell = json.loads(cell)
    if isinstance(cell, list):
        return [str(one) for one in cell]
    return [bare(part.strip()) for part in str(cell if cell is not None else "").split(";")]

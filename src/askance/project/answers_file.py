"""Files that somebody filled in: answers by id, from CSV in any dialect or JSON lines."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.history import KINDS
from askance.project.dialects import no_column, rows_of
from askance.project.mangled import Mangled
from askance.project.sheets import BY, ID, LABEL, OURS, bare
from askance.project.together import Voice, voices

WORDS = {"?": "unsure", "!": "broken", "none of these": "none-of-these"}  # cells that are no label; a class's name wins
WRONG = 3  # ids that a message names

_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Filled:
    """One answer in a file.

    Args:
        id: Of the project, as it has it.
        label: What the cell says.
        kind: One of `askance.history.KINDS`.
        by: Who answered.
        seconds: How long it took, if the file says so.
        place: Where it stands, for errors.
        value: The label itself, where the file has more than a cell's text for it; None leaves it to `parse_label`.
    """

    id: str
    label: str
    kind: str
    by: str
    seconds: float | None
    place: str
    value: Any = None


@dataclass(frozen=True)
class AnswersFile:
    """What somebody filled in.

    Args:
        rows: The answers, one for each item and person.
        blank: Rows without an answer.
        conflicts: Places where one person says two things of one item; these are not among the rows.
        remarks: What a person should know.
    """

    rows: Sequence[Filled]
    blank: int
    conflicts: Sequence[str]
    remarks: Sequence[str]


class Gathering:
    """Answers as they come out of a file: one for each item and person; of two that differ, neither."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Filled] = {}
        self._twice: dict[tuple[str, str], list[str]] = {}

    def add(self, row: Filled) -> None:
        """Take in the next one."""
        name = (row.id, row.by)
        before = self._found.setdefault(name, row)
        if (before.label, before.kind, before.value) != (row.label, row.kind, row.value):
            self._twice.setdefault(name, [before.place]).append(row.place)

    def all(self, blank: int, remarks: Sequence[str]) -> AnswersFile:
        """What was gathered."""
        conflicts = [f"{id} ({', '.join(places)})" for (id, _), places in self._twice.items()]
        kept = [row for name, row in self._found.items() if name not in self._twice]
        return AnswersFile(kept, blank, conflicts, remarks)


def read_answers(
    path: Path,
    *,
    by: str = "",
    knows: Callable[[str], bool],
    ids: Callable[[], Iterable[str]],
    label_column: str | None = None,
    classes: Sequence[str] = (),
    agree: Callable[[Sequence[Voice], str], bool] = lambda each, text: False,
) -> AnswersFile:
    """Read a file that came back, whatever a spreadsheet has done to it.

    CSV may have commas, semicolons or tabs, a byte order mark, a ``sep=`` line, other and more columns in any order,
    and empty lines; Excel's UTF-16 and, if it is nothing else, Windows-1252 are read, too. Ids that a spreadsheet has
    changed (``7`` for ``007``, ``100000`` for ``1E5``) are found again where only one id of the project is meant.

    A cell without a label is passed over. ``?`` means unsure, ``!`` broken, and ``none of these`` itself, unless a
    class has that name; a column ``kind`` says the same by the names in `askance.history.KINDS`. JSON lines
    (``.jsonl``, ``.ndjson`` or ``.json``) hold an object with the same keys for each answer.

    A row of our own export says what several people answered. As long as its label is what they say together, each of
    them answers; where somebody has changed it, there is one answer, of whoever tells the file.

    Args:
        path: The file.
        by: Who answers, where the file has no such column.
        knows: Whether the project has an id.
        ids: All ids of the project.
        label_column: Another name that the label column may have.
        classes: Names of classes, which win over words such as ``?``.
        agree: Whether the text of a label is what several people say together.

    Raises:
        BadInput: If it cannot be read, lacks a column, or has an id that the project does not have.
    """
    remarks: list[str] = []
    named = [LABEL, *([label_column.strip().lower()] if label_column else [])]
    lines = path.suffix.lower() in (".jsonl", ".ndjson", ".json")
    rows = _json_rows(path) if lines else rows_of(path, [[ID], named], {*OURS, *named}, remarks)
    found = Gathering()
    wrong: list[tuple[str, str]] = []
    blank = soft = 0
    mangled = Mangled(ids)
    repaired: list[str] = []
    for place, cells in rows:
        columns = {str(name).strip().lower(): value for name, value in cells.items()}
        text, kind = _said(_column(columns, named, place, cells), columns.get("kind"), classes, place)
        given = _text(_column(columns, [ID], place, cells), place)
        each = voices(columns, classes)
        if any(voice.kind == "soft" for voice in each):
            soft += 1
            continue
        if not text and kind == "label":
            blank += 1
            continue
        id = next((one for one in _readings(given, guarded=not lines) if knows(one)), None)
        if id is None:
            seen = bare(given.strip())
            id = mangled.meant(seen)
            if id is None:
                wrong.append((seen, place))
                continue
            repaired.append(f"{seen!r} for {id!r}")
        if len(each) > 1 and agree(each, text):
            for voice in each:
                found.add(Filled(id, voice.text, voice.kind, voice.by or by, voice.seconds, place))
            continue
        if each:
            columns |= {"by": each[0].by if len(each) == 1 else ""}
        who = next((name for column in BY if (name := _text(columns.get(column), place).strip())), by)
        found.add(Filled(id, text, kind, who, read_seconds(columns.get("seconds")), place))
    if wrong:
        raise _unknown_ids(path, wrong, ids)
    if soft:
        remarks.append(f"{soft:,} rows with soft answers, shares of classes, were passed over: study.tell takes them")
    if repaired:
        remarks.append(f"{len(repaired)} ids had been changed by a spreadsheet and were recognized: {_some(repaired)}")
    return found.all(blank, remarks)


def parse_label(text: str, kind: str, place: str = "") -> Any:
    """The text of a label as a value.

    A class is its name. Labels stand between semicolons or bars, or in a JSON list; ``[]`` is none. A number may have a
    comma or a point before its decimals, whatever stands between cells. What could be thousands, such as 1,234, and a
    number with both are refused.

    Args:
        text: What the cell says.
        kind: ``classes``, ``labels`` or ``number``.
        place: Where it stands, for errors.

    Raises:
        BadInput: If it is no number where there should be one.

    >>> parse_label(" cat ", "classes"), parse_label("urgent; billing", "labels"), parse_label("3,5", "number")
    ('cat', ['urgent', 'billing'], 3.5)
    """
    text = text.strip()
    if kind == "classes":
        return text
    if kind == "labels":
        return _labels(text)
    where = f"{place}: " if place else ""
    if "," in text and "." in text:
        raise BadInput(f"{where}{text!r} has a comma and a point. Write the number with one of them, as in 1234.5")
    if _THOUSANDS.fullmatch(text):
        raise BadInput(
            f"{where}{text!r} could be {text.replace(',', '')} or {text.replace(',', '.')}. Write one of these."
        )
    plain = text.replace(",", ".")
    value = float(plain) if _NUMBER.fullmatch(plain) else math.nan
    if not math.isfinite(value):
        raise BadInput(f"{where}{text!r} is not a number. Write it as in 12.5, or leave the label blank.")
    return value


def read_seconds(value: Any) -> float | None:
    """A time that somebody took, or None if that is no time.

    >>> read_seconds("2,5"), read_seconds(None), read_seconds(-1)
    (2.5, None, None)
    """
    try:
        found = float(str(value).replace(",", "."))
    except ValueError:
        return None
    return found if 0 <= found < math.inf else None


def _labels(text: str) -> list[str]:
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list):
            return [str(name).strip() for name in found if str(name).strip()]
    parts = text.replace("|", ";").split(";")
    return [name.strip() for name in parts if name.strip()]


def _said(label: Any, kind: Any, classes: Collection[str], place: str) -> tuple[str, str]:
    """What a row says: a label's text and its kind."""
    text = json.dumps(label, ensure_ascii=False) if isinstance(label, list) else _text(label, place).strip()
    text = text if text in classes else bare(text).strip()
    named = "-".join(_text(kind, place).lower().split())
    if named and named not in KINDS:
        raise BadInput(
            f"{place}: there is no kind of answer named {named!r}. Known: {', '.join(KINDS)}. Use one of these, or "
            f"rename the column 'kind' if it means something else."
        )
    if named and named != "label":
        if named == "soft":
            raise BadInput(f"{place}: soft labels cannot be told by a file. Use study.tell in Python.")
        return "", named
    word = " ".join(text.lower().split())
    return ("", WORDS[word]) if word in WORDS and text not in classes else (text, "label")


def _readings(given: str, *, guarded: bool) -> tuple[str, ...]:
    """What an id's cell may say, the likeliest first: in CSV an apostrophe is a guard, in JSON it is the id's own."""
    plain = (bare(given), given) if guarded else (given, bare(given))
    return (*plain, bare(given.strip()))


def _column(columns: Mapping[str, Any], names: Sequence[str], place: str, cells: Mapping[Any, Any]) -> Any:
    for name in names:
        if name in columns:
            return columns[name]
    raise no_column(place, names[0], cells)


def _text(value: Any, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        raise BadInput(f"{place}: {json.dumps(value)[:60]} is no text. Write a text or a number; several labels as [].")
    return str(value)


def _json_rows(path: Path) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    from askance.sources.jsonl import JsonlSource

    for line, found in JsonlSource(path).objects():
        yield f"{path}, line {line}", found


def _unknown_ids(path: Path, wrong: Sequence[tuple[str, str]], ids: Callable[[], Iterable[str]]) -> BadInput:
    named = _some([f"{id!r} ({place.rpartition(', ')[2]})" for id, place in wrong])
    near = get_close_matches(wrong[0][0], list(ids())[:20_000], n=1, cutoff=0.7)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return BadInput(
        f"{path}: the project has no item with the id {named}. Nothing was taken.{hint} Keep the id column as it "
        f"was written."
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - WRONG} more" if len(names) > WRONG else ""
    return ", ".join(names[:WRONG]) + more

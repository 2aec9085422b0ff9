"""Files that somebody filled in: answers by id, from CSV in any dialect or JSON lines."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.history import KINDS
from askance.project.sheets import ID, LABEL, bare

WORDS = {"?": "unsure", "!": "broken", "none of these": "none-of-these"}  # cells that are no label; a class's name wins
BY = ("by", "annotator", "who")
WRONG = 3  # unknown ids that a message names


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
    """

    id: str
    label: str
    kind: str
    by: str
    seconds: float | None
    place: str


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


def read_answers(
    path: Path,
    *,
    by: str = "",
    knows: Callable[[str], bool],
    ids: Callable[[], Iterable[str]],
    label_column: str | None = None,
    classes: Sequence[str] = (),
) -> AnswersFile:
    """Read a file that came back, whatever a spreadsheet has done to it.

    CSV may have commas, semicolons or tabs, a byte order mark, a ``sep=`` line, other and more columns in any order,
    and empty lines; Excel's UTF-16 and, if it is nothing else, Windows-1252 are read, too. Ids that a spreadsheet has
    changed (``7`` for ``007``, ``100000`` for ``1E5``) are found again where only one id of the project is meant.

    Args:
        path: The file.
        by: Who answers, where the file has no such column.
        knows: Whether the project has an id.
        ids: All ids of the project.
        label_column: Another name that the label column may have.
        classes: Names of classes, which win over words such as ``?``.

    Raises:
        BadInput: If it cannot be read, lacks a column, or has an id that the project does not have.
    """
    remarks: list[str] = []
    rows = _json_rows(path) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv_rows(path, remarks)
    found: dict[tuple[str, str], Filled] = {}
    wrong: list[tuple[str, str]] = []
    twice: dict[tuple[str, str], list[str]] = {}
    blank = 0
    mangled = _Mangled(ids)
    repaired = 0
    for place, cells in rows:
        columns = {str(name).strip().lower().lstrip("\ufeff"): value for name, value in cells.items()}
        label = _column(columns, [LABEL, (label_column or LABEL).lower()], place, cells)
        text, kind = _said(label, columns.get("kind"), classes, place)
        given = bare(_text(_column(columns, [ID], place, cells)).strip())
        if not text and kind == "label":
            blank += 1
            continue
        id = given if knows(given) else mangled.meant(given)
        repaired += id is not None and id != given
        if id is None:
            wrong.append((given, place))
            continue
        who = next((_text(columns[name]).strip() for name in BY if _text(columns.get(name)).strip()), by)
        row = Filled(id, text, kind, who, _seconds(columns.get("seconds")), place)
        before = found.setdefault((id, who), row)
        if (before.label, before.kind) != (text, kind):
            twice.setdefault((id, who), [before.place]).append(place)
    if wrong:
        raise _unknown_ids(path, wrong, ids)
    if repaired:
        remarks.append(f"{repaired} ids had been changed by a spreadsheet and were recognized")
    conflicts = [f"{id} ({', '.join(places)})" for (id, _), places in twice.items()]
    kept = [row for name, row in found.items() if name not in twice]
    return AnswersFile(kept, blank, conflicts, remarks)


def parse_label(text: str, kind: str, place: str = "") -> Any:
    """The text of a label as a value.

    A class is its name. Labels stand between semicolons or bars, or in a JSON list; ``[]`` is none. A number may have a
    comma or a point before its decimals; a number with both is refused.

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
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise BadInput(f"{where}{text!r} is not a number. Write it as in 12.5, or leave the label blank.") from None


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


def _said(label: Any, kind: Any, classes: Sequence[str], place: str) -> tuple[str, str]:
    """What a row says: a label's text and its kind."""
    text = json.dumps(label, ensure_ascii=False) if isinstance(label, list) else bare(_text(label).strip()).strip()
    named = _text(kind).strip().lower()
    if named and named not in KINDS:
        raise BadInput(f"{place}: there is no kind of answer named {named!r}. Known: {', '.join(KINDS)}.")
    if named and named != "label":
        if named == "soft":
            raise BadInput(f"{place}: soft labels cannot be told by a file. Use study.tell in Python.")
        return "", named
    if text not in classes and text.lower() in WORDS:
        return "", WORDS[text.lower()]
    return text, "label"


def _column(columns: Mapping[str, Any], names: Sequence[str], place: str, cells: Mapping[Any, Any]) -> Any:
    for name in names:
        if name in columns:
            return columns[name]
    raise BadInput(
        f"{place}: there is no column {names[0]!r} among {', '.join(map(str, cells)) or 'none'}. Keep the columns "
        f"'id' and 'label' of the file that was written; all others may go."
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _seconds(value: Any) -> float | None:
    try:
        found = float(_text(value))
    except ValueError:
        return None
    return found if 0 <= found < float("inf") else None


def _json_rows(path: Path) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    from askance.sources.jsonl import JsonlSource

    for line, found in JsonlSource(path).objects():
        yield f"{path}, line {line}", found


def _csv_rows(path: Path, remarks: list[str]) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    lines = io.StringIO(_decoded(path, remarks), newline="")
    head = lines.readline()
    delimiter = ""
    first = 1
    if head.lower().startswith("sep=") and len(head.strip()) == 5:  # Excel's own way to say it
        delimiter, head, first = head.strip()[4], lines.readline(), 2
    if not head.strip():
        raise BadInput(
            f"{path} is empty, or begins with an empty line. It needs a header with the columns id and label."
        )
    bars = [max(",;\t", key=head.count)]
    reader = csv.reader(_chained(head, lines), delimiter=delimiter or bars[0], strict=True)
    start = first
    names: list[str] = []
    try:
        for record in reader:
            here, start = start, reader.line_num + first
            if not any(cell.strip() for cell in record):
                continue
            if not names:
                names = _named(path, record)
                continue
            if any(cell.strip() for cell in record[len(names) :]):
                raise BadInput(
                    f"{path}, line {here}: {len(record)} cells, and the header has {len(names)}. Put quotes around a "
                    f"cell that holds the sign between cells."
                )
            yield f"{path}, line {here}", dict(zip(names, record + [""] * (len(names) - len(record)), strict=False))
    except csv.Error as error:
        raise BadInput(
            f"{path}, line {start}: {error}. Close every quote; write a quote inside a quoted cell twice."
        ) from error


def _named(path: Path, header: Sequence[str]) -> list[str]:
    """The names in a header, without the empty columns at its end."""
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    lowered = [name.lower() for name in names]
    twice = [name for name in (ID, LABEL) if lowered.count(name) > 1]
    if twice:
        raise BadInput(f"{path}: two columns are named {twice[0]!r}. Rename or remove the one that is not meant.")
    return names


def _decoded(path: Path, remarks: list[str]) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}. Check the path and its permissions.") from error
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
            remarks.append("the file is not UTF-8 and was read as Windows-1252; check names with accents")
    if "\0" in text:
        raise BadInput(f"{path} is no text: it holds NUL characters. Save the sheet as CSV (UTF-8).")
    return text


def _chained(head: str, rest: Iterable[str]) -> Iterator[str]:
    yield head
    yield from rest


def _unknown_ids(path: Path, wrong: Sequence[tuple[str, str]], ids: Callable[[], Iterable[str]]) -> BadInput:
    named = ", ".join(f"{id!r} ({place.rpartition(', ')[2]})" for id, place in wrong[:WRONG])
    more = f" and {len(wrong) - WRONG} more" if len(wrong) > WRONG else ""
    near = get_close_matches(wrong[0][0], list(ids())[:20_000], n=1, cutoff=0.7)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return BadInput(
        f"{path}: the project has no item with the id {named}{more}. Nothing was taken.{hint} Keep the id column as it "
        f"was written."
    )


class _Mangled:
    """Ids that a spreadsheet has changed, found again where one id alone can be meant."""

    def __init__(self, ids: Callable[[], Iterable[str]]) -> None:
        self._ids = ids
        self._meant: dict[str, list[str]] | None = None

    def meant(self, given: str) -> str | None:
        """The one id that looks like this once it is a number; None if there is none, or several."""
        if self._meant is None:
            self._meant = {}
            for id in self._ids():
                self._meant.setdefault(_as_number(id), []).append(id)
        found = self._meant.get(_as_number(given), [])
        return found[0] if len(found) == 1 else None


def _as_number(text: str) -> str:
    """A text as a spreadsheet would store it if it took it for a number; the text itself otherwise."""
    plain = text.strip().replace(",", ".")
    try:
        value = float(plain)
    except ValueError:
        return plain.lower()
    return f"{value:.15g}" if value == value and abs(value) < 1e300 else plain.lower()

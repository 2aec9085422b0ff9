"""Labels and their provenance as a file: CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from askance.errors import BadInput, StorageError
from askance.files import whole, whole_bytes
from askance.project.provenance import Labeled

ENDINGS = (".csv", ".jsonl", ".parquet")
COLUMNS = {  # what each column is, for the card and the page of the documentation
    "id": "the row's id",
    "label": "what most people say; empty where the answer is no label",
    "kind": "label, or what most people say instead of one: unsure, broken, none-of-these",
    "same_as": "the item whose content this row repeats, if it does: the question was asked once",
    "people": "how many people's answers stand",
    "agreement": "the share of them that give this label; empty for numbers",
    "by": "who answered, in the order in which the answers came",
    "said": "what each of them said; a kind in brackets is no label",
    "answered_at": "when the last answer came, in UTC",
    "seconds": "how long the answers took in all, where that was measured",
    "answers": "all of that for each answer: by, value, kind, at, seconds",
    "chosen": "active: by the strategy. control: drawn uniformly. unasked: told without being asked. released: asked, "
    "given back, and answered all the same",
    "strategy": "what chose it",
    "round": "in which round it was asked, from 1",
    "rank": "its place in its batch, from 1",
    "probability": "how likely it was to be drawn; empty where a rule chose it",
    "utility": "what the strategy thought of it; only its order means something, and only within a batch",
    "asked_at": "when it was asked, in UTC",
    "model": "the key of the model that chose it",
    "line": "the line of the journal that asked",
    "ask": "which ask of the journal that is, from 1",
    "seen": "the last line of the journal that was known when it was chosen",
    "flagged": "whether somebody's flag stands; in CSV only where there is a flag or a comment",
    "comment": "the comment that stands, after its person's name where there are several; in CSV as `flagged`",
}
NOTED = ("flagged", "comment")
_OWN = ("chosen", "strategy", "round", "rank", "probability", "utility", "asked_at", "model", "line", "ask", "seen")
_BREAKS = ";|"  # what `askance tell` takes a cell of labels apart by


def check_ending(path: Path) -> None:
    """Refuse a file of another kind."""
    if path.suffix.lower() not in ENDINGS:
        raise BadInput(f"{path} ends in none of {', '.join(ENDINGS)}. Name the file labels.csv, for example.")


def write_labels(
    path: Path,
    labeled: Iterable[Labeled],
    rows_of: Callable[[Any], Sequence[str]] = lambda id: [str(id)],
    *,
    raw: Callable[[str], Mapping[str, str]] | None = None,
) -> int:
    """Write a line for each row of each labeled item, whole or not at all.

    Cells are as they are: unlike a batch for a spreadsheet, nothing is put in front of what looks like a formula, and
    the file has no byte order mark.

    Args:
        path: A ``.csv``, ``.jsonl`` or ``.parquet`` file; one that is there is replaced.
        labeled: The items.
        rows_of: The rows that an item stands for, its own among them.
        raw: The cells of a row's item, by the row's id; they become further columns, ``item.label`` for a cell whose
            name is taken.

    Returns:
        How many lines.

    Raises:
        BadInput: If the file is of another kind.
        StorageError: If it cannot be written.
    """
    check_ending(path)
    rows = [row for item in labeled for row in records(item, rows_of(item.id), raw)]
    names = list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)])) if raw else list(COLUMNS)
    if path.suffix.lower() == ".csv" and not any(row["flagged"] or row["comment"] for row in rows):
        names = [name for name in names if name not in NOTED]
    if path.suffix.lower() == ".parquet":
        _write_parquet(path, rows, names)
        return len(rows)
    with whole(path, newline="") as file:
        if path.suffix.lower() == ".jsonl":
            lines = ({name: strict(row.get(name)) for name in names} for row in rows)
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        else:
            table = csv.writer(file)
            table.writerow(names)
            table.writerows([_cell(name, row.get(name)) for name in names] for row in rows)
    return len(rows)


def records(
    item: Labeled, ids: Sequence[str], raw: Callable[[str], Mapping[str, str]] | None = None
) -> Iterator[dict[str, Any]]:
    """A record for each row of one labeled item, by the names in `COLUMNS`.

    Args:
        item: The item.
        ids: The rows that it stands for, its own among them.
        raw: The cells of a row's item, as in `write_labels`.
    """
    seconds = [answer.seconds for answer in item.answers if answer.seconds is not None]
    shared = {
        "label": _plain(item.label),
        "kind": item.kind,
        "same_as": None,
        "people": len(item.answers),
        "agreement": item.agreement,
        "by": [answer.by for answer in item.answers],
        "said": [_said(answer.value, answer.kind) for answer in item.answers],
        "answered_at": max(answer.at for answer in item.answers),
        "seconds": round(sum(seconds), 3) if seconds else None,
        "answers": [vars(answer) for answer in item.answers],
        **{name: None if (value := getattr(item, name)) == "" else value for name in _OWN},
        "flagged": item.flagged,
        "comment": item.comment,
    }
    own = str(item.id)
    for id in ids:
        row = {"id": id, **shared}
        if id != own:
            row["same_as"] = own
        for name, cell in raw(id).items() if raw else ():
            row[f"item.{name}" if name in COLUMNS else name] = cell
        yield row


def strict(value: Any) -> Any:
    """A value that JSON has a word for: it has none for infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(label: Any) -> Any:
    """A label as people write it: a single number stands alone."""
    return label[0] if isinstance(label, list) and len(label) == 1 and isinstance(label[0], float) else label


def _said(value: Any, kind: str) -> str:
    return _text(_plain(value)) if kind in ("label", "soft") else f"[{kind}]"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(name: str, value: Any) -> Any:
    """A value in CSV: several people or labels stand between semicolons where that is clear, else as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, list):
        return value  # csv writes None as nothing, and a number with all its digits
    marks = _BREAKS if name == "label" else ";"
    texts = bool(value) and all(isinstance(one, str) and one.strip() == one for one in value)
    clear = texts and not any(mark in one for one in value for mark in marks)
    if clear and not (name == "label" and value[0].startswith("[")):
        return "; ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    texts, number, time = pa.string(), pa.float64(), pa.timestamp("s", "UTC")
    answer = {"by": texts, "value": texts, "kind": texts, "at": texts, "seconds": number}
    types = {"people": pa.int32(), "round": pa.int32(), "rank": pa.int32(), "ask": pa.int32()}
    types |= {name: pa.int64() for name in ("line", "seen")}
    types |= {name: number for name in ("agreement", "seconds", "probability", "utility")}
    types["flagged"] = pa.bool_()
    types |= {"by": pa.list_(texts), "said": pa.list_(texts), "answers": pa.list_(pa.struct(answer))}
    columns = {name: [row.get(name) for row in rows] for name in names}
    columns["answers"] = [[{**one, "value": _text(one["value"])} for one in row["answers"]] for row in rows]
    arrays = {name: pa.array(values, types.get(name, texts)) for name, values in columns.items() if name != "label"}
    arrays["label"] = _label_array(columns["label"])
    for name in ("answered_at", "asked_at"):
        arrays[name] = arrays[name].cast(time)
    try:
        with whole_bytes(path) as file:
            parquet.write_table(pa.table({name: arrays[name] for name in names}), file)
    except pa.ArrowException as error:
        raise StorageError(f"{path} cannot be written: {error}. Write .csv instead, and tell us.") from error


def _label_array(labels: Sequence[Any]) -> Any:
    """Labels in the narrowest type that holds all of them; numbers are lists, however many an item has."""
    import pyarrow as pa

    each = [None if label is None else label if isinstance(label, list) else [label] for label in labels]
    kinds = {type(one) for label in each for one in label or ()}
    kind = pa.float64() if kinds == {float} else pa.int64() if kinds == {int} else pa.string()
    if kind == pa.string():
        each = [None if label is None else [str(one) for one in label] for label in each]
    if any(isinstance(label, list | float) for label in labels):
        return pa.array(each, pa.list_(kind))
    return pa.array([None if label is None else label[0] for label in each], kind)

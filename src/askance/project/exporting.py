"""Labels and their provenance as a file: CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from askance.errors import BadInput, StorageError
from askance.files import whole, whole_bytes
from askance.project.provenance import Labeled

ENDINGS = (".csv", ".jsonl", ".parquet")
COLUMNS = {  # what each column is, for the card and the page of the documentation
    "id": "the row's id",
    "label": "what most people say; empty where the answer is no label",
    "same_as": "the item whose content this row repeats, if it does: the question was asked once",
    "people": "how many people's answers stand",
    "agreement": "the share of them that give this label",
    "by": "who answered, in the order in which the answers came",
    "said": "what each of them said; a kind in brackets is no label",
    "answered_at": "when the last answer came, in UTC",
    "seconds": "how long the answers took in all, where that was measured",
    "chosen": "active: by the strategy. control: drawn uniformly. unasked: told without being asked",
    "strategy": "what chose it",
    "round": "in which round it was asked, from 1",
    "rank": "its place in its batch, from 1",
    "probability": "how likely it was to be drawn; empty where a rule chose it",
    "utility": "what the strategy thought of it; only its order means something, and only within a batch",
    "asked_at": "when it was asked, in UTC",
    "model": "the key of the model that chose it",
    "line": "the line of the journal that asked",
}


def check_ending(path: Path) -> None:
    """Refuse a file of another kind."""
    if path.suffix.lower() not in ENDINGS:
        raise BadInput(f"{path} ends in none of {', '.join(ENDINGS)}. Name the file labels.csv, for example.")


def write_labels(
    path: Path, labeled: Iterable[Labeled], rows_of: Callable[[Any], Sequence[str]] = lambda id: [str(id)]
) -> int:
    """Write a line for each row of each labeled item, whole or not at all.

    Cells are as they are: unlike a batch for a spreadsheet, nothing is put in front of what looks like a formula.

    Args:
        path: A ``.csv``, ``.jsonl`` or ``.parquet`` file; one that is there is replaced.
        labeled: The items.
        rows_of: The rows that an item stands for, its own among them.

    Returns:
        How many lines.

    Raises:
        BadInput: If the file is of another kind.
        StorageError: If it cannot be written.
    """
    check_ending(path)
    rows = [row for item in labeled for row in _rows(item, rows_of(item.id))]
    if path.suffix.lower() == ".parquet":
        _write_parquet(path, rows)
        return len(rows)
    with whole(path, newline="") as file:
        if path.suffix.lower() == ".jsonl":
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            table = csv.DictWriter(file, list(COLUMNS))
            table.writeheader()
            table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return len(rows)


def _rows(item: Labeled, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    seconds = [answer.seconds for answer in item.answers if answer.seconds is not None]
    kept = asdict(item)
    shared = {
        "label": item.label,
        "people": len(item.answers),
        "agreement": item.agreement,
        "by": [answer.by for answer in item.answers],
        "said": [_said(answer.value, answer.kind) for answer in item.answers],
        "answered_at": max(answer.at for answer in item.answers),
        "seconds": round(sum(seconds), 3) if seconds else None,
        **{name: kept[name] for name in COLUMNS if name in kept and name not in ("id", "label", "agreement")},
    }
    for id in ids:
        yield {
            name: {"id": id, "same_as": None if id == str(item.id) else str(item.id), **shared}[name]
            for name in COLUMNS
        }


def _said(value: Any, kind: str) -> str:
    if kind not in ("label", "soft"):
        return f"[{kind}]"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(value: Any) -> Any:
    """A value in CSV: several people or labels stand between semicolons where that is clear, else as JSON."""
    if value is None:
        return ""
    if isinstance(value, list):
        plain = all(isinstance(one, str) and ";" not in one and one.strip() == one for one in value)
        return "; ".join(value) if plain else json.dumps(value, ensure_ascii=False)
    return f"{value:.6g}" if isinstance(value, float) else value


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    texts = pa.string()
    types = {"people": pa.int32(), "round": pa.int32(), "rank": pa.int32(), "line": pa.int64()}
    types |= {name: pa.float64() for name in ("agreement", "seconds", "probability", "utility")}
    types |= {"by": pa.list_(texts), "said": pa.list_(texts)}
    labels = [row["label"] for row in rows]
    if any(isinstance(label, list) for label in labels):
        number = any(isinstance(one, float) for label in labels for one in label or ())
        types["label"] = pa.list_(pa.float64() if number else texts)
    else:
        labels = [None if label is None else str(label) for label in labels]
    columns = {name: [row[name] for row in rows] for name in COLUMNS} | {"label": labels}
    table = pa.table({name: pa.array(values, types.get(name, texts)) for name, values in columns.items()})
    try:
        with whole_bytes(path) as file:
            parquet.write_table(table, file)
    except pa.ArrowException as error:
        raise StorageError(f"{path} cannot be written: {error}. Write .csv instead, and tell us.") from error

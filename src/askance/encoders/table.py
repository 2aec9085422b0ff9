"""Tables to frozen features: numbers standardized, words one-hot, and every column accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.encoders.base import Encoder, Encoding
from askance.errors import BadInput

MISSING = frozenset({"", "NA", "N/A", "nan", "NaN"})
KEPT = 100_000  # levels that are counted; a column with more of them is no description
FAR = 1e6  # standard deviations; of n cells that were learned from none is further off than the square root of n
LEVELS = 50  # a column's commonest levels; past these, a level has too few rows to learn from


@dataclass(frozen=True, eq=False)
class TableFeatures:
    """A table as numbers, and what became of each of its columns.

    Args:
        array: float32 (items, features).
        names: What each feature is, (features,).
        said: A sentence per column of the table.
    """

    array: NDArray[np.float32]
    names: list[str]
    said: list[str]


@dataclass(frozen=True)
class TableColumns(Encoder):
    """Columns of numbers get mean 0 and standard deviation 1; any other column becomes a 0/1 feature per level.

    An empty cell gets the mean, and a 0/1 feature of its own where the items that were learned from had some. Columns
    that tell items nothing apart (one value) or tell all of them apart (an id) are dropped. A level that was not there
    at first counts as one of the rare ones, and a word in a column of numbers as an empty cell; a number that is far
    from all that were learned from counts as a million standard deviations. So a file may grow by an odd cell, and what
    was learned from it goes on. While it is learned from, a number that is infinite is an error.

    Args:
        levels: A column's commonest levels that get a feature each; the others share one.

    >>> encoding = TableColumns().fit([{"size": "1", "color": "red"}, {"size": "3", "color": "blue"}] * 2)
    >>> encoding.names, encoding.encode([{"size": "3", "color": "red"}]).tolist()
    (['size', 'color = blue', 'color = red'], [[1.0, 0.0, 1.0]])
    """

    reads: ClassVar[str] = "table"
    levels: int = LEVELS

    def __post_init__(self) -> None:
        if self.levels < 1:
            raise BadInput(f"TableColumns(levels={self.levels}) keeps no level. Use 1 or more, such as {LEVELS}.")

    def fit(self, items: Iterable[Mapping[str, str]], seed: int = 0) -> TableEncoding:
        seen: dict[str, _Seen] = {}
        for row, item in enumerate(items):
            if row and item.keys() != seen.keys():
                raise _ragged(row, item, seen)
            for name, cell in item.items():
                seen.setdefault(name, _Seen()).add(cell.strip(), row)
        if not seen or not next(iter(seen.values())).rows:
            raise BadInput("There is no row to learn from. Hand in at least one column and item, and a cell for each.")
        columns = {name: one.column(name, self.levels) for name, one in seen.items()}
        numbers = {name: _Moments(made["top"]) for name, made in columns.items() if made["kind"] == "numbers"}
        for item in items if numbers else ():  # a second walk: squares of 1e200 would overflow without the largest
            for name, moments in numbers.items():
                moments.add(item[name].strip())
        for name, moments in numbers.items():
            columns[name] |= moments.facts()
        if not any(made["kind"] != "dropped" for made in columns.values()):
            said = "; ".join(f"{name}: {made['said']}" for name, made in columns.items())
            raise BadInput(
                f"No column is left to learn from ({said}). "
                f"Add columns that describe the items, or name a column of prose as text (--text)."
            )
        return TableEncoding(columns)

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> TableEncoding:
        return TableEncoding(facts["columns"])


@dataclass(frozen=True, eq=False)
class TableEncoding(Encoding):
    """What each column is, and how its cells become features.

    Args:
        columns: By name: ``kind`` (numbers, levels, dropped), what was ``said`` of it, and its numbers.
    """

    columns: Mapping[str, Mapping[str, Any]]

    @property
    def names(self) -> list[str]:
        """What each feature is, (features,)."""
        return [name for column, made in self.columns.items() for name in _names(column, made)]

    @property
    def said(self) -> list[str]:
        """A sentence for each column of the table."""
        return [f"{name}: {made['said']}" for name, made in self.columns.items()]

    @property
    def width(self) -> int:
        return len(self.names)

    def encode(self, items: Sequence[Mapping[str, str]]) -> NDArray[np.float32]:
        needed = {name for name, made in self.columns.items() if made["kind"] != "dropped"}
        for row, item in enumerate(items):
            if not needed <= item.keys():
                raise _ragged(row, item, needed)
        found: list[NDArray[np.float64]] = []
        for name, made in self.columns.items():
            if made["kind"] != "dropped":
                found += _features([item[name].strip() for item in items], made)
        return np.column_stack(found).astype(np.float32)

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {}, {"columns": {name: dict(made) for name, made in self.columns.items()}}


def table_features(columns: Mapping[str, Sequence[str]]) -> TableFeatures:
    """Turn a table's columns, all of them text, into features by `TableColumns`; no label is looked at.

    Args:
        columns: The cells of each column, one per item.

    Raises:
        BadInput: The columns differ in length, a number is infinite, or no column is left.

    >>> table = table_features({"size": ["1", "3", ""], "color": ["red", "blue", "red"], "unit": ["cm", "cm", "cm"]})
    >>> table.names
    ['size', 'size is missing', 'color = red', 'color = blue']
    >>> table.array
    array([[-1.,  0.,  1.,  0.],
           [ 1.,  0.,  0.,  1.],
           [ 0.,  1.,  1.,  0.]], dtype=float32)
    >>> table.said[2]
    "unit: dropped, it says 'cm' in every row"
    """
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) != 1 or not all(lengths.values()):
        raise BadInput(f"The columns hold {lengths} cells. Hand in at least one column and item, and a cell for each.")
    items = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    encoding = TableColumns().fit(items)
    return TableFeatures(encoding.encode(items), encoding.names, encoding.said)


@dataclass
class _Seen:
    """What a first walk sees of a column."""

    rows: int = 0
    missing: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    numbers: bool = True
    top: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    infinite: tuple[int, str] | None = None
    first: str = ""

    def add(self, cell: str, row: int) -> None:
        """Take in the cell of one row."""
        self.rows += 1
        if cell in MISSING:
            self.missing += 1
            return
        self.first = self.first or cell
        if cell in self.levels or len(self.levels) < KEPT:
            self.levels[cell] += 1
        if not self.numbers:
            return
        number = _number(cell)
        if number is None:
            self.numbers = False
        elif not np.isfinite(number):
            self.infinite = self.infinite or (row, cell)
        else:
            self.top, self.low, self.high = max(self.top, abs(number)), min(self.low, number), max(self.high, number)

    def column(self, name: str, most: int) -> dict[str, Any]:
        """What the column is."""
        present = self.rows - self.missing
        if not present:
            return {"kind": "dropped", "said": "dropped, it is empty in every row"}
        if self.numbers and self.infinite is not None:
            row, cell = self.infinite
            raise BadInput(
                f"Column {name!r}, row {row + 1}: {cell!r} is not a finite number. "
                f"Leave the cell empty if the value is unknown, or write the number."
            )
        gaps = f"; {self.missing} empty cells marked" if self.missing else ""
        if not self.missing and (len(self.levels) == 1 or (self.numbers and self.low == self.high)):
            return {"kind": "dropped", "said": f"dropped, it says {self.first!r} in every row"}
        if self.numbers:
            said = f"numbers, standardized{gaps}"
            return {"kind": "numbers", "said": said, "top": self.top, "missing": bool(self.missing)}
        if len(self.levels) == min(present, KEPT):
            said = f"dropped, all {present} cells differ, so it names items rather than describing them"
            return {"kind": "dropped", "said": said}
        ranked = sorted(self.levels, key=lambda level: (-self.levels[level], level))
        kept, rare = ranked[:most], len(ranked) - most
        said = f"{len(kept)} levels, one-hot"
        if rare > 0:
            said = f"the {most} commonest of {len(ranked)} levels one-hot, the other {rare} as one"
        return {"kind": "levels", "said": said + gaps, "levels": kept, "rare": rare > 0, "missing": bool(self.missing)}


class _Moments:
    """Mean and standard deviation of a column's numbers, as shares of the largest one."""

    def __init__(self, top: float) -> None:
        self._scale = max(top, float(np.finfo(float).tiny))
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, cell: str) -> None:
        """Take in a cell (Welford 1962)."""
        if cell in MISSING:
            return
        value = float(cell) / self._scale
        self._count += 1
        off = value - self._mean
        self._mean += off / self._count
        self._squares += off * (value - self._mean)

    def facts(self) -> dict[str, float]:
        """What standardizing needs; with one value and gaps, only the gaps tell items apart."""
        spread = float(np.sqrt(self._squares / self._count))
        return {"scale": self._scale, "mean": self._mean, "spread": spread}


def _ragged(row: int, item: Mapping[str, str], columns: Collection[str]) -> BadInput:
    """The error for an item with other columns than were there before."""
    lacking = [name for name in columns if name not in item]
    what = f"lacks the column {lacking[0]!r}" if lacking else f"has more columns than {', '.join(columns)}"
    return BadInput(f"Row {row + 1} {what}. Give all rows the same columns; an empty text is an empty cell.")


def _number(cell: str) -> float | None:
    """A cell as a number, or None if it is none."""
    if "_" in cell:  # Python reads 1_000 as a number; in a table it is a code
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _names(column: str, made: Mapping[str, Any]) -> list[str]:
    if made["kind"] == "dropped":
        return []
    names = [column]
    if made["kind"] == "levels":
        names = [f"{column} = {level}" for level in made["levels"]] + [f"{column} = (other)"] * made["rare"]
    return names + [f"{column} is missing"] * made["missing"]


def _features(cells: list[str], made: Mapping[str, Any]) -> list[NDArray[np.float64]]:
    """The features of one column's cells."""
    missing = np.array([cell in MISSING for cell in cells], dtype=bool)
    if made["kind"] == "numbers":
        found = [None if gap else _number(cell) for cell, gap in zip(cells, missing, strict=True)]
        odd = np.array([value is None or not np.isfinite(value) for value in found], dtype=bool)
        values = np.array([0.0 if gap else value for value, gap in zip(found, odd, strict=True)], dtype=np.float64)
        with np.errstate(over="ignore"):  # what is too large to divide is far
            shares = np.nan_to_num(values / made["scale"]) - made["mean"]
            scaled = np.clip(shares / (made["spread"] or np.inf), -FAR, FAR)
        return [np.where(odd, 0.0, scaled), *([odd.astype(np.float64)] if made["missing"] else [])]
    made_of = [np.array([cell == level for cell in cells], dtype=np.float64) for level in made["levels"]]
    if made["rare"]:
        known = {*made["levels"], *MISSING}
        made_of.append(np.array([cell not in known for cell in cells], dtype=np.float64))
    return [*made_of, *([missing.astype(np.float64)] if made["missing"] else [])]

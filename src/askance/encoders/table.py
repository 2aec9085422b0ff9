"""Tables to frozen features: numbers standardized, words one-hot, and every column accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput

MISSING = frozenset({"", "NA", "N/A", "nan", "NaN"})
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


def table_features(columns: Mapping[str, Sequence[str]]) -> TableFeatures:
    """Turn a table's columns, all of them text, into features; no label is looked at.

    A column whose cells are all numbers gets mean 0 and standard deviation 1; an empty cell gets the mean. Any other
    column becomes a 0/1 feature per level. Cells that are empty, NA or nan get a 0/1 feature of their own. Columns
    that tell items nothing apart (one value) or tell all of them apart (an id) are dropped.

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
    features: dict[str, NDArray[np.float64]] = {}
    said = []
    for name, cells in columns.items():
        made, what = _column(name, [cell.strip() for cell in cells])
        features |= made
        said.append(f"{name}: {what}")
    if not features:
        raise BadInput(
            f"No column is left to learn from ({'; '.join(said)}). "
            f"Add columns that describe the items, or name a column of prose as text (--text)."
        )
    return TableFeatures(np.column_stack(list(features.values())).astype(np.float32), list(features), said)


def _column(name: str, cells: list[str]) -> tuple[dict[str, NDArray[np.float64]], str]:
    """The features of one column by name, and what was done to it."""
    missing = np.array([cell in MISSING for cell in cells])
    present = [cell for cell in cells if cell not in MISSING]
    levels = Counter(present)
    if not present:
        return {}, "dropped, it is empty in every row"
    numbers = _numbers(present)
    if numbers is not None and not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~missing)[~np.isfinite(numbers)][0])
        raise BadInput(
            f"Column {name!r}, row {row + 1}: {cells[row]!r} is not a finite number. "
            f"Leave the cell empty if the value is unknown, or write the number."
        )
    if not missing.any() and (len(levels) == 1 or (numbers is not None and np.ptp(numbers) == 0)):
        return {}, f"dropped, it says {present[0]!r} in every row"
    if numbers is not None:
        made, what = {name: _standardized(numbers, missing)}, "numbers, standardized"
    elif len(levels) == len(present):
        return {}, f"dropped, all {len(present)} cells differ, so it names items rather than describing them"
    else:
        made, what = _one_hot(name, cells, levels)
    if missing.any():
        made[f"{name} is missing"] = missing.astype(np.float64)
        what += f"; {missing.sum()} empty cells marked"
    return made, what


def _numbers(cells: list[str]) -> NDArray[np.float64] | None:
    """The cells as numbers, or None if one of them is not a number."""
    if any("_" in cell for cell in cells):  # Python reads 1_000 as a number; in a table it is a code
        return None
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return None


def _standardized(numbers: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean 0 and standard deviation 1 over the cells that are there; 0 where none is."""
    column = np.zeros(len(missing))
    scaled = numbers / max(np.abs(numbers).max(), np.finfo(float).tiny)  # squares of 1e200 would overflow
    if np.ptp(scaled) > 0:  # with one value and gaps, only the gaps tell items apart
        column[~missing] = (scaled - scaled.mean()) / scaled.std()
    return column


def _one_hot(name: str, cells: list[str], levels: Counter[str]) -> tuple[dict[str, NDArray[np.float64]], str]:
    """A 0/1 feature per level, the commonest first (ties by name); those past the limit share one."""
    ranked = sorted(levels, key=lambda level: (-levels[level], level))
    kept, rare = ranked[:LEVELS], set(ranked[LEVELS:])
    made = {f"{name} = {level}": np.array([cell == level for cell in cells], dtype=np.float64) for level in kept}
    if not rare:
        return made, f"{len(kept)} levels, one-hot"
    made[f"{name} = (other)"] = np.array([cell in rare for cell in cells], dtype=np.float64)
    return made, f"the {LEVELS} commonest of {len(ranked)} levels one-hot, the other {len(rare)} as one"

"""Columns of Arrow as rows of numbers, and as ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput
from askance.sources.arrow import values
from askance.sources.cells import cell, in_words

Numbers = tuple[NDArray[np.float32], NDArray[np.bool_]]


def value_columns(path: Path, schema: Any, named: str) -> tuple[str, ...]:
    """The column of lists of numbers: the one that is called so, or the only one.

    Raises:
        BadInput: If there is none, or there are several.
    """
    from pyarrow import types

    kinds = {str(field.name): field.type for field in schema}
    lists = [
        name
        for name, kind in kinds.items()
        if (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))
        and (types.is_floating(kind.value_type) or types.is_integer(kind.value_type))
    ]
    if named in lists:
        return (named,)
    if len(lists) == 1:
        return (lists[0],)
    said = f"has several columns of lists of numbers: {', '.join(lists)}" if lists else "has no column of lists of them"
    raise BadInput(
        f"The model reads rows of numbers, and {path} {said}. Name the column, or several of one number each: "
        f"--values {lists[0] if lists else ','.join(list(kinds)[:2])}"
    )


def numbers(table: Any, columns: tuple[str, ...], path: Path, first: int) -> Numbers:
    """Rows of numbers, and which rows of the table they are: those that have some, and whose numbers are finite.

    Args:
        table: A table of Arrow.
        columns: One of lists, or several of one number each.
        path: The file, for errors.
        first: The number of the first row, for errors.

    Returns:
        float32 (readable rows, features), and bool (rows,).

    Raises:
        BadInput: If a column holds no numbers, or rows differ in length.
    """
    kinds = [table.column(name).type for name in columns]
    if len(kinds) == 1 and not _is_number(kinds[0]):
        rows, there = _of_lists(table.column(columns[0]), columns[0], path, first)
    else:
        rows, there = _side_by_side(table, columns, path), np.ones(len(table), dtype=np.bool_)
    good = np.isfinite(rows).all(1)
    if not good.all():
        there[np.flatnonzero(there)[~good]] = False
        rows = rows[good]
    return rows, there


def ids(table: Any, name: str, path: Path, first: int) -> NDArray[Any]:
    """Ids of rows: whole numbers, or texts as bytes of UTF-8.

    Raises:
        BadInput: If one is empty.
    """
    from pyarrow import types

    column = table.column(name)
    if types.is_integer(column.type) and not column.null_count:
        return np.asarray(column.to_numpy(), dtype=np.int64)
    cells = [cell(value) for value in values(column, name, path, first)]
    texts = [in_words(one, f"{path}, row {first + row}: the id") for row, one in enumerate(cells)]
    if "" in texts:
        row = first + texts.index("")
        raise BadInput(f"{path}, row {row}: no id in column {name!r}. Fill it in, or name another column: --id COLUMN")
    return np.array([text.encode("utf-8", "replace") for text in texts])


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind))


def _side_by_side(table: Any, columns: tuple[str, ...], path: Path) -> NDArray[np.float32]:
    """Several columns of one number each; NaN where there is none."""
    import pyarrow as pa

    found = []
    for name in columns:
        column = table.column(name)
        if not _is_number(column.type):
            raise BadInput(f"The column {name!r} of {path} holds {column.type}, no numbers. Name others: --values")
        found.append(column.cast(pa.float32(), safe=False).to_numpy())
    return np.stack(found, 1)


def _of_lists(column: Any, name: str, path: Path, first: int) -> Numbers:
    """The rows of a column of lists, and which rows have one."""
    import pyarrow as pa
    from pyarrow import compute

    array = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    there = array.is_valid().to_numpy(zero_copy_only=False).astype(np.bool_)
    held = array if there.all() else array.drop_null()
    try:
        lengths = compute.list_value_length(held).to_numpy(zero_copy_only=False)
        flat = held.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise BadInput(
            f"The column {name!r} of {path} holds {column.type}, no lists of numbers. Name another: --values"
        ) from error
    width = int(lengths[0]) if len(lengths) else 0
    if len(lengths) and (lengths != width).any():
        odd = int((lengths != width).argmax())
        raise BadInput(
            f"{path}, row {first + int(np.flatnonzero(there)[odd])} has {int(lengths[odd])} numbers, and others have "
            f"{width}. Give all rows as many."
        )
    return flat.reshape(len(lengths), width), there

"""The pool: items, the ids people see, and which side each item is on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance import arrays
from askance.errors import BadInput
from askance.seeds import item_keys
from askance.task import Task, plain

UNLABELED, PENDING, LABELED, ASIDE = 0, 1, 2, 3
SIDES = ("unlabeled", "pending", "labeled", "aside")


@dataclass(frozen=True)
class Pool:
    """Items that may be asked about. Rows are row numbers of this pool, for good; sides are kept by the study.

    Args:
        items: Anything with a length and rows: a float array (items, features), or a list.
        ids: What people and the journal call the items: whole numbers or strings, (items,).
        task: What the items are labeled with; the study can declare it too.
        said: Remarks about how the items were read, shown in reports.
    """

    items: Any
    ids: np.ndarray
    task: Task | None = None
    said: tuple[str, ...] = ()

    @classmethod
    def from_arrays(cls, items: Any, ids: Iterable[Any] | None = None, task: Task | None = None) -> Pool:
        """A pool over an array of features or images, or over a list of anything a learner understands.

        Args:
            items: Numbers of any framework, (items, features) or with more axes, such as images (items, channels,
                height, width); or a list of other things, such as strings.
            ids: A distinct name or whole number for each item; by default the row numbers.
            task: What the items are labeled with.

        Raises:
            BadInput: If a value is not finite (its place is named), or ids repeat or do not fit.
        """
        if getattr(getattr(items, "dtype", None), "kind", None) in ("O", "U") and items.ndim == 1:
            items = items.tolist()  # a column of strings
        listed = isinstance(items, list | tuple) and not (items and _numeric(items[0]))
        rows: Any = list(items) if listed else arrays.tensor(items, "items", or_more=True)
        return cls(rows, _ids(ids, len(rows)), task)

    @classmethod
    def from_csv(
        cls,
        path: str | Path,
        *,
        text: str | None = None,
        columns: Sequence[str] | None = None,
        id: str | None = None,
        ignore: Sequence[str] = (),
        encoding: str = "utf-8",
        seed: int = 0,
    ) -> Pool:
        """A pool over the rows of a CSV file, as features that no label went into.

        Args:
            path: The file; its first row names the columns.
            text: A column of prose, read as TF-IDF reduced by a truncated SVD. Without it the columns are a table:
                numbers are standardized, other columns one-hot.
            columns: Which columns make the table; by default all but `id` and `ignore`.
            id: The column of ids; by default the row numbers.
            ignore: Columns to leave out, such as the label.
            encoding: How the file is encoded.
            seed: Seed of the SVD.

        Raises:
            BadInput: For a wrong encoding or a ragged row (file and line), an unknown column, repeated ids.
        """
        from askance.sources.csv import read_table  # the only reader of files; loaded when one is read

        table = read_table(path, encoding=encoding)
        ids = table.column(id) if id is not None else None
        if text is not None:
            from askance.encoders.text import text_features

            features = text_features(table.column(text), seed=seed)
            said = [f"column {text!r} read as prose: TF-IDF, then a truncated SVD to {features.shape[1]} features"]
        else:
            from askance.encoders.table import table_features

            for name in ignore:
                table.column(name)  # raises, if there is none
            left_out = {id, *ignore}
            chosen = list(columns) if columns is not None else [c for c in table.columns if c not in left_out]
            encoded = table_features({name: table.column(name) for name in chosen})
            features, said = encoded.array, encoded.said
        return cls(arrays.tensor(features, f"the features of {path}"), _ids(ids, len(features)), said=tuple(said))

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def keys(self) -> Tensor:
        """A 64-bit key for each item, from its id; noise hangs on it, so that order cannot matter. int64 (items,)."""
        return item_keys(self.ids)

    @cached_property
    def digest(self) -> str:
        """A fingerprint of ids and items; another one means that old batches cannot be computed again."""
        seen = blake2b(digest_size=16)
        seen.update(self.keys.numpy().tobytes())
        if isinstance(self.items, Tensor):
            step = max(1, arrays.BLOCK // max(1, self.items[:1].numel()))  # a step is copied
            for start, stop in arrays.spans(len(self), step):
                seen.update(self.items[start:stop].contiguous().cpu().numpy().tobytes())
        else:
            for item in self.items:
                seen.update(_bytes(item))
        return seen.hexdigest()

    @cached_property
    def _row_of(self) -> dict[Any, int]:
        return {plain(name): row for row, name in enumerate(self.ids)}

    def knows(self, id: Any) -> bool:
        """Whether the pool has an id."""
        name = plain(id)
        return isinstance(name, int) and 0 <= name < len(self) if self.numbered else name in self._row_of

    def row(self, id: Any) -> int:
        """The row number of an id.

        Raises:
            BadInput: If the pool has no such id.
        """
        name = plain(id)
        if self.knows(name):
            return int(name) if self.numbered else self._row_of[name]
        raise BadInput(
            f"The pool has no item with id {name!r}; its {len(self)} ids look like "
            f"{', '.join(repr(plain(i)) for i in self.ids[:3])}. Check the id and its type."
        )

    def rows(self, ids: Iterable[Any]) -> list[int]:
        """The row numbers of several ids."""
        return [self.row(id) for id in ids]

    def names(self, rows: Tensor | Sequence[int]) -> list[Any]:
        """The ids of several rows, as plain Python values."""
        return [plain(self.ids[int(row)]) for row in rows]

    @cached_property
    def numbered(self) -> bool:
        """Whether the ids are just the row numbers."""
        return bool(np.issubdtype(self.ids.dtype, np.integer) and np.array_equal(self.ids, np.arange(len(self.ids))))

    def first(self, items: int) -> Pool:
        """The first items alone; nothing is copied."""
        return self if items == len(self) else Pool(self.items[:items], self.ids[:items], self.task, self.said)

    def arranged(self, rows: Sequence[int]) -> Pool:
        """The same items in another order, or some of them."""
        index = np.asarray(rows, dtype=np.int64)
        return Pool(arrays.take(self.items, torch.from_numpy(index)), self.ids[index], self.task, self.said)


def _ids(ids: Iterable[Any] | None, items: int) -> np.ndarray:
    if ids is None:
        return np.arange(items)
    names = [plain(name) for name in ids]
    if len(names) != items:
        raise BadInput(f"There are {len(names)} ids for {items} items. Hand in one id for each item.")
    whole = all(isinstance(name, int) and not isinstance(name, bool) for name in names)
    if not whole and not all(isinstance(name, str) for name in names):
        odd = next(name for name in names if not isinstance(name, str))
        raise BadInput(f"The id {odd!r} is neither a whole number nor a string. Use all numbers or all strings.")
    seen: dict[Any, int] = {}
    for row, name in enumerate(names):
        if name in seen:
            raise BadInput(f"The id {name!r} stands in row {seen[name]} and in row {row}. Give each item its own id.")
        seen[name] = row
    if whole and not all(-(1 << 63) <= name < 1 << 63 for name in names):
        raise BadInput("An id has more than 64 bits. Hand in the ids as strings.")
    return np.array(names, dtype=np.int64 if whole else object)


def _bytes(item: Any) -> bytes:
    """What an item looks like, the same in every process: arrays and images by content."""
    if hasattr(item, "tobytes"):
        return bytes(item.tobytes())
    if isinstance(item, Tensor):
        return item.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    plain_object = getattr(type(item), "__repr__", None) is object.__repr__  # it would show an address of this process
    return (type(item).__qualname__ if plain_object else repr(item)).encode()


def _numeric(first: Any) -> bool:
    values = first if isinstance(first, list | tuple) else [first]
    return all(isinstance(plain(value), int | float) or hasattr(value, "__array__") for value in values)

"""Labeled data to compare strategies on: what ships with the dependencies, and a user's own file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.pool import Pool
from askance.seeds import Dice


@dataclass(frozen=True, eq=False)
class Dataset:
    """Items with their labels.

    Args:
        name: The name shown.
        pool: All items, as features.
        labels: The class of each item.
        said: Remarks about how it was read.
        official_test: Rows of the test set it was published with, if any. `split` takes no notice of it.
    """

    name: str
    pool: Pool
    labels: tuple[str | int, ...]
    said: tuple[str, ...] = ()
    official_test: tuple[int, ...] = ()

    @cached_property
    def classes(self) -> tuple[str | int, ...]:
        """All labels there are, sorted. A simulation may read them off the labels, before a pool is built."""
        return tuple(sorted(set(self.labels), key=lambda name: (str(type(name)), name)))

    @cached_property
    def balance(self) -> list[int]:
        """Items of each class."""
        counts = Counter(self.labels)
        return [counts[name] for name in self.classes]

    def split(self, seed: int, test: int) -> tuple[Tensor, Tensor]:
        """Rows of the pool and of the test set, both ascending: by a hash of seed and id, whatever the order.

        Args:
            seed: Whose split.
            test: Size of the test set.
        """
        order = Dice(seed, "split").uniform(self.pool.keys).argsort()
        return order[test:].sort().values, order[:test].sort().values

    def sample(self, items: int) -> Dataset:
        """Some of the items, drawn uniformly by a hash of their ids: the same ones every time, whatever the order.

        Args:
            items: How many.

        Raises:
            BadInput: If there are not so many, or all that were drawn are of one class.
        """
        if not 2 <= items <= len(self.pool):
            raise BadInput(
                f"{items} items cannot be drawn from the {len(self.pool)} of {self.name}. "
                f"Draw 2 to {len(self.pool)} (--items)."
            )
        rows = Dice(0, "sample").uniform(self.pool.keys).argsort()[:items].sort().values.tolist()
        labels = tuple(self.labels[row] for row in rows)
        lost = len(self.classes) - len(set(labels))
        if len(self.classes) - lost < 2:
            raise BadInput(f"All {items} items drawn from {self.name} are of class {labels[0]!r}. Draw more (--items).")
        said = f"{items:,} of {len(self.pool):,} items, drawn uniformly by a hash of their ids."
        if lost:
            said += f" {lost} of {len(self.classes)} classes have none among them and are left out."
        place = {row: number for number, row in enumerate(rows)}
        return Dataset(
            self.name,
            self.pool.arranged(rows),
            labels,
            (*self.said, said),
            tuple(place[row] for row in self.official_test if row in place),
        )


def digits() -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels, scaled to 0 .. 1, from scikit-learn."""
    from sklearn.datasets import load_digits

    features, labels = load_digits(return_X_y=True)
    pool = Pool.from_arrays((features / 16).astype("float32"))
    return Dataset("digits", pool, tuple(int(label) for label in labels))


def from_csv(
    path: str | Path,
    *,
    label: str,
    text: str | None = None,
    id: str | None = None,
    ignore: Sequence[str] = (),
    encoding: str = "utf-8",
    raw: bool = False,
) -> Dataset:
    """A labeled CSV file; features are made without the labels.

    Args:
        path: The file.
        label: The column of labels.
        text: A column of prose; without it all other columns make a table.
        id: The column of ids.
        ignore: Columns to leave out.
        encoding: How the file is encoded.
        raw: Leave texts as they are, for a learner that reads them.

    Raises:
        BadInput: For a missing label (line), fewer than two classes, or a file that cannot be read.
    """
    from askance.sources.csv import read_table

    table = read_table(path, encoding=encoding)
    labels = tuple(table.labels(label))
    pool = Pool.from_csv(path, text=text, id=id, ignore=[*ignore, label], encoding=encoding)
    found = len(set(labels))
    if found < 2:
        raise BadInput(f"The column {label!r} of {path} holds {found} class. Name a column with two classes or more.")
    if found > len(labels) / 2:
        raise BadInput(
            f"The column {label!r} of {path} holds {found} different values in {len(labels)} rows. "
            f"Name the column of classes with --label; numbers to predict are not compared here."
        )
    dataset = Dataset(Path(path).stem, pool, labels, pool.said)
    return dataset if not raw or text is None else as_texts(dataset, table.column(text))


def as_texts(dataset: Dataset, texts: Sequence[str]) -> Dataset:
    """A data set whose items are its texts themselves, in the same order, for a learner that reads texts."""
    pool = Pool.from_arrays(list(texts), dataset.pool.ids.tolist())
    return replace(dataset, pool=pool, said=("Texts as they are, for a learner that reads them.",))


def as_pictures(dataset: Dataset, side: int) -> Dataset:
    """A data set of flat gray pictures as (items, 1, side, side), each pixel the mean of a square of them.

    Args:
        dataset: Its features are the pixels of square pictures, row by row.
        side: Pixels a side; it divides that of the pictures.

    Raises:
        BadInput: If the items are no such pictures.
    """
    flat = features_of(dataset).float().flatten(1)
    whole = math.isqrt(flat.shape[1])
    if whole * whole != flat.shape[1] or side < 1 or whole % side:
        raise BadInput(
            f"The items of {dataset.name} have {flat.shape[1]} features, which make no pictures of {side} x {side} "
            f"pixels. Use a side that divides that of square pictures, or leave it out."
        )
    step = whole // side
    pictures = flat.reshape(-1, 1, side, step, side, step).mean((3, 5))
    said = f"Pictures of {whole} x {whole} pixels are averaged to {side} x {side}."
    pool = Pool.from_arrays(pictures.numpy(), dataset.pool.ids.tolist())
    return replace(dataset, pool=pool, said=(*dataset.said, said) if step > 1 else dataset.said)


def bytes_of(dataset: Dataset) -> int:
    """How much memory the items take; texts, as much as their letters."""
    items: Any = dataset.pool.items
    if isinstance(items, list | tuple):
        return sum(len(str(item)) for item in items)
    features = features_of(dataset)
    return features.numel() * features.element_size()


def features_of(dataset: Dataset) -> Tensor:
    """The features of all items, (items, features)."""
    items: Any = dataset.pool.items
    return items if isinstance(items, Tensor) else torch.as_tensor(items)

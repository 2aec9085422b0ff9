"""The data sets that a grid names: drawn first, then read by each of its encoders."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from askance.encoders.base import Encoder
from askance.errors import BadInput, unknown
from askance.images import png
from askance.lab.datasets import Dataset, as_pictures, features_of, from_csv
from askance.pool import Pool

KEYS = {"name", "items", "file", "label", "text", "id", "ignore", "encoding", "side"}


@dataclass(frozen=True, eq=False)
class Named:
    """A data set with its default features, and what else an encoder can read of it.

    Args:
        whole: All of it.
        texts: Gives the texts of all items, or says why there are none.
        pixels: Whether its features are the pixels of square pictures, from 0 to 1.
        items: How many are drawn; None is for all.
        side: Pixels a side that pictures are averaged to, where no encoder reads them; None leaves features flat.
    """

    whole: Dataset
    texts: Callable[[], Sequence[str]]
    pixels: bool = False
    items: int | None = None
    side: int | None = None

    def read(self, name: str, encoder: Encoder | None) -> Dataset:
        """What is drawn of it, as an encoder reads it; None leaves the features it has.

        Args:
            name: What the encoder is called.
            encoder: It; fitted on what is drawn, without labels.

        Raises:
            BadInput: If there is nothing that it reads, or it cannot be used.
        """
        if encoder is None:
            found = self._drawn(self.whole)
            return found if self.side is None else as_pictures(found, self.side)
        from askance.lab.encoded import features

        raws, kinds = (self._pictures, "Pictures") if encoder.reads == "image" else (self._texts, "Texts")
        said = f"{kinds} are read by {name}; where it learns from items, from the ones here and without labels."
        found = self._drawn(replace(self.whole, said=(said,)))
        return replace(found, pool=Pool.from_arrays(features(encoder, raws(found)), found.pool.ids.tolist()))

    def _drawn(self, dataset: Dataset) -> Dataset:
        return dataset if self.items is None else dataset.sample(self.items)

    def _texts(self, drawn: Dataset) -> list[str]:
        return [self._by_id[id] for id in drawn.pool.ids.tolist()]

    def _pictures(self, drawn: Dataset) -> list[bytes]:
        """Files of its pictures, for an encoder of images."""
        if not self.pixels:
            raise BadInput(f"{self.whole.name} holds no pixels, and this encoder reads pictures. Leave encoders out.")
        flat = features_of(drawn)
        side = math.isqrt(flat.shape[1])
        return [png(row) for row in as_pictures(drawn, side).pool.items[:, 0].numpy()]

    @cached_property
    def _by_id(self) -> dict[Any, str]:
        return dict(zip(self.whole.pool.ids.tolist(), self.texts(), strict=True))


def named(given: Any) -> Named:
    """The data set of a value of that dimension.

    Raises:
        BadInput: If it is none, or cannot be read.
    """
    if isinstance(given, Dataset):
        return Named(given, lambda: _no_texts(f"{given.name} is features already"))
    table: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
    for key in table:
        if key not in KEYS:
            raise unknown("key of a data set", key, KEYS)
    found = _of_file(table) if "file" in table else _of_name(table)
    return replace(found, items=table.get("items"), side=table.get("side"))


def _of_file(table: Mapping[str, Any]) -> Named:
    if "label" not in table:
        raise BadInput(f'Which column of {table["file"]} holds the classes? Write label = "..." beside it.')
    options = {key: table[key] for key in ("label", "text", "id", "encoding") if key in table}
    found = from_csv(table["file"], ignore=table.get("ignore", ()), **options)

    def texts() -> Sequence[str]:
        from askance.sources.csv import read_table

        if "text" not in table:
            _no_texts(f'{table["file"]} is read as a table, without text = "..."')
        return read_table(table["file"], encoding=table.get("encoding", "utf-8")).column(table["text"])

    return Named(replace(found, name=table["name"]) if "name" in table else found, texts)


def _of_name(table: Mapping[str, Any]) -> Named:
    if "name" not in table:
        raise BadInput(f"The data set {dict(table)} has neither a name nor a file. Write one.")
    from askance.lab import sets
    from askance.lab.registry import entry

    name = table["name"]
    return Named(sets.load(name), lambda: sets.texts(name), pixels=entry(name).kind.name == "pixels")


def _no_texts(why: str) -> Any:
    raise BadInput(f"{why}, and an encoder reads texts. Leave encoders out, or name data sets of prose alone.")

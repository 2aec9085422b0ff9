"""A pool that was scored, to read: ids, embeddings and probabilities by shard, never more in memory than asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from askance.describe import build
from askance.errors import BadInput, StorageError
from askance.scoring import ledger, shard
from askance.task import Task


@dataclass(frozen=True, eq=False)
class ScoredShard:
    """One shard of a scored pool; its arrays are mapped into memory.

    Args:
        number: Which shard.
        start: The first row.
        stop: The row behind the last one.
        ids: Their ids, whole numbers or texts, (rows,).
        embeddings: Where the model sees them, float32 (rows, features); NaN where a row could not be read.
        probabilities: What it says of them, float32 (rows, classes | labels), or the numbers themselves; NaN as above.
    """

    number: int
    start: int
    stop: int
    ids: NDArray[Any]
    embeddings: NDArray[np.float32]
    probabilities: NDArray[np.float32]

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which rows have a score, bool (rows,)."""
        return np.asarray(~np.isnan(self.probabilities).any(1), dtype=np.bool_)


class ScoredPool:
    """The scores that `askance score-pool` wrote, to be read while memory holds a shard at a time.

    It can be opened while the rest is still being scored; what is recorded is whole.

    Args:
        folder: Where they are.

    Attributes:
        folder: The same.
        task: What the model says of an item.
        model: The key of the model.
        encoder: The key of the encoder.
        rows: Rows of the pool.

    Raises:
        BadInput: If there are no scores.
        StorageError: If the ledger is damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        held = ledger.read(self.folder)
        if held.opened is None:
            raise BadInput(
                f"{folder} holds no scores. Make some: askance score-pool FILE --model FOLDER --out {folder}"
            )
        self._lines = dict(sorted(held.shards.items()))
        self._opened = held.opened
        self.rows: int = held.opened["file"]["rows"]
        self.model: str = held.opened["model"]
        self.encoder: str = held.opened["encoder"]
        if mixed := [n for n, line in self._lines.items() if [line["model"], line["encoder"]] != [*self._keys]]:
            raise StorageError(f"{folder} holds scores of several models, as of shard {mixed[0]}. Score anew.")

    def __repr__(self) -> str:
        return f"ScoredPool({str(self.folder)!r}): {len(self):,} of {self.rows:,} rows"

    def __len__(self) -> int:
        """How many rows are in shards that are done."""
        return sum(line["stop"] - line["start"] for line in self._lines.values())

    def __iter__(self) -> Iterator[ScoredShard]:
        return (self.shard(number) for number in self._lines)

    @property
    def shards(self) -> tuple[int, ...]:
        """The numbers of the shards that are done."""
        return tuple(self._lines)

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the shards that are not."""
        count = -(-self.rows // self._opened["shard_rows"])
        return tuple(number for number in range(count) if number not in self._lines)

    @cached_property
    def task(self) -> Task:
        """What the model says of an item."""
        said = self._opened["task"]
        if not str(said.get("part")).startswith("askance.task:"):
            raise BadInput(f"{self.folder} names the task {said.get('part')}, which is none of askance's. Score anew.")
        found = build(said)
        assert isinstance(found, Task)
        return found

    @property
    def versions(self) -> Mapping[str, int]:
        """How many shards each version of askance scored."""
        return Counter(line["askance"] for line in self._lines.values())

    @property
    def ids(self) -> NDArray[Any]:
        """The ids of all rows that are done, whole numbers or texts, (rows,)."""
        parts = [self.shard_ids(number) for number in self._lines]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def shard(self, number: int) -> ScoredShard:
        """One shard.

        Raises:
            BadInput: If it is not scored yet.
            StorageError: If its files are not what was written.
        """
        line = self._line(number)
        wide = (self.embeddings(number), self.probabilities(number))
        return ScoredShard(number, line["start"], line["stop"], self.shard_ids(number), *wide)

    def shard_ids(self, number: int) -> NDArray[Any]:
        """The ids of one shard, whole numbers or texts, (rows,)."""
        line = self._line(number)
        if f"ids-{number:05}.npy" not in line["files"]:
            return np.arange(line["start"], line["stop"])
        found = self._load("ids", number)
        return np.char.decode(found, "utf-8") if found.dtype.kind == "S" else found

    def embeddings(self, number: int) -> NDArray[np.float32]:
        """Where the model sees the items of one shard, float32 (rows, features), mapped into memory."""
        return self._load("embeddings", number)

    def probabilities(self, number: int) -> NDArray[np.float32]:
        """What the model says of them, float32 (rows, classes | labels), mapped into memory."""
        return self._load("probabilities", number)

    def values(self, number: int) -> list[Any]:
        """The class, labels or numbers that the model would answer with; None where a row could not be read."""
        rows = torch.from_numpy(np.array(self.probabilities(number)))
        return [None if bool(row.isnan().any()) else self.task.answer(row) for row in rows]

    def without(self, number: int) -> int:
        """How many rows of a shard have no score."""
        return int(self._line(number)["without"])

    def span(self, number: int) -> tuple[int, int]:
        """The rows of one shard, from the first to the one behind the last."""
        line = self._line(number)
        return line["start"], line["stop"]

    def verify(self) -> dict[int, str]:
        """Read every byte; the shards that are not what was written, and what is wrong with each."""
        found = {number: shard.wrong(self.folder, line["files"]) for number, line in self._lines.items()}
        return {number: why for number, why in found.items() if why}

    @property
    def _keys(self) -> tuple[str, str]:
        return self.model, self.encoder

    def _line(self, number: int) -> Mapping[str, Any]:
        if number not in self._lines:
            raise BadInput(f"Shard {number} of {self.folder} is not scored yet. Say askance score-pool again.")
        return self._lines[number]

    def _load(self, what: str, number: int) -> NDArray[Any]:
        name = f"{what}-{number:05}.npy"
        return shard.load(self.folder, name, self._line(number)["files"][name])

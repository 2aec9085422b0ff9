"""Chosen items as a file, and items that are known already from one."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput
from askance.files import whole
from askance.project.sheets import bare
from askance.scoring.choose import Chosen
from askance.scoring.scored import ScoredPool
from askance.sources.cells import cell
from askance.sources.csv import read_table

COLUMNS = ("id", "rank", "utility", "shard", "row", "guess")


def write_chosen(path: str | Path, pool: ScoredPool, chosen: Chosen) -> None:
    """Write a line for each chosen item, the most wanted first; the file appears whole or not at all.

    Args:
        path: A CSV file.
        pool: What was chosen from.
        chosen: What was chosen.

    Raises:
        StorageError: If it cannot be written.
    """
    said: dict[int, tuple[Any, Any]] = {}
    for number in np.unique(chosen.shards).tolist():
        start, _ = pool.span(number)
        rows = chosen.rows[chosen.shards == number]
        ids, shares = pool.shard_ids(number)[rows - start], np.array(pool.probabilities(number)[rows - start])
        for row, id, guess in zip(rows.tolist(), ids.tolist(), _guesses(pool, shares), strict=True):
            said[row] = (id, cell(guess))  # labels and numbers as JSON, as in a file of predictions
    with whole(path, newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        places = zip(chosen.rows.tolist(), chosen.shards.tolist(), chosen.utilities.tolist(), strict=True)
        for rank, (row, number, utility) in enumerate(places, start=1):
            id, guess = said[row]
            table.writerow([id, rank, "" if math.isnan(utility) else repr(utility), number, row, guess])


class Known(NamedTuple):
    """Items that a file names.

    Args:
        rows: Their rows, ascending, int64.
        strange: Ids of the file that are no item's of the pool.
    """

    rows: NDArray[np.int64]
    strange: tuple[str, ...]


def known_rows(pool: ScoredPool, path: str | Path) -> Known:
    """The rows whose ids a CSV file names in its column ``id``.

    An id may have the apostrophe in front that `askance ask` writes for spreadsheets.

    Raises:
        BadInput: If it has no such column, or names nothing of the pool.
    """
    table = read_table(path)
    if "id" not in table.columns:
        raise BadInput(
            f"{path} has no column id; it has {', '.join(table.columns)}. Name the ids of known items there."
        )
    wanted = np.array(sorted({id.strip() for id in table.column("id") if id.strip()}), dtype=str)
    spelled = np.union1d(wanted, [bare(id) for id in wanted.tolist()]) if len(wanted) else wanted
    found, met = [np.zeros(0, np.int64)], [np.zeros(0, dtype=str)]
    for number in pool.shards:
        start, _ = pool.span(number)
        ids = pool.shard_ids(number).astype(str)
        places = np.flatnonzero(np.isin(ids, spelled))
        found.append(start + places)
        met.append(ids[places])
    rows = np.concatenate(found)
    if len(wanted) and not len(rows):
        raise BadInput(
            f"None of the {len(wanted):,} ids of {path}, such as {str(wanted[0])!r}, is in {pool.folder}. Use "
            f"the ids of the column that the pool was scored with (--id)."
        )
    there = set(np.concatenate(met).tolist())
    return Known(rows, tuple(id for id in wanted.tolist() if id not in there and bare(id) not in there))


def _guesses(pool: ScoredPool, shares: NDArray[np.float32]) -> list[Any]:
    import torch

    return [pool.task.answer(row) for row in torch.from_numpy(shares)]

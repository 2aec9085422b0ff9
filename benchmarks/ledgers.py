"""Ledgers of comparisons that take hours, kept in docs/results/ledgers so that they go on on another machine.

A ledger holds every run that is done, under a key that changes with what was run: what is out of date runs again.
"""

from __future__ import annotations

import lzma
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from askance.errors import BadInput
from askance.files import whole_bytes
from askance.lab.running import LEDGER
from benchmarks.measure import ROOT

FOLDER = ROOT / "docs" / "results" / "ledgers"


def keep(folder: Path, name: str) -> Path:
    """Pack the ledger of a folder, as of now, also while it is in use.

    Raises:
        BadInput: If there is none.
    """
    kept = FOLDER / f"{name}.db.xz"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        copied = Path(place) / LEDGER
        copy(folder, copied)
        with closing(sqlite3.connect(copied)) as ledger:
            ledger.execute("DELETE FROM claims")  # of processes that are gone where it goes on
            ledger.execute("DELETE FROM alive")
            ledger.commit()
            ledger.execute("VACUUM")
        with whole_bytes(kept) as file:
            file.write(lzma.compress(copied.read_bytes(), preset=9))
    return kept


def restore(name: str, folder: Path) -> None:
    """Unpack a ledger into a folder that has none.

    Raises:
        BadInput: If there is one already, or none was kept.
    """
    kept = FOLDER / f"{name}.db.xz"
    if not kept.is_file():
        raise BadInput(f"{kept} is not there: keep a ledger first.")
    if (folder / LEDGER).exists():
        raise BadInput(f"{folder / LEDGER} is there already. Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with whole_bytes(folder / LEDGER) as file:
        file.write(lzma.decompress(kept.read_bytes()))


def go_on(name: str, folder: Path) -> None:
    """Unpack a ledger into a folder, if one was kept and the folder has none."""
    if (FOLDER / f"{name}.db.xz").is_file() and not (folder / LEDGER).exists():
        restore(name, folder)


def copy(folder: Path, place: Path) -> None:
    """Copy the ledger of a folder to a file, by SQLite itself.

    Raises:
        BadInput: If there is none.
    """
    if not (folder / LEDGER).is_file():
        raise BadInput(f"There are no results in {folder}. Name the folder that `askance lab run` writes to.")
    with (
        closing(sqlite3.connect(f"{(folder / LEDGER).resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as source,
        closing(sqlite3.connect(place)) as copied,
    ):
        source.backup(copied)

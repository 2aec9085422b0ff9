"""The results of a grid in one SQLite file: what is done, what failed, and who works on what."""

from __future__ import annotations

import json
import math
import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askance.errors import BadInput, StorageError
from askance.reports.results import Run

SCHEMA = 1  # goes up when the tables change
PATIENCE = 30.0  # seconds to wait for another process to write
BEAT = 5.0  # seconds between signs of life
SILENT = 60.0  # seconds without one after which a process on another machine counts as dead


@dataclass(frozen=True)
class Kept:
    """One finished cell.

    Args:
        key: Its key, see `identity`.
        run: What came out; None if it failed.
        error: Why it failed.
        versions: Of the packages it ran with.
        seconds: How long it took.
    """

    key: str
    run: Run | None
    error: str
    versions: dict[str, str]
    seconds: float


class Ledger:
    """The file. Several processes may work with it at once; every write is a transaction.

    Args:
        path: The file; it is made if it is not there.

    Raises:
        StorageError: If it cannot be opened, or another version of askance wrote it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.me = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
        with self._explained():
            self._file = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            self._file.execute("PRAGMA synchronous=FULL")
            with self._writing():
                self._file.execute("CREATE TABLE IF NOT EXISTS grid (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
                self._file.execute(
                    "CREATE TABLE IF NOT EXISTS cells (key TEXT PRIMARY KEY, run TEXT, error TEXT NOT NULL, "
                    "versions TEXT NOT NULL, seconds REAL NOT NULL, at REAL NOT NULL)"
                )
                self._file.execute("CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, who TEXT NOT NULL)")
                self._file.execute("CREATE TABLE IF NOT EXISTS alive (who TEXT PRIMARY KEY, at REAL NOT NULL)")
                self._file.execute("INSERT OR IGNORE INTO grid VALUES ('schema', ?)", (str(SCHEMA),))
            found = self._one("SELECT value FROM grid WHERE name = 'schema'")
        if found != str(SCHEMA):
            raise StorageError(
                f"{self.path} holds results of schema {found}, and this version of askance writes {SCHEMA}. Use the "
                f"version that wrote it, or another folder."
            )

    def cells(self, keys: Iterable[str]) -> dict[str, Kept]:
        """What is there of some cells."""
        found: dict[str, Kept] = {}
        wanted = list(keys)
        with self._explained():
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                rows = self._file.execute(
                    f"SELECT key, run, error, versions, seconds FROM cells WHERE key IN ({','.join('?' * len(some))})",
                    some,
                )
                for key, run, error, versions, seconds in rows:
                    read = Run.read(json.loads(run)) if run else None
                    found[key] = Kept(key, read, error, json.loads(versions), seconds)
        return found

    def finished(self, keys: Iterable[str]) -> dict[str, float]:
        """How long each of some cells took; NaN for those that failed, and nothing for those that are not finished."""
        with self._explained():
            rows = self._file.execute("SELECT key, CASE WHEN run IS NULL THEN NULL ELSE seconds END FROM cells")
            there = {key: math.nan if seconds is None else float(seconds) for key, seconds in rows}
        return {key: there[key] for key in keys if key in there}

    def others(self, keys: Iterable[str]) -> int:
        """How many cells there are besides some: results of other settings, or of other revisions."""
        with self._explained():
            there = {row[0] for row in self._file.execute("SELECT key FROM cells")}
        return len(there - set(keys))

    def claim(self, keys: Sequence[str]) -> list[str]:
        """Take cells that are not finished and that no living process works on."""
        with self._explained(), self._writing():
            self._beat()
            dead = self._dead()
            for who in dead:
                self._file.execute("DELETE FROM claims WHERE who = ?", (who,))
                self._file.execute("DELETE FROM alive WHERE who = ?", (who,))
            taken = []
            for key in keys:
                done = self._file.execute(
                    "SELECT 1 FROM cells WHERE key = ? UNION SELECT 1 FROM claims WHERE key = ?", (key, key)
                ).fetchone()
                if done is None:
                    self._file.execute("INSERT INTO claims VALUES (?, ?)", (key, self.me))
                    taken.append(key)
            return taken

    def keep(self, cells: Iterable[Kept]) -> None:
        """Write finished cells down and give up the claims on them; when this returns they are on disk."""
        rows = [
            (
                cell.key,
                json.dumps(cell.run.plain(), allow_nan=False) if cell.run else None,
                cell.error,
                json.dumps(cell.versions),
                cell.seconds,
                time.time(),
            )
            for cell in cells
        ]
        with self._explained(), self._writing():
            self._beat()
            self._file.executemany(_KEEP, rows)
            self._file.executemany("DELETE FROM claims WHERE key = ?", [(row[0],) for row in rows])

    def unclaim(self, keys: Iterable[str]) -> None:
        """Give up claims of this process."""
        with self._explained(), self._writing():
            rows = [(key, self.me) for key in keys]
            self._file.executemany("DELETE FROM claims WHERE key = ? AND who = ?", rows)

    def forget(self, keys: Iterable[str]) -> None:
        """Take cells out, so that they run again."""
        with self._explained(), self._writing():
            self._file.executemany("DELETE FROM cells WHERE key = ?", [(key,) for key in keys])

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Say that this process is alive every few seconds, from a thread, as a cell may take hours."""
        over = threading.Event()

        def beat() -> None:
            file = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            with closing(file):
                while not over.wait(BEAT):
                    with suppress(sqlite3.Error):  # the disk is full, say: whoever writes a result will tell
                        file.execute(_BEAT, (self.me, time.time()))

        thread = threading.Thread(target=beat, name="beat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def release(self) -> None:
        """Give up what this process claimed."""
        with self._explained(), self._writing():
            self._file.execute("DELETE FROM claims WHERE who = ?", (self.me,))
            self._file.execute("DELETE FROM alive WHERE who = ?", (self.me,))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _beat(self) -> None:
        self._file.execute(_BEAT, (self.me, time.time()))

    def _dead(self) -> list[str]:
        """Who claimed something and does not live any more."""
        rows = self._file.execute("SELECT alive.who, at FROM alive").fetchall()
        return [who for who, at in rows if who != self.me and not _lives(who, at)]

    def _one(self, question: str) -> Any:
        row = self._file.execute(question).fetchone()
        return row[0] if row else None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._file.in_transaction:  # a full disk has rolled back already
                self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StorageError(
                f"The results in {self.path} cannot be used: {error}. Check that it is a grid's file and the disk has "
                f"room; no other process should hold it for over {PATIENCE:.0f} s."
            ) from error


_AT_ONCE = 500  # parameters of one question
_BEAT = "INSERT OR REPLACE INTO alive VALUES (?, ?)"
_KEEP = (  # what somebody finished stays, though another process failed at it
    "INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET run = excluded.run, "
    "error = excluded.error, versions = excluded.versions, seconds = excluded.seconds, at = excluded.at "
    "WHERE cells.run IS NULL"
)


def _lives(who: str, at: float) -> bool:
    """Whether a process lives: on this machine by its number, elsewhere by its last sign."""
    host, number, _ = who.rsplit("/", 2)
    if host != socket.gethostname():
        return time.time() - at < SILENT
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return time.time() - at < _REUSED


_REUSED = 3600.0  # seconds of silence after which a number belongs to another process: a cell may well take minutes


def open_ledger(path: str | Path) -> Ledger:
    """A ledger that is there already.

    Raises:
        BadInput: If there is none.
    """
    if not Path(path).is_file():
        raise BadInput(f"There are no results at {path}. Name the folder that `askance lab run` wrote.")
    return Ledger(path)

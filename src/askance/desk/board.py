"""What the processes of a desk tell each other, in SQLite: who holds which item, what the dealer does and thinks.

Labels are not here but in the journal: lose this file, and only leases and guesses are lost, and people sign in again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from askance.errors import StorageError
from askance.study.sql import PATIENCE, WAL_SAFE_SINCE, sqlite_driver

FILE = "desk.db"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS leases (id TEXT PRIMARY KEY, person TEXT NOT NULL, until REAL NOT NULL, place INTEGER "
    "NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS told (id TEXT PRIMARY KEY, guess TEXT, why TEXT) WITHOUT ROWID",
)


class Board:
    """The board of one project, for one process; its threads take turns.

    Args:
        folder: The project's folder.

    Raises:
        StorageError: If it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._lock = RLock()
        self._inside = False
        driver = sqlite_driver()
        with self._explained():
            self._connection = driver.connect(
                str(self.path), isolation_level=None, timeout=PATIENCE, check_same_thread=False
            )
            if driver.sqlite_version_info >= WAL_SAFE_SINCE:
                self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")  # a lease may go with the power
            for text in _TABLES:
                self._connection.execute(text)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """All that is written inside is kept, or nothing; other writers wait."""
        with self._lock, self._explained():
            if self._inside:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._inside = True
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._inside = False

    # What the processes tell each other

    def fact(self, name: str, otherwise: Any = None) -> Any:
        """What stands under a name, as JSON gives it back."""
        found = self._one("SELECT value FROM facts WHERE name = ?", (name,))
        return otherwise if found is None else json.loads(found[0])

    def put(self, name: str, value: Any) -> None:
        """Write something under a name."""
        with self.write():
            self._do("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    def told(self, id: str) -> tuple[Any, Any]:
        """What the dealer thinks of an item: its guess, and why it was asked; None where it said nothing."""
        found = self._one("SELECT guess, why FROM told WHERE id = ?", (id,))
        return (None, None) if found is None else tuple(one and json.loads(one) for one in found)

    def tell(self, thoughts: Iterable[tuple[str, Any, Any]]) -> None:
        """Write down what the dealer thinks: id, guess, why."""
        rows = [(id, guess and json.dumps(guess), why and json.dumps(why)) for id, guess, why in thoughts]
        with self.write():
            self._connection.executemany("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", rows)

    # Who holds what

    def held(self, now: float) -> dict[str, str]:
        """Who holds which items, by id, in the order in which they were dealt."""
        with self._lock, self._explained():
            query = "SELECT id, person FROM leases WHERE until > ? ORDER BY place"
            return dict(self._connection.execute(query, (now,)).fetchall())

    def hold(self, ids: Iterable[str], person: str, until: float, *, first: bool = False) -> None:
        """Give items to a person, or prolong what they hold: after all that they hold, or before it."""
        with self.write():
            low, high = self._one("SELECT ifnull(min(place), 0), ifnull(max(place), 0) FROM leases", ()) or (0, 0)
            place = low - 1 if first else high + 1
            for number, id in enumerate(ids):
                self._do(
                    "INSERT INTO leases VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                    "until = excluded.until, place = CASE WHEN person = excluded.person AND NOT ? THEN place ELSE "
                    "excluded.place END, person = excluded.person",
                    (id, person, until, place + number, first),
                )

    def drop(self, ids: Iterable[str], person: str | None = None) -> None:
        """Take items from whoever holds them, or from one person."""
        with self.write():
            for id in ids:
                self._do("DELETE FROM leases WHERE id = ? AND (? IS NULL OR person = ?)", (id, person, person))

    # Within

    def _one(self, query: str, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        with self._lock, self._explained():
            found: tuple[Any, ...] | None = self._connection.execute(query, given).fetchone()
            return found

    def _do(self, query: str, given: tuple[Any, ...]) -> None:
        self._connection.execute(query, given)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite_driver().Error as error:
            raise StorageError(
                f"{self.path} cannot be used: {error}. Check the disk's free space and the permissions of the file."
            ) from error

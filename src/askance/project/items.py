"""The rows of a project's files, kept in SQLite: which of them are one item, which are set aside, which are gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput, StorageError
from askance.study.sql import PATIENCE, sqlite_driver

FORMAT = 1  # goes up when the tables change
ITEM, FOLDED, EMPTY, BROKEN = "item", "folded", "empty", "broken"
BEGUN = "begun"  # the fact that the study has taken over what was asked and answered before it
STEP = 4096  # rows fetched at once: nobody who reads on for long may keep a writer waiting

_TABLES = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE rows (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest BLOB NOT NULL, state TEXT NOT NULL, item INTEGER,
        why TEXT NOT NULL, label TEXT NOT NULL, cells TEXT NOT NULL, data BLOB, source INTEGER NOT NULL,
        reading INTEGER NOT NULL, gone INTEGER NOT NULL)""",
    "CREATE INDEX rows_by_digest ON rows (digest)",
    "CREATE INDEX rows_by_item ON rows (item)",
)
_EARLY = (  # made when it is first needed: older projects have none
    "CREATE TABLE IF NOT EXISTS early (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, once TEXT UNIQUE, at REAL NOT "
    "NULL, body TEXT NOT NULL)"
)
_COLUMNS = "number, id, digest, state, item, why, label, cells, data, source, reading, gone"


@dataclass(frozen=True)
class Stored:
    """A row of a file, as the project keeps it.

    Args:
        number: Its place among all rows that ever came, for good.
        id: What people call it.
        digest: A fingerprint of its content, 16 bytes.
        state: ``item``; ``folded`` into an item of the same content; ``empty`` or ``broken``, set aside.
        item: The number of the row that stands for its content; None where it is set aside.
        why: Why it is set aside.
        label: What its file says it is; empty where it says nothing.
        cells: The file's cells by column.
        data: What is no text: an image's bytes, or float32 numbers.
        source: Which of the project's files it was last seen in.
        reading: Which reading of a file met it last.
        gone: Whether it is not in that file any more.
    """

    number: int
    id: str
    digest: bytes
    state: str
    item: int | None
    why: str
    label: str
    cells: Mapping[str, str]
    data: bytes | None
    source: int
    reading: int
    gone: bool


@dataclass(frozen=True)
class Content:
    """What a reading found in a row.

    Args:
        digest: A fingerprint of the content, 16 bytes.
        state: ``item``, ``folded``, ``empty`` or ``broken``.
        item: The number of the row that it is folded into.
        label: What the file says it is.
        cells: The file's cells by column.
        why: Why it is set aside.
        data: What is no text.
        source: Which file.
        reading: Which reading.
    """

    digest: bytes
    state: str
    item: int | None
    label: str
    cells: Mapping[str, str]
    why: str = ""
    data: bytes | None = None
    source: int = 0
    reading: int = 0


class Items:
    """The rows and settings of one project.

    Args:
        path: The database; it must exist, see `create`.

    Raises:
        StorageError: If it is not there or cannot be used.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise StorageError(f"There is no {path}. Make a project with: askance init FILE")
        self.path = path
        try:
            self._open()
            found = self.fact("format")
        except sqlite_driver().DatabaseError as error:
            raise StorageError(
                f"{path} cannot be read: {error}. Restore a copy of it, or make the project anew."
            ) from error
        if found != FORMAT:
            raise StorageError(
                f"{path} is of format {found}, and this askance reads {FORMAT}. Bring askance up to date."
            )

    @classmethod
    def create(cls, path: Path) -> Items:
        """An empty store."""
        driver = sqlite_driver()
        connection = driver.connect(str(path), isolation_level=None)
        for text in _TABLES:
            connection.execute(text)
        connection.execute("INSERT INTO facts VALUES ('format', ?)", (json.dumps(FORMAT),))
        connection.close()
        return cls(path)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """All that is written inside is kept, or nothing; other writers wait."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite_driver().OperationalError as error:
            raise StorageError(
                f"{self.path} cannot be written: {error}. Wait until the other process is done, or check the disk."
            ) from error
        try:
            yield
        except BaseException as error:
            if self._connection.in_transaction:  # of some errors SQLite rolls back itself
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite_driver().OperationalError):
                raise StorageError(
                    f"{self.path} cannot be written: {error}. Check the disk's free space; nothing was changed."
                ) from error
            raise
        try:
            self._connection.execute("COMMIT")
        except sqlite_driver().OperationalError as error:
            self._connection.execute("ROLLBACK")
            raise StorageError(
                f"{self.path} cannot be written: {error}. Check the disk's free space; nothing was changed."
            ) from error

    # Settings

    def fact(self, name: str, otherwise: Any = None) -> Any:
        """A setting, as JSON gives it back."""
        found = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return otherwise if found is None else json.loads(found[0])

    def put(self, name: str, value: Any) -> None:
        """Keep a setting; inside `write` it is a part of it."""
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    # What happened before the study began

    def early(self, after: int = 0) -> list[tuple[int, str, str | None, float, dict[str, Any]]]:
        """What was asked and answered early, after a number: number, kind of line, client key, time, body."""
        if not self._has_early():
            return []
        query = "SELECT number, kind, once, at, body FROM early WHERE number > ? ORDER BY number"
        found = self._connection.execute(query, (after,)).fetchall()
        return [(number, kind, once, at, json.loads(body)) for number, kind, once, at, body in found]

    def add_early(self, kind: str, body: Mapping[str, Any], at: float, once: str | None) -> None:
        """Keep such a line, inside `write`; under a key that was used nothing happens."""
        if not self._has_early():
            self._connection.execute(_EARLY)
        self._connection.execute(
            "INSERT OR IGNORE INTO early (kind, once, at, body) VALUES (?, ?, ?, ?)",
            (kind, once, at, json.dumps(dict(body))),
        )

    def met_early(self) -> set[str]:
        """The ids of items that people were shown, or said something of, before the study began."""
        bodies = [body for *_, body in self.early()]
        return {
            id for body in bodies for id in (body["ids"] if "ids" in body else [body["id"]] if "id" in body else [])
        }

    # Rows

    def find(self, id: str) -> Stored | None:
        """The row of an id."""
        found = self._connection.execute(f"SELECT {_COLUMNS} FROM rows WHERE id = ?", (id,)).fetchone()
        return None if found is None else _stored(found)

    def of(self, ids: Iterable[str]) -> list[Stored]:
        """The rows of several ids, in their order.

        Raises:
            BadInput: If there is no such row.
        """
        found = []
        for id in ids:
            row = self.find(id)
            if row is None:
                raise BadInput(f"The project has no item {id!r}. Check the id, or add the file that has it.")
            found.append(row)
        return found

    def standing_for(self, digest: bytes) -> int | None:
        """The number of the item with some content, if there is one."""
        query = "SELECT number FROM rows WHERE digest = ? AND state = 'item' ORDER BY number LIMIT 1"
        found = self._connection.execute(query, (digest,)).fetchone()
        return None if found is None else int(found[0])

    def met(self, id: str, reading: int) -> bool:
        """Whether a reading has met the row of an id."""
        query = "SELECT 1 FROM rows WHERE id = ? AND reading = ?"
        return self._connection.execute(query, (id, reading)).fetchone() is not None

    def insert(self, id: str, content: Content) -> int:
        """Keep a new row; an item stands for itself. Its number is given back."""
        made = self._connection.execute(
            "INSERT INTO rows (id, digest, state, item, why, label, cells, data, source, reading, gone) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (id, *_values(content)),
        )
        number = int(made.lastrowid)
        if content.state == ITEM:
            self._connection.execute("UPDATE rows SET item = ? WHERE number = ?", (number, number))
        return number

    def change(self, number: int, content: Content) -> None:
        """Keep what a known row holds now."""
        stands = replace(content, item=number) if content.state == ITEM else content
        self._connection.execute(
            "UPDATE rows SET digest = ?, state = ?, item = ?, why = ?, label = ?, cells = ?, data = ?, source = ?, "
            "reading = ?, gone = 0 WHERE number = ?",
            (*_values(stands), number),
        )

    def end(self, number: int, reading: int, why: str) -> None:
        """Mark an item as gone whose row is there, but holds nothing to ask about any more."""
        query = "UPDATE rows SET gone = 1, reading = ?, why = ? WHERE number = ?"
        self._connection.execute(query, (reading, why, number))

    def hand_on(self, number: int) -> int | None:
        """Let the next row of the same content stand for it, after this one has changed; its number, or None."""
        query = "SELECT number FROM rows WHERE item = ? AND number != ? ORDER BY number LIMIT 1"
        found = self._connection.execute(query, (number, number)).fetchone()
        if found is None:
            return None
        heir = int(found[0])
        self._connection.execute("UPDATE rows SET item = ? WHERE item = ? AND number != ?", (heir, number, number))
        self._connection.execute("UPDATE rows SET state = 'item' WHERE number = ?", (heir,))
        return heir

    def lose(self, reading: int, source: int | None) -> list[str]:
        """Mark rows as gone that a reading did not meet, of one source or of all; their ids."""
        where = "reading < ? AND gone = 0" + ("" if source is None else " AND source = ?")
        given = (reading,) if source is None else (reading, source)
        lost = [str(row[0]) for row in self._connection.execute(f"SELECT id FROM rows WHERE {where}", given)]
        self._connection.execute(f"UPDATE rows SET gone = 1 WHERE {where}", given)
        return lost

    def rows(self, state: str | None = None) -> Iterator[Stored]:
        """All rows, or those of one state, in the order in which they came; a step at a time."""
        last = 0
        where = "number > ?" + ("" if state is None else " AND state = ?")
        query = f"SELECT {_COLUMNS} FROM rows WHERE {where} ORDER BY number LIMIT {STEP}"
        while step := self._connection.execute(query, (last,) if state is None else (last, state)).fetchall():
            yield from map(_stored, step)
            last = step[-1][0]

    def unusable(self) -> Iterator[Stored]:
        """Rows that are empty, broken or gone."""
        query = f"SELECT {_COLUMNS} FROM rows WHERE state IN ('empty', 'broken') OR gone = 1 ORDER BY number"
        yield from map(_stored, self._connection.execute(query).fetchall())

    def numbered(self, numbers: Sequence[int]) -> Iterator[Stored]:
        """Some rows by number, in the order given."""
        query = f"SELECT {_COLUMNS} FROM rows WHERE number = ?"
        for number in numbers:
            yield _stored(self._connection.execute(query, (int(number),)).fetchone())

    def standing(self) -> tuple[NDArray[np.int64], NDArray[np.object_], NDArray[np.uint8]]:
        """Every item, gone or not: numbers (items,), ids (items,) and digests (items, 16), in order of number."""
        found = self._connection.execute("SELECT number, id, digest FROM rows WHERE state = 'item' ORDER BY number")
        numbers, ids, digests = [], [], []
        for number, id, digest in found:
            numbers.append(number)
            ids.append(id)
            digests.append(digest)
        keys = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(digests), 16)
        return np.array(numbers, dtype=np.int64), np.array(ids, dtype=object), keys

    def gone(self) -> set[str]:
        """The ids of items of which no row is left in any file."""
        query = (
            "SELECT one.id FROM rows AS one WHERE one.state = 'item' AND one.gone = 1 AND NOT EXISTS "
            "(SELECT 1 FROM rows AS twin WHERE twin.item = one.number AND twin.gone = 0)"
        )
        return {str(row[0]) for row in self._connection.execute(query)}

    def labels(self) -> dict[str, set[str]]:
        """What the files say of items, by id: more than one label where rows of one content disagree."""
        query = (
            "SELECT one.id, twin.label FROM rows AS twin JOIN rows AS one ON one.number = twin.item "
            "WHERE twin.label != '' ORDER BY one.number"
        )
        found: dict[str, set[str]] = {}
        for id, label in self._connection.execute(query):
            found.setdefault(str(id), set()).add(str(label))
        return found

    def rows_of(self, id: str) -> list[str]:
        """The ids of all rows that one item stands for, its own first, without those that are gone."""
        query = (
            "SELECT twin.id FROM rows AS twin JOIN rows AS one ON twin.item = one.number "
            "WHERE one.id = ? AND twin.gone = 0 ORDER BY twin.number"
        )
        return [str(row[0]) for row in self._connection.execute(query, (id,))]

    def present(self) -> Iterator[tuple[str, int | None, str]]:
        """Every row that is in a file, as id, the number of the item that stands for it, and why it is set aside."""
        query = "SELECT number, id, item, why FROM rows WHERE gone = 0 AND number > ? ORDER BY number LIMIT ?"
        last = 0
        while step := self._connection.execute(query, (last, STEP)).fetchall():
            yield from ((str(id), item, str(why)) for _, id, item, why in step)
            last = step[-1][0]

    def counts(self) -> dict[str, int]:
        """How many rows there are of each state, and how many are gone."""
        found = {ITEM: 0, FOLDED: 0, EMPTY: 0, BROKEN: 0}
        counted = self._connection.execute("SELECT state, count(*) FROM rows GROUP BY state")
        found |= {str(state): int(count) for state, count in counted}
        lost = self._connection.execute("SELECT count(*) FROM rows WHERE gone = 1").fetchone()
        return {**found, "gone": int(lost[0])}

    def _has_early(self) -> bool:
        query = "SELECT count(*) FROM sqlite_master WHERE name = 'early'"
        return bool(self._connection.execute(query).fetchone()[0])

    def _open(self) -> None:
        driver = sqlite_driver()
        self._connection = driver.connect(
            str(self.path), isolation_level=None, timeout=PATIENCE, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous = FULL")


def _json(cells: Mapping[str, str]) -> str:
    return json.dumps(dict(cells), separators=(",", ":"))  # in ASCII: half a surrogate pair is no UTF-8


def _values(content: Content) -> tuple[Any, ...]:
    c = content
    return c.digest, c.state, c.item, c.why, c.label, _json(c.cells), c.data, c.source, c.reading


def _stored(row: Sequence[Any]) -> Stored:
    number, id, digest, state, item, why, label, cells, data, source, reading, gone = row
    return Stored(
        number, id, bytes(digest), state, item, why, label, json.loads(cells), data, source, reading, bool(gone)
    )

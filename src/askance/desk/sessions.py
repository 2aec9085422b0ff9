"""Who is signed in: sessions and secrets in the desk's own file, so that a restart keeps people signed in."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from askance.errors import StorageError
from askance.study.sql import WAL_SAFE_SINCE, sqlite_driver

DAYS = 30  # a session's life, however much it is used
MOST = 10_000  # sessions kept; whoever has been away longest is signed out first
FRESH = 60.0  # seconds in which what memory says of a session is not asked of the file again
PATIENCE = 5.0  # seconds to wait for somebody else's transaction; people wait meanwhile
_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # 32 bytes
_IN_MEMORY = 1000
_TABLES = (
    "CREATE TABLE IF NOT EXISTS sessions (key BLOB PRIMARY KEY, person TEXT, made REAL, seen REAL)",
    "CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
)


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in, in one browser.

    Args:
        key: The fingerprint of the id that only the browser knows.
        person: Their name; empty as long as they did not give one.
        made: When they signed in, in seconds of the epoch.
        seen: When they last asked for something, give or take a minute.
    """

    key: bytes
    person: str
    made: float
    seen: float


class Sessions:
    """Sessions in a SQLite file; whoever reads the file finds fingerprints, and cannot sign in with them.

    May be used by several threads. Reading from memory (`recent`) never waits; all else may wait for the disk.

    Args:
        path: The file; it is made if it is not there, for this user alone.
        clock: Seconds of the epoch.

    Raises:
        StorageError: If it cannot be used.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock
        self._lock = Lock()
        self._known: OrderedDict[bytes, tuple[Session, float]] = OrderedDict()  # and when the file was asked
        with self._explained():
            self._connection = _opened(path)
        with self._all_or_nothing() as connection:
            connection.execute("DELETE FROM sessions WHERE made <= ?", (self._clock() - 86_400.0 * DAYS,))

    def start(self, person: str = "") -> str:
        """Sign somebody in, in one browser: the id for its cookie, which is written nowhere else."""
        id = secrets.token_urlsafe(32)
        now = self._clock()
        with self._all_or_nothing() as connection:
            connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (_key(id), person, now, now))
            connection.execute(
                "DELETE FROM sessions WHERE key IN (SELECT key FROM sessions ORDER BY seen DESC LIMIT -1 OFFSET ?)",
                (MOST,),
            )
        return id

    def recent(self, id: str) -> Session | None:
        """The session of an id if memory has it, and no older than a minute."""
        if not _ID.fullmatch(id):
            return None
        with self._lock:
            found = self._known.get(_key(id))
        return found[0] if found and self._alive(found[0]) and 0 <= self._clock() - found[1] < FRESH else None

    def find(self, id: str) -> Session | None:
        """The session of an id, None if there is none or its life is over; and note that it was seen.

        Raises:
            StorageError: If the file cannot be read.
        """
        if not _ID.fullmatch(id):
            return None
        key, now = _key(id), self._clock()
        with self._lock, self._explained():
            row = self._connection.execute("SELECT person, made, seen FROM sessions WHERE key = ?", (key,)).fetchone()
            session = Session(key, row[0] or "", row[1], row[2]) if row else None
            if session is None or not self._alive(session):
                self._known.pop(key, None)
                return None
            self._note_seen(key, now)
            session = replace(session, seen=now)
            self._remember(session, now)
            return session

    def name(self, key: bytes, person: str) -> None:
        """Keep what somebody calls themselves."""
        with self._all_or_nothing() as connection:
            connection.execute("UPDATE sessions SET person = ? WHERE key = ?", (person, key))
            self._known.pop(key, None)

    def end(self, key: bytes) -> None:
        """Sign somebody out, in one browser."""
        with self._all_or_nothing() as connection:
            connection.execute("DELETE FROM sessions WHERE key = ?", (key,))
            self._known.pop(key, None)

    def end_all(self) -> None:
        """Sign everybody out."""
        with self._all_or_nothing() as connection:
            connection.execute("DELETE FROM sessions")
            self._known.clear()

    def people(self, within: float) -> set[str]:
        """The names of those who were seen in the last seconds."""
        with self._lock, self._explained():
            since = self._clock() - within
            query = "SELECT DISTINCT person FROM sessions WHERE seen >= ? AND person != ''"
            return {str(row[0]) for row in self._connection.execute(query, (since,))}

    def secret(self, name: str) -> bytes:
        """Thirty-two bytes that this project alone knows, made when they are first wanted."""
        with self._all_or_nothing() as connection:
            new = (name, secrets.token_bytes(32))
            connection.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", new)
            return bytes(connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()[0])

    def kept(self, name: str) -> bytes | None:
        """What was kept under a name."""
        with self._lock, self._explained():
            row = self._connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
            return None if row is None else bytes(row[0])

    def keep(self, name: str, value: bytes) -> None:
        """Keep something under a name, in place of what was there."""
        with self._all_or_nothing() as connection:
            connection.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (name, value))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _alive(self, session: Session) -> bool:
        return self._clock() - session.made < 86_400.0 * DAYS

    def _remember(self, session: Session, now: float) -> None:
        self._known[session.key] = (session, now)
        self._known.move_to_end(session.key)
        while len(self._known) > _IN_MEMORY:
            self._known.popitem(last=False)

    def _note_seen(self, key: bytes, now: float) -> None:
        """Only if nobody else is writing: this is not worth a wait, nor an error where the disk is full."""
        try:
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("UPDATE sessions SET seen = ? WHERE key = ?", (now, key))
        except sqlite_driver().OperationalError:
            pass
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(1000 * PATIENCE)}")

    @contextmanager
    def _all_or_nothing(self) -> Iterator[Any]:
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite_driver().Error, OSError) as error:
            raise StorageError(
                f"{self.path} cannot be used: {error}. Check the disk's free space and the permissions of the file "
                f"and its folder. If the file is damaged, delete it: people then have to sign in again."
            ) from error


def _key(id: str) -> bytes:
    """What is kept of an id: it is random, so that a plain fingerprint cannot be turned back."""
    return sha256(id.encode("ascii")).digest()


def _opened(path: Path) -> Any:
    """A connection to the file, which is made for this user alone; SQLite's logs beside it are like it."""
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    driver = sqlite_driver()
    connection = driver.connect(str(path), isolation_level=None, timeout=PATIENCE, check_same_thread=False)
    try:
        if driver.sqlite_version_info >= WAL_SAFE_SINCE:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        for table in _TABLES:
            connection.execute(table)
    except BaseException:
        connection.close()
        raise
    return connection

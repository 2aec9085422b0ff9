"""The database under a journal: how it is opened, what its tables are, what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any
from weakref import WeakValueDictionary, finalize

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    create_engine,
    event,
    exc,
    func,
    insert,
    inspect,
    make_url,
    select,
)

from askance.errors import BadInput, Conflict, StorageError

SCHEMA = 1  # goes up when the tables change
WAL_SAFE_SINCE = (3, 51, 3)  # older SQLite can lose pages when two processes reset the write-ahead log at once
PATIENCE = 30.0  # seconds to wait for somebody else's transaction
NAME_LENGTH = 255  # the longest study name and client key, in characters

tables = MetaData()
schema = Table("askance_schema", tables, Column("number", Integer, primary_key=True, autoincrement=False))
lines = Table(
    "askance_lines",
    tables,
    Column("study", String(NAME_LENGTH), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("at", Double, nullable=False),
    Column("once", String(NAME_LENGTH)),
    Column("body", Text, nullable=False),
    UniqueConstraint("study", "once"),
    sqlite_with_rowid=False,  # the lines of one study lie together, however many studies share the file
)

_ROW = (lines.c.number, lines.c.kind, lines.c.at, lines.c.once, lines.c.body)
_NAMES = [column.name for column in _ROW]
_OF_STUDY = lines.c.study == bindparam("study")
_LAST = select(func.max(lines.c.number)).where(_OF_STUDY)
_AFTER = select(*_ROW).where(_OF_STUDY, lines.c.number > bindparam("after")).order_by(lines.c.number)
_USED = select(*_ROW).where(_OF_STUDY, lines.c.once.in_(bindparam("keys", expanding=True)))
_KEYS_AT_ONCE = 500  # databases limit the parameters of one statement


Row = tuple[int, str, float, str | None, str]  # number, kind, time, key, body as JSON text


class Lines:
    """The lines of one study in a database."""

    def __init__(self, database: Database, study: str) -> None:
        self._database = database
        self._study = study
        self.write = database.write
        self.together = database.together

    def last(self) -> int:
        """The number of the last line, 0 if there is none."""
        with self._database.connected() as connection:
            return connection.execute(_LAST, {"study": self._study}).scalar() or 0

    def after(self, number: int) -> list[Row]:
        """The lines after a number, in order."""
        with self._database.connected() as connection:
            found = connection.execute(_AFTER, {"study": self._study, "after": number})
            return [_row(row) for row in found]

    def used(self, keys: Sequence[str]) -> dict[str, Row]:
        """The lines that carry one of these client keys, by key."""
        found: dict[str, Row] = {}
        with self._database.connected() as connection:
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                some = {"study": self._study, "keys": keys[start : start + _KEYS_AT_ONCE]}
                found |= {row.once: _row(row) for row in connection.execute(_USED, some)}
        return found

    def insert(self, rows: Sequence[Row]) -> None:
        """Keep lines, inside ``write``; a number or key that is taken is a Conflict."""
        if rows:
            with self._database.connected() as connection:
                values = [dict(zip(_NAMES, row, strict=True), study=self._study) for row in rows]
                connection.execute(insert(lines), values)


class Database:
    """One database as this process sees it: one connection, which its threads take in turn.

    After a fork the child gets a connection of its own. Use ``open_database``: whoever opens the same
    storage in one process shares the connection, so that many studies can be written in one transaction.
    """

    def __init__(self, url: URL, durability: str) -> None:
        self._url = url
        self._durability = durability
        self.identity = identity(url)
        self.renew()
        with self._explained():
            self._prepare()
        self.identity = identity(url)  # the file may not have been there before

    def renew(self) -> None:
        """Start without a connection, as a process does."""
        self._lock = RLock()
        self._connection: Connection | None = None
        self._engine = _engine(self._url, self._durability)
        self._closing = finalize(self, self._engine.dispose)

    def cross(self) -> Engine:
        """Leave the parent's connection alone in a forked child, and start afresh."""
        self._closing.detach()
        crossed = self._engine
        self.renew()
        return crossed

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes, or a part of the one that is open: all of it is kept or nothing.

        Raises:
            Conflict: A key is taken; somebody else wrote meanwhile.
            StorageError: The database cannot be written; the message says why.
        """
        with self._lock, self._explained():
            if self._connection is not None:
                yield self._connection
                return
            with self._engine.connect().execution_options(writes=True) as connection, connection.begin() as transaction:
                self._connection = connection
                try:
                    yield connection
                finally:
                    self._connection = None
                if not transaction.is_active:
                    raise StorageError(self._undone())

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """The connection of the open transaction, else one to read from."""
        with self._lock, self._explained():
            if self._connection is not None:
                yield self._connection
                return
            with self._engine.connect() as connection:
                yield connection

    def together(self) -> AbstractContextManager[object]:
        """One commit for all that is written inside, where durability is normal; else nothing."""
        return self.write() if self._durability == "normal" else nullcontext()

    def _prepare(self) -> None:
        """Make the tables if they are not there, and refuse those of a later askance."""
        number = self._schema()
        if number is None:
            try:
                with self.write() as connection:
                    tables.create_all(connection)
                    if connection.execute(select(schema.c.number)).scalar() is None:
                        connection.execute(insert(schema), {"number": SCHEMA})
            except (Conflict, StorageError):
                if self._schema() is None:
                    raise  # else somebody else made them meanwhile
            number = self._schema()
        if number != SCHEMA:
            raise StorageError(
                f"{_name(self._url)} has schema number {number}, this askance knows {SCHEMA}: "
                f"it was written by a later version. To open it, upgrade askance."
            )

    def _schema(self) -> int | None:
        with self.connected() as connection:
            if not inspect(connection).has_table(schema.name):
                return None
            return connection.execute(select(func.max(schema.c.number))).scalar()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what an error of the database means for the user; the open transaction ends with it."""
        try:
            yield
        except exc.DBAPIError as error:
            if self._connection is not None:
                self._connection.rollback()
            if isinstance(error, exc.IntegrityError):
                raise Conflict(f"Somebody else wrote to {_name(self._url)} first. Read on and try again.") from error
            raise StorageError(_explain(error.orig, self._url)) from error
        except exc.InvalidRequestError as error:
            raise StorageError(self._undone()) from error

    def _undone(self) -> str:
        return (
            f"Nothing of this block was kept in {_name(self._url)}: one of its writes failed. "
            f"See to the error that was raised first, then do the whole block again."
        )


def open_database(storage: str | Path, durability: str) -> Database:
    """Open a database, make it if it is not there, or share the one this process has open.

    Args:
        storage: A path of a SQLite file, or a URL (``postgresql+psycopg://...``).
        durability: ``full``: what was committed is on disk. ``normal``: whole, but the last commits may be
            missing after a power cut.

    Raises:
        StorageError: It cannot be read and written; the message names it and says what to do.
    """
    if durability not in _SYNCHRONOUS:
        raise BadInput(f"durability is {durability!r}. Choose one of: {', '.join(_SYNCHRONOUS)}.")
    url = _url(storage)
    _check_place(url)
    with _opening:
        file = None if url.query else _file(url)  # as a path: its name may be no UTF-8, which no URL can hold
        key = (url.render_as_string(hide_password=False) if file is None else str(file), durability)
        found = _open.get(key)
        if found is None or found.identity != identity(url):  # a file that was removed and made again is another one
            found = _open[key] = Database(url, durability)
        return found


def file_of(storage: str | Path) -> Path | None:
    """The file a storage is, None for a database on a server."""
    return _file(_url(storage))


def identity(url: URL) -> tuple[int, int] | None:
    """Which file lies at the path right now, None where there is none."""
    file = _file(url)
    if file is None or not file.exists():
        return None
    found = file.stat()
    return found.st_dev, found.st_ino


def _row(found: Any) -> Row:
    number, kind, at, once, body = found
    return number, kind, at, once, body


_SYNCHRONOUS = {
    "full": "EXTRA",  # FULL, and where there is no write-ahead log the folder is synced too
    "normal": "NORMAL",
}
_open: WeakValueDictionary[tuple[str, str], Database] = WeakValueDictionary()
_opening = RLock()
_crossed: list[Engine] = []  # of a parent process: neither used nor closed here


def _start_afresh_after_fork() -> None:
    """SQLite connections and held locks must not cross a fork."""
    global _opening
    _opening = RLock()
    _crossed.extend(database.cross() for database in list(_open.values()))


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_start_afresh_after_fork)


def _url(storage: str | Path) -> URL:
    if "://" not in str(storage):
        return URL.create("sqlite", database=os.path.abspath(storage))
    try:
        url = make_url(str(storage))
    except exc.ArgumentError as error:
        raise BadInput(
            f"The storage {storage!r} is no database URL. "
            f"Give a path such as 'labels.db', or a URL such as 'postgresql+psycopg://user@host/name'."
        ) from error
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise BadInput(f"The storage {storage!r} lives in memory only. Give a file, or None for a study in memory.")
    return url


def _file(url: URL) -> Path | None:
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _name(url: URL) -> str:
    return str(_file(url) or url.render_as_string(hide_password=True))


def _check_place(url: URL) -> None:
    """What SQLite would only say as "unable to open database file", or when the first answer is lost."""
    file = _file(url)
    if file is None:
        return
    if not file.parent.is_dir():
        raise StorageError(f"{file} cannot be made: there is no folder {file.parent}. Make it, or give another path.")
    if file.is_dir():
        raise StorageError(f"{file} is a folder. Give the path of a file in it, such as {file / 'study.db'}.")
    for place in (file, file.parent):  # SQLite keeps its log beside the file
        if place.exists() and not os.access(place, os.W_OK):
            what = "folder" if place.is_dir() else "file"
            raise StorageError(
                f"{file} cannot be written: the {what} {place} is read-only for this user. "
                f"Change its permissions, or copy the study elsewhere."
            )


def _engine(url: URL, durability: str) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return create_engine(url, pool_size=1, pool_pre_ping=True)
        except (ImportError, exc.NoSuchModuleError) as error:
            raise StorageError(f"{_name(url)} needs a driver that is missing: {error}. Install it with pip.") from error

    driver = sqlite_driver()
    engine = create_engine(url, module=driver, pool_size=1, connect_args={"timeout": PATIENCE})
    mode = "wal" if driver.sqlite_version_info >= WAL_SAFE_SINCE else "delete"
    if mode == "delete":
        _warn_of_old_sqlite(driver.sqlite_version)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; see below
        _set_journal_mode(connection, mode)
        connection.execute(f"PRAGMA synchronous={_SYNCHRONOUS[durability]}")
        connection.execute("PRAGMA fullfsync=ON")  # macOS: else a sync does not reach the disk

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the lock before it reads: nothing it read can change under it.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def sqlite_driver() -> ModuleType:
    """The newest SQLite at hand: pysqlite3 brings its own, else the system's."""
    if sys.platform != "linux":
        return sqlite3
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        return sqlite3
    return dbapi2  # type: ignore[no-any-return]  # it has no types


def _set_journal_mode(connection: Any, mode: str) -> None:
    """Change the mode if need be; SQLite gives up at once when somebody else has the file, so wait here."""
    give_up = time.monotonic() + PATIENCE
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != mode:
        try:
            connection.execute(f"PRAGMA journal_mode={mode}").fetchone()
            return  # a file system that cannot share memory keeps its mode, which is as safe
        except (sqlite3.OperationalError, sqlite_driver().OperationalError) as error:
            if not _code(error).startswith("SQLITE_BUSY") or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


@cache
def _warn_of_old_sqlite(version: str) -> None:
    safe = ".".join(map(str, WAL_SAFE_SINCE))
    warnings.warn(
        f"SQLite {version} has a fault in its write-ahead log (fixed in {safe}), so askance does without the log: "
        f"as safe, but slower when several processes write. On Linux: pip install pysqlite3",
        stacklevel=2,
    )


def _code(error: BaseException | None) -> str:
    return getattr(error, "sqlite_errorname", None) or ""


_MEANINGS = {
    "SQLITE_FULL": "the disk is full. Free some space and try again; all that was confirmed before is safe.",
    "SQLITE_BUSY": "another process has held it for {patience:.0f} seconds. Find and end that process, then try again.",
    "SQLITE_READONLY": "it is read-only for this user. Change the permissions of the file and of its folder.",
    "SQLITE_CANTOPEN": "it cannot be opened. Check the path, and the permissions of the file and of its folder.",
    "SQLITE_NOTADB": "it is not a SQLite database. Give another path; the file was not touched.",
    "SQLITE_CORRUPT": "it is damaged. Restore a copy, or save what is left with: sqlite3 FILE .recover",
    "SQLITE_IOERR": "the disk refused ({text}). Check it and its free space; all that was confirmed before is safe.",
}


def _explain(error: BaseException | None, url: URL) -> str:
    """One sentence about what happened and one about what to do."""
    text = str(error).strip().partition("\n")[0]
    for code, meaning in _MEANINGS.items():
        if _code(error).startswith(code):
            return f"{_name(url)} cannot be used: {meaning.format(patience=PATIENCE, text=text)}"
    return f"{_name(url)} cannot be used: {text}. Check that the database is running and lets this user write."

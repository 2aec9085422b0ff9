"""What a database refuses is said in words a user can act on, and nothing half-written stays."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from askance.errors import BadInput, Conflict, StorageError
from askance.study import sql
from askance.study.journal import Draft, SqlJournal

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


def passed(size: int = 1) -> Draft:
    return Draft("passed", {"id": "x" * size})


def pragma(database: sql.Database, name: str) -> object:
    with database.connected() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(StorageError) as error:
        work()
    return str(error.value)


def refusal_in_child(work: Callable[[], object]) -> str:
    """The StorageError that a forked child meets; whatever the child does to itself ends with it."""

    def run(answer: Connection) -> None:
        answer.send(refusal(work))

    here, there = get_context("fork").Pipe()
    process = get_context("fork").Process(target=run, args=(there,))
    process.start()
    there.close()
    with here:
        said = here.recv()
    process.join()
    assert isinstance(said, str)
    return said


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 3), ("normal", 1)])
def test_durability_says_what_is_synced(tmp_path: Path, durability: str, synchronous: int) -> None:
    database = sql.open_database(tmp_path / "x.db", durability)
    assert pragma(database, "synchronous") == synchronous
    assert pragma(database, "busy_timeout") == 30_000


def test_an_unknown_durability_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'safe'\. Choose one of: full, normal"):
        sql.open_database(tmp_path / "x.db", "safe")


def test_a_safe_sqlite_uses_its_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "WAL_SAFE_SINCE", (3, 0, 0))
    assert pragma(sql.open_database(tmp_path / "x.db", "full"), "journal_mode") == "wal"


def test_a_faulty_sqlite_does_without_its_log_and_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "WAL_SAFE_SINCE", (3, 0, 0))
    journal = SqlJournal(tmp_path / "x.db")
    journal.add([passed()])
    journal.close()

    monkeypatch.setattr(sql, "WAL_SAFE_SINCE", (99, 0, 0))
    sql._warn_of_old_sqlite.cache_clear()
    with pytest.warns(UserWarning, match="pip install pysqlite3"):
        database = sql.open_database(tmp_path / "x.db", "full")
    assert pragma(database, "journal_mode") == "delete"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SqlJournal(tmp_path / "y.db").add([passed()])
    journal = SqlJournal(tmp_path / "x.db")
    journal.append([passed()], after=1)
    assert journal.last == 2


def test_a_url_and_a_path_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    assert sql.open_database(path, "full") is sql.open_database(str(path), "full")
    assert sql.open_database(path, "full") is sql.open_database(f"sqlite:///{path}", "full")
    assert sql.file_of(f"sqlite:///{path}") == sql.file_of(path) == path
    assert sql.file_of("postgresql://host/name") is None


def test_a_file_that_was_removed_and_made_again_is_another_one(tmp_path: Path) -> None:
    old = SqlJournal(tmp_path / "x.db")
    old.add([passed()])
    for file in tmp_path.iterdir():
        file.unlink()
    new = SqlJournal(tmp_path / "x.db")
    assert new.last == 0
    new.append([passed()], after=0)
    assert (tmp_path / "x.db").exists()


def test_closing_the_last_journal_leaves_one_file(tmp_path: Path) -> None:
    one, two = SqlJournal(tmp_path / "x.db", "one"), SqlJournal(tmp_path / "x.db", "two")
    one.add([passed()])
    one.close()
    two.add([passed()])
    two.close()
    assert [file.name for file in tmp_path.iterdir()] == ["x.db"]


def test_a_later_schema_is_refused_with_both_numbers(tmp_path: Path) -> None:
    database = sql.open_database(tmp_path / "x.db", "full")
    with database.write() as connection:
        connection.execute(sql.schema.update().values(number=7))
    del connection, database
    said = refusal(lambda: SqlJournal(tmp_path / "x.db"))
    assert "x.db has schema number 7, this askance knows 1" in said
    assert said.endswith("upgrade askance.")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n" * 1000)
    assert "labels.csv cannot be used: it is not a SQLite database. Give another" in refusal(lambda: SqlJournal(path))
    assert path.read_text() == "id,label\n" * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_another_program_is_left_as_it_was(tmp_path: Path) -> None:
    other = sql.sqlite_driver().connect(tmp_path / "x.db")
    other.executescript("CREATE TABLE lines (text); INSERT INTO lines VALUES ('theirs');")
    SqlJournal(tmp_path / "x.db").add([passed()])
    assert other.execute("SELECT * FROM lines").fetchall() == [("theirs",)]
    other.close()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    said = refusal(lambda: SqlJournal(tmp_path / "no" / "x.db"))
    assert f"there is no folder {tmp_path / 'no'}. Make it" in said
    assert not (tmp_path / "no").exists()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "is a folder. Give the path of a file in it" in refusal(lambda: SqlJournal(tmp_path))


@pytest.mark.parametrize("storage", ["sqlite://", "sqlite:///:memory:"])
def test_a_url_of_memory_is_refused(storage: str) -> None:
    with pytest.raises(BadInput, match="Give a file, or None"):
        SqlJournal(storage)


def test_a_url_nobody_understands_is_refused() -> None:
    with pytest.raises(BadInput, match=r"is no database URL\. Give a path such as"):
        SqlJournal("://x")
    assert "needs a driver that is missing" in refusal(lambda: SqlJournal("nosuch://host/name"))


def test_a_database_somebody_holds_is_given_up_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "PATIENCE", 0.05)
    journal = SqlJournal(tmp_path / "x.db")
    other = sql.sqlite_driver().connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "another process has held it for 0 seconds. Find" in refusal(lambda: journal.add([passed()]))
    other.execute("ROLLBACK")
    assert journal.add([passed()])[0].number == 1
    other.close()


@pytest.mark.parametrize("together", [False, True])
def test_a_full_disk_keeps_nothing_of_the_group_that_did_not_fit(tmp_path: Path, together: bool) -> None:
    journal = SqlJournal(tmp_path / "x.db", durability="normal")
    written = journal.add([passed()])
    database = sql.open_database(tmp_path / "x.db", "normal")
    pages = pragma(database, "page_count")
    pragma(database, f"max_page_count={pages + 3}")  # type: ignore[operator]

    def fill() -> None:
        journal.add([passed(), passed(100_000)])

    def fill_together() -> None:
        with journal.together():
            journal.add([passed()])
            fill()

    assert "the disk is full. Free some space and try again" in refusal(fill_together if together else fill)
    assert journal.read() == written
    pragma(database, "max_page_count=1000000")
    fill()
    assert journal.last == 3


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_block_whose_write_failed_cannot_end_well(tmp_path: Path, goes_on: bool) -> None:
    journal = SqlJournal(tmp_path / "x.db", durability="normal")
    database = sql.open_database(tmp_path / "x.db", "normal")
    pragma(database, "max_page_count=10")

    def deaf() -> None:
        with journal.together():
            journal.add([passed()])
            with pytest.raises(StorageError, match="the disk is full"):
                journal.add([passed(100_000)])
            if goes_on:
                journal.add([passed()])

    assert "Nothing of this block was kept" in refusal(deaf)
    assert journal.last == 0
    journal.add([passed()])


@needs_fork
def test_a_disk_that_refuses_keeps_nothing_half_written(tmp_path: Path) -> None:
    import resource

    written = SqlJournal(tmp_path / "x.db").add([passed()])

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        SqlJournal(tmp_path / "x.db").add([passed(1000) for _ in range(1000)])

    assert "all that was confirmed before is safe" in refusal_in_child(fill)
    journal = SqlJournal(tmp_path / "x.db")
    assert journal.read() == written
    journal.append([passed()], after=1)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can enter."""
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def as_nobody(work: Callable[[], object]) -> Callable[[], object]:
    """Permissions do not bind root."""

    def run() -> object:
        if os.geteuid() == 0:
            os.setuid(65534)
        return work()

    return run


@needs_fork
def test_a_read_only_folder_or_file_is_named(open_folder: Path) -> None:
    path = open_folder / "x.db"
    os.chmod(open_folder, 0o555)
    said = refusal_in_child(as_nobody(lambda: SqlJournal(path)))
    assert f"the folder {open_folder} is read-only for this user. Change" in said
    os.chmod(open_folder, 0o777)
    SqlJournal(path).close()
    os.chmod(path, 0o444)
    assert f"the file {path} is read-only for this user. Change" in refusal_in_child(
        as_nobody(lambda: SqlJournal(path))
    )


def test_a_key_taken_by_somebody_else_is_a_conflict(tmp_path: Path) -> None:
    lines = sql.Lines(sql.open_database(tmp_path / "x.db", "full"), "s")
    row = (1, "passed", 0.0, "key", "{}")
    with lines.write():
        lines.insert([row])
    with pytest.raises(Conflict, match="Somebody else wrote"), lines.write():
        lines.insert([row])
    with pytest.raises(Conflict), lines.write():
        lines.insert([(2, "passed", 0.0, "key", "{}")])
    assert lines.after(0) == [row]


def test_a_journal_in_memory_needs_no_sqlalchemy() -> None:
    code = "import sys; from askance.study.journal import MemoryJournal as J; J(); print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

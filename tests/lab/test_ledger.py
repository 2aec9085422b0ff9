"""What is done is kept, and no two processes work on one cell."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from askance.errors import BadInput, StorageError
from askance.lab import ledger as ledgers
from askance.lab.ledger import Kept, Ledger, open_ledger
from askance.reports.results import Run


def a_run(seed: int = 0) -> Run:
    return Run("margin", seed, [10, 20], [0.5, float("nan")], [[3, "a"]], [[1, 1]], [""], {"training": [0.25]})


def kept(key: str, run: Run | None = None, error: str = "") -> Kept:
    return Kept(key, run, error, {"torch": "2"}, 1.5)


def test_a_finished_cell_is_read_as_it_was_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "grid.db")
    ledger.keep([kept("a", a_run()), kept("b", None, "ValueError: no")])
    ledger.close()
    again = open_ledger(tmp_path / "grid.db")
    found = again.cells(["a", "b", "c"])
    assert set(found) == {"a", "b"}
    assert found["a"].run is not None and repr(found["a"].run) == repr(a_run())  # NaN is not equal to itself
    assert found["b"].run is None and found["b"].error == "ValueError: no"
    took = again.finished(["a", "b", "c"])
    assert took["a"] == 1.5 and took["b"] != took["b"] and set(took) == {"a", "b"}
    assert again.others(["a"]) == 1
    again.forget(["b"])
    assert set(again.cells(["a", "b"])) == {"a"}
    again.close()


def test_a_cell_is_claimed_once_until_it_is_given_up_or_finished(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path / "grid.db"), Ledger(tmp_path / "grid.db")
    assert one.claim(["a", "b", "c"]) == ["a", "b", "c"]
    assert other.claim(["b", "d"]) == ["d"]
    one.unclaim(["b"])
    assert other.claim(["b"]) == ["b"]
    one.keep([kept("a", a_run())])
    assert other.claim(["a"]) == []
    one.release()
    assert other.claim(["a", "b", "c"]) == ["c"]
    one.close()
    other.close()


def _claim_and_wait(path: Path, ready: object) -> None:
    Ledger(path).claim(["a"])
    ready.set()  # type: ignore[attr-defined]
    time.sleep(60)


def test_the_claims_of_a_killed_process_are_free_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    worker = context.Process(target=_claim_and_wait, args=(tmp_path / "grid.db", ready))
    worker.start()
    assert ready.wait(60)
    ledger = Ledger(tmp_path / "grid.db")
    assert ledger.claim(["a"]) == []
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert ledger.claim(["a"]) == ["a"]
    ledger.close()


def test_a_silent_process_of_another_machine_is_dead_after_a_while(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "grid.db")
    with sqlite3.connect(tmp_path / "grid.db") as file:
        file.execute("INSERT INTO claims VALUES ('a', 'elsewhere/1/x'), ('b', 'elsewhere/2/y')")
        file.execute("INSERT INTO alive VALUES ('elsewhere/1/x', ?), ('elsewhere/2/y', ?)", (time.time(), 0.0))
    assert ledger.claim(["a", "b"]) == ["b"]
    ledger.close()


def test_what_is_no_ledger_or_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There are no results at"):
        open_ledger(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("this is no database, and long enough to be seen as one" * 40)
    with pytest.raises(StorageError, match="cannot be used"):
        Ledger(tmp_path / "text.db")
    Ledger(tmp_path / "old.db").close()
    with sqlite3.connect(tmp_path / "old.db") as file:
        file.execute("UPDATE grid SET value = '0' WHERE name = 'schema'")
    with pytest.raises(StorageError, match="schema 0"):
        Ledger(tmp_path / "old.db")


def test_a_process_says_that_it_lives_however_long_a_cell_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "BEAT", 0.02)
    ledger = Ledger(tmp_path / "grid.db")
    ledger.claim(["a"])
    with sqlite3.connect(tmp_path / "grid.db") as file:
        file.execute("UPDATE alive SET at = 0")
    with ledger.alive():
        deadline = time.time() + 10
        while not (at := file.execute("SELECT at FROM alive").fetchone()[0]) and time.time() < deadline:
            time.sleep(0.01)  # as one who works on a cell
    assert time.time() - at < 60
    file.close()
    ledger.close()


def test_what_one_process_finished_another_one_s_failure_does_not_replace(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path / "grid.db"), Ledger(tmp_path / "grid.db")
    one.keep([kept("a", a_run()), kept("b", error="ValueError: no")])
    other.keep([kept("a", error="MemoryError"), kept("b", a_run())])
    assert [cell.run is not None for cell in one.cells(["a", "b"]).values()] == [True, True]
    one.close()
    other.close()


def test_a_full_disk_is_called_what_it_is(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "grid.db")
    ledger._file.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StorageError, match="full"):
        ledger.keep([Kept(str(number), None, "x" * 10_000, {}, 0.0) for number in range(20)])
    assert ledger.cells(["0"]) == {}
    ledger.close()

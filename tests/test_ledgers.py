"""Ledgers that are kept go on elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from askance.errors import BadInput
from askance.lab.running import LEDGER
from benchmarks import kept, ledgers


def test_a_ledger_that_is_kept_goes_on_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "FOLDER", tmp_path / "kept")
    (tmp_path / "here").mkdir()
    with closing(sqlite3.connect(tmp_path / "here" / LEDGER)) as ledger:
        ledger.executescript(
            "CREATE TABLE cells (key, run); CREATE TABLE claims (key, who); CREATE TABLE alive (who, at);"
            "INSERT INTO cells VALUES ('k', 'r');"
            "INSERT INTO claims VALUES ('l', 'p'); INSERT INTO alive VALUES ('p', 1);"
        )
    with pytest.raises(BadInput, match="keep a ledger first"):
        ledgers.restore("x", tmp_path / "there")
    assert ledgers.keep(tmp_path / "here", "x").is_file()
    ledgers.restore("x", tmp_path / "there")
    with closing(sqlite3.connect(tmp_path / "there" / LEDGER)) as ledger:
        assert ledger.execute("SELECT * FROM cells").fetchall() == [("k", "r")]
        assert ledger.execute("SELECT * FROM claims").fetchall() == []
    with pytest.raises(BadInput, match="there already"):
        ledgers.restore("x", tmp_path / "there")
    ledgers.go_on("x", tmp_path / "there")
    ledgers.go_on("y", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    ledgers.go_on("x", tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / LEDGER).is_file()


def test_runs_that_were_kept_one_by_one_go_on_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PACKED", tmp_path / "packed")
    ran: list[str] = []

    def run(case: str, seed: str) -> dict[str, Any]:
        ran.append(seed)
        return {"area": float(seed)}

    for place, seeds in (("here", "01"), ("there", "012")):
        monkeypatch.setattr(kept, "FOLDER", tmp_path / place)
        found = kept.runs("x", [("case", seed) for seed in seeds], run, float("inf"))
    assert ran == ["0", "1", "2"]
    assert [told["area"] for told in found.values()] == [0.0, 1.0, 2.0]

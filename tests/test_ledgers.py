"""Ledgers that are kept go on elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from askance.errors import BadInput
from askance.lab.grid import versions
from askance.lab.identity import identity
from askance.lab.running import LEDGER
from askance.strategies.base import Strategy
from askance.strategies.region import NeuralCal
from askance.strategies.uncertainty import Margin
from benchmarks import kept, ledgers, neural_cal, streams


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
        found = kept.runs("x", [("case", seed) for seed in seeds], run, lambda case: case, float("inf"))
    assert ran == ["0", "1", "2"]
    assert [one.told["area"] for one in found.values()] == [0.0, 1.0, 2.0]


def test_a_run_of_another_revision_or_setting_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PACKED", tmp_path / "packed")
    monkeypatch.setattr(kept, "FOLDER", tmp_path / "runs")
    strategies: dict[str, Strategy] = {"margin": Margin(), "cal": NeuralCal()}
    ran: list[str] = []

    def run(case: str, method: str, seed: str) -> dict[str, Any]:
        ran.append(method)
        return {"area": float(len(ran))}

    def decides(case: str, method: str) -> Any:
        return [identity(strategies[method]), neural_cal.QUERIES]

    def found() -> dict[str, dict[str, dict[str, Any]]]:
        wanted = [("case", method, "0") for method in strategies]
        return kept.columns(kept.runs("x", wanted, run, decides, float("inf")))

    before = found()
    monkeypatch.setattr(NeuralCal, "revision", NeuralCal.revision + 1)
    assert kept.outdated(before, decides).endswith("has changed since: cal.\n")
    after = found()
    assert ran == ["margin", "cal", "cal"] and [row["area"] for row in after["case"].values()] == [[1.0], [3.0]]
    assert kept.outdated(after, decides) == ""
    monkeypatch.setattr(neural_cal, "QUERIES", 8)
    found()
    assert ran[3:] == ["margin", "cal"]


def test_a_benchmark_s_own_class_is_known_by_the_benchmark_s_revision() -> None:
    assert kept.identity(streams.Least())["marks"].keys() == {"askance.signals.extras:Extra"}


def test_a_run_says_when_and_by_what_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PACKED", tmp_path / "packed")
    monkeypatch.setattr(kept, "FOLDER", tmp_path / "runs")
    for seed, day in ((0, "2026-11-30"), (1, "2026-12-02")):
        monkeypatch.setattr("time.strftime", lambda _, day=day: day)
        wanted = [("case", str(seed)) for seed in range(seed + 1)]
        found = kept.runs("x", wanted, lambda *_: {}, lambda case: case, float("inf"))
    told = kept.made(found.values())
    assert told["date"] == "2026-11-30 to 2026-12-02" and told["versions"] == versions()

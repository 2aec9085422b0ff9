"""The commands of large pools, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scorable import LEARNED, model, numbers, write

import askance
from askance import ScoredPool
from askance.cli import main
from askance.errors import BadInput
from askance.sources.csv import read_table, write_table

Said = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and a pool that fits into two shards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path / "cache"))
    model(tmp_path / "m")
    write(tmp_path / "pool.parquet", numbers(66_000), group=66_000, key=[f"k{row}" for row in range(66_000)])
    return tmp_path


def as_json(said: Said, *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--json"]) == code
    return json.loads(said.readouterr().out)


SCORE = ("score-pool", "pool.parquet", "--model", "m", "--out", "s", "--id", "key")


def test_the_whole_way(here: Path, capsys: Said) -> None:
    assert main(list(SCORE)) == 0
    out = capsys.readouterr().out
    assert "s: 66,000 rows in 2 shards, 2 scored now" in out and "rows a second" in out
    assert out.rstrip().endswith("Next: askance choose s -n 1000 --strategy margin -o chosen.csv")
    assert main(["choose", "s", "-n", "20", "--strategy", "margin", "-o", "c.csv", "--verify"]) == 0
    assert "c.csv: 20 items by margin, chosen as from the whole pool" in capsys.readouterr().out
    shares = np.concatenate([shard.probabilities for shard in ScoredPool("s")])
    rows = askance.select("margin", 20, probabilities=shares)
    assert read_table("c.csv").column("id") == [f"k{row}" for row in rows]
    Path("c.csv").write_text("id,label\nk1,typed by hand\n")
    assert main(["choose", "s", "-o", "c.csv"]) == 2
    assert "c.csv is there already, and may hold labels. Name another file with -o, or" in capsys.readouterr().err
    assert "typed by hand" in Path("c.csv").read_text()
    for name in ("c.xlsx", "c.jsonl", "c"):
        assert main(["choose", "s", "-o", name]) == 2
        assert f"{name} is not called as a CSV file is" in capsys.readouterr().err and not Path(name).exists()
    assert main(["choose", "s", "-n", "20", "--strategy", "margin", "-o", "c.csv", "--force"]) == 0
    capsys.readouterr()
    found = as_json(capsys, "choose", "s", "-n", "20", "--known", "c.csv", "--strategy", "k-center", "-o", "d.csv")
    assert found["chosen"] == 20 and not found["exact"] and 200 <= found["proposed"] <= 202
    assert not {*read_table("c.csv").column("id")} & {*read_table("d.csv").column("id")}
    Path("e.csv").write_text("id\n'k1\nk-of-elsewhere\n")
    assert main(["choose", "s", "-n", "3", "--known", "e.csv", "-o", "f.csv"]) == 0
    assert capsys.readouterr().err == "e.csv: 1 id is of no item here, 'k-of-elsewhere' first\n"
    assert as_json(capsys, *SCORE) | {"seconds": 0} == {
        "folder": "s",
        "rows": 66_000,
        "shards": 2,
        "scored": 0,
        "left": 0,
        "without": 0,
        "why": [],
        "recomputed": {},
        "damaged": [],
        "seconds": 0,
        "rate": 0.0,
    }


def test_what_is_damaged_or_not_done_is_said_and_what_to_do(here: Path, capsys: Said) -> None:
    assert main([*SCORE, "--until", "00:00x"]) == 2
    assert "is no time of day" in capsys.readouterr().err
    assert main(list(SCORE)) == 0
    path = here / "s" / "probabilities-00001.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 4
    path.write_bytes(data)
    assert main(["choose", "s", "--verify"]) == 2
    assert "shard 1 first: probabilities-00001.npy holds other bytes" in capsys.readouterr().err
    assert main(list(SCORE)) == 0
    assert "Shard 1 was computed anew: probabilities-00001.npy holds other bytes" in capsys.readouterr().out
    ledger = here / "s" / "ledger.jsonl"
    ledger.write_text("".join(ledger.read_text().splitlines(keepends=True)[:2]))
    assert main(["choose", "s"]) == 2
    assert "1 of 2 shards of s are not scored yet. Say askance score-pool again" in capsys.readouterr().err


def test_a_project_scores_with_its_model_of_now(here: Path, capsys: Said) -> None:
    np.save("learned.npy", LEARNED)
    assert main(["init", "learned.npy", "--classes", "yes,no", "--task", "classes"]) == 0
    assert main(["ask", "-n", "30", "-o", "b.csv"]) == 0
    table = read_table("b.csv")
    ids = table.column("id")
    by_id = dict(zip(ids, range(len(ids)), strict=True))
    write_table("t.csv", {"id": ids, "label": ["yes" if by_id[id] % 2 else "no" for id in ids]})
    assert main(["tell", "t.csv"]) == 0
    capsys.readouterr()
    found = as_json(capsys, "score-pool", "pool.parquet", "--model", "learned.askance", "--out", "p")
    assert found["scored"] == 2
    assert main(["export", "--model", "taken"]) == 0
    said = askance.load("taken").predict(list(numbers(66_000)[:50]))
    assert np.allclose(ScoredPool("p").probabilities(0)[:50], said.probabilities.numpy(), atol=1e-6)
    capsys.readouterr()
    again = as_json(capsys, "score-pool", "pool.parquet", "--model", "taken", "--out", "p")
    assert again["scored"] == 0, "what was taken away is the same model"
    assert not list(here.glob("askance-model-*"))


def test_rows_without_a_score_are_counted_and_named(here: Path, capsys: Said) -> None:
    rows: list[Any] = numbers(20).tolist()
    rows[3] = None
    parquet.write_table(pa.table({"v": pa.array(rows, pa.list_(pa.float32()))}), "gaps.parquet")
    assert main(["score-pool", "gaps.parquet", "--model", "m", "--out", "g"]) == 0
    out = capsys.readouterr().out
    assert "1 rows have no score: row 3: its numbers are missing or not finite\n" in out


@pytest.mark.slow
def test_a_cluster_scores_and_chooses_the_same(here: Path, capsys: Said) -> None:
    pytest.importorskip("ray")
    assert main(list(SCORE)) == 0 and main(["choose", "s", "-n", "20", "-o", "here.csv"]) == 0
    on_ray = ["--on", "ray", "--workers", "2"]
    assert main(["score-pool", "pool.parquet", "--model", "m", "--out", "r", "--id", "key", *on_ray]) == 0
    assert main(["choose", "r", "-n", "20", "-o", "there.csv", *on_ray]) == 0
    assert (here / "here.csv").read_text() == (here / "there.csv").read_text()
    for name in ("embeddings-00000.npy", "probabilities-00001.npy"):
        assert (here / "s" / name).read_bytes() == (here / "r" / name).read_bytes()


def test_a_project_is_not_scored_with_elsewhere(here: Path, capsys: Said) -> None:
    from askance.executors.local import Processes
    from askance.scoring.score import score_pool

    (here / "p").mkdir()
    (here / "p" / "project.db").touch()
    with pytest.raises(BadInput, match="askance export --model"):
        score_pool("pool.parquet", "p", "s", on=Processes())

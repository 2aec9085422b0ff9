"""Scoring a pool: what is written, what is written once, and what is refused."""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from scorable import FEATURES, ROWS, model, model_of_tables, model_of_texts, numbers, scored, write

import askance
from askance import ScoredPool
from askance.encoders.numbers import Standardized
from askance.errors import BadInput, Conflict, StorageError, UnknownName
from askance.scoring import ledger, shard
from askance.scoring.score import score_pool


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.npy")}


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / ledger.FILE).read_text().splitlines()]


def test_scores_are_what_the_model_says_bit_for_bit(tmp_path: Path) -> None:
    done = scored(tmp_path)
    pool = ScoredPool(tmp_path / "out")
    with askance.look.threads(1):
        said = askance.load(tmp_path / "m").predict(list(numbers(5000)))
    assert np.array_equal(np.concatenate([one.probabilities for one in pool]), said.probabilities.numpy())
    assert np.array_equal(np.concatenate([one.embeddings for one in pool]), numbers(5000))
    assert [value for number in pool.shards for value in pool.values(number)] == list(said)
    assert (done.rows, done.shards, done.scored, done.left, done.without) == (5000, 3, 3, 0, 0)
    assert len(pool) == 5000 and pool.shards == (0, 1, 2) and pool.missing == () and pool.verify() == {}
    assert np.array_equal(pool.ids, np.arange(5000)) and pool.task.names == ("a", "b", "c", "d")  # type: ignore[attr-defined]
    assert repr(pool).endswith("5,000 of 5,000 rows") and pool.embeddings(2).shape == (5000 - 2 * ROWS, FEATURES)
    assert pool.versions == {askance.__version__: 3}
    with pytest.raises(ValueError, match="read-only"):
        pool.probabilities(0)[0, 0] = 1.0


def test_nothing_is_computed_twice(tmp_path: Path) -> None:
    scored(tmp_path)
    before = stamps(tmp_path / "out")
    again = scored(tmp_path)
    assert again.scored == 0 and again.rate == 0.0 and stamps(tmp_path / "out") == before


@pytest.mark.slow
def test_two_workers_write_the_same_bytes(tmp_path: Path) -> None:
    scored(tmp_path)
    scored(tmp_path, out=tmp_path / "other", workers=2)
    for name in stamps(tmp_path / "out"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_shard_that_is_not_what_was_written_is_named_and_computed_anew_and_no_other(tmp_path: Path) -> None:
    scored(tmp_path)
    before = stamps(tmp_path / "out")
    whole = (tmp_path / "out" / "probabilities-00001.npy").read_bytes()
    bad = bytearray(whole)
    bad[-3] ^= 1
    (tmp_path / "out" / "probabilities-00001.npy").write_bytes(bad)
    (tmp_path / "out" / "embeddings-00002.npy").unlink()
    assert sorted(ScoredPool(tmp_path / "out").verify()) == [1, 2]
    with pytest.raises(StorageError, match="embeddings-00002.npy cannot be read.*score-pool again"):
        ScoredPool(tmp_path / "out").embeddings(2)
    again = scored(tmp_path)
    assert again.scored == 2 and sorted(again.recomputed) == [1, 2]
    assert again.recomputed[1] == "probabilities-00001.npy holds other bytes than were written"
    assert "embeddings-00002.npy cannot be read: No such file" in again.recomputed[2]
    assert (tmp_path / "out" / "probabilities-00001.npy").read_bytes() == whole
    after = stamps(tmp_path / "out")
    assert {name for name in before if after[name] == before[name]} == {
        "embeddings-00000.npy",
        "probabilities-00000.npy",
    }
    assert [line["shard"] for line in lines(tmp_path / "out") if line["kind"] == "lost"] == [1, 2]


@pytest.mark.parametrize("torn", [1, 40, 300])
def test_a_line_that_a_kill_tore_in_two_is_taken_away_and_its_shard_is_computed_anew(tmp_path: Path, torn: int) -> None:
    scored(tmp_path)
    file = tmp_path / "out" / ledger.FILE
    file.write_bytes(file.read_bytes()[:-torn])
    assert ScoredPool(tmp_path / "out").missing == (2,)
    assert scored(tmp_path).scored == 1
    assert [line["kind"] for line in lines(tmp_path / "out")] == ["opened", "shard", "shard", "shard"]


def test_a_line_of_the_ledger_that_is_damaged_counts_for_nothing(tmp_path: Path) -> None:
    scored(tmp_path)
    file = tmp_path / "out" / ledger.FILE
    text = file.read_text()
    file.write_text(text.replace('"shard": 1,', '"shard": 9,'))
    assert ledger.read(tmp_path / "out").damaged == (3,) and ScoredPool(tmp_path / "out").missing == (1,)
    again = scored(tmp_path)
    assert again.scored == 1 and again.damaged == (3,)
    file.write_text(text.replace('"opened"', '"0pened"'))
    with pytest.raises(StorageError, match="its first line says nothing. Score into another folder"):
        scored(tmp_path)


@pytest.mark.parametrize("at", [0, 1, 2, 3, 5, 6, 9, 10])
def test_a_full_disk_is_said_and_nothing_half_done_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    model(tmp_path / "m")
    write(tmp_path / "pool.parquet", numbers(5000))
    count, sync = 0, os.fsync

    def full(handle: int) -> None:  # each flush stands for the write before it
        nonlocal count
        count += 1
        if count > at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="cannot be written: No space left on device. Free some space"):
        scored(tmp_path)
    monkeypatch.undo()
    out = tmp_path / "out"
    assert not list(out.glob(".*")), "no temporary file is left"
    done = ScoredPool(out).shards if lines(out) else ()
    assert done == tuple(range(max(0, at - 1) // 4)), "a line, and then for each shard two files, a folder and a line"
    beside = {int(path.stem[-5:]) for path in out.glob("*.npy")} - set(done)
    assert beside == ({len(done)} if at % 4 == 0 and at else set()), "whole files whose line had no room"
    assert scored(tmp_path).scored == 3 - len(done) and ScoredPool(out).verify() == {}


def test_what_a_killed_process_had_begun_is_cleared_away(tmp_path: Path) -> None:
    scored(tmp_path)
    rest = tmp_path / "out" / f".embeddings-00000.npy.12{shard.PART}"
    rest.write_bytes(b"half")
    scored(tmp_path)
    assert not rest.exists()


def test_scores_of_another_model_encoder_or_file_are_never_mixed_in(tmp_path: Path) -> None:
    scored(tmp_path)
    before = lines(tmp_path / "out")
    with pytest.raises(BadInput, match=r"scores by another model .* Score into another folder \(--out\)"):
        scored(tmp_path, model=model(tmp_path / "other", seed=1))
    with pytest.raises(BadInput, match="scores by another (encoder|model)"):
        scored(tmp_path, model=model(tmp_path / "scaled", encoder=Standardized()))
    with pytest.raises(BadInput, match="holds scores of another file.*would be mixed"):
        scored(tmp_path, pool=write(tmp_path / "more.parquet", numbers(5001)))
    with pytest.raises(BadInput, match="Say the same --values and --id as before"):
        scored(tmp_path, pool=write(tmp_path / "pool.parquet", numbers(5000)), values=["vector", "vector"])
    with pytest.raises(BadInput, match="has shards of 2,048 rows, and not of 1,024"):
        scored(tmp_path, rows=1024)
    scored(tmp_path, model=model(tmp_path / "same"))  # the same weights in another folder are the same model
    kinds = [line["kind"] for line in lines(tmp_path / "out")[len(before) :]]
    assert kinds in ([], ["reread"])


def test_a_file_that_was_written_anew_is_read_again_before_more_is_scored(tmp_path: Path) -> None:
    rows = numbers(5000)
    scored(tmp_path)
    os.utime(tmp_path / "pool.parquet", ns=(1, 1))
    assert scored(tmp_path).scored == 0
    assert lines(tmp_path / "out")[-1]["kind"] == "reread"
    file = tmp_path / "pool.parquet"
    data = bytearray(file.read_bytes())
    place = data.find(rows[3000].tobytes())
    assert place > 0
    data[place + 2] ^= 1  # the footer and the size stay
    file.write_bytes(data)
    with pytest.raises(BadInput, match="1 of 3 shards that are scored hold other rows now, first rows 2,048 to 4,095"):
        scored(tmp_path)


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    scored(tmp_path)
    with ledger.writing(tmp_path / "out"), pytest.raises(Conflict, match="Another process scores into"):
        scored(tmp_path)


def test_rows_that_cannot_be_read_have_no_score_and_are_counted(tmp_path: Path) -> None:
    rows = numbers(2100)
    rows[5, 2] = np.nan
    rows[2060, 0] = np.inf
    lists: list[Any] = rows.tolist()
    lists[7] = None
    parquet.write_table(pa.table({"v": pa.array(lists, pa.list_(pa.float64()))}), tmp_path / "pool.parquet")
    done = scored(tmp_path)
    assert done.without == 3 and done.why[0] == "row 5: its numbers are missing or not finite"
    pool = ScoredPool(tmp_path / "out")
    there = np.concatenate([one.there for one in pool])
    assert np.flatnonzero(~there).tolist() == [5, 7, 2060] and pool.values(0)[5] is None
    assert pool.without(0) == 2 and np.isnan(pool.embeddings(0)[7]).all()
    expected = askance.load(tmp_path / "m").predict([row for row in rows if np.isfinite(row).all()][:5])
    assert np.allclose(pool.probabilities(0)[[0, 1, 2, 3, 4]], expected.probabilities.numpy(), atol=1e-6)


def test_a_shard_without_one_readable_row_is_a_shard_all_the_same(tmp_path: Path) -> None:
    rows = numbers(2100)
    rows[ROWS:] = np.nan
    write(tmp_path / "pool.parquet", rows)
    assert scored(tmp_path).without == 2100 - ROWS
    assert ScoredPool(tmp_path / "out").probabilities(1).shape == (2100 - ROWS, 4)


def test_columns_of_one_number_each_are_rows_of_numbers_too(tmp_path: Path) -> None:
    rows = numbers(3000)
    columns = {f"x{number}": rows[:, number] for number in range(FEATURES)}
    parquet.write_table(pa.table({**columns, "key": [f"k{row}" for row in range(3000)]}), tmp_path / "flat.parquet")
    scored(tmp_path, 3000)
    scored(tmp_path, pool=tmp_path / "flat.parquet", out=tmp_path / "flat", values=list(columns), id="key")
    odd = {"x": [1, None, 2**53 + 1], "yes": [True, False, None], **{f"z{n}": [0.5] * 3 for n in range(FEATURES - 2)}}
    parquet.write_table(pa.table(odd), tmp_path / "odd.parquet")
    assert scored(tmp_path, pool=tmp_path / "odd.parquet", out=tmp_path / "odd", values=list(odd)).without == 2
    one, other = ScoredPool(tmp_path / "out"), ScoredPool(tmp_path / "flat")
    assert np.array_equal(one.probabilities(1), other.probabilities(1))
    assert other.ids[2999] == "k2999" and other.shard(0).ids[3] == "k3"


def test_texts_and_tables_are_read_as_their_project_read_them(tmp_path: Path) -> None:
    texts = [f"{'cats purr' if row % 2 else 'dogs bark'}\nat house {row}" for row in range(40)]
    model_of_texts(tmp_path / "texts", texts, ["cat" if row % 2 else "dog" for row in range(40)])
    halves = [text.split("\n") for text in texts]
    table = {
        "number": [f"t{row}" for row in range(40)],
        "subject": [half[0] for half in halves[:39]] + ["  "],
        "body": [half[1] for half in halves[:39]] + [None],
    }
    parquet.write_table(pa.table(table), tmp_path / "texts.parquet")
    done = score_pool(tmp_path / "texts.parquet", tmp_path / "texts", tmp_path / "t")
    pool = ScoredPool(tmp_path / "t")
    assert pool.ids[7] == "t7" and done.without == 1 and done.why == ("row 39: subject, body is empty",)
    expected = askance.load(tmp_path / "texts").predict(texts[:39])
    assert torch.allclose(torch.from_numpy(pool.probabilities(0)[:39].copy()), expected.probabilities, atol=1e-6)
    assert pool.values(0)[:3] == list(expected)[:3] and pool.embeddings(0).shape == (40, 4)

    rows = [{"age": str(row), "town": "ab"[row % 2]} for row in range(40)]
    model_of_tables(tmp_path / "tables", rows, ["x" if row < 20 else "y" for row in range(40)])
    ages = {"age": list(range(40)), "town": [row["town"] for row in rows], "other": [1.5] * 40}
    parquet.write_table(pa.table(ages), tmp_path / "tables.parquet")
    score_pool(tmp_path / "tables.parquet", tmp_path / "tables", tmp_path / "u")
    expected = askance.load(tmp_path / "tables").predict(rows)
    found = torch.from_numpy(ScoredPool(tmp_path / "u").probabilities(0).copy())
    assert torch.allclose(found, expected.probabilities, atol=1e-6)


def test_texts_and_ids_that_are_stored_as_bytes_are_read_as_letters(tmp_path: Path) -> None:
    texts = [f"{'cats purr' if row % 2 else 'dogs bark'}\nat house {row}" for row in range(40)]
    model_of_texts(tmp_path / "texts", texts, ["cat" if row % 2 else "dog" for row in range(40)])
    subjects, bodies = zip(*(text.encode().split(b"\n") for text in texts), strict=True)
    table = {"number": [b"t%d" % row for row in range(40)], "subject": subjects, "body": [*bodies[:39], b"\xff"]}
    parquet.write_table(pa.table(table), tmp_path / "texts.parquet")
    done = score_pool(tmp_path / "texts.parquet", tmp_path / "texts", tmp_path / "t")
    pool = ScoredPool(tmp_path / "t")
    assert pool.ids[7] == "t7" and done.without == 1 and "column 'body' is no text" in done.why[0]
    expected = askance.load(tmp_path / "texts").predict(texts[:39])
    assert torch.allclose(torch.from_numpy(pool.probabilities(0)[:39].copy()), expected.probabilities, atol=1e-6)

    far = {**table, "number": pa.array([0] * 39 + [10**15], pa.timestamp("s"))}
    parquet.write_table(pa.table(far), tmp_path / "far.parquet")
    with pytest.raises(BadInput, match="row 39: the value in column 'number' cannot be read"):
        score_pool(tmp_path / "far.parquet", tmp_path / "texts", tmp_path / "u")


def test_files_and_models_that_do_not_fit_are_refused_with_what_to_do(tmp_path: Path) -> None:
    model(tmp_path / "m")
    two = {"a": [[0.0] * FEATURES], "b": [[0.0] * FEATURES], "c": [1], "d": ["x"]}
    parquet.write_table(pa.table(two), tmp_path / "two.parquet")
    with pytest.raises(BadInput, match="several columns of lists of numbers: a, b.*--values a"):
        scored(tmp_path, pool=tmp_path / "two.parquet")
    with pytest.raises(UnknownName, match="'vectr'"):
        scored(tmp_path, pool=tmp_path / "two.parquet", values=["vectr"])
    with pytest.raises(UnknownName, match="'ids'"):
        scored(tmp_path, pool=tmp_path / "two.parquet", values=["a"], id="ids")
    with pytest.raises(BadInput, match="has rows of 1 numbers in c, and the model reads 6"):
        scored(tmp_path, pool=tmp_path / "two.parquet", values=["c"])
    with pytest.raises(BadInput, match="'d' of .* holds string, no numbers"):
        scored(tmp_path, pool=tmp_path / "two.parquet", out=tmp_path / "o2", values=["c", "d"])
    parquet.write_table(pa.table({"v": [[0.0] * FEATURES, [0.0]]}), tmp_path / "ragged.parquet")
    with pytest.raises(BadInput, match="row 1 has 1 numbers, and others have 6"):
        scored(tmp_path, pool=tmp_path / "ragged.parquet", out=tmp_path / "o3")
    parquet.write_table(pa.table({"v": pa.array([], pa.list_(pa.float32()))}), tmp_path / "none.parquet")
    with pytest.raises(BadInput, match="holds no row"):
        scored(tmp_path, pool=tmp_path / "none.parquet", out=tmp_path / "o4")
    (tmp_path / "odd.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(BadInput, match="odd.parquet cannot be read"):
        scored(tmp_path, pool=tmp_path / "odd.parquet", out=tmp_path / "o4")
    parquet.write_table(pa.table({"id": ["a", None], "v": [[0.0] * FEATURES] * 2}), tmp_path / "gap.parquet")
    with pytest.raises(BadInput, match="row 1: no id in column 'id'. Fill it in, or name another column: --id COLUMN"):
        scored(tmp_path, pool=tmp_path / "gap.parquet", out=tmp_path / "o5", id="id")
    twice = pa.table([pa.array([[0.0] * FEATURES])] * 2, names=["v", "v"])
    parquet.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(BadInput, match="columns 1 and 2 are both named 'v'"):
        scored(tmp_path, pool=tmp_path / "twice.parquet", out=tmp_path / "o6")
    with pytest.raises(BadInput, match="holds no model"):
        scored(tmp_path, pool=tmp_path / "two.parquet", model=tmp_path)
    assert not (tmp_path / "o4").exists(), "what is refused before anything is scored makes no folder"
    with pytest.raises(BadInput, match="holds no scores. Make some: askance score-pool"):
        ScoredPool(tmp_path)


def test_time_that_is_up_leaves_the_rest_for_later(tmp_path: Path) -> None:
    done = scored(tmp_path, until=time.time() - 1)
    assert (done.scored, done.left) == (0, 3)
    pool = ScoredPool(tmp_path / "out")
    assert pool.missing == (0, 1, 2) and len(pool) == 0 and len(pool.ids) == 0
    with pytest.raises(BadInput, match="Shard 0 of .* is not scored yet"):
        pool.shard(0)
    assert scored(tmp_path, until=time.time() + 3600).left == 0


def test_the_next_process_knows_how_long_a_shard_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as slow:
        clock = itertools.count(step=5_000.0)
        slow.setattr(time, "perf_counter", lambda: next(clock))
        scored(tmp_path)
    (tmp_path / "out" / "probabilities-00000.npy").unlink()
    assert scored(tmp_path, until=time.time() + 3_600).left == 1  # each took longer than an hour
    assert scored(tmp_path, until=time.time() + 360_000).left == 0


def test_how_far_it_is_counts_what_is_left_to_do(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    scored(tmp_path, watch=lambda what, done, of, seconds: seen.append((what, done, of)))
    assert seen == [("scoring", 2048, 5000), ("scoring", 4096, 5000), ("scoring", 5000, 5000)]
    (tmp_path / "out" / "probabilities-00000.npy").unlink()
    seen.clear()
    scored(tmp_path, watch=lambda what, done, of, seconds: seen.append((what, done, of)))
    assert seen[-1] == ("scoring", 2048, 2048) and seen[0] == ("checking what is done", 1, 3)


@pytest.fixture
def little(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("nothing may be mounted here: run as root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_a_disk_that_really_is_full_loses_nothing_and_it_goes_on_once_there_is_room(
    tmp_path: Path, little: Path
) -> None:
    write(tmp_path / "pool.parquet", numbers(60_000))
    with pytest.raises(StorageError, match="No space left on device"):
        scored(tmp_path, out=little / "out")
    pool = ScoredPool(little / "out")
    assert 0 < len(pool.shards) < 30 and pool.verify() == {}
    assert (
        not list((little / "out").glob(".*")) and len(list((little / "out").glob("*.npy"))) <= 2 * len(pool.shards) + 2
    )
    subprocess.run(["mount", "-o", "remount,size=8m", str(little)], check=True)
    assert scored(tmp_path, out=little / "out").scored == 30 - len(pool.shards)


SLOWLY = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from askance.scoring import shard
write = shard.write
def slow(*given):
    time.sleep(0.05)
    done = write(*given)
    time.sleep(0.05)
    return done
shard.write = slow
from scorable import scored
scored(Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_killed_at_any_point_it_goes_on_and_what_was_recorded_is_not_computed_again(tmp_path: Path) -> None:
    write(tmp_path / "pool.parquet", numbers(10_000))
    scored(tmp_path, out=tmp_path / "whole")
    dice = np.random.default_rng(0)
    kills = 0
    for _ in range(40):
        before = stamps(tmp_path / "out") if (tmp_path / "out").exists() else {}
        held = ledger.read(tmp_path / "out").shards
        running = subprocess.Popen([sys.executable, "-c", SLOWLY, str(tmp_path), str(Path(__file__).parent)])
        end = time.time() + 60
        while running.poll() is None and len(ledger.read(tmp_path / "out").shards) == len(held) and time.time() < end:
            time.sleep(0.01)
        time.sleep(float(dice.uniform(0, 0.15)))
        kills += running.poll() is None
        running.send_signal(signal.SIGKILL)
        running.wait()
        after = stamps(tmp_path / "out")
        for number in held:
            for what in ("embeddings", "probabilities"):
                assert after[f"{what}-{number:05}.npy"] == before[f"{what}-{number:05}.npy"]
        pool = ScoredPool(tmp_path / "out")
        assert pool.verify() == {}
        if not pool.missing:
            break
    assert kills >= 3 and ScoredPool(tmp_path / "out").missing == ()
    scored(tmp_path)
    for path in (tmp_path / "whole").glob("*.npy"):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()

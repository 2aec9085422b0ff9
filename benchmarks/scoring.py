"""A pool that is scored, killed half-way, gone on with and chosen from: what the gate `score-pool` measures."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ONE_THREAD, ROOT, Growth, fresh

FEATURES, CLASSES = 128, 10
SHARD = 1 << 16  # rows, and of a block that is drawn at once
_PATIENCE = 3600.0  # seconds until somebody gives up


def walk(items: int, n: int = 1_000) -> dict[str, Any]:
    """Score, kill, go on, choose; everything lies in a temporary folder that is gone afterwards.

    Args:
        items: Rows of the pool, of 128 numbers.
        n: How many are chosen.

    Returns:
        Sizes, seconds, rows a second, the most memory that each step held, and what was held against what.
    """
    shards = -(-items // SHARD)
    with tempfile.TemporaryDirectory(prefix="askance-pool-") as made:
        folder = Path(made)
        begun = time.perf_counter()
        fresh("benchmarks.scoring:make", made, items)
        making = time.perf_counter() - begun
        killed = _kill_half_way(folder, shards // 2)
        before = _stamps(folder)
        rest = fresh("benchmarks.scoring:score", made)
        after = _stamps(folder)
        kept = [name for name in before if int(name[-9:-4]) in killed["shards"]]
        again = fresh("benchmarks.scoring:score", made)
        chosen = {name: fresh("benchmarks.scoring:chosen", made, name, n) for name in ("margin", "k-center", "badge")}
        whole = fresh("benchmarks.scoring:whole", made, n)
        sizes = {"pool": (folder / "pool.parquet").stat().st_size, "scores": _size(folder / "scores")}
        right = fresh("benchmarks.scoring:right", made, items)
    picks = {name: row.pop("rows") for name, row in chosen.items()}
    rows = len(killed["shards"]) * SHARD
    held = {
        "killed in the middle": 0 < len(killed["shards"]) < shards,
        "nothing computed twice": all(after[name] == before[name] for name in kept)
        and rest["scored"] == shards - len(killed["shards"]),
        "nothing to do afterwards": again["scored"] == 0 and not again["recomputed"],
        "embeddings are the file's": right,
        "margin is exact": picks["margin"] == whole["rows"],
    }
    return {
        "items": items,
        "features": FEATURES,
        "shards": shards,
        "bytes": sizes,
        "seconds": {
            "writing the pool": making,
            "until the kill": killed["seconds"],
            "the rest": rest["seconds"],
            "checking all": again["seconds"],
            **{f"choosing by {name}": row["seconds"] for name, row in chosen.items()},
            "margin in one stage": whole["seconds"],
        },
        "rows when killed": rows,
        "rows a second": rest["rate"],
        "most bytes": {
            "scoring": rest["peak"],
            "scoring, without mapped files": rest["anonymous"],
            **{f"choosing by {name}": row["peak"] for name, row in chosen.items()},
        },
        "held": held,
    }


def _kill_half_way(folder: Path, shards: int) -> dict[str, Any]:
    """Score by the command line, and kill it once so many shards are recorded."""
    from askance.scoring import ledger

    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "askance.cli", *_command(folder)],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    file = folder / "scores" / ledger.FILE
    while not file.exists() or file.read_bytes().count(b"\n") <= shards:
        if process.poll() is not None or time.perf_counter() - begun > _PATIENCE:
            process.kill()
            raise RuntimeError(f"scoring ended with {process.poll()} before it could be killed")
        time.sleep(0.02)
    process.kill()
    process.wait()
    return {"shards": sorted(ledger.read(folder / "scores").shards), "seconds": time.perf_counter() - begun}


def _command(folder: Path) -> list[str]:
    scores = ["--model", str(folder / "model"), "--out", str(folder / "scores")]
    return ["score-pool", str(folder / "pool.parquet"), *scores, "--id", "id"]


def _stamps(folder: Path) -> dict[str, list[int]]:
    found = {path.name: path.stat() for path in (folder / "scores").glob("*.npy")}
    return {name: [stat.st_ino, stat.st_mtime_ns] for name, stat in found.items()}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


# What runs in processes of its own


def make(folder: str, items: int) -> None:
    """Write the pool, a block at a time, and a model of rows of numbers."""
    import pyarrow as pa
    from pyarrow import parquet

    lists = pa.list_(pa.float32(), FEATURES)
    schema = pa.schema([("id", pa.int64()), ("vector", lists)])
    with parquet.ParquetWriter(Path(folder) / "pool.parquet", schema, compression="none", use_dictionary=False) as out:
        for start in range(0, items, SHARD):
            rows = _block(start, items)
            flat = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), FEATURES)
            out.write_table(
                pa.table({"id": np.arange(start, start + len(rows)), "vector": flat}), row_group_size=50_000
            )
    _model(Path(folder) / "model")


def score(folder: str) -> dict[str, Any]:
    """Score what is left, with the most memory that this process held."""
    from askance.scoring.score import score_pool

    place = Path(folder)
    with Growth() as growth:
        found = score_pool(place / "pool.parquet", place / "model", place / "scores", id="id")
    return {**vars(found), "peak": _peak(), "anonymous": growth.bytes}


def chosen(folder: str, strategy: str, n: int) -> dict[str, Any]:
    """Choose in two stages."""
    from askance.scoring.choose import choose
    from askance.scoring.scored import ScoredPool

    begun = time.perf_counter()
    found = choose(ScoredPool(Path(folder) / "scores"), strategy, n)
    took = time.perf_counter() - begun
    return {"rows": found.rows.tolist(), "seconds": took, "proposed": found.proposed, "peak": _peak()}


def whole(folder: str, n: int) -> dict[str, Any]:
    """Choose by margin in one stage: all probabilities as one array, which two stages need not have."""
    from askance import ScoredPool, select

    pool = ScoredPool(Path(folder) / "scores")
    shares = np.concatenate([pool.probabilities(number) for number in pool.shards])
    begun = time.perf_counter()
    return {"rows": select("margin", n, probabilities=shares).tolist(), "seconds": time.perf_counter() - begun}


def right(folder: str, items: int) -> bool:
    """Whether some shards hold the rows that were drawn for the file, and their ids."""
    from askance import ScoredPool

    pool = ScoredPool(Path(folder) / "scores")
    some = {0, len(pool.shards) // 2, len(pool.shards) - 1}
    same = [np.array_equal(pool.embeddings(number), _block(number * SHARD, items)) for number in some]
    return all(same) and np.array_equal(pool.ids, np.arange(items))


def _block(start: int, items: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([20, start])
    return rng.standard_normal((min(SHARD, items - start), FEATURES), dtype=np.float32)


def _model(folder: Path) -> None:
    """A linear head over rows of numbers, as `askance export --model` writes it."""
    from askance import Linear, Pool, Study
    from askance.encoders.numbers import AsIs
    from askance.project import takeaway
    from askance.project.intake import Reading

    rows = np.random.default_rng(7).standard_normal((500, FEATURES)).astype(np.float32)
    study = Study(Pool.from_arrays(rows), classes=list(range(CLASSES)), learner=Linear(ridge=1.0))
    study.tell({row: int(answer) for row, answer in enumerate(rows[:, :CLASSES].argmax(1))})
    takeaway.save(
        folder,
        task=study.task,
        learner=study.learner,
        model=study.model(),
        encoder=AsIs(),
        encoding=AsIs().fit(list(rows)),
        how=Reading("array", ("values",)),
        facts={"labels": len(rows)},
    )


def _peak() -> int:
    """The most memory that this process ever held, with pages of files that were mapped; from Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

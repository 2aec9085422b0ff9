"""Scoring a pool: what is not done yet, shard by shard, each of them recorded once it is on disk."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from askance import __version__
from askance.describe import describe
from askance.errors import BadInput
from askance.executors.base import Place
from askance.executors.local import run_all
from askance.look import threads
from askance.project import takeaway
from askance.scoring import ledger, shard
from askance.scoring.job import Job, Record, digest, keys_of, score
from askance.scoring.ledger import Held, Writer
from askance.scoring.pool_file import SHOWN, PoolFile

ROWS = 1 << 16  # of a shard: a whole number of the pieces that models score at once
Progress = Callable[[str, int, int, float], None]  # what is done, rows so far, rows in all, seconds so far


def _quiet(what: str, done: int, of: int, seconds: float) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Scored:
    """What came of scoring.

    Args:
        folder: Where scores are.
        rows: Rows of the pool.
        shards: Shards of the pool.
        scored: Shards that were scored now.
        left: Shards that are not scored yet, because time was up.
        without: Rows without a score, because they are empty, broken or missing, of all shards that are done.
        why: Of them the first few, and why.
        recomputed: Shards that were done and were not what was written any more, each with what was wrong.
        damaged: Lines of the ledger that are not what was written; their shards were computed anew, too.
        seconds: How long it took, with looking at what was done before.
        rate: Rows scored in a second, without that.
    """

    folder: str
    rows: int
    shards: int
    scored: int
    left: int
    without: int
    why: tuple[str, ...] = ()
    recomputed: Mapping[int, str] = field(default_factory=dict)
    damaged: tuple[int, ...] = ()
    seconds: float = 0.0
    rate: float = 0.0


def score_pool(
    pool: str | Path,
    model: str | Path,
    out: str | Path,
    *,
    values: Sequence[str] = (),
    id: str | None = None,
    workers: int | None = 1,
    until: float | None = None,
    trust: bool = False,
    rows: int = ROWS,
    watch: Progress = _quiet,
    on: Place | None = None,
) -> Scored:
    """Score the rows of a Parquet file, or what is left of them: where the model sees each of them, and what it says.

    Shards that are done are looked at, every byte of them, and not computed again; one that is not what was written
    is. A process that is killed loses the shards it was at.

    Args:
        pool: The Parquet file.
        model: The folder of a model that was taken away, or a project, whose model of now is used.
        out: The folder of the scores; it holds those of one file by one model.
        values: Where the model reads numbers: the columns that hold them, see `PoolFile.of`.
        id: The column of ids; by default the project's if the file has it, or row numbers.
        workers: Processes; None: one per core, or as many as there is room for elsewhere.
        until: No shard is begun that would end after this, in seconds since 1970.
        trust: Whether code outside of askance that the model names may run, as for `askance.load`.
        rows: Rows of a shard.
        watch: Told how far it is.
        on: Where shards are worked at, if not by processes of this machine; every place must see the same folders.

    Raises:
        BadInput: If the file or the model cannot be used, or the folder holds the scores of others.
        Conflict: If another process scores into the folder.
        StorageError: If the disk refuses, or the ledger is damaged.
    """
    begun = time.perf_counter()
    place = Path(out)
    if on is not None and _is_project(Path(model)):
        raise BadInput(
            f"{model} is a project, whose model is taken away to this machine alone. Write it where every worker sees "
            f"it, askance export --model FOLDER, and score with that."
        )
    with _model_folder(Path(model)) as taken, threads(1):
        loaded = takeaway.load(taken, trust=trust)
        file = PoolFile.of(pool, loaded.how, values, id)
        identity = file.identity
        if not identity.rows:
            raise BadInput(f"{pool} holds no row. Score a file that has some.")
        end = float("inf") if until is None else until
        job = Job(file, taken, keys_of(taken), place, identity.rows, rows, end, trust)
        count = -(-identity.rows // rows)
        with ledger.writing(place) as writer:
            shard.clean(place)
            held = ledger.read(place)
            if held.opened is None:
                writer.add("opened", **_opening(job, loaded.task, identity))
            else:
                _check_same(job, held.opened, identity)
                _check_rows(job, held, identity.modified, writer, watch)
            lost = _lost(job, held, writer, watch)
            done = {number: line for number, line in held.shards.items() if number not in lost}
            todo = [number for number in range(count) if number not in done]
            job = replace(job, pace=max((line["seconds"] for line in held.shards.values()), default=0.0))
            ready = time.perf_counter()
            new = _score(job, todo, writer, workers, on, watch)
            took = time.perf_counter() - ready
        done |= new
    said = [word for _, line in sorted(done.items()) for word in line["why"]]
    return Scored(
        folder=str(out),
        rows=identity.rows,
        shards=count,
        scored=len(new),
        left=len(todo) - len(new),
        without=sum(line["without"] for line in done.values()),
        why=tuple(said[:SHOWN]),
        recomputed=lost,
        damaged=held.damaged,
        seconds=round(time.perf_counter() - begun, 3),
        rate=round(sum(line["stop"] - line["start"] for line in new.values()) / took, 1),
    )


def _score(
    job: Job, todo: Sequence[int], writer: Writer, workers: int | None, on: Place | None, watch: Progress
) -> dict[int, Record]:
    """Map the shards that are not done, and write each down as it comes."""
    sizes = {number: job.span(number)[1] - job.span(number)[0] for number in todo}
    begun, rows, found = time.monotonic(), 0, dict[int, Record]()
    for at, record in run_all(score, job, todo, workers, on):
        if record is None:
            continue
        writer.add("shard", **record)
        found[todo[at]] = record
        rows += sizes[todo[at]]
        watch("scoring", rows, sum(sizes.values()), time.monotonic() - begun)
    return found


def _opening(job: Job, task: Any, identity: Any) -> dict[str, Any]:
    """The first line of a ledger."""
    return {
        "format": ledger.FORMAT,
        "askance": __version__,
        "shard_rows": job.rows,
        "task": describe(task),
        "path": str(job.file.path),
        "columns": list(job.file.columns),
        "id": job.file.id,
        "file": asdict(identity),
        **asdict(job.keys),
    }


def _check_same(job: Job, opened: Mapping[str, Any], identity: Any) -> None:
    """Refuse a folder that holds scores of another file, by another model, or of other columns."""
    other = f"Score into another folder (--out), or remove {job.folder}."
    if not identity.same(opened["file"]):
        was = opened["file"]
        raise BadInput(
            f"{job.folder} holds scores of another file: {opened['path']} had {was['rows']:,} rows in {was['bytes']:,} "
            f"bytes when they were begun, and {job.file.path} has {identity.rows:,} in {identity.bytes:,}, or other "
            f"columns and extremes. Scores of both would be mixed. {other}"
        )
    for what, word in (("model", "model"), ("encoder", "encoder")):
        mine, theirs = getattr(job.keys, what), opened[what]
        if mine != theirs:
            raise BadInput(
                f"{job.folder} holds scores by another {word} ({theirs}) than this one ({mine}). Scores of both would "
                f"be mixed. {other}"
            )
    mine, theirs = [*job.file.columns, job.file.id], [*opened["columns"], opened["id"]]
    if mine != theirs:
        raise BadInput(
            f"{job.folder} was begun with the columns {theirs[:-1]} and the ids {theirs[-1]}, and now they are "
            f"{mine[:-1]} and {mine[-1]}. Say the same --values and --id as before. {other}"
        )
    if job.rows != opened["shard_rows"]:
        raise BadInput(f"{job.folder} has shards of {opened['shard_rows']:,} rows, and not of {job.rows:,}. {other}")


def _check_rows(job: Job, held: Held, modified: int, writer: Writer, watch: Progress) -> None:
    """Where the file was written anew since, look whether the rows that are scored are still what they were."""
    if modified == held.modified:
        return
    begun, changed = time.monotonic(), []
    for count, (number, line) in enumerate(sorted(held.shards.items()), start=1):
        if digest(job, number) != line["rows"]:
            changed.append(number)
        watch("reading the file again", count, len(held.shards), time.monotonic() - begun)
    if changed:
        start, stop = job.span(changed[0])
        raise BadInput(
            f"{job.file.path} was written anew, and {len(changed)} of {len(held.shards)} shards that are scored hold "
            f"other rows now, first rows {start:,} to {stop - 1:,}. Scores of both would be mixed. Score into another "
            f"folder (--out), or remove {job.folder}."
        )
    writer.add("reread", modified=modified)


def _lost(job: Job, held: Held, writer: Writer, watch: Progress) -> dict[int, str]:
    """The shards that were done and are not what was written, and what is wrong with each."""
    begun, lost = time.monotonic(), dict[int, str]()
    for count, (number, line) in enumerate(sorted(held.shards.items()), start=1):
        if why := shard.wrong(job.folder, line["files"]):
            lost[number] = why
            writer.add("lost", shard=number, why=why)
        watch("checking what is done", count, len(held.shards), time.monotonic() - begun)
    return lost


def _is_project(model: Path) -> bool:
    return (model / "project.db").is_file()


@contextmanager
def _model_folder(model: Path) -> Iterator[Path]:
    """The folder of a model; a project's is taken away for as long as it is needed."""
    if not _is_project(model):
        yield model
        return
    from askance.project.giving import give_model
    from askance.project.project import Project

    project = Project(model)
    try:
        with tempfile.TemporaryDirectory(prefix="askance-model-") as folder:
            give_model(project, Path(folder) / "model")
            yield Path(folder) / "model"
    finally:
        project.close()

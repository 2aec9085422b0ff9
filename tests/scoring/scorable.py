"""Small pools in Parquet files and models that score them, for the tests of large pools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from askance import Pool, Study
from askance.encoders.base import Encoder
from askance.encoders.numbers import AsIs
from askance.encoders.table import TableColumns
from askance.encoders.text import TfidfSvd
from askance.learners.linear import Linear
from askance.project import takeaway
from askance.project.intake import Reading
from askance.scoring.score import Scored, score_pool
from askance.task import Task

FEATURES, CLASSES, ROWS = 6, 4, 2048  # rows of a shard: two of the pieces that a model scores at once
LEARNED = np.random.default_rng(1).standard_normal((80, FEATURES)).astype(np.float32)


def numbers(rows: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((rows, FEATURES)).astype(np.float32)


def write(path: Path, rows: NDArray[Any], *, group: int = 700, **columns: Sequence[Any]) -> Path:
    """Rows of numbers as lists of one length, in row groups that are no shards."""
    lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
    parquet.write_table(pa.table({**columns, "vector": lists}), path, row_group_size=group, compression="none")
    return path


def model(folder: Path, seed: int = 0, encoder: Encoder | None = None) -> Path:
    """A linear head over rows of numbers, as `askance export --model` writes it."""
    encoder = encoder or AsIs()
    encoding = encoder.fit(list(LEARNED))
    answers = LEARNED[:, :CLASSES].argmax(1) if not seed else LEARNED[:, 1 : CLASSES + 1].argmax(1)
    study = Study(Pool.from_arrays(encoding.encode(list(LEARNED))), classes=list("abcd"), learner=Linear(ridge=1.0))
    study.tell({row: "abcd"[answer] for row, answer in enumerate(answers)})
    return _take(folder, study, encoder, encoding, Reading("array", ("values",)))


def model_of(folder: Path, task: Task, answers: Sequence[Any]) -> Path:
    """A head of another task over rows of numbers; it learned the first rows' answers."""
    encoding = AsIs().fit(list(LEARNED))
    study = Study(Pool.from_arrays(encoding.encode(list(LEARNED))), task=task, learner=Linear(ridge=1.0))
    study.tell(dict(enumerate(answers)))
    return _take(folder, study, AsIs(), encoding, Reading("array", ("values",)))


def model_of_texts(folder: Path, texts: Sequence[str], kinds: Sequence[str]) -> Path:
    encoder = TfidfSvd(dimensions=4)
    encoding = encoder.fit(texts)
    return _of_kinds(folder, encoder, encoding, texts, kinds, Reading("text", ("subject", "body"), id="number"))


def model_of_tables(folder: Path, rows: Sequence[dict[str, str]], kinds: Sequence[str]) -> Path:
    encoder = TableColumns()
    encoding = encoder.fit(rows)
    return _of_kinds(folder, encoder, encoding, rows, kinds, Reading("table", tuple(rows[0])))


def scored(tmp_path: Path, length: int = 5000, **options: Any) -> Scored:
    """A pool of some rows, scored into ``out`` by the model in ``m``."""
    if not (tmp_path / "m").exists():
        model(tmp_path / "m")
    if not (tmp_path / "pool.parquet").exists():
        write(tmp_path / "pool.parquet", numbers(length))
    given = {"pool": tmp_path / "pool.parquet", "model": tmp_path / "m", "out": tmp_path / "out", "rows": ROWS}
    return score_pool(**{**given, **options})


def _of_kinds(
    folder: Path, encoder: Encoder, encoding: Any, items: Sequence[Any], kinds: Sequence[str], how: Reading
) -> Path:
    study = Study(Pool.from_arrays(encoding.encode(items)), classes=sorted(set(kinds)), learner=Linear(ridge=1.0))
    study.tell(dict(enumerate(kinds)))
    return _take(folder, study, encoder, encoding, how)


def _take(folder: Path, study: Study, encoder: Encoder, encoding: Any, how: Reading) -> Path:
    takeaway.save(
        folder,
        task=study.task,
        learner=study.learner,
        model=study.model(),
        encoder=encoder,
        encoding=encoding,
        how=how,
        facts={},
    )
    return folder

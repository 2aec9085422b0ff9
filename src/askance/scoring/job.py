"""One shard: read, encoded, predicted and written. The same function runs here and in workers."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from askance import __version__
from askance.arrays import PIECE, piece
from askance.errors import BadInput, StorageError
from askance.project import takeaway
from askance.project.predictor import Predictor
from askance.scoring import shard
from askance.scoring.pool_file import SHOWN, PoolFile, Reader
from askance.signals.probabilities import Probabilities

Record = dict[str, Any]


@dataclass(frozen=True)
class Keys:
    """What makes scores: two models of the same keys give the same scores for an item.

    Args:
        model: Of the head: what learned it, its weights, and what it says.
        encoder: Of what turns items into features.
    """

    model: str
    encoder: str


@dataclass(frozen=True)
class Job:
    """What all shards have in common; it travels to workers as a few words.

    Args:
        file: The pool.
        model: The folder of the model.
        keys: What it is known to hold.
        folder: Where scores go.
        total: Rows of the pool.
        rows: Rows of a shard.
        until: No shard is begun that would end after this, in seconds since 1970.
        trust: Whether code outside of askance that the model names may run.
        pace: How many seconds a shard took before, if any was scored.
    """

    file: PoolFile
    model: Path
    keys: Keys
    folder: Path
    total: int
    rows: int
    until: float = float("inf")
    trust: bool = False
    pace: float = 0.0

    def span(self, number: int) -> tuple[int, int]:
        """The rows of a shard."""
        return number * self.rows, min(self.total, (number + 1) * self.rows)

    @cached_property
    def predictor(self) -> Predictor:
        """The model, read once in each process."""
        found = takeaway.load(self.model, trust=self.trust)
        if keys_of(self.model) != self.keys:
            raise StorageError(f"{self.model} was changed while it was scored with. Score into another folder.")
        return found

    @cached_property
    def reader(self) -> Reader:
        """The file, opened once in each process."""
        return Reader(self.file)

    @cached_property
    def took(self) -> list[float]:
        """How many seconds shards took: before, and in this process."""
        return [self.pace]

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def keys_of(folder: Path) -> Keys:
    """The keys of a model that was taken away, by its content: written again elsewhere they are the same."""
    about = json.loads((folder / takeaway.ABOUT).read_text("utf-8"))
    made = {name: about[name] for name in ("task", "learner", "model", "head", "reads")}
    key = blake2b(json.dumps(made, sort_keys=True).encode(), digest_size=12).hexdigest()
    return Keys(key, about["encoder"]["fingerprint"])


def score(job: Job, number: int) -> Record | None:
    """Score one shard and write its files.

    Returns:
        What the ledger keeps of it; None where it would have ended too late.

    Raises:
        BadInput: If the file cannot be read, or the model gives what is no number.
        StorageError: If the disk refuses; nothing of the shard is left.
    """
    if time.time() + job.took[-1] > job.until:
        return None
    begun = time.perf_counter()
    made = _Made(*job.span(number))
    for chunk in job.reader.chunks(made.start, made.stop, PIECE):
        items = chunk.items
        made.add(chunk, *(_scored(job, items, made) if len(items) else (None, None)))
    facts = shard.write(job.folder, number, made.arrays(job.predictor))
    took = time.perf_counter() - begun
    job.took.append(took)
    return {
        "shard": number,
        "start": made.start,
        "stop": made.stop,
        "without": int((~made.there).sum()),
        "why": made.why[:SHOWN],
        "rows": made.seen.hexdigest(),
        "files": facts,
        **asdict(job.keys),
        "askance": __version__,
        "seconds": round(took, 3),
    }


def digest(job: Job, number: int) -> str:
    """What the rows of a shard hold now, to be held against ``rows`` of its record."""
    seen = blake2b(digest_size=16)
    for chunk in job.reader.chunks(*job.span(number), PIECE):
        seen.update(chunk.digest)
    return seen.hexdigest()


class _Made:
    """The arrays of a shard while they are filled."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop
        self.there = np.zeros(stop - start, dtype=np.bool_)
        self.seen = blake2b(digest_size=16)
        self.why: list[str] = []
        self.at = 0
        self._ids: list[NDArray[Any]] = []
        self._wide: dict[str, NDArray[np.float32]] = {}

    def add(self, chunk: Any, embeddings: Tensor | None, probabilities: Tensor | None) -> None:
        """Put a chunk's rows in their places."""
        place = slice(self.at, self.at + len(chunk.there))
        self.there[place] = chunk.there
        self.seen.update(chunk.digest)
        self.why += chunk.why
        if chunk.ids is not None:
            self._ids.append(chunk.ids)
        for name, rows in (("embeddings", embeddings), ("probabilities", probabilities)):
            if rows is not None:
                self._array(name, rows.shape[1])[place][chunk.there] = rows.numpy()
        self.at = place.stop

    def arrays(self, predictor: Predictor) -> dict[str, NDArray[Any]]:
        """What is written: embeddings and probabilities, NaN where a row could not be read, and ids."""
        if not self._wide:  # not one row could be read
            some = torch.zeros(1, predictor.encoding.width)
            embeddings, probabilities = outputs(predictor, some)
            self._array("embeddings", embeddings.shape[1])
            self._array("probabilities", probabilities.shape[1])
        ids = {"ids": np.concatenate(self._ids)} if self._ids else {}
        return {**self._wide, **ids}

    def _array(self, name: str, width: int) -> NDArray[np.float32]:
        if name not in self._wide:
            self._wide[name] = np.full((self.stop - self.start, width), np.nan, dtype=np.float32)
        return self._wide[name]


def _scored(job: Job, items: Any, made: _Made) -> tuple[Tensor, Tensor]:
    """Embeddings and probabilities of some items, float32."""
    predictor = job.predictor
    if isinstance(items, np.ndarray) and items.shape[1] != predictor.encoding.width and job.file.how.reads == "array":
        raise BadInput(
            f"{job.file.path} has rows of {items.shape[1]} numbers in {', '.join(job.file.columns)}, and the model "
            f"reads {predictor.encoding.width}. Name the columns that it learned from: --values"
        )
    features = torch.from_numpy(np.array(predictor.encoding.encode(items)))
    found = outputs(predictor, piece(features, 0, PIECE))
    for name, rows in zip(("embeddings", "probabilities"), found, strict=True):
        if not bool(torch.isfinite(rows.sum())) and not bool(torch.isfinite(rows).all()):
            raise BadInput(
                f"The model gives {name} that are no finite numbers between rows {made.start + made.at} and "
                f"{made.start + made.at + PIECE} of {job.file.path}. Look at these rows, or at the model."
            )
    return found[0][: len(features)], found[1][: len(features)]


def outputs(predictor: Predictor, features: Tensor) -> tuple[Tensor, Tensor]:
    """What a model says of features: where it sees them (as they are, where it does not say), and probabilities."""
    with torch.no_grad():
        given = predictor.model.outputs(features)
        probabilities = Probabilities().rows(given, predictor.task)
    embeddings = features if given.embeddings is None else given.embeddings
    return embeddings.detach().flatten(1).to("cpu", torch.float32), probabilities.to("cpu", torch.float32)

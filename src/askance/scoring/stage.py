"""The first stage: what one shard of a scored pool proposes, and what a strategy may see of some of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from askance.arrays import raw
from askance.learners.base import Outputs
from askance.scoring.scored import ScoredShard
from askance.seeds import Dice
from askance.signals.base import Rows, Signal, signals_of
from askance.strategies.base import Strategy
from askance.task import Task
from askance.view import View


class Shards(Protocol):
    """A scored pool: `ScoredPool`, or arrays that have the same face."""

    @property
    def task(self) -> Task: ...

    @property
    def shards(self) -> tuple[int, ...]: ...

    def span(self, number: int) -> tuple[int, int]: ...

    def shard(self, number: int) -> ScoredShard: ...


@dataclass(frozen=True, eq=False)
class Proposal:
    """What a shard proposes.

    Args:
        rows: Rows of the pool, int64 (picks,).
        utilities: Of each, as its shard sees it, (picks,); NaN where the strategy does not say.
        reason: Why there are fewer than asked for.
    """

    rows: NDArray[np.int64]
    utilities: NDArray[np.float64]
    reason: str


@dataclass(frozen=True, eq=False)
class Stage:
    """What all shards have in common.

    Args:
        pool: The scores.
        strategy: Who chooses.
        known: Rows that are not chosen, ascending.
        outside: What is known of them; None where nobody looks.
        seed: Seed of all dice.
        quotas: How many each shard proposes.
        exact: Whether items are ranked one by one.
    """

    pool: Shards
    strategy: Strategy
    known: NDArray[np.int64]
    outside: Outputs | None
    seed: int
    quotas: dict[int, int]
    exact: bool

    def view(self, rows: NDArray[np.int64], open_: NDArray[np.bool_], outputs: Outputs) -> View:
        """Some rows of the pool as a strategy may see them."""
        task, outside, none = self.pool.task, self.outside, torch.zeros(0, dtype=torch.int64)
        keys = torch.from_numpy(rows)

        @cache
        def read(signal: Signal) -> Rows:
            return signal.rows(outputs, task)

        @cache
        def beyond(signal: Signal) -> Rows | None:
            return None if outside is None or not signal.per_item else signal.rows(outside, task)

        return View(
            name=lambda picks: keys[picks].tolist(),
            keys=keys,
            task=task,
            candidates=torch.from_numpy(np.flatnonzero(open_)),
            labeled=none,
            targets=torch.zeros(0, task.width, dtype=torch.float64),
            pending=none,
            aside=none,
            dice=Dice(self.seed, "ask"),
            read=read,
            declared=frozenset(signals_of(self.strategy)),
            beyond=beyond,
        )


def propose(stage: Stage, number: int) -> Proposal:
    """What one shard proposes."""
    rows, outputs = present(stage.pool.shard(number))
    open_ = ~np.isin(rows, stage.known)
    view = stage.view(rows, open_, outputs)
    n = min(stage.quotas[number], len(view.candidates))
    if not n:
        return Proposal(rows[:0], np.zeros(0), "")
    if stage.exact:
        picked = stage.strategy.select.pick(
            n,
            candidates=view.candidates,
            known=view.known,
            keys=view.keys,
            dice=view.dice.of("select"),
            utility=stage.strategy.utility(view),
        )
        assert picked.utility is not None
        return Proposal(rows[picked.rows.numpy()], picked.utility.double().numpy(), "")
    batch = stage.strategy.query(view, n)
    values = [note.get("utility", float("nan")) for note in batch.notes]
    return Proposal(rows[batch.rows.numpy()], np.array(values, dtype=np.float64), batch.reason)


def present(shard: ScoredShard) -> tuple[NDArray[np.int64], Outputs]:
    """The rows of a shard that could be read, and what is known of them; nothing is copied where all could."""
    there = shard.there
    rows = np.arange(shard.start, shard.stop)
    embeddings, probabilities = shard.embeddings, shard.probabilities
    if not there.all():
        rows, embeddings, probabilities = rows[there], embeddings[there], probabilities[there]
    return rows, Outputs(embeddings=raw(embeddings, "embeddings"), probabilities=raw(probabilities, "probabilities"))


def gathered(pool: Shards, rows: NDArray[np.int64]) -> Outputs:
    """What is known of some rows, ascending, wherever they are."""
    embeddings, probabilities = [], []
    for number in pool.shards:
        start, stop = pool.span(number)
        inside = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)] - start
        if len(inside):
            shard = pool.shard(number)
            embeddings.append(shard.embeddings[inside])
            probabilities.append(shard.probabilities[inside])
    return Outputs(
        embeddings=torch.from_numpy(np.concatenate(embeddings)),
        probabilities=torch.from_numpy(np.concatenate(probabilities)),
    )


def readable(outputs: Outputs) -> Outputs:
    """What is known of the rows that could be read."""
    assert outputs.probabilities is not None and outputs.embeddings is not None
    there = ~outputs.probabilities.isnan().any(1)
    return Outputs(embeddings=outputs.embeddings[there], probabilities=outputs.probabilities[there])

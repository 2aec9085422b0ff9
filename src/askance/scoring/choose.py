"""Choosing from a scored pool in two stages: every shard proposes, and one finishes among what was proposed.

What ranks items one by one is exact so: the top of the pool is among the tops of the shards. What weighs items against
each other is not: a shard knows nothing of the others. GreeDi (Mirzasoleiman et al. 2013) is this for covering. What
looks for clusters would find those of the proposals and not those of the pool, so shards propose by chance for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from askance.errors import BadInput, MissingSignal
from askance.executors.base import Place
from askance.executors.local import run_all
from askance.look import check_serves, threads
from askance.scoring.stage import Proposal, Shards, Stage, gathered, present, propose, readable
from askance.seeds import Dice
from askance.selection import clusters
from askance.selection.medoids import Medoids
from askance.selection.top import Top
from askance.signals.base import signals_of
from askance.signals.probabilities import Scores
from askance.strategies import catalogue
from askance.strategies.base import Strategy, reads_labels
from askance.strategies.gradient import Egl, GradNorm
from askance.strategies.random import Random
from askance.strategies.uncertainty import Entropy, LeastConfidence, Margin, MeanMargin
from askance.task import Task

FACTOR = 10.0  # items proposed for each that is wanted; docs/large-pools.md has what others cost and give
SAMPLE = 4_000  # rows drawn from the pool that the second stage looks at, too; the covering rules look at as many

CROWD = 10  # times as many are drawn by chance where clusters are looked for: by default a hundred for each

ITEM_BY_ITEM = (Random, LeastConfidence, Margin, Entropy, MeanMargin, Egl, GradNorm)  # look at nothing but the item


@dataclass(frozen=True, eq=False)
class Chosen:
    """What was chosen, most wanted first.

    Args:
        rows: Rows of the pool, int64 (picks,).
        shards: The shard of each.
        utilities: What made each wanted in the second stage, float64 (picks,); NaN where the strategy does not say.
        exact: Whether it is what one stage over the whole pool would have chosen.
        proposed: How many items the shards proposed.
        reason: Why there are fewer than asked for; empty otherwise.
    """

    rows: NDArray[np.int64]
    shards: NDArray[np.int64]
    utilities: NDArray[np.float64]
    exact: bool
    proposed: int
    reason: str = ""


def is_exact(strategy: Strategy) -> bool:
    """Whether two stages choose what one over the whole pool would: items are ranked one by one, ties by their dice."""
    return type(strategy) in ITEM_BY_ITEM and type(strategy.select) is Top


_CLUSTERED = (clusters.KMeans, clusters.TypicalPerCluster, clusters.DensestPerCluster, Medoids)


def is_clustered(strategy: Strategy) -> bool:
    """Whether a strategy picks by clusters that it makes of the candidates."""
    return any(isinstance(getattr(strategy, one.name), _CLUSTERED) for one in fields(strategy))


def choose(
    pool: Shards,
    strategy: str | Strategy,
    n: int,
    *,
    known: NDArray[np.int64] | Sequence[int] = (),
    seed: int = 0,
    factor: float = FACTOR,
    sample: int = SAMPLE,
    workers: int | None = 1,
    on: Place | None = None,
) -> Chosen:
    """Choose items of a scored pool.

    Dice are those of `askance.select` over the whole pool, whose positions are the rows: where `is_exact`, so are the
    picks. Else every shard proposes its part of ``factor * n`` items by the strategy itself, and the strategy chooses
    among those, with a uniform sample of the pool beside them that may not be chosen: rules that look at the whole
    pool look at that. Where `is_clustered`, a sample is what is proposed, `CROWD` times as many and ``sample`` or more.

    Args:
        pool: The scores.
        strategy: A name of the catalogue, ``path/mine.py:MyStrategy``, or a `Strategy`.
        n: How many; more than there are gives all.
        known: Rows that are labeled or asked about: they are not chosen, and rules that keep away from what is known
            keep away from them.
        seed: Seed of all dice.
        factor: How many items are proposed for each that is wanted, 1 or more.
        sample: How many rows of the pool stand by in the second stage.
        workers: Processes; None: one per core, or as many as there is room for elsewhere.
        on: Where shards are worked at, if not by processes of this machine; every place must see the same folders.

    Raises:
        BadInput: If the strategy means nothing for the task, or a number is out of range.
        MissingSignal: If the strategy reads what the scores do not hold.
    """
    asked = catalogue.strategy(strategy)
    _check(asked, pool.task, n, factor)
    taken = _known(pool, known)
    exact = is_exact(asked)
    with threads(1):
        outside = readable(gathered(pool, taken)) if len(taken) and not exact else None
        quotas = _quotas(pool, n, taken, exact, factor)
        stage = Stage(pool, asked, taken, outside, seed, quotas, exact)
        if is_clustered(asked):
            drawn = _sample(stage, max(sample, int(np.ceil(CROWD * factor * n)) + len(taken)))
            free = np.setdiff1d(drawn, taken)
            return _finished(stage, free, drawn[:0], n) if len(free) else _none(exact)
        found = sorted(run_all(propose, stage, pool.shards, workers, on), key=lambda pair: pair[0])
        proposals = [proposal for _, proposal in found]
        if not sum(len(one.rows) for one in proposals):
            return _none(exact, next((one.reason for one in proposals if one.reason), ""))
        if exact:
            return _merged(stage, proposals, n)
        proposed = np.unique(np.concatenate([one.rows for one in proposals]))
        return _finished(stage, proposed, _sample(stage, sample), n)


def _none(exact: bool, reason: str = "") -> Chosen:
    rows = np.zeros(0, np.int64)
    return Chosen(rows, rows, np.zeros(0), exact, 0, reason)


def _merged(stage: Stage, proposals: Sequence[Proposal], n: int) -> Chosen:
    """The top of the tops, by what the shards computed: computed again, a value may have other last bits."""
    rows = np.concatenate([one.rows for one in proposals])
    order = rows.argsort()
    rows = rows[order]
    values = torch.from_numpy(np.concatenate([one.utilities for one in proposals])[order])
    picked = stage.strategy.select.pick(
        n,
        candidates=torch.arange(len(rows)),
        known=torch.zeros(0, dtype=torch.int64),
        keys=torch.from_numpy(rows),
        dice=Dice(stage.seed, "ask").of("select"),
        utility=values,
    )
    places = picked.rows.numpy()
    return Chosen(rows[places], _shard_of(stage.pool, rows[places]), values.numpy()[places], True, len(rows))


def _finished(stage: Stage, proposed: NDArray[np.int64], beside: NDArray[np.int64], n: int) -> Chosen:
    """The strategy's own choice among what was proposed, with other rows beside it that may not be chosen."""
    rows = np.union1d(proposed, beside)
    view = stage.view(rows, np.isin(rows, proposed), gathered(stage.pool, rows))
    n = min(n, len(view.candidates))
    batch = stage.strategy.query(view, n) if n else view.batch(view.candidates[:0])
    found = rows[batch.rows.numpy()]
    values = np.array([note.get("utility", float("nan")) for note in batch.notes], dtype=np.float64)
    return Chosen(found, _shard_of(stage.pool, found), values, False, len(proposed), batch.reason)


def _sample(stage: Stage, sample: int) -> NDArray[np.int64]:
    """Rows that could be read, drawn uniformly by a hash.

    It is the stream by which `Cover` draws what is to be covered, so that it finds the very items that it would have
    drawn from the whole pool.
    """
    dice = Dice(stage.seed, "ask").of("select").of("reference")
    rows, noise = np.zeros(0, np.int64), np.zeros(0)
    for number in stage.pool.shards if sample else ():
        more, _ = present(stage.pool.shard(number))
        rows = np.concatenate([rows, more])
        noise = np.concatenate([noise, dice.uniform(torch.from_numpy(more)).numpy()])
        best = noise.argsort(kind="stable")[:sample]
        rows, noise = rows[best], noise[best]
    return rows


def _quotas(pool: Shards, n: int, known: NDArray[np.int64], exact: bool, factor: float) -> dict[int, int]:
    """How many each shard proposes: all that may be wanted, or its part by its size, all of them n or more."""
    if exact:
        return dict.fromkeys(pool.shards, n)
    sizes = {number: int((~np.isin(present(pool.shard(number))[0], known)).sum()) for number in pool.shards}
    total = max(1, sum(sizes.values()))
    return {number: int(np.ceil(factor * n * size / total)) for number, size in sizes.items()}


def _known(pool: Shards, known: NDArray[np.int64] | Sequence[int]) -> NDArray[np.int64]:
    """Known rows, ascending, each once."""
    rows = np.unique(np.asarray(known, dtype=np.int64))
    there = np.zeros(len(rows), dtype=np.bool_)
    for start, stop in map(pool.span, pool.shards):
        there[np.searchsorted(rows, start) : np.searchsorted(rows, stop)] = True
    if not there.all():
        raise BadInput(f"Row {int(rows[~there][0])} is known and in no shard of the pool. Name rows that are scored.")
    return rows


def _shard_of(pool: Shards, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    numbers = np.array(pool.shards, dtype=np.int64)
    starts = np.array([pool.span(number)[0] for number in pool.shards], dtype=np.int64)
    return np.asarray(numbers[np.searchsorted(starts, rows, side="right") - 1], dtype=np.int64)


def _check(strategy: Strategy, task: Task, n: int, factor: float) -> None:
    """Refuse what cannot be chosen by."""
    name = catalogue.name_of(strategy)
    if n < 1:
        raise BadInput(f"Cannot choose {n} items. Ask for 1 or more.")
    if not 1 <= factor < float("inf"):
        raise BadInput(f"{factor:g} proposals for each item are too few to choose from. Use 1 or more, such as 10.")
    check_serves(strategy, task)
    if reads_labels(strategy):
        raise MissingSignal(f"{name} reads labels, and a scored pool has none. Use it in a study, or another strategy.")
    for signal in signals_of(strategy):
        lacking = signal.needs - {"scores", "embeddings"}
        if signal.of is not None or signal.age or signal.records or lacking or isinstance(signal, Scores):
            raise MissingSignal(
                f"{name} reads {type(signal).__name__}, and a scored pool holds embeddings and probabilities of one "
                f"model. Use a study, or a strategy that needs no more, such as margin, badge or k-center."
            )

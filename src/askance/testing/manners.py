"""Promises of one query: what a strategy hands back, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from askance.errors import MissingSignal
from askance.learners.base import Learner
from askance.signals.base import Rows, Signal, signals_of
from askance.strategies.base import Strategy
from askance.testing.promises import global_dice, parts_of, thrown
from askance.testing.worlds import World, guesses, small_items, small_world
from askance.view import Batch, View

SEEDS = (0, 1)
FEW = 5
_REASONS = ("waiting", "done", "passed")


def query(strategy: Strategy, view: View, n: int) -> Batch:
    """One batch, with the global dice at the same place before every query."""
    with global_dice(0):
        return strategy.query(view, n)


def picks(strategy: Strategy, learner: Learner, world: World, n: int, seed: int = 0) -> list[Any]:
    """The ids that a strategy picks in a world."""
    return query(strategy, world.view(strategy, learner, seed), n).ids


def distinct(strategy: Strategy, learner: Learner) -> str:
    """A batch holds distinct candidates, at most as many as wanted, as rows, ids and notes that belong together."""
    world = small_world()
    candidates = len(world.view(strategy, learner).candidates)
    for n in (1, FEW, candidates):
        view = world.view(strategy, learner)
        why = odd(query(strategy, view, n), view, n)
        if why:
            return why
    return ""


def odd(batch: Batch, view: View, n: int) -> str:
    """What is wrong with a batch of at most ``n``."""
    rows = batch.rows
    if not isinstance(rows, Tensor) or rows.dtype != torch.int64 or rows.ndim != 1:
        return f"Its rows are {rows!r}. Hand back view.batch(rows) with row numbers, int64 (picks,)."
    if len(rows) > n:
        return f"Of {n} wanted it picks {len(rows)}. Pick n at most."
    if len(torch.unique(rows)) != len(rows):
        return f"Of {n} wanted it picks rows {rows.tolist()}: one stands there twice."
    strangers = rows[~torch.isin(rows, view.candidates)].tolist()
    if strangers:
        return f"It picks row {strangers[0]}, which is no candidate. Pick from view.candidates."
    if batch.ids != view.name(rows) or len(batch.notes) != len(rows):
        return "Its ids or notes do not belong to its rows. Hand back view.batch(rows, notes=[one for each row])."
    try:
        json.dumps([dict(note) for note in batch.notes], allow_nan=False)
    except (TypeError, ValueError) as error:
        return f"Its notes cannot be written to the journal: {error}. Use strings and finite Python numbers."
    return ""


def enough(strategy: Strategy, learner: Learner) -> str:
    """A batch is full, all candidates where more are wanted, or it gives a reason."""
    world = small_world()
    candidates = len(world.view(strategy, learner).candidates)
    for n in (0, FEW, candidates, candidates + FEW):
        why = few(query(strategy, world.view(strategy, learner), n), min(n, candidates), n)
        if why:
            return why
    return ""


def few(batch: Batch, due: int, n: int) -> str:
    """What is wrong with a batch that is shorter than it could be."""
    if batch.reason and batch.reason not in _REASONS and not batch.reason.startswith("stop"):
        return f"Its reason {batch.reason!r} is none. Use one of: {', '.join(_REASONS)}, 'stop: ...'."
    if len(batch) < due and not batch.reason:
        return f"Of {n} wanted it picks {len(batch)} where {due} could be, and gives no reason."
    return ""


def same_twice(strategy: Strategy, learner: Learner) -> str:
    """A query does not depend on the queries before it."""
    world = small_world()
    first = picks(strategy, learner, world, FEW)
    other = world.view(strategy, learner, seed=1)
    query(strategy, other, FEW)
    query(strategy, small_world(labeled=20).view(strategy, learner), FEW)
    again = picks(strategy, learner, world, FEW)
    return "" if first == again else f"Asked again with the same seed it picks {again} after {first}. Keep no state."


def global_dice_alone(strategy: Strategy, learner: Learner) -> str:
    """The dice of Python, numpy and torch are neither thrown nor read."""
    found = []
    for seed in (0, 1):
        view = small_world().view(strategy, learner)
        for signal in signals_of(strategy):
            view[signal]  # what the learner throws is the learner's
        with global_dice(seed):
            before = thrown()
            found.append(strategy.query(view, FEW).ids)
            if thrown() != before:
                return "It throws the global dice of random, numpy or torch. Use view.dice."
    return "" if found[0] == found[1] else "It reads the global dice of random, numpy or torch. Use view.dice."


def ties(strategy: Strategy, learner: Learner) -> str:
    """Where all items are alike, a rule that gives a utility and no space picks by per-item noise.

    Then another seed picks others, and another order of the pool the same ids.
    """
    world = _alike()
    view = world.view(strategy, learner)
    if strategy.utility(view) is None or strategy.space(view) is not None:
        return ""
    if len({picks(strategy, learner, world, 1, seed)[0] for seed in range(6)}) == 1:
        return "Of items that are alike it picks the same one with any seed. Break ties by view.dice.uniform(keys)."
    backward = world.arranged(range(len(world.pool))[::-1])
    if picks(strategy, learner, world, FEW) != picks(strategy, learner, backward, FEW):
        return "Of items that are alike it picks by their place. Break ties by view.dice.uniform(view.keys)."
    return ""


def stands(*worlds: World) -> Any:
    """A check that batches are as they should be in some worlds."""

    def test(strategy: Strategy, learner: Learner) -> str:
        for world in worlds:
            candidates = len(world.view(strategy, learner).candidates)
            for n in sorted({1, min(FEW, candidates), candidates}):
                view = world.view(strategy, learner)
                batch = query(strategy, view, n)
                why = odd(batch, view, n) or few(batch, min(n, candidates), n)
                if why:
                    return why
        return ""

    return test


def pending_alone(strategy: Strategy, learner: Learner) -> str:
    """What was asked and is not answered is not asked again, while batch after batch goes pending."""
    for pending in (0, FEW, 4 * FEW):
        world = small_world(pending=pending)
        view = world.view(strategy, learner)
        for n in (FEW, len(view.candidates)):
            again = set(view.name(view.pending)) & set(query(strategy, view, n).ids)
            if again:
                return f"With {pending} items pending it asks {sorted(again)[0]!r} again. Leave view.pending out."
    return ""


def nothing_changed(strategy: Strategy, learner: Learner) -> str:
    """Items, signals, sides and history are after a query what they were before it."""
    shown, kept = (small_world(pending=FEW).view(strategy, learner) for _ in range(2))
    query(strategy, shown, FEW)
    for name in ("keys", "candidates", "labeled", "targets", "pending", "aside"):
        if not torch.equal(getattr(shown, name), getattr(kept, name)):
            return f"It changes view.{name}. Work on a copy."
    if shown.history != kept.history:
        return "It changes view.history. Work on a copy."
    for signal in signals_of(strategy):
        pairs = zip(_arrays(shown.read(signal)), _arrays(kept.read(signal)), strict=True)
        if not all(torch.equal(after, before) for after, before in pairs):
            return f"It changes the array of {type(signal).__name__}. Work on a copy."
    return ""


def declared_alone(strategy: Strategy, learner: Learner) -> str:
    """Every signal that is read stands in a field."""
    fields = frozenset(signals_of(strategy))
    read: set[Signal] = set()
    view = small_world().view(strategy, learner)

    def noted(signal: Signal) -> Rows:
        read.add(signal)
        return view.read(signal)

    try:
        query(strategy, replace(view, declared=fields, read=noted), FEW)
    except MissingSignal as error:
        return str(error)
    return f"It reads {next(iter(read - fields))}, which stands in no field." if read - fields else ""


def order_of_the_pool(strategy: Strategy, learner: Learner) -> str:
    """The pool in another order gives the same ids, unless the dice are said to walk the array.

    Rules that spread picks, such as `FarthestFirst`, give exact ties of distances to the lower row. The items here have
    none, so the promise holds but for those.
    """
    if any(isinstance(part, Strategy) and part.walks for part in parts_of(strategy)):
        return ""
    for seed in SEEDS:
        for labeled in (0, 9):
            world = small_world(labeled=labeled, believes=guesses)
            order = torch.randperm(len(world.pool), generator=torch.Generator().manual_seed(seed)).tolist()
            here, there = (picks(strategy, learner, w, FEW, seed) for w in (world, world.arranged(order)))
            if here != there:
                return (
                    f"It picks {here}, and {there} once the pool is in another order. Hang dice on view.keys, or say "
                    f"`walks: ClassVar[bool] = True` if they walk the array."
                )
    return ""


def _alike() -> World:
    return small_world(small_items()[:1].repeat(len(small_items()), 1))


def _arrays(rows: Rows) -> Sequence[Tensor]:
    return (rows,) if isinstance(rows, Tensor) else rows

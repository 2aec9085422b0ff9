"""Picking a batch: a function of a state, its parts and models, and of nothing else."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from askance.errors import AskanceError
from askance.look import look
from askance.pool import UNLABELED, Pool
from askance.seeds import Dice
from askance.signals.base import Rows, Signal
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.strategies.catalogue import name_of
from askance.study.journal import Line
from askance.study.models import Models, Parts
from askance.study.state import Fit, Round, State
from askance.view import Batch, View

_DEALT = -1  # the side of this batch's own control items: no candidates, and nobody waits for their answers yet


@dataclass(frozen=True)
class Picks:
    """A batch that is not asked yet, with the round it belongs to.

    Args:
        batch: What to ask.
        round: The round once this batch is asked.
        wanted: How many were asked for.
        seconds: Time for ``signals`` and ``selection``.
    """

    batch: Batch
    round: Round
    wanted: int
    seconds: dict[str, float]


def pick(state: State, parts: Parts, models: Models, n: int) -> Picks:
    """The next ``n`` items of a study, fewer if the round or the pool holds fewer.

    Raises:
        AskanceError: If the strategy breaks its contract.
    """
    begun = time.perf_counter()
    round_ = state.round if state.round.left else _opened(state, n)
    strategy = parts.strategy(state, round_.cold)
    failed = failed_fit(state.fits[round_.fit], strategy)
    if failed:  # its model knows nothing, and whatever it made of that would look like a choice
        strategy = catalogue.strategy("random")
    take = min(n, round_.left, state.count(UNLABELED))
    dice = Dice(state.seed, "ask", len(state.asked))

    controls = _controls(state, dice, _share(state, take))
    sides = state.sides.clone()
    sides[controls] = _DEALT
    view = look(
        state.pool,
        state.task,
        sides,
        state.targets[0],
        strategy,
        models.of(state, round_.fit),
        dice,
        state.history,
        size=state.piece,
    )
    clock = Clock(view)
    active = checked(strategy, clock.view, take - len(controls))
    while len(controls) > _share(state, len(active) + len(controls)):
        controls = controls[:-1]

    batch = _dealt(state, active, controls, dice)
    over = active.reason in ("done", "passed") or active.reason.startswith("stop")
    left = 0 if over else round_.left - len(batch)
    stamped = replace(
        batch,
        reason=active.reason,
        strategy=active.strategy or name_of(strategy),
        said=said_of(state, round_.cold, strategy, failed) or active.said,
        number=len(state.asked),
        round=round_.number,
        left=left,
        model=state.fits[round_.fit].key,
        seen=state.line,
        seed=state.seed,
    )
    seconds = {"signals": clock.seconds, "selection": time.perf_counter() - begun - clock.seconds}
    return Picks(stamped, replace(round_, left=left), n, seconds)


def body_of(picks: Picks) -> dict[str, Any]:
    """The body of the line that asks a batch."""
    batch = picks.batch
    return {
        "round": batch.round,
        "number": batch.number,
        "size": picks.round.size,
        "left": batch.left,
        "wanted": picks.wanted,
        "fit": picks.round.fit,
        "cold": picks.round.cold,
        "ids": batch.ids,
        "ranks": list(range(len(batch))),
        "streams": list(batch.streams),
        "probabilities": list(batch.probabilities),
        "notes": [dict(note) for note in batch.notes],
        "strategy": batch.strategy,
        "said": batch.said,
        "seed": batch.seed,
        "model": batch.model,
        "seen": batch.seen,
        "reason": batch.reason,
        "seconds": picks.seconds,
    }


def batch_of(line: Line, pool: Pool) -> Batch:
    """The batch of an asked line."""
    body = line.body
    rows = torch.tensor(pool.rows(body["ids"]), dtype=torch.int64)
    own = ("reason", "strategy", "said", "number", "round", "left", "model", "seen", "seed")
    stamped: dict[str, Any] = {name: body[name] for name in own}
    stamped |= {name: tuple(body[name]) for name in ("streams", "probabilities")}
    return Batch(rows, pool.names(rows), tuple(body["notes"]), **stamped)


def _opened(state: State, n: int) -> Round:
    size = min(n, state.count(UNLABELED))
    return Round(state.round.number + 1, size, size, len(state.fits) - 1, state.cold)


def checked(strategy: Strategy, view: View, n: int) -> Batch:
    """The strategy's batch, held to its contract."""
    name = name_of(strategy)
    batch = strategy.query(view, n)
    rows = batch.rows
    if len(torch.unique(rows)) != len(rows):
        raise AskanceError(f"{name} picked an item twice. Mend its query: rows must be distinct.")
    if not bool(torch.isin(rows, view.candidates).all()):
        raise AskanceError(f"{name} picked an item that is no candidate. Mend its query: pick from view.candidates.")
    if len(rows) > n:
        raise AskanceError(f"{name} picked {len(rows)} items where {n} were asked for. Mend its query: n at most.")
    if len(batch.notes) != len(rows):
        raise AskanceError(
            f"{name} wrote {len(batch.notes)} notes for {len(rows)} items. Mend its query: one for each."
        )
    if len(rows) < n and batch.reason not in ("waiting", "done", "passed") and not batch.reason.startswith("stop"):
        said = f"the reason {batch.reason!r}" if batch.reason else "no reason"
        raise AskanceError(
            f"{name} picked {len(rows)} of {n} items and gave {said}. "
            f"Mend its query: give reason='waiting', 'done' or 'stop: ...'."
        )
    return batch


def _share(state: State, picks: int) -> int:
    """How many of the next picks are control items: the study's share, evened out over all asks so far."""
    start = float(Dice(state.seed, "control").uniform(torch.zeros(1, dtype=torch.int64)))
    before, after = state.picks * state.control, (state.picks + picks) * state.control
    return math.floor(after + start) - math.floor(before + start)


def _controls(state: State, dice: Dice, count: int) -> Tensor:
    """Control items, drawn uniformly from the unlabeled side whatever the strategy wants."""
    rows = (state.sides == UNLABELED).nonzero().squeeze(1)
    if count == 0:
        return rows[:0]
    noise = dice.of("control").uniform(state.pool.keys[rows])
    return rows[noise.argsort()[:count]]


def _dealt(state: State, active: Batch, controls: Tensor, dice: Dice) -> Batch:
    """Active picks in their order, with the control items dealt in at places fixed by dice."""
    count = len(active) + len(controls)
    places = set(dice.of("places").generator().permutation(count)[: len(controls)].tolist())
    drawn = len(controls) / max(1, state.count(UNLABELED))
    left, right = iter(zip(active.rows.tolist(), active.notes, strict=True)), iter(controls.tolist())
    rows: list[int] = []
    notes: list[Any] = []
    streams: list[str] = []
    chances: list[float | None] = []
    for place in range(count):
        row, note = (next(right), {}) if place in places else next(left)
        rows.append(row)
        notes.append(dict(note))
        streams.append("control" if place in places else "active")
        chances.append(drawn if place in places else note.get("propensity"))
    table = torch.tensor(rows, dtype=torch.int64)
    return Batch(table, state.pool.names(table), tuple(notes), "", tuple(streams), tuple(chances))


def failed_fit(fit: Fit, strategy: Strategy) -> str:
    """Why a model that the strategy asks by knows nothing, the task's or a companion's; empty if none failed."""
    told = [fit.diverged if strategy.needs_model() else ""]
    told += [str(own["facts"].get("diverged", "")) for own in fit.companions.values()]
    return next((why for why in told if why), "")


def said_of(state: State, cold: bool, strategy: Strategy, failed: str) -> str:
    """What a person should know of who asks: that the model failed, or that this is a cold start."""
    if failed:
        return f"The model failed, so {name_of(strategy)} asks this round: {failed}."
    if not cold:
        return ""
    why = state.missing or "the round began before a model could be asked"
    return f"Cold start: {why}, so {name_of(strategy)} asks."


class Clock:
    """Tells the time spent on signals from the rest."""

    def __init__(self, view: View) -> None:
        self.seconds = 0.0
        self._read = view.read
        self.view = replace(view, read=self._timed)

    def _timed(self, signal: Signal) -> Rows:
        begun = time.perf_counter()
        rows = self._read(signal)
        self.seconds += time.perf_counter() - begun
        return rows

"""Why each item of a batch was asked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from askance.errors import BadInput
from askance.look import threads
from askance.strategies.base import Strategy
from askance.strategies.catalogue import name_of
from askance.study.guesses import Guess as Guess
from askance.study.guesses import Likely, Said, alone, said
from askance.study.guesses import guesses as guesses
from askance.study.nearby import Nearby, Neighbor, nearby
from askance.study.pick import batch_of
from askance.study.reasons import REASONS, Facts, sentence
from askance.study.study import Study
from askance.task import Classes
from askance.view import Batch

_LINES = 256  # of the journal's end that are read for a batch at first; then eight times as many each time
_CITED = re.compile(r"\s*\[[^]]*\]")


@dataclass(frozen=True)
class Why:
    """Why an item was asked.

    Args:
        id: Its id.
        strategy: The name of what picked it.
        said: What a person should know of its batch, such as a cold start.
        sentence: Why, in one sentence.
        stream: ``active`` or ``control``.
        utility: How wanted it was, in the strategy's own unit; None where the strategy wrote none down, or no finite
            one, and for control items.
        rank: Its place in the strategy's order of preference when it was asked, from 1; None where there is no utility.
        doubt: Of classes the two likeliest, of several labels the one nearest to one half, else none.
        predicted: The predicted number, or a list of several; None if the task has no numbers.
        spread: The standard deviation of it, or of each, where the model gives one.
        neighbors: The nearest labeled items, the nearest first.
        stands_for: How many unlabeled items are nearer to it than to any other that is asked or labeled; None where
            items have no features.
        about: Whether that was counted on a sample.
        model: The number of the model it was asked by.
        labels: How many labels that model saw.
    """

    id: Any
    strategy: str
    said: str
    sentence: str
    stream: str
    utility: float | None
    rank: int | None
    doubt: tuple[Likely, ...]
    predicted: Any
    spread: Any
    neighbors: tuple[Neighbor, ...]
    stands_for: int | None
    about: bool
    model: int
    labels: int

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        doubt, near = ([part.as_json() for part in self.doubt], [part.as_json() for part in self.neighbors])
        return {**own, "doubt": doubt, "neighbors": near}


def why(study: Study, batch: Batch | Iterable[Any], *, near: int = 5) -> list[Why]:
    """Why each item of a batch was asked.

    What is believed is what the model of that batch believes. What is near, and how many items one stands for, is told
    of the study as it is now.

    Near is meant in the features that the learner reads, by their Euclidean distance: the scores of a linear head
    differ by no more than that distance times a constant, it means something for a table, where directions mean
    nothing, and for features of length one its order is that of the cosine. Pictures are compared by the embeddings of
    the model if it gives some, else by their pixels. Items that are no arrays have no neighbors.

    Args:
        study: It is read on; nothing is fitted that was fitted before and kept, and nothing is asked.
        batch: A batch as it was asked, or the ids of items that were asked, of any batches.
        near: How many labeled neighbors to name, at most.

    Returns:
        One for each item, in order.

    Raises:
        BadInput: If the pool has no such item, or it was never asked.
    """
    study.refresh()
    asked = _of_batch(study, batch) if isinstance(batch, Batch) else _of_ids(study, batch)
    if not asked:
        return []
    state, rows = study.state, [one.row for one in asked]
    with threads(state.threads):
        told = {fit: said(study, fit, [one.row for one in asked if one.fit == fit]) for fit in _fits(asked)}
        newest = max(told)
        embeds = told[newest].knows and "embeddings" in study.parts.get(state.fits[newest].learner).gives
        found = nearby(state, rows, max(1, near), study.models.task(state.fits, newest) if embeds else None)
    return [_why(study, one, told[one.fit], found, near) for one in asked]


@dataclass(frozen=True)
class _Asked:
    """An item as it was asked: its batch, its place in it, and the fit that it was asked by."""

    row: int
    batch: Batch
    place: int
    fit: int

    @property
    def control(self) -> bool:
        return self.batch.streams[self.place] == "control"

    @property
    def utility(self) -> float | None:
        value = self.batch.notes[self.place].get("utility")
        return float(value) if isinstance(value, int | float) and not self.control else None

    @property
    def rank(self) -> int | None:
        if self.utility is None:
            return None
        return sum(stream == "active" for stream in self.batch.streams[: self.place + 1])


def _fits(asked: Iterable[_Asked]) -> list[int]:
    """Which fits some items were asked by, ascending: a journal is walked forward."""
    return sorted({one.fit for one in asked})


def _of_batch(study: Study, batch: Batch) -> list[_Asked]:
    fits = study.state.fits
    fit = next((number for number in reversed(range(len(fits))) if fits[number].key == batch.model), -1)
    if fit < 0:
        if len(batch):
            raise BadInput("This batch was not asked by this study. Hand in a batch of study.ask(), or ids.")
        return []
    return [_Asked(row, batch, place, fit) for place, row in enumerate(batch.rows.tolist())]


def _of_ids(study: Study, ids: Iterable[Any]) -> list[_Asked]:
    """When and how each item was asked last."""
    rows = study.state.pool.rows(ids)
    waiting, found = set(rows), dict[int, _Asked]()
    for batch in _batches(study) if waiting else ():
        for one in _of_batch(study, batch):
            if one.row in waiting:
                waiting.remove(one.row)
                found[one.row] = one
        if not waiting:
            break
    if waiting:
        (name,) = study.state.pool.names([min(waiting)])
        raise BadInput(f"{name!r} was never asked, so there is no reason to tell. Name items of a batch: batch.ids.")
    return [found[row] for row in rows]


def _batches(study: Study) -> Iterator[Batch]:
    """The batches asked so far, the latest first; of the journal no more is read than is looked at."""
    read, last = _LINES, study.state.line
    while last > 0:
        after = max(0, last - read)
        lines = [line for line in study.journal.read(after) if line.number <= last and line.kind == "asked"]
        for line in reversed(lines):
            yield batch_of(line, study.state.pool)
        read, last = 8 * read, after


def _why(study: Study, one: _Asked, told: Said, found: Nearby | None, most: int) -> Why:
    batch, row, task = one.batch, one.row, told.task
    near, stands_for = (found.labeled[row], found.stands_for[row]) if found is not None else ((), None)
    likely, undecided = (told.likely(row) if isinstance(task, Classes) else ()), told.undecided(row)
    numbers, give = told.numbers(row), told.give(row)
    name, words = _asks(study, batch.strategy)
    facts = Facts(
        strategy=name,
        control=one.control,
        utility=one.utility,
        model=told.number,
        likely=tuple((each.name, each.probability) for each in likely),
        undecided=None if undecided is None else (undecided.name, undecided.probability),
        numbers=tuple(numbers),
        spread=tuple(give),
        votes=tuple(told.polled(row)),
        features=found is not None,
        distance=near[0].distance if near else None,
        apart=found.apart if found is not None else 0.0,
        stands_for=stands_for,
        about=found is not None and found.about,
        words=words,
    )
    return Why(
        id=batch.ids[one.place],
        strategy=batch.strategy,
        said=batch.said,
        sentence=sentence(facts),
        stream=batch.streams[one.place],
        utility=one.utility if one.utility is not None and math.isfinite(one.utility) else None,
        rank=one.rank,
        doubt=(likely[:2] if len(likely) > 1 else ()) if undecided is None else (undecided,),
        predicted=alone(numbers, task),
        spread=alone(give, task),
        neighbors=near[: max(0, most)],
        stands_for=stands_for,
        about=facts.about,
        model=told.number,
        labels=told.labels,
    )


def _asks(study: Study, name: str) -> tuple[str, str]:
    """The name that a reason is told by, and the strategy's own words where it is none of the catalogue."""
    if name in REASONS:
        return name, ""
    in_force = [study.parts.get(study.state.parts[part]) for part in ("strategy", "start") if study.state.parts[part]]
    mine = next((part for part in _strategies(in_force) if name_of(part) == name), None)
    if mine is None:
        return name, ""
    inner = next(
        (name_of(part) for part in _strategies(getattr(mine, "strategy", None)) if name_of(part) in REASONS), ""
    )
    first = _CITED.sub("", (type(mine).__doc__ or "").strip().partition("\n")[0]).rstrip(". ")
    return inner or name, "" if first.startswith(f"{type(mine).__name__}(") else first


def _strategies(part: Any) -> Iterator[Strategy]:
    """A strategy, and those in its fields."""
    if isinstance(part, Strategy):
        yield part
    if isinstance(part, list | tuple):
        for inner in part:
            yield from _strategies(inner)
    elif is_dataclass(part) and not isinstance(part, type):
        for field in fields(part):
            yield from _strategies(getattr(part, field.name))

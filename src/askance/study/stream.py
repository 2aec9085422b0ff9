"""A stream: items that go by, each to be asked about or inferred, weighed by a state, its parts and models alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from askance.arrays import take
from askance.errors import BadInput
from askance.look import look, predict
from askance.pool import SIDES, UNLABELED, Pool
from askance.seeds import Dice
from askance.strategies import catalogue
from askance.strategies.catalogue import name_of
from askance.study.journal import Draft, Line
from askance.study.models import Models, Parts
from askance.study.pick import Clock, Picks, batch_of, body_of, checked, failed_fit, said_of
from askance.study.state import Round, State
from askance.task import Classes, plain
from askance.view import Batch

SPENT = "the budget is spent"


@dataclass(frozen=True)
class Considered:
    """What became of an item that went by.

    Args:
        id: Its id.
        asked: Whether its label is asked for; else it is inferred.
        prediction: What the model said of it then: a class, a list of labels or of numbers; None where there was no
            label to learn from.
        probability: Of a predicted class; None for other tasks.
        why: Why it was not asked.
    """

    id: Any
    asked: bool
    prediction: Any
    probability: float | None = None
    why: str = ""


@dataclass(frozen=True, eq=False)
class Passage(Sequence[Considered]):
    """Items that went by together, in their order.

    Args:
        items: What became of each.
        picks: Those that are asked, as a batch.
        budget: How many items the study may have asked in all; None: any number.
        left: How many more it may ask after these; None without a budget.
        said: What a person should know, such as that the budget is spent.
    """

    items: tuple[Considered, ...]
    picks: Picks
    budget: int | None = None
    left: int | None = None
    said: str = ""

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: Any) -> Any:
        return self.items[place]

    def __repr__(self) -> str:
        words = [f"{len(self)} items went by: {len(self.asked)} to ask, {len(self.inferred)} inferred", self.said]
        return ". ".join(word for word in words if word)

    @property
    def asked(self) -> list[Any]:
        """Ids whose label is asked for, in order."""
        return [one.id for one in self.items if one.asked]

    @property
    def inferred(self) -> dict[Any, Any]:
        """The predictions of all others, by id."""
        return {one.id: one.prediction for one in self.items if not one.asked}


def weigh(state: State, parts: Parts, models: Models, ids: Sequence[Any], budget: int | None) -> Passage:
    """Ask or infer, item by item: the strategy sees each one as the only candidate, and those it asked as pending.

    Whatever reason a strategy gives for not asking, the item goes by; the stream does not stop.

    Args:
        state: The study's.
        parts: Strategies and learners by description.
        models: Where models come from.
        ids: The items, in the order in which they come.
        budget: How many items may be asked in all, those before included; None: any number.

    Raises:
        BadInput: If an item is not unlabeled, or stands there twice, or the study draws control items.
        AskanceError: If the strategy breaks its contract.
    """
    begun = time.perf_counter()
    rows = _rows(state, ids)
    number = len(state.fits) - 1
    round_ = Round(state.round.number + 1, len(ids), 0, number, state.cold)
    strategy = parts.strategy(state, round_.cold)
    failed = failed_fit(state.fits[number], strategy)
    if failed:
        strategy = catalogue.strategy("random")
    dice = Dice(state.seed, "ask", len(state.asked))
    clock = Clock(
        look(
            state.pool,
            state.task,
            state.sides,
            state.targets[0],
            strategy,
            models.of(state, number),
            dice,
            state.history,
            size=state.piece,
        )
    )
    told = _told(state, models, number, rows)
    spent = len(state.sides) - state.count(UNLABELED)
    asked: list[int] = []
    notes: list[Mapping[str, Any]] = []
    items = []
    for row, (prediction, probability) in zip(rows, told, strict=True):
        here = Considered(plain(state.pool.ids[row]), False, prediction, probability)
        if budget is not None and spent + len(asked) >= budget:
            items.append(replace(here, why=SPENT))
            continue
        pending = torch.cat([clock.view.pending, torch.tensor(asked, dtype=torch.int64)]).sort().values
        one = replace(clock.view, candidates=torch.tensor([row]), pending=pending)
        batch = checked(strategy, one, 1)
        if len(batch):
            asked.append(row)
            notes.append({**batch.notes[0], "prediction": prediction, "probability": probability})
        items.append(replace(here, asked=bool(len(batch)), why=_why(batch)))

    left = None if budget is None else max(0, budget - spent - len(asked))
    missed = sum(one.why == SPENT for one in items)
    said = said_of(state, round_.cold, strategy, failed)
    if missed:
        said = f"{said} {_over(budget, missed, len(items))}".strip()
    index = torch.tensor(asked, dtype=torch.int64)
    stamped = Batch(
        index,
        state.pool.names(index),
        tuple(notes),
        "" if len(asked) == len(items) else "passed",
        ("active",) * len(asked),
        (None,) * len(asked),
        strategy=name_of(strategy),
        said=said,
        number=len(state.asked),
        round=round_.number,
        model=state.fits[number].key,
        seen=state.line,
        seed=state.seed,
    )
    seconds = {"signals": clock.seconds, "selection": time.perf_counter() - begun - clock.seconds}
    return Passage(tuple(items), Picks(stamped, round_, len(ids), seconds), budget, left, said)


def drafts_of(passage: Passage, once: str | None) -> list[Draft]:
    """The lines of a passage: what was asked of all that was considered, then what went by."""
    asked = body_of(passage.picks) | {"considered": [one.id for one in passage], "budget": passage.budget}
    number = passage.picks.batch.number
    return [
        Draft("asked", asked, once),
        *(
            Draft(
                "passed",
                {
                    "id": one.id,
                    "prediction": one.prediction,
                    "probability": one.probability,
                    "why": one.why,
                    "number": number,
                },
            )
            for one in passage
            if not one.asked
        ),
    ]


def passage_of(line: Line, after: Sequence[Line], pool: Pool, spent: int) -> Passage:
    """The passage of an asked line.

    Args:
        line: The line.
        after: The lines behind it.
        pool: The items.
        spent: How many items the study has asked by now.
    """
    body, batch = line.body, batch_of(line, pool)
    predicted = {
        id: (note.get("prediction"), note.get("probability")) for id, note in zip(batch.ids, batch.notes, strict=True)
    }
    passed = {other.body["id"]: other.body for other in after[: len(body["considered"]) - len(batch)]}
    items = tuple(
        Considered(id, False, passed[id]["prediction"], passed[id]["probability"], passed[id]["why"])
        if id in passed
        else Considered(id, True, *predicted[id])
        for id in body["considered"]
    )
    budget = body["budget"]
    round_ = Round(body["round"], body["size"], body["left"], body["fit"], body["cold"])
    left = None if budget is None else max(0, budget - spent)
    return Passage(items, Picks(batch, round_, body["wanted"], body["seconds"]), budget, left, body["said"])


def _rows(state: State, ids: Sequence[Any]) -> list[int]:
    """The rows of items that may go by."""
    if state.control:
        raise BadInput(
            f"A stream draws no control items, and this study draws a share of {state.control:g}: what goes by is not "
            f"the whole pool. Open the study with control=0, and measure it by study.score(items, labels)."
        )
    rows = state.pool.rows(ids)
    if len(set(rows)) < len(rows):
        twice = next(id for place, id in enumerate(ids) if rows[place] in rows[:place])
        raise BadInput(f"Item {plain(twice)!r} goes by twice in one call. Name each item once.")
    for row in rows:
        if row >= len(state.sides) or state.sides[row] != UNLABELED:
            side = SIDES[int(state.sides[row])] if row < len(state.sides) else "not offered"
            raise BadInput(
                f"Item {state.pool.names([row])[0]!r} is {side} already, so there is nothing to weigh. Consider items "
                f"that nobody asked about; study.predict() says what the model thinks of others."
            )
    return rows


def _told(state: State, models: Models, number: int, rows: list[int]) -> list[tuple[Any, float | None]]:
    """What the model says of each row, and how probable a class is; nothing before the first label."""
    if not rows or not len(state.labeled) or not state.task.width:
        return [(None, None)] * len(rows)
    items = take(state.pool.items, torch.tensor(rows))
    found = predict(models.task(state.fits, number), items, state.task, state.piece)
    return [(state.task.answer(row), float(row.max()) if isinstance(state.task, Classes) else None) for row in found]


def _why(batch: Batch) -> str:
    return "" if len(batch) else batch.reason.removeprefix("stop").strip(": ") or "passed"


def _over(budget: int | None, missed: int, items: int) -> str:
    many = "item was" if missed == 1 else "items were"
    return f"The budget of {budget} labels is spent: {missed} of {items} {many} inferred without weighing a question."

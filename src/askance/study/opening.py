"""Opening a study: its first lines, and what changed since when it is opened again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from askance import __version__, arrays
from askance.errors import BadInput
from askance.learners import catalogue as learners
from askance.learners.base import Learner
from askance.look import check_needs, check_serves
from askance.pool import Pool
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.study.journal import Draft, Line
from askance.study.models import Parts
from askance.study.state import State
from askance.task import Named, Task, plain

START = "typiclust"  # asks while there are too few labels for a model [hacohen2022active]


@dataclass(frozen=True)
class Wishes:
    """What was handed in when a study was opened; None is no wish."""

    learner: Any
    strategy: Any
    task: Task | None
    seed: int | None
    start: Any
    control: float | None
    threads: int


def first_lines(pool: Pool, wishes: Wishes, parts: Parts) -> list[Draft]:
    """The first lines of a journal.

    Raises:
        BadInput: If there is no item or no task, or the strategy needs what the learner does not give.
    """
    if len(pool) == 0:
        raise BadInput("The pool is empty. Hand in at least one item.")
    task = wishes.task
    if task is None:
        raise BadInput("Nobody said what the items are labeled with. Declare it: Study(pool, classes=[...]).")
    if task.width == 0 and wishes.start is None:
        raise BadInput(
            f"{task} names nothing to learn yet, and there is no start strategy to ask until it does. "
            f"Name one, or leave start= at its default."
        )
    seed = plain(wishes.seed if wishes.seed is not None else 0)
    if not isinstance(seed, int):
        raise BadInput(f"seed={seed!r} names no dice. Use a whole number.")
    share = wishes.control or 0.0
    if not 0 <= share <= 1:
        raise BadInput(f"control={share} is no share of a batch. Use a number from 0 to 1, such as 0.1.")
    if wishes.threads < 1:
        raise BadInput(f"threads={wishes.threads} cannot compute. Use 1 or more.")
    asking = catalogue.strategy(wishes.strategy) if wishes.strategy is not None else catalogue.default(task)
    early = _start(wishes.start)
    learner = learners.learner(wishes.learner)
    for strategy in (asking, early):
        if strategy is not None:
            check_serves(strategy, task)
            check_needs(strategy, asking.equip(learner))
    opened = {
        "task": parts.add(task),
        "seed": seed,
        "control": float(share),
        "start": parts.add(early) if early is not None else None,
        "strategy": parts.add(asking),
        "learner": parts.add(learner),
        "versions": _versions(),
        "threads": plain(wishes.threads),
        "device": "cpu",
        "piece": arrays.PIECE,
    }
    return [Draft("opened", opened), _offered(pool, 0)]


def changes(state: State, pool: Pool, wishes: Wishes, parts: Parts) -> list[Draft]:
    """What has to be written when an existing journal is opened with other parts, more classes or more items.

    Raises:
        BadInput: If what was handed in contradicts what cannot change.
    """
    for name, given, kept in (("seed", wishes.seed, state.seed), ("control", wishes.control, state.control)):
        if given is not None and given != kept:
            raise BadInput(
                f"This study was opened with {name}={kept}, and {name}={given} is given. "
                f"Leave {name} out, or open another study: name=... or storage=..."
            )
    found: dict[str, Any] = {}
    if wishes.task is not None:
        found["task"] = parts.add(_grown(state.task, wishes.task))
    if wishes.strategy is not None:
        found["strategy"] = parts.add(catalogue.strategy(wishes.strategy))
    if wishes.learner is not None:
        found["learner"] = parts.add(learners.learner(wishes.learner))
    if wishes.start != START:  # the default is no wish to change
        early = _start(wishes.start)
        found["start"] = parts.add(early) if early is not None else None
    force = {**state.parts, **found}
    learner: Learner = parts.get(force["strategy"]).equip(parts.get(force["learner"]))
    for asking in (force["strategy"], force["start"]):
        if asking is not None:
            check_serves(parts.get(asking), parts.get(force["task"]))
            check_needs(parts.get(asking), learner)
    drafts = [
        Draft("changed", {"what": what, "old": state.parts[what], "new": new})
        for what, new in found.items()
        if new != state.parts[what]
    ]
    if len(pool) > len(state.sides):
        drafts.append(_offered(pool, len(state.sides)))
    elif pool.digest != state.digest:
        drafts.append(Draft("changed", {"what": "digest", "old": state.digest, "new": pool.digest}))
    return drafts


def as_journaled(pool: Pool, lines: Sequence[Line]) -> Pool:
    """The pool in the journal's order: rows are for good, whatever the order of a file.

    Raises:
        BadInput: If an item of the study is not in the pool any more.
    """
    told: list[Any] = []
    for line in lines:
        if line.kind == "offered":
            ids = line.body["ids"]
            told.extend(range(len(told), len(told) + line.body["items"]) if ids is None else ids)
    there = {name: row for row, name in enumerate(pool.names(range(len(pool))))}
    lost = [name for name in told if name not in there]
    if lost:
        raise BadInput(
            f"{len(lost)} of the study's {len(told)} items are not in the pool, first {lost[0]!r}. "
            f"Hand in a pool that still holds them; new items may stand anywhere."
        )
    known = set(told)
    order = [there[name] for name in told] + [row for name, row in there.items() if name not in known]
    return pool if order == list(range(len(pool))) else pool.arranged(order)


def _start(wish: Any) -> Strategy | None:
    return catalogue.strategy(wish) if wish is not None else None


def _offered(pool: Pool, known: int) -> Draft:
    names = None if pool.numbered else pool.names(range(known, len(pool)))
    return Draft("offered", {"items": len(pool) - known, "ids": names, "digest": pool.digest})


def _grown(kept: Task, given: Task) -> Task:
    """The task with what was added; the journal's order of classes stands."""
    if given == kept:
        return kept
    if isinstance(given, Named) and type(given) is type(kept):
        new = [name for name in given.names if not kept.knows(name)]
        covered = {kept.index(name) for name in given.names if kept.knows(name)}
        if not new:
            return kept  # some were declared, renamed or merged since this call was written
        if len(covered) == kept.width:
            return replace(kept, names=(*kept.names, *new))
    raise BadInput(
        f"This study is labeled with {kept}, and {given} is given. A task can only gain classes: "
        f"leave it out, or open another study: name=... or storage=..."
    )


def _versions() -> dict[str, str]:
    python = ".".join(map(str, sys.version_info[:3]))
    return {"askance": __version__, "python": python, "torch": torch.__version__, "numpy": np.__version__}

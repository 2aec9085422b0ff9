"""What `askance check` runs: the contracts on the parts of a file, a row for each promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from askance.describe import find, load_file
from askance.errors import AskanceError, BadInput, MissingSignal
from askance.learners import catalogue as learners
from askance.learners.base import Learner
from askance.look import check_needs
from askance.signals.base import Signal
from askance.strategies import catalogue as strategies
from askance.strategies.base import Strategy
from askance.task import Labels, Targets, Task
from askance.testing.learners import learner_promises, lesson_of
from askance.testing.promises import said
from askance.testing.signals import signal_promises
from askance.testing.strategies import strategy_promises
from askance.testing.worlds import LEARNER, THREE, TRAINED

KINDS = (Strategy, Learner, Signal)


@dataclass(frozen=True)
class Row:
    """One promise of one part.

    Args:
        part: The name of the part's class.
        promise: The promise, as the end of a sentence whose subject is the part.
        ok: Whether it is kept.
        why: What happened, if it is not.
    """

    part: str
    promise: str
    ok: bool
    why: str = ""


def check(what: str) -> Iterator[Row]:
    """Hold parts to their contracts, one after another.

    A strategy or signal is tried with the first learner that gives what it reads: the softmax head, a learner of the
    same file, one of the catalogue, a small network. A learner is tried on the first task that it takes: classes, a
    number, labels.

    Args:
        what: ``path/mine.py`` for all strategies, learners and signals of its own, ``path/mine.py:Part``,
            ``module:Part``, or a name of a strategy or learner. A learner may be whatever `askance.Study` takes as one.

    Raises:
        UnknownName: If there is no such name.
        BadInput: If the file is not there, fails, or holds no part.
    """
    made = []
    for part in _found(what):
        try:
            made.append(part() if isinstance(part, type) else part)
        except Exception as error:  # a part of the user's may throw anything
            told = error if isinstance(error, TypeError | AskanceError) else f"{type(error).__name__}: {error}."
            why = f"{told} Give its fields defaults, or make one at the top level of the file and check that by name."
            yield Row(part.__name__, "can be made without arguments", False, why)
    givers = [LEARNER, *(part for part in made if isinstance(part, Learner)), *_catalogued(), TRAINED]
    for part in made:
        yield from _rows(part, givers)


def _rows(part: Any, givers: Sequence[Learner]) -> Iterator[Row]:
    name = type(part).__name__
    if isinstance(part, Learner):
        kept = said(learner_promises(), part, _task(part))
    else:
        giver, why = _giver(part, givers)
        if giver is None:
            yield Row(name, "reads what some learner gives", False, why)
            return
        if isinstance(part, Strategy):
            kept = said(strategy_promises(), part, giver)
        else:
            kept = said(signal_promises(), part, giver)
    for promise, why in kept.items():
        yield Row(name, promise, not why, why)


def _found(what: str) -> list[Any]:
    """The parts that a name or a file stands for, as classes or objects."""
    if what.endswith(".py"):
        module = load_file(what)
        own = [value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__]
        parts = [kind for kind in own if isinstance(kind, type) and issubclass(kind, KINDS) and kind.__name__[0] != "_"]
        if not parts:
            raise BadInput(f"{what} holds no part of its own. Subclass askance.Strategy, askance.Learner or a signal.")
        return parts
    if ":" not in what:
        return [learners.learner(what) if what in learners.LEARNERS.names() else strategies.strategy(what)]
    part = find(what)
    if isinstance(part, KINDS) or (isinstance(part, type) and issubclass(part, KINDS)):
        return [part]
    try:
        return [learners.learner(what)]  # an estimator, a network, what has fit() and predict_proba()
    except BadInput as error:
        if hasattr(part, "fit"):
            raise
        raise BadInput(
            f"{what} is no strategy, learner or signal. Subclass askance.Strategy, askance.Learner or a signal."
        ) from error


def _catalogued() -> Iterator[Learner]:
    for name in learners.LEARNERS.names():
        try:
            yield learners.learner(name)
        except AskanceError:  # a plug-in that wants arguments is no help here
            continue


def _giver(part: Strategy | Signal, givers: Sequence[Learner]) -> tuple[Learner | None, str]:
    """The first learner that gives what a part reads, or why there is none."""
    why = ""
    reader = part if isinstance(part, Strategy) else _Reader(part)
    for giver in givers:
        try:
            check_needs(reader, reader.equip(giver))
            return giver, ""
        except MissingSignal as error:
            why = why or str(error)
        except Exception:  # an equip() that fails is reported by the promise about it
            return giver, ""
    return None, f"{why} A learner in the same file is found."


def _task(learner: Learner) -> Task:
    """The first task that a learner takes."""
    for task in (THREE, Targets(), Labels(("first", "second", "third"))):
        try:
            learner.fit(lesson_of(task))
            return task
        except Exception:  # the promises say what happened, on the first task
            continue
    return THREE


@dataclass(frozen=True)
class _Reader(Strategy):
    """What reads one signal."""

    signal: Signal

"""Models of a study: from memory, from disk, or fitted again from the journal; they are a cache."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import torch

from askance.describe import build, describe
from askance.learners.base import Learner, Lesson, Model
from askance.learners.wrappers import blank
from askance.seeds import Dice
from askance.signals.base import Signal, signals_of
from askance.strategies.base import Strategy
from askance.study.artifacts import Artifacts
from askance.study.state import Fit, State
from askance.study.unfinished import Unfinished

KEPT = 16  # models held in memory


class Parts:
    """Strategies and learners by description; what was handed in is used as it is, the rest is built."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def add(self, part: Any) -> Any:
        """Remember an object under its description, and give the description."""
        description = describe(part)
        self._known[_text(description)] = part
        return description

    def get(self, description: Any) -> Any:
        """The part of a description."""
        text = _text(description)
        if text not in self._known:
            self._known[text] = build(description)
        return self._known[text]

    def strategy(self, state: State, cold: bool) -> Strategy:
        """The study's strategy, or in a cold start the one for the start."""
        found: Strategy = self.get(state.parts["start" if cold else "strategy"])
        return found

    def learner(self, state: State) -> Learner:
        """The learner, equipped by the study's strategy."""
        learner: Learner = self.get(state.parts["learner"])
        return self.strategy(state, cold=False).equip(learner)


def companions_of(strategy: Strategy) -> list[Learner]:
    """The learners that a strategy brings along, each once."""
    return list(dict.fromkeys(signal.of for signal in signals_of(strategy) if signal.of is not None))


def lesson_of(state: State, parts: Parts) -> Lesson:
    """What the next fit of a state learns from; `previous` and `model` are left to `Models`."""
    learner = parts.learner(state)
    targets, weights = state.targets
    labeled = state.labeled
    open_ = torch.ones(len(state.sides), dtype=torch.bool)
    open_[labeled] = False
    number = len(state.fits)
    description = describe(learner)
    before = state.fits[-1].key if remembered(state, learner) else ""
    answers = blake2b(digest_size=16)
    for array in (state.pool.keys[labeled], targets, weights):
        answers.update(array.numpy().tobytes())
    said = state.history.digest  # a learner may read notes, and what was set aside
    inputs = [description, state.parts["task"], answers.hexdigest(), state.seed, number, before, state.digest, said]
    return Lesson(
        items=state.pool.items,
        keys=state.pool.keys,
        task=state.task,
        labeled=labeled,
        targets=targets,
        weights=weights,
        unlabeled=open_.nonzero().squeeze(1),
        dice=Dice(state.seed, "fit", number),
        history=state.history,
        record=_records(parts.strategy(state, state.cold), None),
        number=number,
        through=state.line,
        key=digest(inputs),
    )


def remembered(state: State, learner: Learner) -> bool:
    """Whether the next fit reads the model of the one before.

    Only a learner with a memory does, and only its own model, of the classes that there are now.
    """
    last = state.fits[-1] if state.fits else None
    own = last is not None and last.learner == describe(learner) and last.columns == state.columns
    return own and learner.remembers


class Models:
    """Gives the models of a study's fits.

    Args:
        artifacts: Where weights lie, under their keys.
        parts: Learners by description.
        replay: The state of the journal up to a line.
    """

    def __init__(self, artifacts: Artifacts, parts: Parts, replay: Callable[[int], State]) -> None:
        self._artifacts = artifacts
        self._parts = parts
        self._replay = replay
        self._memory: OrderedDict[str, Model] = OrderedDict()

    def previous(self, state: State, learner: Learner) -> Model | None:
        """What a learner with a memory reads: its own model of the fit before."""
        return self.task(state.fits, len(state.fits) - 1) if remembered(state, learner) else None

    def companion_lesson(self, state: State, lesson: Lesson, companion: Learner, model: Model) -> Lesson:
        """The lesson of a companion: the task's, with its own dice and memory, and the task model with its learner."""
        name = digest(describe(companion))
        last = state.fits[-1] if state.fits else None
        known = last is not None and name in last.companions and last.columns == state.columns and companion.remembers
        previous = self.companion(state.fits, len(state.fits) - 1, companion) if known else None
        record = _records(self._parts.strategy(state, state.cold), companion)
        resume = self.unfinished(digest([lesson.key, name]))
        own = replace(lesson, dice=lesson.dice.of(name), previous=previous, record=record, resume=resume)
        return replace(own, model=model, learner=self._parts.learner(state))

    def keep(self, key: str, model: Model) -> None:
        """Store a model under its key, before the line that names it is written."""
        weights = model.weights()
        if weights is not None:
            self._artifacts.save(key, weights, dict(model.facts))
        self._remember(key, model)
        self.unfinished(key).done()

    def unfinished(self, key: str) -> Unfinished:
        """Where the fit of a model keeps how far it is."""
        return Unfinished(self._artifacts, key)

    def of(self, state: State, fit: int) -> Callable[[Signal], Model]:
        """Which model each signal is read from, for an ask that uses one fit.

        A model of other classes is none to compare with: it counts as one from before the first fit.
        """

        def model(signal: Signal) -> Model:
            number = fit - signal.age
            if number < 0 or (signal.age and state.fits[number].columns != state.columns):
                return self._ignorant(state, signal.of)
            if signal.of is None:
                return self.task(state.fits, number, signal.records)
            return self.companion(state.fits, number, signal.of, signal.records)

        return model

    def task(self, fits: Sequence[Fit], number: int, records: frozenset[str] = frozenset()) -> Model:
        """The task model of one fit: walk back to a fit whose model is still there, then forward again."""
        first = number
        while self._load(fits[first]) is None and self._reads_before(fits, first):
            first -= 1
        for step in range(first, number):
            if self._load(fits[step]) is None:
                self._again(fits, step)
        found = self._load(fits[number], records)
        return found if found is not None else self._again(fits, number, records)

    def companion(
        self, fits: Sequence[Fit], number: int, companion: Learner, records: frozenset[str] = frozenset()
    ) -> Model:
        """A companion's model of one fit; before it joined, it knows nothing."""
        told = fits[number].companions.get(digest(describe(companion)))
        if told is not None and (found := self._stored(told["key"], companion, records)) is not None:
            return found
        task = self.task(fits, number)
        state = self._replay(fits[number].through)
        lesson = self.companion_lesson(state, lesson_of(state, self._parts), companion, task)
        lesson = replace(lesson, record=lesson.record | records)
        if told is None:
            return companion.fit(blank(lesson))
        model = companion.fit(lesson)
        self.keep(told["key"], model)
        return model

    def _ignorant(self, state: State, companion: Learner | None) -> Model:
        """A model from before the first fit: it knows nothing."""
        strategy = self._parts.strategy(state, state.cold)
        lesson = blank(replace(lesson_of(state, self._parts), dice=Dice(state.seed, "fit", -1)))
        learner = self._parts.learner(state)
        task = learner.fit(lesson)
        if companion is None:
            return task
        own = replace(lesson, dice=lesson.dice.of(digest(describe(companion))), record=_records(strategy, companion))
        return companion.fit(replace(own, model=task, learner=learner))

    def _again(self, fits: Sequence[Fit], number: int, records: frozenset[str] = frozenset()) -> Model:
        """Fit a task model once more, from what its lesson read."""
        learner: Learner = self._parts.get(fits[number].learner)
        lesson = lesson_of(self._replay(fits[number].through), self._parts)
        previous = self._load(fits[number - 1]) if self._reads_before(fits, number) else None
        resume = self.unfinished(lesson.key)
        model = learner.fit(replace(lesson, previous=previous, record=lesson.record | records, resume=resume))
        self.keep(fits[number].key, model)
        return model

    def _reads_before(self, fits: Sequence[Fit], number: int) -> bool:
        """Whether a fit read the model of the one before: only a learner with a memory does, and only its own."""
        before, now = (fits[number - 1], fits[number]) if number else (None, fits[number])
        own = before is not None and before.learner == now.learner and before.columns == now.columns
        return own and bool(self._parts.get(now.learner).remembers)

    def _load(self, fit: Fit, records: frozenset[str] = frozenset()) -> Model | None:
        return self._stored(fit.key, self._parts.get(fit.learner), records)

    def _stored(self, key: str, learner: Learner, records: frozenset[str]) -> Model | None:
        """A model from memory or disk; None where it must be fitted again, as for records, which are not stored."""
        model = self._memory.get(key)
        if model is None:
            stored = self._artifacts.load(key)
            model = learner.restore(*stored) if stored is not None else None
        if model is None or not records <= model.records.keys():
            return None
        self._remember(key, model)
        return model

    def _remember(self, key: str, model: Model) -> None:
        self._memory[key] = model
        self._memory.move_to_end(key)
        while len(self._memory) > KEPT:
            self._memory.popitem(last=False)


def _records(strategy: Strategy, of: Learner | None) -> frozenset[str]:
    """What a strategy wants recorded while a learner trains."""
    return frozenset(name for signal in signals_of(strategy) if signal.of == of for name in signal.records)


def digest(value: Any) -> str:
    """A short fingerprint of JSON."""
    return blake2b(_text(value).encode(), digest_size=10).hexdigest()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)

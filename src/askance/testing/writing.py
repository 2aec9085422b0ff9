"""Promises of how a strategy is written: its fields, what it does to learners, its docstring."""

from __future__ import annotations

import doctest
import json
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch

from askance.cite import keys
from askance.describe import build, describe
from askance.given import view
from askance.learners.base import Learner, Lesson, Model
from askance.signals.base import signals_of
from askance.strategies.base import Strategy
from askance.testing.promises import parts_of
from askance.view import Batch, View
from askance.works import REFERENCES


def survives(strategy: Strategy, learner: Learner) -> str:
    """A strategy comes back equal from pickle, and from its description as JSON."""
    if pickle.loads(pickle.dumps(strategy)) != strategy:
        return "It is another one after pickle. Decorate the class with @dataclass(frozen=True)."
    described = json.loads(json.dumps(describe(strategy)))
    again = build(described)
    if again != strategy or describe(again) != described:
        return f"From its description {described} another one is built: {again!r}. Keep fields as they were given."
    return ""


def equips(strategy: Strategy, learner: Learner) -> str:
    """`equip` gives the learner itself where no part says otherwise, else one made from it that gives no less."""
    equipped = strategy.equip(learner)
    parts = [part for part in parts_of(strategy) if isinstance(part, Strategy)]
    if equipped == learner:
        return ""
    if all(type(part).equip is Strategy.equip for part in parts):
        return f"No part overrides equip(), and it gives {equipped} for {learner}."
    if strategy.equip(learner) != equipped:
        return "equip() gives another learner each time."
    if strategy.equip(_Mark(learner, "one")) == strategy.equip(_Mark(learner, "other")):
        return "equip() gives the same for any learner. Add to the learner that it gets."
    needs = frozenset[str]().union(*(s.needs for s in signals_of(strategy) if s.of is None))
    lost = (learner.gives | needs) - equipped.gives
    return f"The equipped learner does not give {', '.join(sorted(lost))}." if lost else ""


def passes_equip_on(strategy: Strategy, learner: Learner) -> str:
    """What the strategies inside do to a learner, a strategy made of them does too."""
    names: list[str] = []
    inside = {f.name: _marked(getattr(strategy, f.name), f.name, names) for f in fields(strategy) if f.init}
    marked = replace(strategy, **inside)
    found = {part.name for part in parts_of(marked.equip(learner)) if isinstance(part, _Mark)}
    lost = [name for name in names if name not in found]
    if lost:
        return f"The learner is not equipped by {lost[0]}. Write equip() so that each strategy inside gets its turn."
    return ""


def has_doctest(strategy: Strategy, learner: Learner) -> str:
    """The docstring holds an example that comes out; `view`, `torch` and `tensor` need no import."""
    kind = type(strategy)
    names = {**vars(sys.modules[kind.__module__]), "view": view, "torch": torch, "tensor": torch.tensor}
    found = doctest.DocTestParser().get_doctest(kind.__doc__ or "", names, kind.__name__, None, 0)
    if not found.examples:
        return "Its docstring holds no example. Show one that can be checked by hand: >>> paper = view(...)"
    told: list[str] = []
    failed = doctest.DocTestRunner(verbose=False).run(found, out=told.append).failed
    return "Its example does not come out:\n" + "".join(told).strip() if failed else ""


def has_reference(strategy: Strategy, learner: Learner) -> str:
    """The docstring of one of our own names what it is from; others may."""
    kind = type(strategy)
    named = keys(kind.__doc__ or "")
    if not kind.__module__.startswith("askance."):
        return ""
    if not named:
        return "Its docstring names no reference. Add the key of a work in askance.cite, such as [ash2020badge]."
    strange = [key for key in named if key not in REFERENCES]
    return f"askance.cite has no work {strange[0]!r}. Add it there." if strange else ""


def _marked(value: Any, path: str, names: list[str]) -> Any:
    """The same value, its outermost strategies wrapped so that they leave a mark on the learner."""
    if isinstance(value, Strategy):
        names.append(path)
        return _Marking(value, path)
    if isinstance(value, tuple | list):
        return type(value)(_marked(inner, f"{path}[{number}]", names) for number, inner in enumerate(value))
    if isinstance(value, dict):
        return {key: _marked(inner, f"{path}[{key}]", names) for key, inner in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        inner = {f.name: _marked(getattr(value, f.name), f"{path}.{f.name}", names) for f in fields(value) if f.init}
        return replace(value, **inner)
    return value


@dataclass(frozen=True)
class _Marking(Strategy):
    """A strategy that leaves a mark on the learner it equips."""

    strategy: Strategy
    name: str

    def equip(self, learner: Learner) -> Learner:
        return _Mark(self.strategy.equip(learner), self.name)

    def query(self, view: View, n: int) -> Batch:
        return self.strategy.query(view, n)


@dataclass(frozen=True)
class _Mark(Learner):
    """A learner that somebody equipped."""

    learner: Learner
    name: str

    @property
    def gives(self) -> frozenset[str]:
        return self.learner.gives

    @property
    def gives_records(self) -> frozenset[str]:
        return self.learner.gives_records

    @property
    def remembers(self) -> bool:
        return self.learner.remembers

    def fit(self, lesson: Lesson) -> Model:
        return self.learner.fit(lesson)

    def beside(self, part: Any) -> Learner:
        return replace(self, learner=self.learner.beside(part))

    def restore(self, weights: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> Model | None:
        return self.learner.restore(weights, facts)

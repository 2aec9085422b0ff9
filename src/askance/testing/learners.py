"""The contract of learners, as promises that anyone can hold their own to."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from askance.describe import build, describe
from askance.learners import catalogue
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.wrappers import blank
from askance.seeds import Dice
from askance.task import Classes, Task
from askance.testing.promises import Promise, global_dice, hold, thrown
from askance.testing.worlds import ITEMS, THREE, small_items, small_oracle, small_study, small_world

LABELED = 12

_NONE = "fits no label"
_ONE = "fits one label and one class"
_ROWS = "gives finite rows that are aligned with the items"
_SAME = "gives the same model for the same lesson"
_DICE = "leaves the global dice alone"
_KEEPS = "changes nothing in the lesson"
_FACTS = "has facts that are JSON"
_WRITTEN = "survives pickle and the journal"


def learner_promises() -> list[Promise[Learner, Task]]:
    """The contract, promise by promise.

    In pytest: ``@pytest.mark.parametrize("promise", learner_promises(), ids=str)``, then ``promise.check(mine)``.
    """

    def promise(name: str, test: Callable[[Learner, Task], str], *after: str) -> Promise[Learner, Task]:
        return Promise(name, test, THREE, after)

    return [
        promise(_ROWS, _rows),
        promise(_NONE, _fits_none, _ROWS),
        promise(_ONE, _fits_one, _ROWS),
        promise(_SAME, _same, _ROWS),
        promise(_DICE, _dice, _SAME),
        promise(_KEEPS, _nothing_changed, _ROWS),
        promise("gives what it says", _gives, _ROWS),
        promise("does not care which items stand beside one", _neighbors, _ROWS),
        promise("reads the model before only if it says so", _memory, _SAME, _DICE),
        promise("fits many lessons as it fits each", _many, _SAME, _DICE, _KEEPS),
        promise("restores the same model from its weights", _restores, _ROWS),
        promise(_FACTS, _facts, _ROWS),
        promise(_WRITTEN, _survives),
        promise("reads no label that is not in the lesson", _no_hidden_label, _SAME, _DICE, _FACTS, _WRITTEN),
    ]


def check_learner(learner: Any, task: Task | None = None) -> None:
    """Hold a learner to its contract.

    Args:
        learner: A learner, its name or a scikit-learn estimator.
        task: A task that it learns. Default: three classes.

    Raises:
        Broken: Naming every broken promise and what happened; an AssertionError, ready for any test runner.
    """
    hold(learner_promises(), catalogue.learner(learner), task)


def lesson_of(task: Task, labeled: int = LABELED, *, number: int = 0) -> Lesson:
    """A lesson over the small pool whose first items are labeled."""
    lesson = small_world(labeled=labeled, task=task).lesson()
    return replace(lesson, number=number, dice=Dice(0, "fit", number))


def _rows(learner: Learner, task: Task) -> str:
    return odd(learner.fit(lesson_of(task)).outputs(small_items()), task, ITEMS)


def odd(outputs: Outputs, task: Task, items: int) -> str:
    """What is wrong with the outputs for some items."""
    if outputs.scores is None or tuple(outputs.scores.shape) != (items, task.width):
        shape = None if outputs.scores is None else tuple(outputs.scores.shape)
        return f"Its scores have shape {shape} for {items} items of width {task.width}. Give (items, {task.width})."
    for name, array in _arrays(outputs).items():
        if len(array) != items:
            return f"Its {name} have {len(array)} rows for {items} items. Give a row for each item."
        if not bool(torch.isfinite(array).all()):
            return f"Its {name} hold NaN or infinite values. Keep them finite, with a ridge or a clamp."
    return ""


def _fits_none(learner: Learner, task: Task) -> str:
    return odd(learner.fit(blank(lesson_of(task))).outputs(small_items()), task, ITEMS)


def _fits_one(learner: Learner, task: Task) -> str:
    for labeled in (1, 2):
        lesson = lesson_of(task, labeled)
        alike = replace(lesson, targets=lesson.targets[:1].expand(labeled, -1).clone())
        why = odd(learner.fit(alike).outputs(small_items()), task, ITEMS)
        if why:
            return f"With {labeled} labels of one class: {why}"
    if isinstance(task, Classes):
        one = Classes((0,))
        return odd(learner.fit(lesson_of(one)).outputs(small_items()), one, ITEMS)
    return ""


def _same(learner: Learner, task: Task) -> str:
    found = []
    for labeled in (LABELED, 20, LABELED):
        with global_dice(0):
            found.append(learner.fit(lesson_of(task, labeled)).outputs(small_items()))
    return _apart(found[0], found[2], "Fitted twice to one lesson")


def _dice(learner: Learner, task: Task) -> str:
    found = []
    for seed in (0, 1):
        with global_dice(seed):
            before = thrown()
            found.append(learner.fit(lesson_of(task)).outputs(small_items()))
            if thrown() != before:
                return "It throws the global dice of random, numpy or torch. Use lesson.dice."
    return _apart(found[0], found[1], "With the global dice of random, numpy or torch elsewhere")


def _nothing_changed(learner: Learner, task: Task) -> str:
    shown, kept = lesson_of(task), lesson_of(task)
    learner.fit(shown).outputs(shown.items)
    for name in ("items", "keys", "labeled", "targets", "weights", "unlabeled"):
        if not torch.equal(getattr(shown, name), getattr(kept, name)):
            return f"It changes lesson.{name}. Work on a copy."
    return "" if shown.history == kept.history else "It changes lesson.history. Work on a copy."


def _gives(learner: Learner, task: Task) -> str:
    model = learner.fit(replace(lesson_of(task), record=learner.gives_records))
    outputs = model.outputs(small_items())
    found = {"votes", *_arrays(outputs)} if outputs.samples is not None else {*_arrays(outputs)}
    lacking = learner.gives - (found | ({"layer"} if outputs.layer is not None else set()) | {"differentiable"})
    if lacking:
        return f"It says that it gives {', '.join(sorted(lacking))}, and its outputs hold none. Mend `gives`."
    if "differentiable" in learner.gives and outputs.scores is not None:
        whole = model.differentiable()
        scores = whole.scores(whole.weights, small_items())
        if not torch.allclose(scores.detach().cpu().double(), outputs.scores.double(), rtol=1e-4, atol=1e-5):
            return "Its differentiable() has other scores than its outputs(). Score in evaluation mode in both."
    for name in sorted(learner.gives_records):
        if name not in model.records or len(model.records[name]) != ITEMS:
            return f"It says that it records {name!r}, and its model has no such array with a row for each pool item."
    return ""


def _neighbors(learner: Learner, task: Task) -> str:
    model, items = learner.fit(lesson_of(task)), small_items()
    whole = _arrays(model.outputs(items))
    backward = _arrays(model.outputs(items.flip(0)))
    few = _arrays(model.outputs(items[3:5].clone()))
    for name, array in whole.items():
        for other, found in ((array.flip(0), backward[name]), (array[3:5], few[name])):
            if not torch.allclose(other.double(), found.double(), rtol=1e-4, atol=1e-5):
                return f"The {name} of an item depend on the items beside it. Put the model in evaluation mode."
    return ""


def _memory(learner: Learner, task: Task) -> str:
    before = learner.fit(lesson_of(task, 6))
    alone = lesson_of(task, number=1)
    lessons = [replace(alone, previous=previous) for previous in (before, before, None)]
    found = [learner.fit(lesson).outputs(small_items()) for lesson in lessons]
    if learner.remembers:
        return _apart(found[0], found[1], "Fitted twice after the same model")
    why = _apart(found[0], found[2], "It does not say that it remembers, and with another lesson.previous")
    return why and f"{why} Say so: `remembers`."


def _many(learner: Learner, task: Task) -> str:
    lessons = [lesson_of(task, labeled) for labeled in (6, LABELED)]
    together = learner.fit_many(lessons)
    if len(together) != len(lessons):
        return f"fit_many() gives {len(together)} models for {len(lessons)} lessons."
    for model, lesson in zip(together, lessons, strict=True):
        alone = learner.fit(lesson)
        why = _apart(alone.outputs(small_items()), model.outputs(small_items()), "Fitted beside another lesson")
        if why:
            return why
    return ""


def _restores(learner: Learner, task: Task) -> str:
    model = learner.fit(lesson_of(task))
    weights = model.weights()
    if weights is None:
        return ""
    stored = {name: array.clone() for name, array in weights.items()}
    again = learner.restore(stored, json.loads(json.dumps(dict(model.facts))))
    if again is None:
        return "Its models give weights(), and restore() makes no model of them. Write restore(), or give no weights."
    if dict(again.facts) != json.loads(json.dumps(dict(model.facts))):
        return f"The restored model has other facts: {dict(again.facts)}. Hand them on."
    return _apart(model.outputs(small_items()), again.outputs(small_items()), "Restored")


def _facts(learner: Learner, task: Task) -> str:
    facts = dict(learner.fit(lesson_of(task)).facts)
    try:
        again = json.loads(json.dumps(facts, allow_nan=False))
    except (TypeError, ValueError) as error:
        return f"Its facts {facts} are no JSON: {error}. Use strings and finite Python numbers."
    return "" if again == facts else f"Its facts {facts} come back from JSON as {again}. Use lists and string keys."


def _survives(learner: Learner, task: Task) -> str:
    described = json.loads(json.dumps(describe(learner)))
    if describe(pickle.loads(pickle.dumps(learner))) != described:
        return "It is another one after pickle. Decorate the class with @dataclass(frozen=True)."
    again = build(described)
    if describe(again) == described:
        return ""
    return f"From its description {described} another one is built: {again!r}. Keep fields as they were given."


def _no_hidden_label(learner: Learner, task: Task) -> str:
    found = []
    for shift in (0, 1):
        study = small_study("random", learner=learner, task=task)
        told = study.labels
        oracle = small_oracle(task)
        values = list(oracle.labels.items())
        other = {name: values[(row + shift) % ITEMS][1] for row, (name, _) in enumerate(values)}
        oracle = type(oracle)({name: told.get(name, value) for name, value in other.items()})
        found.append(_modelled(study.model, oracle))
    return _apart(found[0], found[1], "With other labels of items that nobody told")


def _modelled(model: Callable[[], Model], oracle: Any) -> Outputs:
    """The outputs of a study's model, while somebody else knows all labels."""
    return model().outputs(small_items())


def _apart(one: Outputs, other: Outputs, when: str) -> str:
    """How two outputs that should be the same, bit by bit, are not."""
    here, there = _arrays(one), _arrays(other)
    for name in here.keys() | there.keys():
        if name not in here or name not in there or not torch.equal(here[name], there[name]):
            return f"{when} its {name} differ. A model may depend on its lesson alone, dice included."
    return ""


def _arrays(outputs: Outputs) -> dict[str, Tensor]:
    names = ("scores", "embeddings", "samples", "spread", "probabilities", "sampled", "votes")
    own = {name: getattr(outputs, name) for name in names if getattr(outputs, name) is not None}
    return {**own, **outputs.extras}

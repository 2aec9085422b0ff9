"""Views over arrays that somebody hands in, and `select`, which asks a strategy about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import torch
from torch import Tensor

from askance.checked import Arrays, Checked, check, whole
from askance.errors import BadInput, MissingSignal
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.look import read_signal
from askance.seeds import Dice
from askance.signals.base import Rows, Signal, signals_of
from askance.signals.probabilities import Scores
from askance.strategies import catalogue
from askance.strategies.base import Strategy, reads_labels
from askance.task import Classes, Task
from askance.view import View

_ARGUMENT = {  # which argument brings which model output
    "scores": "probabilities= or logits= (items, classes)",
    "embeddings": "embeddings= (items, features)",
    "samples": "mc_probabilities= (samples, items, classes)",
    "votes": "mc_probabilities= (samples, items, classes) or votes= (members, items)",
    "layer": "weights= (classes, features + 1), the last layer",
    "differentiable": "embeddings= (items, features) and weights= (classes, features + 1), the last layer",
    "gradients": "gradients= (items, m)",
}


class Explained(NamedTuple):
    """Picks with what made them wanted.

    Args:
        positions: int64 (picks,), in order of preference.
        utilities: float64 (picks,): the utility or squared distance of each when it was picked; NaN where a strategy
            has none.
        reason: Why there are fewer than asked for, such as ``stop: ...``; empty otherwise.
    """

    positions: np.ndarray
    utilities: np.ndarray
    reason: str = ""


@overload
def select(
    strategy: str | Strategy,
    n: int,
    *,
    probabilities: Any = ...,
    logits: Any = ...,
    mc_probabilities: Any = ...,
    votes: Any = ...,
    embeddings: Any = ...,
    labeled_embeddings: Any = ...,
    labels: Any = ...,
    labeled_probabilities: Any = ...,
    weights: Any = ...,
    gradients: Any = ...,
    mask: Any = ...,
    seed: int = ...,
    explain: Literal[False] = ...,
) -> np.ndarray: ...


@overload
def select(
    strategy: str | Strategy,
    n: int,
    *,
    probabilities: Any = ...,
    logits: Any = ...,
    mc_probabilities: Any = ...,
    votes: Any = ...,
    embeddings: Any = ...,
    labeled_embeddings: Any = ...,
    labels: Any = ...,
    labeled_probabilities: Any = ...,
    weights: Any = ...,
    gradients: Any = ...,
    mask: Any = ...,
    seed: int = ...,
    explain: Literal[True],
) -> Explained: ...


def select(
    strategy: str | Strategy,
    n: int,
    *,
    probabilities: Any = None,
    logits: Any = None,
    mc_probabilities: Any = None,
    votes: Any = None,
    embeddings: Any = None,
    labeled_embeddings: Any = None,
    labels: Any = None,
    labeled_probabilities: Any = None,
    weights: Any = None,
    gradients: Any = None,
    mask: Any = None,
    seed: int = 0,
    explain: bool = False,
) -> np.ndarray | Explained:
    """Pick items from arrays: no pool, no learner, no study.

    A pure function. Arrays may be of numpy, torch or anything with ``__array__`` or ``__dlpack__``, read-only,
    memory-mapped, in any order, of 16, 32 or 64 bits; they are not changed, and global generators are not touched.

    Args:
        strategy: A name of the catalogue, ``path/mine.py:MyStrategy``, or a `Strategy`.
        n: How many. More than there are candidates gives all of them, in order; 0 gives none.
        probabilities: Class probabilities, (items, classes); rows sum to 1 within 1e-3 (half types 1e-2).
        logits: Scores before the softmax, (items, classes), instead of probabilities.
        mc_probabilities: Probabilities of several stochastic passes, (samples, items, classes); without
            `probabilities` their mean is used.
        votes: Class numbers that several models voted for, (members, items).
        embeddings: Features, (items, features).
        labeled_embeddings: Features of items that are labeled already; they count as chosen. (labeled, features)
        labels: The class numbers of those items, (labeled,).
        labeled_probabilities: Their class probabilities, (labeled, classes).
        weights: The last layer, (classes, features), or with the bias as last column (classes, features + 1).
        gradients: Any gradient features, (items, m).
        mask: Which items may be picked, bool (items,).
        seed: Seed of all dice.
        explain: Also return what made each pick wanted.

    Returns:
        Positions in order of preference, int64 (picks,); with ``explain`` an `Explained`. They are fewer than ``n``
        where there are no more candidates, or the strategy says why.

    Raises:
        MissingSignal: If the strategy needs an array that was not handed in.
        UnknownName: If no strategy has this name.
        BadInput: For NaN or infinite values (row and column), wrong sums (row), shapes that do not fit.
    """
    asked = catalogue.strategy(strategy)
    n, seed = whole("n", n), whole("seed", seed)
    if n < 0:
        raise BadInput(f"n={n} is negative. Ask for 0 items or more.")
    arrays = Arrays(
        probabilities=probabilities,
        logits=logits,
        mc_probabilities=mc_probabilities,
        votes=votes,
        embeddings=embeddings,
        labeled_embeddings=labeled_embeddings,
        labels=labels,
        labeled_probabilities=labeled_probabilities,
        weights=weights,
        gradients=gradients,
        mask=mask,
    )
    paper = _view(check(arrays), asked, seed)
    n = min(n, len(paper.candidates))
    picked = asked.query(paper, n) if n else paper.batch(paper.candidates[:0])
    positions = picked.rows.cpu().numpy().astype(np.int64)
    if not explain:
        return positions
    utilities = [note.get("utility", float("nan")) for note in picked.notes]
    return Explained(positions, np.array(utilities, dtype=np.float64), picked.reason)


def view(
    *,
    probabilities: Any = None,
    logits: Any = None,
    embeddings: Any = None,
    mc_probabilities: Any = None,
    votes: Any = None,
    weights: Any = None,
    gradients: Any = None,
    labeled: Sequence[int] = (),
    labels: Sequence[Any] = (),
    pending: Sequence[int] = (),
    task: Task | None = None,
    seed: int = 0,
) -> View:
    """A view over a few arrays: the pool of a doctest.

    Args:
        probabilities: Class probabilities, (items, classes).
        logits: Scores before the softmax, (items, classes), instead of probabilities.
        embeddings: Features, (items, features).
        mc_probabilities: Probabilities of several passes, (samples, items, classes).
        votes: Class numbers that members voted for, (members, items).
        weights: The last layer, (classes, features), or with the bias last.
        gradients: Gradient features, (items, m).
        labeled: Positions that are labeled.
        labels: The class number of each of them, or a row of targets; none if they do not matter.
        pending: Positions that are asked and not answered.
        task: What the items are labeled with, if not with as many classes as the arrays have: then the logits are the
            scores of labels, or numbers.
        seed: Seed of all dice.

    Raises:
        BadInput: If the arrays do not fit together.
    """
    checked = check(
        Arrays(
            probabilities=probabilities,
            logits=logits,
            embeddings=embeddings,
            mc_probabilities=mc_probabilities,
            votes=votes,
            weights=weights,
            gradients=gradients,
        )
    )
    scores = checked.outputs.scores
    if task is not None and scores is not None and scores.shape[1] != task.width:
        raise BadInput(f"{task} has {task.width} columns, and the arrays have {scores.shape[1]}. Hand in as many.")
    return _view(checked, None, seed, labeled, pending, task, labels)


def _view(
    checked: Checked,
    strategy: Strategy | None,
    seed: int,
    labeled: Sequence[int] = (),
    pending: Sequence[int] = (),
    task: Task | None = None,
    labels: Sequence[Any] = (),
) -> View:
    """A view over checked arrays; of a strategy's view, only its own signals may be read."""
    declared = frozenset(signals_of(strategy)) if strategy is not None else None
    task = task or Classes(tuple(range(checked.classes)))
    if strategy is not None and not strategy.serves(task):
        raise BadInput(
            f"{catalogue.name_of(strategy)} is not for classes, and arrays are taken to be of classes here. Use it "
            f"in a study: Study(pool, task=..., strategy=...)."
        )
    for signal in declared or ():
        _refuse_missing(strategy, signal, checked)
    if strategy is not None and reads_labels(strategy) and checked.outside is not None and checked.targets is None:
        raise MissingSignal(
            f"{catalogue.name_of(strategy)} needs labels= (labeled,), the class number of each labeled item. "
            f"Hand it in."
        )

    @cache
    def read(signal: Signal) -> Rows:
        _refuse_missing(strategy, signal, checked)
        if signal.of is not None:
            return read_signal(signal, companion(signal.of), checked.outputs.embeddings, task)
        if "differentiable" in signal.needs:
            return read_signal(signal, _layer(checked), checked.outputs.embeddings, task)
        return signal.rows(checked.outputs, task)

    @cache
    def companion(learner: Learner) -> Model:
        lesson = _lesson(checked, task, sides[0], targets, seed)
        return learner.fit(replace(lesson, model=_layer(checked) if checked.outputs.layer is not None else None))

    @cache
    def beyond(signal: Signal) -> Rows | None:
        if checked.outside is None or not signal.per_item:
            return None
        if signal.of is not None:
            known = checked.outside.embeddings
            return None if known is None else read_signal(signal, companion(signal.of), known, task)
        if "differentiable" in signal.needs:
            known = checked.outside.embeddings
            return None if known is None or not len(known) else read_signal(signal, _layer(checked), known, task)
        return _outside(signal, checked.outside, task)

    sides = [torch.tensor(sorted(rows), dtype=torch.int64) for rows in (labeled, pending)]
    targets = torch.zeros(len(labeled), task.width, dtype=torch.float64)
    if len(labels):
        targets = torch.tensor([_target(value, task) for value in labels], dtype=torch.float64)
        targets = targets[torch.tensor(labeled).argsort()]
    open_ = checked.allowed.clone()
    open_[torch.cat(sides)] = False
    return View(
        name=lambda rows: rows.tolist(),
        keys=torch.arange(checked.items),
        task=task,
        candidates=torch.from_numpy(np.flatnonzero(open_.cpu().numpy())),  # several times faster than torch's nonzero
        labeled=sides[0],
        targets=targets,
        pending=sides[1],
        aside=torch.zeros(0, dtype=torch.int64),
        dice=Dice(seed, "ask"),
        read=read,
        declared=declared,
        beyond=beyond,
        beyond_targets=checked.targets,
    )


def _lesson(checked: Checked, task: Task, labeled: Tensor, targets: Tensor, seed: int) -> Lesson:
    """What a companion learns from: the embeddings, and the labels that were handed in.

    Labeled items that lie in no row of the pool are put behind it, which copies the pool.
    """
    pool = checked.outputs.embeddings
    assert pool is not None
    items, rows, aims = pool, labeled, targets
    keys = torch.arange(checked.items)
    if checked.outside is not None and checked.outside.embeddings is not None and checked.targets is not None:
        more = checked.outside.embeddings
        items = torch.cat([pool, more])
        rows = torch.cat([labeled, torch.arange(len(more)) + len(pool)])
        missing = task.width - checked.targets.shape[1]
        aims = torch.cat([targets, torch.nn.functional.pad(checked.targets, (0, missing))])
        keys = torch.cat([keys, -1 - torch.arange(len(more))])
    open_ = torch.ones(len(items), dtype=torch.bool)
    open_[rows] = False
    return Lesson(
        items=items,
        keys=keys,
        task=task,
        labeled=rows,
        targets=aims,
        weights=torch.ones(len(rows), dtype=torch.float64),
        unlabeled=open_.nonzero().squeeze(1),
        dice=Dice(seed, "fit"),
    )


def _layer(checked: Checked) -> Model:
    """The last layer that was handed in, as a model of the embeddings."""
    from askance.learners.linear import LinearModel  # loads what fits one, which most strategies can do without

    assert checked.outputs.layer is not None
    return LinearModel(checked.outputs.layer)


def _target(value: Any, task: Task) -> list[float]:
    """A row of targets from one, or from a class number."""
    if isinstance(value, int):
        return [float(value == number) for number in range(task.width)]
    return [float(number) for number in value]


def _outside(signal: Signal, outside: Outputs, task: Task) -> Rows | None:
    """The rows of a signal for labeled items outside of the pool; None if too little of them was handed in."""
    has = {name for name in ("embeddings", "probabilities") if getattr(outside, name) is not None}
    named = {"scores" if name == "probabilities" else name for name in has}
    return signal.rows(outside, task) if signal.needs <= named and not isinstance(signal, Scores) else None


def _refuse_missing(strategy: Strategy | None, signal: Signal, checked: Checked) -> None:
    asker = catalogue.name_of(strategy) if strategy is not None else "The strategy"
    if signal.age or signal.records:
        raise MissingSignal(
            f"{asker} reads {signal}, which only a study can give: it keeps earlier models. "
            f"Use Study(pool, strategy=...)."
        )
    if signal.of is None and "differentiable" in signal.needs - checked.given:
        raise MissingSignal(
            f"{asker} reads the model itself, not arrays: it takes gradients of the scores. For a linear head hand in "
            f"{_ARGUMENT['differentiable']}; for any other model use a study: Study(pool, strategy=..., learner=...)."
        )
    if signal.of is not None:
        if checked.outputs.embeddings is None:
            raise MissingSignal(
                f"{asker} fits {type(signal.of).__name__} beside the model and needs embeddings= (items, features) "
                f"for it, and labeled_embeddings= with labels=. Hand them in."
            )
        if checked.outside is not None and checked.targets is None:
            raise MissingSignal(
                f"{asker} fits {type(signal.of).__name__} beside the model and needs labels= (labeled,), the class "
                f"number of each labeled item. Hand it in."
            )
        return
    missing = sorted(signal.needs - checked.given)
    strange = [name for name in missing if name not in _ARGUMENT]
    if strange:
        raise MissingSignal(
            f"{asker} reads {', '.join(strange)}, which is no array to hand in: a model gives it, or what is trained "
            f"beside one. Use a study, with a learner that does: Study(pool, strategy=..., learner=...)."
        )
    lacking = [_ARGUMENT[name] for name in missing]
    if isinstance(signal, Scores) and checked.outputs.scores is None:
        lacking = ["logits= (items, classes)"]
    if lacking:
        raise MissingSignal(f"{asker} needs {' and '.join(lacking)}. Hand it in.")

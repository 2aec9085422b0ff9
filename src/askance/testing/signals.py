"""The contract of signals, as promises that anyone can hold their own to."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from askance.describe import build, describe
from askance.learners import catalogue
from askance.learners.base import Differentiable, Learner, Model, Outputs
from askance.look import read_signal
from askance.signals.base import Signal
from askance.testing.promises import Promise, hold, thrown
from askance.testing.worlds import ITEMS, LEARNER, THREE, small_items, small_world

_ROWS = "gives a row for each item"
_PIECES = (2 * ITEMS, 16, 7)
_GROWN = 60


def signal_promises() -> list[Promise[Signal, Learner]]:
    """The contract, promise by promise.

    In pytest: ``@pytest.mark.parametrize("promise", signal_promises(), ids=str)``, then ``promise.check(mine)``.
    """

    def promise(name: str, test: Callable[[Signal, Learner], str], *after: str) -> Promise[Signal, Learner]:
        return Promise(name, test, LEARNER, after)

    return [
        promise(_ROWS, _rows),
        promise("is pure", _pure, _ROWS),
        promise("reads only what it needs", _needs, _ROWS),
        promise("is the same in any piece", _any_piece, _ROWS),
        promise("is the same, bit by bit, once the pool has grown", _grown, _ROWS),
        promise("survives pickle and the journal", _survives),
    ]


def check_signal(signal: Signal, learner: Any = None) -> None:
    """Hold a signal to its contract.

    Args:
        signal: The signal.
        learner: A learner that gives what the signal needs. Default: a softmax head on the features.

    Raises:
        Broken: Naming every broken promise and what happened; an AssertionError, ready for any test runner.
    """
    hold(signal_promises(), signal, None if learner is None else catalogue.learner(learner))


def _rows(signal: Signal, learner: Learner) -> str:
    if not signal.per_item:
        return ""
    for array in _read(signal, _model(signal, learner)):
        if len(array) != ITEMS:
            return f"It gives {len(array)} rows for {ITEMS} items. Give a row for each item, items axis first."
        if array.is_floating_point() and not bool(torch.isfinite(array).all()):
            return "It gives NaN or infinite values."
    return ""


def _pure(signal: Signal, learner: Learner) -> str:
    model, items = _model(signal, learner), small_items()
    before = thrown()
    first, again = _read(signal, model, items), _read(signal, model, items)
    if thrown() != before:
        return "It throws the global dice. A signal throws no dice: draw what it needs when the model is made."
    if not torch.equal(items, small_items()):
        return "It changes the items. Work on a copy."
    return "" if _equal(first, again) else "Read twice it differs. A signal depends on the outputs alone."


def _needs(signal: Signal, learner: Learner) -> str:
    model = _model(signal, learner)
    whole, bare = _read(signal, model), _read(signal, _Only(model, signal.needs))
    return "" if _equal(whole, bare) else "It differs where the outputs hold what it needs alone. Mend `needs`."


def _any_piece(signal: Signal, learner: Learner) -> str:
    model = _model(signal, learner)
    first, *others = (_read(signal, model, size=size) for size in _PIECES)
    for size, found in zip(_PIECES[1:], others, strict=True):
        if not all(torch.allclose(a, b, rtol=1e-6, atol=1e-6) for a, b in zip(first, found, strict=True)):
            return f"In pieces of {size} items it differs from one piece. A row may depend on its item alone."
    return ""


def _grown(signal: Signal, learner: Learner) -> str:
    if signal.records or not signal.per_item:
        return ""  # there is nothing to compute
    model = _model(signal, learner)
    before = _read(signal, model, size=_PIECES[1])
    after = _read(signal, model, small_items(_GROWN), size=_PIECES[1])
    if _equal(before, tuple(array[:ITEMS] for array in after)):
        return ""
    return "Rows differ once more items are in the pool. A row may depend on its item alone."


def _survives(signal: Signal, learner: Learner) -> str:
    described = json.loads(json.dumps(describe(signal)))
    if pickle.loads(pickle.dumps(signal)) == signal and build(described) == signal:
        return ""
    return "It is another one after pickle or from its description. Decorate the class with @dataclass(frozen=True)."


def _model(signal: Signal, learner: Learner) -> Model:
    giver = learner if signal.of is None else signal.of
    return giver.fit(small_world().lesson(record=signal.records))


def _read(signal: Signal, model: Model, items: Tensor | None = None, size: int = _PIECES[0]) -> tuple[Tensor, ...]:
    rows = read_signal(signal, model, small_items() if items is None else items, THREE, size)
    return (rows,) if isinstance(rows, Tensor) else rows


def _equal(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@dataclass(frozen=True, eq=False)
class _Only(Model):
    """A model whose outputs hold some fields and extras alone."""

    model: Model
    names: frozenset[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", self.model.records)

    def outputs(self, items: Any) -> Outputs:
        given = self.model.outputs(items)
        fields = ("scores", "embeddings", "samples", "spread", "layer", "votes")
        hidden: dict[str, Any] = {name: None for name in fields if name not in self.names}
        if "scores" not in self.names:
            hidden["probabilities"] = None
        if not self.names & {"samples", "votes"}:
            hidden |= {"samples": None, "sampled": None}
        elif "votes" in self.names:
            hidden.pop("samples", None)  # whoever gives samples gives votes
        return replace(given, extras={n: a for n, a in given.extras.items() if n in self.names}, **hidden)

    def differentiable(self) -> Differentiable:
        return self.model.differentiable() if "differentiable" in self.names else super().differentiable()

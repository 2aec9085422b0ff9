"""The contract of signals: values that say which model outputs they need and turn them into rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar

from torch import Tensor

from askance.learners.base import Learner, Model, Outputs
from askance.task import Task

Rows = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """Turns one piece of model outputs into rows: pure, no dice, no training.

    Args:
        of: Whose model; None is the study's own, another learner is a companion that the study fits beside it.
        age: How many fits ago; 1 is the model of the round before. Before the first fit, a model knows nothing.
    """

    per_item: ClassVar[bool] = True  # whether it has a row for each item

    of: Learner | None = None
    age: int = 0

    @property
    def needs(self) -> frozenset[str]:
        """Fields or extras of `Outputs` that this signal reads, or ``differentiable``."""
        return frozenset()

    @property
    def records(self) -> frozenset[str]:
        """Names that must be recorded while training."""
        return frozenset()

    def read(self, model: Model, items: Any, task: Task) -> Rows:
        """The rows of some items; a signal that needs more than outputs, such as gradients, writes this one."""
        return self.rows(model.outputs(items), task)

    def rows(self, outputs: Outputs, task: Task) -> Rows:
        """One array, or a tuple of arrays, items axis first, aligned with the outputs unless not `per_item`."""
        raise TypeError(f"{type(self).__name__} gives no rows")


def signals_of(part: Any) -> Iterator[Signal]:
    """Every signal in the fields of a part and of the parts inside it: its needs."""
    for _, signal in named_signals(part):
        yield signal


def named_signals(part: Any, path: str = "") -> Iterator[tuple[str, Signal]]:
    """Every signal with the path of fields that leads to it, such as ``late.signal``."""
    if isinstance(part, Signal):
        yield path, part
    elif is_dataclass(part) and not isinstance(part, type):
        for field in fields(part):
            yield from named_signals(getattr(part, field.name), f"{path}.{field.name}" if path else field.name)
    elif isinstance(part, tuple | list):
        for number, inner in enumerate(part):
            yield from named_signals(inner, f"{path}[{number}]")
    elif isinstance(part, dict):
        for key, inner in part.items():
            yield from named_signals(inner, f"{path}[{key}]")

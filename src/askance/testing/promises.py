"""Promises: named checks of a part, and what is said when one is broken."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from askance.errors import AskanceError

Part = TypeVar("Part")
Setting = TypeVar("Setting")


class Broken(AskanceError, AssertionError):
    """A part breaks a promise of its contract; the message names the promise and says what happened."""


@dataclass(frozen=True)
class Promise(Generic[Part, Setting]):
    """One sentence of a contract, and the check of it.

    Args:
        name: The promise, as the end of a sentence whose subject is the part.
        test: From a part and its setting to what happened; empty if the promise is kept. What it raises happened too.
        setting: What the part is tried with unless something else is given: a learner, or a task.
        after: Promises that must be kept for this one to be checked.
    """

    name: str
    test: Callable[[Part, Setting], str]
    setting: Setting
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    def broken(self, part: Part, setting: Setting | None = None) -> str:
        """What happened; empty if the promise is kept. The global dice stay as they were."""
        with global_dice(0):
            try:
                return self.test(part, self.setting if setting is None else setting)
            except Exception as error:  # whatever the part raises is what happened
                return f"It fails with {type(error).__name__}: {error}"

    def check(self, part: Part, setting: Setting | None = None) -> None:
        """Hold a part to this promise.

        Raises:
            Broken: Saying what happened.
        """
        why = self.broken(part, setting)
        if why:
            raise Broken(f"{type(part).__name__} breaks the promise {self.name!r}. {why}")


def said(promises: Sequence[Promise[Part, Setting]], part: Part, setting: Setting | None = None) -> dict[str, str]:
    """What is to be said of a part, promise by promise: nothing where one is kept."""
    found: dict[str, str] = {}
    for promise in promises:
        first = next((name for name in promise.after if found[name]), None)
        found[promise.name] = NOT_CHECKED.format(first) if first else promise.broken(part, setting)
    return found


def hold(promises: Sequence[Promise[Part, Setting]], part: Part, setting: Setting | None = None) -> None:
    """Hold a part to all of a contract.

    Raises:
        Broken: Naming every broken promise and what happened.
    """
    found = {name: why for name, why in said(promises, part, setting).items() if why and not unchecked(why)}
    if found:
        lines = "\n".join(f"- {name}: {why}" for name, why in found.items())
        raise Broken(f"{type(part).__name__} breaks {len(found)} of {len(promises)} promises:\n{lines}")


NOT_CHECKED = "Not checked. First keep the promise: {}."


def unchecked(why: str) -> bool:
    """Whether a promise could not be checked, because one that it stands on is broken."""
    return why.startswith(NOT_CHECKED.partition("{")[0])


def parts_of(thing: Any) -> Iterator[Any]:
    """A part and every part inside it, through the fields of dataclasses and through containers."""
    yield thing
    if is_dataclass(thing) and not isinstance(thing, type):
        for field in fields(thing):
            yield from parts_of(getattr(thing, field.name))
    elif isinstance(thing, tuple | list):
        for inner in thing:
            yield from parts_of(inner)
    elif isinstance(thing, dict):
        yield from parts_of(list(thing.values()))


@contextmanager
def global_dice(seed: int) -> Iterator[None]:
    """Set the global dice of Python, numpy and torch; afterwards they are as they were."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def thrown() -> bytes:
    """Where the global dice stand."""
    return pickle.dumps((random.getstate(), np.random.get_state(), torch.get_rng_state().numpy().tobytes()))

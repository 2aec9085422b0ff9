"""The promise that memory is linear in the pool, seen from the arrays that a query makes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from askance.learners.base import Learner
from askance.signals.base import signals_of
from askance.strategies.base import Strategy
from askance.testing.worlds import small_items, small_world

SMALL, LARGE = 128, 768


def linear_memory(strategy: Strategy, learner: Learner) -> str:
    """No array has a number for each pair of items.

    What torch and numpy allocate is seen at two sizes of the pool; what compiled loops allocate is not.
    """
    small, large = (_most(strategy, learner, items) for items in (SMALL, LARGE))
    if large >= LARGE * LARGE and large > 2 * small * LARGE / SMALL:
        return (
            f"For {LARGE} items it takes {large:,} bytes at once, and for {SMALL} items {small:,}: more than linear. "
            f"Work through the pool in pieces."
        )
    return ""


def _most(strategy: Strategy, learner: Learner, items: int) -> int:
    """The most bytes that one torch array, or everything else together, takes during a query."""
    view = small_world(small_items(items)).view(strategy, learner)
    for signal in signals_of(strategy):
        view[signal]  # how large a signal is, is not the strategy's choice
    tracemalloc.start()
    try:
        arrays = _Largest()
        with arrays:
            strategy.query(view, 8)
        return max(arrays.bytes, tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


class _Largest(TorchFunctionMode):
    """Sees what every function of torch gives, and remembers the size of the largest array."""

    bytes: int = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for array in made if isinstance(made, tuple | list) else (made,):
            if isinstance(array, Tensor):
                self.bytes = max(self.bytes, array.untyped_storage().nbytes())
        return made

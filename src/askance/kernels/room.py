"""How many items, and how many sets of weights, a model is given at once so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

BYTES = 1 << 26  # of weights, or of what a network computes on the way: 64 MiB


def at_once(each: int, most: int) -> int:
    """How many things of so many bytes fit, at least one and at most ``most``.

    >>> at_once(1 << 25, 10)
    2
    """
    return max(1, min(most, BYTES // max(1, each)))


def size(weights: Mapping[str, Tensor]) -> int:
    """Bytes of all weights."""
    return sum(array.numel() * array.element_size() for array in weights.values())


def footprint(
    scores: Callable[[Mapping[str, Tensor], Tensor], Tensor], weights: Mapping[str, Tensor], items: Tensor
) -> tuple[int, int]:
    """What a model computes on the way from one item to its scores; the first item is tried.

    Args:
        scores: The model, of its weights and of items.
        weights: Its weights.
        items: One or more items.

    Returns:
        Bytes of its largest array, which bound a forward pass, and of all together, which a backward pass keeps.
    """
    made, item = _Made(), items[:1].clone()  # a slice of the items would count as all of them
    with torch.no_grad(), made:
        scores(weights, item)
    given = {array.untyped_storage().data_ptr() for array in weights.values()}
    sizes = [bytes_ for place, bytes_ in made.sizes().items() if place not in given]
    return max(sizes, default=0), sum(sizes)


class _Made(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps every array that torch gives, so that no two of them lie in one place."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.arrays: list[Tensor] = []

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        several = made if isinstance(made, tuple | list) else (made,)
        self.arrays += [array for array in several if isinstance(array, Tensor)]
        return made

    def sizes(self) -> dict[int, int]:
        """Bytes by place in memory: views of one array count once."""
        return {a.untyped_storage().data_ptr(): a.untyped_storage().nbytes() for a in self.arrays}

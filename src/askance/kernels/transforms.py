"""The function transforms of torch, over networks whose layers may not know them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.func import jvp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

Arrays = dict[str, Tensor]


def each(function: Callable[[Arrays], Tensor], stacked: Arrays) -> Tensor:
    """What a function says of every entry of stacked arrays: at once where all layers can do that, else in turn.

    >>> each(lambda arrays: arrays["a"] + arrays["b"], {"a": torch.tensor([1, 2]), "b": torch.tensor([10, 20])})
    tensor([11, 22])

    Args:
        function: Of one entry of each array, to an array.
        stacked: By name, (entries, ...), with at least one entry.

    Returns:
        (entries, ...).
    """
    entries = len(next(iter(stacked.values())))
    if entries > 1:
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="There is a performance drop")  # of layers without a rule
                found: Tensor = vmap(function, randomness="same")(stacked)
            return found
        except RuntimeError:  # recurrent layers have no such rule; an error of another cause comes again below
            pass
    return torch.stack([function({name: array[entry] for name, array in stacked.items()}) for entry in range(entries)])


def slope(function: Callable[[Arrays], Tensor], at: Arrays, along: Arrays) -> Tensor:
    """How fast a function changes from a place along a direction, by forward differentiation: exact, in one pass.

    >>> slope(lambda arrays: arrays["a"] ** 2, {"a": torch.tensor([3.0])}, {"a": torch.tensor([1.0])})
    tensor([6.])

    Args:
        function: Of arrays by name, to an array.
        at: The place.
        along: The direction, of the same names, shapes and types.

    Returns:
        Of the shape of what the function gives.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=DeprecationWarning)  # torch's own
        found: Tensor = jvp(function, (at,), (along,))[1]
    return found


@contextmanager
def transformable() -> Iterator[None]:
    """Attention runs step by step inside: its fused kernels know neither forward derivatives nor batches of weights."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)

"""Ways to choose some of the seeds: all of them, or some by chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, combinations, combinations_with_replacement
from typing import Any

import numpy as np

from askance.errors import BadInput
from askance.lab.holes import Array
from askance.seeds import Dice

_CELLS = 4_000_000  # numbers in one array with a row for each choice, 32 megabytes


def choices(
    of: int, seeds: int, replace: bool | None, draws: int, dice: Dice, width: int = 1
) -> tuple[bool, Iterator[tuple[Array, Array]]]:
    """Ways to choose some seeds, and how likely each is.

    All of them if their arrays are small enough, else as many as there are draws.

    Args:
        of: How many seeds there are.
        seeds: How many to choose.
        replace: Whether one may be chosen twice; None: only if more are chosen than there are.
        draws: If choices are many.
        dice: For the draws.
        width: Of the widest array that a caller makes with a row for each choice.

    Returns:
        Whether these are all choices; and in blocks their weights, each row adding up to 1, (choices, of), with the
        chance of each, which add up to 1 over all blocks, (choices,).

    Raises:
        BadInput: If more are to be chosen than there are, none of them twice.

    >>> exact, blocks = choices(2, 2, True, 10, Dice(0, "enough"))
    >>> exact, [(weights.tolist(), shares.round(6).tolist()) for weights, shares in blocks]
    (True, [([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], [0.25, 0.5, 0.25])])
    """
    again = seeds > of if replace is None else replace
    if seeds > of and not again:
        raise BadInput(f"{seeds} seeds cannot be drawn from {of} without drawing one twice. Use replace=True.")
    count = math.comb(of + seeds - 1, seeds) if again else math.comb(of, seeds)
    if count * max(of, seeds, width) <= _CELLS:
        return True, iter([_all(of, seeds, again, count)])
    return False, _drawn(of, seeds, again, draws, dice.generator(), max(1, _CELLS // max(of, width)))


def _all(of: int, seeds: int, again: bool, count: int) -> tuple[Array, Array]:
    listed: Any = combinations_with_replacement(range(of), seeds) if again else combinations(range(of), seeds)
    rows = np.fromiter(chain.from_iterable(listed), np.int64, count * seeds).reshape(count, seeds)
    times = np.zeros((count, of))
    np.add.at(times, (np.arange(count)[:, None], rows), 1)
    factorial = np.array([math.lgamma(n + 1) for n in range(seeds + 1)])
    orders = factorial[seeds] - factorial[times.astype(np.int64)].sum(1)  # in logs: how often the choice is drawn
    shares = np.exp(orders - orders.max())
    return times / seeds, shares / shares.sum()


def _drawn(
    of: int, seeds: int, again: bool, draws: int, dice: np.random.Generator, rows: int
) -> Iterator[tuple[Array, Array]]:
    for start in range(0, draws, rows):
        size = min(rows, draws - start)
        if again:
            times = dice.multinomial(seeds, np.full(of, 1 / of), size=size).astype(np.float64)
        else:
            times = np.zeros((size, of))
            np.put_along_axis(times, dice.random((size, of)).argsort(1)[:, :seeds], 1.0, axis=1)
        yield times / seeds, np.full(size, 1 / draws)

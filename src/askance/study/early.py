"""The first items of a study, drawn at random before there are features to choose by.

Dice say which of them are control items, about half, and with which of them the strategy begins. All are drawn alike;
but if all were control items, the items that were asked by a strategy would stand without a beginning when both kinds
are compared. No torch here: a page shows the first item while torch is still being loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any


def drawn(ids: Iterable[Any], seed: int) -> list[Any]:
    """All ids in an order that is as good as random, and the same for everybody.

    >>> drawn(["a", "b", "c"], seed=0) == drawn(["c", "b", "a"], seed=0)
    True
    """
    return sorted(ids, key=lambda id: blake2b(f"{seed}|early|{id}".encode(), digest_size=8).digest())


def stream(id: Any, seed: int) -> str:
    """``control`` or ``active``, by dice.

    >>> {stream(id, seed=0) for id in range(10)} == {"control", "active"}
    True
    """
    side = blake2b(f"{seed}|stream|{id}".encode(), digest_size=1).digest()[0] & 1
    return "control" if side else "active"


def asked(ids: Sequence[Any], candidates: int, seen: int, seed: int, at: Sequence[float] = ()) -> dict[str, Any]:
    """The body of the line that asks for the first items of `drawn`.

    Args:
        ids: What was drawn, in order.
        candidates: How many items it was drawn from.
        seen: The last line of the journal.
        seed: The study's seed.
        at: When each was drawn, if that was not at once; it becomes a note.
    """
    n = len(ids)
    return {
        "round": 0,
        "number": 0,
        "size": n,
        "left": 0,
        "wanted": n,
        "fit": NO_FIT,
        "cold": True,
        "ids": list(ids),
        "ranks": list(range(n)),
        "streams": [stream(id, seed) for id in ids],
        "probabilities": [n / candidates] * n,
        "notes": [{"at": when} for when in at] if at else [{} for _ in ids],
        "strategy": "random",
        "said": "Drawn at random, as nothing was encoded yet.",
        "seed": seed,
        "model": "",
        "seen": seen,
        "reason": "",
    }


NO_FIT = -1  # the fit of an ask that no model was made for

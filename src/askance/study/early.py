"""The first items of a study: drawn before there are features to choose by, and control items therefore.

No torch here: a page shows the first item while torch is still being loaded.
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


def asked(ids: Sequence[Any], candidates: int, seen: int, seed: int) -> dict[str, Any]:
    """The body of the line that asks for the first items of `drawn`.

    Args:
        ids: What was drawn, in order.
        candidates: How many items it was drawn from.
        seen: The last line of the journal.
        seed: The study's seed.
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
        "streams": ["control"] * n,
        "probabilities": [n / candidates] * n,
        "notes": [{} for _ in ids],
        "strategy": "random",
        "said": "Drawn at random, as nothing was encoded yet.",
        "seed": seed,
        "model": "",
        "seen": seen,
        "reason": "",
    }


NO_FIT = -1  # the fit of an ask that no model was made for

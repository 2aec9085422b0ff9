"""The contract of a selector: a utility, a geometry or both in, rows in order of preference out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.seeds import Dice
from askance.selection.space import Space


@dataclass(frozen=True)
class Picked:
    """What a selector picked, most wanted first.

    Args:
        rows: Pool rows, distinct, int64 (picks,).
        utility: What made each pick wanted at the moment it was picked, such as its utility or its squared distance to
            what was there; 0 where only noise decided; (picks,).
        said: What else is to be noted of each pick, small JSON values; such as the jitter that a singular kernel took.
    """

    rows: Tensor
    utility: Tensor | None = None
    said: Mapping[str, float] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Ground:
    """What a selector picks from: the arguments of `Selector.pick`, checked."""

    candidates: Tensor
    known: Tensor
    keys: Tensor
    dice: Dice
    utility: Tensor | None
    space: Space | None
    weights: Tensor | None = None


@dataclass(frozen=True)
class Selector(ABC):
    """Picks rows from the candidates. Its fields are its options; it holds no state and changes nothing it is shown."""

    weighs: ClassVar[bool] = False  # whether it takes importance weights

    def pick(
        self,
        n: int,
        *,
        candidates: Tensor,
        known: Tensor,
        keys: Tensor,
        dice: Dice,
        utility: Tensor | None = None,
        space: Space | None = None,
        weights: Tensor | None = None,
    ) -> Picked:
        """Pick ``min(n, len(candidates))`` distinct candidates.

        Utility, space and keys span the pool: one entry for each pool row.

        Args:
            n: How many to pick.
            candidates: Pool rows that may be picked, int64, ascending.
            known: Pool rows that are labeled or pending, int64.
            keys: Item keys for per-item noise, int64 (items,).
            dice: The stream that all noise comes from.
            utility: How much each item is wanted, (items,); higher is more.
            space: Where the items lie.
            weights: How much each item counts where picks are spread over a space, (items,), finite and at least 0. A
                rule that picks by utility alone refuses them.

        Returns:
            The picks, in order of preference.

        Raises:
            BadInput: A negative ``n``, rows outside of the pool, arrays that do not span it, or no utility or space
                where the selector needs one.
        """
        if n < 0:
            raise BadInput(f"Cannot pick {n} items. Ask for 0 or more.")
        _spans_the_pool(len(keys), utility, space, weights)
        if weights is not None:
            _weigh(self, weights)
        ascending = bool((candidates[1:] > candidates[:-1]).all())
        _lie_in_the_pool("candidates", candidates[[0, -1]] if ascending and len(candidates) else candidates, len(keys))
        _lie_in_the_pool("known items", known, len(keys))
        if not ascending:
            raise BadInput("The candidates are not ascending and distinct. Hand in each row once, sorted.")
        n = min(n, len(candidates))
        if n == 0:
            nothing = torch.empty(0, device=candidates.device)
            return Picked(candidates[:0].clone(), nothing)
        return self.choose(n, Ground(candidates, known, keys, dice, utility, space, weights))

    @abstractmethod
    def choose(self, n: int, ground: Ground) -> Picked:
        """Pick exactly ``n`` candidates, 1 <= n <= len(ground.candidates)."""


def _weigh(selector: Selector, weights: Tensor) -> None:
    if not selector.weighs:
        raise BadInput(f"{type(selector).__name__} takes no weights. Use a selector that spreads picks over a space.")
    bad = ~((weights >= 0) & weights.isfinite())
    if bool(bad.any()):
        row = int(bad.nonzero()[0])
        raise BadInput(f"The weight of row {row} is {float(weights[row])}. Weights are finite and at least 0.")


def _spans_the_pool(items: int, utility: Tensor | None, space: Space | None, weights: Tensor | None) -> None:
    for name, array in (("utility", utility), ("space", space), ("weights", weights)):
        if array is not None and len(array) != items:
            raise BadInput(f"The {name} has {len(array)} rows and the pool has {items}. Give one for each pool row.")


def _lie_in_the_pool(name: str, rows: Tensor, items: int) -> None:
    if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < items:
        raise BadInput(
            f"The {name} span rows {int(rows.min())} to {int(rows.max())}, and the pool has rows 0 to {items - 1}. "
            "Hand in row numbers of this pool."
        )

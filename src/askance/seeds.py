"""Dice: named streams of randomness that know no clock, no process and no worker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor

_MASK = (1 << 64) - 1
_STEP = 1 << 16


@dataclass(frozen=True)
class Dice:
    """A stream of dice, named by what it is for; the same name always throws the same numbers.

    Args:
        seed: The study's seed.
        use: What is thrown for, such as ``"ask"``, ``"fit"`` or ``"split"``.
        number: Which ask or fit of the journal.
        part: The path inside the strategy, such as ``"early"``; a strategy's name is never in it, so
            that two strategies with one seed are paired.

    >>> Dice(0, "ask").uniform(torch.tensor([7, 8])) == Dice(0, "ask").uniform(torch.tensor([8, 7])).flip(0)
    tensor([True, True])
    """

    seed: int
    use: str
    number: int = 0
    part: str = ""

    def of(self, part: str) -> Dice:
        """The stream of one part: an arm, a companion, a fold."""
        return replace(self, part=f"{self.part}.{part}" if self.part else part)

    @cached_property
    def key(self) -> int:
        """The stream's name as 64 bits."""
        name = f"{self.seed}|{self.use}|{self.number}|{self.part}".encode()
        return int.from_bytes(blake2b(name, digest_size=8, person=b"askance").digest(), "little")

    def generator(self) -> np.random.Generator:
        """A numpy generator, for dice that walk an array."""
        return np.random.default_rng(self.key)

    def torch_generator(self, device: torch.device | str = "cpu") -> torch.Generator:
        """A torch generator, for weights and masks."""
        return torch.Generator(device).manual_seed(self.key)

    def uniform(self, keys: Tensor) -> Tensor:
        """One number in (0, 1) for each item key: a hash, so order, pieces and neighbors cannot matter.

        Args:
            keys: Item keys, int64 (items,).

        Returns:
            float64 (items,).
        """
        out = torch.empty(keys.shape, dtype=torch.float64, device=keys.device)
        for start in range(0, len(keys), _STEP):  # in steps, or the temporaries would outweigh the result
            bits = _mix(keys[start : start + _STEP].to(torch.int64) ^ _signed(self.key))
            bits = _mix(bits + _signed(0x9E3779B97F4A7C15))
            out[start : start + _STEP] = (_shift(bits, 11).to(torch.float64) + 0.5) * 2.0**-53
        return out

    def exponential(self, keys: Tensor) -> Tensor:
        """One standard exponential for each item key, float64 (items,)."""
        return self.uniform(keys).log_().neg_()

    def gumbel(self, keys: Tensor) -> Tensor:
        """One standard Gumbel for each item key, float64 (items,)."""
        return self.exponential(keys).log_().neg_()


def item_keys(ids: np.ndarray) -> Tensor:
    """A 64-bit key per id: whole numbers are their own key, strings are hashed.

    Args:
        ids: Whole numbers or strings, (items,).

    Returns:
        int64 (items,).
    """
    if np.issubdtype(ids.dtype, np.integer):
        return torch.from_numpy(np.array(ids, dtype=np.int64))
    keys = (blake2b(str(i).encode(), digest_size=8).digest() for i in ids)
    return torch.from_numpy(np.frombuffer(b"".join(keys), dtype=np.int64).copy())


def _mix(x: Tensor) -> Tensor:
    """The finalizer of splitmix64 on int64 tensors, whose products wrap as unsigned ones do."""
    x = (x ^ _shift(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shift(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shift(x, 31)


def _shift(x: Tensor, by: int) -> Tensor:
    """A logical right shift; torch's own drags the sign along."""
    return (x >> by) & (_MASK >> by)


def _signed(x: int) -> int:
    x &= _MASK
    return x - (1 << 64) if x >> 63 else x

"""The global dice of Python, numpy and torch, lent to foreign code and given back as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

CPU = torch.device("cpu")


@contextmanager
def seeded(seed: int, device: torch.device = CPU) -> Iterator[None]:
    """Whatever throws global dice inside throws these; outside they are as if nothing had happened.

    Args:
        seed: The key of the dice, 64 bits.
        device: Where the code computes; torch has dice of its own on each GPU.
    """
    before = random.getstate(), np.random.get_state()
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(gpus):
        throw(seed, device)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def throw(seed: int, device: torch.device = CPU) -> None:
    """From here on the global dice are these; only for code inside `seeded`, which gives them back."""
    random.seed(seed)
    np.random.seed(seed % (1 << 32))
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)

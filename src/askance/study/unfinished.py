"""How far a fit is, under its key beside the models, so that a killed one goes on where it was."""

from __future__ import annotations

import time
from typing import Any

from torch import Tensor

from askance.study.artifacts import Artifacts

EVERY = 30.0  # seconds between two saves; a clock decides when, and never what comes out


class Unfinished:
    """One fit; a learner whose fits take long saves here and looks here first.

    Args:
        artifacts: Where models lie.
        key: Of the model that is being fitted.
    """

    def __init__(self, artifacts: Artifacts, key: str) -> None:
        self._artifacts, self._key = artifacts, f"{key}.part"
        self._last = time.monotonic()

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What was saved last."""
        return self._artifacts.load(self._key)

    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self._last >= EVERY

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Keep it in the place of what was saved before."""
        self._artifacts.save(self._key, tensors, facts, over=True)
        self._last = time.monotonic()

    def done(self) -> None:
        """Forget it: the model is there."""
        self._artifacts.discard(self._key)

"""How far a fit is, under its key beside the models, so that a killed one goes on where it was."""

from __future__ import annotations

import re
import time
from typing import Any

from torch import Tensor

from askance.study.artifacts import Artifacts

_ENDING = ".part"
EVERY = 30.0  # seconds between two saves; a clock decides when, and never what comes out


class Unfinished:
    """One fit; a learner whose fits take long saves here and looks here first.

    Args:
        artifacts: Where models lie.
        key: Of the model that is being fitted.
    """

    def __init__(self, artifacts: Artifacts, key: str) -> None:
        self._artifacts, self._key = artifacts, f"{key}{_ENDING}"
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

    def of(self, part: str) -> Unfinished:
        """The place of one of several fits of a learner."""
        own = re.sub(r"[^A-Za-z0-9]+", "-", part)
        return Unfinished(self._artifacts, f"{self._key.removesuffix(_ENDING)}.{own}")

    def done(self) -> None:
        """Forget it, and all of its parts: the model is there."""
        start = f"{self._key.removesuffix(_ENDING)}."
        for key in self._artifacts.keys():  # noqa: SIM118, it is no dictionary
            if key.startswith(start) and key.endswith(_ENDING):
                self._artifacts.discard(key)

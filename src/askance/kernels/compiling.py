"""Says once that kernels are being compiled, where a cache has none yet: the first call would only seem slow."""

from __future__ import annotations

import sys
from typing import Any

from numba.core import event


class Notice(event.Listener):
    """Speaks at the first compilation of one of our own loops in this process."""

    said = False

    def on_start(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if not self.said and function.__module__.startswith("askance.kernels."):
            self.said = True
            print("compiling kernels (some seconds, once on this machine)", file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        """Nothing: one line is enough."""


event.register("numba:compile", Notice())  # type: ignore[no-untyped-call]

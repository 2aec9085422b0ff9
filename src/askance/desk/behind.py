"""What the processes behind a page have in common: how they end, and what their end means."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

PATIENCE = 5.0  # seconds after an error that may pass by itself, and before a process ends that was told to
FAILED = 3  # exit code when trying again would not help


def end_with_parent(stop: Callable[[], None]) -> None:
    """Stop, and soon end, once the parent has ended: it holds the other end of standard input."""
    threading.Thread(target=_watch, args=(stop,), daemon=True).start()


def _watch(stop: Callable[[], None]) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop()
    time.sleep(PATIENCE)  # a long training is not waited for: it goes on from its part file
    os._exit(0)

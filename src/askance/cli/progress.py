"""How far something long is: one line that is written over on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

EVERY = 10.0  # seconds between two lines where nobody watches


class Line:
    """Says on the error stream how far something is, with its rate and the time that is left."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._last = time.monotonic()
        self._open = False

    def rows(self, done: int) -> None:
        """Rows read so far."""
        self._say(f"reading: {done:,} rows", last=False)

    def items(self, what: str, done: int, of: int, seconds: float) -> None:
        """Items done so far, out of how many, in how many seconds."""
        if not of:
            self._say(what, last=False)
            return
        rate = done / seconds if seconds > 0 else 0.0
        left = f", {lasting((of - done) / rate)} left" if 0 < done < of and rate else ""
        self._say(f"{what}: {done:,} of {of:,} ({rate:,.0f} a second{left})", last=done >= of)

    def end(self) -> None:
        """Leave the line as it is."""
        if self._open:
            print(file=sys.stderr)
            self._open = False

    def note(self, text: str) -> None:
        """A line that stays."""
        print(f"\r{text:<78}" if self._open else text, file=sys.stderr, flush=True)
        self._open = False

    def now(self, text: str) -> None:
        """A line that the next one replaces."""
        self._say(text, last=False)

    def _say(self, text: str, *, last: bool) -> None:
        if self._watched:
            print(f"\r{text:<78}", end="", file=sys.stderr, flush=True)
            self._open = True
            if last:
                self.end()
        elif time.monotonic() - self._last > EVERY:
            print(text, file=sys.stderr, flush=True)
            self._last = time.monotonic()


def lasting(seconds: float) -> str:
    """A time span for people.

    >>> lasting(7.4), lasting(95), lasting(7300)
    ('7 s', '2 min', '2.0 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

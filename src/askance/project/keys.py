"""Single keys of a terminal, or whole lines where there is none."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TextIO

ENTER, END, INTERRUPT = "\n", "", "\x03"
PAUSE = 0.05  # seconds in which the rest of an arrow key's sequence arrives


class Keys(Protocol):
    """Where commands come from."""

    def key(self) -> str:
        """One key, or one line; `ENTER` for an empty one, `END` when there is no more."""

    def line(self, prompt: str) -> str | None:
        """A whole line of text; None when there is no more."""


class Lines:
    """Commands from a pipe or a file, a line each."""

    def __init__(self, source: TextIO) -> None:
        self._source = source

    def key(self) -> str:
        text = self._source.readline()
        return END if text == "" else text.strip() or ENTER

    def line(self, prompt: str) -> str | None:
        text = self._source.readline()
        return None if text == "" else text.strip()


class Terminal:
    """Commands from a terminal, a key each. The terminal is left as it was, whatever happens."""

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._number = source.fileno()

    def key(self) -> str:
        with _raw(self._number):
            pressed = self._read()
            if pressed == "\x1b":  # an arrow or a paste: a sequence, and no command of ours
                while select.select([self._number], [], [], PAUSE)[0] and self._read():
                    pass
                return "\x1b"
        return ENTER if pressed in ("\r", "\n") else END if pressed == "\x04" else pressed

    def line(self, prompt: str) -> str | None:
        with suppress(EOFError):
            return input(prompt).strip()
        return None

    def _read(self) -> str:
        """One character, of as many bytes as it has."""
        data = os.read(self._number, 1)
        more = 0 if not data or data[0] < 0xC0 else 1 if data[0] < 0xE0 else 2 if data[0] < 0xF0 else 3
        return (data + b"".join(os.read(self._number, 1) for _ in range(more))).decode("utf-8", "replace")


def open_keys(source: TextIO | None = None) -> Keys:
    """Keys of the terminal, or lines where the input is none."""
    stream = source or sys.stdin
    return Terminal(stream) if stream.isatty() and os.name == "posix" else Lines(stream)


@contextmanager
def _raw(number: int) -> Iterator[None]:
    """A terminal that hands over every key at once; Ctrl-C and Ctrl-Z mean what they always mean."""
    import termios
    import tty

    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number, termios.TCSADRAIN)  # what was typed ahead stays
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)

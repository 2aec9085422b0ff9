"""Labeling in a terminal: one item a screen, one key an answer, every answer kept when its key is pressed."""

from __future__ import annotations

import shutil
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from askance.errors import BadInput
from askance.project.keys import END, ENTER, Keys

DIGITS = "123456789"
HELP = (
    "keys: 1-9 class, / find a class, n new class, s skip, ? unsure, x broken, - none of these, u undo, q quit",
    "several labels: 1-9 or / switch them on and off, Enter keeps them; a number: =, the number, Enter",
)
EDGES = 8  # lines of a screen that are not the item's


@dataclass(frozen=True)
class Question:
    """One item, as a person sees it.

    Args:
        id: Its id.
        shown: Its columns, name and text.
        guess: What the model would say, if it is to be shown.
        why: Who asks.
    """

    id: str
    shown: Sequence[tuple[str, str]]
    guess: str = ""
    why: str = ""


class Desk(Protocol):
    """Where questions come from and answers go."""

    @property
    def kind(self) -> str:
        """``classes``, ``labels`` or ``number``."""

    @property
    def labeled(self) -> int:
        """Labels so far."""

    def next(self) -> Question | None:
        """The next question; None if there is nothing to ask."""

    def skip(self, id: str) -> None:
        """Ask this one again later."""

    def answer(self, id: str, value: Any, kind: str, seconds: float) -> None:
        """Keep an answer."""

    def undo(self) -> str | None:
        """Take this session's last answer back; its item comes next again."""

    def names(self) -> list[str]:
        """The classes or labels."""

    def near(self, name: str) -> str | None:
        """A class that a new name looks like."""

    def declare(self, name: str) -> None:
        """Add a class."""


@dataclass
class Tally:
    """What came of a session.

    Attributes:
        answered: Answers that stand.
        skipped: Items put off.
        ended: Why it ended.
    """

    answered: int = 0
    skipped: int = 0
    ended: str = ""


@dataclass
class Screen:
    """Where it is shown, and where keys come from.

    Args:
        keys: The keys.
        say: Shows a line.
        width: Columns; None is for the terminal's.
        height: Lines; None is for the terminal's.
    """

    keys: Keys
    say: Callable[[str], None] = print
    width: int | None = None
    height: int | None = None
    said: str = field(default="", repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        found = shutil.get_terminal_size((80, 24))
        return max(20, self.width or found.columns), max(12, self.height or found.lines)


def label(desk: Desk, screen: Screen) -> Tally:
    """Ask until there is nothing left, or somebody quits.

    Args:
        desk: Where questions come from.
        screen: Where they are shown.

    Returns:
        What came of it.
    """
    tally = Tally()
    try:
        while question := desk.next():
            begun = time.monotonic()
            _show(question, desk, screen)
            if not _answered(question, desk, screen, tally, begun):
                tally.ended = "you quit"
                break
        else:
            tally.ended = "nothing is left to ask"
    except KeyboardInterrupt:
        tally.ended = "you quit"
    screen.say(f"{tally.answered:,} answers are kept; {tally.ended}.")
    return tally


def harmless(text: str) -> str:
    """A text that cannot move the cursor or turn the screen around: what would, is shown as a sign.

    >>> harmless("a" + chr(27) + "[2Jb"), harmless("tab" + chr(9) + "here")
    ('a␛[2Jb', 'tab here')
    """
    return "".join(_sign(sign) for sign in text.expandtabs(1))


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text on a screen, counted in columns: a Chinese character takes two.

    >>> wrapped("one two three", 8), wrapped("漢字漢字", 4)
    (['one two', 'three'], ['漢字', '漢字'])
    """
    lines = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in harmless(paragraph).split(" "):
            while _columns(word) > width:  # a word longer than a line
                room = width - _columns(line) - bool(line)
                if room < 2:
                    lines.append(line)
                    line, room = "", width
                head = _head(word, room)
                lines.append(f"{line} {head}" if line else head)
                line, word = "", word[len(head) :]
            if line and _columns(line) + 1 + _columns(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines


def _show(question: Question, desk: Desk, screen: Screen) -> None:
    width, height = screen.size
    screen.say("─" * width)
    screen.say(f"{desk.labeled:,} labeled   {question.why}   h: help")
    body: list[str] = []
    for name, text in question.shown:
        head = f"{name}: " if len(question.shown) > 1 else ""
        body += wrapped(f"{head}{text}", width)
    room = height - EDGES
    for line in body[:room]:
        screen.say(line)
    if len(body) > room:
        screen.say(f"… {len(body) - room} lines more: m shows them")
    if question.guess:
        screen.say(f"the model would say: {question.guess} (g takes it)")
    names = desk.names()
    if desk.kind != "number":
        said = "  ".join(f"{key} {harmless(name)}" for key, name in zip(DIGITS, names, strict=False))
        more = f"  / for {len(names) - len(DIGITS)} more" if len(names) > len(DIGITS) else ""
        for line in wrapped(f"{said}{more}" if names else "n names the first class", width):
            screen.say(line)
    else:
        screen.say("= and a number")


def _answered(question: Question, desk: Desk, screen: Screen, tally: Tally, begun: float) -> bool:
    """Take keys until this question is dealt with; False to quit."""
    chosen: list[str] = []
    name: str | None

    def keep(value: Any, kind: str = "label") -> bool:
        desk.answer(question.id, value, kind, time.monotonic() - begun)
        tally.answered += 1
        return True

    while True:
        key = screen.keys.key()
        names = desk.names()
        if key in (END, "q"):
            return False
        if key in ("?", "x", "-"):
            return keep(None, {"?": "unsure", "x": "broken", "-": "none-of-these"}[key])
        if key == "s":
            desk.skip(question.id)
            tally.skipped += 1
            return True
        if key == "u":
            back = desk.undo()
            if back is not None:
                tally.answered -= 1
                return True
            screen.say("nothing to undo in this session")
        elif key == "h":
            for line in HELP:
                screen.say(line)
        elif key == "m":
            for name, text in question.shown:
                for line in wrapped(f"{name}: {text}", screen.size[0]):
                    screen.say(line)
        elif desk.kind == "number":
            value = _number(key, screen)
            if value is not None:
                return keep(value)
        elif key == ENTER and desk.kind == "labels":
            return keep(list(chosen))
        else:
            taken = key == "g" and question.guess
            name = question.guess if taken else _name(key, names, desk, screen)
            if name is not None and desk.kind == "classes":
                return keep(name)
            if name is not None:
                chosen = [one for one in chosen if one != name] if name in chosen else [*chosen, name]
                screen.say(f"chosen: {', '.join(map(harmless, chosen)) or 'none'}   Enter keeps them")


def _name(key: str, names: Sequence[str], desk: Desk, screen: Screen) -> str | None:
    """The class that a key means."""
    if key in DIGITS and len(key) == 1:
        place = int(key) - 1
        if place < len(names):
            return names[place]
        screen.say(f"there is no class {key}; n names a new one")
        return None
    if key == "n" or (key.startswith("n ") and len(key) > 2):
        return _new(key[2:].strip(), desk, screen)
    if key == "/" or (key.startswith("/") and len(key) > 1):
        return _found(key[1:].strip(), names, screen)
    if key != ENTER:
        screen.say("h shows the keys")
    return None


def _new(name: str, desk: Desk, screen: Screen) -> str | None:
    name = name or screen.keys.line("new class: ") or ""
    if not name:
        return None
    if name in desk.names():
        return name
    near = desk.near(name)
    if near is not None:
        said = screen.keys.line(f"{name!r} looks like {near!r}. [y] take {near!r}, [n] a new class: ") or ""
        if said.lower().startswith("y"):
            return near
        if not said.lower().startswith("n"):
            return None
    try:
        desk.declare(name)
    except BadInput as error:
        screen.say(str(error))
        return None
    return name


def _found(typed: str, names: Sequence[str], screen: Screen) -> str | None:
    """The class whose name begins with, or holds, what was typed."""
    typed = (typed or screen.keys.line("class: ") or "").casefold()
    if not typed:
        return None
    exact = [name for name in names if name.casefold() == typed]
    begins = [name for name in names if name.casefold().startswith(typed)]
    holds = [name for name in names if typed in name.casefold()]
    for found in (exact, begins, holds):
        if len(found) == 1:
            return found[0]
    screen.say(f"{typed!r} is in {len(holds)} names: {', '.join(map(harmless, holds[:9]))}; type more of it")
    return None


def _number(key: str, screen: Screen) -> float | None:
    text = key[1:].strip() if key.startswith("=") else key
    if text in ("", ENTER):
        text = screen.keys.line("number: ") or ""
    elif len(key) == 1:  # the first key of a number
        text = key + (screen.keys.line(f"number: {key}") or "")
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        screen.say(f"{harmless(text)!r} is not a number")
        return None
    return found if found == found and abs(found) != float("inf") else None


def _sign(sign: str) -> str:
    number = ord(sign)
    if number < 32:
        return chr(0x2400 + number)
    if number == 127:
        return "␡"
    return "\ufffd" if unicodedata.category(sign) in ("Cf", "Cc", "Cs", "Co", "Zl", "Zp") else sign


def _columns(text: str) -> int:
    return sum(_wide(sign) for sign in text)


def _wide(sign: str) -> int:
    return 0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _head(word: str, room: int) -> str:
    """As much of a word as fits."""
    taken = 0
    for place, sign in enumerate(word):
        taken += _wide(sign)
        if taken > room:
            return word[: max(1, place)]
    return word

"""Dealing: who gets which item next. A lease has an end, and whether it is over is looked at when somebody claims."""

from __future__ import annotations

import time
from collections.abc import Callable

from askance.desk.board import Board
from askance.desk.fold import Fold

LEASE = 300.0  # seconds an item stays with somebody who does not answer
AHEAD = 10  # items that one person may hold


class Claims:
    """The leases of a desk.

    Args:
        board: Where they are kept.
        clock: Gives the time, in seconds.
    """

    def __init__(self, board: Board, clock: Callable[[], float] = time.time) -> None:
        self._board, self._clock = board, clock

    def claim(self, fold: Fold, person: str, n: int) -> list[str]:
        """The items that a person holds, and as many more as make ``n``: what was asked first goes first.

        What the person skipped comes when nothing else is left, what they skipped last at the end. Holding starts anew
        with every claim, so whoever is at work keeps what is on the screen.
        """
        n = max(1, min(n, AHEAD))
        with self._board.write():
            now = self._clock()
            held = {id: who for id, who in self._board.held(now).items() if id in fold.open}
            mine = [id for id, who in held.items() if who == person]
            if len(mine) < n:
                free = [id for id in fold.open if id not in held]
                free.sort(key=lambda id: fold.skipped.get(id, {}).get(person, 0))  # stable: else in order of asking
                mine += free[: n - len(mine)]
            self._board.hold(mine, person, now + LEASE)
        return mine[:n]

    def free(self, fold: Fold) -> list[str]:
        """The open items that nobody holds."""
        held = self._board.held(self._clock())
        return [id for id in fold.open if id not in held]

    def held(self) -> int:
        """How many items somebody holds."""
        return len(self._board.held(self._clock()))

    def take(self, id: str, person: str) -> None:
        """Give an item to a person, before all else they hold: it comes back by undo."""
        self._board.hold([id], person, self._clock() + LEASE, first=True)

    def done(self, ids: list[str]) -> None:
        """Nobody holds these any more: they are answered."""
        self._board.drop(ids)

    def put_back(self, id: str, person: str) -> None:
        """A person does not want an item now."""
        self._board.drop([id], person)

    def present(self) -> set[str]:
        """Who holds something right now."""
        return set(self._board.held(self._clock()).values())

"""The dealer: a process behind the page that encodes, trains and keeps a queue of questions full.

Nobody waits for it, and it waits for nobody: what takes time and is not urgent is the measurer's. It writes questions
and models into the journal, and its thoughts on the board; when it is killed, the next one goes on from there.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from askance.desk.behind import FAILED, PATIENCE, end_with_parent
from askance.desk.board import Board
from askance.desk.claims import Claims
from askance.desk.fold import Fold
from askance.errors import AskanceError, BadInput, StorageError
from askance.project.project import Project
from askance.study.early import NO_FIT
from askance.study.study import Study
from askance.study.why import guesses, why

FEWEST, MOST = 10, 500  # questions dealt at once
AHEAD = 3.0  # times of a round that the queue shall last
TICK = 0.25  # seconds between two looks at the journal
WATCHED = 60.0  # seconds over which the pace of answers is taken


class Dealer:
    """Deals for one project.

    Args:
        project: The project.
        board: Where its thoughts go.
    """

    def __init__(self, project: Project, board: Board) -> None:
        self._project, self._board = project, board
        self._claims, self._fold = Claims(board), Fold()
        self._said: dict[str, Any] = {}
        self._stop = threading.Event()
        self._paces: deque[tuple[float, int]] = deque()
        self._cycle = 0.0  # seconds that a round takes
        self._stopped = -1  # the line after which the strategy thinks that nothing is worth a label
        self._waits = -1  # the line after which the strategy waits for answers
        self._read = -1  # the last reading of a file that the study knows

    def stop(self) -> None:
        """End soon."""
        self._stop.set()

    def run(self) -> None:
        """Deal until somebody says stop."""
        failed = False
        while not self._stop.is_set():
            try:
                if self._read != self._reading():  # somebody took in a file
                    self._prepare()
                busy = self.step(self._project.study)
                failed = False
            except BadInput as error:
                if failed and self._read == self._reading():
                    raise
                failed = True
                self._say("starting", str(error))  # the study has grown, by a file or by encoding; open it again
                self._project.forget()
                self._read = -1
                continue
            except StorageError as error:  # a full disk may have room again
                self._say("failed", str(error))
                self._stop.wait(PATIENCE)
                continue
            if not busy:
                self._say("idle")
                self._stop.wait(TICK)

    def step(self, study: Study) -> bool:
        """Deal if too few questions are open; whether it did."""
        study.refresh()
        begun = time.monotonic()
        wanted = self._wanted(study)
        if wanted:
            self._deal(study, wanted)
            self._cycle = max(time.monotonic() - begun, self._cycle / 2)
        return wanted > 0

    # What it does

    def _prepare(self) -> None:
        """Encode, wait until somebody has said what an item gets, and open the study, which takes over from chance."""
        self._read = self._reading()
        self._say("encoding", "Reading the items")
        self._project.encode(self._project.items.fact("limit"), self._watch)
        while self._project.items.fact("task").get("guessed") and not self._named():
            self._say("idle", "Waiting for somebody to say what an item gets.")
            if self._stop.wait(TICK):
                raise SystemExit(0)
        self._say("starting", "Opening the study")
        self._project.settle()
        study = self._project.study
        pending = set(study.pending)
        early = [id for id in self._free(study) if self._fold.questions[id].fit == NO_FIT and id in pending]
        if early:
            study.release(early)  # nobody has seen them, and from now on there is better than chance

    def _reading(self) -> int:
        return int(self._project.items.fact("reading", 0))

    def _named(self) -> bool:
        return any(kind != "asked" for _, kind, *_ in self._project.items.early())

    def _wanted(self, study: Study) -> int:
        """How many questions to ask now: none while enough are open, or nothing would come of it."""
        progress = study.progress
        if not progress.unlabeled or study.state.taught in (self._waits, self._stopped):
            return 0
        batch = min(MOST, max(FEWEST, math.ceil(self._pace(study) * self._cycle * AHEAD)))
        people = self._claims.present()
        left = [id for id in self._free(study) if not people or people - self._fold.skipped.get(id, {}).keys()]
        return batch if len(left) <= batch // 2 else 0  # what all who are here have skipped is no question left

    def _free(self, study: Study) -> list[str]:
        """What is open and held by nobody."""
        self._read_on(study)
        return self._claims.free(self._fold)

    def _read_on(self, study: Study) -> None:
        for line in study.journal.read(self._fold.line):
            self._fold.fold(line)

    def _deal(self, study: Study, n: int) -> None:
        training = not study.round_open and not study.current
        known = study.progress.labeled
        self._say("training" if training else "asking", f"Learning from {known:,} labels" if training else "Choosing")
        batch = study.ask(n)
        self._waits = study.state.taught if not batch.ids else -1
        self._stopped = study.state.taught if study.progress.stopped else -1
        self._think(study)

    def _think(self, study: Study) -> None:
        """Write down what the newest model thinks of everything that is open."""
        self._read_on(study)
        pending = set(study.pending)
        ids = [id for id in self._fold.open if id in pending]
        chosen = [id for id in ids if self._fold.open[id].fit != NO_FIT]  # no model chose what was drawn early
        try:
            told = {guess.id: guess.as_json() for guess in guesses(study, ids)}
            reasons = {one.id: one.as_json() for one in why(study, chosen)}
        except AskanceError as error:  # people can label without it
            print(error, file=sys.stderr, flush=True)
            return
        self._board.tell((id, told.get(id), reasons.get(id)) for id in ids)

    # How it tells of it

    def _pace(self, study: Study) -> float:
        """Answers in a second, lately."""
        now, answers = time.monotonic(), study.progress.labeled + study.progress.aside
        self._paces.append((now, answers))
        while now - self._paces[0][0] > WATCHED:
            self._paces.popleft()
        begun, before = self._paces[0]
        return max(0, answers - before) / max(1.0, now - begun)

    def _watch(self, what: str, done: int, of: int, seconds: float) -> None:
        self._say("encoding", what[:1].upper() + what[1:], done=done, of=of, seconds=seconds)
        if self._stop.is_set():
            raise SystemExit(0)

    def _say(self, doing: str, said: str = "", **more: Any) -> None:
        told = {"doing": doing, "said": said, **more}
        if doing in ("training", "asking") and self._cycle:
            told["takes"] = self._cycle
        if told != self._said:
            self._said = told
            with suppress(StorageError):  # what it says can wait until there is room on the disk
                self._board.put("dealer", {**told, "at": time.time()})


def main(folder: str) -> int:
    """Deal until the parent ends: it holds the other end of standard input."""
    board = Board(Path(folder))
    try:
        dealer = Dealer(Project(folder), board)
        end_with_parent(dealer.stop)
        dealer.run()
    except StorageError:
        raise  # a disk that is full may have room when this is started again
    except AskanceError as error:
        board.put("dealer", {"doing": "failed", "said": str(error), "at": time.time()})
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""The dealer: a process behind the page that encodes, trains and keeps a queue of questions full.

Nobody waits for it. It writes questions and models into the journal, and what it thinks of them on the board; when it
is killed, the next one goes on from there.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from askance.desk.board import Board
from askance.desk.claims import Claims
from askance.desk.fold import Fold
from askance.errors import AskanceError, BadInput, StorageError
from askance.pool import PENDING
from askance.project.project import Project
from askance.study.layout import layout
from askance.study.proof import prove
from askance.study.stopping import DEFAULT, verdict
from askance.study.study import Study
from askance.study.why import guesses, why

FEWEST, MOST = 10, 500  # questions dealt at once
AHEAD = 3.0  # times of a round that the queue shall last
TICK = 0.25  # seconds between two looks at the journal
MEASURED = 5  # answers after which the accuracy is measured again, and a twentieth of all there are
PATIENCE = 5.0  # seconds after an error that may pass by itself
FAILED = 3  # exit code when trying again would not help
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
        self._stop = threading.Event()
        self._paces: deque[tuple[float, int]] = deque()
        self._cycle = 0.0  # seconds that the last round took, measuring included
        self._measured = -1
        self._waits = -1  # the line after which the strategy waits for answers
        self._thought = -1  # the fit that open items were last looked at with
        self._mapped = -1

    def stop(self) -> None:
        """End soon."""
        self._stop.set()

    def run(self) -> None:
        """Deal until somebody says stop."""
        study = self._prepared()
        while study is not None and not self._stop.is_set():
            try:
                busy = self.step(study)
            except StorageError as error:  # a full disk may have room again
                self._say("failed", str(error))
                self._stop.wait(PATIENCE)
                continue
            if not busy:
                self._say("idle")
                self._stop.wait(TICK)

    def step(self, study: Study) -> bool:
        """One thing that is to be done, the most urgent first; False if there is none."""
        study.refresh()
        begun = time.monotonic()
        wanted = self._wanted(study)
        if wanted:
            self._deal(study, wanted)
        elif self._due(study):
            self._measure(study)
        elif self._mapped != len(study.pool):
            self._map(study)
        else:
            return False
        self._cycle = max(time.monotonic() - begun, self._cycle / 2)
        return True

    # What it does

    def _prepared(self) -> Study | None:
        """Encode, wait until somebody has said what an item gets, and open the study, which takes over from chance."""
        self._say("encoding", "Reading the items")
        self._project.encode(self._project.items.fact("limit"), self._watch)
        while self._project.items.fact("task").get("guessed") and not self._named():
            self._say("idle", "Waiting for somebody to say what an item gets.")
            if self._stop.wait(TICK):
                return None
        self._say("starting", "Opening the study")
        self._project.settle()
        return self._project.study

    def _named(self) -> bool:
        return any(kind != "asked" for _, kind, *_ in self._project.items.early())

    def _wanted(self, study: Study) -> int:
        """How many questions to ask now: none while enough are open, or nothing would come of it."""
        progress = study.progress
        if not progress.unlabeled or self._waits == study.state.taught:
            return 0
        if progress.stopped and self._measured >= study.state.taught:
            return 0
        batch = min(MOST, max(FEWEST, math.ceil(self._pace(study) * self._cycle * AHEAD)))
        for line in study.journal.read(self._fold.line):
            self._fold.fold(line)
        free = self._claims.free(self._fold)
        return batch if free <= batch // 2 else 0

    def _deal(self, study: Study, n: int) -> None:
        training = not study.round_open and not study.current
        known = study.progress.labeled
        self._say("training" if training else "asking", f"Learning from {known:,} labels" if training else "Choosing")
        batch = study.ask(n)
        self._waits = study.state.taught if not batch.ids else -1
        self._think(study)

    def _think(self, study: Study) -> None:
        """Write down what the newest model thinks of everything that is open."""
        rows = (study.state.sides == PENDING).nonzero().squeeze(1)
        ids = [str(id) for id in study.pool.names(rows)]
        told = {guess.id: guess.as_json() for guess in guesses(study, ids)}
        reasons = {one.id: one.as_json() for one in why(study, ids)}
        self._board.tell((id, told.get(id), reasons.get(id)) for id in ids)

    def _due(self, study: Study) -> bool:
        """Whether enough answers have come to measure again."""
        answers = study.progress.labeled + study.progress.aside
        return answers != self._measured and answers >= self._measured + max(MEASURED, self._measured // 20)

    def _measure(self, study: Study) -> None:
        """Measure the accuracy, what asking is worth, and whether to go on."""
        self._say("measuring", "Measuring how good the model is")
        answers = study.progress.labeled + study.progress.aside
        try:
            self._board.put("proof", prove(study).as_json())
            self._board.put("stop", verdict(study, DEFAULT).as_json())
        except BadInput as error:  # too little is known yet
            self._board.put("proof", {"sentence": str(error), "verdict": "unknown"})
        self._measured = answers

    def _map(self, study: Study) -> None:
        self._say("measuring", "Drawing the map")
        self._board.put("map", layout(study).as_json())
        self._mapped = len(study.pool)

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
            raise SystemExit

    def _say(self, doing: str, said: str = "", **more: Any) -> None:
        told = {"doing": doing, "said": said, **more}
        if doing in ("training", "asking") and self._cycle:
            told["takes"] = self._cycle
        if told != getattr(self, "_said", None):
            self._said = told
            self._board.put("dealer", {**told, "at": time.time()})


def main(folder: str) -> int:
    """Deal until the parent ends: it holds the other end of standard input."""
    board = Board(Path(folder))
    try:
        dealer = Dealer(Project(folder), board)
        threading.Thread(target=_until_the_parent_ends, args=(dealer,), daemon=True).start()
        dealer.run()
    except AskanceError as error:
        board.put("dealer", {"doing": "failed", "said": str(error), "at": time.time()})
        return FAILED
    return 0


def _until_the_parent_ends(dealer: Dealer) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    dealer.stop()
    time.sleep(PATIENCE)  # a long training is not waited for: it goes on from its part file
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

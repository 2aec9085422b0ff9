"""The measurer: a process behind the page that says how good the model is, what asking is worth, and draws the map.

It is apart from the dealer, and gives way to it, so that nobody waits for an item because something is measured.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from askance.desk.behind import FAILED, PATIENCE, end_with_parent
from askance.desk.board import Board
from askance.errors import AskanceError, BadInput, StorageError
from askance.project.items import BEGUN
from askance.project.project import Project
from askance.study.layout import layout
from askance.study.proof import prove
from askance.study.stopping import verdict
from askance.study.study import Study

TICK = 0.5  # seconds between two looks at the journal
FEWEST = 5  # answers after which all is measured again, and a twentieth of what there is
NICE = 10


class Measurer:
    """Measures one project.

    Args:
        project: The project.
        board: Where its figures go.
    """

    def __init__(self, project: Project, board: Board) -> None:
        self._project, self._board = project, board
        self._stop = threading.Event()
        self._answers = -FEWEST  # when it last measured
        self._mapped = 0

    def stop(self) -> None:
        """End soon."""
        self._stop.set()

    def run(self) -> None:
        """Measure until somebody says stop."""
        while not self._project.items.fact(BEGUN, False):
            if self._stop.wait(TICK):
                return
        while not self._stop.is_set():
            try:
                busy = self.step(self._project.study)
            except StorageError:
                self._stop.wait(PATIENCE)
                continue
            except BadInput as error:  # somebody took in a file: the study has grown, and the dealer opens it
                print(error, file=sys.stderr)
                self._project.forget()
                self._stop.wait(PATIENCE)
                continue
            if not busy:
                self._stop.wait(TICK)

    def step(self, study: Study) -> bool:
        """One thing that is to be done; False if there is none."""
        study.refresh()
        answers = study.progress.labeled + study.progress.aside
        if answers >= self._answers + max(FEWEST, self._answers // 20):
            self._measure(study)
            self._answers = answers
        elif self._mapped != len(study.pool):
            self._board.put("map", layout(study).as_json())
            self._mapped = len(study.pool)
        else:
            return False
        return True

    def _measure(self, study: Study) -> None:
        put_off = {line.body["id"] for line in study.lines() if line.kind == "noted" and line.body.get("skip")}
        skipped = set(filter(study.pool.knows, put_off))
        self._board.put("proof", {**prove(study, skipped=skipped).as_json(), "at": time.time()})
        if study.state.fits:
            self._board.put("stop", verdict(study).as_json())


def main(folder: str) -> int:
    """Measure until the parent ends."""
    with suppress(OSError):
        os.nice(NICE)
    board = Board(Path(folder))
    try:
        measurer = Measurer(Project(folder), board)
        end_with_parent(measurer.stop)
        measurer.run()
    except StorageError:
        raise  # a disk that is full may have room when this is started again
    except AskanceError as error:
        print(error, file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

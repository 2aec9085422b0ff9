"""Studies that are killed at random instants, again and again, on one file: is anything lost that was acknowledged?

python -m benchmarks.kills --kills 100
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

MODES = ("tell", "ask", "run")  # what a victim is doing when it is killed
ITEMS, FEATURES, CLASSES = 4000, 6, 3
BATCH = 3
LONGEST = 0.4  # seconds that a victim lives at most once it begins to open the file
PATIENCE = 60.0  # seconds that a process may take to start
_PRELOAD = ["askance.study.study", "askance.study.sql", "askance.learners.linear", "askance.oracles.known"]


@dataclass
class Ledger:
    """What victims were told is on disk, as the killer heard it.

    Args:
        told: Labels by id.
        asked: Ids of each batch by its client key.
        doing: How many victims died in each mode.
        problems: Sentences; there should be none.
    """

    told: dict[int, str] = field(default_factory=dict)
    asked: dict[str, list[int]] = field(default_factory=dict)
    doing: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MODES, 0))
    problems: list[str] = field(default_factory=list)

    def hear(self, said: tuple[str, Any]) -> None:
        """Take in one acknowledgment, or check what a victim found when it opened the file."""
        kind, what = said
        if kind == "told":
            self.told |= what
        elif kind == "asked":
            self.asked |= what
        elif kind == "found":
            self._check(*what)

    def _check(self, labels: dict[int, str], batches: list[list[int]], again: dict[str, list[int]]) -> None:
        lost = [item for item, label in self.told.items() if labels.get(item) != label]
        if lost:
            self.problems.append(f"{len(lost)} acknowledged answers are gone or different, such as item {lost[0]}")
        gone = [key for key, ids in self.asked.items() if ids not in batches]
        gone += [key for key, ids in again.items() if self.asked[key] != ids]
        if gone:
            self.problems.append(f"{len(gone)} acknowledged batches are gone or different, such as {gone[0]!r}")
        items = [item for batch in batches for item in batch]
        if len(items) != len(set(items)):
            self.problems.append(f"{len(items) - len(set(items))} items were asked twice")


def torment(path: Path, kills: int, seed: int = 0) -> dict[str, Any]:
    """Kill that many processes that work on one journal, each at a random instant of its life.

    Args:
        path: Where the journal is to be.
        kills: How many.
        seed: Of the instants.

    Returns:
        Figures: ``kills`` by what the victim was doing, how much was acknowledged, ``audited`` batches that come out
        the same again, and ``problems``.
    """
    dice, ledger = random.Random(seed), Ledger()
    context = multiprocessing.get_context("forkserver")  # victims share the imports, and no open file
    context.set_forkserver_preload(_PRELOAD)
    number = 0
    while sum(ledger.doing.values()) < kills and not ledger.problems:
        mode = MODES[number % len(MODES)]
        hears, says = context.Pipe(duplex=False)
        arguments = (str(path), mode, number, list(ledger.asked)[-1:], says)
        victim = context.Process(target=live, args=arguments, daemon=True)
        victim.start()
        says.close()
        begun = hears.poll(PATIENCE) and hears.recv() == ("begun", None)
        for said in _heard(hears, time.monotonic() + LONGEST * dice.random()):
            ledger.hear(said)
        victim.kill()
        victim.join()
        for said in _heard(hears, None):
            ledger.hear(said)
        if victim.exitcode == -9 and begun:
            ledger.doing[mode] += 1
        else:
            ledger.problems.append(f"victim {number} ended by itself with {victim.exitcode} while it should {mode}")
        number += 1
    hears, says = context.Pipe(duplex=False)
    judge = context.Process(target=look_back, args=(str(path), says))
    judge.start()
    says.close()
    audited = 0
    for said in _heard(hears, None):
        if said[0] == "audited":
            audited, wrong = said[1]
            ledger.problems += wrong
        else:
            ledger.hear(said)
    judge.join()
    if judge.exitcode:
        ledger.problems.append(f"the file could not be opened and audited: exit status {judge.exitcode}")
    with closing(sqlite3.connect(path)) as database:
        (intact,) = database.execute("PRAGMA integrity_check").fetchone()
    if intact != "ok":
        ledger.problems.append(f"the file is damaged: {intact}")
    return {
        "kills": ledger.doing,
        "acknowledged_answers": len(ledger.told),
        "acknowledged_batches": len(ledger.asked),
        "audited": audited,
        "problems": ledger.problems,
    }


# What runs in processes of its own


def live(path: str, mode: str, number: int, keys: list[str], says: Connection) -> None:
    """Work on the study until killed, and acknowledge what is on disk."""
    warm, oracle = _study(None)  # what is loaded on first use would take most of a victim's life
    for _ in range(2):
        warm.tell(oracle.of(warm.ask(BATCH).ids))
    says.send(("begun", None))
    study, oracle = _study(path)
    says.send(("found", _found(study, keys)))
    if mode == "run":
        study.run(oracle, ITEMS, BATCH, each=lambda now: says.send(("told", now.labels)))
    turn = 0
    while True:
        key = f"{number}.{turn}"
        batch = study.ask(BATCH, once=key)
        says.send(("asked", {key: batch.ids}))
        answers = oracle.of(batch.ids)
        parts = [{item: label} for item, label in reversed(answers.items())] if mode == "tell" else [answers]
        for part in parts:
            study.tell(part)
            says.send(("told", part))
        turn += 1


def look_back(path: str, says: Connection) -> None:
    """Open the study once more and compute every batch again."""
    study, _ = _study(path)
    says.send(("found", _found(study, [])))
    rows = study.audit()
    wrong = [f"the batch of line {row.line} is another one now: {row.why}" for row in rows if not row.ok]
    says.send(("audited", (len(rows), wrong)))


def _study(path: str | None) -> tuple[Any, Any]:
    from askance import Known, Linear, Pool, Study

    rng = np.random.default_rng(0)
    classes = [f"class {name}" for name in range(CLASSES)]
    truth = rng.integers(0, CLASSES, ITEMS)
    points = rng.standard_normal((CLASSES, FEATURES))[truth] + rng.standard_normal((ITEMS, FEATURES))
    pool = Pool.from_arrays(points.astype(np.float32))
    study = Study(pool, classes=classes, learner=Linear(ridge=1.0), strategy="margin", storage=path, start="random")
    return study, Known({item: classes[label] for item, label in enumerate(truth)})


def _found(study: Any, keys: list[str]) -> tuple[dict[int, str], list[list[int]], dict[str, list[int]]]:
    """Labels, batches, and what asking again under some keys gives."""
    batches = [line.body["ids"] for line in study.lines() if line.kind == "asked"]
    return study.labels, batches, {key: study.ask(BATCH, once=key).ids for key in keys}


def _heard(hears: Connection, until: float | None) -> Iterator[tuple[str, Any]]:
    """What a victim says until an instant; without one, until it is dead and all is read."""
    while until is None or (left := until - time.monotonic()) > 0:
        if until is not None and not hears.poll(left):
            return
        try:
            yield hears.recv()
        except (EOFError, OSError):
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="how many (default: %(default)s)")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(torment(Path(folder) / "study.db", parser.parse_args().kills), indent=2))


if __name__ == "__main__":
    main()

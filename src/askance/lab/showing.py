"""What a person sees of a comparison: live progress, then the table, the page and the files."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TextIO

from askance.errors import StorageError
from askance.files import whole
from askance.lab.datasets import Dataset
from askance.lab.plan import Plan
from askance.lab.statistics import compare
from askance.lab.table import as_text
from askance.reports.page import write_lab_page
from askance.reports.results import Results, Run
from askance.reports.words import findings


class Live:
    """One line that says how far a comparison is; on a terminal it is written over, elsewhere now and then again."""

    def __init__(self, dataset: Dataset, plan: Plan, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._begun = self._shown = time.monotonic()
        self._final: dict[str, list[float]] = defaultdict(list)
        rounds = -(-(plan.budget - plan.initial) // plan.batch)
        self._say(
            f"{dataset.name}: {len(dataset.pool)} items, {len(dataset.classes)} classes, {plan.test} held out. "
            f"{len(plan.strategies)} strategies x {len(plan.seeds)} seeds, {plan.initial} labels at first, "
            f"then {rounds} rounds of {plan.batch}.\n"
        )

    def finished(self, run: Run, done: int, cells: int) -> None:
        """Take in a finished run."""
        self._final[run.strategy].append(run.scores[-1])
        now = time.monotonic()
        if done < cells and now - self._shown < (0.2 if self._out.isatty() else 10.0):
            return
        self._shown = now
        left = (now - self._begun) / done * (cells - done)
        best = max(self._final, key=lambda name: sum(self._final[name]) / len(self._final[name]))
        mean = sum(self._final[best]) / len(self._final[best])
        line = f"{done} of {cells} runs, about {left:.0f} s left; ahead at the end: {best} ({mean:.3f})"
        self._say(f"\r\x1b[K{line}" if self._out.isatty() else f"{line}\n")

    def end(self) -> None:
        """Say how long it took."""
        took = f"Done in {time.monotonic() - self._begun:.0f} s.\n"
        self._say(f"\r\x1b[K{took}" if self._out.isatty() else took)

    def _say(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def ready(folder: str) -> None:
    """Make the folder that results go to, and see whether it can be written: hours later it would be too late.

    Raises:
        StorageError: If it cannot be made or written to.
    """
    out = Path(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise StorageError(f"Cannot write to {folder}: {error.strerror}. Name another folder with --out.") from error


def show(results: Results, folder: str, *, as_json: bool = False) -> None:
    """Print the comparison, and write ``report.html`` and ``results.json``.

    Raises:
        StorageError: If the folder cannot be written to.
    """
    comparison = compare(results)
    out = Path(folder)
    ready(folder)
    with whole(out / "results.json") as file:
        file.write(results.to_json())
    page = write_lab_page(results, comparison, out / "report.html")
    if as_json:
        rows = [
            {
                "strategy": row.strategy,
                "area": row.area.mean,
                "area_interval": [row.area.low, row.area.high],
                "final": row.final.mean,
                "difference": row.difference.mean if row.difference else None,
                "difference_interval": [row.difference.low, row.difference.high] if row.difference else None,
                "p": row.p,
                "p_holm": row.p_holm,
                "wins": row.wins,
                "losses": row.losses,
                "labels_saved": {saved.where: saved.labels for saved in row.saved},
                "seconds": row.seconds,
                "verdict": row.verdict,
            }
            for row in comparison.rows
        ]
        found = {"baseline": comparison.baseline, "rows": rows, "said": comparison.said, "report": str(page)}
        print(json.dumps(_plain(found), indent=2))
        return
    print(as_text(comparison))
    for sentence in findings(comparison, results.metric):
        print(sentence)
    print(f"\nReport: {page}\nResults: {out / 'results.json'}")


def _plain(value: object) -> object:
    """JSON has no words for NaN and infinity: null, and ``"never"`` for labels that never sufficed."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value != value:
        return None
    return "never" if value == float("-inf") else value

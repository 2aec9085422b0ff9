"""Runs of a grid kept as numbers of each seed, and what these say of one method beside another."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from askance.lab.cell import first_rows
from askance.lab.curves import area
from askance.lab.datasets import Dataset
from askance.lab.grids import Grid
from askance.lab.plan import Plan
from askance.lab.running import Stand, run_grid
from askance.lab.statistics import LEVEL, holm, interval, paired_t
from askance.learners.base import Learner, Lesson
from askance.oracles.known import Known
from askance.reports import words
from askance.reports.results import Estimate, Results, Run
from askance.study.study import Study
from benchmarks.ledgers import go_on, keep
from benchmarks.measure import ROOT

CALIBRATION = "expected_calibration_error"
TEST = 500
PARTS = ("training", "signals", "selection")

Rows = Mapping[str, Mapping[str, Any]]  # what `rows` gives, as JSON has it


@dataclass(frozen=True)
class Gap:
    """One method beside another.

    Args:
        one: A method.
        other: What it is compared with.
        found: The difference, paired by seed.
        p: Of the paired t-test, adjusted by Holm for all that was compared with it; NaN for fewer than two pairs.
    """

    one: str
    other: str
    found: Estimate
    p: float

    @property
    def verdict(self) -> str:
        """``above``, ``below``, ``not told apart``, or ``not tested``."""
        if math.isnan(self.p):
            return "not tested"
        if self.p >= LEVEL:
            return "not told apart"
        return "above" if self.found.mean > 0 else "below"


def measure(grid: Grid, name: str, until: float | None = None, workers: int = 1) -> list[Results]:
    """Run what is not done yet of a grid, in processes beside this one, and say how far it is; its ledger is kept.

    Args:
        grid: What to run.
        name: Of its folder.
        until: Seconds since 1970 after which nothing is begun that would end later.
        workers: Processes.
    """

    def say(stand: Stand) -> None:
        left = "?" if math.isnan(stand.left) else f"{stand.left / 60:.0f} min"
        about = f"{stand.about.get('condition', '')} {stand.about.get('strategy', '')}"
        print(f"{time.strftime('%H:%M:%S')} {stand.done}/{stand.cells}, {left} left: {stand.said} {about}", flush=True)

    folder = ROOT / ".cache" / "lab" / "papers" / name
    go_on(name, folder)
    found = run_grid(grid, folder, say=say, until=until, workers=workers)
    keep(folder, name)
    return found


def lesson_of(dataset: Dataset, learner: Learner, seed: int, labels: int, test: int = TEST) -> Lesson:
    """What a study would learn from in its first fit, with labels drawn at random: the split and the labels of a run.

    Args:
        dataset: Items and labels.
        learner: What learns.
        seed: Decides the split and the labels.
        labels: How many.
        test: Items held out.
    """
    kept, _ = dataset.split(seed, test)
    pool = dataset.pool.arranged(kept.tolist())
    plan = Plan(("random",), (seed,), initial=labels, budget=labels + 1, test=test)
    oracle = Known({pool.names([place])[0]: dataset.labels[row] for place, row in enumerate(kept.tolist())})
    study = Study(pool, learner=learner, strategy="random", classes=dataset.classes, seed=seed, start=None)
    study.tell(oracle.of(pool.names(first_rows(dataset, plan, lambda: pool, pool.keys, seed))))
    lesson = study.lesson()
    study.close()
    assert lesson is not None
    return lesson


def short(title: str) -> str:
    """The title of a condition without how many items were drawn.

    >>> short("letter (1800 items)")
    'letter'
    """
    return re.sub(r" \(\d+ items\)", "", title)


def rows(results: Results) -> dict[str, Any]:
    """For each strategy the measures of every seed, the mean seconds of a run by part, and fits that diverged.

    Every run has to cover the same labels: nothing here is cut to what all of them cover.
    """
    found: dict[str, Any] = {}
    for name in results.strategies:
        runs = sorted((run for run in results.runs if run.strategy == name), key=lambda run: run.seed)
        found[name] = {
            "seeds": [run.seed for run in runs],
            "area": [round(area(run.labels, run.scores), 5) for run in runs],
            "first": [round(run.scores[0], 5) for run in runs],
            "final": [round(run.scores[-1], 5) for run in runs],
            "calibration": [round(area(run.labels, run.measures[CALIBRATION]), 5) for run in runs],
            "seconds": {part: round(_mean([_seconds(run, part) for run in runs]), 3) for part in PARTS},
            "diverged": sum(len(run.notes.get("diverged", ())) for run in runs),
        }
    return found


def gaps(found: Rows, pairs: Sequence[tuple[str, str]], what: str = "area") -> list[Gap]:
    """Differences of methods over the seeds that both have, tested together.

    Args:
        found: What `rows` gave.
        pairs: A method and what it is compared with; those that have no run are left out.
        what: Which measure.
    """
    there = [(one, other) for one, other in pairs if one in found and other in found]
    differences = [differences_of(found, one, other, what) for one, other in there]
    adjusted = holm([paired_t(values) for values in differences])
    return [
        Gap(one, other, interval(values), p)
        for (one, other), values, p in zip(there, differences, adjusted, strict=True)
    ]


def beside(where: Mapping[str, Rows], one: str, other: str, what: str = "area") -> dict[str, str]:
    """The verdict on one pair of methods in several places, adjusted by Holm for the places."""
    return {place: gap.verdict for place, gap in gaps_beside(where, one, other, what).items()}


def gaps_beside(where: Mapping[str, Rows], one: str, other: str, what: str = "area") -> dict[str, Gap]:
    """The difference of one pair of methods in several places, adjusted by Holm for the places."""
    there = {place: found for place, found in where.items() if one in found and other in found}
    values = {place: differences_of(found, one, other, what) for place, found in there.items()}
    adjusted = holm([paired_t(gains) for gains in values.values()])
    return {
        place: Gap(one, other, interval(gains), p) for (place, gains), p in zip(values.items(), adjusted, strict=True)
    }


def differences_of(found: Rows, one: str, other: str, what: str = "area") -> np.ndarray[Any, np.dtype[np.float64]]:
    """What one method has more than another with each seed that both have, (seeds,)."""
    ours, theirs = (dict(zip(found[name]["seeds"], found[name][what], strict=True)) for name in (one, other))
    return np.array([ours[seed] - theirs[seed] for seed in ours if seed in theirs], dtype=np.float64)


def points(gap: Gap, digits: int = 1) -> str:
    """A difference in points of a hundred with its interval: bold where it is above, italic where it is below."""
    mean, low, high = (100 * value for value in (gap.found.mean, gap.found.low, gap.found.high))
    text = words.signed(mean, digits)
    text = {"above": f"**{text}**", "below": f"*{text}*"}.get(gap.verdict, text)
    held = words.span(Estimate(mean, low, high, gap.found.count), digits)
    return f"{text} {held}".rstrip()


def score(found: Mapping[str, Any], what: str = "area", digits: int = 3) -> str:
    """The mean of a measure over the seeds."""
    return words.score(_mean(found[what]), digits)


def table(heads: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table in Markdown, with an empty line before and after.

    Args:
        heads: Of the columns.
        lines: The cells of each row.
        left: How many columns at the left hold words; the others hold numbers.
    """
    marks = ["---" if place < left else "--:" for place in range(len(heads))]
    return "\n" + "".join(f"| {' | '.join(cells)} |\n" for cells in (heads, marks, *lines)) + "\n"


def compared(found: Rows, said: Mapping[str, str], bases: Sequence[str]) -> str:
    """A table of strategies, the best area first, with their differences to some of them and the seconds of asking.

    Args:
        found: What `rows` gave.
        said: How a name is shown, where that is not the name itself.
        bases: What they are compared with.
    """
    against = {
        base: {gap.one: points(gap) for gap in gaps(found, [(name, base) for name in found if name != base])}
        for base in bases
    }
    return table(
        ["Strategy", "Area", "Final", *(f"Against {base}" for base in bases), "Asking"],
        [
            [
                said.get(name, f"`{name}`"),
                score(row),
                score(row, "final"),
                *(against[base].get(name, "–") for base in bases),
                f"{row['seconds']['signals'] + row['seconds']['selection']:.2f}",
            ]
            for name, row in sorted(found.items(), key=lambda item: -float(np.mean(item[1]["area"])))
        ],
    )


def held(expected: str, found: Mapping[str, str], wanted: str) -> str:
    """An expectation as an item of a list: in how many places it held, and what was found in the others.

    Args:
        expected: What was expected, as the beginning of a sentence.
        found: A verdict for each place.
        wanted: The verdict that was expected.
    """
    there = {place: verdict for place, verdict in found.items() if verdict != "not tested"}
    if not there:
        return f"- {expected}: not tested yet.\n"
    places: dict[str, list[str]] = {}
    for place, verdict in there.items():
        if verdict != wanted:
            places.setdefault(verdict, []).append(place)
    others = "; ".join(f"{verdict} on {words.listing(names)}" for verdict, names in places.items())
    count = sum(verdict == wanted for verdict in there.values())
    return f"- {expected}: held in {count} of {len(there)}{f' ({others})' if others else ''}.\n"


def tidy(page: str) -> str:
    """A page without two empty lines in a row."""
    return re.sub(r"\n{3,}", "\n\n", page)


def measured_on(found: Mapping[str, Any]) -> str:
    """When and on what, in a sentence."""
    processor = found["machine"]["processor"]
    return (
        f"Measured on {found['date']} with askance {found['versions']['askance']} and torch "
        f"{found['versions']['torch']}, in one thread of a shared {processor}: seconds are indicative. The "
        "rate of training was chosen on seed 100, by plain training on labels drawn at random; no other setting was."
    )


def _seconds(run: Run, part: str) -> float:
    return sum(run.seconds.get(part, []))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan

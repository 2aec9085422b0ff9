"""Comparisons over all conditions of a grid: ranks, cliques, win rates, and how far they can be trusted.

Conditions of one data set are averaged before anything is said of data sets: they are no replicates of each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput
from askance.lab.bayes import signed_ranks
from askance.lab.bootstrap import Resampled, hierarchical
from askance.lab.curves import area, grid, resample
from askance.lab.enough import agreement, false_alarms, halved, needed
from askance.lab.grids import LEFT_OUT
from askance.lab.holes import settled
from askance.lab.pairs import penalty_matrix, win_rates
from askance.lab.ranks import rank
from askance.lab.registry import origin
from askance.lab.statistics import LEVEL, compare, interval
from askance.metrics import wilson
from askance.reports import picks
from askance.reports.across import Across, Method, Room, Trust
from askance.reports.results import Comparison, Estimate, Results

Array = NDArray[np.float64]

ROPE = 0.005  # half a percent of the items: less is no difference in practice
PARTS = ("training", "signals", "selection")  # where the time of a run goes
FEW = (3, 5, 10, 20)  # seeds whose order is held against that of all
_DRAWS = 1_000  # of each simulation on the page
_THOUSANDS = 2_000  # seeds that nobody will run
_MOST = 12  # points of a curve that the penalty matrix tests


def across(conditions: Sequence[Results], baseline: str = "random", title: str = "") -> Across:
    """Everything that can be said over several conditions.

    Args:
        conditions: Results, one for each condition, with titles that tell them apart.
        baseline: What all strategies are compared with.
        title: Of the page.

    Raises:
        BadInput: If there is no run at all, or two conditions have one title.
    """
    held = [results for results in conditions if results.runs]
    if not held:
        raise BadInput("No run is done yet, so there is nothing to report. Run the grid first.")
    names = list(dict.fromkeys(name for results in held for name in results.strategies))
    compared = {results.title: (results, compare(results, baseline)) for results in held}
    if len(compared) < len(held):
        raise BadInput("Two conditions have one title. Give each another: Results(title=...).")
    every = sorted({run.seed for results in held for run in results.runs})
    areas = [_areas(results, names, every) for results in held]  # (methods, seeds) each
    sets = _by_set(held)
    shared = [_shared(table) for table in areas]
    means = np.array([table.mean(axis=1) if table.size else np.full(len(names), np.nan) for table in shared])
    whole = np.isfinite(means).all(axis=0)  # methods with seeds enough under every condition
    average = np.full(len(names), np.nan)
    ranking = None
    if whole.sum() > 1:
        finished = [name for name, there in zip(names, whole, strict=True) if there]
        ranking = rank([means[own][:, whole].mean(axis=0) for own in sets.values()], finished, list(sets))
        average[whole] = ranking.average
    lost = np.sum([penalty_matrix(_curves(results, names)) for results in held], axis=0)
    base = names.index(baseline) if baseline in names else None
    methods, said = [], []
    for number, name in enumerate(names):
        gaps = [table[number] - table[base] for table in areas] if base is not None and number != base else []
        gains = _over_sets(gaps, sets)
        found = hierarchical(gains)
        said += found.said
        counted = sum(bool(np.isfinite(gap).any()) for gap in gaps)
        methods.append(_method(name, number, counted, gains, found, compared, average, lost))
    order = sorted(range(len(names)), key=lambda n: (_last(float(average[n])), -_first(methods[n].area), names[n]))
    full = [table[np.isfinite(table).all(axis=1)] for table in shared]
    seeds = min(table.shape[1] for table in full)
    trust = []
    for few in [some for some in FEW if some < seeds and len(names) > 1]:
        told = [agreement(table, few) for table in full if len(table) > 1]
        trust.append(Trust(few, float(np.mean([f.wrong for f in told])), float(np.mean([f.tau for f in told]))))
    own = [table[base] for table in areas] if base is not None else [table[0] for table in areas]
    enough: dict[str, int | None] = {}
    if base is not None:
        for number, name in enumerate(names):
            if number != base:
                wanted = [_needed(table[number] - table[base]) for table in areas]
                enough[name] = None if None in wanted else max(k for k in wanted if k is not None)
    return Across(
        title=title or "A grid of comparisons",
        baseline=baseline,
        conditions=compared,
        methods=[methods[n] for n in order],
        datasets=list(sets),
        ranked=ranking.datasets if ranking else 0,
        friedman_p=ranking.friedman.p_f if ranking else math.nan,
        cliques=ranking.cliques if ranking and ranking.least < LEVEL else [],
        least_p=ranking.least if ranking else math.nan,
        critical=ranking.critical if ranking and len(sets) > 1 else math.nan,
        wins=np.where(np.eye(len(names), dtype=bool), np.nan, win_rates(areas)[np.ix_(order, order)]).tolist(),
        penalties=lost[np.ix_(order, order)].tolist(),
        trust=trust,
        alarms=_alarms(own),
        enough={name: enough[name] for name in (names[n] for n in order) if name in enough},
        cells=sum(_cells(results) for results in conditions),
        done=sum(len(results.runs) + len(results.bounds) for results in conditions),
        said=_said(conditions, names, whole, held, [table.shape[1] for table in shared], len(sets), said),
        rooms=[room for results in held for room in _rooms(results, baseline)],
    )


def _method(
    name: str,
    number: int,
    counted: int,
    gains: Sequence[Array],
    found: Resampled,
    compared: dict[str, tuple[Results, Comparison]],
    average: Array,
    lost: Array,
) -> Method:
    rows = []
    for results, comparison in compared.values():
        rows += [(results, row) for row in comparison.rows if row.strategy == name]
    beliefs = None
    if len(gains) > 1:  # one data set says nothing of others
        told = signed_ranks([own.mean() for own in gains], rope=ROPE)
        beliefs = (told.left, told.rope, told.right)
    overlaps = [_overlaps(results, name) for results, _ in rows]
    evenness = [picks.evenness(picks.shares([r for r in results.runs if r.strategy == name])) for results, _ in rows]
    return Method(
        name=name,
        rank=float(average[number]),
        area=_average([row.area.mean for _, row in rows]),
        gain=Estimate(found.mean, found.low, found.high, found.datasets) if found.datasets else None,
        above=sum(row.verdict == "above" for _, row in rows),
        level=sum(row.verdict == "not different" for _, row in rows),
        below=sum(row.verdict == "below" for _, row in rows),
        conditions=counted,
        beliefs=beliefs,
        seconds=_average([sum(row.seconds.values()) for _, row in rows]),
        parts={part: _average([row.seconds.get(part, math.nan) for _, row in rows]) for part in PARTS},
        diverged=sum(
            len(run.notes.get("diverged", ())) for results, _ in rows for run in results.runs if run.strategy == name
        ),
        penalty=float(np.delete(lost[:, number], number).mean()) if len(lost) > 1 else 0.0,
        margin=_average([one for one, _ in overlaps]),
        random=_average([other for _, other in overlaps]),
        evenness=_average(evenness),
        wanted=_wanted([results for results, _ in rows], name),
        along={other: _along([results for results, _ in rows], name, other) for other in ("margin", "random")},
    )


def _wanted(conditions: Sequence[Results], name: str) -> tuple[float, float]:
    """The mean utility of the picks of the first round and of the last, as the strategy measures it."""
    told = [
        [value for value in run.notes.get("utility", []) if value is not None]
        for results in conditions
        for run in results.runs
        if run.strategy == name
    ]
    told = [values for values in told if values]
    return _average([values[0] for values in told]), _average([values[-1] for values in told])


def _overlaps(results: Results, name: str) -> tuple[float, float]:
    """Overlap of a strategy's picks with margin's and random's, seed by seed."""
    return picks.shared(results, name, "margin"), picks.shared(results, name, "random")


def _along(conditions: Sequence[Results], name: str, other: str) -> list[float]:
    """The overlap up to each round, averaged over conditions, as many rounds as all of them have."""
    found = [values for results in conditions if (values := picks.along(results, name, other))]
    return [_average(values) for values in zip(*found, strict=False)]


def _by_set(conditions: Sequence[Results]) -> dict[str, list[int]]:
    """The places of the conditions of each data set."""
    found: dict[str, list[int]] = {}
    for place, results in enumerate(conditions):
        found.setdefault(origin(str(results.dataset["name"])), []).append(place)
    return found


def _over_sets(gaps: Sequence[Array], sets: Mapping[str, Sequence[int]]) -> list[Array]:
    """Gains of each data set that has any: the mean over its conditions for each seed that they share.

    Args:
        gaps: Of each condition, NaN for holes, (seeds,); empty: there is nothing to compare.
        sets: The places of the conditions of each data set.
    """
    found = []
    for own in sets.values() if gaps else ():
        table = np.array([gaps[place] for place in own if np.isfinite(gaps[place]).any()])
        if len(table):
            kept = _shared(table)
            kept = kept[np.isfinite(kept).all(axis=1)]
            # Conditions without a common seed leave one number: how far seeds scatter cannot be told.
            found.append(kept.mean(axis=0) if kept.shape[1] else np.array([np.nanmean(table, axis=1).mean()]))
    return found


def _areas(results: Results, names: Sequence[str], seeds: Sequence[int]) -> Array:
    """The area of each run over the labels that all runs of its condition cover, (methods, seeds)."""
    labels = grid(results.runs)
    found = np.full((len(names), len(seeds)), np.nan)
    for run in results.runs:
        scores = resample(run, labels) if len(labels) > 1 else np.array([])
        value = area(labels, scores) if len(labels) > 1 else area(run.labels, run.scores)
        found[names.index(run.strategy), seeds.index(run.seed)] = value
    return settled(found)


def _rooms(results: Results, baseline: str) -> list[Room]:
    """What each upper bound leaves to gain, on the seeds that it and every strategy have."""
    labels = grid([*results.runs, *results.bounds])
    if len(labels) < 2:
        return []
    areas = {(r.strategy, r.seed): area(labels, resample(r, labels)) for r in [*results.runs, *results.bounds]}
    found = []
    for bound in dict.fromkeys(run.strategy for run in results.bounds):
        names = results.strategies
        seeds = [r.seed for r in results.bounds if r.strategy == bound and all((n, r.seed) in areas for n in names)]
        if not seeds:
            continue
        means = {name: float(np.mean([areas[name, seed] for seed in seeds])) for name in names}
        best = max(means, key=lambda name: means[name])
        own = interval([areas[bound, seed] for seed in seeds])
        found.append(Room(results.title, bound, len(seeds), own, means.get(baseline, math.nan), best, means[best]))
    return found


def _curves(results: Results, names: Sequence[str]) -> Array:
    """Scores at common numbers of labels, (methods, seeds, points)."""
    labels = grid(results.runs)
    if len(labels) > _MOST:
        labels = labels[np.linspace(0, len(labels) - 1, _MOST).round().astype(int)]
    seeds = sorted({run.seed for run in results.runs})
    found = np.full((len(names), len(seeds), max(1, len(labels))), np.nan)
    for run in results.runs:
        if len(labels):
            found[names.index(run.strategy), seeds.index(run.seed)] = resample(run, labels)
    return found


def _shared(table: Array) -> Array:
    """The areas of rows that have at least half as many runs as the one with the most, over the seeds they share.

    The others are NaN: by their few seeds, those of all would be judged.

    Args:
        table: (methods or conditions, seeds).

    Returns:
        (methods or conditions, shared seeds).
    """
    done = np.isfinite(table)
    counts = done.sum(axis=1)
    kept = counts >= max(1, counts.max() / 2)
    return np.where(kept[:, None], table, np.nan)[:, done[kept].all(axis=0)]


def _needed(gains: Array) -> int | None:
    """Seeds that order two methods rightly; None where even thousands would not do."""
    there = gains[np.isfinite(gains)]
    mean = float(there.mean()) if len(there) else 0.0
    if not mean or (len(there) > 1 and (1.645 * there.std(ddof=1) / mean) ** 2 > _THOUSANDS):  # the normal law's guess
        return None
    return needed(there, limit=_THOUSANDS, draws=_DRAWS).seeds


def _alarms(runs: Sequence[Array]) -> tuple[float, float, float] | None:
    """The rate over all conditions; None with too few runs to be halved."""
    found = [false_alarms(values, halved, trials=_DRAWS) for values in runs if np.isfinite(values).sum() >= 4]
    if not found:
        return None
    rejections, trials = sum(one.rejections for one in found), sum(one.trials for one in found)
    return rejections / trials, *wilson(rejections, trials)


def _cells(results: Results) -> int:
    wanted = results.settings.get("strategies")
    seeds = results.settings.get("seeds")
    if isinstance(wanted, list) and isinstance(seeds, list):
        above = len(results.settings.get("bounds", ())) * len(results.settings.get("bound_seeds", ()))
        return len(wanted) * len(seeds) + above
    return len(results.runs)


def _said(
    conditions: Sequence[Results],
    names: Sequence[str],
    whole: NDArray[np.bool_],
    held: Sequence[Results],
    seeds: Sequence[int],
    datasets: int,
    intervals: Sequence[str],
) -> list[str]:
    said = [
        f"{results.title}: {sentence}"
        for results in conditions
        for sentence in results.said
        if "failed with seed" in sentence or "not done yet" in sentence
    ]
    whole_grid = ("other settings", LEFT_OUT)
    said += dict.fromkeys(text for one in conditions for text in one.said if any(mark in text for mark in whole_grid))
    out = [name for name, finished in zip(names, whole, strict=True) if not finished]
    if out:
        said.append(
            f"Without a rank, as somewhere they have less than half of the runs that others have: {', '.join(out)}."
        )
    for results, count in zip(held, seeds, strict=True):
        most = len({run.seed for run in results.runs})
        if count < most:
            said.append(f"{results.title}: ranks are over the {count} of {most} seeds that all ranked strategies have.")
    if datasets < len(held):
        said.append(
            f"The {len(held)} conditions are of {datasets} data set{'s' if datasets > 1 else ''}: those of one are "
            f"averaged before ranks, intervals and beliefs."
        )
    said += dict.fromkeys(intervals)
    if len({results.settings.get("batch") for results in held}) > 1:
        said.append(
            "Areas of different batch sizes are not to be compared: with larger batches a model learns less often."
        )
    return said


def _average(values: Sequence[float]) -> float:
    kept = [value for value in values if math.isfinite(value)]
    return sum(kept) / len(kept) if kept else math.nan


def _last(value: float) -> float:
    return float(value) if math.isfinite(value) else math.inf


def _first(value: float) -> float:
    return value if math.isfinite(value) else -math.inf

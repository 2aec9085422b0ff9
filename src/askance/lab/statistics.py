"""Strategies beside a baseline: intervals, paired tests, and labels saved."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from askance.lab.curves import area, crossing, grid, isotonic, resample
from askance.lab.signed import signed_ranks
from askance.reports.results import Comparison, Curve, Estimate, Results, Row, Run, Saved, Verdict
from askance.seeds import Dice

Array = NDArray[np.float64]

LEVEL = 0.05  # of the adjusted test; intervals hold 1 - LEVEL
RESAMPLES = 2000  # of the seeds, for the interval of the labels saved
ROUNDING = 1e-12  # of a score: areas of equal curves may differ in their last bits


def compare(results: Results, baseline: str = "random") -> Comparison:
    """Every strategy beside the baseline, paired by seed.

    A pair of runs is compared over the labels that both bought. Seeds that only one of the two has, and runs
    without two scores, are left out of the tests and counted in ``said``.

    Args:
        results: Runs of any strategies; the baseline may be missing, then nothing is tested.
        baseline: The strategy to compare with.
    """
    runs = {name: [run for run in results.runs if run.strategy == name] for name in results.strategies}
    usable = {name: [run for run in found if np.isfinite(run.scores).sum() >= 2] for name, found in runs.items()}
    base = {run.seed: run for run in usable.get(baseline, [])}
    pairs = {
        name: [(run, base[run.seed]) for run in found if run.seed in base and len(grid([run, base[run.seed]])) >= 2]
        for name, found in usable.items()
        if name != baseline
    }
    tests = {name: np.array([_gain(*pair) for pair in found]) for name, found in pairs.items()}
    p = {name: paired_t(gains) for name, gains in tests.items()}
    adjusted = dict(zip(p, holm(list(p.values())), strict=True))
    rows = []
    for name, found in runs.items():
        gains = tests.get(name, np.empty(0))
        compared = name != baseline and bool(base)
        rows.append(
            Row(
                strategy=name,
                area=interval([area(run.labels, run.scores) for run in found]),
                final=interval([_last(run) for run in found]),
                difference=interval(gains) if compared else None,
                p=p.get(name, math.nan),
                p_holm=adjusted.get(name, math.nan),
                p_wilcoxon=signed_ranks(gains),
                wins=int((gains > 0).sum()),
                losses=int((gains < 0).sum()),
                ties=int((gains == 0).sum()),
                saved=labels_saved(pairs.get(name, [])),
                seconds=_seconds(found),
                verdict="baseline" if name == baseline else _verdict(gains, adjusted[name]),
            )
        )
    rows.sort(key=_place(interval([area(run.labels, run.scores) for run in base.values()])))
    curves = [_curve(row.strategy, usable[row.strategy]) for row in rows]
    gaps = [_gap(row.strategy, pairs[row.strategy]) for row in rows if row.strategy in pairs]
    return Comparison(
        baseline=baseline,
        rows=rows,
        curves=[curve for curve in curves if curve.labels],
        gaps=[gap for gap in gaps if gap.labels],
        said=_left_out(results, baseline, runs, usable, pairs),
        bounds=_above(results),
    )


def _place(base: Estimate) -> Callable[[Row], tuple[float, str]]:
    """How rows are sorted: the best first, by what is gained where both ran, as a mean over other seeds may mislead."""

    def key(row: Row) -> tuple[float, str]:
        gained = row.difference.mean if row.difference else math.nan
        alone = row.area.mean - (base.mean if base.count else 0.0)  # 0 for the baseline itself
        better = gained if math.isfinite(gained) else alone
        return (-round(better, 12) if math.isfinite(better) else math.inf, row.strategy)

    return key


def _above(results: Results) -> list[Curve]:
    """The mean curve of each upper bound."""
    names = dict.fromkeys(run.strategy for run in results.bounds)
    curves = [_curve(name, [run for run in results.bounds if run.strategy == name]) for name in names]
    return [curve for curve in curves if curve.labels]


def interval(values: Sequence[float] | Array) -> Estimate:
    """Mean and Student's 95% interval of it; numbers that are none are left out.

    >>> round(interval([1.0, 3.0]).high, 4)           # 2 + 12.7062 x sqrt(2) / sqrt(2)
    14.7062
    """
    kept = np.asarray(values, dtype=np.float64)
    kept = kept[np.isfinite(kept)]
    if len(kept) < 2:
        return Estimate(float(kept[0]) if len(kept) else math.nan, math.nan, math.nan, len(kept))
    mean, half = float(kept.mean()), float(_half_width(kept))
    return Estimate(mean, mean - half, mean + half, len(kept))


def paired_t(differences: Array) -> float:
    """Two-sided p value of "the mean difference is zero"; NaN for fewer than two.

    >>> round(paired_t(np.array([1.0, 2.0, 3.0])), 4)         # t = 2 sqrt(3) on 2 degrees of freedom
    0.0742
    """
    count = len(differences)
    if count < 2:
        return math.nan
    mean, spread = differences.mean(), differences.std(ddof=1)
    if spread == 0:  # all alike: the limit of the test
        return 1.0 if mean == 0 else 0.0
    return float(2 * _scipy("special").stdtr(count - 1, -abs(mean) / (spread / math.sqrt(count))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values of the step-down method; NaN stays NaN and counts for no test. [holm1979simple]

    >>> holm([0.01, 0.04, 0.03])        # 3 x 0.01, then 2 x 0.03, then not less than that
    [0.03, 0.06, 0.06]
    """
    adjusted = [math.nan] * len(p_values)
    tested = sorted((place for place, p in enumerate(p_values) if not math.isnan(p)), key=lambda i: p_values[i])
    largest = 0.0
    for rank, place in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def labels_saved(pairs: Sequence[tuple[Run, Run]]) -> list[Saved]:
    """How many labels fewer the first of each pair needs to get where the second gets, on their mean curves.

    The score to reach is the one that the baseline's mean curve has at its end, and midway through its labels.
    Both mean curves are made to rise first. The interval resamples the pairs, so it asks nothing of the curves'
    shape; a resample in which the score is never reached counts as the worst.

    Args:
        pairs: Runs of the strategy and of the baseline, seed by seed.

    Returns:
        One entry for ``"end"`` and one for ``"midway"``; none without pairs or without common labels.
    """
    labels = grid([run for pair in pairs for run in pair])
    if len(labels) < 2:
        return []
    ours, theirs = (np.array([resample(run, labels) for run in side]) for side in zip(*pairs, strict=True))
    dice = Dice(0, "bootstrap").generator()  # the same for every strategy: their intervals are paired too
    drawn = dice.multinomial(len(pairs), np.full(len(pairs), 1 / len(pairs)), size=RESAMPLES)
    weights = np.vstack([np.ones(len(pairs)), drawn]) / len(pairs)  # the first row is the plain mean
    rising, reference = isotonic(weights @ ours), isotonic(weights @ theirs)
    middle = (labels[0] + labels[-1]) / 2
    targets = {"end": reference[:, -1], "midway": np.array([np.interp(middle, labels, row) for row in reference])}
    found = []
    for where, scores in targets.items():
        needed = crossing(labels, reference, scores)
        saved = needed - crossing(labels, rising, scores)
        low, high = _percentiles(saved[1:]) if len(pairs) > 1 else (math.nan, math.nan)
        found.append(Saved(where, float(scores[0]), float(needed[0]), float(saved[0]), low, high))
    return found


def _percentiles(values: Array) -> tuple[float, float]:
    """Values at 2.5% and 97.5%, each one of the numbers, so that minus infinity stays itself."""
    ends = np.quantile(values, [LEVEL / 2, 1 - LEVEL / 2], method="inverted_cdf")
    return float(ends[0]), float(ends[1])


def _gain(run: Run, base: Run) -> float:
    """Difference of the areas over the labels that both runs cover; what rounding leaves of a tie is 0."""
    labels = grid([run, base])
    ours, theirs = (resample(one, labels) for one in (run, base))
    gain = area(labels, ours) - area(labels, theirs)
    return 0.0 if abs(gain) <= ROUNDING * np.abs([ours, theirs]).max() else gain


def _verdict(gains: Array, p: float) -> Verdict:
    if math.isnan(p):
        return "not tested"
    if p >= LEVEL:
        return "not different"
    return "above" if gains.mean() > 0 else "below"


def _last(run: Run) -> float:
    return next((score for score in reversed(run.scores) if math.isfinite(score)), math.nan)


def _seconds(runs: Sequence[Run]) -> dict[str, float]:
    kinds = dict.fromkeys(kind for run in runs for kind in run.seconds)
    return {kind: float(np.mean([sum(run.seconds.get(kind, [])) for run in runs])) for kind in kinds}


def _curve(name: str, runs: Sequence[Run]) -> Curve:
    labels = grid(runs)
    return _band(name, labels, np.array([resample(run, labels) for run in runs]))


def _gap(name: str, pairs: Sequence[tuple[Run, Run]]) -> Curve:
    labels = grid([run for pair in pairs for run in pair])
    return _band(name, labels, np.array([resample(run, labels) - resample(base, labels) for run, base in pairs]))


def _band(name: str, labels: Array, values: Array) -> Curve:
    if not values.size:
        return Curve(name, [], [], [], [], 0)
    mean = values.mean(axis=0)
    half = _half_width(values) if len(values) > 1 else np.full(len(labels), np.nan)
    return Curve(name, labels.tolist(), mean.tolist(), (mean - half).tolist(), (mean + half).tolist(), len(values))


def _half_width(values: Array) -> Array:
    """Half of Student's interval of the mean along the first axis."""
    count = len(values)
    quantile = float(_scipy("special").stdtrit(count - 1, 1 - LEVEL / 2))
    return np.asarray(quantile * values.std(axis=0, ddof=1) / math.sqrt(count))


def _left_out(
    results: Results,
    baseline: str,
    runs: dict[str, list[Run]],
    usable: dict[str, list[Run]],
    pairs: dict[str, list[tuple[Run, Run]]],
) -> list[str]:
    """What a reader must know about runs that could not be compared."""
    said = []
    if not usable.get(baseline):
        why = "has no run with two scores" if runs.get(baseline) else "is not among the strategies"
        said.append(f"Nothing is compared: the baseline {baseline!r} {why}. Run it with the same seeds.")
    for name, found in runs.items():
        short = len(found) - len(usable[name])
        if short:
            said.append(f"{name}: {short} of {len(found)} runs have fewer than two scores and are left out.")
        alone = len(usable[name]) - len(pairs.get(name, usable[name]))
        if alone and usable.get(baseline):
            said.append(
                f"{name}: {alone} of {len(usable[name])} runs have no partner among the runs of {baseline!r} "
                f"with the same seed and labels in common; they are left out of the tests."
            )
    holes = sum(not math.isfinite(score) for run in results.runs for score in run.scores)
    if holes:
        said.append(f"{holes} scores are not numbers; the curves step over them.")
    ends = {(run.labels[0], run.labels[-1]) for run in results.runs}
    if len(ends) > 1:
        said.append(
            "Not all runs cover the same labels: a pair of runs is compared over the labels that both cover, "
            "and a mean curve ends where its first run ends."
        )
    return said


def _scipy(part: str) -> ModuleType:
    """Loaded on first use: scipy.stats takes half a second."""
    return import_module(f"scipy.{part}")

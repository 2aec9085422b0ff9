"""From the results of a grid to what is kept of them: areas of every seed and curves, without picks."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from askance.errors import BadInput
from askance.files import whole
from askance.lab.across import across
from askance.lab.curves import area, grid, resample, span
from askance.lab.grid import joined
from askance.lab.registry import ENTRIES, origin
from askance.lab.saved import FILE, read_results
from askance.lab.statistics import interval
from askance.reports.condensed import KIND, Condensed, Condition, Strategy
from askance.reports.results import Comparison, Results, Run

MOST = 16  # points of a curve that are kept
FIRST = 4  # scores of the first three rounds
DOMAINS = {"numbers": "tables", "pixels": "pictures", "prose": "texts"}
MEASURES = ("balanced_accuracy", "macro_f1")


def condense(preset: str, title: str, conditions: Sequence[Results], baseline: str = "random") -> Condensed:
    """Condense results.

    Args:
        preset: The grid's name.
        title: Its title.
        conditions: Results, one for each condition; those without a run are left out and said.
        baseline: What all are compared with.

    Raises:
        BadInput: If there is no run at all.
    """
    found = across(conditions, baseline, title)
    held = [_condition(results, comparison) for results, comparison in found.conditions.values()]
    lacking = [results.title for results in conditions if not results.runs]
    said = [*found.said, *([f"Not begun: {', '.join(lacking)}."] if lacking else [])]
    made = {pair for results in conditions for pair in results.versions.items()}
    return Condensed(
        preset, title, time.strftime("%Y-%m-%d"), baseline, found.cells, found.done, joined(made), held, said
    )


def read(path: str | Path) -> Condensed:
    """Condensed results from a file, or the results of a grid condensed as they are read.

    Raises:
        BadInput: If it is neither.
    """
    place = Path(path)
    if place.is_file():
        try:
            found = json.loads(place.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise BadInput(f"{path} holds no results: {error}. Name what `askance lab run` wrote.") from error
        if isinstance(found, dict) and found.get("kind") == KIND:
            return Condensed.read(found, str(path))
    title, conditions = read_results(place)
    folder = place.parent if place.name == FILE else place
    return condense(folder.absolute().name, title, conditions)


def write(condensed: Condensed, path: str | Path) -> Path:
    """Write condensed results, whole or not at all.

    Raises:
        StorageError: If they cannot be written.
    """
    with whole(Path(path)) as file:
        file.write(condensed.to_json())
    return Path(path)


def _condition(results: Results, comparison: Comparison) -> Condition:
    labels = grid(results.runs)  # no bound cuts what strategies are judged by
    seeds = sorted({run.seed for run in [*results.runs, *results.bounds]})
    shown = labels[np.unique(np.linspace(0, len(labels) - 1, MOST).round().astype(int))] if len(labels) else labels
    parts = {name: _strategy(name, own, labels, shown, seeds, comparison) for name, own in _by_name(results.runs)}
    bounds = {}
    for name, own in _by_name(results.bounds):
        first, last = span(own)
        bounds[name] = _strategy(name, own, labels[(labels >= first) & (labels <= last)], shown, seeds, comparison)
    settings, name = results.settings, str(results.dataset["name"])
    return Condition(
        name=results.title,
        dataset=name,
        domain=_domain(name),
        items=int(results.dataset["items"]),
        classes=len(results.dataset["classes"]),
        encoder=str(settings.get("encoder", "default")),
        learner=str(settings.get("learner_name") or _learner(settings["learner"])),
        start=str(settings["start"]),
        **{key: int(settings[key]) for key in ("initial", "batch", "budget", "test")},
        seeds=seeds,
        labels=[float(x) for x in shown],
        strategies={name: parts[name] for name in results.strategies},
        learned_by=_learned_by(settings),
        bounds=bounds,
        said=[text for text in results.said if "failed with seed" in text or "not done yet" in text],
    )


def _by_name(runs: Sequence[Run]) -> list[tuple[str, list[Run]]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.strategy, []).append(run)
    return list(found.items())


def _strategy(
    name: str, runs: Sequence[Run], labels: Any, shown: Any, seeds: Sequence[int], comparison: Comparison
) -> Strategy:
    row = next((row for row in comparison.rows if row.strategy == name), None)
    areas = {run.seed: area(labels, resample(run, labels)) for run in runs}
    bands = [interval(list(points)) for points in np.array([resample(run, shown) for run in runs]).T]
    gain = row.difference if row is not None and row.verdict != "baseline" else None
    others = {}
    for key in MEASURES:
        told = [area(run.labels, run.measures[key]) for run in runs if key in run.measures]
        if told:
            others[key] = round(float(np.mean(told)), 5)
    early = {run.seed: area(run.labels[:FIRST], run.scores[:FIRST]) for run in runs}
    return Strategy(
        areas=[_number(areas.get(seed, math.nan)) for seed in seeds],
        final=_number(float(np.mean([run.scores[-1] for run in runs]))),
        curve=[_number(band.mean) for band in bands],
        low=[_number(band.low) for band in bands],
        high=[_number(band.high) for band in bands],
        seconds=_number(float(np.mean([sum(map(sum, run.seconds.values())) for run in runs]))),
        gain=_number(gain.mean) if gain else None,
        gain_low=_number(gain.low) if gain else None,
        gain_high=_number(gain.high) if gain else None,
        p=_number(row.p_holm, 6) if row is not None else None,
        verdict=row.verdict if row is not None else "",
        others=others,
        early=[_number(early.get(seed, math.nan)) for seed in seeds],
    )


def _domain(name: str) -> str:
    known = ENTRIES.get(origin(name))
    if known is None:
        return "own"
    return "made" if type(known.reader).__name__ == "Generated" else DOMAINS.get(known.kind.name, "own")


def _learned_by(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What learned, by `askance.lab.identity.identity` of when it ran; empty where the results do not say."""
    marks = settings.get("learner_marks")
    return {"part": settings["learner"], "marks": marks} if marks else {}


def _learner(said: Any) -> str:
    """The name of a learner that is only described, such as ``Linear``."""
    part = said.get("part", said) if isinstance(said, Mapping) else said
    return str(part).rpartition(":")[2]


def _number(value: float, digits: int = 5) -> float | None:
    return round(value, digits) if math.isfinite(value) else None

"""What docs/papers/deepal.md is made of: the survey of DeepAL+ on equal terms, read off its ledger.

    askance lab run deepal-survey --out FOLDER          the survey; about three hours of two cores
    askance lab run deepal-factors --out OTHER          batch sizes and steps of training
    python -m benchmarks.deepal FOLDER --factors OTHER  read what is there of them, finished or not
    python -m benchmarks.deepal --whole                 the same networks on all labels of a pool, some minutes

    python -m benchmarks.deepal FOLDER --keep           keep the ledger too, in docs/results/ledgers, to go on elsewhere
    python -m benchmarks.deepal --restore FOLDER        put it into a folder, where `askance lab run` goes on

The ledger is read from a copy, so a survey that is running goes on undisturbed. Each command writes its own part of
docs/results/deepal-survey.json or docs/results/deepal-factors.json.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from askance.lab.across import across
from askance.lab.grids import Condition, Grid
from askance.lab.presets.catalogue import PRESETS
from askance.lab.running import LEDGER, results_of
from askance.learners import catalogue as learners
from askance.look import threads
from askance.reports.results import Estimate, Results
from benchmarks.ledgers import copy, keep, restore
from benchmarks.measure import ROOT, machine
from benchmarks.paired import Gap, gaps, lesson_of, rows, short

FOLDER = ROOT / "docs" / "results"
SURVEY, FACTORS = FOLDER / "deepal-survey.json", FOLDER / "deepal-factors.json"
BASELINES = ("random", "margin")
CONTROLS = (("lpl", "random + lpl"), ("waal", "random + waal"), ("vaal", "random"))
TRAININGS = (("random + lpl", "random"), ("random + waal", "random"))  # what a training is worth without the picks
WHOLE_SEEDS = tuple(range(5))


def read(grid: Grid, folder: Path) -> list[Results]:
    """What is there of a grid that may be running: its ledger is copied first, by SQLite itself.

    Raises:
        BadInput: If there is no ledger.
    """
    with tempfile.TemporaryDirectory() as place:
        copy(folder, Path(place) / LEDGER)
        return results_of(grid, place)


def compact(conditions: Sequence[Results]) -> dict[str, Any]:
    """The numbers of every run that the page needs, and what they say against the baselines and the controls."""
    held = [results for results in conditions if results.runs]
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "versions": held[0].versions,
        "seeds": len(held[0].settings["seeds"]),
        "strategies": held[0].settings["strategies"],
        "cells": sum(len(one.settings["seeds"]) * len(one.settings["strategies"]) for one in conditions),
        "done": sum(len(one.runs) for one in conditions),
        "sets": {short(results.title): _set(results) for results in held},
    }
    together = across(held)
    found["ranks"] = {one.name: round(one.rank, 3) for one in together.methods if np.isfinite(one.rank)}
    found["ranked"] = together.ranked
    found["friedman"] = together.friedman_p if np.isfinite(together.friedman_p) else None
    return found


def _set(results: Results) -> dict[str, Any]:
    found = rows(results)
    names = list(found)
    settings = {name: results.settings[name] for name in ("initial", "batch", "budget", "test")}
    return {
        **settings,
        "items": results.dataset["items"],
        "classes": len(results.dataset["classes"]),
        "network": results.settings["learner"],
        "failed": [text for text in results.said if "failed with seed" in text],
        "short": sum(run.labels[-1] < results.settings["budget"] for run in results.runs),
        "rows": found,
        "against": {
            base: {
                what: [_plain(gap) for gap in gaps(found, [(name, base) for name in names if name != base], what)]
                for what in ("area", "final")
            }
            for base in BASELINES
        },
        "controls": [_plain(gap) for gap in gaps(found, CONTROLS)],
        "trainings": [_plain(gap) for gap in gaps(found, TRAININGS)],
    }


def _plain(gap: Gap) -> dict[str, Any]:
    """A comparison as JSON; None where a number is none."""
    numbers = {"mean": gap.found.mean, "low": gap.found.low, "high": gap.found.high, "p": gap.p}
    told = {name: float(f"{value:.4g}") if np.isfinite(value) else None for name, value in numbers.items()}
    return {"one": gap.one, "other": gap.other, "pairs": gap.found.count, **told}


def against(one: Mapping[str, Any], base: str, what: str = "area") -> dict[str, Gap]:
    """What a file of results says of every strategy of a set against a baseline, by name."""
    return {told["one"]: gap_of(told) for told in one["against"][base][what]}


def gap_of(told: Mapping[str, Any]) -> Gap:
    """A comparison as it was before it was written."""
    mean, low, high, p = (math.nan if told[key] is None else told[key] for key in ("mean", "low", "high", "p"))
    return Gap(told["one"], told["other"], Estimate(mean, low, high, told["pairs"]), p)


def whole(condition: Condition, seeds: Sequence[int]) -> list[float]:
    """The accuracy of a network that learns from every label of its pool, in as many steps as with few of them."""
    data, plan = condition.dataset, condition.plan
    learner = learners.learner(plan.learner)
    column = {label: number for number, label in enumerate(data.classes)}
    found = []
    for seed in seeds:
        _, held = data.split(seed, plan.test)
        model = learner.fit(lesson_of(data, learner, seed, len(data.pool) - plan.test, plan.test))
        truth = torch.tensor([column[data.labels[row]] for row in held.tolist()])
        with torch.no_grad():
            said = model.outputs(data.pool.items[held]).scores
        assert said is not None
        found.append(round(float((said.argmax(1) == truth).double().mean()), 5))
    return found


def _write(path: Path, found: dict[str, Any]) -> None:
    """Put parts into a file of results; the others stay."""
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**before, **found}, separators=(",", ":")) + "\n", "utf-8")
    print(f"{path.relative_to(ROOT)} is written; now write the page: make docs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("survey", nargs="?", type=Path, help="the folder of deepal-survey")
    parser.add_argument("--factors", type=Path, metavar="FOLDER", help="the folder of deepal-factors")
    parser.add_argument("--whole", action="store_true", help="train on all labels of each pool")
    parser.add_argument("--keep", action="store_true", help="keep the survey's ledger too")
    parser.add_argument("--restore", type=Path, metavar="FOLDER", help="unpack the survey's ledger into a folder")
    options = parser.parse_args()
    if options.restore:
        restore(SURVEY.stem, options.restore)
    if options.survey:
        _write(SURVEY, compact(read(PRESETS["deepal-survey"].grid(), options.survey)))
        if options.keep:
            keep(options.survey, SURVEY.stem)
    if options.factors:
        _write(FACTORS, compact(read(PRESETS["deepal-factors"].grid(), options.factors)))
    if options.whole:
        with threads(1):
            told = {short(one.name): whole(one, WHOLE_SEEDS) for one in PRESETS["deepal-survey"].grid().conditions}
        _write(SURVEY, {"whole": {"seeds": list(WHOLE_SEEDS), "machine": machine(), "accuracy": told}})


if __name__ == "__main__":
    main()

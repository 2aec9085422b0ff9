"""What earlier sessions of the census ran counts as long as nothing of it has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from askance.learners.pair import NeuralPair
from askance.reports.results import Results, Run
from benchmarks import census, lab_page

NAMES = ("random", "neuronal")


def session(seed: int, names: tuple[str, ...] = NAMES) -> Results:
    runs = [Run(name, seed, [60, 260], [0.5, 0.5], [[1.0]], [], [""], {}) for name in names]
    settings = {"initial": 60, "strategies": list(NAMES), "learner_marks": {"head": seed}}  # the learner says it anyway
    return Results("digits", settings, {}, runs)


def areas(found: dict[str, object]) -> dict[str, list[str]]:
    sets: dict[str, dict[str, dict[str, dict[str, dict[str, float]]]]] = found["sets"]  # type: ignore[assignment]
    return {name: list(own["areas"]) for name, own in sets["digits"]["strategies"].items()}


def test_runs_of_before_a_part_of_a_strategy_changed_are_not_mixed_with_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "RESULTS", tmp_path / "census.json")
    for seed in (0, 1):
        found = census.kept([session(seed)])
        census.RESULTS.write_text(json.dumps(found), "utf-8")
    assert areas(found) == {"random": ["0", "1"], "neuronal": ["0", "1"]}
    monkeypatch.setattr(NeuralPair, "revision", NeuralPair.revision + 1)  # the strategy has its own learner
    assert census.outdated(found) == ["neuronal"]
    assert areas(census.kept([session(2, ("random",))])) == {"random": ["0", "1", "2"], "neuronal": ["0", "1"]}
    again = census.kept([session(2)])
    assert areas(again) == {"random": ["0", "1", "2"], "neuronal": ["2"]}
    assert census.outdated(again) == []


def test_the_page_says_what_is_to_be_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "**To be run again**, as they have changed since:"
    monkeypatch.setattr(lab_page, "outdated", lambda found: [])
    assert told not in lab_page.census_page()
    monkeypatch.setattr(lab_page, "outdated", lambda found: ["margin"])
    assert f"{told} `margin`." in lab_page.census_page()

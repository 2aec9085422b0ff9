"""Pages say which results are of an earlier learner, and cease to once these have been run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from askance.lab.condensing import condense, read, write
from askance.lab.grids import Grid
from askance.lab.identity import identity
from askance.lab.running import run_grid
from askance.learners.linear import Linear
from askance.reports.condensed import Condensed
from benchmarks import claims_page, docs, stopping
from benchmarks.no_free_lunch_page import page
from benchmarks.published import changed, published, remark

OLD = "Run with an earlier [default head]("
DIGITS = "no-free-lunch-digits"


def anew(found: Condensed) -> Condensed:
    """The same results, had today's default head made them."""
    return replace(found, conditions=[replace(one, learned_by=identity(Linear())) for one in found.conditions])


@pytest.fixture
def old() -> Condensed:
    found = published()[DIGITS]
    return replace(found, conditions=[replace(one, learned_by={}) for one in found.conditions])


def test_results_say_what_learned_and_are_old_once_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = ({"learner": Linear(), "name": "linear"}, {"learner": Linear(ridge=1.0), "name": "ridge 1"})
    grid = Grid(("digits",), ("random",), learners=heads, initial=(20,), batch=(10,), budget=30, test=100, seeds=(0,))
    write(condense("one", "One", run_grid(grid, tmp_path)), tmp_path / "one.json")
    found = read(tmp_path / "one.json")
    assert [one.learned_by for one in found.conditions] == [identity(Linear()), identity(Linear(ridge=1.0))]
    assert changed(found) == [] and remark(found, "head.md") == ""
    monkeypatch.setattr(Linear, "revision", Linear.revision + 1)
    assert changed(found) == ["linear"]  # a ridge that is given has never changed
    assert remark(found, "head.md") == f"{OLD}head.md), and to be run again.\n\n"


def test_results_that_do_not_say_what_learned_are_old(old: Condensed) -> None:
    assert changed(old) == ["linear"]
    assert changed(anew(old)) == []
    other = replace(old, conditions=[replace(old.conditions[0], learner="cnn")])
    assert remark(other, "head.md") == "Run with earlier revisions of cnn, and to be run again.\n\n"


@pytest.mark.parametrize(
    ("write_page", "told"),
    [
        (lambda: page(None, claims_page.published()[DIGITS]), OLD),
        (claims_page.claims_page, OLD),
        (claims_page.public_page, "To be run again, as what learned has changed since: No free lunch, on digits."),
        (docs.before, "to be run again: No free lunch, on digits"),
    ],
)
def test_a_page_remarks_on_old_results_until_they_are_run_again(
    write_page: Callable[[], str], told: str, old: Condensed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (claims_page, docs):
        monkeypatch.setattr(module, "published", lambda: {DIGITS: old})
    assert told in write_page()
    for module in (claims_page, docs):
        monkeypatch.setattr(module, "published", lambda: {DIGITS: anew(old)})
    assert told not in write_page()


def test_runs_of_a_criterion_for_stopping_with_an_earlier_head_are_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, Any] = json.loads(stopping.RESULTS.read_text("utf-8"))
    for group in kept["groups"].values():
        for own in group.values():
            own.pop("learner", None)
    monkeypatch.setattr(stopping, "RESULTS", tmp_path / "stopping.json")
    stopping.RESULTS.write_text(json.dumps(kept), "utf-8")
    assert stopping.stopping_measured().startswith(OLD) and "[when to stop]" in docs.before()
    ran: list[int] = []

    def simulate(data: object, seed: int, strategy: str) -> dict[str, Any]:
        ran.append(seed)
        return next(one for one in kept["groups"]["report"]["digits"]["runs"] if one["seed"] == seed)

    monkeypatch.setattr(stopping, "simulate", simulate)
    group = replace(stopping.REPORT["report"], names=("digits",), seeds=range(2))
    for _ in range(2):
        stopping.run({"report": group})
    assert ran == [0, 1]
    for groups in (again := json.loads(stopping.RESULTS.read_text("utf-8")))["groups"].values():
        for own in groups.values():
            own["learner"] = identity(Linear())
    stopping.RESULTS.write_text(json.dumps(again), "utf-8")
    assert not stopping.stopping_measured().startswith(OLD) and "[when to stop]" not in docs.before()


def test_a_table_of_encoders_remarks_on_the_head_that_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads((docs.ROOT / "docs" / "results" / "encoders.json").read_text("utf-8"))
    (tmp_path / "docs" / "results").mkdir(parents=True)
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    for learner, old in ((None, True), (identity(Linear()), False)):
        told = json.dumps(found | {"learner": learner})
        (tmp_path / "docs" / "results" / "encoders.json").write_text(told, "utf-8")
        assert docs.encoders_measured().startswith(OLD) is old and ("[encoders]" in docs.before()) is old

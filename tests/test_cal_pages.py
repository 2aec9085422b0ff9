"""What the pages of NeuralCAL and of streams say was run, is; and runs that were broken off go on."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from askance.given import view
from askance.signals.probabilities import Scores
from benchmarks import kept, lab_page, neural_cal, neural_cal_page, smoke, streams
from benchmarks.neural_cal_page import ORDERS, SHOWN, STOPS, TITLES, pairs
from benchmarks.streams_page import POOLS, SAID, STREAMS, _fewer


def test_half_of_the_honeypot_is_noise_and_a_fifth_is_held_out() -> None:
    one, other = (neural_cal.world("honeypot", seed) for seed in (0, 1))
    assert len(one.labels) == 600 and one.noisy.sum() == 300 and len(one.test) == 120
    assert torch.allclose(one.items[one.noisy].mean(0), torch.tensor([4.0, 3.0]), atol=0.2)
    assert not torch.equal(one.items, other.items)
    assert [one.labels[row] for row in one.first] == [0, 1] and not set(one.first) & set(one.test.tolist())
    assert neural_cal.world("clean", 0).noisy.sum() == 0
    assert neural_cal.world("fourier", 0).items.shape == (600, neural_cal.FOURIER)


def test_a_run_counts_what_went_into_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neural_cal, "QUERIES", 8)
    found = neural_cal.run("honeypot", "random", "3")
    again = neural_cal.run("honeypot", "random", "3")
    assert found == again and found["stopped"] is None and found["patch"] * 8 == round(found["patch"] * 8)
    assert found["chow 0.1 without"] == pytest.approx(1 - found["final"])


def test_a_run_that_stops_keeps_its_accuracy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neural_cal, "QUERIES", 40)
    found = neural_cal.run("clean", "gate, beta 1, stops", "0")
    assert 2 < found["stopped"] < 42 and found["final"] > 0.9


def test_what_the_pages_compare_is_run() -> None:
    known = neural_cal.methods(1.0).keys()
    assert {*SHOWN, *STOPS} == {*known} and {name for pair in (*pairs(), *ORDERS) for name in pair} <= known
    assert {case for case, *_ in neural_cal.wanted(1)} == set(TITLES)
    assert {*STREAMS} == streams.streams(2).keys() == SAID.keys() and {*POOLS} == streams.pools().keys()
    for name, grid in smoke.grids().items():
        there = {str(one["name"] if isinstance(one, dict) else one) for one in grid.strategies}
        assert {who for claim in smoke.CLAIMS.get(name, ()) for who in claim} <= there


def test_chance_asks_for_its_share_whatever_else_there_is() -> None:
    paper = view(embeddings=torch.zeros(2000, 1))
    asked = streams.Chance(400, first=0).query(paper, 2000)
    assert len(asked) == 400 and asked.reason == "passed"


def test_the_least_gaps_come_first() -> None:
    assert streams.Least(values=Scores()).query(view(logits=[[0.0, 0.3], [0.0, 0.1], [0.0, 0.2]]), 2).ids == [1, 2]


def test_a_stream_is_held_against_chance_with_as_many_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST", 120)
    found = streams.run("honeypot", "stream gate", "0")
    assert 0 < found["labels of chance"] == found["labels"] <= 0.2 * 90 and found["considered"] == 80
    for seed in range(1, 4):
        found = streams.run("honeypot", "stream gate", str(seed))
        assert found["labels of chance"] == found["labels"]
    items, labels, order = streams.world("digits", 0)
    assert len(items) == len(labels) == 120 and len(order) == 90 == len(np.unique(order))


def test_a_page_of_streams_says_by_how_much_chance_had_fewer_labels() -> None:
    row = {"labels": [50, 40, 10], "labels of chance": [45, 36, 9]}
    assert "10.0% fewer in all; fewer in 3 of 3 pairs of runs, and more in none" in _fewer({"x": {"stream a": row}})
    assert _fewer({"x": {"stream a": row | {"labels of chance": [50, 40, 10]}}}) == ""


def test_orders_that_should_hold_are_adjusted_for_their_number_and_one_not_told_apart_confirms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = json.loads(lab_page.SMOKE.read_text("utf-8"))
    (first, *_) = found["claims"]
    several = [first | {"on": f"set {k}", "mean": 0.01, "low": 0.001, "high": 0.02, "p": 0.03} for k in range(3)]
    found["claims"] = [*several, first | {"on": "level", "mean": 0.0, "low": -0.01, "high": 0.01, "p": 0.9}]
    (tmp_path / "smoke.json").write_text(json.dumps(found), "utf-8")
    monkeypatch.setattr(lab_page, "SMOKE", tmp_path / "smoke.json")
    table = [line for line in lab_page.smoke_page().splitlines() if line.startswith(("| set", "| level"))]
    assert len(table) == 4 and all(line.endswith("| not told apart |") for line in table)
    assert "(../papers/neural-cal.md)" in lab_page.smoke_page()


def test_as_good_as_another_is_an_interval_that_keeps_above_a_margin() -> None:
    page = neural_cal_page.neural_cal_page()
    assert "not below" not in page and "as good as" not in page.partition("## What was expected")[2]
    assert "its whole interval has to be above the other less 1 point" in page and "(../lab/smoke.md)" in page


def test_a_run_is_run_once_and_none_begins_when_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path / "runs")
    monkeypatch.setattr(kept, "PACKED", tmp_path / "packed")
    done: list[tuple[str, ...]] = []

    def run(*words: str) -> dict[str, Any]:
        done.append(words)
        return {"value": float(words[-1])}

    wanted = [("a", "one, two", str(seed)) for seed in range(3)]

    def decides(*words: str) -> Any:
        return words

    assert kept.runs("x", wanted, run, decides, 0.0) == {}
    assert len(kept.runs("x", wanted[:2], run, decides, float("inf"))) == 2
    found = kept.runs("x", wanted, run, decides, float("inf"))
    assert done == wanted and kept.columns(found)["a"]["one, two"]["value"] == [0.0, 1.0, 2.0]
    assert kept.until(None) == float("inf") and 0 < kept.until("00:00") - time.time() <= 86_400

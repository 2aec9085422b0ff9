"""Presets: what is declared can be run, and every method of DeepAL+ goes through the lab."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from askance.errors import BadInput
from askance.lab import cache, sets
from askance.lab.across import across
from askance.lab.datasets import Dataset, digits
from askance.lab.grids import Grid, encoder_of
from askance.lab.presets import cdalbench
from askance.lab.presets.base import Preset
from askance.lab.presets.catalogue import PRESETS
from askance.lab.presets.deepal import DEEPAL, pixels
from askance.lab.presets.no_free_lunch import no_free_lunch, no_free_lunch_digits, spoiled
from askance.lab.registry import ENTRIES
from askance.lab.running import run_grid
from askance.learners.dropout import Dropout
from askance.learners.networks import Cnn
from askance.learners.torch import Torch
from askance.pool import Pool


def stand_in(name: str) -> Dataset:
    """As large and as wide as the data set of a name, with ten classes by chance."""
    if name == "digits":
        return digits()
    dice = np.random.default_rng(0)
    width = 256 if name == "20-newsgroups" else 784
    labels = tuple(int(label) for label in dice.integers(0, 10, 8000))
    return Dataset(name, Pool.from_arrays(dice.random((8000, width), dtype=np.float32)), labels)


def test_the_survey_and_its_factors_are_declared_on_equal_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "load", stand_in)
    survey = PRESETS["deepal-survey"].grid()
    names = [condition.name for condition in survey.conditions]
    assert names == ["digits", "fashion-mnist", "animal-silhouettes", "20-newsgroups (7143 items)"]
    assert [len(c.dataset.pool) - c.plan.test for c in survey.conditions] == [1258, 5000, 5000, 5000]
    for condition in survey.conditions:
        learner = condition.plan.learner
        assert isinstance(learner, Dropout) and learner.learner.steps == 300  # type: ignore[attr-defined]
        assert (condition.plan.budget - condition.plan.initial) / condition.plan.batch == 8
        assert condition.plan.strategies == tuple(survey.parts) and len(survey.parts) == 25
    assert len(list(survey.cells())) == 4 * 25 * 10
    factors = PRESETS["deepal-factors"].grid()
    assert [condition.name for condition in factors.conditions] == [
        *(f"fashion-mnist, cnn, 300 steps, batch {batch}" for batch in (25, 50, 100, 200)),
        *(f"fashion-mnist, cnn, {steps} steps, batch 50" for steps in (100, 900)),
    ]


def test_pixels_are_averaged_four_by_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "load", stand_in)
    found = pixels("fashion-mnist", 28, 100)
    flat = stand_in("fashion-mnist").sample(100)
    first = torch.as_tensor(flat.pool.items)[0].reshape(28, 28)
    assert found.pool.items.shape == (100, 1, 14, 14) and found.labels == flat.labels
    assert float(found.pool.items[0, 0, 0, 1]) == pytest.approx(float(first[:2, 2:4].mean()), rel=1e-5)
    whole = pixels("digits", 8)
    assert whole.pool.items.shape == (1797, 1, 8, 8) and "averaged" not in " ".join(whole.said)


def lacking(monkeypatch: pytest.MonkeyPatch, *names: str) -> Preset:
    """A preset in two sizes, of which these data sets are not in the cache."""
    monkeypatch.setattr(cache, "state", lambda known: "not fetched" if known.name in names else "in the cache")

    def make(size: str) -> Grid:
        common: dict[str, Any] = {"strategies": ("random", "margin"), "test": 40, "title": "Two"}
        beside = Grid(datasets=({"name": "dna", "items": 500},), batch=(20,), **common)
        sets = ("iris", "letter") if size == "paper" else ("letter",)
        return Grid(datasets=sets, more=(beside,), **common)

    return Preset("two sets", make, {"desk": "1 min", "paper": "1 h"})


def test_a_preset_names_its_size_and_says_what_fetches_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacking(monkeypatch).grid().title == "Two, size desk"
    assert lacking(monkeypatch).grid("paper").datasets == ("iris", "letter")
    with pytest.raises(BadInput, match="size of this preset .--size. named 'tiny'"):
        lacking(monkeypatch).grid("tiny")
    preset = lacking(monkeypatch, "dna", "letter")
    with pytest.raises(BadInput, match="Fetch with: askance datasets fetch dna letter, or run without"):
        preset.grid("paper")
    kept = preset.grid("paper", without_missing=True)
    assert kept.datasets == ("iris",) and kept.more == () and kept.title == "Two, size paper"
    assert kept.said == ("Left out, as not in the cache: dna, letter (askance datasets fetch dna letter).",)
    with pytest.raises(BadInput, match="Nothing is left of this grid"):
        preset.grid("desk", without_missing=True)


def test_what_is_left_out_stands_in_the_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    grid = replace(lacking(monkeypatch, "dna", "letter").grid("paper", without_missing=True), seeds=(0,), budget=40)
    found = run_grid(grid, tmp_path)
    assert [text for text in across(found).said if text.startswith("Left out")] == list(grid.said)


@pytest.mark.slow
def test_every_method_of_the_survey_runs(tmp_path: Path) -> None:
    data = pixels("digits", 8).sample(200)
    tiny = Dropout(Torch(Cnn(widths=(4, 4), hidden=8), steps=5), passes=3)
    grid = Grid(
        datasets=(data,),
        strategies=DEEPAL,
        learners=({"learner": tiny, "name": "tiny"},),
        initial=(20,),
        batch=(10,),
        budget=40,
        test=60,
        seeds=(0,),
    )
    (found,) = run_grid(grid, tmp_path)
    assert not [text for text in found.said if "failed" in text or "diverged" in text]
    assert {run.strategy for run in found.runs} == set(grid.parts)
    by_name = {run.strategy: run for run in found.runs}
    trained = ("lpl", "waal", "random + lpl", "random + waal")
    alike = [by_name[name].scores[0] for name in grid.parts if name not in trained]
    assert len(set(alike)) == 1  # the same first labels, dice and steps
    assert by_name["lpl"].scores[0] == by_name["random + lpl"].scores[0]
    assert by_name["waal"].scores[0] == by_name["random + waal"].scores[0]
    assert by_name["random"].picks == by_name["random + lpl"].picks == by_name["random + waal"].picks
    assert replace(by_name["random"], seconds={}, strategy="", notes={}) != replace(
        by_name["margin"], seconds={}, strategy="", notes={}
    )


def test_no_free_lunch_is_declared_in_three_sizes() -> None:
    paper = no_free_lunch("paper")
    assert len(paper.datasets) * len(paper.encoders) * len(paper.start) == 75 and len(paper.parts) == 7
    names = [encoder_of(value)[0] for value in paper.encoders]
    assert names == ["wordllama", "minilm-l6", "svd-8", "svd-64", "svd-256"]
    assert [encoder_of(value)[1].dimensions for value in paper.encoders[2:]] == [8, 64, 256]  # type: ignore[union-attr]
    assert (paper.budget, paper.initial, paper.batch, paper.test, len(paper.seeds)) == (210, (10,), (10,), 1000, 50)
    assert paper.parts["typiclust"].select.smallest == 1  # type: ignore[attr-defined]
    smoke, desk = no_free_lunch("smoke"), no_free_lunch("desk")
    said = PRESETS["no-free-lunch"].about
    assert "five sets, five encoders and three ways" in said
    assert (len(paper.datasets), len(paper.encoders), len(paper.start)) == (5, 5, 3)
    assert "two sets, three encoders and two ways" in said
    assert (len(desk.datasets), len(desk.encoders), len(desk.start)) == (2, 3, 2)
    assert len(smoke.seeds) < len(desk.seeds) < 50 and desk.strategies == smoke.strategies == paper.strategies


def test_digits_are_spoiled_in_three_ways_always_alike() -> None:
    good, noisy, poor = (spoiled(name) for name in ("good", "noisy", "poor"))
    plain = digits()
    pixels = torch.as_tensor(plain.pool.items).double()
    assert torch.allclose(good.pool.items.double(), pixels - pixels.mean(0), atol=1e-6)
    noise = (noisy.pool.items - good.pool.items).double()
    assert float(noise.std()) == pytest.approx(0.35, abs=0.005) and abs(float(noise.mean())) < 0.005
    assert poor.pool.items.shape == (1797, 12) and float(poor.pool.items.min()) == 0
    assert 0.3 < float((poor.pool.items == 0).double().mean()) < 0.7
    assert {one.labels for one in (good, noisy, poor)} == {plain.labels}
    assert spoiled("noisy").pool.digest == noisy.pool.digest


@pytest.mark.slow
def test_every_strategy_of_no_free_lunch_runs_on_digits(tmp_path: Path) -> None:
    grid = replace(no_free_lunch_digits(), budget=40, seeds=(0, 1))
    found = run_grid(grid, tmp_path)
    assert len(found) == 6 and all(len(one.runs) == 14 for one in found)
    by_start = {one.settings["start"]: one for one in found if one.dataset["name"] == "digits, good"}
    firsts = {start: {run.scores[0] for run in one.runs if run.seed == 0} for start, one in by_start.items()}
    assert all(len(scores) == 1 for scores in firsts.values())  # all strategies start from the same labels


def parts_of(name: str, size: str) -> list[Grid]:
    """The grids that a preset is made of; nothing is loaded."""
    grid = PRESETS[name].make(size)
    return [grid, *grid.more]


def test_cdalbench_begins_with_a_label_a_class_and_fits_its_pools() -> None:
    paper = parts_of("cdalbench", "paper")
    heads = [one for one in paper if one.learners == ("linear",)]
    assert {one.batch for one in heads} == {(batch,) for batch in (1, 5, 20, 50, 100)}
    assert all(one.start == ("per-class",) and len(one.seeds) == 50 for one in heads)
    bounded = [one for one in paper if one.bounds]
    assert {(one.batch, one.bounds, one.bound_seeds) for one in bounded} == {((1,), ("greedy oracle",), 10)}
    for one in paper:
        bought = (one.budget or 0) - one.initial[0]
        assert bought >= 2 * one.batch[0] and bought % one.batch[0] == 0, one.datasets
    named = {given if isinstance(given, str) else given["name"] for one in paper for given in one.datasets}
    assert len(named) == 10 and named <= set(ENTRIES)
    assert all(len(ENTRIES[given if isinstance(given, str) else given["name"]].about) for given in named)
    classes = {name: ENTRIES[name].classes for name in named}
    for one in heads:
        (given,) = one.datasets
        assert one.initial == (classes[given if isinstance(given, str) else given["name"]],)
    wide = [one for one in heads if one.encoders != ("default",)]
    assert (
        wide and all("bald" not in one.parts for one in wide) and all("bald" in h.parts for h in heads if h not in wide)
    )
    slow = [one for one in paper if "core-gcn" in one.parts]
    assert len(slow) == 6 and all(len(one.seeds) == 10 and "random" in one.parts for one in slow)
    nets = [one for one in paper if one.learners[0] not in ("linear",) and one not in slow]
    assert len(nets) == 4 * 2 + 2
    assert len(parts_of("cdalbench", "desk")) < len(paper) and len(parts_of("cdalbench", "smoke")) == 4


@pytest.mark.slow
def test_every_strategy_of_cdalbench_runs_on_a_made_set(tmp_path: Path) -> None:
    (found,) = run_grid(
        Grid(
            datasets=("honeypot",),
            strategies=cdalbench.STRATEGIES,
            start=("per-class",),
            initial=(2,),
            batch=(5,),
            budget=17,
            test=120,
            seeds=(0, 1),
            bounds=("greedy oracle",),
            bound_seeds=1,
        ),
        tmp_path,
    )
    assert not [text for text in found.said if "failed" in text]
    assert len(found.runs) == 2 * len(cdalbench.STRATEGIES) and len(found.bounds) == 1
    first = {run.scores[0] for run in found.runs if run.seed == 0}
    assert len(first) == 1  # one task model, whatever else a strategy looks at

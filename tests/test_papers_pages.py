"""The runs behind docs/papers, and what the pages make of any number of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from askance.errors import BadInput
from askance.given import view
from askance.lab.cell import run_cell
from askance.lab.datasets import digits
from askance.lab.grids import Grid
from askance.lab.ledger import Kept, Ledger
from askance.lab.plan import Plan
from askance.lab.running import LEDGER
from askance.learners.linear import Linear, LinearModel
from askance.learners.networks import Mlp
from askance.learners.terms import ConfidencePenalty
from askance.learners.torch import Torch
from askance.reports.results import Results, Run
from askance.signals.gradients import off_the_guess
from askance.signals.stability import Deviations
from askance.strategies.random import Random
from askance.testing.worlds import small_items
from benchmarks import deepal, deepal_page, dmle, dynamical, noise_stability
from benchmarks.dmle_page import EXPECTED, PAIRS
from benchmarks.paired import beside, gaps, held, lesson_of, points, rows

NAMES = [*(name for name in ("random", "margin", "badge", "k-means", "k-center", "k-center-pca", "lpl", "waal")),
         *("least-confidence", "entropy", "random + lpl", "random + waal")]  # fmt: skip


def runs(title: str, seeds: int, gains: dict[str, float], names: Sequence[str] = NAMES, **settings: Any) -> Results:
    """Runs in which a strategy has so much more than random with every seed, give or take little."""
    dice = np.random.default_rng(0)
    found = []
    for seed in range(seeds):
        start = dice.normal(0.6, 0.05)
        for name in names:
            last = start + gains.get(name, 0.0) + dice.normal(0, 0.001)
            found.append(
                Run(name, seed, [100, 500], [start, last], [[1]], [], [""], {"training": [1.0, 2.0]},
                    measures={"expected_calibration_error": [0.1, 0.3]})
            )  # fmt: skip
    told = {"learner": {"learner": {"steps": 300}}, "initial": 100, "batch": 50, "budget": 500, "test": 40, **settings}
    told |= {"seeds": list(range(10)), "strategies": list(names)}
    data = {"name": title, "items": 140, "classes": [0, 1]}
    return Results(title, data, told, found, {"askance": "0", "torch": "0"})


def survey(seeds: int, gains: dict[str, float]) -> dict[str, Any]:
    """What a file of the survey would hold, as it is read."""
    found = deepal.compact([runs("pictures", seeds, gains), runs("texts", seeds, gains)])
    read: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    return read


def test_differences_are_paired_by_seed_and_skip_seeds_that_one_lacks() -> None:
    found = {"a": {"seeds": [0, 2, 3], "area": [0.5, 0.7, 0.9]}, "b": {"seeds": [3, 0], "area": [0.6, 0.4]}}
    (gap,) = gaps(found, [("a", "b"), ("a", "nobody")])
    assert gap.found.count == 2 and gap.found.mean == pytest.approx(0.2)  # 0.5 - 0.4 and 0.9 - 0.6


def test_a_difference_is_bold_above_and_italic_below_and_plain_between() -> None:
    steady = {"seeds": [0, 1, 2], "area": [0.5, 0.6, 0.7]}
    more = {**steady, "area": [0.52, 0.621, 0.719]}
    less = {**steady, "area": [0.48, 0.579, 0.681]}
    other = {**steady, "area": [0.4, 0.7, 0.7]}
    told = gaps({"base": steady, "more": more, "less": less, "other": other},
                [(name, "base") for name in ("more", "less", "other")])  # fmt: skip
    assert [gap.verdict for gap in told] == ["above", "below", "not told apart"]
    assert points(told[0]).startswith("**+2.0** [+1.") and points(told[1]).startswith("*−2.0* [")
    assert points(told[2]).startswith("+0.0 [")


def test_one_seed_is_no_test() -> None:
    one = {"seeds": [0], "area": [0.5]}
    assert beside({"here": {"a": one, "b": one}, "there": {"a": one}}, "a", "b") == {"here": "not tested"}
    assert held("A above b", {"here": "not tested"}, "above") == "- A above b: not tested yet.\n"


def test_what_did_not_hold_is_named_with_its_place() -> None:
    found = {"x": "above", "y": "below", "z": "below", "w": "not tested"}
    assert held("A above b", found, "above") == "- A above b: held in 1 of 3 (below on y and z).\n"


def test_rows_hold_area_end_and_calibration_of_every_seed() -> None:
    found = rows(runs("pictures", 2, {"badge": 0.1}))
    run = runs("pictures", 2, {"badge": 0.1}).runs[1]
    assert found["margin"]["seeds"] == [0, 1]
    assert found["margin"]["area"][0] == pytest.approx((run.scores[0] + run.scores[1]) / 2, abs=1e-5)
    assert found["margin"]["final"][0] == pytest.approx(run.scores[1], abs=1e-5)
    assert found["margin"]["calibration"] == [0.2, 0.2] and found["margin"]["seconds"]["training"] == 3.0


def test_a_lesson_is_that_of_the_first_fit_of_a_run() -> None:
    data, learner = digits(), Torch(Mlp((8,)), steps=5)
    lesson = lesson_of(data, learner, seed=3, labels=20)
    plan = Plan(("random",), (3,), initial=20, batch=5, budget=25, test=500, learner=learner)
    _, test = data.split(3, 500)
    model = learner.fit(lesson)
    scores = model.outputs(data.pool.items[test]).scores
    assert scores is not None and len(lesson.labeled) == 20 and len(lesson.items) == len(data.pool) - 500
    truth = torch.tensor([data.labels[row] for row in test.tolist()])
    first = run_cell((data, plan), ("random", 3)).scores[0]
    assert float((scores.argmax(1) == truth).double().mean()) == pytest.approx(first, abs=1e-12)


def test_a_survey_that_is_being_written_is_read_from_a_copy(tmp_path: Path) -> None:
    grid = Grid(datasets=("iris",), strategies=("random", "margin"), learners=(Linear(ridge=1.0),), initial=(9,),
                batch=(3,), budget=15, test=50, seeds=(0, 1))  # fmt: skip
    ledger = Ledger(tmp_path / LEDGER)
    told = {(run.strategy, run.seed): run for run in runs("iris", 2, {}).runs}
    kept = [Kept(cell.key, told[cell.strategy, cell.seed], "", {}, 1.0) for cell in grid.cells()]
    ledger.keep(kept[:3])
    before = (tmp_path / LEDGER).read_bytes()
    (found,) = deepal.read(grid, tmp_path)
    assert sorted((run.strategy, run.seed) for run in found.runs) == [("margin", 0), ("random", 0), ("random", 1)]
    assert (tmp_path / LEDGER).read_bytes() == before
    ledger.keep(kept[3:])  # its writer was not locked out
    ledger.close()
    with pytest.raises(BadInput, match="no results"):
        deepal.read(grid, tmp_path / "elsewhere")


def test_a_finished_survey_says_what_the_runs_say_and_who_never_beats_random() -> None:
    found = survey(10, {"margin": 0.04, "badge": 0.03, "k-means": -0.03, "lpl": -0.02, "random + lpl": -0.04})
    one = found["sets"]["pictures"]
    margin = deepal.against(one, "random")["margin"]
    assert margin.verdict == "above" and margin.found.mean == pytest.approx(0.02, abs=0.001)  # half of it at the start
    control = next(told for told in one["controls"] if told["one"] == "lpl")
    assert control["mean"] == pytest.approx(0.01, abs=0.001) and control["pairs"] == 10
    assert found["done"] == 2 * 10 * len(NAMES) and found["ranks"]["margin"] == 1.0
    page = deepal_page.page(found, None)
    never = page.split("### What does not beat random")[1].split("## The claims")[0]
    assert "- `k-means`: below on 2 of 2\n" in never and "- `badge`:" not in never
    assert "Above random wherever they are tested: `margin`, `badge`.\n" in never
    assert "- `k-means` below random: held in 2 of 2.\n" in page and "10 paired seeds everywhere" in page
    assert "- `lpl` above margin: held in 0 of 2 (below on pictures and texts).\n" in page


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_page_is_written_for_any_number_of_seeds(seeds: int) -> None:
    found = survey(seeds, {"margin": 0.04})
    found["whole"] = {"seeds": [0, 1], "accuracy": {"pictures": [0.9, 0.91], "gone": [0.5, 0.5]}}
    page = deepal_page.page(found, found)
    assert "nan" not in page and f"{2 * seeds * len(NAMES)} of {20 * len(NAMES)} runs" in page
    assert ("No strategy has two seeds yet" in page) == (seeds == 1)
    assert "the survey is not finished" in page
    lacking = page.split("since they changed: ")[1].split(".")[0]
    assert "`vaal`" in lacking and "`waal`" not in lacking


def test_loss_prediction_against_all_labels_is_adjusted_for_the_sets() -> None:
    made = survey(5, {})
    lpl = {title: np.array(made["sets"][title]["rows"]["lpl"]["final"]) for title in ("pictures", "texts")}
    close = np.array([0.02, 0.01, 0.03, 0.0, 0.012])  # p is between 0.025 and 0.05, for one set
    apart = np.array([0.1, -0.1, 0.1, -0.1, 0.0])
    accuracy = {"pictures": (lpl["pictures"] + close).tolist(), "texts": (lpl["texts"] + apart).tolist()}
    made["whole"] = {"seeds": list(range(5)), "accuracy": accuracy}
    both = deepal_page.page(made, None)
    del accuracy["texts"]
    alone = deepal_page.page(made, None)
    assert "in points: *−1.4* [" in alone and "in points: −1.4 [" in both


def test_one_seed_gives_nobody_a_place() -> None:
    one, many = (deepal_page.page(survey(seeds, {"lpl": 0.1}), None) for seeds in (1, 2))
    assert "`lpl` comes nowhere yet" in one and "`lpl` comes 1 of 10 on pictures" in many


def test_a_verdict_that_turns_with_the_number_of_steps_is_said() -> None:
    ends = ((100, {"margin": -0.05, "badge": 0.02}), (900, {"margin": 0.04, "badge": 0.05}))
    more = [runs(f"{steps}", 6, gains, learner={"learner": {"steps": steps}}) for steps, gains in ends]
    page = deepal_page.page(survey(2, {}), json.loads(json.dumps(deepal.compact(more))))
    assert "The verdict turns: `margin` is below random with 100 and above it with 900.\n\n## " in page


def test_the_page_says_that_nothing_is_there_yet() -> None:
    page = deepal_page.page(deepal_page.NOTHING, None)
    assert "No result of the survey is committed yet." in page and "## What differs, and why" in page


def test_the_jacobian_is_what_deviations_come_to() -> None:
    model = Torch(Mlp((6,), dropout=0.0), steps=20).fit(lesson_of(digits(), Torch(Mlp((6,))), seed=0, labels=30))
    items, draws = digits().pool.items[:40], 400
    layers, everything = noise_stability.jacobian_lengths(model, items)
    task = lesson_of(digits(), Torch(Mlp((6,))), seed=0, labels=1).task
    moved = Deviations(draws, kind="jvp").read(model, items, task).double().norm(dim=1) / math.sqrt(draws)
    assert float((moved / layers).mean()) == pytest.approx(1, abs=0.1)
    whole = model.differentiable()
    spread = Deviations(draws, 1e-3, "global").read(model, items, task).double().norm(dim=1) / math.sqrt(draws)
    length = math.sqrt(sum(float(array.double().square().sum()) for array in whole.weights.values()))
    share = length / math.sqrt(sum(array.numel() for array in whole.weights.values()))
    assert float((spread / (1e-3 * share * everything)).mean()) == pytest.approx(1, abs=0.1)


def test_what_a_batch_says_to_itself_is_the_sum_over_pairs() -> None:
    layer = torch.randn(3, 9, generator=torch.Generator().manual_seed(0))
    model, items = LinearModel(layer), small_items()[:5]
    scores = model.outputs(items).scores
    assert scores is not None
    residuals = off_the_guess(scores.softmax(1)).double()
    features = torch.cat([items, torch.ones(5, 1)], 1).double()
    products = (residuals @ residuals.T) * (features @ features.T)
    expected = float(products.sum() - products.diagonal().sum())
    assert dynamical._cross(model, items, residuals.float()) == pytest.approx(expected, rel=1e-4)


def test_torn_items_are_drawn_by_a_score_that_is_never_below_zero() -> None:
    paper = view(probabilities=[[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]])
    assert dmle.Torn().utility(paper).tolist() == pytest.approx([0.0, 1.0, 0.5])
    assert 0 not in dmle.Torn().query(paper, 2).ids  # it has no chance at all


def test_a_term_changes_the_training_and_not_the_picks() -> None:
    paper = view(embeddings=[[0.0], [1.0], [2.0], [3.0]])
    part = dmle.WithTerm(Random(), ConfidencePenalty(1.0))
    assert part.query(paper, 2).ids == Random().query(paper, 2).ids
    assert part.equip(dmle.LEARNER) == replace(dmle.LEARNER, parts=(ConfidencePenalty(1.0),))


def test_what_the_page_of_dmle_compares_is_run() -> None:
    known = dmle.parts().keys()
    assert {one for pair in PAIRS for one in pair} - known <= {"random, released", "entropy, released"}
    assert all((one, other) in PAIRS and {one, other} <= known for _, one, other, _, _ in EXPECTED)


def test_the_head_is_run_in_two_batch_sizes() -> None:
    assert [one.plan.batch for one in dynamical.head().conditions] == [10, 25]

"""Results survive JSON and refuse what does not belong together."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from askance.errors import BadInput
from askance.reports.results import Results, Run


def results(**changes: object) -> Results:
    run = {
        "strategy": "margin",
        "seed": 3,
        "labels": [10, 12],
        "scores": [0.5, 0.625],
        "picks": [[7, "ä"]],
        "classes": [[1, 1]],
        "reasons": [""],
        "seconds": {"training": [0.5, 0.25]},
        "notes": {"swaps": 0},
    } | changes
    return Results("Two classes", {"name": "toy"}, {"batch": 2}, [Run(**run)], {"torch": "2"}, ["A remark."])  # type: ignore[arg-type]


def test_results_come_back_from_json_as_they_were():
    assert Results.from_json(results().to_json()) == results()


def test_a_score_that_is_no_number_is_null_in_json_and_nan_again_afterwards():
    text = results(scores=[math.nan, 0.5]).to_json()
    assert json.loads(text)["runs"][0]["scores"] == [None, 0.5]
    assert math.isnan(Results.from_json(text).runs[0].scores[0])


def test_another_schema_is_refused_with_both_numbers():
    text = json.dumps(json.loads(results().to_json()) | {"schema": 99})
    with pytest.raises(BadInput, match=r"schema 99, and this version of askance reads 1"):
        Results.from_json(text)
    with pytest.raises(BadInput, match="schema None"):
        Results.from_json("[]")


def test_text_that_is_not_json_and_fields_that_are_missing_are_named():
    with pytest.raises(BadInput, match="not JSON"):
        Results.from_json("{")
    found = json.loads(results().to_json())
    del found["runs"][0]["picks"]
    with pytest.raises(BadInput, match=r"Run 0 .* missing or unknown: picks"):
        Results.from_json(json.dumps(found))


def test_a_value_that_json_has_no_word_for_is_refused_when_written():
    with pytest.raises(BadInput, match="tolist"):
        results(notes={"gaps": np.zeros(2)}).to_json()


def test_a_run_needs_one_score_more_than_it_has_rounds():
    with pytest.raises(BadInput, match="2 label counts, 1 scores and 1 rounds"):
        results(scores=[0.5])
    with pytest.raises(BadInput, match="label counts that fall"):
        results(labels=[12, 10])
    with pytest.raises(BadInput, match="2 entries in 'reasons' and 1 rounds"):
        results(reasons=["", ""])


def test_a_strategy_has_a_seed_once():
    run = results().runs[0]
    with pytest.raises(BadInput, match="'margin' has 2 runs with seed 3"):
        Results("any", {}, {}, [run, run])


def test_every_round_counts_the_same_classes():
    one, other = results().runs[0], results(seed=4, classes=[[1, 1, 0]]).runs[0]
    with pytest.raises(BadInput, match=r"\[2, 3\] classes"):
        Results("any", {}, {}, [one, other])

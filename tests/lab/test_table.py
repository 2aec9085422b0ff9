"""The comparison as text, Markdown and CSV."""

from __future__ import annotations

import csv
import io

from askance.lab.statistics import compare
from askance.lab.table import as_csv, as_markdown, as_text
from askance.reports.results import Comparison, Results, Run


def comparison(*names: str) -> Comparison:
    shift = {"random": 0.0, "better": 0.1, "worse|odd": -0.1}
    runs = [
        Run(
            name, seed, [10, 20], [0.5 + shift[name], 0.6 + shift[name] + seed / 1000], [[1]], [], [], {"training": [2]}
        )
        for name in names
        for seed in range(4)
    ]
    return compare(Results("any", {}, {}, runs))


def test_the_text_has_a_line_for_each_strategy_with_the_best_first_and_the_loser_printed():
    lines = as_text(comparison("random", "worse|odd", "better")).splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["better", "random", "worse|odd"]
    assert "+0.1000" in lines[2] and lines[2].endswith("above random")
    assert "−0.1000" in lines[4] and "never" in lines[4] and lines[4].endswith("below random")
    assert max(map(len, lines)) <= 110


def test_columns_line_up():
    lines = as_text(comparison("random", "worse|odd", "better")).splitlines()
    starts = {line.index(word) for line, word in zip(lines[2:5], ("above", "baseline", "below"), strict=True)}
    assert starts == {lines[0].index("verdict")}


def test_what_was_left_out_stands_below_the_table():
    found = comparison("better")
    assert "'random' is not among the strategies" in as_text(found)
    assert "'random' is not among the strategies" in as_markdown(found)


def test_markdown_has_as_many_cells_in_each_line_whatever_the_names():
    lines = [line for line in as_markdown(comparison("random", "worse|odd", "better")).splitlines() if line]
    assert {line.count("|") for line in lines} == {10}
    assert "[" in lines[2]


def test_csv_reads_back_every_number_unrounded():
    found = comparison("random", "worse|odd", "better")
    rows = {row["strategy"]: row for row in csv.DictReader(io.StringIO(as_csv(found)))}
    assert [float(rows[row.strategy]["area"]) for row in found.rows] == [row.area.mean for row in found.rows]
    assert rows["worse|odd"]["saved_end"] == "never" and rows["worse|odd"]["losses"] == "4"
    assert rows["random"]["difference"] == "" and rows["random"]["verdict"] == "baseline"
    assert rows["better"]["seconds_training"] == "2.0" and rows["better"]["pairs"] == "4"

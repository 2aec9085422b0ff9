"""A whole grid in numbers, on a page, in tables and in a file for others."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from askance.cite import cite_results
from askance.errors import BadInput
from askance.lab.across import across
from askance.lab.grid_table import FORMATS, frame, records
from askance.lab.packing import pack
from askance.lab.saved import FILE, read_results, write_results
from askance.lab.statistics import compare
from askance.optional import MissingPackage
from askance.reports.across import Across
from askance.reports.gridded import grid_findings, grid_sections
from askance.reports.page import write_figures, write_grid_page
from askance.reports.results import Results, Run

LABELS = [20, 30, 40]


def a_run(strategy: str, seed: int, gain: float) -> Run:
    dice = np.random.default_rng([seed, sum(strategy.encode())])
    scores = [0.5, 0.6 + gain + 0.01 * dice.standard_normal(), 0.7 + gain + 0.01 * dice.standard_normal()]
    first = 100 * seed + sum(strategy.encode()) % 7
    picks = [[first + k for k in range(10)], [first + 20 + k for k in range(10)]]
    return Run(
        strategy, seed, LABELS, scores, picks, [[5, 5], [6, 4]], ["", ""], {"training": [0.1], "selection": [0.2]}
    )


def condition(name: str, gains: dict[str, float], seeds: int = 8, said: tuple[str, ...] = ()) -> Results:
    runs = [a_run(strategy, seed, gain) for strategy, gain in gains.items() for seed in range(seeds)]
    settings = {"batch": 10, "strategies": [*gains], "seeds": list(range(seeds)), "learner": {"part": "x"}}
    dataset = {"name": name, "pool": 900, "classes": ["a", "b"], "balance": [500, 400]}
    return Results(name, dataset, settings, runs, {"torch": "2"}, list(said))


def grid(sets: int = 6) -> list[Results]:
    return [
        condition(f"set {k}", {"random": 0.0, "margin": 0.08, "badge": 0.05, "entropy": -0.06}) for k in range(sets)
    ]


def test_ranks_gains_and_counts_are_those_of_the_conditions() -> None:
    conditions = grid()
    found = across(conditions, title="All")
    assert found.names == ["margin", "badge", "random", "entropy"]
    assert [m.rank for m in found.methods] == [1.0, 2.0, 3.0, 4.0] and found.ranked == 6
    assert found.friedman_p < 0.001 and found.done == found.cells == 6 * 4 * 8
    margin, _, random, entropy = found.methods
    rows = [next(r for r in compare(results).rows if r.strategy == "margin") for results in conditions]
    assert margin.area == pytest.approx(np.mean([row.area.mean for row in rows]))
    assert margin.gain is not None and random.gain is None
    assert margin.gain.mean == pytest.approx(np.mean([row.difference.mean for row in rows if row.difference]))
    assert (margin.above, margin.below, margin.conditions) == (6, 0, 6) and (entropy.above, entropy.below) == (0, 6)
    assert margin.beliefs is not None and margin.beliefs[2] > 0.95
    assert margin.seconds == pytest.approx(0.3) and margin.penalty == 0.0 and entropy.penalty > 2
    assert margin.random == random.margin > 0.5  # their picks are ranges that lie a few items apart
    # Picks of margin and random begin a few items apart, and go on by ten: the overlap is the same after each round.
    apart = abs(sum(b"margin") % 7 - sum(b"random") % 7)
    assert margin.along["random"] == pytest.approx([(10 - apart) / (10 + apart)] * 2)
    assert margin.along["margin"] == [1.0, 1.0]
    assert found.wins[0][3] == 1.0 and found.wins[3][0] == 0.0 and math.isnan(found.wins[0][0])
    assert found.never == ["entropy"]
    assert [t.seeds for t in found.trust] == [3, 5] and found.trust[0].wrong < 0.1
    assert found.enough["margin"] == 1 and found.alarms is not None and found.alarms[1] < 0.08


def beside(results: Results, title: str, dataset: str) -> Results:
    return replace(results, title=title, dataset=results.dataset | {"name": dataset})


def fewer(results: Results, seeds: int) -> Results:
    return replace(results, runs=[run for run in results.runs if run.seed < seeds])


def later(results: Results, first: int) -> Results:
    return replace(results, runs=[replace(run, seed=run.seed + first) for run in results.runs])


def test_conditions_of_one_data_set_are_averaged_and_count_once() -> None:
    one = grid()
    copies = [beside(results, f"{results.title}, batch {batch}", results.title) for results in one for batch in (1, 2)]
    alone, together = across(one), across(copies)
    assert together.datasets == alone.datasets == [f"set {k}" for k in range(6)] and together.ranked == 6
    assert (together.friedman_p, together.least_p) == (alone.friedman_p, alone.least_p)
    assert together.critical == alone.critical and together.cliques == alone.cliques
    for ours, theirs in zip(together.methods, alone.methods, strict=True):
        assert (ours.name, ours.rank, ours.beliefs) == (theirs.name, theirs.rank, theirs.beliefs)
        assert ours.gain == theirs.gain and ours.conditions == 2 * theirs.conditions and ours.above == 2 * theirs.above
    assert "The 12 conditions are of 6 data sets" in " ".join(together.said)
    assert not any("conditions are of" in sentence for sentence in alone.said)
    text = grid_sections(together)
    assert "12 conditions · 6 data sets" in text and "Over 6 data sets the ranks" in text
    assert "mean over 6 data sets" in FORMATS["text"](together)


def test_gains_of_a_data_set_are_over_the_seeds_that_its_conditions_share() -> None:
    wide = condition("wide", {"random": 0.0, "margin": 0.08})
    short = condition("short", {"random": 0.0, "margin": 0.02}, seeds=4)
    few = condition("few", {"random": 0.0, "margin": 0.5}, seeds=3)  # less than half of eight: it is left out
    rows = [next(r for r in compare(one).rows if r.strategy == "margin") for one in (fewer(wide, 4), short)]
    (margin, _) = across([beside(one, one.title, "a set") for one in (wide, short, few)]).methods
    assert margin.gain is not None and margin.gain.count == 1
    assert margin.gain.mean == pytest.approx(np.mean([row.difference.mean for row in rows if row.difference]))
    apart = [beside(wide, "one", "a set"), beside(later(wide, 100), "other", "a set")]  # no seed in common
    (margin, _) = across(apart).methods
    assert margin.gain is not None and margin.gain.mean == pytest.approx(0.06, abs=0.01)
    assert math.isnan(margin.gain.low) and margin.conditions == 2


def test_a_set_that_was_changed_on_purpose_is_the_same_set() -> None:
    found = across([condition(f"digits, {how}", {"random": 0.0, "margin": 0.1}) for how in ("good", "noisy", "poor")])
    assert found.datasets == ["digits"] and found.ranked == 1


def test_with_one_data_set_nothing_is_tested_over_data_sets_and_that_is_said() -> None:
    found = across([beside(results, results.title, "the only one") for results in grid(7)])
    assert [m.rank for m in found.methods] == [1.0, 2.0, 3.0, 4.0] and found.cliques == []
    assert math.isnan(found.friedman_p) and math.isnan(found.critical)
    assert all(m.beliefs is None for m in found.methods) and found.methods[0].above == 7
    said = " ".join(found.said)
    assert "The 7 conditions are of 1 data set:" in said and "One data set says nothing of others" in said
    text = grid_sections(found)
    assert "ranks of the strategies" not in text and "so few data sets cannot tell any two apart" in text
    assert "over its seeds" in FORMATS["text"](found)


def test_no_bar_is_drawn_where_too_few_data_sets_cannot_tell_any_two_apart() -> None:
    few, many = across(grid(3)), across(grid(12))
    assert few.cliques == [] and few.least_p > 0.05 and "No bar joins" in grid_sections(few)
    assert many.cliques == [] and many.least_p < 0.05 and "A bar joins" in grid_sections(many)
    assert any("With so few data sets" in sentence for sentence in grid_findings(few))
    assert any("3 data sets are few" in sentence for sentence in few.said)
    alike = across([condition(f"set {k}", {"random": 0, "margin": 0.05 * (-1) ** k, "badge": 0.3}) for k in range(12)])
    assert [set(bar) for bar in alike.cliques] == [{"random", "margin"}]


def test_a_method_that_failed_somewhere_has_no_rank_and_what_is_missing_is_said() -> None:
    conditions = grid(3)
    lacking = condition(
        "set 3", {"random": 0.0, "margin": 0.08, "badge": 0.05}, said=("entropy failed with seed 0: no",)
    )
    found = across([*conditions, lacking])
    entropy = next(m for m in found.methods if m.name == "entropy")
    assert math.isnan(entropy.rank) and found.names[-1] == "entropy" and entropy.conditions == 3
    assert any("set 3: entropy failed" in sentence for sentence in found.said)
    assert any("Without a rank" in sentence for sentence in found.said)


def test_a_strategy_that_ran_under_some_conditions_only_beats_the_baseline_there_and_not_everywhere() -> None:
    ran = condition("set 0", {"random": 0.0, "margin": 0.08, "badge": 0.5, "bald": -0.1})
    others = [condition(f"set {k}", {"random": 0.0, "margin": 0.08, "bald": -0.1}) for k in (1, 2)]
    first, second, *_ = grid_findings(across([ran, *others]))
    assert first == "margin beats random under all 3 conditions."
    assert second.startswith("margin gains most") and "fewer than half of the conditions were not" in second
    first, second, *_ = grid_findings(across([ran, others[0]]))  # half of them is enough to be considered
    assert first == "margin beats random under all 2 conditions." and second.startswith("badge gains most")


def test_conditions_of_one_seed_are_not_tested_and_none_is_level_there() -> None:
    gains = {"random": 0.0, "margin": 0.08, "badge": 0.05}
    single = condition("one seed", gains, seeds=1)
    found = across([single])
    assert {(m.conditions, m.above, m.level, m.below) for m in found.methods if m.gain} == {(1, 0, 0, 0)}
    assert found.never == [] and "Never beat" not in grid_sections(found)
    assert grid_findings(found)[0].startswith("Nothing is tested yet")
    assert "one pair of seeds is too few" in FORMATS["text"](found)
    found = across([single, condition("more", gains | {"margin": 0.0})])
    margin = next(m for m in found.methods if m.name == "margin")
    assert (margin.above, margin.level, margin.below, margin.tested) == (0, 1, 0, 1) and found.never == ["margin"]
    assert next(r for r in records(found) if r["strategy"] == "margin")["level"] == 1
    assert "0/1/0" in FORMATS["text"](found) and "0, 1, 0" in grid_sections(found)


def test_signs_of_names_are_printed_by_latex_as_they_are() -> None:
    found = across([condition("a", {"random": 0.0, "a~b^c<d>e|f_g": 0.1})])
    name = r"a\textasciitilde{}b\textasciicircum{}c\textless{}d\textgreater{}e\textbar{}f\_g"
    assert name in FORMATS["latex"](found)


def test_how_much_a_strategy_wanted_its_picks_is_shown_from_the_first_round_to_the_last() -> None:
    (told,) = grid(1)
    runs = [
        replace(run, notes={"utility": [-0.25, None, -0.5]}) if run.strategy == "margin" else run for run in told.runs
    ]
    found = across([replace(told, runs=runs)])
    shown = {m.name: m.wanted for m in found.methods}
    assert shown["margin"] == (-0.25, -0.5) and all(math.isnan(value) for value in shown["random"])
    assert "-0.25 → -0.5" in grid_sections(found)


def test_what_diverged_is_counted_and_where_the_time_goes_is_shown() -> None:
    (told,) = grid(1)
    runs = [
        replace(run, notes={"diverged": [2, 5], "why": "nan"} if run.seed < 3 and run.strategy == "badge" else {})
        for run in told.runs
    ]
    found = across([replace(told, runs=runs)])
    by_name = {m.name: m for m in found.methods}
    assert by_name["badge"].diverged == 6 and by_name["margin"].diverged == 0
    parts = by_name["badge"].parts
    assert (parts["training"], parts["selection"]) == pytest.approx((0.1, 0.2)) and math.isnan(parts["signals"])
    assert "diverged" in FORMATS["text"](found).splitlines()[0] and "diverged" not in FORMATS["text"](across([told]))
    assert {r["strategy"]: r["diverged"] for r in records(found)}["badge"] == 6
    assert "Trainings that diverged" in grid_sections(found)


def test_a_method_with_few_seeds_does_not_take_those_of_the_others_away() -> None:
    conditions = grid(3)
    few = [
        Results(
            c.title, c.dataset, c.settings, [r for r in c.runs if r.strategy != "entropy" or r.seed < 3], c.versions
        )
        for c in conditions
    ]
    found, alone = (
        across(few),
        across([condition(c.title, {"random": 0.0, "margin": 0.08, "badge": 0.05}) for c in conditions]),
    )
    ranks = {m.name: m.rank for m in found.methods}
    assert math.isnan(ranks.pop("entropy")) and ranks == {m.name: m.rank for m in alone.methods}
    assert found.trust == alone.trust and [t.seeds for t in found.trust] == [3, 5]
    assert any("entropy" in sentence and "less than half" in sentence for sentence in found.said)
    half = [
        Results(
            c.title, c.dataset, c.settings, [r for r in c.runs if r.strategy != "entropy" or r.seed < 4], c.versions
        )
        for c in conditions
    ]
    told = across(half)
    assert not any(math.isnan(m.rank) for m in told.methods) and [t.seeds for t in told.trust] == [3]
    assert any("over the 4 of 8 seeds" in sentence for sentence in told.said)


def test_nothing_to_report_and_two_conditions_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="No run is done"):
        across([condition("a", {})])
    with pytest.raises(BadInput, match="one title"):
        across([condition("a", {"random": 0.0}), condition("a", {"random": 0.0})])


def odd_grids() -> dict[str, Across]:
    odd = {f'<b>{k}</b> & "{"x" * k}"': k / 500 for k in range(40)}
    return {
        "one condition": across(grid(1)),
        "one method": across([condition("a", {"random": 0.0}), condition("b", {"random": 0.0})]),
        "no baseline": across([condition("a", {"margin": 0.1, "badge": 0.0})]),
        "one seed": across([condition("a", {"random": 0.0, "margin": 0.1}, seeds=1)]),
        "forty methods": across([condition(f"<i>{k}", {"random": 0.0, **odd}, seeds=4) for k in range(2)], title="<b>"),
        "twenty conditions": across(grid(20)),
    }


@pytest.mark.parametrize(
    "which", ["one condition", "one method", "no baseline", "one seed", "forty methods", "twenty conditions"]
)
def test_a_page_is_whole_and_loads_nothing_whatever_the_grid(which: str, tmp_path: Path) -> None:
    found = odd_grids()[which]
    text = write_grid_page(found, tmp_path / "page.html").read_text("utf-8")
    assert "<h1>" in text and not re.search(r"(src|href)=\"(?!data:)", text)
    assert "<b>" not in text.replace("<b>", "", 0).split("<script>")[0] and "NaN" not in text.split("<script>")[0]
    for drawing in write_figures(found, tmp_path):
        if drawing.suffix == ".pdf":
            assert drawing.read_bytes().startswith(b"%PDF")
            continue
        svg = drawing.read_text("utf-8")
        assert svg.startswith("<svg xmlns=") and "nan" not in svg.split("</style>")[1]
    if which == "one condition":
        assert "Never beat random" in text and "entropy" in text


def test_tables_have_the_same_numbers_in_every_format() -> None:
    found = across(grid())
    text, markdown, latex, sheet = (FORMATS[name](found) for name in ("text", "markdown", "latex", "csv"))
    assert text.splitlines()[2].startswith("margin") and "6/0/0" in text
    assert markdown.splitlines()[2].startswith("| margin | 1.00 |")
    assert "\\textbf{1.00}" in latex and latex.count("\\\\") == 5
    rows = list(csv.DictReader(io.StringIO(sheet)))
    assert [row["strategy"] for row in rows] == found.names
    first = records(found)[0]
    assert float(rows[0]["gain"]) == first["gain"] and float(rows[0]["gain: set 2"]) == pytest.approx(0.06, abs=0.02)
    assert records(found)[2]["gain"] is None and rows[2]["gain"] == ""
    odd = FORMATS["latex"](across([condition("a", {"random": 0.0, "50%_\\&": 0.1})]))
    assert "50\\%\\_\\textbackslash{}\\&" in odd


def test_a_data_frame_needs_pandas_and_says_so() -> None:
    try:
        import pandas  # noqa: F401
    except ImportError:
        with pytest.raises(MissingPackage, match=r"askance\[lab\]"):
            frame(across(grid(2)))
        return
    assert list(frame(across(grid(2))).index) == ["margin", "badge", "random", "entropy"]


def test_results_are_read_as_they_were_written_and_packed_the_same_every_time(tmp_path: Path) -> None:
    conditions = grid(2)
    write_results("Two", conditions, tmp_path / FILE)
    title, again = read_results(tmp_path)
    assert title == "Two" and again == conditions
    (tmp_path / "one.json").write_text(conditions[0].to_json())
    assert read_results(tmp_path / "one.json") == ("set 0", [conditions[0]])
    packs = [
        pack("Two", again, tmp_path / name, citations=cite_results(again)).read_bytes() for name in ("a.zip", "b.zip")
    ]
    assert packs[0] == packs[1]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
        assert {"results.json", "report.html", "citations.bib", "tables/methods.tex", "figures/ranks.svg"} <= set(names)
        assert "ash2020badge" in archive.read("citations.bib").decode()
    for text, said in (("no", "holds no results"), ('{"a": 1}', "this version reads")):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(BadInput, match=said):
            read_results(tmp_path / "bad.json")
    with pytest.raises(BadInput, match="There are no results"):
        read_results(tmp_path / "none")


def test_what_picks_are_held_against_is_named_whatever_the_baseline_is() -> None:
    found = across([condition("digits", {"random": 0.0, "margin": 0.1, "badge": 0.2})], "margin", "All")
    text = "".join(grid_sections(found))
    assert text.count("Shares with margin") == 1 and text.count("Shares with random") == 1

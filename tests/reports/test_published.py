"""The lab's public page: what is kept of results, the standings, and filters that compute the same in the browser."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from askance.cli.main import main
from askance.errors import BadInput
from askance.lab.condensing import condense, read, write
from askance.lab.saved import FILE, write_results
from askance.reports.condensed import Condensed
from askance.reports.page import write_published_page
from askance.reports.published import standings
from askance.reports.results import Results
from benchmarks.browser import PROGRAM, browser
from benchmarks.claims import gap
from tests.lab.test_across import a_run
from tests.lab.test_across import condition as plain

ROWS = "[...document.querySelectorAll('table.standings tbody tr')].map((row) => row.innerText.split('\\t'))"


def condition(name: str, gains: dict[str, float], batch: int = 10, seeds: int = 8) -> Results:
    made = plain(name, gains, seeds)
    settings = {"initial": 20, "batch": batch, "budget": 40, "test": 100, "start": "random", "encoder": "default"}
    return replace(
        made,
        title=f"{name}, batch {batch}",
        dataset=made.dataset | {"items": 1000},
        settings=made.settings | settings | {"learner_name": "linear"},
        bounds=[a_run("greedy oracle", seed, 0.15) for seed in range(3)],
    )


def grids() -> list[Condensed]:
    first = [condition(name, {"random": 0.0, "margin": 0.08, "entropy": -0.06}) for name in ("letter", "r8")]
    second = [condition("honeypot", {"random": 0.0, "margin": -0.05, "<b>": 0.02}, batch=20)]
    return [condense("one", "One, size desk", first), condense("two", "Two </script>", second)]


def test_what_is_kept_is_read_back_and_says_what_the_results_say(tmp_path: Path) -> None:
    one, _ = grids()
    assert read(write(one, tmp_path / "one.json")) == one
    letter = one.conditions[0]
    assert (letter.dataset, letter.domain, letter.batch, letter.learner) == ("letter", "tables", 10, "linear")
    assert one.conditions[1].domain == "texts" and list(letter.bounds) == ["greedy oracle"]
    part = letter.strategies["margin"]
    assert part.early == pytest.approx(part.areas)  # all of two rounds
    assert len(part.areas) == 8 and part.verdict == "above" and part.p is not None and part.p < 0.05
    assert part.gain == pytest.approx(part.area - letter.strategies["random"].area, abs=1e-4)
    assert letter.bounds["greedy oracle"].areas[3:] == [None] * 5 and letter.bounds["greedy oracle"].gain is None
    assert letter.labels == [20, 30, 40] and len(part.curve) == len(part.low) == 3
    assert (
        read(write_results("x", [condition("r8", {"random": 0.0})], tmp_path / "results.json")).preset == tmp_path.name
    )


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(grids()[0].to_json().replace('"learner": ', '"lerner": '))
    with pytest.raises(BadInput, match=r"broken.json is no whole file.*lerner"):
        read(broken)
    broken.write_text('{"kind": "something"')
    with pytest.raises(BadInput, match="holds no results"):
        read(broken)
    found = json.loads(grids()[0].to_json()) | {"schema": 99}
    with pytest.raises(BadInput, match="that this version reads"):
        Condensed.read(found, "mine.json")


def test_standings_rank_only_what_ran_everywhere() -> None:
    conditions = [one for grid in grids() for one in grid.conditions]
    rows = {row["name"]: row for row in standings(conditions, "random")}
    assert rows["margin"]["rank"] == pytest.approx((1 + 1 + 2) / 3) and rows["random"]["rank"] == pytest.approx(5 / 3)
    assert math.isnan(rows["entropy"]["rank"]) and rows["entropy"]["conditions"] == 2
    assert (rows["margin"]["above"], rows["margin"]["level"], rows["margin"]["below"]) == (2, 0, 1)
    assert rows["random"]["gain"] == 0.0
    gains = [one.strategies["margin"].gain for one in conditions]
    assert rows["margin"]["gain"] == pytest.approx(sum(g for g in gains if g is not None) / 3)


AREAS = {"random": [0.9, 0.5, 0.5, 0.5], "margin": [None, 0.55, 0.55, 0.55], "<b>": [0.95, None, None, None]}


def uneven() -> list[Condensed]:
    """Over its own seeds random has 0.6 and margin 0.55; over those that they share, 0.5 and 0.55; one has one seed."""
    one, two = grids()
    (honeypot,) = two.conditions
    parts = {name: replace(honeypot.strategies[name], areas=areas) for name, areas in AREAS.items()}
    return [one, replace(two, conditions=[replace(honeypot, seeds=[0, 1, 2, 3], strategies=parts, bounds={})])]


def test_ranks_are_over_shared_seeds_and_leave_out_who_has_less_than_half_of_them(tmp_path: Path) -> None:
    (honeypot,) = uneven()[1].conditions
    assert honeypot.shared() == {"random": 0.5, "margin": 0.55} and honeypot.shared_seeds == 3
    rows = {row["name"]: row for row in standings([honeypot], "random")}
    assert (rows["margin"]["rank"], rows["random"]["rank"]) == (1, 2) and math.isnan(rows["<b>"]["rank"])
    assert [rows[name]["seeds"] for name in AREAS] == [(4, 4), (3, 3), (1, 1)]
    text = write_published_page(uneven(), tmp_path / "index.html").read_text("utf-8")
    held = json.loads(text.split('id="published">')[1].split("</script>")[0])["conditions"][2]["of"]
    assert [[held[name][0], held[name][4]] for name in AREAS] == [[0.5, 4], [0.55, 3], [None, 1]]
    assert "1 to 4 seeds" in text and "Largest area over shared seeds: margin." in text
    assert "<td>3 to 8</td>" in text  # of margin, in three conditions


def test_strategies_that_share_no_seed_have_no_rank() -> None:
    (honeypot,) = uneven()[1].conditions
    parts = {name: replace(part, areas=[0.5, None]) for name, part in honeypot.strategies.items()}
    parts["margin"] = replace(parts["margin"], areas=[None, 0.6])
    apart = replace(honeypot, seeds=[0, 1], strategies=parts)
    assert apart.shared() == {} and apart.shared_seeds == 0
    assert all(math.isnan(row["rank"]) for row in standings([apart], "random"))


def test_the_headline_leaves_out_who_has_few_seeds_and_who_was_not_tested(tmp_path: Path) -> None:
    _, two = uneven()
    (honeypot,) = two.conditions
    parts = honeypot.strategies | {"<b>": replace(honeypot.strategies["<b>"], gain=0.5, verdict="not tested")}
    text = write_published_page([replace(two, conditions=[replace(honeypot, strategies=parts)])], tmp_path / "p.html")
    head = text.read_text("utf-8").split("<form")[0]
    assert "margin gains most" in head and "&lt;b&gt;" not in head


def test_without_a_baseline_the_headline_says_that_nothing_is_compared(tmp_path: Path) -> None:
    lone = condense("one", "One", [condition("letter", {"badge": 0.05, "margin": 0.08})])
    head = write_published_page([lone], tmp_path / "p.html").read_text("utf-8").split("<form")[0]
    assert "Nothing is compared: random has no run" in head and "gains most" not in head


def test_a_bound_that_ends_early_cuts_no_strategy() -> None:
    made = condition("letter", {"random": 0.0, "margin": 0.08})
    cut = [
        replace(
            run,
            labels=run.labels[:2],
            scores=run.scores[:2],
            picks=run.picks[:1],
            classes=run.classes[:1],
            reasons=run.reasons[:1],
        )
        for run in made.bounds
    ]
    (whole,), (early,) = (condense("one", "One", [replace(made, bounds=own)]).conditions for own in (made.bounds, cut))
    assert early.strategies == whole.strategies and early.labels == whole.labels == [20, 30, 40]
    bound = early.bounds["greedy oracle"]
    assert whole.bounds["greedy oracle"].whole and not bound.whole and bound.curve[2] is None
    assert bound.areas[0] == pytest.approx(sum(cut[0].scores) / 2, abs=1e-5)
    assert math.isnan(gap(early, "greedy oracle", "margin")[1]) and not math.isnan(
        gap(whole, "greedy oracle", "margin")[1]
    )


def test_results_of_one_name_are_not_condensed_over_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("one", "two"):
        (tmp_path / place / "grid").mkdir(parents=True)
        write_results("x", [condition("r8", {"random": 0.0, "margin": 0.1})], tmp_path / place / "grid" / FILE)
    said = [str(tmp_path / place / "grid") for place in ("one", "two")]
    assert main(["lab", "publish", *said, "--condense", str(tmp_path / "kept"), "--out", str(tmp_path / "p.html")]) == 2
    told = capsys.readouterr().err
    assert "grid.json" in told and all(place in told for place in said)
    assert not (tmp_path / "kept").exists() and not (tmp_path / "p.html").exists()


def test_a_choice_of_a_filter_is_its_text_to_the_last_space(tmp_path: Path) -> None:
    spaced = [condition(name, {"random": 0.0, "margin": 0.08}) for name in ("a  b", 'say "c"')]
    text = write_published_page([condense("one", "One", spaced)], tmp_path / "p.html").read_text("utf-8")
    assert '<option value="a  b">' in text and '<option value="say &quot;c&quot;">' in text


def test_the_page_is_one_file_in_which_no_name_is_markup(tmp_path: Path) -> None:
    text = write_published_page(grids(), tmp_path / "index.html", "Ours.").read_text("utf-8")
    assert text.count("</script>") == 2 and "<b></b>" not in text and "&lt;b&gt;" in text
    assert "http" not in text.replace("http-equiv", "") and text.count("<figure data-condition") == 3
    assert "greedy oracle" in text and "Ours." in text


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")
@pytest.mark.parametrize("made", [grids, uneven])
def test_the_scripts_table_is_the_one_that_was_written(made: Callable[[], list[Condensed]], tmp_path: Path) -> None:
    page = write_published_page(made(), tmp_path / "index.html")
    written = [row for row in page.read_text("utf-8").split("<tr")[2:] if 'scope="row"' in row][:4]
    with browser() as chromium, chromium.page() as shown:
        shown.open(page.as_uri())
        for cells, markup in zip(shown.run(ROWS), written, strict=True):
            assert [cell.strip() for cell in cells] == _texts(markup)


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")
def test_filters_choose_conditions_and_compute_what_the_page_had(tmp_path: Path) -> None:
    page = write_published_page(grids(), tmp_path / "index.html")
    pick = "document.querySelector('[data-filter={0}]').value = '{1}';"
    told = "document.querySelector('.filters').dispatchEvent(new Event('change'));"
    with browser() as chromium, chromium.page() as shown:
        shown.open(page.as_uri())
        shown.run(pick.format("batch", "20") + told)
        assert shown.run("document.querySelector('.count').textContent") == "1 of 3 conditions."
        assert [row[0] for row in shown.run(ROWS)] == ["<b>", "random", "margin"]
        assert shown.run("[...document.querySelectorAll('[data-condition]')].filter((one) => !one.hidden).length") == 1
        assert shown.run(
            "[...document.querySelectorAll('[data-filter=domain] option:disabled')].map((o) => o.value)"
        ) == [
            "tables",
            "texts",
        ]
        assert shown.run("location.hash") == "#batch=20"
        shown.open(page.as_uri() + "#domain=texts")
        shown.run("location.reload()")
        shown.until("document.querySelector('.count')?.textContent === '1 of 3 conditions.'")
        assert not shown.complaints()


def _texts(row: str) -> list[str]:
    from html.parser import HTMLParser

    class Cells(HTMLParser):
        found: list[str]

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag in ("th", "td"):
                self.found.append("")

        def handle_data(self, data: str) -> None:
            if self.found:
                self.found[-1] += data

    parser = Cells()
    parser.found = []
    parser.feed("<tr" + row.split("</tr>")[0])
    return parser.found


def test_condensed_results_name_all_versions_that_they_ran_with() -> None:
    made = [condition(name, {"margin": 0.08}) for name in ("letter", "spam")]
    found = condense("one", "One", [replace(one, versions={"torch": f"2.{k}"}) for k, one in enumerate(made)])
    assert found.versions == {"torch": "2.0 and 2.1"}

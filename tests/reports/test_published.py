"""The lab's public page: what is kept of results, the standings, and filters that compute the same in the browser."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from askance.errors import BadInput
from askance.lab.condensing import condense, read, write
from askance.lab.saved import write_results
from askance.reports.condensed import Condensed
from askance.reports.page import write_published_page
from askance.reports.published import standings
from askance.reports.results import Results
from benchmarks.browser import PROGRAM, browser
from tests.lab.test_across import a_run
from tests.lab.test_across import condition as plain


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


def test_the_page_is_one_file_in_which_no_name_is_markup(tmp_path: Path) -> None:
    text = write_published_page(grids(), tmp_path / "index.html", "Ours.").read_text("utf-8")
    assert text.count("</script>") == 2 and "<b></b>" not in text and "&lt;b&gt;" in text
    assert "http" not in text.replace("http-equiv", "") and text.count("<figure data-condition") == 3
    assert "greedy oracle" in text and "Ours." in text


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")
def test_filters_choose_conditions_and_compute_what_the_page_had(tmp_path: Path) -> None:
    page = write_published_page(grids(), tmp_path / "index.html")
    rows = "[...document.querySelectorAll('table.standings tbody tr')].map((row) => row.innerText.split('\\t'))"
    pick = "document.querySelector('[data-filter={0}]').value = '{1}';"
    told = "document.querySelector('.filters').dispatchEvent(new Event('change'));"
    with browser() as chromium, chromium.page() as shown:
        plain_rows = [row for row in page.read_text("utf-8").split("<tr")[2:] if 'scope="row"' in row][:4]
        shown.open(page.as_uri())
        live = shown.run(rows)
        for cells, markup in zip(live, plain_rows, strict=True):  # the script's table is the one that was written
            assert [cell.strip() for cell in cells] == _texts(markup)
        shown.run(pick.format("batch", "20") + told)
        assert shown.run("document.querySelector('.count').textContent") == "1 of 3 conditions."
        assert [row[0] for row in shown.run(rows)] == ["<b>", "random", "margin"]
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

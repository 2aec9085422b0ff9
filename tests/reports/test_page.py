"""Pages are one file, load nothing, escape everything and say what is missing."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from askance.errors import StorageError
from askance.lab.statistics import compare
from askance.reports.page import write_lab_page, write_study_page
from askance.reports.results import BatchLine, Estimate, Results, Run, StudyContent

EVIL = "<script>alert('x')</script>"


def runs(name: str, shift: float, seeds: int = 4) -> list[Run]:
    return [
        Run(
            name,
            seed,
            [10, 12, 14],
            [0.5, 0.6 + shift, 0.7 + shift + seed / 1000],
            [[seed, 5], [7, 8]],
            [[1, 1], [2, 0]],
            ["", ""],
            {"training": [1.0], "signals": [0.5], "selection": [0.1]},
        )
        for seed in range(seeds)
    ]


def lab(path: Path, *found: Run, title: str = "Any", baseline: str = "random") -> str:
    dataset = {"name": title, "pool": 100, "classes": [title, "b"], "balance": [3, 1]}
    results = Results(title, dataset, {"learner": title}, list(found), {"torch": "2.13"}, [f"A remark by {title}."])
    return write_lab_page(results, compare(results, baseline), path / "lab.html").read_text("utf-8")


def study(path: Path, **changes: object) -> str:
    content = {
        "name": "Weeds",
        "labels": 4,
        "classes": {"wheat": 3, "poppy": 1},
        "answers": [(100.0, 1), (160.0, 1), (400.0, 2)],
        "strategies": ["random", "badge", "badge"],
        "curve": [(2, 0.5, 0.4, 0.6), (4, 0.7, 0.6, 0.8)],
        "control": Estimate(0.75, 0.5, 0.9, 12),
        "seconds": {"training": 2.0},
        "remarks": ["One remark."],
        "batches": [BatchLine(1, "random", 2), BatchLine(2, "badge", 1, "stop: enough")],
    } | changes
    return write_study_page(StudyContent(**content), path / "study.html").read_text("utf-8")  # type: ignore[arg-type]


class Reader(HTMLParser):
    """Collects attributes and checks that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing(tmp_path: Path):
    for text in (lab(tmp_path, *runs("random", 0), *runs("a", 0.1)), study(tmp_path)):
        read = Reader(text)
        assert read.open == []
        assert "://" not in text and "@import" not in text and "url(" not in text
        assert {value for _, name, value in read.found if name in ("src", "href")} == {"data:,"}
        ids = [value for _, name, value in read.found if name == "id"]
        assert len(ids) == len(set(ids)) > 0


def test_names_from_data_are_escaped_everywhere(tmp_path: Path):
    text = lab(tmp_path, *runs("random", 0), *runs(EVIL, 0.1), title=EVIL)
    assert EVIL not in text and text.count("<script>") == 1
    assert "&lt;script&gt;alert" in text
    batches = [BatchLine(1, EVIL, 2, EVIL)]
    text = study(
        tmp_path, name=EVIL, classes={EVIL: 1}, strategies=[EVIL], batches=batches, remarks=[EVIL], metric=EVIL
    )
    assert text.lower().count("<script>") == 1


def test_all_sections_are_there_and_the_headline_names_winners_and_losers(tmp_path: Path):
    text = lab(tmp_path, *runs("random", 0), *runs("good", 0.1), *runs("poor", -0.1))
    heads = re.findall("<h2>(.*?)</h2>", text)
    assert heads == [
        "Learning curves",
        "Difference to random",
        "All numbers",
        "Do they pick the same items?",
        "Which classes do they pick?",
        "Where does the time go?",
        "Settings, versions and remarks",
        "How to read the numbers",
    ]
    assert "good beats random. poor loses to it." in text
    assert "poor never reaches" not in text and "Below random in mean accuracy over the curve: poor by 0.0750" in text
    assert "A remark by Any." in text and "below random" in text


def test_a_losing_field_is_said_in_the_headline(tmp_path: Path):
    text = lab(tmp_path, *runs("random", 0), *runs("a", -0.1), *runs("b", -0.2))
    assert "None of 2 strategies beats random. a and b lose to it." in text


def test_a_page_without_the_baseline_says_so(tmp_path: Path):
    text = lab(tmp_path, *runs("a", 0))
    assert "Nothing is compared, because there are no runs of random." in text
    assert "Whether that beats random is not known" in text


def test_a_page_of_one_seed_has_no_bands_and_no_verdict(tmp_path: Path):
    text = lab(tmp_path, *runs("random", 0, seeds=1), *runs("a", 0.1, seeds=1))
    assert "Nothing is tested yet." in text and 'class="band"' not in text
    assert "Not tested, as a test takes at least two seeds" in text


def test_a_page_of_no_runs_and_of_no_scores_can_still_be_written(tmp_path: Path):
    assert "There are no runs to show." in lab(tmp_path)
    blank = Run("a", 0, [1, 2], [math.nan, math.nan], [[]], [], [], {})
    text = lab(tmp_path, blank)
    assert "There are no curves" in text and "The runs hold no times." in text and ">nan<" not in text


def test_a_study_shows_what_it_has(tmp_path: Path):
    text = study(tmp_path)
    for sentence in ("4 labels bought in 2 rounds.", "badge: rounds 2 to 3", "stop: enough", "3 (75%)", "One remark."):
        assert sentence in text
    assert "Left out" not in text


def test_a_study_with_nothing_yet_names_what_is_left_out(tmp_path: Path):
    text = write_study_page(StudyContent("New", 0), tmp_path / "new.html").read_text("utf-8")
    assert "0 labels bought." in text and "<svg" not in text
    assert "Left out, as there is no data yet: how good the model is, a control sample, answers over time" in text


def test_many_answers_make_no_large_page_and_the_last_one_is_on_it(tmp_path: Path):
    text = study(tmp_path, answers=[(float(k), k // 500) for k in range(20_000)])
    assert len(text) < 400_000 and "20,000 answers in 5.6 hours" in text and "20000.0" in text


def test_one_answer_and_one_measurement_are_enough_for_their_figures(tmp_path: Path):
    text = study(tmp_path, answers=[(5.0, 1)], curve=[(2, 0.5, math.nan, math.nan)])
    assert "Answers over time" in text and "nan" not in re.sub("<script>.*?</script>", "", text, flags=re.S)


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path):
    with pytest.raises(StorageError, match="there is no folder"):
        write_study_page(StudyContent("New", 0), tmp_path / "missing" / "page.html")
    (tmp_path / "page.html").mkdir()
    with pytest.raises(StorageError):
        write_study_page(StudyContent("New", 0), tmp_path / "page.html")
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]


def _luminance(color: str) -> float:
    parts = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_every_color_that_writes_text_can_be_read_on_the_page(tmp_path: Path, mode: int):
    block = re.findall(r":root \{(.*?)\}", study(tmp_path), flags=re.S)[mode]
    colors = dict(re.findall(r"--(\w+): (#\w{6})", block))
    paper = _luminance(colors["paper"])
    for name in ("ink", "soft", "quiet", "good", "bad", *(f"c{k}" for k in range(8))):
        light, dark = sorted((_luminance(colors[name]), paper), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name

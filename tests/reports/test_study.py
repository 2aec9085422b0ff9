"""The page of one study."""

from __future__ import annotations

from pathlib import Path

import pytest

import askance
from askance.errors import StorageError
from askance.lab.datasets import digits
from askance.reports.study import content


@pytest.fixture(scope="module")
def study() -> askance.Study:
    data = digits()
    labels = dict(enumerate(data.labels))
    study = askance.Study(data.pool, strategy="margin", classes=range(10), control=0.2, seed=100)
    study.run(askance.Known(labels), budget=50, batch=10)
    study.score(data.pool.items[:400], data.labels[:400])
    study.score()
    study.ask(5)
    return study


def test_the_page_counts_what_the_journal_holds(study: askance.Study) -> None:
    found = content(study)
    assert found.labels == 50
    assert sum(found.classes.values()) == 50
    assert [line.asked for line in found.batches] == [10, 10, 10, 10, 10, 5]
    assert found.strategies == ["typiclust", "typiclust", "margin", "margin", "margin", "margin"]
    assert [place[0] for place in found.curve] == [50]
    assert found.control is not None and found.control.count == 10
    assert len(found.answers) == 50
    assert any("Cold start" in remark for remark in found.remarks)
    assert any("5 items were asked" in remark for remark in found.remarks)


def test_a_report_is_one_file_that_loads_nothing(study: askance.Study, tmp_path: Path) -> None:
    page = askance.report(study, tmp_path / "study.html")
    text = page.read_text("utf-8")
    assert "margin" in text and "typiclust" in text
    assert "src=" not in text and "http" not in text.replace("http-equiv", "")
    assert list(tmp_path.iterdir()) == [page]


def test_a_report_that_cannot_be_written_says_so(study: askance.Study, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nowhere"):
        askance.report(study, tmp_path / "nowhere" / "study.html")


def test_the_page_says_what_the_model_would_cost_if_it_might_leave_items_unanswered(study: askance.Study) -> None:
    data = digits()
    study.score(data.pool.items[:50], data.labels[:50])
    said = [remark for remark in content(study).remarks if remark.startswith("If an item without an answer cost")]
    assert len(said) == 2 and "cost 0.4 and a wrong one 1, the model would answer" in said[0]


def test_a_model_that_is_never_sure_enough_answers_nothing_and_the_page_says_so() -> None:
    pool = askance.Pool.from_arrays([[0.0], [0.0], [0.0], [0.0]])
    study = askance.Study(pool, classes=("a", "b"), strategy="random")
    study.tell({0: "a", 1: "b"})
    study.score([[0.0], [0.0]], ["a", "b"])
    assert any("answer none of 2 held-out items: it is never sure enough" in line for line in content(study).remarks)

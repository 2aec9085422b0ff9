"""The index of papers names nothing that is not there."""

from __future__ import annotations

import pytest

from askance.errors import BadInput
from benchmarks import papers_page
from benchmarks.papers_page import Paper


@pytest.mark.parametrize(
    ("paper", "error"),
    [
        (Paper("x", ("no-such-strategy",)), KeyError),
        (Paper("x", ("askance.meta.tbu:Nobody",)), BadInput),
        (Paper("x", tests=("tests/test_nothing.py",)), FileNotFoundError),
        (Paper("x", result="nothing.md"), FileNotFoundError),
    ],
)
def test_what_is_not_there_is_refused(paper: Paper, error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(papers_page, "PAPERS", {"some": (paper,)})
    monkeypatch.setattr(papers_page, "fidelity_page", lambda: "")
    with pytest.raises(error):
        papers_page.papers_page()


def test_a_paper_without_anything_to_run_says_why() -> None:
    assert all(paper.runs or paper.said for papers in papers_page.PAPERS.values() for paper in papers)

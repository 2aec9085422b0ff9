"""Keys of cells: what changes them, and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from askance.lab.datasets import Dataset, digits
from askance.lab.identity import content, identity
from askance.learners.linear import Linear
from askance.learners.many import Committee
from askance.selection.cover import PurestBalls
from askance.strategies import catalogue
from askance.strategies.uncertainty import Margin

MINE = """
from dataclasses import dataclass
from askance.strategies.uncertainty import Margin

@dataclass(frozen=True)
class Mine(Margin):
    {}
"""


def test_data_are_known_by_what_they_hold_not_by_their_name() -> None:
    data = digits()
    assert content(data) == content(replace(data, name="other", said=("a remark",)))
    swapped = (data.labels[1], data.labels[0], *data.labels[2:])
    assert content(data) != content(Dataset("digits", data.pool, swapped))
    assert content(data) != content(data.sample(900))


def test_fields_and_revisions_are_part_of_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity(Linear()) != identity(Linear(ridge=1.0))
    before = identity(catalogue.strategy("margin"))
    monkeypatch.setattr(Margin, "revision", 2)
    assert identity(catalogue.strategy("margin")) != before


def test_a_revision_counts_where_it_changed_something() -> None:
    assert marks(Linear()) == marks(Linear(folds=3)) == [2]  # how a ridge is chosen has changed
    assert marks(Linear(ridge=1.0)) == [1]
    assert marks(PurestBalls()) == [2] and marks(PurestBalls(width=0.5)) == [1]  # how a width is found has changed
    both = Committee((Linear(ridge=1.0), Linear()))
    assert identity(both)["marks"]["askance.learners.linear:Linear"] == 2


def marks(part: Linear | PurestBalls) -> list[int]:
    return list(identity(part)["marks"].values())


def test_a_file_of_somebody_is_part_of_its_method(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE.format("pass"))
    before = identity(catalogue.strategy(f"{file}:Mine"))
    assert identity(catalogue.strategy(f"{file}:Mine")) == before
    file.write_text(MINE.format("extra: int = 1"))
    assert identity(catalogue.strategy(f"{file}:Mine"))["marks"] != before["marks"]


def test_an_estimator_is_known_by_its_source() -> None:
    from sklearn.linear_model import LogisticRegression

    from askance.learners.catalogue import learner

    marks = identity(learner(LogisticRegression(C=2.0)))["marks"]
    assert any("LogisticRegression" in name and isinstance(mark, str) for name, mark in marks.items())

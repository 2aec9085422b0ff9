"""The example data can be made anywhere, and does not give its labels away."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from askance.sources.csv import Table, read_table

SCRIPT = Path(__file__).parents[1] / "examples" / "make_data.py"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    done = subprocess.run([sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return folder


@pytest.fixture(scope="module")
def docstrings(data: Path) -> Table:
    return read_table(data / "docstrings.csv")


def test_there_are_enough_docstrings_of_enough_packages(docstrings: Table) -> None:
    assert docstrings.columns == ("id", "text", "package")
    assert len(docstrings) >= 2_000
    counts = Counter(docstrings.labels("package"))
    assert 8 <= len(counts) <= 20
    assert min(counts.values()) >= 60
    assert max(counts.values()) <= 400


def test_no_text_names_its_label(docstrings: Table) -> None:
    for text, label in zip(docstrings.column("text"), docstrings.labels("package"), strict=True):
        for part in label.split("."):
            assert not re.search(rf"\b{part}\b", text, re.IGNORECASE), f"{part!r} is in {text!r}"


def test_ids_and_texts_are_distinct(docstrings: Table) -> None:
    assert len(set(docstrings.column("id"))) == len(docstrings)
    assert len(set(docstrings.column("text"))) == len(docstrings)


def test_the_first_rows_hold_many_labels(docstrings: Table) -> None:
    assert len(set(docstrings.labels("package")[:50])) >= 8


@pytest.mark.parametrize(
    ("name", "rows", "classes"), [("breast_cancer", 569, 2), ("wine", 178, 3), ("digits", 1797, 10)]
)
def test_the_tables_are_those_of_scikit_learn(data: Path, name: str, rows: int, classes: int) -> None:
    table = read_table(data / f"{name}.csv")
    assert len(table) == rows
    assert len(set(table.labels("label"))) == classes

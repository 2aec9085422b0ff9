"""The page on security names tests, and each of them is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "security.md"
TABLE = PAGE.read_text("utf-8").partition("<!-- threats -->")[2].partition("<!-- /threats -->")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in TABLE.strip().splitlines()[2:]]
NAMED = sorted({name for row in ROWS for name in re.findall(r"`([^`]*)`", row[-1])})


def test_every_threat_has_a_defense_and_a_test() -> None:
    assert len(ROWS) > 40
    for row in ROWS:
        assert len(row) == 3 and all(row), row
        assert re.fullmatch(r"(`[\w/]+\.py::test_\w+` ?)+", row[2]), row


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_the_page_names_is_there(name: str) -> None:
    file, _, test = name.partition("::")
    assert test in functions_of(TESTS / file), f"docs/security.md names {name}. Write it, or name another."


@cache
def functions_of(file: Path) -> set[str]:
    """The functions of a file."""
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

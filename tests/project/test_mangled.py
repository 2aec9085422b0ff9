"""Ids that a spreadsheet changed are found where one alone is meant, and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from spreadsheets import as_excel_saves, as_libreoffice_saves

from askance.project.mangled import Mangled


@pytest.mark.parametrize(
    ("id", "seen"),
    [
        ("007", "7"), ("7", "7.0"), ("7", "7,00"), ("1.50", "1.5"), ("1,5", "1.5"), ("1E5", "100000"),
        ("1E5", "1.00E+05"), ("true", "TRUE"), (" 7", "7"), ("a\r\nb", "a\nb"), ("123456789012", "1.23457E+11"),
        ("-0", "0"), ("123400000000", "1,234E+11"), ("1234567890123456789", "1.23456789012346E+018"), (".5e3", "500"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_makes_of_an_id_is_found(id: str, seen: str) -> None:
    assert Mangled(lambda: [id, "other", "999"]).meant(seen) == id


@pytest.mark.parametrize(
    ("ids", "seen"),
    [
        (["007", "07"], "7"), (["1_0"], "10"), (["1.2"], "1E+00"), (["123456789012", "123456780000"], "1.23457E+11"),
        (["1e998"], "1e999"), (["12"], "13"), (["nan"], "inf"), (["a"], ""), (["٧"], "7"), ([], "7"),
        (["123456789012"], "1.2E+11"),
    ],
)  # fmt: skip
def test_what_may_mean_several_ids_or_none_is_not_guessed(ids: list[str], seen: str) -> None:
    assert Mangled(lambda: ids).meant(seen) is None


def test_ids_are_read_once_and_only_if_one_is_looked_for() -> None:
    reads: list[int] = []
    mangled = Mangled(lambda: reads.append(1) or ["007"])  # type: ignore[func-returns-value]
    assert reads == []
    assert [mangled.meant(seen) for seen in ("7", "8", "9")] == ["007", None, None] and reads == [1]


@example(46_756_682_233_770_444, 0)  # rounded twice, it ends in 5
@given(some.integers(0, 10**18), some.integers(0, 3))
def test_numbers_without_their_guard_are_found_again(number: int, zeros: int) -> None:
    id = "0" * zeros + str(number)
    for saves, sign in ((as_libreoffice_saves, ","), (as_excel_saves, ";")):
        seen = saves(f"{id}\r\n".encode()).decode("utf-8-sig").split("\n")[0].rstrip("\r").rstrip(sign)
        assert seen == id or Mangled(lambda: [id, "x"]).meant(seen) == id

"""Files that grow, shrink, are sorted anew and edited: what becomes of their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from askance.errors import BadInput
from askance.project.intake import Intake, Reading, take_in
from askance.project.items import Items
from askance.sources.arrays import ArraySource
from askance.sources.base import Row, Source

PLAIN = Reading("text", ("text",), None, "label")
NAMED = Reading("text", ("text",), "id", "label")


@dataclass(frozen=True)
class Sheet:
    """A source in memory: a tuple of id, text and label for each row."""

    table: tuple[tuple[str | bytes, str | bytes, str | bytes], ...]
    path: Path = Path("sheet.csv")
    columns: tuple[str, ...] = ("id", "text", "label")
    reads: str = "rows"
    said: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        for number, cells in enumerate(self.table):
            yield Row(dict(zip(self.columns, cells, strict=True)), f"sheet.csv, line {number + 2}")


def sheet(*rows: str, how: str = "id text label") -> Sheet:
    """Rows such as ``7 hello cat``; a missing word is empty."""
    names = how.split()
    cells = [dict(zip(names, row.split(), strict=False)) for row in rows]
    return Sheet(tuple((c.get("id", ""), c.get("text", ""), c.get("label", "")) for c in cells))


@pytest.fixture
def items(tmp_path: Path) -> Items:
    return Items.create(tmp_path / "project.db")


def take(items: Items, source: Source, how: Reading = NAMED, update: bool = False, scope: str = "all") -> Intake:
    with items.write():
        return take_in(items, source, how, number=0, update=update, scope=scope)


def states(items: Items) -> dict[str, str]:
    return {row.id: "gone" if row.gone else row.state for row in items.rows()}


def test_rows_of_the_same_content_are_one_item_and_all_of_them_are_kept(items: Items) -> None:
    done = take(items, sheet("1 hello", "2 world", "3 hello"))
    assert (done.rows, done.new, done.folded) == (3, 3, 1)
    assert states(items) == {"1": "item", "2": "item", "3": "folded"}
    assert items.rows_of("1") == ["1", "3"]


def test_without_an_id_column_ids_are_made_of_the_content_and_count_occurrences(items: Items) -> None:
    take(items, sheet("hello", "world", "hello", how="text"), PLAIN)
    first, second, third = states(items)
    assert third == f"{first}-2" and second != first
    assert all(not id.isdigit() and id[0].isalpha() for id in (first, second, third))


def test_empty_rows_are_set_aside_and_named(items: Items) -> None:
    done = take(items, sheet("1 hello", "2", "3"))
    assert done.empty == ["sheet.csv, line 3", "sheet.csv, line 4"]
    assert states(items) == {"1": "item", "2": "empty", "3": "empty"}


def test_what_is_not_in_the_newer_file_is_marked_and_comes_back(items: Items) -> None:
    take(items, sheet("1 hello", "2 world"))
    done = take(items, sheet("2 world", "3 new"))
    assert (done.new, done.lost) == (1, ["1"])
    assert states(items) == {"1": "gone", "2": "item", "3": "item"} and items.gone() == {"1"}
    assert take(items, sheet("1 hello", "2 world", "3 new")).back == ["1"]
    assert items.gone() == set()


def test_an_item_is_not_gone_while_a_row_of_its_content_is_left(items: Items) -> None:
    take(items, sheet("1 hello", "2 hello"))
    assert take(items, sheet("2 hello")).lost == ["1"]
    assert items.gone() == set() and items.rows_of("1") == ["2"]


def test_other_content_under_a_known_id_is_refused_and_nothing_is_changed(items: Items) -> None:
    take(items, sheet("1 hello", "2 world"))
    with pytest.raises(BadInput, match=r"1 rows of sheet.csv .* '1'.* say --update"):
        take(items, sheet("1 hallo", "3 new"))
    assert states(items) == {"1": "item", "2": "item"}
    done = take(items, sheet("1 hallo", "3 new"), update=True)
    assert done.changed == ["1"] and states(items) == {"1": "item", "2": "gone", "3": "item"}


def test_a_row_that_was_folded_stands_for_itself_when_the_first_one_changes(items: Items) -> None:
    take(items, sheet("1 hello", "2 hello", "3 hello"))
    take(items, sheet("1 other", "2 hello", "3 hello"), update=True)
    assert states(items) == {"1": "item", "2": "item", "3": "folded"}
    assert items.rows_of("2") == ["2", "3"]
    assert items.fact("heirs") == [[1, 2]]


def test_an_item_whose_row_becomes_empty_is_gone_and_no_later_reading_calls_it_changed(items: Items) -> None:
    take(items, sheet("1 hello", "2 world"))
    take(items, sheet("1", "2 world"), update=True)
    assert items.gone() == {"1"}
    for _ in range(2):
        done = take(items, sheet("1", "2 world"))
        assert (done.changed, done.back, items.gone()) == ([], [], {"1"})
    assert take(items, sheet("1 hello", "2 world")).back == ["1"] and not items.gone()


@pytest.mark.parametrize("text", ["hello", ""], ids=["one text", "empty rows"])
def test_reading_a_row_takes_as_long_however_often_its_content_was_there(tmp_path: Path, text: str) -> None:
    steps = []
    for rows in (300, 600):
        items = Items.create(tmp_path / f"{rows}.db")
        seen: list[int] = []
        items._connection.set_progress_handler(lambda seen=seen: seen.append(0), 100)  # of each 100 steps of SQLite
        for _ in range(2):
            take(items, Sheet((("", text, ""),) * rows), PLAIN)
        steps.append(len(seen))
        assert len({row.id for row in items.rows()}) == rows
    assert steps[1] < 2.5 * steps[0]


def test_a_file_that_shares_nothing_with_the_project_is_refused_until_somebody_says_what_it_is(items: Items) -> None:
    take(items, sheet("1 hello"))
    with pytest.raises(BadInput, match=r"--more.*--replace"):
        take(items, sheet("2 world"))
    assert take(items, sheet("2 world"), scope="none").lost == []
    assert states(items) == {"1": "item", "2": "item"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("1 a", "1 b"), "line 3: the id '1' stands in an earlier row"),
        (("1 a", " "), "line 3: no id in column 'id'"),
        ((), "holds no item"),
    ],
)
def test_ids_that_cannot_be_are_refused_with_their_line(items: Items, rows: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        take(items, sheet(*rows))
    assert states(items) == {}


def test_a_column_that_is_not_there_is_named(items: Items) -> None:
    with pytest.raises(BadInput, match=r"'txt'.*Did you mean 'text'"):
        take(items, sheet("1 a"), Reading("text", ("txt",)))


@pytest.mark.parametrize("reads", ["text", "table"])
def test_cells_of_bytes_are_their_letters_and_what_is_no_utf_8_is_broken(items: Items, reads: str) -> None:
    rows = ((b"1", "grüße".encode(), b"cat"), ("2", "grüße", "dog"), ("3", b"\xff", b"cat"), ("4", b"a", b"\xff"))
    done = take(items, Sheet(rows), Reading(reads, ("text",), "id", "label"))
    assert states(items) == {"1": "item", "2": "folded", "3": "broken", "4": "broken"}
    assert items.labels() == {"1": {"cat", "dog"}}
    assert done.broken == [
        f"sheet.csv, line {line}: column {column!r} is no text: its byte 1 is not UTF-8. Write it as one."
        for line, column in ((4, "text"), (5, "label"))
    ]
    (row,) = items.rows("item")
    assert Reading(reads, ("text",)).raw(row.cells, row.data, Path()) == (
        "grüße" if reads == "text" else {"text": "grüße"}
    )
    with pytest.raises(BadInput, match="line 2: the id is no text: its byte 2 is not UTF-8"):
        take(items, Sheet(((b"a\xff", "new", ""),)), scope="none")


@pytest.mark.parametrize(
    "how",
    [
        Reading("text", ("values",)),
        Reading("table", ("id", "values")),
        Reading("image", ("values",)),
        Reading("array", (), None, "values"),
        Reading("array", ("values",), "values"),
    ],
)
def test_rows_of_numbers_are_no_words(items: Items, tmp_path: Path, how: Reading) -> None:
    np.savez(tmp_path / "a.npz", features=np.zeros((2, 3)), ids=["a", "b"])
    with pytest.raises(BadInput, match="Column 'values' of .* holds rows of numbers, .* Leave out the option"):
        take(items, ArraySource(tmp_path / "a.npz"), how)


def test_labels_of_rows_with_one_content_are_told_apart(items: Items) -> None:
    take(items, sheet("1 hello cat", "2 world", "3 hello dog", "4 new dog"))
    assert items.labels() == {"1": {"cat", "dog"}, "4": {"dog"}}


TABLES = some.lists(
    some.tuples(some.sampled_from("abcdefgh"), some.sampled_from(["", "x", "y", "z"])), unique_by=lambda row: row[0]
)


@settings(max_examples=60, deadline=None)
@given(some.lists(TABLES.filter(bool), min_size=1, max_size=5))
def test_whatever_becomes_of_a_file_its_rows_are_what_it_says_and_every_item_stands_for_its_content(
    tmp_path_factory: pytest.TempPathFactory, versions: list[list[tuple[str, str]]]
) -> None:
    items = Items.create(tmp_path_factory.mktemp("grown") / "project.db")
    ever: set[str] = set()
    pooled: set[str] = set()
    for version in versions:
        source = Sheet(tuple((id, text, "") for id, text in version))
        scope = "all" if ever & {id for id, _ in version} else "none"
        take(items, source, update=True, scope=scope)
        rows = {row.id: row for row in items.rows()}
        by_number = {row.number: row for row in rows.values()}
        for id, text in version:
            row = rows[id]
            if text:
                assert not row.gone and row.item is not None
                assert by_number[row.item].cells["text"] == text and by_number[row.item].state == "item"
            else:
                assert row.state == "empty" or row.gone
        if scope == "all":
            assert {row.id for row in rows.values() if not row.gone} <= {id for id, _ in version}
        ever |= set(rows)
        pooled |= {id for id, row in rows.items() if row.state == "item"}
        assert all(rows[id].state == "item" for id in pooled), "what was asked about once stays in the pool"
    items.close()

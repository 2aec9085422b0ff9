"""What a labeled file may look like, and what is said of one that does not."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askance.errors import BadInput, UnknownName
from askance.sources.csv import LONGEST, CsvSource, Table, read_table, write_table

GOOD = "id,text,label\n1,purrs,cat\n2,barks,dog\n"


def written(folder: Path, content: str | bytes, name: str = "pets.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path, *words: str, encoding: str = "utf-8") -> str:
    """Reading fails with a message that names the file and all these words."""
    with pytest.raises(BadInput) as caught:
        read_table(path, encoding=encoding)
    message = str(caught.value)
    for word in (str(path), *words):
        assert word in message
    return message


def test_a_file_becomes_columns_in_its_own_order(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, GOOD))
    assert len(table) == 2
    assert table.columns == ("id", "text", "label")
    assert table.column("text") == ["purrs", "barks"]
    assert table.labels("label") == ["cat", "dog"]


def test_a_row_knows_the_line_it_starts_on_whatever_its_cells_hold(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, 'text,label\n"one\ntwo\r\nthree",a\n\n"say ""hi"", twice",b\nplain,c\n'))
    assert table.column("text") == ["one\ntwo\r\nthree", 'say "hi", twice', "plain"]
    assert list(table.lines) == [2, 6, 7]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read_table(written(tmp_path, b"\xef\xbb\xbf" + GOOD.encode())).columns[0] == "id"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_any_system_ends_them(tmp_path: Path, line_end: str) -> None:
    table = read_table(written(tmp_path, GOOD.replace("\n", line_end)))
    assert table.column("label") == ["cat", "dog"]
    assert list(table.lines) == [2, 3]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_semicolons_and_tabs_are_found_in_the_header(tmp_path: Path, mark: str) -> None:
    table = read_table(written(tmp_path, f'id{mark}"text, raw"\n1{mark}a,b\n'))
    assert table.column("text, raw") == ["a,b"]


def test_a_header_with_two_kinds_of_marks_is_parted_by_commas(tmp_path: Path) -> None:
    assert read_table(written(tmp_path, "a;b,c\n1,2\n")).columns == ("a;b", "c")


@pytest.mark.parametrize(
    ("content", "columns", "cells"),
    [
        ("name;price, EUR;size\na;2,5;3\nb;1,0;4\n", ("name", "price, EUR", "size"), ["2,5", "1,0"]),
        ("name,notes; free,size\na,b; c,3\nd,e,4\n", ("name", "notes; free", "size"), ["b; c", "e"]),
        ('a;b,c;d\n1;"two\n;lines, all\nof them";3\n', ("a", "b,c", "d"), ["two\n;lines, all\nof them"]),
    ],
)
def test_where_a_header_holds_several_marks_the_rows_tell_which_one_parts_it(
    tmp_path: Path, content: str, columns: tuple[str, ...], cells: list[str]
) -> None:
    table = read_table(written(tmp_path, content))
    assert table.columns == columns and table.column(columns[1]) == cells


def test_a_long_quoted_text_does_not_hide_what_parts_the_fields(tmp_path: Path) -> None:
    text = "a, line;\n" * 30
    assert read_table(written(tmp_path, f'a;b,c\n1;2\n3;"{text}"\n')).column("b,c") == ["2", text]


@pytest.mark.parametrize(
    ("content", "words", "columns"),
    [
        ("name;price, EUR\na;2,5\n", "commas and semicolons, and more than one of them", ("name", "price, EUR")),
        ("a;b,c\td\n1\n2;3\n", "commas and semicolons and tabs, and none of them", ("a", "b,c\td")),
    ],
)
def test_where_the_rows_do_not_tell_either_nothing_is_guessed(
    tmp_path: Path, content: str, words: str, columns: tuple[str, ...]
) -> None:
    path = written(tmp_path, "\n" + content)
    refused(path, "line 2: the header holds", words, "line above the header", "sep=;")
    path.write_text("sep=;\n" + content)
    assert CsvSource(path).columns == columns


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz"])
def test_a_tsv_file_is_parted_by_tabs_whatever_its_header_holds(tmp_path: Path, name: str) -> None:
    content = b"text, raw\tlabel, all\na,b\tc,d\n"
    table = read_table(written(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name))
    assert dict(table.cells) == {"text, raw": ["a,b"], "label, all": ["c,d"]}


def test_blank_lines_above_a_header_hide_nothing_of_it(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "\r\n\r\nid;text\r\n1;a, b\r\n"))
    assert dict(table.cells) == {"id": ["1"], "text": ["a, b"]} and table.lines == [4]


@pytest.mark.parametrize(("first", "mark"), [("sep=;", ";"), ("SEP=,\r", ","), ("\ufeffsep=\t", "\t"), ("sep=|", "|")])
def test_what_excel_says_above_a_header_is_heeded_and_is_no_header(tmp_path: Path, first: str, mark: str) -> None:
    table = read_table(written(tmp_path, f"{first}\nid{mark}text\n1{mark}a\n"))
    assert dict(table.cells) == {"id": ["1"], "text": ["a"]} and table.lines == [3]
    refused(written(tmp_path, f"{first}\nid{mark}text\n1\n"), "line 3: 1 fields, and the header has 2")


def test_another_encoding_is_read_when_named(tmp_path: Path) -> None:
    path = written(tmp_path, "text\ncafé\n".encode("utf-16"))
    assert read_table(path, encoding="utf-16").column("text") == ["café"]


def test_a_wrong_encoding_is_told_with_line_byte_and_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, b'text,label\n"a\nb",x\ncaf\xe9,y\n')
    # 11 bytes of header, 8 of the row on lines 2 and 3, then c, a, f: the 23rd byte is the first wrong one.
    refused(path, "line 4", "0xe9", "number 23", "--encoding cp1252", "iconv")


def test_a_wrong_byte_far_into_a_large_file_is_found_on_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, b"text\n" + b"word\n" * 50_000 + b"\xff\n")
    refused(path, "line 50002", "number 250,006")


def test_utf_16_is_guessed_from_its_mark(tmp_path: Path) -> None:
    refused(written(tmp_path, GOOD.encode("utf-16")), "line 1", "--encoding utf-16")


@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
def test_a_file_in_utf_8_is_said_to_be_so_whatever_it_was_read_as(tmp_path: Path, encoding: str) -> None:
    said = refused(written(tmp_path, "text\ncafé\n"), "The file is UTF-8: leave out the encoding", encoding=encoding)
    assert "cp1252" not in said and "iconv" not in said


@pytest.mark.parametrize("name", ["it's ours.csv", "it's ours.csv.gz"])
def test_the_command_that_is_advised_works_wherever_the_file_lies(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "two words"
    folder.mkdir()
    data = "text\ncafé\n".encode("cp1252")
    said = refused(written(folder, gzip.compress(data) if name.endswith("gz") else data, name), "iconv")
    subprocess.run(said.partition("convert it: ")[2], shell=True, check=True, cwd=tmp_path)
    assert read_table(folder / "utf8-it's ours.csv").column("text") == ["café"]


def test_an_encoding_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no encoding named 'utf-ate'"):
        read_table(written(tmp_path, GOOD), encoding="utf-ate")


def test_utf_16_read_without_its_mark_is_refused(tmp_path: Path) -> None:
    refused(written(tmp_path, GOOD), "line 1 is not utf-16", encoding="utf-16")


def test_a_row_of_the_wrong_length_is_named_by_its_line_after_a_long_field(tmp_path: Path) -> None:
    path = written(tmp_path, 'text,label\n"a\nb\nc",x\nlonely\n')
    refused(path, "line 5", "1 fields", "header has 2 (text, label)")


@pytest.mark.parametrize("content", ["", "\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_called_empty(tmp_path: Path, content: str | bytes) -> None:
    refused(written(tmp_path, content), "is empty")


def test_a_header_alone_is_not_a_table(tmp_path: Path) -> None:
    refused(written(tmp_path, "text,label\n\n"), "header and nothing below")


def test_two_columns_of_one_name_are_refused_by_place(tmp_path: Path) -> None:
    refused(written(tmp_path, "text,label, text\n1,2,3\n"), "line 1", "columns 1 and 3", "'text'")


def test_a_column_without_a_name_is_refused_and_pandas_suspected(tmp_path: Path) -> None:
    refused(written(tmp_path, ",text\n0,a\n"), "column 1 has no name", "index=False")


def test_an_unknown_column_brings_the_nearest_one_to_mind(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    with pytest.raises(UnknownName, match=f"{re.escape(str(path))}.*Did you mean 'label'"):
        read_table(path).column("lable")


def test_missing_labels_are_counted_and_the_first_is_named_by_row_and_line(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, 'text,label\n"a\nb",x\nc,\nd,  \n'))
    with pytest.raises(BadInput, match=r"line 4 \(row 2\).*'label'; 2 of 3 rows"):
        table.labels("label")


def test_labels_lose_the_blanks_around_them(tmp_path: Path) -> None:
    assert read_table(written(tmp_path, "text,label\na, cat \n")).labels("label") == ["cat"]


def test_a_nul_character_is_named_by_its_line_and_place(tmp_path: Path) -> None:
    refused(written(tmp_path, "text\nab\0c\n"), "line 2", "character 3", "utf-16-le")


def test_a_quote_never_closed_is_named_by_the_line_it_opens_on(tmp_path: Path) -> None:
    refused(written(tmp_path, 'text,label\na,x\n"b,y\nc,z\n'), "line 3", "never closed", "line 4")


def test_text_after_a_closing_quote_is_refused(tmp_path: Path) -> None:
    refused(written(tmp_path, 'text,label\n"a\n"b"c,y\n'), "line 2", "text follows a closing quote (seen in line 3")


def test_a_field_past_the_reader_s_limit_is_refused_with_the_limit(tmp_path: Path) -> None:
    long = "x" * (LONGEST + 1)
    refused(written(tmp_path, f"text\nok\n{long}\n"), "line 3", f"{LONGEST:,} characters")
    table = read_table(written(tmp_path, f"text\nok\n{long[:200_000]}\n"))  # a mail with what is attached to it
    assert [len(text) for text in table.column("text")] == [2, 200_000]


def test_a_file_that_is_not_there_is_refused_by_path(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.csv", "cannot be read")
    refused(tmp_path, "cannot be read")


cell = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)


@given(rows=st.lists(st.tuples(cell, cell), min_size=1, max_size=5))
def test_what_was_written_is_read_again(rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("tables") / "any.csv"
    texts, notes = zip(*rows, strict=True)
    write_table(path, {"text": texts, "note": notes})
    table = read_table(path)
    assert dict(table.cells) == {"text": list(texts), "note": list(notes)}


def test_columns_of_unequal_length_are_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    with pytest.raises(BadInput, match="'a': 1, 'b': 2"):
        write_table(path, {"a": [1], "b": [1, 2]})
    assert path.read_text() == GOOD


def test_a_write_that_fails_midway_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    with pytest.raises(UnicodeEncodeError):
        write_table(path, {"text": ["fine", "\ud800"]})
    assert path.read_text() == GOOD
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_is_as_long_as_its_rows() -> None:
    assert len(Table(Path("x.csv"), {"a": ["1", "2"], "b": ["3", "4"]}, [2, 3])) == 2

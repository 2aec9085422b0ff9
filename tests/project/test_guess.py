"""What a file holds is guessed from its first rows, and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from askance.project.guess import guess

PROSE = ["my invoice shows the wrong amount again", "the parcel never came to my house", "please reset the code I use"]


def table(**columns: list[Any]) -> tuple[list[dict[str, Any]], list[str]]:
    names = list(columns)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)], names


def many(cells: list[str], times: int = 10) -> list[str]:
    return [f"{cell} {number}" for number in range(times) for cell in cells]


def test_tickets_are_prose_with_a_subject() -> None:
    rows, names = table(
        number=[f"T{n}" for n in range(30)], subject=["Money"] * 30, body=many(PROSE), state=["open"] * 30
    )
    found = guess(rows, names)
    assert (found.reads, found.columns, found.label, found.id) == ("text", ("subject", "body"), None, "number")
    assert any("--text" in said for said in found.said) and any("--id number" in said for said in found.said)


def test_a_column_called_label_is_one_if_its_values_repeat() -> None:
    rows, names = table(text=many(PROSE), label=["cat", "dog", ""] * 10)
    assert guess(rows, names).label == "label" and guess(rows, names).task == "classes"
    rows, names = table(text=many(PROSE), label=[f"free text {n}" for n in range(30)])
    assert guess(rows, names).label is None


def test_tags_are_several_labels_and_stars_are_classes_and_prices_are_numbers() -> None:
    rows, names = table(text=many(PROSE), tags=["a; b", "b", "c; a"] * 10)
    assert guess(rows, names).task == "labels"
    rows, names = table(text=many(PROSE), stars=["1", "5", "3"] * 10)
    assert (guess(rows, names).label, guess(rows, names).task) == ("stars", "classes")
    rows, names = table(text=many(PROSE), target=[f"{n * 1.5}" for n in range(30)])
    assert (guess(rows, names).label, guess(rows, names).task) == ("target", "number")


def test_measurements_are_a_table() -> None:
    rows, names = table(length=["5.1", "4.9"] * 5, width=["3", "2"] * 5, species=["a", "b"] * 5, empty=[""] * 10)
    found = guess(rows, names)
    assert (found.reads, found.columns, found.label) == ("table", ("length", "width"), "species")


def test_paths_of_images_that_are_there_are_images(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    rows, names = table(file=[f"{number}.jpg" for number in range(4)], kind=["a", "b"] * 2)
    assert guess(rows, names, folder=tmp_path).reads == "image"
    assert guess(rows, names, folder=tmp_path / "elsewhere").reads == "table"
    rows, names = table(image=[b"png"] * 3, label=["", "", "cat"])
    assert guess(rows, names).columns == ("image",)


@pytest.mark.parametrize(
    ("folders", "label", "unlabeled"),
    [
        (["cats", "dogs", ""], "folder", ()),
        (["cats", "dogs", "unsorted"], "folder", ("unsorted",)),
        (["cats", "dogs"], None, ()),
        (["", ""], None, ()),
        (["cats", ""], None, ()),
    ],
)
def test_sub_folders_are_labels_where_some_images_have_none(
    folders: list[str], label: str | None, unlabeled: tuple[str, ...]
) -> None:
    rows = [{"path": f"{folder}/{number}.png", "folder": folder} for number, folder in enumerate(folders)]
    found = guess(rows, ["path", "folder"], reads="images")
    assert (found.reads, found.label, found.unlabeled) == ("image", label, unlabeled)


def test_a_few_labels_filled_in_at_the_top_are_labels_and_no_text() -> None:
    rows, names = table(text=many(PROSE), label=["cat", "dog", "cow", *[""] * 27])
    assert guess(rows, names).label == "label"
    phrases = ["a problem with a delivery", "a question about my bill"] * 2
    rows, names = table(text=PROSE + PROSE[:1], label=phrases)
    assert (guess(rows, names).columns, guess(rows, names).label) == (("text",), "label")


def test_a_column_called_label_is_preferred_to_stars_and_the_other_is_named() -> None:
    rows, names = table(stars=["1", "5", "3"] * 10, text=many(PROSE), Label=["bad", "good", ""] * 10)
    found = guess(rows, names)
    (said,) = (one for one in found.said if one.startswith("labels: column 'Label'"))
    assert found.label == "Label" and "'stars', too" in said and "67%" in said and "--task" in said


def test_chinese_and_short_texts_are_prose() -> None:
    rows, names = table(id=[f"{n}" for n in range(30)], 内容=[f"我的发票金额不对请帮我检查编号{n}" for n in range(30)])
    assert (guess(rows, names).reads, guess(rows, names).columns) == ("text", ("内容",))
    rows, names = table(text=[f"good {n}" for n in range(30)], price=["1", "2", "3"] * 10)
    assert (guess(rows, names).reads, guess(rows, names).columns) == ("text", ("text",))
    assert guess([{"keyword": f"pump{n}"} for n in range(9)], ["keyword"]).reads == "text"


def test_images_that_are_not_there_are_said(tmp_path: Path) -> None:
    rows, names = table(file=["a.png", "b.png"], kind=["x", "y"])
    found = guess(rows, names, folder=tmp_path)
    assert any("not there" in said and "--image file" in said for said in found.said)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"x")  # the advice, followed
    assert guess(rows, names, folder=tmp_path).columns == ("file",)


def test_a_file_of_ids_or_of_nothing_has_no_columns_and_a_wide_one_has_all() -> None:
    assert guess([{"id": f"{n}"} for n in range(30)], ["id"]).columns == ()
    assert guess([{"x": "", "label": " "}] * 3, ["x", "label"]).columns == ()
    wide = [f"c{n}" for n in range(200)]
    found = guess([dict.fromkeys(wide, "1.5"), dict.fromkeys(wide, "2")], wide)
    assert found.columns == tuple(wide) and "192 more" in found.said[0]


def test_names_too_long_for_a_file_and_brackets_without_end_raise_nothing(tmp_path: Path) -> None:
    rows, names = table(file=["x" * 300 + ".png"] * 3, label=["[" * 100_000] * 3)
    found = guess(rows, names, folder=tmp_path)
    assert (found.columns, found.label, found.task) == (("file",), "label", "classes")


NAMES = some.text(min_size=1, max_size=6) | some.sampled_from(["id", "label", "tags", "text", "title"])
CELLS = some.one_of(some.text(max_size=20), some.just(b"x"), some.sampled_from(["1", "a;b", "[", "p.png"]))


@given(some.lists(NAMES, min_size=1, max_size=5, unique=True), some.data())
def test_no_table_is_too_odd_to_guess_about(names: list[str], data: some.DataObject) -> None:
    rows = data.draw(some.lists(some.fixed_dictionaries({name: CELLS for name in names}), max_size=6))
    found = guess(rows, names, folder=Path())
    assert len(set(found.columns)) == len(found.columns) and set(found.columns) <= set(names)
    assert found.label is None or found.label not in found.columns

"""Rows found again by what other programs keep of them."""

from __future__ import annotations

import base64
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from answered import ids_of, make
from pictures import picture, saved

from askance.errors import BadInput
from askance.project.finding import Finder
from askance.project.project import Project
from askance.project.starting import Wishes, init
from askance.sources.csv import write_table


def photos(folder: Path, *names: str) -> tuple[Project, dict[str, str]]:
    """A project of image files, and their ids by path."""
    for number, name in enumerate(names):
        (folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "photos" / name).write_bytes(saved(picture(number), "PNG"))
    project = Project(init(folder / "photos", Wishes(classes=("x", "y")), folder=folder / "p.askance").project)
    return project, {row.cells["path"]: row.id for row in project.items.rows()}


def test_the_surest_id_that_the_project_has_is_taken(tmp_path: Path) -> None:
    find = Finder(make(tmp_path))
    assert find.known([None, "99", 3, "4"]) == "3" and find.known([True, 1.0, [], "x"]) is None
    assert find.row(["99", "4"], {"text": "whatever"}, "a.json") == "4"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/data/local-files/?d=photos/cats/a%201.png", "cats/a 1.png"),
        ("/data/upload/3/1f3a9c07-b.png", "b.png"),
        ("/data/upload/3/1f3a9c07-a_1_x.png", "cats/a 1 (x).png"),
        ("https://example.org/files/cats/a%201.png?size=full", "cats/a 1.png"),
        ("s3://bucket/photos/dogs/c.png", "dogs/c.png"),
        ("photos\\cats\\a 1.png", "cats/a 1.png"),
        ("c.png", "dogs/c.png"),
        ("elsewhere/b.png", "b.png"),
    ],
)
def test_an_image_is_known_by_as_much_of_its_path_as_there_is(tmp_path: Path, given: str, path: str) -> None:
    project, ids = photos(tmp_path, "cats/a 1.png", "cats/a 1 (x).png", "b.png", "dogs/c.png", "dogs/a 1.png")
    assert Finder(project).row([], {"image": given}, "a.json") == ids[path]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a.png", "2 items of the project fit this one: 'i"),
        ("/data/upload/3/1f3a9c07-a.png", "2 items of the project fit this one"),
        ("cows/a.png", "no item with an id that it knows"),
        ("b.png", "no item with an id that it knows"),
        ("data:image/png;base64,AAAA", "no item"),
        ("data:image/png;base64,%%%", "no item"),
        ("data:image/png,plain", "no item"),
        ("http://[a.png", "no item"),
        ("", "no item"),
    ],
)
def test_an_image_that_could_be_several_or_none_is_refused(tmp_path: Path, given: str, message: str) -> None:
    project, _ = photos(tmp_path, "cats/a.png", "dogs/a.png")
    with pytest.raises(BadInput, match=f"^a.json, task 1: .*{message}.*Nothing was taken"):
        Finder(project).row([], {"image": given}, "a.json, task 1")


def test_an_image_in_the_project_is_known_by_its_bytes_or_by_its_id(tmp_path: Path) -> None:
    pictures = [saved(picture(number), "PNG") for number in range(3)]
    pq.write_table(pa.table({"picture": pictures, "key": ["a/b", "c", "d"]}), tmp_path / "a.parquet")
    wishes = Wishes(image="picture", id="key", classes=("x", "y"))
    find = Finder(Project(init(tmp_path / "a.parquet", wishes, folder=tmp_path / "p.askance").project))
    data = f"data:image/png;base64,{base64.b64encode(pictures[1]).decode()}"
    assert find.row([], {"picture": data}, "a.json") == "c"
    assert find.file("a%2Fb.png") == ["a/b"] and find.file("e.png") == []


def test_an_id_is_not_taken_for_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "3.png").write_bytes(saved(picture(3), "PNG"))
    (tmp_path / "4.png").write_bytes(saved(picture(4), "PNG"))
    write_table(tmp_path / "a.csv", {"number": ["4", "3"], "file": ["3.png", "4.png"]})
    wishes = Wishes(image="file", id="number", classes=("x", "y"))
    find = Finder(Project(init(tmp_path / "a.csv", wishes, folder=tmp_path / "p.askance").project))
    assert find.row([], {"image": "3.png"}, "a.json") == "4"


def test_texts_that_differ_in_blanks_only_are_told_apart_where_they_can_be(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", {"text": ["the same words", "the same words\n", "others"]})
    wishes = Wishes(text=("text",), classes=("x", "y"))
    project = Project(init(tmp_path / "a.csv", wishes, folder=tmp_path / "p.askance").project)
    first, second, _ = ids_of(project)
    find = Finder(project)
    assert find.row([], {"t": "the same words"}, "a.json") == first
    assert find.row([], {"t": "the same words\n"}, "a.json") == second
    with pytest.raises(BadInput, match="2 items of the project fit"):
        find.row([], {"t": " the same words"}, "a.json")


def test_a_table_is_known_by_its_cells_however_they_are_written(tmp_path: Path) -> None:
    find = Finder(make(tmp_path, "table"))
    cells = {"id": "4.5", 'the "label"': "red"}
    assert find.row([], {"more": 1, **cells}, "a.json") == "3"
    assert find.row([], {"table": {**cells, "id": 4.5}}, "a.json") == "3"
    assert find.row([], {"table": '{"id": "4.5", "the \\"label\\"": "red"}', "x": "{"}, "a.csv") == "3"
    with pytest.raises(BadInput, match="nor one of this content"):
        find.row([], {"table": {"id": "4.5"}}, "a.json")

"""Labels of images in COCO's form, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from answered import NAMES, answer, ids_of, make, said
from pictures import picture, rotated, saved

from askance.errors import BadInput
from askance.project.giving import give_labels
from askance.project.project import Project
from askance.project.starting import Wishes, init
from askance.project.telling import Told, tell_file
from askance.study.journal import Draft


def written(project: Project, folder: Path) -> dict[str, Any]:
    give_labels(project, folder / "labels.json", form="coco", force=True)
    found: dict[str, Any] = json.loads((folder / "labels.json").read_text("utf-8"))
    return found


def tell(project: Project, folder: Path, content: Any, **options: Any) -> Told:
    (folder / "coco.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return tell_file(project, folder / "coco.json", **options)


def coco(*categories: str, **boxes: list[int]) -> dict[str, Any]:
    """A file of another program: images by name, each with the numbers of its annotations' categories."""
    names = list(boxes)
    of = [(place, category) for place, name in enumerate(names) for category in boxes[name]]
    return {
        "images": [
            {"id": place, "file_name": f"{name}.png", "width": 24, "height": 24} for place, name in enumerate(names)
        ],
        "categories": [{"id": place, "name": name} for place, name in enumerate(categories)],
        "annotations": [
            {"id": place, "image_id": image, "category_id": category, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
            for place, (image, category) in enumerate(of)
        ],
    }


def test_a_class_is_an_annotation_that_is_as_large_as_its_image(tmp_path: Path) -> None:
    project = make(tmp_path, "image")
    answer(project)
    found = written(project, tmp_path)
    assert found["categories"] == [
        {"id": place, "name": name, "supercategory": ""} for place, name in enumerate(NAMES, start=1)
    ]
    assert found["images"][0] == {"id": 1, "file_name": "a b/p 1.png", "width": 24, "height": 24}
    second = next(one for one in found["annotations"] if one["image_id"] == 2)
    assert second == {
        "id": 2, "image_id": 2, "category_id": 2, "bbox": [0, 0, 24, 24], "area": 576, "iscrowd": 0, "segmentation": [],
    }  # fmt: skip
    assert len(found["images"]) == 8 and {one["image_id"] for one in found["annotations"]} == set(range(1, 7))
    assert found["licenses"] == [] and found["info"]["description"] == f"Labels of {project.name}"
    kept = found["askance"]["images"]["7"]
    assert (kept["kind"], [one["kind"] for one in kept["answers"]]) == ("unsure", ["unsure", "broken"])


def test_several_labels_are_several_annotations_and_flags_are_kept(tmp_path: Path) -> None:
    project = make(tmp_path, "image", "labels")
    answer(project)
    id = ids_of(project)[2]
    project.study.journal.add([Draft("noted", {"id": id, "by": "Ada", "flag": True})])
    found = written(project, tmp_path)
    assert [one["category_id"] for one in found["annotations"] if one["image_id"] == 3] == [1, 2]
    assert not [one for one in found["annotations"] if one["image_id"] == 4], "an item that has none of the labels"
    assert found["askance"]["images"]["3"]["flagged"] is True
    assert [one["id"] for one in found["annotations"]] == list(range(1, len(found["annotations"]) + 1))


def test_an_image_that_was_turned_has_the_size_that_is_stored(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    wide = picture(1).resize((40, 20))
    exif = wide.getexif()
    exif[0x0112] = 6  # stored on its side
    (tmp_path / "photos" / "a.jpg").write_bytes(saved(wide, "JPEG", exif=exif))
    (tmp_path / "photos" / "b.jpg").write_bytes(rotated(2))
    project = Project(init(tmp_path / "photos", Wishes(classes=("x", "y")), folder=tmp_path / "p.askance").project)
    project.study.tell(dict.fromkeys(ids_of(project), "x"))
    assert [(one["width"], one["height"]) for one in written(project, tmp_path)["images"]] == [(40, 20), (24, 24)]


def test_images_that_lie_in_the_project_are_called_by_their_ids(tmp_path: Path) -> None:
    pictures = [saved(picture(0), "PNG"), saved(picture(1), "JPEG")]
    pq.write_table(pa.table({"picture": pictures, "key": ["a/b", "c"]}), tmp_path / "a.parquet")
    wishes = Wishes(image="picture", id="key", classes=("x", "y"))
    project = Project(init(tmp_path / "a.parquet", wishes, folder=tmp_path / "p.askance").project)
    project.study.tell({"a/b": "x", "c": "y"}, by="Ada")
    found = written(project, tmp_path)
    assert [one["file_name"] for one in found["images"]] == ["a%2Fb.png", "c.jpg"]
    del found["askance"]
    assert tell(project, tmp_path, found, by="Ada").repeated == 2


def test_a_file_of_another_program_is_one_answer_for_each_image(tmp_path: Path) -> None:
    project = make(tmp_path, "image", names=("cat", "dog"))
    told = tell(project, tmp_path, coco("dog", "cat", **{"p 1": [0, 0], "p 2": [1], "p 3": []}), by="Ben")
    assert (told.new, told.blank) == (2, 1) and told.remarks == ["1 images have no annotation and were passed over"]
    paths = {row.id: row.cells["path"] for row in project.items.rows()}
    assert {paths[id]: label for id, label in project.study.labels.items()} == {
        "a b/p 1.png": "dog",
        "c/p 2.png": "cat",
    }
    assert {by for one in said(project).values() for by, *_ in one} == {"Ben"}


def test_all_categories_of_an_image_are_its_labels(tmp_path: Path) -> None:
    project = make(tmp_path, "image", "labels", names=("cat", "dog"))
    tell(project, tmp_path, coco("dog", "cat", **{"p 1": [0, 1, 0], "p 2": [1]}))
    assert sorted(project.study.labels.values()) == [["cat"], ["cat", "dog"]]


def test_what_another_program_changed_is_of_whoever_tells_it(tmp_path: Path) -> None:
    project, fresh = make(tmp_path, "image"), make(tmp_path, "image")
    answer(project)
    content = written(project, tmp_path)
    (third,) = (one for one in content["annotations"] if one["image_id"] == 3)
    third["category_id"] = 1
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] != 4]
    told = tell(fresh, tmp_path, content, by="Dan")
    assert (told.new, told.blank) == (10, 1)
    before, found, ids = said(project), said(fresh), ids_of(project)
    assert found.pop(ids[2]) == [("Dan", NAMES[0], "label", None)]
    before[ids[1]][0] = ("Dan", *before[ids[1]][0][1:])  # of whom the file says nothing
    assert found == {id: sorted(one) for id, one in before.items() if id not in (ids[2], ids[3])}


def test_labels_stay_with_their_images_when_another_program_numbers_them_anew(tmp_path: Path) -> None:
    project, fresh = make(tmp_path, "image"), make(tmp_path, "image")
    answer(project)
    content = written(project, tmp_path)
    first, *images = content["images"]
    anew = {image["id"]: place for place, image in enumerate(images, start=1)}
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] != first["id"]]
    for one in content["annotations"]:
        one["image_id"] = anew[one["image_id"]]
    content["images"] = [image | {"id": anew[image["id"]]} for image in images]
    tell(fresh, tmp_path, content)
    before, gone = said(project), ids_of(project)[0]
    assert said(fresh) == {id: sorted(one) for id, one in before.items() if id != gone}


def test_an_image_without_a_name_is_known_by_its_id(tmp_path: Path) -> None:
    project = make(tmp_path, "image", names=("cat", "dog"))
    content = coco("cat", x=[0])
    content["images"][0] = {"id": ids_of(project)[0]}
    content["annotations"][0]["image_id"] = ids_of(project)[0]
    assert tell(project, tmp_path, content).new == 1


def changed(name: str, place: int, /, **fields: Any) -> dict[str, Any]:
    content = coco("cat", "dog", **{"p 1": [0], "p 2": [1]})
    content[name][place] |= fields
    return content


BAD: dict[str, tuple[Any, str]] = {
    "no annotations": ({"images": []}, "coco.json: the field 'categories' is no list of objects"),
    "annotations of another kind": (
        {**coco("cat"), "annotations": [3]},
        "the field 'annotations' is no list of objects",
    ),
    "no category": (changed("annotations", 1, category_id=9), "annotations 2: there is no category_id 9 in this file"),
    "no image": (changed("annotations", 0, image_id=9), "annotations 1: there is no image_id 9 in this file"),
    "an id that is none": (changed("images", 1, id=[1]), r"images 2: the field 'id' is \[1\] and no number"),
    "a nameless category": (changed("categories", 0, name=""), "categories 1, name: '' is no name"),
    "a file that is not there": (changed("images", 0, file_name="x.png"), "images 1: the project has no item"),
    "two classes": (
        coco("cat", "dog", **{"p 1": [0, 1]}),
        r"images 1: its annotations are of 2 categories \('cat', 'dog'\), and an item of this project has one class",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_named_with_file_and_field(tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    project = make(tmp_path, "image", names=("cat", "dog"))
    with pytest.raises(BadInput, match=message) as error:
        tell(project, tmp_path, content)
    assert "coco.json" in str(error.value) and not project.study.labels


@pytest.mark.parametrize(
    ("reads", "kind", "what"),
    [("text", "classes", "'text'"), ("table", "labels", "'table'"), ("image", "number", "numbers")],
)
def test_what_coco_has_no_words_for_is_refused(tmp_path: Path, reads: str, kind: str, what: str) -> None:
    project = make(tmp_path, reads, kind)
    answer(project)
    with pytest.raises(BadInput, match=f"COCO is for images that have classes or labels.*{what}.*Write .csv"):
        give_labels(project, tmp_path / "labels.coco.json")
    assert not list(tmp_path.glob("labels*"))
    if kind == "number":
        with pytest.raises(BadInput, match="a COCO file of classes, and this project's items get numbers"):
            tell(project, tmp_path, coco("cat", **{"p 1": [0]}))


def test_an_image_that_is_gone_from_its_place_is_named(tmp_path: Path) -> None:
    project = make(tmp_path, "image")
    answer(project)
    (tmp_path / "photos" / "a b" / "p 1.png").unlink()
    with pytest.raises(BadInput, match=r"p 1.png cannot be read: No such file.*Check the file"):
        give_labels(project, tmp_path / "labels.coco.json")
    (tmp_path / "photos" / "a b" / "p 1.png").write_bytes(b"no image")
    with pytest.raises(BadInput, match="p 1.png is no image"):
        give_labels(project, tmp_path / "labels.coco.json")
    assert not list(tmp_path.glob("labels*"))


def test_an_image_that_the_project_has_lost_is_left_out(tmp_path: Path) -> None:
    project = make(tmp_path, "image")
    answer(project)
    (tmp_path / "photos" / "a b" / "p 1.png").unlink()
    project.add(tmp_path / "photos")
    found = written(project, tmp_path)
    assert len(found["images"]) == 7 and not any("p 1.png" in image["file_name"] for image in found["images"])


def test_soft_answers_are_passed_over_with_a_word(tmp_path: Path) -> None:
    project = make(tmp_path, "image", names=("cat", "dog"))
    project.study.tell({ids_of(project)[0]: {"cat": 0.25, "dog": 0.75}}, kind="soft", by="Ada")
    content = written(project, tmp_path)
    assert [one["category_id"] for one in content["annotations"]] == [2]
    told = tell(project, tmp_path, content)
    assert (told.new, told.repeated) == (0, 0) and "1 soft answers" in told.remarks[0]

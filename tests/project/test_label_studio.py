"""Tasks and labeling configurations for Label Studio."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from answered import NAMES, answer, ids_of, make
from hypothesis import given
from hypothesis import strategies as st
from pictures_of import write_photos

from askance import Classes, Labels, Targets
from askance.errors import BadInput
from askance.project.giving import give_labels
from askance.project.label_studio import labeling_config
from askance.project.project import Project
from askance.project.starting import Wishes, init
from askance.study.journal import Draft


def tasks_of(project: Project, folder: Path) -> list[dict[str, Any]]:
    give_labels(project, folder / "labels.json", form="label-studio", force=True)
    found: list[dict[str, Any]] = json.loads((folder / "labels.json").read_text("utf-8"))
    return found


def test_a_task_has_the_item_its_provenance_and_an_annotation_for_each_person(tmp_path: Path) -> None:
    project = make(tmp_path)
    (id, *_) = project.ask(1).ids
    project.study.tell({id: NAMES[0]}, by="Ada")
    project.study.tell({id: NAMES[1]}, by="ben@example.org")
    (task,) = tasks_of(project, tmp_path)
    assert task["data"] == {
        "text": f'Ticket {id}\nThe "body" of ticket {id}:\nprinter <b>& more</b> 🦊',
        "askance_id": id,
    }
    meta, (first, second) = task["meta"], task["annotations"]
    assert (meta["id"], meta["round"], meta["rank"], meta["strategy"]) == (id, 1, 1, "typiclust")
    assert meta["chosen"] == "active" and "probability" not in meta and meta["agreement"] == 0.5
    assert first["result"] == [
        {"id": "a1", "from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": [NAMES[0]]}}
    ]
    assert (first["created_username"], second["created_username"]) == ("Ada", "ben@example.org")
    assert "completed_by" not in first, "an import refuses the name of nobody's address"
    assert second["completed_by"] == {"email": "ben@example.org"} and first["created_at"].endswith("Z")
    assert [(one["annotation"], one["by"], one["value"]) for one in meta["answers"]] == [
        (1, "Ada", NAMES[0]),
        (2, "ben@example.org", NAMES[1]),
    ]


def test_an_answer_that_is_no_label_is_cancelled_and_meta_says_its_kind(tmp_path: Path) -> None:
    project = make(tmp_path, "table", "labels")
    answer(project)
    tasks = {task["meta"]["id"]: task for task in tasks_of(project, tmp_path)}
    assert len({one["id"] for task in tasks.values() for one in task["annotations"]}) == 11, "numbers are used once"
    unsure, empty = tasks["7"], tasks["4"]
    assert [one["was_cancelled"] for one in unsure["annotations"]] == [True, True]
    assert [one["kind"] for one in unsure["meta"]["answers"]] == ["unsure", "broken"]
    assert [one["result"] for one in unsure["annotations"]] == [[], []]
    (none,) = empty["annotations"]
    assert not none["was_cancelled"] and none["result"] == [] and none["lead_time"] == 3.5
    assert empty["data"]["table"] == {"id": "6.0", 'the "label"': "blue"}


def test_a_number_is_a_number_and_a_prediction_has_one_too(tmp_path: Path) -> None:
    project = make(tmp_path, "text", "number")
    answer(project)
    assert all(task["predictions"] == [] for task in tasks_of(project, tmp_path)), "nothing is trained for an export"
    project.study.predict()
    first = tasks_of(project, tmp_path)[0]
    (result,) = first["annotations"][0]["result"]
    assert (result["type"], result["value"]) == ("number", {"number": -2.0})
    (guess,) = first["predictions"]
    assert guess["model_version"] == project.study.state.fits[-1].key and "score" not in guess
    row = project.study.pool.row(first["meta"]["id"])
    assert guess["result"][0]["value"]["number"] == pytest.approx(float(project.study.predict()[row, 0]), rel=1e-5)


@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_a_prediction_says_how_sure_the_model_is_of_what_it_says(tmp_path: Path, kind: str) -> None:
    project = make(tmp_path, "text", kind)
    answer(project)
    found = project.study.predict()
    for task in tasks_of(project, tmp_path):
        row = found[project.study.pool.row(task["meta"]["id"])]
        (guess,) = task["predictions"]
        sure = float(row.max()) if kind == "classes" else min(max(float(p), 1 - float(p)) for p in row)
        assert guess["score"] == pytest.approx(sure, abs=1e-5)
        names = [name for result in guess["result"] for name in result["value"]["choices"]]
        assert names == (
            [NAMES[int(row.argmax())]]
            if kind == "classes"
            else [n for n, p in zip(NAMES, row, strict=True) if p >= 0.5]
        )
    project.study.declare("new")
    assert tasks_of(project, tmp_path)[0]["predictions"] == [], "that model knows other classes than today's"


def test_an_image_is_a_file_that_label_studio_can_serve_or_lies_in_the_task(tmp_path: Path) -> None:
    project = make(tmp_path, "image")
    answer(project)
    first = tasks_of(project, tmp_path)[0]["data"]["image"]
    assert first == "/data/local-files/?d=photos/a%20b/p%201.png"
    assert (tmp_path / unquote(first.partition("?d=")[2])).is_file()
    pictures = [(tmp_path / "photos" / "c" / f"p {number}.png").read_bytes() for number in (0, 2)]
    pq.write_table(pa.table({"picture": pictures}), tmp_path / "a.parquet")
    within = Project(init(tmp_path / "a.parquet", Wishes(classes=NAMES), folder=tmp_path / "in.askance").project)
    within.study.tell({ids_of(within)[1]: NAMES[0]})
    (task,) = tasks_of(within, tmp_path)
    kind, _, held = task["data"]["image"].partition(";base64,")
    assert kind == "data:image/png" and base64.b64decode(held) == pictures[1]


def test_flags_and_comments_stand_in_meta(tmp_path: Path) -> None:
    project = make(tmp_path)
    answer(project)
    project.study.journal.add([Draft("noted", {"id": "1", "by": "Ada", "flag": True, "comment": "see 2"})])
    first, second, *_ = tasks_of(project, tmp_path)
    assert (first["meta"]["flagged"], first["meta"]["comment"]) == (True, "see 2")
    assert (second["meta"]["flagged"], second["meta"]["comment"]) == (False, "")


def test_the_configuration_asks_for_what_the_task_is() -> None:
    one = ElementTree.fromstring(labeling_config(Classes(NAMES), "text"))
    assert one.find("Text").attrib == {"name": "item", "value": "$text"}  # type: ignore[union-attr]
    choices = one.find("Choices")
    assert choices is not None and choices.attrib["toName"] == "item" and choices.attrib["choice"] == "single"
    several = ElementTree.fromstring(labeling_config(Labels(NAMES), "table")).find("Choices")
    assert several is not None and several.attrib["choice"] == "multiple" and "required" not in several.attrib
    number = ElementTree.fromstring(labeling_config(Targets(), "image")).find("Number")
    assert number is not None and number.attrib["name"] == "label"


SIGN = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]) | st.sampled_from("\n\t\"'<>&")


@given(st.lists(st.text(SIGN, min_size=1), min_size=1, max_size=4, unique=True))
def test_names_of_any_signs_stand_in_the_configuration_as_they_are(names: list[str]) -> None:
    found = ElementTree.fromstring(labeling_config(Classes(tuple(names)), "text")).iter("Choice")
    assert [choice.attrib["value"] for choice in found] == names


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\ufffe", "\ud800"])
def test_a_sign_that_no_xml_holds_is_refused_with_the_name(sign: str) -> None:
    with pytest.raises(BadInput, match="holds a sign that Label Studio's XML cannot.*askance rename-class"):
        labeling_config(Labels(("a", f"b{sign}")), "text")


def test_rows_of_numbers_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32))
    project = Project(init(tmp_path / "a.npy", Wishes(classes=("x", "y")), folder=tmp_path / "p.askance").project)
    project.study.tell({ids_of(project)[0]: "x"})
    with pytest.raises(BadInput, match="rows of numbers, and Label Studio has nothing that shows them"):
        give_labels(project, tmp_path / "labels.label-studio.json")
    with pytest.raises(BadInput, match="an item has 2 numbers|An item has 2 numbers"):
        labeling_config(Targets(2), "text")
    assert sorted(place.name for place in tmp_path.glob("labels*")) == []


def test_neither_the_tasks_nor_their_configuration_are_written_over(tmp_path: Path) -> None:
    project = make(tmp_path)
    answer(project)
    (tmp_path / "labels.config.xml").write_text("mine")
    with pytest.raises(BadInput, match="labels.config.xml is there already.*--force"):
        give_labels(project, tmp_path / "labels.label-studio.json")
    assert [place.name for place in tmp_path.glob("labels*")] == ["labels.config.xml"]
    assert give_labels(project, tmp_path / "labels.label-studio.json", force=True)[1].name == "labels.card.md"
    assert (tmp_path / "labels.config.xml").read_text().startswith("<View>")


def test_an_image_that_is_broken_by_now_does_no_harm_to_tasks_that_only_name_it(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", files=6, odd=1)
    project = Project(init(tmp_path / "photos", Wishes(classes=NAMES), folder=tmp_path / "p.askance").project)
    project.study.tell({ids_of(project)[0]: NAMES[0]})
    for file in (tmp_path / "photos").rglob("*.png"):
        if file.is_file():
            file.unlink()
    assert len(tasks_of(project, tmp_path)) == 1

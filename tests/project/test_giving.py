"""Labels with their provenance, the card that explains them, and a model to take away."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from tickets import label_batch, make_project

import askance
from askance import Answer, BadInput, Labels, Pool, Study, Targets
from askance.encoders.numbers import AsIs
from askance.errors import StorageError
from askance.project import takeaway
from askance.project.card import alpha, card
from askance.project.exporting import COLUMNS, NOTED, write_labels
from askance.project.giving import give_labels, give_model
from askance.project.intake import Reading
from askance.project.provenance import provenance
from askance.project.starting import Wishes, init
from askance.project.telling import tell_file
from askance.sources.csv import write_table

POOL = Pool.from_arrays(np.random.default_rng(0).normal(size=(30, 3)), ids=[f"i{row}" for row in range(30)])


def small_study(**options: Any) -> Study:
    """A study with an unasked label, a disagreement, an answer without a label, and one that was taken back."""
    study = Study(POOL, classes=["cat", "dog"], control=0.25, **options)
    study.tell({"i29": "cat"}, by="file")
    ids = study.ask(8).ids
    study.tell({id: "cat" for id in ids[:6]}, by="Ada")
    study.tell({ids[0]: "dog", ids[1]: "cat"}, by="Ben")
    study.tell({ids[0]: Answer("cat", by="Cem", seconds=2.5)})
    study.tell({ids[6]: None}, kind="unsure", by="Ada")
    study.tell({ids[7]: "dog"}, by="Ada")
    study.withdraw([ids[7]], by="Ada")
    return study


def test_every_answer_has_its_provenance() -> None:
    study = small_study()
    found = {item.id: item for item in provenance(study)}
    asked = next(line for line in study.lines() if line.kind == "asked")
    ids = asked.body["ids"]
    assert set(found) == {"i29", *ids[:7]}
    assert (found["i29"].chosen, found["i29"].round, found["i29"].probability) == ("unasked", None, None)
    first = found[ids[0]]
    assert first.label == "cat" and first.agreement == pytest.approx(2 / 3)
    assert [answer.by for answer in first.answers] == ["Ada", "Ben", "Cem"] and first.answers[2].seconds == 2.5
    assert (first.round, first.rank, first.line) == (1, 1, asked.number)
    assert found[ids[6]].label is None and found[ids[6]].answers[0].kind == "unsure"
    for place, id in enumerate(ids[:7]):
        stream = asked.body["streams"][place]
        assert found[id].chosen == stream
        assert (found[id].probability is not None) == (stream == "control")
        assert found[id].strategy == ("random" if stream == "control" else "typiclust")


def test_an_item_that_was_asked_twice_counts_by_the_ask_that_its_answer_followed() -> None:
    study = Study(POOL, classes=["cat", "dog"])
    first = study.ask(3).ids
    study.release(first)
    while first[0] not in study.pending:
        study.ask(10)
    lines = [line for line in study.lines() if line.kind == "asked" and first[0] in line.body["ids"]]
    study.tell({first[0]: "cat"})
    (found,) = provenance(study)
    assert len(lines) == 2 and found.line == lines[1].number
    study.rename("cat", "kitten")
    assert provenance(study)[0].label == "kitten" and provenance(study)[0].answers[0].value == "cat"
    assert provenance(study)[0].agreement == 1.0


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_labels_come_back_from_every_kind_of_file(tmp_path: Path, ending: str) -> None:
    items = provenance(small_study())
    path = tmp_path / f"labels.{ending}"
    assert write_labels(path, items, lambda id: [str(id), f"{id}-2"] if id == "i29" else [str(id)]) == len(items) + 1
    if ending == "csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        assert next(row for row in rows if row["people"] == "3")["by"] == "Ada; Ben; Cem"
    elif ending == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = pq.read_table(path).to_pylist()
        assert next(row for row in rows if row["people"] == 3)["said"] == ["cat", "dog", "cat"]
    assert list(rows[0]) == [name for name in COLUMNS if ending != "csv" or name not in NOTED]
    assert [row["id"] for row in rows if row["same_as"]] == ["i29-2"]
    assert {row["label"] or None for row in rows} == {"cat", None}
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"labels.{ending}"]


def test_several_labels_and_numbers_are_written(tmp_path: Path) -> None:
    labels = Study(POOL, task=Labels(("a", "b")))
    labels.tell({"i0": ["a", "b"], "i1": []})
    numbers = Study(POOL, task=Targets())
    numbers.tell({"i0": 2.5})
    write_labels(tmp_path / "l.parquet", provenance(labels))
    write_labels(tmp_path / "n.parquet", provenance(numbers))
    assert pq.read_table(tmp_path / "l.parquet")["label"].to_pylist() == [["a", "b"], []]
    assert pq.read_table(tmp_path / "n.parquet")["label"].to_pylist() == [[2.5]]
    with pytest.raises(BadInput, match="ends in none of .csv, .jsonl, .parquet"):
        write_labels(tmp_path / "l.xlsx", [])


def test_agreement_beyond_chance_is_krippendorffs() -> None:
    """The example of Krippendorff (2011), four observers and twelve units: alpha is .743."""
    data = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    units = [[str(row[unit]) for row in data if row[unit] is not None] for unit in range(12)]
    assert alpha(units) == pytest.approx(0.743, abs=5e-4)
    assert alpha([["a", "a"], ["b", "b"]]) == 1.0
    assert alpha([["a"], ["b"]]) is None and alpha([["a", "a"]]) is None


def test_the_card_says_what_a_sample_that_was_chosen_cannot_tell() -> None:
    study = small_study()
    study.merge("dog", "cat")
    text = card("pets", study, provenance(study), {"item": 30, "folded": 2, "empty": 1, "broken": 0, "gone": 0})
    assert "# Labels of pets" in text and "2 folded, 1 empty" in text
    assert "They are no random sample" in text and "| control | random | 2 |" in text
    assert "| unasked | – | 1 | – | – |" in text and "`dog` is `cat` today" in text
    assert "2 items were answered by several people; all agree on 1 of them (50%)" in text
    assert "Krippendorff's alpha" in text and "torch" in text
    for column in COLUMNS:
        assert f"`{column}`" in text


def test_a_project_exports_every_row_and_writes_nothing_over(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with pytest.raises(BadInput, match="Nothing is answered yet"):
        give_labels(project, tmp_path / "labels.csv")
    twin = next(project.items.rows("folded"))
    (tmp_path / "a.csv").write_text(f"id,label\n{twin.id},billing\n")
    tell_file(project, tmp_path / "a.csv")
    rows, place = give_labels(project, tmp_path / "labels.csv")
    assert rows >= 2 and place.name == "labels.card.md" and place.read_text().startswith("# Labels of tickets")
    with pytest.raises(BadInput, match="--force"):
        give_labels(project, tmp_path / "labels.csv")
    assert give_labels(project, tmp_path / "labels.csv", force=True)[0] == rows


def test_a_model_that_is_taken_away_predicts_what_the_project_predicts(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    label_batch(project, tmp_path)
    label_batch(project, tmp_path)
    project.study.score()
    give_model(project, tmp_path / "model")
    model = askance.load(tmp_path / "model")
    rows = [row for row in project.items.rows("item")]
    texts = ["\n".join([row.cells["subject"], row.cells["body"]]) for row in rows]
    found = model.predict(texts)
    expected = project.study.predict()
    assert torch.allclose(found.probabilities, expected, atol=1e-6)
    assert set(found) <= set(found.names)
    assert list(found) == [project.study.task.answer(row) for row in expected] and len(found) == len(rows)
    assert list(model.predict([rows[0].cells])) == [found[0]]
    assert model.facts["labels"] == 80 and model.facts["scored_on"] == "control"
    sure = found.above(float(found.certainty.median()))
    assert 0 < sum(value is None for value in sure) < len(sure)
    assert len(model.predict([])) == 0
    with pytest.raises(BadInput, match="Item 0 lacks the column 'subject'"):
        model.predict([{"body": "x"}])
    with pytest.raises(BadInput, match="Item 1 is a int, and this model reads texts"):
        model.predict(["x", 3])
    with pytest.raises(BadInput, match="is there already"):
        give_model(project, tmp_path / "model")
    give_model(project, tmp_path / "model", force=True)
    with pytest.raises(BadInput, match="holds no model, so it is not written over"):
        give_model(project, tmp_path / "tickets.askance", force=True)


def test_a_model_of_images_reads_bytes_and_paths(tmp_path: Path) -> None:
    from pictures_of import write_photos

    write_photos(tmp_path / "photos", files=20, odd=0)
    started = init(tmp_path / "photos", Wishes(label="folder"), folder=tmp_path / "p.askance")
    project = askance.Project(started.project)
    give_model(project, tmp_path / "model")
    model = askance.load(tmp_path / "model")
    file = next((tmp_path / "photos" / "cats").glob("*.png"))
    assert list(model.predict([file])) == list(model.predict([file.read_bytes()]))


def saved_model(folder: Path) -> Path:
    study = small_study()
    encoder = AsIs()
    takeaway.save(
        folder, task=study.task, learner=study.learner, model=study.model(), encoder=encoder,
        encoding=encoder.fit([np.zeros(3, np.float32)]), how=Reading("array", ("values",)), facts={"labels": 7},
    )  # fmt: skip
    return folder


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("model.json", lambda data: b"{", "is damaged"),
        ("model.json", lambda data: data.replace(b'"format": 1', b'"format": 9'), "of format 9"),
        ("model.json", lambda data: data.replace(b"askance.task:Classes", b"askance.seeds:Dice"), "damaged"),
        ("head.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "its bytes are not what was written"),
        ("encoder/encoding.json", lambda data: data.replace(b'"width": 3', b'"width": 4'), "is damaged"),
    ],
)
def test_a_model_that_was_tampered_with_is_refused(tmp_path: Path, file: str, change: Any, message: str) -> None:
    folder = saved_model(tmp_path / "model")
    assert list(askance.load(folder).predict([[0.0, 0.0, 0.0]])) == ["cat"]
    place = folder / file
    place.write_bytes(change(place.read_bytes()))
    with pytest.raises((StorageError, BadInput), match=message):
        askance.load(folder)


def test_a_folder_without_a_model_is_named_and_a_model_with_pickles_is_refused(tmp_path: Path) -> None:
    from sklearn.naive_bayes import GaussianNB

    with pytest.raises(BadInput, match="askance export --model"):
        askance.load(tmp_path)
    study = small_study(learner=GaussianNB())
    with pytest.raises(BadInput, match="A model of Sklearn cannot be stored without pickles.*--learner linear"):
        takeaway.save(
            tmp_path / "m", task=study.task, learner=study.learner, model=study.model(), encoder=AsIs(),
            encoding=AsIs().fit([np.zeros(3, np.float32)]), how=Reading("array", ("values",)), facts={},
        )  # fmt: skip
    assert not (tmp_path / "m").exists()


def test_a_project_of_a_table_takes_its_columns_along(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    a = dice.normal(size=50)
    classes = ["x" if value > 0 else "y" for value in a]
    write_table(tmp_path / "t.csv", {"a": [f"{value:.3f}" for value in a], "b": ["u", "v"] * 25, "class": classes})
    project = askance.Project(init(tmp_path / "t.csv", folder=tmp_path / "t.askance").project)
    give_model(project, tmp_path / "model")
    found = askance.load(tmp_path / "model").predict([{"a": 2, "b": "u"}, {"a": "-2", "b": None}])
    assert list(found) == ["x", "y"]


def test_a_model_with_code_of_your_own_is_said_to_need_trust() -> None:
    from askance import Linear
    from askance.encoders.module import TorchModule
    from askance.encoders.text import TfidfSvd

    assert takeaway.is_ours(Linear(), TfidfSvd())
    assert not takeaway.is_ours(Linear(), TorchModule("mine.py:Net"))

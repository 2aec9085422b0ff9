"""A project from cold start to predictions."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from pictures_of import write_photos
from tickets import fill, label_batch, make_project, truth, write_tickets

from askance import Labels, Targets
from askance.encoders.text import TfidfEncoding
from askance.errors import BadInput, StorageError, UnknownName
from askance.project.asking import ask
from askance.project.beginning import begin
from askance.project.items import Items
from askance.project.predicting import write_predictions
from askance.project.project import Project, find_project
from askance.project.starting import Wishes, init
from askance.project.status import as_text, status
from askance.project.telling import tell_file
from askance.sources.csv import read_table, write_table


def test_from_a_file_without_labels_to_predictions_for_every_row(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert "no class is named yet" in project.ask(5).said
    project.study.release(project.study.pending)
    for _ in range(5):
        assert label_batch(project, tmp_path) == 40
    done, lacking, *_ = write_predictions(project, tmp_path / "out.csv")
    known = truth(tmp_path)
    table = read_table(tmp_path / "out.csv")
    assert table.columns == ("id", "class", "probability") and table.column("id") == list(known)
    counts = project.items.counts()
    assert done + lacking == 400 and lacking == counts["empty"] + counts["broken"]
    right = [found == known[id] for id, found in zip(table.column("id"), table.column("class"), strict=True)]
    assert np.mean(right) > 0.9


def test_duplicates_are_asked_once_and_all_of_them_get_the_label(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    twins = [row for row in project.items.rows("folded")]
    first = next(project.items.numbered([twins[0].item or 0]))
    assert set(project.study.pool.ids) & {row.id for row in twins} == set()
    (tmp_path / "a.csv").write_text(f"id,label\n{twins[0].id},billing\n")
    assert tell_file(project, tmp_path / "a.csv").new == 1
    assert project.study.labels == {first.id: "billing"}


def test_telling_a_file_twice_does_no_harm_and_a_later_answer_replaces_an_earlier_one(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    first = project.study.pool.ids[0]
    (tmp_path / "a.csv").write_text(f"id,label\n{first},billing\n")
    assert tell_file(project, tmp_path / "a.csv", by="Ada").new == 1
    again = tell_file(project, tmp_path / "a.csv", by="Ada")
    assert (again.new, again.repeated) == (0, 1)
    (tmp_path / "b.csv").write_text(f"id,label\n{first},login\n")
    other = tell_file(project, tmp_path / "b.csv", by="Ben")
    assert other.new == 1 and other.disagreed == [first] and other.declared == ["login"]
    later = tell_file(project, tmp_path / "b.csv", by="Ada")
    assert later.corrected == [first] and project.study.labels == {first: "login"}


def test_people_who_agree_agree_after_a_class_was_renamed(tmp_path: Path) -> None:
    project = make_project(tmp_path, classes=("billing", "login"))
    first, second = project.study.pool.ids[:2]
    (tmp_path / "a.csv").write_text(f"id,label\n{first},billing\n{second},login\n")
    tell_file(project, tmp_path / "a.csv", by="Ada")
    project.study.rename("billing", "invoices")
    (tmp_path / "b.csv").write_text(f"id,label\n{first},invoices\n{second},invoices\n")
    assert tell_file(project, tmp_path / "b.csv", by="Ben").disagreed == [second]
    assert status(project).disagreed == 1
    again = tell_file(project, tmp_path / "a.csv", by="Ada")
    assert (again.repeated, again.new, again.corrected) == (2, 0, [])


def test_what_a_file_says_is_told_once_whatever_a_class_is_called_by_now(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", {"text": [f"words about {row}" for row in range(8)], "kind": ["a", "b"] * 4})
    init(tmp_path / "t.csv", Wishes(text=("text",), label="kind"), folder=tmp_path / "t.askance")
    project = Project(tmp_path / "t.askance")
    project.study.rename("a", "alpha")
    lines = len(project.study.lines())
    project.items.put("settled", False)
    assert project.settle().labels == 0 and len(project.study.lines()) == lines


def test_a_slip_needs_a_decision_once(tmp_path: Path) -> None:
    project = make_project(tmp_path, classes=("billing", "login"))
    ids = project.study.pool.ids
    (tmp_path / "a.csv").write_text(f"id,label\n{ids[0]},billing\n{ids[1]},biling\n")
    doubtful = tell_file(project, tmp_path / "a.csv")
    assert [(one.name, one.near) for one in doubtful.doubts] == [("biling", "billing")]
    assert project.study.progress.labeled == 0
    assert tell_file(project, tmp_path / "a.csv", same={"biling": "billing"}).new == 2
    (tmp_path / "b.csv").write_text(f"id,label\n{ids[2]},biling\n")
    assert tell_file(project, tmp_path / "b.csv").new == 1
    assert set(project.study.labels.values()) == {"billing"}
    (tmp_path / "c.csv").write_text(f"id,label\n{ids[3]},logins\n")
    assert tell_file(project, tmp_path / "c.csv", new=["logins"]).declared == ["logins"]
    with pytest.raises(BadInput, match="no class 'nothing' that 'x' could mean"):
        tell_file(project, tmp_path / "c.csv", same={"x": "nothing"})


def test_a_row_that_is_set_aside_cannot_be_labeled(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", {"id": ["x", "y", "z"], "text": ["one", "", "two"]})
    init(tmp_path / "a.csv", Wishes(text=("text",), id="id"), folder=tmp_path / "a.askance")
    project = Project(tmp_path / "a.askance")
    (tmp_path / "b.csv").write_text("id,label\nx,cat\ny,cat\n")
    with pytest.raises(BadInput, match="'y' is set aside"):
        tell_file(project, tmp_path / "b.csv")
    assert project.study.progress.labeled == 0


def test_labels_that_came_with_the_file_are_used_and_disagreeing_rows_are_named(tmp_path: Path) -> None:
    texts = [f"the {word} came late and broken" for word in ("parcel", "letter", "box")] * 4
    write_table(tmp_path / "a.csv", {"text": texts, "label": ["cat", "dog", "cat"] + ["", "dog", "dog"] + [""] * 6})
    started = init(tmp_path / "a.csv", folder=tmp_path / "a.askance")
    assert started.how.label == "label" and started.classes == ("cat", "dog")
    assert started.settled.labels == 2 and len(started.settled.conflicts) == 1
    project = Project(started.project)
    assert sorted(project.study.labels.values()) == ["cat", "dog"]
    assert status(project).people == {"file": 2}


def test_the_same_ask_writes_a_batch_again_that_was_asked_and_not_written(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    first = ask(project, 10, out=tmp_path / "b.csv")
    (tmp_path / "b.csv").unlink()  # as if the process had been killed before it wrote
    again = ask(project, 10, out=tmp_path / "b.csv")
    assert again.ids == first.ids and "asked before" in again.said
    with pytest.raises(BadInput, match="is there already, and may hold labels"):
        ask(project, 10, out=tmp_path / "b.csv")
    fill(tmp_path / "b.csv", tmp_path)
    tell_file(project, tmp_path / "b.csv")
    (tmp_path / "b.csv").unlink()
    assert not set(ask(project, 10, out=tmp_path / "b.csv").ids) & set(first.ids)


def test_what_is_open_can_be_written_once_more(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    first = ask(project, 7)
    assert first.text.startswith("id,label,subject,body")
    found = ask(project, again=True, out=tmp_path / "open.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "open.jsonl").read_text().splitlines()]
    assert sorted(found.ids) == sorted(first.ids) == sorted(line["id"] for line in lines)
    project.study.release(project.study.pending)
    assert ask(project, again=True).said.startswith("Nothing to ask: no question is open")


def test_a_project_says_where_it_stands(tmp_path: Path) -> None:
    project = make_project(tmp_path, control=0.3)
    before = status(project)
    assert before.model_labels is None and before.score == "" and "askance ask" in before.next
    label_batch(project, tmp_path)
    label_batch(project, tmp_path)
    found = status(project)
    assert found.labeled == 80 and found.model_labels == 40 and found.labels_since == 40
    assert found.controls == 24 and "on 24 control items" in found.score
    assert found.people == {"Ada": 80} and sum(found.classes.values()) == 80
    text = as_text(found)
    assert "learned from 40 labels; 40 have come since" in text and "typiclust until" in text
    assert json.dumps(found.as_json())
    lines = len(project.study.lines())
    assert status(project).score == found.score and len(project.study.lines()) == lines, "nothing new, nothing measured"


def test_a_project_says_why_it_has_no_score(tmp_path: Path) -> None:
    project = make_project(tmp_path, control=0.5)
    assert "accuracy   unknown: 0 control items are labeled, and it takes 2" in as_text(status(project))
    label_batch(project, tmp_path)
    assert status(project).score and not status(project).unscored
    project._reopen("learner", "sklearn.svm:SVR")  # as an earlier version took it
    id = next(id for id in project.study.pool.ids if id not in project.study.labels)
    project.study.tell({id: truth(tmp_path)[id]}, by="Ada")
    assert "accuracy   unknown: SVR has neither predict_proba nor decision_function" in as_text(status(project))


def test_a_label_of_an_item_that_is_not_encoded_is_named_with_its_line(tmp_path: Path) -> None:
    project = make_project(tmp_path, limit=50)
    known = str(project.study.pool.ids[0])
    other = next(row.id for row in project.items.rows("item") if not project.study.pool.knows(row.id))
    (tmp_path / "a.csv").write_text(f"id,label\n{known},login\n{other},billing\n")
    with pytest.raises(BadInput, match=r"a\.csv, line 3: .*askance encode"):
        tell_file(project, tmp_path / "a.csv")
    assert project.study.progress.labeled == 0
    project.encode()
    assert tell_file(project, tmp_path / "a.csv").new == 2


def test_a_label_of_an_item_that_went_before_it_was_encoded_is_not_sent_to_encode(tmp_path: Path) -> None:
    project = make_project(tmp_path, limit=50)
    other = next(row.id for row in project.items.rows("item") if not project.study.pool.knows(row.id))
    table = read_table(tmp_path / "tickets.csv")
    kept = [place for place, id in enumerate(table.column("number")) if id != other]
    write_table(tmp_path / "tickets.csv", {n: [table.column(n)[place] for place in kept] for n in table.columns})
    project.add(tmp_path / "tickets.csv")
    (tmp_path / "a.csv").write_text(f"id,label\n{other},billing\n")
    with pytest.raises(BadInput, match=r"a\.csv, line 2: .*in no file of the project any more.*askance add FILE"):
        tell_file(project, tmp_path / "a.csv")


def test_only_so_many_items_are_encoded_for_now_and_the_rest_later(tmp_path: Path) -> None:
    project = make_project(tmp_path, limit=50)
    assert len(project.study.pool) == 50
    first = project.ask(5)
    assert project.features.missing() > 300
    project.encode()
    assert project.features.missing() == 0 and len(project.study.pool) > 380
    assert project.study.pending == list(first.ids) or set(project.study.pending) == set(first.ids)
    assert [row.ok for row in project.study.audit()] == [True]


def test_labels_stay_with_their_items_while_the_file_changes(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    label_batch(project, tmp_path)
    before = dict(project.study.labels)
    numbers, subjects, bodies = (read_table(tmp_path / "tickets.csv").column(c) for c in ("number", "subject", "body"))
    some = next(iter(before))
    order = [row for row in reversed(range(len(numbers))) if row % 9 or numbers[row] == some]
    changed = {
        name: [column[row] for row in order]
        for name, column in (("number", numbers), ("subject", subjects), ("body", bodies))
    }
    changed["body"][order.index(numbers.index(some))] = "edited: the parcel is lost"
    for name, extra in (("number", "T-new"), ("subject", "hello"), ("body", "a new ticket about a parcel")):
        changed[name].append(extra)
    write_table(tmp_path / "tickets.csv", changed)
    with pytest.raises(BadInput, match=f"1 rows .* {some!r}.*--update"):
        project.add(tmp_path / "tickets.csv")
    done = project.add(tmp_path / "tickets.csv", update=True)
    settled = project.settle()
    assert done.new == 1 and done.changed == [some] and len(done.lost) == len(numbers) - len(order)
    assert project.study.labels == before
    assert settled.gone == len(project.items.gone() & set(map(str, project.study.pool.ids)))
    asked = {id for _ in range(12) for id in map(str, project.ask(30).ids)}
    assert not asked & project.items.gone()
    assert "T-new" in {*asked, *map(str, project.study.pool.ids)}


def test_what_comes_back_is_asked_again(tmp_path: Path) -> None:
    project = make_project(tmp_path, rows=60)
    table = {name: read_table(tmp_path / "tickets.csv").column(name) for name in ("number", "subject", "body")}
    write_table(tmp_path / "short.csv", {name: column[30:] for name, column in table.items()})
    project.add(tmp_path / "short.csv")
    assert project.settle().gone > 20 and status(project).aside > 20
    project.add(tmp_path / "tickets.csv", scope="replace")
    assert project.settle().back > 20 and status(project).aside == 0


def test_further_files_add_to_what_is_there(tmp_path: Path) -> None:
    project = make_project(tmp_path, rows=50)
    write_table(tmp_path / "more.csv", {"number": ["m1"], "subject": ["hi"], "body": ["where is my parcel"]})
    with pytest.raises(BadInput, match="--more"):
        project.add(tmp_path / "more.csv")
    assert project.add(tmp_path / "more.csv", scope="more").new == 1
    assert "m1" in project.study.pool.ids and project.items.gone() == set()


def test_only_what_is_new_or_changed_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path, rows=80)
    encoded: list[str] = []
    monkeypatch.setattr(
        TfidfEncoding, "encode", lambda self, items: encoded.extend(items) or np.zeros((len(items), self.width), "f4")
    )
    table = {name: read_table(tmp_path / "tickets.csv").column(name) for name in ("number", "subject", "body")}
    table["body"][3] = "edited"
    for name, extra in (("number", "T-new"), ("subject", "s"), ("body", "quite new")):
        table[name].append(extra)
    write_table(tmp_path / "tickets.csv", table)
    project.add(tmp_path / "tickets.csv", update=True)
    project.settle()
    assert sorted(encoded) == sorted([f"{table['subject'][3]}\nedited", "s\nquite new"])


def test_several_labels_and_numbers_have_their_own_heads_and_strategies(tmp_path: Path) -> None:
    _, _, bodies = (read_table(write_tickets(tmp_path, 120)).column(c) for c in ("number", "subject", "body"))
    kinds = list(truth(tmp_path).values())
    tags = [f"{kind}; long" if len(body) > 130 else kind for kind, body in zip(kinds, bodies, strict=True)]
    write_table(tmp_path / "tags.csv", {"text": bodies, "tags": [t if n < 90 else "" for n, t in enumerate(tags)]})
    started = init(tmp_path / "tags.csv", folder=tmp_path / "tags.askance")
    project = Project(started.project)
    assert started.task == "labels" and isinstance(project.study.task, Labels) and "long" in started.classes
    assert project.ask(3).strategy in ("typiclust", "mean-margin")
    write_predictions(project, tmp_path / "tags.jsonl")
    first = json.loads((tmp_path / "tags.jsonl").read_text().splitlines()[0])
    assert isinstance(first["labels"], list) and set(first["probabilities"]) == set(started.classes)

    lengths = [str(len(body) / 100) if n < 90 else "" for n, body in enumerate(bodies)]
    write_table(tmp_path / "lengths.csv", {"text": bodies, "target": lengths})
    started = init(tmp_path / "lengths.csv", folder=tmp_path / "lengths.askance")
    project = Project(started.project)
    assert started.task == "number" and isinstance(project.study.task, Targets)
    assert project.ask(3).strategy == "greedy-distance"
    with pytest.raises(BadInput, match="margin means nothing for Targets.*greedy-distance"):
        project.strategy("margin")
    assert project.ask(1).strategy == "greedy-distance"
    write_predictions(project, tmp_path / "lengths.out.csv")
    written = read_table(tmp_path / "lengths.out.csv")
    assert written.columns == ("id", "number") and 0 < np.mean([float(cell) for cell in written.column("number")]) < 9


def test_a_folder_of_images_is_a_project_and_odd_files_are_set_aside(tmp_path: Path) -> None:
    odd = write_photos(tmp_path / "photos", files=40, odd=10)
    started = init(tmp_path / "photos", Wishes(label="folder"), folder=tmp_path / "photos.askance")
    project = Project(started.project)
    assert started.how.reads == "image" and started.encoder == "pixels" and started.classes == ("cats", "dogs")
    assert len(started.intake.broken) == 10 and all(any(name in why for why in started.intake.broken) for name in odd)
    assert project.study.progress.labeled == 40
    done, lacking, *_ = write_predictions(project, tmp_path / "out.csv")
    assert (done, lacking) == (40, 10)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_picture_whose_name_is_no_utf8_is_an_item_or_set_aside_like_any_other(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", files=4, odd=0)
    folder = os.fsencode(tmp_path / "photos")
    next((tmp_path / "photos" / "cats").iterdir()).rename(os.fsdecode(folder + b"/\xfe.png"))
    Path(os.fsdecode(folder + b"/\xff.png")).write_bytes(b"no picture")
    started = init(tmp_path / "photos", Wishes(classes=("cat", "dog")), folder=tmp_path / "photos.askance")
    assert len(started.intake.broken) == 1 and "?.png" in started.intake.broken[0]
    project = Project(started.project)
    assert len(project.study.pool) == 4
    (row,) = (row for row in project.items.rows("item") if "\udcfe" in row.cells["path"])
    assert row.id in project.study.pool.ids


def test_a_table_and_an_array_are_projects(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    values = dice.normal(size=(60, 3))
    columns = {name: [f"{value:.3f}" for value in values[:, place]] for place, name in enumerate("abc")}
    write_table(tmp_path / "t.csv", {**columns, "class": ["x" if row[0] > 0 else "y" for row in values]})
    started = init(tmp_path / "t.csv", folder=tmp_path / "t.askance")
    assert (started.how.reads, started.how.columns, started.how.label) == ("table", ("a", "b", "c"), "class")
    np.save(tmp_path / "v.npy", values)
    started = init(tmp_path / "v.npy", Wishes(classes=("x", "y")), folder=tmp_path / "v.askance")
    project = Project(started.project)
    assert started.encoder == "as-is" and len(project.ask(4)) == 4
    assert np.allclose(project.study.pool.items.numpy(), values, atol=1e-6)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (Wishes(text=("bdy",)), "Did you mean 'body'"),
        (Wishes(text=("body",), table=("subject",)), "--text and --table are given"),
        (Wishes(label="x"), "There is no column"),
        (Wishes(label="subject", no_label=True), "contradict each other"),
        (Wishes(encoder="pixels"), "pixels reads items of image, and these are of text"),
        (Wishes(encoder="tfdf"), "There is no encoder named"),
        (Wishes(strategy="margn"), "Did you mean 'margin'"),
        (Wishes(control=2.0), "--control 2.0 is no share"),
        (Wishes(classes=("a", "a")), "declared twice"),
        (Wishes(id="subject"), "stands in an earlier row"),
        (Wishes(text=("body", "subject"), label="subject"), "'subject' is named in --label and in --text. Leave it"),
        (Wishes(table=("body", "number"), id="number"), "'number' is named in --id and in --table. Leave it out"),
        (Wishes(image="body", label="body"), "'body' is named in --label and in --image"),
        (Wishes(id="number", label="number"), "'number' is named in --label and in --id"),
        (Wishes(table=("body", "subject"), ignore=("subject",)), "--table names all columns of an item, so that --ig"),
        (Wishes(ignore=("subjct",)), "Did you mean 'subject'"),
        (Wishes(task="number", classes=("a", "b")), "--classes names classes, and --task number has none"),
    ],
)
def test_a_wrong_wish_is_answered_in_words_and_leaves_nothing_behind(
    tmp_path: Path, wishes: Wishes, message: str
) -> None:
    file = write_tickets(tmp_path, 60)
    before = sorted(tmp_path.iterdir())
    with pytest.raises((BadInput, UnknownName), match=message):
        init(file, wishes, folder=tmp_path / "p.askance")
    assert sorted(tmp_path.iterdir()) == before


def test_what_an_item_is_made_of_is_never_guessed_to_be_its_label(tmp_path: Path) -> None:
    columns = {"a": [str(n * 7 % 11) for n in range(20)], "kind": ["x", "y"] * 10, "stars": ["1", "2", "3", "4"] * 5}
    write_table(tmp_path / "a.csv", columns)
    for wishes, features, label in [
        (Wishes(), ("a", "stars"), "kind"),
        (Wishes(table=("a", "kind")), ("a", "kind"), "stars"),
        (Wishes(table=("a", "kind", "stars")), ("a", "kind", "stars"), None),
        (Wishes(ignore=("kind",)), ("a",), "stars"),
        (Wishes(ignore=("kind", "stars")), ("a",), None),
    ]:
        begun = begin(tmp_path / "a.csv", wishes, folder=tmp_path / f"{len(features)}{label}{len(wishes.ignore)}")
        assert (begun.how.columns, begun.how.label) == (features, label)
    with pytest.raises(BadInput, match="--classes names classes, and the labels in the file are numbers"):
        write_table(tmp_path / "b.csv", {"a": columns["a"], "score": [f"{n}.5" for n in range(20)]})
        begin(tmp_path / "b.csv", Wishes(classes=("low", "high")), folder=tmp_path / "b")


def test_the_path_of_an_image_may_be_its_id(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 4, 0)
    for wishes in (Wishes(id="path"), Wishes(id="path", image="path")):
        begun = begin(tmp_path / "photos", wishes, folder=tmp_path / f"{wishes.image}.askance")
        assert [row.id == row.cells["path"] for row in Items(begun.place / "project.db").rows()] == [True] * 4


def test_a_file_without_an_item_makes_no_project(tmp_path: Path) -> None:
    write_table(tmp_path / "none.csv", {"text": [], "kind": []})
    with pytest.raises(BadInput, match="none.csv has 0 rows, so that it holds no item. Check the file"):
        init(tmp_path / "none.csv", folder=tmp_path / "none.askance")
    write_table(tmp_path / "a.csv", {"text": ["", " "]})
    with pytest.raises(BadInput, match="none of them holds an item: 2 empty"):
        init(tmp_path / "a.csv", Wishes(text=("text",)), folder=tmp_path / "a.askance")
    assert not list(tmp_path.glob("*askance*"))
    project = make_project(tmp_path, rows=30)
    with pytest.raises(BadInput, match="is there already.*askance add"):
        make_project(tmp_path, rows=30)
    with pytest.raises(BadInput, match="Nothing is labeled"):
        write_predictions(project, tmp_path / "out.csv")
    with pytest.raises(BadInput, match="ends in neither"):
        write_predictions(project, tmp_path / "out.xlsx")


def test_the_project_that_is_meant_is_found_or_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="askance init FILE"):
        find_project(None, tmp_path)
    make_project(tmp_path, rows=30).close()
    assert find_project(None, tmp_path).name == "tickets"
    assert find_project(None, tmp_path / "tickets.askance").name == "tickets"
    assert find_project(str(tmp_path / "tickets")).name == "tickets"
    (tmp_path / "tickets").mkdir()  # such as the folder of images that it was made of
    assert find_project(str(tmp_path / "tickets")).name == "tickets"
    (tmp_path / "other.askance").mkdir()
    (tmp_path / "other.askance" / "project.db").touch()
    with pytest.raises(BadInput, match="2 projects.*--project other.askance"):
        find_project(None, tmp_path)
    with pytest.raises(BadInput, match="is no project"):
        Project(tmp_path / "nothing")


@pytest.mark.parametrize("long", ["", f"https://example.org/{'q' * 230}"], ids=["short ids", "long ids"])
def test_answers_of_an_item_go_with_the_rows_that_stood_behind_it(tmp_path: Path, long: str) -> None:
    table = {"id": [f"{long}a", f"{long}b", f"{long}c"], "text": ["the same text", "the same text", "another text"]}
    write_table(tmp_path / "t.csv", table)
    init(tmp_path / "t.csv", Wishes(text=("text",), id="id"), folder=tmp_path / "t.askance")
    project = Project(tmp_path / "t.askance")
    (tmp_path / "a.csv").write_text(f"id,label\n{long}a,cat\n")
    tell_file(project, tmp_path / "a.csv", by="Ada")
    write_table(tmp_path / "t.csv", {**table, "text": ["edited now", "the same text", "another text"]})
    project.add(tmp_path / "t.csv", update=True)
    project.settle()
    assert project.study.labels == {f"{long}a": "cat", f"{long}b": "cat"}


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "odd.askance").mkdir()
    (tmp_path / "odd.askance" / "project.db").write_bytes(b"this is no database at all, whatever it is called " * 50)
    with pytest.raises(StorageError, match="project.db cannot be read"):
        Project(tmp_path / "odd.askance")


def test_what_was_overruled_is_not_said(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", {"text": [f"some words of row {n}" for n in range(20)], "label": ["x", "y"] * 10})
    started = init(tmp_path / "a.csv", Wishes(no_label=True), folder=tmp_path / "a.askance")
    assert not any(said.startswith("labels") for said in started.said) and started.how.label is None


def test_a_file_that_is_labeled_throughout_says_what_it_is_good_for(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", {"size": ["1", "2", "3", "4"], "class": ["x", "y", "x", "y"]})
    started = init(tmp_path / "a.csv", folder=tmp_path / "a.askance")
    assert (
        "there is nothing to ask" in started.next
        and "askance run" in started.next
        and started.next.endswith(f"{tmp_path / 'a.csv'} --label 'class'")
    )
    Path(tmp_path / "b.jsonl").write_text('{"size": 1, "class": "x"}\n{"size": 2, "class": "y"}\n')
    started = init(tmp_path / "b.jsonl", folder=tmp_path / "b.askance")
    assert "there is nothing to ask" in started.next and "askance run" not in started.next, "which reads tables"


def test_rows_of_one_content_with_two_labels_are_a_conflict_and_old_names_are_understood(tmp_path: Path) -> None:
    table = {"id": ["a", "b", "c"], "text": ["the same text here", "the same text here", "quite another text"]}
    write_table(tmp_path / "t.csv", table)
    wishes = Wishes(text=("text",), id="id", classes=("cat", "dog"))
    project = Project(init(tmp_path / "t.csv", wishes, folder=tmp_path / "t.askance").project)
    (tmp_path / "a.csv").write_text("id,label\na,cat\nb,dog\nc,dog\n")
    found = tell_file(project, tmp_path / "a.csv", by="Ada")
    assert found.new == 1 and len(found.conflicts) == 1 and "line 2" in found.conflicts[0]
    project.study.rename("cat", "kitten")
    (tmp_path / "b.csv").write_text("id,label\na,cat\nb,cat\n")
    assert tell_file(project, tmp_path / "b.csv", by="Ada").new == 1
    assert project.study.labels == {"a": "kitten", "c": "dog"}


def test_a_number_that_is_none_is_named_with_its_line_and_thousands_are_not_guessed(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", {"id": ["a", "b"], "text": ["one text of some words", "another text of words"]})
    wishes = Wishes(text=("text",), id="id", task="number")
    project = Project(init(tmp_path / "t.csv", wishes, folder=tmp_path / "t.askance").project)
    for cell, message in (("many", "a.csv, line 2: 'many' is not a number"), ('"1,234"', "could be 1234 or 1.234")):
        (tmp_path / "a.csv").write_text(f"id,label\na,{cell}\n")
        with pytest.raises(BadInput, match=message):
            tell_file(project, tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text('id;label\na;"0,125"\nb;1234,5\n')
    assert tell_file(project, tmp_path / "a.csv").new == 2 and project.study.labels == {"a": [0.125], "b": [1234.5]}

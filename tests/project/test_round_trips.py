"""What is exported comes back as it was said: by the same people, in the same words, after the same time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from answered import KINDS, READS, answer, ids_of, make, said
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from askance.project.giving import give_labels
from askance.project.project import Project
from askance.project.starting import Wishes, init
from askance.project.telling import tell_file
from askance.sources.csv import write_table


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reads", READS)
def test_tasks_of_label_studio_come_back_as_they_were_said(tmp_path: Path, reads: str, kind: str) -> None:
    project = make(tmp_path, reads, kind)
    answer(project)
    assert give_labels(project, tmp_path / "labels.label-studio.json")[0] == 8
    told = tell_file(project, tmp_path / "labels.label-studio.json")
    assert (told.new, told.repeated, told.corrected, told.conflicts) == (0, 11, [], [])
    fresh = make(tmp_path, reads, kind)
    assert tell_file(fresh, tmp_path / "labels.label-studio.json").new == 11
    assert said(fresh) == said(project)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reads", READS)
def test_tasks_are_known_by_their_content_where_no_id_is_left(tmp_path: Path, reads: str, kind: str) -> None:
    project = make(tmp_path, reads, kind)
    answer(project)
    give_labels(project, tmp_path / "labels.json", form="label-studio")
    tasks = json.loads((tmp_path / "labels.json").read_text("utf-8"))
    for task in tasks:
        del task["meta"]["id"], task["data"]["askance_id"]
    (tmp_path / "less.json").write_text(json.dumps(tasks), encoding="utf-8")
    fresh = make(tmp_path, reads, kind)
    assert tell_file(fresh, tmp_path / "less.json").new == 11
    assert said(fresh) == said(project)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_images_of_coco_come_back_as_they_were_said(tmp_path: Path, kind: str) -> None:
    project = make(tmp_path, "image", kind)
    answer(project)
    assert give_labels(project, tmp_path / "labels.coco.json")[0] == 8
    assert tell_file(project, tmp_path / "labels.coco.json").repeated == 11
    fresh = make(tmp_path, "image", kind)
    assert tell_file(fresh, tmp_path / "labels.coco.json").new == 11
    assert said(fresh) == said(project)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_rows_of_our_own_export_come_back_as_they_were_said(tmp_path: Path, ending: str, kind: str) -> None:
    project = make(tmp_path, kind=kind)
    answer(project)
    give_labels(project, tmp_path / f"labels.{ending}")
    assert tell_file(project, tmp_path / f"labels.{ending}").repeated == 11
    fresh = make(tmp_path, kind=kind)
    assert tell_file(fresh, tmp_path / f"labels.{ending}").new == 11
    kept = 4 if ending == "jsonl" else 3  # of several people a row of CSV says only how long they took together
    assert {id: [one[:kept] for one in each] for id, each in said(fresh).items()} == {
        id: [one[:kept] for one in each] for id, each in said(project).items()
    }


SIGNS = [*"aBé \"'<>&;|[{,=$-\n\t", "🦊"]
WHOLE = ['["a"]', '{"choices": ["a"]}', "null", "?", "=1+1", "]]>", "&amp;", "$text"]


def names() -> st.SearchStrategy[list[str]]:
    """Names with all that a file could trip over, as people can give them: not blank, and without blanks around."""
    letters = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
    odd = st.text(st.sampled_from(SIGNS) | letters, min_size=1, max_size=8) | st.sampled_from(WHOLE)
    return st.lists(odd.map(str.strip).filter(bool), min_size=3, max_size=3, unique=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classes", "labels"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=names())
def test_names_may_hold_any_sign(tmp_path_factory: pytest.TempPathFactory, kind: str, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("names")
    project, fresh = make(folder, "image", kind, names), make(folder, "image", kind, names)
    answer(project, names)
    for ending in ("label-studio.json", "coco.json"):
        give_labels(project, folder / f"labels.{ending}")
        told = tell_file(fresh, folder / f"labels.{ending}")
        assert (told.new, told.repeated) == ((11, 0) if ending.startswith("label") else (0, 11))
        assert said(fresh) == said(project) and not told.doubts and not told.declared
    project.close()
    fresh.close()


def test_a_name_that_the_project_does_not_know_is_doubted_as_in_a_table(tmp_path: Path) -> None:
    project = make(tmp_path, names=("billing", "login"))
    answer(project, ("billing", "login"))
    give_labels(project, tmp_path / "labels.label-studio.json")
    fresh = make(tmp_path, names=("biling", "login"))
    told = tell_file(fresh, tmp_path / "labels.label-studio.json")
    assert [(doubt.name, doubt.near) for doubt in told.doubts] == [("billing", "biling")] and told.new == 0
    told = tell_file(fresh, tmp_path / "labels.label-studio.json", new=["billing"])
    assert told.declared == ["billing"] and told.new == 11
    assert [str(name) for name in fresh.study.task.names] == ["biling", "login", "billing"]  # type: ignore[attr-defined]


def test_renamed_classes_come_back_by_todays_names(tmp_path: Path) -> None:
    project = make(tmp_path, names=("cat", "dog"))
    answer(project, ("cat", "dog"))
    project.study.rename("cat", "feline")
    give_labels(project, tmp_path / "labels.label-studio.json")
    assert '"feline"' in (tmp_path / "labels.config.xml").read_text()
    fresh = make(tmp_path, names=("feline", "dog"))
    tell_file(fresh, tmp_path / "labels.label-studio.json")
    assert fresh.study.labels == project.study.labels


def test_rows_of_one_content_are_tasks_of_their_own_and_one_answer(tmp_path: Path) -> None:
    texts = ["the same words here", "other words there", "the same words here"]
    write_table(tmp_path / "a.csv", {"text": texts})
    project = Project(
        init(tmp_path / "a.csv", Wishes(text=("text",), classes=("x", "y")), folder=tmp_path / "p.askance").project
    )
    project.study.tell({ids_of(project)[0]: "x"}, by="Ada")
    assert give_labels(project, tmp_path / "a.label-studio.json")[0] == 2
    first, second = json.loads((tmp_path / "a.label-studio.json").read_text())
    assert second["meta"]["same_as"] == first["meta"]["id"] and "same_as" not in first["meta"]
    assert tell_file(project, tmp_path / "a.label-studio.json").repeated == 1

"""A file that grows, shrinks, is sorted anew and edited while people label: labels stay with their items."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from askance.project.project import Project
from askance.project.starting import Wishes, init
from askance.sources.csv import write_table

IDS = [f"row{number}" for number in range(9)]
VERSION = some.lists(some.tuples(some.sampled_from(IDS), some.integers(0, 2)), unique_by=lambda row: row[0])
LABELING = some.dictionaries(some.sampled_from(IDS), some.sampled_from(["cat", "dog"]), max_size=4)


def write(path: Path, rows: list[tuple[str, int]], keyed: bool) -> None:
    texts = [f"the words of {id} in edition {'abc'[edition]}" for id, edition in rows]
    write_table(path, {"id": [id for id, _ in rows], "text": texts} if keyed else {"text": texts})


@pytest.mark.parametrize("keyed", [True, False], ids=["ids of a column", "ids of the content"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=some.lists(some.tuples(VERSION.filter(bool), LABELING), min_size=2, max_size=4))
def test_labels_stay_with_their_items_whatever_becomes_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, keyed: bool, steps: list[tuple[list[tuple[str, int]], dict[str, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("growing")
    file = folder / "t.csv"
    write(file, steps[0][0], keyed)
    wishes = Wishes(text=("text",), id="id" if keyed else None, classes=("cat", "dog"))
    init(file, wishes, folder=folder / "t.askance")
    project = Project(folder / "t.askance")
    told: dict[str, str] = {}
    for number, (rows, labels) in enumerate(steps):
        if number:
            write(file, rows, keyed)
            project.add(file, update=True, scope="replace" if shared(project, rows, keyed) else "more")
            project.settle()
        name = "id" if keyed else "text"
        present = {row.cells[name]: row.id for row in project.items.rows() if not row.gone}
        new = {present[name]: label for name, label in named(rows, labels, keyed).items() if name in present}
        project.study.tell(new)
        told |= new
        assert project.study.labels == told
        asked = project.ask(2)
        assert not set(map(str, asked.ids)) & (project.items.gone() | set(told))
        project.study.release(asked.ids)
    assert keyed or all(row.ok for row in project.study.audit()), (
        "edited content alone makes old batches another matter"
    )
    project.close()


def shared(project: Project, rows: list[tuple[str, int]], keyed: bool) -> bool:
    """Whether a version has a row that the project knows; another one is refused without a word about it."""
    known = {row.cells["id"] if keyed else row.cells["text"] for row in project.items.rows()}
    return bool(known & set(named(rows, dict.fromkeys(IDS, ""), keyed)))


def named(rows: list[tuple[str, int]], labels: dict[str, str], keyed: bool) -> dict[str, str]:
    """Labels by what tells rows apart in this file."""
    return {
        id if keyed else f"the words of {id} in edition {'abc'[edition]}": labels[id]
        for id, edition in rows
        if id in labels
    }

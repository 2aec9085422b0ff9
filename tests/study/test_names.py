"""Classes that people add, rename and merge while they label."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from askance import BadInput, Classes, Labels, Pool, Study
from askance.learners.base import Model
from askance.learners.pair import NeuralPair
from askance.study.models import lesson_of

POOL = Pool.from_arrays([[float(row), float(row % 3)] for row in range(30)])
LABELS = {row: ("low", "middle", "high")[row // 10] for row in range(30)}


def labeled(storage: Path | None = None) -> Study:
    study = Study(POOL, classes=["low", "middle", "high"], storage=storage)
    study.tell({row: LABELS[row] for row in study.ask(9).ids})
    return study


def test_a_renamed_class_keeps_its_answers_and_what_was_said_stays_in_the_journal() -> None:
    study = labeled()
    said = [line.body["value"] for line in study.lines() if line.kind == "told"]
    study.rename("middle", "medium")
    assert study.task.names == ("low", "medium", "high")
    assert set(study.labels.values()) <= {"low", "medium", "high"}
    assert [line.body["value"] for line in study.lines() if line.kind == "told"] == said


def test_a_merged_class_becomes_a_part_of_the_other_and_the_next_model_knows_one_class_less() -> None:
    study = labeled()
    before = dict(study.labels)
    study.merge("middle", "low")
    assert study.task.names == ("low", "high")
    assert study.labels == {row: "low" if name == "middle" else name for row, name in before.items()}
    assert study.predict().shape == (30, 2)


def test_people_may_still_answer_by_the_old_name() -> None:
    study = labeled()
    study.rename("middle", "medium")
    (item,) = study.ask(1).ids
    study.tell({item: "middle"})
    assert study.labels[item] == "medium"


def test_names_can_be_changed_back_and_chains_of_changes_end_at_todays_name() -> None:
    task = Classes(("a", "b", "c")).renamed("a", "x").renamed("x", "y").merged("b", "y")
    assert task.names == ("y", "c")
    assert [task.read(name) for name in ("a", "x", "y", "b")] == ["y"] * 4
    assert Classes(("a", "b")).renamed("a", "x").renamed("x", "a") == Classes(("a", "b"), aliases=(("x", "a"),))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda task: task.renamed("d", "e"), "Known: a, b, c"),
        (lambda task: task.renamed("a", "b"), "merge 'a' into it"),
        (lambda task: task.renamed("a", "a"), "has that name already"),
        (lambda task: task.merged("a", "a"), "are the same class"),
        (lambda task: task.merged("a", "d"), "Known: a, b, c"),
        (lambda task: task.renamed("a", "x").grown("a"), "old name of 'x'"),
        (lambda task: task.grown(" "), "has no name"),
        (lambda task: task.grown("a"), "declared twice"),
    ],
)
def test_a_change_that_cannot_be_is_refused(change: object, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        change(Classes(("a", "b", "c")))  # type: ignore[operator]


def test_every_batch_can_be_audited_after_names_changed(tmp_path: Path) -> None:
    study = labeled(tmp_path / "study.db")
    study.tell({row: LABELS[row] for row in study.ask(5).ids})
    study.merge("middle", "low")
    study.tell({row: "low" if LABELS[row] != "high" else "high" for row in study.ask(5).ids})
    study.close()
    again = Study(POOL, storage=tmp_path / "study.db")
    assert [row.ok for row in again.audit(refit=True)] == [True, True, True]


def test_a_study_opened_again_with_the_names_of_old_keeps_todays(tmp_path: Path) -> None:
    study = labeled(tmp_path / "study.db")
    study.rename("middle", "medium")
    study.close()
    again = Study(POOL, classes=["low", "middle", "high"], storage=tmp_path / "study.db")
    assert again.task.names == ("low", "medium", "high")
    grown = Study(POOL, classes=["low", "middle", "high", "top"], storage=tmp_path / "study.db")
    assert grown.task.names == ("low", "medium", "high", "top")


def test_classes_can_be_found_while_labeling() -> None:
    study = Study(POOL, task=Classes(()))
    first = study.ask(6)
    assert "no class is named yet" in first.said
    for row in first.ids:
        if LABELS[row] not in study.task.names:
            study.declare(LABELS[row])
        study.tell({row: LABELS[row]})
    assert len(study.ask(3)) == 3
    assert [row.ok for row in study.audit()] == [True, True]


def test_labels_can_be_found_while_labeling_and_merged() -> None:
    task = Labels(()).grown("urgent").grown("pressing").grown("billing")
    read = task.read(["pressing", "billing"])
    assert task.merged("pressing", "urgent").vector(read, "label") == [1.0, 1.0]
    soft = task.merged("pressing", "urgent").vector({"urgent": 0.2, "pressing": 0.7}, "soft")
    assert soft == [0.7, 0.0]


def test_no_names_and_no_start_strategy_is_refused() -> None:
    with pytest.raises(BadInput, match="no start strategy"):
        Study(POOL, task=Classes(()), start=None)


def corners() -> tuple[Pool, list[str]]:
    """Three classes far apart."""
    draws = torch.Generator().manual_seed(0)
    items = 0.5 * torch.randn(180, 4, generator=draws) + 5 * torch.eye(4)[:3].repeat_interleave(60, 0)
    return Pool.from_arrays(items), ["a"] * 60 + ["b"] * 60 + ["c"] * 60


def asked(strategy: str, storage: Path | None = None) -> Study:
    pool, names = corners()
    study = Study(pool, classes=["a", "b", "c"], strategy=strategy, storage=storage, seed=0)
    for _ in range(4):
        study.tell({row: names[row] for row in study.ask(8).ids})
    return study


def merged_and_grown(study: Study) -> None:
    """As many columns as before, of other classes."""
    study.merge("a", "b")
    study.declare("d")


def test_what_a_model_of_other_classes_was_sure_of_is_nobodys_label() -> None:
    study = asked("ceal")
    assert study.model().facts["pseudo_labels"]["of"]
    merged_and_grown(study)
    study.ask(8)
    assert study.model().facts["pseudo_labels"] == {"fits": 0, "known": 2, "threshold": None, "of": {}}
    study.ask(8)
    study.tell({row: "b" if row < 120 else "c" for row in study.pending})
    study.ask(8)
    assert set(study.model().facts["pseudo_labels"]["of"]) == {"b", "c"}


@pytest.mark.parametrize("change", [merged_and_grown, lambda study: study.declare("d")], ids=["other", "more"])
def test_beliefs_about_other_classes_are_not_compared_with_those_of_now(change: Callable[[Study], None]) -> None:
    study = asked("tod")
    change(study)
    batch = study.ask(3)
    believed = torch.as_tensor(study.predict())[list(batch.ids)]
    entropies = -(believed * believed.clamp_min(1e-30).log()).sum(1)
    assert [note["utility"] for note in batch.notes] == pytest.approx(entropies.tolist(), abs=1e-5)


def test_networks_that_go_on_from_fit_to_fit_begin_anew_with_other_classes(tmp_path: Path) -> None:
    study, pair = asked("i-neural", tmp_path / "x.db"), NeuralPair(arms=True)
    model = study.model()

    def previous() -> Model | None:
        lesson = lesson_of(study.state, study.parts)
        return study.models.companion_lesson(study.state, lesson, pair, model).previous

    assert previous() is not None
    study.rename("c", "sea")
    assert previous() is not None
    merged_and_grown(study)
    assert previous() is None
    study.ask(4)
    assert previous() is not None
    assert all(row.ok for row in study.audit(refit=True))


def test_a_rename_leaves_the_meaning_of_columns_as_it_was() -> None:
    before = Classes(("a", "b", "c"))
    assert before.renamed("a", "x").keeps_columns(before)
    assert not before.grown("d").keeps_columns(before)
    assert not before.merged("a", "b").keeps_columns(before)
    assert not before.merged("a", "b").grown("d").keeps_columns(before)
    assert not Labels(("a", "b", "c")).keeps_columns(before)

"""Tasks read answers, refuse what they have no word for, and make several people's answers one target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import tensor

from askance.errors import BadInput
from askance.history import Answer
from askance.task import Classes, Labels, Targets, Task, plain

PETS = Classes(("cat", "dog", 7))
TAGS = Labels(("red", "round"))


def test_a_class_is_read_by_name_or_spelling_and_kept_as_declared() -> None:
    assert [PETS.read(value) for value in ("cat", 7, "7", np.int64(7), np.str_("dog"))] == ["cat", 7, 7, 7, "dog"]
    assert [PETS.index(name) for name in ("cat", "dog", "7")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("task", "value", "kind", "says"),
    [
        (PETS, "cta", "label", "Did you mean 'cat'.*study.declare"),
        (PETS, None, "label", "no class named 'None'"),
        (PETS, {"cat": 0.7}, "soft", "does not sum to 1"),
        (PETS, {"cow": 1.0}, "soft", "no class named 'cow'"),
        (PETS, {"cat": "much"}, "soft", "'much' is not a number"),
        (PETS, "cat", "soft", "is no mapping"),
        (TAGS, "red", "label", "has a list of labels, not 'red'"),
        (TAGS, ["rde"], "label", "Did you mean 'red'"),
        (TAGS, {"red": 1.5}, "soft", "not between 0 and 1"),
        (Targets(2), [1.0], "label", r"holds 1 numbers; this task has 2"),
        (Targets(), "x", "label", "'x' is not a number"),
        (Targets(), float("inf"), "label", "not a finite number"),
        (Targets(), {"a": 1}, "soft", "A number has no soft label"),
    ],
)
def test_what_a_task_has_no_word_for_is_refused(task: Task, value: Any, kind: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        task.read(value, kind)


def test_what_was_read_is_read_again_as_itself() -> None:
    for task, value, kind in (
        (PETS, "7", "label"),
        (PETS, {7: 0.5, "cat": 0.5}, "soft"),
        (TAGS, ["round", "red"], "label"),
        (TAGS, {"red": 0.2}, "soft"),
        (Targets(2), np.array([1, 2]), "label"),
    ):
        once = task.read(value, kind)
        assert task.read(once, kind) == once


@pytest.mark.parametrize(
    ("task", "answers", "target"),
    [
        (PETS, [Answer("dog")], [0, 1, 0]),
        (PETS, [Answer("dog"), Answer(7), Answer("dog"), Answer("dog")], [0, 0.75, 0.25]),
        (PETS, [Answer({"cat": 0.5, "7": 0.5}, kind="soft"), Answer("cat")], [0.75, 0, 0.25]),
        (PETS, [Answer(None, kind="unsure"), Answer("cat")], [1, 0, 0]),
        (TAGS, [Answer(["red"]), Answer([])], [0.5, 0]),
        (TAGS, [Answer({"round": 0.25}, kind="soft")], [0, 0.25]),
        (Targets(2), [Answer([1.0, 2.0]), Answer([3.0, 6.0])], [2, 4]),
    ],
)
def test_answers_of_several_people_are_averaged(task: Task, answers: list[Answer], target: list[float]) -> None:
    assert task.target(answers) == (target, 1.0)


def test_soft_labels_that_were_rounded_sum_to_one_and_others_keep_their_bits() -> None:
    third = {"cat": 0.333, "dog": 0.333, "7": 0.333}
    target = PETS.target([Answer(PETS.read(third, "soft"), kind="soft")])
    assert target is not None and target[0] == pytest.approx([1 / 3] * 3, abs=1e-12)
    exact = {"cat": 0.1, "dog": 0.2, "7": 0.7}
    assert PETS.target([Answer(exact, kind="soft")]) == ([0.1, 0.2, 0.7], 1.0)


@pytest.mark.parametrize("kind", ["unsure", "none-of-these", "broken"])
def test_answers_without_a_label_make_no_target(kind: str) -> None:
    assert PETS.target([Answer(None, kind=kind)]) is None
    assert PETS.target([]) is None


def test_a_model_of_classes_needs_two_labels_for_each_and_two_classes_seen() -> None:
    one_hot = torch.eye(3, dtype=torch.float64)
    assert PETS.missing(one_hot[[0, 0, 1, 1, 0]]) == (
        "5 of the 6 labels and 2 of the 2 classes that a model needs are there"
    )
    assert "6 of the 6 labels and 1 of the 2 classes" in PETS.missing(one_hot[[0] * 6])
    assert PETS.missing(one_hot[[0] * 5 + [2]]) == ""
    assert "0 of the 6 labels and 0 of the 2" in PETS.missing(one_hot[:0])
    assert TAGS.missing(torch.zeros(3, 2)) == "3 of the 4 labels that a model needs are there"
    assert Targets().missing(torch.zeros(2, 1)) == ""


def test_links_and_losses_are_those_of_the_textbook() -> None:
    scores = tensor([[0.0, 0.0, 0.0], [2.0, 1.0, 0.0]])
    sure = tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert PETS.link(scores)[0].tolist() == pytest.approx([1 / 3] * 3)
    normalizer = float(np.log(np.exp(2) + np.exp(1) + 1))
    assert PETS.loss(scores, sure).tolist() == pytest.approx([np.log(3), normalizer - 1])
    assert TAGS.link(tensor([[0.0, np.log(3.0)]])).tolist() == [pytest.approx([0.5, 0.75])]
    assert TAGS.loss(tensor([[0.0, 0.0]]), tensor([[1.0, 0.0]])).tolist() == pytest.approx([np.log(2)])
    assert Targets(2).loss(tensor([[1.0, 3.0]]), tensor([[0.0, 1.0]])).tolist() == [2.5]
    assert torch.equal(Targets(3).link(scores), scores)


def test_a_row_of_linked_scores_is_an_answer() -> None:
    assert PETS.answer(tensor([0.2, 0.3, 0.5])) == 7
    assert TAGS.answer(tensor([0.6, 0.4])) == ["red"]
    assert Targets().answer(tensor([1.5])) == [1.5]


@pytest.mark.parametrize("names", [("a", "a"), (1, "1")])
def test_a_name_is_declared_once(names: tuple[Any, ...]) -> None:
    for task in (Classes, Labels):
        with pytest.raises(BadInput, match="is declared twice"):
            task(names)


@pytest.mark.parametrize("kind", [Classes, Labels])
def test_a_blank_name_is_refused_and_one_that_is_there_can_be_renamed(kind: Any) -> None:
    task = kind(("a", " "))  # as a journal of an earlier version may have it
    for change in (kind(("a",)).grown, lambda name: task.renamed("a", name)):
        for name in ("", "  "):
            with pytest.raises(BadInput, match=f"{kind.word}.*has no name. Give it a word"):
                change(name)
    assert task.renamed(" ", "b").names == ("a", "b") and kind(("a",)).grown("?").names == ("a", "?")


def test_numbers_of_numpy_and_torch_become_plain() -> None:
    for value, found in ((np.int64(3), 3), (tensor(2.5), 2.5), (np.str_("x"), "x"), (np.array(4), 4), ("y", "y")):
        assert plain(value) == found
        assert type(plain(value)) is type(found)

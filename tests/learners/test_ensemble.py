"""Members that learn the same labels from other beginnings: the mean of what they believe is what the model says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor, nn

from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.dropout import Dropout
from askance.learners.ensemble import Ensemble, Mean
from askance.learners.linear import Linear
from askance.learners.sklearn import Sklearn
from askance.learners.torch import Torch
from askance.signals.probabilities import Probabilities
from askance.signals.samples import Samples
from askance.study.artifacts import FolderArtifacts
from askance.task import Classes, Labels, Targets, Task
from askance.testing import check_learner
from askance.testing.learners import lesson_of
from askance.testing.worlds import THREE, small_items, small_labels, small_oracle, small_pool, small_study

PAIR = Classes((0, 1))


def noisy(features: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, width))


def small(network: Any = noisy) -> Torch:
    return Torch(network, steps=3)


TREE = Sklearn(DecisionTreeClassifier(max_features=1))


@pytest.mark.parametrize(
    ("learner", "task"),
    [
        (small(), None),
        (small(), Labels(("a", "b"))),
        (small(), Targets()),
        (small(), Targets(2)),
        (Dropout(small(), passes=2), None),
        (TREE, None),
        (Linear(ridge=1.0), None),
        (Linear(), Labels(("a", "b"))),
    ],
    ids=["network", "labels", "number", "numbers", "dropout", "trees", "linear", "linear-labels"],
)
def test_it_keeps_the_contract_over_any_learner_on_every_task(learner: Learner, task: Task | None) -> None:
    check_learner(Ensemble(learner, members=2), task)


@dataclass(frozen=True, eq=False)
class Said(Model):
    """Says what it is told to, of one item."""

    outputs_: Outputs
    facts: dict[str, Any] = field(default_factory=dict)
    records: dict[str, Tensor] = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        return self.outputs_


def mean(task: Task, *rows: list[float], exact: bool = False) -> Outputs:
    """What an ensemble makes of members with these scores, or exact probabilities, of one item."""
    link = {Classes: "softmax", Labels: "sigmoid", Targets: "identity"}[type(task)]
    given = [torch.tensor([row]) for row in rows]
    if exact:
        said = [Outputs(scores=row.clamp_min(1e-30).log(), probabilities=row) for row in given]
    else:
        said = [Outputs(scores=row) for row in given]
    return Mean(tuple(Said(outputs) for outputs in said), link).outputs(None)


def test_class_probabilities_are_the_mean_of_the_members() -> None:
    odds = [[0.0, 0.0], [torch.log(torch.tensor(9.0)).item(), 0.0]]  # (0.5, 0.5) and (0.9, 0.1)
    found = mean(PAIR, *odds)
    assert found.scores is not None and found.samples is not None
    assert torch.allclose(Probabilities().rows(found, PAIR), torch.tensor([[0.7, 0.3]]))
    assert torch.allclose(PAIR.link(found.scores), torch.tensor([[0.7, 0.3]]))
    assert torch.equal(found.samples, torch.tensor([odds]))


def test_label_probabilities_are_the_mean_of_the_members() -> None:
    task = Labels(("a", "b"))
    found = mean(task, [0.0, 100.0], [torch.log(torch.tensor(9.0)).item(), 100.0])
    assert found.scores is not None and bool(found.scores.isfinite().all())
    assert torch.allclose(task.link(found.scores), torch.tensor([[0.7, 1.0]]))


def test_numbers_are_the_mean_and_the_spread_is_the_standard_deviation() -> None:
    found = mean(Targets(2), [1.0, 5.0], [3.0, 5.0])
    assert found.scores is not None and found.spread is not None and found.probabilities is None
    assert found.scores.tolist() == [[2.0, 5.0]] and found.spread.tolist() == [[1.0, 0.0]]


def test_what_members_know_exactly_stays_exact() -> None:
    found = mean(PAIR, [1.0, 0.0], [1.0, 0.0], exact=True)
    assert Probabilities().rows(found, PAIR).tolist() == [[1.0, 0.0]]
    assert Samples().rows(found, PAIR).tolist() == [[[1.0, 0.0], [1.0, 0.0]]]
    assert found.scores is not None and bool(found.scores.isfinite().all())


def test_a_class_that_one_member_holds_possible_is_possible() -> None:
    found = mean(PAIR, [0.0, -200.0], [0.0, -300.0])  # e^-200 is 0 in single precision
    assert found.scores is not None
    assert torch.allclose(found.scores, torch.tensor([[0.0, -200.0 - torch.log(torch.tensor(2.0)).item()]]))


def test_each_member_is_the_learner_with_dice_of_its_own() -> None:
    lesson, items = lesson_of(THREE), small_items()
    model = Ensemble(small(), members=3).fit(lesson)
    found = model.outputs(items)
    assert found.samples is not None and found.scores is not None and found.embeddings is not None
    for number in range(3):
        own = small().fit(replace(lesson, dice=lesson.dice.of(f"members[{number}]"))).outputs(items)
        assert own.scores is not None and torch.equal(found.samples[:, number], own.scores)
        assert own.embeddings is not None and torch.equal(found.embeddings, own.embeddings) == (number == 0)
    assert torch.allclose(found.scores.softmax(1), found.samples.softmax(2).mean(1), atol=1e-6)
    assert found.spread is not None and torch.allclose(found.spread, found.samples.std(1, correction=0), atol=1e-6)
    assert [facts["seed"] for facts in model.facts["members"]] == [member.facts["seed"] for member in model.members]
    assert len({facts["seed"] for facts in model.facts["members"]}) == 3


def test_the_loss_of_the_ensemble_is_at_most_the_mean_loss_of_its_members() -> None:
    labels = list(small_labels(small_pool()).values())
    found = Ensemble(Torch(noisy, steps=30), members=5).fit(lesson_of(THREE)).outputs(small_items())
    targets = torch.eye(3)[torch.tensor(labels)]
    assert found.scores is not None and found.samples is not None
    alone = THREE.loss(found.samples, targets[:, None]).mean(1)
    assert (THREE.loss(found.scores, targets) <= alone + 1e-6).all()  # the logarithm is concave
    assert THREE.loss(found.scores, targets).mean() < alone.mean() - 1e-3


def test_trees_vote_with_shares_of_the_members() -> None:
    found = Ensemble(TREE, members=4).fit(lesson_of(THREE)).outputs(small_items())
    assert found.probabilities is not None
    assert set((4 * found.probabilities).flatten().tolist()) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert bool((found.probabilities.max(1).values < 1).any())


def test_a_model_comes_back_from_disk_with_all_its_members(tmp_path: Path) -> None:
    recipe = Ensemble(Dropout(small(), passes=2), members=3)
    model = recipe.fit(lesson_of(THREE))
    FolderArtifacts(tmp_path).save("key", model.weights() or {}, dict(model.facts))
    stored = FolderArtifacts(tmp_path).load("key")
    assert stored is not None
    again = recipe.restore(*stored)
    assert again is not None and len(again.members) == 3 and dict(again.facts) == dict(model.facts)
    one, other = model.outputs(small_items()), again.outputs(small_items())
    assert one.samples is not None and other.samples is not None and torch.equal(one.samples, other.samples)
    assert Ensemble(Torch(nn.Linear), members=3).restore(*stored) is None  # another network by now: fit again
    assert Ensemble(TREE, members=2).fit(lesson_of(THREE)).weights() is None


def test_gradients_flow_to_every_member() -> None:
    model, items = Ensemble(small(), members=2).fit(lesson_of(THREE)), small_items()[:4]
    whole = model.differentiable()
    weights = {name: array.clone().requires_grad_() for name, array in whole.weights.items()}
    scores = whole.scores(weights, items)
    torch.autograd.backward(scores[:, 0].sum())
    found = model.outputs(items)
    assert found.samples is not None
    shares = found.samples.softmax(2)
    for number in range(2):  # d log(mean p_0) / d z_m = p_m0 (e_0 - p_m) / (M mean p_0), and d z / d bias = 1
        own = shares[:, number]
        slope = own[:, :1] * (torch.eye(3)[:1] - own) / (2 * shares.mean(1)[:, :1])
        assert torch.allclose(weights[f"{number}.4.bias"].grad, slope.sum(0), atol=1e-5)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Keeping(Linear):
    """Remembers, records and takes parts; and shows what it was given."""

    @property
    def gives_records(self) -> frozenset[str]:
        return frozenset({"loss"})

    @property
    def remembers(self) -> bool:
        return True

    def beside(self, part: Any) -> Learner:
        return replace(self, ridge=part)

    def fit_many(self, lessons: Any) -> list[Any]:
        return [Said(Outputs(scores=torch.zeros(1, 3)), {"lesson": lesson}) for lesson in lessons]


def test_every_member_has_a_memory_of_its_own_and_the_first_one_records() -> None:
    recipe = Ensemble(Keeping(), members=2)
    assert recipe.gives == {"scores", "embeddings", "differentiable", "samples", "votes", "spread"}  # and no layer
    assert recipe.gives_records == {"loss"} and recipe.remembers
    assert recipe.beside(2.0) == Ensemble(Keeping(ridge=2.0), members=2)
    lesson: Lesson = replace(lesson_of(THREE), record=frozenset({"loss"}))
    first = recipe.fit(lesson)
    second = recipe.fit(replace(lesson, previous=first))
    seen: list[Lesson] = [member.facts["lesson"] for member in second.members]
    assert [past.previous for past in seen] == list(first.members)
    assert [past.record for past in seen] == [{"loss"}, set()]
    assert second.records is second.members[0].records


def test_a_member_alone_is_refused() -> None:
    with pytest.raises(BadInput, match=r"Ensemble\(members=1\) has nobody to disagree with. Use 2 or more"):
        Ensemble(small(), members=1)
    with pytest.raises(BadInput, match=r"Ensemble\(members=2.5\) is no whole number. Use 2 or more"):
        Ensemble(small(), members=2.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", ["bald", "batch-bald", "mean-std", "variation-ratio", "epig"])
def test_strategies_that_want_several_beliefs_take_the_members(strategy: str) -> None:
    study = small_study(strategy, learner=Ensemble(small(), members=3))
    for _ in range(2):
        batch = study.ask(3)
        assert len(set(batch.ids)) == 3
        study.tell(small_oracle().of(batch.ids))
    assert all(row.ok for row in study.audit(refit=True))
    model = study.model()
    assert isinstance(model, Mean) and len(model.members) == 3  # not wrapped once more
    rows: Tensor = Samples().rows(model.outputs(small_items()), THREE)
    assert rows.shape == (40, 3, 3)


def test_what_has_learned_nothing_has_the_slopes_of_its_new_weights() -> None:
    empty = Ensemble(small(), members=2).fit(lesson_of(THREE, 0))
    whole = empty.differentiable()
    scores = whole.scores(whole.weights, small_items())
    assert whole.bare is not None and torch.equal(scores, scores[:1, :1].expand_as(scores))
    each = [member.differentiable() for member in empty.members]
    linked = [one.bare(one.weights, small_items()).softmax(-1) for one in each if one.bare is not None]
    assert torch.allclose(whole.bare(whole.weights, small_items()).softmax(-1), torch.stack(linked).mean(0), atol=1e-6)
    assert not torch.allclose(linked[0], linked[1])

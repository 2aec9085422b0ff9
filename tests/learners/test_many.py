"""Several models as one: members see resampled answers, or are different learners."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, poisson
from sklearn.naive_bayes import GaussianNB

from askance import BadInput, Known, Linear, Sklearn, Study
from askance.learners.base import Lesson, Model, part_of
from askance.learners.many import Bootstrapped, Committee, Many
from askance.signals.samples import Samples, Votes
from askance.testing.worlds import TRAINED, small_items, small_pool, small_world


class Spy(Linear):
    """Remembers the weights of what it was taught."""

    seen: ClassVar[list[torch.Tensor]] = []

    def fit_many(self, lessons: list[Lesson]) -> list[Model]:  # type: ignore[override]
        Spy.seen += [lesson.weights for lesson in lessons]
        return super().fit_many(lessons)  # type: ignore[return-value]


def test_each_item_counts_a_poisson_number_of_times() -> None:
    Spy.seen = []
    lesson = small_world(labeled=30).lesson()
    for seed in range(40):
        Bootstrapped(Spy(ridge=1.0), members=5).fit(replace(lesson, dice=lesson.dice.of(str(seed))))
    wholes, members = Spy.seen[::6], [w for number, w in enumerate(Spy.seen) if number % 6]
    assert all(torch.equal(whole, lesson.weights) for whole in wholes)
    counts = np.bincount(torch.cat(members).long().numpy(), minlength=5)
    counts = np.append(counts[:4], counts[4:].sum())
    expected = poisson.pmf(range(4), 1.0)
    assert chisquare(counts, 6000 * np.append(expected, 1 - expected.sum())).pvalue > 1e-3


def test_the_model_is_the_learners_own_and_its_members_are_not() -> None:
    lesson, items = small_world(labeled=20).lesson(), small_items()
    alone, many = Linear().fit(lesson).outputs(items), Bootstrapped(Linear(), members=7).fit(lesson).outputs(items)
    assert torch.equal(many.scores, alone.scores) and many.samples.shape == (40, 7, 3)
    assert (many.samples.std(1) > 0).any()
    assert many.samples.mean(1).corrcoef().isfinite().all()


def test_members_take_over_the_strength_that_was_chosen() -> None:
    many = Bootstrapped(Linear(), members=3).fit(small_world(labeled=20).lesson())
    assert isinstance(many, Many)
    assert {member.facts["ridge"] for member in many.members} == {many.facts["ridge"]}


def test_a_committee_votes() -> None:
    lesson, items = small_world(labeled=20).lesson(), small_items()
    members = (Linear(), Sklearn(GaussianNB()))
    outputs = Committee(members).fit(lesson).outputs(items)
    task = lesson.task
    for number, learner in enumerate(members):
        shares = Samples().rows(outputs, task)[:, number]
        own = learner.fit(replace(lesson, dice=lesson.dice.of(f"learners[{number}]"))).outputs(items)
        expected = own.probabilities if own.probabilities is not None else own.scores.softmax(1)
        assert torch.allclose(shares, expected.to(shares), atol=1e-6)
        assert torch.equal(Votes().rows(outputs, task)[:, number], shares.argmax(1))


def test_a_study_runs_on_a_committee_and_can_be_audited() -> None:
    pool = small_pool()
    study = Study(pool, classes=range(3), learner=Bootstrapped(Linear(), members=3), strategy="margin")
    study.run(Known({name: row % 3 for row, name in enumerate(pool.names(range(40)))}), budget=20, batch=5)
    assert all(row.ok for row in study.audit())


def test_the_first_member_of_a_committee_records_whatever_the_others_could() -> None:
    bare = replace(TRAINED, layer=None)  # has no embeddings, so it records no lengths of them
    lesson = replace(small_world(labeled=20).lesson(), record=frozenset({"probabilities", "embedding_lengths"}))
    many = Committee((TRAINED, bare)).fit(lesson)
    alone = TRAINED.fit(part_of(lesson, "learners[0]"))
    assert set(many.records) == lesson.record and not many.members[1].records
    assert all(torch.equal(many.records[name], alone.records[name]) for name in lesson.record)


def test_resampled_members_keep_no_records_that_nobody_reads() -> None:
    lesson = replace(small_world(labeled=20).lesson(), record=frozenset({"probabilities"}))
    many, plain = (
        Bootstrapped(TRAINED, members=3).fit(replace(lesson, record=r)) for r in (lesson.record, frozenset())
    )
    assert set(many.records) == {"probabilities"}
    assert [dict(member.records) for member in many.members] == [{}] * 3
    weights, same = many.weights(), plain.weights()
    assert weights is not None and same is not None
    assert all(torch.equal(weights[name], same[name]) for name in weights)


def test_nobody_to_disagree_with_is_refused() -> None:
    with pytest.raises(BadInput, match="2 or more"):
        Bootstrapped(Linear(), members=1)
    with pytest.raises(BadInput, match="2 learners"):
        Committee((Linear(),))

"""Companions: what they learn, alone, in a study and behind `askance.select`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from askance import select
from askance.errors import BadInput, MissingSignal
from askance.learners.companions import Discriminator
from askance.learners.linear import Linear
from askance.look import check_needs
from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.probabilities import Scores
from askance.strategies.base import Strategy
from askance.testing.worlds import LEARNER, small_study, small_world
from askance.view import View
from tests.pins import pins


@dataclass(frozen=True)
class SurelyUnlabeled(Strategy):
    """What a companion is surest to be unlabeled."""

    critic: Signal = Scores(of=Discriminator())
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        scores: Tensor = view[self.critic]
        return scores[:, 0]


@pins("discriminative-al", "peer", "The companion's scores against scikit-learn's logistic regression.")
def test_a_discriminator_is_a_logistic_regression_of_unlabeled_against_labeled() -> None:
    lesson = small_world(labeled=12).lesson()
    scores = Discriminator(ridge=0.5).fit(lesson).outputs(lesson.items).scores
    assert scores is not None
    items = lesson.items.double().numpy()
    scaled = (items - items.mean(0)) / np.sqrt(np.square(items - items.mean(0)).mean())
    theirs = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000).fit(scaled, np.arange(len(items)) >= 12)
    np.testing.assert_allclose(scores[:, 0], theirs.decision_function(scaled), rtol=1e-3, atol=1e-3)


def test_it_reads_what_the_task_model_reads() -> None:
    lesson = small_world().lesson()
    task = Linear(ridge=1.0).fit(lesson)
    own = Discriminator().fit(replace(lesson, model=task)).outputs(lesson.items).scores
    alone = Discriminator().fit(lesson).outputs(lesson.items).scores
    assert own is not None
    assert alone is not None
    assert torch.equal(own, alone)  # a linear head reads the items themselves


@pytest.mark.parametrize("labeled", [0, 38])
def test_with_nothing_on_a_side_all_is_as_likely(labeled: int) -> None:
    lesson = small_world(labeled=labeled, aside=2 if labeled else 0).lesson()
    lesson = replace(lesson, unlabeled=lesson.unlabeled[:0]) if labeled else lesson
    scores = Discriminator().fit(lesson).outputs(lesson.items).scores
    assert scores is not None
    assert (scores == 0).all()


def test_a_study_fits_it_beside_the_task_model() -> None:
    check_needs(SurelyUnlabeled(), LEARNER)
    study = small_study(SurelyUnlabeled())
    assert len(set(study.ask(5).ids)) == 5


def test_select_fits_it_to_embeddings_and_labels() -> None:
    items = torch.cat([torch.zeros(10, 2), torch.full((5, 2), 4.0)]) + 0.1 * torch.randn(
        15, 2, generator=torch.Generator().manual_seed(0)
    )
    known = {"labeled_embeddings": items[:6], "labels": [0, 1, 0, 1, 0, 1]}
    assert set(select(SurelyUnlabeled(), 5, embeddings=items, **known).tolist()) == set(range(10, 15))
    assert len(select(SurelyUnlabeled(), 5, embeddings=items)) == 5  # nothing labeled: noise decides
    with pytest.raises(MissingSignal, match="labels="):
        select(SurelyUnlabeled(), 5, embeddings=items, labeled_embeddings=items[:3])
    with pytest.raises(MissingSignal, match="embeddings="):
        select(SurelyUnlabeled(), 5, probabilities=[[0.5, 0.5]] * 4)


def test_settings_that_mean_nothing_are_refused_where_they_are_typed() -> None:
    with pytest.raises(BadInput):
        Discriminator(ridge=0.0)
    with pytest.raises(BadInput):
        Discriminator(share=0)

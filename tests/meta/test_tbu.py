"""Candidates of bounded uncertainty: both bounds by plain code, lambda by brute force, and no label out of reach."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from askance import select
from askance.errors import BadInput, MissingSignal
from askance.given import view
from askance.learners.catalogue import learner_with
from askance.learners.linear import Linear
from askance.meta.narrow import Narrow
from askance.meta.tbu import TBU, Doubtful, Learnable
from askance.signals.samples import Samples
from askance.strategies.uncertainty import Margin
from askance.study.study import Study
from askance.task import Classes, Labels
from askance.testing import check_strategy
from askance.testing.worlds import small_labels, small_pool, small_world
from askance.utilities.calibrated import cross_fitted, held_back, strength_of, variance

DICE = np.random.default_rng(0)
LOOKS = DICE.dirichlet(np.full(3, 0.7), (6, 80))  # (looks, items, classes)
NETWORK = learner_with("mlp", {"hidden": (6,), "steps": 20})


def hard_by_loops(looks: np.ndarray, row: int, open_: list[int]) -> bool:
    for beliefs in looks:
        confidence = np.mean([max(beliefs[r]) for r in open_])
        mean = [np.mean([beliefs[r][c] for r in open_]) for c in range(3)]
        guess = int(np.argmax(beliefs[row]))
        if max(beliefs[row]) >= confidence * mean[guess] / max(mean):
            return False
    return True


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_what_was_unsure_at_all_of_the_last_looks_goes(looks: int) -> None:
    labeled = list(range(0, 30, 3))
    paper = view(mc_probabilities=LOOKS, labeled=labeled, pending=[1, 2])
    kept = set(Learnable(looks, history=Samples()).keep(paper, 1).tolist())
    open_ = [row for row in range(80) if row not in labeled]
    expected = {r for r in open_ if r not in (1, 2) and not hard_by_loops(LOOKS[-looks:], r, open_)}
    assert kept == expected and 0 < len(expected) < 68


def test_what_was_not_recorded_stays_and_counts_for_no_threshold() -> None:
    paper = view(mc_probabilities=LOOKS)
    holes = torch.from_numpy(LOOKS).transpose(0, 1).clone()
    holes[40:] = torch.nan
    kept = Learnable(2, history=Samples()).keep(replace(paper, read=lambda signal: holes), 1).tolist()
    alone = Learnable(2, history=Samples()).keep(view(mc_probabilities=LOOKS[:, :40]), 1).tolist()
    assert kept == [*alone, *range(40, 80)] and len(alone) < 40


def clouds(items: int, seed: int, spread: float = 1.0) -> tuple[Tensor, Tensor]:
    """Places around three centers, and the class of each."""
    dice = torch.Generator().manual_seed(seed)
    classes = torch.arange(items) % 3
    return 2 * torch.eye(3, 5)[classes] + spread * torch.randn(items, 5, generator=dice), classes


def test_the_variance_is_that_of_the_inverse_and_beliefs_are_divided_by_it() -> None:
    places, _ = clouds(50, 0)
    beliefs = torch.rand(20, 3, generator=torch.Generator().manual_seed(1)).double().softmax(1)
    known = places[:20].double()
    precision = sum(float(p.max() * (1 - p.max())) * torch.outer(h, h) for p, h in zip(beliefs, known, strict=True))
    assert isinstance(precision, Tensor)
    expected = torch.stack([h @ torch.linalg.inv(precision) @ h for h in places.double()])
    assert torch.allclose(variance(places, known, beliefs), expected, rtol=1e-5)
    scores = torch.randn(20, 3, generator=torch.Generator().manual_seed(2)).double()
    found = held_back(scores.softmax(1), expected[:20], 0.3)
    assert torch.allclose(found, (scores / (1 + 0.3 * expected[:20, None]).sqrt()).softmax(1))


def test_the_strength_is_the_likeliest_of_all() -> None:
    places, classes = clouds(90, 3, spread=2.0)
    labels = torch.eye(3).double()[classes]
    beliefs, variances = cross_fitted(places, labels, torch.arange(90) % 5, 0.01)
    found = strength_of(beliefs, variances, labels)

    def loss(strength: float) -> float:
        told = held_back(beliefs, variances, strength)
        return -float(told[torch.arange(90), classes].log().sum())

    grid = [0.0, *np.logspace(-6, 6, 400) / float(variances.mean())]
    assert found > 0 and loss(found) <= min(map(loss, grid)) + 1e-4
    sharp = torch.tensor([[0.9, 0.1]]).expand(10, 2)
    right = torch.tensor([[1.0, 0.0]]).expand(10, 2)
    assert strength_of(sharp, torch.ones(10), right) == 0.0  # whoever is always right is not held back
    assert strength_of(sharp, torch.ones(10), right.flip(1)) >= 1e7  # nor believed who is always wrong


def test_a_head_knows_nothing_of_what_is_held_out() -> None:
    places, classes = clouds(40, 4)
    labels, fold = torch.eye(3).double()[classes], torch.arange(40) % 4
    beliefs, variances = cross_fitted(places, labels, fold, 1.0)
    own = fold == 2
    other = labels.clone()
    other[own] = other[own].roll(1, 1)
    again, _ = cross_fitted(places, other, fold, 1.0)
    assert torch.equal(again[own], beliefs[own]) and not torch.equal(again[~own], beliefs[~own])
    rest = Linear(ridge=1.0)
    scale = float((places - places.mean(0)).double().square().mean().sqrt())
    lesson = replace(
        small_world().lesson(),
        items=(places.double() - places.double().mean(0)) / scale,
        task=Classes((0, 1, 2)),
        labeled=(~own).nonzero().squeeze(1),
        targets=labels[~own],
        weights=torch.ones(30).double(),
    )
    scores = rest.fit(lesson).outputs(lesson.items[own]).scores
    assert scores is not None and torch.allclose(scores.softmax(1), beliefs[own], atol=1e-4)
    assert torch.allclose(
        variances[own], variance(places[own], places[~own], _told(lesson.items, lesson)[~own]), rtol=1e-2
    )


def _told(items: Tensor, lesson: object) -> Tensor:
    scores = Linear(ridge=1.0).fit(lesson).outputs(items).scores  # type: ignore[arg-type]
    assert scores is not None
    return scores.softmax(1)


@pytest.mark.parametrize("labeled", [12, 40])
def test_a_class_loses_what_is_more_certain_than_nine_tenths_of_its_labels(labeled: int) -> None:
    places, classes = clouds(120, 5, spread=1.5)
    scores = 2 * places[:, :3]
    paper = view(
        logits=scores, embeddings=places, labeled=list(range(labeled)), labels=classes[:labeled].tolist(), seed=3
    )
    kept = set(Doubtful(0.4).keep(paper, 1).tolist())
    beliefs = scores.double().softmax(1)
    if labeled >= 20:
        strength = Doubtful()._strength(paper, places[:labeled], paper.labels)
        beliefs = held_back(beliefs, variance(places, places[:labeled], beliefs[:labeled]), strength)
        assert strength > 0
    entropies = -(beliefs * beliefs.log()).sum(1).numpy()
    for row in range(labeled, 120):
        own = [r for r in range(labeled) if classes[r] == int(beliefs[row].argmax())]
        assert (row in kept) == (entropies[row] >= np.quantile(entropies[own], 0.4) - 1e-9)
    assert 10 < len(kept) < 110 - labeled


def test_a_class_without_labels_keeps_all_and_without_labels_all_stay() -> None:
    beliefs = [[0.9, 0.1], [0.8, 0.2], [0.99, 0.01], [0.02, 0.98]]
    told: dict[str, Any] = {"probabilities": beliefs, "embeddings": [[0.0]] * 4}
    assert Doubtful().keep(view(**told, labeled=[0, 1], labels=[0, 0]), 1).tolist() == [3]
    assert Doubtful().keep(view(**told), 1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("labeled", [15, 30])
def test_labels_from_outside_of_the_pool_count_too(labeled: int) -> None:
    places, classes = clouds(90, 6)
    logits = 2 * places[:, :3]
    told, names = slice(0, labeled), classes[:labeled].tolist()
    arrays: dict[str, Any] = {"logits": logits[30:], "embeddings": places[30:]}
    arrays |= {"labeled_embeddings": places[told], "labeled_probabilities": logits[told].softmax(1)}
    strategy = Narrow("margin", (Doubtful(0.5),))
    picked = (select(strategy, 60, labels=names, **arrays) + 30).tolist()
    margins = logits.softmax(1).topk(2).values.diff(dim=1).squeeze(1)
    kept = next(end for end in range(60, 0, -1) if picked[:end] == sorted(picked[:end], key=lambda row: -margins[row]))
    assert 0 < kept < 60 and sorted(picked) == list(range(30, 90))  # those that stay, then those that were dropped
    if labeled < 20:  # no strength is fitted, on which the folds of items without a key would tell
        paper = view(logits=logits, embeddings=places, labeled=range(labeled), labels=names, pending=range(labeled, 30))
        assert sorted(picked[:kept]) == Doubtful(0.5).keep(paper, 1).tolist()
    with pytest.raises(MissingSignal, match="labels="):
        select(strategy, 3, **arrays)


def test_the_method_asks_a_study_of_a_network_and_can_be_audited() -> None:
    pool = small_pool()
    labels = small_labels(pool)
    study = Study(pool, strategy=Narrow("margin", TBU), learner=NETWORK, task=Classes((0, 1, 2)), start=None)
    study.tell({name: labels[name] for name in pool.names(range(20))})
    for _ in range(2):
        batch = study.ask(4)
        study.tell({name: labels[name] for name in batch.ids})
    assert all(row.ok for row in study.audit(refit=True))


def test_it_keeps_the_contract() -> None:
    check_strategy(Narrow(Margin(), TBU), NETWORK)
    check_strategy(Narrow("k-center", (Doubtful(),)))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="looks at nothing"):
        Learnable(0)
    for wrong in ({"share": 1.0}, {"folds": 1}, {"ridge": 0.0}):
        with pytest.raises(BadInput, match="Doubtful"):
            Doubtful(**wrong)
    with pytest.raises(MissingSignal, match="reads probabilities, and Linear does not give it"):
        check_strategy(Narrow("margin", TBU))
    assert not Narrow("random", TBU).serves(Labels(("a",)))

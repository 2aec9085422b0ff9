"""Terms of the loss are the likelihoods they should be."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn, tensor

from askance import BadInput
from askance.learners.beside import Beside, Seen, Step
from askance.learners.heads import LossPrediction, Wasserstein
from askance.learners.network import TorchModel
from askance.learners.terms import ConfidencePenalty, Dependency
from askance.task import Classes, Labels, Targets
from askance.utilities.uncertainty import entropy
from tests.learners.trainings import PICTURES, TINY, finite, lesson, same_network


def test_entropy_by_softmax_without_the_normalizer_is_the_confidence_penalty() -> None:
    one, other = (
        TINY.beside(part).fit(lesson()) for part in (Dependency(0.3, normalized=False), ConfidencePenalty(0.3))
    )
    assert same_network(one, other) and not same_network(one, TINY.fit(lesson()))
    assert not same_network(one, TINY.beside(Dependency(0.3)).fit(lesson()))


SHARES = tensor([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0], [0.2, 0.2, 0.6]], dtype=torch.float64)
BY_HAND = {
    "entropy": [-sum(p * torch.tensor(p).double().log().item() for p in row if p) for row in SHARES.tolist()],
    "least-confidence": [0.3, 0.5, 0.4],
    "margin": [-0.5, 0.0, -0.4],
}


def on_paper(scores: Tensor, pool: Tensor, weights: Tensor) -> Step:
    """A step whose network gives its items as they are, as scores."""
    network = nn.Identity()
    model = TorchModel(network, None, torch.device("cpu"), facts={"labels": 1, "seed": 0})
    given = replace(lesson(3, 6), task=Classes(("a", "b", "c")))
    rows = torch.arange(len(scores))
    return Step(
        model, given, 1, 0.0, rows, rows, scores, scores, weights, Seen(scores, None), scores.sum(1), lambda n: pool[:n]
    )


@pytest.mark.parametrize("kind", ["softmax", "power"])
@pytest.mark.parametrize("score", list(BY_HAND))
def test_the_dependency_term_is_the_likelihood_of_the_choice(score: str, kind: str) -> None:
    weights = tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    scores = SHARES.clamp_min(1e-30).log() + 5.0
    step = on_paper(scores, scores.flip(0)[:2].repeat(2, 1)[:3], weights)
    values = tensor(BY_HAND[score], dtype=torch.float64)
    positive = values + 1 if score == "margin" else values
    propensity = (2.0 * values).exp() if kind == "softmax" else positive**2.0
    pool = propensity.flip(0)[:2].repeat(2)[:3]
    expected = -(weights * (propensity / pool.mean()).log()).mean()
    found = Dependency(2.0, score, kind).loss(nn.Module(), step)
    assert float(found) == pytest.approx(float(expected))
    bare = Dependency(2.0, score, kind, normalized=False).loss(nn.Module(), step)
    assert float(bare) == pytest.approx(float(-(weights * propensity.log()).mean()))


@pytest.mark.parametrize("part", [Dependency(), Dependency(score="margin", kind="power"), ConfidencePenalty(1.0)])
def test_terms_stand_certain_scores_and_one_class(part: Beside) -> None:
    for scores in (tensor([[200.0, 0.0, -200.0]] * 3), torch.zeros(3, 3), torch.zeros(3, 1)):
        given = scores.clone().requires_grad_()
        found = part.loss(nn.Module(), on_paper(given, scores, torch.ones(3)))
        assert found is not None
        torch.autograd.backward(found)
        assert finite(found) and given.grad is not None and finite(given.grad)


def test_the_confidence_penalty_makes_less_sure() -> None:
    sure, less = (replace(TINY, steps=150, rate=1e-2).beside(ConfidencePenalty(b)).fit(lesson()) for b in (0.0, 2.0))
    entropies = []
    for model in (sure, less):
        scores = model.outputs(PICTURES).scores
        assert scores is not None
        entropies.append(float(entropy(scores.softmax(1)).mean()))
    assert entropies[1] > entropies[0] + 0.3


def test_what_has_no_gradient_or_no_meaning_is_refused() -> None:
    for score, kind in (("entropy", "soft-rank"), ("rank", "softmax")):
        with pytest.raises(BadInput, match="The rank of an item has no gradient"):
            Dependency(1.0, score, kind)
    with pytest.raises(BadInput, match="There is no score named 'bald'"):
        Dependency(score="bald")
    with pytest.raises(BadInput, match="There is no kind named 'top'"):
        Dependency(kind="top")
    for wrong in (Labels(tuple(range(10))), Targets(10)):
        for part in (Dependency(), ConfidencePenalty()):
            with pytest.raises(BadInput, match="reads class probabilities"):
                TINY.beside(part).fit(replace(lesson(), task=wrong))
    for make in (
        lambda: LossPrediction(width=0),
        lambda: LossPrediction(attached=1.5),
        lambda: Wasserstein(penalty=0.0),
        lambda: Dependency(beta=0.0),
        lambda: ConfidencePenalty(-1.0),
    ):
        with pytest.raises(BadInput):
            make()

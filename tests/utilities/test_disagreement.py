"""Disagreement: values on paper, definitions in float64, and what released code gets wrong."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from askance.utilities import disagreement
from askance.utilities.disagreement import bald, consensus_entropy, epig, mean_std, variation_ratio, vote_entropy
from askance.utilities.uncertainty import energy, entropy, least_confidence, max_logit
from tests.pins import pins

OF_SAMPLES = [bald, mean_std, consensus_entropy]


def some(items: int = 40, samples: int = 6, classes: int = 4, seed: int = 0) -> Tensor:
    dice = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(items, samples, classes, generator=dice, dtype=torch.float64)).softmax(2)


@pins(
    "bald",
    "definition",
    "entropy of the mean minus mean entropy in float64; two passes by hand in a doctest",
    "H(mean_s p_s) - mean_s H(p_s)",
)
@pins("power-bald", "equivalence", "the utility that is drawn by is that of bald", "BALD^beta, by Gumbel top-n")
def test_bald_is_the_entropy_of_the_mean_minus_the_mean_entropy() -> None:
    samples = some()
    named = entropy(samples.mean(1)) - torch.stack([entropy(samples[:, s]) for s in range(6)]).mean(0)
    torch.testing.assert_close(bald(samples), named)
    torch.testing.assert_close(bald(samples.float()).double(), named, rtol=1e-5, atol=1e-8)


@pins("bald", "defect", "DeepAL+ ranks identical passes by rounding noise; here their BALD is 0, and noise breaks ties")
@pins("mean-std", "defect", "DeepAL+ ranks identical passes by rounding noise; here their deviation is exactly 0")
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("samples", [3, 7, 20])
def test_where_all_samples_agree_there_is_exactly_no_disagreement(samples: int, kind: torch.dtype) -> None:
    same = some(500)[:, :1].to(kind).expand(-1, samples, -1)
    assert bald(same).tolist() == [0.0] * 500
    assert mean_std(same).tolist() == [0.0] * 500
    assert epig(same[:50], same[:9]).tolist() == [0.0] * 50


@pins("mean-std", "definition", "the formula in plain torch", "mean_c sqrt(mean_s (p_sc - mean_s p_sc)^2)")
@pins("consensus-entropy", "definition", "the entropy of the mean", "H(mean_s p_s)")
def test_mean_std_and_consensus_entropy_are_their_formulas() -> None:
    samples = some()
    torch.testing.assert_close(mean_std(samples), samples.std(1, correction=0).mean(1))
    torch.testing.assert_close(consensus_entropy(samples), entropy(samples.mean(1)))
    assert mean_std(samples[:, :1]).tolist() == [0.0] * 40  # one pass does not differ from itself


@pins("variation-ratio", "definition", "votes counted by hand", "1 - (votes of the modal class) / S")
@pins("vote-entropy", "definition", "votes counted by hand", "-sum_c V(c)/S log V(c)/S")
@pins("qbc", "definition", "the votes of a committee, counted by hand", "-sum_c V(c)/S log V(c)/S")
def test_votes_are_counted() -> None:
    votes = torch.tensor([[0, 0, 1, 2], [5, 5, 5, 5], [3, 2, 3, 2]])
    assert variation_ratio(votes).tolist() == [0.5, 0.0, 0.5]
    expected = [1.5 * math.log(2), 0.0, math.log(2)]
    assert vote_entropy(votes).tolist() == pytest.approx(expected)


@pins(
    "variation-ratio",
    "defect",
    "DeepAL+ takes 1 - max p of one pass, which is least confidence; here the votes of the passes are counted",
)
def test_the_variation_ratio_is_not_least_confidence() -> None:
    sure, unsure = [0.9, 0.05, 0.05], [0.4, 0.3, 0.3]
    samples = torch.tensor([[sure, sure[1:] + sure[:1]], [unsure, unsure]])  # sure of two classes; unsure of one
    assert variation_ratio(samples.argmax(2)).tolist() == [0.5, 0.0]
    assert least_confidence(samples[:, 0]).argmax() == 1


def test_equal_shares_of_votes_tie_exactly_whatever_the_classes() -> None:
    dice = torch.Generator().manual_seed(0)
    pattern = torch.tensor([0] * 7 + [1] * 5 + [2] * 4 + [3] * 3 + [4])
    votes = torch.stack([torch.randperm(9, generator=dice)[pattern] for _ in range(200)])
    assert len(vote_entropy(votes).unique()) == 1


@pins("epig", "brute force", "all pairs of classes of all pairs of items", "mean_x* I(y; y* | x, x*)")
def test_epig_is_its_definition_over_all_pairs_of_classes() -> None:
    samples, targets = some(12), some(5, seed=1)
    expected = torch.zeros(12, dtype=torch.float64)
    for i, own in enumerate(samples):
        for aim in targets:
            joint = torch.einsum("sc,sd->cd", own, aim) / 6
            apart = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
            expected[i] += (joint * (joint / apart).log()).sum() / 5
    torch.testing.assert_close(epig(samples, targets), expected, rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(epig(samples.float(), targets.float()).double(), expected, rtol=1e-5, atol=1e-7)


@pins("epig", "equivalence", "where a target tells the model, as one that is certain of another class in each sample")
def test_epig_at_a_target_that_tells_the_model_is_bald() -> None:
    samples = some(30, samples=4)
    torch.testing.assert_close(
        epig(samples, torch.eye(4, dtype=torch.float64).unsqueeze(0)), bald(samples), rtol=1e-5, atol=1e-8
    )


@pins("energy", "definition", "log-sum-exp in float64", "-log sum_c exp z_c")
@pins("max-logit", "definition", "the highest score", "-max_c z_c")
def test_energy_and_max_logit_are_their_formulas() -> None:
    scores = 30 * torch.randn(50, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(energy(scores), -scores.exp().sum(1).log())
    assert max_logit(scores).tolist() == [-max(row) for row in scores.tolist()]
    torch.testing.assert_close(energy(scores + 1000), energy(scores) - 1000)  # and no overflow
    assert energy(torch.zeros(3, 0)).tolist() == max_logit(torch.zeros(3, 0)).tolist() == [0.0] * 3


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = some(101)
    votes = samples.argmax(2)
    whole = [score(samples) for score in OF_SAMPLES] + [variation_ratio(votes), vote_entropy(votes)]
    told = epig(samples, samples[:7])
    monkeypatch.setattr(disagreement, "_PIECE", 100)
    pieces = [score(samples) for score in OF_SAMPLES] + [variation_ratio(votes), vote_entropy(votes)]
    for one, other in zip(whole, pieces, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(epig(samples, samples[:7]), told)


def test_no_items_and_no_classes_give_no_numbers_and_zeros() -> None:
    for score in OF_SAMPLES:
        assert score(torch.zeros(0, 3, 2)).shape == (0,)
        assert score(torch.zeros(4, 3, 0)).tolist() == [0.0] * 4
    for count in (variation_ratio, vote_entropy):
        assert count(torch.zeros(0, 3, dtype=torch.int64)).shape == (0,)
        assert count(torch.zeros(4, 3, dtype=torch.int64)).tolist() == [0.0] * 4

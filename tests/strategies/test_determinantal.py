"""The committee's doubt, and what a draw of several criteria always holds."""

from __future__ import annotations

import math

import pytest
import torch

from askance.given import view
from askance.learners.linear import Linear
from askance.learners.many import Bootstrapped, Committee
from askance.selection.determinantal import KDpp as Draw
from askance.strategies.determinantal import KDpp, MultipleCriteriaDpp
from askance.utilities import committee
from tests.pins import pins

HARD, SURE = [0.5, 0.5], [0.95, 0.05]


@pins(
    "multi-criteria-dpp",
    "definition",
    "the item of the largest doubt always comes first: mean entropy and entropy of votes, members by trust",
    equation="q = sum_a w_a H(p_a) + H(sum_a w_a e_vote), w_a in proportion to (right_a + 1) / (L + 2)",
)
def test_doubt_is_entropy_and_votes_by_trust() -> None:
    samples = torch.tensor([[[0.8, 0.2], [0.4, 0.6]], [[1.0, 0.0], [1.0, 0.0]]])
    weights = torch.tensor([0.75, 0.25], dtype=torch.float64)
    found = committee.doubt(samples, weights)
    expected = 0.75 * _entropy(0.8) + 0.25 * _entropy(0.4) + _entropy(0.75)
    assert found.tolist() == pytest.approx([expected, 0.0], abs=1e-6)


def _entropy(share: float) -> float:
    return -share * math.log(share) - (1 - share) * math.log(1 - share)


@pins("multi-criteria-dpp", "definition", "a member that is right on what is labeled says more about doubt")
def test_members_that_are_right_are_trusted_more() -> None:
    right, wrong = [[0.9, 0.1]] * 4, [[0.1, 0.9]] * 4
    # items 4 and 5: the member that is right doubts 4, the one that is wrong doubts 5
    mc = [[*right, HARD, SURE], [*wrong, SURE, HARD]]
    x = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]
    for first, labels in ((4, [0] * 4), (5, [1] * 4)):
        paper = view(mc_probabilities=mc, embeddings=x, labeled=range(4), labels=labels)
        assert MultipleCriteriaDpp().query(paper, 2).ids[0] == first


@pins(
    "multi-criteria-dpp",
    "definition",
    "with a known item nearby, likely batches go elsewhere; unconditional ones do not",
)
def test_known_items_repel() -> None:
    dice = torch.Generator().manual_seed(0)
    x = torch.cat([torch.randn(30, 2, generator=dice) * 0.3, torch.randn(30, 2, generator=dice) * 0.3 + 4])
    mc = torch.full((2, 60, 2), 0.5)
    near = {True: 0, False: 0}
    for conditional in near:
        asked = MultipleCriteriaDpp(conditional=conditional, typicality=0.0)
        for seed in range(20):
            paper = view(mc_probabilities=mc, embeddings=x, labeled=range(12), labels=[0] * 12, seed=seed)
            near[conditional] += sum(row < 30 for row in asked.query(paper, 4).ids[1:])
    assert near[True] < 0.8 * near[False]


@pins("multi-criteria-dpp", "defect", "the greedy likeliest batch has n items where clusters are copies")
def test_the_likeliest_batch_is_full() -> None:
    paper = view(mc_probabilities=torch.full((2, 12, 2), 0.5), embeddings=torch.ones(12, 2))
    for part in (MultipleCriteriaDpp(), MultipleCriteriaDpp(select=Draw(most_likely=True))):
        for n in (0, 1, 5, 12):
            assert len(set(part.query(paper, n).ids)) == n


def test_a_learner_without_samples_gets_members() -> None:
    asked = MultipleCriteriaDpp()
    assert asked.equip(Linear()) == Bootstrapped(Linear())
    many = Committee((Linear(), Linear(ridge=1.0)))
    assert asked.equip(many) is many


def test_a_draw_knows_what_is_labeled() -> None:
    x = torch.eye(6) + 0.01
    for seed in range(10):
        paper = view(embeddings=torch.cat([x, x]), labeled=range(4), seed=seed)
        assert {row % 6 for row in KDpp().query(paper, 2).ids} == {4, 5}

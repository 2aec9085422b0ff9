"""Strategies of disagreement: what they want of a learner, what their notes say, and where they meet."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from askance import BadInput, select
from askance.given import view
from askance.learners.linear import Linear
from askance.learners.many import Bootstrapped, Committee
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.strategies.disagreement import BatchBald, Epig, PowerBald, QueryByCommittee
from askance.testing.worlds import LEARNER, small_world
from askance.utilities.disagreement import bald, epig
from tests.pins import pins

OF_SAMPLES = ["bald", "power-bald", "batch-bald", "epig", "consensus-entropy", "mean-std"]
OF_VOTES = ["variation-ratio", "vote-entropy"]


def passes(items: int = 50, samples: int = 6, classes: int = 3) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(classes), (samples, items))


@pytest.mark.parametrize("name", [*OF_SAMPLES, *OF_VOTES])
def test_a_learner_without_several_beliefs_is_bootstrapped_and_one_with_them_is_left_alone(name: str) -> None:
    strategy = catalogue.strategy(name)
    assert strategy.equip(Linear()) == Bootstrapped(Linear())
    for several in (Bootstrapped(Linear(), members=3), Committee((Linear(), Linear(ridge=1.0)))):
        assert strategy.equip(several) is several


def test_a_committee_has_the_learner_and_others_and_is_always_the_same() -> None:
    equipped = QueryByCommittee().equip(LEARNER)
    assert isinstance(equipped, Committee) and equipped.learners[0] is LEARNER and len(equipped.learners) == 4
    assert equipped == QueryByCommittee().equip(LEARNER)
    assert QueryByCommittee().equip(Bootstrapped(LEARNER)) == Bootstrapped(LEARNER)


@pins("qbc", "equivalence", "in a fitted world: as wanted as vote-entropy says of the committee's own votes")
def test_a_committee_is_fitted_on_a_label_of_each_class_and_asked_for_its_votes() -> None:
    for labeled in (0, 1, 3, 9):
        asks = QueryByCommittee()
        shown = small_world(labeled=labeled).view(asks, LEARNER)
        assert shown[asks.signal].shape == (40, 4)
        votes = shown[asks.signal].T.numpy()
        wanted = asks.utility(shown).double().numpy()
        direct = select("vote-entropy", 40, votes=votes, explain=True)
        assert wanted[direct.positions].tolist() == direct.utilities.tolist()


@pins("batch-bald", "definition", "notes: gain, joint so far and the bound of log S")
def test_a_batch_says_what_it_learns_and_what_no_batch_can_pass() -> None:
    batch = BatchBald().query(view(mc_probabilities=passes()), 9)
    joint = [note["joint"] for note in batch.notes]
    assert joint == pytest.approx(np.cumsum([note["utility"] for note in batch.notes]).tolist())
    assert {note["bound"] for note in batch.notes} == {math.log(6)}
    assert joint == sorted(joint) and joint[-1] <= math.log(6)


@pins("power-bald", "equivalence", "with a large power, the top of bald")
def test_a_large_power_is_the_top() -> None:
    given = passes()
    sharp = PowerBald(select=type(PowerBald().select)("power", beta=1e9))
    assert select(sharp, 9, mc_probabilities=given).tolist() == select("bald", 9, mc_probabilities=given).tolist()


@pins("consensus-entropy", "equivalence", "of one sample, the entropy")
@pins("entropy, least-confidence, margin", "equivalence", "with two classes all three pick the same")
def test_one_sample_is_its_entropy_and_two_classes_are_one_order() -> None:
    one = passes(samples=1)
    picks = select("consensus-entropy", 50, mc_probabilities=one).tolist()
    assert picks == select("entropy", 50, probabilities=one[0]).tolist()
    two = passes(classes=2)[0]
    orders = [select(name, 50, probabilities=two).tolist() for name in ("entropy", "least-confidence", "margin")]
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize("name", ["energy", "max-logit"])
def test_scores_are_wanted_not_probabilities(name: str) -> None:
    logits = np.random.default_rng(0).normal(size=(30, 3))
    both = [select(name, 5, logits=scores).tolist() for scores in (logits, logits + 7 * (np.arange(30) % 2)[:, None])]
    assert both[0] != both[1]  # the softmax of both is the same
    assert set(both[1]) <= set(range(0, 30, 2))


def test_targets_are_items_of_the_pool_by_their_keys_or_by_name() -> None:
    given = passes()
    samples = torch.from_numpy(given).transpose(0, 1)
    shown = view(mc_probabilities=given)
    assert torch.equal(Epig(at=(4, 2)).utility(shown), epig(samples, samples[[4, 2]]))
    few = Epig(targets=7)
    rows = few._rows(shown)
    assert len(set(rows.tolist())) == 7
    assert torch.equal(few.utility(shown), epig(samples, samples[rows]))
    torch.testing.assert_close(Epig(targets=99).utility(shown), epig(samples, samples))
    with pytest.raises(BadInput, match="names 77"):
        Epig(at=(77,)).utility(shown)
    with pytest.raises(BadInput, match="targets=0"):
        Epig(targets=0)
    with pytest.raises(BadInput, match="configurations=0"):
        BatchBald(configurations=0)


@pins("epig", "definition", "an odd item that tells only of itself, which bald asks for first, is not asked for")
def test_an_odd_item_that_tells_of_nothing_else_is_not_asked_for() -> None:
    crowd = np.array([[0.8, 0.2], [0.8, 0.2], [0.3, 0.7], [0.3, 0.7]])
    odd = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])  # independent of what the crowd depends on
    given = np.stack([odd, *[crowd] * 19], 1)  # (samples, items, classes)
    assert select("bald", 1, mc_probabilities=given).tolist() == [0]
    assert 0 not in select(Epig(targets=20, at=tuple(range(1, 20))), 19, mc_probabilities=given).tolist()
    assert float(bald(torch.from_numpy(given).transpose(0, 1))[0]) == pytest.approx(math.log(2))


@pytest.mark.parametrize("name", [*OF_SAMPLES, *OF_VOTES, "qbc"])
def test_memory_of_the_passes_may_lie_either_way(name: str) -> None:
    asks: Strategy = catalogue.strategy(name)
    given = passes().astype("float32")
    other = np.asfortranarray(given)
    assert select(asks, 9, mc_probabilities=given).tolist() == select(asks, 9, mc_probabilities=other).tolist()


@pins("consensus-margin", "equivalence", "margin of the mean of all passes", "least p1 - p2 of the mean over passes")
@pins(
    "consensus-least-confidence",
    "equivalence",
    "least confidence of the mean of all passes",
    "least of the largest mean probability",
)
def test_the_mean_of_the_passes_is_as_torn_and_as_unsure_as_it_is_alone() -> None:
    given = passes()
    for name in ("margin", "least-confidence", "entropy"):
        picks = select(f"consensus-{name}", 50, mc_probabilities=given).tolist()
        assert picks == select(name, 50, probabilities=given.mean(0)).tolist()

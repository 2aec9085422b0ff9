"""The variational critic: its losses by hand, its steps by plain code, and that it finds what is not labeled."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from askance.errors import BadInput
from askance.learners.base import Lesson, Model
from askance.learners.network import settled
from askance.learners.vaal import (
    Autoencoder,
    VariationalDiscriminator,
    _drawn,
    critic_loss,
    evidence_loss,
    fooling_loss,
)
from askance.seeds import Dice
from askance.task import Targets
from askance.testing import check_learner
from askance.testing.worlds import small_world
from tests.pins import pins

CPU = torch.device("cpu")
QUICK = VariationalDiscriminator(steps=40, batch=32)


def halves(shape: tuple[int, ...] = (8,), each: int = 40, seed: int = 0) -> Lesson:
    """Two clusters, one after the other; half of the first is labeled, all else is open."""
    items = torch.from_numpy(np.random.default_rng(seed).standard_normal((2 * each, *shape))).float()
    items[each:] += 3.0
    rows, labeled = torch.arange(2 * each), each // 2
    return Lesson(
        items=items,
        keys=rows * 7919,
        task=Targets(),
        labeled=rows[:labeled],
        targets=torch.zeros(labeled, 1, dtype=torch.float64),
        weights=torch.ones(labeled, dtype=torch.float64),
        unlabeled=rows[labeled:],
        dice=Dice(seed, "fit"),
    )


def scores_of(model: Model, items: Tensor) -> Tensor:
    found = model.outputs(items).scores
    assert found is not None
    assert tuple(found.shape) == (len(items), 1)
    return found[:, 0]


@pins("vaal", "definition", "The evidence bound by hand, and its divergence against torch.distributions.")
def test_the_evidence_loss_is_squared_error_plus_divergence() -> None:
    nothing = torch.zeros(1, 1)
    items, again = torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)
    assert float(evidence_loss(items, again, nothing, nothing)) == 5.0
    assert float(evidence_loss(items, again, nothing + 2.0, nothing)) == 7.0  # 2^2 / 2 more
    mean, log_variance = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    kl = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(torch.zeros(6, 3), torch.ones(6, 3)))
    same = torch.zeros(6, 4)
    torch.testing.assert_close(evidence_loss(same, same, mean, log_variance), kl.sum(1).mean())


@pins("vaal", "defect", "DeepAL+ teaches the discriminator 1 on both sets; ours learns 1 on labeled, 0 on unlabeled.")
def test_the_critic_learns_to_tell_the_two_apart_and_the_autoencoder_to_stop_it() -> None:
    surely, hardly = torch.full((3,), 5.0), torch.full((3,), -5.0)
    once = math.log1p(math.exp(-5.0))
    assert float(critic_loss(surely, hardly)) == pytest.approx(2 * once)  # labeled looks labeled, unlabeled does not
    assert float(critic_loss(surely, surely)) == pytest.approx(2 * once + 5.0)
    assert float(fooling_loss(surely, surely)) == pytest.approx(2 * once)
    assert float(fooling_loss(surely, hardly)) == pytest.approx(2 * once + 5.0)
    undecided = torch.zeros(2, requires_grad=True)
    torch.autograd.backward(critic_loss(undecided[:1], undecided[1:]))
    assert undecided.grad is not None
    assert undecided.grad.tolist() == [-0.5, 0.5]


@pins(
    "vaal",
    "brute force",
    "Three steps in plain code with torch's own losses give the same weights.",
    "argmax_x -D(mu(x)); min_VAE ELBO loss + BCE(D, 1 on both), min_D BCE(D(mu_L), 1) + BCE(D(mu_U), 0)",
)
def test_three_steps_are_those_of_plain_code() -> None:
    lesson = halves()
    learner = VariationalDiscriminator(steps=3, batch=8, adversary=2.0, rate=1e-3)
    model = learner.fit(lesson)
    with settled(lesson.dice.of("network").key, CPU):
        plain = Autoencoder([8], 32)
        plain.standardize(lesson.items)
        coder = [array for name, array in plain.named_parameters() if not name.startswith("critic")]
        drawing, telling = torch.optim.Adam(coder, lr=1e-3), torch.optim.Adam(plain.critic.parameters(), lr=1e-3)
        known = _drawn(lesson, lesson.labeled, "known", 8, 3)
        unknown = _drawn(lesson, lesson.unlabeled, "open", 8, 3)
        for one, other in zip(known, unknown, strict=True):
            items = plain.scaled(lesson.items[torch.cat([one, other])])
            mean, log_variance = plain.encode(items)
            normal = Normal(mean, (log_variance / 2).exp())
            again = plain.decoder(mean + normal.scale * torch.randn_like(mean))
            error = (again - items).square().sum(1) + kl_divergence(normal, Normal(0.0, 1.0)).sum(1)
            looks = plain.critic(mean)
            drawing.zero_grad()
            torch.autograd.backward(2 * error.mean() + 2.0 * 2 * cross_entropy(looks, torch.ones(16, 1)))
            drawing.step()
            truth = torch.tensor([1.0] * 8 + [0.0] * 8).unsqueeze(1)
            telling.zero_grad()
            torch.autograd.backward(2 * cross_entropy(plain.critic(mean.detach()), truth))
            telling.step()
    for name, array in plain.state_dict().items():
        torch.testing.assert_close(model.weights()[name], array, rtol=1e-4, atol=1e-5)
    mean, _ = plain.encode(plain.scaled(lesson.items))
    odds = plain.critic(mean)[:, 0].detach()
    torch.testing.assert_close(scores_of(model, lesson.items), -odds, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_like_nothing_labeled_has_higher_scores(seed: int) -> None:
    lesson = halves(seed=seed)
    scores = scores_of(QUICK.fit(lesson), lesson.items)
    strange = (lesson.unlabeled >= 40).numpy()
    assert roc_auc_score(strange, scores[lesson.unlabeled]) > 0.9
    assert scores[lesson.labeled].mean() < scores[lesson.unlabeled].mean()


def test_it_learns_from_pictures_too() -> None:
    lesson = halves(shape=(1, 6, 7))
    model = VariationalDiscriminator(steps=40, batch=16).fit(lesson)
    assert any(isinstance(layer, nn.Conv2d) for layer in model.network.modules())
    scores = scores_of(model, lesson.items)
    assert roc_auc_score((lesson.unlabeled >= 40).numpy(), scores[lesson.unlabeled]) > 0.9


@pytest.mark.parametrize("shape", [(5,), (6, 7), (3, 5, 8), (1, 1, 1)])
def test_what_is_drawn_has_the_shape_of_what_was_read(shape: tuple[int, ...]) -> None:
    network = Autoencoder(list(shape), 4)
    whole = network.scaled(torch.zeros(2, *shape))
    mean, log_variance = network.encode(whole)
    assert mean.shape == log_variance.shape == (2, 4)
    assert network.decoder(mean).shape == whole.shape


def test_features_are_taken_in_units_of_their_spread_and_channels_in_theirs() -> None:
    items = torch.tensor([[0.0, 7.1], [2.0, 7.1], [4.0, 7.1]])
    flat = Autoencoder([2], 4)
    flat.standardize(items)
    assert flat.scaled(items)[:, 0].tolist() == pytest.approx([-math.sqrt(1.5), 0.0, math.sqrt(1.5)])
    assert flat.scaled(items)[:, 1].abs().max() < 1e-6  # the same everywhere
    pictures = (
        torch.randn(9, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 50.0])[:, None, None]
    )
    deep = Autoencoder([2, 4, 4], 4)
    deep.standardize(pictures)
    scaled = deep.scaled(pictures).transpose(0, 1).flatten(1)
    assert scaled.mean(1).tolist() == pytest.approx([0.0, 0.0], abs=1e-5)
    assert scaled.std(1, correction=0).tolist() == pytest.approx([1.0, 1.0], abs=1e-5)


def test_every_item_of_a_side_comes_as_often_as_any_other() -> None:
    lesson = halves()
    many = _drawn(lesson, lesson.unlabeled, "open", size=20, steps=6)  # two epochs of 60
    assert many.shape == (6, 20)
    assert torch.unique(many, return_counts=True)[1].tolist() == [2] * 60
    assert not torch.equal(many[:3], many[3:])
    few = _drawn(lesson, lesson.labeled[:3], "known", size=9, steps=2)
    assert torch.unique(few, return_counts=True)[1].tolist() == [6, 6, 6]


def test_targets_change_nothing() -> None:
    lesson = small_world(labeled=12).lesson()
    other = replace(lesson, targets=lesson.targets.flip(0))
    assert not torch.equal(lesson.targets, other.targets)
    one, two = (scores_of(QUICK.fit(told), lesson.items) for told in (lesson, other))
    assert torch.equal(one, two)


def test_the_order_of_the_pool_changes_nothing() -> None:
    world = small_world(labeled=12)
    backward = world.arranged(range(len(world.pool))[::-1])
    one, two = (scores_of(QUICK.fit(told.lesson()), told.pool.items) for told in (world, backward))
    torch.testing.assert_close(one, two.flip(0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("side", ["labeled", "unlabeled"])
def test_with_nothing_on_a_side_all_is_as_likely(side: str) -> None:
    lesson = halves()
    if side == "labeled":
        bare = replace(lesson, labeled=lesson.labeled[:0], targets=lesson.targets[:0], weights=lesson.weights[:0])
    else:
        bare = replace(lesson, unlabeled=lesson.unlabeled[:0])
    model = QUICK.fit(bare)
    assert (scores_of(model, lesson.items) == 0).all()
    again = QUICK.restore(model.weights(), model.facts)
    assert again is not None
    assert (scores_of(again, lesson.items) == 0).all()


def test_one_labeled_item_is_enough() -> None:
    lesson = halves()
    one = replace(lesson, labeled=lesson.labeled[:1], targets=lesson.targets[:1], weights=lesson.weights[:1])
    assert torch.isfinite(scores_of(QUICK.fit(one), lesson.items)).all()


def test_pictures_come_back_from_their_weights() -> None:
    lesson = halves(shape=(6, 5), each=10)
    learner = VariationalDiscriminator(steps=2)
    model = learner.fit(lesson)
    again = learner.restore(model.weights(), model.facts)
    assert again is not None
    assert torch.equal(scores_of(model, lesson.items), scores_of(again, lesson.items))
    assert replace(learner, latent=7).restore(model.weights(), model.facts) is None


def test_it_keeps_the_contract_of_learners() -> None:
    check_learner(VariationalDiscriminator(steps=2), Targets())  # whose width is that of its scores


def test_settings_and_items_that_mean_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match="steps=0"):
        VariationalDiscriminator(steps=0)
    with pytest.raises(BadInput, match="adversary=-1"):
        VariationalDiscriminator(adversary=-1.0)
    lesson = halves()
    for items in (["a"] * 80, torch.zeros(80, 1, 2, 3, 4)):
        with pytest.raises(BadInput, match="features or pictures"):
            QUICK.fit(replace(lesson, items=items))

"""Gradients of the last layer: against autograd, against brute force, and what the papers say of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch.nn.functional import cross_entropy, kl_div, one_hot

from askance import Linear, select
from askance.given import view
from askance.learners.base import Outputs
from askance.signals.gradients import COTANGENTS, GradientFactors
from askance.strategies.dynamics import DynamicAl
from askance.strategies.gradient import Badge
from askance.strategies.stability import LdmS, NoiseStability
from askance.task import Classes
from askance.testing.worlds import small_world
from askance.utilities import movement
from askance.utilities.stability import deviations, least_disagreement_weights
from tests.pins import pins

DICE = torch.Generator().manual_seed(0)
H = torch.randn(30, 4, generator=DICE, dtype=torch.float64)
W = torch.randn(3, 5, generator=DICE, dtype=torch.float64)
SCORES = H @ W[:, :-1].T + W[:, -1]
P = SCORES.softmax(1)
LABELS = torch.randint(0, 3, (30,), generator=DICE)


def gradient(row: int, loss: object, bias: bool = False) -> torch.Tensor:
    """The gradient of a loss of one item by the last layer, by autograd."""
    layer = W.clone().requires_grad_()
    scores = layer[:, :-1] @ H[row] + layer[:, -1]
    loss(scores).backward()  # type: ignore[operator]
    assert layer.grad is not None
    return layer.grad if bias else layer.grad[:, :-1]


@pins("badge,grad-norm", "definition", "factors times each other against autograd")
@pytest.mark.parametrize("cotangent", COTANGENTS)
def test_factors_are_the_gradient_that_autograd_gives(cotangent: str) -> None:
    losses = {
        "guess": lambda s: cross_entropy(s[None], s.argmax()[None]),
        "uniform": lambda s: kl_div(s.log_softmax(0), torch.full_like(s, 1 / 3), reduction="sum"),
        "ones": lambda s: s.sum() / 3**0.5,
        "one": lambda s: s[0],
        "believed": lambda s: (s.softmax(0).detach() * s).sum(),
        "signed": lambda s: 2 * s.max() - s.sum(),
    }
    left, right = GradientFactors(cotangent, bias=True).rows(Outputs(scores=SCORES, embeddings=H), Classes((0, 1, 2)))
    for row in range(5):
        expected = gradient(row, losses[cotangent], bias=True)
        assert torch.allclose(torch.outer(left[row], right[row]), expected, atol=1e-10)


@pins("egl", "brute force", "five items, every class by autograd", "sum_c p_c |grad loss(x, c)|, of the last layer")
def test_expected_gradient_length() -> None:
    found = movement.expected_gradient_length(P, H)
    for row in range(5):
        lengths = [gradient(row, lambda s, c=c: cross_entropy(s[None], torch.tensor([c]))).norm() for c in range(3)]
        assert float(found[row]) == pytest.approx(float(sum(p * g for p, g in zip(P[row], lengths, strict=True))))


@pins("grad-norm", "brute force", "five items by autograd", "|grad KL(uniform, p)|_1 = |p - 1/C|_1 |h|_1; low is asked")
def test_gradient_norm() -> None:
    found = movement.gradient_norm(P, H)
    for row in range(5):
        even = torch.full((3,), 1 / 3, dtype=torch.float64)
        expected = gradient(row, lambda s, even=even: kl_div(s.log_softmax(0), even, reduction="sum")).abs().sum()
        assert float(found[row]) == pytest.approx(float(expected))
    assert select("grad-norm", 1, probabilities=P, embeddings=H)[0] == int(found.argmin())


@pins("badge", "equivalence", "k-means++ in the space of v = p - e_guess, built in full")
def test_badge_is_k_means_plus_plus_on_gradients() -> None:
    from askance.selection.space import Features

    left = P - one_hot(P.argmax(1), 3)
    paper = view(probabilities=P, embeddings=H, seed=3)
    full = torch.einsum("ic,id->icd", left, H).flatten(1)
    built = Badge().select.pick(
        12,
        candidates=paper.candidates,
        known=paper.known,
        keys=paper.keys,
        dice=paper.dice.of("select"),
        space=Features(full),
    )
    assert Badge().query(paper, 12).ids == built.rows.tolist()


def dynamics_by_autograd() -> tuple[torch.Tensor, torch.Tensor]:
    """The gradient of each open item with its guess, and the sum of the labeled ones; items 0 to 9 are labeled."""
    guess = [gradient(row, lambda s: cross_entropy(s[None], s.argmax()[None])).flatten() for row in range(30)]
    told = sum(
        gradient(row, lambda s, row=row: cross_entropy(s[None], LABELS[row][None])).flatten() for row in range(10)
    )
    return torch.stack(guess), torch.as_tensor(told)


@pins(
    "dynamic-al",
    "brute force",
    "scores of 20 items against autograd's gradients",
    "Delta(u|S) = |g_u|^2 + 2 <g_u, sum_S g>; the n highest",
)
def test_dynamics() -> None:
    gradients, told = dynamics_by_autograd()
    paper = view(logits=SCORES, embeddings=H, labeled=list(range(10)), labels=LABELS[:10].tolist())
    expected = gradients.square().sum(1) + 2 * gradients @ told
    assert torch.allclose(DynamicAl().utility(paper), expected, atol=1e-5)
    assert torch.allclose(DynamicAl(trained=False).utility(paper), gradients.square().sum(1), atol=1e-5)
    order = sorted(range(10, 30), key=lambda row: -float(expected[row]))
    assert DynamicAl().query(paper, 6).ids == order[:6]


@pins("dynamic-al", "brute force", "the exact greedy rule raises |sum of gradients|^2 most at every pick")
def test_exact_greedy_is_the_objective() -> None:
    gradients, told = dynamics_by_autograd()
    paper = view(logits=SCORES, embeddings=H, labeled=list(range(10)), labels=LABELS[:10].tolist())
    total, picks = told.clone(), []
    for _ in range(6):
        left = [row for row in range(10, 30) if row not in picks]
        picks.append(max(left, key=lambda row: float((total + gradients[row]).square().sum())))
        total = total + gradients[picks[-1]]
    assert DynamicAl(batch="exact").query(paper, 6).ids == picks


@pins("dynamic-al", "defect", "de-influence subtracts the products with the picks; the objective adds them twice")
def test_de_influence_and_the_exact_rule_have_opposite_signs_and_agree_on_one_pick() -> None:
    gradients, told = dynamics_by_autograd()
    paper = view(logits=SCORES, embeddings=H, labeled=list(range(10)), labels=LABELS[:10].tolist())
    scores, picks = gradients.square().sum(1) + 2 * gradients @ told, []
    for _ in range(6):
        left = [row for row in range(10, 30) if row not in picks]
        picks.append(max(left, key=lambda row: float(scores[row] - gradients[row] @ gradients[picks].sum(0))))
    assert DynamicAl(batch="apart").query(paper, 6).ids == picks
    firsts = {DynamicAl(batch=batch).query(paper, 1).ids[0] for batch in ("top", "apart", "exact")}
    assert len(firsts) == 1


@pins("dynamic-al", "equivalence", "with a converged head the labeled gradients sum to -ridge W")
def test_a_converged_head_makes_the_train_term_a_penalty() -> None:
    world = small_world(labeled=20)
    model = Linear(ridge=2.0, tolerance=1e-10).fit(world.lesson())
    outputs, lesson = model.outputs(world.pool.items), world.lesson()
    residuals = outputs.scores.double().softmax(1)[:20] - lesson.targets
    summed = movement.gradient_sum(residuals, world.pool.items[:20])
    assert torch.allclose(summed, -2.0 * model.coefficients[:, :-1], atol=1e-4)
    assert residuals.sum(0).abs().max() < 1e-4  # the bias carries no penalty, so its gradient is zero


@pins(
    "noise-stability",
    "law",
    "lengths of deviations rank as exact Jacobian norms, Spearman above .9, and not at large noise",
    "v(x) = concat_k [f(x; W + E_k) - f(x; W)] / |f(x)|, |E_k| = 1e-3 |W|; k-center from the origin",
)
def test_deviations_follow_the_jacobian() -> None:
    dice = np.random.default_rng(1)
    features, layer = torch.from_numpy(dice.normal(size=(200, 6))), torch.from_numpy(dice.normal(size=(4, 7)))
    p = (features @ layer[:, :-1].T + layer[:, -1]).softmax(1)
    softmax = torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)  # d p / d scores
    exact = softmax.flatten(1).norm(dim=1) * features.norm(dim=1) / p.norm(dim=1)

    def agreement(strength: float, draws: int = 100) -> float:
        noise = torch.from_numpy(dice.normal(size=(draws, 4, 7)))
        noise[:, :, -1] = 0
        noise *= strength * layer[:, :-1].norm() / noise.flatten(1).norm(dim=1)[:, None, None]
        moved = deviations(layer, noise, features, torch.arange(200))
        return float(spearmanr(moved.norm(dim=1), exact).statistic)

    assert agreement(1e-3, 30) > 0.9 and agreement(1e-3) > 0.95
    assert agreement(5.0) < agreement(1e-3)


def test_deviations_are_the_differences_they_stand_for() -> None:
    noise = 1e-2 * torch.randn(5, 3, 5, generator=DICE, dtype=torch.float64)
    found = deviations(W, noise, H, torch.arange(30)).reshape(30, 5, 3)
    for draw in range(5):
        layer = W + noise[draw]
        moved = (H @ layer[:, :-1].T + layer[:, -1]).softmax(1) - P
        assert torch.allclose(found[:, draw], moved / P.norm(dim=1, keepdim=True), atol=1e-12)


@pins(
    "noise-stability",
    "defect",
    "one item far out overflows an exponential; its deviation is the finite difference, and others stay as they are",
)
def test_an_item_far_out_has_the_deviation_it_stands_for_and_stops_nobody() -> None:
    noise = 1e-2 * torch.randn(5, 3, 5, generator=DICE, dtype=torch.float64)
    far = H.clone()
    far[7] *= 1e6
    found = deviations(W, noise, far, torch.arange(30)).reshape(30, 5, 3)
    near = deviations(W, noise, H, torch.arange(30)).reshape(30, 5, 3)
    others = torch.arange(30) != 7
    assert torch.equal(found[others], near[others])
    before = (far @ W[:, :-1].T + W[:, -1])[7]
    for draw in range(5):
        layer = W + noise[draw]
        moved = (far[7] @ layer[:, :-1].T + layer[:, -1]).softmax(0) - before.softmax(0)
        assert torch.allclose(found[7, draw], moved / before.softmax(0).norm(), atol=1e-12)
    paper = view(logits=far @ W[:, :-1].T + W[:, -1], embeddings=far.float(), weights=W.float())
    assert len(NoiseStability().query(paper, 5).ids) == 5


@pins(
    "noise-stability",
    "defect",
    "single precision drowns differences at small noise; ours keep their ranks when it halves",
)
def test_small_noise_does_not_drown_in_single_precision() -> None:
    order = []
    for strength in (1e-3, 5e-4, 1e-6):
        paper = view(logits=SCORES.float(), embeddings=H.float(), weights=W.float())
        order.append(NoiseStability(strength=strength).query(paper, 5).ids)
    assert order[0] == order[1] == order[2]


@pins("noise-stability", "definition", "farthest first from the origin alone: labeled items do not repel")
def test_the_first_pick_moves_most_and_labeled_items_do_not_repel() -> None:
    paper = view(logits=SCORES, embeddings=H, weights=W, labeled=[0, 1])
    one = NoiseStability().query(paper, 8)
    again = NoiseStability().query(view(logits=SCORES, embeddings=H, weights=W), 30)
    utilities = [note["utility"] for note in one.notes]
    assert utilities == sorted(utilities, reverse=True)
    assert next(row for row in again.ids if row not in (0, 1)) == one.ids[0]


@pins(
    "ldm-s",
    "brute force",
    "with two classes on a line, the metric is the share of items between an item and the boundary",
    "LDM(x) = min share of items whose class changes, over W + noise that change x's; P(next) ~ (gamma D_min)^2",
)
def test_the_least_disagreement_on_a_line() -> None:
    line = torch.linspace(-1, 1, 40, dtype=torch.float64).unsqueeze(1)
    layer = torch.tensor([[0.5, 0.0], [-0.5, 0.0]], dtype=torch.float64)
    paper = view(logits=line @ layer[:, :-1].T, embeddings=line, weights=layer, seed=1)
    metric = LdmS()._metric(paper, layer, line, line)
    # moving the boundary just past x changes the items between: for the item next to it one of forty
    expected = torch.tensor([abs(2 * row - 39) // 2 + 1 for row in range(40)]) / 40
    near = expected < 0.3
    assert bool(near.any()) and float((metric - expected)[near].abs().max()) <= 2 / 40
    assert float(metric.min()) == pytest.approx(1 / 40)


@pins("ldm-s", "law", "the second pick is drawn by the square of weight times cosine distance, chi-square")
def test_the_second_pick_of_ldm_s() -> None:
    from scipy.stats import chisquare

    from askance.selection.space import Features, normalized
    from askance.selection.spread import race

    points = normalized(H[:8])
    weights = least_disagreement_weights(torch.linspace(0.1, 0.9, 8, dtype=torch.float64), 3)
    places = torch.arange(8)
    counts = np.zeros(8)
    for seed in range(2000):
        paper = view(embeddings=points, seed=seed)
        clocks = paper.dice.exponential(places)
        counts[race(Features(points), 1, places[1:], places[:1], clocks, weights=weights, power=2.0).rows] += 1
    cosine = 1 - points @ points[0]
    expected = (weights * cosine)[1:].square()
    assert counts[0] == 0
    assert chisquare(counts[1:], 2000 * (expected / expected.sum()).numpy()).pvalue > 1e-3


def test_the_weights_of_near_and_far_items_carry_the_same_mass() -> None:
    metric = torch.rand(500, generator=DICE, dtype=torch.float64) * 0.2 + 0.01
    weights = least_disagreement_weights(metric, 20)
    near = metric.argsort()[:20]
    far = torch.ones(500, dtype=torch.bool).index_fill(0, near, False)
    assert weights[near].min() == 1 and weights[far].sum() <= 20 + 1e-9 and weights.max() == 1

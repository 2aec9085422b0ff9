"""Determinants, variances and herding: greedy rules against plain double precision, samples against the exact law."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from askance import Classes, Targets, select
from askance.errors import BadInput, UnknownName
from askance.given import view
from askance.seeds import Dice
from askance.selection import volume
from askance.selection.determinantal import draw, draw_from_kernel, symmetric_polynomial
from askance.selection.volume import Rows, drop_variance, frank_wolfe, greedy_determinant, greedy_variance, posterior
from askance.strategies.determinantal import KDpp, MultiCriteriaDpp, _given
from askance.strategies.information import Bait, FrankWolfe, MaxDet
from tests.pins import pins

DICE = np.random.default_rng(0)
POINTS = DICE.normal(size=(90, 6)) * np.array([3.0, 2.0, 1.0, 1.0, 0.5, 0.2])
KNOWN = DICE.normal(size=(5, 6))
NOISE = 0.5


def variances(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Variance of each point's value once some are observed with noise, by the kernel matrix."""
    prior = (points**2).sum(1)
    if not len(seen):
        return prior
    inner = points @ seen.T
    solved = np.linalg.solve(seen @ seen.T + NOISE**2 * np.eye(len(seen)), inner.T)
    return prior - (inner * solved.T).sum(1)


@pins(
    "max-det",
    "brute force",
    "every pick the largest variance, by the kernel matrix in double precision, before and beyond the rank",
    "argmax_x log det(K_{S + x} + sigma^2 I) = argmax_x k(x, x) - k_xS (K_S + sigma^2 I)^-1 k_Sx",
)
@pytest.mark.parametrize("known", [0, 5])
@pytest.mark.parametrize("scaled", [False, True])
def test_each_pick_has_the_largest_variance(known: int, scaled: bool) -> None:
    scale = DICE.random(90) + 0.5 if scaled else np.ones(90)
    rows = Rows(torch.from_numpy(POINTS), torch.from_numpy(scale) if scaled else None)
    seen = torch.from_numpy(KNOWN[:known])
    found, values, _ = greedy_determinant(rows, torch.arange(90), 40, known=seen, noise=NOISE)
    points, given = POINTS * scale[:, None], KNOWN[:known]
    for number, (row, value) in enumerate(zip(found.tolist(), values.tolist(), strict=True)):
        now = variances(points, given)
        now[found[:number].tolist()] = -np.inf
        assert now[row] >= now.max() * (1 - 1e-5)
        assert value == pytest.approx(now[row], rel=1e-5)
        given = np.concatenate([given, points[row : row + 1]])


@pins("max-det", "equivalence", "passes over the whole pool, which take over where laziness fails, pick the same")
def test_passes_pick_what_the_lazy_search_picks() -> None:
    rows = Rows(torch.from_numpy(POINTS))
    lazy, _, looks = greedy_determinant(rows, torch.arange(90), 30, known=torch.zeros(0, 6).double(), noise=NOISE)
    assert looks < 30 * 90
    first = [int(lazy[0])]
    more, _ = volume._by_passes(rows, torch.arange(90), 29, first, torch.zeros(0, 6).double(), NOISE)
    assert [*first, *more] == lazy.tolist()


@pins("max-det", "equivalence", "greedy log determinant: BatchBALD of a Gaussian process, the gains sum to the joint")
def test_gains_sum_to_the_joint_information() -> None:
    batch = MaxDet(noise=NOISE).query(view(embeddings=POINTS), 8)
    unit = np.sqrt((POINTS**2).sum(1).mean())
    points = POINTS[batch.ids] / unit
    joint = np.linalg.slogdet(np.eye(8) + points @ points.T / NOISE**2)[1] / 2
    assert sum(note["utility"] for note in batch.notes) == pytest.approx(joint, rel=1e-4)


@pins(
    "bait",
    "brute force",
    "every pick lowers the summed variance most, by refitting; the backward pass drops what matters least",
    "argmin_S sum_t var(t | S); classes: features sqrt(p (1 - p)) h",
)
@pytest.mark.parametrize("known", [0, 5])
def test_each_pick_lowers_the_variance_of_the_pool_most(known: int) -> None:
    rows = Rows(torch.from_numpy(POINTS), bias=True)
    full = np.column_stack([POINTS, np.ones(90)])
    seen = np.column_stack([KNOWN[:known], np.ones(known)])
    aims = rows.gram()
    assert np.allclose(aims.numpy(), full.T @ full)
    found, gains = greedy_variance(rows, torch.arange(90), 20, known=torch.from_numpy(seen), noise=NOISE, aims=aims)
    given = seen
    for number, (row, gain) in enumerate(zip(found.tolist(), gains.tolist(), strict=True)):
        before = variances(full, given).sum()
        after = np.array([variances(full, np.concatenate([given, full[x : x + 1]])).sum() for x in range(90)])
        after[found[:number].tolist()] = np.inf
        assert before - after[row] >= (before - after.min()) * (1 - 1e-5)
        assert gain == pytest.approx(before - after[row], rel=1e-4)
        given = np.concatenate([given, full[row : row + 1]])
    kept = drop_variance(rows, found, 10, known=torch.from_numpy(seen), noise=NOISE, aims=aims)
    left = found.tolist()
    while len(left) > 10:
        losses = {
            row: variances(full, np.concatenate([seen, full[[other for other in left if other != row]]])).sum()
            for row in left
        }
        left.remove(min(losses, key=lambda row: losses[row]))
    assert kept.tolist() == left


@pins("bait", "equivalence", "EV-GP: the mean posterior variance of a linear kernel, c(t, x)^2 / (c(x, x) + sigma^2)")
def test_bait_is_ev_gp() -> None:
    rows, aims = Rows(torch.from_numpy(POINTS)), torch.from_numpy(POINTS.T @ POINTS)
    found, gains = greedy_variance(rows, torch.arange(90), 1, known=torch.from_numpy(KNOWN), noise=NOISE, aims=aims)
    covariance = POINTS @ posterior(rows, torch.from_numpy(KNOWN), NOISE).numpy() @ POINTS.T
    expected = (covariance**2).sum(0) / (np.diag(covariance) + NOISE**2)
    assert int(found[0]) == int(expected.argmax())
    assert float(gains[0]) == pytest.approx(expected.max())


@pins(
    "bait",
    "law",
    "of the exact Fisher objective with three classes, the approximation reaches at least 90 % of greedy's fall",
)
def test_the_binary_fisher_information_is_close_to_the_exact_one() -> None:
    features = DICE.normal(size=(40, 3))
    shares = DICE.dirichlet(np.ones(3), 40)
    fisher = [
        np.kron(np.diag(p) - np.outer(p, p), np.outer(h, h))
        for p, h in zip(shares, np.column_stack([features, np.ones(40)]), strict=True)
    ]
    total = sum(fisher)

    def objective(picks: list[int]) -> float:
        return float(np.trace(np.linalg.solve(np.eye(12) * 0.1 + sum(fisher[row] for row in picks), total)))

    exact: list[int] = []
    for _ in range(8):
        left = [row for row in range(40) if row not in exact]
        exact.append(min(left, key=lambda row: objective([*exact, row])))
    ours = select("bait", 8, embeddings=features, probabilities=shares).tolist()
    start = float(np.trace(total) / 0.1)
    assert start - objective(ours) >= 0.9 * (start - objective(exact))
    chance = np.mean([objective(DICE.choice(40, 8, replace=False).tolist()) for _ in range(50)])
    assert objective(ours) < chance


def test_bait_of_numbers_needs_no_belief() -> None:
    paper = view(embeddings=POINTS, logits=np.zeros((90, 2)), task=Targets(n=2))
    assert len(Bait().query(paper, 12)) == 12
    assert Bait().serves(Classes((0, 1))) and Bait().serves(Targets())


@pins(
    "frank-wolfe",
    "brute force",
    "20 steps of the algorithm written out",
    "argmax_x <x / |x|, sum of pool - current>; exact line search towards (sum of lengths) x / |x|",
)
def test_frank_wolfe() -> None:
    found, _ = frank_wolfe(Rows(torch.from_numpy(POINTS)), torch.arange(90), 20)
    lengths = np.linalg.norm(POINTS, axis=1)
    target, here, picks = POINTS.sum(0), np.zeros(6), []
    for _ in range(20):
        scores = POINTS / lengths[:, None] @ (target - here)
        scores[picks] = -np.inf
        picks.append(int(scores.argmax()))
        step = lengths.sum() * POINTS[picks[-1]] / lengths[picks[-1]] - here
        here = here + np.clip((target - here) @ step / (step @ step), 0, 1) * step
    assert found.tolist() == picks
    assert FrankWolfe().query(view(embeddings=POINTS), 20).ids == picks


SMALL = DICE.normal(size=(8, 3))


def determinants(kernel: np.ndarray, n: int) -> dict[tuple[int, ...], float]:
    """The exact law of a k-DPP: the determinant of every set."""
    masses = {batch: np.linalg.det(kernel[np.ix_(batch, batch)]) for batch in combinations(range(len(kernel)), n)}
    total = sum(masses.values())
    return {batch: mass / total for batch, mass in masses.items()}


@pins(
    "k-dpp",
    "law",
    "6,000 samples of 3 out of 8 against all 56 determinants, chi-square, in the dual and the kernel form",
    "P(S) = det(L_S) / e_n(eigenvalues of L), L = x P x'",
)
@pytest.mark.parametrize("form", ["dual", "kernel"])
def test_samples_follow_the_determinants(form: str) -> None:
    kernel = SMALL @ SMALL.T
    exact, rows = determinants(kernel, 3), Rows(torch.from_numpy(SMALL))
    counts = dict.fromkeys(exact, 0)
    eye, keys = torch.eye(3).double(), torch.arange(8)
    for seed in range(3000):
        dice = Dice(seed, "ask")
        if form == "dual":
            found, _ = draw(rows, keys, 3, keys=keys, dice=dice, covariance=eye)
        else:
            found = draw_from_kernel(torch.from_numpy(kernel), 3, keys=keys, dice=dice)
        counts[tuple(sorted(found.tolist()))] += 1
    expected = np.array([3000 * exact[batch] for batch in exact])
    seen = np.array([counts[batch] for batch in exact])
    often = expected >= 5
    one, other = np.append(seen[often], seen[~often].sum()), np.append(expected[often], expected[~often].sum())
    assert chisquare(one, other * one.sum() / other.sum()).pvalue > 1e-3


@pins("k-dpp", "law", "one item is drawn in proportion to its squared length; twins are never drawn together")
def test_one_item_and_twins() -> None:
    rows, keys = Rows(torch.from_numpy(SMALL)), torch.arange(8)
    eye = torch.eye(3).double()
    firsts = [int(draw(rows, keys, 1, keys=keys, dice=Dice(s, "ask"), covariance=eye)[0]) for s in range(3000)]
    lengths = (SMALL**2).sum(1)
    assert chisquare(np.bincount(firsts, minlength=8), 3000 * lengths / lengths.sum()).pvalue > 1e-3
    twins = np.repeat(DICE.normal(size=(4, 4)), 2, axis=0)
    for seed in range(200):
        batch = KDpp(conditioned=False).query(view(embeddings=twins, seed=seed), 4).ids
        assert len({row // 2 for row in batch}) == 4


@pins("k-dpp", "brute force", "elementary symmetric polynomials are the sums of all determinants")
def test_symmetric_polynomials_are_the_mass_of_all_sets() -> None:
    kernel = SMALL @ SMALL.T
    total = sum(np.linalg.det(kernel[np.ix_(b, b)]) for b in combinations(range(8), 2))
    assert symmetric_polynomial(torch.from_numpy(np.linalg.eigvalsh(kernel)), 2) == pytest.approx(total)


@pins("k-dpp", "equivalence", "conditioned on known items, the law is that of sets that contain them, up to the noise")
def test_conditioning_is_containing() -> None:
    points = torch.from_numpy(SMALL)
    covariance = posterior(Rows(points), points[:1], 1e-4)
    left = SMALL[1:] @ covariance.numpy() @ SMALL[1:].T
    kernel = SMALL @ SMALL.T
    full = {b: np.linalg.det(kernel[np.ix_((0, *b), (0, *b))]) for b in combinations(range(1, 8), 2)}
    ours = {b: np.linalg.det(left[np.ix_([i - 1 for i in b], [i - 1 for i in b])]) for b in full}
    for batch in full:
        assert ours[batch] / sum(ours.values()) == pytest.approx(full[batch] / sum(full.values()), abs=1e-4)


@pins(
    "k-dpp",
    "defect",
    "with fewer dimensions than picks a k-DPP has no mass; the rest is drawn uniformly, never refused",
)
def test_a_low_rank_is_filled() -> None:
    line = DICE.normal(size=(30, 1))
    batch = KDpp().query(view(embeddings=line), 10).ids
    assert len(set(batch)) == 10
    assert len(set(KDpp(how="largest").query(view(embeddings=line), 10).ids)) == 10


@pins(
    "multi-criteria-dpp",
    "definition",
    "the hardest item is in every batch, and the kernel is conditioned as Schur complements say",
    "L = g S g, g = exp(doubt + typicality), S conditioned on labeled items and the hardest one",
)
def test_the_hardest_item_comes_first_and_conditioning_is_a_schur_complement() -> None:
    shares = DICE.dirichlet(np.full(3, 5.0), 60)
    shares[17] = 1 / 3
    paper = view(embeddings=DICE.normal(size=(60, 4)), mc_probabilities=np.stack([shares] * 3))
    assert all(MultiCriteriaDpp().query(paper, n).ids[0] == 17 for n in (1, 4))
    root = DICE.normal(size=(6, 6))
    kernel = torch.from_numpy(root @ root.T)
    left = _given(kernel[2:, 2:], kernel[2:, :2], kernel[:2, :2])
    whole = np.linalg.det(kernel.numpy()) / np.linalg.det(kernel[:2, :2].numpy())
    assert np.linalg.det(left.numpy()) == pytest.approx(whole, rel=1e-3)


@pins("multi-criteria-dpp", "law", "a batch is farther apart than the most doubtful items are")
def test_a_batch_is_diverse() -> None:
    centers = DICE.normal(size=(6, 3)) * 5
    points = np.repeat(centers, 10, axis=0) + 0.01 * DICE.normal(size=(60, 3))
    shares = DICE.dirichlet(np.ones(3), 60)
    shares[:10] = 1 / 3  # the most doubtful ones are ten of a kind
    paper = view(embeddings=points, mc_probabilities=np.stack([shares] * 2))
    clusters = {row // 10 for row in MultiCriteriaDpp().query(paper, 6).ids}
    assert len(clusters) >= 5
    top = select("entropy", 6, probabilities=shares)
    assert {int(row) // 10 for row in top} == {0}


def test_what_cannot_be_is_refused() -> None:
    for wrong in (lambda: MaxDet(noise=0.0), lambda: Bait(noise=-1.0), lambda: KDpp(noise=0.0)):
        with pytest.raises(BadInput):
            wrong()
    with pytest.raises(UnknownName):
        KDpp(how="largst")
    with pytest.raises(BadInput):
        MultiCriteriaDpp(ground=0)

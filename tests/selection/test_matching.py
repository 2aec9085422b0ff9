"""Doubtful batches that are distributed as the pool: the program, its parts, and what they tend to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from askance import select
from askance.selection.matching import Matching, capped_program, doubtful_and_alike, kernel, project
from askance.strategies.matching import Bmdr, Spal
from tests.pins import pins

DICE = np.random.default_rng(3)


def test_the_nearest_capped_shares_are_those_of_a_solver() -> None:
    for _ in range(5):
        point, n = torch.from_numpy(DICE.normal(0, 1, 7)), int(DICE.integers(1, 7))
        found = minimize(
            lambda a, point=point: ((a - point.numpy()) ** 2).sum(),
            np.full(7, n / 7),
            bounds=[(0, 1)] * 7,
            constraints={"type": "eq", "fun": lambda a, n=n: a.sum() - n},
        )
        ours = project(point, n)
        assert ours.sum() == pytest.approx(n) and bool(((ours >= 0) & (ours <= 1)).all())
        assert float((ours - point).square().sum()) <= found.fun + 1e-6


@pins("bmdr,spal", "brute force", "the quadratic program against a general solver")
def test_the_program_is_solved() -> None:
    for _ in range(5):
        root, linear = DICE.normal(0, 1, (8, 8)), DICE.normal(0, 2, 8)
        matrix = root @ root.T
        found = minimize(
            lambda a, matrix=matrix, linear=linear: a @ matrix @ a / 2 + linear @ a,
            np.full(8, 3 / 8),
            bounds=[(0, 1)] * 8,
            constraints={"type": "eq", "fun": lambda a: a.sum() - 3},
            options={"ftol": 1e-14, "maxiter": 1000},
        )
        ours = capped_program(torch.from_numpy(matrix), torch.from_numpy(linear), 3).numpy()
        value = ours @ matrix @ ours / 2 + linear @ ours
        assert value <= found.fun + 1e-6 * abs(found.fun)


def objective(shown: Matching, shares: np.ndarray, weights: np.ndarray, beta: float, ridge: float, n: int) -> float:
    """The objective for kernel weights (labeled + candidates,) of one class, straight from the paper."""
    points = torch.cat([shown.labeled, shown.candidates])
    gram = kernel(points, points, 1.0).numpy()
    f, labels = gram @ weights, len(shown.labeled)
    fit = ((shown.targets[:, 0].numpy() - f[:labels]) ** 2).sum() + ridge * weights @ gram @ weights
    doubt = (shares * (f[labels:] ** 2 + 2 * np.abs(f[labels:]))).sum()
    scaled = np.concatenate([np.ones(labels), shares]) / (labels + n)
    every = kernel(points, shown.reference, 1.0).numpy()
    apart = scaled @ gram @ scaled - 2 * scaled @ every.mean(1)
    apart += kernel(shown.reference, shown.reference, 1.0).numpy().mean()
    return float(fit + doubt + beta * (labels + n) ** 2 * apart / 2)


@pins(
    "bmdr,spal",
    "brute force",
    "the objective of the paper, written out, is lower than for most other shares",
    "min over f, a of sum_L (y - f)^2 + ridge |f|^2 + sum_U a (f^2 + 2 |f|) + beta D(a)",
)
def test_the_objective_of_the_paper_is_lower_than_that_of_other_batches() -> None:
    x, known = torch.from_numpy(DICE.normal(0, 1, (5, 2))), torch.from_numpy(DICE.normal(0, 1, (3, 2)))
    targets = torch.tensor([[1.0], [-1.0], [1.0]], dtype=torch.float64)
    shown = Matching(x, known, targets, torch.cat([x, known]))
    shares = doubtful_and_alike(shown, 2, beta=1.0, ridge=0.1, width=1.0).numpy()

    def best(shares: np.ndarray) -> float:
        return float(minimize(lambda w: objective(shown, shares, w, 1.0, 0.1, 2), np.zeros(8)).fun)

    others = [best(project(torch.from_numpy(DICE.normal(0.4, 0.5, 5)), 2).numpy()) for _ in range(9)]
    assert best(shares) < np.median(others)


def test_without_a_wish_to_be_alike_the_doubtful_are_picked_and_with_nothing_else_the_most_alike() -> None:
    line = np.concatenate([np.linspace(-3, 3, 31), np.full(30, 2.0) + np.linspace(0, 0.1, 30)])[:, None]
    given = {"embeddings": line, "labeled_embeddings": [[-3.0], [3.0]], "labels": [0, 1]}
    assert abs(line[select(Bmdr(beta=1e-9), 1, **given)[0], 0]) < 0.5
    x, known = torch.from_numpy(line), torch.tensor([[-3.0], [3.0]], dtype=torch.float64)
    shown = Matching(x, known, torch.tensor([[-1.0], [1.0]]), x)
    shares = doubtful_and_alike(shown, 1, beta=1e6, ridge=0.1, width=1.0).numpy()
    nothing = np.zeros(len(x) + 2)
    found = objective(shown, shares, nothing, 1.0, 0.1, 1)
    single = [objective(shown, one, nothing, 1.0, 0.1, 1) for one in np.eye(len(x))]
    assert found <= min(single) + 1e-2  # shares may do better than any one item, never worse


@pins("spal", "equivalence", "with endless patience it is BMDR")
def test_with_endless_patience_spal_is_bmdr() -> None:
    rows = DICE.normal(0, 1, (40, 3))
    given = {"embeddings": rows, "labeled_embeddings": rows[:6] + 0.1, "labels": [0, 1, 2, 0, 1, 2]}
    one, other = select(Bmdr(beta=1.0), 5, **given), select(Spal(beta=1.0, start=1e12), 5, **given)
    assert one.tolist() == other.tolist()
    x, targets = torch.from_numpy(rows), 2 * torch.eye(3)[[0, 1, 2, 0, 1, 2]].double() - 1
    shown = Matching(x, x[:6] + 0.1, targets, x)
    patient, hasty = (doubtful_and_alike(shown, 5, beta=1.0, ridge=0.1, width=1.0, pace=pace) for pace in (None, 0.1))
    assert float(hasty.sum()) < float(patient.sum()) - 0.1  # what is too doubtful waits


@pins("bmdr,spal", "equivalence", "with two classes, one against the rest is the one function of the paper")
@pytest.mark.parametrize("pace", [None, 0.7])
def test_two_classes_are_the_one_function_of_the_paper(pace: float | None) -> None:
    x = torch.from_numpy(DICE.normal(0, 1, (30, 2)))
    side = torch.tensor([[1.0], [-1.0], [-1.0], [1.0]], dtype=torch.float64)
    given = {"beta": 1.0, "ridge": 0.1, "width": 1.0, "pace": pace}
    one = doubtful_and_alike(Matching(x, x[:4] + 0.1, side, x), 5, **given)
    both = doubtful_and_alike(Matching(x, x[:4] + 0.1, torch.cat([side, -side], 1), x), 5, **given)
    assert float(one.sum()) > 1
    assert torch.allclose(one, both, atol=1e-6)


def test_that_there_are_many_classes_makes_no_item_too_doubtful_by_itself() -> None:
    x = torch.from_numpy(DICE.normal(0, 1, (60, 4)))
    targets = 2 * torch.eye(10)[torch.arange(20) % 10].double() - 1
    shares = doubtful_and_alike(Matching(x[20:], x[:20], targets, x), 10, beta=0.1, ridge=0.1, width=2.0, pace=1.0)
    assert float(shares.sum()) > 5  # a sum over ten classes made all of them wait

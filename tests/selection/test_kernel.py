"""Kernels of infinitely wide networks against wide ones, and Gaussian processes against plain solves."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn, tensor

from askance.errors import BadInput
from askance.kernels.roots import factored
from askance.seeds import Dice
from askance.selection.base import Ground
from askance.selection.kernel import ArcCosine, InnerProducts, Kernel, Straight, Wide
from askance.selection.posterior import Points, Posterior
from askance.selection.process import Process
from askance.selection.space import Features
from askance.selection.spread import FarthestFirst, LargestCluster

ROWS = torch.arange(12)
POINTS = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))


class Network(nn.Module):
    """A ReLU network in the tangent parametrization: standard normal weights, scaled where they are used."""

    def __init__(self, sizes: tuple[int, ...], weight: float, bias: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.scales = [(math.sqrt(weight / a), math.sqrt(bias)) for a in sizes[:-1]]
        for layer in self.layers:
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)

    def forward(self, points: Tensor) -> Tensor:
        for number, (layer, (weight, bias)) in enumerate(zip(self.layers, self.scales, strict=True)):
            points = (points.relu() if number else points) @ layer.weight.T * weight + bias * layer.bias
        return points


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_tangent_kernel_is_that_of_wide_networks(depth: int) -> None:
    settings = Wide(depth=depth, weight=1.7, bias=0.3)
    kernel = ArcCosine(POINTS, settings=settings).between(ROWS, ROWS)
    found = torch.zeros(12, 12)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(8):
            network = Network((5, *[700] * (depth - 1), 1), 1.7, 0.3)
            rows = []
            for point in POINTS:
                slopes = torch.autograd.grad(network(point[None])[0, 0], list(network.parameters()))
                rows.append(torch.cat([slope.flatten() for slope in slopes]))
            slopes_ = torch.stack(rows)
            found += slopes_ @ slopes_.T / 8
    assert float((found - kernel).abs().max() / kernel.diagonal().mean()) < 0.05


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_covariance_of_scores_is_that_of_wide_networks(depth: int) -> None:
    settings = Wide(depth=depth, kind="nngp", weight=1.7, bias=0.3)
    kernel = ArcCosine(POINTS, settings=settings).between(ROWS, ROWS)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        scores = torch.cat([Network((5, *[400] * (depth - 1), 400), 1.7, 0.3)(POINTS) for _ in range(60)], 1)
    found = scores @ scores.T / scores.shape[1]
    assert float((found - kernel).abs().max() / kernel.diagonal().mean()) < 0.08


def test_by_hand_two_layers_without_bias() -> None:
    plane = tensor([[1.0, 0.0], [0.0, 1.0]])
    wide = ArcCosine(plane, settings=Wide(depth=2, weight=2.0, bias=0.0))
    # S_0 = 1 on the diagonal and 0 beside it; at a right angle S = 2 / (2 pi) and T = S + 2 * 0 * (pi / 2) / (2 pi)
    expected = tensor([[2.0, 1 / math.pi], [1 / math.pi, 2.0]], dtype=torch.float64)
    torch.testing.assert_close(wide.between(ROWS[:2], ROWS[:2]), expected)
    assert wide.norms().tolist() == pytest.approx([2.0, 2.0])


@pytest.mark.parametrize("settings", [Wide(), Wide(kind="nngp", depth=5), Wide(bias=0.0), Straight(1.0)], ids=str)
def test_a_kernel_is_positive_and_its_distances_are_those_of_a_space(settings: Wide | Straight) -> None:
    doubled = torch.cat([POINTS, POINTS[:3], torch.zeros(2, 5)])
    kernel = settings.over(doubled)
    rows = torch.arange(len(doubled))
    gram = kernel.between(rows, rows)
    torch.testing.assert_close(gram.diagonal(), kernel.norms())
    assert float(torch.linalg.eigvalsh(gram).min()) > -1e-9 * float(gram.diagonal().mean())
    for row in range(len(doubled)):
        distances = kernel.distances(row)
        expected = (gram.diagonal() + gram[row, row] - 2 * gram[row]).clamp(min=0)
        torch.testing.assert_close(distances, expected, rtol=1e-6, atol=1e-8)
        assert float(distances[row]) == 0.0
    assert kernel.distances(0)[12] == 0.0 and kernel.distances(15)[16] == 0.0  # duplicates, and zeros


def test_what_lies_in_no_row_of_the_pool_counts_on_behind_it() -> None:
    whole, parted = Wide().over(POINTS), Wide().over(POINTS[:9], POINTS[9:])
    assert parted.beyond_rows().tolist() == [9, 10, 11]
    torch.testing.assert_close(parted.between(ROWS, ROWS), whole.between(ROWS, ROWS))
    near, nearest = whole.nearest(ROWS[9:])[:9], parted.filled(torch.inf)
    assert parted.approach_known(ROWS[:0], nearest)
    torch.testing.assert_close(nearest, near)
    assert len(parted.take(ROWS[:4])) == 4


def test_rules_that_spread_a_batch_work_on_kernels() -> None:
    flat, kernel = Features(POINTS), InnerProducts(POINTS, bias=2.0)
    for select in (FarthestFirst(), LargestCluster()):
        found = [
            select.pick(5, candidates=ROWS[1:], known=ROWS[:1], keys=ROWS, dice=Dice(0, "ask"), space=space).rows
            for space in (flat, kernel)
        ]
        assert found[0].tolist() == found[1].tolist()


def ground(space: Features, known: Tensor) -> Ground:
    candidates = ROWS[~torch.isin(ROWS, known)]
    return Ground(candidates, known, ROWS, Dice(0, "ask"), None, space)


def test_on_features_a_process_is_the_posterior_of_a_linear_model() -> None:
    known = ROWS[:4]
    points = Points(ground(Features(POINTS), known), "test")
    process = Process(InnerProducts(POINTS), known, 0.2, ROWS[4:])
    noise = 0.2**2 * points.mean_length()
    assert process.variance == pytest.approx(noise, rel=1e-6)
    torch.testing.assert_close(
        process.variances(ROWS[4:]), Posterior(points, noise).variances(points), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("settings", [Wide(), Straight(0.5)], ids=str)
def test_a_process_is_what_the_formulas_say(settings: Wide | Straight) -> None:
    kernel: Kernel = settings.over(POINTS)
    known, rest = ROWS[:5], ROWS[5:]
    process = Process(kernel, known, 0.1, ROWS)
    targets = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gram = kernel.between(ROWS, ROWS)
    inverse = torch.linalg.inv(gram[:5, :5] + 0.01 * gram.diagonal()[:5].mean() * torch.eye(5))
    torch.testing.assert_close(process.mean(rest, targets), gram[5:, :5] @ inverse @ targets)
    torch.testing.assert_close(process.smoother(rest), gram[5:, :5] @ inverse)
    expected = gram[5:, 5:] - gram[5:, :5] @ inverse @ gram[:5, 5:]
    torch.testing.assert_close(process.covariance(rest, rest), expected)
    torch.testing.assert_close(process.variances(rest), expected.diagonal())


def test_nothing_known_is_the_prior() -> None:
    kernel = Wide().over(POINTS)
    process = Process(kernel, ROWS[:0], 0.1, ROWS)
    torch.testing.assert_close(process.variances(ROWS), kernel.norms())
    assert process.variance == pytest.approx(0.01 * float(kernel.norms().mean()))
    assert process.mean(ROWS, torch.zeros(0, 2)).tolist() == [[0.0, 0.0]] * 12


def test_singular_grams_take_a_jitter_relative_to_their_diagonal_and_say_so() -> None:
    for size in (1e-6, 1.0, 1e6):
        doubled = InnerProducts(size * torch.cat([POINTS[:3], POINTS[:3]]))
        process = Process(doubled, torch.arange(6), 0.0, torch.arange(6))
        assert 0 < process.jitter <= 1e-9
        assert process.variance == pytest.approx(process.jitter * float(doubled.norms().mean()))
        variances = process.variances(torch.arange(6)) / doubled.norms()
        assert float(variances.max()) < 1e-6
    assert Process(InnerProducts(POINTS[:3]), torch.arange(3), 0.0, torch.arange(3)).jitter == 0.0
    assert Process(InnerProducts(torch.cat([POINTS, POINTS])), torch.arange(24), 0.01, torch.arange(24)).jitter == 0.0


def test_items_of_length_zero_say_nothing() -> None:
    process = Process(InnerProducts(torch.zeros(3, 2)), torch.arange(3), 0.0, torch.arange(3))
    assert process.mean(torch.arange(3), torch.ones(3, 1)).tolist() == [[0.0]] * 3


def test_what_is_no_gram_matrix_is_refused() -> None:
    with pytest.raises(BadInput, match="negative direction"):
        factored(tensor([[1.0, 2.0], [2.0, 1.0]], dtype=torch.float64))
    with pytest.raises(BadInput, match="infinite or NaN"):
        factored(tensor([[math.nan]], dtype=torch.float64))
    with pytest.raises(BadInput, match="no standard deviation"):
        Process(InnerProducts(POINTS), ROWS, -1.0, ROWS)
    for wrong in ({"depth": 0}, {"weight": 0.0}, {"bias": -1.0}, {"bias": math.inf}):
        with pytest.raises(BadInput, match="no network"):
            Wide(**wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="nngp"):
        Wide(kind="gp")
    with pytest.raises(BadInput, match="no kernel"):
        Straight(-1.0)

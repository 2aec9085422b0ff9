"""Augmentations do what paper says to tiny pictures, each to an item by its own numbers alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy.stats import beta
from torch import Tensor

from askance.describe import build, describe
from askance.errors import BadInput
from askance.learners.augment import Augmentation, Compose, Crop, Flip, Mixup, Rotate, Shift

NINE = torch.arange(1.0, 10.0).reshape(1, 3, 3)  # 1 2 3 / 4 5 6 / 7 8 9
HALF = 0.5
ALL = [Crop(), Shift(), Flip(), Rotate(), Compose((Rotate(30.0), Crop(1), Flip()))]


def dice(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noise(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        ((0.0, 0.0), [[0, 0, 0], [0, 1, 2], [0, 4, 5]]),  # the first row and column of the padding are cut out
        ((0.5, 0.5), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        ((0.34, 0.99), [[2, 3, 0], [5, 6, 0], [8, 9, 0]]),
        ((1 - 2**-53, 0.33), [[0, 4, 5], [0, 7, 8], [0, 0, 0]]),
    ],
)
def test_a_crop_cuts_a_picture_out_of_its_padding(draws: tuple[float, float], expected: list[list[int]]) -> None:
    assert Crop(1)(NINE, noise(draws)).tolist() == [expected]


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        ((0.0, 0.0), [[9, 0, 0], [0, 0, 0], [0, 0, 0]]),  # two up, two left
        ((0.5, 0.5), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        ((0.61, 0.5), [[0, 0, 0], [1, 2, 3], [4, 5, 6]]),  # one down
        ((0.5, 1 - 2**-53), [[0, 0, 1], [0, 0, 4], [0, 0, 7]]),  # two right
    ],
)
def test_a_shift_moves_by_whole_pixels(draws: tuple[float, float], expected: list[list[int]]) -> None:
    assert Shift(2)(NINE, noise(draws)).tolist() == [expected]


def test_every_shift_is_as_likely_as_every_other() -> None:
    steps = (torch.arange(25) + 0.5).double() / 25
    draws = torch.cartesian_prod(steps, steps)
    dot = torch.zeros(625, 5, 5)
    dot[:, 2, 2] = 1.0
    assert torch.equal(Shift(2)(dot, draws).sum(0), torch.full((5, 5), 25.0))
    assert torch.equal(Crop(2)(dot, draws).sum(0), torch.full((5, 5), 25.0))


def test_a_picture_that_is_no_square_is_not_bent() -> None:
    wide = torch.arange(1.0, 7.0).reshape(1, 2, 3)  # 1 2 3 / 4 5 6
    assert Shift(1)(wide, noise((0.0, 0.99))).tolist() == [[[0, 4, 5], [0, 0, 0]]]
    turned = Rotate(180.0)(wide, noise((0.0,)))
    assert torch.allclose(turned, wide.flip(1, 2), atol=1e-5)


def test_a_flip_changes_left_and_right_below_one_half() -> None:
    found = Flip()(NINE.repeat(2, 1, 1), noise((0.49,), (0.5,)))
    assert found.tolist() == [[[3, 2, 1], [6, 5, 4], [9, 8, 7]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]]


def test_a_turn_by_a_right_angle_moves_pixels_onto_pixels() -> None:
    clockwise, back = Rotate(90.0)(NINE.repeat(2, 1, 1), noise((0.0,), (1.0,)))
    assert torch.allclose(clockwise, torch.tensor([[7.0, 4, 1], [8, 5, 2], [9, 6, 3]]), atol=1e-5)
    assert torch.allclose(back, torch.rot90(NINE[0]), atol=1e-5)


def test_a_turn_by_an_eighth_mixes_the_four_pixels_around_a_place() -> None:
    dots = torch.zeros(1, 3, 3)
    dots[0, 1, 2] = 1.0  # right of the middle
    found = Rotate(45.0)(dots, noise((0.0,)))[0]
    far = 1 / math.sqrt(2)  # the lower right pixel (1, 1) comes from (sqrt 2, 0), the middle right one from (far, -far)
    expected = torch.zeros(3, 3)
    expected[2, 2] = 2 - math.sqrt(2)
    expected[1, 2] = expected[2, 1] = far * (1 - far)
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("side", [8, 28])
def test_a_turn_by_nothing_changes_nothing(side: int) -> None:
    items = dice(5, side, side)
    assert torch.allclose(Rotate(0.0)(items, dice(5, 1)), items, atol=1e-12)
    assert torch.allclose(Rotate(90.0)(items, torch.full((5, 1), HALF, dtype=torch.float64)), items, atol=1e-12)
    assert torch.allclose(Rotate(0.0)(items.float(), dice(5, 1)), items.float(), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("augmentation", ALL, ids=str)
def test_what_happens_to_an_item_hangs_on_its_own_numbers_alone(augmentation: Augmentation, dtype: Any) -> None:
    items, draws = dice(37, 2, 9, 7).to(dtype), dice(37, augmentation.draws, seed=1)
    before = items.clone()
    found = augmentation(items, draws)
    assert torch.equal(items, before)
    assert not torch.equal(found, items)
    assert torch.equal(found, augmentation(items, draws))
    alone = torch.cat([augmentation(items[row : row + 1], draws[row : row + 1]) for row in range(37)])
    assert torch.equal(found, alone)
    order = torch.arange(37).flip(0)
    assert torch.equal(augmentation(items[order], draws[order]), found[order])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("augmentation", ALL, ids=str)
def test_items_come_back_in_the_shape_and_type_they_came_in(augmentation: Augmentation, dtype: Any) -> None:
    items, draws = dice(6, 3, 8, 8).to(dtype), dice(6, augmentation.draws, seed=1)
    found = augmentation(items, draws)
    assert found.shape == items.shape and found.dtype == dtype
    flat = augmentation(items.flatten(1), draws)  # three channels, one after the other
    assert torch.equal(flat, found.flatten(1))
    first = augmentation(items[:, 0], draws)
    assert torch.equal(first, found[:, 0])
    assert torch.equal(augmentation(items[:, 0].flatten(1), draws), found[:, 0].flatten(1))
    assert augmentation(items[:0], draws[:0]).shape == (0, 3, 8, 8)


def test_composed_augmentations_take_their_noise_in_turn() -> None:
    both, items = Compose((Flip(), Compose((Shift(1), Flip())))), dice(8, 5, 5)
    assert both.draws == 4 and Compose(()).draws == 0
    draws = dice(8, 4, seed=1)
    expected = Flip()(Shift(1)(Flip()(items, draws[:, :1]), draws[:, 1:3]), draws[:, 3:])
    assert torch.equal(both(items, draws), expected)
    assert torch.equal(Compose(())(items, draws[:, :0]), items)


def test_each_item_is_mixed_with_the_one_whose_number_comes_next() -> None:
    items = torch.tensor([[1.0, 0.0], [10.0, 1.0], [100.0, 2.0]])
    targets = torch.eye(3, dtype=torch.float64)
    draws = noise((0.25, 0.9), (0.5, 0.1), (1.0, 0.5))  # partners: 1 of 0, 2 of 1, 0 of 2; a uniform share is the draw
    mixed, soft, weights = Mixup(1.0)(items, targets, torch.ones(3), draws)
    assert bool((weights == 1).all())
    assert torch.allclose(mixed, torch.tensor([[7.75, 0.75], [55.0, 1.5], [100.0, 2.0]]))
    assert torch.allclose(soft, torch.tensor([[0.25, 0.75, 0], [0, 0.5, 0.5], [0, 0, 1]], dtype=torch.float64))


def test_the_share_that_an_item_keeps_is_the_quantile_of_a_beta_distribution() -> None:
    draws = dice(50, 2)
    _, soft, _ = Mixup(0.2)(torch.zeros(50, 1), torch.eye(50, dtype=torch.float64), torch.ones(50).double(), draws)
    assert torch.allclose(soft.diagonal(), torch.as_tensor(beta.ppf(draws[:, 0].numpy(), 0.2, 0.2)))
    assert float((soft.max(1).values > 0.9).double().mean()) > 0.5  # at 0.2 most are hardly mixed


def test_mixed_targets_sum_to_what_they_summed_to() -> None:
    items, targets = dice(40, 1, 4, 4), torch.full((40, 3), 2.0) * dice(40, 3, seed=1).softmax(1).float()
    mixed, soft, _ = Mixup()(items, targets, torch.ones(40), dice(40, 2, seed=2))
    assert mixed.shape == items.shape and mixed.dtype == torch.float64 and soft.dtype == torch.float32
    assert torch.allclose(soft.sum(1), torch.full((40,), 2.0))
    assert not torch.allclose(soft, targets)


def test_the_order_of_a_batch_does_not_change_who_is_mixed_with_whom() -> None:
    given = dice(20, 5), dice(20, 3, seed=1), dice(20, seed=4), dice(20, 2, seed=2)
    order = dice(20, seed=3).argsort()
    one, other = Mixup()(*given), Mixup()(*(rows[order] for rows in given))
    assert all(torch.allclose(mine[order], its) for mine, its in zip(one, other, strict=True))
    alone = Mixup()(*(rows[:1] for rows in given))
    assert all(torch.allclose(mine, its[:1]) for mine, its in zip(alone, given[:3], strict=True))


def test_each_side_of_a_mixture_counts_by_its_own_weight() -> None:
    items, targets, draws = dice(20, 5), dice(20, 3, seed=1).softmax(1), dice(20, 2, seed=2)
    weights = dice(20, seed=4)
    weights[:5] = 0
    mixed, soft, mass = Mixup(1.0)(items, targets, weights, draws)
    scores = dice(20, 3, seed=5)
    found = mass * -(soft * scores.log_softmax(1)).sum(1)
    even = Mixup(1.0)(items, weights[:, None] * targets, torch.ones(20).double(), draws)[1]
    assert torch.allclose(found, -(even * scores.log_softmax(1)).sum(1))
    other = torch.where(weights[:, None] > 0, targets, targets.flip(1))
    again = Mixup(1.0)(items, other, weights, draws)
    assert torch.equal(mass, again[2]) and torch.equal(soft[mass > 0], again[1][mass > 0])
    none = Mixup(1.0)(items, targets, torch.zeros(20).double(), draws)
    assert not none[2].any() and torch.allclose(none[1], Mixup(1.0)(items, targets, torch.ones(20).double(), draws)[1])
    assert torch.equal(none[0], mixed)


@pytest.mark.parametrize("augmentation", [*ALL, Mixup()], ids=str)
def test_an_augmentation_comes_back_from_its_description_and_can_be_a_key(augmentation: Any) -> None:
    assert build(describe(augmentation)) == augmentation
    assert len({augmentation, build(describe(augmentation))}) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("augmentation", ALL, ids=str)
def test_a_gpu_does_the_same_to_pictures(augmentation: Augmentation) -> None:
    items, draws = dice(6, 3, 8, 8), dice(6, augmentation.draws, seed=1)
    found = augmentation(items.cuda(), draws)
    assert found.is_cuda and torch.allclose(found.cpu(), augmentation(items, draws))
    soft = Mixup()(items.cuda(), items[:, 0, 0].cuda(), torch.ones(6).cuda(), dice(6, 2))[1]
    assert soft.is_cuda and torch.allclose(soft.cpu(), Mixup()(items, items[:, 0, 0], torch.ones(6), dice(6, 2))[1])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Crop(-1), r"Crop\(padding=-1\) is no whole number of pixels. Use 0 or more"),
        (lambda: Shift(1.5), r"Shift\(pixels=1.5\) is no whole number of pixels"),  # type: ignore[arg-type]
        (lambda: Rotate(math.nan), r"Rotate\(degrees=nan\) is no angle. Use 0 or more"),
        (lambda: Compose([Flip()]), r"Compose\(parts=\[Flip\(\)\]\) is no tuple of augmentations of pictures"),  # type: ignore[arg-type]
        (lambda: Compose((Flip(), Mixup())), "is no tuple of augmentations"),  # type: ignore[arg-type]
        (lambda: Mixup(0.0), r"Mixup\(alpha=0.0\) is no shape of a Beta distribution"),
        (lambda: Flip()(dice(2, 5), dice(2, 1)), r"item of shape \(5,\) is no picture to augment.*Reshape the pool"),
        (lambda: Flip()(dice(2, 1, 1, 2, 2), dice(2, 1)), r"item of shape \(1, 1, 2, 2\) is no picture"),
        (lambda: Crop()(dice(2, 4), dice(2, 1)), r"Crop was given noise of shape \(2, 1\) for 2 items. Hand in 2 num"),
        (lambda: Mixup()(dice(2, 4), dice(3, 2), dice(2), dice(2, 2)), "given 2 items, 3 targets, 2 weights and noise"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_numbers(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        make()

"""Rules choose by what trials say, and by no more trials than they have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.learners.rules import (
    RULES,
    EveryShape,
    Halving,
    Incremental,
    KernelChoice,
    LargestThatFits,
    RandomShapes,
    Rule,
    Search,
)
from askance.learners.shapes import Shape, every
from askance.learners.tangents import left_out
from askance.seeds import Dice

MOST, SMALLEST = Shape(10, 4), Shape(1, 1)


def quality(good: float) -> Tensor:
    """Answers of which a share is right."""
    return (torch.arange(100) < 100 * good).double()


def deep(shape: Shape) -> float:
    """The deeper the better, up to ten blocks in all; worse beyond."""
    return 0.5 + 0.04 * min(shape.depth, 10) - 0.01 * max(0, shape.depth - 10)


def search_of(
    good: Callable[[Shape], float] = deep,
    now: Shape = SMALLEST,
    most: Shape = MOST,
    number: int = 0,
    labels: int = 50,
    kernel: Callable[[Shape], Tensor] = lambda shape: torch.eye(50, dtype=torch.float64),
    targets: Tensor | None = None,
) -> tuple[Search, list[tuple[Shape, float]]]:
    """A search, and the trials that are made in it."""
    made: list[tuple[Shape, float]] = []

    def trial(shape: Shape, share: float) -> Tensor:
        made.append((shape, share))
        return quality(good(shape))

    given = torch.zeros(labels, 10) if targets is None else targets
    dice = Dice(0, "fit", number)
    return Search(now, most, dice, given, trial, lambda shape: 100 * shape.depth, kernel), made


def test_the_incremental_rule_tries_three_and_moves_one_step() -> None:
    search, made = search_of(now=Shape(2, 2))
    assert Incremental().choose(search) == (3, 2)  # 6 blocks, as 2 x 3 has: of equals the first
    assert made == [(Shape(2, 2), 1.0), (Shape(3, 2), 1.0), (Shape(2, 3), 1.0)]


def test_it_moves_several_times_until_it_is_best_to_stay() -> None:
    search, made = search_of(most=Shape(12, 1))
    assert Incremental(moves=20).choose(search) == (10, 1)
    assert len(made) == 10 * 2  # from 1 to 10 and once more; a stack more is beyond the bounds
    search, _ = search_of(most=Shape(12, 1))
    assert Incremental(moves=3).choose(search) == (4, 1)


def test_at_the_bounds_there_is_one_trial_and_it_stays() -> None:
    search, made = search_of(now=Shape(10, 4))
    assert Incremental().choose(search) == (10, 4) and made == [(Shape(10, 4), 1.0)]


def test_the_guard_keeps_it_from_moving_by_chance() -> None:
    def coin(shape: Shape) -> float:
        return 0.5 if shape.depth == 1 else 0.51  # one item of a hundred: 0.01 +- 0.01

    search, _ = search_of(coin)
    assert Incremental(guard=0.0).choose(search) == (2, 1)
    assert Incremental(guard=1.5).choose(search) == (1, 1)


def test_a_trajectory_is_never_shallower() -> None:
    dice = torch.Generator().manual_seed(0)
    for _ in range(20):
        now, depths = Shape(1, 1), []
        for number in range(12):
            search, _ = search_of(lambda shape: float(torch.rand(1, generator=dice)), now=now, number=number)
            now = Incremental(guard=0.0).choose(search)
            depths.append(now.depth)
        assert depths == sorted(depths)


def test_random_search_makes_as_many_trials_and_takes_the_best() -> None:
    search, made = search_of()
    found = RandomShapes().choose(search)
    shapes = [shape for shape, _ in made]
    assert len(set(shapes)) == 3 and {share for _, share in made} == {1.0}
    assert deep(found) == max(map(deep, shapes))
    again, others = search_of(number=1)
    RandomShapes().choose(again)
    assert others != made  # each round draws anew


def test_random_search_may_keep_the_shape_of_the_round_before() -> None:
    search, made = search_of(now=Shape(5, 2))
    assert RandomShapes(keep=True).choose(search) == (5, 2)  # the best there is
    assert made[0][0] == (5, 2) and len({shape for shape, _ in made}) == 3
    assert RandomShapes(keep=True).remembers and not RandomShapes().remembers


def test_halving_spends_its_budget_evenly_over_its_rounds() -> None:
    search, made = search_of()
    found = Halving(count=8, budget=3.0).choose(search)
    assert [share for _, share in made] == [1 / 8] * 8 + [1 / 4] * 4 + [1 / 2] * 2
    assert sum(share for _, share in made) == pytest.approx(3.0)
    first = [shape for shape, _ in made[:8]]
    assert deep(found) == max(map(deep, first))
    assert {shape for shape, _ in made[8:12]} == set(sorted(first, key=lambda shape: -deep(shape))[:4])


def test_of_a_small_family_halving_tries_all_there_is() -> None:
    search, made = search_of(most=Shape(3, 1))
    assert Halving(count=8, budget=3.0).choose(search) == (3, 1)
    assert [share for _, share in made] == [0.5] * 3 + [0.75] * 2
    search, made = search_of(most=Shape(1, 1))
    assert Halving().choose(search) == (1, 1) and not made  # there is nothing to choose


def test_every_shape_is_tried_once() -> None:
    search, made = search_of()
    assert EveryShape().choose(search) == max(every(MOST), key=deep)
    assert [shape for shape, _ in made] == every(MOST)


def test_the_largest_that_fits_grows_with_the_labels() -> None:
    assert LargestThatFits().choose(search_of(labels=5)[0]) == (1, 1)  # 50 numbers pay for none: the smallest
    assert LargestThatFits().choose(search_of(labels=70)[0]).depth == 7
    assert LargestThatFits(ratio=2.0).choose(search_of(labels=70)[0]).depth == 14
    assert LargestThatFits().choose(search_of(labels=10_000)[0]) == (10, 4)


def test_the_kernel_that_predicts_left_out_labels_is_chosen() -> None:
    classes = torch.arange(50) % 5
    targets = torch.eye(5, dtype=torch.float64)[classes]
    knows = targets @ targets.T + 1e-3 * torch.eye(50, dtype=torch.float64)

    def kernel(shape: Shape) -> Tensor:
        return knows * 1e4 if shape == (3, 2) else torch.eye(50, dtype=torch.float64)  # its scale says nothing

    search, made = search_of(kernel=kernel, targets=targets)
    assert KernelChoice().choose(search) == (3, 2) and not made
    assert KernelChoice().choose(search_of(labels=1)[0]) == (1, 1)  # nothing can be left out


def test_a_variance_decides_where_errors_are_alike() -> None:
    flat = torch.zeros(50, 2)  # all labels are alike, so every kernel predicts them
    close = torch.full((50, 50), 0.9, dtype=torch.float64) + 0.1 * torch.eye(50, dtype=torch.float64)
    far = torch.eye(50, dtype=torch.float64)
    search, _ = search_of(kernel=lambda shape: close if shape == (7, 3) else far, targets=flat)
    assert KernelChoice().choose(search) == (7, 3)


def test_what_is_left_out_is_predicted_as_by_a_process_that_never_saw_it() -> None:
    dice = torch.Generator().manual_seed(0)
    rows = torch.randn(12, 6, generator=dice, dtype=torch.float64)
    kernel, targets, noise = rows @ rows.T, torch.randn(12, 3, generator=dice, dtype=torch.float64), 0.1
    groups = [torch.tensor([0, 5]), torch.tensor([11, 3, 7])]
    errors, variances = left_out(kernel, targets, groups, noise)
    off = targets - targets.mean(0)
    for place, group in enumerate(groups):
        rest = torch.tensor([row for row in range(12) if row not in group.tolist()])
        inner = kernel[rest][:, rest] + noise * torch.eye(len(rest), dtype=torch.float64)
        cross = kernel[group][:, rest]
        mean = cross @ torch.linalg.solve(inner, off[rest])
        variance = (kernel[group][:, group] - cross @ torch.linalg.solve(inner, cross.T)).diagonal()
        assert float(errors[place]) == pytest.approx(float((mean - off[group]).square().mean()))
        assert float(variances[place]) == pytest.approx(float(variance.mean()))


@pytest.mark.parametrize("name", RULES)
def test_the_same_dice_choose_the_same_shape(name: str) -> None:
    found = [RULES[name].choose(search_of()[0]) for _ in range(2)]
    assert found[0] == found[1] and found[0] in every(MOST)


@pytest.mark.parametrize(
    "made",
    [
        lambda: Incremental(moves=0),
        lambda: Incremental(guard=-1.0),
        lambda: RandomShapes(count=0),
        lambda: Halving(count=1),
        lambda: Halving(budget=0.0),
        lambda: LargestThatFits(ratio=0.0),
        lambda: KernelChoice(share=1.0),
        lambda: KernelChoice(noise=0.0),
    ],
)
def test_what_cannot_be_is_refused(made: Callable[[], Rule]) -> None:
    with pytest.raises(BadInput, match="Use|Leave"):
        made()

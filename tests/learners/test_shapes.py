"""Which architectures come next, and which of those that were tried is taken."""

from __future__ import annotations

import pytest
import torch

from askance.learners.shapes import Shape, best, candidates, every, guarded, within

MOST = Shape(12, 5)


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        ((1, 1), [(1, 1), (2, 1), (1, 2)]),
        ((2, 2), [(2, 2), (3, 2), (2, 3)]),
        ((1, 2), [(1, 2), (2, 2), (1, 3)]),
        ((3, 1), [(3, 1), (4, 1), (2, 2)]),
        ((4, 3), [(4, 3), (5, 3), (4, 4)]),
        ((12, 1), [(12, 1), (7, 2)]),
        ((2, 5), [(2, 5), (3, 5)]),
        ((12, 5), [(12, 5)]),
    ],
)
def test_candidates_are_to_stay_a_block_more_and_a_stack_more(
    now: tuple[int, int], wanted: list[tuple[int, int]]
) -> None:
    assert [tuple(shape) for shape in candidates(Shape(*now), MOST)] == wanted


def test_every_move_is_deeper_and_a_stack_more_by_as_little_as_may_be() -> None:
    for now in every(MOST):
        for shape in candidates(now, MOST)[1:]:
            assert now.depth < shape.depth <= now.depth + max(now.stacks, shape.stacks)
            assert within(shape, MOST) == shape
            if shape.stacks > now.stacks:
                assert (shape.blocks - 1) * shape.stacks <= now.depth  # a block less and it would be no deeper


def test_a_shape_beyond_the_bounds_is_brought_back() -> None:
    assert within(Shape(7, 9), Shape(5, 3)) == (5, 3)
    assert candidates(Shape(7, 9), Shape(5, 3)) == [(5, 3)]
    assert len(every(MOST)) == 60 and every(Shape(2, 2)) == [(1, 1), (2, 1), (1, 2), (2, 2)]


def test_the_best_of_equals_is_the_first() -> None:
    quality = torch.tensor([1.0, 0.0])
    assert best({Shape(1, 1): quality, Shape(2, 1): quality.flip(0), Shape(1, 2): quality * 0.9}) == (1, 1)


def test_a_move_has_to_be_better_than_chance_item_by_item() -> None:
    stay = torch.tensor([1.0] * 5 + [0.0] * 15)
    gains = stay.clone()
    gains[5:7] = 1.0  # two items more, none lost: 0.1 +- 0.069
    swaps = stay.clone()
    swaps[0:3], swaps[5:10] = 0.0, 1.0  # five more, three lost: 0.1 +- 0.143
    for guard, of_gains, of_swaps in ((0.0, 2, 2), (1.0, 2, 1), (2.0, 1, 1)):
        assert guarded({Shape(1, 1): stay, Shape(2, 1): gains}, guard).blocks == of_gains
        assert guarded({Shape(1, 1): stay, Shape(2, 1): swaps}, guard).blocks == of_swaps


def test_what_is_no_better_is_not_moved_to_without_a_guard_either() -> None:
    stay = torch.tensor([1.0, 0.0])
    assert guarded({Shape(1, 1): stay, Shape(2, 1): stay.flip(0)}, 0.0) == (1, 1)
    assert guarded({Shape(1, 1): stay, Shape(2, 1): stay * 0.5}, 0.0) == (1, 1)
    assert guarded({Shape(1, 1): torch.zeros(1), Shape(2, 1): torch.ones(1)}, 0.0) == (1, 1)  # one item says nothing

"""Distances, lengths and their memory, against explicit vectors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.selection.space import Features, Product, Space, normalized


def cloud(items: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(items, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def outer(left: Tensor, right: Tensor) -> Tensor:
    return (left[:, :, None] * right[:, None, :]).flatten(1)


def spaces() -> list[tuple[Space, Tensor]]:
    """Each space beside the vectors it stands for."""
    left, right = cloud(30, 4, 1), cloud(30, 6, 2)
    less = left.argmax(1)
    lower = left - torch.nn.functional.one_hot(less, left.shape[1])
    return [
        (Features(left), left),
        (Product(left, right), outer(left, right)),
        (Product(left, right, less=less), outer(lower, right)),
        (Product.off_the_guess(left, right), outer(lower, right)),
    ]


@pytest.mark.parametrize("which", range(4))
def test_distances_nearest_and_lengths_are_those_of_the_explicit_vectors(which: int) -> None:
    space, vectors = spaces()[which]
    assert len(space) == 30
    torch.testing.assert_close(space.norms(), vectors.square().sum(1))
    torch.testing.assert_close(space.distances(7), (vectors - vectors[7]).square().sum(1))
    rows = torch.tensor([3, 9, 29])
    expected = torch.cdist(vectors, vectors[rows]).square().min(1).values
    torch.testing.assert_close(space.nearest(rows), expected)


@pytest.mark.parametrize("which", range(4))
def test_taking_rows_takes_their_geometry(which: int) -> None:
    space, _ = spaces()[which]
    rows = torch.tensor([5, 2, 11])
    torch.testing.assert_close(space.take(rows).distances(1), space.distances(2)[rows])


def test_badge_distances_equal_those_of_last_layer_gradients() -> None:
    probabilities, embeddings = cloud(12, 3).softmax(1), cloud(12, 5, 1)
    guesses = probabilities.argmax(1)
    weights = torch.zeros(3, 5, dtype=torch.float64, requires_grad=True)
    gradients = []
    for p, h, guess in zip(probabilities, embeddings, guesses, strict=True):
        loss = torch.nn.functional.cross_entropy((p.log() + weights @ h)[None], guess[None])
        gradients.append(torch.autograd.grad(loss, weights)[0].flatten())
    explicit = torch.stack(gradients)
    space = Product(probabilities - torch.nn.functional.one_hot(guesses, 3), embeddings)
    torch.testing.assert_close(space.norms(), explicit.square().sum(1))
    torch.testing.assert_close(space.distances(4), (explicit - explicit[4]).square().sum(1))
    off = Product.off_the_guess(probabilities, embeddings)
    torch.testing.assert_close(off.distances(4), (explicit - explicit[4]).square().sum(1))


def test_distances_can_be_written_into_an_array_that_is_there() -> None:
    space = Features(torch.tensor([[0.0], [2.0]]))
    out = torch.zeros(2)
    assert space.distances(1, out=out) is out
    assert out.tolist() == [4.0, 0.0]


def test_contiguous_features_are_not_copied() -> None:
    array = cloud(5, 2).float()
    assert Features(array).array.data_ptr() == array.data_ptr()


def test_points_outside_of_the_pool_are_known_but_not_rows() -> None:
    space = Features(torch.tensor([[0.0], [2.0], [9.0]]), outside=torch.tensor([[8.0]]))
    assert len(space) == 3
    nearest = space.filled(torch.inf)
    assert space.approach_known(torch.tensor([0]), nearest)
    assert nearest.tolist() == [0.0, 4.0, 1.0]
    assert not Features(torch.zeros(2, 1)).approach_known(torch.empty(0, dtype=torch.int64), nearest[:2])


def test_points_outside_with_other_features_are_refused() -> None:
    with pytest.raises(BadInput, match="the pool's have 2 features"):
        Features(torch.zeros(3, 2), outside=torch.zeros(3, 1))


def test_a_vector_of_numbers_is_no_features() -> None:
    with pytest.raises(BadInput, match="shape"):
        Features(torch.zeros(4))


def test_factors_of_different_length_are_refused() -> None:
    with pytest.raises(BadInput, match="3 and 4 rows"):
        Product(torch.zeros(3, 2), torch.zeros(4, 2))


def test_normalized_rows_have_length_one_and_the_input_stays() -> None:
    array = cloud(8, 3)
    before = array.clone()
    torch.testing.assert_close(normalized(array).square().sum(1), torch.ones(8, dtype=torch.float64))
    assert torch.equal(array, before)

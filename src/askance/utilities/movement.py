"""How far a label would move the model."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from askance.kernels.finite import too_large

_PIECE = 1 << 20  # elements of a temporary


def expected_gradient_length(probabilities: Tensor, features: Tensor) -> Tensor:
    """The length of the last layer's gradient, on average over the labels that the model expects.

    Source: Settles & Craven 2008. For a softmax layer the gradient of class c is ``(p - e_c) x h``, so the sum over c
    of ``p_c |p - e_c| |h|`` needs no gradient at all.

    >>> expected_gradient_length(torch.tensor([[.5, .5], [1., 0.]]), torch.tensor([[2.], [2.]]))
    tensor([1.4142, 0.0000])

    Args:
        probabilities: (items, classes).
        features: What the last layer reads, (items, features).

    Returns:
        (items,).

    Raises:
        BadInput: If a length is infinite.
    """
    out = probabilities.new_empty(len(probabilities))
    for piece in _pieces(probabilities, features):
        p = probabilities[piece]
        lengths = (p.square().sum(1, keepdim=True) - 2 * p + 1).clamp_(min=0).sqrt_()  # |p - e_c|
        out[piece] = (p * lengths).sum(1) * torch.linalg.vector_norm(features[piece], dim=1).to(out)
    if bool(out.isinf().any()):
        raise too_large("The length of a gradient")
    return out


def gradient_norm(probabilities: Tensor, features: Tensor) -> Tensor:
    """The L1 norm of the last layer's gradient of the divergence between knowing nothing and the prediction.

    Source: Huang et al. 2021. It is ``|p - 1/C|_1 |h|_1``; items of no known class have a low one.

    >>> gradient_norm(torch.tensor([[.5, .5], [1., 0.]]), torch.tensor([[2., -1.], [2., 0.]]))
    tensor([0., 2.])

    Args:
        probabilities: (items, classes).
        features: What the last layer reads, (items, features).

    Returns:
        (items,).
    """
    out = probabilities.new_empty(len(probabilities))
    for piece in _pieces(probabilities, features):
        p = probabilities[piece]
        even = 1 / max(1, p.shape[1])
        out[piece] = (p - even).abs_().sum(1) * features[piece].abs().sum(1).to(out)
    return out


def dynamics(residuals: Tensor, features: Tensor, trained: Tensor | None) -> Tensor:
    """By how much an item would speed up the fall of the training loss: ``|g|^2 + 2 <g, G>``.

    Source: dynamicAL (Wang et al. 2022), the change of the squared norm of the summed gradient when g joins G.

    >>> dynamics(torch.tensor([[1., -1.]]), torch.tensor([[2.]]), torch.tensor([[.5], [0.]]))
    tensor([10.])

    Args:
        residuals: ``p - onehot(guess)``, (items, classes).
        features: What the last layer reads, (items, features).
        trained: G, the sum of the labeled items' gradients, (classes, features); None leaves the second term out.

    Returns:
        (items,).
    """
    out = residuals.new_empty(len(residuals))
    for piece in _pieces(residuals, features):
        e, h = residuals[piece], features[piece].to(residuals)
        out[piece] = e.square().sum(1) * h.square().sum(1)
        if trained is not None:
            out[piece] += 2 * ((e @ trained.to(e)) * h).sum(1)
    return out


def gradient_sum(residuals: Tensor, features: Tensor) -> Tensor:
    """The sum of the gradients of some items, float64 (classes, features)."""
    total = torch.zeros(residuals.shape[1], features.shape[1], dtype=torch.float64, device=features.device)
    for piece in _pieces(residuals, features):
        total += residuals[piece].double().T @ features[piece].double()
    return total


def changes_of_class(layers: Tensor, features: Tensor, guesses: Tensor) -> Tensor:
    """Whether another class than the guess is likeliest, by each of some last layers.

    Args:
        layers: (draws, classes, features + 1), the bias last.
        features: (items, features).
        guesses: The class of each item, (items,).

    Returns:
        bool (draws, items).
    """
    draws, classes, width = layers.shape
    flat = layers.reshape(draws * classes, width)
    scores = torch.addmm(flat[:, -1:], flat[:, :-1], features.T).reshape(draws, classes, len(features))
    own = scores.gather(1, guesses.expand(draws, 1, len(features)))
    return scores.amax(1) > own[:, 0]


def _pieces(left: Tensor, right: Tensor) -> Iterator[slice]:
    step = max(1, _PIECE // max(1, left.shape[1], right.shape[1]))
    return (slice(start, start + step) for start in range(0, len(left), step))

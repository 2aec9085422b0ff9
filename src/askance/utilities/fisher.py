"""How much a label would tell a last layer: the size of an item's Fisher information."""

from __future__ import annotations

from torch import Tensor


def of_classes(probabilities: Tensor) -> Tensor:
    """The trace of ``diag(p) - p p^T``, the covariance of the label: ``1 - sum of p^2``.

    The last layer's Fisher information of an item is this matrix times ``h h^T`` (Ash et al. 2021).

    >>> of_classes(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    tensor([0.5000, 0.0000])

    Args:
        probabilities: (items, classes).

    Returns:
        (items,).
    """
    return (1 - probabilities.square().sum(1)).clamp_(min=0)


def of_labels(probabilities: Tensor) -> Tensor:
    """The same where an item has any number of labels: the sum over labels of ``p (1 - p)``.

    >>> of_labels(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    tensor([0.5000, 0.0000])

    Args:
        probabilities: (items, labels).

    Returns:
        (items,).
    """
    return (probabilities * (1 - probabilities)).sum(1).clamp_(min=0)

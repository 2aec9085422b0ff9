"""The kernel of a network's gradients before it is trained, and how well it predicts what is left out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

NUMBERS = 2**25  # of gradients that are held at once


def tangent_kernel(network: nn.Module, items: Tensor, column: int) -> Tensor:
    """Inner products of the gradients of one score by all weights, float64 (items, items).

    Gradients are made anew for each pair of groups of items, so that memory does not grow with their number.

    Args:
        network: In evaluation mode.
        items: As the network reads them.
        column: Which score.
    """
    weights = {name: array.detach() for name, array in network.named_parameters()}
    fixed = {name: array.detach() for name, array in network.named_buffers()}

    def score(at: dict[str, Tensor], item: Tensor) -> Tensor:
        found: Tensor = functional_call(network, {**fixed, **at}, (item.unsqueeze(0),))
        return found[0, column]

    def rows(some: Tensor) -> Tensor:
        slopes = vmap(grad(score), in_dims=(None, 0))(weights, some)
        return torch.cat([slope.flatten(1) for slope in slopes.values()], 1).double()

    size = max(1, NUMBERS // sum(array.numel() for array in weights.values()))
    groups = [items[start : start + size] for start in range(0, len(items), size)]
    kernel = torch.empty(len(items), len(items), dtype=torch.float64)
    for first, some in enumerate(groups):
        here = rows(some)
        for second in range(first, len(groups)):
            there = here if second == first else rows(groups[second])
            one, other = slice(first * size, first * size + len(here)), slice(second * size, second * size + len(there))
            block = (here @ there.T).cpu()
            kernel[one, other], kernel[other, one] = block, block.T
    return kernel


def left_out(kernel: Tensor, targets: Tensor, groups: Sequence[Tensor], noise: float) -> tuple[Tensor, Tensor]:
    """Squared errors and variances of a Gaussian process that predicts groups of items from all others.

    With ``G = (K + s I)^-1`` of all items, what the others say of a group T is off by ``G_TT^-1 (G y)_T``, and their
    doubt about it is ``G_TT^-1 - s I``: one inverse serves all groups. The mean of all targets is taken off first.

    Args:
        kernel: float64 (items, items).
        targets: (items, width).
        groups: Which items are left out each time, each int64 (left,).
        noise: The variance s of the noise.

    Returns:
        Means over each group, float64 (groups,) both.

    >>> kernel, targets = torch.eye(3, dtype=torch.float64), torch.tensor([[1.0], [0.0], [-1.0]])
    >>> errors, variances = left_out(kernel, targets, [torch.tensor([0])], 1e-9)  # of 0 the others know nothing
    >>> [round(float(found), 3) for found in (errors[0], variances[0])]
    [1.0, 1.0]
    """
    off = targets.to(kernel) - targets.to(kernel).mean(0)
    unit = torch.eye(len(kernel), dtype=kernel.dtype)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(kernel + noise * unit))
    pull = inverse @ off
    errors, variances = [], []
    for group in groups:
        block = torch.linalg.inv(inverse[group][:, group])
        errors.append((block @ pull[group]).square().mean())
        variances.append(block.diagonal().mean() - noise)
    return torch.stack(errors), torch.stack(variances)

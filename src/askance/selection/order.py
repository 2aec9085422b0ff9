"""Orders of rows that do not depend on where the rows lie in the pool."""

from __future__ import annotations

import torch
from torch import Tensor


def drawn(rows: Tensor, noise: Tensor, most: int | None = None) -> Tensor:
    """The rows in the order of their noise, at most so many.

    What is computed on rows in this order is the same to the last bit whatever the order of the pool.

    >>> drawn(torch.tensor([0, 2, 3]), torch.tensor([0.5, 0.1, 0.9, 0.2]), 2)
    tensor([3, 0])

    Args:
        rows: Pool rows, int64.
        noise: Per-item noise, (items,).
        most: How many at most; all of them if None.

    Returns:
        int64, in the order of their noise.
    """
    return rows[noise[rows].argsort(stable=True)[:most]]


def best(rows: Tensor, values: Tensor, n: int, order: Tensor) -> tuple[Tensor, list[float]]:
    """The ``n`` rows of the highest value, ties in the order they come; then rows of ``order`` that have no value.

    >>> best(torch.tensor([4, 2]), torch.tensor([1.0, 3.0]), 3, torch.tensor([9, 4, 2, 7]))
    (tensor([2, 4, 9]), [3.0, 1.0, 0.0])

    Args:
        rows: Rows that have a value, int64.
        values: (rows,).
        n: How many, at most.
        order: All rows that may be taken, int64; they follow in this order with the value 0.

    Returns:
        Rows, most wanted first, and the value of each.
    """
    top = values.argsort(descending=True, stable=True)[:n].to(rows.device)
    chosen = rows[top]
    rest = order[~torch.isin(order, rows)][: n - len(chosen)]
    return torch.cat([chosen, rest]), values[top.to(values.device)].tolist() + [0.0] * len(rest)

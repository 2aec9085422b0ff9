"""Children of a beam search with support vector machines: warm-started instead of fitted anew.

All kernel values are computed once. A child's machine goes on from its parent's solution (`askance.kernels.machine`):
an item beyond the margin on its own side costs nothing but a look, any other a few steps. Decisions of test items
follow from what has changed. What the search finds is played back with the learner itself, so the scores of its run are
never these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np
import torch
from torch import Tensor

from askance.kernels.machine import Machines
from askance.learners.base import Learner
from askance.learners.svc import TOLERANCE, Svc, pairs, rbf, scale_of, votes


class Grown:
    """Test accuracies of labeled sets that grow by one item.

    Args:
        learner: The machine.
        items: Features of the pool.
        columns: The class of each.
        held_out: Features of the test items.
        truth: The class of each.
    """

    def __init__(self, learner: Svc, items: Tensor, columns: Tensor, held_out: Tensor, truth: Tensor) -> None:
        features = items.double()
        middle, spread = scale_of(features)
        pool, test = (features - middle) / spread, (held_out.double() - middle) / spread
        gamma = learner.gamma_of(features)
        grams = rbf(pool, pool, gamma).numpy(), rbf(test, pool, gamma).numpy()
        self._columns, self._truth = columns.numpy(), truth
        self._classes = int(columns.max()) + 1
        self._machines = {
            pair: Machines(*grams, np.where(self._columns == pair[0], 1.0, -1.0), learner.cost, TOLERANCE)
            for pair in pairs(self._classes)
        }

    def accuracies(self, taken: Sequence[int], added: Sequence[int]) -> list[float]:
        """With some rows of the pool labeled, all classes among them, and each of others added to them."""
        known, more = np.array(sorted(taken)), np.array(added, dtype=np.int64)
        decisions = torch.empty(len(more), len(self._truth), len(self._machines), dtype=torch.float64)
        for place, (pair, machines) in enumerate(self._machines.items()):
            parent = machines.solved(known[np.isin(self._columns[known], pair)])
            decisions[:, :, place] = torch.from_numpy(machines.decisions(parent))
            own = np.isin(self._columns[more], pair).nonzero()[0]  # an item of another class changes nothing here
            decisions[own, :, place] = torch.from_numpy(machines.decisions_with(parent, more[own]))
        said = votes(decisions.flatten(0, 1), self._classes).argmax(1).reshape(len(more), -1)
        return [float(share) for share in (said == self._truth).double().mean(1)]


def grows(learner: Learner, items: object, classes: int, first: Tensor) -> TypeGuard[Svc]:
    """Whether there is a short way: for this very learner, and first labels of all classes."""
    return type(learner) is Svc and isinstance(items, Tensor) and len(set(first.tolist())) == classes

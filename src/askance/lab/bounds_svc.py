"""Children of a beam search with a support vector machine of two classes: warm-started instead of fitted anew.

All kernel values are computed once. A child's machine goes on from its parent's solution (`askance.kernels.machine`):
an item beyond the margin on its own side costs nothing but a look, any other a few steps. Decisions of test items
follow from what has changed. What the search finds is played back with the learner itself, so the scores of its run are
never these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np
from torch import Tensor

from askance.kernels.machine import Machines
from askance.learners.base import Learner
from askance.learners.svc import TOLERANCE, Svc, rbf, scale_of


class Grown:
    """Test accuracies of labeled sets that grow by one item.

    Args:
        learner: The machine.
        items: Features of the pool.
        columns: The class of each, 0 or 1.
        held_out: Features of the test items.
        truth: The class of each.
    """

    def __init__(self, learner: Svc, items: Tensor, columns: Tensor, held_out: Tensor, truth: Tensor) -> None:
        features = items.double()
        middle, spread = scale_of(features)
        pool, test = (features - middle) / spread, (held_out.double() - middle) / spread
        gamma = learner.gamma_of(features)
        signs, answers = ((2 * labels - 1).double().numpy() for labels in (columns, truth))
        self._machines = Machines(
            rbf(pool, pool, gamma).numpy(), rbf(test, pool, gamma).numpy(), signs, answers, learner.cost, TOLERANCE
        )
        self._tests = len(truth)

    def accuracies(self, taken: Sequence[int], added: Sequence[int]) -> list[float]:
        """With some rows of the pool labeled and each of others added to them."""
        parent = self._machines.solved(np.array(sorted(taken)))
        right = self._machines.right_with(parent, np.array(added, dtype=np.int64))
        return [int(count) / self._tests for count in right]


def grows(learner: Learner, items: object, classes: int, first: Tensor) -> TypeGuard[Svc]:
    """Whether there is a short way: for this very learner, two classes, and first labels of both."""
    return type(learner) is Svc and isinstance(items, Tensor) and classes == 2 and len(set(first.tolist())) == 2

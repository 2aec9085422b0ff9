"""Whether a learner learns what a project's items are labeled with, before anything stands on it."""

from __future__ import annotations

import torch

from askance.errors import BadInput
from askance.learners import catalogue as learners
from askance.learners.base import Lesson
from askance.learners.sklearn import Sklearn
from askance.project.kinds import TASKS
from askance.seeds import Dice

_ROWS, _FEATURES = 24, 4  # enough for five folds of each class


def check_learner(name: str, kind: str) -> None:
    """Refuse a learner that would fail once there are labels: until then, nobody would notice.

    Networks and parts of ours learn every kind of label; of scikit-learn's estimators each learns its own, and what
    that is shows when it is fitted to a few items.

    Args:
        name: Its name, or ``module:Class``.
        kind: ``classes``, ``labels`` or ``number``.

    Raises:
        BadInput: If there is no such learner, or it learns something else.
    """
    made = learners.learner(name)
    if not isinstance(made, Sklearn):
        return
    task = TASKS[kind](("a", "b"))
    items = torch.linspace(-1, 1, _ROWS * _FEATURES).reshape(_FEATURES, _ROWS).T.cos().contiguous()
    rows = torch.arange(_ROWS)
    targets = torch.stack([rows % 2, 1 - rows % 2], 1)[:, : task.width].double()
    try:
        made.fit(
            Lesson(
                items=items,
                keys=rows,
                task=task,
                labeled=rows,
                targets=targets,
                weights=torch.ones(_ROWS, dtype=torch.float64),
                unlabeled=rows[:0],
                dice=Dice(0, "fit"),
            )
        )
    except BadInput:
        raise
    except Exception:  # these items are none that it was made for; the study's own say more
        return

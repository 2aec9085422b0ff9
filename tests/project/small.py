"""Small studies whose labels can be checked by hand, for the tests of exports and of models to take away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from askance import Labels, Pool, Study, Targets
from askance.encoders.numbers import AsIs
from askance.learners.linear import Linear
from askance.project import takeaway
from askance.project.intake import Reading

ITEMS = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
POOL = Pool.from_arrays(ITEMS, ids=[f"i{row}" for row in range(30)])


def pets(**options: Any) -> Study:
    """A study of cats and dogs that asks by a quick learner."""
    return Study(POOL, **{"classes": ["cat", "dog"], "learner": Linear(ridge=1.0), **options})


def labeled(task: str = "classes", **options: Any) -> Study:
    """A study with 20 labels: whether the first number is above 0, and for numbers that number."""
    above = {f"i{row}": bool(ITEMS[row, 0] > 0) for row in range(20)}
    if task == "labels":
        study = Study(POOL, task=Labels(("up", "even")), learner=Linear(ridge=1.0))
        study.tell({id: [*["up"] * up, *["even"] * (int(id[1:]) % 2 == 0)] for id, up in above.items()})
    elif task == "numbers":
        study = Study(POOL, task=Targets(), learner=Linear(ridge=1.0))
        study.tell({f"i{row}": float(ITEMS[row, 0]) for row in range(20)})
    else:
        study = pets(**options)
        study.tell({id: "cat" if up else "dog" for id, up in above.items()})
    return study


def take_away(study: Study, folder: Path, **options: Any) -> Path:
    """The study's model in a folder, over features as they are."""
    takeaway.save(
        folder,
        task=study.task,
        learner=study.learner,
        model=study.model(),
        **{
            "encoder": AsIs(),
            "encoding": AsIs().fit(list(ITEMS)),
            "how": Reading("array", ("values",)),
            "facts": {"labels": study.progress.labeled},
            **options,
        },
    )
    return folder

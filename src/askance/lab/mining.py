"""Which strategy would have been best on the labels that somebody has: their labeled items as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.lab.datasets import Dataset
from askance.lab.grids import Grid
from askance.pool import LABELED
from askance.project.project import Project
from askance.task import Classes

LEAST = 60  # labels; with fewer, no strategy has a choice
CHOICE = 0.6  # of the pool is bought at most, or every strategy ends with the same labels
ASKED = (
    *("random", "margin", "entropy", "least-confidence", "badge"),
    *("k-center", "typiclust", "k-means", "cluster-margin"),
)


def of_project(path: str | Path) -> Dataset:
    """The labeled items of a project, as features.

    Args:
        path: The project's folder, or its ``project.db``.

    Raises:
        BadInput: If it is no project, or has other labels than classes, or too few.
    """
    place = Path(path)
    project = Project(place.parent if place.name == "project.db" else place)
    try:
        study = project.study
        if not isinstance(study.task, Classes):
            raise BadInput(f"{project.name} is labeled with {study.task}, and only classes are compared here.")
        state = study.state
        rows = (state.sides == LABELED).nonzero().squeeze(1).tolist()
        _enough(len(rows), project.name)
        labels = tuple(study.task.names[int(column)] for column in state.targets[0].argmax(1).tolist())
        said = (
            f"The {len(rows):,} labeled items of {project.name}. Most of them were asked by a strategy, so they are no "
            f"random sample of all items: what is rare there may be common here."
        )
        return Dataset(project.name, study.pool.arranged(rows), labels, (said,))
    finally:
        project.close()


def grid_of_labels(
    dataset: Dataset, strategies: tuple[Any, ...] = ASKED, seeds: int = 50, learner: Any = "linear"
) -> Grid:
    """A grid whose sizes fit the labels that are there.

    Args:
        dataset: All labeled items.
        strategies: What is compared.
        seeds: How many paired runs.
        learner: What learns.

    Raises:
        BadInput: If there are too few labels, or all are of one class.
    """
    _enough(len(dataset.pool), dataset.name)
    if len(dataset.classes) < 2:
        raise BadInput(f"All labels of {dataset.name} are {dataset.classes[0]!r}. Label items of another class first.")
    test = round(0.3 * len(dataset.pool))
    pool = len(dataset.pool) - test
    initial = min(max(10, 2 * len(dataset.classes)), pool // 4)
    most = max(initial + 2, int(CHOICE * pool))
    batch = max(1, min(10, (most - initial) // 10))
    return Grid(
        datasets=(dataset,),
        strategies=strategies,
        learners=(learner,),
        initial=(initial,),
        batch=(batch,),
        budget=min(most, initial + 20 * batch),
        test=test,
        seeds=tuple(range(seeds)),
        title=f"The labels of {dataset.name}",
    )


def _enough(labels: int, name: str) -> None:
    if labels < LEAST:
        raise BadInput(
            f"{name} has {labels} labels, and a comparison needs {LEAST}: some are held out, and strategies must have "
            f"a choice. Label {LEAST - labels} more."
        )

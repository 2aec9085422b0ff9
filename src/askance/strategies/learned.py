"""Worth a label because labels like it were worth it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.learners.forest import Forest
from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.samples import Samples
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities import learned
from askance.view import View


@dataclass(frozen=True)
class Lal(Strategy):
    """Ask where the error is expected to fall most, by what was learned on made-up tasks. [konyushkova2017learning]

    A forest is the model that candidates are described by, as in the paper; the regression that turns descriptions
    into expected gains was learned by ``benchmarks/lal.py`` on tasks of two clouds in the plane (LAL-Independent). Of
    the paper's eight numbers per candidate, five are used: out-of-bag scores, importances and depths of the forest are
    left out. Of more than two classes the likeliest two count.

    Args:
        samples: Who describes the candidates.
        select: The selector.

    >>> trees = [[[0.9, 0.1], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]]]  # (samples, items, classes)
    >>> paper = view(mc_probabilities=trees)
    >>> Lal(samples=Samples()).query(paper, 1).ids  # where the trees disagree
    [1]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "N S C"

    samples: Signal = Samples(of=Forest())
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        samples: Tensor = view[self.samples]
        if samples.shape[2] < 2:  # one class: nothing to tell apart
            return samples.new_zeros(len(samples))
        return learned.error_reduction(learned.describe(samples, view.labels, view.candidates))

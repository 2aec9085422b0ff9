"""Worth a label because something that was learned for it says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.learners.forest import Forest
from askance.learners.vaal import VariationalDiscriminator
from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.probabilities import Scores
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


@dataclass(frozen=True)
class Vaal(Strategy):
    """Ask what a critic of a variational autoencoder is surest to be unlabeled. [sinha2019variational]

    The autoencoder learns what all items look like, and to make unlabeled ones look labeled to the critic; what the
    critic still tells is not like anything that is labeled.

    Args:
        critic: Whose log odds count.
        select: Who takes the highest.

    >>> places = [[0.0, 0.0], [0.1, 0.2], [5.0, 5.0], [0.2, 0.1]]
    >>> Vaal().query(view(embeddings=places, labeled=[0, 1]), 1).ids
    [2]
    """

    cost: ClassVar[str] = "steps batch (d + latent) hidden + N d hidden"

    critic: Signal = Scores(of=VariationalDiscriminator())
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        odds: Tensor = view[self.critic]  # (items, 1)
        return odds[:, 0]

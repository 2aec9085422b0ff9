"""Worth a label because little must change for the model to call it something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.perturbation import Bim, DeepFool
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.view import View


@dataclass(frozen=True)
class AdversarialBim(Strategy):
    """Ask where the fewest steps along the sign of the gradient flip the class. [kurakin2017adversarial]

    The rule is that of DeepAL+ [zhan2022deepal], whose loop has no end where a class never flips. All features are
    pushed alike, so they should have one scale, and ``Bim(step=...)`` be a small part of it.

    >>> from askance.testing.worlds import LEARNER, small_world
    >>> places = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 1.5], [1.1, 1.0]])  # the first two are labeled
    >>> world = small_world(places, labeled=2, aside=0, task=Classes((0, 1)))
    >>> AdversarialBim().query(world.view(AdversarialBim(), LEARNER), 1).ids  # the one next to the boundary
    ['item-03']
    """

    cost: ClassVar[str] = "N steps x scores and their gradient"

    signal: Signal = Bim()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        pushed: Tensor = view[self.signal]
        return -pushed


@dataclass(frozen=True)
class AdversarialDeepFool(Strategy):
    """Ask where the boundary that DeepFool finds is nearest. [ducoffe2018adversarial]

    The length of the push that flips an item [moosavidezfooli2016deepfool] stands for its distance to the boundary,
    which a deep network does not tell. The paper also learns from the pushed item under the same label; this does not.

    >>> from askance.testing.worlds import LEARNER, small_world
    >>> places = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 1.5], [1.1, 1.0]])  # the first two are labeled
    >>> world = small_world(places, labeled=2, aside=0, task=Classes((0, 1)))
    >>> AdversarialDeepFool().query(world.view(AdversarialDeepFool(), LEARNER), 1).ids  # the one next to the boundary
    ['item-03']
    """

    cost: ClassVar[str] = "N C steps x scores and their gradient"

    signal: Signal = DeepFool()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        pushed: Tensor = view[self.signal]
        return -pushed

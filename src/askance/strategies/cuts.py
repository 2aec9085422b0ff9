"""Worth a label because a class begins or ends there, along the line on which the model puts the items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.signals.base import Signal
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities import cuts
from askance.view import Batch, View


@dataclass(frozen=True)
class Galaxy(Strategy):
    """Bisect where a class and the others meet, in the order of how much the model holds items to be of it, GALAXY.
    [zhang2022galaxy]

    For each pick a class is drawn. In its order the shortest stretch of open items between one of the class and one of
    another is halved; where none is left, the open item nearest to such a meeting is taken, and where none was seen yet
    one is drawn. So each answer decides the next question: it asks for one item, waits, and goes on with the same model
    until the round is spent. For people who label beside each other it asks `together` items at once. What was asked
    and is not answered yet stands for the class that the model holds likeliest.

    Args:
        signal: What the model believes.
        together: So many are asked before answers are waited for; as many as a batch has for a list that nobody answers
            in between.

    >>> two = Classes((0, 1))
    >>> sure = [[1.0, 0.0], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.0, 1.0]]
    >>> Galaxy().query(view(probabilities=sure, labeled=[0, 4], labels=[0, 1], task=two), 3).ids
    [2]
    >>> Galaxy(together=3).query(view(probabilities=sure, labeled=[0, 4], labels=[0, 1], task=two), 3).ids
    [2, 3, 1]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "n (N C + N log N)"

    signal: Signal = Probabilities()
    together: int = 1  # Zhang et al. 2022 see every label before the next pick

    def __post_init__(self) -> None:
        if self.together < 1:
            raise BadInput(f"Galaxy(together={self.together}) asks for nothing. Use 1 or more.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        beliefs, classes, noise = _nodes(view, self.signal)
        first, lines = noise.argsort(stable=True), view.task.width if view.task.width > 2 else 1  # of two, one mirrors
        turns = view.dice.of("classes").uniform(torch.arange(n)).mul(lines).long()
        chance = view.dice.of("items").uniform(view.keys[view.candidates])
        picks: list[int] = []
        for turn in turns[: self.together].tolist():
            line = cuts.order(beliefs, turn, first)
            told = classes[line]
            place = cuts.bisecting(torch.where(told < 0, 0, torch.where(told == turn, 1, -1)))
            open_ = classes[: len(chance)] < 0
            picks.append(int(chance.where(open_, torch.inf).argmin() if place is None else line[place]))
            classes[picks[-1]] = beliefs[picks[-1]].argmax()
        rows = torch.tensor(picks, dtype=torch.int64, device=view.candidates.device)
        return view.batch(view.candidates[rows], reason="waiting" if len(picks) < n else "")


def _nodes(view: View, signal: Signal) -> tuple[Tensor, Tensor, Tensor]:
    """What the lines are made of: candidates, then what is asked, then what is labeled, in the pool or outside of it.

    Returns:
        What the model believes (nodes, classes), the class of each, -1 where it is open, and noise that breaks ties.
    """
    rows, labeled = torch.cat([view.candidates, view.pending]), view.of_labeled(signal)
    beliefs, classes = view[signal][rows], view.labels.argmax(1)
    pending = beliefs[len(view.candidates) :].argmax(1)
    noise = view.dice.of("ties").uniform(view.keys[torch.cat([rows, view.labeled])])
    outside = noise.new_ones(len(classes) - len(view.labeled))
    told = torch.cat([torch.full_like(view.candidates, -1), pending, classes.to(pending)])
    return torch.cat([beliefs, labeled.to(beliefs)]), told, torch.cat([noise, outside])

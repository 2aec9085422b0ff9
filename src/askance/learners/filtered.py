"""A learner that drops the labels its own training says to drop, and learns from the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.learners.base import Lesson, Model, Resume
from askance.learners.hardness import El2n, Hardness
from askance.learners.wrappers import Around, Noted
from askance.task import Classes

FACTS = "filtered"
ENDS = ("hard", "easy")
LEAST = 20  # labels; of fewer none is dropped


@dataclass(frozen=True)
class Filtered(Around):
    """A learner of classes that is fitted, drops the labels that were hardest or easiest to learn, and is fitted again.

    The hard end holds labels that are wrong, and items that are merely rare: it is for labels that are known to be
    noisy, and with clean ones it costs accuracy. The easy end holds what many others say as well; Paul et al. 2021
    prune it.

    A class keeps at least one label. Nothing is dropped where fewer than 20 are labeled or all are equally hard; then,
    and for other tasks than classes, the model is that of the first fit. What is dropped is open to the second fit as
    an item without a label, and nothing that was made of it is learned from. Only what people labeled is judged.

    Args:
        learner: What is fitted, twice; it records its training.
        score: How hard an item was.
        drop: The share of the labels that goes.
        end: ``hard`` or ``easy``.
    """

    revision: ClassVar[int] = 2  # mixtures are not judged, and go with what they are made of

    score: Hardness = El2n()
    drop: float = 0.1
    end: str = "hard"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.drop < 1:
            raise BadInput(f"Filtered(drop={self.drop}) is no share. Use more than 0 and less than 1, such as 0.1.")
        if self.end not in ENDS:
            raise unknown("end", self.end, ENDS)
        lacking = self.score.records - self.learner.gives_records
        if lacking:
            raise BadInput(
                f"{type(self.score).__name__} reads {', '.join(sorted(lacking))} of each step of the training, and "
                f"{type(self.learner).__name__} does not record it. Use a network, such as Torch(...)."
            )

    def fit(self, lesson: Lesson) -> Model:
        before = lesson.previous
        own = replace(lesson, previous=before.model if isinstance(before, Noted) and before.name == FACTS else before)
        if not isinstance(lesson.task, Classes) or not lesson.task.width:
            return self.learner.fit(own)
        record = lesson.record | self.score.records
        model = self.learner.fit(replace(own, record=record, resume=_place(lesson, "all")))
        dropped = self._dropped(model, lesson)
        names = lesson.task.names
        classes = lesson.targets[dropped].argmax(1)
        counts = torch.bincount(classes, minlength=len(names)).tolist()
        said = {
            "labels": int(lesson.whole.sum()),
            "dropped": len(dropped),
            "of": {str(name): count for name, count in zip(names, counts, strict=True) if count},
        }
        if dropped:
            rest = own.only(own.apart(torch.tensor(dropped)))
            model = self.learner.fit(replace(rest, resume=_place(lesson, "kept")))
        return Noted(model, FACTS, said)

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return Noted.restored(self.learner, FACTS, weights, facts)

    def _dropped(self, model: Model, lesson: Lesson) -> list[int]:
        """Positions among the labeled items, ascending."""
        whole = lesson.whole.nonzero().squeeze(1)
        if len(whole) < LEAST:
            return []
        rows = lesson.labeled[whole]
        records = {name: model.records[name][rows] for name in self.score.records}
        hard = self.score.of(records, lesson.targets[whole]).double().cpu()
        if not bool(torch.isfinite(hard).all()) or float(hard.max()) == float(hard.min()):
            return []
        wanted = hard if self.end == "hard" else -hard
        ties = lesson.dice.of("filtered").uniform(lesson.keys[rows]).argsort()
        order = whole[ties[wanted[ties].argsort(descending=True, stable=True)]].tolist()  # the first go first
        last = dict(zip(lesson.targets[order].argmax(1).tolist(), order, strict=True))  # of each class, who goes last
        spare = [position for position in order if position not in last.values()]
        return sorted(spare[: int(self.drop * len(order))])


def _place(lesson: Lesson, which: str) -> Resume | None:
    """Where one of the two fits keeps how far it is."""
    return None if lesson.resume is None else lesson.resume.of(which)

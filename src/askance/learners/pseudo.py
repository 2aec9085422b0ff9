"""A learner that also learns from what its model of before was sure of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from askance.arrays import PIECE, spans, take
from askance.errors import BadInput
from askance.kernels.scores import scores
from askance.learners.base import Lesson, Model
from askance.learners.wrappers import Around, Noted
from askance.task import Classes

FACTS = "pseudo_labels"


@dataclass(frozen=True)
class PseudoLabeled(Around):
    """A learner of classes that takes its own last model's word for items of which that model was sure.

    Before each fit, every item nobody answered whose predicted entropy is under a threshold gets its predicted class
    as its label, for this fit alone: what people said is never replaced, and the next model decides anew. There are
    none with no model before, or with one that had seen a single class, for it would be sure of that. Other tasks are
    learned as the inner learner learns them. Strengths are chosen, and trainings stopped, by what people said alone.
    Source: Wang et al. 2016.

    Their values are those for faces (CACD), 0.05 and 0.0033 nats; for objects (Caltech-256) they took a tenth of both.
    DeepAL+ ships 5e-5 and 3.3e-7, and takes off the second times the number of the round, so that the threshold is
    negative from round 17 on; here it falls evenly, and stays at 0, where nothing is sure enough.

    Args:
        learner: What is fitted.
        threshold: The entropy, in nats, at the first fit that has a model before it.
        decay: How much less it is at each fit after.
        weight: How much a pseudo-label counts beside a label.
    """

    revision: ClassVar[int] = 2  # nothing is judged by pseudo-labels

    threshold: float = 0.05
    decay: float = 0.0033
    weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_schedule(type(self).__name__, self.threshold, self.decay)
        if not self.weight > 0:
            raise BadInput(f"PseudoLabeled(weight={self.weight}) makes labels that do not count. Use a weight above 0.")
        if isinstance(self.learner, PseudoLabeled):
            raise BadInput("PseudoLabeled(PseudoLabeled(...)) makes its labels twice. Use the inner one alone.")

    @property
    def remembers(self) -> bool:
        return True

    def fit(self, lesson: Lesson) -> Model:
        return self.fit_many([lesson])[0]

    def fit_many(self, lessons: Sequence[Lesson]) -> list[Model]:
        told = [self._told(lesson) for lesson in lessons]
        models = self.learner.fit_many([lesson for lesson, _ in told])
        return [Noted(model, FACTS, said) if said else model for model, (_, said) in zip(models, told, strict=True)]

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return Noted.restored(self.learner, FACTS, weights, facts)

    def _told(self, lesson: Lesson) -> tuple[Lesson, dict[str, Any]]:
        """The lesson with pseudo-labels in it, and facts about them; none for tasks that have no classes."""
        before = lesson.previous
        own = replace(lesson, previous=before.model if isinstance(before, Noted) and before.name == FACTS else before)
        if not isinstance(lesson.task, Classes):
            return own, {}
        known = len(torch.unique(lesson.targets.argmax(1))) if lesson.task.width else 0
        said = before.facts.get(FACTS, {}) if before is not None else {}
        fits = said.get("fits", 0)
        if before is None or said.get("known", 2) < 2:
            return own, {"fits": fits, "known": known, "threshold": None, "of": {}}
        threshold = max(0.0, self.threshold - self.decay * fits)
        rows, guesses = _sure(before, lesson, threshold)
        counts = torch.bincount(guesses, minlength=lesson.task.width).tolist()
        of = {str(name): count for name, count in zip(lesson.task.names, counts, strict=True) if count}
        labeled = torch.cat([lesson.labeled, rows])
        order = labeled.argsort()
        open_ = lesson.unlabeled
        own = replace(
            own,
            labeled=labeled[order],
            targets=torch.cat([lesson.targets, one_hot(guesses, lesson.task.width).to(lesson.targets)])[order],
            weights=torch.cat([lesson.weights, lesson.weights.new_full((len(rows),), self.weight)])[order],
            unlabeled=open_[~torch.isin(open_, rows)],
            guessed=torch.cat([lesson.guessed, rows]),
        )
        return own, {"fits": fits + 1, "known": known, "threshold": threshold, "of": of}


def check_schedule(name: str, threshold: float, decay: float) -> None:
    """Refuse a threshold that finds nothing, and one that grows.

    Raises:
        BadInput: If there is no threshold above 0, or the decay is negative.
    """
    if not threshold > 0 or not decay >= 0:
        raise BadInput(
            f"{name}(threshold={threshold}, decay={decay}) is no schedule. Use an entropy above 0, such as 0.05 nats, "
            f"and a decay of 0 or more."
        )


def _sure(model: Model, lesson: Lesson, threshold: float) -> tuple[Tensor, Tensor]:
    """Rows nobody answered whose entropy is under a threshold, and the likeliest class of each; both int64."""
    answered = torch.tensor(sorted(lesson.history.answers), dtype=torch.int64)
    open_ = lesson.unlabeled[~torch.isin(lesson.unlabeled, answered)]  # not what somebody said to be no class at all
    rows, guesses = [open_[:0]], [open_[:0]]
    if lesson.task.width > 1 and threshold > 0:  # of one class alone a model is always certain
        for start, stop in spans(len(open_), PIECE):
            part = open_[start:stop]
            given = model.outputs(take(lesson.items, part))
            assert given.scores is not None
            exact = given.probabilities
            believed = (lesson.task.link(given.scores) if exact is None else exact).cpu()
            sure = scores(believed).entropy(believed) < threshold
            rows.append(part[sure])
            guesses.append(believed[sure].argmax(1))
    return torch.cat(rows), torch.cat(guesses)

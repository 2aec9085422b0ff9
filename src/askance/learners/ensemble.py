"""Deep ensembles: one recipe fitted several times with other dice, whose mean probabilities are the model's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from askance.learners.base import Differentiable, Learner, Lesson, Model, Outputs, part_of
from askance.learners.wrappers import Around, check_several
from askance.task import Classes, Labels, Task


@dataclass(frozen=True)
class Ensemble(Around):
    """Members that learn the same labels from other beginnings: other weights, other orders of the items.

    What the link makes of the scores is the mean of the members' probabilities; numbers are means. The members' scores
    are the samples, and their standard deviation the spread. Embeddings, records and outputs of heads are those of the
    first member. All members see all labels, so a learner that throws no dice, such as `Linear`, has members that are
    all alike: use `Bootstrapped` for it. Source: Lakshminarayanan et al. 2017, without their adversarial training.

    Args:
        learner: What is fitted.
        members: How many times.
    """

    members: int = 5  # the paper's

    def __post_init__(self) -> None:
        super().__post_init__()
        check_several(self, "members")

    @property
    def gives(self) -> frozenset[str]:
        return (self.learner.gives - {"layer"}) | {"samples", "votes", "spread"}  # no one layer makes these scores

    def fit(self, lesson: Lesson) -> Mean:
        return self.fit_many([lesson])[0]

    def fit_many(self, lessons: Sequence[Lesson]) -> list[Mean]:
        """All members of all lessons at once."""
        fitted = self.learner.fit_many([_part(lesson, number) for lesson in lessons for number in range(self.members)])
        groups = [tuple(fitted[start : start + self.members]) for start in range(0, len(fitted), self.members)]
        return [Mean(group, link_of(lesson.task)) for group, lesson in zip(groups, lessons, strict=True)]

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Mean | None:
        return Mean.restored(weights, facts, self.learner)


@dataclass(frozen=True, eq=False)
class Mean(Model):
    """Several models of one recipe, and the mean of what they believe.

    Args:
        members: The models.
        link: From scores to beliefs: ``softmax``, ``sigmoid`` or ``identity``.
    """

    members: tuple[Model, ...]
    link: str

    def __post_init__(self) -> None:
        facts = [dict(member.facts) for member in self.members]
        object.__setattr__(self, "facts", {**facts[0], "members": facts, "link": self.link})
        object.__setattr__(self, "records", self.members[0].records)

    @staticmethod
    def restored(weights: Mapping[str, Tensor], facts: Mapping[str, Any], learner: Learner) -> Mean | None:
        """What `weights` and `facts` gave, by the learner of its members; None where one must be fitted again."""
        models: list[Model] = []
        for number, own in enumerate(facts["members"]):
            model = learner.restore(_of(weights, number), own)
            if model is None:
                return None
            models.append(model)
        return Mean(tuple(models), facts["link"])

    def outputs(self, items: Any) -> Outputs:
        given = [member.outputs(items) for member in self.members]
        samples = torch.stack([one.scores for one in given if one.scores is not None], 1)  # (items, members, width)
        shares = [one.probabilities for one in given if one.probabilities is not None]
        exact = torch.stack(shares, 1) if len(shares) == len(given) else None
        scores, probabilities = _mean(samples, exact, self.link)
        return Outputs(
            scores=scores,
            embeddings=given[0].embeddings,
            samples=samples,
            spread=samples.std(1, unbiased=False),
            probabilities=probabilities,
            sampled=exact,
            extras=given[0].extras,
        )

    def differentiable(self) -> Differentiable:
        """The mean as a function of all members' weights, ``number.name``."""
        wholes = [member.differentiable() for member in self.members]

        def mean(of: Sequence[Callable[[Mapping[str, Tensor], Tensor], Tensor]]) -> Callable[..., Tensor]:
            def scores(weights: Mapping[str, Tensor], items: Tensor) -> Tensor:
                each = [one(_of(weights, number), items) for number, one in enumerate(of)]
                return _mean(torch.stack(each, 1), None, self.link)[0]

            return scores

        named = {f"{number}.{name}": a for number, whole in enumerate(wholes) for name, a in whole.weights.items()}
        scores, bare = mean([whole.scores for whole in wholes]), mean([whole.bare or whole.scores for whole in wholes])
        return Differentiable(scores, named, wholes[0].seed, bare)

    def weights(self) -> dict[str, Tensor] | None:
        found: dict[str, Tensor] = {}
        for number, member in enumerate(self.members):
            own = member.weights()
            if own is None:
                return None
            found |= {f"{number}.{name}": array for name, array in own.items()}
        return found


def _part(lesson: Lesson, number: int) -> Lesson:
    """The lesson of one member, with dice and a memory of its own; the first member records."""
    before = lesson.previous
    past = before.members[number] if isinstance(before, Mean) and number < len(before.members) else None
    record = lesson.record if number == 0 else frozenset()
    return replace(part_of(lesson, f"members[{number}]"), previous=past, record=record)


def _mean(samples: Tensor, exact: Tensor | None, link: str) -> tuple[Tensor, Tensor | None]:
    """Scores whose link is the mean of the members' probabilities, and these probabilities, where there are some.

    Args:
        samples: The members' scores, (items, members, width).
        exact: Their probabilities, where they know them exactly.
        link: From scores to probabilities.
    """
    wide = samples.double()  # in single precision a mean would lose what only one member holds possible
    if link == "identity":
        return wide.mean(1).to(samples), None
    linked = wide.softmax(-1) if link == "softmax" else wide.sigmoid()
    shares = (linked if exact is None else exact.double()).mean(1)
    scores = shares.clamp_min(1e-300).log() if link == "softmax" else shares.logit(1e-12)
    return scores.to(samples), shares.to(samples)


def link_of(task: Task) -> str:
    """What makes beliefs of a task's scores, as a word that facts can hold."""
    return "softmax" if isinstance(task, Classes) else "sigmoid" if isinstance(task, Labels) else "identity"


def _of(arrays: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    """The arrays of one member, under its own names."""
    start = f"{number}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}

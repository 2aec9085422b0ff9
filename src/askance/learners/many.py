"""Several models as one: what they disagree about is what nobody knows yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from scipy.stats import poisson
from torch import Tensor

from askance.errors import BadInput
from askance.learners.base import Differentiable, Learner, Lesson, Model, Outputs, part_of
from askance.learners.wrappers import Around, check_inner, check_several

MEMBERS = 20


@dataclass(frozen=True)
class Bootstrapped(Around):
    """A learner, and members of it that see each labeled item a random number of times.

    Each member weighs each item by a Poisson number of mean one, drawn by a hash of the item's key, which is the
    bootstrap but for its fixed total (Oza & Russell 2001). Scores and embeddings are those of the learner itself,
    fitted to all labels; the members give samples. They start where the learner has come to, so a strength that it
    chose by cross-validation is theirs too.

    Args:
        learner: What is fitted.
        members: How many times more.
    """

    members: int = MEMBERS

    def __post_init__(self) -> None:
        super().__post_init__()
        check_several(self, "members")

    @property
    def gives(self) -> frozenset[str]:
        return self.learner.gives | {"samples", "votes"}

    def fit(self, lesson: Lesson) -> Many:
        return self.fit_many([lesson])[0]

    def fit_many(self, lessons: Sequence[Lesson]) -> list[Many]:
        """All learners at once, then all members at once."""
        inner = [replace(lesson, previous=_whole(lesson.previous)) for lesson in lessons]
        wholes = self.learner.fit_many(inner)
        resampled = [
            _resampled(replace(lesson, previous=whole), member)
            for lesson, whole in zip(inner, wholes, strict=True)
            for member in range(self.members)
        ]
        fitted = self.learner.fit_many(resampled)
        groups = [tuple(fitted[start : start + self.members]) for start in range(0, len(fitted), self.members)]
        return [Many(whole, group) for whole, group in zip(wholes, groups, strict=True)]

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return _restored(weights, facts, [self.learner] * (1 + self.members))


@dataclass(frozen=True)
class Committee(Learner):
    """Different learners that see the same labels.

    The first is the model: scores and embeddings are its own. All of them give samples, and vote.

    Args:
        learners: The members, at least two.
    """

    learners: tuple[Learner, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.learners, tuple | list):
            raise BadInput(f"A committee has several learners, and {self.learners!r} is not several. Hand in a tuple.")
        object.__setattr__(self, "learners", tuple(self.learners))
        for learner in self.learners:
            check_inner(type(self).__name__, learner)
        if len(self.learners) < 2:
            raise BadInput(f"A committee of {len(self.learners)} has nobody to disagree with. Name 2 learners or more.")

    @property
    def gives(self) -> frozenset[str]:
        return self.learners[0].gives | {"samples", "votes"}

    @property
    def gives_records(self) -> frozenset[str]:
        return self.learners[0].gives_records

    @property
    def remembers(self) -> bool:
        return any(learner.remembers for learner in self.learners)

    def fit(self, lesson: Lesson) -> Many:
        before = lesson.previous
        pasts = before.members if isinstance(before, Many) else (None,) * len(self.learners)
        members = tuple(
            learner.fit(_member(lesson, number, past))
            for number, (learner, past) in enumerate(zip(self.learners, pasts, strict=True))
        )
        return Many(members[0], members)

    def beside(self, part: Any) -> Learner:
        return replace(self, learners=(self.learners[0].beside(part), *self.learners[1:]))

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return _restored(weights, facts, [self.learners[0], *self.learners])


@dataclass(frozen=True, eq=False)
class Many(Model):
    """A model, and others whose opinions are its samples.

    Args:
        whole: Whose scores and embeddings are given.
        members: Whose scores are the samples.
    """

    whole: Model
    members: tuple[Model, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", self.whole.records)

    @cached_property
    def facts(self) -> Mapping[str, Any]:  # type: ignore[override]
        parts = {name: dict(model.facts) for name, model in self._named()}
        return {**self.whole.facts, "parts": parts}

    def outputs(self, items: Any) -> Outputs:
        given = [member.outputs(items) for member in self.members]
        own = self.whole.outputs(items)
        exact = [one.probabilities for one in given]
        scores = torch.stack([one.scores for one in given if one.scores is not None], 1)
        sampled = torch.stack([shares for shares in exact if shares is not None], 1) if None not in exact else None
        return replace(own, samples=scores, sampled=sampled)

    def differentiable(self) -> Differentiable:
        return self.whole.differentiable()

    def weights(self) -> dict[str, Tensor] | None:
        found: dict[str, Tensor] = {}
        for name, model in self._named():
            weights = model.weights()
            if weights is None:
                return None
            found |= {f"{name}.{key}": array for key, array in weights.items()}
        return found

    def _named(self) -> list[tuple[str, Model]]:
        return [("whole", self.whole), *((str(number), member) for number, member in enumerate(self.members))]


def _whole(model: Model | None) -> Model | None:
    return model.whole if isinstance(model, Many) else model


def _member(lesson: Lesson, number: int, past: Model | None) -> Lesson:
    """The lesson of one learner of a committee; the first one alone records, whose records are the committee's."""
    record = lesson.record if number == 0 else frozenset()
    return replace(part_of(lesson, f"learners[{number}]"), previous=past, record=record)


def _resampled(lesson: Lesson, member: int) -> Lesson:
    """The lesson of one member: each item as often as a Poisson number says; it records nothing, as the whole does."""
    drawn = lesson.dice.of(f"members[{member}]").uniform(lesson.keys[lesson.labeled])
    edges = torch.tensor(_POISSON, dtype=torch.float64, device=drawn.device)
    times = torch.searchsorted(edges, drawn).to(lesson.weights)
    own = part_of(lesson, f"members[{member}]")
    return replace(own, weights=lesson.weights * times, record=frozenset())


def _restored(weights: Mapping[str, Tensor], facts: Mapping[str, Any], learners: Sequence[Learner]) -> Many | None:
    """The whole and the members from what `Many.weights` and `Many.facts` gave."""
    models: list[Model] = []
    for name, learner in zip(["whole", *map(str, range(len(learners) - 1))], learners, strict=True):
        own = {key.removeprefix(f"{name}."): w for key, w in weights.items() if key.startswith(f"{name}.")}
        model = learner.restore(own, facts["parts"][name])
        if model is None:
            return None
        models.append(model)
    return Many(models[0], tuple(models[1:]))


_POISSON = tuple(poisson.cdf(range(12), 1.0).tolist())  # beyond the last, one in a thousand million

"""The contract of learners: a lesson in, a model out, and what a model gives for items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from askance.errors import MissingSignal
from askance.history import History
from askance.seeds import Dice
from askance.task import Task


@dataclass(frozen=True)
class Outputs:
    """What a model gives for some items, a row per item. Only scores must be there.

    Args:
        scores: In link space, (items, classes | labels | targets).
        embeddings: (items, features). A model over frozen features hands the items on as they came.
        samples: Scores of several stochastic passes, (items, samples, classes).
        spread: The standard deviation of each score, (items, classes).
        probabilities: What the link makes of the scores, where the model knows it exactly, (items, classes).
        sampled: What the link makes of the samples, where the model knows it exactly, (items, samples, classes).
        votes: The class that each member of a committee votes for, int64 (items, members).
        layer: The linear layer that makes scores of embeddings, bias last: (classes, features + 1). The one array that
            has no row per item.
        extras: Named outputs of heads, rows aligned.
    """

    scores: Tensor | None = None
    embeddings: Tensor | None = None
    samples: Tensor | None = None
    spread: Tensor | None = None
    probabilities: Tensor | None = None
    sampled: Tensor | None = None
    votes: Tensor | None = None
    layer: Tensor | None = None
    extras: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Differentiable:
    """A model as a pure function of its weights and of items, which gradients flow through. In evaluation mode.

    Args:
        scores: ``scores(weights, items)`` in link space, (items, width), on the device of the weights.
        weights: The trained arrays, by name.
        seed: Of the noise that belongs to this model.
        bare: As ``scores``, but what is computed even where nothing was learned and scores are zero for that; its
            slopes are those of new weights. None: the scores.
    """

    scores: Callable[[Mapping[str, Tensor], Tensor], Tensor]
    weights: Mapping[str, Tensor]
    seed: int
    bare: Callable[[Mapping[str, Tensor], Tensor], Tensor] | None = None


class _Nothing(Mapping[str, Any]):
    """An empty mapping that can stand as a default in a dataclass, which refuses what has no hash."""

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0


_NOTHING = _Nothing()


class Model:
    """What a learner gave. Always in evaluation mode.

    Attributes:
        facts: Small JSON for the journal; the next lesson's ``previous.facts``.
        records: Arrays by pool row that were recorded while training.
    """

    facts: Mapping[str, Any] = _NOTHING
    records: Mapping[str, Tensor] = _NOTHING

    def outputs(self, items: Any) -> Outputs:
        """Outputs for items, rows aligned with them, whatever their order."""
        raise TypeError(f"{type(self).__name__} gives no outputs")

    def weights(self) -> dict[str, Tensor] | None:
        """The tensors a learner can restore this model from; None if it must be fitted again."""
        return None

    def differentiable(self) -> Differentiable:
        """The model as a function of its weights; only of learners that give ``differentiable``."""
        raise TypeError(f"{type(self).__name__} is not differentiable")


class Resume(Protocol):
    """Where a long fit keeps how far it is, so that a killed one goes on. What comes out does not depend on it."""

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and facts (JSON) that were saved last; None at the beginning."""

    def due(self) -> bool:
        """Whether it is time to save."""

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Keep them in the place of those before."""

    def of(self, part: str) -> Resume:
        """The place of one of several fits that a learner makes for one lesson."""


@dataclass(frozen=True)
class Lesson:
    """All that a learner may learn from. There is no label in it that was not told.

    Args:
        items: The pool's items.
        keys: Item keys for per-item noise, int64 (items,).
        task: What the items are labeled with.
        labeled: Row numbers with a target, ascending, int64 (labeled,).
        targets: float64 (labeled, width).
        weights: float64 (labeled,).
        unlabeled: Row numbers without a target, int64.
        dice: The dice of this fit.
        previous: The model this learner gave last time, if it has a memory.
        model: For companions: the task model just fitted.
        learner: For companions: the learner whose model that is, as the strategy equipped it.
        history: What was asked and answered.
        record: Names of what a strategy wants recorded while training.
        number: Which fit of the journal.
        through: The last line of the journal that was read.
        key: A digest of all that the fit depends on; the model's name wherever it is kept.
        resume: Where a long fit keeps how far it is; None: nowhere.
        made: The pool rows that the last rows are made of, such as mixtures of two, int64 (made, 2). They are learned
            from; to judge anything by them, or by what they are made of, would leak labels.
        guessed: The pool rows whose target a model guessed, and nobody said, int64. They are learned from as well; to
            judge anything by them would be to ask the model whether it agrees with itself.
    """

    items: Any
    keys: Tensor
    task: Task
    labeled: Tensor
    targets: Tensor
    weights: Tensor
    unlabeled: Tensor
    dice: Dice
    previous: Model | None = None
    model: Model | None = None
    learner: Learner | None = None
    history: History = field(default_factory=History)
    record: frozenset[str] = frozenset()
    number: int = 0
    through: int = 0
    key: str = ""
    resume: Resume | None = None
    made: Tensor = field(default_factory=lambda: torch.zeros(0, 2, dtype=torch.int64))
    guessed: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))

    @property
    def whole(self) -> Tensor:
        """Which labeled rows people labeled, and nothing made or guessed, bool (labeled,)."""
        return (self.labeled < len(self.keys) - len(self.made)) & ~torch.isin(self.labeled, self.guessed)

    def apart(self, held: Tensor) -> Tensor:
        """Which labeled rows may be learned from while some are held out, bool (labeled,).

        Neither those held out nor what is made of them.

        Args:
            held: Positions among the labeled rows, int64.
        """
        out = self.labeled[held]
        first = len(self.keys) - len(self.made)
        spoiled = first + torch.isin(self.made, out).any(1).nonzero().squeeze(1)
        return ~torch.isin(self.labeled, torch.cat([out, spoiled]))

    def only(self, stays: Tensor) -> Lesson:
        """The lesson with some of its labels.

        Args:
            stays: Which, bool (labeled,).
        """
        left = self.labeled[~stays]
        open_ = left[left < len(self.keys) - len(self.made)]  # what is made of others is no item of the pool
        return replace(
            self,
            labeled=self.labeled[stays],
            targets=self.targets[stays],
            weights=self.weights[stays],
            unlabeled=torch.cat([self.unlabeled, open_]).sort().values,
        )


def part_of(lesson: Lesson, part: str) -> Lesson:
    """The lesson of one of several fits that a learner makes: with dice of its own, and a place of its own to go on.

    Args:
        lesson: The learner's.
        part: Names the fit, such as ``members[2]``.
    """
    resume = None if lesson.resume is None else lesson.resume.of(part)
    return replace(lesson, dice=lesson.dice.of(part), resume=resume)


@dataclass(frozen=True)
class Learner:
    """A recipe. A subclass writes `fit` and says what its models give."""

    revision: ClassVar[int] = 1  # goes up when its models may change

    @property
    def gives(self) -> frozenset[str]:
        """Fields and extras of `Outputs` that the models fill."""
        return frozenset({"scores"})

    @property
    def gives_records(self) -> frozenset[str]:
        """Names that the models can record while training."""
        return frozenset()

    @property
    def remembers(self) -> bool:
        """Whether `fit` reads ``lesson.previous``; the key of a model then holds the key of the one before."""
        return False

    def fit(self, lesson: Lesson) -> Model:
        """A model. With no labels, or one class, it is a model that knows nothing; never an error."""
        raise TypeError(f"{type(self).__name__} does not fit")

    def fit_many(self, lessons: Sequence[Lesson]) -> Sequence[Model]:
        """Many lessons at once; each model is the one that `fit` gives."""
        return [self.fit(lesson) for lesson in lessons]

    def beside(self, part: Any) -> Learner:
        """This learner with a head, a critic or a loss term trained in the same steps.

        Raises:
            MissingSignal: If the learner has no place for it.
        """
        raise MissingSignal(
            f"{type(self).__name__} trains nothing beside its own loss, so {type(part).__name__} has no place in it. "
            f"Use a learner with a training loop, such as Torch(Mlp())."
        )

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        """The model whose `weights` and `facts` these are; None if this learner must fit again."""
        return None

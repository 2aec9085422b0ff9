"""A learner that also learns from items that nobody has seen, by the notes of the batch: mixtures, moved pictures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from scipy.special import betaincinv
from torch import Tensor

from askance.arrays import take
from askance.errors import BadInput
from askance.history import History
from askance.learners.base import Lesson, Model
from askance.learners.warps import moved_pictures
from askance.learners.wrappers import Around, Noted

FACTS = "virtual"


@dataclass(frozen=True)
class Recipe:
    """Two items that are mixed.

    Args:
        first: A pool row.
        second: Its partner's.
        tau: Shares are drawn from Beta(tau, tau).
    """

    first: int
    second: int
    tau: float


@dataclass(frozen=True)
class _Adding(Around):
    """A learner that is given more items than the pool has, as the notes of batches say."""

    def fit(self, lesson: Lesson) -> Model:
        before = lesson.previous
        own = replace(lesson, previous=before.model if isinstance(before, Noted) and before.name == FACTS else before)
        found = self._found(lesson)
        if not found:
            return self.learner.fit(own)
        model = self.learner.fit(self._with(own, found))
        noted = Noted(model, FACTS, self._told(found))
        object.__setattr__(noted, "records", {name: rows[: len(lesson.keys)] for name, rows in model.records.items()})
        return noted

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return Noted.restored(self.learner, FACTS, weights, facts)

    @abstractmethod
    def _found(self, lesson: Lesson) -> Any:
        """What the notes say is to be added; empty if nothing is."""

    @abstractmethod
    def _told(self, found: Any) -> dict[str, int]:
        """The facts of it."""

    @abstractmethod
    def _with(self, lesson: Lesson, found: Any) -> Lesson:
        """The lesson with what is added behind the pool's rows."""


@dataclass(frozen=True)
class Virtual(_Adding):
    """A learner, and mixtures of the pairs that a strategy bought, as items with mixed labels. [kim2021lada]

    Two picks of a batch whose notes name one ``pair`` belong together, and ``tau`` says how they are mixed. Once both
    have labels, so many mixtures of them are added to what is learned, which together weigh as much as one item. The
    learner does as many steps as it does anyway; the released code takes steps of its own on mixtures, and adds to
    their gradient that of the batch before, which it does not clear.

    Items are mixed as the learner reads them: before a linear head that is the mixture of its features.

    Args:
        learner: What is fitted.
        draws: Mixtures of each pair.
        rounds: The pairs of so many last rounds count, as in the released code; 0: those of all.
        weight: How much the mixtures of a pair weigh beside an item.
    """

    revision: ClassVar[int] = 2  # learners choose and stop by what people labeled alone

    draws: int = 5
    rounds: int = 1
    weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.draws < 1 or self.rounds < 0 or not self.weight > 0:
            raise BadInput(f"{self} mixes nothing. Use 1 draw or more, rounds of 0 or more and a weight above 0.")

    def _found(self, lesson: Lesson) -> list[Recipe]:
        return list(recipes(lesson.history, lesson.labeled, self.rounds))

    def _told(self, found: list[Recipe]) -> dict[str, int]:
        return {"pairs": len(found), "items": self.draws * len(found)}

    def _with(self, lesson: Lesson, found: list[Recipe]) -> Lesson:
        """The lesson with the mixtures behind the pool's rows."""
        if not isinstance(lesson.items, Tensor) or not lesson.items.is_floating_point():
            raise BadInput(
                "Mixtures are of arrays of numbers, and the pool holds other things. Encode the items first, or use a "
                "strategy that mixes none."
            )
        first, second = (torch.tensor([getattr(one, end) for one in found]) for end in ("first", "second"))
        tau = torch.tensor([one.tau for one in found], dtype=torch.float64)
        places = [torch.searchsorted(lesson.labeled, rows) for rows in (first, second)]
        items, keys, targets = [lesson.items], [lesson.keys], [lesson.targets]
        for draw in range(self.draws):
            noise = lesson.dice.of(f"virtual[{draw}]").uniform(lesson.keys[first])
            share = torch.as_tensor(betaincinv(tau.numpy(), tau.numpy(), noise.numpy()))
            items.append(_mixed(take(lesson.items, first), take(lesson.items, second), share))
            targets.append(_mixed(lesson.targets[places[0]], lesson.targets[places[1]], share))
            keys.append((noise * 2**52).long())  # a hash of the pair's first item, its own for every draw
        count = self.draws * len(found)
        rows = torch.arange(len(lesson.keys), len(lesson.keys) + count)
        weights = (lesson.weights[places[0]] + lesson.weights[places[1]]) / 2 * self.weight / self.draws
        return replace(
            lesson,
            items=torch.cat(items),
            keys=torch.cat(keys),
            labeled=torch.cat([lesson.labeled, rows]),
            targets=torch.cat(targets),
            weights=torch.cat([lesson.weights, weights.repeat(self.draws)]),
            made=torch.cat([lesson.made, torch.stack([first, second], 1).repeat(self.draws, 1)]),
        )


def recipes(history: History, labeled: Tensor, rounds: int) -> Iterator[Recipe]:
    """The pairs of the last rounds whose labels are both in; each once.

    Args:
        history: What was asked, with its notes.
        labeled: Rows that have a label.
        rounds: So many last rounds that have such a pair; 0: all.
    """
    known = set(labeled.tolist())
    by_round: dict[int, list[Recipe]] = {}
    for asked in history.asked:
        pairs: dict[int, list[tuple[int, float]]] = {}
        for row, note in zip(asked.rows, asked.notes, strict=True):
            if "pair" in note and row in known:
                pairs.setdefault(note["pair"], []).append((row, float(note["tau"])))
        both = [pair for pair in pairs.values() if len(pair) == 2]
        if both:
            found = [Recipe(one, other, tau) for (one, tau), (other, _) in both]
            by_round.setdefault(asked.round, []).extend(found)
    last = sorted(by_round)[-rounds:] if rounds else sorted(by_round)
    for number in last:
        yield from by_round[number]


def _mixed(one: Tensor, other: Tensor, share: Tensor) -> Tensor:
    kept = share.to(one).reshape(-1, *(1 for _ in one.shape[1:]))
    return kept * one + (1 - kept) * other


@dataclass(frozen=True)
class Moved(_Adding):
    """A learner, and the moved twins of pictures that a strategy bought, under the labels of these.
    [kim2021lada, InfoSTN, reconstructed]

    A pick's note ``moves`` says how it is moved, as `askance.learners.warps.WarpPolicy` learned it. The learner does as
    many steps as it does anyway.

    Args:
        learner: What is fitted.
        bounds: Those of the policy.
        rounds: The picks of so many last rounds count; 0: those of all.
        weight: How much a twin weighs beside its picture.
    """

    revision: ClassVar[int] = 2  # learners choose and stop by what people labeled alone

    bounds: tuple[float, float, float] = (15.0, 0.15, 0.1)
    rounds: int = 1
    weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds < 0 or not self.weight > 0:
            raise BadInput(f"{self} adds nothing. Use rounds of 0 or more and a weight above 0.")

    def _found(self, lesson: Lesson) -> dict[int, tuple[float, ...]]:
        return dict(moves_of(lesson.history, lesson.labeled, self.rounds))

    def _told(self, found: Mapping[int, tuple[float, ...]]) -> dict[str, int]:
        return {"moved": len(found)}

    def _with(self, lesson: Lesson, found: Mapping[int, tuple[float, ...]]) -> Lesson:
        rows = torch.tensor(sorted(found))
        places = torch.searchsorted(lesson.labeled, rows)
        twins = moved_pictures(
            take(lesson.items, rows), torch.tensor([found[row] for row in rows.tolist()]), self.bounds
        )
        keys = (lesson.dice.of("twins").uniform(lesson.keys[rows]) * 2**52).long()
        return replace(
            lesson,
            items=torch.cat([lesson.items, twins]),
            keys=torch.cat([lesson.keys, keys]),
            labeled=torch.cat([lesson.labeled, len(lesson.keys) + torch.arange(len(rows))]),
            targets=torch.cat([lesson.targets, lesson.targets[places]]),
            weights=torch.cat([lesson.weights, self.weight * lesson.weights[places]]),
            made=torch.cat([lesson.made, torch.stack([rows, rows], 1)]),
        )


def moves_of(history: History, labeled: Tensor, rounds: int) -> Iterator[tuple[int, tuple[float, ...]]]:
    """Labeled picks of the last rounds whose note says how they are moved, and how."""
    known = set(labeled.tolist())
    told = [
        (asked.round, row, tuple(note["moves"]))
        for asked in history.asked
        for row, note in zip(asked.rows, asked.notes, strict=True)
        if "moves" in note and row in known
    ]
    numbers = sorted({number for number, *_ in told})
    last = set(numbers[-rounds:] if rounds else numbers)
    yield from ((row, moves) for number, row, moves in told if number in last)

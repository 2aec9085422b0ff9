"""When to stop: criteria that read a study, combine with & and |, and say in a sentence what they found.

Nothing here reads a label that was not told. What is compared are the answers that models of the study give to a fixed
part of the pool: the newest model, and those from when there were fewer labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from askance import arrays
from askance.errors import BadInput
from askance.look import predict
from askance.look import threads as inner_threads
from askance.metrics import Z95
from askance.pool import LABELED, PENDING, UNLABELED
from askance.seeds import Dice
from askance.study.steps import Steps
from askance.task import Classes, Named, Targets, Task

STOP_SET = 2000  # items whose answers are compared
SHARES = (1.0, 0.87, 0.76, 2 / 3)  # models that are compared: of all labels there are, and of these shares of them
OLDEST = 1 / 3  # an older model than from so many of the labels tells little of what the next ones bring

# What changed answers are worth. Fitted to seeds 100 to 119 of benchmarks/stopping.py, five data sets and three times
# the labels at most; docs/stopping.md has the seeds that took no part in it.
NET = 0.22  # of answers that change, so many more become right than wrong
RATE = 0.5  # what labels are worth shrinks with this power of their number
SPREAD = 0.25  # how far NET differs between data sets, in parts of the forecast
WANDER = 0.06  # how far NET differs from one stretch of labels to the next, in parts of the answers that will change


@dataclass(frozen=True)
class Part:
    """What one criterion found.

    Args:
        criterion: Its class.
        met: Whether it says stop; None: it cannot tell.
        value: The number that it looks at, None where there is none; of `Gain` a share, 0.01 is one point.
        low: Lower end of the value's 95 % interval, if it has one.
        high: Upper end.
        wanted: The number that the value is held against.
        said: In words, to stand in the middle of a sentence.
    """

    criterion: str
    met: bool | None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    wanted: float | None = None
    said: str = ""

    @property
    def known(self) -> bool:
        """Whether the criterion could tell."""
        return self.met is not None


class Reading(NamedTuple):
    """What a criterion, plain or combined, says: whether to stop, the parts that decided it, and all parts."""

    met: bool
    why: tuple[Part, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Criterion:
    """A reason to stop. ``a & b`` wants both, ``a | b`` either. A subclass writes `part`.

    >>> Budget(500) | Foreseen() & EmptyRegion()
    Either(of=(Budget(labels=500), Every(of=(Foreseen(share=0.9, answers=50), EmptyRegion()))))
    """

    def __and__(self, other: Criterion) -> Every:
        return Every((*self._within(Every), *other._within(Every)))

    def __or__(self, other: Criterion) -> Either:
        return Either((*self._within(Either), *other._within(Either)))

    def part(self, seen: Evidence) -> Part:
        """What a plain criterion finds."""
        raise TypeError(f"{type(self).__name__} does not say what it finds")

    def read(self, seen: Evidence) -> Reading:
        """What the criterion says of a study."""
        part = self.part(seen)
        return Reading(part.met is True, (part,), (part,))

    def serves(self, task: Task) -> bool:
        """Whether it means something for a task; where it does not, `Every` and `Either` leave it out."""
        return True

    def _within(self, kind: type[Criterion]) -> tuple[Criterion, ...]:
        return (self,)

    def _above(self, least: float, **usual: float) -> None:
        """Refuse fields that are not above a number; each is named with a value that would do."""
        for name, value in usual.items():
            if not getattr(self, name) > least:
                raise BadInput(
                    f"{type(self).__name__}({name}={getattr(self, name)}) is not above {least}. Use {name}={value}."
                )

    def _shares(self, **usual: float) -> None:
        """Refuse fields that are not above 0 and up to 1."""
        for name, value in usual.items():
            if not 0 < getattr(self, name) <= 1:
                raise BadInput(
                    f"{type(self).__name__}({name}={getattr(self, name)}) is not above 0 and up to 1. "
                    f"Use {name}={value}."
                )


@dataclass(frozen=True)
class _Combined(Criterion):
    of: tuple[Criterion, ...]

    def serves(self, task: Task) -> bool:
        return any(one.serves(task) for one in self.of)

    def _within(self, kind: type[Criterion]) -> tuple[Criterion, ...]:
        return self.of if type(self) is kind else (self,)

    def _readings(self, seen: Evidence) -> list[Reading]:
        return [one.read(seen) for one in self.of if one.serves(seen.task)]


@dataclass(frozen=True)
class Every(_Combined):
    """Stop when all of some criteria say so."""

    def read(self, seen: Evidence) -> Reading:
        found = self._readings(seen)
        met = bool(found) and all(one.met for one in found)
        return Reading(met, _why(found, met), _parts(found))


@dataclass(frozen=True)
class Either(_Combined):
    """Stop when one of some criteria says so."""

    def read(self, seen: Evidence) -> Reading:
        found = self._readings(seen)
        met = any(one.met for one in found)
        return Reading(met, _why(found, met), _parts(found))


@dataclass(frozen=True)
class Budget(Criterion):
    """So many items are answered, with a label or without.

    Args:
        labels: How many.
    """

    labels: int

    def __post_init__(self) -> None:
        self._above(0, labels=500)

    def part(self, seen: Evidence) -> Part:
        met = seen.answered >= self.labels
        said = f"{'all' if met else f'{seen.answered} of the'} {self.labels} answers of the budget are there"
        return Part("Budget", met, seen.answered, wanted=self.labels, said=said)


@dataclass(frozen=True)
class EmptyRegion(Criterion):
    """The strategy finds no item worth a label (``stop: ...``), or none is left to ask."""

    def part(self, seen: Evidence) -> Part:
        if seen.left == 0:
            return Part("EmptyRegion", True, said="every item has been asked")
        why = seen.study.state.stopped
        said = f"the strategy finds nothing worth a label ({why})" if why else "items are left that the strategy asks"
        return Part("EmptyRegion", bool(why), said=said)


@dataclass(frozen=True)
class Stable(Criterion):
    """The answers of models from ever more labels agree: Cohen's kappa on the stop set, averaged over three rounds.

    After Bloodgood and Vijay-Shanker (2009), who compare successive models. How far successive models agree hangs on
    the size of the batches, though; here each of the compared models has seen about 15 % more labels than the one
    before. Sets of labels agree when they are the same. Of numbers, the concordance correlation is taken, which is what
    kappa with quadratic weights becomes.

    Args:
        kappa: From what agreement on answers count as stable.
        certain: Whether the lower end of the agreement's 95 % interval must reach it, too; the interval is that of the
            sampling of the stop set, which Bloodgood and Grothendieck (2013) would have made small.
    """

    kappa: float = 0.99  # Bloodgood and Vijay-Shanker (2009)
    certain: bool = False

    def __post_init__(self) -> None:
        self._shares(kappa=0.99)

    def part(self, seen: Evidence) -> Part:
        if seen.unclear:
            return Part("Stable", None, wanted=self.kappa, said=seen.unclear)
        rounds = [seen.agreement(one, before) for one, before in zip(seen.looks, seen.looks[1:], strict=False)]
        if len(rounds) < 2:
            return Part("Stable", None, wanted=self.kappa, said=_FEW)
        value, error = (sum(column) / len(rounds) for column in zip(*rounds, strict=True))
        if math.isnan(value):  # some of the older models gave every item the same answer
            return Part("Stable", None, wanted=self.kappa, said=_FEW)
        low, high = value - Z95 * error, min(1.0, value + Z95 * error)
        met = (low if self.certain else value) >= self.kappa
        said = f"{seen.movement(met)} over the last {seen.looks[0].labels - seen.looks[-1].labels} labels"
        return Part("Stable", met, value, low, high, self.kappa, said)


@dataclass(frozen=True)
class Gain(Criterion):
    """More labels would bring less than so many points of accuracy, as far as changed answers tell.

    While the labels grew by half, or more, some answers on the stop set changed. Of these, a share `NET` more became
    right than wrong, and what the next labels bring shrinks with a power `RATE` of their number: that is the forecast
    (`forecast`). It stops where even the upper end of the forecast's 95 % interval is less than the points. Of sets of
    labels, the accuracy is the share of items with every label right. Numbers have no accuracy.

    A learner that gives other answers whenever it is trained (a small network from random weights) changes answers for
    nothing; the forecast is then too high, and goes on for too long.

    Args:
        points: Points of accuracy; 1 is one item in a hundred.
        times: For how many times the labels there are, or all items if they are fewer; None: for the next batch.
        batch: Labels of which the sentence says what they are worth.
    """

    points: float = 1.0
    times: float | None = 3.0
    batch: int = 50

    def __post_init__(self) -> None:
        self._above(0, points=1.0, batch=50)
        if self.times is not None:
            self._above(1, times=3.0)

    def serves(self, task: Task) -> bool:
        return not isinstance(task, Targets)

    def part(self, seen: Evidence) -> Part:
        points = self.points / 100
        if not self.serves(seen.task):
            return Part("Gain", None, wanted=points, said="numbers have no accuracy that could grow")
        if seen.unclear:
            return Part("Gain", None, wanted=points, said=seen.unclear)
        new, old = seen.looks[0], seen.looks[-1]
        if not OLDEST * new.labels <= old.labels <= SHARES[-1] * new.labels + _ROUNDING:
            return Part("Gain", None, wanted=points, said=_FEW)
        changed = seen.changed(new, old)
        near, far = self._more(new.labels, seen.left)
        value, low, high = forecast(changed, len(seen.rows), old.labels, new.labels, new.labels + far)
        met = high < points
        what = self._horizon(far, seen.left)
        if met:
            said = f"{what} {'are worth' if self.times is None else 'would add'} less than {_points(self.points)}"
        else:
            soon = forecast(changed, len(seen.rows), old.labels, new.labels, new.labels + near)
            said = f"another {near} labels are worth about {_worth(*soon)}"
            if self.times is not None:
                said += f", and {what.removeprefix('even ')} about {_worth(value, low, high)}"
        return Part("Gain", met, value, low, high, points, said)

    def _more(self, labels: int, left: int) -> tuple[int, int]:
        """How many labels the batch is, and how many the horizon, as long as there are so many items."""
        near = min(self.batch, left)
        return near, near if self.times is None else min(math.ceil((self.times - 1) * labels), left)

    def _horizon(self, far: int, left: int) -> str:
        if self.times is None:
            return f"another {far} labels"
        if far == left:
            return f"even labels for all {left} items that are left"
        return f"even {_TIMES.get(self.times, f'{self.times:g} times')} the labels"


@dataclass(frozen=True)
class Foreseen(Criterion):
    """The model foresaw the answers to what was asked last: the accuracy on the latest batches before they were taught.

    After the minimum error of Zhu and Hovy (2007). A strategy that asks what is doubtful asks the hardest items there
    are, so the accuracy on all others is higher. One that asks at random measures the accuracy itself, and where it
    cannot get that high, this never stops.

    Args:
        share: From what share of foreseen answers on to stop.
        answers: How many of the last answers to look at, at least.
    """

    share: float = 0.9  # Zhu and Hovy (2007)
    answers: int = 50

    def __post_init__(self) -> None:
        self._shares(share=0.9)
        self._above(0, answers=50)

    def serves(self, task: Task) -> bool:
        return not isinstance(task, Targets)

    def part(self, seen: Evidence) -> Part:
        if not self.serves(seen.task):
            said = "numbers are never foreseen to the last digit"
            return Part("Foreseen", None, wanted=self.share, said=said)
        right, looked = seen.foreseen(self.answers)
        if looked < self.answers:
            said = f"only {looked} answers can be compared with what the model foresaw"
            return Part("Foreseen", None, wanted=self.share, said=said)
        met = right / looked >= self.share
        said = f"the model foresaw {'' if met else 'only '}{right} of the last {looked} answers"
        return Part("Foreseen", met, right / looked, wanted=self.share, said=said)


DEFAULT: Criterion = (Gain() & Stable(kappa=0.98)) | EmptyRegion()  # chosen on seeds 100 to 119, see docs/stopping.md


@dataclass(frozen=True)
class Stop:
    """Whether to stop, and why.

    Args:
        now: Whether the criterion says stop.
        sentence: The same for whoever labels.
        parts: What each criterion found.
    """

    now: bool
    sentence: str
    parts: tuple[Part, ...]

    def as_json(self) -> dict[str, Any]:
        """The verdict as JSON: ``now``, ``sentence`` and a list of ``parts``."""
        return {"now": self.now, "sentence": self.sentence, "parts": [asdict(part) for part in self.parts]}


def verdict(study: Steps, criterion: Criterion = DEFAULT) -> Stop:
    """Whether a study can stop: a function of its journal, which it does not write to.

    It looks at the models that were fitted so far and fits none for labels that came since. A model that is in no
    cache any more is fitted again. At most four models are asked, about half of the pool each and `STOP_SET` items at
    most; `Foreseen` asks about the items that were answered last, too.

    Args:
        study: The study.
        criterion: When to stop.

    Raises:
        BadInput: If the criterion is none.
    """
    if not isinstance(criterion, Criterion):
        raise BadInput(
            f"{criterion!r} is no criterion for stopping. Use DEFAULT, or combine some, such as Budget(500) | Stable()."
        )
    found = criterion.read(Evidence(study))
    if found.met:
        return Stop(True, f"You can stop: {_joined([part.said for part in found.why])}.", found.parts)
    told = [part for part in found.why if part.value is not None] or list(found.why)  # a number tells more
    said = told[0].said if told else f"no part of the criterion means anything for {type(study.state.task).__name__}"
    return Stop(False, f"Go on: {said}.", found.parts)


def forecast(changed: float, items: int, before: int, labels: int, later: int) -> tuple[float, float, float]:
    """What more labels are worth, from how many answers changed so far; with its 95 % interval.

    With c = `RATE`, the way from ``before`` to ``labels`` is ``(before / labels)^-c - 1`` and the way ahead
    ``1 - (labels / later)^c``, both in parts of what the model lacks at ``labels``. The gain is `NET` times the share
    of changed answers, stretched by the ratio of the ways. Its variance is that of `NET` between data sets (`SPREAD`)
    and from one stretch to the next (`WANDER`), and that of sampling ``items``.

    Args:
        changed: The share of answers that changed.
        items: How many items that share was counted on.
        before: Labels of the older model.
        labels: Labels of the newer one.
        later: Labels to look ahead to.

    Returns:
        The gain in accuracy as a share, and the ends of its interval.

    >>> [round(end, 4) for end in forecast(0.02, 2000, before=200, labels=300, later=300)]
    [0.0, 0.0, 0.0]
    >>> gain, low, high = forecast(0.02, 2000, before=200, labels=300, later=900)
    >>> round(gain, 4)                                          # 0.22 x 0.02 x 0.4226 / 0.2247, and half an item
    0.0084
    """
    share = (changed * items + 0.5) / (items + 1)  # none changed of 100 is not none of all
    ways = (1 - (labels / later) ** RATE) / ((before / labels) ** -RATE - 1)
    gain = NET * share * ways
    sampling = NET * ways * math.sqrt(share * (1 - share) / items)
    wander = WANDER * share * math.sqrt(ways)  # answers change with the root of the way: they change back, too
    half = Z95 * math.sqrt((SPREAD * gain) ** 2 + wander**2 + sampling**2)
    return gain, gain - half, gain + half


class Look(NamedTuple):
    """One model's answers to the stop set: columns of classes (items, 1), of labels (items, labels), or numbers."""

    labels: int
    answers: Tensor


class _Lesson(NamedTuple):
    """How many labels a fit learned from, and the task they were labels of."""

    labels: int
    task: Task


class Evidence:
    """What criteria read of a study, each thing once.

    Args:
        study: The study.
    """

    def __init__(self, study: Steps) -> None:
        self.study = study
        self.task = study.state.task

    @property
    def answered(self) -> int:
        """Items that are answered, with a label or without."""
        return len(self.study.state.sides) - self.left

    @property
    def left(self) -> int:
        """Items without an answer."""
        return self.study.state.count(UNLABELED) + self.study.state.count(PENDING)

    @cached_property
    def rows(self) -> Tensor:
        """The stop set: rows of the pool by a hash of their ids, ascending."""
        keys = self.study.state.pool.keys
        count = max(1, min(STOP_SET, 2 * len(keys) // len(SHARES)))  # so that all looks cost two looks at the pool
        return Dice(self.study.state.seed, "stop").uniform(keys).argsort()[:count].sort().values

    @cached_property
    def looks(self) -> tuple[Look, ...]:
        """What the newest model answers, and those before it with the labels of `SHARES`; each model once."""
        fits = self.study.state.fits
        labels = [0 if fit.diverged else then.labels for fit, then in zip(fits, self._lessons, strict=True)]
        if not labels or not labels[-1]:
            return ()
        chosen = []
        for share in SHARES:
            enough = [fit for fit, count in enumerate(labels) if 0 < count <= share * labels[-1] + _ROUNDING]
            chosen += enough[-1:]
        items = arrays.take(self.study.state.pool.items, self.rows)
        return tuple(Look(labels[fit], self._answers(fit, items)) for fit in dict.fromkeys(chosen))

    @cached_property
    def unclear(self) -> str:
        """Why looks cannot be compared, in words; empty if they can."""
        state = self.study.state
        if state.cold:
            return f"it is too early to tell, as {state.missing}"
        if not self.looks:
            failed = state.fits and state.fits[-1].diverged
            return "the training of the newest model failed" if failed else "no model has learned from a label yet"
        if len(self.looks) < 2:
            return _FEW
        newest = self.looks[0].answers
        if bool((newest == newest[:1]).all()):
            return "the model still gives every item the same answer"
        return ""

    def changed(self, new: Look, old: Look) -> float:
        """The share of items that two models answer differently; of numbers, how far they moved in spreads."""
        if isinstance(self.task, Targets):
            moved = (new.answers - old.answers).square().mean().sqrt()
            return float(moved / new.answers.std(0, correction=0).square().mean().sqrt().clamp(min=1e-300))
        return float((new.answers != old.answers).any(1).double().mean())

    def agreement(self, new: Look, old: Look) -> tuple[float, float]:
        """Kappa of two models' answers, or the concordance of their numbers, with its standard error."""
        if isinstance(self.task, Targets):
            return concordance(new.answers, old.answers)
        codes = torch.cat([new.answers, old.answers])
        if codes.shape[1] > 1:  # every set of labels is a class of its own
            codes = torch.unique(codes, dim=0, return_inverse=True)[1].unsqueeze(1)
        return kappa(codes[: len(new.answers), 0], codes[len(new.answers) :, 0])

    def movement(self, still: bool) -> str:
        """How much answers changed from the oldest look to the newest, in words."""
        changed = f"{'only ' if still else ''}{self.changed(self.looks[0], self.looks[-1]):.1%}"
        if isinstance(self.task, Targets):
            return f"the model's numbers have moved by {changed} of their spread"
        return f"the model's answers have changed on {changed} of the items"

    def foreseen(self, answers: int) -> tuple[int, int]:
        """Of the last labels that a strategy asked for, how many the model it asked by foresaw, and out of how many."""
        state = self.study.state
        asked: dict[int, int] = {}  # for each row, the fit it was last asked by
        for line in reversed(self.study.journal.read()):
            if len(asked) >= answers:
                break
            if line.kind == "asked" and line.number <= state.line and not state.fits[line.body["fit"]].diverged:
                rows = zip(state.pool.rows(line.body["ids"]), line.body["streams"], strict=True)
                mine = [row for row, stream in rows if stream == "active" and state.sides[row] == LABELED]
                asked = dict.fromkeys(mine, line.body["fit"]) | asked
        right = 0
        for fit in set(asked.values()):
            index = torch.tensor([row for row, by in asked.items() if by == fit])
            guessed = self._answers(fit, arrays.take(state.pool.items, index))
            told = _read(state.targets[0][torch.searchsorted(state.labeled, index)], self.task, self.task)
            right += int((guessed == told).all(1).sum())
        return right, len(asked)

    @cached_property
    def _lessons(self) -> list[_Lesson]:
        """What each fit learned from."""
        states = (self.study.replay(fit.through) for fit in self.study.state.fits)  # each ends with the next
        return [_Lesson(state.count(LABELED), state.task) for state in states]

    def _answers(self, fit: int, items: Any) -> Tensor:
        """What the model of a fit answers, in the columns that the task has now."""
        state = self.study.state
        task = self._lessons[fit].task
        with inner_threads(state.threads):
            said = predict(self.study.models.task(state.fits, fit), items, task, min(state.piece, len(items)))
        return _read(said, task, self.task)


def kappa(first: Tensor, second: Tensor) -> tuple[float, float]:
    """Cohen's kappa of two codings, and its standard error by the jackknife; NaN where chance agrees on everything.

    Args:
        first: Codes from 0, int64 (items,).
        second: Codes of the same items.

    >>> round(kappa(tensor([0, 0, 1, 1]), tensor([0, 0, 1, 0]))[0], 4)          # 3/4 agree, 1/2 by chance
    0.5
    """
    width = int(max(first.max(), second.max())) + 1
    one, other = (torch.bincount(codes, minlength=width).double() for codes in (first, second))
    both = (first == second).double()

    def value(same: Tensor, chance: Tensor, items: int) -> Tensor:
        return (items * same - chance) / (items * items - chance)

    items, same, chance = len(first), both.sum(), (one * other).sum()
    left = value(same - both, chance - other[first] - one[second] + both, items - 1)
    return float(value(same, chance, items)), _jackknife(left)


def concordance(first: Tensor, second: Tensor) -> tuple[float, float]:
    """Lin's concordance correlation, averaged over columns, and its standard error by the jackknife.

    Args:
        first: Numbers, (items, targets).
        second: Numbers for the same items.

    >>> round(concordance(tensor([[0.0], [2.0]]), tensor([[1.0], [3.0]]))[0], 4)    # 2 x 1 / (1 + 1 + 1)
    0.6667
    """
    one, other = first.double(), second.double()
    parts = (one, other, one * one, other * other, one * other)

    def value(items: int, take: Callable[[Tensor], Tensor]) -> Tensor:
        x, y, xx, yy, xy = (take(part) for part in parts)
        apart = xx - x * x / items + yy - y * y / items + (x - y) ** 2 / items
        return (2 * (xy - x * y / items) / apart).mean(-1)

    left = value(len(one) - 1, lambda part: part.sum(0) - part)
    return float(value(len(one), lambda part: part.sum(0))), _jackknife(left)


_ROUNDING = 1e-9
_FEW = "too few models have been trained to see what more labels change"
_TIMES = {2.0: "twice", 3.0: "three times", 4.0: "four times", 5.0: "five times"}


def _jackknife(left: Tensor) -> float:
    """The standard error of a number, from what it is without each item."""
    return float(((len(left) - 1) * (left - left.mean()).square().mean()).sqrt())


def _read(said: Tensor, then: Task, now: Task) -> Tensor:
    """Linked scores as answers, in today's columns: classes and labels may have been added, renamed or merged."""
    if not isinstance(then, Named) or not isinstance(now, Named):
        return said.double()
    column = torch.tensor([now.index(name) for name in then.names], dtype=torch.int64)
    if isinstance(then, Classes):
        return column[said.argmax(1, keepdim=True)]
    out = torch.zeros(len(said), now.width, dtype=torch.int64)
    for place, to in enumerate(column.tolist()):  # of labels that were merged, either
        out[:, to] |= (said[:, place] >= 0.5).long()
    return out


def _why(found: Sequence[Reading], met: bool) -> tuple[Part, ...]:
    """The parts of those that decided: that say stop where it stops, that say go on where it goes on."""
    return tuple(part for one in found if one.met == met for part in one.why)


def _parts(found: Sequence[Reading]) -> tuple[Part, ...]:
    return tuple(part for one in found for part in one.parts)


def _joined(said: Sequence[str]) -> str:
    """Phrases as one.

    >>> _joined(["a", "b", "c"])
    'a, b, and c'
    """
    return ", and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def _points(value: float) -> str:
    return f"{value:g} point{'s' * (value != 1)}"


def _worth(gain: float, low: float, high: float) -> str:
    """A gain in points, such as ``+1.1 points (0.2 to 2.0)``."""
    return f"+{_tenths(gain)} points ({_tenths(low)} to {_tenths(high)})"  # a forecast is never below 0


def _tenths(share: float) -> str:
    text = f"{100 * share:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "−")

"""When to stop: criteria that read a study, combine with & and |, and say in a sentence what they found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from askance.errors import BadInput
from askance.metrics import Z95
from askance.study.looks import FEW, ROUNDING, SHARES, Evidence
from askance.study.steps import Steps
from askance.task import Targets, Task

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
    before, and two rounds do where no older model is left. Sets of labels agree when they are the same. Of numbers, the
    concordance correlation is taken, which is what kappa with quadratic weights becomes.

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
            return Part("Stable", None, wanted=self.kappa, said=FEW)
        value, error = (sum(column) / len(rounds) for column in zip(*rounds, strict=True))
        if math.isnan(value):  # some of the older models gave every item the same answer
            return Part("Stable", None, wanted=self.kappa, said=FEW)
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
        if not OLDEST * new.labels <= old.labels <= SHARES[-1] * new.labels + ROUNDING:
            return Part("Gain", None, wanted=points, said=FEW)
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


_TIMES = {2.0: "twice", 3.0: "three times", 4.0: "four times", 5.0: "five times"}


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

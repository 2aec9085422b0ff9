"""The live proof: how good the model is, whether asking this way helps, and how many labels that saved."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from askance.learners.base import Learner, Lesson
from askance.look import threads as inner_threads
from askance.study.arms import Arms, Taught
from askance.study.curve import Saved, saved
from askance.study.evidence import Evidence, evidence
from askance.study.gain import Gain, gain
from askance.study.intervals import interval
from askance.study.models import lesson_of
from askance.study.saying import accuracy_said, gain_said, saved_said, verdict_said
from askance.study.score import FOLDS, Score
from askance.study.study import Study
from askance.study.today import Today
from askance.study.weighted import error, is_share, resampled, value

ENOUGH = 20  # control labels for a statement on asking; with fewer a fold is three items or less
MOST = 1000  # control labels that are still worth naming as what lacks

Verdict = Literal["unknown", "helps", "hurts", "undecided"]
Why = Literal["", "none", "control", "active"]


@dataclass(frozen=True)
class Point:
    """A point of a learning curve, with its 95 % interval.

    Args:
        labels: How many a model learned from.
        value: The metric.
        low: Lower end.
        high: Upper end.
        arm: ``control``: labels drawn at random; ``active``: the first that were asked for; ``all``: all there are.
    """

    labels: int
    value: float
    low: float
    high: float
    arm: str


@dataclass(frozen=True)
class Proof:
    """What a study's control items prove of it.

    Args:
        accuracy: How good the model of all labels is; None with fewer than 2 labeled control items.
        skipped: Control items that were shown and carry no label. They widen the intervals.
        gain: By how much asking this way teaches better than drawing at random; None until there is enough.
        saved: Labels that asking saved, an extrapolation; None until there is enough.
        withheld: Whether that is not to be shown: its sign is open, or asking this way is not known to help.
        more: About how many more control labels would decide what is open; 0 if nothing is. Never above `MOST`.
        verdict: Whether asking this way helps.
        why: What is missing, where the verdict is unknown: ``control`` labels, of which ``none`` are drawn, or labels
            that were asked for, ``active``.
        curve: Points of both arms, and of all labels.
    """

    accuracy: Score | None
    skipped: int
    gain: Gain | None
    saved: Saved | None
    withheld: bool
    more: int
    verdict: Verdict
    why: Why
    curve: tuple[Point, ...]

    @property
    def sentence(self) -> str:
        """The verdict, for the people who label."""
        return verdict_said(self.verdict, self.why, self.gain, self.more, self._metric, MOST)

    def as_json(self) -> dict[str, Any]:
        """The proof as plain values; None where an interval has no end."""
        accuracy, gain, saved = self.accuracy, self.gain, None if self.withheld else self.saved
        return {
            "accuracy": accuracy
            and {
                "value": accuracy.value,
                "low": accuracy.low,
                "high": accuracy.high,
                "items": accuracy.items,
                "skipped": self.skipped,
                "metric": accuracy.metric,
                "sentence": accuracy_said(accuracy, self.skipped),
            },
            "gain": gain
            and {
                "value": gain.value,
                "low": gain.low,
                "high": gain.high,
                "size": gain.size,
                "sentence": gain_said(gain, self._metric),
            },
            "saved": saved
            and {
                "value": _finite(saved.value),
                "low": _finite(saved.low),
                "high": _finite(saved.high),
                "extrapolated": True,
                "sentence": saved_said(saved),
            },
            "more": self.more,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "curve": [vars(point) for point in self.curve],
        }

    @property
    def _metric(self) -> str:
        return self.accuracy.metric if self.accuracy else "accuracy"


def prove(study: Study, skipped: Iterable[Any] = frozenset()) -> Proof:
    """How good a study's model is, whether asking this way helps, and how many labels it saved.

    Nothing is journaled, and the same journal gives the same proof. Up to 30 models are fitted.

    Args:
        study: With control items, ``Study(control=0.1)``.
        skipped: Ids of control items that people were shown and skipped; a mapping by such ids will do.

    Raises:
        BadInput: If the pool does not have such an id.
    """
    study.refresh()
    rows = [study.pool.row(name) for name in skipped]
    state = study.state
    if not state.controls and not state.control:
        return Proof(None, 0, None, None, True, 0, "unknown", "none", ())
    with inner_threads(state.threads):
        lesson = lesson_of(state, study.parts)
        return proven(lesson, study.learner, evidence(state, rows), state.seed, state.piece)


def proven(lesson: Lesson, learner: Learner, found: Evidence, seed: int, piece: int) -> Proof:
    """The same from its parts.

    Args:
        lesson: All that is labeled.
        learner: What learns.
        found: The items to look at.
        seed: The study's.
        piece: Rows in a piece.
    """
    skipped = len(found.skipped)
    if len(found.control) < 2:
        return Proof(None, skipped, None, None, True, ENOUGH - len(found.control), "unknown", "control", ())
    model = learner.fit(lesson)
    now = Today(lesson, learner, model, found, seed, piece)
    point = Point(len(lesson.labeled), now.score.value, now.score.low, now.score.high, "all")
    lacking = ENOUGH - len(found.control)
    if lacking > 0:
        return Proof(now.score, skipped, None, None, True, lacking, "unknown", "control", (point,))
    if len(found.active) < ENOUGH // 2:
        return Proof(now.score, skipped, None, None, True, 0, "unknown", "active", (point,))
    return _compared(Arms(lesson, learner, model, found, seed, piece), now, point)


def _compared(arms: Arms, now: Today, today: Point) -> Proof:
    """The proof where there is enough to compare both arms."""
    task, items = arms.task, len(arms.found.control)
    noise = 0.0 if is_share(task) else now.score.value**2
    fold, size = items // FOLDS, arms.size
    drawn = [arms.control(folds, folds * fold, noise) for folds in (1, 2) if folds * fold < size]
    drawn.append(arms.control(FOLDS - 1, size, noise))
    asked = [arms.active(one.labels) for one in drawn]
    found = gain(arms, asked[-1], drawn[-1])
    verdict: Verdict = "helps" if found.low > 0 else "hurts" if found.high < 0 else "undecided"
    less, times = _saved(arms, now, drawn) if len(drawn) > 2 else (None, None)
    shown = less is not None and verdict == "helps" and 0 < less.low < math.inf
    open_ = None if shown or verdict == "hurts" else found if verdict == "undecided" else times
    more = _lacking(items, open_.value, open_.low, open_.high) if open_ else 0
    curve = [_point(arms, one, "control") for one in drawn] + [_point(arms, one, "active") for one in asked]
    return Proof(now.score, len(arms.found.skipped), found, less, not shown, more, verdict, "", (*curve, today))


def _saved(arms: Arms, now: Today, curve: list[Taught]) -> tuple[Saved, Saved]:
    """Labels saved, and the logarithm of how many times as many chance would take."""
    drawn, known = zip(*(arms.parts(one) for one in curve), strict=True)
    control, rest = torch.cat([*drawn, now.drawn], 1), torch.cat([*known, now.known], 1)
    sums = resampled(control, rest, arms.found.weights, arms.seed)
    missed = error(arms.task, value(arms.task, sums.reshape(len(sums), -1, 2)))
    sizes, variances = np.array([(one.labels, one.variance) for one in curve], dtype=np.float64).T
    return saved(sizes, missed[:, :-1], variances, missed[:, -1], len(arms.lesson.labeled), arms.seed)


def _point(arms: Arms, taught: Taught, arm: str) -> Point:
    """How good models of one arm and size are."""
    found = arms.found
    weights = found.weights
    if arm == "active":
        weights = weights.of(~torch.isin(found.known, found.active[: taught.labels]))
    drawn, known = arms.parts(taught)
    sums = weights.drawn @ drawn + weights.known @ known
    low, high = interval(arms.task, drawn, known, weights, arms.seed)
    return Point(taught.labels, float(value(arms.task, sums.numpy())), low, high, arm)


def _lacking(items: int, value: float, low: float, high: float) -> int:
    """How many more control items would bring the nearer end of an interval to 0: ends move as 1 / sqrt(items)."""
    half = value - low if value > 0 else high - value
    if not value or not math.isfinite(half):
        return MOST
    return min(MOST, max(1, math.ceil(items * ((half / value) ** 2 - 1))))


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None

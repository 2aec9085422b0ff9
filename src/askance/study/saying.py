"""A proof in sentences for the people who label."""

from __future__ import annotations

import math

from askance.study.curve import Saved
from askance.study.gain import Gain
from askance.study.score import Score

_UNITS = {"accuracy": " points", "f1": " points of F1", "rmse": ""}
_DIGITS = {"accuracy": 100.0, "f1": 100.0, "rmse": 1.0}


def accuracy_said(score: Score, skipped: int) -> str:
    """How good the model is, such as ``Right on 83% of the items (from 74% to 90%), by 60 drawn at random.``"""
    low, high = (f"{score.low:.3g}", f"{score.high:.3g}")
    what = f"An error (RMSE) of {score.value:.3g}"
    if score.metric != "rmse":
        low, high = f"{score.low:.0%}", f"{score.high:.0%}"
        what = (
            f"Right on {score.value:.0%} of the items" if score.metric == "accuracy" else f"An F1 of {score.value:.0%}"
        )
    more = f"; {skipped} more without a label widen the span" if skipped else ""
    return f"{what} (from {low} to {high}), by {score.items} drawn at random{more}."


def gain_said(gain: Gain, metric: str) -> str:
    """The gain with its interval, such as ``+2.1 points (from -1.8 to 6.0), both with 64 labels.``"""
    return f"{_by(gain.value, metric, sign=True)}{_UNITS[metric]} {_span(gain, metric)}, both with {gain.size} labels."


def saved_said(saved: Saved) -> str:
    """The labels saved, and that it is an extrapolation."""
    if math.isinf(saved.value):
        return f"Asking this way saved {_count(saved.low)} labels or more. This is extrapolated."
    open_ = math.isinf(saved.high)
    span = f"{_count(saved.low)} or more" if open_ else f"from {_count(saved.low)} to {_count(saved.high)}"
    return f"Asking this way saved about {_count(saved.value)} labels ({span}). This is extrapolated."


def verdict_said(verdict: str, why: str, gain: Gain | None, more: int, metric: str, most: int) -> str:
    """One honest sentence on whether asking this way helps.

    Args:
        verdict: The proof's.
        why: What is missing where it is unknown.
        gain: Where it is known.
        more: About how many control labels are missing.
        metric: What is measured.
        most: From where on that number is not worth naming.
    """
    if gain is None:
        if why == "none":
            return "Unknown: this project draws no control items at random, so there is nothing to compare with."
        if why == "active":
            return "Unknown yet: nearly every label is of an item drawn at random, so there is nothing to compare with."
        return f"Unknown yet: about {more} more control label{'s' * (more != 1)}."
    amount = f"{_by(abs(gain.value), metric)}{_UNITS[metric]}"
    if verdict in ("helps", "hurts"):
        how = "better" if verdict == "helps" else "worse"
        advice = "" if verdict == "helps" else " Drawing at random would teach it more."
        return (
            f"Asking this way {verdict}: after {gain.size} labels the model is {amount} {how} than after as many "
            f"drawn at random {_span(gain, metric)}.{advice}"
        )
    lacking = f"more than {most:,}" if more >= most else f"about {more:,}"
    if gain.value > 0:
        return (
            f"Not decided: the difference to drawing at random lies between {_by(gain.low, metric)} and "
            f"{_by(gain.high, metric)}{_UNITS[metric]}; it would take {lacking} more control labels to tell."
        )
    return (
        f"So far asking this way gains nothing over drawing at random ({_by(gain.value, metric)}{_UNITS[metric]}, "
        f"{_span(gain, metric)[1:]}."
    )


def _by(number: float, metric: str, sign: bool = False) -> str:
    """A difference in points, or in the units of the numbers; never a minus before nothing."""
    scaled = number * _DIGITS[metric]
    text = f"{scaled:.3g}" if metric == "rmse" else f"{scaled:.1f}"
    text = text.removeprefix("-") if float(text) == 0 else text
    return f"+{text}" if sign and not text.startswith("-") else text


def _span(gain: Gain, metric: str) -> str:
    return f"(from {_by(gain.low, metric)} to {_by(gain.high, metric)})"


def _count(labels: float) -> str:
    return f"{round(labels):,}"

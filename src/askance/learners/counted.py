"""Weights of labels for what takes none: an item as often as it weighs."""

from __future__ import annotations

from dataclasses import replace

from askance.errors import BadInput
from askance.learners.base import Lesson


def counted(lesson: Lesson, name: str) -> Lesson:
    """The lesson with each labeled item as often as its weight says; as it is where all weigh the same.

    Args:
        lesson: What is learned, all weights above 0.
        name: What takes no weights.

    Raises:
        BadInput: If weights differ and are no whole numbers.
    """
    weights = lesson.weights
    if not len(weights) or bool((weights == weights[0]).all()):
        return lesson
    if bool((weights != weights.round()).any()):
        raise BadInput(
            f"{name} takes no weights of labels, and here they go from {float(weights.min()):.3g} to "
            f"{float(weights.max()):.3g}. Use what takes them, such as a scikit-learn estimator whose fit() has "
            f"sample_weight, or let all weigh the same or whole numbers: PseudoLabeled(weight=1), Virtual(draws=1)."
        )
    times = weights.long()
    return replace(
        lesson,
        labeled=lesson.labeled.repeat_interleave(times),
        targets=lesson.targets.repeat_interleave(times, 0),
        weights=weights.new_ones(int(times.sum())),
    )

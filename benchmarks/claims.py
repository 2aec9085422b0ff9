"""What a claim of a paper is here, and how a page tells it: a rule fixed beforehand, numbers, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from askance.lab.statistics import interval, paired_t
from askance.reports import words
from askance.reports.condensed import Condition
from askance.reports.results import Estimate

Verdict = Literal["holds", "holds in part", "does not hold", "not tested yet", "not testable here"]


@dataclass(frozen=True)
class Claim:
    """A claim and what became of it.

    Args:
        text: The claim, in our words.
        rule: When it holds here; fixed before the runs.
        verdict: Whether it does.
        numbers: What was measured, as sentences.
    """

    text: str
    rule: str
    verdict: Verdict
    numbers: tuple[str, ...] = ()

    def lines(self) -> str:
        """As Markdown."""
        told = "".join(f"  - {sentence}\n" for sentence in self.numbers)
        return f"- **{self.verdict.capitalize()}:** {self.text}\n  *{self.rule}*\n{told}"


def summary(claims: Sequence[Claim]) -> str:
    """How many hold, as a sentence."""
    kinds = dict.fromkeys(claim.verdict for claim in claims)
    return ", ".join(f"{kind}: {sum(c.verdict == kind for c in claims)}" for kind in kinds) or "none"


def gap(one: Condition, first: str, second: str) -> tuple[Estimate, float]:
    """The area of one strategy less that of another, paired by seed, and the p value of the paired t-test.

    Either may be an upper bound. Without a shared seed, or where one ends early, the numbers are NaN.
    """
    parts = {**one.strategies, **one.bounds}
    if first not in parts or second not in parts:
        return interval([]), float("nan")
    if not (parts[first].whole and parts[second].whole):
        return interval([]), float("nan")
    pairs = zip(parts[first].areas, parts[second].areas, strict=True)
    gaps = np.array([a - b for a, b in pairs if a is not None and b is not None])
    return interval(gaps), paired_t(gaps)


def told(found: Estimate) -> str:
    """A difference in points of a hundred, with its interval."""
    if not np.isfinite(found.mean):
        return "not run"
    mean, low, high = (words.signed(100 * value, 1) for value in (found.mean, found.low, found.high))
    return f"{mean} [{low}, {high}]" if np.isfinite(found.low) else mean

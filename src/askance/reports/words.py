"""Numbers and findings in words, the same on the page and in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from askance.reports.results import Comparison, Estimate, Row, Saved, Verdict

NONE = "–"
_FEW = 4  # strategies that a headline still names


def score(value: float, digits: int = 3) -> str:
    """A score, such as ``0.812``; a dash where there is none."""
    return plain(f"{value:.{digits}f}") if math.isfinite(value) else NONE


def signed(value: float, digits: int = 4) -> str:
    """A difference with its sign, such as ``+0.0192``."""
    return plain(f"{value:+.{digits}f}") if math.isfinite(value) else NONE


def span(estimate: Estimate, digits: int = 4) -> str:
    """The interval of a difference, such as ``[+0.0161, +0.0223]``; empty if there is none."""
    if not math.isfinite(estimate.low):
        return ""
    return f"[{signed(estimate.low, digits)}, {signed(estimate.high, digits)}]"


def between(found: Estimate, digits: int = 4) -> str:
    """The interval of a score, such as ``0.808–0.815``; empty if there is none."""
    if not math.isfinite(found.low):
        return ""
    return f"{score(found.low, digits)}–{score(found.high, digits)}"


def estimate(found: Estimate) -> str:
    """A score with its interval, such as ``0.812 (95% interval 0.808 to 0.815)``."""
    if not math.isfinite(found.low):
        return score(found.mean)
    return f"{score(found.mean)} (95% interval {score(found.low)} to {score(found.high)})"


def share(value: float) -> str:
    """A share with two decimals."""
    return score(value, 2)


def percent(value: float, digits: int = 1) -> str:
    """A share as a number of percent, without the sign."""
    return score(100 * value, digits)


def p_value(value: float) -> str:
    """A p value with three decimals, or that it is smaller than they can say."""
    if math.isnan(value):
        return NONE
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def labels_saved(saved: Saved) -> str:
    """Such as ``+62 [+50, +75]``; minus is labels lost, "never" is more than were bought."""
    if math.isnan(saved.low) or saved.high == -math.inf:
        return _count(saved.labels)
    return f"{_count(saved.labels)} [{_count(saved.low)}, {_count(saved.high)}]"


def seconds(value: float) -> str:
    """Seconds with three figures, without an exponent."""
    if not math.isfinite(value):
        return NONE
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 4
    return f"{value:,.{digits}f}"


def plain(text: str) -> str:
    """The same number with a real minus sign."""
    return text.replace("-", "−")


def count(number: int, one: str, many: str) -> str:
    """So many of something.

    >>> count(1, "seed", "seeds"), count(1200, "seed", "seeds")
    ('1 seed', '1,200 seeds')
    """
    return f"{number:,} {one if number == 1 else many}"


def listing(names: Sequence[str]) -> str:
    """Names as a sentence has them.

    >>> listing(["badge", "margin", "bald"])
    'badge, margin and bald'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def verdict(row: Row, baseline: str) -> str:
    """What the test says of a row."""
    words: dict[Verdict, str] = {
        "above": f"above {baseline}",
        "below": f"below {baseline}",
        "not different": "not different",
        "not tested": "not tested",
        "baseline": "baseline",
    }
    return words[row.verdict]


def findings(comparison: Comparison, metric: str) -> list[str]:
    """The result in sentences: the first one is the headline; who loses is said as plainly as who wins."""
    base = comparison.baseline
    if not comparison.rows:
        return ["There are no runs to show."]
    if not comparison.has_baseline:
        best = comparison.rows[0]
        return [
            f"Nothing is compared, because there are no runs of {base}.",
            f"The largest mean {metric} over the curve is {score(best.area.mean)}, by {best.strategy}. "
            f"Whether that beats {base} is not known: run {base} with the same seeds.",
        ]
    groups: dict[Verdict, list[Row]] = {"above": [], "below": [], "not different": [], "not tested": []}
    for row in comparison.rows:
        groups.setdefault(row.verdict, []).append(row)
    above, below = groups["above"], groups["below"]
    said = [_headline(groups, base)]
    if above:
        said.append(_best(max(above, key=_gain), base, metric))
    if len(above) > _FEW:
        said.append(f"Above {base}: {listing([row.strategy for row in above])}.")
    if below:
        losses = [f"{row.strategy} by {_loss(row, len(below) <= _FEW)}" for row in below]
        said.append(f"Below {base} in mean {metric} over the curve: {listing(losses)}.")
    if groups["not different"]:
        names = listing([row.strategy for row in groups["not different"]])
        said.append(f"Not told apart from {base} by these runs: {names}.")
    if groups["not tested"]:
        names = listing([row.strategy for row in groups["not tested"]])
        said.append(f"Not tested, as a test takes at least two seeds that {base} has too: {names}.")
    return said


def saved_sentence(saved: Saved, strategy: str, baseline: str) -> str:
    """Labels saved, lost or never reached, as one sentence."""
    place = "final" if saved.where == "end" else "midway"
    goal = f"{baseline}’s {place} score of {score(saved.score)}"
    if not saved.reached:
        return f"{strategy} never reaches {goal} within the labels bought."
    change = f"{abs(saved.labels):,.0f} labels {'fewer' if saved.labels > 0 else 'more'} than"
    if round(saved.labels) == 0:
        change = "as many labels as"
    worst = "not reaching it" if saved.low == -math.inf else plain(f"{saved.low:,.0f}")
    ends = "" if math.isnan(saved.low) else f" (95% interval of the saving: {worst} to {plain(f'{saved.high:,.0f}')})"
    return f"{strategy} reaches {goal} with {change} the {saved.baseline:,.0f} of {baseline}{ends}."


def _headline(groups: dict[Verdict, list[Row]], base: str) -> str:
    """Who beats the baseline and who loses to it: by name if they are few, else counted."""
    above, below = groups["above"], groups["below"]
    compared = len(above) + len(below) + len(groups["not different"])
    if not compared:
        return "Nothing is tested yet." if groups["not tested"] else f"Only {base} was run."
    if compared == 1:
        row = (above + below + groups["not different"])[0]
        verb = {"above": "beats", "below": "loses to"}.get(row.verdict, "is not told apart from")
        return f"{row.strategy} {verb} {base}."
    wins = (
        f"{_subject(above, f'{len(above) or None} of {compared} strategies')} {'beats' if len(above) < 2 else 'beat'}"
    )
    loses = f" {_subject(below, str(len(below)))} {'loses' if len(below) == 1 else 'lose'} to it." if below else ""
    return f"{wins} {base}.{loses}"


def _subject(rows: list[Row], counted: str) -> str:
    return listing([row.strategy for row in rows]) if 0 < len(rows) <= _FEW else counted


def _best(row: Row, base: str, metric: str) -> str:
    text = f"{row.strategy} gains most: {signed(_gain(row))} mean {metric} over the curve {_within(row)}".rstrip()
    end = next((saved for saved in row.saved if saved.where == "end"), None)
    return f"{text}. {saved_sentence(end, row.strategy, base)}" if end else f"{text}."


def _loss(row: Row, whole: bool) -> str:
    return f"{score(-_gain(row), 4)} {_within(row) if whole else ''}".rstrip()


def _within(row: Row) -> str:
    found = row.difference
    if found is None or math.isnan(found.low):
        return ""
    return f"(95% interval {signed(found.low)} to {signed(found.high)})"


def _gain(row: Row) -> float:
    return row.difference.mean if row.difference else math.nan


def _count(labels: float) -> str:
    if labels == -math.inf:
        return "never"
    return "0" if round(labels) == 0 else plain(f"{labels:+,.0f}")

"""The page about handwritten digits, in tables and in words, from the committed results."""

from __future__ import annotations

from functools import cache

from askance.lab.statistics import compare
from askance.reports import words
from askance.reports.results import Comparison, Estimate, Results, Row
from benchmarks.digits import FOLDER, TABLES, read

EXPECTED = {"margin": 0.905, "badge": 0.893, "random": 0.870, "entropy": 0.864}  # another implementation, 20 seeds


def digits_page() -> str:
    """The whole page."""
    results = _results(TABLES[0].file)
    sections = [f"## {table.title}\n\n{_table(_compared(table.file))}\n{_verdicts(table.file)}" for table in TABLES]
    return (
        f"# Handwritten digits, {len(results.settings['seeds'])} paired seeds\n\n{_protocol(results)}\n"
        + "\n".join(sections)
        + f"\n{_expected()}\n{_again(results)}"
    )


def numbers_in_readme() -> str:
    """A small table and how to read it: the default learner."""
    results, found = _results(TABLES[0].file), _compared(TABLES[0].file)
    lines = [
        "| Strategy | Mean accuracy | Final accuracy | Mean, against random | Labels saved |",
        "| --- | --: | --: | --: | --: |",
    ]
    for row in found.rows:
        gap, saved = row.difference, _saved(row)
        difference = f"{words.signed(gap.mean, 3)} {words.span(gap, 3)}" if gap else words.NONE
        cells = [f"`{row.strategy}`", words.score(row.area.mean), words.score(row.final.mean), difference, saved]
        lines.append(f"| {' | '.join(cells)} |")
    plan = results.settings
    return (
        "\n".join(lines) + f"\n\nHandwritten digits, {len(plan['seeds'])} paired seeds, {plan['initial']} labels to "
        f"begin with and then {plan['batch']} at a time up to {plan['budget']}. *Mean* is the accuracy on "
        f"{results.dataset['test']} held-out items averaged over all labels bought; brackets are 95% intervals; "
        "*labels saved* is how many fewer labels than random a strategy needs for random's final accuracy.\n"
    )


@cache
def _results(file: str) -> Results:
    return read(FOLDER / file)


@cache
def _compared(file: str, baseline: str = "random") -> Comparison:
    return compare(_results(file), baseline)


def _protocol(results: Results) -> str:
    data, plan = results.dataset, results.settings
    rounds = (plan["budget"] - plan["initial"]) // plan["batch"]
    return (
        f"scikit-learn's digits: {data['items']:,} pictures of 8 x 8 pixels, {len(data['classes'])} classes. Each seed "
        f"holds out {data['test']} pictures for scoring, draws {plan['initial']} labels at random, and buys "
        f"{plan['batch']} more in each of {rounds} rounds. Split, first labels and dice follow from the seed alone, so "
        "the strategies of one seed are paired. The model sees the pixels as they are, with a softmax layer on top; "
        "no cold-start strategy stands in for another.\n\n"
        "*Mean* is the accuracy averaged over the labels bought (the area under the learning curve). Brackets are 95% "
        "intervals: Student's for means and paired differences, a bootstrap over seeds for the labels saved. *p* is a "
        "paired t-test against random, adjusted by Holm's method for the number of strategies.\n"
    )


def _table(found: Comparison) -> str:
    lines = [
        "| Strategy | Mean accuracy | Final accuracy | Mean, against random | p | Won, lost, tied | Labels saved |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for row in found.rows:
        gap = row.difference
        cells = [
            f"`{row.strategy}`",
            _with_interval(row.area),
            _with_interval(row.final),
            f"{words.signed(gap.mean)} {words.span(gap)}" if gap else words.NONE,
            words.p_value(row.p_holm),
            f"{row.wins}, {row.losses}, {row.ties}" if gap else words.NONE,
            _saved(row),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _with_interval(found: Estimate) -> str:
    return f"{words.score(found.mean)} [{words.score(found.low)}, {words.score(found.high)}]"


def _saved(row: Row) -> str:
    return next((words.labels_saved(saved) for saved in row.saved if saved.where == "end"), words.NONE)


def _verdicts(file: str) -> str:
    """Who is above whom, in words."""
    pairs = [_pair(file, "margin", "badge"), _pair(file, "badge", "random")]
    holds = all(row.verdict == "above" for row, _ in pairs)
    _, entropy = _pair(file, "entropy", "random")
    rows = _compared(file).rows
    above = [row.strategy for row in rows if row.verdict == "above"]
    others = [row.strategy for row in rows if row.verdict in ("below", "not different")]
    return (
        f"- The order margin > BADGE > random {'holds' if holds else 'does not hold'}: "
        f"{' and '.join(text for _, text in pairs)}.\n"
        f"- {entropy[0].upper()}{entropy[1:]}.\n"
        f"- Above random: {words.listing(above)}. Not above random: {words.listing(others)}.\n"
    )


def _pair(file: str, one: str, other: str) -> tuple[Row, str]:
    """One strategy against another, as a row and as a clause; p is adjusted as in the tables."""
    row = next(row for row in _compared(file, other).rows if row.strategy == one)
    gap = row.difference
    assert gap is not None
    said = {"above": "is above", "below": "is below"}.get(row.verdict, "is not told apart from")
    test = f"p = {words.p_value(row.p_holm)}".replace("= <", "< ")
    return row, f"{one} {said} {other} ({words.signed(gap.mean)} {words.span(gap)}, {test})"


def _expected() -> str:
    lines = [
        "| Strategy | Expected | Cross-validated ridge | Ridge 1 |",
        "| --- | --: | --: | --: |",
    ]
    means = [{row.strategy: row.area.mean for row in _compared(table.file).rows} for table in TABLES]
    for name, value in EXPECTED.items():
        lines.append(f"| `{name}` | {value:.3f} | {' | '.join(words.score(found[name]) for found in means)} |")
    wanted = sorted(EXPECTED, key=EXPECTED.__getitem__, reverse=True)
    got = [" > ".join(sorted(EXPECTED, key=found.__getitem__, reverse=True)) for found in means]
    return (
        "## Against what was expected\n\n"
        "An earlier measurement of the same protocol, 20 seeds with small NumPy and scikit-learn scripts, gave the "
        "means below. Its levels are no goal, as they hang on the ridge and on the splits; the order is.\n\n"
        + "\n".join(lines)
        + f"\n\nExpected: {' > '.join(wanted)}. With a cross-validated ridge: {got[0]}. With ridge 1: {got[1]}. "
        "Entropy is the one whose place hangs on the learner.\n"
    )


def _again(results: Results) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return (
        "## Run it again\n\n"
        "`python -m benchmarks.digits` runs both tables, a few minutes on two cores, and writes "
        "[the results](results/); `make docs` writes this page from them. "
        f"These were made with {versions}.\n"
    )

"""What docs/papers/neural-cal.md says, from docs/results/neural-cal.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from askance.metrics import GAMMAS
from askance.reports import words
from benchmarks.kept import outdated
from benchmarks.measure import ROOT
from benchmarks.neural_cal import FILE, FOURIER, RIDGE, decides
from benchmarks.paired import Gap, Rows, gaps, points, score, table, tidy

SMOKE = ROOT / "docs" / "lab" / "smoke.json"
GATE = "gate, beta 2"
TITLES = {
    "honeypot": "Honeypot: two clear clouds, and half of the items at a place where labels are chance",
    "fourier": f"The same by {FOURIER} random Fourier features",
    "clean": "Clean: the two clear clouds alone",
}
SHOWN = (
    *("random", "margin", GATE, "gate, beta 1", "gate, beta 2, widest", "gate, beta 1, widest"),
    *("gate, square loss", "gate, members", "version space"),
)
ORDERS = (("margin", "random"), (GATE, "random"), (GATE, "margin"))  # what the expectations hold against each other
NEAR = 1.0  # points that may be lost where something is to be as good as another
STOPS = ("gate, stops", "gate, beta 1, stops", "version space")


def pairs() -> list[tuple[str, str]]:
    """What is tested together, case by case."""
    asks = [name for name in SHOWN if name not in ("random", "margin")]
    return [("margin", "random"), *((name, other) for name in asks for other in ("random", "margin"))]


def neural_cal_page() -> str:
    """The page."""
    kept = json.loads(FILE.read_text("utf-8"))
    cases: Mapping[str, Rows] = kept["cases"]
    tested = {case: {what: _tested(found, what) for what in ("area", "clean")} for case, found in cases.items()}
    seeds = len(cases["honeypot"]["random"]["seeds"])
    return tidy(
        "# Asking where a class is open\n\n"
        "*Active Learning with Neural Networks: Insights from Nonparametric Statistics* (Zhu and Nowak, NeurIPS 2022, "
        "NeuralCAL and NeuralCAL++): what it claims, what askance has of it, and what came out.\n\n"
        "## What the paper claims\n\n"
        "It is a paper of theorems, without an experiment and without code. Two classes come in a stream. NeuralCAL "
        "keeps all classifiers that explain what is known nearly as well as the best one, and asks where they differ; "
        "that needs as few labels as the noise allows, and cannot be computed. NeuralCAL++ can: it bounds the "
        "probability of a class from below and above, asks where 1/2 lies between the bounds, and abstains where both "
        "lie within gamma of 1/2. By Chow's error, where an answer that is not given costs 1/2 − gamma, it needs "
        "a number of labels that is polylogarithmic in 1/ε, whatever the noise.\n\n"
        "## What askance has\n\n"
        "- [`utilities/region.py`](../../src/askance/utilities/region.py): who is asked, who is abstained from and "
        "when to stop, as functions of lower and upper bounds. More than two classes are told apart by the gap of the "
        "two likeliest, which is ours.\n"
        "- `neural-cal-plus-plus` with bounds in closed form around the model (`ClosedForm`), of the paper's square "
        'loss (`ClosedForm(loss="square")`), or from resampled members (`OfMembers`). It stops a study by itself: '
        "`stop: ...`, which `EmptyRegion` reads.\n"
        "- [`utilities/fake_points.py`](../../src/askance/utilities/fake_points.py): the paper's way to bounds by "
        "refits with a weighted fake point, for audits. Of ridge regression it gives the closed form, and a test holds "
        "it so.\n"
        "- `neural-cal`, the version space on small pools: a class is possible for an item if a linear classifier that "
        "is forced to say so gets no more of what is known wrong than a slack allows.\n"
        "- Predictions that may abstain: `askance predict --abstain`, `Predictions.abstaining`, Chow's error and the "
        "share of answers at two prices in `score()` and on the page of a study.\n\n"
        "## What was run\n\n"
        f"{seeds} paired seeds, each with points of its own; one "
        f"label of each class at first, then {kept['queries']} questions one by one; a fifth of the items held out; a "
        f"linear head with ridge {RIDGE:g}. Where its region is empty a gate asks at random here, so that all spend "
        "the same; those that stop have a table of their own, and the version space stops as it is. *Area* is the mean "
        "accuracy over the questions, *clean* the accuracy at the end on what is not chance, *in the noise* the share "
        "of questions that went where labels are chance. Differences are in points of a hundred with 95% intervals "
        "over seeds; bold is above and italic below by a paired t-test, adjusted by Holm for all that a case is tested "
        "for.\n"
        + outdated(cases, decides)
        + "".join(_case(case, cases[case], tested[case]) for case in TITLES if case in cases)
        + _silence(cases["honeypot"])
        + _stops(cases)
        + _expected(cases, tested)
        + "\n## What differs, and why\n\n"
        "- The epochs of the paper double; here each round is one. Its constants (beta of an epoch, the slack of the "
        "version space) could not be read; beta is how many standard deviations of the last layer the bounds are "
        "apart, and `scale` of the version space is ours.\n"
        "- Bounds are those of a last layer on frozen features. What the features themselves may be wrong about is not "
        "in them, and `slack` stands for it; with networks that go on from their weights they shrink for no reason.\n"
        "- The head's bias is free, and that of the bounds has the head's penalty, from the mean of what is labeled.\n"
        "- Beta was not calibrated by coverage on held-out folds.\n\n"
        f"Measured on {kept['date']} with askance {kept['versions']['askance']} and torch {kept['versions']['torch']}, "
        f"in one thread of a shared {kept['machine']['processor']}. The scale and ridge of the random features were "
        "chosen on seeds 100 to 104, by labels drawn at random; nothing else was. `python -m benchmarks.neural_cal` "
        "runs this again.\n"
    )


def honeypot_drawn_anew(page: str) -> str:
    """What margin is beside random on honeypots that each seed draws anew, for pages on one that is drawn once.

    Args:
        page: The way to docs/papers/neural-cal.md.
    """
    kept = json.loads(FILE.read_text("utf-8"))
    found = _orders(kept["cases"]["honeypot"])["margin", "random"]
    return (
        f"Where [each of {found.found.count} seeds draws points of its own]({page}), with ridge {RIDGE:g} and "
        f"{kept['queries']} questions, margin is at {points(found)} points against random: {found.verdict}."
    )


def _orders(honey: Rows) -> dict[tuple[str, str], Gap]:
    """The orders of the honeypot, tested by themselves and not with all others."""
    return {(gap.one, gap.other): gap for gap in gaps(honey, ORDERS, "area")}


def _tested(found: Rows, what: str) -> dict[tuple[str, str], Gap]:
    return {(gap.one, gap.other): gap for gap in gaps(found, pairs(), what)}


def _case(case: str, found: Rows, tested: Mapping[str, Mapping[tuple[str, str], Gap]]) -> str:
    lines = []
    for name in SHOWN:
        if name not in found:
            continue
        row = found[name]
        against = [
            points(tested["area"][name, other]) if (name, other) in tested["area"] else words.NONE
            for other in ("random", "margin")
        ]
        own = [score(row, "area"), score(row, "final"), score(row, "clean")]
        patch = f"{words.percent(_mean(row['patch']), 0)}%" if case != "clean" else words.NONE
        lines.append([name, *own, patch, *against])
    heads = ["Asked by", "Area", "Final", "Clean", "In the noise", "Area against random", "Area against margin"]
    return f"\n### {TITLES[case]}\n{table(heads, lines)}"


def _silence(found: Rows) -> str:
    """What is abstained from on the honeypot at the end."""
    lines = []
    for name in ("random", "margin", GATE):
        for gamma in GAMMAS:
            row = found[name]
            lines.append(
                [
                    name,
                    f"{0.5 - gamma:g}",
                    score(row, f"chow {gamma} without"),
                    score(row, f"chow {gamma} by rule"),
                    *(_share(row, f"silent on {where} {gamma} by rule") for where in ("noise", "clean")),
                    *(_share(row, f"silent on {where} {gamma} by bounds") for where in ("noise", "clean")),
                    *(_share(row, f"silent on {where} {gamma} by bounds, beta 1") for where in ("noise", "clean")),
                ]
            )
    heads = [
        *("Asked by", "Price", "All answered", "Chow's rule", "Rule: noise", "Rule: clean", "Bounds: noise"),
        *("Bounds: clean", "Beta 1: noise", "Beta 1: clean"),
    ]
    return (
        "\n### What is left unanswered\n\nChow's error on the honeypot after the last question, with every item "
        "answered and by Chow's rule on the model's probabilities; then the share of held-out items without an answer, "
        "where labels are chance and where they are not: by that rule, by bounds of beta 2, and by bounds of beta 1.\n"
        f"{table(heads, lines)}"
    )


def _stops(cases: Mapping[str, Rows]) -> str:
    lines = []
    for case, found in cases.items():
        for name in STOPS:
            if name not in found:
                continue
            at = [labels for labels in found[name]["stopped"] if labels is not None]
            middle = f"{np.median(at):.0f}" if at else words.NONE
            lines.append(
                [case, name, f"{len(at)} of {len(found[name]['stopped'])}", middle, score(found[name], "final")]
            )
    heads = ["Case", "Asked by", "Stopped", "Labels then, median", "Accuracy"]
    return f"\n### Who stops, and when\n{table(heads, lines, left=2)}"


def _expected(cases: Mapping[str, Rows], tested: Mapping[str, Mapping[str, Mapping[tuple[str, str], Gap]]]) -> str:
    honey, clean = cases["honeypot"], cases["clean"]
    area = _orders(honey)
    sure = {(gap.one, gap.other): gap for gap in gaps(honey, ((GATE, "margin"),), "clean")}
    verdict = area[GATE, "random"]
    noise, quiet = (_mean(honey[GATE][f"silent on {where} 0.15 by bounds"]) for where in ("noise", "clean"))
    stopped = [labels is not None for labels in clean["gate, stops"]["stopped"]]
    patch = {name: _mean(honey[name]["patch"]) for name in (GATE, "margin")}
    said = [
        (
            "Margin is below random on the honeypot",
            area["margin", "random"].verdict == "below",
            f"{points(area['margin', 'random'])}, {area['margin', 'random'].verdict}",
        ),
        ("More than 80% of what margin asks is noise", patch["margin"] > 0.8, f"{words.percent(patch['margin'], 0)}%"),
        (
            "The gate is above margin on what is clean, p < 0.01",
            sure[GATE, "margin"].verdict == "above" and sure[GATE, "margin"].p < 0.01,
            f"{points(sure[GATE, 'margin'])}, p {words.p_value(sure[GATE, 'margin'].p)}",
        ),
        (
            f"The whole interval of the gate is above random less {NEAR:g} point",
            100 * verdict.found.low > -NEAR,
            points(verdict),
        ),
        ("At most 70% of what the gate asks is noise", patch[GATE] <= 0.7, f"{words.percent(patch[GATE], 0)}%"),
        (
            "At the end the bounds of the gate leave at least 60% of the noise unanswered",
            noise >= 0.6,
            f"{words.percent(noise, 0)}% at a price of 0.35",
        ),
        ("They leave at most 5% of what is clean unanswered", quiet <= 0.05, f"{words.percent(quiet, 0)}%"),
        ("The gate is above margin", area[GATE, "margin"].verdict == "above", points(area[GATE, "margin"])),
        (
            f"On what is clean the whole interval of the gate is above margin less {NEAR:g} point",
            100 * tested["clean"]["area"][GATE, "margin"].found.low > -NEAR,
            points(tested["clean"]["area"][GATE, "margin"]),
        ),
        ("There it stops before the last question", all(stopped), f"{sum(stopped)} of {len(stopped)} runs"),
    ]
    lines = [
        f"- {what}: {'held' if held else '**did not hold**'}{f' ({told})' if told else ''}.\n"
        for what, held, told in said
    ]
    head = (
        "\n## What was expected, and what came out\n\nThe orders are those of the honeypot, tested by themselves. "
        f"Where the gate need not be better, its whole interval has to be above the other less {NEAR:g} point, which "
        f"was set after the runs.{_drawn_once()}\n\n"
    )
    return head + "".join(lines) + _why(noise)


def _drawn_once() -> str:
    """What the lab found on the one set that it draws."""
    found = next(
        one
        for one in json.loads(SMOKE.read_text("utf-8"))["claims"]
        if (one["on"], one["above"], one["below"]) == ("honeypot", "random", "margin")
    )
    mean, low, high = (words.signed(-100 * found[end], 1) for end in ("mean", "high", "low"))
    return (
        f" On [the lab's honeypot](../lab/smoke.md), which is drawn once, so that seeds are splits of it, margin is at "
        f"{mean} [{low}, {high}] points against random."
    )


def _why(noise: float) -> str:
    if noise >= 0.6:
        return ""
    wide = 2**0.5 * 2 * (1 / (1 + 40 * 0.5)) ** 0.5
    return (
        "\nThe bounds leave so little of the noise unanswered because after sixty questions they are still wide: some "
        f"forty labels at one place leave the logarithm of the odds open by ±{wide:.1f} at beta 2, which is a gap of "
        f"±{np.tanh(wide / 2):.2f}, and both bounds would have to lie within ±{2 * max(GAMMAS):.1f}. What beta 1 and "
        "Chow's rule on the probabilities, which asks for no bounds, leave unanswered stands in the table above. Wide "
        "bounds are no fault of the rule: they say that it is not known yet to be noise.\n"
    )


def _share(row: Mapping[str, Any], what: str) -> str:
    return f"{words.percent(_mean(row[what]), 0)}%"


def _mean(values: Any) -> float:
    return float(np.mean(values))

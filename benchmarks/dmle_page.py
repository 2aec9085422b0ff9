"""What docs/papers/dmle.md says, from docs/results/dmle.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from askance.reports import words
from benchmarks.dmle import FILE
from benchmarks.paired import Gap, gaps, held, measured_on, points, score, table, tidy

TRAININGS = {
    "": "plain",
    ", dmle": "likelihood of the choice",
    ", penalty": "penalty on confidence",
    ", released": "likelihood, as released",
}
ASKS = {"random": "random", "entropy": "entropy, softmax", "margin": "1 − margin, power"}
ALIKE = "not told apart"
Tested = Mapping[str, Mapping[str, Mapping[tuple[str, str], Gap]]]  # by measure, set, and pair of methods
PAIRS = (  # tested together, set by set
    *((f"{asks}{training}", asks) for asks in ASKS for training in (", dmle", ", penalty", ", released")),
    *((f"{asks}, dmle", f"{asks}, penalty") for asks in ASKS),
    ("entropy", "random"),
    ("margin", "random"),
)


def dmle_page() -> str:
    """The page."""
    kept = json.loads(FILE.read_text("utf-8"))
    tested = {
        what: {title: _tested(one["rows"], what) for title, one in kept["sets"].items()}
        for what in ("area", "calibration")
    }
    some = next(iter(kept["sets"].values()))
    return tidy(
        "# The likelihood of the choice\n\n"
        "*Dependency-Aware Maximum Likelihood Estimation for Active Learning* (Kalkanli et al., TMLR 2025, DMLE): what "
        "it claims, what askance has of it, and what came out.\n\n"
        "## What the paper claims\n\n"
        "Labeled items of active learning are no random sample: each was drawn by how unsure the model was of it. So "
        "the likelihood should hold the probability of having drawn these items, and training should maximize both. "
        "It reports 6, 8.6 and 10.5% more accuracy at 100 labels, on average over its data sets, for batches of 1, 5 "
        "and 10, drawn by entropy.\n\n"
        "## What askance has\n\n"
        "`Dmle` is any strategy on a training with one more term, `Dependency`: for each labeled item minus its score, "
        "plus the logarithm of the mean of the exponential of scores over the pool, which is the normalizer of the "
        "probability. The released code drops the normalizer. Then for entropy drawn by softmax the term is minus the "
        "entropy of the labeled items, which has been known since 2017 as the penalty on confidence "
        "(`ConfidencePenalty`): the same function, to the last bit, and `tests/learners/test_terms.py` holds it so. "
        "Hence this question: is there more to it than a penalty on confidence?\n\n"
        "## What was run\n\n"
        f"{len(kept['seeds'])} paired seeds; {some['initial']} labels at random, then {some['batch']} a round up to "
        f"{some['budget']}; {some['test']} items held out; one hidden layer of 128 with dropout, 100 steps from new "
        "weights each round. Items are drawn by entropy and softmax, by 1 − (p₁ − p₂) and a power, and uniformly; beta "
        "is 1 in the draw, the term and the penalty. *Random* with these terms is the control: there is no choice that "
        "a likelihood could correct, so what the terms do there they do as regularizers. *First* is the accuracy with "
        "the labels drawn at random, before anything was chosen; *area* is the mean accuracy over the labels bought, "
        "and *calibration error* the mean of the expected calibration error, of which less is better. Differences to "
        "the plain training of the same draws are in points of a hundred, with 95% intervals over seeds; bold is above "
        "and italic below by a paired t-test, adjusted by Holm for all that a set is tested for.\n"
        + "".join(_section(title, one, tested) for title, one in kept["sets"].items())
        + _expected(tested)
        + "\n## What differs, and why\n\n"
        "- The paper begins with one label, goes on from the last weights, and takes ten full passes a round at a rate "
        "of 1e-4. Ours begins with ten labels and trains for 100 steps from new weights.\n"
        "- All labels count as chosen, those drawn at random too, as in the released code. Beginning with one label "
        "that hardly matters; beginning with ten it is one more thing that the likelihood has wrong.\n"
        "- With the normalizer the term also asks the network to be *sure* of unlabeled items. With few labels that is "
        "what it can learn most easily, right or wrong: the column *first* is the training alone. The paper writes "
        "this probability down, and its code does not train by it.\n"
        "- Ranks, committees and core-sets have no gradient here or there; with them the released method is plain "
        "training, and askance refuses them. Drawn by the released `badge` there is no score at all.\n"
        "- Batches of 1 and of 5, and other betas (the paper tries 0.1 to 1000) were not run.\n\n"
        f"{measured_on(kept)} `python -m benchmarks.dmle` runs this again.\n"
    )


def _tested(found: Mapping[str, Any], what: str) -> dict[tuple[str, str], Gap]:
    return {(gap.one, gap.other): gap for gap in gaps(found, PAIRS, what)}


def _section(title: str, one: Mapping[str, Any], tested: Tested) -> str:
    lines = []
    for asks, drawn in ASKS.items():
        for training, said in TRAININGS.items():
            name = asks + training
            if name not in one["rows"]:
                continue
            row = one["rows"][name]
            gain = [points(tested[what][title][name, asks]) if training else "–" for what in ("area", "calibration")]
            own = [score(row, what) for what in ("first", "final", "area")]
            lines.append([drawn, said, *own, gain[0], score(row, "calibration"), gain[1]])
    heads = ["Drawn by", "Training", "First", "Final", "Area", "Against plain", "Calibration error", "Against plain"]
    return f"\n### {title}: {one['items']:,} items, {one['classes']} classes\n{table(heads, lines, left=2)}"


EXPECTED = (  # what, one, other, measure, the verdict that was expected
    (
        "Drawn by entropy, the likelihood of the choice above plain training",
        "entropy, dmle",
        "entropy",
        "area",
        "above",
    ),
    ("Drawn by entropy, it is above the penalty", "entropy, dmle", "entropy, penalty", "area", "above"),
    ("Drawn by 1 − margin, it is above plain training", "margin, dmle", "margin", "area", "above"),
    ("Drawn by 1 − margin, it is above the penalty", "margin, dmle", "margin, penalty", "area", "above"),
    (
        "As released for entropy, which is the penalty: above plain training",
        "entropy, penalty",
        "entropy",
        "area",
        "above",
    ),
    ("As released for 1 − margin: above plain training", "margin, released", "margin", "area", "above"),
    ("The penalty helps where nothing was chosen, too (random)", "random, penalty", "random", "area", "above"),
    ("The likelihood of a choice that nobody made does nothing (random)", "random, dmle", "random", "area", ALIKE),
    ("Drawn by entropy, the penalty has less calibration error", "entropy, penalty", "entropy", "calibration", "below"),
    ("Drawn by entropy, the likelihood has less", "entropy, dmle", "entropy", "calibration", "below"),
    ("Plain training: drawn by entropy above random", "entropy", "random", "area", "above"),
    ("Plain training: drawn by 1 − margin above random", "margin", "random", "area", "above"),
)


def _expected(tested: Tested) -> str:
    lines = ["\n## What was expected, and what came out\n\n"]
    for said, one, other, what, wanted in EXPECTED:
        lines.append(held(said, {title: found[one, other].verdict for title, found in tested[what].items()}, wanted))
    return "".join(lines) + _more(tested["area"])


def _more(tested: Mapping[str, Mapping[tuple[str, str], Gap]]) -> str:
    """Whether the penalty is worth more on chosen items than on random ones, in numbers."""
    gains = {
        asks: float(np.mean([100 * found[f"{asks}, penalty", asks].found.mean for found in tested.values()]))
        for asks in ASKS
    }
    told = ", ".join(f"{words.signed(value, 1)} points drawn by {ASKS[asks]}" for asks, value in gains.items())
    most = max(gains, key=lambda asks: gains[asks])
    said = (
        "It is worth most where nothing was chosen."
        if most == "random"
        else "It is worth more where items were chosen."
    )
    return f"\nThe penalty over plain training, on average over the sets: {told}. {said}\n"

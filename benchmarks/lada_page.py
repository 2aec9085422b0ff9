"""What docs/papers/lada.md says, from docs/results/lada.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.lada import FILE
from benchmarks.paired import Gap, gaps, held, points, score, table, tidy

SAID = {
    "random": "random",
    "entropy": "entropy",
    "score alone": "pairs by score, plain training",
    "mixtures alone": "entropy, then mixtures of the picks (`vanilla-mixup`)",
    "both, fixed": "both, tau 2 (`Lada(taus=(2.0,))`)",
    "both, grid": "both, tau from a grid (`lada`)",
    "both, policy": "both, tau from a policy (`lada-policy`)",
    "both, rivals": "both, tau 2, partners of the rival class",
    "both, margin": "both, tau 2, by margin",
    "both, all rounds": "both, tau 2, pairs of all rounds",
}
LEARNERS = {"head": "A softmax head on pixels, ridge 1", "network": "A network of 64 units, 100 steps a round"}
ALIKE = "not told apart"
EXPECTED = (  # what, one, other, measure, the verdict that was expected
    ("Pairs and mixtures, tau fixed, above random", "both, fixed", "random", "area", "above"),
    ("The same above entropy up to 70 labels", "both, fixed", "entropy", "early", "above"),
    ("The same below entropy in the end", "both, fixed", "entropy", "final", "below"),
    ("With a grid, not told apart from tau fixed", "both, grid", "both, fixed", "area", ALIKE),
    ("With a policy, not told apart from tau fixed", "both, policy", "both, fixed", "area", ALIKE),
    ("Entropy and then mixtures, not told apart from entropy", "mixtures alone", "entropy", "area", ALIKE),
)
ABLATION = (  # tested together with what was expected
    ("score alone", "entropy"),
    ("mixtures alone", "entropy"),
    *((arm, "entropy") for arm in SAID if arm.startswith("both")),
    ("both, fixed", "score alone"),
    ("both, fixed", "mixtures alone"),
    ("both, rivals", "both, fixed"),
    ("both, margin", "both, fixed"),
    ("both, all rounds", "both, fixed"),
)
PAIRS = (*dict.fromkeys((*ABLATION, *((one, other) for _, one, other, _, _ in EXPECTED))),)
Tested = Mapping[str, Mapping[str, Mapping[tuple[str, str], Gap]]]  # by measure, learner, and pair of arms


def lada_page() -> str:
    """The page."""
    kept = json.loads(FILE.read_text("utf-8"))
    tested: Tested = {
        what: {
            name: {(gap.one, gap.other): gap for gap in gaps(one["rows"], PAIRS, what)}
            for name, one in kept["learners"].items()
        }
        for what in ("area", "early", "final")
    }
    return tidy(
        "# LADA\n\n"
        "*LADA: Look-Ahead Data Acquisition via Augmentation for Deep Active Learning* (Kim et al., NeurIPS 2021): "
        "what it claims, what askance has of it, and what came out.\n\n"
        "## What the paper claims\n\n"
        "Labels are bought and items then augmented, as if the one had nothing to do with the other. An item should be "
        "wanted for what it is and for what will be made of it. Two items are scored with their mixture, a policy "
        "learns how to mix them so that the mixture is worth most, and the mixtures are trained on (InfoMixup); or an "
        "item is scored with a picture that a spatial transformer makes of it (InfoSTN). At the end of a hundred "
        "rounds it reports 83.7% on FashionMNIST, 75.7% on SVHN and 53.5% on CIFAR-10, from ResNet-18; these are not "
        "held against ours, which were not run on deep networks.\n\n"
        "## What askance has\n\n"
        "- `lada`: pairs by score, with tau from a grid, one for each pair. Scores behind a last layer are linear in "
        "what they read, so mixed scores are the scores of mixed features.\n"
        "- `lada-policy`: tau from a companion that goes up the entropy of mixtures every round. Released code holds "
        "tau below 1 by a sigmoid, where mixtures are nearly copies; ours is a softplus.\n"
        "- `vanilla-mixup`: entropy, and mixtures of what was bought.\n"
        "- `InfoStn` of `askance.strategies.augmentation`: our reconstruction of InfoSTN, which was never released.\n\n"
        "The strategy writes beside each pick which pair it belongs to, and tau. The equipped learner, `Virtual`, "
        "reads that in the history once both labels are in, and learns from five mixtures of each pair of the last "
        "round that weigh as much as one item together, in as many steps as without them. "
        "Nothing passes between the two but the journal.\n\n"
        "## What was run\n\n"
        "Digits, 20 labels to 220 in batches of 10, 539 items held out. *Early* is the area up to 70 labels. "
        "Differences are to plain entropy, paired by seed, in points of a hundred with 95% intervals; bold is above "
        "and italic below by a paired t-test, adjusted by Holm for all that a learner is tested for.\n"
        + "".join(_section(name, one["rows"], tested) for name, one in kept["learners"].items())
        + _expected(tested)
        + "\n## What differs, and why\n\n"
        "- Released code mixes after the stem or the first stage of a ResNet, and its policy reads what comes out "
        "there. Ours mixes scores when it asks, and items when it trains. `Lada(inside=True)` mixes inside of the "
        "network at a stage drawn at every step; it was not run here, and neither was `InfoStn`.\n"
        "- Released code takes a step on mixtures after each epoch, without clearing the gradient of the step before; "
        "so it takes more steps than what it is compared with. Ours takes as many.\n"
        "- The policy is the same seen from either item, by its form; the paper's reads one and then the other.\n"
        "- Half of what is bought is bought because it sat opposite another item. *Rival* partners are ours.\n\n"
        f"Measured on {kept['date']} with askance {kept['versions']['askance']} and torch {kept['versions']['torch']}, "
        f"in one thread of a shared {kept['machine']['processor']}: seconds are indicative. Nothing was tuned. "
        "`python -m benchmarks.lada` goes on.\n"
    )


def _section(name: str, rows: Mapping[str, Any], tested: Tested) -> str:
    lines = []
    for arm, said in SAID.items():
        if arm not in rows:
            continue
        gap = [
            points(tested[what][name][arm, "entropy"]) if (arm, "entropy") in tested[what][name] else "–"
            for what in ("early", "area")
        ]
        own = [score(rows[arm], what) for what in ("early", "area", "final")]
        seconds = sum(rows[arm]["seconds"].values())
        lines.append([said, own[0], gap[0], own[1], gap[1], own[2], f"{seconds:.1f}"])
    seeds = len(rows["entropy"]["seeds"])
    heads = ["Asks and trains", "Early", "Against entropy", "Area", "Against entropy", "Final", "Seconds a run"]
    return f"\n### {LEARNERS[name]}: {seeds} seeds\n{table(heads, lines)}" + _more(name, tested)


def _more(name: str, tested: Tested) -> str:
    """Differences that are not to entropy, in a list."""
    lines = [
        f"- {SAID[one]}, less {SAID[other]}: {points(gap)} points of area\n"
        for (one, other), gap in tested["area"][name].items()
        if other not in ("entropy", "random")
    ]
    return "".join(lines)


def _expected(tested: Tested) -> str:
    lines = ["\n## What was expected, and what came out\n\n"]
    for said, one, other, what, wanted in EXPECTED:
        verdicts = {f"the {name}": found[one, other].verdict for name, found in tested[what].items()}
        lines.append(held(said, verdicts, wanted))
    return "".join(lines)

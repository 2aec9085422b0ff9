"""What docs/papers/ntk.md says, from docs/results/ntk.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from askance.lab.statistics import interval
from askance.reports import words
from benchmarks.ntk import FILE, SIZE, SUBSETS, TOLD, TRAININGS, WRONG
from benchmarks.paired import beside, compared, held, table, tidy

SAID = {
    "mlmoc, guesses": '`mlmoc`, `change="guesses"` (the released code)',
    "mlmoc, top": '`mlmoc`, `batch="top"`',
    "ev-gp, drawn": "`ev-gp`, a network with new weights and one score (the paper's kernel)",
}
ENOUGH = 20  # seeds
SCORES = {
    "held-out": "random tenths held out, error and variance (the paper's)",
    "left-out": "each label left out (cross-validation)",
    "complexity": "y' (K + s I)⁻¹ y",
    "spread": "spread of the smoother, no label read",
}
EXPECTED = (  # what, where, one, other, the verdict that was expected
    ("`ev-gp` above random", "all", "ev-gp", "random", "above"),
    ("`ev-gp` above margin", "all", "ev-gp", "margin", "above"),
    ("`ev-gp` above badge", "all", "ev-gp", "badge", "above"),
    ("`ev-gp` above `bait`, which has the features of a linear model", "head", "ev-gp", "bait", "above"),
    ("Larger batches: `ev-gp` above margin", "large", "ev-gp", "margin", "above"),
    ("`ev-gp-ms` above `ev-gp`", "head", "ev-gp-ms", "ev-gp", "above"),
    ("Infinite width above the paper's kernel", "network", "ev-gp", "ev-gp, drawn", "above"),
    ("`ntk-cpl` above random", "all", "ntk-cpl", "random", "above"),
    ("`ntk-cpl` above margin", "all", "ntk-cpl", "margin", "above"),
    ("`ntk-cpl` above typiclust", "all", "ntk-cpl", "typiclust", "above"),
    ("`mlmoc` above random", "all", "mlmoc", "random", "above"),
    ("`mlmoc` above margin", "all", "mlmoc", "margin", "above"),
    ("`mlmoc`: change of outputs above change of guesses", "all", "mlmoc", "mlmoc, guesses", "above"),
    ("`mlmoc`: one by one above the top of the first look", "head", "mlmoc", "mlmoc, top", "above"),
)


def ntk_page() -> str:
    """The page."""
    kept = json.loads(FILE.read_text("utf-8"))
    return tidy(
        "# Tangent kernels\n\n"
        "*Training-Free Neural Active Learning with Initialization-Robustness Guarantees* (Hemachandra et al., ICML "
        "2023, EV-GP), *Making Look-Ahead Active Learning Strategies Feasible with Neural Tangent Kernels* (Mohamadi "
        "et al., NeurIPS 2022, MLMOC), *NTKCPL* (Wen et al., TMLR 2023), *A Fast, Well-Founded Approximation to the "
        "Empirical Neural Tangent Kernel* (Mohamadi et al., ICML 2023, pNTK) and *lpNTK* (Guo et al., ICLR 2024): what "
        "they claim, what askance has of them, and what came out.\n\n"
        "## What the papers claim\n\n"
        "A very wide network trained to the end is a Gaussian process whose kernel, the tangent kernel, is known "
        "before anything is trained. So what training would do with one label more can be computed instead of "
        "tried.\n\n"
        "- EV-GP asks for the batch that leaves the process the least mean variance. That is said to track both how "
        "much networks from different starting weights disagree and how wrong they are, and to be ahead where few "
        "items are labeled and batches are large.\n"
        "- MLMOC asks where the model's own guess, taken as label, would change its outputs most.\n"
        "- NTKCPL asks for the label after which most of the pool is told right by pseudo-labels, and is said to be "
        "better than methods for few labels and methods for many over a wide range of budgets.\n"
        "- pNTK: the gradient of the summed scores alone stands for all of them, and the wider the network the "
        "better.\n"
        "- lpNTK: gradients with the sign of the label say which labeled items are interchangeable and which "
        "contradict each other.\n\n"
        "## What askance has\n\n"
        "- `TangentFeatures`: gradients by all weights with a chosen cotangent, sketched; `ones` is pNTK. Layers of "
        "any kind that can be differentiated, and exact for a linear model.\n"
        "- `Wide`: the kernel of infinitely wide ReLU networks, exactly. `Process`: the Gaussian process; a kernel "
        "that is singular but for rounding gets a share of its mean diagonal added, and the notes of the batch say how "
        "much.\n"
        "- `ev-gp`, `ev-gp-ms` (the network chosen by the labels), `mlmoc`, `ntk-cpl`. On features, with the pool and "
        "the labels as references, `ev-gp` picks what BAIT of a regression picks going forward: a test holds it so. "
        "The last two and `expected-error-reduction` share one rank-one step and differ in what they say of the scores "
        "after it.\n"
        "- `askance.study.relations.relations(study)`: redundant and contradicting labels by lpNTK.\n"
        + _runs(kept)
        + _tracked(kept)
        + _settings(kept)
        + _sketches(kept)
        + _slips(kept)
        + _expected(kept)
        + "\n## What differs, and why\n\n"
        "- EV-GP in the paper begins with nothing labeled and draws new weights in each round; by default ours has the "
        "kernel of infinitely many weights, so that nothing is drawn. Both are here. The paper tries at most 1,000 "
        "candidates in random order and stands the pool in by k-means++; ours tries up to 5,000 and draws up to 1,000 "
        "references by a hash, which is an unbiased mean.\n"
        "- Lazy evaluation takes old gains for bounds. They are none: a gain can rise when something else is picked. "
        "In tests at least 114 of 120 picks are those of a full look, and `lazy=False` looks at all.\n"
        "- MLMOC trains its network with squared loss. Ours are trained by cross-entropy, whose scores have no scale "
        "in common with targets of 0 and 1, so probabilities move in their place; its regularizer, `noise`, was chosen "
        "on seeds 100 to 103 of digits and letter with the head.\n"
        "- NTKCPL has no released code. That labeled items part clusters is the paper's, as we understand it; how "
        "many clusters there are (as many as labels with the batch, at most 100 before they are parted) and how ties "
        "go is our reconstruction.\n"
        "- lpNTK counts -1 for every class but the label. With ten classes two labels then agree in most of their "
        "signs, and hardly any pair contradicts; contradictions are told with the mean sign taken off, which changes "
        "no probability of a softmax. Pruning by clusters is not here.\n"
        "- None of the papers' data sets or networks is here; the tables are about digits and letters.\n\n"
        f"{_measured_on(kept)} `python -m benchmarks.ntk` runs this again.\n"
    )


def _runs(kept: Mapping[str, Any]) -> str:
    lines = [
        "\n## What is learned from it\n\n"
        "Paired seeds and the same labels at random to begin with; *area* is the mean accuracy over the labels bought. "
        "Differences are in points of a hundred with 95% intervals over seeds, bold above and italic below by a paired "
        "t-test, adjusted by Holm for the column. *Asking* is seconds of a whole run, signals included.\n"
    ]
    for kind, who in (("head", "a softmax head on pixels or features"), ("network", "one hidden layer of 128")):
        for title, one in kept[kind].items():
            seeds = max(len(row["seeds"]) for row in one["rows"].values())
            lines.append(
                f"\n### {title}: {who}\n\n{seeds} seeds, {one['items']:,} items, {one['initial']} labels at random, "
                f"then {one['batch']} a round up to {one['budget']}, {one['test']} held out.\n"
            )
            lines.append(compared(one["rows"], SAID, ("random", "margin")))
    return "".join(lines)


def _tracked(kept: Mapping[str, Any]) -> str:
    told = _by_key(kept, "tracked")
    return (
        "\n## Does the expected variance say what it is said to say?\n\n"
        f"Digits, {SUBSETS} subsets of labels drawn at random, {TRAININGS} trainings of the network on each; the rank "
        "correlation of the mean variance of the infinitely wide network's process at held-out items with what is "
        f"measured there. Subsets *of any size* have 20 to 80 labels, those of one size {SIZE}: more labels lower all "
        f"three, whatever the criterion knows. Means over {_seeds(kept, 'tracked')} with 95% intervals.\n"
        + table(["", "Rank correlation"], [[key.capitalize(), _mean(values)] for key, values in told.items()])
    )


def _settings(kept: Mapping[str, Any]) -> str:
    told = _by_key(kept, "chose")
    counts = ("20", "50", "100")
    lines = [
        [said, *(_mean(told[f"{count}: {name}, {what}"]) for count in counts for what in ("ranks", "chosen"))]
        for name, said in SCORES.items()
    ]
    lines += [
        [said, *(cell for count in counts for cell in ("–", _mean(told[f"{count}: {key}"])))]
        for key, said in (("mean setting", "any setting (mean)"), ("best setting", "the best setting, by test data"))
    ]
    heads = ["Score", *(head for count in counts for head in (f"{count} labels: ranks", "error chosen"))]
    return (
        "\n## Which network: what few labels say\n\n"
        "Eight settings of depth and bias for the regression of a wide network's kernel on digits. *Ranks* is the rank "
        "correlation of a score with the test error over the settings, *error chosen* the test error of the setting of "
        f"the lowest score. Means over {_seeds(kept, 'chose')} with 95% intervals.\n" + table(heads, lines)
    )


def _sketches(kept: Mapping[str, Any]) -> str:
    told = _by_key(kept, "sketched")
    said = {
        **{f"error of cosines, {dim}": f"Error of a cosine, sketch of {dim}" for dim in (128, 512, 2048)},
        **{
            f"same guesses, width {width}": f"Same guesses by pNTK and by the full kernel, width {width}"
            for width in (16, 64, 256)
        },
    }
    return (
        "\n## How good are the approximations?\n\n"
        "Digits; the sketch beside exact gradients of a trained network, as a root mean squared error of cosines, and "
        "the share of held-out items on which regressions by pNTK and by the full kernel of all classes guess the "
        f"same, with new weights and 60 labels. Means over {_seeds(kept, 'sketched')} with 95% intervals.\n"
        + table(["", "Found"], [[text, _mean(told[key])] for key, text in said.items()])
    )


def _slips(kept: Mapping[str, Any]) -> str:
    told = _by_key(kept, "slipped")
    lines = []
    for key, text in (
        ("wrong labels among the oddest", f"Wrong labels among the {WRONG} oddest"),
        ("wrong labels among the least believed", f"The same, {WRONG} labels that the model believes least"),
        ("contradictions with a wrong label", f"Of {WRONG} contradicting pairs, those with a wrong label"),
    ):
        lines.append([text, *(_mean(told[f"{kind}: {key}"]) for kind in ("head", "network"))])
    chance = 1 - (1 - WRONG / TOLD) ** 2
    return (
        "\n## What labels say to each other\n\n"
        f"Digits, {TOLD} labels of which {WRONG} are wrong. By chance {words.share(WRONG / TOLD)} of any ten items are "
        f"wrong, and {words.share(chance)} of pairs have a wrong label. Means over {_seeds(kept, 'slipped')} with 95% "
        "intervals.\n" + table(["", "Head", "Network, 400 steps"], lines)
    )


def _expected(kept: Mapping[str, Any]) -> str:
    places = {
        kind: {f"{_short(title)} ({kind}, {one['batch']})": one["rows"] for title, one in kept[kind].items()}
        for kind in ("head", "network")
    }
    places["all"] = {**places["head"], **places["network"]}
    largest = max((one["batch"] for one in kept["head"].values()), default=0)
    places["large"] = {
        f"{_short(title)} ({largest})": one["rows"] for title, one in kept["head"].items() if one["batch"] == largest
    }
    lines = ["\n## What was expected, and what came out\n\n"]
    if _fewest(kept) < ENOUGH:
        lines.append(
            f"There are {_fewest(kept)} seeds so far: too few to tell most of it apart. {ENOUGH} are to come, and "
            "these lines, like all numbers here, are written anew then.\n\n"
        )
    for said, where, one, other, wanted in EXPECTED:
        lines.append(held(said, beside(places[where], one, other), wanted))
    return "".join(lines)


def _short(title: str) -> str:
    return title.partition(",")[0]


def _fewest(kept: Mapping[str, Any]) -> int:
    """The seeds of the strategy that has fewest."""
    return min(
        len(row["seeds"]) for kind in ("head", "network") for one in kept[kind].values() for row in one["rows"].values()
    )


def _by_key(kept: Mapping[str, Any], name: str) -> dict[str, list[float]]:
    """What was looked at, each as a list over seeds."""
    seeds = list(kept["looks"][name].values())
    return {key: [one[key] for one in seeds] for key in seeds[0]}


def _seeds(kept: Mapping[str, Any], name: str) -> str:
    count = len(kept["looks"][name])
    return f"{count} seed{'s' * (count > 1)}"


def _mean(values: Sequence[float]) -> str:
    known = [value for value in values if not np.isnan(value)]
    if len(known) < 2:
        return words.score(float(np.mean(known))) if known else "–"
    found = interval(np.array(known))
    return f"{words.score(found.mean)} [{words.score(found.low)}, {words.score(found.high)}]"


def _measured_on(found: Mapping[str, Any]) -> str:
    return (
        f"Measured on {found['date']} with askance {found['versions']['askance']} and torch "
        f"{found['versions']['torch']}, in one thread of a shared {found['machine']['processor']}: seconds are "
        "indicative."
    )

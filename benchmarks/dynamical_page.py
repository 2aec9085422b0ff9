"""What docs/papers/dynamical.md says, from docs/results/dynamical.json and the survey of DeepAL+."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from askance.lab.statistics import interval
from askance.reports import words
from benchmarks.deepal_page import of_the_survey
from benchmarks.dynamical import FILE
from benchmarks.paired import (
    beside,
    compared,
    differences_of,
    gaps,
    held,
    measured_on,
    points,
    score,
    table,
    tidy,
)

SAID = {
    "last": "`dynamic-al`",
    "last, lengths alone": "`dynamic-al`, without the second term",
    "last, de-influence": '`dynamic-al`, `batch="apart"` (the released de-influence)',
    "last, exact greedy": '`dynamic-al`, `batch="exact"` (the exact greedy rule)',
    "all": "`dynamic-al-full`",
    "all, lengths alone": "`dynamic-al-full`, without the second term (`along=None`)",
}
LOOKED = {
    "training loss": "Loss on the labeled items",
    "training accuracy": "Accuracy on the labeled items",
    "share of the second term": "Share of the second term in the score, all items",
    "share of the second term, picks": "The same, of the picks",
    "with and without the second term, rank correlation": "All weights, with and without the second term: ranks",
    "with and without the second term, shared picks": "The same: share of picks in common",
    "last and all, rank correlation": "Last layer and all weights: ranks",
    "last and all, shared picks": "The same: share of picks in common",
    "summed score over exact score": "Sum of the picks' scores over the exact score of the batch",
}
# Of the small experiment before this one: mean accuracy over the rounds, and the last one.
SHEET: dict[int, dict[str, tuple[float | None, float | None]]] = {
    10: {
        "random": (0.870, 0.928), "margin": (0.905, 0.961), "badge": (0.893, 0.949), "last": (0.881, 0.962),
        "last, lengths alone": (0.885, 0.963), "entropy": (0.864, 0.950), "last, de-influence": (0.871, 0.957),
        "last, exact greedy": (0.818, 0.926),
    },
    25: {
        "random": (0.864, None), "margin": (0.887, None), "badge": (0.884, None), "last": (0.853, 0.955),
        "last, de-influence": (0.866, 0.959), "last, exact greedy": (0.759, 0.887),
    },
}  # fmt: skip


def dynamical_page() -> str:
    """The page."""
    kept = json.loads(FILE.read_text("utf-8"))
    return tidy(
        "# Training dynamics\n\n"
        "*Deep Active Learning by Leveraging Training Dynamics* (Wang et al., NeurIPS 2022, dynamicAL): what it "
        "claims, what askance has of it, and what came out.\n\n"
        "## What the paper claims\n\n"
        "A set on which the loss falls faster generalizes better, which is proved for very wide networks. So ask for "
        "what makes it fall fastest. With the guess as label, an item of gradient g adds |g|² + 2⟨g, G⟩ to the squared "
        "length of G, the sum of the labeled items' gradients; the n items of the highest score are asked, and what "
        "they say to each other is left out, as it should be small beside the second term. It is said to beat all "
        "baselines on CIFAR-10, SVHN and Caltech-101. The released code takes gradients of all weights.\n\n"
        "## What askance has\n\n"
        "- `dynamic-al-full`: the published method, over all weights. No gradient is kept: ⟨g, G⟩ is a derivative of "
        "the scores along G.\n"
        "- `dynamic-al`: the same of the last layer alone, exactly, from probabilities and features. "
        '`batch="apart"` is the released code\'s de-influence and `"exact"` the greedy rule of the objective '
        "itself; neither is the default.\n\n"
        + _early(kept)
        + _network(kept)
        + _head(kept)
        + _expected(kept)
        + "\n## What differs, and why\n\n"
        "- The published loop asks partly when the accuracy on the *test* set has risen, and reports the best test "
        "accuracy of each round. Here the number of steps is fixed, and the model of the end is scored.\n"
        "- It goes on training from round to round; here each round begins with new weights.\n"
        "- Its query is taken from a network that is not trained to the end, and so is ours after "
        f"{kept['steps'][0]} steps. After {kept['steps'][1]} the labels are fitted, G is next to nothing, and the "
        "score is the length of a gradient: that is not what the theory is about.\n"
        "- Batch norm has no gradient of a single item; the authors share that of a batch out. No network here has "
        "any.\n\n"
        f"{measured_on(kept)} `python -m benchmarks.dynamical` runs this again.\n"
    )


def _early(kept: Mapping[str, Any]) -> str:
    told = kept["agreement"]
    seeds = len(next(iter(next(iter(told.values())).values())))
    return (
        "## Early and late in a training\n\n"
        f"One hidden layer of 128 on digits, {kept['labels']} labels drawn at random, {seeds} seeds; the same training "
        f"after {kept['steps'][0]} and {kept['steps'][1]} steps, and its {kept['top']} picks. Means over seeds with "
        "95% intervals.\n"
        + table(
            ["", *(f"{steps} steps" for steps in told)],
            [[said, *(_mean(one[key]) for one in told.values())] for key, said in LOOKED.items()],
        )
        + f"After {kept['steps'][0]} steps what the picks say to each other is {_crossed(kept):.1f} times what their "
        "scores count: to leave it out is no small thing there, with a batch that is no small part of the labels.\n\n"
    )


def _crossed(kept: Mapping[str, Any]) -> float:
    """The products between the picks, early in the training, over the sum of their scores."""
    shares = kept["agreement"][str(kept["steps"][0])]["summed score over exact score"]
    return float(np.median([1 / share - 1 for share in shares]))


def _mean(values: Sequence[float]) -> str:
    found = interval(values)
    return f"{words.score(found.mean)} [{words.score(found.low)}, {words.score(found.high)}]"


def _network(kept: Mapping[str, Any]) -> str:
    some = next(iter(kept["network"].values()))
    lines = [
        "## What networks learn from it\n\n"
        f"{len(some['seeds'])} paired seeds, {some['initial']} labels at random, then {some['batch']} a round up to "
        f"{some['budget']}, {some['test']} items held out. *Area* is the mean accuracy over the labels bought; "
        "differences are in points of a hundred with 95% intervals over seeds, bold above and italic below by a paired "
        "t-test, adjusted by Holm for the column. *Asking* is seconds of a whole run.\n"
    ]
    for title, one in _networks(kept).items():
        lines += [
            f"\n### {title}: {one['items']:,} items\n",
            compared(one["rows"], SAID, ("random", "entropy", "badge")),
        ]
    return "".join(lines)


def _networks(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The trainings of networks by set and steps."""
    return {f"{one['dataset']} ({one['steps']} steps)": one for one in kept["network"].values()}


def _head(kept: Mapping[str, Any]) -> str:
    lines = ["\n## A head on frozen features\n\n"]
    some = next(iter(kept["head"].values()))
    lines.append(
        f"The softmax head of ridge 1 on the pixels of digits, {len(some['seeds'])} paired seeds, {some['initial']} "
        f"labels at random, up to {some['budget']}, {some['test']} held out. *Before* is what a small experiment of "
        "ours said before any of this was built, with another implementation, other splits and 6 to 20 seeds.\n"
    )
    for one in kept["head"].values():
        found, before = one["rows"], SHEET[one["batch"]]
        gaps_ = {gap.one: points(gap) for gap in gaps(found, [(name, "random") for name in found if name != "random"])}
        lines.append(f"\n### Batches of {one['batch']}\n")
        lines.append(
            table(
                ["Strategy", "Area", "Final", "Against random", "Before: area", "final"],
                [
                    [
                        SAID.get(name, f"`{name}`"),
                        score(row),
                        score(row, "final"),
                        gaps_.get(name, "–"),
                        *(f"{value:.3f}" if value else "–" for value in before.get(name, (None, None))),
                    ]
                    for name, row in sorted(found.items(), key=lambda item: -float(np.mean(item[1]["area"])))
                ],
            )
        )
    return "".join(lines)


def _expected(kept: Mapping[str, Any]) -> str:
    early, late = (kept["agreement"][str(steps)] for steps in kept["steps"])
    nets = {title: one["rows"] for title, one in _networks(kept).items()}
    heads = {f"batches of {one['batch']}": one["rows"] for one in kept["head"].values()}

    tens = {title: found for title, found in heads.items() if title == "batches of 10"}
    many = {title: found for title, found in heads.items() if title != "batches of 10"}
    ends = {title: abs(float(differences_of(found, "last", "margin", "final").mean())) for title, found in tens.items()}
    second = [float(np.mean(one["share of the second term, picks"])) for one in (early, late)]
    ratios = {
        f"{steps} steps": float(np.mean(kept["agreement"][str(steps)]["summed score over exact score"]))
        for steps in kept["steps"]
    }
    lines = ["\n## What was expected, and what came out\n\n"]
    more = {"digits": "more" if second[0] > second[1] else "less"}
    near = {where: "near" if abs(ratio - 1) < 0.1 else f"{ratio:.2f} of it" for where, ratio in ratios.items()}
    lines.append(held("Among the picks the second term weighs more early than late", more, "more"))
    lines.append(held("The sum of the picks' scores within a tenth of the exact score of the batch", near, "near"))
    for said, where, one, other, wanted in (
        ("All weights: the second term helps", nets, "all", "all, lengths alone", "above"),
        ("Last layer: the second term helps", nets, "last", "last, lengths alone", "above"),
        ("All weights above the last layer", nets, "all", "last", "above"),
        ("`dynamic-al-full` above random", nets, "all", "random", "above"),
        ("`dynamic-al-full` above entropy", nets, "all", "entropy", "above"),
        ("`dynamic-al-full` above badge", nets, "all", "badge", "above"),
        ("Head, batches of 10: margin above badge", tens, "margin", "badge", "above"),
        ("Head, batches of 10: badge above `dynamic-al`", tens, "badge", "last", "above"),
        ("Head, batches of 10: `dynamic-al` above random", tens, "last", "random", "above"),
        ("Head, batches of 10: the second term helps", tens, "last", "last, lengths alone", "above"),
        ("Head, batches of 10: `dynamic-al` above its de-influence", tens, "last", "last, de-influence", "above"),
        ("Head, larger batches: de-influence above `dynamic-al`", many, "last, de-influence", "last", "above"),
        ("Head: the exact greedy rule below random", heads, "last, exact greedy", "random", "below"),
        ("Head, larger batches: `dynamic-al` below random", many, "last", "random", "below"),
    ):
        lines.append(held(said, beside(where, one, other), wanted))
    close = {title: "within" if gap <= 0.005 else f"{100 * gap:.1f} points" for title, gap in ends.items()}
    lines.append(held("Head, batches of 10: `dynamic-al` within half a point of margin at the end", close, "within"))
    return "".join(lines) + of_the_survey("dynamic-al")

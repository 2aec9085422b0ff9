"""What docs/papers/noise-stability.md says, from docs/results/noise-stability.json and the survey of DeepAL+."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.deepal_page import of_the_survey
from benchmarks.noise_stability import FILE
from benchmarks.paired import beside, gaps, held, measured_on, points, score, short, table, tidy

FULL, LAST = "noise-stability-full", "noise-stability"
NEAR, TIMES = 0.005, 20  # half a point of area, and how much faster the last layer alone should be
FALLS = 0.01
RANKED = {
    "30 draws": "30 draws of strength 0.001, as in the paper",
    "100 draws": "100 draws of strength 0.001",
    "30 draws, derivatives": "30 derivatives (`jvp`)",
    "30 draws, strength 0.1": "30 draws of strength 0.1",
    "30 draws, strength 1": "30 draws of strength 1",
    "30 draws, global": "30 draws in all weights alike (`global`), against the whole Jacobian",
    "100 draws, global": "100 draws in all weights alike, against the whole Jacobian",
    "30 draws, last layer": "30 draws in the last layer alone, against all layers",
}
ALIKE = {
    "half the strength": "half the strength",
    "derivatives": "the derivatives, which have no strength",
    "last layer": "noise in the last layer alone",
}


def noise_stability_page() -> str:
    """The page."""
    kept = json.loads(FILE.read_text("utf-8"))
    kept["sets"] = {short(title): one for title, one in kept["sets"].items()}
    return tidy(
        "# Noise stability\n\n"
        "*Deep Active Learning with Noise Stability* (Li et al., AAAI 2024): what it claims, what askance has of it, "
        "and what came out.\n\n"
        "## What the paper claims\n\n"
        "A trained network's weights are pushed a little, thirty times. How far an item's prediction moves follows the "
        "length of its gradient, and the movements of all pushes in a row are a random projection of the gradient "
        "itself. A greedy k-center from the origin over them therefore asks for items that are doubtful and unlike "
        "each other, and does as well as the best strategies or better, on pictures, tables of numbers, texts and "
        "segmentation. The paper shows its results as figures; no number of theirs is held against ours.\n\n"
        "## What askance has\n\n"
        f'- `{FULL}`: the published method. `Deviations(kind="layers")` is the released code, which pushes each '
        "layer in proportion to its own length, no bias, and counts a movement as a share of what the network said; "
        '`"global"` is the rule of the text, one direction for all weights; `"jvp"` the derivatives along the noise, '
        "which are the limit of small strength.\n"
        f"- `{LAST}`: noise in the last layer alone, a product of matrices instead of thirty passes of the network.\n\n"
        + _lengths(kept)
        + _learning(kept)
        + _expected(kept)
        + "\n## What differs, and why\n\n"
        "- Differences are taken behind a softmax in double precision: of what a network is sure of, single precision "
        "would keep none. So half the strength gives the same ranks.\n"
        "- The authors draw a part of the pool before they look; here all of it is looked at, up to 25,000 items.\n"
        "- Networks are small, and so are pools: five trainings, four batches. Regression and segmentation were not "
        "run; both strategies serve classes.\n"
        "- Texts are features, not a transformer that is trained.\n\n"
        f"{measured_on(kept)} `python -m benchmarks.noise_stability` runs this again.\n"
    )


def _lengths(kept: Mapping[str, Any]) -> str:
    told = kept["lengths"]
    seeds = len(next(iter(told["MLP"].values())))
    ranked = [[said, *(_low(told[name][key]) for name in told)] for key, said in RANKED.items()]
    alike = [
        [
            said,
            *(
                cell
                for name in told
                for cell in (
                    _low(told[name][f"{key}, ranks"]) if f"{key}, ranks" in told[name] else "–",
                    f"{np.mean(told[name][f'{key}, picks']):.2f}",
                )
            ),
        ]
        for key, said in ALIKE.items()
    ]
    off = {name: 100 * float(np.mean(told[name]["off the derivatives"])) for name in told}
    return (
        "## Do lengths follow the Jacobian?\n\n"
        f"Networks of {seeds} seeds, trained on {kept['labels']} digits drawn at random, and {kept['looked']} others "
        "that they look at: rank correlation (Spearman) of the length of all deviations with its expectation, the "
        "exact Jacobian by automatic differentiation, weighted layer by layer as the noise is. Mean over seeds, and in "
        "brackets the lowest.\n"
        + table(["Length of", *told], ranked)
        + f"Against the same with 30 draws of strength 0.001: ranks, and the share of {kept['top']} picks in common.\n"
        + table(["Against", *(head for name in told for head in (f"{name}: ranks", "picks"))], alike)
        + "At strength 0.001 deviations are "
        + " and ".join(f"{value:.1f}% ({name})" for name, value in off.items())
        + " off the derivatives, by length.\n\n"
    )


def _low(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f})"


def _learning(kept: Mapping[str, Any]) -> str:
    sizes = next(iter(kept["sets"].values()))
    lines = [
        "## Does it find better labels?\n\n",
        f"{len(sizes['seeds'])} paired seeds; {sizes['initial']} labels at random, then {sizes['batch']} a round up to "
        f"{sizes['budget']}; {sizes['test']} items held out. Digits are 8 x 8 pixels for a network of two "
        "convolutions; the others are features for one hidden layer of 128. Trainings have 100 steps from new "
        "weights. *Area* is the mean accuracy over the labels bought. Differences are in points of a hundred with 95% "
        "intervals over seeds; bold is above and italic below by a paired t-test, adjusted by Holm for the column. "
        "*Asking* is seconds of a whole run, signals and selection.\n",
    ]
    for title, one in kept["sets"].items():
        found = one["rows"]
        against = {
            base: {gap.one: points(gap) for gap in gaps(found, [(name, base) for name in found if name != base])}
            for base in ("random", "margin")
        }
        lines.append(f"\n### {title}: {one['items']:,} items, {one['classes']} classes\n")
        lines.append(
            table(
                ["Strategy", "Area", "Final", "Against random", "Against margin", "Asking"],
                [
                    [
                        f"`{name}`",
                        score(row),
                        score(row, "final"),
                        *(against[base].get(name, "–") for base in against),
                        f"{_asking(row):.2f}",
                    ]
                    for name, row in sorted(found.items(), key=lambda item: -float(np.mean(item[1]["area"])))
                ],
            )
        )
    return "".join(lines)


def _expected(kept: Mapping[str, Any]) -> str:
    sets_ = {title: one["rows"] for title, one in kept["sets"].items()}
    told = kept["lengths"]

    batch = next(iter(kept["sets"].values()))["batch"]
    lines = ["\n## What was expected, and what came out\n\n"]
    for draws, least in (("30 draws", 0.9), ("100 draws", 0.95)):
        verdicts = {name: "above" if min(one[draws]) > least else "not above" for name, one in told.items()}
        lines.append(held(f"A rank correlation above {least} with {draws}, with every seed", verdicts, "above"))
    for strength in ("0.1", "1"):
        lost = {
            name: np.mean(one["30 draws"]) - np.mean(one[f"30 draws, strength {strength}"])
            for name, one in told.items()
        }
        verdicts = {name: "lower" if loss > FALLS else "no lower" for name, loss in lost.items()}
        lines.append(held(f"A lower one, by {FALLS} or more, at strength {strength}", verdicts, "lower"))
    for own in (FULL, LAST):
        lines.append(held(f"`{own}` above random", beside(sets_, own, "random"), "above"))
        verdicts = {
            title: verdict if verdict in ("below", "not tested") else "not below"
            for title, verdict in beside(sets_, own, "entropy").items()
        }
        lines.append(
            held(f"`{own}` above entropy or not told apart from it in batches of {batch}", verdicts, "not below")
        )
        lines.append(held(f"`{own}` above margin", beside(sets_, own, "margin"), "above"))
        lines.append(held(f"`{own}` above badge", beside(sets_, own, "badge"), "above"))
    near = {}
    for title, found in sets_.items():
        gap = abs(float(np.mean(found[LAST]["area"])) - float(np.mean(found[FULL]["area"])))
        near[title] = "within" if gap < NEAR else f"{100 * gap:.1f} points apart"
    lines.append(held("The last layer alone within half a point of all layers", near, "within"))
    faster = {}
    for title, found in sets_.items():
        times = _asking(found[FULL]) / max(1e-9, _asking(found[LAST]))
        faster[title] = "faster" if times >= TIMES else f"{times:.0f} times as fast"
    lines.append(held(f"The last layer alone {TIMES} times as fast", faster, "faster"))
    lines.append(of_the_survey(FULL))
    return "".join(lines)


def _asking(row: Mapping[str, Any]) -> float:
    return float(row["seconds"]["signals"] + row["seconds"]["selection"])

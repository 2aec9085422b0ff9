"""What docs/papers/deepal.md says, from docs/results/deepal-survey.json and deepal-factors.json, as far as they go."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from askance.lab.presets.deepal import DEEPAL
from askance.reports import words
from benchmarks.deepal import FACTORS, SURVEY, against, gap_of
from benchmarks.deepal_claims import between, claims, factors
from benchmarks.finetuned import section as finetuned
from benchmarks.loss_prediction import section as loss_prediction
from benchmarks.paired import PARTS, Gap, points, score, table, tidy
from benchmarks.pseudo_labels import section as pseudo_labels

NOTHING: dict[str, Any] = {"sets": {}, "done": 0, "cells": 0}


def deepal_page() -> str:
    """The page."""
    return page(_read(SURVEY) or NOTHING, _read(FACTORS))


def page(survey: Mapping[str, Any], more: Mapping[str, Any] | None) -> str:
    """The page of any results, finished or not.

    Args:
        survey: What benchmarks/deepal.py wrote of the survey.
        more: And of the factors, if it did.
    """
    return tidy(
        "# DeepAL+ on equal terms\n\n"
        "*A Comparative Survey of Deep Active Learning* (Zhan et al. 2022, DeepAL+): what it claims, what askance ran, "
        "and what came out.\n\n" + _CLAIMED + _EQUAL + (_survey(survey) if survey["sets"] else _MISSING)
        + factors(more)
        + pseudo_labels()
        + loss_prediction()
        + finetuned()
        + _DIFFERS
    )  # fmt: skip


def of_the_survey(name: str) -> str:
    """How a strategy did in the survey, as the end of a list of expectations; nothing where it has no interval yet."""
    survey = _read(SURVEY) or NOTHING
    found = []
    for title, one in survey["sets"].items():
        random, margin = (against(one, base).get(name) for base in ("random", "margin"))
        if random is not None and math.isfinite(random.found.low):
            other = f", {points(margin)} to margin" if margin is not None else ""
            found.append(f"{title} {points(random)} to random{other}")
    if not found:
        return ""
    return (
        f"\nIn the [survey of DeepAL+](deepal.md) ({_seeds_of(survey, name)} seeds, 300 steps, eight rounds), "
        f"`{name}` has in points of area: {'; '.join(found)}.\n"
    )


_CLAIMED = """## What the paper claims

It compares 19 strategies with one code base, nearly all on pictures, and is read as saying:

1. Loss prediction (LPL) and WAAL lead, and LPL exceeds training on all labels.
2. Uncertainty does better than diversity on standard sets; k-means is below random, and VAAL is like it.
3. Dropout makes committees: BALD, MeanSTD and the dropout versions of the three uncertainties.
4. More epochs and smaller batches help a little; pre-training matters more than the strategy.
5. BADGE and k-center run out of memory where pools are large.

Its tables could not be read in full. The code could, and it compares more than strategies. LPL alone has another
network, and is trained for 20 epochs more. WAAL takes up to 49 times the steps of the others. The networks with
"dropout" have no dropout layer, so that all passes agree where pictures are not augmented. The k-means on GPUs picks
the first items of the pool, and VAAL's discriminator is trained with one target for both sides.

"""
_EQUAL = """## What askance ran

`askance lab run deepal-survey`: every strategy on one network *with* dropout (two convolutions, or one hidden layer of
128 for texts), 300 steps from new weights in every round, 100 labels at random and 50 a round up to 500. Split, first
labels, weights and order of a seed are the same for all. What trains something more (a loss head, a critic) does so in
the same steps, and random picks on the same training stand beside it: `random + lpl`, `random + waal`. VAAL trains
beside the network, so its control is random. `noise-stability-full`, `dynamic-al` and `tod` came later than the paper.

"""
_MISSING = "No result of the survey is committed yet.\n"
_DIFFERS = """
## What differs, and why

- The networks are small and the sets are not CIFAR. This asks whether the order is one of strategies, not what they
  are worth on large pictures.
- Nothing is augmented, and pools are scored as they are. DeepAL+ scores its pool through the training augmentation.
- Seeds are paired. The paper has three trials, of which the first is paired.
- VarRatio and CEAL follow their definitions: in the code VarRatio is least confidence, and the threshold of CEAL turns
  negative in round 17.
- Waterbirds, and with it pre-training, was not run.

`python -m benchmarks.deepal FOLDER` reads the survey again.
"""


def _survey(survey: Mapping[str, Any]) -> str:
    sets_ = survey["sets"]
    names = [name for name in survey["strategies"] if any(name in one["rows"] for one in sets_.values())]
    sizes = ", ".join(
        f"{title} ({one['items']:,} items, {one['test']:,} of them held out)" for title, one in sets_.items()
    )
    lines = [
        f"{survey['done']:,} of {survey['cells']:,} runs are in these tables, read on {survey['date']}, with askance "
        f"{survey['versions']['askance']} and torch {survey['versions']['torch']}: {_seeds(survey)} Sets: {sizes}.\n\n",
        "*Area* is the mean accuracy over the labels bought. Differences are in points of a hundred with 95% intervals "
        "over paired seeds; bold is above and italic below by a paired t-test at 0.05, adjusted by Holm for all "
        "strategies of the set. A number of seeds in parentheses is one smaller than the others have.\n",
    ]
    short = sum(one["short"] for one in sets_.values())
    if short:
        lines.append(f"\n{short} runs ended before their budget; their areas are over the labels that they bought.\n")
    order = _order(survey, names)
    for what, said in (("area", "Area against random"), ("final", "Accuracy with all labels bought, against random")):
        lines += [f"\n### {said}\n", _gains(survey, order, "random", what)]
    lines += ["\n### Area against margin\n", _gains(survey, order, "margin", "area")]
    lines += [_costs(survey, order), _controls(survey), _never(survey, order), claims(survey)]
    return "".join(lines)


def _seeds(survey: Mapping[str, Any]) -> str:
    counts = [len(row["seeds"]) for one in survey["sets"].values() for row in one["rows"].values()]
    if min(counts) == max(counts) and survey["done"] == survey["cells"]:
        return f"{counts[0]} paired seeds everywhere."
    full = sum(count == survey["seeds"] for count in counts)
    return (
        f"the survey is not finished. Of {survey['seeds']} seeds, what is there has {between(counts)}, "
        f"and {full} of {len(counts)} pairs of strategy and set have all. With one seed nothing is tested, and no "
        f"order means anything.{_lacking(survey)}"
    )


def _lacking(survey: Mapping[str, Any]) -> str:
    """Who belongs to the survey, and has no run in it that is of today."""
    there = {name for one in survey["sets"].values() for name in one["rows"]}
    named = [one if isinstance(one, str) else one["name"] for one in DEEPAL]
    lacking = [f"`{name}`" for name in named if name not in there]
    return f" To be run, or to be run again since they changed: {words.listing(lacking)}." if lacking else ""


def _seeds_of(survey: Mapping[str, Any], name: str) -> str:
    return between([len(one["rows"][name]["seeds"]) for one in survey["sets"].values() if name in one["rows"]])


def _order(survey: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """By rank over the sets; those without one after them, by their mean gain over random."""

    def gain(name: str) -> float:
        found = [against(one, "random").get(name) for one in survey["sets"].values()]
        return float(np.mean([gap.found.mean for gap in found if gap is not None] or [0.0]))

    return sorted(names, key=lambda name: (survey["ranks"].get(name, math.inf), -gain(name)))


def _gains(survey: Mapping[str, Any], order: Sequence[str], base: str, what: str) -> str:
    sets_ = survey["sets"]
    most = max(len(row["seeds"]) for one in sets_.values() for row in one["rows"].values())
    gained = {title: against(one, base, what) for title, one in sets_.items()}
    known = [
        [
            f"`{base}`: its own",
            *(score(one["rows"][base], what) if base in one["rows"] else "–" for one in sets_.values()),
        ]
    ]
    for name in order:
        if name != base:
            cells = [_cell(gained[title].get(name), most) for title in sets_]
            known.append([f"`{name}`", *cells])
    return table(["Strategy", *sets_], known)


def _cell(gap: Gap | None, most: int) -> str:
    if gap is None or not gap.found.count:
        return "–"
    return points(gap) + (f" ({gap.found.count})" if gap.found.count < most else "")


def _costs(survey: Mapping[str, Any], order: Sequence[str]) -> str:
    sets_ = survey["sets"]
    lines = []
    for name in order:
        own = [one["rows"][name] for one in sets_.values() if name in one["rows"]]
        seconds = [float(np.mean([row["seconds"][part] for row in own])) for part in PARTS]
        rank = survey["ranks"].get(name)
        lines.append(
            [
                f"`{name}`",
                f"{rank:.1f}" if rank is not None else "–",
                *(f"{value:.2f}" for value in seconds),
                str(sum(row["diverged"] for row in own)),
                str(sum(len(row["seeds"]) for row in own)),
            ]
        )
    friedman = f", Friedman's test p {words.p_value(survey['friedman'])}" if survey["friedman"] is not None else ""
    return (
        "\n### Ranks and seconds\n\n"
        f"The rank of the area, averaged over the {survey['ranked']} sets that all ranked strategies have{friedman}; "
        "seconds of a whole run by part, averaged over sets, in processes of one thread on a shared machine; trainings "
        "whose loss was no number; and runs.\n"
        + table(["Strategy", "Rank", "Training", "Signals", "Selection", "Diverged", "Runs"], lines)
    )


def _controls(survey: Mapping[str, Any]) -> str:
    lines = []
    for key, said in (("controls", "picks, on equal training"), ("trainings", "training, with random picks")):
        pairs = dict.fromkeys((one["one"], one["other"]) for found in survey["sets"].values() for one in found[key])
        for pair in pairs:
            cells = []
            for found in survey["sets"].values():
                gap = next((gap_of(one) for one in found[key] if (one["one"], one["other"]) == pair), None)
                cells.append("–" if gap is None else points(gap))
            lines.append([f"`{pair[0]}` against `{pair[1]}`", said, *cells])
    return (
        "\n### What is the strategy's, and what its training's\n\n"
        "In points of area. What a method has more than random picks *on its own training* is its picks'; what random "
        "picks have more on that training than on the plain one is the training's.\n"
        + table(["", "What it shows", *survey["sets"]], lines, left=2)
    )


def _never(survey: Mapping[str, Any], order: Sequence[str]) -> str:
    tested: dict[str, list[Gap]] = {}
    for name in order:
        found = [against(one, "random").get(name) for one in survey["sets"].values()]
        kept = [gap for gap in found if gap is not None and gap.verdict != "not tested"]
        if kept and " + " not in name:
            tested[name] = kept
    lines = ["\n### What does not beat random\n\n"]
    never = {name: found for name, found in tested.items() if not any(gap.verdict == "above" for gap in found)}
    if not tested:
        return "".join(lines) + "No strategy has two seeds yet, so none is tested.\n"
    lines.append(
        f"Of {len(tested)} strategies that are tested, {len(never)} are above random on no set:\n\n"
        if never
        else f"All {len(tested)} strategies that are tested are above random on one set or more.\n"
    )
    for name, gaps in never.items():
        below = sum(gap.verdict == "below" for gap in gaps)
        lines.append(f"- `{name}`: below on {below} of {len(gaps)}\n")
    best = [name for name, found in tested.items() if all(gap.verdict == "above" for gap in found)]
    lines.append(f"\nAbove random wherever they are tested: {', '.join(f'`{name}`' for name in best) or 'none'}.\n")
    return "".join(lines)


def _read(path: Any) -> dict[str, Any] | None:
    found: dict[str, Any] | None = json.loads(path.read_text("utf-8")) if path.exists() else None
    return found if found and found.get("sets") else None

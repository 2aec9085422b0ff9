"""The claims of DeepAL+ one by one, and its factors: what askance found of each, in words for docs/papers/deepal.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from askance.lab.presets.deepal import STEPS
from askance.reports import words
from benchmarks.deepal import CONTROLS, against
from benchmarks.paired import Rows, beside, gaps, gaps_beside, held, points, score, table

UNCERTAIN = ("least-confidence", "margin", "entropy")
SPREAD = ("k-means", "k-center", "k-center-pca")
BATCH = 50  # of the survey
LATER = ("noise-stability-full", "dynamic-al", "tod")
ABOVE, ALIKE = "above", "not told apart"
CLAIMS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (  # expected, one, other, the verdict expected
    (
        "**2. Uncertainty does better than diversity.**",
        (
            ("Least confidence, margin and entropy above k-means and both k-centers", "uncertain", "spread", ABOVE),
            ("`margin` above random", "margin", "random", ABOVE),
            ("`k-means` below random", "k-means", "random", "below"),
            ("`k-center` not told apart from random", "k-center", "random", ALIKE),
            ("`vaal` not told apart from random", "vaal", "random", ALIKE),
            ("`badge` not told apart from margin", "badge", "margin", ALIKE),
        ),
    ),
    (
        "**3. Dropout makes committees** (here the networks have some).",
        (
            *((f"`consensus-{one}` above `{one}`", f"consensus-{one}", one, ABOVE) for one in UNCERTAIN),
            ("`bald` above random", "bald", "random", ABOVE),
            ("`mean-std` above random", "mean-std", "random", ABOVE),
        ),
    ),
    (
        "**4. More epochs and smaller batches help a little.** See the factors below. Pre-training was not run.",
        (),
    ),
    (
        "**5. BADGE and k-center run out of memory.** Both rules need memory in proportion to the pool here "
        "([Speed](../speed.md)); their seconds are in the table of ranks.",
        (),
    ),
    (
        "**Later methods.**",
        tuple((f"`{one}` above {other}", one, other, ABOVE) for one in LATER for other in ("random", "margin")),
    ),
)


def claims(survey: Mapping[str, Any]) -> str:
    """What came out of each claim, as far as the survey is."""
    where: dict[str, Rows] = {title: {**one["rows"], **_groups(one["rows"])} for title, one in survey["sets"].items()}
    lines = ["\n## The claims, one by one\n\nTested set by set, adjusted by Holm for the sets of a line.\n"]
    lines.append("\n**1. LPL and WAAL lead.**\n\n")
    for name, control in CONTROLS[:2]:
        lines.append(f"- `{name}` comes {_places(survey, name)}.\n")
        lines.append(held(f"`{name}` above margin", beside(where, name, "margin"), ABOVE))
        lines.append(held(f"`{name}` above `{control}`, on equal training", beside(where, name, control), ABOVE))
    lines.append(_whole(survey))
    for claim, expected in CLAIMS:
        lines.append(f"\n{claim}\n\n" if expected else f"\n{claim}\n")
        lines += [held(said, beside(where, one, other), wanted) for said, one, other, wanted in expected]
    lines += [f"\nFailed: {text}\n" for one in survey["sets"].values() for text in one["failed"]]
    return "".join(lines)


def _groups(found: Rows) -> dict[str, Any]:
    """Means of strategies that belong together, seed by seed, as if they were one."""
    made = {}
    for group, names in (("uncertain", UNCERTAIN), ("spread", SPREAD)):
        own = [dict(zip(found[name]["seeds"], found[name]["area"], strict=True)) for name in names if name in found]
        seeds = sorted(set.intersection(*(set(one) for one in own))) if len(own) == len(names) else []
        if seeds:
            made[group] = {"seeds": seeds, "area": [float(np.mean([one[seed] for one in own])) for seed in seeds]}
    return made


def _places(survey: Mapping[str, Any], name: str) -> str:
    """Its place by mean area among strategies that have as many seeds, set by set; one seed gives nobody a place."""
    places = []
    for title, one in survey["sets"].items():
        if name not in one["rows"]:
            continue
        seeds = len(one["rows"][name]["seeds"])
        if seeds < 2:
            continue
        same = {
            n: np.mean(row["area"]) for n, row in one["rows"].items() if len(row["seeds"]) == seeds and " + " not in n
        }
        place = 1 + sum(value > same[name] for value in same.values())
        places.append(f"{place} of {len(same)} on {title}")
    return words.listing(places) if places else "nowhere yet"


def _whole(survey: Mapping[str, Any]) -> str:
    """Whether loss prediction with some labels exceeds the same network with all of them."""
    told = survey.get("whole")
    if not told:
        return "- LPL above training on all labels: not run yet.\n"
    where = {
        title: {"lpl": survey["sets"][title]["rows"]["lpl"], "all": {"seeds": told["seeds"], "final": accuracy}}
        for title, accuracy in told["accuracy"].items()
        if "lpl" in survey["sets"].get(title, {"rows": {}})["rows"]
    }
    lines = []
    for title, gap in gaps_beside(where, "lpl", "all", "final").items():
        one = survey["sets"][title]
        labels, own = one["items"] - one["test"], score(where[title]["all"], "final")
        lines.append(f"{points(gap)} on {title}, where all {labels:,} give {own} ({gap.found.count} of its seeds)")
    return (
        "- LPL in the end against the plain network with the labels of the whole pool and as many steps, in points: "
        f"{'; '.join(lines) or 'not tested yet'}.\n"
    )


def factors(found: Mapping[str, Any] | None) -> str:
    """What batch sizes and steps change; a line where nothing is committed."""
    if not found:
        return (
            "\n## Factors\n\n`askance lab run deepal-factors` varies batch sizes and steps; its results are not "
            "committed yet.\n\n"
        )
    names = [name for name in found["strategies"] if any(name in one["rows"] for one in found["sets"].values())]
    lines = []
    for title, one in found["sets"].items():
        gains = {name: f" ({points(gap)})" for name, gap in against(one, "random", "final").items()}
        own = {name: f"{score(row, 'final')}{gains.get(name, '')}" for name, row in one["rows"].items()}
        seeds = between([len(row["seeds"]) for row in one["rows"].values()])
        lines.append([title, seeds, *(own.get(name, "–") for name in names)])
    return (
        "\n## Factors\n\n`askance lab run deepal-factors` on fashion-mnist, 100 labels at random and then up to 500: "
        f"{found['done']:,} of {found['cells']:,} runs, read on {found['date']}. Accuracy with all labels "
        "bought, and in parentheses what that is above random *under the same condition*, in points.\n"
        + table(["Condition", "Seeds", *(f"`{name}`" for name in names)], lines)
        + _factor(found, names, "batch", lambda one: int(one["batch"]), lambda one: _steps(one) == STEPS)
        + _factor(found, names, "number of steps", _steps, lambda one: int(one["batch"]) == BATCH)
        + "\n"
    )


def _factor(
    told: Mapping[str, Any],
    names: Sequence[str],
    said: str,
    value: Callable[[Mapping[str, Any]], int],
    usual: Callable[[Mapping[str, Any]], bool],
) -> str:
    """The largest value of a factor against the least, all else as in the survey."""
    own = sorted((one for one in told["sets"].values() if usual(one)), key=value)
    if len(own) < 2:
        return ""
    low, high = own[0], own[-1]
    found = []
    for name in names:
        if name in low["rows"] and name in high["rows"]:
            pair = {"low": low["rows"][name], "high": high["rows"][name]}
            found += [f"`{name}` {points(gap)}" for gap in gaps(pair, [("high", "low")], "final")]
    turned = []
    for name in names:
        ends = [against(one, "random", "final").get(name) for one in (low, high)]
        first, last = (gap.verdict if gap else "not tested" for gap in ends)
        if {first, last} == {"above", "below"}:
            turned.append(f"`{name}` is {first} random with {value(low)} and {last} it with {value(high)}")
    return (
        f"\nThe largest {said}, {value(high)}, against the least, {value(low)}, in points at the end, each tested "
        f"alone: {', '.join(found)}.{f' The verdict turns: {words.listing(turned)}.' if turned else ''}\n"
    )


def _steps(one: Mapping[str, Any]) -> int:
    inner = one["network"]
    while "steps" not in inner:
        inner = inner["learner"]
    return int(inner["steps"])


def between(counts: Sequence[int]) -> str:
    """The least and the largest of some counts, or the one that all are."""
    least, most = min(counts), max(counts)
    return str(least) if least == most else f"{least} to {most}"

"""What docs/papers/active-inas.md says, from docs/results/architecture.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from askance.reports import words
from benchmarks.architecture import ASKS, FILE, FIVE, FIXED, RECIPE, RULES, SHAPES, learners
from benchmarks.paired import Gap, gaps, held, points, score, table, tidy

SAID = {
    "small": "fixed, 1 x 1",
    "middle": "fixed, 5 x 2",
    "large": "fixed, 10 x 4",
    "inas": "Active-iNAS, guarded by one standard error",
    "inas, unguarded": "Active-iNAS, as in the paper",
    "random search": "random search, as many trainings",
    "random search, keeping": "random search that keeps the last shape",
    "halving": "successive halving, as many steps",
    "largest that fits": "largest that the labels pay for",
    "ev-gp-ms": "kernel of the untrained network (EV-GP+MS)",
}
SETS = {"digits": "Digits: capacity does little harm", "hard digits": "Hard digits: capacity hurts"}
Rows = Mapping[str, Mapping[str, Any]]
Tested = Mapping[str, Mapping[tuple[str, str], Gap]]  # by data set, and by pair
Expected = tuple[str, str, str, tuple[str, ...]]  # in words, what is to be above what, and on which sets

EASY, HARD, BOTH = ("digits",), ("hard digits",), ("digits", "hard digits")
EXPECTED: tuple[Expected, ...] = (  # what the sheet's small trial, and the paper, say
    ("Active-iNAS above the smallest fixed net", "inas", "small", BOTH),
    ("Random search of as many trainings above Active-iNAS", "random search", "inas", EASY),
    ("The largest fixed net above Active-iNAS", "large", "inas", EASY),
    ("The fixed net between them above Active-iNAS", "middle", "inas", EASY),
    ("The largest fixed net above the smallest", "large", "small", EASY),
    ("Where capacity hurts, Active-iNAS above the largest fixed net", "inas", "large", HARD),
    ("Where capacity hurts, it is above random search", "inas", "random search", HARD),
    ("Guarded above unguarded", "inas", "inas, unguarded", BOTH),
)
MORE: tuple[Expected, ...] = (  # the claims that go beyond one comparison
    *(
        (
            f"Asked by {asks}, Active-iNAS above the fixed net between",
            f"inas{mark}|{name}",
            f"middle{mark}|{name}",
            BOTH,
        )
        for asks, mark, name in (("core-set", "", "k-center"), ("MC-dropout", " + dropout", "bald"))
    ),
    (
        "What Active-iNAS asks for is worth more to a fixed net than what that asks for",
        "middle, trained|inas asks",
        "middle, trained|middle asks",
        BOTH,
    ),
    (
        "Averaged over architectures, more than by their mean beliefs",
        "architectures|averaged",
        f"architectures|{ASKS}",
        BOTH,
    ),
)


def architecture_page() -> str:
    """The page."""
    return page(json.loads(FILE.read_text("utf-8")))


def page(kept: Mapping[str, Any]) -> str:
    """The page of what was measured, however much of it there is."""
    sets = {title: _short(one["rows"]) for title, one in kept["sets"].items()}
    some, tested = kept["settings"], _tested(sets)
    return tidy(
        "# Active-iNAS, and other ways to choose an architecture\n\n"
        "*Deep Active Learning with a Neural Architecture Search* (Geifman & El-Yaniv, NeurIPS 2019): what it claims, "
        "what askance has of it, and what came out.\n\n"
        "## What the paper claims\n\n"
        "A network of fixed size is too large for the first labels and too small for the last ones. So the learner "
        "should begin small and grow: each round it tries to stay, to deepen, or to add a stack, and takes what "
        "answers "
        "held-out labels best. Asked by softmax response, MC-dropout and core-set it is overwhelmingly better "
        "than fixed "
        "nets; and what it asks for is better for a fixed net, too. Its reviewers asked how other ways of searching "
        "compare; the paper does not say.\n\n"
        "## What askance has\n\n"
        "`Searched` is a learner around a family of networks: `Dense` for tables, `Residual` for pictures, A(blocks, "
        "stacks), of which A(2, 4) is ResNet-18. Its rule chooses; `Incremental` is the paper's, with the candidates "
        "(i, j), (i + 1, j) and (⌊ij / (j + 1)⌋ + 1, j + 1), and one more thing, a guard: it moves only if that is "
        "better by one standard error on the same held-out items. `RandomShapes`, `Halving`, `LargestThatFits` and "
        "`KernelChoice` (the model selection of EV-GP+MS, from kernels of untrained networks) stand in its place; the "
        "model's facts count trainings and steps. What is chosen is then trained on all labels from new weights, so a "
        "search that stays is the fixed net to the last bit. With fewer than 100 labels to hold out each is held out "
        "once, in five folds; with fewer labels than folds, or one class, the shape stays. `Through` asks by one "
        "learner "
        "and trains another; `Architectures` and `Averaged` take the mean of what several architectures ask for.\n\n"
        "## What was run\n\n"
        f"{some['initial']} labels at random, then {some['batch']} a round up to {some['budget']}, by softmax "
        "response; "
        f"{some['test']} items held out. Networks of fully connected layers, as many as there are stacks, of 8 "
        "units for "
        f"each block, up to 10 x 4; {some['steps']} steps from new weights, {round(0.25 * some['steps'])} in a trial. "
        "*Hard digits* have 200 features more that say nothing, and a fifth of the labels are another class's, those "
        "held out for the test too: nobody can be right in much more than 80%. *First* and *final* are accuracies with "
        "the first and with all labels, *area* the mean over the labels bought, *depth* blocks times stacks with the "
        "first and with all labels, *search* what the trials of a run took, in whole trainings: nine trainings "
        "come on top. "
        "Differences to Active-iNAS are in points of a hundred, with 95% intervals over paired seeds; bold is "
        "above and "
        "italic below by a paired t-test, adjusted by Holm for all of a data set.\n"
        + "".join(_section(title, sets[title]) for title in SETS if title in sets)
        + "\n## What was expected, and what came out\n\n"
        + "".join(_held(one, tested) for one in (*EXPECTED, *MORE))
        + "\n"
        + "".join(_within(title, sets[title]) for title in EASY if title in sets)
        + "\n## What differs, and why\n\n"
        "- The paper has residual networks on CIFAR and SVHN with 2,000 labels and more, and 200 epochs of a number of "
        "steps that does not depend on the labels; ours has small dense networks on digits. `Residual` is there, "
        "and was "
        "not run in this comparison.\n"
        "- The released code reports the best accuracy over epochs on the test set. Ours looks at held-out labels "
        "alone, "
        "and at five points of a trial.\n"
        "- A trial trains for a quarter of the steps, as in the paper: deeper networks are further from the end "
        "of their "
        "training than shallow ones when they are compared, so what is measured is in part how fast a shape learns.\n"
        "- MC-dropout of the paper drops from a network that never met dropout, and takes the variance of the "
        "likeliest "
        "class. Ours trains with dropout, and asks by BALD.\n"
        "- *Largest that fits* is a reading of ours: the most parameters that are no more than the numbers that the "
        "labels say. So is the average over architectures.\n"
        "- Kernels of EV-GP+MS are scaled to a mean of 1 on their diagonals: else a variance would say how wide a "
        "network is. Its picks (EV-GP) were not part of this comparison; softmax response asked.\n"
        f"- The best fixed net in hindsight is the best of {len(SHAPES)} by the very areas that are shown: an upper "
        "reference that has looked at test data, and no method.\n\n"
        f"Measured on {kept['date']} with askance {kept['versions']['askance']} and torch {kept['versions']['torch']}, "
        f"in one thread of a shared {kept['machine']['processor']}. The rate was chosen on seeds 100 and 101 with 400 "
        "steps, and the noise of the hard digits on seeds 100 to 102, by plain training of five shapes on labels drawn "
        "at random; the 200 steps of this comparison were not tried before it. "
        "`python -m benchmarks.architecture` goes on.\n"
    )


def claims(kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Orders for the table of orders that should hold: what is above what, by how much, and with how many seeds."""
    sets = {title: _short(one["rows"]) for title, one in kept["sets"].items()}
    return [
        {
            "on": f"architecture search, {title}",
            "above": one,
            "below": other,
            **{name: getattr(gap.found, name) for name in ("mean", "low", "high")},
            "p": gap.p,
            "seeds": gap.found.count,
        }
        for _, one, other, where in EXPECTED[:2]
        for title in where
        for gap in gaps(sets.get(title, {}), [(one, other)])
    ]


def _short(found: Rows) -> dict[str, Mapping[str, Any]]:
    """Rows by the name of the learner alone where softmax response asks."""
    return {
        name.removesuffix(f"|{ASKS}") if not name.startswith("architectures") else name: row
        for name, row in found.items()
    }


def _section(title: str, found: Rows) -> str:
    seeds = max((len(row["seeds"]) for row in found.values()), default=0)
    names = [name for name in learners() if name in found]
    tested = {gap.one: gap for gap in gaps(found, [(name, "inas") for name in names if name != "inas"])}
    best = max(_fixed(found), key=lambda name: float(np.mean(found[name]["area"])), default="")
    lines = []
    for name in names:
        if name not in SAID and name != best:
            continue
        row = found[name]
        said = SAID.get(name, f"fixed, {name}") + (" (best of all fixed, in hindsight)" if name == best else "")
        depth = f"{row['depth'][0]:.1f} – {row['depth'][-1]:.1f}" if "depth" in row else "–"
        steps = f"{row['search_steps'] / RECIPE.steps:.0f}" if "search_steps" in row else "–"
        gain = points(tested[name]) if name in tested else "–"
        lines.append([said, *(score(row, what) for what in ("first", "final", "area")), gain, depth, steps])
    heads = ["Learner", "First", "Final", "Area", "Against Active-iNAS", "Depth", "Search"]
    text = f"\n### {SETS[title]}\n\n{_counted(seeds)}\n{table(heads, lines)}"
    return text + _others(found)


def _others(found: Rows) -> str:
    """The other ways of asking, where they have been run."""
    lines = []
    for mark, strategy in (("", "random"), ("", ASKS), ("", "k-center"), (" + dropout", "bald")):
        cells = [found.get(_key(f"{name}{mark}", strategy)) for name in FIVE]
        if any(cells):
            said = {ASKS: "softmax response", "k-center": "core-set", "bald": "MC-dropout (BALD)"}.get(
                strategy, strategy
            )
            lines.append([said, *(score(row) if row else "–" for row in cells)])
    text = table(["Asked by", *FIVE], lines) if len(lines) > 1 else "\nOther ways of asking have not been run yet.\n"
    picks = [(name.partition("|")[2], row) for name, row in found.items() if name.startswith("middle, trained|")]
    if picks:
        text += "\nEnhanced querying: the area of the fixed 5 x 2, by whose picks it was trained.\n"
        text += table(["Picks of", "Area"], [[name.removesuffix(" asks"), score(row)] for name, row in picks])
    return text


def _key(name: str, strategy: str) -> str:
    return name if strategy == ASKS else f"{name}|{strategy}"


def _fixed(found: Rows) -> list[str]:
    """The fixed nets that were run."""
    return [name for name in found if name in FIXED or (name in learners() and name not in RULES)]


def _tested(sets: Mapping[str, Rows]) -> Tested:
    """All that is expected of a data set, tested together."""
    found = {}
    for title, own in sets.items():
        pairs = [(one, other) for _, one, other, where in (*EXPECTED, *MORE) if title in where]
        found[title] = {(gap.one, gap.other): gap for gap in gaps(own, pairs)}
    return found


def _held(expected: Expected, tested: Tested) -> str:
    said, one, other, where = expected
    there = {title: tested[title][one, other] for title in where if (one, other) in tested.get(title, {})}
    return held(said, {title: gap.verdict for title, gap in there.items()}, "above")


def _within(title: str, found: Rows) -> str:
    """Whether the last accuracy is within half a point of the best fixed net, as the sheet asks."""
    fixed = _fixed(found)
    if "inas" not in found or not fixed:
        return ""
    best = max(fixed, key=lambda name: float(np.mean(found[name]["final"])))
    gap: Gap = gaps(found, [("inas", best)], "final")[0]
    short = words.signed(100 * gap.found.mean, 1)
    verdict = "within the half point" if gap.found.mean > -0.005 else "not within the half point"
    return (
        f"With all labels Active-iNAS is at {short} points of the fixed net that ends best ({best}) on {title}, "
        f"{verdict} that was asked for.\n"
    )


def _counted(seeds: int) -> str:
    return f"{seeds} paired seeds." if seeds > 1 else f"{seeds} seed so far, which is no test."
